-- As the version before senders' own ids left it: what test_upgraded_names.py opened, with their texts sent.
BEGIN TRANSACTION;
CREATE TABLE agenda (
        incident_id bigint not null,
        receiver text not null,
        what text not null,
        nth integer not null,
        due_at bigint not null,
        every bigint not null,
        primary key (incident_id, receiver, what)
    );
INSERT INTO "agenda" VALUES(1,'oncall','remind',1,1795363200000000,14400000000);
INSERT INTO "agenda" VALUES(2,'oncall','remind',1,1795363230000000,14400000000);
INSERT INTO "agenda" VALUES(3,'oncall','remind',1,1795363260000000,14400000000);
INSERT INTO "agenda" VALUES(5,'oncall','remind',1,1795363350000000,14400000000);
INSERT INTO "agenda" VALUES(6,'oncall','remind',1,1795363350000000,14400000000);
CREATE TABLE alerts (
        id integer primary key,
        received_at bigint not null,
        node text not null,
        source text not null,
        fingerprint text not null,
        status text not null,
        reason text not null,
        incident_id bigint,
        group_key text not null,
        labels text,
        annotations text,
        starts_at bigint,
        ends_at bigint,
        routes text
    , once integer not null default 0);
INSERT INTO "alerts" VALUES(1,1795348800000000,'node','grafana','00000000000000ab','firing','first',1,'','{"alertname":"Cpu","instance":"a","severity":"critical"}','{}',1795348800000000,NULL,'route -> oncall',0);
INSERT INTO "alerts" VALUES(2,1795348830000000,'node','alerts','9289909769abcc08','firing','first',2,'','{"alertname":"Disk","host":"db1","severity":"critical"}','{"summary":"CPU"}',NULL,NULL,'route -> oncall',0);
INSERT INTO "alerts" VALUES(3,1795348860000000,'node','alerts','e3b0c44298fc1c14','firing','first',3,'','{"severity":"critical"}','{"summary":"A is down"}',NULL,NULL,'route -> oncall',0);
INSERT INTO "alerts" VALUES(4,1795348890000000,'node','alerts','e0f9ff54c482d4f8','firing','first',4,'','{"alertname":"Fan","host":"db2","severity":"critical"}','{}',NULL,NULL,'route -> oncall',0);
INSERT INTO "alerts" VALUES(5,1795348920000000,'node','alerts','d49393f00363b207','firing','first',5,'','{"alertname":"Load","host":"web1","severity":"critical","team":"shared"}','{}',NULL,NULL,'route.routes[0] -> oncall',0);
INSERT INTO "alerts" VALUES(6,1795348950000000,'node','alertmanager','00000000000000cd','firing','first',6,'','{"alertname":"Up","severity":"critical"}','{}',1795348800000000,NULL,'route -> oncall',0);
CREATE TABLE attempts (
        id integer primary key,
        message_id bigint not null,
        n integer not null,
        gateway text not null,
        node text not null,
        reference text not null unique,
        started_at bigint not null,
        ended_at bigint,
        fate text,
        reason text,
        code integer,
        smsid text,
        detail text
    , number text not null default '', lane text not null default 'free', parts integer not null default 0);
INSERT INTO "attempts" VALUES(1,1,1,'main','node','old1',1795348800000000,1795348800000000,'sent','ok',NULL,'1','','+32470000001','critical',1);
INSERT INTO "attempts" VALUES(2,2,1,'main','node','old2',1795348800000000,1795348800000000,'sent','ok',NULL,'2','','+31612345678','critical',1);
INSERT INTO "attempts" VALUES(3,3,1,'main','node','old34',1795348830000000,1795348830000000,'sent','ok',NULL,'3','','+32470000001','critical',1);
INSERT INTO "attempts" VALUES(4,4,1,'main','node','old35',1795348830000000,1795348830000000,'sent','ok',NULL,'4','','+31612345678','critical',1);
INSERT INTO "attempts" VALUES(5,5,1,'main','node','old67',1795348860000000,1795348860000000,'sent','ok',NULL,'5','','+32470000001','critical',1);
INSERT INTO "attempts" VALUES(6,6,1,'main','node','old68',1795348860000000,1795348860000000,'sent','ok',NULL,'6','','+31612345678','critical',1);
INSERT INTO "attempts" VALUES(7,7,1,'main','node','old100',1795348890000000,1795348890000000,'sent','ok',NULL,'7','','+32470000001','critical',1);
INSERT INTO "attempts" VALUES(8,8,1,'main','node','old101',1795348890000000,1795348890000000,'sent','ok',NULL,'8','','+31612345678','critical',1);
INSERT INTO "attempts" VALUES(9,9,1,'main','node','old163',1795348950000000,1795348950000000,'sent','ok',NULL,'9','','+31612345678','critical',1);
INSERT INTO "attempts" VALUES(10,10,1,'main','node','old164',1795348950000000,1795348950000000,'sent','ok',NULL,'10','','+32470000001','critical',1);
INSERT INTO "attempts" VALUES(11,11,1,'main','node','old166',1795348950000000,1795348950000000,'sent','ok',NULL,'11','','+32470000001','critical',1);
INSERT INTO "attempts" VALUES(12,12,1,'main','node','old167',1795348950000000,1795348950000000,'sent','ok',NULL,'12','','+31612345678','critical',1);
CREATE TABLE balances (
        gateway text primary key,
        credits bigint not null,
        at bigint not null
    );
CREATE TABLE breakers (
        gateway text not null,
        scope text not null,
        subject text not null,
        opened_at bigint,
        ends_at bigint,
        failures integer not null,
        first_at bigint not null,
        reason text not null,
        code integer,
        probe_at bigint,
        probe_every bigint,
        probe_cap bigint,
        probes integer not null,
        primary key (gateway, scope, subject)
    );
CREATE TABLE calendars (
        schedule text primary key,
        body blob not null,
        read_at bigint not null
    );
CREATE TABLE configured (
        what text not null,
        name text not null,
        value text not null,
        primary key (what, name, value)
    );
CREATE TABLE decisions (
        id integer primary key,
        at bigint not null,
        node text not null,
        incident_id bigint,
        word text not null,
        receiver text not null,
        nth integer not null,
        detail text not null
    );
INSERT INTO "decisions" VALUES(1,1795348980000000,'node',4,'acknowledged','',0,'by alice (command)');
CREATE TABLE groups (
        name text primary key,
        flush_at bigint not null
    );
INSERT INTO "groups" VALUES('route oncall e3b0c44298fc1c14',1795348950000000);
INSERT INTO "groups" VALUES('route.routes[0] oncall e3b0c44298fc1c14',1795348950000000);
CREATE TABLE handed (
        name text primary key,
        taken_at bigint not null
    );
CREATE TABLE holders (
        schedule text primary key,
        person text not null,
        since bigint not null
    );
CREATE TABLE holds (
        number text not null,
        lane text not null,
        scope text not null,
        since bigint not null,
        until bigint not null,
        announced integer not null,
        primary key (number, lane)
    );
CREATE TABLE incidents (
        id integer primary key,
        source text not null,
        fingerprint text not null,
        state text not null,
        severity text not null,
        labels text not null,
        annotations text not null,
        starts_at bigint,
        opened_at bigint not null,
        last_seen_at bigint not null,
        ended_at bigint,
        closed_at bigint
    , acked_at bigint, acked_by text not null default '', acked_how text not null default '', flapping integer not null default 0, raised integer not null default 0, level text not null default '', milder_since bigint, routed_by text not null default '', worst text not null default '', began text not null default '', repeats integer not null default 0, gap bigint not null default 0, acked_ref text not null default '', acked_made_at bigint, ack_until bigint, closed_by text not null default '');
INSERT INTO "incidents" VALUES(1,'grafana','00000000000000ab','open','critical','{"alertname":"Cpu","instance":"a","severity":"critical"}','{}',1795348800000000,1795348800000000,1795348800000000,NULL,NULL,NULL,'','',0,0,'',NULL,'','','',1,0,'',NULL,NULL,'');
INSERT INTO "incidents" VALUES(2,'alerts','9289909769abcc08','open','critical','{"alertname":"Disk","host":"db1","severity":"critical"}','{"summary":"CPU"}',NULL,1795348830000000,1795348830000000,NULL,NULL,NULL,'','',0,0,'',NULL,'','','',0,0,'',NULL,NULL,'');
INSERT INTO "incidents" VALUES(3,'alerts','e3b0c44298fc1c14','open','critical','{"severity":"critical"}','{"summary":"A is down"}',NULL,1795348860000000,1795348860000000,NULL,NULL,NULL,'','',0,0,'',NULL,'','','',0,0,'',NULL,NULL,'');
INSERT INTO "incidents" VALUES(4,'alerts','e0f9ff54c482d4f8','acknowledged','critical','{"alertname":"Fan","host":"db2","severity":"critical"}','{}',NULL,1795348890000000,1795348890000000,NULL,NULL,1795348980000000,'alice','command',0,0,'',NULL,'','','',0,0,'',NULL,NULL,'');
INSERT INTO "incidents" VALUES(5,'dedup','caeab4ccfbeca406','open','critical','{"alertname":"Load","host":"web1","severity":"critical","team":"shared"}','{}',NULL,1795348920000000,1795348920000000,NULL,NULL,NULL,'','',0,0,'',NULL,'','','',0,0,'',NULL,NULL,'');
INSERT INTO "incidents" VALUES(6,'alertmanager','00000000000000cd','open','critical','{"alertname":"Up","severity":"critical"}','{}',1795348800000000,1795348950000000,1795348950000000,NULL,NULL,NULL,'','',0,0,'',NULL,'','','',1,0,'',NULL,NULL,'');
CREATE TABLE ledger (
        id integer primary key,
        at bigint not null,
        node text not null,
        message_id bigint not null,
        state text not null,
        reason text not null,
        code integer,
        gateway text not null,
        severity text not null,
        parts integer not null,
        seconds double precision,
        detail text not null
    );
INSERT INTO "ledger" VALUES(1,1795348800000000,'node',1,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(2,1795348800000000,'node',2,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(3,1795348800000000,'node',1,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(4,1795348800000000,'node',1,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(5,1795348800000000,'node',1,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(6,1795348800000000,'node',2,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(7,1795348800000000,'node',2,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(8,1795348800000000,'node',2,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(9,1795348830000000,'node',3,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(10,1795348830000000,'node',4,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(11,1795348830000000,'node',3,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(12,1795348830000000,'node',3,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(13,1795348830000000,'node',3,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(14,1795348830000000,'node',4,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(15,1795348830000000,'node',4,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(16,1795348830000000,'node',4,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(17,1795348860000000,'node',5,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(18,1795348860000000,'node',6,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(19,1795348860000000,'node',5,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(20,1795348860000000,'node',5,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(21,1795348860000000,'node',5,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(22,1795348860000000,'node',6,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(23,1795348860000000,'node',6,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(24,1795348860000000,'node',6,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(25,1795348890000000,'node',7,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(26,1795348890000000,'node',8,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(27,1795348890000000,'node',7,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(28,1795348890000000,'node',7,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(29,1795348890000000,'node',7,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(30,1795348890000000,'node',8,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(31,1795348890000000,'node',8,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(32,1795348890000000,'node',8,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(33,1795348950000000,'node',9,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(34,1795348950000000,'node',10,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(35,1795348950000000,'node',9,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(36,1795348950000000,'node',9,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(37,1795348950000000,'node',9,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(38,1795348950000000,'node',10,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(39,1795348950000000,'node',10,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(40,1795348950000000,'node',10,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(41,1795348950000000,'node',11,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(42,1795348950000000,'node',12,'queued','alert',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(43,1795348950000000,'node',11,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(44,1795348950000000,'node',11,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(45,1795348950000000,'node',11,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(46,1795348950000000,'node',12,'submitting','claimed',NULL,'main','critical',1,NULL,'');
INSERT INTO "ledger" VALUES(47,1795348950000000,'node',12,'sent','ok',NULL,'main','critical',1,0.0,'');
INSERT INTO "ledger" VALUES(48,1795348950000000,'node',12,'no_report','reports_off',NULL,'main','critical',1,NULL,'');
CREATE TABLE members (
        incident_id bigint not null,
        source text not null,
        fingerprint text not null,
        starts_at bigint,
        ended_at bigint,
        opened_at bigint not null,
        closed_at bigint,
        last_seen_at bigint not null, labels text not null default '{}', annotations text not null default '{}', severity text not null default 'other',
        primary key (incident_id, source, fingerprint)
    );
INSERT INTO "members" VALUES(5,'alerts','d49393f00363b207',NULL,NULL,1795348920000000,NULL,1795348920000000,'{"alertname":"Load","host":"web1","severity":"critical","team":"shared"}','{}','critical');
CREATE TABLE messages (
        id integer primary key,
        kind text not null,
        receiver text not null,
        recipient text not null,
        number text not null,
        severity text not null,
        gateway text not null,
        body text not null,
        parts integer not null,
        state text not null,
        attempts integer not null,
        ambiguous integer not null,
        reference text,
        smsid text,
        not_before bigint not null,
        expires_at bigint not null,
        lease_until bigint,
        lease_by text,
        poll_at bigint,
        polls integer not null,
        created_at bigint not null,
        sent_at bigint,
        updated_at bigint not null,
        rank integer not null
    , recuts integer not null default 0, sender text not null default '', confirmed_at bigint, lane text not null default 'free', ack_code text);
INSERT INTO "messages" VALUES(1,'firing','oncall','alice','+32470000001','critical','main','FIRING critical Cpu a since 13:00 #snsb',1,'no_report',1,0,'old1','1',1795348800000000,1795363200000000,NULL,'node',NULL,0,1795348800000000,1795348800000000,1795348800000000,0,0,'ACME',NULL,'critical',NULL);
INSERT INTO "messages" VALUES(2,'firing','oncall','bob','+31612345678','critical','main','FIRING critical Cpu a since 13:00 #snsb',1,'no_report',1,0,'old2','2',1795348800000000,1795363200000000,NULL,'node',NULL,0,1795348800000000,1795348800000000,1795348800000000,0,0,'ACME',NULL,'critical',NULL);
INSERT INTO "messages" VALUES(3,'firing','oncall','alice','+32470000001','critical','main','FIRING critical Disk db1: CPU since 13:00 #gy8c',1,'no_report',1,0,'old34','3',1795348830000000,1795363230000000,NULL,'node',NULL,0,1795348830000000,1795348830000000,1795348830000000,0,0,'ACME',NULL,'critical',NULL);
INSERT INTO "messages" VALUES(4,'firing','oncall','bob','+31612345678','critical','main','FIRING critical Disk db1: CPU since 13:00 #gy8c',1,'no_report',1,0,'old35','4',1795348830000000,1795363230000000,NULL,'node',NULL,0,1795348830000000,1795348830000000,1795348830000000,0,0,'ACME',NULL,'critical',NULL);
INSERT INTO "messages" VALUES(5,'firing','oncall','alice','+32470000001','critical','main','FIRING critical A is down since 13:01 #zbqd',1,'no_report',1,0,'old67','5',1795348860000000,1795363260000000,NULL,'node',NULL,0,1795348860000000,1795348860000000,1795348860000000,0,0,'ACME',NULL,'critical',NULL);
INSERT INTO "messages" VALUES(6,'firing','oncall','bob','+31612345678','critical','main','FIRING critical A is down since 13:01 #zbqd',1,'no_report',1,0,'old68','6',1795348860000000,1795363260000000,NULL,'node',NULL,0,1795348860000000,1795348860000000,1795348860000000,0,0,'ACME',NULL,'critical',NULL);
INSERT INTO "messages" VALUES(7,'firing','oncall','alice','+32470000001','critical','main','FIRING critical Fan db2 since 13:01 #rp6e',1,'no_report',1,0,'old100','7',1795348890000000,1795363290000000,NULL,'node',NULL,0,1795348890000000,1795348890000000,1795348890000000,0,0,'ACME',NULL,'critical',NULL);
INSERT INTO "messages" VALUES(8,'firing','oncall','bob','+31612345678','critical','main','FIRING critical Fan db2 since 13:01 #rp6e',1,'no_report',1,0,'old101','8',1795348890000000,1795363290000000,NULL,'node',NULL,0,1795348890000000,1795348890000000,1795348890000000,0,0,'ACME',NULL,'critical',NULL);
INSERT INTO "messages" VALUES(9,'firing','oncall','bob','+31612345678','critical','main','FIRING critical Load web1 since 13:02 #f2nf',1,'no_report',1,0,'old163','9',1795348950000000,1795363350000000,NULL,'node',NULL,0,1795348950000000,1795348950000000,1795348950000000,0,0,'ACME',NULL,'critical',NULL);
INSERT INTO "messages" VALUES(10,'firing','oncall','alice','+32470000001','critical','main','FIRING critical Load web1 since 13:02 #f2nf',1,'no_report',1,0,'old164','10',1795348950000000,1795363350000000,NULL,'node',NULL,0,1795348950000000,1795348950000000,1795348950000000,0,0,'ACME',NULL,'critical',NULL);
INSERT INTO "messages" VALUES(11,'firing','oncall','alice','+32470000001','critical','main','FIRING critical Up since 13:00 #yc4g',1,'no_report',1,0,'old166','11',1795348950000000,1795363350000000,NULL,'node',NULL,0,1795348950000000,1795348950000000,1795348950000000,0,0,'ACME',NULL,'critical',NULL);
INSERT INTO "messages" VALUES(12,'firing','oncall','bob','+31612345678','critical','main','FIRING critical Up since 13:00 #yc4g',1,'no_report',1,0,'old167','12',1795348950000000,1795363350000000,NULL,'node',NULL,0,1795348950000000,1795348950000000,1795348950000000,0,0,'ACME',NULL,'critical',NULL);
CREATE TABLE overrides (
        id integer primary key,
        schedule text not null,
        person text not null,
        starts_at bigint not null,
        ends_at bigint not null,
        created_at bigint not null,
        created_by text not null
    );
CREATE TABLE pages (
        id integer primary key,
        incident_id bigint not null,
        number text not null,
        kind text not null,
        nth integer not null,
        recipient text not null,
        receiver text not null,
        lane text not null,
        bundle text not null,
        state text not null,
        why text not null,
        held_by text not null,
        hidden integer not null,
        created_at bigint not null,
        due_at bigint not null,
        message_id bigint
    , again_of bigint, failures integer not null default 0);
INSERT INTO "pages" VALUES(1,1,'+32470000001','firing',0,'alice','oncall','critical','route oncall e3b0c44298fc1c14','told','group_wait','group_wait',0,1795348800000000,1795348800000000,1,NULL,0);
INSERT INTO "pages" VALUES(2,1,'+31612345678','firing',0,'bob','oncall','critical','route oncall e3b0c44298fc1c14','told','group_wait','group_wait',0,1795348800000000,1795348800000000,2,NULL,0);
INSERT INTO "pages" VALUES(3,2,'+32470000001','firing',0,'alice','oncall','critical','route oncall e3b0c44298fc1c14','told','group_wait','group_interval',0,1795348830000000,1795348830000000,3,NULL,0);
INSERT INTO "pages" VALUES(4,2,'+31612345678','firing',0,'bob','oncall','critical','route oncall e3b0c44298fc1c14','told','group_wait','group_interval',0,1795348830000000,1795348830000000,4,NULL,0);
INSERT INTO "pages" VALUES(5,3,'+32470000001','firing',0,'alice','oncall','critical','route oncall e3b0c44298fc1c14','told','group_wait','group_interval',0,1795348860000000,1795348860000000,5,NULL,0);
INSERT INTO "pages" VALUES(6,3,'+31612345678','firing',0,'bob','oncall','critical','route oncall e3b0c44298fc1c14','told','group_wait','group_interval',0,1795348860000000,1795348860000000,6,NULL,0);
INSERT INTO "pages" VALUES(7,4,'+32470000001','firing',0,'alice','oncall','critical','route oncall e3b0c44298fc1c14','told','group_wait','group_interval',0,1795348890000000,1795348890000000,7,NULL,0);
INSERT INTO "pages" VALUES(8,4,'+31612345678','firing',0,'bob','oncall','critical','route oncall e3b0c44298fc1c14','told','group_wait','group_interval',0,1795348890000000,1795348890000000,8,NULL,0);
INSERT INTO "pages" VALUES(9,5,'+32470000001','firing',0,'alice','oncall','critical','route.routes[0] oncall e3b0c44298fc1c14','told','group_wait','group_wait',0,1795348920000000,1795348950000000,10,NULL,0);
INSERT INTO "pages" VALUES(10,5,'+31612345678','firing',0,'bob','oncall','critical','route.routes[0] oncall e3b0c44298fc1c14','told','group_wait','group_wait',0,1795348920000000,1795348950000000,9,NULL,0);
INSERT INTO "pages" VALUES(11,6,'+32470000001','firing',0,'alice','oncall','critical','route oncall e3b0c44298fc1c14','told','group_wait','group_interval',0,1795348950000000,1795348950000000,11,NULL,0);
INSERT INTO "pages" VALUES(12,6,'+31612345678','firing',0,'bob','oncall','critical','route oncall e3b0c44298fc1c14','told','group_wait','group_interval',0,1795348950000000,1795348950000000,12,NULL,0);
CREATE TABLE scheduled (
        id integer primary key,
        gateway text not null,
        outboxid text,
        recipient text not null,
        number text not null,
        body text not null,
        due_at bigint not null,
        created_at bigint not null,
        removed_at bigint
    );
CREATE TABLE silences (
        incident_id bigint primary key,
        alertmanager text not null,
        silence_id text not null,
        created_at bigint not null
    );
CREATE TABLE tried (
        message_id bigint not null,
        page_id bigint not null,
        primary key (message_id, page_id)
    );
CREATE TABLE troubles (
        id text primary key,
        level text not null,
        gateway text not null,
        what text not null,
        advice text not null,
        times integer not null,
        opened_at bigint not null,
        tell_at bigint not null,
        told_at bigint,
        tries integer not null,
        closed_at bigint
    );
CREATE UNIQUE INDEX incidents_one_open on incidents (source, fingerprint) where closed_at is null;
CREATE INDEX incidents_latest on incidents (source, fingerprint, id);
CREATE INDEX alerts_incident on alerts (incident_id);
CREATE INDEX messages_due on messages (gateway, rank, not_before, id) where state = 'queued';
CREATE INDEX messages_expiring on messages (expires_at) where state = 'queued';
CREATE INDEX messages_busy on messages (number) where state = 'submitting';
CREATE INDEX messages_leased on messages (lease_until) where state = 'submitting';
CREATE INDEX messages_unknown on messages (updated_at) where state = 'unknown';
CREATE INDEX messages_sent on messages (sent_at) where state = 'sent';
CREATE INDEX messages_buffered on messages (sent_at) where state = 'buffered';
CREATE INDEX messages_polled on messages (poll_at) where poll_at is not null;
CREATE UNIQUE INDEX messages_smsid on messages (gateway, smsid) where smsid is not null;
CREATE INDEX attempts_message on attempts (message_id);
CREATE INDEX ledger_message on ledger (message_id);
CREATE INDEX troubles_untold on troubles (tell_at) where told_at is null and closed_at is null;
CREATE INDEX messages_behind on messages (number, lane) where state = 'queued';
CREATE UNIQUE INDEX messages_ack on messages (ack_code) where ack_code is not null;
CREATE INDEX attempts_number on attempts (number, lane, started_at);
CREATE INDEX attempts_started on attempts (started_at);
CREATE VIEW departures as select message_id, gateway, number, lane, parts, started_at from attempts
      where fate is null or fate in ('sent', 'unknown');
CREATE UNIQUE INDEX pages_once on pages (incident_id, number, kind, nth);
CREATE INDEX pages_message on pages (message_id);
CREATE INDEX pages_due on pages (due_at) where state = 'held';
CREATE INDEX pages_held on pages (number, lane, due_at) where state = 'held';
CREATE INDEX groups_flush on groups (flush_at);
CREATE INDEX agenda_due on agenda (what, due_at);
CREATE INDEX decisions_incident on decisions (incident_id) where incident_id is not null;
CREATE INDEX overrides_end on overrides (ends_at);
CREATE INDEX handed_taken on handed (taken_at);
CREATE INDEX members_key on members (source, fingerprint, incident_id);
CREATE INDEX members_quiet on members (last_seen_at) where closed_at is null;
CREATE INDEX alerts_told on alerts (incident_id, id) where labels is not null;
CREATE VIEW by_source as
      select id, source, fingerprint, labels, opened_at, last_seen_at, closed_at, acked_at, acked_by, acked_how
        from incidents where source <> 'dedup'
      union all
      select i.id, m.source, m.fingerprint, coalesce((select a.labels from alerts a where a.incident_id = i.id
          and a.labels is not null and a.source = m.source and a.fingerprint = m.fingerprint order by a.id desc limit 1),
          i.labels), i.opened_at, m.last_seen_at, i.closed_at, i.acked_at, i.acked_by, i.acked_how
        from incidents i join members m on m.incident_id = i.id where m.closed_at is null;
CREATE INDEX alerts_early_ends on alerts (source, fingerprint, received_at)
      where status = 'resolved' and reason in ('duplicate', 'never_fired');
CREATE INDEX incidents_quiet on incidents (last_seen_at) where closed_at is null and repeats = 1 and state <> 'unheard';
CREATE INDEX tried_page on tried (page_id);
CREATE INDEX pages_unconfirmed on pages (number, lane) where state = 'held' and why = 'unconfirmed';
CREATE INDEX incidents_acks on incidents (ack_until) where ack_until is not null and closed_at is null;
COMMIT;
pragma user_version = 6;

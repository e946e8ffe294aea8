"""The tables, as numbered migrations. A migration, once released, is never edited; a new one is added below it.

Times are microseconds since 1970 UTC as integers: exact, sortable and the same in every database. Texts compare byte by byte,
as SQLite has it; in PostgreSQL that is `collate "C"`.
"""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    create table incidents (
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
    );
    create unique index incidents_one_open on incidents (source, fingerprint) where closed_at is null;
    create index incidents_latest on incidents (source, fingerprint, id);
    create index incidents_quiet on incidents (last_seen_at) where closed_at is null;

    create table alerts (
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
    );
    create index alerts_incident on alerts (incident_id);

    create table messages (
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
    );
    create index messages_due on messages (gateway, rank, not_before, id) where state = 'queued';
    create index messages_expiring on messages (expires_at) where state = 'queued';
    create index messages_busy on messages (number) where state = 'submitting';
    create index messages_leased on messages (lease_until) where state = 'submitting';
    create index messages_unknown on messages (updated_at) where state = 'unknown';
    create index messages_sent on messages (sent_at) where state = 'sent';
    create index messages_buffered on messages (sent_at) where state = 'buffered';
    create index messages_polled on messages (poll_at) where poll_at is not null;
    create unique index messages_smsid on messages (gateway, smsid) where smsid is not null;

    create table pages (
        incident_id bigint not null,
        number text not null,
        kind text not null,
        message_id bigint not null,
        primary key (incident_id, number, kind)
    );
    create index pages_message on pages (message_id);

    create table attempts (
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
    );
    create index attempts_message on attempts (message_id);

    create table ledger (
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
    create index ledger_message on ledger (message_id);
    """,
    """
    create table breakers (
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

    create table troubles (
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
    create index troubles_untold on troubles (tell_at) where told_at is null and closed_at is null;

    alter table messages add column recuts integer not null default 0;
    alter table messages add column sender text not null default '';
    alter table messages add column confirmed_at bigint;

    create table scheduled (
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
    """,
    """
    alter table incidents add column acked_at bigint;
    alter table incidents add column acked_by text not null default '';
    alter table incidents add column acked_how text not null default '';
    alter table incidents add column flapping integer not null default 0;
    alter table incidents add column raised integer not null default 0;

    alter table messages add column lane text not null default 'free';
    alter table messages add column ack_code text;
    create index messages_behind on messages (number, lane) where state = 'queued';
    create unique index messages_ack on messages (ack_code) where ack_code is not null;

    alter table attempts add column number text not null default '';
    alter table attempts add column lane text not null default 'free';
    alter table attempts add column parts integer not null default 0;
    create index attempts_number on attempts (number, lane, started_at);
    create index attempts_started on attempts (started_at);
    create view departures as select message_id, gateway, number, lane, parts, started_at from attempts
      where fate is null or fate in ('sent', 'unknown');

    alter table pages rename to pages_before;
    drop index pages_message;
    create table pages (
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
    );
    insert into pages (incident_id, number, kind, nth, recipient, receiver, lane, bundle, state, why, held_by, hidden,
        created_at, due_at, message_id)
      select p.incident_id, p.number, p.kind, 0, m.recipient, m.receiver, 'free', '', 'told', 'now', '', 0, m.created_at,
        m.created_at, p.message_id from pages_before p join messages m on m.id = p.message_id;
    drop table pages_before;
    create unique index pages_once on pages (incident_id, number, kind, nth);
    create index pages_message on pages (message_id);
    create index pages_due on pages (due_at) where state = 'held';
    create index pages_held on pages (number, lane, due_at) where state = 'held';

    create table holds (
        number text not null,
        lane text not null,
        scope text not null,
        since bigint not null,
        until bigint not null,
        announced integer not null,
        primary key (number, lane)
    );

    create table groups (
        name text primary key,
        flush_at bigint not null
    );
    create index groups_flush on groups (flush_at);

    create table agenda (
        incident_id bigint not null,
        receiver text not null,
        what text not null,
        nth integer not null,
        due_at bigint not null,
        every bigint not null,
        primary key (incident_id, receiver, what)
    );
    create index agenda_due on agenda (what, due_at);

    create table decisions (
        id integer primary key,
        at bigint not null,
        node text not null,
        incident_id bigint,
        word text not null,
        receiver text not null,
        nth integer not null,
        detail text not null
    );
    create index decisions_incident on decisions (incident_id) where incident_id is not null;

    create table overrides (
        id integer primary key,
        schedule text not null,
        person text not null,
        starts_at bigint not null,
        ends_at bigint not null,
        created_at bigint not null,
        created_by text not null
    );
    create index overrides_end on overrides (ends_at);

    create table holders (
        schedule text primary key,
        person text not null,
        since bigint not null
    );

    create table calendars (
        schedule text primary key,
        body blob not null,
        read_at bigint not null
    );

    create table balances (
        gateway text primary key,
        credits bigint not null,
        at bigint not null
    );

    create table handed (
        name text primary key,
        taken_at bigint not null
    );
    create index handed_taken on handed (taken_at);

    create table members (
        incident_id bigint not null,
        source text not null,
        fingerprint text not null,
        starts_at bigint,
        ended_at bigint,
        opened_at bigint not null,
        closed_at bigint,
        last_seen_at bigint not null,
        primary key (incident_id, source, fingerprint)
    );
    create index members_key on members (source, fingerprint, incident_id);
    create index members_quiet on members (last_seen_at) where closed_at is null;
    create index alerts_told on alerts (incident_id, id) where labels is not null;
    alter table alerts add column once integer not null default 0;
    -- Each incident as its source knows it, a shared one once for each alert of it that has not ended.
    create view by_source as
      select id, source, fingerprint, labels, opened_at, last_seen_at, closed_at, acked_at, acked_by, acked_how
        from incidents where source <> 'dedup'
      union all
      select i.id, m.source, m.fingerprint, coalesce((select a.labels from alerts a where a.incident_id = i.id
          and a.labels is not null and a.source = m.source and a.fingerprint = m.fingerprint order by a.id desc limit 1),
          i.labels), i.opened_at, m.last_seen_at, i.closed_at, i.acked_at, i.acked_by, i.acked_how
        from incidents i join members m on m.incident_id = i.id where m.closed_at is null;

    create table silences (
        incident_id bigint primary key,
        alertmanager text not null,
        silence_id text not null,
        created_at bigint not null
    );
    """,
    # What an incident is now beside what it was at worst, and what counts as flapping. What has been closed because
    # nothing was heard of it stays closed, under the new word.
    """
    alter table incidents add column level text not null default '';
    alter table incidents add column milder_since bigint;
    alter table incidents add column routed_by text not null default '';
    alter table incidents add column worst text not null default '';
    alter table incidents add column began text not null default '';
    alter table incidents add column repeats integer not null default 0;
    alter table incidents add column gap bigint not null default 0;
    update incidents set flapping = 0 where closed_at is null;
    update incidents set repeats = 1 where source in ('alertmanager', 'grafana');
    create index alerts_early_ends on alerts (source, fingerprint, received_at)
      where status = 'resolved' and reason in ('duplicate', 'never_fired');
    drop index incidents_quiet;
    create index incidents_quiet on incidents (last_seen_at) where closed_at is null and repeats = 1 and state <> 'unheard';
    alter table members add column labels text not null default '{}';
    alter table members add column annotations text not null default '{}';
    alter table members add column severity text not null default 'other';
    update members set labels = (select i.labels from incidents i where i.id = members.incident_id),
      annotations = (select i.annotations from incidents i where i.id = members.incident_id),
      severity = (select i.severity from incidents i where i.id = members.incident_id);
    update incidents set state = 'unheard' where state = 'stale';
    update alerts set reason = 'held_copy' where reason = 'stale' and status = 'firing';
    update alerts set reason = 'old_end' where reason = 'stale';
    """,
    """
    alter table pages add column again_of bigint;
    alter table pages add column failures integer not null default 0;
    -- The texts that were to tell something which another text tells by now, or will.
    create table tried (
        message_id bigint not null,
        page_id bigint not null,
        primary key (message_id, page_id)
    );
    create index tried_page on tried (page_id);
    create index pages_unconfirmed on pages (number, lane) where state = 'held' and why = 'unconfirmed';

    -- What the configuration that ran last said: the numbers of people, whom receivers notify, how many steps they have.
    create table configured (
        what text not null,
        name text not null,
        value text not null,
        primary key (what, name, value)
    );
    """,
    """
    alter table incidents add column acked_ref text not null default '';
    alter table incidents add column acked_made_at bigint;
    alter table incidents add column ack_until bigint;
    alter table incidents add column closed_by text not null default '';
    create index incidents_acks on incidents (ack_until) where ack_until is not null and closed_at is null;
    """,
    # By what senders know their alerts, and which incidents that may go on have a name of an earlier version. All sentences
    # without a label had one name, e3b0c44298fc1c14: nothing ends them, so nobody is reminded of them, and they close.
    """
    alter table incidents add column former integer not null default 0;
    update incidents set former = 1 where closed_at is null or state = 'closed'
        or closed_at > (select max(last_seen_at) from incidents) - 600000000;
    delete from agenda where what = 'remind' and incident_id in
        (select id from incidents where closed_at is null and fingerprint = 'e3b0c44298fc1c14');
    insert into agenda (incident_id, receiver, what, nth, due_at, every)
        select id, '', 'calm', 0, opened_at + 86400000000, 0 from incidents
        where closed_at is null and flapping = 0 and fingerprint = 'e3b0c44298fc1c14';
    create table own_ids (id integer primary key, source text not null, alike text not null, name text not null,
        fingerprint text not null, words text not null, proven integer not null);
    create unique index own_ids_alike on own_ids (source, alike, name);
    create index own_ids_name on own_ids (source, name);
    """,
)

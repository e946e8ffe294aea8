"""The migrations that followed the first tables (`schema.py`): what the rules of who must know what have added.

One that was released is never edited; a new one is added at the end.
"""

from __future__ import annotations

LATER: tuple[str, ...] = (
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
    # What each reader believes of each problem, once from what may have arrived: an end that nobody was texted, and that
    # waits no more, counts as said, so that no text comes of the upgrade.
    """
    create table beliefs (
        source text not null,
        fingerprint text not null,
        reader text not null,
        number text not null,
        belief text not null,
        incident_id bigint not null,
        said_by bigint not null,
        at bigint not null,
        receivers text not null,
        critical integer not null,
        primary key (source, fingerprint, reader)
    );
    create index beliefs_reader on beliefs (reader, number);
    create index beliefs_of_trouble on beliefs (source, fingerprint) where belief in ('firing', 'flapping', 'unheard');
    insert into beliefs select source, fingerprint, recipient, number,
        case when closed_at is not null and waits = 0 or kind = 'resolved' then 'resolved' when kind = 'unheard' then 'unheard'
          when bundle = 'flapping' then 'flapping' else 'firing' end,
        incident_id, id, at, receivers, critical from (
      select i.source, i.fingerprint, p.recipient, p.number, p.kind, p.bundle, p.incident_id, p.id, i.closed_at,
          coalesce(m.sent_at, m.created_at) as at, '["' || p.receiver || '"]' as receivers,
          case when p.lane = 'critical' then 1 else 0 end as critical,
          (select count(*) from pages q where q.incident_id = p.incident_id and q.number = p.number and q.kind = 'resolved'
            and q.state = 'held') + (select count(*) from pages q join messages w on w.id = q.message_id where
            q.incident_id = p.incident_id and q.number = p.number and q.kind = 'resolved' and w.state in ('queued', 'submitting'))
            as waits,
          row_number() over (partition by i.source, i.fingerprint, p.recipient order by p.id desc) as newest
        from pages p join incidents i on i.id = p.incident_id join messages m on m.id = p.message_id
        where m.ambiguous > 0 or m.state in ('unknown', 'sent', 'buffered', 'no_report', 'delivered', 'unknown_final')
    ) as told where newest = 1;
    """,
    # Why an end is not an OK; what the source itself suppresses, or leaves out of what it tells us, and which Alertmanager
    # has listed that.
    """
    alter table incidents add column end_reason text not null default '';
    alter table members add column end_reason text not null default '';
    alter table incidents add column suppressed_at bigint;
    alter table incidents add column listed_by text not null default '';
    alter table members add column listed_by text not null default '';
    alter table incidents add column hidden integer not null default 0;
    """,
    # What the text that tells it says of the incident: a text in the queue that is not true any more is worded anew.
    """
    alter table pages add column said text not null default '';
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
    # By which words a text tells what is open: two that read alike are told apart. A start fills it in.
    """
    alter table incidents add column reads text not null default '';
    create index incidents_reads on incidents (reads) where closed_at is null;
    """,
    # When a breaker was asked about last.
    """
    alter table breakers add column asked_at bigint;
    """,
    # Texts in a gateway's outbox that leave when nobody takes them back; `due_at` is a minute of the gateway's clock, so no
    # step of ours moves it.
    """
    create table armed (
        id integer primary key,
        purpose text not null,
        gateway text not null,
        recipient text not null,
        number text not null,
        body text not null,
        due_at bigint not null,
        reference text not null,
        state text not null,
        outboxid text not null,
        incident_id bigint not null,
        receiver text not null,
        nth integer not null,
        asked_at bigint not null,
        changed_at bigint not null
    );
    create index armed_lying on armed (due_at) where state in ('asked', 'armed', 'unsure', 'removing');
    create index armed_incident on armed (incident_id) where incident_id <> 0;
    """,
    # What came of the daily text of the self-check; when each number was tried at each gateway, and since when it is taken.
    """
    create index decisions_self_check on decisions (id) where word = 'self_check';
    create table number_trials (
        gateway text not null,
        number text not null,
        asked_at bigint not null,
        good_since bigint,
        primary key (gateway, number)
    );
    """,
    # Since when nobody is to be texted that this site is silent: for a planned stop, until the next start.
    """
    create table disarmed (since bigint not null);
    """,
    # What must be heard again and again, each instance of a watch by itself.
    """
    create table watches (
        key text primary key,
        name text not null,
        labels text not null,
        heard_at bigint,
        since bigint not null,
        due_at bigint not null,
        missing integer not null
    );
    create index watches_due on watches (due_at) where missing = 0;
    """,
    # Since when each sender's id is known, so that it can be forgotten; what months cost, of texts that are erased.
    """
    alter table own_ids add column noted_at bigint not null default 0;
    create table month_accounts (
        month text not null,
        recipient text not null,
        receiver text not null,
        severity text not null,
        gateway text not null,
        texts bigint not null,
        parts bigint not null,
        credits bigint not null,
        primary key (month, recipient, receiver, severity, gateway)
    );
    """,
    # The daemons that share the database, and which of them does what one alone does.
    """
    create table nodes (
        node text primary key,
        version text not null,
        configuration text not null,
        started_at bigint not null,
        seen_at bigint not null
    );
    create table leader (one integer primary key, node text not null, until bigint not null);
    """,
)

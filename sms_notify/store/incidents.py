"""Rows about what was heard: alerts as they came, and the episodes they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sms_notify.alert import EndReason, Severity
from sms_notify.policy.records import AcceptedAlert, Incident
from sms_notify.policy.vocabulary import Heard, IncidentState
from sms_notify.store.literals import in_list
from sms_notify.store.tx import (
    Row,
    Tx,
    among,
    dump,
    from_stored,
    insert_into,
    load_shared,
    moment,
    pairs,
    stored,
    to_stored,
)
from sms_notify.wording.alert_fields import reads_as

Key = tuple[str, str]
"""Source and fingerprint."""


def incident_of(row: Row) -> Incident:
    return Incident(
        row["id"], row["source"], row["fingerprint"], IncidentState(row["state"]), Severity(row["severity"]),
        load_shared(row["labels"]), load_shared(row["annotations"]), from_stored(row["starts_at"]),
        moment(row["opened_at"]), moment(row["last_seen_at"]), from_stored(row["ended_at"]),
        from_stored(row["closed_at"]), from_stored(row["acked_at"]), row["acked_by"], row["acked_how"],
        row["flapping"], row["raised"], Severity(row["level"]) if row["level"] else None,
        from_stored(row["milder_since"]), load_shared(row["routed_by"]) if row["routed_by"] else None,
        Severity(row["worst"]) if row["worst"] else None, _moments(row["began"]), bool(row["repeats"]),
        row["acked_ref"], from_stored(row["acked_made_at"]), from_stored(row["ack_until"]), row["closed_by"],
        EndReason(row["end_reason"]), from_stored(row["suppressed_at"]), bool(row["former"]),
    )  # fmt: skip


def _moments(listed: str) -> tuple[datetime, ...]:
    return tuple(moment(int(at)) for at in listed.split())


_NEWEST = "select * from incidents where source = :source and fingerprint = :fingerprint order by id desc limit :most"


def newest_of(tx: Tx, keys: Iterable[Key], most: int = 1) -> list[Incident]:
    """The newest episodes of each key, at most so many of each. The index incidents_latest finds them.

    One key alone, as most deliveries have, is asked for without a list: that takes a third of the time.
    """
    listed = list(keys)
    if len(listed) == 1:
        return list(
            map(incident_of, tx.all(_NEWEST, most=most, source=listed[0][0], fingerprint=listed[0][1]))
        )
    found: list[Row] = []
    for values, named in pairs(listed):
        of_key = " from incidents x where x.source = k.source and x.fingerprint = k.fingerprint"
        # A list of one is dear: max takes a fifth of its time.
        newest = (
            f"= (select max(x.id){of_key})"
            if most == 1
            else f"in (select x.id{of_key} order by x.id desc limit {most:d})"
        )
        keyed = f"with k (source, fingerprint) as (values {values}) select i.* from k join incidents i on i.id {newest}"
        found += tx.all(keyed, **named)
    return list(map(incident_of, found))


def by_ids(tx: Tx, ids: Iterable[int]) -> list[Incident]:
    return [
        incident_of(row)
        for names, named in among(ids)
        for row in tx.all(f"select * from incidents where id in ({names})", **named)
    ]


def still_open(tx: Tx) -> list[Incident]:
    """What is open, the oldest first. Sorted here, so that `incidents_quiet` finds it also without statistics."""
    found = map(incident_of, tx.all("select * from incidents where closed_at is null"))
    return sorted(found, key=lambda one: one.id)


def reading_alike(tx: Tx, reads: Iterable[str]) -> list[Incident]:
    """What is open and told by such words, of a crowd the newest. By incidents_reads."""
    return [
        incident_of(row)
        for names, named in among(reads)
        for row in tx.all(
            "select * from (select i.*, row_number() over (partition by reads order by id desc) as nth from incidents i"
            f" where closed_at is null and reads in ({names})) as newest where nth <= {_MOST_ALIKE}",
            **named,
        )
    ]


def read_again(tx: Tx) -> None:
    """At start: how what is open reads by the words of this version."""
    now = [(reads_as(one.subject.alert), one.id) for one in still_open(tx)]
    tx.run_all(
        "update incidents set reads = ? where id = ? and reads <> ?",
        [(reads, id_, reads) for reads, id_ in now],
    )


def last_routed(tx: Tx) -> dict[int, tuple[str, ...]]:
    """The receivers that the last alert of each open incident was routed to. By `incidents_quiet` and `alerts_incident`."""
    rows = tx.all(
        "select incident_id, routes from alerts where id in (select (select max(a.id) from alerts a"
        " where a.incident_id = i.id) from incidents i where i.closed_at is null)"
    )
    return {
        row["incident_id"]: tuple(line.rpartition(" -> ")[2] for line in (row["routes"] or "").splitlines())
        for row in rows
    }


_QUIET = "closed_at is null and repeats = 1 and state <> 'unheard' and last_seen_at < :limit and last_seen_at + 2 * gap < :now"
"""The index incidents_quiet finds it."""


def unheard_since(tx: Tx, limit: datetime, now: datetime) -> list[Incident]:
    """The open episodes of sources that repeat, and said nothing since `limit`, and for twice their longest pause so far;
    not all of an Alertmanager's at once.
    """
    sql = f"select * from incidents where {_QUIET} order by last_seen_at limit :most"
    found = tx.all(sql, limit=stored(limit), now=stored(now), most=_MOST)
    return list(map(incident_of, found))


_MOST = 100  # in one tick
_MOST_ALIKE = 100  # of one wording: whoever has more of them open reads the tags
UNHEARD = f"exists (select 1 from incidents where {_QUIET})"


def lapsed(tx: Tx, now: datetime) -> list[Incident]:
    """The open episodes whose acknowledgement, or the wait for an answer after it, is over. By incidents_acks."""
    sql = f"select * from incidents where {_LAPSED} order by ack_until, id"
    return list(map(incident_of, tx.all(sql, now=stored(now))))


_LAPSED = "ack_until is not null and closed_at is null and ack_until <= :now"
LAPSED = f"exists (select 1 from incidents where {_LAPSED})"


def notices(tx: Tx, ids: Iterable[int]) -> frozenset[int]:
    """Those of these incidents that nothing ends: nobody is reminded of them. The index alerts_incident finds their alerts."""
    return frozenset(
        row["incident_id"]
        for names, named in among(ids)
        for row in tx.all(
            f"select distinct incident_id from alerts where incident_id in ({names}) and once = 1", **named
        )
    )


_INSERT = insert_into(
    "incidents",
    "id, source, fingerprint, opened_at, starts_at, state, severity, labels, annotations, last_seen_at, ended_at,"
    " closed_at, acked_at, acked_by, acked_how, flapping, raised, level, milder_since, routed_by, worst, began,"
    " repeats, acked_ref, acked_made_at, ack_until, closed_by, end_reason, suppressed_at, reads, former",
)
_UPDATE = (
    "update incidents set starts_at = ?, state = ?, severity = ?, labels = ?, annotations = ?, last_seen_at = ?, ended_at = ?,"
    " closed_at = ?, acked_at = ?, acked_by = ?, acked_how = ?, flapping = ?, raised = ?, level = ?, milder_since = ?,"
    " routed_by = ?, worst = ?, began = ?, repeats = ?, acked_ref = ?, acked_made_at = ?, ack_until = ?, closed_by = ?,"
    " end_reason = ?, suppressed_at = ?, reads = ? where id = ?"
)


def insert(tx: Tx, incidents: Iterable[Incident]) -> None:
    """The unique index refuses a second open one of the same key."""
    rows = [
        (
            one.id, one.source, one.fingerprint, stored(one.opened_at), *_changeable(one), int(one.former),
        )
        for one in incidents
    ]  # fmt: skip
    tx.run_all(_INSERT, rows)


def update(tx: Tx, incidents: Iterable[Incident]) -> None:
    tx.run_all(_UPDATE, [(*_changeable(one), one.id) for one in incidents])


def _changeable(one: Incident) -> tuple[object, ...]:
    return (
        to_stored(one.starts_at), one.state, one.severity, dump(one.labels), dump(one.annotations), stored(one.last_seen_at),
        to_stored(one.ended_at), to_stored(one.closed_at), to_stored(one.acked_at), one.acked_by, one.acked_how,
        one.flapping, one.raised, one.level or "", to_stored(one.milder_since),
        "" if one.routed_by is None else dump(one.routed_by), one.worst or "",
        " ".join(str(stored(at)) for at in one.began), int(one.repeats),
        one.acked_ref, to_stored(one.acked_made_at), to_stored(one.ack_until), one.closed_by,
        one.end_reason, to_stored(one.suppressed_at), reads_as(one.subject.alert),
    )  # fmt: skip


def seen(tx: Tx, incident_ids: Iterable[int], now: datetime) -> None:
    """They fire still. The longest pause between two repeats says how long the next may be."""
    at = stored(now)
    sql = (
        "update incidents set gap = case when ? - last_seen_at > gap then ? - last_seen_at else gap end, last_seen_at = ?"
        " where id = ?"
    )
    tx.run_all(sql, [(at, at, at, id_) for id_ in incident_ids])


def allow_for_absence(tx: Tx, since: datetime) -> None:
    """At start: while we were away nobody could tell us anything; so much of it counts as heard of at `since`."""
    for table in ("incidents", "members"):
        tx.run(
            f"update {table} set last_seen_at = :since where closed_at is null and last_seen_at < :since",
            since=stored(since),
        )


def early_ends(tx: Tx, keys: Iterable[Key], since: datetime) -> set[tuple[str, str, datetime]]:
    """Ends of what was not open, heard of since then: source, fingerprint and start. The index alerts_early_ends finds them."""
    return {
        (row["source"], row["fingerprint"], moment(row["starts_at"]))
        for values, named in pairs(keys)
        for row in tx.all(
            f"with k (source, fingerprint) as (values {values}) select a.source, a.fingerprint, a.starts_at from k"
            " join alerts a on a.source = k.source and a.fingerprint = k.fingerprint"
            f" where a.status = 'resolved' and a.reason in {_NOT_OPEN} and a.received_at > :since"
            " and a.starts_at is not null",
            since=stored(since),
            **named,
        )
    }


_NOT_OPEN = in_list((Heard.DUPLICATE, Heard.NEVER_FIRED))
_RECORD = insert_into(
    "alerts",
    "received_at, node, source, fingerprint, status, reason, incident_id, group_key, labels, annotations, starts_at,"
    " ends_at, routes, once",
)


def record(tx: Tx, heard: Iterable[AcceptedAlert], node: str, now: datetime) -> None:
    """Writes down accepted alerts with what they led to; a duplicate's labels are those of its incident, but for those
    that are to be written down `whole`.
    """
    at = stored(now)
    tx.run_all(_RECORD, [(at, node, *_alert_row(one)) for one in heard])


def _alert_row(one: AcceptedAlert) -> tuple[object, ...]:
    alert, known = one.alert, one.heard is Heard.DUPLICATE and not one.whole
    group, labels, annotations = (
        ("", None, None) if known else (one.group, dump(alert.labels), dump(alert.annotations))
    )
    return (
        alert.source, alert.fingerprint, alert.status, one.heard, one.incident_id, group, labels, annotations,
        to_stored(alert.starts_at), to_stored(alert.ends_at), "\n".join(one.routes), int(alert.once),
    )  # fmt: skip

"""Rows about what was heard: alerts as they came, and the episodes they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sms_notify.alert import Severity
from sms_notify.policy.holds import Hold
from sms_notify.policy.records import AcceptedAlert, Incident
from sms_notify.policy.vocabulary import Heard, IncidentState
from sms_notify.store.literals import in_list
from sms_notify.store.tx import (
    Row,
    Tx,
    among,
    dump,
    from_stored,
    load_shared,
    moment,
    pairs,
    stored,
    to_stored,
)

Key = tuple[str, str]
"""Source and fingerprint."""


def incident_of(row: Row) -> Incident:
    return Incident(
        row["id"], row["source"], row["fingerprint"], IncidentState(row["state"]), Severity(row["severity"]),
        load_shared(row["labels"]), load_shared(row["annotations"]), from_stored(row["starts_at"]),
        moment(row["opened_at"]), moment(row["last_seen_at"]), from_stored(row["ended_at"]),
        from_stored(row["closed_at"]), from_stored(row["acked_at"]), row["acked_by"], row["acked_how"],
        row["flapping"], row["raised"],
    )  # fmt: skip


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
        sql = (
            f"with k (source, fingerprint) as (values {values}) select i.* from k join incidents i on i.id in"
            " (select x.id from incidents x where x.source = k.source and x.fingerprint = k.fingerprint"
            "  order by x.id desc limit :most)"
        )
        found += tx.all(sql, most=most, **named)
    return list(map(incident_of, found))


def by_ids(tx: Tx, ids: Iterable[int]) -> list[Incident]:
    return [
        incident_of(row)
        for names, named in among(ids)
        for row in tx.all(f"select * from incidents where id in ({names})", **named)
    ]


def still_open(tx: Tx) -> list[Incident]:
    """What is open, the oldest first."""
    return list(map(incident_of, tx.all("select * from incidents where closed_at is null order by id")))


_QUIET = (
    "closed_at is null and last_seen_at < :limit and not exists (select 1 from pages p where p.incident_id = incidents.id"
    f" and p.state = 'held' and p.why in {in_list(hold for hold in Hold if hold.of_hours)})"
)
"""What somebody is to hear of when the night, or the weekend, is over stays open until then: its source may tell it once.
The index incidents_quiet finds it.
"""


def unheard_since(tx: Tx, limit: datetime) -> list[Incident]:
    """The open episodes that nothing was heard of since `limit`."""
    return list(map(incident_of, tx.all(f"select * from incidents where {_QUIET}", limit=stored(limit))))


UNHEARD = f"exists (select 1 from incidents where {_QUIET})"


def insert(tx: Tx, incidents: Iterable[Incident]) -> None:
    """The unique index refuses a second open one of the same key."""
    tx.run_all(
        "insert into incidents (id, source, fingerprint, state, severity, labels, annotations, starts_at, opened_at,"
        " last_seen_at, ended_at, closed_at, acked_at, acked_by, acked_how, flapping, raised) values (:id, :source,"
        " :fingerprint, :state, :severity, :labels, :annotations, :starts_at, :opened_at, :last_seen_at, :ended_at,"
        " :closed_at, :acked_at, :acked_by, :acked_how, :flapping, :raised)",
        [
            _changeable(one)
            | {
                "source": one.source,
                "fingerprint": one.fingerprint,
                "starts_at": to_stored(one.starts_at),
                "opened_at": stored(one.opened_at),
            }
            for one in incidents
        ],
    )


def update(tx: Tx, incidents: Iterable[Incident]) -> None:
    tx.run_all(
        "update incidents set state = :state, severity = :severity, labels = :labels, annotations = :annotations,"
        " last_seen_at = :last_seen_at, ended_at = :ended_at, closed_at = :closed_at, acked_at = :acked_at,"
        " acked_by = :acked_by, acked_how = :acked_how, flapping = :flapping, raised = :raised where id = :id",
        list(map(_changeable, incidents)),
    )


def _changeable(one: Incident) -> dict[str, object]:
    return {
        "id": one.id,
        "state": one.state,
        "severity": one.severity,
        "labels": dump(one.labels),
        "annotations": dump(one.annotations),
        "last_seen_at": stored(one.last_seen_at),
        "ended_at": to_stored(one.ended_at),
        "closed_at": to_stored(one.closed_at),
        "acked_at": to_stored(one.acked_at),
        "acked_by": one.acked_by,
        "acked_how": one.acked_how,
        "flapping": one.flapping,
        "raised": one.raised,
    }


def seen(tx: Tx, incident_ids: Iterable[int], now: datetime) -> None:
    """They fire still."""
    rows = [{"now": stored(now), "id": id_} for id_ in incident_ids]
    tx.run_all("update incidents set last_seen_at = :now where id = :id", rows)


def allow_for_absence(tx: Tx, since: datetime) -> None:
    """At start: while we were away nobody could tell us anything; so much of it counts as heard of at `since`."""
    for table in ("incidents", "members"):
        tx.run(
            f"update {table} set last_seen_at = :since where closed_at is null and last_seen_at < :since",
            since=stored(since),
        )


def record(tx: Tx, heard: Iterable[AcceptedAlert], node: str, now: datetime) -> None:
    """Writes down accepted alerts with what they led to; a duplicate's labels are those of its incident, but for those
    that are to be written down `whole`.
    """
    tx.run_all(
        "insert into alerts (received_at, node, source, fingerprint, status, reason, incident_id, group_key, labels,"
        " annotations, starts_at, ends_at, routes, once) values (:now, :node, :source, :fingerprint, :status, :reason,"
        " :incident_id, :group_key, :labels, :annotations, :starts_at, :ends_at, :routes, :once)",
        [_alert_row(one, node, now) for one in heard],
    )


def _alert_row(one: AcceptedAlert, node: str, now: datetime) -> dict[str, object]:
    alert, known = one.alert, one.heard is Heard.DUPLICATE and not one.whole
    return {
        "now": stored(now),
        "node": node,
        "source": alert.source,
        "fingerprint": alert.fingerprint,
        "status": alert.status,
        "reason": one.heard,
        "incident_id": one.incident_id,
        "group_key": "" if known else one.group,
        "labels": None if known else dump(alert.labels),
        "annotations": None if known else dump(alert.annotations),
        "starts_at": to_stored(alert.starts_at),
        "ends_at": to_stored(alert.ends_at),
        "routes": "\n".join(one.routes),
        "once": alert.once,
    }

"""Rows about what was heard: alerts as they came, and the episodes they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sms_notify.alert import Alert, Delivery, Severity
from sms_notify.policy.episodes import Episode
from sms_notify.policy.vocabulary import AckBy, Heard, IncidentState
from sms_notify.store.pages import Subject, subject_of
from sms_notify.store.tx import Tx, dump, from_stored, moment, stored, to_stored


def latest(tx: Tx, source: str, fingerprint: str) -> Episode | None:
    """The newest episode of a key, open or closed."""
    row = tx.one(
        "select id, state, opened_at, starts_at, ended_at, closed_at, flapping, severity, raised from incidents"
        " where source = :source and fingerprint = :fingerprint order by id desc limit 1",
        source=source,
        fingerprint=fingerprint,
    )
    if row is None:
        return None
    return Episode(
        id=row["id"],
        opened_at=moment(row["opened_at"]),
        starts_at=from_stored(row["starts_at"]),
        ended_at=from_stored(row["ended_at"]),
        closed_at=from_stored(row["closed_at"]),
        stale=row["state"] == IncidentState.STALE,
        flapping=row["flapping"],
        severity=Severity(row["severity"]),
        raised=row["raised"],
    )


def open_episode(tx: Tx, alert: Alert, now: datetime) -> int:
    """Opens an episode; the unique index refuses a second open one of the same key."""
    return tx.insert(
        "insert into incidents (source, fingerprint, state, severity, labels, annotations, starts_at, opened_at,"
        " last_seen_at) values (:source, :fingerprint, :state, :severity, :labels, :annotations, :starts_at, :now, :now)"
        " returning id",
        source=alert.source,
        fingerprint=alert.fingerprint,
        state=IncidentState.OPEN,
        severity=alert.severity,
        labels=dump(alert.labels),
        annotations=dump(alert.annotations),
        starts_at=to_stored(alert.starts_at),
        now=stored(now),
    )


def is_open(tx: Tx, incident_id: int) -> bool:
    row = tx.one("select 1 from incidents where id = :id and closed_at is null", id=incident_id)
    return row is not None


def raise_to(tx: Tx, incident_id: int, alert: Alert, now: datetime) -> None:
    """Its severity has risen: it is as `alert` says from now on."""
    tx.run(
        "update incidents set severity = :severity, labels = :labels, annotations = :annotations, raised = raised + 1,"
        " last_seen_at = :now where id = :id",
        severity=alert.severity,
        labels=dump(alert.labels),
        annotations=dump(alert.annotations),
        now=stored(now),
        id=incident_id,
    )


def ask_again(tx: Tx, incident_id: int) -> None:
    """Nobody takes care of it any more."""
    tx.run(
        "update incidents set state = :state, acked_at = null, acked_by = '', acked_how = '' where id = :id",
        state=IncidentState.OPEN,
        id=incident_id,
    )


def expire(tx: Tx, incident_id: int, now: datetime) -> None:
    """Ends an episode of which nobody will ever say that it is over."""
    tx.run(
        "update incidents set state = :state, closed_at = :now where id = :id",
        state=IncidentState.STALE,
        now=stored(now),
        id=incident_id,
    )


def seen(tx: Tx, incident_id: int, now: datetime) -> None:
    tx.run("update incidents set last_seen_at = :now where id = :id", now=stored(now), id=incident_id)


def close(tx: Tx, incident_id: int, ended_at: datetime | None, now: datetime) -> None:
    """Ends an episode; `ended_at` is the source's own time for it."""
    tx.run(
        "update incidents set state = :state, ended_at = :ended_at, closed_at = :now, last_seen_at = :now where id = :id",
        state=IncidentState.RESOLVED,
        ended_at=to_stored(ended_at),
        now=stored(now),
        id=incident_id,
    )


def acknowledge(tx: Tx, incident_id: int, by: str, how: AckBy, now: datetime) -> bool:
    """Somebody takes care of it. False where it has ended, or somebody else was before."""
    changed = tx.run(
        "update incidents set state = :state, acked_at = :now, acked_by = :by, acked_how = :how"
        " where id = :id and closed_at is null and acked_at is null",
        state=IncidentState.ACKNOWLEDGED,
        now=stored(now),
        by=by,
        how=how,
        id=incident_id,
    )
    return changed == 1


def opened_since(tx: Tx, source: str, fingerprint: str, since: datetime, most: int) -> int:
    """How many episodes of a key began since then; counts no further than `most`."""
    rows = tx.all(
        "select opened_at from incidents where source = :source and fingerprint = :fingerprint"
        " order by id desc limit :most",
        source=source,
        fingerprint=fingerprint,
        most=most,
    )
    return sum(1 for row in rows if row["opened_at"] > stored(since))


def acknowledged_since(tx: Tx, source: str, fingerprint: str, since: datetime) -> bool:
    """Whether somebody took care of any of the last episodes of a key since then."""
    rows = tx.all(
        "select acked_at from incidents where source = :source and fingerprint = :fingerprint order by id desc limit 100",
        source=source,
        fingerprint=fingerprint,
    )
    return any(row["acked_at"] is not None and row["acked_at"] > stored(since) for row in rows)


def mark_flapping(tx: Tx, incident_id: int, times: int) -> None:
    """It is the episode number `times` in so short a time that it is told as flapping."""
    tx.run("update incidents set flapping = :times where id = :id", times=times, id=incident_id)


def open_now(tx: Tx) -> Sequence[Subject]:
    """What is open, the oldest first."""
    return [
        subject_of(row, "id") for row in tx.all("select * from incidents where closed_at is null order by id")
    ]


def close_unheard_since(tx: Tx, limit: datetime, now: datetime) -> int:
    """Ends the episodes that nothing was heard of since `limit`; returns how many.

    What somebody is to hear of when the night, or the weekend, is over stays until then: its source may tell it once.
    """
    return tx.run(
        "update incidents set state = :state, closed_at = :now where closed_at is null and last_seen_at < :limit"
        " and not exists (select 1 from pages p where p.incident_id = incidents.id and p.state = 'held'"
        "  and p.why in ('quiet_hours', 'muted', 'inactive'))",
        state=IncidentState.STALE,
        now=stored(now),
        limit=stored(limit),
    )


def allow_for_absence(tx: Tx, since: datetime) -> None:
    """At start: while we were away nobody could tell us anything; so much of it counts as heard of at `since`."""
    tx.run(
        "update incidents set last_seen_at = :since where closed_at is null and last_seen_at < :since",
        since=stored(since),
    )
    tx.run(
        "update members set last_seen_at = :since where closed_at is null and last_seen_at < :since",
        since=stored(since),
    )


def record(
    tx: Tx,
    delivery: Delivery,
    alert: Alert,
    heard: Heard,
    incident_id: int | None,
    routes: Iterable[str],
    node: str,
    now: datetime,
    *,
    whole: bool = False,
) -> int:
    """Writes down one accepted alert with what it led to; a duplicate's labels are those of its incident, but for those
    that are to be written down `whole`.
    """
    known = heard is Heard.DUPLICATE and not whole
    return tx.insert(
        "insert into alerts (received_at, node, source, fingerprint, status, reason, incident_id, group_key, labels,"
        " annotations, starts_at, ends_at, routes, once) values (:now, :node, :source, :fingerprint, :status, :reason,"
        " :incident_id, :group_key, :labels, :annotations, :starts_at, :ends_at, :routes, :once) returning id",
        now=stored(now),
        node=node,
        source=alert.source,
        fingerprint=alert.fingerprint,
        status=alert.status,
        reason=heard,
        incident_id=incident_id,
        group_key="" if known else delivery.group,
        labels=None if known else dump(alert.labels),
        annotations=None if known else dump(alert.annotations),
        starts_at=to_stored(alert.starts_at),
        ends_at=to_stored(alert.ends_at),
        routes="\n".join(routes),
        once=alert.once,
    )

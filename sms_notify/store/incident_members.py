"""Rows that say which alerts, of which sources, one incident stands for where `dedup_labels` make one of several."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sms_notify.alert import Alert
from sms_notify.policy.episodes import Episode
from sms_notify.store.tx import Row, Tx, from_stored, moment, stored, to_stored


@dataclass(frozen=True, slots=True)
class Member:
    """What one source told of an incident: `episode` is its own view of it, with the incident's id.

    `source` and `fingerprint` are the incident's name; `open_now` is about the incident.
    """

    episode: Episode
    source: str
    fingerprint: str
    open_now: bool


def latest(tx: Tx, source: str, fingerprint: str) -> Member | None:
    """The newest incident that an alert of this name was part of."""
    row = tx.one(
        "select m.*, i.source as known_source, i.fingerprint as known_as, i.closed_at as over from members m"
        " join incidents i on i.id = m.incident_id where m.source = :source and m.fingerprint = :fingerprint"
        " order by m.incident_id desc limit 1",
        source=source,
        fingerprint=fingerprint,
    )
    return _member(row) if row is not None else None


def _member(row: Row) -> Member:
    episode = Episode(
        row["incident_id"],
        moment(row["opened_at"]),
        from_stored(row["starts_at"]),
        from_stored(row["ended_at"]),
        from_stored(row["closed_at"]),
    )
    return Member(episode, row["known_source"], row["known_as"], row["over"] is None)


def fires(tx: Tx, incident_id: int, alert: Alert, now: datetime) -> None:
    """This source reports it, for the first time or still."""
    tx.run(
        "insert into members (incident_id, source, fingerprint, starts_at, opened_at, last_seen_at)"
        " values (:incident_id, :source, :fingerprint, :starts_at, :now, :now)"
        " on conflict (incident_id, source, fingerprint) do update set last_seen_at = excluded.last_seen_at,"
        " starts_at = case when members.closed_at is null then members.starts_at else excluded.starts_at end,"
        " closed_at = null, ended_at = null",
        incident_id=incident_id,
        source=alert.source,
        fingerprint=alert.fingerprint,
        starts_at=to_stored(alert.starts_at),
        now=stored(now),
    )


def seen(tx: Tx, incident_id: int, source: str, fingerprint: str, now: datetime) -> None:
    """It is known to fire still, though its source has not said so to us."""
    tx.run(
        "update members set last_seen_at = :now where incident_id = :incident_id and source = :source"
        " and fingerprint = :fingerprint",
        incident_id=incident_id,
        source=source,
        fingerprint=fingerprint,
        now=stored(now),
    )


def ends(tx: Tx, incident_id: int, alert: Alert, now: datetime) -> None:
    """This source says that it is over."""
    tx.run(
        "update members set closed_at = :now, ended_at = :ended_at, last_seen_at = :now"
        " where incident_id = :incident_id and source = :source and fingerprint = :fingerprint",
        incident_id=incident_id,
        source=alert.source,
        fingerprint=alert.fingerprint,
        ended_at=to_stored(alert.ends_at),
        now=stored(now),
    )


def others_fire(tx: Tx, incident_id: int, alert: Alert, since: datetime) -> bool:
    """Whether any other alert of the incident has not ended, and was heard of since then."""
    row = tx.one(
        "select 1 from members where incident_id = :incident_id and closed_at is null and last_seen_at > :since"
        " and not (source = :source and fingerprint = :fingerprint) limit 1",
        incident_id=incident_id,
        source=alert.source,
        fingerprint=alert.fingerprint,
        since=stored(since),
    )
    return row is not None

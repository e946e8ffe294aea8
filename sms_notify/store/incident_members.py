"""Rows that say which alerts, of which sources, one incident stands for where `dedup_labels` make one of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sms_notify.alert import EndReason, Severity
from sms_notify.policy.records import Member
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


def newest_of(tx: Tx, keys: Iterable[tuple[str, str]]) -> list[Member]:
    """The newest membership of each alert, and those that it has not ended. The index members_key finds them."""
    found: list[Row] = []
    for values, named in pairs(keys):
        sql = (
            f"with k (source, fingerprint) as (values {values}) select m.* from k join members m"
            " on m.source = k.source and m.fingerprint = k.fingerprint and (m.closed_at is null or m.incident_id ="
            " (select x.incident_id from members x where x.source = k.source and x.fingerprint = k.fingerprint"
            "  order by x.incident_id desc limit 1))"
        )
        found += tx.all(sql, **named)
    return list(map(_member, found))


def of_incidents(tx: Tx, ids: Iterable[int]) -> list[Member]:
    """Everything that these incidents stand for."""
    return [
        _member(row)
        for names, named in among(ids)
        for row in tx.all(f"select * from members where incident_id in ({names})", **named)
    ]


def _member(row: Row) -> Member:
    return Member(
        row["incident_id"], row["source"], row["fingerprint"], from_stored(row["starts_at"]),
        moment(row["opened_at"]), moment(row["last_seen_at"]), from_stored(row["ended_at"]),
        from_stored(row["closed_at"]), load_shared(row["labels"]), load_shared(row["annotations"]),
        Severity(row["severity"]), EndReason(row["end_reason"]),
    )  # fmt: skip


_SAVE = (
    insert_into(
        "members",
        "incident_id, source, fingerprint, starts_at, opened_at, last_seen_at, ended_at, closed_at, labels,"
        " annotations, severity, end_reason",
    )
    + " on conflict (incident_id, source, fingerprint) do update set last_seen_at = excluded.last_seen_at,"
    " starts_at = excluded.starts_at, closed_at = excluded.closed_at, ended_at = excluded.ended_at,"
    " labels = excluded.labels, annotations = excluded.annotations,"
    " severity = excluded.severity, end_reason = excluded.end_reason"
)


def save(tx: Tx, members: Iterable[Member]) -> None:
    """New ones, and what has changed of the others."""
    rows = [
        (
            one.incident_id, one.source, one.fingerprint, to_stored(one.starts_at), stored(one.opened_at),
            stored(one.last_seen_at), to_stored(one.ended_at), to_stored(one.closed_at),
            dump(one.labels), dump(one.annotations), one.severity,
            one.end_reason,
        )
        for one in members
    ]  # fmt: skip
    tx.run_all(_SAVE, rows)


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


def drop_copies(tx: Tx, alerts: Sequence[tuple[int, str]]) -> None:
    """What was heard of these after their end was an old copy. By incident and fingerprint, of Alertmanager's alone."""
    sql = "update members set last_seen_at = closed_at where incident_id = ? and fingerprint = ? and closed_at is not null"
    tx.run_all(sql, alerts)

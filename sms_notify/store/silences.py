"""Rows about Alertmanager's silences: what one may acknowledge, what wants one, and which ones we made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.decide.states import AckBy
from sms_notify.sources.alertmanager import SOURCE
from sms_notify.store.tx import Tx, load, moment, stored


@dataclass(frozen=True, slots=True)
class Uncovered:
    """An open incident that nobody has acknowledged."""

    id: int
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Wanting:
    """An open incident that was acknowledged with us, and has no silence yet. `acked_at` is aware UTC."""

    id: int
    labels: Mapping[str, str]
    acked_at: datetime
    acked_by: str


def uncovered(tx: Tx) -> Sequence[Uncovered]:
    """The incidents from an Alertmanager that are open and not acknowledged, oldest first."""
    rows = tx.all(
        "select id, labels from incidents where closed_at is null and acked_at is null and source = :source order by id",
        source=SOURCE,
    )
    return [Uncovered(row["id"], load(row["labels"])) for row in rows]


def wanting(tx: Tx, since: datetime) -> Sequence[Wanting]:
    """The open incidents from an Alertmanager that were acknowledged with us from `since` on, oldest first.

    What a silence has acknowledged wants none.
    """
    rows = tx.all(
        "select id, labels, acked_at, acked_by from incidents i where closed_at is null and acked_at >= :since"
        " and source = :source and acked_how <> :silence"
        " and not exists (select 1 from silences s where s.incident_id = i.id) order by id",
        since=stored(since),
        source=SOURCE,
        silence=AckBy.SILENCE,
    )
    return [
        Wanting(row["id"], load(row["labels"]), moment(row["acked_at"]), row["acked_by"] or "")
        for row in rows
    ]


def made(tx: Tx, incident_id: int, alertmanager: str, silence_id: str, now: datetime) -> None:
    """Notes the silence of an incident; a second one changes nothing."""
    tx.run(
        "insert into silences (incident_id, alertmanager, silence_id, created_at)"
        " values (:incident_id, :alertmanager, :silence_id, :now) on conflict (incident_id) do nothing",
        incident_id=incident_id,
        alertmanager=alertmanager,
        silence_id=silence_id,
        now=stored(now),
    )

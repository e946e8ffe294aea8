"""Rows about Alertmanager's silences: what one may acknowledge, what wants one, and which ones we made or saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sms_notify.alert import MONITOR, Alert, at_source, installation_of
from sms_notify.policy.records import Subject
from sms_notify.policy.vocabulary import AckBy
from sms_notify.sources.alertmanager import SOURCE
from sms_notify.store.incidents import incident_of
from sms_notify.store.tx import Row, Tx, load, moment, stored

# What is open, by `incidents_quiet` and `members_quiet`. `coalesce` keeps these statements from `incidents_latest`, which leads
# to every incident that Alertmanager ever told of.
_OPEN_THERE = "i.closed_at is null and coalesce(i.source, '') = :source"


@dataclass(frozen=True, slots=True)
class Uncovered:
    """An open incident that nobody has acknowledged, by the labels of one of its alerts.

    `known` are the silences that were made for it, or acknowledged it, before it became worse or somebody took that back.
    """

    id: int
    labels: Mapping[str, str]
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class BySilence:
    """An open incident that a silence has acknowledged. `by` is who made that, as the incident says it; `fingerprints` are
    its alerts that have not ended, as Alertmanager names them. Without one another source alone holds it open.
    """

    id: int
    silence_id: str
    by: str
    fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanting:
    """An open incident that was acknowledged with us, and has no silence yet. `acked_at` is aware UTC."""

    id: int
    labels: Mapping[str, str]
    acked_at: datetime
    acked_by: str


@dataclass(frozen=True, slots=True)
class Open:
    """An open incident, as looking for its end needs it; the times are aware UTC.

    `silence_id` is the silence that was noted for it at `alertmanager`; both are empty where none was. `by_silence`
    says that a silence has acknowledged it.
    """

    id: int
    fingerprint: str
    labels: Mapping[str, str]
    opened_at: datetime
    heard_at: datetime
    acknowledged: bool = False
    by_silence: bool = False
    alertmanager: str = ""
    silence_id: str = ""


def uncovered(tx: Tx) -> Sequence[Uncovered]:
    """The incidents from an Alertmanager that are open and not acknowledged, oldest first."""
    rows = tx.all(
        "select i.id, i.labels, s.silence_id, x.acked_ref from by_source i join incidents x on x.id = i.id"
        f" left join silences s on s.incident_id = i.id where {_OPEN_THERE} and i.acked_at is null order by i.id",
        source=SOURCE,
    )
    return [
        Uncovered(row["id"], load(row["labels"]), frozenset((row["silence_id"] or "", row["acked_ref"])))
        for row in rows
    ]


def acknowledged(tx: Tx) -> list[BySilence]:
    """What is open and was acknowledged by a silence that is known, oldest first. By `incidents_quiet`."""
    rows = tx.all(
        "select id, acked_ref, acked_by from incidents where closed_at is null and acked_how = :silence and acked_ref <> ''",
        silence=AckBy.SILENCE,
    )
    alerts = (
        tx.all(f"select i.id, i.fingerprint from by_source i where {_OPEN_THERE}", source=SOURCE)
        if rows
        else []
    )
    names: dict[int, list[str]] = {}
    for alert in alerts:
        names.setdefault(alert["id"], []).append(at_source(alert["fingerprint"]))
    found = (
        BySilence(row["id"], row["acked_ref"], row["acked_by"], tuple(names.get(row["id"], ())))
        for row in rows
    )
    return sorted(found, key=lambda one: one.id)


def replaced(tx: Tx, incident_id: int, before: str, silence_id: str) -> None:
    """Another silence covers what `before` has acknowledged: that of its end counts from now on."""
    tx.run(
        "update incidents set acked_ref = :silence_id where id = :id and acked_how = :how and acked_ref = :before",
        silence_id=silence_id,
        id=incident_id,
        how=AckBy.SILENCE,
        before=before,
    )


def wanting(tx: Tx, since: datetime) -> Sequence[Wanting]:
    """The open incidents from an Alertmanager that were acknowledged with us from `since` on, oldest first.

    What a silence has acknowledged wants none.
    """
    rows = tx.all(
        f"select id, fingerprint, labels, acked_at, acked_by from by_source i where {_OPEN_THERE} and acked_at >= :since"
        " and acked_how <> :silence"
        " and not exists (select 1 from silences s where s.incident_id = i.id) order by id",
        since=stored(since),
        source=SOURCE,
        silence=AckBy.SILENCE,
    )
    return [
        Wanting(row["id"], _labels_there(row), moment(row["acked_at"]), row["acked_by"] or "")
        for row in _single(rows)
    ]


def _labels_there(row: Row) -> Mapping[str, str]:
    """Without the installation's name where we have added it: a silence of a label that the alert has not covers nothing."""
    added = (MONITOR, installation_of(row["fingerprint"]))
    return {name: text for name, text in load(row["labels"]).items() if (name, text) != added}


def _single(rows: Sequence[Row]) -> list[Row]:
    """Without the incidents that Alertmanager tells by several alerts: one silence would not cover them."""
    times = Counter(row["id"] for row in rows)
    return [row for row in rows if times[row["id"]] == 1]


def made(tx: Tx, incident_id: int, alertmanager: str, silence_id: str, now: datetime) -> None:
    """Notes the silence of an incident, one of ours or one that acknowledged it; a second one changes nothing."""
    tx.run(
        "insert into silences (incident_id, alertmanager, silence_id, created_at)"
        " values (:incident_id, :alertmanager, :silence_id, :now) on conflict (incident_id) do nothing",
        incident_id=incident_id,
        alertmanager=alertmanager,
        silence_id=silence_id,
        now=stored(now),
    )


def still_open(tx: Tx) -> Sequence[Open]:
    """Every open incident from an Alertmanager, oldest first."""
    rows = tx.all(
        "select i.id, i.fingerprint, i.labels, i.opened_at, i.last_seen_at, i.acked_at, i.acked_how, s.alertmanager,"
        " s.silence_id from by_source i left join silences s on s.incident_id = i.id"
        f" where {_OPEN_THERE} order by i.id",
        source=SOURCE,
    )
    return [
        Open(
            row["id"], at_source(row["fingerprint"]), load(row["labels"]), moment(row["opened_at"]), moment(row["last_seen_at"]),
            row["acked_at"] is not None, row["acked_how"] == AckBy.SILENCE, row["alertmanager"] or "",
            row["silence_id"] or "",
        )
        for row in _single(rows)
    ]  # fmt: skip


def unheard(tx: Tx, since: Mapping[int, datetime]) -> list[int]:
    """Those incidents that are open, and of which nothing was heard after the time given for each."""
    sql = "select 1 from by_source where id = :id and source = :source and closed_at is null and last_seen_at <= :since"
    return [
        id_
        for id_, heard_at in since.items()
        if tx.one(sql, id=id_, source=SOURCE, since=stored(heard_at)) is not None
    ]


def alerts(tx: Tx, incident_ids: Sequence[int]) -> list[Alert]:
    """The alerts of these incidents, as they came with the beginning."""
    rows = (tx.one("select * from incidents where id = :id", id=id_) for id_ in incident_ids)
    return [_as_told(tx, incident_of(row).subject) for row in rows if row is not None]


def _as_told(tx: Tx, subject: Subject) -> Alert:
    """Under the name by which Alertmanager knows it."""
    row = tx.one(
        "select source, fingerprint from members where incident_id = :id and source = :source and closed_at is null",
        id=subject.incident_id,
        source=SOURCE,
    )
    return (
        subject.alert
        if row is None
        else replace(subject.alert, source=SOURCE, fingerprint=row["fingerprint"])
    )

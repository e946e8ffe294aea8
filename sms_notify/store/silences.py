"""Rows about Alertmanager's silences: what one may acknowledge, what wants one, and which ones we made or saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.alert import MONITOR, Alert, at_source, installation_of
from sms_notify.policy.records import TimerKind
from sms_notify.policy.vocabulary import AckBy
from sms_notify.sources.alertmanager import SOURCE
from sms_notify.store.incident_members import of_incidents
from sms_notify.store.incidents import incident_of
from sms_notify.store.tx import Row, Tx, from_stored, load, moment, stored

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


AlertKey = tuple[int, str]
"""An incident, and by which fingerprint Alertmanager knows its alert; a shared incident has several."""


@dataclass(frozen=True, slots=True)
class Open:
    """An alert of an open incident, as looking for its end needs it; the times are aware UTC.

    `silence_id` is the silence that was noted for the incident at `alertmanager`; both are empty where none was. `listed_by`
    is the Alertmanager that was seen to list the alert, empty for none. `by_silence` says that a silence has acknowledged
    the incident; `suppressed` that it was seen inhibited or muted there; `hidden` that a delivery left some alerts out, and
    this one may have been among them.
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
    suppressed: bool = False
    hidden: bool = False
    listed_by: str = ""

    @property
    def key(self) -> AlertKey:
        return self.id, self.fingerprint

    @property
    def listed_as(self) -> str:
        """As the Alertmanager itself names it; so below."""
        return at_source(self.fingerprint)


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that holds an incident open. `suppressed_at`: when the incident was last seen to be suppressed."""

    incident_id: int
    source: str
    fingerprint: str
    suppressed_at: datetime | None

    @property
    def listed_as(self) -> str:
        return at_source(self.fingerprint)


@dataclass(frozen=True, slots=True)
class HeldCopy:
    """What may be an old copy of the episode that ended at `closed_at`, by the alert's name at Alertmanager. `listed_by`: the
    one that listed it while it was open, empty for none. `name` is what we know the alert by.
    """

    incident_id: int
    fingerprint: str
    closed_at: datetime
    listed_by: str
    name: str = ""


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
    """Every alert from an Alertmanager that holds an incident open, oldest first. members_key finds who lists one of several."""
    rows = tx.all(
        "select i.id, i.fingerprint, i.labels, i.opened_at, i.last_seen_at, i.acked_at, i.acked_how, s.alertmanager,"
        " s.silence_id, x.suppressed_at, x.hidden, coalesce(m.listed_by, x.listed_by) as listed_by"
        " from by_source i join incidents x on x.id = i.id left join silences s on s.incident_id = i.id"
        " left join members m on m.incident_id = i.id and m.source = i.source and m.fingerprint = i.fingerprint"
        f" where {_OPEN_THERE} order by i.id",
        source=SOURCE,
    )
    return [
        Open(
            row["id"], row["fingerprint"], load(row["labels"]), moment(row["opened_at"]), moment(row["last_seen_at"]),
            row["acked_at"] is not None, row["acked_how"] == AckBy.SILENCE,
            row["alertmanager"] or "", row["silence_id"] or "", row["suppressed_at"] is not None,
            bool(row["hidden"]), row["listed_by"],
        )
        for row in rows
    ]  # fmt: skip


def open_alerts(tx: Tx) -> list[OpenAlert]:
    """Every alert that holds something open, of any source."""
    rows = tx.all(
        "select i.id, i.source, i.fingerprint, x.suppressed_at from by_source i join incidents x on x.id = i.id"
        " where i.closed_at is null and x.closed_at is null"
    )
    return [
        OpenAlert(row["id"], row["source"], row["fingerprint"], from_stored(row["suppressed_at"]))
        for row in rows
    ]


def suppressed(tx: Tx, ids: Iterable[int], now: datetime) -> None:
    """These were seen to be suppressed."""
    sql = "update incidents set suppressed_at = ? where id = ? and closed_at is null"
    tx.run_all(sql, [(stored(now), id_) for id_ in ids])


def let_go(tx: Tx, ids: Iterable[int]) -> None:
    tx.run_all("update incidents set suppressed_at = null where id = ?", [(id_,) for id_ in ids])


def still_suppressed(tx: Tx, now: datetime) -> None:
    """At start: nobody could look while we were away; what was suppressed then counts as seen now, until somebody looks."""
    sql = "update incidents set suppressed_at = :now where closed_at is null and suppressed_at is not null"
    tx.run(sql, now=stored(now))


def listed(tx: Tx, key: AlertKey, alertmanager: str) -> None:
    """That one lists it. By the primary key, and by members_key."""
    id_, fingerprint = key
    tx.run(
        "update incidents set listed_by = :alertmanager where id = :id and source = :source",
        alertmanager=alertmanager,
        id=id_,
        source=SOURCE,
    )
    tx.run(
        "update members set listed_by = :alertmanager"
        " where incident_id = :id and source = :source and fingerprint = :fingerprint",
        alertmanager=alertmanager,
        id=id_,
        source=SOURCE,
        fingerprint=fingerprint,
    )


def note_hidden(tx: Tx, now: datetime) -> None:
    """Alertmanager left some alerts out of what it told just now: of what is open and was not in it, the end may be left
    out, too.
    """
    tx.run(
        "update incidents set hidden = 1 where closed_at is null and hidden = 0 and id in"
        f" (select i.id from by_source i where {_OPEN_THERE} and i.last_seen_at < :now)",
        source=SOURCE,
        now=stored(now),
    )


def held_copies(tx: Tx, until: datetime) -> list[HeldCopy]:
    """The copies of Alertmanager's alerts that are held until then at most; of a shared incident, where all of
    them are its. The index agenda_due finds them.
    """
    rows = tx.all(
        "select a.incident_id, i.closed_at, coalesce(m.listed_by, i.listed_by) as listed_by,"
        " coalesce(m.source, i.source) as source,"
        " coalesce(m.fingerprint, i.fingerprint) as fingerprint from agenda a join incidents i on i.id = a.incident_id"
        " left join members m on m.incident_id = i.id and m.last_seen_at > m.closed_at"
        " where a.what = :copy and a.due_at <= :until and i.closed_at is not null",
        copy=TimerKind.COPY,
        until=stored(until),
    )
    other = {row["incident_id"] for row in rows if row["source"] != SOURCE}
    return [
        HeldCopy(
            row["incident_id"],
            at_source(row["fingerprint"]),
            moment(row["closed_at"]),
            row["listed_by"],
            row["fingerprint"],
        )
        for row in rows
        if row["incident_id"] not in other
    ]


def unheard(tx: Tx, since: Mapping[AlertKey, datetime]) -> list[AlertKey]:
    """Those alerts that have not ended, and of which nothing was heard after the time given for each."""
    sql = (
        "select 1 from by_source where id = :id and source = :source and fingerprint = :fingerprint and closed_at is null"
        " and last_seen_at <= :since"
    )
    return [
        (id_, name)
        for (id_, name), heard_at in since.items()
        if tx.one(sql, id=id_, source=SOURCE, fingerprint=name, since=stored(heard_at)) is not None
    ]


def held_open(tx: Tx, incident_ids: Iterable[int]) -> set[int]:
    """Those shared incidents of which an alert has not ended."""
    sql = "select 1 from members where incident_id = :id and closed_at is null limit 1"
    return {id_ for id_ in incident_ids if tx.one(sql, id=id_) is not None}


def alerts(tx: Tx, keys: Iterable[AlertKey]) -> list[Alert]:
    """These alerts as they were told last, under the names by which Alertmanager knows them."""
    wanted = list(keys)
    rows = (tx.one("select * from incidents where id = :id", id=id_) for id_ in dict(wanted))
    own = {row["id"]: incident_of(row).subject.alert for row in rows if row is not None}
    members = {
        (one.incident_id, one.fingerprint): one for one in of_incidents(tx, own) if one.source == SOURCE
    }
    return [members[key].alert if key in members else own[key[0]] for key in wanted if key[0] in own]

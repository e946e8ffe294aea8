"""Erasing what is too old, in steps: one walk along the primary key of each table that grows, the oldest rows first.

A step looks at some rows and erases some; where a walk has come to is kept in memory alone. A run that ends early begins anew,
and passes over what is erased by its range of ids, so that no index has to be kept for it.

The last row of a table is never erased: its id would be given again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sms_notify.policy.retention import Cut, Erased, ErasedPart
from sms_notify.store import blanking, month_accounts
from sms_notify.store.erasable import (
    ARMED_OVER,
    INCIDENT_OVER,
    KEPT,
    MESSAGE_OVER,
    NAMES_NOTHING,
    OF_NO_INCIDENT,
    TOLD_NOTHING,
)
from sms_notify.store.tx import Tx, among, stored

_LOOK = 1000  # ids, where they take no longer than `_LONG`
_FIRST_LOOK = 60  # the first step knows nothing of how long it takes
_LONG = 0.02  # seconds
_LAST = 2**62  # no id is beyond it
_MOST = 50  # incidents, messages and the like in a step
_CHILDREN = 250  # rows that belong to them: an incident may have ten thousand repeats

Ids = Sequence[int]
_Erase = Callable[[Tx, Ids], int]
"""How many of these, from the first on, are erased with all that belongs to them; where not all of them are: once more."""


@dataclass(frozen=True, slots=True)
class _ErasingWalk:
    """`x` is a row of the table in `condition`; `at` is the column by which it grows."""

    part: ErasedPart
    table: str
    at: str
    condition: str
    erase: _Erase

    def chosen(self, columns: str) -> str:
        """What is to be erased between `:first` and `:last`."""
        last = f" and x.id < (select max(z.id) from {self.table} z)" if self.part is ErasedPart.ROWS else ""
        kept = f"with {KEPT} " if self.table == "messages" else ""
        return (
            f"{kept}select {columns} from {self.table} x where x.{self.at} < :cut and {self.condition}{last}"
            " and x.id between :first and :last"
        )


@dataclass(frozen=True, slots=True)
class ErasedStep:
    """What one step did: so many rows of a table lost this part."""

    part: ErasedPart
    table: str
    rows: int


# Words.


def _incident_words(tx: Tx, ids: Ids) -> int:
    ids = _with_few_notifications(tx, ids)
    if blanking.alerts_of(tx, ids, _CHILDREN) == _CHILDREN:
        return 0
    names, named = next(among(ids))
    blanking.notifications(tx, f"incident_id in ({names})", named)
    blanking.incidents(tx, ids)
    return len(ids)


def _with_few_notifications(tx: Tx, ids: Ids) -> Ids:
    """The first of these: all notifications of one are blanked at once, and it may have had reminders for a year."""
    names, named = next(among(ids))
    sql = f"select incident_id, count(*) as n from pages where incident_id in ({names}) group by incident_id"
    of = {row["incident_id"]: int(row["n"]) for row in tx.all(sql, **named)}
    sums = itertools.accumulate(of.get(id_, 0) for id_ in ids)
    return ids[: max(1, sum(so_far <= _CHILDREN for so_far in sums))]


# Rows.


def _delete(table: str) -> _Erase:
    def erase(tx: Tx, ids: Ids) -> int:
        for names, named in among(ids):
            tx.run(f"delete from {table} where id in ({names})", **named)
        return len(ids)

    return erase


def _delete_of(tx: Tx, table: str, column: str, ids: Ids) -> bool:
    """True where none is left but the table's last row."""
    names, named = next(among(ids))
    erased = tx.run(
        f"delete from {table} where id in (select x.id from {table} x where x.{column} in ({names})"
        f" and x.id < (select max(z.id) from {table} z) limit :most)",
        most=_CHILDREN,
        **named,
    )
    return erased < _CHILDREN


def _incident_rows(tx: Tx, ids: Ids) -> int:
    """What belongs to an incident first: where a step stops, it is still found by its incident."""
    names, named = next(among(ids))
    for table in ("alerts", "decisions"):
        if not _delete_of(tx, table, "incident_id", ids):
            return 0
    tx.run(
        f"delete from tried where page_id in (select p.id from pages p where p.incident_id in ({names}))",
        **named,
    )
    if not _delete_of(tx, "pages", "incident_id", ids):
        return 0
    for table in ("members", "silences", "agenda", "armed"):
        tx.run(f"delete from {table} where incident_id in ({names}) and incident_id <> 0", **named)
    blanking.incidents(tx, ids)
    tx.run(
        f"delete from incidents where id in ({names}) and not exists (select 1 from alerts a where a.incident_id = incidents.id)"
        " and not exists (select 1 from decisions d where d.incident_id = incidents.id)"
        " and not exists (select 1 from pages p where p.incident_id = incidents.id)",
        **named,
    )
    return len(ids)


def _message_rows(tx: Tx, ids: Ids) -> int:
    """All of a message's attempts at once: its first is told from the others only beside them."""
    names, named = next(among(ids))
    rows = tx.all(f"select x.id from messages x where x.id in ({names}) and {TOLD_NOTHING}", **named)
    if not rows:
        return len(ids)
    free = [row["id"] for row in rows]
    if not _delete_of(tx, "ledger", "message_id", free):
        return 0
    month_accounts.book(tx, free)
    names, named = next(among(free))
    for table, column in (("attempts", "message_id"), ("messages", "id")):
        tx.run(f"delete from {table} where {column} in ({names})", **named)
    return len(ids)


def _words_of(table: str) -> _Erase:
    def erase(tx: Tx, ids: Ids) -> int:
        blanking.outbox_texts(tx, table, ids)
        return len(ids)

    return erase


def _message_words(tx: Tx, ids: Ids) -> int:
    blanking.messages(tx, ids, Erased.BY_AGE)
    return len(ids)


def _alert_words(tx: Tx, ids: Ids) -> int:
    blanking.alerts(tx, ids)
    return len(ids)


_LABELLED = f"x.labels is not null and x.labels <> '{blanking.LABELS}'"
_WORDED = f"x.body not in {blanking.GONE}"
# Incidents before their texts: a text is over once all that it tells is.
_WALKS = (
    _ErasingWalk(
        ErasedPart.TEXTS, "incidents", "opened_at", f"{_LABELLED} and {INCIDENT_OVER}", _incident_words
    ),
    _ErasingWalk(ErasedPart.TEXTS, "messages", "created_at", f"{_WORDED} and {MESSAGE_OVER}", _message_words),
    _ErasingWalk(
        ErasedPart.TEXTS, "alerts", "received_at", f"{OF_NO_INCIDENT} and {_LABELLED}", _alert_words
    ),
    _ErasingWalk(ErasedPart.TEXTS, "armed", "due_at", f"{_WORDED} and {ARMED_OVER}", _words_of("armed")),
    _ErasingWalk(ErasedPart.TEXTS, "scheduled", "due_at", _WORDED, _words_of("scheduled")),
    _ErasingWalk(ErasedPart.ROWS, "incidents", "opened_at", INCIDENT_OVER, _incident_rows),
    _ErasingWalk(ErasedPart.ROWS, "messages", "created_at", MESSAGE_OVER, _message_rows),
    _ErasingWalk(ErasedPart.ROWS, "alerts", "received_at", OF_NO_INCIDENT, _delete("alerts")),
    _ErasingWalk(ErasedPart.ROWS, "decisions", "at", OF_NO_INCIDENT, _delete("decisions")),
    _ErasingWalk(ErasedPart.ROWS, "armed", "due_at", ARMED_OVER, _delete("armed")),
    _ErasingWalk(ErasedPart.ROWS, "scheduled", "due_at", "x.id > 0", _delete("scheduled")),
    _ErasingWalk(ErasedPart.ROWS, "overrides", "ends_at", "x.id > 0", _delete("overrides")),
    _ErasingWalk(ErasedPart.ROWS, "own_ids", "noted_at", NAMES_NOTHING, _delete("own_ids")),
)
# Few rows, each looked at once a run: what no number of the configuration, and no gateway, keeps alive.
_FEW = {
    "troubles": "closed_at < :cut",
    "breakers": "opened_at is null and first_at < :cut and coalesce(ends_at, 0) < :cut",
}


class Erasure:
    """One run through all tables, a step at a time."""

    def __init__(self) -> None:
        self._walks = list(_WALKS)
        self._after = 0
        self._look = _FIRST_LOOK

    def took(self, seconds: float) -> None:
        """How long the last step made others wait: the next is the smaller for it, down to one row."""
        self._look = max(1, self._look // 2) if seconds > _LONG else min(_LOOK, 2 * self._look)

    def step(self, tx: Tx, cuts: Sequence[Cut]) -> ErasedStep | None:
        """Erases some rows, or none and looks further; None once the run is through. By primary keys."""
        due = {cut.part: stored(cut.before) for cut in cuts}
        while self._walks:
            walk = self._walks[0]
            if walk.part in due and (done := self._go_on(tx, walk, due[walk.part])) is not None:
                return done
            self._walks.pop(0)
            self._after = 0
        return None

    def _go_on(self, tx: Tx, walk: _ErasingWalk, cut: int) -> ErasedStep | None:
        """None at the end: beyond the last row, or where a thousand rows are all too young."""
        first = tx.one(f"select min(id) as id from {walk.table} where id > :after", after=self._after)
        if first is None or first["id"] is None:
            return None
        span = {"first": first["id"], "last": first["id"] + self._look - 1, "cut": cut}
        most = -(-self._look * _MOST // _LOOK)
        rows = tx.all(f"{walk.chosen('x.id')} order by x.id limit {most}", **span)
        if not rows and not self._has_past(tx, walk, span):
            return None
        ids = [row["id"] for row in rows]
        done = walk.erase(tx, ids) if ids else 0
        if done == len(ids):
            self._after = ids[-1] if len(ids) == most else span["last"]
        return ErasedStep(walk.part, walk.table, done)

    @staticmethod
    def _has_past(tx: Tx, walk: _ErasingWalk, span: dict[str, int]) -> bool:
        """Also where a step is small: rows lie by their age but for those of a clock that was set."""
        sql = (
            f"select 1 from {walk.table} x where x.{walk.at} < :cut and x.id between :first and :last limit 1"
        )
        return tx.one(sql, **span | {"last": span["first"] + _LOOK - 1}) is not None


def erase_few(tx: Tx, cuts: Sequence[Cut]) -> int:
    """The end of a run: rows of which there are few."""
    return sum(
        tx.run(f"delete from {table} where {condition}", cut=stored(cut.before))
        for cut in cuts
        if cut.part is ErasedPart.ROWS
        for table, condition in _FEW.items()
    )


def count(tx: Tx, cuts: Sequence[Cut]) -> dict[tuple[ErasedPart, str], int]:
    """How much a run would erase now. Reads whole tables, on a reader's connection."""
    due = {cut.part: stored(cut.before) for cut in cuts}
    found = {}
    for walk in _WALKS:
        if walk.part in due:
            row = tx.one(walk.chosen("count(*) as n"), first=1, last=_LAST, cut=due[walk.part])
            found[walk.part, walk.table] = row["n"] if row is not None else 0
    return found

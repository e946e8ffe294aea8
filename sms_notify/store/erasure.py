"""Erasing what is too old, in steps: one walk along the primary key of each table that grows, the oldest rows first.

A step looks at some rows and erases some; where a walk has come to is kept in memory alone. A run that ends early begins anew,
and passes over what is erased by its range of ids, so that no index has to be kept for it.

The last row of a table is never erased: its id would be given again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sms_notify.policy.retention import Cut, Erased, ErasedPart
from sms_notify.store import blanking, month_accounts
from sms_notify.store.erasable import (
    ARMED_OVER,
    INCIDENT_OVER,
    MESSAGE_OVER,
    NAMES_NOTHING,
    OF_NO_INCIDENT,
    TOLD_NOTHING,
)
from sms_notify.store.tx import Tx, among, stored

_LOOK = 1000  # ids
_MOST = 50  # incidents, messages and the like in a step
_CHILDREN = 250  # rows that belong to them: an incident may have ten thousand repeats

Ids = Sequence[int]
_Erase = Callable[[Tx, Ids], bool]
"""True where all that belongs to these is erased, and they are; False: once more."""


@dataclass(frozen=True, slots=True)
class _ErasingWalk:
    """`x` is a row of the table in `condition`; `at` is the column by which it grows."""

    part: ErasedPart
    table: str
    at: str
    condition: str
    erase: _Erase

    @property
    def rest(self) -> str:
        last = f" and x.id < (select max(z.id) from {self.table} z)" if self.part is ErasedPart.ROWS else ""
        return f"x.{self.at} < :cut and {self.condition}{last}"


@dataclass(frozen=True, slots=True)
class ErasedStep:
    """What one step did: so many rows of a table lost this part."""

    part: ErasedPart
    table: str
    rows: int


# Words.


def _incident_words(tx: Tx, ids: Ids) -> bool:
    if blanking.alerts_of(tx, ids, _CHILDREN) == _CHILDREN:
        return False
    names, named = next(among(ids))
    blanking.notifications(tx, f"incident_id in ({names})", named)
    blanking.incidents(tx, ids)
    return True


# Rows.


def _delete(table: str) -> _Erase:
    def erase(tx: Tx, ids: Ids) -> bool:
        for names, named in among(ids):
            tx.run(f"delete from {table} where id in ({names})", **named)
        return True

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


def _incident_rows(tx: Tx, ids: Ids) -> bool:
    """What belongs to an incident first: where a step stops, it is still found by its incident."""
    names, named = next(among(ids))
    for table in ("alerts", "decisions"):
        if not _delete_of(tx, table, "incident_id", ids):
            return False
    tx.run(
        f"delete from tried where page_id in (select p.id from pages p where p.incident_id in ({names}))",
        **named,
    )
    if not _delete_of(tx, "pages", "incident_id", ids):
        return False
    for table in ("members", "silences", "agenda", "armed"):
        tx.run(f"delete from {table} where incident_id in ({names}) and incident_id <> 0", **named)
    blanking.incidents(tx, ids)
    tx.run(
        f"delete from incidents where id in ({names}) and not exists (select 1 from alerts a where a.incident_id = incidents.id)"
        " and not exists (select 1 from decisions d where d.incident_id = incidents.id)"
        " and not exists (select 1 from pages p where p.incident_id = incidents.id)",
        **named,
    )
    return True


def _message_rows(tx: Tx, ids: Ids) -> bool:
    """All of a message's attempts at once: its first is told from the others only beside them."""
    names, named = next(among(ids))
    rows = tx.all(f"select x.id from messages x where x.id in ({names}) and {TOLD_NOTHING}", **named)
    if not rows:
        return True
    ids = [row["id"] for row in rows]
    if not _delete_of(tx, "ledger", "message_id", ids):
        return False
    month_accounts.book(tx, ids)
    names, named = next(among(ids))
    for table, column in (("attempts", "message_id"), ("messages", "id")):
        tx.run(f"delete from {table} where {column} in ({names})", **named)
    return True


def _words_of(table: str) -> _Erase:
    def erase(tx: Tx, ids: Ids) -> bool:
        blanking.outbox_texts(tx, table, ids)
        return True

    return erase


def _message_words(tx: Tx, ids: Ids) -> bool:
    blanking.messages(tx, ids, Erased.BY_AGE)
    return True


def _alert_words(tx: Tx, ids: Ids) -> bool:
    blanking.alerts(tx, ids)
    return True


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
        span = {"first": first["id"], "last": first["id"] + _LOOK - 1, "cut": cut}
        rows = tx.all(
            f"select x.id from {walk.table} x where x.id between :first and :last and {walk.rest} order by x.id limit {_MOST}",
            **span,
        )
        if not rows and not self._has_past(tx, walk, span):
            return None
        ids = [row["id"] for row in rows]
        if not ids or walk.erase(tx, ids):
            self._after = ids[-1] if len(ids) == _MOST else span["last"]
        return ErasedStep(walk.part, walk.table, len(ids))

    @staticmethod
    def _has_past(tx: Tx, walk: _ErasingWalk, span: dict[str, int]) -> bool:
        sql = (
            f"select 1 from {walk.table} x where x.id between :first and :last and x.{walk.at} < :cut limit 1"
        )
        return tx.one(sql, **span) is not None


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
            row = tx.one(f"select count(*) as n from {walk.table} x where {walk.rest}", cut=due[walk.part])
            found[walk.part, walk.table] = row["n"] if row is not None else 0
    return found

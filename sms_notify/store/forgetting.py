"""Erasing one person at once: numbers, and the texts that went there, however young. What happened stays, and is counted.

`who` is a name of the ledger or a number. All statements here read whole tables: somebody asks for it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sms_notify.policy.armed_texts import ArmedState
from sms_notify.policy.records import Decided
from sms_notify.policy.retention import NUMBER_ERASED, Erased
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.vocabulary import Decision, State
from sms_notify.store import blanking, decisions
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Tx, among

_STEP = 50
_FINAL = in_list(state for state in State if state.final)
_LYING = in_list(state for state in ArmedState if state.may_fire)
_THEIRS = "(x.recipient = :who or x.number = :who)"
_NUMBERED = f"substr(x.number, 1, {len(NUMBER_ERASED)}) <> '{NUMBER_ERASED}'"
_OPEN = "exists (select 1 from incidents i where i.id = x.incident_id and i.closed_at is null)"


@dataclass(frozen=True, slots=True)
class PersonRows:
    """What the ledger has of a person: the ids to erase, and what cannot be erased yet.

    `numbers` are those that their texts went to. `waiting` counts texts and notifications that are still to leave.
    """

    messages: Sequence[int]
    incidents: Sequence[int]
    armed: Sequence[int]
    scheduled: Sequence[int]
    numbers: Sequence[str]
    waiting: int
    still_open: int

    @property
    def known(self) -> bool:
        return bool(
            self.messages or self.incidents or self.armed or self.scheduled or self.numbers or self.waiting
        )


def look(tx: Tx, who: str, *, configured: bool) -> PersonRows:
    """What of somebody who is `configured` belongs to open incidents is needed for the texts that follow."""

    def ids(what: str, condition: str) -> list[int]:
        return [
            row["id"] for row in tx.all(f"select distinct {what} x where {_THEIRS} and {condition}", who=who)
        ]

    return PersonRows(
        ids("x.id from messages", f"x.state in {_FINAL} and x.body not in {blanking.GONE}"),
        ids("x.incident_id as id from pages", f"{_NUMBERED} and not {_OPEN}" if configured else _NUMBERED),
        ids("x.id from armed", f"x.state not in {_LYING} and x.body not in {blanking.GONE}"),
        ids("x.id from scheduled", f"x.body not in {blanking.GONE}"),
        _numbers(tx, who),
        _waiting(tx, who),
        len(ids("x.incident_id as id from pages", f"{_NUMBERED} and {_OPEN}")) if configured else 0,
    )


def _numbers(tx: Tx, who: str) -> list[str]:
    union = " union ".join(
        f"select number from {table} where {name} = :who or number = :who"
        for table, name in _NUMBERS_IN.items()
    )
    found = {row["number"] for row in tx.all(union, who=who)}
    return sorted(number for number in found if not number.startswith(NUMBER_ERASED))


_NUMBERS_IN = {"messages": "recipient", "pages": "recipient", "beliefs": "reader", "armed": "recipient"}


def _waiting(tx: Tx, who: str) -> int:
    """By the indexes of what is not final."""
    texts = " union all ".join(
        f"select x.id from messages x where x.state = '{state}' and {_THEIRS}"
        for state in State
        if not state.final
    )
    held = f"select x.id from pages x where x.state = 'held' and {_THEIRS}"
    lying = f"select x.id from armed x where x.state in {_LYING} and {_THEIRS}"
    row = tx.one(
        f"select count(*) as n from ({texts} union all {held} union all {lying}) as waiting", who=who
    )
    return int(row["n"]) if row is not None else 0


Commit = Callable[[Callable[[Tx], None]], None]


def erase(
    commit: Commit, who: str, found: PersonRows, note: Callable[[Tx], None], *, configured: bool
) -> None:
    """In short transactions, so that a daemon beside it commits in between. What is erased twice is as erased once. The last
    of them writes the `note`.
    """
    for some in _steps(found.messages):
        commit(partial(blanking.messages, ids=some, why=Erased.FORGOTTEN))
    for some in _steps(found.incidents):
        commit(partial(_of_incidents, who=who, ids=some, numbers=found.numbers))
    for table in ("armed", "scheduled"):
        for some in _steps(getattr(found, table)):
            commit(partial(blanking.outbox_texts, table=table, ids=some, why=Erased.FORGOTTEN))
    commit(partial(_forget_beliefs, who=who, note=note, configured=configured))


def _steps(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _STEP):
        yield ids[start : start + _STEP]


def _of_incidents(tx: Tx, who: str, ids: Sequence[int], numbers: Sequence[str]) -> None:
    """Their numbers, and where the words of a decision name one."""
    for names, named in among(ids):
        blanking.notifications(
            tx, f"incident_id in ({names}) and (recipient = :who or number = :who)", named | {"who": who}
        )
        for number in numbers:
            tx.run(
                f"update decisions set detail = replace(detail, :number, '{NUMBER_ERASED}') where incident_id in ({names})",
                number=number,
                **named,
            )


def _forget_beliefs(tx: Tx, who: str, note: Callable[[Tx], None], *, configured: bool) -> None:
    is_open = (
        "exists (select 1 from incidents i where i.source = beliefs.source and i.fingerprint = beliefs.fingerprint"
        " and i.closed_at is null)"
    )
    keep = f" and not {is_open}" if configured else ""
    tx.run(f"delete from beliefs where (reader = :who or number = :who){keep}", who=who)
    note(tx)


# Of a number that nobody has any more.
_OF_NUMBER = (
    "delete from breakers where subject = :number and scope = '{scope}'",
    "delete from number_trials where number = :number",
    "delete from holds where number = :number",
    "delete from configured where value = :number",
    f"update troubles set what = replace(what, :number, '{NUMBER_ERASED}'),"
    f" advice = replace(advice, :number, '{NUMBER_ERASED}')",
    "delete from troubles where replace(id, :number, '') <> id",
)


def forget_number(tx: Tx, number: str) -> None:
    """What is known of a number at the gateways, and said of it: also that one refuses it."""
    for sql in _OF_NUMBER:
        tx.run(sql.replace("{scope}", Scope.NUMBER), number=number)


def note(tx: Tx, detail: str, node: str, now: datetime) -> None:
    """That somebody had somebody erased."""
    decisions.record(tx, [Decided(Decision.FORGOTTEN, detail=detail)], node, now)

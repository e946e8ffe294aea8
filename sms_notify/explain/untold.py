"""What is critical and has reached nobody: the first line of everything that shows incidents, and why it is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.explain.waiting import first_waits, say_hold, say_wait
from sms_notify.policy.bars import Breaker
from sms_notify.policy.holds import Hold
from sms_notify.policy.vocabulary import PageState
from sms_notify.store import breakers, queries
from sms_notify.store.tx import Row, Tx, moment
from sms_notify.wording.clock import Says


@dataclass(frozen=True, slots=True)
class UntoldReason:
    """Why nobody has heard of an incident yet, in words and as one word: what holds it, or what became of its last text.
    `next_at` is when a text may leave, None where none waits.
    """

    said: str
    word: str
    next_at: datetime | None

    @property
    def grouping(self) -> bool:
        """Whether it only waits for others of its group, as all do."""
        return self.word == Hold.GROUP


def untold_line(tx: Tx, now: datetime, clock: Says) -> str:
    """`1 critical incident reached nobody; next text 15:05 CET`; empty where there is none. What only waits for its group is left
    out: its first seconds are no fault.
    """
    untold, due = queries.critical_untold(tx, now)
    return say_untold(untold, due, breakers.all_open(tx), now, clock)


def say_untold(
    untold: int, due: datetime | None, closed: Sequence[Breaker], now: datetime, clock: Says
) -> str:
    if not untold:
        return ""
    shut = next((breaker.gateway for breaker in closed if breaker.scope.whole), None)
    if due is None:
        then = "no text waits"
    elif due > now:
        then = f"next text {clock(due)}"
    else:
        then = "a text is about to leave" if shut is None else f"its text waits for gateway {shut}"
    return f"{untold} critical incident{'s' if untold > 1 else ''} reached nobody; {then}"


def reason_of(
    tx: Tx, incident_id: int, gateways: tuple[str, ...], now: datetime, clock: Says
) -> UntoldReason:
    """Of one incident that reached nobody: what holds the first text that may leave, else how the last one failed."""
    pages, messages = queries.pages_of(tx, incident_id), queries.messages_of(tx, incident_id)
    waiting = [_held(page, clock) for page in pages if page["state"] == PageState.HELD]
    queued = first_waits(tx, [incident_id], gateways, now).values()
    waiting += [UntoldReason(say_wait(wait, clock), wait.why, wait.next_at) for wait in queued]
    if waiting:
        return min(waiting, key=lambda one: (one.next_at is None, one.next_at or now))
    if messages:
        return _how_it_went(tx, messages[-1])
    why = ", ".join(dict.fromkeys(page["why"] for page in pages))
    return UntoldReason(why, why, None)


def _held(page: Row, clock: Says) -> UntoldReason:
    until = moment(page["due_at"])
    return UntoldReason(say_hold(page["why"], page["held_by"], until, clock), page["why"], until)


def _how_it_went(tx: Tx, message: Row) -> UntoldReason:
    entry = queries.ledger_of(tx, message["id"])[-1]
    code = f" {entry['code']}" if entry["code"] is not None else ""
    said = f"m{message['id']} to {message['recipient']} {message['state']}: {entry['reason']}{code}"
    return UntoldReason(said, entry["reason"], None)

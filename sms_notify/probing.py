"""Asking, at no cost, whether what was refused is taken again: the balance, or a text that is only tested.

An open breaker keeps every message from its gateway, so nothing but these questions can close it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sms_notify.decide.reactions import Scope, Then, react
from sms_notify.gateways.base import Fate, Gateway, Outcome, Submission
from sms_notify.gateways.codes import explain_code
from sms_notify.sender import Clock, Commit, Luck
from sms_notify.store import breakers, outbox
from sms_notify.store.breakers import Breaker
from sms_notify.store.tx import Tx

_TEXT = "sms-notify asks whether this account takes texts"


@dataclass(frozen=True, slots=True)
class Probed:
    """One question and what came of it; `answer` is the word of the log."""

    breaker: Breaker
    closed: bool
    answer: str


class Prober:
    """Asks for one account. `numbers` are those that a tested text may be addressed to; none is ever sent."""

    def __init__(
        self, commit: Commit, gateway: Gateway, clock: Clock, luck: Luck, numbers: tuple[str, ...]
    ) -> None:
        self._commit = commit
        self._gateway = gateway
        self._clock = clock
        self._luck = luck
        self._numbers = numbers

    def follow(self, numbers: tuple[str, ...]) -> None:
        """The configuration was read again, and names these people now."""
        self._numbers = numbers

    def probe_once(self) -> Probed | None:
        """The question that is due, if one is; the next is put off before this one is asked."""
        now = self._clock()
        breaker = self._commit(lambda tx: breakers.take_probe(tx, self._gateway.name, now))
        if breaker is None:
            return None
        closed, answer = self._credits() if breaker.scope is Scope.CREDITS else self._test(breaker)
        if closed:
            self._commit(lambda tx: breakers.close(tx, breaker, self._clock()))
        return Probed(breaker, closed, answer)

    def _credits(self) -> tuple[bool, str]:
        """Enough for the next message is enough: the reserve and the limits are decided elsewhere."""
        left = self._gateway.credits()
        needed = self._commit(self._needed)
        return (isinstance(left, int) and left >= needed, str(left) if isinstance(left, int) else left.reason)

    def _needed(self, tx: Tx) -> int:
        first = outbox.waiting_for(tx, self._gateway.name, 1)
        return first[0].parts if first else 1

    def _test(self, breaker: Breaker) -> tuple[bool, str]:
        number = self._commit(lambda tx: self._number(tx, self._clock()))
        if number is None:
            return True, "nobody to text"
        submission = Submission(number, _TEXT, self._luck.reference(), test=True)
        outcome = self._gateway.send(submission)
        works = _account_works(outcome)
        if not works and outcome.code != breaker.code:
            self._commit(lambda tx: self._learn(tx, breaker, outcome, self._clock()))
        return works, f"{outcome.reason} {outcome.code or ''}".strip()

    def _learn(self, tx: Tx, breaker: Breaker, outcome: Outcome, now: datetime) -> None:
        """Another reason than the one before: its own pace, and its own trouble."""
        reaction = react(outcome)
        if reaction.breaks is None or reaction.breaks.probe is None:
            return
        breakers.learn(tx, breaker, reaction.breaks, outcome, now)
        if reaction.trouble is not None and outcome.code is not None:
            code = explain_code(outcome.code)
            id_ = breakers.trouble_id(breaker.gateway, breaker.scope, breaker.subject, outcome.code)
            what = f"{breaker.gateway}: error {outcome.code}, {code.meaning}"
            breakers.report(tx, id_, reaction.trouble, breaker.gateway, what, code.advice, now)

    def _number(self, tx: Tx, now: datetime) -> str | None:
        """One that the gateway has not refused, for its refusal would say nothing of the account."""
        numbers = self._numbers
        good = (n for n in numbers if not breakers.is_open(tx, self._gateway.name, Scope.NUMBER, n, now))
        return next(good, numbers[0] if numbers else None)


def _account_works(outcome: Outcome) -> bool:
    """A refusal of the number or of the text comes after the account's own checks: the account is fine."""
    if outcome.fate is Fate.SENT:
        return True
    return outcome.code is not None and react(outcome).then in (Then.FAIL, Then.ELSEWHERE, Then.RECUT)

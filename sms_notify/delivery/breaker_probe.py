"""Asking, at no cost, whether what was refused is taken again: the balance, or a text that is only tested.

An open breaker keeps every message from where it stands, so nothing but these questions can close it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sms_notify.delivery.open_ways import usable_sender
from sms_notify.delivery.sender import Clock, Commit, Luck
from sms_notify.gateways.base import Gateway, Submission
from sms_notify.gateways.registry import explain_code
from sms_notify.policy import bars
from sms_notify.policy.account import Account
from sms_notify.policy.bars import Breaker
from sms_notify.policy.country_codes import country_of
from sms_notify.policy.outcomes import Fate, Outcome
from sms_notify.policy.retry_policy import Reaction, Scope, Then, react
from sms_notify.policy.self_alert_notes import note_id
from sms_notify.store import breakers, outbox
from sms_notify.store.tx import Tx

_TEXT = "sms-notify asks whether texts are taken"
_LONG = " ".join([_TEXT] * 5)  # more than one part
_OF_COUNTRIES = (Scope.COUNTRY, Scope.NO_LONG)


def trial_text(number: str, reference: str = "", sender: str = "", *, long: bool = False) -> Submission:
    """A text that is checked and not sent, by which everything of ours asks whether a number is taken."""
    return Submission(number, _LONG if long else _TEXT, reference, long, test=True, sender=sender)


@dataclass(frozen=True, slots=True)
class Probed:
    """One question and what came of it; `answer` is the word of the log."""

    breaker: Breaker
    closed: bool
    answer: str


class Prober:
    """Asks for one account. `numbers` are those that a tested text may be addressed to; none is ever sent."""

    def __init__(
        self,
        commit: Commit,
        gateway: Gateway,
        account: Account,
        clock: Clock,
        luck: Luck,
        numbers: tuple[str, ...],
    ) -> None:
        self._commit = commit
        self._gateway = gateway
        self._account = account
        self._clock = clock
        self._luck = luck
        self._numbers = numbers

    def follow(self, account: Account, numbers: tuple[str, ...]) -> None:
        """The configuration was read again, and names these people now."""
        self._account = account
        self._numbers = numbers

    def probe_once(self) -> Probed | None:
        """The question that is due, if one is; the next is put off before this one is asked."""
        now = self._clock()
        breaker = self._commit(lambda tx: breakers.take_probe(tx, self._gateway.name, now))
        return None if breaker is None else self.ask(breaker)

    def ask(self, breaker: Breaker) -> Probed:
        """Asks about one breaker now, and closes it where the answer allows that."""
        closed, answer = self._credits() if breaker.scope is Scope.CREDITS else self._test(breaker)
        if closed:
            self._commit(lambda tx: self._close(tx, breaker))
        return Probed(breaker, closed, answer)

    def _close(self, tx: Tx, breaker: Breaker) -> None:
        """What waited leaves at once, also a text whose own pause after its refusal has not passed."""
        now = self._clock()
        breakers.close(tx, breaker, now)
        if breaker.scope.whole:
            outbox.end_waits(tx, self._gateway.name, now)

    def _credits(self) -> tuple[bool, str]:
        """Enough for the next message is enough: the reserve and the limits are decided elsewhere."""
        left = self._gateway.credits()
        needed = self._commit(self._needed)
        return (isinstance(left, int) and left >= needed, str(left) if isinstance(left, int) else left.reason)

    def _needed(self, tx: Tx) -> int:
        first = outbox.waiting_for(tx, self._gateway.name, 1)
        return first[0].parts if first else 1

    def _test(self, breaker: Breaker) -> tuple[bool, str]:
        asked = self._commit(lambda tx: self._question(tx, breaker))
        if asked is None:
            return True, "nobody to text"
        outcome = self._gateway.send(asked)
        works = _works(breaker.scope, outcome)
        self._commit(lambda tx: self._note(tx, breaker, asked, outcome, works))
        return works, f"{outcome.reason} {outcome.code or ''}".strip()

    def _question(self, tx: Tx, breaker: Breaker) -> Submission | None:
        """What to test; None where the configuration names nobody any more whom the breaker is about."""
        number = self._number(tx, breaker)
        if number is None:
            return None
        long, sender = breaker.scope is Scope.NO_LONG, self._sender(tx, breaker)
        return trial_text(number, self._luck.reference(), sender, long=long)

    def _number(self, tx: Tx, breaker: Breaker) -> str | None:
        """The number that is barred, or one of the country; for an account one that is not refused, for a refusal of
        the number would say nothing of the account.
        """
        fit = self._numbers
        if breaker.scope is Scope.NUMBER:
            return breaker.subject if breaker.subject in fit else None
        if breaker.scope in _OF_COUNTRIES:
            fit = tuple(number for number in fit if country_of(number) == breaker.subject)
        name, whole = self._gateway.name, breaker.scope not in _OF_COUNTRIES
        known = breakers.all_open(tx)
        good = (
            number
            for number in fit
            if not bars.is_open(known, name, Scope.NUMBER, number)
            and not (whole and bars.bar_of(known, name, number) is not None)
        )
        return next(good, fit[0] if fit else None)

    def _sender(self, tx: Tx, breaker: Breaker) -> str:
        """Where every sender is refused, they take turns: any of them may be allowed again."""
        if breaker.scope is Scope.SENDER:
            return breaker.subject
        senders = self._account.senders
        return usable_sender(tx, self._account) or senders[breaker.probes % len(senders)]

    def _note(self, tx: Tx, breaker: Breaker, asked: Submission, outcome: Outcome, works: bool) -> None:
        """What the answer shows beside the breaker that was asked about."""
        now = self._clock()
        if outcome.fate is Fate.SENT:
            breakers.prove(tx, self._gateway.name, asked.number, asked.sender, now, long=asked.long)
        elif works:  # the account works, and so does the sender that asked
            breakers.prove(tx, self._gateway.name, "", asked.sender, now)
        elif outcome.code != breaker.code:
            self._learn(tx, breaker, asked, outcome, now)

    def _learn(self, tx: Tx, breaker: Breaker, asked: Submission, outcome: Outcome, now: datetime) -> None:
        """Another reason than the one before: its own pace, and its own self-alert."""
        reaction = react(outcome)
        rule = reaction.breaks
        if rule is None or not (breaker.scope.whole or rule.scope is breaker.scope):
            return  # it is about something else, and says nothing of what was asked about
        breakers.learn(tx, breaker, rule, outcome, now)
        if (
            rule.scope is Scope.SENDER is not breaker.scope
        ):  # so that the next question is asked by the other one
            breakers.fail(tx, self._gateway.name, rule, asked.sender, outcome, now)
        self._report(tx, breaker, reaction, outcome, now)

    def _report(self, tx: Tx, breaker: Breaker, reaction: Reaction, outcome: Outcome, now: datetime) -> None:
        if reaction.self_alert is not None and outcome.code is not None:
            code = explain_code(outcome.code)
            id_ = note_id(breaker.gateway, breaker.scope, breaker.subject, outcome.code)
            what = f"{breaker.gateway}: error {outcome.code}, {code.meaning}"
            breakers.report(tx, id_, reaction.self_alert, breaker.gateway, what, code.advice, now)


def _works(scope: Scope, outcome: Outcome) -> bool:
    """Whether an answer closes a breaker of `scope`.

    A refusal of the number or of the text comes after the account's own checks: the account and its sender are fine.
    Of a number or a country, only a yes is a yes.
    """
    if outcome.fate is Fate.SENT:
        return True
    later = outcome.refusal is not None and react(outcome).then in (Then.FAIL, Then.ELSEWHERE, Then.RECUT)
    return later and (scope.whole or scope is Scope.SENDER)

"""Trying each number at no cost (`test=ja`), so that a refusal is known before a page meets it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sms_notify.delivery.breaker_probe import trial_text
from sms_notify.delivery.protection import hold_against
from sms_notify.delivery.sender import Clock, Commit, Luck
from sms_notify.gateways.base import Gateway, Submission
from sms_notify.logs import masked
from sms_notify.policy import bars
from sms_notify.policy.account import Account
from sms_notify.policy.country_codes import country_of
from sms_notify.policy.number_trials import AGAIN, EVERY, next_number
from sms_notify.policy.outcomes import Fate, Outcome, Refusal
from sms_notify.policy.retry_policy import Scope
from sms_notify.store import breakers, outbox, trial_rows
from sms_notify.store.tx import Tx

_OF_NUMBERS = (Scope.NUMBER, Scope.COUNTRY)


@dataclass(frozen=True, slots=True)
class NumberChecked:
    """One question and its answer; `who` is whose number it is, by name."""

    gateway: str
    who: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class NumbersToCheck:
    """Those that one configuration names; empty where it wants none to be tried. `long`: it has texts of several parts."""

    numbers: tuple[str, ...] = ()
    long: bool = False


class NumberChecks:
    """Of one account, one number at a time."""

    def __init__(
        self,
        commit: Commit,
        gateway: Gateway,
        account: Account,
        clock: Clock,
        luck: Luck,
        to_check: NumbersToCheck,
    ) -> None:
        self._commit, self._gateway, self._clock, self._luck = commit, gateway, clock, luck
        self.follow(account, to_check)

    def follow(self, account: Account, to_check: NumbersToCheck, *, retired: bool = False) -> None:
        """The configuration was read again; a `retired` account is another's by now, and its answers say nothing."""
        self._account, self._to_check, self._retired = account, to_check, retired

    def check_once(self) -> NumberChecked | None:
        """Asks about the number that is due, if one is. It never stands before a text that waits."""
        if self._retired or not self._to_check.numbers:
            return None
        asked = self._commit(self._take)
        if asked is None:
            return None
        outcome = self._ask(asked)
        return NumberChecked(self._gateway.name, self._owner(asked.number), outcome)

    def _take(self, tx: Tx) -> Submission | None:
        """The question, which is put off for an hour before it leaves: one node alone asks, and a crash asks nothing twice."""
        now, name = self._clock(), self._gateway.name
        closed = breakers.all_open(tx)
        trials = {one.number: one for one in trial_rows.known(tx) if one.gateway == name}
        number = next_number(self._to_check.numbers, trials, closed, name, now)
        sender = bars.usable_sender(closed, self._account)
        if number is None or sender is None or outbox.waiting_for(tx, name, 1):
            return None
        trial_rows.ask(tx, name, number, now)
        no_long = bars.is_open(closed, name, Scope.NO_LONG, country_of(number))
        long = self._to_check.long and not no_long
        return trial_text(number, self._luck.reference(), sender, long=long)

    def _ask(self, asked: Submission) -> Outcome:
        """A country that takes no long texts may take short ones."""
        outcome = self._gateway.send(asked)
        self._commit(lambda tx: self._note(tx, asked, outcome, self._clock()))
        if outcome.refusal is not Refusal.LONG_TEXT or not asked.long:
            return outcome
        return self._ask(trial_text(asked.number, self._luck.reference(), asked.sender))

    def _note(self, tx: Tx, asked: Submission, outcome: Outcome, now: datetime) -> None:
        if self._retired:
            return
        name = self._gateway.name
        if outcome.fate is Fate.SENT:
            breakers.prove(tx, name, asked.number, asked.sender, now, long=asked.long)
            trial_rows.note(tx, name, asked.number, now, good=True)
        elif outcome.fate is Fate.REFUSED and self._refused(tx, asked, outcome, now):
            trial_rows.note(tx, name, asked.number, now, good=False)
        else:
            trial_rows.ask(tx, name, asked.number, now - EVERY + AGAIN)

    def _refused(self, tx: Tx, asked: Submission, outcome: Outcome, now: datetime) -> bool:
        """As if a text had met it. Whether it is the number, or its country, that is refused."""
        about = f"the number of {self._owner(asked.number)}"
        reaction = hold_against(tx, self._account, asked, about, outcome, now)
        return reaction.breaks is not None and reaction.breaks.scope in _OF_NUMBERS

    def _owner(self, number: str) -> str:
        owner = self._account.directory.owner(number)
        return masked(number) if owner is None else owner.name

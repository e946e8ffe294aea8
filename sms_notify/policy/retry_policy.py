"""What follows from how an attempt ended: for this text, for what else would meet the same problem, and for us.

One table by refusal and one by the way a request failed; every row of the failure model is a row here. Pure:
an outcome and what is known of the message in, a reaction out. Sender and store carry it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from sms_notify.policy.outcomes import Fate, Outcome, Reason, Refusal

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_MOST_DOUBLINGS = 16  # far above every cap, and keeps the product inside what a timedelta can hold


class Then(StrEnum):
    """What happens to the text itself."""

    SENT = "sent"
    UNKNOWN = "unknown"  # it may be out: wait for a report, resend at most once
    RETRY = "retry"  # again after a pause
    WAIT = "wait"  # back to the queue, where an open breaker keeps it
    RECUT = "recut"  # again at once, shorter
    REWORD = "reword"  # again at once, with the least a page can say
    ELSEWHERE = "elsewhere"  # this gateway will never take it: another one, or nobody
    FAIL = "fail"  # no gateway will take it


class Scope(StrEnum):
    """What a breaker keeps from being tried. Its key is a sender, a number, a country, or nothing."""

    ACCOUNT = "account"
    CREDITS = "credits"
    SENDER = "sender"
    NUMBER = "number"
    COUNTRY = "country"
    NO_LONG = "no_long"

    @property
    def whole(self) -> bool:
        """True where nothing at all leaves through the gateway."""
        return self in (Scope.ACCOUNT, Scope.CREDITS)


class Level(StrEnum):
    """How much a self-alert matters."""

    PAGE = "page"  # somebody must act now
    TICKET = "ticket"  # somebody must know


@dataclass(frozen=True, slots=True)
class Break:
    """A breaker: it opens at the `count`-th failure within a minute.

    `probe` is the pause before the first free question whether it may close, doubled up to `cap`.
    """

    scope: Scope
    count: int
    probe: timedelta
    cap: timedelta


@dataclass(frozen=True, slots=True)
class Urgency:
    """How urgent a self-alert is; `after` is how long the problem must last before somebody is told."""

    level: Level
    after: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Reaction:
    """`base` and `cap` bound the pause of a RETRY."""

    then: Then
    base: timedelta = timedelta()
    cap: timedelta = timedelta()
    breaks: Break | None = None
    self_alert: Urgency | None = None

    def pause(self, attempt: int, dice: float) -> timedelta:
        """Full jitter over the doubled base, so that nodes do not march in step; never under half the base."""
        doublings = min(max(attempt - 1, 0), _MOST_DOUBLINGS)
        return max(self.base / 2, min(self.cap, self.base * (1 << doublings)) * dice)


_PAGE, _TICKET = Urgency(Level.PAGE), Urgency(Level.TICKET)
_QUARTER = 15 * _MINUTE


def _account(probe: timedelta, cap: timedelta, after: timedelta = timedelta()) -> Reaction:
    return Reaction(
        Then.WAIT, breaks=Break(Scope.ACCOUNT, 1, probe, cap), self_alert=Urgency(Level.PAGE, after)
    )


def _bar(scope: Scope) -> Break:
    """A refusal of one number, country or sender may be a slip of the gateway, and it costs somebody their pages:
    asked about soon, and never a quarter of an hour late.
    """
    return Break(scope, 1, 30 * _SECOND, _QUARTER)


_SENDER = Reaction(Then.WAIT, breaks=_bar(Scope.SENDER), self_alert=_TICKET)
_NUMBER = Reaction(Then.FAIL, breaks=_bar(Scope.NUMBER), self_alert=_PAGE)
_COUNTRY = Reaction(Then.ELSEWHERE, breaks=_bar(Scope.COUNTRY), self_alert=_PAGE)
_OUR_MISTAKE = Reaction(Then.FAIL, self_alert=_TICKET)  # what a send never gets unless we made a mistake

BY_REFUSAL: Mapping[Refusal, Reaction] = {
    Refusal.LOGIN: _account(_QUARTER, _QUARTER),  # lock-out risk: never in a tight loop, never per message
    Refusal.UNPAID: _account(_QUARTER, _QUARTER),
    Refusal.BLOCKED: _account(_HOUR, _HOUR),
    Refusal.NO_CREDITS: Reaction(
        Then.WAIT, breaks=Break(Scope.CREDITS, 1, _MINUTE, 10 * _MINUTE), self_alert=_PAGE
    ),
    Refusal.SENDER: _SENDER,
    Refusal.NO_NUMBER: Reaction(Then.FAIL, self_alert=_PAGE),
    Refusal.NUMBER: _NUMBER,
    Refusal.COUNTRY_CODE: _NUMBER,  # `for_numeric_sender` tries the other sender first
    Refusal.COUNTRY: _COUNTRY,
    Refusal.NO_TEXT: Reaction(Then.REWORD, self_alert=_TICKET),
    Refusal.TOO_LONG: Reaction(Then.RECUT, self_alert=_TICKET),
    Refusal.TOO_MANY_PARTS: Reaction(Then.RECUT, self_alert=_TICKET),
    Refusal.LONG_TEXT: Reaction(Then.RECUT, breaks=_bar(Scope.NO_LONG), self_alert=_TICKET),
    Refusal.PASSING_FAULT: Reaction(
        Then.RETRY,
        15 * _SECOND,
        5 * _MINUTE,
        Break(Scope.ACCOUNT, 3, 15 * _SECOND, 5 * _MINUTE),
        Urgency(Level.PAGE, 5 * _MINUTE),
    ),
    Refusal.MAINTENANCE: _account(30 * _SECOND, 5 * _MINUTE, 10 * _MINUTE),
    Refusal.TIME: _OUR_MISTAKE,
    Refusal.NOTHING_SCHEDULED: _OUR_MISTAKE,
    Refusal.REPORT: _OUR_MISTAKE,
    Refusal.NO_GROUP: Reaction(Then.FAIL, self_alert=_PAGE),
    Refusal.EMPTY_GROUP: Reaction(Then.FAIL, self_alert=_PAGE),
    Refusal.UNKNOWN: Reaction(
        Then.RETRY, _MINUTE, _QUARTER, Break(Scope.ACCOUNT, 3, _MINUTE, _QUARTER), Urgency(Level.PAGE)
    ),
}

_WRONG_URL = Reaction(
    Then.RETRY, _MINUTE, _QUARTER, Break(Scope.ACCOUNT, 1, _MINUTE, _QUARTER), Urgency(Level.PAGE)
)
_NOT_SENT = Reaction(
    Then.RETRY,
    5 * _SECOND,
    2 * _MINUTE,
    Break(Scope.ACCOUNT, 5, 5 * _SECOND, 2 * _MINUTE),
    Urgency(Level.PAGE, 2 * _MINUTE),
)
_AMBIGUOUS = Reaction(
    Then.UNKNOWN, breaks=Break(Scope.ACCOUNT, 3, 30 * _SECOND, 5 * _MINUTE), self_alert=_PAGE
)
_LOCAL = Reaction(Then.RETRY, 5 * _SECOND, 2 * _MINUTE, self_alert=Urgency(Level.TICKET, 2 * _MINUTE))


def react(outcome: Outcome) -> Reaction:
    """What follows from one ended request to send."""
    if outcome.fate is Fate.SENT:
        return Reaction(Then.SENT)
    if outcome.fate is Fate.UNKNOWN:
        return _AMBIGUOUS
    if outcome.fate is Fate.NOT_SENT:
        return _LOCAL if outcome.reason is Reason.LOCAL else _NOT_SENT
    return _WRONG_URL if outcome.refusal is None else BY_REFUSAL[outcome.refusal]


def for_numeric_sender(outcome: Outcome, reaction: Reaction, sender: str, has_other: bool) -> Reaction:
    """The country code that is refused may be that of a sender that is a number."""
    if outcome.refusal is Refusal.COUNTRY_CODE and sender.startswith("+") and has_other:
        return replace(_SENDER, self_alert=_TICKET)
    return reaction

"""The gateway's error codes as data, and when a refused or unsent text may be tried again.

The codes and their meanings are the seed's table 'Errorcode / Explanation'. What follows from each is ours.
Nothing here reads a clock or throws dice: both come in as arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from sms_notify.gateways.base import Fate, Outcome, Reason


class Concern(StrEnum):
    """What a refusal is about, so that a person knows where to look."""

    CREDENTIALS = "credentials"
    CREDITS = "credits"
    ACCOUNT = "account"
    SENDER = "sender"
    NUMBER = "number"
    COUNTRY = "country"
    MESSAGE = "message"
    LONG_TEXT = "long_text"
    GATEWAY = "gateway"
    SCHEDULE = "schedule"
    OUTBOX = "outbox"
    REPORT = "report"
    GROUP = "group"


class Then(StrEnum):
    """What to do with a text that was refused."""

    RETRY = "retry"  # the trouble passes by itself: try again with back-off
    HOLD = "hold"  # every text of this account meets it: keep them, try one slowly
    FAIL = "fail"  # this text to this number will never go


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code. `base` and `cap` bound the back-off (None where nothing is tried again)."""

    number: int
    meaning: str
    concerns: Concern
    then: Then
    base: timedelta | None
    cap: timedelta | None
    advice: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again `wait` from now. `then` is HOLD where the trouble is the account's, not this text's."""

    wait: timedelta
    then: Then


_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_UNSENT = (5 * _SECOND, 2 * _MINUTE)
_HELD = (60 * _SECOND, 15 * _MINUTE)
_PATIENCE: Mapping[Then, tuple[timedelta | None, timedelta | None]] = {
    Then.RETRY: (60 * _SECOND, 60 * _SECOND),
    Then.HOLD: _HELD,
    Then.FAIL: (None, None),
}
_UNKNOWN_CODE_TRIES = 2
_MOST_DOUBLINGS = 16  # far above every cap, and keeps the product inside what a timedelta can hold

_TABLE: tuple[tuple[int, str, Concern, Then, str], ...] = (
    (100, "the username is empty", Concern.CREDENTIALS, Then.HOLD,
     "Set `username` of this gateway in the configuration."),
    (101, "the password is empty", Concern.CREDENTIALS, Then.HOLD,
     "Check that the gateway's `password_file` exists and is not empty."),
    (102, "the text is empty", Concern.MESSAGE, Then.FAIL,
     "Look at the receiver's template: it rendered to nothing for this alert."),
    (103, "the mobile number is empty", Concern.NUMBER, Then.FAIL,
     "Give the person a `number` in the configuration."),
    (104, "no valid username and password combination", Concern.CREDENTIALS, Then.HOLD,
     "Correct `username` or the password, then run `sms-notify check-config --online`."),
    (105, "the text is over 160 characters", Concern.MESSAGE, Then.FAIL,
     "Shorten the template or raise `max_parts`, and report the text: we counted it as fitting."),
    (106, "no valid mobile number", Concern.NUMBER, Then.FAIL,
     "Correct the person's number: country code first, as in +32470000000."),
    (107, "the gateway does not serve this country", Concern.COUNTRY, Then.FAIL,
     "Ask the provider to open this country for your account, or give this person another gateway."),
    (108, "not enough credits left", Concern.CREDITS, Then.HOLD,
     "Buy credits now: no text leaves through this gateway until then."),
    (109, "the sender name is empty", Concern.SENDER, Then.HOLD,
     "Set `sender` of this gateway in the configuration."),
    (110, "a sender number must start with +", Concern.SENDER, Then.HOLD,
     "Write the gateway's `sender` with a leading + and in quotes, or use a name."),
    (111, "the sender name is not valid (at most 12 characters)", Concern.SENDER, Then.HOLD,
     "Shorten the gateway's `sender` to 12 characters, better 11."),
    (112, "the country code is not valid", Concern.COUNTRY, Then.FAIL,
     "Correct the country code of the person's number; if `sender` is a number, check that one too."),
    (113, "the sender has characters that not all networks allow", Concern.SENDER, Then.HOLD,
     "Use letters and digits only in the gateway's `sender`."),
    (114, "this country is not permitted", Concern.COUNTRY, Then.FAIL,
     "Ask the provider to permit this country, or give this person another gateway."),
    (115, "the account is blocked: payment not received", Concern.ACCOUNT, Then.HOLD,
     "Pay the provider's open invoice; no text leaves through this gateway until the account is unblocked."),
    (116, "the account is blocked", Concern.ACCOUNT, Then.HOLD,
     "Call the provider: they blocked the account and only they can say why."),
    (117, "this sender name is not allowed", Concern.SENDER, Then.HOLD,
     "Ask the provider to allow the gateway's `sender`, or configure one that is allowed."),
    (118, "the long text is over 459 characters", Concern.LONG_TEXT, Then.FAIL,
     "Shorten the template, and report the text: we counted it as fitting."),
    (119, "no long texts to this country", Concern.LONG_TEXT, Then.FAIL,
     "Set `max_parts: 1` for the receivers that reach this country."),
    (120, "a problem at the gateway", Concern.GATEWAY, Then.RETRY,
     "Contact the provider if this lasts longer than a few minutes."),
    (121, "the scheduled time is past or not correct", Concern.SCHEDULE, Then.FAIL,
     "Check this machine's clock and the gateway's `timezone`."),
    (122, "no matching message in the outbox", Concern.OUTBOX, Then.FAIL,
     "Nothing to remove: sent already or never scheduled; `sms-notify outbox list` shows what is left."),
    (123, "a report was asked for without a number", Concern.REPORT, Then.FAIL,
     "Give `sms-notify report` an smsID; without one this is our fault, please report it."),
    (124, "a report was asked for with an invalid number", Concern.REPORT, Then.FAIL,
     "Check the smsID with `sms-notify messages`; the gateway does not know this one."),
    (125, "the group is not in the gateway's phone list", Concern.GROUP, Then.FAIL,
     "Write the group's name exactly as in the gateway's address book."),
    (126, "the group is empty", Concern.GROUP, Then.FAIL,
     "Add numbers to this group in the gateway's address book."),
    (150, "the gateway is down for maintenance", Concern.GATEWAY, Then.RETRY,
     "Wait: texts leave when maintenance ends; urgent ones need the backup gateway."),
)  # fmt: skip
_OWN_PACE = {120: (15 * _SECOND, 5 * _MINUTE), 150: (30 * _SECOND, 5 * _MINUTE)}


def _entry(number: int, meaning: str, concerns: Concern, then: Then, advice: str) -> ErrorCode:
    base, cap = _OWN_PACE.get(number, _PATIENCE[then])
    return ErrorCode(number, meaning, concerns, then, base, cap, advice)


CODES: Mapping[int, ErrorCode] = MappingProxyType({row[0]: _entry(*row) for row in _TABLE})


def explain_code(number: int) -> ErrorCode:
    """What a code means and what to do; a number outside the seed's table is a refusal of an unknown kind."""
    known = CODES.get(number)
    if known is not None:
        return known
    advice = f"Ask the provider what error {number} means: it is not in their documentation."
    return _entry(number, "an error the documentation does not list", Concern.GATEWAY, Then.RETRY, advice)


def after(outcome: Outcome, attempt: int, dice: float) -> Retry | None:
    """When to try again after the `attempt`-th attempt (from 1) ended so; None = this rule never does.

    `dice` is a random number in [0, 1). Full jitter over the doubled base, so that nodes do not march in
    step, but never under half the base, so that nothing hammers. UNKNOWN is None here: a text that may have
    left is not this rule's to repeat. An unknown code is tried twice, then held.
    """
    if outcome.fate is Fate.NOT_SENT:
        return Retry(_jitter(*_UNSENT, attempt, dice), Then.RETRY)
    if outcome.fate is not Fate.REFUSED:
        return None
    if _is_not_about_this_text(outcome, attempt):
        return Retry(_jitter(*_HELD, attempt, dice), Then.HOLD)
    code = explain_code(outcome.code or 0)
    if code.base is None or code.cap is None:
        return None
    return Retry(_jitter(code.base, code.cap, attempt, dice), code.then)


def _is_not_about_this_text(outcome: Outcome, attempt: int) -> bool:
    """An HTTP 4xx (a wrong URL, or a proxy between), or a code that nobody documented and that stays."""
    if outcome.reason is not Reason.ERROR_CODE or outcome.code is None:
        return True
    return outcome.code not in CODES and attempt > _UNKNOWN_CODE_TRIES


def _jitter(base: timedelta, cap: timedelta, attempt: int, dice: float) -> timedelta:
    doublings = min(max(attempt - 1, 0), _MOST_DOUBLINGS)
    return max(base / 2, min(cap, base * (1 << doublings)) * dice)

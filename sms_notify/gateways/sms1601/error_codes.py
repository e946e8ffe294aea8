"""The gateway's error codes as data: what each means, which neutral refusal it is, and what a person can do.

Codes and meanings are the seed's table 'Errorcode / Explanation'; the advice is ours. What follows from a refusal is
`policy/retry_policy.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sms_notify.policy.outcomes import Refusal


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code; `advice` is what a person can do about it, in one sentence."""

    number: int
    meaning: str
    refusal: Refusal
    advice: str


_TABLE: tuple[ErrorCode, ...] = (
    ErrorCode(100, "the username is empty", Refusal.LOGIN,
        "Set `username` of this gateway in the configuration."),
    ErrorCode(101, "the password is empty", Refusal.LOGIN,
        "Check that the gateway's `password_file` exists and is not empty."),
    ErrorCode(102, "the text is empty", Refusal.NO_TEXT,
        "Look at the receiver's template: it rendered to nothing for this alert."),
    ErrorCode(103, "the mobile number is empty", Refusal.NO_NUMBER,
        "Give the person a `number` in the configuration."),
    ErrorCode(104, "no valid username and password combination", Refusal.LOGIN,
        "Correct `username` or the password, reload, then run `sms-notify check-config --online`."),
    ErrorCode(105, "the text is over 160 characters", Refusal.TOO_LONG,
        "Report this text, which we counted as fitting; the daemon cuts it further and sends it again."),
    ErrorCode(106, "no valid mobile number", Refusal.NUMBER,
        "Correct the person's number: country code first, as in +32470000000."),
    ErrorCode(107, "the gateway does not serve this country", Refusal.COUNTRY,
        "Ask the provider to open this country for your account, or add a second gateway that serves it."),
    ErrorCode(108, "not enough credits left", Refusal.NO_CREDITS,
        "Buy credits now: no text leaves through this gateway until then."),
    ErrorCode(109, "the sender name is empty", Refusal.SENDER,
        "Set `sender` of this gateway in the configuration."),
    ErrorCode(110, "a sender number must start with +", Refusal.SENDER,
        "Write the gateway's `sender` with a leading + and in quotes, or use a name."),
    ErrorCode(111, "the sender name is not valid (at most 12 characters)", Refusal.SENDER,
        "Shorten the gateway's `sender` to 12 characters, better 11."),
    ErrorCode(112, "the country code is not valid", Refusal.COUNTRY_CODE,
        "Correct the country code of the person's number; if `sender` is a number, check that one too."),
    ErrorCode(113, "the sender has characters that not all networks allow", Refusal.SENDER,
        "Use letters and digits only in the gateway's `sender`."),
    ErrorCode(114, "this country is not permitted", Refusal.COUNTRY,
        "Ask the provider to permit this country, or add a second gateway that may text it."),
    ErrorCode(115, "the account is blocked: payment not received", Refusal.UNPAID,
        "Pay the provider's open invoice; no text leaves through this gateway until the account is unblocked."),
    ErrorCode(116, "the account is blocked", Refusal.BLOCKED,
        "Call the provider: they blocked the account and only they can say why."),
    ErrorCode(117, "this sender name is not allowed", Refusal.SENDER,
        "Ask the provider to allow the gateway's `sender`, or set a `fallback_sender` that is allowed."),
    ErrorCode(118, "the long text is over 459 characters", Refusal.TOO_MANY_PARTS,
        "Shorten the template, and report the text: we counted it as fitting three parts."),
    ErrorCode(119, "no long texts to this country", Refusal.LONG_TEXT,
        "Set `max_parts: 1` for the receivers that reach this country."),
    ErrorCode(120, "a problem at the gateway", Refusal.PASSING_FAULT,
        "Contact the provider if this lasts longer than a few minutes."),
    ErrorCode(121, "the scheduled time is past or not correct", Refusal.TIME,
        "Check this machine's clock and the gateway's `timezone`."),
    ErrorCode(122, "no matching message in the outbox", Refusal.NOTHING_SCHEDULED,
        "Nothing to remove: it left, or never was there; `sms-notify outbox list` has what was scheduled from here."),
    ErrorCode(123, "a report was asked for without a number", Refusal.REPORT,
        "Give `sms-notify report` an smsID; without one this is our fault, please report it."),
    ErrorCode(124, "a report was asked for with an invalid number", Refusal.REPORT,
        "Check the smsID with `sms-notify messages`; the gateway does not know this one."),
    ErrorCode(125, "the group is not in the gateway's phone list", Refusal.NO_GROUP,
        "Write the group's name under `groups` exactly as in the gateway's address book."),
    ErrorCode(126, "the group is empty", Refusal.EMPTY_GROUP,
        "Add numbers to this group in the gateway's address book."),
    ErrorCode(150, "the gateway is down for maintenance", Refusal.MAINTENANCE,
        "Wait: texts leave when maintenance ends, or by another gateway where there is one."),
)  # fmt: skip

CODES: Mapping[int, ErrorCode] = MappingProxyType({code.number: code for code in _TABLE})


def explain_code(number: int) -> ErrorCode:
    """What a code means and what to do; a number outside the seed's table is a refusal of an unknown kind."""
    known = CODES.get(number)
    if known is not None:
        return known
    advice = f"Ask the provider what error {number} means: it is not in their documentation."
    return ErrorCode(number, "an error the documentation does not list", Refusal.UNKNOWN, advice)

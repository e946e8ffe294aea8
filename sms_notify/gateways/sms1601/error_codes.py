"""The gateway's error codes as data: what each means, what it is about, and what a person can do.

Codes and meanings are the seed's table 'Errorcode / Explanation'; the advice is ours. What follows from a code is
`policy/retry_policy.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


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


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One code; `advice` is what a person can do about it, in one sentence."""

    number: int
    meaning: str
    concerns: Concern
    advice: str


_TABLE: tuple[ErrorCode, ...] = (
    ErrorCode(100, "the username is empty", Concern.CREDENTIALS,
        "Set `username` of this gateway in the configuration."),
    ErrorCode(101, "the password is empty", Concern.CREDENTIALS,
        "Check that the gateway's `password_file` exists and is not empty."),
    ErrorCode(102, "the text is empty", Concern.MESSAGE,
        "Look at the receiver's template: it rendered to nothing for this alert."),
    ErrorCode(103, "the mobile number is empty", Concern.NUMBER,
        "Give the person a `number` in the configuration."),
    ErrorCode(104, "no valid username and password combination", Concern.CREDENTIALS,
        "Correct `username` or the password, reload, then run `sms-notify check-config --online`."),
    ErrorCode(105, "the text is over 160 characters", Concern.MESSAGE,
        "Report this text, which we counted as fitting; the daemon cuts it further and sends it again."),
    ErrorCode(106, "no valid mobile number", Concern.NUMBER,
        "Correct the person's number: country code first, as in +32470000000."),
    ErrorCode(107, "the gateway does not serve this country", Concern.COUNTRY,
        "Ask the provider to open this country for your account, or add a second gateway that serves it."),
    ErrorCode(108, "not enough credits left", Concern.CREDITS,
        "Buy credits now: no text leaves through this gateway until then."),
    ErrorCode(109, "the sender name is empty", Concern.SENDER,
        "Set `sender` of this gateway in the configuration."),
    ErrorCode(110, "a sender number must start with +", Concern.SENDER,
        "Write the gateway's `sender` with a leading + and in quotes, or use a name."),
    ErrorCode(111, "the sender name is not valid (at most 12 characters)", Concern.SENDER,
        "Shorten the gateway's `sender` to 12 characters, better 11."),
    ErrorCode(112, "the country code is not valid", Concern.COUNTRY,
        "Correct the country code of the person's number; if `sender` is a number, check that one too."),
    ErrorCode(113, "the sender has characters that not all networks allow", Concern.SENDER,
        "Use letters and digits only in the gateway's `sender`."),
    ErrorCode(114, "this country is not permitted", Concern.COUNTRY,
        "Ask the provider to permit this country, or add a second gateway that may text it."),
    ErrorCode(115, "the account is blocked: payment not received", Concern.ACCOUNT,
        "Pay the provider's open invoice; no text leaves through this gateway until the account is unblocked."),
    ErrorCode(116, "the account is blocked", Concern.ACCOUNT,
        "Call the provider: they blocked the account and only they can say why."),
    ErrorCode(117, "this sender name is not allowed", Concern.SENDER,
        "Ask the provider to allow the gateway's `sender`, or set a `fallback_sender` that is allowed."),
    ErrorCode(118, "the long text is over 459 characters", Concern.LONG_TEXT,
        "Shorten the template, and report the text: we counted it as fitting three parts."),
    ErrorCode(119, "no long texts to this country", Concern.LONG_TEXT,
        "Set `max_parts: 1` for the receivers that reach this country."),
    ErrorCode(120, "a problem at the gateway", Concern.GATEWAY,
        "Contact the provider if this lasts longer than a few minutes."),
    ErrorCode(121, "the scheduled time is past or not correct", Concern.SCHEDULE,
        "Check this machine's clock and the gateway's `timezone`."),
    ErrorCode(122, "no matching message in the outbox", Concern.OUTBOX,
        "Nothing to remove: it left, or never was there; `sms-notify outbox list` has what was scheduled from here."),
    ErrorCode(123, "a report was asked for without a number", Concern.REPORT,
        "Give `sms-notify report` an smsID; without one this is our fault, please report it."),
    ErrorCode(124, "a report was asked for with an invalid number", Concern.REPORT,
        "Check the smsID with `sms-notify messages`; the gateway does not know this one."),
    ErrorCode(125, "the group is not in the gateway's phone list", Concern.GROUP,
        "Write the group's name under `groups` exactly as in the gateway's address book."),
    ErrorCode(126, "the group is empty", Concern.GROUP,
        "Add numbers to this group in the gateway's address book."),
    ErrorCode(150, "the gateway is down for maintenance", Concern.GATEWAY,
        "Wait: texts leave when maintenance ends, or by another gateway where there is one."),
)  # fmt: skip

CODES: Mapping[int, ErrorCode] = MappingProxyType({code.number: code for code in _TABLE})


def explain_code(number: int) -> ErrorCode:
    """What a code means and what to do; a number outside the seed's table is a refusal of an unknown kind."""
    known = CODES.get(number)
    if known is not None:
        return known
    advice = f"Ask the provider what error {number} means: it is not in their documentation."
    return ErrorCode(number, "an error the documentation does not list", Concern.GATEWAY, advice)

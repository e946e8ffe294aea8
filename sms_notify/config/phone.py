"""Phone numbers of the configuration, to E.164."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_WRITTEN = re.compile(r"\+?[0-9][0-9 ./()-]*")
_TAKES_NO_TEXTS = {
    "FIXED_LINE": "a fixed line",
    "TOLL_FREE": "a toll-free number",
    "PREMIUM_RATE": "a premium-rate number",
    "SHARED_COST": "a shared-cost number",
    "VOIP": "an internet telephone",
    "UAN": "a company's switchboard",
    "VOICEMAIL": "a voicemail box",
}
_WORLDWIDE = "a number of no country, such as a satellite telephone's,"
_EXAMPLE = "write it like +31 6 12345678"


class NumberError(ValueError):
    """Why a text is not a number to send to; never quotes it."""

    def __init__(self, what: str, advice: str) -> None:
        self.what = what
        self.advice = advice
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class Number:
    """`e164` with its plus. Not `assigned` = of a possible length, but in no range this version knows.

    `takes_no_texts` says what it is where that is nothing that texts reach as a rule, such as `a fixed line`.
    """

    e164: str
    assigned: bool
    takes_no_texts: str = ""


def parse_number(text: str) -> Number:
    """Reads a number with its country code, as +… or 00…. Raises NumberError.

    Numbering plans change sooner than the metadata about them, so that an unknown range is not a fault.
    """
    import phonenumbers  # 30 ms that only a configuration needs

    try:
        parsed = phonenumbers.parse(_international(text.strip()), None)
    except phonenumbers.NumberParseException:
        raise NumberError("is not a phone number", _EXAMPLE) from None
    if not phonenumbers.is_possible_number(parsed):
        raise NumberError("cannot be a phone number: too many or too few digits for its country", _EXAMPLE)
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    worldwide = phonenumbers.region_code_for_number(parsed) == "001"
    kind = _WORLDWIDE if worldwide else _TAKES_NO_TEXTS.get(_kind(parsed), "")
    return Number(e164, phonenumbers.is_valid_number(parsed), kind)


def _kind(parsed: Any) -> str:
    """The library's word. Where one range holds both, as in America, it is FIXED_LINE_OR_MOBILE."""
    import phonenumbers

    return str(phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(parsed)))


def _international(text: str) -> str:
    if not _WRITTEN.fullmatch(text):
        raise NumberError("is not a phone number", _EXAMPLE)
    if text.startswith("00"):
        return f"+{text[2:]}"
    if text.startswith("0"):
        advice = "write it with + and the country code and without this 0: for 06… in the Netherlands +31 6…"
        raise NumberError("has no country code", advice)
    if not text.startswith("+"):
        raise NumberError("has no +", "write + and the country code, like +31 6 12345678")
    return text

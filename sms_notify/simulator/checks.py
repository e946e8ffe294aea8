"""The gateway's checks of one request, in the order in which it makes them; each answers a code or None.

The order is ours (the seed has none): credentials, account, sender, number, text, date, credits.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sms_notify.secret import Secret
from sms_notify.simulator.codes import Code
from sms_notify.simulator.settings import SimulatorSettings

# The seed says only 'special characters not allowed on all networks'; these are safe on every network.
_SENDER = re.compile(r"\+[0-9]+|[A-Za-z0-9 ._\-]+")
_NUMBER = re.compile(r"[1-9][0-9]{7,14}")  # ITU-T E.164 §6: at most 15 digits, no country code begins with 0
# The country codes that are assigned: ITU-T, List of Recommendation E.164 assigned country codes.
_COUNTRY = re.compile(
    r"1|7|2(?:[07]|1[1-368]|[2346]\d|5[0-8]|9[01789])|3(?:[0-469]|[57]\d|8[0-35-79])|4(?:[013-9]|2[013])"
    r"|5(?:[1-8]|[09]\d)|6(?:[0-6]|7[02-9]|8[0-35-9]|9[0-2])|8(?:[1246]|0[08]|5[02356]|7[08]|8[012368])"
    r"|9(?:[0-58]|6[0-8]|7[0-79]|9[2-68])"
)


def credentials_fault(params: Mapping[str, str], settings: SimulatorSettings) -> Code | None:
    """100, 101 or 104. The password may be plain or its SHA-1 in hex (seed, parameter klantpwd)."""
    user, password = params.get("klantuser", ""), params.get("klantpwd", "")
    if not user:
        return Code.NO_USERNAME
    if not password:
        return Code.NO_PASSWORD
    known = _same(user, settings.username) and _is_password(password, settings.password)
    return None if known else Code.BAD_CREDENTIALS


def sender_fault(sender: str, settings: SimulatorSettings) -> Code | None:
    """109, 110, 111, 113 or 117. The seed's 12 characters hold for names; a number has 15 digits at most (E.164)."""
    if not sender.strip():
        return Code.NO_SENDER
    if re.fullmatch(r"[0-9]+", sender):
        return Code.SENDER_WITHOUT_PLUS
    if len(sender) > (16 if sender.startswith("+") else 12):
        return Code.BAD_SENDER
    if not _SENDER.fullmatch(sender):
        return Code.SENDER_CHARACTERS
    return Code.SENDER_NOT_ALLOWED if sender in settings.forbidden_senders else None


def recipients(params: Mapping[str, str], settings: SimulatorSettings) -> tuple[str, ...] | Code:
    """The numbers that a request names, or 103, 125, 126. `naar` is a comma list or the word `groep`."""
    to = params.get("naar", "").strip()
    if to == "groep":
        members = settings.groups.get(params.get("groep", ""))
        return Code.GROUP_UNKNOWN if members is None else members or Code.GROUP_EMPTY
    return tuple(number.strip() for number in to.split(",")) if to else Code.NO_NUMBER


def numbers_fault(numbers: Iterable[str], settings: SimulatorSettings) -> Code | None:
    """106, what `countries` says (107, 112, 114), or 112 for a country code that no country has.

    One bad number refuses the whole request (our guess).
    """
    for number in numbers:
        if not _NUMBER.fullmatch(number):
            return Code.BAD_NUMBER
        fitting = [prefix for prefix in settings.countries if number.startswith(prefix)]
        if fitting:
            return settings.countries[max(fitting, key=len)]
        if not _COUNTRY.match(number):
            return Code.BAD_COUNTRY_CODE
    return None


def text_fault(
    text: str, parts: int, long: bool, numbers: Iterable[str], settings: SimulatorSettings
) -> Code | None:
    """102, 105, 118 or 119: 160 septets in one message, 3 x 153 with type=long.

    No escape pair is split, so a long text of many extension characters may be refused just below 459.
    """
    if not text.strip():
        return Code.NO_TEXT
    if parts > 1 and not long:
        return Code.TOO_LONG
    if parts > 3:
        return Code.LONG_TEXT_TOO_LONG
    no_long_text = parts > 1 and any(n.startswith(settings.countries_without_long) for n in numbers)
    return Code.NO_LONG_TEXT_HERE if no_long_text else None


def due_time(datum: str, zone: ZoneInfo, now: datetime) -> datetime | Code:
    """When `datum` (yyyymmddhhii on the gateway's clock) is, in UTC; 121 where it is past or no minute.

    A minute that comes twice is the first of the two; a minute that clocks skip in spring is not correct.
    """
    if not re.fullmatch(r"[0-9]{12}", datum):
        return Code.BAD_DATE
    try:
        local = datetime.strptime(datum, "%Y%m%d%H%M").replace(tzinfo=zone)
        due = local.astimezone(UTC)
    except (ValueError, OverflowError):
        return Code.BAD_DATE
    exists = due.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
    return due if exists and due > now else Code.BAD_DATE


def _is_password(given: str, password: Secret) -> bool:
    plain = password.reveal()
    digest = hashlib.sha1(plain.encode(), usedforsecurity=False).hexdigest()
    return _same(given, plain) or _same(given.lower(), digest)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))

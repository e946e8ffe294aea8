"""Times as monitoring systems write them, read once for every source, and written for whoever reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_USUAL = len("2026-11-22T12:00:00.123456789+01:00")


def parse_rfc3339(text: object) -> datetime | None:
    """The moment that `text` names, in UTC, or None where it names none (RFC 3339 section 5.6).

    Any number of fraction digits is read and cut to microseconds: Go writes 0 to 9 of them. A leap second
    counts as the second before it. Go's zero time (year 1) is its word for "not set", so it is None too.
    """
    if not isinstance(text, str):
        return None
    return _usual(text) if len(text) <= _USUAL else _read(text)


def rfc3339(moment: datetime) -> str:
    """In UTC, with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read(text: str) -> datetime | None:
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    try:
        moment = _moment(match).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year > 1 else None


# Most times are an alert's that was told before, or Go's zero. What is kept must be short: it comes from outside.
_usual = lru_cache(1024)(_read)


def _moment(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    micros = int((match[7] or "")[:6].ljust(6, "0"))
    return datetime(year, month, day, hour, minute, 59 if second == 60 else second, micros, _zone(match))


def _zone(match: re.Match[str]) -> timezone:
    if match[8] is None:
        return UTC
    offset = timedelta(hours=int(match[9]), minutes=int(match[10]))
    return timezone(offset if match[8] == "+" else -offset)

"""Durations as Prometheus and Alertmanager write them: `15s`, `5m`, `1h30m`, `1d`, `1w`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"y": 365 * 86400.0, "w": 7 * 86400.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SHAPE = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,9}}){unit})?" for unit in _UNITS))
_LONGEST = timedelta(days=365 * 100)


class DurationError(ValueError):
    """Not a duration; the text says why, `advice` what to write."""

    def __init__(self, what: str, advice: str) -> None:
        self.advice = advice
        super().__init__(what)


def parse_duration(text: str) -> timedelta:
    """Units from large to small, each once; 1d = 24 h, 1w = 7 d, 1y = 365 d. Raises DurationError."""
    text = text.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) and text != "0":
        raise DurationError("has no unit", "write seconds as 30s, minutes as 5m, hours as 4h")
    found = _SHAPE.fullmatch(text) if text != "0" else None
    if text != "0" and (not text or not found):
        raise DurationError("is not a duration", "write it like 15s, 5m, 1h30m, 1d or 1w")
    parts = found.groupdict() if found else {}
    whole = sum(int(number) * _UNITS[unit] for unit, number in parts.items() if number)
    if whole > _LONGEST.total_seconds():
        raise DurationError("is longer than 100 years", "write a shorter duration")
    return timedelta(seconds=whole)


def spell_duration(wait: timedelta) -> str:
    """As it would be written: `30m`, `1h30m`."""
    left, text = wait / timedelta(milliseconds=1), ""
    for unit, size in _UNITS.items():
        if unit in ("y", "w"):  # nobody reads 365 days as 52w1d
            continue
        count, left = divmod(left, size * 1000)
        text += f"{count:.0f}{unit}" if count else ""
    return text or "0s"

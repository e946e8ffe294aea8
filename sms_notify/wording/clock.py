"""Times as pages and commands write them: each bears its zone, so that one instant reads as one time wherever it stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_FAR = timedelta(
    days=180
)  # from there on a day of the week says nothing, and a day without its year too little
Says = Callable[[datetime], str]
"""How a time is said, as `Clock.at` does."""


_NEAR = timedelta(minutes=10)


class Clock:
    """Times as one reader's clock shows them. `zone` None = the clock of this machine."""

    def __init__(self, now: datetime, zone: tzinfo | None = None) -> None:
        self.now = now
        self._zone = zone

    def local(self, at: datetime) -> datetime:
        return at.astimezone(self._zone)

    def at(self, at: datetime) -> str:
        """`14:05 CET`; with the day where it is another one, with the year where it is far."""
        return self._told(at, "%H:%M")

    def second(self, at: datetime) -> str:
        """As `at`, to the second."""
        return self._told(at, "%H:%M:%S")

    def soon(self, at: datetime) -> str:
        """As `at`; to the second where it is less than ten minutes away: a minute is too coarse for a wait of half a one."""
        return self.second(at) if abs(at - self.now) < _NEAR else self.at(at)

    def _told(self, at: datetime, time: str) -> str:
        shown, today = self.local(at), self.local(self.now)
        if shown.date() == today.date():
            return f"{shown:{time}} {zone_name(shown)}"
        day = f"{shown:%a %-d %b}" if abs(at - self.now) < _FAR else f"{shown:%-d %b %Y}"
        return f"{day} {shown:{time}} {zone_name(shown)}"

    def exact(self, at: datetime) -> str:
        return exact(at, self._zone)

    def iso(self, at: datetime) -> str:
        return rfc3339(at)

    def ago(self, at: datetime) -> str:
        return span(self.now - at)

    @property
    def name(self) -> str:
        """The zone by its name, or what this machine calls its own."""
        return self._zone.key if isinstance(self._zone, ZoneInfo) else zone_name(self.local(self.now))


def dated(at: datetime, zone: tzinfo | None = None) -> str:
    """`Mon 2026-11-23 03:00 CET` by `zone`, None for this machine's: for columns of turns and windows."""
    shown = at.astimezone(zone)
    return f"{shown:%a %Y-%m-%d %H:%M} {zone_name(shown)}"


def exact(at: datetime, zone: tzinfo | None = None) -> str:
    """`2026-11-23 03:00:09 CET` by `zone`, None for this machine's."""
    shown = at.astimezone(zone)
    return f"{shown:%Y-%m-%d %H:%M:%S} {zone_name(shown)}"


def zone_name(at: datetime) -> str:
    """`CET`; `UTC-03:00` where the zone of this aware time has no name of letters."""
    name = f"{at:%Z}"
    return name if name.isalpha() else f"UTC{at.isoformat(timespec='seconds')[19:]}"


def rfc3339(at: datetime) -> str:
    """An aware time for programs: in UTC, to the millisecond where it is not a whole second."""
    precision = "milliseconds" if at.microsecond else "seconds"
    return at.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def span(length: timedelta) -> str:
    """`7 min`, `3 h 20 min`, `2 d 4 h`: two words at most."""
    minutes = max(0, int(length.total_seconds() // 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min" if rest else "less than a minute"

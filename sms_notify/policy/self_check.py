"""The self-check that a configuration asks for, and when its daily text is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sms_notify.policy.directory import Target
from sms_notify.policy.rotations import local_instant

LATE = timedelta(hours=1)
"""How long after its time the text still leaves, where the daemon was down."""

_DAY = timedelta(days=1)


class SelfCheckEnd(StrEnum):
    """What came of the text of one day."""

    TEXTED = "texted"
    NOBODY = "nobody"  # is on call
    MISSED = "missed"  # the daemon was down at its time, and for longer than an hour


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """`at` is in minutes of the local day. Without `notify` nobody is texted, and numbers alone are tried."""

    notify: tuple[Target, ...] = ()
    at: int = 9 * 60
    timezone: str = "UTC"
    check_numbers: bool = True

    def moment(self, day: date) -> datetime:
        """Once a day: a time that the clocks show twice is its first, one that they leave out is the end of the hole."""
        return local_instant(day, self.at, ZoneInfo(self.timezone))

    def day_of(self, now: datetime) -> date:
        return now.astimezone(ZoneInfo(self.timezone)).date()

    def last_day(self, now: datetime) -> date:
        """The latest day whose time has come by `now`."""
        today = self.day_of(now)
        return today if self.moment(today) <= now else today - _DAY

    def due_after(self, done: date | None, start: datetime) -> datetime:
        """The first time after `start` that is of a later day than `done`."""
        day = self.last_day(start) + _DAY
        return self.moment(day if done is None else max(day, done + _DAY))

"""What may wait, and until when: muted and inactive routes, quiet hours of receivers and of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from sms_notify.alert import KNOWN_WORDS, SEVERITY, Severity
from sms_notify.policy.matchers import Matcher
from sms_notify.policy.time_intervals import TimeInterval, active, borders

# How far a way out is looked for: some windows never end, such as years in the past.
AHEAD = timedelta(days=400)


class Hold(StrEnum):
    """Why somebody is not told yet; the word stands in the database, in `explain` and in the documentation."""

    NOW = "now"  # nothing holds it
    GROUP = "group_wait"
    MUTED = "muted"
    INACTIVE = "inactive"
    QUIET = "quiet_hours"
    FLAPPING = "flapping"
    LIMIT = "limit"
    BEHIND = "behind"  # the last text to the same number has not left yet
    LATE = "too_old"  # its text could not be sent in time: it goes into the next
    FAILED = "failed"  # its text was refused or not delivered: it is tried again after a pause
    SUPPRESSED = "suppressed"  # its source keeps it from everybody for a while
    UNCONFIRMED = "unconfirmed"  # the answer to its text was lost: it may be told a second time

    @property
    def of_limits(self) -> bool:
        """True where the limits, or a text that is late, hold it: it was counted, or promised, and is told with its end."""
        return self in (Hold.LIMIT, Hold.BEHIND, Hold.LATE)

    @property
    def outlasts_limits(self) -> bool:
        """True where a text says why it comes late, whatever has held it since."""
        return self in (Hold.LATE, Hold.QUIET, Hold.FAILED, Hold.UNCONFIRMED)

    @property
    def again(self) -> bool:
        """True where a text about it was tried, and did not arrive as far as is known."""
        return self in (Hold.FAILED, Hold.UNCONFIRMED)

    @property
    def outlasts_shifts(self) -> bool:
        """True where it may have waited for so long that somebody else is on call: who is then is told."""
        return self.of_hours or self.again or self in (Hold.NOW, Hold.LATE)

    @property
    def of_hours(self) -> bool:
        """True where the hands of the clock end it, and not a wait that began somewhere."""
        return self in (Hold.MUTED, Hold.INACTIVE, Hold.QUIET)


@dataclass(frozen=True, slots=True)
class Window:
    """A named time interval of the configuration."""

    name: str
    intervals: tuple[TimeInterval, ...]

    def holds(self, at: datetime) -> bool:
        return active(self.intervals, at)


CRITICAL_PASSES = ((Matcher(SEVERITY, Severity.CRITICAL.value, words=KNOWN_WORDS),),)
"""What quiet hours let through where nothing is said of it."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hold `during` these windows what no matcher group of `unless` lets through; a digest tells it when they end.

    An empty `unless` holds everything.
    """

    during: tuple[Window, ...]
    unless: tuple[tuple[Matcher, ...], ...] = CRITICAL_PASSES

    def concerns(self, labels: Mapping[str, str]) -> bool:
        """Whether they hold what has these labels, at any time."""
        return not any(all(m.matches(labels) for m in matchers) for matchers in self.unless)


@dataclass(frozen=True, slots=True)
class Wait:
    """When something may be told, and what holds it until then."""

    until: datetime
    why: Hold
    by: str = ""


def wait(
    start: Wait,
    labels: Mapping[str, str],
    mute: Sequence[Window],
    during: Sequence[Window],
    quiet: Sequence[Quiet],
) -> Wait:
    """The first moment from `start` on at which nothing holds; what held it until then is told as the reason.

    Where there is none within 400 days it is held so long; whoever tells it then must ask again.
    """
    concerned = tuple(hours.during for hours in quiet if hours.concerns(labels))
    if not (mute or during or concerned):
        return start
    held = _first_free(_Windows(tuple(mute), tuple(during), concerned), start.until)
    return start if held is None else held


def is_closed(start: Wait, found: Wait) -> bool:
    """Whether `wait` found no free moment from `start` on."""
    return found.until >= start.until + AHEAD


@dataclass(frozen=True, slots=True)
class _Windows:
    """All that may hold something; each entry of `quiet` is a set of quiet hours that concerns it."""

    mute: tuple[Window, ...]
    active: tuple[Window, ...]
    quiet: tuple[tuple[Window, ...], ...]

    def held_by(self, at: datetime) -> tuple[Hold, str] | None:
        """What holds at this moment: a mute first, then the times outside the active ones, then quiet hours."""
        for window in self.mute:
            if window.holds(at):
                return Hold.MUTED, window.name
        if self.active and not any(window.holds(at) for window in self.active):
            return Hold.INACTIVE, _names(self.active)
        for hours in self.quiet:
            if any(window.holds(at) for window in hours):
                return Hold.QUIET, _names(hours)
        return None

    @property
    def intervals(self) -> list[TimeInterval]:
        every = (*self.mute, *self.active, *(window for hours in self.quiet for window in hours))
        return [interval for window in every for interval in window.intervals]


def _names(windows: Sequence[Window]) -> str:
    return ", ".join(window.name for window in windows)


# A storm asks for one moment thousands of times, and a far way out costs milliseconds.
@lru_cache(1000)
def _first_free(windows: _Windows, at: datetime) -> Wait | None:
    """One sweep over the borders of all windows; None where nothing holds at `at`."""
    held = windows.held_by(at)
    if held is None:
        return None
    for border in borders(windows.intervals, at, AHEAD):
        then = windows.held_by(border)
        if then is None:
            return Wait(border, *held)
        held = then
    return Wait(at + AHEAD, *held)

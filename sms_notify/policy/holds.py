"""What may wait, and until when: muted and inactive routes, quiet hours of receivers and of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sms_notify.policy.matchers import Matcher
from sms_notify.policy.time_intervals import TimeInterval, active, changes_at

_FOREVER = timedelta(days=400)  # a window that never ends, such as years in the past
_ROUNDS = (
    20  # one hold can end where another begins; a plan that never leaves a way out is held to its last end
)


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


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hold `during` these windows what no matcher group of `unless` lets through; a digest tells it when they end."""

    during: tuple[Window, ...]
    unless: tuple[tuple[Matcher, ...], ...] = ()

    def applies(self, labels: Mapping[str, str], at: datetime) -> bool:
        urgent = any(all(m.matches(labels) for m in matchers) for matchers in self.unless)
        return not urgent and any(window.holds(at) for window in self.during)


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
    """The first moment from `start` on at which nothing holds; what held it longest ago is told as the reason."""
    held = start
    for _ in range(_ROUNDS):
        further = _held(held.until, labels, mute, during, quiet)
        if further is None or further.until <= held.until:
            return held
        held = further
    return held


def _held(
    at: datetime,
    labels: Mapping[str, str],
    mute: Sequence[Window],
    during: Sequence[Window],
    quiet: Sequence[Quiet],
) -> Wait | None:
    for window in mute:
        if window.holds(at):
            return _until(window.intervals, at, Hold.MUTED, window.name)
    if during and not any(window.holds(at) for window in during):
        every = tuple(interval for window in during for interval in window.intervals)
        return _until(every, at, Hold.INACTIVE, ", ".join(window.name for window in during))
    for hours in quiet:
        if hours.applies(labels, at):
            every = tuple(interval for window in hours.during for interval in window.intervals)
            return _until(every, at, Hold.QUIET, ", ".join(window.name for window in hours.during))
    return None


def _until(intervals: Sequence[TimeInterval], at: datetime, why: Hold, by: str) -> Wait:
    return Wait(changes_at(intervals, at) or at + _FOREVER, why, by)

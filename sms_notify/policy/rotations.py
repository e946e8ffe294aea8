"""Who is on call: rotations that hand over at local wall-clock time, layers, calendars and overrides.

From the strongest: overrides, the one given last first; calendar shifts, the later-starting first; layers, the
later first. A layer counts `during` its times and from the start of its rotation; where it does not, what lies
below it shows. Where nothing is left there is a gap.

Hand-offs are computed in UTC: Python compares and subtracts two times of one zone by the clock on the wall, which
is wrong by an hour on the days when that clock is changed.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from sms_notify.policy.time_intervals import TimeInterval, active, changes_at

_SECOND = timedelta(seconds=1)
_DAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)  # as date.weekday() counts
_EVERY = re.compile(r"([0-9]{1,4})([dw])")
_HANDOVER = re.compile(r"(?:([a-z]+)\s+)?([0-9]{1,2}):([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody holds the pager from `start` to `end` (exclusive), aware UTC. `person` None = nobody does: a gap."""

    person: str | None
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Rotation:
    """Members take turns of `days` days each; a turn begins at `at` (minutes of the local day) on `start` and every `days` after.

    `start` is the date of the first turn's beginning, in the schedule's zone.
    """

    members: tuple[str, ...]
    days: int
    start: date
    at: int = 0


@dataclass(frozen=True, slots=True)
class Layer:
    """A rotation that counts `during` these times only (empty = always)."""

    rotation: Rotation
    during: tuple[TimeInterval, ...] = ()


@dataclass(frozen=True, slots=True)
class Schedule:
    """Layers, of which a later one goes before an earlier one; a calendar's shifts go before all of them.

    `handoff_text`: who takes over gets a text that says so.
    """

    name: str
    timezone: str = "UTC"
    layers: tuple[Layer, ...] = ()
    calendar: tuple[Shift, ...] = ()
    handoff_text: bool = False

    @property
    def members(self) -> tuple[str, ...]:
        """Everybody who can ever hold it, each once."""
        named = [
            *(m for layer in self.layers for m in layer.rotation.members),
            *(s.person for s in self.calendar),
        ]
        return tuple(dict.fromkeys(person for person in named if person))


def on_call(schedule: Schedule, overrides: Sequence[Shift], at: datetime) -> str | None:
    """Who holds `schedule` at `at`; overrides go before everything, the one given last before the others."""
    planned = [shift for shift in schedule.calendar if shift.start <= at < shift.end]
    for shift in (*by_strength(planned), *overrides)[::-1]:
        if shift.start <= at < shift.end:
            return shift.person
    zone = ZoneInfo(schedule.timezone)
    for layer in reversed(schedule.layers):
        turn = _turn(layer.rotation, zone, at)
        if turn >= 0 and (not layer.during or active(layer.during, at)):
            return _member(layer.rotation, turn)
    return None


def shifts(
    schedule: Schedule, overrides: Sequence[Shift], start: datetime, end: datetime
) -> tuple[Shift, ...]:
    """Who holds it from `start` to `end`: without a hole, and without two neighbours of one person.

    Costs n log n of the edges within the span, however long ago the rotations began.
    """
    zone = ZoneInfo(schedule.timezone)
    turns = [turn for layer in schedule.layers for turn in _layer_turns(layer, zone, start, end)]
    return strongest([*turns, *by_strength(schedule.calendar), *overrides], start, end)


def gaps(schedule: Schedule, overrides: Sequence[Shift], start: datetime, end: datetime) -> tuple[Shift, ...]:
    """The shifts that nobody holds."""
    return tuple(shift for shift in shifts(schedule, overrides, start, end) if shift.person is None)


def by_strength(calendar: Sequence[Shift]) -> list[Shift]:
    """Calendar shifts from the weakest to the strongest: where two overlap, the later-starting holds it.

    Whoever swaps a day inside a colleague's week enters that day, and the week goes on after it. Of two that
    start together the shorter goes first; of two alike the first name of the alphabet, so that it is one only.
    """
    named = sorted(calendar, key=lambda shift: shift.person or "", reverse=True)
    return sorted(sorted(named, key=lambda shift: shift.end, reverse=True), key=lambda shift: shift.start)


def strongest(ranked: Sequence[Shift], start: datetime, end: datetime) -> tuple[Shift, ...]:
    """What shows of shifts that lie upon each other, given from the weakest to the strongest: a cover without holes."""
    if start >= end:
        return ()
    lying = [
        Shift(None, start, end),
        *(s for s in ranked if s.start < end and s.end > start),
    ]
    waiting = sorted(enumerate(lying), key=lambda entry: entry[1].start, reverse=True)
    edges = sorted({min(max(edge, start), end) for s in lying for edge in (s.start, s.end)})
    held: list[Shift] = []
    covering: list[
        tuple[int, Shift]
    ] = []  # a heap, the strongest on top; ranks differ, so shifts are never compared
    for begins, ends in pairwise(edges):
        while waiting and waiting[-1][1].start <= begins:
            rank, shift = waiting.pop()
            heapq.heappush(covering, (-rank, shift))
        while covering[0][1].end <= begins:
            heapq.heappop(covering)
        _append(held, Shift(covering[0][1].person, begins, ends))
    return tuple(held)


def local_instant(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The UTC instant when clocks in `zone` show `minutes` of `day`; raises OverflowError at the calendar's ends.

    A time that the clocks show twice is its first; one that they leave out is the first instant after the hole.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _wall(instant, zone) == wall:
        return instant
    # In a hole fold 0 reckons with the offset before it and fold 1 with the one after (PEP 495), so the change
    # lies between the two. Half of a day that Samoa left out is the farthest to look: 17 steps.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while instant - before > _SECOND:
        middle = before + ((instant - before) // 2 // _SECOND) * _SECOND
        before, instant = (before, middle) if _wall(middle, zone) > wall else (middle, instant)
    return instant


def first_turn(start: date, weekday: int | None) -> date:
    """The first date on or after `start` that is `weekday` (0 = Monday); `start` itself where None."""
    return start if weekday is None else start + timedelta(days=(weekday - start.weekday()) % 7)


def parse_every(text: str) -> int:
    """Days of a turn, from `1d`, `10d`, `1w`, `2w`. Raises ValueError that says what to write."""
    found = _EVERY.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a number of days or weeks: write 1d, 10d, 1w or 2w")
    days = int(found[1]) * (7 if found[2] == "w" else 1)
    if not days:
        raise ValueError(f"{text!r} is an empty time: write 1d or more")
    return days


def parse_handoff(text: str) -> tuple[int | None, int]:
    """Weekday (0 = Monday, None = any) and minutes of the day, from `Mon 09:00`, `Monday 9:00` or `09:00`.

    Raises ValueError that says what to write.
    """
    found = _HANDOVER.fullmatch(text.strip().lower())
    if not found:
        raise ValueError(
            f"{text!r} is not a time of handover: write it like 'Mon 09:00', or '09:00' for any day"
        )
    hours, minutes = int(found[2]), int(found[3])
    if hours > 23 or minutes > 59:
        raise ValueError(f"{text!r}: no clock shows {found[2]}:{found[3]}: write 00:00 to 23:59")
    return (_weekday(text, found[1]) if found[1] else None), hours * 60 + minutes


def check(weekday: int | None, days: int) -> None:
    """Raises ValueError where turns of `days` days cannot always begin on `weekday`; the text says what to write."""
    if weekday is not None and days % 7:
        name = _DAYS[weekday][:3].title()
        raise ValueError(
            f"turns of {days}d do not always begin on a {name}: write whole weeks (every: 1w), or a time "
            "without a day (handover: '09:00')"
        )


def _weekday(text: str, name: str) -> int:
    found = [number for number, day in enumerate(_DAYS) if day.startswith(name) and len(name) >= 3]
    if not found:
        raise ValueError(
            f"{text!r}: {name!r} is not a day of the week: write Mon, Tue, Wed, Thu, Fri, Sat or Sun"
        )
    return found[0]


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _begins(rotation: Rotation, zone: ZoneInfo, turn: int) -> datetime:
    return local_instant(rotation.start + timedelta(days=turn * rotation.days), rotation.at, zone)


def _turn(rotation: Rotation, zone: ZoneInfo, at: datetime) -> int:
    """The number of the turn under way at `at`, negative before the first.

    Dates tell it but for one: the hour of the day, and clocks turned back over midnight.
    """
    turn = (at.astimezone(zone).date() - rotation.start).days // rotation.days
    if _begins(rotation, zone, turn) > at:
        return turn - 1
    return turn + 1 if _begins(rotation, zone, turn + 1) <= at else turn


def _member(rotation: Rotation, turn: int) -> str:
    return rotation.members[turn % len(rotation.members)]


def _layer_turns(layer: Layer, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Shift]:
    """The turns of a layer while it counts, each cut to the span."""
    for opens, closes in _open(layer.during, start, end):
        yield from _turns(layer.rotation, zone, opens, closes)


def _turns(rotation: Rotation, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Shift]:
    turn = max(0, _turn(rotation, zone, start))
    begins = _begins(rotation, zone, turn)
    while begins < end:
        ends = _begins(rotation, zone, turn + 1)
        yield Shift(_member(rotation, turn), max(begins, start), min(ends, end))
        turn, begins = turn + 1, ends


def _open(
    during: Sequence[TimeInterval], start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The parts of the span in which the intervals are active."""
    at = start
    while at < end:
        change = changes_at(during, at, end - at) if during else None
        until = min(change or end, end)
        if not during or active(during, at):
            yield at, until
        at = until


def _append(held: list[Shift], shift: Shift) -> None:
    """Adds a shift to a cover; one of the same person becomes part of the last."""
    if held and held[-1].person == shift.person:
        shift = Shift(shift.person, held.pop().start, shift.end)
    held.append(shift)

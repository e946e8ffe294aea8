"""Two people of one schedule take each other's shift, in one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.policy.rotations import Schedule, Shift, shifts
from sms_notify.policy.swaps import swapped

AHEAD = timedelta(days=366)
"""How far a shift is looked for."""


@dataclass(frozen=True, slots=True)
class AskedShift:
    """The shift that `person` holds at `at` (aware UTC), of which what is left counts, or else the next one."""

    person: str
    at: datetime


def swap(
    schedule: Schedule, made: Sequence[Shift], first: AskedShift, second: AskedShift
) -> tuple[Shift, Shift]:
    """The overrides that exchange the two: who holds what from now on. `made` are the overrides that count, those made last
    at the end.

    Raises ValueError, with what to write, where one of them holds no shift within a year.
    """
    if first.person == second.person:
        raise ValueError(f"{first.person} cannot swap with {first.person}; name two people")
    one, other = (_shift_of(schedule, made, asked) for asked in (first, second))
    return swapped(one, other)


def _shift_of(schedule: Schedule, made: Sequence[Shift], asked: AskedShift) -> Shift:
    held = shifts(schedule, made, asked.at, asked.at + AHEAD)
    found = next((shift for shift in held if shift.person == asked.person), None)
    if found is None:
        raise ValueError(f"{asked.person} holds no shift of {schedule.name} within {AHEAD.days} days")
    return found

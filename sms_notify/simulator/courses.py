"""Scripted delivery: what becomes of a text, and when, written down beforehand."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from sms_notify.simulator.settings import SimulatedStatus

Steps = tuple[tuple[float, SimulatedStatus], ...]


@dataclass(frozen=True, slots=True)
class Course:
    """The statuses of texts to `number` (any number if empty), each `seconds` after the text was taken.

    No steps: the text stays SUBMITTED and no call-back comes. `count` is for how many texts it holds, in
    the order in which they are taken; None: for all of them. Raises ValueError for nonsense.
    """

    number: str
    steps: Steps
    count: int | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]*", self.number):
            raise ValueError("number must be digits without a plus, or empty for any number")
        if any(not 0 <= seconds <= 31_536_000 for seconds, _ in self.steps):
            raise ValueError("steps: seconds must be 0 to 31536000")
        if self.count is not None and self.count < 1:
            raise ValueError("count must be above 0, or null for 'all of them'")


class Courses:
    """The courses to come. Not safe for threads by itself: `Simulator` holds a lock around it."""

    def __init__(self) -> None:
        self._courses: list[Course] = []

    def add(self, course: Course) -> None:
        """One for all texts takes the place of the one before for that number; counted ones queue up."""
        if course.count is None:
            self._courses = [c for c in self._courses if c.count is not None or c.number != course.number]
        self._courses.append(course)

    def clear(self) -> None:
        self._courses = []

    def listed(self) -> list[Course]:
        return list(self._courses)

    def take(self, number: str) -> Steps | None:
        """What becomes of the next text to `number`: counted ones first, then those of that very number."""
        fitting = [c for c in self._courses if c.number in ("", number)]
        if not fitting:
            return None
        chosen = min(fitting, key=lambda c: (c.count is None, c.number == ""))
        if chosen.count is not None:
            left = [replace(chosen, count=chosen.count - 1)] if chosen.count > 1 else []
            at = next(i for i, course in enumerate(self._courses) if course is chosen)
            self._courses[at : at + 1] = left
        return chosen.steps

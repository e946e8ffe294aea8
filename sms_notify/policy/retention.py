"""What is old enough to be erased, and what stands where something was.

First the words go: texts, numbers, labels. Then the rows. What is open, waits or is still heard of is no past, however old it
is; the store asks that of each row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

NUMBER_ERASED = "erased"
"""Stands where a number was."""
_NUMBER = re.compile(r"\+[0-9]{6,15}")


class ErasedPart(StrEnum):
    """What of a row is erased."""

    TEXTS = "texts"
    ROWS = "rows"


class Erased(StrEnum):
    """What stands where a text was, and says why it is not there."""

    BY_AGE = "erased (keep.texts)"
    FORGOTTEN = "erased (forget)"

    @property
    def labels(self) -> dict[str, str]:
        """What stands where labels were."""
        return {"alertname": self.value}


SHORTEST_TEXTS = timedelta(days=1)
"""Nothing that is over for a day is told again, or compared with what comes."""
SHORTEST_LEDGER = timedelta(days=31)
"""What a gateway's account spends is shown for 30 days."""


_NO_LABELS = tuple(why.labels for why in Erased)


def are_erased(labels: Mapping[str, str]) -> bool:
    """True of what stands where labels were."""
    return labels in _NO_LABELS


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long something that is over is kept; None = for ever."""

    ledger: timedelta | None = timedelta(days=400)
    texts: timedelta | None = timedelta(days=90)


STANDARD = Keep()


@dataclass(frozen=True, slots=True)
class Cut:
    """Of what was over `before`, this part is erased."""

    part: ErasedPart
    before: datetime


def cuts(keep: Keep, now: datetime) -> tuple[Cut, ...]:
    """What is due at `now`: texts first, so that a run that is stopped has done the more urgent half."""
    wanted = ((ErasedPart.TEXTS, keep.texts), (ErasedPart.ROWS, keep.ledger))
    return tuple(Cut(part, now - kept) for part, kept in wanted if kept is not None)


def without_numbers(text: str) -> str:
    """For words of which a number is only a part."""
    return _NUMBER.sub(NUMBER_ERASED, text)


def nameless(recipient: str, number: str) -> str:
    """What stays of a recipient: the name. A number without a person is its own name."""
    return NUMBER_ERASED if recipient == number else without_numbers(recipient)


# The accounts of months outlive the rows.


@dataclass(frozen=True, slots=True, order=True)
class AccountLine:
    """Whose texts one line of a month's account counts. `month` is 2026-11, in UTC."""

    month: str
    recipient: str
    receiver: str
    severity: str
    gateway: str


@dataclass(frozen=True, slots=True)
class MonthSpent:
    """`credits` count each time that a text left, `texts` and their `parts` only the first."""

    texts: int = 0
    parts: int = 0
    credits: int = 0

    def __add__(self, other: MonthSpent) -> MonthSpent:
        return MonthSpent(self.texts + other.texts, self.parts + other.parts, self.credits + other.credits)


def month_of(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m}"


def summed(booked: Iterable[tuple[AccountLine, MonthSpent]]) -> Mapping[AccountLine, MonthSpent]:
    """A line once, with all that was spent on it."""
    lines: dict[AccountLine, MonthSpent] = {}
    for line, spent in booked:
        lines[line] = lines.get(line, MonthSpent()) + spent
    return lines

"""Which number a gateway is asked about next: whether it takes texts to it, at no cost and at a slow pace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.policy.bars import Breaker, bar_of, closed_to_all

EVERY = timedelta(hours=1)
"""How often a gateway is asked about each number."""

AGAIN = timedelta(minutes=5)
"""How soon where it is not known to be taken: after a question that was not answered, or a bar that is over."""


@dataclass(frozen=True, slots=True)
class NumberTrial:
    """When a gateway was asked about a number last, and since when it takes it; None = it does not, or never said so."""

    gateway: str
    number: str
    asked_at: datetime
    good_since: datetime | None = None


def next_number(
    numbers: Iterable[str],
    trials: Mapping[str, NumberTrial],
    breakers: Iterable[Breaker],
    gateway: str,
    now: datetime,
) -> str | None:
    """One that was never tried, else the one that was tried longest ago; None where nothing is to be asked now.

    A closed account says nothing of numbers, and a number that is barred is asked about by the probe of its breaker.
    """
    known = tuple(breakers)
    if closed_to_all(known, gateway) is not None:
        return None
    due = [number for number in numbers if _is_due(trials.get(number), now)]
    free = (number for number in due if bar_of(known, gateway, number) is None)
    return min(free, key=lambda number: _asked(trials.get(number)), default=None)


def _is_due(trial: NumberTrial | None, now: datetime) -> bool:
    """A time that is to come was noted by a clock that has been set back since."""
    if trial is None:
        return True
    pause = AGAIN if trial.good_since is None else EVERY
    return not now - pause < trial.asked_at <= now


def _asked(trial: NumberTrial | None) -> float:
    return 0.0 if trial is None else trial.asked_at.timestamp()

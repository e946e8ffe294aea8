"""Limits: how many texts, and how many credits, in how much time. Over a limit nothing is dropped: it is held and merged.

Every function takes what was sent as a list of moments and `now`; nobody here knows where the list comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

# A silence that a reader would notice is announced in the text before it.
TELL_PAUSE = timedelta(minutes=2)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LIMIT = re.compile(r"(\d{1,6})\s*/\s*(\d{0,5})\s*([smhd])")


class Lane(StrEnum):
    """What shares a limit: texts about critical trouble, the ends of it, all other texts about alerts, and what no limit
    holds.
    """

    CRITICAL = "critical"
    ENDS = "ends"  # to those who were texted of something critical; in this order of words the critical come first
    REST = "rest"
    FREE = "free"


class LimitScope(StrEnum):
    """Which limit holds a text; the word of the metric `rate_limited_total`."""

    NUMBER = "per_number"
    NUMBER_CRITICAL = "per_number_critical"
    RECEIVER = "receiver"
    OVERALL = "overall"
    CREDITS_HOUR = "credits_per_hour"
    CREDITS_DAY = "credits_per_day"
    RESERVE = "reserve_for_critical"

    @staticmethod
    def of_one_number(scope: str) -> bool:
        """True where the limit looks at one number alone, so that no other text than its own frees it."""
        return scope in (LimitScope.NUMBER, LimitScope.NUMBER_CRITICAL)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` texts in any span of `window`."""

    count: int
    window: timedelta

    @property
    def half(self) -> Limit:
        """Half as many texts, and at least one."""
        return Limit(max(1, self.count // 2), self.window)

    def __str__(self) -> str:
        seconds = int(self.window.total_seconds())
        for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
            if seconds % size == 0:
                return f"{self.count}/{seconds // size}{unit}"
        return f"{self.count}/{seconds}s"


def parse_limit(text: str) -> Limit:
    """`5/15m` → at most five in a quarter of an hour. Raises ValueError with what is wrong."""
    match = _LIMIT.fullmatch(text.strip())
    if match is None:
        raise ValueError("is not a limit; write texts per time, as 5/15m")
    count, size, unit = int(match[1]), int(match[2] or 1), match[3]
    if count < 1 or size < 1:
        raise ValueError("allows nothing at all; write texts per time, as 5/15m")
    return Limit(count, timedelta(**{_UNITS[unit]: size}))


@dataclass(frozen=True, slots=True)
class Credits:
    """What may be spent. None = no bound. `reserve` is beyond the budgets, and the account's last: for critical only.

    `low_water` is the balance under which the operator hears of it.
    """

    per_hour: int | None = 50
    per_day: int | None = 200
    reserve: int = 50
    low_water: int = 100

    @property
    def budgets(self) -> tuple[tuple[LimitScope, int | None, timedelta], ...]:
        """What may be spent, and in how much time."""
        return (
            (LimitScope.CREDITS_HOUR, self.per_hour, timedelta(hours=1)),
            (LimitScope.CREDITS_DAY, self.per_day, timedelta(days=1)),
        )


NO_CREDIT_LIMITS = Credits(None, None, 0, 0)


CALM = timedelta(minutes=10)
"""So long a fall of severity, or an end, must last to count, where nobody sets another time."""


@dataclass(frozen=True, slots=True)
class Flapping:
    """When an alert flaps: that many episodes within that time. It is told again when it was calm for `calm`."""

    episodes: int = 4
    within: timedelta = timedelta(minutes=30)
    calm: timedelta = CALM
    calm_critical: timedelta = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of a configuration. Empty = none; `STANDARD` is what holds where the file says nothing."""

    per_number: tuple[Limit, ...] = ()
    per_number_critical: tuple[Limit, ...] = ()
    overall: tuple[Limit, ...] = ()
    credits: Credits = NO_CREDIT_LIMITS
    flapping: Flapping | None = None

    @property
    def calm(self) -> timedelta:
        """How long a fall, and an end, must last to count; also where flapping is off."""
        return (self.flapping or Flapping()).calm

    def of(self, lane: Lane) -> tuple[Limit, ...]:
        """What bounds the texts of this lane alone; ends share the limits of critical texts beside that."""
        if lane is Lane.ENDS:
            return tuple(limit.half for limit in self.per_number_critical)
        return {Lane.CRITICAL: self.per_number_critical, Lane.REST: self.per_number}.get(lane, ())


STANDARD = Limits(
    per_number=tuple(map(parse_limit, ("1/1m", "5/15m", "11/1h", "21/3h"))),
    per_number_critical=tuple(map(parse_limit, ("2/1m", "20/15m", "40/1h"))),
    credits=Credits(),
    flapping=Flapping(),
)


@dataclass(frozen=True, slots=True)
class Room:
    """How many texts may leave now, and when the next one may where none may. `by` is the limit that says so."""

    slots: int
    free_at: datetime
    by: Limit | None = None


UNLIMITED = 1_000_000


def longest(limits: Sequence[Limit]) -> timedelta:
    """How far back the history must reach for `room`."""
    return max((limit.window for limit in limits), default=timedelta())


def room(limits: Sequence[Limit], sent: Sequence[datetime], now: datetime) -> Room:
    """What the limits leave at `now`, after texts at the moments `sent`. A text leaves a window when it is as old as it."""
    sent = sorted(sent)
    slots, free_at, by = UNLIMITED, now, None
    for limit in limits:
        within = [at for at in sent if now - at < limit.window]
        slots = min(slots, max(0, limit.count - len(within)))
        if len(within) >= limit.count:
            ends = within[-limit.count] + limit.window
            if ends > free_at:
                free_at, by = ends, limit
    return Room(slots, free_at, by)


def pause_after(limits: Sequence[Limit], sent: Sequence[datetime], now: datetime) -> datetime:
    """When the text after one that leaves now may leave; `now` where there is no need to wait."""
    return room(limits, [*sent, now], now).free_at


@dataclass(frozen=True, slots=True)
class Spending:
    """Credits that left at a moment; `urgent` = for a critical text."""

    at: datetime
    parts: int
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Spent:
    """What left of late, and the balance where it is known (less what left since it was told)."""

    spendings: Sequence[Spending] = field(default_factory=tuple)
    balance: int | None = None


@dataclass(frozen=True, slots=True)
class NoBudget:
    """Why a text may not be paid for now, and when to ask again."""

    scope: LimitScope
    ask_again: datetime


_ASK_AGAIN = timedelta(minutes=1)


def affordable(bounds: Credits, spent: Spent, parts: int, lane: Lane, now: datetime) -> NoBudget | None:
    """None where a text of `parts` credits may be paid for now.

    Critical texts spend the reserve first, and what it does not hold out of the budget of all; so critical texts do not eat
    what the others were promised. What the others spent beyond the budget (texts by hand, a budget that was lowered) costs
    no critical text its reserve.
    """
    if lane is Lane.FREE:
        return None
    most = parts + sum(spending.parts for spending in spent.spendings)
    for scope, budget, window in bounds.budgets:
        if budget is None or most <= budget:
            continue
        frees = _frees(spent.spendings, window, budget, bounds.reserve, parts, lane, now)
        if frees is not None:
            return NoBudget(scope, frees)
    if lane is not Lane.CRITICAL and spent.balance is not None and 0 < bounds.reserve > spent.balance - parts:
        return NoBudget(LimitScope.RESERVE, now + _ASK_AGAIN)
    return None


def used(spendings: Iterable[Spending], window: timedelta, reserve: int, now: datetime) -> int:
    """Credits that count against a budget at `now`: all but what critical texts took of the reserve."""
    within = [spending for spending in spendings if now - spending.at < window]
    urgent = sum(spending.parts for spending in within if spending.urgent)
    return _counted(sum(spending.parts for spending in within) - urgent, urgent, reserve)


def _counted(rest: int, urgent: int, reserve: int) -> int:
    return rest + max(0, urgent - reserve)


def _frees(
    spendings: Sequence[Spending],
    window: timedelta,
    budget: int,
    reserve: int,
    parts: int,
    lane: Lane,
    now: datetime,
) -> datetime | None:
    """When enough of what was spent has left the window; None where it is enough now."""
    within = sorted((s for s in spendings if now - s.at < window), key=lambda s: s.at)
    critical = lane is Lane.CRITICAL
    urgent = sum(s.parts for s in within if s.urgent) + (parts if critical else 0)
    rest = sum(s.parts for s in within if not s.urgent) + (0 if critical else parts)
    if _fits(rest, urgent, budget, reserve, critical=critical):
        return None
    for spending in within:
        urgent -= spending.parts if spending.urgent else 0
        rest -= 0 if spending.urgent else spending.parts
        if _fits(rest, urgent, budget, reserve, critical=critical):
            return spending.at + window
    return now + window  # a text that costs more than the whole budget


def _fits(rest: int, urgent: int, budget: int, reserve: int, *, critical: bool) -> bool:
    return _counted(min(rest, budget) if critical else rest, urgent, reserve) <= budget

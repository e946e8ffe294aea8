"""Which tick is the next that finds something: what a virtual clock must know to leap over all the others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sms_notify.policy.rotations import Schedule, Shift, shifts
from sms_notify.policy.ruleset import Plan
from sms_notify.store.next_due import Waits

TICK = timedelta(seconds=1)
"""How often the daemon ticks: on whole seconds here, so that a replay decides at the moments at which the daemon does."""
_AHEAD = timedelta(days=35)


class Changes:
    """When who is on call changes: no row tells it, the hands of the clock do."""

    def __init__(self, schedules: Iterable[Schedule], overrides: Mapping[str, Sequence[Shift]]) -> None:
        self._schedules = tuple(schedules)
        self._overrides = overrides
        self._ahead: deque[datetime] = deque()

    def next_after(self, now: datetime) -> datetime | None:
        """The first moment after `now` at which somebody else may hold a schedule; None without schedules."""
        while self._ahead and self._ahead[0] <= now:
            self._ahead.popleft()
        if self._schedules and not self._ahead:
            self._ahead.extend(self._look(now, now + _AHEAD))
        return self._ahead[0] if self._ahead else None

    def _look(self, now: datetime, until: datetime) -> Sequence[datetime]:
        """Reckoned for weeks at once, as every look walks through all that rotations and windows make of them."""
        ends = {
            turn.end
            for schedule in self._schedules
            for turn in shifts(schedule, self._overrides.get(schedule.name, ()), now, until)
        }
        return sorted(end for end in ends if end < until) or [until]


def waits_of(plan: Plan) -> Waits:
    """The waits of a plan that `next_due` has to know."""
    timing = plan.timing
    once = (
        timing.reconcile_wait if len(plan.gateways) < 2 else timedelta()
    )  # then another gateway sends it at once
    return Waits(
        timing.stale_after,
        timing.reconcile_wait,
        timing.report_timeout,
        timing.failover_after,
        lost_once=once,
    )


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The first of two moments that may not be there."""
    return min((moment for moment in (one, other) if moment is not None), default=None)


def second_of(moment: datetime) -> datetime:
    """The whole second that a moment is in."""
    return moment.replace(microsecond=0)


def second_from(moment: datetime) -> datetime:
    """The first whole second from a moment on."""
    second = second_of(moment)
    return second if second == moment else second + TICK

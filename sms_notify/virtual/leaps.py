"""Which tick is the next that finds something: what a virtual clock must know to leap over all the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sms_notify.policy.rotations import Schedule, Shift, shifts
from sms_notify.ruleset import Plan
from sms_notify.store.next_due import Waits

TICK = timedelta(seconds=1)
"""How often the daemon ticks: on whole seconds here, so that a replay decides at the moments at which the daemon does."""
_TURN = timedelta(days=35)


class Changes:
    """When who is on call changes: no row tells it, the hands of the clock do."""

    def __init__(self, schedules: Iterable[Schedule], overrides: Mapping[str, Sequence[Shift]]) -> None:
        self._schedules = tuple(schedules)
        self._overrides = overrides
        self._next: datetime | None = None

    def next_after(self, now: datetime) -> datetime | None:
        """The first moment after `now` at which somebody else may hold a schedule; None without schedules."""
        if self._schedules and (self._next is None or self._next <= now):
            self._next = min(self._change(schedule, now) for schedule in self._schedules)
        return self._next

    def _change(self, schedule: Schedule, now: datetime) -> datetime:
        made = self._overrides.get(schedule.name, ())
        return shifts(schedule, made, now, now + _TURN)[0].end


def waits_of(plan: Plan) -> Waits:
    """The waits of a plan that `next_due` has to know."""
    timing = plan.timing
    return Waits(timing.stale_after, timing.reconcile_wait, timing.report_timeout, timing.failover_after)


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

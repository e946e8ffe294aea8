"""When somebody may be texted: the windows of the routes that lead to a receiver, the quiet hours of receiver and person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.policy.holds import Hold, Quiet, Wait, Window, wait
from sms_notify.policy.records import Incident, Notification
from sms_notify.policy.routing import Receiver, Route, route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.time_intervals import borders
from sms_notify.policy.vocabulary import Kind, PageState

LAST_WORD = timedelta(hours=1)
"""So long after the last text about a problem its end is told in quiet hours, too: its reader is awake."""

_NEXT = timedelta(seconds=1)  # that hour includes its end


def first_free(starts: Iterable[tuple[Route, Wait]], labels: Mapping[str, str], *quiet: Quiet | None) -> Wait:
    """The first moment at which any of the routes lets a text to one reader pass, and the quiet hours do.

    Each route has a start of its own: its groups may wait longer. Raises ValueError where there is no route.
    """
    hours = [one for one in quiet if one is not None]
    waits = (wait(start, labels, there.mute, there.active, hours) for there, start in starts)
    return min(waits, key=lambda one: one.until)


def routes_to(root: Route, labels: Mapping[str, str], receiver: str) -> list[Route]:
    """The routes by which what has these labels reaches the receiver."""
    return [chain[-1] for chain in route(root, labels).chains if chain[-1].receiver == receiver]


def allowed(plan: Plan, incident: Incident, receiver: str, start: Wait, *quiet: Quiet | None) -> Wait:
    """As `first_free`, by today's routes of the worst that it was, and as urgent as it is now; a receiver that no route leads
    to any more is held by none.
    """
    there = routes_to(plan.route, incident.routing_labels, receiver) or [Route(receiver)]
    return first_free([(one, start) for one in there], incident.labels, *quiet)


def _last_text(rows: Rows, told: Iterable[Notification]) -> datetime | None:
    times = (rows.written_at(n) for n in told if reached(rows, n))
    return max((at for at in times if at is not None), default=None)


def reached(rows: Rows, n: Notification) -> bool:
    """Whether its reader has, or may get, a text that says so."""
    state = rows.state_of(n)
    return n.state is PageState.TOLD and state is not None and not state.lost


class Rechecking:
    """What was held by something else, such as a limit, may have come into a window meanwhile: it is asked again."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        # In a storm thousands are held, most configurations have no windows, and to walk a thousand routes takes long.
        self._by_routes = _has_windows(plan.route)
        self._quiet = [hours for hours in _quiet_hours(plan) if hours is not None]
        self.needed = self._by_routes or bool(self._quiet)

    def hold_again(self, rows: Rows, held: Iterable[Notification]) -> None:
        """Holds those that may not be told now. What waits for its group keeps the route by which it was owed."""
        for n in held if self.needed else ():
            until = self.allowed(rows, n, rows.now, by_routes=n.why is not Hold.GROUP)
            if until.until > max(rows.now, n.due_at):
                rows.hold(n, until.until, until.why, until.by)

    def leaves_by(self, rows: Rows, told: Sequence[Notification], latest: datetime) -> datetime:
        """Until when a text that tells this may leave: till a window that is open now closes for any of it, else `latest`.

        What windows would hold now is told because another rule lets it through; that goes on.
        """
        closings = self._closings(rows, told, latest) if self.needed else ()
        for at in closings:
            if any(self.holds(rows, n, at) and not self.holds(rows, n, rows.now) for n in told):
                return at
        return latest

    def _closings(self, rows: Rows, told: Iterable[Notification], latest: datetime) -> list[datetime]:
        """Moments at which something may be held that was not. Most texts leave long before the next of them."""
        intervals = [interval for window in self._windows() for interval in window.intervals]
        found = set(borders(intervals, rows.now, latest - rows.now))
        ends = (n for n in told if n.kind is Kind.RESOLVED)
        found |= {
            at + LAST_WORD + _NEXT
            for n in ends
            if (at := _last_text(rows, _same_reader(rows, n))) is not None
        }
        return sorted(at for at in found if rows.now < at < latest)

    def _windows(self) -> Iterator[Window]:
        yield from (window for hours in self._quiet for window in hours.during)
        waiting = [self._plan.route] if self._by_routes else []
        while waiting:
            there = waiting.pop()
            yield from (*there.mute, *there.active)
            waiting += there.routes

    def holds(self, rows: Rows, n: Notification, at: datetime) -> bool:
        """Whether windows hold it at this moment."""
        return self.allowed(rows, n, at).until > at

    def let_go(self, rows: Rows) -> None:
        """What windows hold that another configuration has not may be told sooner."""
        for n in rows.all_held():
            if isinstance(n.why, Hold) and n.why.of_hours and n.kind is not Kind.RESOLVED:
                until = self.allowed(rows, n, rows.now)
                if until.until < n.due_at:
                    why = until.why if until.until > rows.now else n.why
                    rows.hold(n, until.until, Hold(why), until.by or n.held_by)

    def allowed(self, rows: Rows, n: Notification, now: datetime, *, by_routes: bool = True) -> Wait:
        """When windows and quiet hours let its reader hear of it, from `now` on. No mute holds an end."""
        receiver, person = self._plan.receiver(n.receiver), self._plan.directory.known(n.person)
        start, quiet = Wait(now, Hold.NOW), (receiver.quiet, person.quiet)
        incident = rows.incidents.rows[n.incident_id]
        if n.kind is Kind.RESOLVED:
            last = _last_text(rows, _same_reader(rows, n))
            hours = quiet if last is None or now - last > LAST_WORD else ()
            asleep = [replace(one, unless=()) for one in hours if one is not None]  # no end is so urgent
            return first_free([(Route(n.receiver), start)], incident.labels, *asleep)
        if self._by_routes and by_routes:
            return allowed(self._plan, incident, n.receiver, start, *quiet)
        return first_free([(Route(n.receiver), start)], incident.labels, *quiet)


def _same_reader(rows: Rows, n: Notification) -> Iterable[Notification]:
    return (one for one in rows.of_incident(n.incident_id) if one.number == n.number)


def _quiet_hours(plan: Plan) -> Iterable[Quiet | None]:
    receivers: Iterable[Receiver] = plan.receivers.values()
    return [*(one.quiet for one in receivers), *(one.quiet for one in plan.directory.people.values())]


def _has_windows(there: Route) -> bool:
    return bool(there.mute or there.active) or any(map(_has_windows, there.routes))

"""When somebody may be texted: the windows of the routes that lead to a receiver, the quiet hours of receiver and person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold, Quiet, Wait, wait
from sms_notify.policy.records import Notification
from sms_notify.policy.routing import Receiver, Route, route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Kind

LAST_WORD = timedelta(hours=1)
"""So long after the last text about a problem its end is told in quiet hours, too: its reader is awake."""


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


def allowed(plan: Plan, labels: Mapping[str, str], receiver: str, start: Wait, *quiet: Quiet | None) -> Wait:
    """As `first_free`, by the routes of today; one that leads nowhere near any more holds nothing."""
    there = routes_to(plan.route, labels, receiver) or [Route(receiver)]
    return first_free([(one, start) for one in there], labels, *quiet)


class Rechecking:
    """What was held by something else, such as a limit, may have come into a window meanwhile: it is asked again."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        # In a storm thousands are held, most configurations have no windows, and to walk a thousand routes takes long.
        self._by_routes = _has_windows(plan.route)
        self._needed = self._by_routes or any(_quiet_hours(plan))

    def hold_again(self, rows: Rows, held: Iterable[Notification]) -> None:
        """Holds those that may not be told now. What waits for its group was asked for that moment, by the route of
        then; an end was asked by its reader's last text.
        """
        for n in held if self._needed else ():
            if n.kind is Kind.RESOLVED or n.why is Hold.GROUP:
                continue
            until = self._wait(n, rows.now)
            if until.until > max(rows.now, n.due_at):
                rows.hold(n, until.until, until.why, until.by)

    def let_go(self, rows: Rows) -> None:
        """What windows hold that another configuration has not may be told sooner."""
        for n in rows.all_held():
            if isinstance(n.why, Hold) and n.why.of_hours and n.kind is not Kind.RESOLVED:
                until = self._wait(n, rows.now)
                if until.until < n.due_at:
                    why = until.why if until.until > rows.now else n.why
                    rows.hold(n, until.until, Hold(why), until.by or n.held_by)

    def _wait(self, n: Notification, now: datetime) -> Wait:
        receiver, person = self._plan.receiver(n.receiver), self._known(n.person)
        start, labels, quiet = Wait(now, Hold.NOW), n.subject.alert.labels, (receiver.quiet, person.quiet)
        if self._by_routes:
            return allowed(self._plan, labels, n.receiver, start, *quiet)
        return first_free([(Route(n.receiver), start)], labels, *quiet)

    def _known(self, person: Person) -> Person:
        """With the quiet hours that a row does not keep."""
        directory = self._plan.directory
        return directory.people.get(person.name) or directory.owner(person.number) or person


def _quiet_hours(plan: Plan) -> Iterable[Quiet | None]:
    receivers: Iterable[Receiver] = plan.receivers.values()
    return [*(one.quiet for one in receivers), *(one.quiet for one in plan.directory.people.values())]


def _has_windows(there: Route) -> bool:
    return bool(there.mute or there.active) or any(map(_has_windows, there.routes))

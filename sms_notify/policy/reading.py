"""What the readers of a problem believe, and when its groups may be told: what beginnings and ends both ask."""

from __future__ import annotations

from datetime import datetime

from sms_notify.alert import Delivery
from sms_notify.policy.belief import Belief, Said, believed
from sms_notify.policy.bundles import FLAPPING
from sms_notify.policy.cases import Case
from sms_notify.policy.grouping import flush_at, group_of
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.records import Notification
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Heard, PageState, State

_Starts = tuple[list[tuple[Route, Wait]], str]


class ReaderBeliefs:
    """By the rows of one step, for one delivery."""

    def __init__(self, delivery: Delivery, rows: Rows) -> None:
        self._delivery = delivery
        self._rows = rows
        self._now = rows.now
        self._starts: dict[tuple[int, Heard, str], _Starts] = {}

    def believes(self, case: Case, number: str) -> Belief:
        """What this reader believes of the problem, as far as it was loaded; what waits to leave will be believed."""
        mine = sorted((n for n in self.earlier(case) if n.number == number), key=lambda n: n.id)
        return believed(
            Said(n.kind, n.bundle == FLAPPING, State.SENT if self._will_know(n) else self._rows.state_of(n))
            for n in mine
            if n.state is PageState.TOLD or n.again_of is not None
        )

    def _will_know(self, n: Notification) -> bool:
        """Its text waits, or may have arrived: also one whose first answer was lost, whatever came after."""
        lost = n.again_of is not None
        return lost or self._rows.state_of(n) is State.QUEUED or self._rows.may_have_arrived(n)

    def earlier(self, case: Case) -> list[Notification]:
        """Of all episodes of the problem that were loaded."""
        episodes = self._rows.episodes(case.alert.source, case.alert.fingerprint)
        return [n for incident in episodes for n in self._rows.of_incident(incident.id)]

    def starts_of(
        self, case: Case, receiver: Receiver, *, urgent: bool
    ) -> tuple[list[tuple[Route, Wait]], str]:
        """When each route may tell it as far as its group is concerned, and the group that is first: the same for all its
        readers. What a source has grouped is never held a second time.
        """
        routes = case.routes_to(receiver.name)
        if self._delivery.group or not routes:
            return [(route, Wait(self._now, Hold.NOW)) for route in routes or [Route(receiver.name)]], ""
        key = (case.id, case.heard, receiver.name)
        if key not in self._starts:
            started = [(route, *self._start(case, receiver, route, urgent=urgent)) for route in routes]
            first = min(started, key=lambda one: one[1].until)
            self._starts[key] = [(route, at) for route, at, _ in started], first[2]
        return self._starts[key]

    def _start(self, case: Case, receiver: Receiver, route: Route, *, urgent: bool) -> tuple[Wait, str]:
        name = group_of(route, receiver.name, case.alert.labels)
        last = self._rows.groups.get(name)
        at = flush_at(route, last, urgent, self._now)
        self._rows.groups.put(name, at.until if last is None else max(last, at.until))
        return at, name

    def bout_since(self, case: Case) -> datetime:
        began = self._rows.incidents.rows[case.id].began
        return began[0] if case.flapping and began else self._now

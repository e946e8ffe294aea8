"""What the readers of a problem believe, and when its groups may be told: what beginnings and ends both ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sms_notify.alert import Delivery
from sms_notify.policy.belief import Belief, Believed, Said, after, fold
from sms_notify.policy.bundles import FLAPPING
from sms_notify.policy.cases import Case
from sms_notify.policy.directory import group_of as group_at
from sms_notify.policy.grouping import flush_at, group_of
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import Notification
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Drop, Heard, Kind, PageState, State

_Starts = tuple[list[tuple[Route, Wait]], str]


class ReaderBeliefs:
    """By the rows of one step, for one delivery."""

    def __init__(self, delivery: Delivery, rows: Rows) -> None:
        self._delivery = delivery
        self._rows = rows
        self._now = rows.now
        self._starts: dict[tuple[int, Heard, str], _Starts] = {}

    def believes(self, case: Case, number: str) -> Belief:
        """What this reader believes of the problem; what waits to leave will be believed, and what was lost counts as told
        nowhere.
        """
        if self.lost(case, number) is not None:
            told = [n for n in self.earlier(case) if n.number == number and self._is_told(n)]
            believed = fold(said_of(n, self._rows) for n in sorted(told, key=lambda n: n.id))
        else:
            believed = self.believed(case, number)
        return Belief.NOTHING if believed is None else believed.belief

    def lost(self, case: Case, number: str) -> int | None:
        """The text without an answer that told this reader last that it is there, where nothing is to tell it once more."""
        believed = self.believed(case, number)
        n = self._rows.notifications.get(believed.said_by) if believed is not None else None
        if (
            n is None or n.kind is Kind.RESOLVED or group_at(number) is not None
        ):  # a group is sent nothing twice
            return None
        if n.state is PageState.DROPPED:
            return n.again_of
        given_up = n.state is PageState.TOLD and self._rows.state_of(n) is State.UNKNOWN_FINAL
        return n.message_id if given_up else None

    def _is_told(self, n: Notification) -> bool:
        state = self._rows.state_of(n)
        return n.state is PageState.TOLD and state is not None and state.hopeful

    def believed(self, case: Case, number: str) -> Believed | None:
        return self._believed(case.alert.source, case.alert.fingerprint, number)

    def _believed(self, source: str, fingerprint: str, number: str) -> Believed | None:
        told = (n for n in self._of_problem(source, fingerprint) if n.number == number and self._waits(n))
        before = self._rows.beliefs.get((source, fingerprint, number))
        return fold((said_of(n, self._rows) for n in sorted(told, key=lambda n: n.id)), before)

    def count_as_said(self, end: Notification, why: Drop) -> None:
        """An end that its reader is not texted: it is written down as dropped, and believed."""
        rows, incident = self._rows, self._rows.incidents.rows[end.incident_id]
        rows.hold(end, self._now, Hold.NOW, "")
        written = rows.found(end.incident_id, end.number, end.kind, end.nth) or end
        rows.drop([written], why)
        said = replace(said_of(written, rows), silent=True)
        problem = incident.source, incident.fingerprint
        believed = after(self._believed(*problem, end.number), said)
        if believed is not None:
            rows.beliefs.put((*problem, end.number), believed)

    def readers(self, case: Case) -> list[str]:
        """The numbers of all who were to hear of the problem, or believe something of it, whoever was told first first."""
        of_problem = (case.alert.source, case.alert.fingerprint)
        told = sorted(self.earlier(case), key=lambda n: n.id)
        known = (number for *problem, number in self._rows.beliefs.rows if tuple(problem) == of_problem)
        return list(dict.fromkeys([*(n.number for n in told), *known]))

    def _waits(self, n: Notification) -> bool:
        state = self._rows.state_of(n)
        return n.state is PageState.TOLD and state in (State.QUEUED, State.SUBMITTING)

    def earlier(self, case: Case) -> list[Notification]:
        """Of all episodes of the problem that were loaded."""
        return self._of_problem(case.alert.source, case.alert.fingerprint)

    def _of_problem(self, source: str, fingerprint: str) -> list[Notification]:
        episodes = self._rows.episodes(source, fingerprint)
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


def as_its_reader_knows(rows: Rows, n: Notification) -> Notification:
    """An end, or that nothing is heard, bears the tag and the times of the episode that its reader was told of: later ones may
    have begun that were to be told to others alone.
    """
    if n.kind not in (Kind.RESOLVED, Kind.UNHEARD):
        return n
    known = rows.incidents.get(_known_episode(rows, n))
    if known is None or known.is_open or known.id == n.incident_id:
        return n
    ended_at = known.ended_at if n.subject.ended else None
    alert = replace(n.subject.alert, starts_at=known.starts_at, ends_at=ended_at)
    return replace(
        n, subject=replace(n.subject, incident_id=known.id, alert=alert, opened_at=known.opened_at)
    )


def _known_episode(rows: Rows, n: Notification) -> int:
    incident = rows.incidents.rows[n.incident_id]
    believed = rows.beliefs.get((incident.source, incident.fingerprint, n.number))
    if believed is None or not (believed.belief.of_trouble or believed.said_by == n.id):
        return n.incident_id
    return believed.incident_id


def said_of(n: Notification, rows: Rows) -> Said:
    """What a text says, or would say, by a notification."""
    at, critical = rows.written_at(n) or rows.now, n.row_lane is Lane.CRITICAL
    return Said(n.id, n.person, n.kind, n.bundle == FLAPPING, n.incident_id, n.receiver, critical, at)

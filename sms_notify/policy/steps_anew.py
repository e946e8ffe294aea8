"""What follows when an acknowledgement ends while the problem fires: `notify` is told, and steps begin anew.

Where it has only lapsed (`ack_expires`), whoever made it is asked first; the others hear where nothing is answered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.policy.acknowledgement import end_acknowledgement
from sms_notify.policy.allowed_moment import allowed
from sms_notify.policy.bundles import FLAPPING
from sms_notify.policy.correlation import SHARED
from sms_notify.policy.directory import Person
from sms_notify.policy.escalation import plan_reminder, plan_step
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.records import UNACKNOWLEDGED, Incident, Notification
from sms_notify.policy.roster import Staff
from sms_notify.policy.routing import ROUND, Receiver, Route, route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.said import taken_for
from sms_notify.policy.vocabulary import AckEnd, Decision, IncidentState, Kind, PageState

ANSWER = timedelta(minutes=5)
"""How long whoever is asked may take to answer where no receiver has a step that says so."""


class StepsAnew:
    """By one configuration. `notices` are the incidents that nothing ends: nobody is reminded of them."""

    def __init__(self, plan: Plan, rows: Rows, notices: Collection[int] = ()) -> None:
        self._plan = plan
        self._rows = rows
        self._notices = notices
        self._staff = Staff(plan.directory, plan.schedules)
        self._now = rows.now

    def begin(self, incident_ids: Iterable[int]) -> list[Notification]:
        """What is owed to `notify` of the receivers of today, each reader once; sets the steps and reminders."""
        return [n for id_ in incident_ids for n in self._begin(self._rows.incidents.rows[id_])]

    @staticmethod
    def _fires(incident: Incident) -> bool:
        """Of what is heard of no more nobody can say so: its steps begin when it is heard of again."""
        return incident.state is not IncidentState.UNHEARD

    def lapse(self, incidents: Iterable[Incident]) -> list[Notification]:
        """An acknowledgement has lapsed, or nobody has answered since it did."""
        owed: list[Notification] = []
        for incident in incidents:
            owed += self._unanswered(incident) if incident.acked_at is None else self._lapsed(incident)
        return owed

    def _lapsed(self, incident: Incident) -> list[Notification]:
        end_acknowledgement(self._rows, [incident.id], incident.acked_by, AckEnd.EXPIRED)
        anew = self._rows.incidents.rows[incident.id]
        asked = self._asked(anew, incident.acked_by)
        if asked is None:
            return self._begin(anew)
        self._rows.incidents.put(anew.id, replace(anew, ack_until=self._now + self._patience(anew)))
        return [asked]

    def _asked(self, incident: Incident, by: str) -> Notification | None:
        """None where it was not a person, or one who cannot be texted now."""
        person = self._plan.directory.people.get(by)
        routes = self._routes(incident)
        if person is None or not routes or not self._fires(incident):
            return None
        n = self._owe(incident, self._plan.receiver(routes[0].receiver), person)
        return n if n.due_at <= self._now else None

    def _patience(self, incident: Incident) -> timedelta:
        """The time until the first step, for whoever is told first."""
        receivers = (self._plan.receiver(one.receiver) for one in self._routes(incident))
        return min((one.escalate[0].after for one in receivers if one.escalate), default=ANSWER)

    def _unanswered(self, incident: Incident) -> list[Notification]:
        self._rows.incidents.put(incident.id, replace(incident, ack_until=None))
        self._rows.decide(Decision.UNACKNOWLEDGED, incident.id, detail="nobody has answered")
        return self._begin(self._rows.incidents.rows[incident.id])

    def _begin(self, incident: Incident) -> list[Notification]:
        owed: dict[str, Notification] = {}
        for told in self._routes(incident) if self._fires(incident) else ():
            receiver = self._plan.receiver(told.receiver)
            if not receiver.notify:
                continue
            people = self._staff.people(receiver.notify, self._rows.overrides, self._now)
            if not people:
                self._rows.decide(Decision.NOBODY_ON_CALL, incident.id, receiver=receiver.name)
            every = [self._owe(incident, receiver, person) for person in people]
            asked = {n.number: at for n in every if (at := self._told_at(n)) is not None}
            first = min((asked.get(n.number, n.due_at) for n in every), default=None)
            for n in every:
                before = owed.get(n.number)
                if n.number not in asked and (before is None or n.due_at < before.due_at):
                    owed[n.number] = n
            self._follow(incident, receiver, told, first)
        return [n for n in owed.values() if not self._waits(n)]

    def _follow(self, incident: Incident, receiver: Receiver, told: Route, first: datetime | None) -> None:
        plan_step(self._rows, incident.id, receiver, incident.raised, 1, first)
        if told.repeat_interval and incident.id not in self._notices:
            plan_reminder(self._rows, incident.id, receiver, incident.raised, told.repeat_interval, first)

    def _owe(self, incident: Incident, receiver: Receiver, person: Person) -> Notification:
        taken = taken_for(incident, self._now, self._plan.limits.calm)
        held = allowed(
            self._plan, taken, receiver.name, Wait(self._now, Hold.NOW), receiver.quiet, person.quiet
        )
        subject = incident.subject if incident.source == SHARED else taken.subject
        said = FLAPPING if subject.flapping else UNACKNOWLEDGED  # in a bout it may be over at the moment
        return Notification(
            subject, person, Kind.FIRING, receiver.name, held.until, self._now, held.why, held.by,
            incident.raised * ROUND, said,
        )  # fmt: skip

    def _told_at(self, n: Notification) -> datetime | None:
        """When this reader was asked in this round; None where they were not."""
        mine = (one for one in self._rows.of_incident(n.incident_id) if one.number == n.number)
        return next((one.created_at for one in mine if one.nth == n.nth), None)

    def _waits(self, n: Notification) -> bool:
        """Whether this reader is still to hear of its beginning: that text is enough."""
        mine = (one for one in self._rows.of_incident(n.incident_id) if one.number == n.number)
        return any(one.state is PageState.HELD and one.kind.news for one in mine)

    def _routes(self, incident: Incident) -> Sequence[Route]:
        """One a receiver."""
        chains = route(self._plan.route, incident.routing_labels).chains
        return list({chain[-1].receiver: chain[-1] for chain in reversed(chains)}.values())[::-1]

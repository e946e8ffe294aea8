"""What follows while nobody acknowledges and nothing ends: the steps of an escalation, and reminders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sms_notify.oncall.roster import Roster
from sms_notify.owing import LOOK_AGAIN
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold, Wait, wait
from sms_notify.policy.routing import Receiver, Route, route, step_of
from sms_notify.policy.vocabulary import Decision, Kind
from sms_notify.ruleset import Plan
from sms_notify.store import agenda, pages, reader_history
from sms_notify.store.agenda import Due, What
from sms_notify.store.pages import Page
from sms_notify.store.tx import Tx

# A reminder takes along what would be due a little later: one text instead of two.
_ALONG = timedelta(minutes=5)


class Turns:
    """Finds what is due; an incident that has ended or is acknowledged has nothing due any more."""

    def __init__(self, plan: Plan, roster: Roster, node: str) -> None:
        self._plan = plan
        self._roster = roster
        self._node = node

    def escalate(self, tx: Tx, now: datetime) -> list[Page]:
        """The pages of every step that is due; a step that nobody stands behind is passed over at once."""
        return _once(page for due in agenda.due(tx, What.ESCALATE, now) for page in self._step(tx, due, now))

    def _step(self, tx: Tx, due: Due, now: datetime) -> list[Page]:
        receiver = self._plan.receivers.get(due.receiver)
        steps = receiver.escalate if receiver is not None else ()
        incident_id = due.subject.incident_id
        nth = step_of(due.nth)
        if receiver is None or due.subject.ended or nth > len(steps):
            agenda.strike(tx, incident_id, due.receiver, What.ESCALATE)
            return []
        step = steps[nth - 1]
        later = self._held(due, receiver, now).until
        if later > now:
            agenda.put(tx, incident_id, receiver.name, What.ESCALATE, due.nth, later, due.every)
            return []
        people = self._roster.people(tx, step.notify, now)
        self._decided(tx, due, receiver, people, now)
        if nth < len(steps):
            pause = steps[nth].after - step.after if people else timedelta()
            agenda.put(tx, incident_id, receiver.name, What.ESCALATE, due.nth + 1, now + pause, timedelta())
        else:
            agenda.strike(tx, incident_id, receiver.name, What.ESCALATE)
        return [
            Page(
                due.subject,
                person,
                Kind.ESCALATION,
                receiver.name,
                now,
                now,
                nth=due.nth,
                bundle=f"step {nth}",
            )
            for person in people
            if not pages.has(tx, incident_id, person.number, Kind.ESCALATION, due.nth)
        ]

    def _decided(self, tx: Tx, due: Due, receiver: Receiver, people: Sequence[Person], now: datetime) -> None:
        incident_id, nth = due.subject.incident_id, step_of(due.nth)
        if due.every:
            agenda.decide(
                tx, Decision.JUMPED, self._node, now, incident_id=incident_id, receiver=receiver.name,
                nth=nth, detail="every text of the step before has failed",
            )  # fmt: skip
        word = Decision.ESCALATED if people else Decision.NOBODY_ON_CALL
        agenda.decide(
            tx, word, self._node, now, incident_id=incident_id, receiver=receiver.name, nth=nth,
            detail=", ".join(person.name for person in people) or ", ".join(map(str, receiver.escalate[nth - 1].notify)),
        )  # fmt: skip

    def remind(self, tx: Tx, now: datetime) -> list[Page]:
        """The pages of every reminder that is due, with those of the same receiver that soon would be."""
        names = {due.receiver for due in agenda.due(tx, What.REMIND, now)}
        if not names:
            return []
        soon = [due for due in agenda.due(tx, What.REMIND, now + _ALONG) if due.receiver in names]
        return _once(page for due in soon for page in self._reminder(tx, due, now))

    def _reminder(self, tx: Tx, due: Due, now: datetime) -> Sequence[Page]:
        receiver = self._plan.receivers.get(due.receiver)
        incident_id = due.subject.incident_id
        if receiver is None or due.subject.ended:
            agenda.strike(tx, incident_id, due.receiver, What.REMIND)
            return []
        later = max(self._held(due, receiver, now).until, self._not_before(tx, due, now))
        if later > now:
            agenda.put(tx, incident_id, receiver.name, What.REMIND, due.nth, later, due.every)
            return []
        if not self._roster.people(tx, receiver.notify, now):
            agenda.put(tx, incident_id, receiver.name, What.REMIND, due.nth, now + LOOK_AGAIN, due.every)
            return []
        agenda.put(tx, incident_id, receiver.name, What.REMIND, due.nth + 1, now + due.every, due.every)
        people = [
            person
            for person in self._roster.people(tx, receiver.notify, now)
            if person.quiet is None or not person.quiet.applies(due.subject.alert.labels, now)
        ]
        return [
            page
            for person in people
            if not pages.waits(tx, incident_id, person.number)
            and not pages.has(
                tx,
                incident_id,
                (page := self._again(tx, due, person, now)).person.number,
                page.kind,
                page.nth,
            )
        ]

    def _again(self, tx: Tx, due: Due, person: Person, now: datetime) -> Page:
        """To whoever has heard nothing of it, because nobody was on call or somebody else was, it is news."""
        if reader_history.heard_anything(tx, due.subject.incident_id, person.number):
            return Page(
                due.subject, person, Kind.REMINDER, due.receiver, now, now, nth=due.nth, bundle="reminder"
            )
        begun = due.nth - step_of(due.nth)
        return Page(due.subject, person, Kind.FIRING, due.receiver, now, now, nth=begun, bundle="reminder")

    def _not_before(self, tx: Tx, due: Due, now: datetime) -> datetime:
        """A whole interval after the last text about it, whatever that was written for; a little early takes it along."""
        last = reader_history.last_told(tx, due.subject.incident_id, due.receiver)
        return now if last is None or now + _ALONG >= last + due.every else last + due.every

    def _held(self, due: Due, receiver: Receiver, now: datetime) -> Wait:
        labels = due.subject.alert.labels
        there = self._route_to(labels, receiver.name)
        quiet = (receiver.quiet,) if receiver.quiet is not None else ()
        mute, during = (there.mute, there.active) if there is not None else ((), ())
        return wait(Wait(now, Hold.NOW), labels, mute, during, quiet)

    def _route_to(self, labels: Mapping[str, str], receiver: str) -> Route | None:
        chains = route(self._plan.route, labels).chains
        return next((chain[-1] for chain in chains if chain[-1].receiver == receiver), None)


def _once(owed: Iterable[Page]) -> list[Page]:
    """Two receivers whose turn comes at one time make one page for whoever stands in both."""
    return list({(page.subject.incident_id, page.person.number): page for page in owed}.values())

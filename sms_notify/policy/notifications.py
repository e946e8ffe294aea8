"""Who is owed the beginning of what was heard, and from when on: those whom its routes name, and whom a step has told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sms_notify.alert import Delivery
from sms_notify.policy import escalation
from sms_notify.policy.allowed_moment import first_free
from sms_notify.policy.belief import Belief
from sms_notify.policy.bundles import FLAPPING, RAISED
from sms_notify.policy.cases import Case
from sms_notify.policy.directory import Person
from sms_notify.policy.grouping import group_of
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.reading import ReaderBeliefs
from sms_notify.policy.records import Incident, Notification, Subject, TimerKind
from sms_notify.policy.roster import Staff
from sms_notify.policy.routing import ROUND, Receiver, step_of
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import note_nobody
from sms_notify.policy.vocabulary import Decision, Drop, Heard, IncidentState, Kind, PageState


class Notifications:
    """Decides it by one configuration, for one delivery."""

    def __init__(self, plan: Plan, delivery: Delivery, rows: Rows) -> None:
        self._plan = plan
        self._delivery = delivery
        self._rows = rows
        self._staff = Staff(plan.directory, plan.schedules)
        self._now = rows.now
        self._reading = ReaderBeliefs(delivery, rows)

    def groups(self, cases: Sequence[Case]) -> list[str]:
        """The groups whose last flush a decision asks for; what a source has grouped has none of ours."""
        if self._delivery.group:
            return []
        news = (case for case in cases if not case.heard.suppressed)
        return [
            group_of(chain[-1], chain[-1].receiver, case.alert.labels)
            for case in news
            for chain in case.chains
        ]

    # Beginnings.

    def beginnings(self, cases: Sequence[Case]) -> list[Notification]:
        """One a person for each that is new, also where several receivers name them."""
        owed: dict[tuple[int, str], Notification] = {}
        begun: list[tuple[Case, Receiver, tuple[Person, ...], datetime | None]] = []
        new = [case for case in cases if case.heard.news]
        for case in new:
            if case.heard is Heard.RAISED:
                self._begin_anew(case)
        for name in dict.fromkeys(name for case in new for name in case.receivers):
            receiver = self._plan.receivers[name]
            people = self._staff.people(receiver.notify, self._rows.overrides, self._now)
            routed = [case for case in new if name in case.receivers]
            if receiver.notify and not people:
                self._nobody(receiver, routed)
            hidden = self._delivery.hidden + self._delivery.later
            for case in routed:
                first = self._begin(case, receiver, people, hidden, owed)
                begun.append((case, receiver, people, first))
                hidden = 0  # of one delivery, told once to each
        for case, receiver, people, first in begun:
            known = (owed.get((case.id, person.number)) for person in people)
            held = [n for n in known if n is not None]
            self._plan_follow_ups(case, receiver, first, asleep=case.critical and escalation.all_asleep(held))
        return [self._in_place_of(n) if n.nth else n for n in owed.values()]

    def _begin_anew(self, case: Case) -> None:
        """Its severity has risen: who took care of the lesser problem is asked again, where anybody is to be told at all."""
        if not any(self._plan.receivers[name].notify for name in case.receivers):
            return
        rows, incident = self._rows, self._rows.incidents.rows[case.id]
        rows.incidents.put(case.id, incident.unacknowledged)
        rows.strike_turns(case.id)
        rows.drop((n for n in rows.of_incident(case.id) if n.follows_up), Drop.SUPERSEDED)

    def _in_place_of(self, n: Notification) -> Notification:
        """What the same reader was to be told of the lesser problem is out of date; unless it would be told sooner."""
        before = [
            old for old in self._rows.of_incident(n.incident_id)
            if old.number == n.number and old.nth < n.nth and old.kind is not Kind.RESOLVED
        ]  # fmt: skip
        held = [old for old in before if old.state is PageState.HELD]
        soonest = min((old.due_at for old in held), default=n.due_at)
        if soonest < n.due_at and n.why is not Hold.GROUP:
            return n
        self._rows.drop(held, Drop.SUPERSEDED)
        return replace(n, due_at=min(soonest, n.due_at))

    def _begin(
        self,
        case: Case,
        receiver: Receiver,
        people: Sequence[Person],
        hidden: int,
        owed: dict[tuple[int, str], Notification],
    ) -> datetime | None:
        """Adds what is owed to each; returns when the first of them may hear of it, None where nobody does."""
        now = self._now
        starts, bundle = self._reading.starts_of(case, receiver, urgent=case.critical)
        starts = [(route, Wait(now, Hold.NOW)) for route, _ in starts] if case.flapping else starts
        times: list[datetime] = []
        for person in (*people, *self._climbed_to(case, receiver, people)):
            held = first_free(starts, case.alert.labels, receiver.quiet, person.quiet)
            times.append(held.until)
            said = self._bundle(case, person, bundle)
            if said is None:
                continue
            n = Notification(
                self._subject(case), person, Kind.FIRING, receiver.name, held.until, now, held.why, held.by,
                case.round * ROUND, said, hidden,
                again_of=self._reading.lost(case, person.number) if case.heard is Heard.RESUMED else None,
            )  # fmt: skip
            key = (case.id, person.number)
            owed[key] = _first_of(owed.get(key), n)
        return min(times, default=None)

    def _subject(self, case: Case) -> Subject:
        """As it is now, whatever its last alert said."""
        return self._rows.incidents.rows[case.id].subject

    def _bundle(self, case: Case, person: Person, bundle: str) -> str | None:
        """How a reader is told, by what they believe; None where they know."""
        believes, held = self._reading.believes(case, person.number), self._is_held(case, person.number)
        if case.heard is Heard.RAISED:
            flaps = case.flapping and believes is not Belief.FLAPPING
            return FLAPPING if flaps else RAISED if believes.of_trouble else bundle
        if case.flapping:
            return None if believes is Belief.FLAPPING and case.heard is Heard.RESUMED else FLAPPING
        knows = believes in (Belief.FIRING, Belief.UNHEARD)
        if case.heard is Heard.RESUMED:
            return None if held or knows else bundle
        if not knows or believes is not Belief.FIRING or not self._just_ended(case):
            return bundle
        return RAISED if self._is_worse(case) else None

    def _before(self, case: Case) -> Incident | None:
        """The episode before."""
        episodes = self._rows.episodes(case.alert.source, case.alert.fingerprint)
        return next((one for one in episodes if one.id < case.id), None)

    def _is_worse(self, case: Case) -> bool:
        before = self._before(case)
        return before is not None and case.alert.severity.rank < (before.level or before.severity).rank

    def _just_ended(self, case: Case) -> bool:
        """Whether its last episode ended so lately that whoever believes that it fires is right again."""
        before = self._before(case)
        if before is None or before.closed_at is None or case.alert.once:
            return False
        return (
            before.state is IncidentState.RESOLVED and self._now - before.closed_at <= self._plan.limits.calm
        )

    def _is_held(self, case: Case, number: str) -> bool:
        mine = (n for n in self._rows.of_incident(case.id) if n.number == number)
        return any(n.state is PageState.HELD and n.kind is Kind.FIRING and n.bundle != FLAPPING for n in mine)

    def _climbed_to(self, case: Case, receiver: Receiver, people: Sequence[Person]) -> list[Person]:
        """Whom a step has told of this episode, or of this bout, as far as they still stand behind it."""
        since = self._reading.bout_since(case)
        told = {
            n.number
            for n in self._reading.earlier(case)
            if n.kind is Kind.ESCALATION and n.receiver == receiver.name
            and (n.state is PageState.TOLD or n.again_of is not None)
            and (n.incident_id == case.id or n.created_at >= since)
        }  # fmt: skip
        if not told:
            return []
        behind = self._staff.people(receiver.everybody, self._rows.overrides, self._now)
        known = {person.number for person in people}
        return [one for one in behind if one.number in told and one.number not in known]

    def _plan_follow_ups(
        self, case: Case, receiver: Receiver, first: datetime | None, *, asleep: bool
    ) -> None:
        """What follows if nobody acknowledges and it does not end: the next step, the next reminder."""
        if not receiver.notify or self._rows.incidents.rows[case.id].acked_at is not None:
            return
        if not self._goes_on(case, receiver):
            self._plan_step(case, receiver, first, asleep=asleep)
        every = [one.repeat_interval for one in case.routes_to(receiver.name) if one.repeat_interval]
        if every and not case.alert.once:
            escalation.plan_reminder(self._rows, case.id, receiver, case.round, min(every), first)

    def _plan_step(self, case: Case, receiver: Receiver, first: datetime | None, *, asleep: bool) -> None:
        nth = self._next_step(case, receiver)
        if asleep:
            escalation.pass_sleepers(self._rows, case.id, receiver, nth)
        if first is not None and case.heard is Heard.RESUMED:
            first -= receiver.climbed_by(nth)
        due = None if asleep else first
        escalation.plan_step(self._rows, case.id, receiver, case.round, nth, due)

    def _goes_on(self, case: Case, receiver: Receiver) -> bool:
        """Whether its steps run already: those of a bout of flapping run through its ends."""
        timer = self._rows.timers.get((case.id, receiver.name, TimerKind.ESCALATE))
        return case.heard is Heard.RESUMED and timer is not None

    def _next_step(self, case: Case, receiver: Receiver) -> int:
        """What goes on climbs on where it left off; so does what flaps. A step that an end took back while it waited was not
        taken.
        """
        goes_on = case.heard is Heard.RESUMED or (case.flapping and case.heard is Heard.FIRST)
        if case.anew or not goes_on:
            return 1
        climbed = (
            step_of(n.nth)
            for n in self._reading.earlier(case)
            if n.receiver == receiver.name and n.kind is Kind.ESCALATION and n.why is not Drop.RESOLVED
            and (n.incident_id == case.id or n.created_at >= self._reading.bout_since(case))
        )  # fmt: skip
        return 1 + max(climbed, default=0)

    def _nobody(self, receiver: Receiver, cases: Sequence[Case]) -> None:
        for case in cases:
            self._rows.decide(Decision.NOBODY_ON_CALL, case.id, receiver=receiver.name)
        note_nobody(self._rows, receiver.name, [case.id for case in cases])


def _first_of(had: Notification | None, n: Notification) -> Notification:
    """The worse of two about one incident, else the one that is told sooner; what a source hid is told with either."""
    if had is None:
        return n
    first = min(had, n, key=lambda one: (-one.nth, one.due_at))
    return replace(first, hidden=max(had.hidden, n.hidden))

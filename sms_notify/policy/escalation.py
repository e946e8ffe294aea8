"""What follows while nobody acknowledges and nothing ends: the steps of an escalation, and reminders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.alert import Severity
from sms_notify.policy.allowed_moment import allowed
from sms_notify.policy.bundles import FLAPPING
from sms_notify.policy.correlation import SHARED
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold, Quiet, Wait
from sms_notify.policy.records import Incident, Message, Notification, Timer, TimerKind
from sms_notify.policy.roster import Staff
from sms_notify.policy.routing import ROUND, Receiver, Step, step_of
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.said import taken_for
from sms_notify.policy.self_alert_notes import note_asleep
from sms_notify.policy.suppression import LOOK_AGAIN as LOOK_AT_SOURCE
from sms_notify.policy.suppression import is_suppressed
from sms_notify.policy.vocabulary import Decision, Drop, Kind, PageState

LOOK_AGAIN = timedelta(minutes=1)
"""For somebody on call, where nobody was."""

ALONG = timedelta(minutes=5)
"""A reminder takes along what would be due a little later: one text instead of two."""

_DAY = timedelta(days=1)

# `every` says nothing of a step's time; not zero, it marks the one that was moved forward.
_JUMPED = timedelta(microseconds=1)


def plan_step(
    rows: Rows, incident_id: int, receiver: Receiver, rounds: int, nth: int, first: datetime | None
) -> None:
    """Step `nth` follows the first text, which is due at `first`; with nobody to tell it is due at once."""
    if nth <= len(receiver.escalate):
        due = rows.now if first is None else first + receiver.escalate[nth - 1].after
        rows.set_timer(Timer(incident_id, receiver.name, TimerKind.ESCALATE, rounds * ROUND + nth, due))


def plan_reminder(
    rows: Rows, incident_id: int, receiver: Receiver, rounds: int, every: timedelta, first: datetime | None
) -> None:
    """With nobody on call it is looked again soon whether somebody is."""
    due = rows.now + LOOK_AGAIN if first is None else first + every
    rows.set_timer(Timer(incident_id, receiver.name, TimerKind.REMIND, rounds * ROUND + 1, due, every))


def pass_sleepers(rows: Rows, incident_id: int, receiver: Receiver, nth: int) -> None:
    """Quiet hours hold every text of the step before: step `nth` does not wait, and where there is none the operator hears."""
    if nth > len(receiver.escalate):
        note_asleep(rows, receiver.name, incident_id)
        return
    detail = "quiet hours hold every text of the step before"
    rows.decide(Decision.JUMPED, incident_id, receiver=receiver.name, nth=nth, detail=detail)


def hurry(rows: Rows, message: Message) -> None:
    """A text has failed: where it was the last hope of its step, the next step of what is critical is due now."""
    for told in rows.of_message(message.id):
        if taken_for(rows.incidents.rows[told.incident_id], rows.now).severity is not Severity.CRITICAL:
            continue  # it is tried again in a minute
        timer = rows.timers.get((told.incident_id, told.receiver, TimerKind.ESCALATE))
        if timer is None or timer.due_at <= rows.now or not told.kind.news or told.nth != timer.nth - 1:
            continue
        if not any(_hopeful(rows, n, timer) for n in rows.of_incident(told.incident_id)):
            rows.set_timer(replace(timer, due_at=rows.now, every=_JUMPED))


def _hopeful(rows: Rows, n: Notification, timer: Timer) -> bool:
    """Whether this text of the step before may still be read, and a critical one before the night is over."""
    of_step = n.receiver == timer.receiver and n.kind.news and n.nth == timer.nth - 1
    critical = n.subject.alert.severity is Severity.CRITICAL
    asleep = critical and n.why is Hold.QUIET
    waits = n.state is PageState.HELD and (asleep or n.failures > 0)
    if not of_step or n.state is PageState.DROPPED or waits:
        return False
    state = rows.state_of(n)
    return state is None or not state.bad_end


class Escalation:
    """Finds what is due; an incident that has ended or is acknowledged has nothing due any more."""

    def __init__(self, plan: Plan, rows: Rows) -> None:
        self._plan = plan
        self._rows = rows
        self._staff = Staff(plan.directory, plan.schedules)
        self._now = rows.now

    def steps(self) -> list[Notification]:
        """What every step that is due owes; a step that nobody stands behind is passed over at once."""
        return _once(n for timer in self._due(TimerKind.ESCALATE, self._now) for n in self._step(timer))

    def _due(self, what: TimerKind, until: datetime) -> list[Timer]:
        timers = self._rows.timers.rows.values()
        due = (timer for timer in timers if timer.what is what and timer.due_at <= until)
        return sorted(due, key=lambda timer: (timer.due_at, timer.incident_id))

    def _step(self, timer: Timer) -> list[Notification]:
        rows, now = self._rows, self._now
        step = self._step_of(timer)
        if step is None:
            rows.strike(timer)
            return []
        receiver, nth, incident = (
            self._plan.receiver(timer.receiver),
            step_of(timer.nth),
            self._believed(timer),
        )
        critical, steps = incident.severity is Severity.CRITICAL, receiver.escalate
        later = self._held(timer, self._quiet(timer, receiver)).until
        if later > now:
            rows.set_timer(replace(timer, due_at=later))
            return []
        people = self._staff.people(step.notify, rows.overrides, now)
        self._decided(timer, receiver, people)
        owed = [self._step_to(timer, receiver, person) for person in people]
        asleep = critical and all_asleep(owed)
        if nth < len(steps):
            pause = steps[nth].after - step.after if people and not asleep else timedelta()
            rows.set_timer(Timer(incident.id, receiver.name, timer.what, timer.nth + 1, now + pause))
        else:
            rows.strike(timer)
        if asleep:
            pass_sleepers(rows, incident.id, receiver, nth + 1)
        return [n for n in owed if not self._is_owed(n)]

    def _step_of(self, timer: Timer) -> Step | None:
        """None where it is to be told no more."""
        receiver, nth = self._plan.receiver(timer.receiver), step_of(timer.nth)
        is_open = self._believed(timer).is_open
        return receiver.escalate[nth - 1] if is_open and nth <= len(receiver.escalate) else None

    def _quiet(self, timer: Timer, receiver: Receiver) -> Quiet | None:
        """The hours that hold a whole step: of what is critical, each person is asked."""
        return None if self._believed(timer).severity is Severity.CRITICAL else receiver.quiet

    def ahead(self, timer: Timer) -> list[Notification]:
        """All that a step owes that may leave at its time, which is this moment: as far as anybody knows before."""
        step, receiver = self._step_of(timer), self._plan.receiver(timer.receiver)
        if step is None or self._held(timer, self._quiet(timer, receiver)).until > self._now:
            return []
        people = self._staff.people(step.notify, self._rows.overrides, self._now)
        owed = (self._step_to(timer, receiver, person) for person in people)
        return [n for n in owed if n.due_at <= self._now]

    def told(self, timer: Timer) -> None:
        """Everybody has this step's text already: what follows it counts from now."""
        self._step(timer)

    def _believed(self, timer: Timer) -> Incident:
        incident = self._rows.incidents.rows[timer.incident_id]
        return taken_for(incident, self._now, self._plan.limits.calm)

    def _step_to(self, timer: Timer, receiver: Receiver, person: Person) -> Notification:
        n = self.owed_to(timer, person)
        held = self._held(timer, receiver.quiet, person.quiet)
        return replace(n, due_at=held.until, why=held.why, held_by=held.by)

    def owed_to(self, timer: Timer, person: Person) -> Notification:
        """A step as one person is to hear it, whatever may hold it."""
        return self._owe(timer, person, Kind.ESCALATION, timer.nth, f"step {step_of(timer.nth)}")

    def _is_owed(self, n: Notification) -> bool:
        """Whether it was owed before: none is told twice. What another receiver holds for longer is told when this one may, and
        what an end took back while it waited, when that was a flicker.
        """
        before = self._rows.found(n.incident_id, n.number, n.kind, n.nth)
        if before is None:
            return False
        if before.why is Drop.RESOLVED:
            return self._rows.revive(n)
        held = before.state is PageState.HELD and isinstance(before.why, Hold) and before.why.of_hours
        if held and n.due_at < before.due_at and isinstance(n.why, Hold):
            self._rows.hold(before, n.due_at, n.why, n.held_by)
        return True

    def _owe(self, timer: Timer, person: Person, kind: Kind, nth: int, bundle: str) -> Notification:
        incident = self._rows.incidents.rows[timer.incident_id]
        # What is worst of a shared incident has ended: it is told as what fires.
        subject = incident.subject if incident.source == SHARED else self._believed(timer).subject
        return Notification(
            subject,
            person,
            kind,
            timer.receiver,
            self._now,
            self._now,
            nth=nth,
            bundle=FLAPPING if subject.flapping else bundle,
        )

    def _decided(self, timer: Timer, receiver: Receiver, people: Sequence[Person]) -> None:
        rows, nth = self._rows, step_of(timer.nth)
        if timer.every:
            detail = "every text of the step before has failed"
            rows.decide(Decision.JUMPED, timer.incident_id, receiver=receiver.name, nth=nth, detail=detail)
        word = Decision.ESCALATED if people else Decision.NOBODY_ON_CALL
        targets = ", ".join(map(str, receiver.escalate[nth - 1].notify))
        detail = ", ".join(person.name for person in people) or targets
        rows.decide(word, timer.incident_id, receiver=receiver.name, nth=nth, detail=detail)

    def reminders(self) -> list[Notification]:
        """What every reminder that is due owes, with those of the same receiver that soon would be."""
        names = {timer.receiver for timer in self._due(TimerKind.REMIND, self._now)}
        soon = [t for t in self._due(TimerKind.REMIND, self._now + ALONG) if t.receiver in names]
        return _once(n for timer in soon for n in self._reminder(timer))

    def _reminder(self, timer: Timer) -> Sequence[Notification]:
        rows, now = self._rows, self._now
        receiver, incident = self._plan.receivers.get(timer.receiver), rows.incidents.rows[timer.incident_id]
        if receiver is None or not incident.is_open:
            rows.strike(timer)
            return []
        later = max(self._held(timer, receiver.quiet).until, self._not_before(timer))
        people = self._staff.people(receiver.notify, rows.overrides, now)
        if later > now or not people:
            rows.set_timer(replace(timer, due_at=later if later > now else now + LOOK_AGAIN))
            return []
        rows.set_timer(replace(timer, nth=timer.nth + 1, due_at=now + self._pause(timer, incident)))
        told = (person for person in people if not self._waits(incident.id, person.number))
        owed = (self._until_morning(timer, self._again(timer, person), person) for person in told)
        owed = (n for n in owed if n.kind is not Kind.FIRING or not rows.revive(n))
        return [n for n in owed if not rows.has(incident.id, n.number, n.kind, n.nth)]

    def _until_morning(self, timer: Timer, n: Notification, person: Person) -> Notification:
        held = self._held(timer, person.quiet)
        return replace(n, due_at=held.until, why=held.why, held_by=held.by)

    def _pause(self, timer: Timer, incident: Incident) -> timedelta:
        """What no source repeats may last for weeks: after a day it is told once a day."""
        seldom = not incident.repeats and self._now - incident.opened_at >= _DAY
        return max(timer.every, _DAY) if seldom else timer.every

    def _waits(self, incident_id: int, number: str) -> bool:
        """Whether something of the incident is still held for this reader: a reminder of it would overtake it."""
        mine = (n for n in self._rows.of_incident(incident_id) if n.number == number)
        return any(n.state is PageState.HELD for n in mine)

    def _again(self, timer: Timer, person: Person) -> Notification:
        """To whoever has heard nothing of it, because nobody was on call or somebody else was, it is news."""
        mine = (n for n in self._rows.of_incident(timer.incident_id) if n.number == person.number)
        if any(n.state is not PageState.DROPPED for n in mine):
            return self._owe(timer, person, Kind.REMINDER, timer.nth, "reminder")
        return self._owe(timer, person, Kind.FIRING, timer.nth - step_of(timer.nth), "reminder")

    def _not_before(self, timer: Timer) -> datetime:
        """A whole interval after the last text about it, whatever that was written for; a little early takes it along."""
        rows = self._rows
        told = (n for n in rows.of_incident(timer.incident_id) if n.receiver == timer.receiver)
        last = max((at for n in told if (at := rows.written_at(n)) is not None), default=None)
        return self._now if last is None or self._now + ALONG >= last + timer.every else last + timer.every

    def _held(self, timer: Timer, *quiet: Quiet | None) -> Wait:
        """As urgent as it is taken for; for a moment where its source suppresses it."""
        incident = self._believed(timer)
        if is_suppressed(incident, self._now):
            return Wait(self._now + LOOK_AT_SOURCE, Hold.SUPPRESSED)
        return allowed(self._plan, incident, timer.receiver, Wait(self._now, Hold.NOW), *quiet)


def all_asleep(owed: Sequence[Notification]) -> bool:
    """Whether there is somebody to tell, and quiet hours hold it for each of them."""
    return bool(owed) and all(n.why is Hold.QUIET for n in owed)


def _once(owed: Iterable[Notification]) -> list[Notification]:
    """Two receivers whose step comes at one time owe one text to whoever stands in both: by the one that is free first."""
    first: dict[tuple[int, str], Notification] = {}
    for n in owed:
        had = first.setdefault((n.incident_id, n.number), n)
        first[n.incident_id, n.number] = min(had, n, key=lambda one: one.due_at)
    return list(first.values())

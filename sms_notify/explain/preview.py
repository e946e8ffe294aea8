"""What would happen to an alert at a time: the way through the routes, who would get which text when, and what follows.

The engine's own parts, asked without a transaction. So it knows no limits, no group that waits already and no open
incident: it tells what a first alert on a quiet day leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sms_notify.alert import Alert, Severity, Status
from sms_notify.explain.route_trace import Looked, walk
from sms_notify.policy.bars import Barring
from sms_notify.policy.directory import OnCall, Person, Target, TargetKind
from sms_notify.policy.grouping import flush_at
from sms_notify.policy.holds import Hold, Wait, wait
from sms_notify.policy.rate_limits import TELL_PAUSE, Lane, pause_after
from sms_notify.policy.rotations import Schedule, Shift, on_call
from sms_notify.policy.routing import Receiver, Route, route
from sms_notify.policy.ruleset import Plan
from sms_notify.wording.compose import compose_reported
from sms_notify.wording.content import Notice, Reader, Text, TextedIncident

SAMPLE_TAG = "k3f9"
_SAMPLE_CODE = "k3f9k3f9k3"  # as long as a real one
_HOURS = (Hold.QUIET, Hold.MUTED, Hold.INACTIVE)
Overrides = Mapping[str, Sequence[Shift]]
Barred = Callable[[str], Barring | None]
NO_OVERRIDES: Overrides = {}


@dataclass(frozen=True, slots=True)
class Expected:
    """One text: to whom, because of which target, when, what holds it until then, and what bars it now."""

    person: Person
    target: Target
    at: datetime
    why: Hold
    by: str
    text: Text
    barring: Barring | None = None

    @property
    def leaves(self) -> bool:
        """False where every gateway bars the number."""
        return self.barring is None or not self.barring.nowhere


@dataclass(frozen=True, slots=True)
class StepAt:
    """A step of the escalation, at its time; nobody in `people`: nobody is on call then, and the next one is at once.

    `barred` are those of the people whom no gateway texts now.
    """

    nth: int
    at: datetime
    people: tuple[Person, ...]
    notify: tuple[Target, ...]
    barred: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one receiver does. `already` are people whom an earlier receiver tells; `unheld` schedules without a holder.

    `every` is the time between reminders, None where nobody is told and so nobody is reminded.
    """

    route: Route
    receiver: Receiver
    texts: tuple[Expected, ...] = ()
    already: tuple[Person, ...] = ()
    unheld: tuple[str, ...] = ()
    steps: tuple[StepAt, ...] = ()
    every: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that would happen to `alert` at `at`."""

    alert: Alert
    at: datetime
    looked: tuple[Looked, ...]
    answers: tuple[Answer, ...]

    @property
    def texts(self) -> tuple[Expected, ...]:
        """Those that would leave: a barred number gets none."""
        return tuple(text for answer in self.answers for text in answer.texts if text.leaves)


def not_barred(_number: str) -> Barring | None:
    """For where nothing is known of what gateways refuse."""
    return None


def foresee(
    plan: Plan,
    alert: Alert,
    at: datetime,
    overrides: Overrides = NO_OVERRIDES,
    *,
    grouped: bool = True,
    barred: Barred = not_barred,
) -> Outcome:
    """What a first `alert` at `at` leads to. `grouped`: its source groups by itself, as Alertmanager does.

    `barred` says what bars a number now.
    """
    routed = route(plan.route, alert.labels)
    seer = _Seer(plan, alert, at, overrides, grouped, barred)
    nodes = {
        name: next(chain[-1] for chain in routed.chains if chain[-1].receiver == name)
        for name in routed.receivers
    }
    for name, node in nodes.items():
        seer.compete(node, plan.receivers[name])
    answers = [seer.answer(node, plan.receivers[name]) for name, node in nodes.items()]
    return Outcome(alert, at, walk(plan.route, alert.labels), tuple(answers))


def holders(schedules: Mapping[str, Schedule], overrides: Overrides, at: datetime) -> OnCall:
    """Who holds each schedule at `at`."""

    def holder(name: str) -> str | None:
        schedule = schedules.get(name)
        return None if schedule is None else on_call(schedule, overrides.get(name, ()), at)

    return holder


@dataclass(slots=True)
class _Seer:
    """One alert at one time. `told` has the texts of the receivers asked so far, by number: nobody gets two.

    `soonest` is the receiver that tells each number first: that one's text counts.
    """

    plan: Plan
    alert: Alert
    at: datetime
    overrides: Overrides
    grouped: bool
    barred: Barred
    told: dict[str, Expected] = field(default_factory=dict)
    soonest: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def compete(self, node: Route, receiver: Receiver) -> None:
        """Takes note of whom this receiver would tell sooner than those before it."""
        for person, _ in self._named(receiver.notify, self.at):
            until = self._held(self._start(node), node, receiver, person).until
            if person.number not in self.soonest or until < self.soonest[person.number][0]:
                self.soonest[person.number] = (until, receiver.name)

    def _start(self, node: Route) -> Wait:
        if self.grouped:
            return Wait(self.at, Hold.NOW)
        return flush_at(node, None, self.alert.severity is Severity.CRITICAL, self.at)

    def answer(self, node: Route, receiver: Receiver) -> Answer:
        """What `receiver` does."""
        mine: list[Expected] = []
        already: list[Person] = []
        times: list[datetime] = []
        for person, target in self._named(receiver.notify, self.at):
            held = self._held(self._start(node), node, receiver, person)
            times.append(held.until)
            if self.soonest[person.number][1] != receiver.name:
                already.append(person)
            else:
                mine.append(self._expect(receiver, person, target, held))
        first = min(times, default=None)
        return Answer(
            node,
            receiver,
            tuple(self._relieved(receiver, mine)),
            tuple(already),
            self._unheld(receiver.notify),
            tuple(self._steps(receiver, first)),
            node.repeat_interval if first is not None and node.repeat_interval else None,
        )

    def _expect(self, receiver: Receiver, person: Person, target: Target, held: Wait) -> Expected:
        text = _worded(self.plan, receiver, person, self.alert, held.until)
        barring = self.barred(person.number)
        self.told[person.number] = Expected(person, target, held.until, held.why, held.by, text, barring)
        return self.told[person.number]

    def _held(self, start: Wait, node: Route, receiver: Receiver, person: Person) -> Wait:
        quiet = tuple(hours for hours in (receiver.quiet, person.quiet) if hours is not None)
        return wait(start, self.alert.labels, node.mute, node.active, quiet)

    def _relieved(self, receiver: Receiver, texts: Sequence[Expected]) -> Iterator[Expected]:
        """What is held for hours goes to who is on call when it is told, where that is somebody else by then."""
        scheduled = any(target.kind is TargetKind.SCHEDULE for target in receiver.notify)
        for text in texts:
            then = self._named(receiver.notify, text.at) if scheduled and text.why in _HOURS else []
            if not then or text.person.number in {person.number for person, _ in then}:
                yield text
                continue
            held = Wait(text.at, text.why, text.by)
            for person, target in then:
                if person.number not in self.told:
                    yield self._expect(receiver, person, target, held)

    def _named(self, targets: Sequence[Target], at: datetime) -> list[tuple[Person, Target]]:
        """Whom `targets` name at `at`, each number once, with the first target that names them."""
        holder = holders(self.plan.schedules, self.overrides, at)
        named: dict[str, tuple[Person, Target]] = {}
        for target in targets:
            for person in self.plan.directory.resolve((target,), holder):
                named.setdefault(person.number, (person, target))
        return list(named.values())

    def _unheld(self, targets: Sequence[Target]) -> tuple[str, ...]:
        """The schedules among `targets` that nobody holds, or somebody who is not configured any more."""
        schedules = [target for target in targets if target.kind is TargetKind.SCHEDULE]
        return tuple(target.name for target in schedules if not self._named((target,), self.at))

    def _stuck(self, person: Person) -> bool:
        barring = self.barred(person.number)
        return barring is not None and barring.nowhere

    def _steps(self, receiver: Receiver, first: datetime | None) -> Iterator[StepAt]:
        if not receiver.notify or not receiver.escalate:
            return
        due = self.at if first is None else first + receiver.escalate[0].after
        for nth, step in enumerate(receiver.escalate, 1):
            people = tuple(person for person, _ in self._named(step.notify, due))
            yield StepAt(nth, due, people, step.notify, tuple(filter(self._stuck, people)))
            if people and nth < len(receiver.escalate):
                due += receiver.escalate[nth].after - step.after


def _worded(plan: Plan, receiver: Receiver, person: Person, alert: Alert, at: datetime) -> Text:
    link = f"{plan.ack_url}{_SAMPLE_CODE}" if plan.ack_url and receiver.escalate else ""
    told = TextedIncident(SAMPLE_TAG, alert, alert.starts_at)
    lane = Lane.CRITICAL if alert.severity is Severity.CRITICAL else Lane.REST
    free = pause_after(plan.limits.of(lane), (), at)
    silent = free if free - at > TELL_PAUSE else None
    notice = Notice(Status.FIRING, (told,), ack=link, silent_until=silent)
    reader = Reader(person.timezone, person.language)
    return compose_reported(notice, reader, plan.templates.get(receiver.template), receiver.max_parts).text

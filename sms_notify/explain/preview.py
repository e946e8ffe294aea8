"""What would happen to an alert at a time: the way through the routes, who would get which text when, and what follows.

No rule stands here. The engine itself takes the alert, on an empty store and a virtual clock, and what it led to is read off
the rows. So nothing counts that is open, was sent or is held already: this is what a first alert on a quiet day leads to,
while nobody acknowledges and the trouble lasts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.alert import Alert, Delivery
from sms_notify.explain.route_trace import Looked, walk
from sms_notify.policy.account import Account
from sms_notify.policy.bars import Barring
from sms_notify.policy.directory import Person, Target, TargetKind
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import AHEAD, Hold
from sms_notify.policy.records import TimerKind
from sms_notify.policy.roster import Overrides
from sms_notify.policy.routing import Receiver, Route, step_of
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Decision, Heard, Kind, PageState
from sms_notify.store import messages, queries, watch_rows
from sms_notify.store.tx import Row, moment
from sms_notify.virtual.paper_daemon import PaperDaemon
from sms_notify.virtual.paper_gateway import PAPER_LIMITS, PaperGateway

SAMPLE_TAG = "k3f9"
_SAMPLE_CODE = "k3f9k3f9k3"  # as long as a real one
_NODE = "preview"
_TICKS = 100  # some 0.1 s; what comes after so many, after days of reminders, is gone to straight
_LEAPS = 20  # an end for what never comes, such as a step of a route that is always muted
_FOR_EVER = timedelta(days=10_000)
_MICROSECOND = timedelta(microseconds=1)
_RAN = (Decision.ESCALATED, Decision.NOBODY_ON_CALL)
NO_OVERRIDES: Overrides = {}
Barred = Callable[[str], Barring | None]


@dataclass(frozen=True, slots=True)
class Expected:
    """One text: to whom, because of which target, when, what holds it until then, and what bars it now."""

    person: Person
    target: Target
    at: datetime
    why: Hold
    by: str
    kind: Kind
    body: str
    parts: int
    barring: Barring | None = None

    @property
    def leaves(self) -> bool:
        """False where every gateway bars the number."""
        return self.barring is None or not self.barring.nowhere


@dataclass(frozen=True, slots=True)
class StepAt:
    """A step of the escalation, at its time; nobody in `people`: nobody is on call then, and the next one is at once.

    `texts` are its own; `already` are those who hear of it by the same step of another receiver, and get no second text.
    `barred` are those of the people whom no gateway texts now.
    """

    nth: int
    at: datetime
    people: tuple[Person, ...]
    notify: tuple[Target, ...]
    texts: tuple[Expected, ...] = ()
    barred: tuple[Person, ...] = ()
    already: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one receiver does. `already` are people whom an earlier receiver tells; `unheld` schedules without a holder.

    `later` are the first texts of those who come on call while it lasts, `untold` those whose first text a limit, or windows
    without a free moment, hold for longer than can be foreseen. `every` is the time between reminders, None where
    nobody is told and so nobody is reminded, `reminded_at` when the first one leaves, None where that is too far ahead.
    """

    route: Route
    receiver: Receiver
    texts: tuple[Expected, ...] = ()
    later: tuple[Expected, ...] = ()
    untold: tuple[Person, ...] = ()
    already: tuple[Person, ...] = ()
    unheld: tuple[str, ...] = ()
    steps: tuple[StepAt, ...] = ()
    every: timedelta | None = None
    reminded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Everything that would happen to `alert` at `at`. A sign of life of `watches` is no incident, and takes no route."""

    alert: Alert
    at: datetime
    looked: tuple[Looked, ...]
    answers: tuple[Answer, ...]
    watches: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[Expected, ...]:
        """The first ones that would leave: a barred number gets none."""
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
) -> Foreseen:
    """What a first `alert` at `at` leads to. `grouped`: its source groups by itself, as Alertmanager does.

    `barred` says what bars a number now.
    """
    looked = walk(plan.route, alert.labels)
    nodes: dict[str, Route] = {}
    for there in looked:
        if there.answers:
            nodes.setdefault(there.route.receiver, there.route)
    with _daemon(plan, alert, overrides, barred) as daemon:
        delivery = Delivery(alert.source, (alert,), group="{}" if grouped else "")
        [verdict] = daemon.accept(delivery, at)
        if verdict.heard is Heard.WATCHED:
            fed = tuple(dict.fromkeys(row.name for row in watch_rows.every(daemon.tx)))
            return Foreseen(alert, at, (), (), fed)
        seer = _Seer(daemon, plan, at, verdict.incident_id or 0, barred)
        seer.play()
        answers = [seer.answer(node, plan.receivers[name]) for name, node in nodes.items()]
    return Foreseen(alert, at, looked, tuple(answers))


def _daemon(plan: Plan, alert: Alert, overrides: Overrides, barred: Barred) -> PaperDaemon:
    """A daemon with nothing in its store and one gateway, which refuses what every gateway refuses now.

    A source goes on reporting what lasts, so that it does not go stale; nobody repeats a notice.
    """
    timing = plan.timing if alert.once else replace(plan.timing, stale_after=_FOR_EVER)

    def code_of(number: str) -> int | None:
        barring = barred(number)
        return barring.bars[0].code if barring is not None and barring.nowhere else None

    account = Account(plan.gateway, limits=PAPER_LIMITS, gateways=plan.gateways[:1], directory=plan.directory)
    one = replace(plan, timing=timing, gateways=plan.gateways[:1])
    return PaperDaemon(one, account, PaperGateway(plan.gateway, code_of), _NODE, overrides)


class _Seer:
    """Lets the one incident of a daemon take its course, and reads what came of it."""

    def __init__(
        self, daemon: PaperDaemon, plan: Plan, at: datetime, incident_id: int, barred: Barred
    ) -> None:
        self._daemon, self._plan, self._at, self._incident_id = daemon, plan, at, incident_id
        self._barred = barred
        self._every = {row["receiver"]: row["every"] * _MICROSECOND for row in self._agenda(TimerKind.REMIND)}

    # What the clock has to go on for.

    def play(self) -> None:
        """Until every step is through, who was to hear of it has heard, and the first reminders have left. What no window
        ever lets pass is held for as long as one looks ahead, and then again: nobody waits for that.
        """
        for _ in range(_TICKS):
            at = self._daemon.next_tick()
            if at is None or at >= self._at + AHEAD or not (self._news() or self._unreminded()):
                return
            self._daemon.tick(at)
        if self._starving():
            return
        for _ in range(_LEAPS):
            due = [moment(row["due_at"]) for row in self._news()]
            if not due or min(due) >= self._at + AHEAD:
                return
            self._daemon.tick(self._daemon.tick_for(min(due)))

    def _starving(self) -> bool:
        """Whether a limit still holds a first text behind what others are told: a leap would leave those out."""
        return any(page["why"] in (Hold.LIMIT, Hold.BEHIND) for page in self._held(Kind.FIRING))

    def _agenda(self, what: TimerKind) -> Sequence[Row]:
        return [row for row in queries.agenda_of(self._daemon.tx, self._incident_id) if row["what"] == what]

    def _news(self) -> Sequence[Row]:
        """What is still to come: each receiver's next step, and what is held but reminders."""
        return [*self._agenda(TimerKind.ESCALATE), *self._held(Kind.FIRING), *self._held(Kind.ESCALATION)]

    def _held(self, kind: Kind) -> list[Row]:
        return [page for page in self._pages() if page["kind"] == kind and page["state"] == PageState.HELD]

    def _unreminded(self) -> bool:
        """Whether a receiver that has told somebody has not come to its first reminder yet."""
        told = {page["receiver"] for page in self._pages() if page["state"] == PageState.TOLD}
        return any(row["nth"] == 1 and row["receiver"] in told for row in self._agenda(TimerKind.REMIND))

    def _pages(self) -> Sequence[Row]:
        return queries.pages_of(self._daemon.tx, self._incident_id)

    # What came of it.

    def answer(self, node: Route, receiver: Receiver) -> Answer:
        """What `receiver` does."""
        named = self._named(receiver.notify, self._at)
        first = self._told(Kind.FIRING, receiver)
        begun = [page for page in first if moment(page["created_at"]) <= self._at]
        reminders = self._told(Kind.REMINDER, receiver)
        return Answer(
            node,
            receiver,
            tuple(self._expected(page, receiver.notify) for page in begun),
            tuple(self._expected(page, receiver.notify) for page in first if page not in begun),
            tuple(self._untold(receiver)),
            tuple(self._already(receiver)),
            tuple(self._unheld(receiver.notify)),
            tuple(self._steps(receiver)),
            self._every.get(receiver.name) if named or first or reminders else None,
            min((moment(page["told_at"]) for page in reminders), default=None),
        )

    def _told(self, kind: Kind, receiver: Receiver) -> list[Row]:
        mine = [page for page in self._pages() if page["receiver"] == receiver.name]
        return [page for page in mine if page["kind"] == kind and page["state"] == PageState.TOLD]

    def _expected(self, page: Row, targets: Sequence[Target]) -> Expected:
        message = messages.get(self._daemon.tx, page["message_id"])
        number = message.number
        named = self._named(targets, message.created_at) | self._named(targets, moment(page["created_at"]))
        # whoever is none of them came on call between the two, and only by a schedule can that be
        person, target = named.get(number) or (Person(message.recipient, number), _schedule_of(targets))
        why, by = Hold(page["why"]), page["held_by"]
        barring = self._barred(number)
        body = self._sampled(message.body)
        return Expected(
            person, target, message.created_at, why, by, message.kind, body, message.parts, barring
        )

    def _sampled(self, body: str) -> str:
        """With the tag and the code that stand for any."""
        told = body.replace(tag_of(self._incident_id), SAMPLE_TAG)
        link = self._plan.ack_url
        return re.sub(re.escape(link) + r"\w+", link + _SAMPLE_CODE, told) if link else told

    def _untold(self, receiver: Receiver) -> Iterator[Person]:
        for page in self._held(Kind.FIRING):
            if page["receiver"] == receiver.name:
                yield Person(page["recipient"], page["number"])

    def _already(self, receiver: Receiver) -> Iterator[Person]:
        by = {
            page["number"]: page["receiver"]
            for page in self._pages()
            if page["kind"] == Kind.FIRING and page["state"] != PageState.DROPPED
        }
        for number, (person, _) in self._named(receiver.notify, self._at).items():
            if by.get(number, receiver.name) != receiver.name:
                yield person

    def _named(self, targets: Sequence[Target], at: datetime) -> dict[str, tuple[Person, Target]]:
        """Whom `targets` name at `at`, by number, each with the first target that names them."""
        named: dict[str, tuple[Person, Target]] = {}
        for target in targets:
            for person in self._people((target,), at):
                named.setdefault(person.number, (person, target))
        return named

    def _people(self, targets: Sequence[Target], at: datetime) -> tuple[Person, ...]:
        return self._daemon.engine.roster.who(self._daemon.tx, targets, at)

    def _unheld(self, targets: Sequence[Target]) -> Iterator[str]:
        """The schedules among `targets` that nobody holds, or somebody who is not configured any more."""
        for target in targets:
            if target.kind is TargetKind.SCHEDULE and not self._people((target,), self._at):
                yield target.name

    def _steps(self, receiver: Receiver) -> Iterator[StepAt]:
        """Those that ran, as the engine wrote it down."""
        texts = self._told(Kind.ESCALATION, receiver)
        for row in queries.decisions_of(self._daemon.tx, self._incident_id):
            if row["receiver"] != receiver.name or row["word"] not in _RAN or not row["nth"]:
                continue
            nth, at = row["nth"], moment(row["at"])
            notify = receiver.escalate[nth - 1].notify
            people = self._people(notify, at)
            mine = tuple(self._expected(page, notify) for page in texts if step_of(page["nth"]) == nth)
            others = self._told_by_others(receiver, nth)
            already = tuple(person for person in people if person.number in others)
            yield StepAt(nth, at, people, notify, mine, tuple(filter(self._stuck, people)), already)

    def _told_by_others(self, receiver: Receiver, nth: int) -> set[str]:
        """The numbers that this step of another receiver tells."""
        steps = (page for page in self._pages() if page["kind"] == Kind.ESCALATION)
        there = (page for page in steps if page["receiver"] != receiver.name and step_of(page["nth"]) == nth)
        return {page["number"] for page in there if page["state"] != PageState.DROPPED}

    def _stuck(self, person: Person) -> bool:
        barring = self._barred(person.number)
        return barring is not None and barring.nowhere


def _schedule_of(targets: Sequence[Target]) -> Target:
    return next(target for target in targets if target.kind is TargetKind.SCHEDULE)

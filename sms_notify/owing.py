"""Who is owed what of what was heard, and from when on: a beginning to those whom its routes name, an end to those who
may have heard of the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.alert import Alert, Delivery, Severity
from sms_notify.bundling import FLAPPING, RAISED
from sms_notify.oncall.roster import Roster
from sms_notify.policy.directory import Person, TargetKind
from sms_notify.policy.grouping import flush_at, group_of
from sms_notify.policy.holds import Hold, Quiet, Wait, wait
from sms_notify.policy.routing import ROUND, Receiver, Route
from sms_notify.policy.vocabulary import Cause, Decision, Drop, Heard, Kind, PageState, State
from sms_notify.ruleset import Plan
from sms_notify.self_alerts import report_nobody
from sms_notify.store import agenda, incidents, messages, pages, reader_history
from sms_notify.store.agenda import What
from sms_notify.store.messages import Entry, Message
from sms_notify.store.pages import Page, Subject, Written
from sms_notify.store.tx import Tx

LOOK_AGAIN = timedelta(minutes=1)  # for somebody on call, where nobody was
_KEPT = (
    Hold.LIMIT,
    Hold.BEHIND,
    Hold.LATE,
)  # what was held so is told with its end: it was counted, or promised


@dataclass(frozen=True, slots=True)
class Case:
    """An alert on its way through `accept`: what it means, and for which episode.

    `flapping` counts the episodes where they are too many to tell each; `told_flapping` says that people know.
    `round` counts how often its severity rose. `told_as` is the alert as its source told it, where the incident that
    it belongs to has another name.
    """

    alert: Alert
    heard: Heard
    incident_id: int | None
    opened_at: datetime
    chains: tuple[tuple[Route, ...], ...] = ()
    flapping: int = 0
    told_flapping: bool = False
    round: int = 0
    told_as: Alert | None = None

    @property
    def receivers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(chain[-1].receiver for chain in self.chains))

    @property
    def id(self) -> int:
        assert self.incident_id is not None  # noqa: S101 - FIRST and RESOLVED always have an episode
        return self.incident_id

    def route_to(self, receiver: str) -> Route | None:
        return next((chain[-1] for chain in self.chains if chain[-1].receiver == receiver), None)

    def subject(self, *, ended: bool = False) -> Subject:
        return Subject(self.id, self.alert, self.opened_at, ended, self.flapping)


@dataclass(frozen=True, slots=True)
class Owed:
    """Pages to be told or held, and the incidents whose end is told with their beginning."""

    pages: tuple[Page, ...] = ()
    told_at_once: frozenset[int] = frozenset()


class Owing:
    """Decides it by one configuration."""

    def __init__(self, plan: Plan, roster: Roster, node: str) -> None:
        self._plan = plan
        self._roster = roster
        self._node = node
        self._numbers = plan.numbers()

    # Beginnings.

    def beginnings(self, tx: Tx, delivery: Delivery, cases: Sequence[Case], now: datetime) -> list[Page]:
        """One page a person for each that is new, also where several receivers name them."""
        owed: dict[tuple[int, str], Page] = {}
        new = [case for case in cases if case.heard.news]
        for case in new:
            if case.heard is Heard.RAISED:
                self._begin_anew(tx, case, now)
        for name in dict.fromkeys(name for case in new for name in case.receivers):
            receiver = self._plan.receivers[name]
            people = self._roster.people(tx, receiver.notify, now)
            routed = [case for case in new if name in case.receivers]
            if receiver.notify and not people:
                self._nobody(tx, receiver, routed, now)
            hidden = delivery.hidden
            for case in routed:
                first = self._begin(tx, delivery, case, receiver, people, hidden, owed, now)
                self._plan_turns(tx, case, receiver, first, now)
                hidden = 0  # of one delivery, told once to each
        return [self._in_place_of(tx, page, now) if page.nth else page for page in owed.values()]

    def _begin_anew(self, tx: Tx, case: Case, now: datetime) -> None:
        """Its severity has risen: who took care of the lesser trouble is asked again, where anybody is to be told at all."""
        if not any(self._plan.receivers[name].notify for name in case.receivers):
            return
        incidents.ask_again(tx, case.id)
        agenda.strike_all(tx, case.id)
        pages.drop_turns(tx, case.id, Drop.SUPERSEDED)
        for message in messages.waiting_turns(tx, case.id):
            self._withdraw(tx, message, case.id, now)

    def _in_place_of(self, tx: Tx, page: Page, now: datetime) -> Page:
        """What the same reader was to be told of the lesser trouble is out of date; unless it would be told sooner."""
        id_, number = page.subject.incident_id, page.person.number
        before = [
            written for written in pages.of_incident(tx, id_)
            if written.number == number and written.nth < page.nth and written.kind is not Kind.RESOLVED
        ]  # fmt: skip
        held = [written for written in before if written.state is PageState.HELD]
        soonest = min((written.due_at for written in held), default=page.due_at)
        if soonest < page.due_at and page.why is not Hold.GROUP:
            return page
        pages.drop(tx, [written.id for written in held], Drop.SUPERSEDED)
        if page.due_at <= now:
            for told in {written.message_id for written in before if written.message_id is not None}:
                self._withdraw(tx, messages.get(tx, told), id_, now)
        return replace(page, due_at=min(soonest, page.due_at))

    def _withdraw(self, tx: Tx, message: Message, incident_id: int, now: datetime) -> None:
        """A text that waits, and that tells nothing but what is out of date, does not leave."""
        waits = message.state is State.QUEUED and message.ambiguous == 0
        if waits and messages.tells_only(tx, message.id, incident_id):
            messages.move(tx, message, State.CANCELLED, Entry(Cause.SUPERSEDED), self._node, now)

    def _begin(
        self,
        tx: Tx,
        delivery: Delivery,
        case: Case,
        receiver: Receiver,
        people: Sequence[Person],
        hidden: int,
        owed: dict[tuple[int, str], Page],
        now: datetime,
    ) -> datetime | None:
        """Adds what is owed to each; returns when the first of them may hear of it, None where nobody does."""
        route = case.route_to(receiver.name)
        start, bundle = self._start(tx, delivery, case, receiver, route, now, urgent=_critical(case))
        times: list[datetime] = []
        for person in people:
            flapped_at = self._flapped_at(tx, case, person, now)
            begin = Wait(now, Hold.NOW) if case.flapping and flapped_at is None else start
            held = self._wait(begin, case, route, receiver, person)
            held, bundle_of = self._flap(case, held, bundle, flapped_at, now)
            if case.round and bundle_of != FLAPPING and reader_history.was_told(tx, case.id, person.number):
                bundle_of = RAISED
            page = Page(
                case.subject(), person, Kind.FIRING, receiver.name, held.until, now, held.why, held.by,
                case.round * ROUND, bundle_of, hidden,
            )  # fmt: skip
            key = (case.id, person.number)
            owed[key] = _first_of(owed.get(key), page)
            times.append(page.due_at if flapped_at is None or case.round else flapped_at)
        return min(times, default=None)

    def _flapped_at(self, tx: Tx, case: Case, person: Person, now: datetime) -> datetime | None:
        """When this reader was told that it flaps; whoever was not, is told now."""
        rule = self._plan.limits.flapping
        if not case.flapping or rule is None:
            return None
        return reader_history.flapping_told_at(tx, case.alert, person.number, now - rule.within)

    def _start(
        self,
        tx: Tx,
        delivery: Delivery,
        case: Case,
        receiver: Receiver,
        route: Route | None,
        now: datetime,
        *,
        urgent: bool,
    ) -> tuple[Wait, str]:
        """When it may be told as far as its group is concerned. What a source has grouped is never held a second time."""
        if delivery.group or route is None:
            return Wait(now, Hold.NOW), ""
        name = group_of(route, receiver.name, case.alert.labels)
        at = flush_at(route, agenda.flushed_at(tx, name), urgent, now)
        agenda.flush(tx, name, at.until)
        return at, name

    def _wait(self, start: Wait, case: Case, route: Route | None, receiver: Receiver, person: Person) -> Wait:
        quiet: tuple[Quiet, ...] = tuple(
            hours for hours in (receiver.quiet, person.quiet) if hours is not None
        )
        mute, during = (route.mute, route.active) if route is not None else ((), ())
        if not (mute or during or quiet):
            return start
        return wait(start, case.alert.labels, mute, during, quiet)

    def _flap(
        self, case: Case, held: Wait, bundle: str, told_at: datetime | None, now: datetime
    ) -> tuple[Wait, str]:
        """The first time it flaps, a reader is told so, at once; from then on only of what lasts."""
        if not case.flapping:
            return held, bundle
        if told_at is None:
            return held, FLAPPING
        calm = now + self._calm(case)
        return (held if held.until >= calm else Wait(calm, Hold.FLAPPING)), bundle

    def _calm(self, case: Case) -> timedelta:
        rule = self._plan.limits.flapping
        if rule is None:
            return timedelta()
        return rule.calm_critical if _critical(case) else rule.calm

    def _plan_turns(
        self, tx: Tx, case: Case, receiver: Receiver, first: datetime | None, now: datetime
    ) -> None:
        """What follows if nobody acknowledges and it does not end: the next step, the next reminder."""
        if not receiver.notify:
            return
        self._plan_steps(tx, case, receiver, first, now)
        route = case.route_to(receiver.name)
        if route is not None and route.repeat_interval and not case.alert.once:
            every = route.repeat_interval
            # with nobody on call it is looked again soon whether somebody is
            due = now + LOOK_AGAIN if first is None else first + every
            agenda.put(tx, case.id, receiver.name, What.REMIND, case.round * ROUND + 1, due, every)

    def _plan_steps(
        self, tx: Tx, case: Case, receiver: Receiver, first: datetime | None, now: datetime
    ) -> None:
        """An alert that flaps climbs on where its earlier episodes left off, unless one of them was acknowledged."""
        nth, rule = 1, self._plan.limits.flapping
        if case.flapping and rule is not None and not case.round:
            since = now - rule.within
            if incidents.acknowledged_since(tx, case.alert.source, case.alert.fingerprint, since):
                return
            nth += reader_history.climbed(tx, case.alert, receiver.name, since)
        if nth <= len(receiver.escalate):
            due = now if first is None else first + receiver.escalate[nth - 1].after
            agenda.put(tx, case.id, receiver.name, What.ESCALATE, case.round * ROUND + nth, due, timedelta())

    def _nobody(self, tx: Tx, receiver: Receiver, cases: Sequence[Case], now: datetime) -> None:
        for case in cases:
            agenda.decide(
                tx, Decision.NOBODY_ON_CALL, self._node, now, incident_id=case.id, receiver=receiver.name
            )
        report_nobody(tx, receiver.name, [case.id for case in cases], now)

    def relieved(self, tx: Tx, now: datetime) -> list[Page]:
        """What was held for hours is told to who is on call when it is told, not to who was when it came."""
        owed: list[Page] = []
        for number, name in pages.due_after_hours(tx, now):
            receiver = self._plan.receivers.get(name)
            if receiver is None or not any(t.kind is TargetKind.SCHEDULE for t in receiver.notify):
                continue
            people = self._roster.people(tx, receiver.notify, now)
            if not people or number in {person.number for person in people}:
                continue  # nobody is there to relieve, or nobody has
            for page in pages.held_for_hours(tx, number, name, now):
                pages.drop(tx, [page.id], Drop.OFF_CALL)
                id_ = page.subject.incident_id
                untold = [
                    person for person in people if not reader_history.heard_anything(tx, id_, person.number)
                ]
                owed += [self._taken_over(page, person, now) for person in untold]
        return [page for page in owed if not pages.revive(tx, page)]

    def _taken_over(self, page: Page, person: Person, now: datetime) -> Page:
        """Under the quiet hours of whoever takes over."""
        quiet = (person.quiet,) if person.quiet is not None else ()
        held = wait(Wait(now, page.why, page.held_by), page.subject.alert.labels, (), (), quiet)
        return replace(page, person=person, due_at=held.until, why=held.why, held_by=held.by, id=0)

    # Ends.

    def ends(
        self,
        tx: Tx,
        delivery: Delivery,
        cases: Sequence[Case],
        now: datetime,
        taken_back: Callable[[Tx, Message, datetime], bool],
    ) -> Owed:
        """One page for each who may have heard of the beginning. What nobody can have seen is taken back instead."""
        owed: list[Page] = []
        kept: set[int] = set()
        back = {case.alert.fingerprint for case in cases if case.heard is Heard.FIRST}
        for case in cases:
            if case.heard is not Heard.RESOLVED:
                continue
            by_reader: dict[str, list[Written]] = {}
            for written in pages.of_incident(tx, case.id):
                if written.kind is not Kind.RESOLVED:
                    by_reader.setdefault(written.number, []).append(written)
            for mine in by_reader.values():
                ends = self._end(tx, delivery, case, mine, now, taken_back)
                owed += (
                    [] if case.alert.fingerprint in back else ends
                )  # it ended and is back: the last word is FIRING
                if any(w.state is PageState.HELD and w.why in _KEPT for w in mine):
                    kept.add(case.id)
        return Owed(tuple(owed), frozenset(kept))

    def _end(
        self,
        tx: Tx,
        delivery: Delivery,
        case: Case,
        mine: Sequence[Written],
        now: datetime,
        taken_back: Callable[[Tx, Message, datetime], bool],
    ) -> list[Page]:
        knows = False
        believes = reader_history.believes_open(tx, case.alert, case.id, mine[0].number)
        for written in mine:
            if written.state is PageState.TOLD and written.message_id is not None:
                message = messages.get(tx, written.message_id)
                has_it = message.state.may_have_arrived or message.state is State.QUEUED
                knows |= not taken_back(tx, message, now) and has_it and written.kind is not Kind.RESOLVED
            elif written.state is PageState.HELD and (written.why not in _KEPT or believes):
                pages.drop(tx, [written.id], Drop.RESOLVED)
        knows |= believes
        told_by = [self._plan.receivers.get(name) or Receiver(name) for name in {w.receiver: w for w in mine}]
        receiver = next((receiver for receiver in told_by if receiver.send_resolved), None)
        if not knows or receiver is None or mine[0].number not in self._numbers:
            return []
        return [self._over(tx, delivery, case, receiver, mine[0], now)]

    def _over(
        self, tx: Tx, delivery: Delivery, case: Case, receiver: Receiver, first: Written, now: datetime
    ) -> Page:
        person = self._plan.directory.owner(first.number) or Person(first.recipient, first.number)
        route = case.route_to(receiver.name)
        start, bundle = self._start(tx, delivery, case, receiver, route, now, urgent=False)
        held = self._wait(start, case, route, receiver, person)
        if case.flapping and held.until < now + self._calm(case):
            held = Wait(now + self._calm(case), Hold.FLAPPING)
        return Page(
            case.subject(ended=True), person, Kind.RESOLVED, receiver.name, held.until, now, held.why, held.by,
            0, bundle,
        )  # fmt: skip

    def supersede(self, tx: Tx, incident_id: int, now: datetime) -> None:
        """The trouble is back before its end was told: an OK that is still waiting would be read as today's."""
        for written in pages.of_incident(tx, incident_id):
            if written.kind is Kind.RESOLVED and written.state is PageState.HELD:
                pages.drop(tx, [written.id], Drop.SUPERSEDED)
        for message in messages.told(tx, incident_id, Kind.RESOLVED):
            self._withdraw(tx, message, incident_id, now)


def _first_of(had: Page | None, page: Page) -> Page:
    """The worse of two about one incident, else the one that is told sooner; what a source hid is told with either."""
    if had is None:
        return page
    first = min(had, page, key=lambda one: (-one.nth, one.due_at))
    return replace(first, hidden=max(had.hidden, page.hidden))


def _critical(case: Case) -> bool:
    return case.alert.severity is Severity.CRITICAL

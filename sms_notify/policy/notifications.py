"""Who is owed what of what was heard, and from when on: a beginning to those whom its routes name, an end to those who
may have heard of the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.alert import Alert, Delivery, Severity
from sms_notify.policy import escalation
from sms_notify.policy.allowed_moment import allowed, first_free, is_awake
from sms_notify.policy.bundles import FLAPPING, RAISED
from sms_notify.policy.correlation import Chains
from sms_notify.policy.directory import Person
from sms_notify.policy.grouping import flush_at, group_of
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.records import Notification, Subject
from sms_notify.policy.roster import Staff, scheduled
from sms_notify.policy.routing import ROUND, Receiver, Route, step_of
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import note_nobody
from sms_notify.policy.vocabulary import Decision, Drop, Heard, IncidentState, Kind, PageState, State
from sms_notify.policy.withdrawal import take_back, waiting_follow_ups, withdraw


@dataclass(frozen=True, slots=True)
class Case:
    """An alert on its way through `accept`: what it means, and for which episode.

    `flapping` counts the episodes where they are too many to tell each. `round` counts how often its severity rose.
    `told_as` is the alert as its source told it, where the incident that it belongs to has another name.
    """

    alert: Alert
    heard: Heard
    incident_id: int | None
    opened_at: datetime
    chains: Chains = ()
    flapping: int = 0
    round: int = 0
    told_as: Alert | None = None

    @property
    def receivers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(chain[-1].receiver for chain in self.chains))

    @property
    def id(self) -> int:
        assert self.incident_id is not None  # noqa: S101 - FIRST and RESOLVED always have an episode
        return self.incident_id

    @property
    def critical(self) -> bool:
        return self.alert.severity is Severity.CRITICAL

    def routes_to(self, receiver: str) -> list[Route]:
        return [chain[-1] for chain in self.chains if chain[-1].receiver == receiver]

    def subject(self, *, ended: bool = False) -> Subject:
        return Subject(self.id, self.alert, self.opened_at, ended, self.flapping)


@dataclass(frozen=True, slots=True)
class EndsOwed:
    """What the ends of a delivery lead to; `told_at_once` are incidents whose end is told with their beginning."""

    owed: tuple[Notification, ...] = ()
    told_at_once: frozenset[int] = frozenset()


class Notifications:
    """Decides it by one configuration, for one delivery."""

    def __init__(self, plan: Plan, numbers: frozenset[str], delivery: Delivery, rows: Rows) -> None:
        self._plan = plan
        self._numbers = numbers
        self._delivery = delivery
        self._rows = rows
        self._staff = Staff(plan.directory, plan.schedules)
        self._now = rows.now

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
            hidden = self._delivery.hidden
            for case in routed:
                first = self._begin(case, receiver, people, hidden, owed)
                begun.append((case, receiver, people, first))
                hidden = 0  # of one delivery, told once to each
        for case, receiver, people, first in begun:
            held = [owed[case.id, person.number] for person in people]
            self._plan_follow_ups(case, receiver, first, asleep=case.critical and escalation.all_asleep(held))
        return [self._in_place_of(n) if n.nth else n for n in owed.values()]

    def _begin_anew(self, case: Case) -> None:
        """Its severity has risen: who took care of the lesser problem is asked again, where anybody is to be told at all."""
        if not any(self._plan.receivers[name].notify for name in case.receivers):
            return
        rows, incident = self._rows, self._rows.incidents.rows[case.id]
        asked = replace(incident, state=IncidentState.OPEN, acked_at=None, acked_by="", acked_how="")
        rows.incidents.put(case.id, asked)
        rows.strike_all(case.id)
        rows.drop((n for n in rows.of_incident(case.id) if n.kind.follows_up), Drop.SUPERSEDED)
        for message in waiting_follow_ups(rows, case.id):
            withdraw(rows, message.id, case.id)

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
        if n.due_at <= self._now:
            for message_id in dict.fromkeys(old.message_id for old in before if old.message_id is not None):
                withdraw(self._rows, message_id, n.incident_id)
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
        starts, bundle = self._starts(case, receiver, urgent=case.critical)
        at_once = [(route, Wait(now, Hold.NOW)) for route, _ in starts]
        times: list[datetime] = []
        for person in people:
            flapped_at = self._flapped_at(case, person)
            begin = at_once if case.flapping and flapped_at is None else starts
            held = first_free(begin, case.alert.labels, receiver.quiet, person.quiet)
            held, bundle_of = self._flap(case, held, bundle, flapped_at)
            if case.round and bundle_of != FLAPPING and self._was_told(case.id, person.number):
                bundle_of = RAISED
            n = Notification(
                case.subject(), person, Kind.FIRING, receiver.name, held.until, now, held.why, held.by,
                case.round * ROUND, bundle_of, hidden,
            )  # fmt: skip
            key = (case.id, person.number)
            owed[key] = _first_of(owed.get(key), n)
            times.append(n.due_at if flapped_at is None or case.round else flapped_at)
        return min(times, default=None)

    def _was_told(self, incident_id: int, number: str) -> bool:
        mine = (n for n in self._rows.of_incident(incident_id) if n.number == number)
        return any(map(self._rows.reached, mine))

    def _flapped_at(self, case: Case, person: Person) -> datetime | None:
        """When this reader was told that it flaps; whoever was not, is told now."""
        rule = self._plan.limits.flapping
        if not case.flapping or rule is None:
            return None
        told = (
            n.created_at
            for n in self._earlier(case)
            if n.number == person.number and n.bundle == FLAPPING and n.state is not PageState.DROPPED
        )
        return max((at for at in told if at > self._now - rule.within), default=None)

    def _earlier(self, case: Case) -> list[Notification]:
        """Of all episodes of the problem that were loaded."""
        episodes = self._rows.episodes(case.alert.source, case.alert.fingerprint)
        return [n for incident in episodes for n in self._rows.of_incident(incident.id)]

    def _starts(
        self, case: Case, receiver: Receiver, *, urgent: bool
    ) -> tuple[list[tuple[Route, Wait]], str]:
        """When each route may tell it as far as its group is concerned, and the group that is first. What a source has
        grouped is never held a second time.
        """
        routes = case.routes_to(receiver.name)
        if self._delivery.group or not routes:
            return [(route, Wait(self._now, Hold.NOW)) for route in routes or [Route(receiver.name)]], ""
        started = [(route, *self._start(case, receiver, route, urgent=urgent)) for route in routes]
        first = min(started, key=lambda one: one[1].until)
        return [(route, at) for route, at, _ in started], first[2]

    def _start(self, case: Case, receiver: Receiver, route: Route, *, urgent: bool) -> tuple[Wait, str]:
        name = group_of(route, receiver.name, case.alert.labels)
        last = self._rows.groups.get(name)
        at = flush_at(route, last, urgent, self._now)
        self._rows.groups.put(name, at.until if last is None else max(last, at.until))
        return at, name

    def _flap(self, case: Case, held: Wait, bundle: str, told_at: datetime | None) -> tuple[Wait, str]:
        """The first time it flaps, a reader is told so, at once; from then on only of what lasts."""
        if not case.flapping:
            return held, bundle
        if told_at is None:
            return held, FLAPPING
        calm = self._now + self._calm(case)
        return (held if held.until >= calm else Wait(calm, Hold.FLAPPING)), bundle

    def _calm(self, case: Case) -> timedelta:
        rule = self._plan.limits.flapping
        if rule is None:
            return timedelta()
        return rule.calm_critical if case.critical else rule.calm

    def _plan_follow_ups(
        self, case: Case, receiver: Receiver, first: datetime | None, *, asleep: bool
    ) -> None:
        """What follows if nobody acknowledges and it does not end: the next step, the next reminder."""
        if not receiver.notify:
            return
        nth = self._next_step(case, receiver)
        if nth is not None and asleep:
            escalation.pass_sleepers(self._rows, case.id, receiver, nth)
        if nth is not None:
            due = None if asleep else first
            escalation.plan_step(self._rows, case.id, receiver, case.round, nth, due)
        every = [one.repeat_interval for one in case.routes_to(receiver.name) if one.repeat_interval]
        if every and not case.alert.once:
            escalation.plan_reminder(self._rows, case.id, receiver, case.round, min(every), first)

    def _next_step(self, case: Case, receiver: Receiver) -> int | None:
        """A problem that flaps climbs on where its earlier episodes left off, unless one of them was acknowledged."""
        rule = self._plan.limits.flapping
        if not case.flapping or rule is None or case.round:
            return 1
        since = self._now - rule.within
        episodes = self._rows.episodes(case.alert.source, case.alert.fingerprint)
        if any(one.acked_at is not None and one.acked_at > since for one in episodes):
            return None
        climbed = (
            step_of(n.nth)
            for n in self._earlier(case)
            if n.receiver == receiver.name and n.kind is Kind.ESCALATION and n.created_at > since
        )
        return 1 + max(climbed, default=0)

    def _nobody(self, receiver: Receiver, cases: Sequence[Case]) -> None:
        for case in cases:
            self._rows.decide(Decision.NOBODY_ON_CALL, case.id, receiver=receiver.name)
        note_nobody(self._rows, receiver.name, [case.id for case in cases])

    # EndsOwed.

    def ends(self, cases: Sequence[Case]) -> EndsOwed:
        """One for each who may have heard of the beginning. What nobody can have seen is taken back instead."""
        owed: list[Notification] = []
        kept: set[int] = set()
        back = {case.alert.fingerprint for case in cases if case.heard is Heard.FIRST}
        for case in cases:
            if case.heard is not Heard.RESOLVED:
                continue
            for mine in self._by_reader(case.id):
                end = self._end(case, mine)
                # It ended and is back: the last word is FIRING.
                owed += [] if end is None or case.alert.fingerprint in back else [end]
                if any(n.state is PageState.HELD and _counted(n) for n in mine):
                    kept.add(case.id)
        return EndsOwed(tuple(owed), frozenset(kept))

    def _by_reader(self, incident_id: int) -> list[list[Notification]]:
        readers: dict[str, list[Notification]] = {}
        for n in self._rows.of_incident(incident_id):
            if n.kind is not Kind.RESOLVED:
                readers.setdefault(n.number, []).append(n)
        return list(readers.values())

    def _end(self, case: Case, mine: Sequence[Notification]) -> Notification | None:
        believes = knows = self._believes_open(case, mine[0].number)
        for n in mine:
            state = self._rows.state_of(n)
            if n.state is PageState.TOLD and state is not None:
                has_it = state.may_have_arrived or state is State.QUEUED
                knows |= not take_back(self._rows, n) and has_it
            elif n.state is PageState.HELD and (not _counted(n) or believes):
                self._rows.drop([n], Drop.RESOLVED)
        receivers = (self._plan.receiver(name) for name in {n.receiver: n for n in mine})
        receiver = next((receiver for receiver in receivers if receiver.send_resolved), None)
        if not knows or receiver is None or mine[0].number not in self._numbers:
            return None
        return self._resolved(case, receiver, mine)

    def _believes_open(self, case: Case, number: str) -> bool:
        """Whether the last that this reader was told of earlier episodes of the same problem is that it is there."""
        episodes = self._rows.episodes(case.alert.source, case.alert.fingerprint)
        for incident in [one for one in episodes if one.id < case.id][:_REMEMBERED]:
            told = [
                n for n in self._rows.of_incident(incident.id) if n.number == number and self._rows.reached(n)
            ]
            if told:
                return all(n.kind is not Kind.RESOLVED for n in told)
        return False

    def _resolved(self, case: Case, receiver: Receiver, mine: Sequence[Notification]) -> Notification:
        """No mute holds an end, and quiet hours hold it only where its reader's last text about it is long ago."""
        first, calm = mine[0], self._now + self._calm(case)
        person = self._plan.directory.owner(first.number) or Person(first.person.name, first.number)
        starts, bundle = self._starts(case, receiver, urgent=False)
        quiet = () if is_awake(self._rows, mine) else (receiver.quiet, person.quiet)
        unmuted = [(Route(receiver.name), start) for _, start in starts]
        held = first_free(unmuted, case.alert.labels, *quiet)
        if case.flapping and held.until < calm:
            held = Wait(calm, Hold.FLAPPING)
        return Notification(
            case.subject(ended=True), person, Kind.RESOLVED, receiver.name, held.until, self._now, held.why, held.by,
            0, bundle,
        )  # fmt: skip


_REMEMBERED = 20  # episodes back, for what a reader believes


def _counted(n: Notification) -> bool:
    """Whether limits hold it: then it is told with its end."""
    return isinstance(n.why, Hold) and n.why.of_limits


def relieved(plan: Plan, rows: Rows) -> list[Notification]:
    """What was held for hours is told to who is on call when it is told, not to who was when it came."""
    staff, owed = Staff(plan.directory, plan.schedules), list[Notification]()
    for number, name in _held_for_hours(rows):
        receiver = plan.receivers.get(name)
        if receiver is None or not scheduled(receiver.notify):
            continue
        people = staff.people(receiver.notify, rows.overrides, rows.now)
        if not people or number in {person.number for person in people}:
            continue  # nobody is there to relieve, or nobody has
        for n in _held_for_hours(rows)[number, name]:
            rows.drop([n], Drop.OFF_CALL)
            told = {
                one.number for one in rows.of_incident(n.incident_id) if one.state is not PageState.DROPPED
            }
            owed += [_taken_over(plan, rows, n, person) for person in people if person.number not in told]
    return [n for n in owed if not _revive(rows, n)]


def _held_for_hours(rows: Rows) -> dict[tuple[str, str], list[Notification]]:
    """The beginnings that were held until now by the clock on the wall, by number and receiver."""
    found: dict[tuple[str, str], list[Notification]] = {}
    for n in rows.all_held():
        if n.due_at <= rows.now and n.kind is Kind.FIRING and isinstance(n.why, Hold) and n.why.of_hours:
            found.setdefault((n.number, n.receiver), []).append(n)
    return found


def _taken_over(plan: Plan, rows: Rows, n: Notification, person: Person) -> Notification:
    """Under the quiet hours of whoever takes over."""
    assert isinstance(n.why, Hold)  # noqa: S101 - it was held when it was read
    start, quiet = Wait(rows.now, n.why, n.held_by), plan.receiver(n.receiver).quiet
    held = allowed(plan, n.subject.alert.labels, n.receiver, start, quiet, person.quiet)
    return replace(n, person=person, due_at=held.until, why=held.why, held_by=held.by, id=0)


def _revive(rows: Rows, n: Notification) -> bool:
    """Somebody is back on call who had been relieved of this; False where they never had it."""
    for old in rows.of_incident(n.incident_id):
        same = (old.number, old.kind, old.nth) == (n.number, n.kind, n.nth)
        if same and old.state is PageState.DROPPED and old.why is Drop.OFF_CALL:
            rows.hold(replace(old, due_at=n.due_at), n.due_at, Hold(n.why), n.held_by)
            return True
    return False


def _first_of(had: Notification | None, n: Notification) -> Notification:
    """The worse of two about one incident, else the one that is told sooner; what a source hid is told with either."""
    if had is None:
        return n
    first = min(had, n, key=lambda one: (-one.nth, one.due_at))
    return replace(first, hidden=max(had.hidden, n.hidden))

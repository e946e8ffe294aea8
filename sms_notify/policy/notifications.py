"""Who is owed what of what was heard, and from when on: a beginning to those whom its routes name, an end to those who
may have heard of the beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sms_notify.alert import Alert, Delivery, Severity
from sms_notify.policy import escalation
from sms_notify.policy.allowed_moment import allowed, first_free, is_awake
from sms_notify.policy.belief import Belief, Said, believed
from sms_notify.policy.bundles import FLAPPING, RAISED
from sms_notify.policy.correlation import Chains
from sms_notify.policy.directory import Person
from sms_notify.policy.grouping import flush_at, group_of
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.rate_limits import Flapping, Lane
from sms_notify.policy.records import Incident, Notification, Subject, TimerKind
from sms_notify.policy.roster import Staff, scheduled
from sms_notify.policy.routing import ROUND, Receiver, Route, step_of
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import note_asleep, note_nobody
from sms_notify.policy.vocabulary import Decision, Drop, Heard, IncidentState, Kind, PageState, State
from sms_notify.policy.withdrawal import take_back, waiting_follow_ups, withdraw


@dataclass(frozen=True, slots=True)
class Case:
    """An alert on its way through `accept`: what it means, and for which episode.

    `flapping` counts the episodes where they are too many to tell each. `round` counts how often its severity rose.
    `told_as` is the alert as its source told it, where the incident that it belongs to has another name. `anew`: its
    steps begin with the first, though it goes on.
    """

    alert: Alert
    heard: Heard
    incident_id: int | None
    opened_at: datetime
    chains: Chains = ()
    flapping: int = 0
    round: int = 0
    told_as: Alert | None = None
    anew: bool = False

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
        self._starts: dict[tuple[int, Heard, str], tuple[list[tuple[Route, Wait]], str]] = {}

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
        starts, bundle = self._starts_of(case, receiver, urgent=case.critical)
        starts = [(route, Wait(now, Hold.NOW)) for route, _ in starts] if case.flapping else starts
        times: list[datetime] = []
        for person in (*people, *self._climbed_to(case, receiver, people)):
            held = first_free(starts, case.alert.labels, receiver.quiet, person.quiet)
            times.append(held.until)
            said = self._bundle(case, receiver, person, bundle)
            if said is None:
                continue
            n = Notification(
                self._subject(case), person, Kind.FIRING, receiver.name, held.until, now, held.why, held.by,
                case.round * ROUND, said, hidden,
            )  # fmt: skip
            key = (case.id, person.number)
            owed[key] = _first_of(owed.get(key), n)
        return min(times, default=None)

    def _subject(self, case: Case) -> Subject:
        """As it is now, whatever its last alert said."""
        return self._rows.incidents.rows[case.id].subject

    def _bundle(self, case: Case, receiver: Receiver, person: Person, bundle: str) -> str | None:
        """How a reader is told, by what they believe; None where they know."""
        believes, held = self._believes(case, person.number), self._is_held(case, person.number)
        if case.heard is Heard.RAISED:
            flaps = case.flapping and believes is not Belief.FLAPPING
            return FLAPPING if flaps else RAISED if believes.of_trouble else bundle
        if case.flapping:
            return None if believes is Belief.FLAPPING and case.heard is Heard.RESUMED else FLAPPING
        # An end that is not to be texted counts as said.
        knows = believes is Belief.UNHEARD or (believes is Belief.FIRING and receiver.send_resolved)
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
        before, rule = self._before(case), self._plan.limits.flapping or Flapping()
        if before is None or before.closed_at is None or case.alert.once:
            return False
        return before.state is IncidentState.RESOLVED and self._now - before.closed_at <= rule.calm

    def _is_held(self, case: Case, number: str) -> bool:
        mine = (n for n in self._rows.of_incident(case.id) if n.number == number)
        return any(n.state is PageState.HELD and n.kind is Kind.FIRING and n.bundle != FLAPPING for n in mine)

    def _climbed_to(self, case: Case, receiver: Receiver, people: Sequence[Person]) -> list[Person]:
        """Whom a step has told of this episode, or of this bout, as far as they still stand behind it."""
        since = self._bout_since(case)
        told = {
            n.number
            for n in self._earlier(case)
            if n.kind is Kind.ESCALATION and n.receiver == receiver.name and n.state is PageState.TOLD
            and (n.incident_id == case.id or n.created_at >= since)
        }  # fmt: skip
        if not told:
            return []
        behind = self._staff.people(receiver.everybody, self._rows.overrides, self._now)
        known = {person.number for person in people}
        return [one for one in behind if one.number in told and one.number not in known]

    def _believes(self, case: Case, number: str) -> Belief:
        """What this reader believes of the problem, as far as it was loaded; what waits to leave will be believed."""
        mine = sorted((n for n in self._earlier(case) if n.number == number), key=lambda n: n.id)
        return believed(
            Said(n.kind, n.bundle == FLAPPING, State.SENT if self._will_know(n) else self._rows.state_of(n))
            for n in mine
            if n.state is PageState.TOLD or n.again_of is not None
        )

    def _will_know(self, n: Notification) -> bool:
        """Its text waits, or may have arrived: also one whose first answer was lost, whatever came after."""
        lost = n.again_of is not None
        return lost or self._rows.state_of(n) is State.QUEUED or self._rows.may_have_arrived(n)

    def _earlier(self, case: Case) -> list[Notification]:
        """Of all episodes of the problem that were loaded."""
        episodes = self._rows.episodes(case.alert.source, case.alert.fingerprint)
        return [n for incident in episodes for n in self._rows.of_incident(incident.id)]

    def _starts_of(
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
        if asleep and nth > len(receiver.escalate):
            note_asleep(self._rows, receiver.name, case.id)
        if first is not None and case.heard is Heard.RESUMED:
            first -= receiver.climbed_by(nth)
        due = None if asleep else first
        escalation.plan_step(self._rows, case.id, receiver, case.round, nth, due)

    def _goes_on(self, case: Case, receiver: Receiver) -> bool:
        """Whether its steps run already: those of a bout of flapping run through its ends."""
        timer = self._rows.timers.get((case.id, receiver.name, TimerKind.ESCALATE))
        return case.heard is Heard.RESUMED and timer is not None

    def _next_step(self, case: Case, receiver: Receiver) -> int:
        """What goes on climbs on where it left off; so does what flaps."""
        goes_on = case.heard is Heard.RESUMED or (case.flapping and case.heard is Heard.FIRST)
        if case.anew or not goes_on:
            return 1
        climbed = (
            step_of(n.nth)
            for n in self._earlier(case)
            if n.receiver == receiver.name and n.kind is Kind.ESCALATION
            and (n.incident_id == case.id or n.created_at >= self._bout_since(case))
        )  # fmt: skip
        return 1 + max(climbed, default=0)

    def _bout_since(self, case: Case) -> datetime:
        began = self._rows.incidents.rows[case.id].began
        return began[0] if case.flapping and began else self._now

    def _nobody(self, receiver: Receiver, cases: Sequence[Case]) -> None:
        for case in cases:
            self._rows.decide(Decision.NOBODY_ON_CALL, case.id, receiver=receiver.name)
        note_nobody(self._rows, receiver.name, [case.id for case in cases])

    # EndsOwed.

    def ends(self, cases: Sequence[Case]) -> EndsOwed:
        """One for each who believes that it is there. What nobody can have seen is taken back instead."""
        owed: list[Notification] = []
        kept: set[int] = set()
        back = {case.alert.fingerprint for case in cases if case.heard in (Heard.FIRST, Heard.RESUMED)}
        for case in cases:
            if case.heard is not Heard.RESOLVED:
                continue
            for number, mine in self._by_reader(case).items():
                end = self._end(case, number, mine)
                # It ended and is back: the last word is FIRING.
                owed += [] if end is None or case.alert.fingerprint in back else [end]
                if any(n.state is PageState.HELD and _counted(n) for n in mine if n.incident_id == case.id):
                    kept.add(case.id)
        return EndsOwed(tuple(owed), frozenset(kept))

    # What nothing is heard of any more.

    def unheard(self, cases: Sequence[Case]) -> list[Notification]:
        """One for each who believes that it is there. Whoever was told nothing yet still hears that it fires."""
        return [
            self._unheard(case, number, mine)
            for case in cases
            for number, mine in self._by_reader(case).items()
            if number in self._numbers and self._believes(case, number) in (Belief.FIRING, Belief.FLAPPING)
        ]

    def _unheard(self, case: Case, number: str, mine: Sequence[Notification]) -> Notification:
        told = mine[-1]
        person = self._plan.directory.owner(number) or told.person
        receiver = self._plan.receiver(told.receiver)
        hours = [replace(one, unless=()) for one in (receiver.quiet, person.quiet) if one is not None]
        held = allowed(self._plan, case.alert.labels, receiver.name, Wait(self._now, Hold.NOW), *hours)
        return Notification(
            self._rows.incidents.rows[case.id].subject, person, Kind.UNHEARD, told.receiver, held.until, self._now,
            held.why, held.by,
        )  # fmt: skip

    def _by_reader(self, case: Case) -> dict[str, list[Notification]]:
        readers: dict[str, list[Notification]] = {}
        for n in self._earlier(case):
            readers.setdefault(n.number, []).append(n)
        return readers

    def _end(self, case: Case, number: str, mine: Sequence[Notification]) -> Notification | None:
        own = [n for n in mine if n.incident_id == case.id and n.kind is not Kind.RESOLVED]
        for n in own:
            if n.state is PageState.TOLD:
                take_back(self._rows, n)
        believes = self._believes(case, number).of_trouble
        for n in own:
            if n.state is PageState.HELD and (not _counted(n) or believes):
                self._rows.drop([n], Drop.RESOLVED)
        receivers = (
            self._plan.receiver(name) for name in {n.receiver: n for n in self._since_last_end(mine)}
        )
        receiver = next((receiver for receiver in receivers if receiver.send_resolved), None)
        if not believes or receiver is None or number not in self._numbers:
            return None
        return self._resolved(case, receiver, mine)

    def _since_last_end(self, mine: Sequence[Notification]) -> Sequence[Notification]:
        """What a reader was told after the last end that they may have read."""
        in_order = sorted(mine, key=lambda n: n.id)
        ends = [
            at for at, n in enumerate(in_order) if n.kind is Kind.RESOLVED and self._rows.may_have_arrived(n)
        ]
        return in_order[ends[-1] + 1 :] if ends else in_order

    def _resolved(self, case: Case, receiver: Receiver, mine: Sequence[Notification]) -> Notification:
        """No mute holds an end, and quiet hours hold it only where its reader's last text about it is long ago. To whoever
        was texted of it as critical its end comes by the limits for critical texts.
        """
        first, told = mine[0], [n for n in mine if self._rows.reached(n)]
        lane = Lane.ENDS if any(n.row_lane is Lane.CRITICAL for n in told) else Lane.REST
        person = self._plan.directory.owner(first.number) or Person(first.person.name, first.number)
        starts, bundle = self._starts_of(case, receiver, urgent=False)
        hours = () if is_awake(self._rows, mine) else (receiver.quiet, person.quiet)
        quiet = [replace(one, unless=()) for one in hours if one is not None]  # no end is so urgent
        unmuted = [(Route(receiver.name), start) for _, start in starts]
        held = first_free(unmuted, case.alert.labels, *quiet)
        return Notification(
            case.subject(ended=True), person, Kind.RESOLVED, receiver.name, held.until, self._now, held.why, held.by,
            case.round * ROUND, bundle, row_lane=lane,
        )  # fmt: skip


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
    return owed


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


def _first_of(had: Notification | None, n: Notification) -> Notification:
    """The worse of two about one incident, else the one that is told sooner; what a source hid is told with either."""
    if had is None:
        return n
    first = min(had, n, key=lambda one: (-one.nth, one.due_at))
    return replace(first, hidden=max(had.hidden, n.hidden))

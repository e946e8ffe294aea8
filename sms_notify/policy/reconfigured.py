"""What another configuration means for what is open: incidents go on under the receivers that today's routes give them, and
whoever it makes responsible hears of the critical ones that nobody takes care of; of the rest, with its next reminder.

What ran before is known by four facts, so that a restart with another file is the same as a reload.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sms_notify.alert import Severity
from sms_notify.policy.allowed_moment import Rechecking
from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.escalation import plan_step
from sms_notify.policy.records import Incident, Notification, Timer, TimerKind
from sms_notify.policy.roster import Staff
from sms_notify.policy.routing import ROUND, Receiver, Route, route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Kind, PageState, State


@dataclass(frozen=True, slots=True)
class Configured:
    """`numbers` of people by name, whom receivers notify (`targets`), how many `steps` they have, and all `limits` in one
    text, which is only compared.
    """

    numbers: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    limits: str = ""


def configured(plan: Plan) -> Configured:
    people, receivers = plan.directory.people, plan.receivers
    return Configured(
        {name: person.number for name, person in people.items()},
        {name: frozenset(map(str, _each(plan.directory, one.notify))) for name, one in receivers.items()},
        {name: len(one.escalate) for name, one in receivers.items()},
        _limits_of(plan),
    )


def _limits_of(plan: Plan) -> str:
    every = plan.limits
    groups = {"per_number": every.per_number, "critical": every.per_number_critical, "overall": every.overall}
    groups |= {f"receiver {name}": one.limits for name, one in plan.receivers.items() if one.limits}
    listed = (f"{name} {' '.join(map(str, limits))}" for name, limits in groups.items())
    return f"{'; '.join(listed)}; {every.credits}"


def numbers_changed(before: Configured, directory: Directory) -> dict[str, str]:
    """The new number of each that somebody had before. Whoever has a number under another name is the same reader."""
    both = ((before.numbers.get(name), person.number) for name, person in directory.people.items())
    return {old: new for old, new in both if old is not None and old != new}


class Reconfigured:
    """One change of configuration. `routed` are the receivers that the last alert of each incident was routed to."""

    def __init__(
        self, plan: Plan, rows: Rows, before: Configured, routed: Mapping[int, Sequence[str]]
    ) -> None:
        self._plan = plan
        self._rows = rows
        self._before = before
        self._routed = routed
        self._staff = Staff(plan.directory, plan.schedules)

    def follow(self) -> list[Notification]:
        """Moves what follows of each open incident; returns what the change owes now."""
        still_open = [one for one in self._rows.incidents.rows.values() if one.is_open]
        return [n for incident in still_open for n in self._go_on(incident)]

    def _go_on(self, incident: Incident) -> list[Notification]:
        nodes = [chain[-1] for chain in route(self._plan.route, incident.routing_labels).chains]
        today = {node.receiver: node for node in nodes if self._plan.receivers[node.receiver].notify}
        known = self._known(incident, today)
        heirs = _heirs(known, today)
        for name, heir in heirs.items():
            self._hand_on(incident, name, today.get(heir))
        owed = [n for node in today.values() for n in self._under(incident, node, known, heirs)]
        return [n for n in owed if not self._rows.revive(n)]

    def _under(
        self, incident: Incident, node: Route, known: Sequence[str], heirs: Mapping[str, str]
    ) -> list[Notification]:
        """What goes on, or begins, under one of today's receivers; returns what it owes now."""
        receiver = self._plan.receivers[node.receiver]
        before = [old for old, heir in heirs.items() if heir == receiver.name]
        before = before or [name for name in known if name == receiver.name]
        first = self._newcomers(incident, receiver, known)
        if before:
            self._more_steps(incident, receiver, before)
        elif known:
            self._begin(incident, receiver, node, first)
        return first

    def _known(self, incident: Incident, today: Iterable[str]) -> list[str]:
        """The receivers by which something was said or is to follow; where all of those go on, also one that had nobody to
        tell, so that nothing is written down of it.
        """
        told = [n.receiver for n in self._rows.of_incident(incident.id)]
        planned = [timer.receiver for timer in self._rows.timers_of(incident.id) if timer.what.turn]
        written = list(dict.fromkeys([*told, *planned]))
        silent = self._routed.get(incident.id, ()) if set(written) <= set(today) else ()
        return list(dict.fromkeys([*written, *silent]))

    def _hand_on(self, incident: Incident, name: str, heir: Route | None) -> None:
        """What was said and what is to follow by a receiver that the routes name no more; without an heir nothing follows."""
        rows = self._rows
        for timer in rows.timers_of(incident.id):
            if timer.receiver != name or not timer.what.turn:
                continue
            rows.strike(timer)
            if heir is not None and (incident.id, heir.receiver, timer.what) not in rows.timers.rows:
                every = heir.repeat_interval if timer.what is TimerKind.REMIND else timer.every
                rows.set_timer(replace(timer, receiver=heir.receiver, every=every))
        for n in rows.of_incident(incident.id):
            if heir is not None and n.receiver == name:
                rows.change(replace(n, receiver=heir.receiver))

    def _more_steps(self, incident: Incident, receiver: Receiver, before: Iterable[str]) -> None:
        """All steps that there were have been taken, and now there are more."""
        done = max((self._before.steps.get(name, len(receiver.escalate)) for name in before), default=0)
        key = (incident.id, receiver.name, TimerKind.ESCALATE)
        settled = incident.acked_at is not None or incident.flapping or key in self._rows.timers.rows
        if done >= len(receiver.escalate) or settled:
            return
        due = self._first_told(incident) + receiver.escalate[done].after
        nth = incident.raised * ROUND + done + 1
        self._rows.set_timer(Timer(*key, nth, max(due, self._rows.now)))

    def _first_told(self, incident: Incident) -> datetime:
        nth = incident.raised * ROUND
        first = (
            n.due_at for n in self._rows.of_incident(incident.id) if n.kind is Kind.FIRING and n.nth == nth
        )
        return min(first, default=incident.opened_at)

    def _begin(
        self, incident: Incident, receiver: Receiver, node: Route, told: Sequence[Notification]
    ) -> None:
        """A receiver that was not responsible: its reminders go with those of the others, its steps follow its first text."""
        if incident.acked_at is not None or incident.flapping:
            return
        rows = self._rows
        reminders = [t for t in rows.timers_of(incident.id) if t.what is TimerKind.REMIND]
        next_one = min((timer.due_at for timer in reminders), default=None)
        if next_one is not None and node.repeat_interval:
            key = (incident.id, receiver.name, TimerKind.REMIND)
            rows.set_timer(Timer(*key, incident.raised * ROUND + 1, next_one, node.repeat_interval))
        first = min((n.due_at for n in told), default=next_one)
        if first is not None:
            plan_step(rows, incident.id, receiver, incident.raised, 1, first)

    def _newcomers(self, incident: Incident, receiver: Receiver, known: Iterable[str]) -> list[Notification]:
        """Whoever the change makes responsible, and has not heard of it."""
        if incident.acked_at is not None or incident.severity is not Severity.CRITICAL or incident.flapping:
            return []
        had: set[str] = set().union(*(self._before.targets.get(name, frozenset()) for name in known))
        new = [t for t in _each(self._plan.directory, receiver.notify) if str(t) not in had]
        if not self._before.targets or not new:
            return []
        people = self._staff.people(new, self._rows.overrides, self._rows.now)
        return [
            self._owe(incident, receiver, person) for person in people if not self._heard(incident, person)
        ]

    def _heard(self, incident: Incident, person: Person) -> bool:
        """Whether they have, may have or will get a text about it."""
        mine = [n for n in self._rows.of_incident(incident.id) if n.number == person.number]
        return any(
            n.state is PageState.HELD
            or self._rows.may_have_arrived(n)
            or self._rows.state_of(n) is State.QUEUED
            for n in mine
            if n.state is not PageState.DROPPED
        )

    def _owe(self, incident: Incident, receiver: Receiver, person: Person) -> Notification:
        now = self._rows.now
        n = Notification(
            incident.subject, person, Kind.FIRING, receiver.name, now, now, nth=incident.raised * ROUND
        )
        held = Rechecking(self._plan).allowed(self._rows, n, now)
        return replace(n, due_at=held.until, why=held.why, held_by=held.by)


def _heirs(known: Sequence[str], today: Mapping[str, Route]) -> dict[str, str]:
    """Who takes over from each receiver that routes name no more; empty where nobody does. Where the routes lead to nobody
    at all, everything stays as it is: that may be a mistake, and its repair must find what there was.
    """
    gone = [name for name in known if name not in today] if today else []
    new = [name for name in today if name not in known]
    return {name: new[min(at, len(new) - 1)] if new else "" for at, name in enumerate(gone)}


def _each(directory: Directory, targets: Iterable[Target]) -> list[Target]:
    """With the members of a team in its place."""
    found: dict[Target, None] = {}
    for target in targets:
        team = directory.teams[target.name] if target.kind is TargetKind.TEAM else ()
        members = [Target(TargetKind.PERSON, name) for name in team]
        found.update(dict.fromkeys(members if target.kind is TargetKind.TEAM else [target]))
    return list(found)

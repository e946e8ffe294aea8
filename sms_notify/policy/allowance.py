"""What the limits and the budgets leave one number in one lane now, asked of what has left before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.policy.directory import Target
from sms_notify.policy.holds import Hold, Wait, wait
from sms_notify.policy.rate_limits import (
    TELL_PAUSE,
    Lane,
    Limit,
    LimitScope,
    Room,
    Spending,
    Spent,
    affordable,
    longest,
    pause_after,
    room,
)
from sms_notify.policy.records import Notification
from sms_notify.policy.roster import Staff
from sms_notify.policy.routing import Receiver, Route, route, step_of
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Kind

_STORM = 100  # things of the rest in one text
_STORM_PAUSE = timedelta(minutes=10)  # as long as anything that comes and goes must be calm by default
AT_ONCE = 3  # texts to one reader in one go; the rest follows a second later, where the limits allow it


@dataclass(frozen=True, slots=True)
class Leave:
    """What the limits allow one number in one lane: `slots` texts now, of `max_parts` parts; else wait until `free_at`."""

    slots: int
    free_at: datetime
    scope: str
    history: tuple[datetime, ...]
    one_part: bool = False


class Allowance:
    """Asks the limits of one configuration."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        bounds = plan.limits.credits
        self.of_money = bool(bounds.per_hour is not None or bounds.per_day is not None or bounds.reserve)
        self.receivers = tuple(name for name, receiver in plan.receivers.items() if receiver.limits)
        # Of any receiver, for what waits in the lane may join the text.
        self._most_parts = max((receiver.max_parts for receiver in plan.receivers.values()), default=1)

    def limited(self, lane: Lane) -> bool:
        """Whether anything can hold a text of this lane."""
        every = self._plan.limits
        of_all = lane is Lane.REST and (every.overall or self.receivers)
        return bool(every.of(lane) or self.of_money or of_all)

    def looks_back(self, lane: Lane) -> timedelta:
        """How far the limits of one number look back."""
        return longest(self._plan.limits.of(lane))

    def looks_back_at_all(self) -> dict[str | None, timedelta]:
        """How far the limits of the rest look back: of all (None), and of each receiver that has some."""
        every: dict[str | None, tuple[Limit, ...]] = {None: self._plan.limits.overall}
        every |= {name: self._plan.receivers[name].limits for name in self.receivers}
        return {name: longest(limits) for name, limits in every.items() if limits}

    def leave(self, rows: Rows, number: str, lane: Lane, ready: Sequence[Notification]) -> Leave:
        leave = self._by_number(rows, number, lane)
        if lane is Lane.ENDS:
            both = leave, self._by_number(rows, number, Lane.CRITICAL)
            leave = min(both, key=lambda one: (one.slots, rows.now - one.free_at))
        if lane is Lane.REST:
            leave = self._by_everybody(rows, leave, ready)
        return self._by_credits(rows, leave, lane)

    def leave_by_hand(self, rows: Rows, number: str) -> Leave:
        """As for what is not critical; a text that waits counts as leaving now."""
        leave = self._by_number(rows, number, Lane.REST)
        rules, waiting = self._plan.limits.of(Lane.REST), rows.waiting(number, Lane.REST)
        here = room(rules, [*leave.history, *[rows.now] * waiting], rows.now)
        leave = replace(leave, slots=here.slots, free_at=here.free_at)
        return self._by_credits(rows, self._by_everybody(rows, leave, ()), Lane.REST)

    def _by_number(self, rows: Rows, number: str, lane: Lane) -> Leave:
        """The ends of critical trouble count as critical texts do, also the one that waits to leave: they take of the same
        limits, half at most.
        """
        rules = self._plan.limits.of(lane)
        since = rows.now - longest(rules)
        left = [*rows.queue.left.get((number, lane), ())]
        if lane is Lane.CRITICAL:
            left += rows.queue.left.get((number, Lane.ENDS), ())
            left += [rows.now] * rows.waiting(number, Lane.ENDS)
        history = tuple(at for at in left if at > since) if rules else ()
        here = room(rules, history, rows.now)
        scope = LimitScope.NUMBER if lane is Lane.REST else LimitScope.NUMBER_CRITICAL
        return Leave(here.slots, here.free_at, scope, history)

    def _by_everybody(self, rows: Rows, leave: Leave, ready: Sequence[Notification]) -> Leave:
        rules: list[tuple[LimitScope, tuple[Limit, ...], str | None]]
        rules = [(LimitScope.OVERALL, self._plan.limits.overall, None)]
        for name in dict.fromkeys(n.receiver for n in ready):
            rules.append((LimitScope.RECEIVER, self._plan.receiver(name).limits, name))
        for scope, listed, receiver in rules:
            if not listed:
                continue
            here = _room_at_all(rows, listed, receiver)
            if here.slots < leave.slots:
                leave = replace(leave, slots=here.slots, free_at=here.free_at, scope=scope)
        return leave

    def _by_credits(self, rows: Rows, leave: Leave, lane: Lane) -> Leave:
        bounds = self._plan.limits.credits
        if leave.slots == 0 or not self.of_money:
            return leave
        spent = _spent(rows)
        refusal = affordable(bounds, spent, 1, lane, rows.now)
        if refusal is not None:
            return replace(leave, slots=0, free_at=refusal.ask_again, scope=refusal.scope)
        several = min(leave.slots, AT_ONCE)
        if affordable(bounds, spent, self._most_parts * several, lane, rows.now) is None:
            return replace(leave, slots=several)
        return replace(leave, slots=1, one_part=True)

    def silent_until(
        self, lane: Lane, leave: Leave, texts: int, now: datetime, told: int = 1
    ) -> datetime | None:
        """When the next text of the lane may leave, after this many now, where that is worth a word. Nobody waits for
        an end.

        `told` is how much the last of them tells. In a storm of the rest a text every minute would tell numbers alone, and
        cost what the limits allow in a quarter of an hour.
        """
        rules = self._plan.limits.of(lane)
        if not rules or not texts or lane is Lane.ENDS:
            return None
        sent = [*leave.history, *[now] * (texts - 1)]
        free = pause_after(rules, sent, now)
        if lane is Lane.REST and told > _STORM:
            free = max(free, now + min(_STORM_PAUSE, longest(rules)))
        return free if free - now > TELL_PAUSE else None


class ReceiverLimits:
    """The limits of receivers, each of which holds what that receiver tells and nothing else. A reader whom several reach
    hears by the first that may text.
    """

    def __init__(self, plan: Plan, rows: Rows) -> None:
        self._plan = plan
        self._rows = rows
        self._staff = Staff(plan.directory, plan.schedules)
        self._free_at: dict[str, datetime] = {}

    def first_free(self, n: Notification) -> tuple[str, datetime]:
        """The receiver that may tell it first, its own where that may now, and when it may."""
        now, at = self._rows.now, self._free(n.receiver)
        if at <= now:
            return n.receiver, at
        others = ((max(self._free(name), self._opens(n, there)), name) for name, there in self._others(n))
        at, name = min([(at, n.receiver), *others], key=lambda one: one[0])
        return name, at

    def _free(self, name: str) -> datetime:
        limits = self._plan.receiver(name).limits
        if name not in self._free_at:
            here = _room_at_all(self._rows, limits, name) if limits else None
            self._free_at[name] = self._rows.now if here is None or here.slots else here.free_at
        return self._free_at[name]

    def _others(self, n: Notification) -> Iterator[tuple[str, Route]]:
        """The other receivers by which the same reader is owed the same thing."""
        for chain in route(self._plan.route, self._rows.incidents.rows[n.incident_id].routing_labels).chains:
            receiver = self._plan.receivers[chain[-1].receiver]
            if receiver.name == n.receiver or (n.kind is Kind.RESOLVED and not receiver.send_resolved):
                continue
            people = self._staff.people(_targets(receiver, n), self._rows.overrides, self._rows.now)
            if n.number in {person.number for person in people}:
                yield receiver.name, chain[-1]

    def _opens(self, n: Notification, there: Route) -> datetime:
        """When no window of that route, of its receiver or of the reader holds it."""
        person = self._plan.directory.owner(n.number) or n.person
        hours = (self._plan.receiver(there.receiver).quiet, person.quiet)
        quiet = tuple(one for one in hours if one is not None)
        labels, start = n.subject.alert.labels, Wait(self._rows.now, Hold.NOW)
        return wait(start, labels, there.mute, there.active, quiet).until


def _targets(receiver: Receiver, n: Notification) -> Sequence[Target]:
    if n.kind is not Kind.ESCALATION:
        return receiver.notify
    nth = step_of(n.nth)
    return receiver.escalate[nth - 1].notify if nth <= len(receiver.escalate) else ()


def _room_at_all(rows: Rows, limits: Sequence[Limit], receiver: str | None) -> Room:
    """What the limits of a receiver, or of all (None), leave; what waits counts as leaving now."""
    sent = [*rows.queue.left_at_all.get(receiver, ()), *[rows.now] * rows.waiting_at_all(receiver)]
    return room(limits, sent, rows.now)


def _spent(rows: Rows) -> Spent:
    """What texts cost of late, those that wait included, and what is left of the last balance told."""
    waiting = {lane: rows.parts_waiting(lane) for lane in Lane}
    queued = [Spending(rows.now, parts, lane is Lane.CRITICAL) for lane, parts in waiting.items() if parts]
    balance = rows.queue.balance
    return Spent([*queued, *rows.queue.spent], None if balance is None else balance - sum(waiting.values()))

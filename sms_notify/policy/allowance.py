"""What the limits and the budgets leave one number in one lane now, asked of what has left before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.policy.rate_limits import (
    TELL_PAUSE,
    Lane,
    Limit,
    LimitScope,
    Spending,
    Spent,
    affordable,
    longest,
    pause_after,
    room,
)
from sms_notify.policy.records import Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan

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
        rules = self._plan.limits.of(lane)
        since = rows.now - longest(rules)
        history = tuple(at for at in rows.queue.left.get((number, lane), ()) if at > since) if rules else ()
        here = room(rules, history, rows.now)
        scope = LimitScope.NUMBER_CRITICAL if lane is Lane.CRITICAL else LimitScope.NUMBER
        leave = Leave(here.slots, here.free_at, scope, history)
        if lane is Lane.REST:
            leave = self._by_everybody(rows, leave, ready)
        return self._by_credits(rows, leave, lane)

    def _by_everybody(self, rows: Rows, leave: Leave, ready: Sequence[Notification]) -> Leave:
        rules: list[tuple[LimitScope, tuple[Limit, ...], str | None]]
        rules = [(LimitScope.OVERALL, self._plan.limits.overall, None)]
        for name in dict.fromkeys(n.receiver for n in ready):
            rules.append((LimitScope.RECEIVER, self._plan.receiver(name).limits, name))
        for scope, listed, receiver in rules:
            if not listed:
                continue
            sent = [*rows.queue.left_at_all.get(receiver, ()), *[rows.now] * rows.waiting_at_all(receiver)]
            here = room(listed, sent, rows.now)
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

    def silent_until(self, lane: Lane, leave: Leave, texts: int, now: datetime) -> datetime | None:
        """When the next text may leave, after this many now, where that is worth a word."""
        rules = self._plan.limits.of(lane)
        if not rules or not texts:
            return None
        free = pause_after(rules, [*leave.history, *[now] * (texts - 1)], now)
        return free if free - now > TELL_PAUSE else None


def _spent(rows: Rows) -> Spent:
    """What texts cost of late, those that wait included, and what is left of the last balance told."""
    waiting = {lane: rows.parts_waiting(lane) for lane in Lane}
    queued = [Spending(rows.now, parts, lane is Lane.CRITICAL) for lane, parts in waiting.items() if parts]
    balance = rows.queue.balance
    return Spent([*queued, *rows.queue.spent], None if balance is None else balance - sum(waiting.values()))

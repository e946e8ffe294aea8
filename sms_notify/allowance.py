"""What the limits and the budgets leave one reader in one lane now, asked of what has left before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sms_notify.policy.rate_limits import (
    TELL_PAUSE,
    Lane,
    Limit,
    LimitScope,
    affordable,
    longest,
    pause_after,
    room,
)
from sms_notify.policy.routing import Receiver
from sms_notify.ruleset import Plan
from sms_notify.store import limit_rows
from sms_notify.store.pages import Page
from sms_notify.store.tx import Tx

AT_ONCE = 3  # texts to one reader in one go; the rest follows a second later, where the limits allow it


@dataclass(frozen=True, slots=True)
class Leave:
    """What the limits allow one reader in one lane: `slots` texts now, of `max_parts` parts; else wait until `free_at`."""

    slots: int
    free_at: datetime
    scope: str
    history: tuple[datetime, ...]
    one_part: bool = False


class Allowance:
    """Asks the limits of one configuration."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._by_receiver = any(receiver.limits for receiver in plan.receivers.values())
        # Of any receiver, for what waits in the lane may join the text.
        self._most_parts = max((receiver.max_parts for receiver in plan.receivers.values()), default=1)

    def limited(self, lane: Lane) -> bool:
        """Whether anything can hold a text of this lane."""
        every = self._plan.limits
        bounds = every.credits
        money = bounds.per_hour is not None or bounds.per_day is not None or bounds.reserve
        return bool(every.of(lane) or money or (lane is Lane.REST and (every.overall or self._by_receiver)))

    def leave(self, tx: Tx, number: str, lane: Lane, ready: Sequence[Page], now: datetime) -> Leave:
        rules = self._plan.limits.of(lane)
        most = max((rule.count for rule in rules), default=0)
        history = tuple(limit_rows.left_for(tx, number, lane, now - longest(rules), most)) if rules else ()
        here = room(rules, history, now)
        scope = LimitScope.NUMBER_CRITICAL if lane is Lane.CRITICAL else LimitScope.NUMBER
        leave = Leave(here.slots, here.free_at, scope, history)
        if lane is Lane.REST:
            leave = self._by_everybody(tx, leave, ready, now)
        return self._by_credits(tx, leave, lane, now)

    def _by_everybody(self, tx: Tx, leave: Leave, ready: Sequence[Page], now: datetime) -> Leave:
        names = dict.fromkeys(page.receiver for page in ready)
        rules: list[tuple[LimitScope, tuple[Limit, ...], str | None]]
        rules = [(LimitScope.OVERALL, self._plan.limits.overall, None)]
        rules += [(LimitScope.RECEIVER, self._receiver(name).limits, name) for name in names]
        for scope, listed, receiver in rules:
            if not listed:
                continue
            sent = [*limit_rows.left_at_all(tx, now - longest(listed), receiver)]
            sent += [now] * limit_rows.queued_at_all(tx, receiver)
            here = room(listed, sent, now)
            if here.slots < leave.slots:
                leave = replace(leave, slots=here.slots, free_at=here.free_at, scope=scope)
        return leave

    def _by_credits(self, tx: Tx, leave: Leave, lane: Lane, now: datetime) -> Leave:
        bounds = self._plan.limits.credits
        if leave.slots == 0 or (bounds.per_hour is None and bounds.per_day is None and not bounds.reserve):
            return leave
        spent = limit_rows.spent(tx, self._plan.gateway, bounds, now)
        refusal = affordable(bounds, spent, 1, lane, now)
        if refusal is not None:
            return replace(leave, slots=0, free_at=refusal.ask_again, scope=refusal.scope)
        several = min(leave.slots, AT_ONCE)
        if affordable(bounds, spent, self._most_parts * several, lane, now) is None:
            return replace(leave, slots=several)
        return replace(leave, slots=1, one_part=True)

    def silent_until(self, lane: Lane, leave: Leave, texts: int, now: datetime) -> datetime | None:
        """When the next text may leave, after this many now, where that is worth a word."""
        rules = self._plan.limits.of(lane)
        if not rules or not texts:
            return None
        free = pause_after(rules, [*leave.history, *[now] * (texts - 1)], now)
        return free if free - now > TELL_PAUSE else None

    def _receiver(self, name: str) -> Receiver:
        return self._plan.receivers.get(name) or Receiver(name)

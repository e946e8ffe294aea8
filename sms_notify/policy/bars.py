"""What gateways refuse for the time being, and which of them takes a text: asked of the breakers that are open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.alert import Severity
from sms_notify.policy.account import Account
from sms_notify.policy.country_codes import country_of
from sms_notify.policy.directory import group_of
from sms_notify.policy.records import Message
from sms_notify.policy.retry_policy import Scope


@dataclass(frozen=True, slots=True)
class Breaker:
    """An open breaker. `subject` is a sender, a number, a country, or empty where nothing leaves at all."""

    gateway: str
    scope: Scope
    subject: str
    opened_at: datetime
    code: int | None
    probes: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Barring:
    """What keeps a number from the preferred gateway. `leaves_by` is the first that does not bar it; empty: none."""

    bars: tuple[Breaker, ...]
    leaves_by: str = ""

    @property
    def nowhere(self) -> bool:
        """True where no gateway takes a text for the number."""
        return not self.leaves_by

    @property
    def since(self) -> datetime:
        return self.bars[0].opened_at


def bar_of(breakers: Iterable[Breaker], gateway: str, number: str) -> Breaker | None:
    """What keeps this number, or else its country, from being texted through the gateway; None where nothing does."""
    subjects = {(Scope.NUMBER, number): 0, (Scope.COUNTRY, country_of(number)): 1}
    mine = [b for b in breakers if b.gateway == gateway and (b.scope, b.subject) in subjects]
    return min(mine, key=lambda b: subjects[b.scope, b.subject], default=None)


def is_open(breakers: Iterable[Breaker], gateway: str, scope: Scope, subject: str) -> bool:
    """Whether this is not tried for the time being."""
    return any((b.gateway, b.scope, b.subject) == (gateway, scope, subject) for b in breakers)


def usable_sender(breakers: Iterable[Breaker], account: Account) -> str | None:
    """The sender to use now: the first that the gateway has not refused; None where it refused them all."""
    refused = {b.subject for b in breakers if b.gateway == account.name and b.scope is Scope.SENDER}
    return next((sender for sender in account.senders if sender not in refused), None)


def barring_of(breakers: Sequence[Breaker], gateways: Iterable[str], number: str) -> Barring | None:
    """How it stands with a number; None where the first of `gateways` does not bar it, and for a group."""
    bars: list[Breaker] = []
    for gateway in () if group_of(number) is not None else gateways:
        bar = bar_of(breakers, gateway, number)
        if bar is None:
            return Barring(tuple(bars), gateway) if bars else None
        bars.append(bar)
    return Barring(tuple(bars)) if bars else None


def closed_to_all(breakers: Iterable[Breaker], gateway: str) -> Breaker | None:
    """What keeps everything from leaving through a gateway, the oldest; None where texts leave."""
    mine = (b for b in breakers if b.gateway == gateway and b.scope.whole)
    return min(mine, key=lambda b: b.opened_at, default=None)


def open_gateway(breakers: Sequence[Breaker], gateways: Iterable[str], number: str) -> str | None:
    """The most preferred gateway that takes texts to `number` now."""
    ways = (g for g in gateways if closed_to_all(breakers, g) is None)
    return next((g for g in ways if bar_of(breakers, g, number) is None), None)


def way_for(breakers: Sequence[Breaker], gateways: Iterable[str], message: Message) -> str | None:
    """The best other gateway for a message: one that takes texts now, else one where it can wait; None where every
    other one refuses its number for good.
    """
    others = (g for g in gateways if g != message.gateway)
    ways = [g for g in others if bar_of(breakers, g, message.number) is None]
    return next((g for g in ways if closed_to_all(breakers, g) is None), ways[0] if ways else None)


@dataclass(frozen=True, slots=True)
class FailOver:
    """To which gateway a waiting text goes, and from when on."""

    gateway: str
    at: datetime


def fail_over_of(
    breakers: Sequence[Breaker], gateways: Iterable[str], message: Message, after: timedelta
) -> FailOver | None:
    """Where a text goes whose gateway takes nothing: critical at once, the rest when that has lasted for `after`. None where
    its gateway takes texts, or no other one does.
    """
    closed, there = closed_to_all(breakers, message.gateway), way_for(breakers, gateways, message)
    if closed is None or there is None or closed_to_all(breakers, there) is not None:
        return None
    patience = timedelta() if message.severity is Severity.CRITICAL else after
    return FailOver(there, closed.opened_at + patience)

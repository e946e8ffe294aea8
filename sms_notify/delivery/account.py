"""What sending knows of one account at a gateway, and which way is open to a text now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sms_notify.gateways.base import TextLimits
from sms_notify.policy.directory import Directory
from sms_notify.policy.retry_policy import Scope
from sms_notify.store import breakers
from sms_notify.store.messages import Message
from sms_notify.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Account:
    """What settling must know of the gateway that answered, and of the others in order of preference.

    `first_poll` is how long after a send its report is first asked for; None where none is to be had. `numbers` are
    those that may be texted; None where any may.
    """

    name: str
    limits: TextLimits = field(kw_only=True)
    sender: str = ""
    other_sender: str = ""
    gateways: tuple[str, ...] = ()
    first_poll: timedelta | None = None
    directory: Directory = field(default_factory=Directory)
    numbers: frozenset[str] | None = None

    @property
    def gone(self) -> bool:
        """True where the configuration has other gateways and names this one no more."""
        return bool(self.gateways) and self.name not in self.gateways

    @property
    def senders(self) -> tuple[str, ...]:
        return (self.sender, self.other_sender) if self.other_sender else (self.sender,)


def usable_sender(tx: Tx, account: Account) -> str | None:
    """The sender to use now: the first that the gateway has not refused; None where it refused them all."""
    return next((s for s in account.senders if not breakers.is_open(tx, account.name, Scope.SENDER, s)), None)


def open_gateway(tx: Tx, gateways: tuple[str, ...], number: str) -> str | None:
    """The most preferred gateway that takes texts to `number` now."""
    ways = (g for g in gateways if breakers.closed_to_all(tx, g) is None)
    return next((g for g in ways if not breakers.bars(tx, g, number)), None)


def way_for(tx: Tx, gateways: tuple[str, ...], message: Message) -> str | None:
    """The best other gateway for a message: one that takes texts now, else one where it can wait; None where every
    other one refuses its number for good.
    """
    ways = [g for g in gateways if g != message.gateway and not breakers.bars(tx, g, message.number)]
    return next((g for g in ways if breakers.closed_to_all(tx, g) is None), ways[0] if ways else None)

"""What sending asks of the breakers: which sender, and which gateway, is open to a text now."""

from __future__ import annotations

from sms_notify.policy import bars
from sms_notify.policy.account import Account
from sms_notify.policy.retry_policy import Scope
from sms_notify.store import breakers
from sms_notify.store.tx import Tx

__all__ = ["Account", "open_gateway", "usable_sender"]


def usable_sender(tx: Tx, account: Account) -> str | None:
    """The sender to use now: the first that the gateway has not refused; None where it refused them all."""
    return next((s for s in account.senders if not breakers.is_open(tx, account.name, Scope.SENDER, s)), None)


def open_gateway(tx: Tx, gateways: tuple[str, ...], number: str) -> str | None:
    """The most preferred gateway that takes texts to `number` now."""
    return bars.open_gateway(breakers.all_open(tx), gateways, number)

"""What sending asks of the breakers: which sender, and which gateway, is open to a text now."""

from __future__ import annotations

from sms_notify.policy import bars
from sms_notify.policy.account import Account
from sms_notify.store import breakers
from sms_notify.store.tx import Tx


def usable_sender(tx: Tx, account: Account) -> str | None:
    """The sender to use now: the first that the gateway has not refused; None where it refused them all."""
    return bars.usable_sender(breakers.open_at(tx, account.name), account)


def open_gateway(tx: Tx, gateways: tuple[str, ...], number: str) -> str | None:
    """The most preferred gateway that takes texts to `number` now."""
    return bars.open_gateway(breakers.all_open(tx), gateways, number)

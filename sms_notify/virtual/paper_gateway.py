"""A gateway on paper: it takes every text at once and says that it was delivered. Nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Callable

from sms_notify.gateways.base import (
    Batch,
    DeliveryStatus,
    Failed,
    Fate,
    Outcome,
    Reason,
    Report,
    Submission,
)
from sms_notify.store.breakers import Breaker


def takes_all(_number: str) -> Breaker | None:
    """No number is refused."""
    return None


class PaperGateway:
    """Answers OK with an id of its own; a group's text has none, as at the real gateway.

    `barred` says what bars a number: it gets the answer that barred it, once more.
    """

    def __init__(self, name: str, barred: Callable[[str], Breaker | None] = takes_all) -> None:
        self.name = name
        self._barred = barred
        self._taken = 0

    def send(self, submission: Submission) -> Outcome:
        self._taken += 1
        bar = self._barred(submission.number)
        if bar is not None:
            return Outcome(Fate.REFUSED, Reason(bar.reason), code=bar.code)
        return Outcome(Fate.SENT, Reason.OK, smsid=f"paper{self._taken}")

    def send_batch(self, batch: Batch) -> Outcome:  # noqa: ARG002 - the protocol's signature
        return Outcome(Fate.SENT, Reason.OK)

    def credits(self) -> int | Failed:
        """Unknown, so that no replay stops because of an empty account."""
        return Failed(Fate.REFUSED, Reason.ERROR_CODE)

    def report(self, smsid: str) -> Report:
        return Report(smsid, DeliveryStatus.DELIVERED)

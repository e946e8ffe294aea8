"""A gateway on paper: it takes every text at once and says that it was delivered. Nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Callable

from sms_notify.gateways.base import Batch, Failed, Report, Submission
from sms_notify.gateways.registry import refused
from sms_notify.policy.account import TextLimits
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason

PAPER_LIMITS = TextLimits(only_part=160, each_part=153, most_parts=3)
"""GSM's own; nothing is ever cut for a gateway that refuses no long texts."""


def takes_all(_number: str) -> int | None:
    """No number is refused."""
    return None


class PaperGateway:
    """Answers OK with an id of its own; a group's text has none, as at the real gateway.

    `barred` is the code that bars a number: it is refused with it once more.
    """

    def __init__(self, name: str, barred: Callable[[str], int | None] = takes_all) -> None:
        self.name = name
        self._barred = barred
        self._taken = 0

    def send(self, submission: Submission) -> Outcome:
        self._taken += 1
        code = self._barred(submission.number)
        if code is not None:
            return refused(code)
        return Outcome(Fate.SENT, Reason.OK, smsid=f"paper{self._taken}")

    def send_batch(self, batch: Batch) -> Outcome:  # noqa: ARG002 - the protocol's signature
        return Outcome(Fate.SENT, Reason.OK)

    def credits(self) -> int | Failed:
        """Unknown, so that no replay stops because of an empty account."""
        return Failed(Fate.REFUSED, Reason.ERROR_CODE)

    def report(self, smsid: str) -> Report:
        return Report(smsid, DeliveryStatus.DELIVERED)

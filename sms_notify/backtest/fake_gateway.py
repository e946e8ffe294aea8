"""A gateway on paper: it takes every text at once and says that it was delivered. Nothing leaves the machine."""

from __future__ import annotations

from sms_notify.gateways.base import Batch, Failed, Report, Submission
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason


class PaperGateway:
    """Answers OK with an id of its own; a group's text has none, as at the real gateway."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._taken = 0

    def send(self, submission: Submission) -> Outcome:  # noqa: ARG002 - the protocol's signature
        self._taken += 1
        return Outcome(Fate.SENT, Reason.OK, smsid=f"paper{self._taken}")

    def send_batch(self, batch: Batch) -> Outcome:  # noqa: ARG002 - the protocol's signature
        return Outcome(Fate.SENT, Reason.OK)

    def credits(self) -> int | Failed:
        """Unknown, so that no replay stops because of an empty account."""
        return Failed(Fate.REFUSED, Reason.ERROR_CODE)

    def report(self, smsid: str) -> Report:
        return Report(smsid, DeliveryStatus.DELIVERED)

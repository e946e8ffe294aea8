"""What became of the texts: the gateway's call-backs, and asking it where none comes.

Both end in `apply`, which moves one known message forward and nothing else. Doubled, late and reordered
reports change nothing; one that fits no message of ours is counted and forgotten.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.delivery.moves import report_moved, taken_after_all
from sms_notify.delivery.sender import Clock, Commit
from sms_notify.gateways.base import Failed, Gateway, Report
from sms_notify.policy.outcomes import DeliveryStatus
from sms_notify.policy.records import Entry, Message
from sms_notify.policy.vocabulary import Applied, Cause, State, after_report
from sms_notify.store import messages, outbox
from sms_notify.store.tx import Tx

_log = logging.getLogger(__name__)
FIRST_POLL = timedelta(seconds=10)
FIRST_POLL_BESIDE_CALLBACKS = timedelta(seconds=60)
_BAD_ENDS = (DeliveryStatus.NOT_DELIVERED, DeliveryStatus.REJECTED)
_SLOWEST_POLL = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Delivered:
    """One report and what it did, for whoever logs and counts. `seconds` is the time from sending to this state."""

    report: Report
    applied: Applied
    message: Message | None = None
    state: State | None = None
    seconds: float | None = None


def apply(
    tx: Tx, gateway: str, report: Report, by: Cause, node: str, now: datetime, *, confirm: bool = False
) -> Delivered:
    """Moves the message that `report` speaks of, if it is ours and the report says something new.

    With `confirm` a bad end is not believed but asked about at once: anybody who learns the address of the
    call-back could else make the operator run.
    """
    by_id = messages.by_smsid(tx, gateway, report.smsid) if report.smsid else None
    by_reference = messages.by_reference(tx, gateway, report.reference) if report.reference else None
    if report.reference and by_id is not None and (by_reference is None or by_reference.id != by_id.id):
        return Delivered(report, Applied.FORGED)
    message = by_id or by_reference
    if message is None:
        return Delivered(report, Applied.UNKNOWN_ID)
    if message.gateway != gateway:  # an attempt of before a fail-over
        open_still = message.state in (State.UNKNOWN, State.UNKNOWN_FINAL) or (
            message.state is State.QUEUED and message.ambiguous > 0
        )
        if not open_still:
            return Delivered(report, Applied.NOTHING_NEW, message)
        message = outbox.came_from(tx, message, gateway)
    if report.smsid and not message.smsid:
        outbox.keep_smsid(tx, message, report.smsid)
    known = message.smsid or report.smsid
    waits = message.state in (State.UNKNOWN, State.UNKNOWN_FINAL, State.QUEUED, State.SUBMITTING)
    if (
        confirm
        and report.status in _BAD_ENDS
        and known
        and (waits or after_report(message.state, report.status))
    ):
        if waits:  # it was taken, that much is proven; what became of it is asked
            _move(tx, message, replace(report, status=DeliveryStatus.SUBMITTED), by, node, now)
        outbox.poll_again(tx, message.id, now)
        return Delivered(report, Applied.TO_CONFIRM, message)
    return _move(tx, message, report, by, node, now)


def _move(tx: Tx, message: Message, report: Report, by: Cause, node: str, now: datetime) -> Delivered:
    # After an ambiguous attempt a text that waits to be sent again is as open as one that waits for evidence.
    waits = message.state is State.QUEUED and message.ambiguous > 0
    before = State.UNKNOWN if waits else message.state
    state = after_report(before, report.status)
    if state is None:
        return Delivered(report, Applied.NOTHING_NEW, message)
    seconds = (now - message.created_at).total_seconds()
    if before in (State.SUBMITTING, State.UNKNOWN, State.UNKNOWN_FINAL):
        # The report is the proof that an attempt without an answer did reach the gateway.
        outbox.mark_sent(
            tx, message, now + FIRST_POLL_BESIDE_CALLBACKS, Entry(by, seconds=seconds), node, now
        )
    if before is State.UNKNOWN_FINAL:
        taken_after_all(tx, message, node, now)
    if state is not State.SENT:
        entry, lost = Entry(by, seconds=seconds), "the phone network could not deliver it"
        report_moved(tx, message, state, entry, node, now, lost=lost)
    return Delivered(report, Applied.MOVED, message, state, seconds)


def next_poll(polls: int, now: datetime) -> datetime:
    """Ten seconds, then twice as long each time, at most five minutes."""
    return now + min(FIRST_POLL * (1 << min(polls, 10)), _SLOWEST_POLL)


class Reports:
    """Asks one gateway about the messages whose time has come."""

    def __init__(self, commit: Commit, gateway: Gateway, node: str, clock: Clock) -> None:
        self._commit = commit
        self._gateway = gateway
        self._node = node
        self._clock = clock

    def poll_once(self) -> list[Delivered]:
        """One request for each message that is due, ten at most; the next question is written down before this one
        is asked. A gateway that fails to answer is not asked about the others in the same round.
        """
        now = self._clock()
        told: list[Delivered] = []
        for message in self._commit(lambda tx: self._take_due(tx, now)):
            answer = self.ask(message)
            if isinstance(answer, Failed):
                _log.warning(
                    "no report", extra={"text": message.id, "reason": answer.reason, "code": answer.code}
                )
                if answer.code is None:
                    break
            elif answer is not None:
                told.append(answer)
        return told

    def ask(self, message: Message) -> Delivered | Failed | None:
        """One request about one message; None where the gateway knows nothing of it yet."""
        report = self._gateway.report(message.smsid)
        if isinstance(report, Failed):
            return report
        return None if report.status is DeliveryStatus.NONE else self._apply(report)

    def _take_due(self, tx: Tx, now: datetime) -> list[Message]:
        due = list(outbox.due_polls(tx, self._gateway.name, now))
        for message in due:
            outbox.poll_again(tx, message.id, next_poll(message.polls, now))
        return due

    def _apply(self, report: Report) -> Delivered:
        now = self._clock()
        return self._commit(lambda tx: apply(tx, self._gateway.name, report, Cause.POLL, self._node, now))

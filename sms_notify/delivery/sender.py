"""Sending: claim one message, make one request, settle what came of it.

The attempt and its reference are committed before the first byte leaves. Whatever ends this process between
that commit and the next leaves a row in `submitting`, which a restart calls `unknown`: the text may be out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain, repeat
from typing import Protocol, TypeVar

from sms_notify.delivery.settlement import Settling, within_bytes
from sms_notify.errors import StoreError
from sms_notify.gateways.base import AddressBookGroup, Batch, Gateway, Submission
from sms_notify.policy import bars
from sms_notify.policy.account import Account
from sms_notify.policy.bars import Breaker
from sms_notify.policy.country_codes import country_of
from sms_notify.policy.directory import group_of
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.ruleset import Timing
from sms_notify.store import breakers, claims, outbox
from sms_notify.store.messages import Message
from sms_notify.store.tx import Tx

T = TypeVar("T")
_log = logging.getLogger(__name__)
_LAST_TRIES, _LAST_PAUSE = 3, 1.0  # of a daemon that ends; seconds
_PATIENCE = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)  # seconds; with the store's own 5 s each still within a lease


class Commit(Protocol):
    """Runs a job in a transaction and returns when it is on the disk; raises StoreError when it is not."""

    def __call__(self, job: Callable[[Tx], T], /) -> T: ...


Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Sent:
    """One finished attempt, for whoever logs and counts."""

    message: Message
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Luck:
    """The part of sending that is random or takes time, handed in so that a replay can repeat it.

    `reference` makes a new 128-bit name for an attempt; `dice` a number in [0, 1) that spreads retries; `pause`
    waits so many seconds.
    """

    reference: Callable[[], str]
    dice: Callable[[], float]
    pause: Callable[[float], object] = lambda _: None


class Sender:
    """Sends what is queued for one gateway."""

    def __init__(
        self, commit: Commit, gateway: Gateway, account: Account, timing: Timing, node: str, luck: Luck
    ) -> None:
        self._commit = commit
        self._gateway = gateway
        self._node = node
        self._luck = luck
        self._ending = False
        self._doubtful: set[str] = (
            set()
        )  # references of claims whose commit failed, and may be there after all
        self.follow(account, timing)

    def end(self) -> None:
        """The daemon stops: nothing more is claimed, and what the store refuses is tried a few times more, and no longer."""
        self._ending = True

    def follow(self, account: Account, timing: Timing, *, retired: bool = False) -> None:
        """Works by another configuration from the next transaction on, and so belongs on the thread that commits.

        A `retired` sender claims nothing more; it settles what it has under way.
        """
        self._account, self._timing, self._retired = account, timing, retired
        self._settling = Settling(account, self._node, self._luck.dice, retired=retired)

    def send_once(self, clock: Clock) -> Sent | None:
        """One message, one request; None when nothing may leave now."""
        message = self.take(clock)
        return None if message is None else self.submit(message, clock)

    def take(self, clock: Clock) -> Message | None:
        """Claims the next message, durably."""
        reference, before = self._luck.reference(), self._doubtful.copy()
        try:
            message = self._commit(lambda tx: self.claim(tx, clock(), reference=reference))
        except StoreError:
            self._doubtful.add(reference)
            raise
        self._doubtful -= before
        return message

    def claim(
        self, tx: Tx, now: datetime, only: int | None = None, reference: str | None = None
    ) -> Message | None:
        """The next message, under the sender that the gateway takes, and cut where its country takes no long ones.

        A commit that failed may be there after all, as where the disk failed after the write: such a claim, of which no
        request was made, is given back first.
        """
        if self._doubtful:
            claims.give_back(tx, self._doubtful.copy(), self._node, now)
        if self._retired:
            return None
        closed = breakers.open_at(tx, self._account.name)
        sender = bars.usable_sender(closed, self._account)
        if sender is None:
            return None
        reference, lease_until = reference or self._luck.reference(), now + self._timing.lease
        message = claims.claim(
            tx, self._gateway.name, reference, self._node, lease_until, now, sender=sender, only=only
        )
        if message is not None and message.parts > 1 and self._no_long(closed, message):
            body = within_bytes(message.body, 1, self._account.limits)
            outbox.recut(tx, message, body, 1)
            message = replace(message, body=body, parts=1)
        return None if message is None else replace(message, lease_until=lease_until)

    def _no_long(self, closed: Sequence[Breaker], message: Message) -> bool:
        return bars.is_open(closed, self._account.name, Scope.NO_LONG, country_of(message.number))

    def submit(self, message: Message, clock: Clock) -> Sent:
        """The request for a claimed message, and the commit of how it ended."""
        return self.settle(message, self._in_time(message, clock), clock())

    def settle(self, message: Message, outcome: Outcome, now: datetime) -> Sent:
        """The commit of how the request for a claimed message ended."""
        self._keep(lambda tx: self._settling.settle(tx, message, outcome, now), message, outcome)
        return Sent(message, outcome)

    def submit_and_take(self, message: Message, clock: Clock) -> tuple[Sent, Message | None]:
        """As `submit`, and claims the next message in the same commit: one sync of the disk a text, not two."""
        outcome, now = self._in_time(message, clock), clock()

        def settle_and_claim(tx: Tx) -> Message | None:
            self._settling.settle(tx, message, outcome, now)
            if self._ending:
                return None  # its request may take as long as the one that has just ended
            reference = self._luck.reference()
            claimed.append(reference)
            return self.claim(tx, clock(), reference=reference)

        claimed: list[str] = []
        return Sent(message, outcome), self._keep(settle_and_claim, message, outcome, claimed)

    def _keep(
        self, job: Callable[[Tx], T], message: Message, outcome: Outcome, claimed: Sequence[str] = ()
    ) -> T:
        """Commits what an answer says, again and again for as long as the daemon runs: an OK that is lost here is a text
        sent twice. Raises StoreError when the daemon ends while the store stays closed. `claimed` are the references
        that `job` has claimed by.
        """
        left = _LAST_TRIES
        for pause in chain(_PATIENCE, repeat(_PATIENCE[-1])):
            before, claims = self._doubtful.copy(), len(claimed)
            try:
                result = self._commit(job)
            except StoreError as error:
                self._doubtful.update(claimed)
                left -= self._ending
                if left < 0:
                    raise
                extra = {"id": message.id, "fate": outcome.fate, "code": outcome.code, "smsid": outcome.smsid}
                _log.error("an answer cannot be written down yet: %s", error, extra=extra)
                self._luck.pause(min(pause, _LAST_PAUSE) if self._ending else pause)
            else:
                self._doubtful -= before if len(claimed) > claims else set()
                return result
        raise AssertionError("the pauses never end")

    def _in_time(self, message: Message, clock: Clock) -> Outcome:
        """The request, unless this node stood still until after the lease: by now another one may have sent the text."""
        if message.lease_until is None or clock() < message.lease_until:
            return self.request(message)
        return Outcome(Fate.NOT_SENT, Reason.LOCAL, detail="not asked: the lease of the claim was over")

    def request(self, message: Message) -> Outcome:
        """The one request for a claimed message; the commit of its end is `settle`'s."""
        group, long = group_of(message.number), message.parts > 1
        if group is not None:
            batch = Batch(
                AddressBookGroup(group), message.body, message.reference, long, sender=message.sender
            )
            return self._gateway.send_batch(batch)
        submission = Submission(message.number, message.body, message.reference, long, sender=message.sender)
        return self._gateway.send(submission)

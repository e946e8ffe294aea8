"""Deliveries on their way to the committing thread: whatever has come until its turn is decided in one step.

Under load that is many deliveries for the statements of one. Each waits for its own answer, and is answered after the
commit. A step that raises is undone, and its deliveries are decided one by one: a bad one spoils no other.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sms_notify.alert import Alert, Delivery, Status
from sms_notify.engine import Verdict
from sms_notify.errors import StoreError
from sms_notify.store.committer import Committer, Reply, Waiting
from sms_notify.store.tx import Tx

Verdicts = list[list[Verdict]]
Decide = Callable[[Tx, Sequence[Delivery]], Verdicts]
_MOST_ALERTS = 200  # in one step: whoever sends little waits for no more than that
_LARGEST_PART = (
    500  # of one delivery: a larger one is taken in several commits, and others have their turn between them
)


@dataclass(frozen=True, slots=True)
class WaitingDelivery:
    """`reply` gets the verdicts on its alerts after the commit, or StoreError, or whatever deciding raised."""

    delivery: Delivery
    reply: Reply


class Inbox:
    """`decide` is the engine's step."""

    def __init__(self, committer: Committer, decide: Decide) -> None:
        self._committer = committer
        self._decide = decide
        self._waiting: deque[WaitingDelivery] = deque()
        self._asked = False
        self._lock = (
            threading.Lock()
        )  # held for a few appends: the web's thread and the committing one meet here

    def put(self, delivery: Delivery, reply: Reply) -> None:
        if len(delivery.alerts) > _LARGEST_PART:
            Parts(self, delivery, reply).put_next()
            return
        with self._lock:
            self._waiting.append(WaitingDelivery(delivery, reply))
            asked, self._asked = self._asked, True
        if not asked:
            self._ask()

    def _ask(self) -> None:
        self._commit(AcceptStep(self, self._decide))

    def decide_alone(self, waiting: WaitingDelivery) -> None:
        self._commit(AcceptStep(self, self._decide, waiting))

    def _commit(self, step: AcceptStep) -> None:
        self._committer.put(Waiting(step.run, step))

    def take(self) -> list[WaitingDelivery]:
        """The next of them whose senders still wait; the rest asks for another step."""
        taken: list[WaitingDelivery] = []
        alerts = 0
        with self._lock:
            while self._waiting and (not taken or alerts < _MOST_ALERTS):
                waiting = self._waiting.popleft()
                if waiting.reply.set_running_or_notify_cancel():
                    taken.append(waiting)
                    alerts += len(waiting.delivery.alerts)
            self._asked = bool(self._waiting)
        if self._asked:
            self._ask()
        return taken

    def take_all(self) -> list[WaitingDelivery]:
        """A step never began, because the daemon is stopping or the store is not to be had: no other will."""
        with self._lock:
            taken, self._waiting, self._asked = list(self._waiting), deque(), False
        return [waiting for waiting in taken if waiting.reply.set_running_or_notify_cancel()]


class Parts:
    """A large delivery, taken part by part: the reply of each, which answers for the whole after the last.

    The crash window: between two parts the first is stored and nobody has a 200. The sender sends all of it again, and what
    is known by then is a repeat.
    """

    def __init__(self, inbox: Inbox, delivery: Delivery, reply: Reply) -> None:
        alerts = _in_order(delivery.alerts)
        starts = range(0, len(alerts), _LARGEST_PART)
        later = len(alerts) - _LARGEST_PART
        first = replace(delivery, alerts=alerts[:_LARGEST_PART], later=later)
        # Without a group: what the first text has counted is told together, when the route's own group is.
        rest = replace(delivery, acks=(), unacks=(), hidden=0, unread=(), group="")
        self._left = deque(
            [first, *(replace(rest, alerts=alerts[n : n + _LARGEST_PART]) for n in starts[1:])]
        )
        self._inbox = inbox
        self._reply = reply
        self._begun = False
        self._verdicts: list[Verdict] = []

    def put_next(self) -> None:
        self._inbox.put(self._left.popleft(), self)

    def set_running_or_notify_cancel(self) -> bool:
        """Once one part is stored the rest follows, whether or not its sender still waits."""
        self._begun = self._begun or self._reply.set_running_or_notify_cancel()
        return self._begun

    def set_result(self, result: list[Verdict], /) -> None:
        self._verdicts += result
        if self._left:
            self.put_next()
        else:
            self._reply.set_result(self._verdicts)

    def set_exception(self, exception: BaseException, /) -> None:
        self._reply.set_exception(exception)


def _in_order(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    """What fires first, the worst of it before the rest, and the end of the worst last, as within one step: that one problem of
    a shared incident ends is not an end where another goes on. What is said of one alert stays together, in its order.
    """
    together: dict[str, list[Alert]] = {}
    for alert in alerts:
        together.setdefault(alert.fingerprint, []).append(alert)
    return tuple(alert for several in sorted(together.values(), key=_turn) for alert in several)


def _turn(several: Sequence[Alert]) -> tuple[bool, int]:
    over, rank = several[-1].status is Status.RESOLVED, several[-1].severity.rank
    return over, -rank if over else rank


class AcceptStep:
    """One step, and the reply of its transaction: of one delivery alone, or of what waits when its turn comes."""

    def __init__(self, inbox: Inbox, decide: Decide, alone: WaitingDelivery | None = None) -> None:
        self._inbox = inbox
        self._decide = decide
        self._alone = alone
        self._taken: list[WaitingDelivery] = []

    def run(self, tx: Tx) -> Verdicts:
        self._taken = self._inbox.take() if self._alone is None else [self._alone]
        return self._decide(tx, [waiting.delivery for waiting in self._taken])

    def set_running_or_notify_cancel(self) -> bool:
        return True

    def set_result(self, result: Verdicts, /) -> None:
        for waiting, verdicts in zip(self._taken, result, strict=True):
            waiting.reply.set_result(verdicts)

    def set_exception(self, exception: BaseException, /) -> None:
        """The committer has undone the step."""
        if isinstance(exception, StoreError) or len(self._taken) < 2:
            for waiting in self._taken or self._never_begun():
                waiting.reply.set_exception(exception)
        else:
            for waiting in self._taken:
                self._inbox.decide_alone(waiting)

    def _never_begun(self) -> list[WaitingDelivery]:
        return self._inbox.take_all() if self._alone is None else [self._alone]

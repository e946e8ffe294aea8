"""Deliveries on their way to the committing thread: whatever has come until its turn is decided in one step.

Under load that is many deliveries for the statements of one. Each waits for its own answer, and is answered after the
commit. A step that raises is undone, and its deliveries are decided one by one: a bad one spoils no other.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sms_notify.alert import Delivery
from sms_notify.engine import Verdict
from sms_notify.errors import StoreError
from sms_notify.store.committer import Committer
from sms_notify.store.tx import Tx

Verdicts = list[list[Verdict]]
_MOST_ALERTS = 200  # in one step: whoever sends little waits for no more than that


@dataclass(frozen=True, slots=True)
class _WaitingDelivery:
    delivery: Delivery
    future: Future[list[Verdict]] = field(default_factory=Future)


class Inbox:
    """`decide` is the engine's step; `after` hears of all verdicts of a step once it is on the disk."""

    def __init__(
        self,
        committer: Committer,
        decide: Callable[[Tx, Sequence[Delivery]], Verdicts],
        after: Callable[[Sequence[Verdict]], None],
    ) -> None:
        self._committer = committer
        self._decide = decide
        self._after = after
        self._waiting: deque[_WaitingDelivery] = deque()
        self._asked = False
        self._lock = (
            threading.Lock()
        )  # held for a few appends: the web's thread and the committing one meet here

    def put(self, delivery: Delivery) -> Future[list[Verdict]]:
        """Brings the verdicts on its alerts after the commit, or StoreError, or whatever deciding raised."""
        waiting = _WaitingDelivery(delivery)
        with self._lock:
            self._waiting.append(waiting)
            asked, self._asked = self._asked, True
        if not asked:
            self._ask()
        return waiting.future

    def _ask(self) -> None:
        taken: list[_WaitingDelivery] = []
        job = self._committer.submit(partial(self._step, taken), after=self._told)
        job.add_done_callback(partial(self._answer, taken))

    def _step(self, taken: list[_WaitingDelivery], tx: Tx) -> Verdicts:
        taken += self._take()
        return self._decide(tx, [waiting.delivery for waiting in taken])

    def _take(self) -> list[_WaitingDelivery]:
        """The next of them whose senders still wait; the rest asks for another step."""
        taken: list[_WaitingDelivery] = []
        alerts = 0
        with self._lock:
            while self._waiting and (not taken or alerts < _MOST_ALERTS):
                waiting = self._waiting.popleft()
                if waiting.future.set_running_or_notify_cancel():
                    taken.append(waiting)
                    alerts += len(waiting.delivery.alerts)
            self._asked = bool(self._waiting)
        if self._asked:
            self._ask()
        return taken

    def _told(self, verdicts: Verdicts) -> None:
        self._after([one for several in verdicts for one in several])

    def _answer(self, taken: list[_WaitingDelivery], job: Future[Verdicts]) -> None:
        error = job.exception()
        if error is None:
            for waiting, verdicts in zip(taken, job.result(), strict=True):
                waiting.future.set_result(verdicts)
        elif isinstance(error, StoreError) or len(taken) < 2:
            for waiting in taken or self._take_all():
                waiting.future.set_exception(error)
        else:
            for waiting in taken:
                alone = self._committer.submit(partial(self._one, waiting.delivery), after=self._told)
                alone.add_done_callback(partial(_pass_on, waiting.future))

    def _take_all(self) -> list[_WaitingDelivery]:
        """The step never began, because the daemon is stopping or the store is not to be had: no other will."""
        with self._lock:
            taken, self._waiting, self._asked = list(self._waiting), deque(), False
        return [waiting for waiting in taken if waiting.future.set_running_or_notify_cancel()]

    def _one(self, delivery: Delivery, tx: Tx) -> Verdicts:
        return self._decide(tx, [delivery])


def _pass_on(future: Future[list[Verdict]], alone: Future[Verdicts]) -> None:
    error: Any = alone.exception()
    if error is None:
        future.set_result(alone.result()[0])
    else:
        future.set_exception(error)

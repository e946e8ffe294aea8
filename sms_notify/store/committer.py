"""One thread that writes: everybody's transactions, committed together.

A sync of the disk costs the same for one request as for a hundred, so whatever waits while one batch is being
written makes up the next, up to a fifth of a second of work. A job is answered when its batch is on the disk, and
not before. A job that raises is undone alone; a disk that fails fails the batch, and every job in it hears so.

The crash window: between the commit and its answers the work is done, and nobody has heard so. Whoever asked asks again,
and each job stands that: an alert that comes again is a repeat, a file is handed over by its name, a text's reference is known.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sms_notify.errors import StoreError
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Tx

T = TypeVar("T")
Job = Callable[[Tx], Any]
# How long one batch may take: a heap of large requests must not keep a small urgent one, or a send, waiting. It is also
# how much longer a job may wait for its answer than its own sync takes.
_BATCH_SECONDS = 0.2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Job
    future: Future[Any]
    after: Callable[[Any], None] | None
    closes: bool


class Committer:
    """Runs jobs in batches on its own thread."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._queue: deque[_Waiting] = deque()
        # Guards the queue alone, and is never held while a job runs or the disk syncs: whoever submits waits for neither.
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="committer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finishes what waits, then ends; jobs that come later fail at once."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join()
        self._store.close()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def submit(
        self, job: Callable[[Tx], T], after: Callable[[T], None] | None = None, *, closes: bool = False
    ) -> Future[T]:
        """Queues a job; its future brings the result after the commit, or the job's own error, or StoreError.

        `after` gets the result on the committing thread, once the job is on the disk and before its future is done.
        A job that `closes` is the last of its batch: no other runs between it and its `after`.
        """
        future: Future[T] = Future()
        with self._wake:
            if self._stopping:
                future.set_exception(StoreError("the daemon is stopping"))
                return future
            self._queue.append(_Waiting(job, future, after, closes))
            self._wake.notify()
        return future

    def __call__(self, job: Callable[[Tx], T]) -> T:
        """Runs a job and waits for its commit."""
        return self.submit(job).result()

    def _loop(self) -> None:
        while self._wait():
            self._commit()

    def _wait(self) -> bool:
        """Until there is a job; False when there is none and none will come."""
        with self._wake:
            while not self._queue and not self._stopping:
                self._wake.wait()
            return bool(self._queue)

    def _commit(self) -> None:
        done: list[tuple[_Waiting, Any, BaseException | None]] = []
        try:
            with self._store.transaction() as tx:
                self._run_batch(tx, done)
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a disk or a database does
            _log.error("commit failed, %d jobs undone: %s", len(done), error)
            self._fail(done, error)
            return
        for waiting, result, error_of_job in done:  # a crash from here on: committed, and answered to nobody
            self._answer(waiting, result, error_of_job)

    def _run_batch(self, tx: Tx, done: list[tuple[_Waiting, Any, BaseException | None]]) -> None:
        ends = time.monotonic() + _BATCH_SECONDS
        while time.monotonic() < ends and (waiting := self._next()) is not None:
            done.append((waiting, None, None))  # first, so that the one that breaks the batch hears of it
            done[-1] = (waiting, *self._attempt(tx, waiting.job))
            if waiting.closes:
                return

    def _next(self) -> _Waiting | None:
        """The next job whose caller still waits: what was cancelled in the queue costs nothing."""
        with self._wake:
            while self._queue:
                waiting = self._queue.popleft()
                if waiting.future.set_running_or_notify_cancel():
                    return waiting
        return None

    def _fail(self, done: list[tuple[_Waiting, Any, BaseException | None]], error: Exception) -> None:
        """Everybody in the batch hears of it; where no transaction could be opened, the one who waits longest."""
        failed = [waiting for waiting, *_ in done] or [w for w in [self._next()] if w is not None]
        for waiting in failed:
            waiting.future.set_exception(error)

    def _answer(self, waiting: _Waiting, result: Any, error: BaseException | None) -> None:
        if error is not None:
            waiting.future.set_exception(error)
            return
        try:
            if waiting.after is not None:
                waiting.after(result)
        except Exception as failure:  # noqa: BLE001 - the commit stands, and this thread must go on
            _log.error("after a commit: %s", type(failure).__name__)
        waiting.future.set_result(result)

    def _attempt(self, tx: Tx, job: Job) -> tuple[Any, BaseException | None]:
        """A savepoint costs some microseconds a job; without it, one that raises would undo all that the others did."""
        try:
            with self._store.savepoint():
                return job(tx), None
        except (StoreError, sqlite3.OperationalError):  # the database's trouble is nobody's private error
            raise
        except Exception as error:  # noqa: BLE001 - whatever one job raises is that job's answer, and nobody else's
            return None, error

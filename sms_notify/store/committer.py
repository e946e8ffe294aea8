"""One thread that writes: everybody's transactions, committed together.

A sync of the disk costs the same for one request as for a hundred, so whatever waits while one batch is being
written makes up the next. A job is answered when the batch is on the disk, and not before. A job that raises is
undone alone; a disk that fails fails the batch, and every job in it hears so.
"""

from __future__ import annotations

import logging
import threading
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
_BATCH = 256
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Job
    future: Future[Any]
    after: Callable[[], None] | None


class Committer:
    """Runs jobs in batches on its own thread."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._queue: deque[_Waiting] = deque()
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

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def submit(self, job: Callable[[Tx], T], after: Callable[[], None] | None = None) -> Future[T]:
        """Queues a job; its future brings the result after the commit, or the job's own error, or StoreError.

        `after` is called on the committing thread once the job is on the disk.
        """
        future: Future[T] = Future()
        with self._wake:
            if self._stopping:
                future.set_exception(StoreError("the daemon is stopping"))
                return future
            self._queue.append(_Waiting(job, future, after))
            self._wake.notify()
        return future

    def __call__(self, job: Callable[[Tx], T]) -> T:
        """Runs a job and waits for its commit."""
        return self.submit(job).result()

    def _loop(self) -> None:
        while (batch := self._take()) is not None:
            # A caller that gave up must not cost a write: what it cancelled while it waited is not run.
            running = [waiting for waiting in batch if waiting.future.set_running_or_notify_cancel()]
            if running:
                self._commit(running)

    def _take(self) -> list[_Waiting] | None:
        """The next batch, or None when there is nothing left to do and nothing more will come."""
        with self._wake:
            while not self._queue and not self._stopping:
                self._wake.wait()
            if not self._queue:
                return None
            return [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            with self._store.transaction() as tx:
                done = [(waiting, self._attempt(tx, waiting.job)) for waiting in batch]
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a disk or a database does
            _log.error("commit failed, %d jobs undone: %s", len(batch), error)
            for waiting in batch:
                waiting.future.set_exception(error)
            return
        for waiting, (result, error_of_job) in done:
            if error_of_job is not None:
                waiting.future.set_exception(error_of_job)
                continue
            waiting.future.set_result(result)
            if waiting.after is not None:
                waiting.after()

    def _attempt(self, tx: Tx, job: Job) -> tuple[Any, BaseException | None]:
        try:
            with self._store.savepoint():
                return job(tx), None
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one job raises is that job's answer, and nobody else's
            return None, error

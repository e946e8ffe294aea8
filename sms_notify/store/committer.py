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
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol, TypeVar

from sms_notify.errors import StoreError
from sms_notify.store.damage import is_damage
from sms_notify.store.database import Database
from sms_notify.store.health import StoreHealth
from sms_notify.store.tx import Tx

T = TypeVar("T")
Job = Callable[[Tx], Any]
# How long one batch may take: a heap of large requests must not keep a small urgent one, or a send, waiting. It is also
# how much longer a job may wait for its answer than its own sync takes.
_BATCH_SECONDS = 0.2
_log = logging.getLogger(__name__)


class Reply(Protocol):
    """Where a job's answer goes; the part of a Future that the committing thread uses."""

    def set_running_or_notify_cancel(self) -> bool: ...
    def set_result(self, result: Any, /) -> None: ...
    def set_exception(self, exception: BaseException, /) -> None: ...


class Waiting(NamedTuple):
    """A job in the queue."""

    job: Job
    reply: Reply
    after: Callable[[Any], None] | None = None
    closes: bool = False


_Done = tuple[Waiting, Any, BaseException | None]


class Committer:
    """Runs jobs in batches on its own thread."""

    def __init__(self, store: Database) -> None:
        self._store = store
        self.health = StoreHealth(store.examine)
        self.first: Callable[[Tx], None] = lambda _: None
        """What each job begins with; `after` is called once it is on the disk."""
        self.after: Callable[[], None] = lambda: None
        # A queue in C: who submits takes no lock that the committing thread holds, and wakes it only where it sleeps.
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._gate = threading.Lock()  # nothing is queued behind the None that ends the queue
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="committer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finishes what waits, then ends; jobs that come later fail at once."""
        with self._gate:
            self._stopping = True
            self._queue.put(None)
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
        self.put(Waiting(job, future, after, closes))
        return future

    def put(self, waiting: Waiting) -> None:
        """As `submit`, for whoever has a reply of another kind; may answer before it returns."""
        with self._gate:
            if not self._stopping:
                self._queue.put(waiting)
                return
        waiting.reply.set_exception(StoreError("the daemon is stopping"))

    def __call__(self, job: Callable[[Tx], T]) -> T:
        """Runs a job and waits for its commit."""
        return self.submit(job).result()

    def _loop(self) -> None:
        while (first := self._queue.get()) is not None:
            if first.reply.set_running_or_notify_cancel():
                self._commit(first)

    def _commit(self, first: Waiting) -> None:
        done: list[_Done] = [(first, None, None)]  # where no transaction can be opened, this one hears so
        try:
            with self._store.transaction() as tx:
                self._run_batch(tx, done)
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a disk or a database does
            _log.error("commit failed, %d jobs undone: %s", len(done), error)
            for waiting, *_ in done:
                waiting.reply.set_exception(error)
            self.health.failed(error)  # last, for it may look at every page
            return
        self.health.committed(wrote=self._store.wrote)
        self.after()
        for waiting, result, error_of_job in done:  # a crash from here on: committed, and answered to nobody
            self._answer(waiting, result, error_of_job)

    def _run_batch(self, tx: Tx, done: list[_Done]) -> None:
        """`done` ends with the job that runs: so the one that breaks the batch hears of it."""
        ends = time.monotonic() + _BATCH_SECONDS
        while True:
            waiting = done[-1][0]
            self.first(tx)
            done[-1] = (waiting, *self._attempt(tx, waiting.job))
            if waiting.closes or time.monotonic() >= ends or (following := self._next()) is None:
                return
            done.append((following, None, None))

    def _next(self) -> Waiting | None:
        """The next job whose caller still waits: what was cancelled in the queue costs nothing."""
        try:
            while (waiting := self._queue.get_nowait()) is not None:
                if waiting.reply.set_running_or_notify_cancel():
                    return waiting
            self._queue.put(None)  # the end, which is for `_loop`
        except Empty:
            pass
        return None

    def _answer(self, waiting: Waiting, result: Any, error: BaseException | None) -> None:
        if error is not None:
            waiting.reply.set_exception(error)
            return
        try:
            if waiting.after is not None:
                waiting.after(result)
        except Exception as failure:  # noqa: BLE001 - the commit stands, and this thread must go on
            _log.error("after a commit: %s", type(failure).__name__)
        waiting.reply.set_result(result)

    def _attempt(self, tx: Tx, job: Job) -> tuple[Any, BaseException | None]:
        """A savepoint costs some microseconds a job; without it, one that raises would undo all that the others did."""
        try:
            with self._store.savepoint():
                return job(tx), None
        except (StoreError, sqlite3.OperationalError):  # the database's trouble is nobody's private error
            raise
        except Exception as error:
            if is_damage(error):
                raise
            return None, error

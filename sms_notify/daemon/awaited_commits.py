"""Coroutines that wait for commits: however many of them one batch answers, their event loop is woken once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from sms_notify.store.committer import Committer, Waiting
from sms_notify.store.tx import Tx

T = TypeVar("T")


class AwaitedCommits:
    """The committing thread, for the coroutines of one event loop.

    A `concurrent.futures.Future` for each job would cost two locks, a chain of call-backs and a wake-up, 10 us in all.
    """

    def __init__(self, committer: Committer) -> None:
        self._committer = committer
        self._answers: deque[tuple[LoopReply, Any, BaseException | None]] = deque()
        self._woken = False

    def __call__(self, job: Callable[[Tx], T], after: Callable[[T], None] | None = None) -> asyncio.Future[T]:
        """As `Committer.submit`; who cancels the future before the job's turn has it not run."""
        reply = self.reply()
        self._committer.put(Waiting(job, reply, after))
        return reply.future

    def reply(self) -> LoopReply:
        """A future of the running loop that any thread may answer."""
        return LoopReply(self, asyncio.get_running_loop())

    def send(self, reply: LoopReply, result: Any, error: BaseException | None) -> None:
        """On any thread."""
        self._answers.append((reply, result, error))
        if self._woken:
            return
        self._woken = True
        try:
            reply.future.get_loop().call_soon_threadsafe(self._hand_out)
        except RuntimeError:
            """The loop has ended, and with it whoever asked."""

    def _hand_out(self) -> None:
        self._woken = False  # first: an answer that comes from here on wakes the loop again
        while self._answers:
            reply, result, error = self._answers.popleft()
            reply.settle(result, error)


class LoopReply:
    """A future of the event loop, settled on it alone."""

    __slots__ = ("_commits", "future")

    def __init__(self, commits: AwaitedCommits, loop: asyncio.AbstractEventLoop) -> None:
        self._commits = commits
        self.future: asyncio.Future[Any] = loop.create_future()

    def set_running_or_notify_cancel(self) -> bool:
        return not self.future.cancelled()

    def set_result(self, result: Any, /) -> None:
        self._commits.send(self, result, None)

    def set_exception(self, exception: BaseException, /) -> None:
        self._commits.send(self, None, exception)

    def settle(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():  # whoever asked has given up
            return
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(result)

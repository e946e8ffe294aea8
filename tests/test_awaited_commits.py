"""Coroutines that wait for commits: what they hear, and that a batch wakes their loop once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from stores import a_store

from sms_notify.daemon.awaited_commits import AwaitedCommits
from sms_notify.errors import StoreError
from sms_notify.store.committer import Committer


@pytest.fixture
def committer(tmp_path: Path) -> Iterator[Committer]:
    running = Committer(a_store(tmp_path / "sms.db"))
    running.start()
    yield running
    running.stop()


@contextmanager
def held(committer: Committer) -> Iterator[None]:
    """What is asked for in the block waits until its end, so that one batch takes all of it."""
    begun, go = threading.Event(), threading.Event()
    committer.submit(lambda _: (begun.set(), go.wait(10)))
    assert begun.wait(10)
    try:
        yield
    finally:
        go.set()


class Woken(asyncio.SelectorEventLoop):
    """A loop that counts how often another thread wakes it."""

    times = 0

    def call_soon_threadsafe(self, callback: Callable[..., Any], *args: Any, **more: Any) -> asyncio.Handle:
        self.times += 1
        return super().call_soon_threadsafe(callback, *args, **more)


def test_each_coroutine_hears_its_own_answer_and_a_batch_wakes_the_loop_once(committer: Committer) -> None:
    def fails(_: object) -> None:
        raise ValueError("no")

    async def ask() -> tuple[list[Any], int]:
        committed, after = AwaitedCommits(committer), []
        with held(committer):
            asked = [committed(lambda _, n=n: n, after.append) for n in range(20)]
            asked.append(committed(fails))
        committer.submit(lambda _: None).result(10)  # so long the loop does not run in between
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert after == list(range(20))
        return answers, asyncio.get_running_loop().times

    with asyncio.Runner(loop_factory=Woken) as runner:
        answers, times = runner.run(ask())

    assert answers[:20] == list(range(20))
    assert isinstance(answers[20], ValueError)
    assert times == 1


def test_a_job_is_not_run_for_a_coroutine_that_gave_up(committer: Committer) -> None:
    ran: list[str] = []

    async def ask() -> None:
        committed = AwaitedCommits(committer)
        with held(committer):
            given_up = committed(lambda _: ran.append("late"))
            given_up.cancel()
        await committed(lambda _: ran.append("next"))

    asyncio.run(ask())

    assert ran == ["next"]


def test_who_gives_up_while_the_job_runs_stops_nobody_elses_answer(committer: Committer) -> None:
    async def ask() -> str:
        committed, begun, go = AwaitedCommits(committer), threading.Event(), threading.Event()
        given_up = committed(lambda _: (begun.set(), go.wait(10)))
        other = committed(lambda _: "other")
        await asyncio.to_thread(begun.wait, 10)
        given_up.cancel()
        go.set()
        return await other

    assert asyncio.run(ask()) == "other"


def test_the_committing_thread_outlives_a_loop_that_has_ended(committer: Committer) -> None:
    async def ask() -> None:
        AwaitedCommits(committer)(lambda _: (begun.set(), go.wait(10)))
        await asyncio.to_thread(begun.wait, 10)

    begun, go = threading.Event(), threading.Event()
    asyncio.run(ask())
    go.set()

    assert committer(lambda _: "alive") == "alive"


def test_a_stopped_committer_tells_a_coroutine_so(committer: Committer) -> None:
    async def ask() -> None:
        with pytest.raises(StoreError, match="stopping"):
            await AwaitedCommits(committer)(lambda _: None)

    committer.stop()

    asyncio.run(ask())

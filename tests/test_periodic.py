"""What is done again and again: how long it pauses, and what ends a pause."""

from __future__ import annotations

import threading

from daemons import eventually

from sms_notify.daemon.periodic import Every

A_MINUTE = 60.0


def test_a_wake_ends_the_pause() -> None:
    done: list[int] = []
    loop = Every("test", A_MINUTE, lambda: done.append(1))
    loop.start()
    assert eventually(lambda: len(done) == 1)
    loop.wake()
    assert eventually(lambda: len(done) == 2)
    loop.stop(A_MINUTE)


def test_a_wake_during_a_step_leads_to_another_one() -> None:
    begun, go, done = threading.Event(), threading.Event(), []

    def step() -> None:
        begun.set()
        go.wait(A_MINUTE)
        done.append(1)

    loop = Every("test", A_MINUTE, step)
    loop.start()
    assert begun.wait(A_MINUTE)
    loop.wake()
    go.set()
    assert eventually(lambda: len(done) == 2)
    loop.stop(A_MINUTE)


def test_a_stop_ends_the_pause_and_the_last_thing_is_done_once() -> None:
    done: list[str] = []
    loop = Every("test", A_MINUTE, lambda: done.append("step"), lambda: done.append("last"))
    loop.start()
    assert eventually(lambda: done == ["step"])
    loop.stop(A_MINUTE)
    assert not loop.running
    assert done == ["step", "last"]

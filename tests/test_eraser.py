"""The daemon erases once a day what `keep` says is too old, and makes nobody else wait."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from large_store import fill
from workbench import NOON, VirtualClock

from sms_notify.daemon.eraser import Eraser
from sms_notify.daemon.event_log import forgotten
from sms_notify.daemon.leadership import Leadership
from sms_notify.policy.retention import STANDARD, Keep
from sms_notify.store import forgetting
from sms_notify.store.committer import Committer
from sms_notify.store.conversion import copy_of
from sms_notify.store.sqlite import SqliteStore

DAY = 86400.0


@dataclass
class Running:
    """An eraser over a real committer and store. `uptime` is in seconds."""

    store: SqliteStore
    committer: Committer
    clock: VirtualClock
    uptime: float = 0.0

    def eraser(self, keep: object = STANDARD) -> Eraser:
        tools = SimpleNamespace(
            store=self.store,
            committer=self.committer,
            clock=self.clock,
            node="node",
            leadership=Leadership(self.committer, "node", self.clock, shared=False),
            settings=lambda: SimpleNamespace(keep=keep),
        )
        return Eraser(tools, lambda: self.uptime)

    def count(self, table: str) -> int:
        with self.store.reading() as tx:
            row = tx.one(f"select count(*) as n from {table}")
        assert row is not None
        return int(row["n"])


def running_with(folder: Path, rows: int) -> Iterator[Running]:
    store = SqliteStore(f"sqlite://{folder}/x.db")
    with store.transaction() as tx:
        tx.one("select 1")
    fill(store, NOON, rows)
    committer = Committer(store)
    committer.start()
    yield Running(store, committer, VirtualClock())
    committer.stop()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    yield from running_with(tmp_path, 3_000)


def whole_run(running: Running, eraser: Eraser) -> int:
    """Steps until it wants to rest for long; their number."""
    steps = 1
    while eraser.step() < 60.0:
        steps += 1
    return steps


def test_the_first_run_comes_an_hour_after_the_start_and_then_one_a_day(running: Running) -> None:
    eraser = running.eraser()
    running.clock.move(days=500)
    before = running.count("messages")
    for running.uptime in (0.0, 1800.0, 3599.0):
        assert eraser.step() == 60.0
    assert running.count("messages") == before
    running.uptime = 3600.0
    whole_run(running, eraser)
    left = running.count("messages")
    assert left < before
    fill_again = "update messages set created_at = 0, updated_at = 0, state = 'delivered'"
    running.committer(lambda tx: tx.run(fill_again))
    running.uptime = DAY
    assert whole_run(running, eraser) == 1
    assert running.count("messages") == left
    running.uptime = 3600.0 + DAY
    whole_run(running, eraser)
    assert running.count("messages") < left


def test_a_run_is_one_line_in_the_log_and_none_where_nothing_was_too_old(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    eraser = running.eraser()
    running.uptime = 3600.0
    whole_run(running, eraser)
    assert caplog.records == []
    running.clock.move(days=500)
    running.uptime += DAY
    assert whole_run(running, eraser) > 10
    [line] = caplog.records
    assert (line.message, line.texts > 0, line.rows > 0) == ("erased what is too old", True, True)


def test_a_run_removes_the_copies_of_the_database_that_are_too_old(running: Running) -> None:
    copy = copy_of(running.store.path, 3)
    copy.touch()
    os.utime(copy, (NOON.timestamp(), NOON.timestamp()))
    eraser = running.eraser(Keep(texts=timedelta(days=7)))
    for days, stays in ((6, True), (2, False)):
        running.clock.move(days=days)
        running.uptime += DAY
        whole_run(running, eraser)
        assert copy.exists() is stays


def test_a_reload_within_a_run_is_obeyed_at_once(running: Running) -> None:
    running.clock.move(days=500)
    keep = SimpleNamespace(texts=timedelta(days=90), ledger=timedelta(days=400))
    eraser = running.eraser(keep)
    running.uptime = 3600.0
    eraser.step()
    keep.texts = keep.ledger = None
    before = running.count("messages")
    whole_run(running, eraser)
    assert running.count("messages") == before


def test_a_person_that_a_command_has_erased_stands_in_the_log(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    eraser = running.eraser()
    eraser.step()
    running.committer(
        lambda tx: forgetting.note(tx, "by alice (command): bob, 3 texts", "node/17", running.clock())
    )
    eraser.step()
    eraser.step()
    assert [line.message for line in caplog.records] == ["forgotten by alice (command): bob, 3 texts"]
    forgotten("two\nlines")
    assert "\n" not in caplog.records[-1].message


def test_nobody_waits_for_a_run_through_ten_thousand_old_messages(tmp_path: Path) -> None:
    """Each commit beside it takes as long as its own sync, and one step of the run more at most."""
    for running in running_with(tmp_path, 10_000):
        running.clock.move(days=500)
        eraser = running.eraser(replace(STANDARD, ledger=timedelta(days=400)))
        running.uptime = 3600.0
        over = threading.Event()
        waits: list[float] = []

        def others(
            running: Running = running, over: threading.Event = over, waits: list[float] = waits
        ) -> None:
            while not over.is_set():
                begun = time.monotonic()
                running.committer(lambda tx: tx.run("insert into disarmed (since) values (1)"))
                waits.append(time.monotonic() - begun)

        thread = threading.Thread(target=others)
        thread.start()
        steps = whole_run(running, eraser)
        over.set()
        thread.join()
        assert steps > 300
        assert len(waits) > steps / 4
        assert sorted(waits)[len(waits) // 2] < 0.1, "half of all commits; a busy machine may make one slow"

"""Erasing where something goes wrong: two at once, killed within it, and reports of what is not there any more."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemons import eventually
from large_store import fill
from test_cli_deciding import Site, said, site_of
from workbench import NOON, Bench, firing

from sms_notify.delivery.reports import apply
from sms_notify.gateways.base import Report
from sms_notify.policy.outcomes import DeliveryStatus
from sms_notify.policy.retention import STANDARD, ErasedPart, Keep, cuts
from sms_notify.policy.vocabulary import Applied, Cause, State
from sms_notify.store import month_accounts
from sms_notify.store.erasure import Erasure
from sms_notify.store.sqlite import SqliteStore

LATER = NOON + timedelta(days=500)
_TABLES = ("incidents", "alerts", "messages", "pages", "attempts", "ledger", "decisions", "month_accounts")


def contents(store: SqliteStore) -> list[str]:
    with store.reading() as tx:
        return [f"{table} {tuple(row)}" for table in _TABLES for row in tx.all(f"select * from {table}")]


def a_past(folder: Path, rows: int = 1_000) -> SqliteStore:
    folder.mkdir()
    store = SqliteStore(f"sqlite://{folder}/x.db")
    fill(store, NOON, rows)
    return store


def run(store: SqliteStore) -> Counter[tuple[ErasedPart, str]]:
    erasing, due, found = Erasure(), cuts(STANDARD, LATER), Counter[tuple[ErasedPart, str]]()
    while True:
        with store.transaction() as tx:
            done = erasing.step(tx, due)
        if done is None:
            return found
        found[done.part, done.table] += done.rows


def test_two_runs_at_once_erase_what_one_erases_and_count_each_row_once(tmp_path: Path) -> None:
    alone, shared = a_past(tmp_path / "alone"), a_past(tmp_path / "shared")
    expected = run(alone)
    found: list[Counter[tuple[ErasedPart, str]]] = []

    def one_of_two() -> None:
        mine = SqliteStore(f"sqlite://{shared.path}")
        found.append(run(mine))
        mine.close()

    both = [threading.Thread(target=one_of_two) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert found[0] + found[1] == expected
    assert contents(shared) == contents(alone)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = site_of(tmp_path, storage=f"sqlite://{tmp_path}/data/sms.db")
    yield made
    made.store.close()


def test_a_purge_that_is_killed_leaves_a_sound_database_and_the_next_finishes_it(site: Site) -> None:
    fill(site.store, datetime.now(UTC) - timedelta(days=450), 2_000)
    months = {f"{datetime.now(UTC) - timedelta(days=days):%Y-%m}" for days in range(440, 460)}

    def spent() -> list[object]:
        with site.store.reading() as tx:
            return [month_accounts.of_month(tx, month) for month in sorted(months)]

    def messages() -> int:
        return len(site.rows("select id from messages"))

    before, rows = spent(), messages()
    for _ in range(3):
        left = messages()
        command = [sys.executable, "-m", "sms_notify", "--config", str(site.config), "db", "purge"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert eventually(lambda left=left: messages() < left, 60)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert spent() == before
        assert "sound" in said(site.run("db", "check"))
    assert 300 < messages() < rows, "each was killed within its work"
    said(site.run("db", "purge"))
    assert "the rows of nothing" in said(site.run("db", "purge", "--dry-run"))
    assert spent() == before


def test_a_report_that_comes_after_its_text_was_erased_changes_nothing(bench: Bench) -> None:
    for name in ("A", "B"):
        bench.accept(firing(name, team="dba"))
        bench.tick()
    bench.commit(lambda tx: tx.run("update incidents set closed_at = 1, state = 'resolved'"))
    bench.commit(lambda tx: tx.run("update messages set state = 'unknown_final', smsid = 'sms' || id"))
    erasing, due = Erasure(), cuts(Keep(), bench.clock.move(days=500))
    while bench.commit(lambda tx: erasing.step(tx, due)) is not None:
        pass
    before = bench.rows("select * from messages")
    assert [row["id"] for row in before] == [2]
    late = Report("sms1", DeliveryStatus.DELIVERED, bench.clock())
    done = bench.commit(lambda tx: apply(tx, "main", late, Cause.CALLBACK, "node", bench.clock()))
    assert done.applied is Applied.UNKNOWN_ID
    assert bench.rows("select * from messages") == before
    known = Report("sms2", DeliveryStatus.DELIVERED, bench.clock())
    done = bench.commit(lambda tx: apply(tx, "main", known, Cause.CALLBACK, "node", bench.clock()))
    assert done.state is State.DELIVERED
    assert bench.rows("select body from messages") == [{"body": "erased (keep.texts)"}]
    bench.tick()


def test_a_row_of_a_clock_that_was_ahead_holds_up_nothing_behind_it(tmp_path: Path) -> None:
    store = a_past(tmp_path / "here", 2_000)
    with store.transaction() as tx:
        tx.run(
            "update messages set created_at = created_at + :year where id between 300 and 900", year=10**15
        )
    run(store)
    with store.reading() as tx:
        row = tx.one(
            "select count(*) as n from messages where state = 'delivered' and id not between 300 and 900"
        )
    assert row is not None
    assert row["n"] == 0
    store.close()

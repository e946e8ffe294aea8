"""The durable middle: what a commit promises, who may write, and what one failing job costs the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from stores import a_store

from sms_notify.errors import StoreError
from sms_notify.store.committer import Committer
from sms_notify.store.database import Database
from sms_notify.store.tx import Tx


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    opened = a_store(tmp_path / "sms.db")
    with opened.transaction():
        pass  # makes the tables
    yield opened
    opened.close()


@pytest.fixture
def committer(store: Database) -> Iterator[Committer]:
    running = Committer(store)
    running.start()
    yield running
    running.stop()


def put(tx, key: str) -> str:
    tx.run(
        "insert into alerts (received_at, node, source, fingerprint, status, reason, group_key)"
        " values (0, 'n', 's', :key, 'firing', 'first', '')",
        key=key,
    )
    return key


def kept(store: Database) -> list[str]:
    with store.reading() as tx:
        return [row["fingerprint"] for row in tx.all("select fingerprint from alerts order by id")]


def test_a_transaction_that_raises_leaves_nothing(store: Database) -> None:
    def half() -> None:
        with store.transaction() as tx:
            put(tx, "a")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert kept(store) == []


def test_readers_see_one_moment_while_the_writer_goes_on(store: Database) -> None:
    with store.transaction() as tx:
        put(tx, "a")
    with store.reading() as reader:
        assert reader.one("select count(*) as n from alerts")["n"] == 1
        with store.transaction() as tx:
            put(tx, "b")
        assert reader.one("select count(*) as n from alerts")["n"] == 1


def test_jobs_that_wait_together_are_committed_together(store: Database, committer: Committer) -> None:
    begun, go, commits = threading.Event(), threading.Event(), []
    blocker = committer.submit(lambda _: (begun.set(), go.wait(10)))
    assert begun.wait(10)
    futures = [committer.submit(lambda tx, n=n: put(tx, f"job{n}"), after=commits.append) for n in range(50)]
    go.set()

    assert [future.result(10) for future in futures] == [f"job{n}" for n in range(50)]
    assert blocker.result(10)
    assert kept(store) == [f"job{n}" for n in range(50)]
    committer(lambda _: None)
    assert commits == [f"job{n}" for n in range(50)]


def test_no_job_runs_between_one_that_closes_its_batch_and_what_follows_its_commit(
    store: Database, committer: Committer
) -> None:
    begun, go = threading.Event(), threading.Event()
    order: list[str] = []
    committer.submit(lambda _: (begun.set(), go.wait(10)))
    assert begun.wait(10)
    committer.submit(lambda _: order.append("before"))

    def closing(tx: Tx) -> None:
        put(tx, "closing")
        order.append("closing")

    def exchange(_: None) -> None:
        with store.reading() as tx:
            order.append(f"after the commit of {tx.all('select count(*) as n from alerts')[0]['n']}")

    closed = committer.submit(closing, exchange, closes=True)
    behind = committer.submit(lambda _: order.append("behind"))
    go.set()
    closed.result(10)

    assert order[:3] == ["before", "closing", "after the commit of 1"]
    behind.result(10)
    assert order[3:] == ["behind"]


def test_what_follows_a_commit_does_not_follow_one_that_failed(store: Database, committer: Committer) -> None:
    exchanged: list[None] = []

    def fails(_: Tx) -> None:
        raise StoreError("disk I/O error")

    with pytest.raises(StoreError):
        committer.submit(fails, exchanged.append, closes=True).result(10)

    committer(lambda _: None)
    assert exchanged == []


def test_a_job_that_raises_is_undone_alone(store: Database, committer: Committer) -> None:
    def half(tx) -> None:
        put(tx, "half")
        raise ValueError("no")

    begun, go = threading.Event(), threading.Event()
    committer.submit(lambda _: (begun.set(), go.wait(10)))
    assert begun.wait(10)
    good, bad, also = (
        committer.submit(lambda tx: put(tx, "a")),
        committer.submit(half),
        committer.submit(lambda tx: put(tx, "b")),
    )
    go.set()

    assert (good.result(10), also.result(10)) == ("a", "b")
    with pytest.raises(ValueError, match="no"):
        bad.result(10)
    assert kept(store) == ["a", "b"]


def test_a_job_whose_caller_gave_up_is_not_run(store: Database, committer: Committer) -> None:
    begun, go = threading.Event(), threading.Event()
    committer.submit(lambda _: (begun.set(), go.wait(10)))
    assert begun.wait(10)
    given_up = committer.submit(lambda tx: put(tx, "late"))
    assert given_up.cancel()
    go.set()

    committer(lambda tx: put(tx, "next"))
    assert kept(store) == ["next"]


def test_a_stopped_committer_finishes_what_waits_and_takes_nothing_more(store: Database) -> None:
    committer = Committer(store)
    waiting = [committer.submit(lambda tx, n=n: put(tx, str(n))) for n in range(10)]
    committer.start()
    committer.stop()

    assert [future.result(0) for future in waiting] == [str(n) for n in range(10)]
    with pytest.raises(StoreError, match="stopping"):
        committer.submit(lambda _: None).result(1)

"""A file as the store: where it may lie, whose it is, how it is synced, and which indexes find what is due."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_store import kept, put
from workbench import NOON, Bench, firing

from sms_notify.errors import StoreError
from sms_notify.store.committer import Committer
from sms_notify.store.schema import MIGRATIONS
from sms_notify.store.sqlite import SqliteStore, path_of

pytestmark = pytest.mark.sqlite


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(f"sqlite://{tmp_path}/deep/down/sms.db")
    yield opened
    opened.close()


@pytest.fixture
def committer(store: SqliteStore) -> Iterator[Committer]:
    running = Committer(store)
    running.start()
    yield running
    running.stop()


def test_a_place_where_no_database_can_be_is_an_error_that_names_the_key_to_change(tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()

    with pytest.raises(StoreError, match=r"name another file in the configuration: `storage: sqlite:///…`"):
        SqliteStore(f"sqlite://{tmp_path}/a-file/sms.db").lock()


@pytest.mark.parametrize(
    ("url", "path"),
    [("sqlite:///var/lib/x.db", "/var/lib/x.db"), ("sqlite:////var/lib/x.db", "/var/lib/x.db")],
)
def test_a_storage_url_names_a_file_from_the_root(url: str, path: str) -> None:
    assert path_of(url) == Path(path)


def test_a_database_is_for_its_owner_alone(store: SqliteStore) -> None:
    with store.transaction() as tx:
        put(tx, "a")

    for file in store.path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_every_commit_is_synced_and_the_log_is_written_ahead(store: SqliteStore) -> None:
    with store.transaction() as tx:
        assert (
            tx.one("pragma synchronous")["synchronous"] == 2
        )  # FULL: https://sqlite.org/pragma.html#pragma_synchronous
        assert tx.one("pragma journal_mode")["journal_mode"] == "wal"


def test_a_database_of_a_newer_version_is_left_alone(store: SqliteStore) -> None:
    with store.transaction():
        pass
    store.close()
    connection = sqlite3.connect(store.path)
    connection.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
    connection.close()

    with pytest.raises(StoreError, match="newer sms-notify"), store.transaction():
        pass
    with pytest.raises(StoreError, match="newer sms-notify"), store.reading():
        pass


def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is a text, and a long one, so that SQLite looks at it\n" * 20)

    with (
        pytest.raises(StoreError, match="not a database"),
        SqliteStore(f"sqlite://{tmp_path}/x.db").transaction(),
    ):
        pass


def test_reading_before_there_is_anything_says_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match="there is no database yet"),
        SqliteStore(f"sqlite://{tmp_path}/x.db").reading(),
    ):
        pass


def test_a_second_daemon_is_refused_and_a_dead_ones_lock_is_free(store: SqliteStore) -> None:
    other = SqliteStore(f"sqlite://{store.path}")
    store.lock()
    with pytest.raises(StoreError, match="another sms-notify"):
        other.lock()
    store.unlock()

    other.lock()
    other.unlock()


def test_nothing_is_answered_when_the_commit_fails_and_the_next_one_works_again(
    store: SqliteStore, committer: Committer
) -> None:
    committer(lambda tx: put(tx, "a"))

    def breaks(tx) -> None:  # what a failing disk does: the transaction is gone
        tx._connection.execute("rollback")
        raise sqlite3.OperationalError("disk I/O error")

    begun, go = threading.Event(), threading.Event()
    committer.submit(lambda _: (begun.set(), go.wait(10)))
    assert begun.wait(10)
    futures = [
        committer.submit(lambda tx: put(tx, "lost")),
        committer.submit(breaks),
        committer.submit(lambda tx: put(tx, "too")),
    ]
    go.set()

    for future in futures[:2]:
        with pytest.raises(StoreError):
            future.result(10)
    assert futures[2].result(10) == "too"  # it came after the failure, and its own batch went well
    assert kept(store) == ["a", "too"]


def test_deciding_and_sending_use_indexes_and_never_read_the_whole_history(bench: Bench) -> None:
    """No statement that the engine, the sender or the metrics run may scan messages, ledger or incidents."""
    bench.accept(firing(team="dba"))
    seen: set[str] = set()

    def watch(tx) -> None:
        tx._connection.set_trace_callback(seen.add)
        bench.engine.tick(tx, NOON)
        bench.engine.recover(tx, NOON)
        from sms_notify.store import claims, outbox, queries

        claims.claim(tx, "main", "r", "node", NOON, NOON)
        outbox.due_polls(tx, "main", NOON)
        queries.totals(tx)
        queries.alerts_after(tx, 0, "node")
        tx._connection.set_trace_callback(None)

    bench.commit(watch)
    with bench.store.reading() as tx:
        plans = {sql: [row["detail"] for row in tx.all("explain query plan " + sql)] for sql in seen}
    scans = {
        sql: step
        for sql, steps in plans.items()
        for step in steps
        if step.startswith("SCAN") and "USING" not in step and "CONSTANT" not in step
        # what is broken, in trouble or held back is a handful of rows; the history is not read for it
        if step.split()[1] not in ("breakers", "b", "troubles", "holds", "configured", "watches")
    }

    assert len(seen) > 10
    assert scans == {}

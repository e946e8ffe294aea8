"""A PostgreSQL server as the store: its one writer, its lost connections, what it refuses, and what it never tells."""

from __future__ import annotations

import builtins
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cutting_proxy import CuttingProxy
from postgres_server import PostgresServer
from stores import server
from test_cli_deciding import complaint, site_of
from test_purge_and_forget import an_episode, bodies

from sms_notify.errors import StoreError
from sms_notify.store.committer import Committer
from sms_notify.store.damage import StoreFailure, kind_of
from sms_notify.store.database import Database, open_store
from sms_notify.store.postgres_address import AddressError, address_of
from sms_notify.store.postgres_tx import numbered
from sms_notify.store.schema import MIGRATIONS


@pytest.fixture
def store() -> Iterator[Database]:
    opened = open_store(server().url())
    yield opened
    opened.close()


@pytest.fixture
def own() -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="sms-notify-pg-", dir="/tmp") as folder:
        running = PostgresServer(Path(folder))
        yield running
        running.stop()


def note(store: Database, name: str) -> None:
    with store.transaction() as tx:
        tx.run("insert into balances (gateway, credits, at) values (:name, 1, 1)", name=name)


def noted(store: Database) -> list[str]:
    with store.reading() as tx:
        return [row["gateway"] for row in tx.all("select gateway from balances order by gateway")]


def test_a_new_database_gets_its_tables_with_the_first_transaction() -> None:
    store = open_store(server().empty())
    assert not store.is_there()
    with pytest.raises(StoreError, match=r"no tables yet.*start `sms-notify serve` once"), store.reading():
        pass

    note(store, "main")

    assert store.is_there()
    assert noted(store) == ["main"]


def test_two_that_start_at_once_make_the_tables_once() -> None:
    url, failed = server().empty(), []

    def start() -> None:
        store = open_store(url)
        try:
            note(store, threading.current_thread().name)
        except StoreError as error:
            failed.append(error)
        store.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert failed == []
    assert len(noted(open_store(url))) == 4


def test_a_database_of_a_newer_version_is_left_alone(store: Database) -> None:
    note(store, "main")
    with store.transaction() as tx:
        tx.run("update schema_version set version = :version", version=len(MIGRATIONS) + 1)
    store.close()

    with pytest.raises(StoreError, match="newer sms-notify"), store.transaction():
        pass
    with pytest.raises(StoreError, match="newer sms-notify"), store.reading():
        pass
    [(what, more)] = store.start_faults()
    assert "newer sms-notify" in what
    assert (what.partition(": install ")[2], more) == ("that version on this node too", "")


def test_of_two_writers_the_second_waits_for_the_first(store: Database) -> None:
    other = open_store(server_url(store))
    begun, done, order = threading.Event(), threading.Event(), []

    def second() -> None:
        begun.set()
        note(other, "second")
        order.append("second")
        done.set()

    with store.transaction() as tx:
        thread = threading.Thread(target=second)
        thread.start()
        assert begun.wait(10)
        assert not done.wait(0.3)
        tx.run("insert into balances (gateway, credits, at) values ('first', 1, 1)")
        order.append("first")
    thread.join(10)

    assert order == ["first", "second"]
    other.close()


def server_url(store: Database) -> str:
    return server().url_of(store.name.rpartition("/")[2])


def test_a_statement_that_failed_unseen_makes_the_commit_fail(store: Database) -> None:
    """PostgreSQL answers such a commit with a rollback, and calls that no error."""

    def commit_all_the_same() -> None:
        with store.transaction() as tx:
            tx.run("insert into balances (gateway, credits, at) values ('main', 1, 1)")
            with pytest.raises(psycopg.ProgrammingError):
                tx.run("select nothing_of_this_name")

    with pytest.raises(StoreError, match="nothing of the transaction stays"):
        commit_all_the_same()
    assert noted(store) == []


def test_what_a_statement_refused_does_not_quote_the_row(store: Database) -> None:
    def twice() -> None:
        with store.transaction() as tx:
            for _ in range(2):
                tx.run("insert into balances (gateway, credits, at) values ('+32470000001', 1, 1)")

    with pytest.raises(StoreError, match="duplicate key") as refused:
        twice()
    assert "+32470000001" not in f"{refused.value} {refused.value.__cause__}"


def test_a_job_that_breaks_a_rule_of_the_database_is_undone_alone(store: Database) -> None:
    committer = Committer(store)
    committer.start()
    sql = "insert into balances (gateway, credits, at) values (:name, 1, 1)"
    committer(lambda tx: tx.run(sql, name="a"))
    with pytest.raises(psycopg.IntegrityError):
        committer(lambda tx: tx.run(sql, name="a"))
    committer(lambda tx: tx.run(sql, name="b"))
    committer.stop()

    assert noted(store) == ["a", "b"]


def test_a_server_that_crashed_and_came_back_is_written_to_and_read_again(own: PostgresServer) -> None:
    store = open_store(own.url(socket=False))
    note(store, "before")
    assert noted(store) == ["before"]

    own.stop(signal.SIGQUIT)
    with pytest.raises(StoreError, match="PostgreSQL cannot be reached") as refused:
        note(store, "meanwhile")
    assert kind_of(refused.value) is StoreFailure.UNREACHABLE
    with pytest.raises(StoreError, match="PostgreSQL cannot be reached"):
        noted(store)
    own.start()

    note(store, "after")
    assert noted(store) == ["after", "before"]


def test_a_connection_that_dies_in_a_transaction_fails_it_and_the_next_one_works(own: PostgresServer) -> None:
    store = open_store(own.url())
    note(store, "before")

    def dies() -> None:
        with store.transaction() as tx:
            tx.run("insert into balances (gateway, credits, at) values ('lost', 1, 1)")
            own.stop(signal.SIGQUIT)
            own.start()

    with pytest.raises(StoreError):
        dies()
    note(store, "after")
    assert noted(store) == ["after", "before"]


def test_a_connection_that_died_while_nothing_was_done_costs_no_transaction(store: Database) -> None:
    note(store, "before")
    server().admin("select pg_terminate_backend(pid) from pg_stat_activity where datname like 'test%'")

    note(store, "after")

    assert noted(store) == ["after", "before"]


def test_a_server_that_commits_before_it_has_written_is_refused() -> None:
    url = server().url()
    name = open_store(url).name.rpartition("/")[2]
    server().admin(f"alter database {name} set synchronous_commit = off")

    with pytest.raises(StoreError, match=r"acknowledges before it has written.*alter database"):
        note(open_store(url), "main")


def test_a_lock_that_is_held_too_long_is_a_failure_of_its_own(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sms_notify.store import postgres

    note(store, "main")
    other = open_store(server_url(store))
    monkeypatch.setattr(postgres, "_BEGIN", postgres._BEGIN.replace("'5s'", "'50ms'"))

    with store.transaction(), pytest.raises(StoreError, match="held PostgreSQL's lock") as refused:
        note(other, "second")

    assert kind_of(refused.value) is StoreFailure.LOCKED
    other.close()


def test_a_commit_whose_answer_is_lost_is_told_as_one_that_perhaps_was_made() -> None:
    proxy = CuttingProxy(server().port)
    name = open_store(server().url()).name.rpartition("/")[2]
    store = open_store(f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}")
    note(store, "before")
    proxy.next_unanswered = 1
    with pytest.raises(StoreError, match="perhaps it has written") as lost:
        note(store, "unheard")
    note(store, "after")

    assert kind_of(lost.value) is StoreFailure.UNREACHABLE
    assert noted(store) == ["after", "before", "unheard"]
    store.close()
    proxy.stop()


def test_whether_a_daemon_serves_is_seen_from_anywhere(store: Database) -> None:
    other = open_store(server_url(store))
    assert not other.served()
    store.lock()
    note(store, "main")
    assert other.served()
    store.close()
    assert not other.served()


def test_what_only_postgresql_can_do_is_refused_with_its_program(store: Database, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="pg_dump"):
        store.backup(tmp_path / "copy")
    with pytest.raises(StoreError, match="pg_amcheck"):
        store.problems()
    with pytest.raises(StoreError, match="vacuum full"):
        store.vacuum()


def test_a_purge_that_is_to_make_files_smaller_is_refused_before_it_erases(tmp_path: Path) -> None:
    site = site_of(tmp_path, storage=server().url())
    an_episode(site, timedelta(days=100))
    assert "vacuum full" in complaint(site.run("db", "purge", "--vacuum"))
    assert not any("erased" in body for body in bodies(site))
    site.store.close()


def test_size_and_version_follow_what_is_written(store: Database) -> None:
    note(store, "a")
    before = store.version()
    assert store.version() == before
    note(store, "b")
    assert store.version() != before
    assert store.size > 1_000_000


def test_texts_compare_byte_by_byte_as_in_sqlite(store: Database) -> None:
    for name in ("b", "B", "é", "a", "_"):
        note(store, name)

    assert noted(store) == ["B", "_", "a", "b", "é"]


def test_truth_and_sums_are_ints_as_in_sqlite(store: Database) -> None:
    note(store, "main")
    with store.reading() as tx:
        row = tx.one("select sum(credits) as total, sum(at) = 1 as one, sum(at) > 5 as later from balances")

    assert [(type(value), value) for value in dict(row or {}).values()] == [(int, 1), (int, 1), (int, 0)]


def test_parameters_are_numbered_and_texts_and_casts_left_alone() -> None:
    sql = "select ':no', a::text, '%' from t where a = :a and b = :b or c = :a -- :not"
    assert numbered(sql) == (
        b"select ':no', a::text, '%' from t where a = $1 and b = $2 or c = $1 -- :not",
        ("a", "b"),
    )
    assert numbered("insert into t (a, b) values (?, ?)")[0] == b"insert into t (a, b) values ($1, $2)"


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("postgresql://sms:canary@db/sms", "holds a password"),
        ("postgresql://sms@db/sms?password=canary", "holds a password"),
        ("postgresql://sms@db/sms?scram_client_key=canary", "holds a password"),
        ("postgresql://sms:ca/canary@db/sms", "holds a password"),
        ("postgresql://sms:ca/canary?x=1@db/sms", "holds a password"),
        ("postgresql://sms:ca/canary#x@db/sms", "holds a password"),
        ("postgresql://db", "names no database"),
        ("postgresql://db/sms?prepare_threshold=often", "not a number"),
    ],
)
def test_an_address_that_cannot_be_taken_is_said_without_quoting_it(url: str, what: str) -> None:
    with pytest.raises(AddressError, match=what) as refused:
        address_of(url)
    assert "canary" not in str(refused.value)


def test_an_address_may_name_several_hosts_options_of_libpq_and_a_pooler() -> None:
    found = address_of("postgresql://sms@a:5432,b/sms?target_session_attrs=read-write&prepare_threshold=none")

    assert found.prepare_threshold is None
    assert found.name == "postgresql://sms@a:5432,b/sms"
    assert "target_session_attrs=read-write" in found.conninfo
    assert "prepare_threshold" not in found.conninfo


def test_without_psycopg_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    def none(name: str, *rest: object) -> object:
        if name.startswith("psycopg"):
            raise ImportError("No module named 'psycopg'")
        return real(name, *rest)  # type: ignore[arg-type]

    real = builtins.__import__
    monkeypatch.delitem(sys.modules, "sms_notify.store.postgres")
    monkeypatch.setattr(builtins, "__import__", none)

    with pytest.raises(StoreError, match=r"pip install 'sms-notify\[postgres\]'"):
        open_store("postgresql://db/sms")


def test_another_node_hears_with_the_commit_that_there_is_something_to_send() -> None:
    url = server().url()
    first, second = open_store(url), open_store(url)
    assert first.heard(0.01)  # it begins to listen, and may have missed something before
    assert second.heard(0.01)
    note(first, "nothing to send")
    assert not second.heard(0.01)
    with first.transaction() as tx:
        tx.wake_others()
    assert second.heard(20)
    assert not first.heard(0.01)  # it knows
    for opened in (first, second):
        opened.close()


def test_a_listener_that_was_cut_listens_again_and_may_have_missed_something(own: PostgresServer) -> None:
    store = open_store(own.empty())
    assert store.heard(0.01)
    own.stop(signal.SIGQUIT)
    assert not store.heard(0.01)
    own.start()
    assert store.heard(0.01)
    store.close()


def test_a_transaction_goes_by_the_clock_of_the_server(store: Database) -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    clock = store.clock(lambda: long_ago)
    assert clock() == long_ago
    note(store, "x")
    assert abs(clock() - datetime.now(UTC)) < timedelta(minutes=1)


def test_writer_and_reader_refuse_what_another_node_has_converted_meanwhile(store: Database) -> None:
    note(store, "before")
    assert noted(store)  # by a connection that is kept
    with store.transaction() as tx:
        tx.run("update schema_version set version = version + 1")
    newer = "a newer sms-notify has converted the database"
    with pytest.raises(StoreError, match=newer):
        note(store, "after")
    for _ in range(2):
        with pytest.raises(StoreError, match=newer):
            noted(store)


def test_a_standby_takes_no_writes_and_says_so() -> None:
    url = server().url()
    name = url.partition("@/")[2].partition("?")[0]
    server().admin(f"alter database {name} set default_transaction_read_only = on")
    store = open_store(url)
    with pytest.raises(StoreError, match="it is a standby"):
        note(store, "x")
    store.close()

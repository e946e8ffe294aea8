"""What stands between a node and PostgreSQL does to it what it says."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest
from cutting_proxy import CuttingProxy
from daemons import eventually
from stores import server


@pytest.fixture
def proxy() -> Iterator[CuttingProxy]:
    running = CuttingProxy(server().port, unanswered=0, seed=1)
    yield running
    running.stop()


def through(proxy: CuttingProxy, name: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}", autocommit=True)


def test_a_commit_is_made_and_never_answered(proxy: CuttingProxy) -> None:
    name = server().url(socket=False).rpartition("/")[2]
    with through(proxy, name) as connection:
        connection.execute("create table seen (n integer)")
        connection.execute("begin")
        connection.execute("insert into seen values (1)")
        proxy.unanswered = 1
        with pytest.raises(psycopg.OperationalError):
            connection.execute("commit")
    with psycopg.connect(server().url_of(name)) as beside:
        assert beside.execute("select n from seen").fetchall() == [(1,)]
    assert proxy.commits_cut == 1


def test_all_connections_are_cut_and_new_ones_pass(proxy: CuttingProxy) -> None:
    with through(proxy) as first, through(proxy) as second:
        assert first.execute("select 1").fetchall() == second.execute("select 1").fetchall()
        proxy.cut()
        for connection in (first, second):
            with pytest.raises(psycopg.OperationalError):
                connection.execute("select 1")
    with through(proxy) as after:
        assert after.execute("select repeat('x', 300000)").fetchone() == ("x" * 300_000,)


def test_in_a_partition_nothing_passes_and_nothing_is_lost(proxy: CuttingProxy) -> None:
    answers: list[object] = []
    with through(proxy) as connection:
        proxy.passing.clear()
        asking = threading.Thread(target=lambda: answers.append(connection.execute("select 7").fetchone()))
        asking.start()
        with psycopg.connect(server().url_of("postgres")) as beside:  # others are served meanwhile
            beside.execute("select 1")
        assert not eventually(lambda: bool(answers), timeout=0.3)
        proxy.passing.set()
        asking.join(20)
    assert answers == [(7,)]

"""`migrate-store`: a whole database goes into another one of either kind, whatever ends the copy on its way."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from hashlib import sha256
from itertools import chain
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from full_queue import everything_waits, go_on
from stores import Chosen, Kind, server, url_of

from sms_notify.cli.tree import group
from sms_notify.errors import StoreError
from sms_notify.store.conversion import NEWEST
from sms_notify.store.database import Database, open_store
from sms_notify.store.table_bounds import BOUNDS
from sms_notify.store.table_shapes import shapes
from sms_notify.store.whole_copy import TableSum, copy_whole, rows_in, sum_of

DRIVER = Path(__file__).parent / "migrate_driver.py"
KINDS = (Kind.SQLITE, Kind.POSTGRES)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in which everything that can wait waits."""
    Chosen.kind, before = Kind.SQLITE, Chosen.kind
    path = everything_waits(tmp_path_factory.mktemp("full"))
    Chosen.kind = before
    return path


@pytest.fixture
def source(full: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(full, tmp_path / "source.db"))


def new(kind: Kind, folder: Path) -> str:
    """A database that has nothing."""
    return server().empty() if kind is Kind.POSTGRES else f"sqlite://{folder / 'new.db'}"


def migrate(*words: str) -> Result:
    return CliRunner().invoke(group, ["migrate-store", *words])


def done(ran: Result) -> str:
    assert ran.exit_code == 0, f"{ran.output}{ran.exception!r}"
    return ran.output


def refused(ran: Result) -> str:
    assert ran.exit_code == 1
    return str(ran.exception)


def copied(source: str, target: str) -> None:
    copy_whole(open_store(source), open_store(target), lambda _: None)


def sums(url: str) -> dict[str, TableSum]:
    store = open_store(url)
    with store.reading() as tx:
        found = {shape.name: sum_of(tx, shape) for shape in shapes()}
    store.close()
    return found


def rows_of_file(path: Path) -> list[str]:
    """In SQLite's own words, which know neither our tables nor our sums."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma user_version").fetchone() == (NEWEST,)
        return sorted(connection.iterdump())


def write(url: str, sql: str, **values: object) -> None:
    store = open_store(url)
    with store.transaction() as tx:
        tx.run(sql, **values)
    store.close()


A_BALANCE = "insert into balances (gateway, credits, at) values (:name, 1, 1)"


# What is copied


def test_there_and_back_again_each_row_is_what_it_was_and_the_source_is_untouched(
    source: Path, tmp_path: Path
) -> None:
    before, middle = sha256(source.read_bytes()).digest(), server().empty()
    rows = rows_of_file(source)

    done(migrate(f"sqlite://{source}", middle))
    done(migrate(middle, f"sqlite://{tmp_path / 'back.db'}"))

    assert rows_of_file(tmp_path / "back.db") == rows
    assert sha256(source.read_bytes()).digest() == before


def test_it_says_how_many_rows_each_table_has_in_both(source: Path, tmp_path: Path) -> None:
    url = f"sqlite://{source}"
    found = json.loads(done(migrate("--json", url, new(Kind.POSTGRES, tmp_path))))
    with closing(sqlite3.connect(source)) as connection:
        counted = {
            name: connection.execute(f"select count(*) from {name}").fetchone()[0] for name in sorted(BOUNDS)
        }

    assert {name: table["rows"] for name, table in found["tables"].items()} == counted
    assert found["rows"] == sum(counted.values()) == rows_in(open_store(url)) > 100
    told = done(migrate(url, new(Kind.SQLITE, tmp_path)))
    assert f"{found['rows']} rows in {len(BOUNDS)} tables, as in {source}" in told


def test_no_table_of_either_database_is_left_out(tmp_path: Path) -> None:
    shaped = {shape.name for shape in shapes()}
    store = open_store(server().url())
    with store.reading() as tx:
        tables = tx.all("select tablename as name from pg_tables where schemaname = 'public'")

    assert shaped == set(BOUNDS)
    assert shaped == {row["name"] for row in tables} - {"schema_version"}


def test_each_column_of_each_table_is_copied(tmp_path: Path) -> None:
    url, other = f"sqlite://{tmp_path / 'x.db'}", new(Kind.POSTGRES, tmp_path)
    one_row_each(url)

    copied(url, other)

    store = open_store(other)
    with store.reading() as tx:
        for shape in shapes():
            (row,) = tx.all(f"select * from {shape.name}")
            assert set(row) == set(shape.columns)
            assert None not in row.values(), shape.name


def one_row_each(url: str) -> None:
    """A value in each column, another in each, of its type."""
    values: dict[str, Callable[[int], object]] = {
        "text": lambda n: f"Zoë {n} \\x00 '“☎”\n",
        "blob": lambda n: bytes([0, 255, n % 256]),
        "double precision": lambda n: 0.1 + n,
    }
    store = open_store(url)
    with store.transaction() as tx:
        for shape in shapes():
            types = tx.all(f"select type from pragma_table_info('{shape.name}') order by cid")
            row = {
                column: values.get(of["type"].lower(), lambda n: (1 << 62) + n)(n)
                for n, (column, of) in enumerate(zip(shape.columns, types, strict=True))
            }
            named = ", ".join(f":{column}" for column in row)
            tx.run(f"insert into {shape.name} ({', '.join(row)}) values ({named})", **row)
    store.close()


def test_rows_are_copied_in_many_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sms_notify.store.whole_copy._BATCH", 3)
    url, told = f"sqlite://{tmp_path / 'x.db'}", []
    store = open_store(url)
    with store.transaction() as tx:
        keys = [(what, f"{name}é", "v") for what in "aBc" for name in "xYz"]
        tx.run_all("insert into configured (what, name, value) values (?, ?, ?)", keys)
        tx.run_all("insert into disarmed (since) values (?)", [(1,), (1,)])

    other = new(Kind.POSTGRES, tmp_path)
    copy_whole(store, open_store(other), told.append)

    assert sums(other) == sums(url)
    assert sum(told) == 2 * rows_in(store) == 22


def test_a_text_that_postgresql_cannot_hold_counts_as_the_one_in_its_place(tmp_path: Path) -> None:
    url, other = f"sqlite://{tmp_path / 'x.db'}", new(Kind.POSTGRES, tmp_path)
    write(url, A_BALANCE, name="a\0b")

    copied(url, other)

    with open_store(other).reading() as tx:
        assert [row["gateway"] for row in tx.all("select gateway from balances")] == ["a\ufffdb"]


# Who goes on with it


def test_the_engine_goes_on_where_it_was_and_texts_each_once(source: Path, tmp_path: Path) -> None:
    for name in ("stays", "moves"):
        (tmp_path / name).mkdir()
    shutil.copy(source, tmp_path / "stays" / "x.db")
    here = f"sqlite://{source}"

    stays = played(Kind.SQLITE, tmp_path / "stays")
    copied(here, there := in_postgres(tmp_path / "moves"))
    moves = played(Kind.POSTGRES, tmp_path / "moves")

    assert moves == stays
    assert len(moves) > 10
    assert sums(there) != sums(here)  # it was this database that the engine went on with


def in_postgres(folder: Path) -> str:
    """The database that stands for the folder's."""
    before, Chosen.kind = Chosen.kind, Kind.POSTGRES
    url = url_of(folder / "x.db")
    Chosen.kind = before
    return url


def played(kind: Kind, folder: Path) -> list[object]:
    before, Chosen.kind = Chosen.kind, kind
    try:
        return list(go_on(folder).gateway.texts)
    finally:
        Chosen.kind = before


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_new_counts_on_from_what_was_copied(source: Path, tmp_path: Path, kind: Kind) -> None:
    url = new(kind, tmp_path)
    copied(f"sqlite://{source}", url)
    numbered = [shape.name for shape in shapes() if shape.numbered]
    assert len(numbered) > 5
    store = open_store(url)
    with store.transaction() as tx:
        for name in ("decisions", "overrides"):
            before = tx.one(f"select coalesce(max(id), 0) as id from {name}")
            assert before is not None
            assert next_id(tx, name) == before["id"] + 1


def next_id(tx, name: str) -> int:
    columns = next(shape.columns for shape in shapes() if shape.name == name)
    others = ", ".join(column for column in columns if column != "id")
    return tx.insert(f"insert into {name} ({others}) select {others} from {name} limit 1 returning id")


# Whatever ends it


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_wherever_it_is_killed_nobody_can_use_a_part_and_the_next_run_ends_it(
    source: Path, tmp_path: Path, kind: Kind
) -> None:
    from_, first = f"sqlite://{source}", new(kind, tmp_path / "first")
    if kind is Kind.SQLITE:
        copied(from_, from_ := server().empty())
    whole, places = sums(from_), int(driven(from_, first, "0"))
    parts = 0
    for n in chain(range(1, places, places // 9), [places - 1]):
        if kind is Kind.POSTGRES:
            url = server().empty()
        else:
            shutil.rmtree(tmp_path / "cut", ignore_errors=True)
            url = new(kind, tmp_path / "cut")
        assert driven(from_, url, str(n)) == "killed"
        part = is_part(url)
        parts += part
        again = migrate(from_, url)
        if part or again.exit_code == 0:
            assert re.search("rows in .* tables", done(again))
        else:
            assert "they are whole: use it as it is" in refused(again)
        assert sums(url) == whole, f"killed at {n}"
    assert parts >= 7


def driven(*words: str) -> str:
    ran = subprocess.run(
        [sys.executable, str(DRIVER), *words], capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode in (0, -9), ran.stderr
    return ran.stdout.strip() if ran.returncode == 0 else "killed"


def is_part(url: str) -> bool:
    """Whether it refuses whoever would use it; otherwise it is as good as new, or whole."""
    ways: list[Callable[[Database], object]] = [
        lambda store: store.convert(),
        lambda store: store.transaction().__enter__(),
        lambda store: store.reading().__enter__(),
    ]
    said = [complaint(way, url) for way in ways]
    assert len(set(map(bool, said[:2]))) == 1
    return all("not whole; end it with the same `sms-notify migrate-store" in words for words in said)


def complaint(way: Callable[[Database], object], url: str) -> str:
    store = open_store(url)
    try:
        way(store)
    except StoreError as error:
        return str(error)
    finally:
        store.close()
    return ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_that_was_copied_is_not_copied_again(source: Path, tmp_path: Path, kind: Kind) -> None:
    url, from_ = new(kind, tmp_path), f"sqlite://{source}"
    with pytest.raises(KeyboardInterrupt):
        copy_whole(open_store(from_), open_store(url), ends_in("messages", from_))
    written = Written(open_store(url))
    copy_whole(open_store(from_), written, lambda _: None)

    assert sums(url) == sums(from_)
    assert 0 < written.transactions < len(BOUNDS) / 2


class Written:
    """A store whose transactions are counted."""

    def __init__(self, store: Database) -> None:
        self._store, self.transactions = store, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def transaction(self):
        self.transactions += 1
        return self._store.transaction()


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_source_lost_or_got_between_two_runs_is_so_in_the_copy(
    source: Path, tmp_path: Path, kind: Kind
) -> None:
    url, from_ = new(kind, tmp_path), f"sqlite://{source}"

    for _ in range(2):  # the second goes on with what the first has left
        with suppress(KeyboardInterrupt):
            copy_whole(open_store(from_), open_store(url), ends_in("ledger", from_))
    write(from_, "delete from ledger where id % 2 = 0")
    write(from_, "update incidents set severity = 'changed'")
    write(from_, A_BALANCE, name="since")

    done(migrate(from_, url))

    assert sums(url) == sums(from_)


def ends_in(table: str, url: str) -> Callable[[int], None]:
    """Breaks the copy off when all tables up to this one are copied."""
    with open_store(url).reading() as tx:
        names = [shape.name for shape in shapes() if shape.name <= table]
        left = sum(sum_of(tx, shape).rows for shape in shapes() if shape.name in names)

    def done_with(rows: int) -> None:
        nonlocal left
        left -= rows
        if left <= 0:
            raise KeyboardInterrupt

    return done_with


@pytest.mark.parametrize("kind", KINDS)
def test_who_writes_to_the_source_during_the_copy_is_found(source: Path, tmp_path: Path, kind: Kind) -> None:
    from_, url, wrote = f"sqlite://{source}", new(kind, tmp_path), []

    def writes(_: int) -> None:
        if not wrote:
            wrote.append(1)
            write(from_, A_BALANCE, name="late")

    with pytest.raises(StoreError, match=r"`balances` differs.*no daemon and no command.*start this again"):
        copy_whole(open_store(from_), open_store(url), writes)
    assert is_part(url)
    done(migrate(from_, url))
    assert sums(url) == sums(from_)


# What is refused


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_with_rows_of_its_own_is_left_alone(source: Path, tmp_path: Path, kind: Kind) -> None:
    url = new(kind, tmp_path)
    write(url, A_BALANCE, name="main")
    before = sums(url)

    said = refused(migrate(f"sqlite://{source}", url))

    assert "has rows of its own (in `balances`); name a database that is new and empty" in said
    assert sums(url) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_that_is_whole_is_not_copied_into_again(source: Path, tmp_path: Path, kind: Kind) -> None:
    url = new(kind, tmp_path)
    done(migrate(f"sqlite://{source}", url))

    assert "has rows of its own" in refused(migrate(f"sqlite://{source}", url))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_neither_database_may_be_served(tmp_path: Path, kind: Kind, other: Kind) -> None:
    from_, to = new(kind, tmp_path / "from"), new(other, tmp_path / "to")
    write(from_, A_BALANCE, name="main")
    write(to, "delete from balances")
    for url, advice in ((from_, "stop it first, on every node"), (to, "stop it first")):
        daemon = open_store(url)
        daemon.lock()
        with daemon.transaction():
            pass
        assert advice in refused(migrate(from_, to))
        daemon.close()
        daemon.unlock()
    done(migrate(from_, to))


def test_no_daemon_starts_on_the_file_during_the_copy(source: Path, tmp_path: Path) -> None:
    from_, said = f"sqlite://{source}", []
    copy_whole(
        open_store(from_),
        open_store(new(Kind.SQLITE, tmp_path)),
        lambda _: said.append(complaint(lambda store: store.lock(), from_)),
    )

    assert all("another sms-notify serves this database" in words for words in said)
    assert said
    assert complaint(lambda store: store.lock(), from_) == ""


def test_two_copies_into_one_database_are_refused(source: Path, tmp_path: Path) -> None:
    shutil.copy(source, tmp_path / "second.db")
    url, said = server().empty(), []

    def another(_: int) -> None:
        if not said:
            said.append(refused(migrate(f"sqlite://{tmp_path / 'second.db'}", url)))

    copy_whole(open_store(f"sqlite://{source}"), open_store(url), another)

    assert "a daemon or another copy uses this database; stop it first" in said[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_is_not_there_is_not_made(tmp_path: Path, kind: Kind) -> None:
    from_, to = new(kind, tmp_path / "from"), new(Kind.SQLITE, tmp_path / "to")

    assert "start `sms-notify serve` once" in refused(migrate(from_, to))
    assert not (tmp_path / "from").exists()
    assert not (tmp_path / "to").exists()


def test_a_source_of_an_earlier_version_is_converted_by_its_daemon_first(
    source: Path, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(source)) as connection:
        connection.execute(f"pragma user_version = {NEWEST - 1}")

    assert "restart `sms-notify serve`, which converts it" in refused(
        migrate(f"sqlite://{source}", new(Kind.SQLITE, tmp_path))
    )


@pytest.mark.parametrize(
    ("from_", "to", "said"),
    [
        ("postgresql://me:hunter2@h/d", "sqlite:///x.db", "FROM holds a password; write it into a file"),
        ("sqlite:///x.db", "postgresql://me@h/d?password=hunter2", "TO holds a password"),
        ("sqlite:///x.db", "mysql://me:hunter2@h/d", "TO is not understood; write it like sqlite:///var"),
        ("sqlite:///x.db", "sqlite:///x.db", "the same database; name two"),
    ],
)
def test_an_address_that_is_no_good_is_not_quoted(from_: str, to: str, said: str) -> None:
    told = refused(migrate(from_, to))

    assert said in told
    assert "hunter2" not in told


def test_a_server_that_does_not_let_us_in_is_said_without_the_password(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    ran = migrate(f"sqlite://{source}", "postgresql://me@127.0.0.1:1/d")

    assert "PostgreSQL cannot be reached: postgresql://me@127.0.0.1:1/d" in refused(ran)
    assert "hunter2" not in f"{ran.output}{ran.exception}"

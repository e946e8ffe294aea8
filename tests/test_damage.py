"""A database that is damaged, or gone, is loud: rebuilt where it can be, else not ready, and the operator hears without it."""

from __future__ import annotations

import os
import sqlite3
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import PASSWORD, Daemon, command, eventually, get, payload, post, write_config

from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    settings = SimulatorSettings("acme", Secret(PASSWORD), credits=5000, buffered_after=0, final_after=0)
    with Simulator(settings) as running:
        yield running


@pytest.fixture
def started() -> Iterator[list[Daemon]]:
    """Whatever a test has started ends with it."""
    daemons: list[Daemon] = []
    yield daemons
    for one in daemons:
        if one.process.poll() is None:
            one.kill()


@pytest.fixture
def config(tmp_path: Path, simulator: Simulator) -> Path:
    return write_config(
        tmp_path,
        simulator.gateway_url,
        operator="[person:bob]",
        receivers="[{name: oncall, notify: [person:alice]}]",
    )


def begun(daemon: Daemon, started: list[Daemon]) -> Daemon:
    started.append(daemon)
    return daemon


def begun_and_told(config: Path, simulator: Simulator, started: list[Daemon]) -> Daemon:
    """It serves, and has sent one text."""
    daemon = begun(Daemon(config), started)
    assert post(daemon.url, payload("First")) == 200
    simulator.wait_for_texts(1)
    return daemon


def spoil(file: Path, name: str, *, at: int = 0) -> None:
    """Writes nonsense over the root page of a table or an index, as it lies in the file."""
    with sqlite3.connect(file) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        size = connection.execute("pragma page_size").fetchone()[0]
        (page,) = connection.execute("select rootpage from sqlite_master where name = ?", (name,)).fetchone()
    with file.open("r+b") as pages:
        pages.seek((page - 1) * size + at)
        pages.write(b"\xff" * 40)


def ready(daemon: Daemon) -> str:
    try:
        return get(daemon.url, "/-/ready")
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


def file_of(config: Path) -> Path:
    return config.parent / "data" / "sms.db"


def test_an_index_that_is_damaged_is_made_anew_at_a_start(
    config: Path, simulator: Simulator, started: list[Daemon]
) -> None:
    daemon = begun_and_told(config, simulator, started)
    assert daemon.stop() == 0
    spoil(file_of(config), "messages_behind")

    daemon = begun(Daemon(config), started)
    assert post(daemon.url, payload("Second")) == 200
    assert eventually(lambda: any("Second" in text.text for text in simulator.texts()))
    assert "made anew" in daemon.said()
    assert eventually(lambda: any("made anew" in text.text for text in simulator.texts()))
    assert ready(daemon) == "OK"


def test_an_index_that_is_damaged_while_it_is_served_is_made_anew(
    config: Path, simulator: Simulator, started: list[Daemon]
) -> None:
    daemon = begun_and_told(config, simulator, started)
    spoil(file_of(config), "messages_due")

    post(daemon.url, payload("Second"))  # it may be the one that meets the damage: its sender tries again
    assert eventually(lambda: post(daemon.url, payload("Second")) == 200)
    assert eventually(lambda: any("Second" in text.text for text in simulator.texts()))
    assert eventually(lambda: ready(daemon) == "OK")


def test_a_database_that_is_removed_while_it_is_served_takes_no_alert_and_the_operator_hears(
    config: Path, simulator: Simulator, started: list[Daemon]
) -> None:
    daemon = begun_and_told(config, simulator, started)
    file_of(config).rename(config.parent / "elsewhere.db")

    assert post(daemon.url, payload("Second")) == 503
    assert eventually(lambda: "removed or renamed" in ready(daemon))
    assert eventually(lambda: any("removed" in text.text for text in simulator.texts()), timeout=30)
    assert eventually(lambda: "not ready" in daemon.said())

    (config.parent / "elsewhere.db").rename(file_of(config))
    assert eventually(lambda: post(daemon.url, payload("Second")) == 200)
    assert eventually(lambda: ready(daemon) == "OK")
    assert str(config.parent) not in ready(daemon)


@pytest.mark.parametrize("gone", [["-wal"], ["-wal", "-shm"]], ids=str)
def test_nothing_that_was_accepted_is_lost_where_the_file_beside_the_database_is_removed(
    config: Path, simulator: Simulator, started: list[Daemon], gone: list[str]
) -> None:
    daemon = begun_and_told(config, simulator, started)
    for suffix in gone:
        file_of(config).with_name(f"sms.db{suffix}").unlink()
    for name in ("Second", "Third"):
        assert eventually(lambda: post(daemon.url, payload(name)) == 200)  # noqa: B023
    assert eventually(lambda: "was removed or replaced" in daemon.said())
    daemon.kill()

    daemon = begun(Daemon(config), started)
    told = daemon.rows("select json_extract(labels, '$.alertname') from incidents order by 1")
    assert told == [("First",), ("Second",), ("Third",)]


def test_a_database_that_was_emptied_is_not_begun_anew(config: Path, started: list[Daemon]) -> None:
    daemon = begun(Daemon(config), started)
    assert daemon.stop() == 0
    os.truncate(file_of(config), 0)

    said = command(config, "serve")
    assert said.returncode == 1
    assert "it is empty, and was a database" in said.stderr
    assert "Traceback" not in said.stderr


def test_two_names_of_one_file_are_one_lock(
    config: Path, tmp_path: Path, simulator: Simulator, started: list[Daemon]
) -> None:
    begun(Daemon(config), started)
    other = tmp_path / "other"
    other.mkdir()
    (other / "sms.db").symlink_to(file_of(config))
    second = write_config(other, simulator.gateway_url, storage=f"sqlite://{other}/sms.db")

    said = command(second, "serve")
    assert said.returncode == 1
    assert "another sms-notify serves this database" in said.stderr


def test_a_row_that_makes_no_sense_keeps_no_other_page_from_its_reader(
    config: Path, simulator: Simulator, started: list[Daemon]
) -> None:
    daemon = begun_and_told(config, simulator, started)
    assert daemon.stop() == 0
    with sqlite3.connect(file_of(config)) as connection:
        connection.execute("update incidents set state = 'opeo'")

    daemon = begun(Daemon(config), started)
    assert post(daemon.url, payload("Second")) == 200
    assert eventually(lambda: any("Second" in text.text for text in simulator.texts()))
    assert "a row makes no sense (ValueError)" in ready(daemon)
    assert "Traceback" not in daemon.said()


def test_a_sound_database_is_said_so_and_one_that_is_not_is_exit_1(
    config: Path, started: list[Daemon]
) -> None:
    begun(Daemon(config), started).stop()
    said = command(config, "db", "check")
    assert (said.returncode, said.stdout) == (0, f"{file_of(config)}: sound\n")

    spoil(file_of(config), "messages_due")
    said = command(config, "db", "check")
    assert said.returncode == 1
    assert "NOT SOUND" in said.stdout
    assert "malformed" in said.stdout


def test_a_copy_is_made_while_it_is_served_and_can_be_served_in_its_place(
    config: Path, simulator: Simulator, started: list[Daemon]
) -> None:
    daemon = begun_and_told(config, simulator, started)
    copy = config.parent / "copy.db"
    said = command(config, "db", "backup", str(copy))
    assert said.returncode == 0, said.stderr
    assert copy.stat().st_mode & 0o777 == 0o600
    assert "it exists already" in command(config, "db", "backup", str(copy)).stderr
    assert daemon.stop() == 0

    for file in file_of(config).parent.glob("sms.db*"):
        file.unlink()
    copy.rename(file_of(config))
    daemon = begun(Daemon(config), started)
    assert post(daemon.url, payload("First")) == 200
    assert daemon.rows("select count(*) from incidents") == [(1,)]


def test_no_copy_is_left_of_a_database_that_is_not_sound(config: Path, started: list[Daemon]) -> None:
    begun(Daemon(config), started).stop()
    spoil(file_of(config), "messages_due")
    said = command(config, "db", "backup", str(config.parent / "copy.db"))
    assert said.returncode != 0
    assert "not sound" in said.stderr
    assert not list(config.parent.glob("copy.db*"))


def test_a_database_that_another_program_keeps_locked_is_told_past_it(
    config: Path, simulator: Simulator, started: list[Daemon]
) -> None:
    daemon = begun(Daemon(config), started)
    other = sqlite3.connect(file_of(config), isolation_level=None)
    other.execute("begin exclusive")
    assert eventually(lambda: "database is locked" in ready(daemon), timeout=40)
    assert eventually(lambda: any("locked" in text.text for text in simulator.texts()), timeout=40)

    other.execute("rollback")
    other.close()
    assert post(daemon.url, payload("First")) == 200
    assert eventually(lambda: ready(daemon) == "OK")


def test_a_damaged_table_is_told_and_keeps_nothing_that_does_not_touch_it(
    config: Path, simulator: Simulator, started: list[Daemon]
) -> None:
    assert begun_and_told(config, simulator, started).stop() == 0
    spoil(file_of(config), "tried")

    daemon = begun(Daemon(config), started)
    assert "the database is damaged" in ready(daemon)
    assert eventually(lambda: any("damaged" in text.text for text in simulator.texts()), timeout=30)
    assert eventually(lambda: "CRITICAL" in daemon.said())

"""A database of every earlier version, with everything that can wait in it, is served by this one: nothing is lost, nothing is
texted twice. Whatever ends the conversion, the database is whole.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from daemons import Daemon, command, eventually, write_config
from full_queue import NEWEST, as_version, everything_waits, go_on, the_plan
from paper import OnPhone, Site
from workbench import ALICE, NOON

from sms_notify.cli.tree import group
from sms_notify.policy.retention import STANDARD, Keep
from sms_notify.store.conversion import copy_of, forget_copies, statements_since, version_of
from sms_notify.store.sqlite import SqliteStore

DRIVER = Path(__file__).parent / "upgrade_driver.py"
FLAPPING_COUNTED_OTHERWISE = 3  # until this version; what flaps is told once more, as firing


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return everything_waits(tmp_path_factory.mktemp("today"))


def upgraded(folder: Path, today: Path, version: int) -> Site:
    as_version(today, version, folder / "x.db")
    return go_on(folder)


@pytest.fixture(scope="module")
def without(today: Path, tmp_path_factory: pytest.TempPathFactory) -> list[OnPhone]:
    """What is texted where the same version starts again."""
    return upgraded(tmp_path_factory.mktemp("same"), today, NEWEST).gateway.texts


def test_everything_that_can_wait_waits_in_it(today: Path, tmp_path: Path) -> None:
    as_version(today, NEWEST, tmp_path / "x.db")
    rows = Site(tmp_path, the_plan()).bench.rows
    states = {row["state"] for row in rows("select state from messages")}
    held = {row["why"] for row in rows("select why from pages where state = 'held'")}
    kinds = {row["what"] for row in rows("select what from agenda")}
    incidents = {row["state"] for row in rows("select state from incidents")}
    filled = {
        table: rows(f"select count(*) as n from {table}")[0]["n"]
        for table in ("beliefs", "overrides", "groups", "troubles", "members", "holds", "holders")
    }

    assert states >= {"queued", "submitting", "sent", "unknown", "delivered", "no_report"}
    assert held >= {"limit", "quiet_hours"}
    assert kinds >= {"escalate", "remind", "calm"}
    assert incidents == {"open", "acknowledged", "unheard", "closed", "resolved"}
    assert rows("select id from incidents where flapping > 0 and closed_at is null")
    assert all(filled.values()), filled


@pytest.mark.parametrize("version", range(FLAPPING_COUNTED_OTHERWISE + 1, NEWEST))
def test_after_an_upgrade_the_same_texts_leave_as_without(
    tmp_path: Path, today: Path, without: list[OnPhone], version: int
) -> None:
    assert upgraded(tmp_path, today, version).gateway.texts == without


@pytest.mark.parametrize("version", range(1, FLAPPING_COUNTED_OTHERWISE + 1))
def test_of_the_earliest_versions_nothing_is_lost_or_texted_twice(
    tmp_path: Path, today: Path, version: int
) -> None:
    here = upgraded(tmp_path, today, version)
    beginnings = [text for text in here.texts() if text.startswith("FIRING")]
    to_alice = [text for text in here.texts(ALICE.number) if text.startswith("FIRING")]

    def telling(name: str, texts: list[str]) -> int:
        return sum(f" {name}" in text for text in texts)

    assert [telling(name, beginnings) for name in ("Queued", "Grouped", "Lost", "Leased")] == [1, 1, 1, 1]
    assert [telling(name, to_alice) for name in ("Told", "Sent", "Acked")] == [0, 0, 0]
    assert telling("Silent", beginnings) == 0
    assert all("second" in text for text in beginnings if "Lost" in text or "Leased" in text)
    ends = "; ".join(text for text in here.texts() if text.startswith("OK"))
    told = ("Told", "Sent", "Acked", "Queued", "Flaps", "Lost", "Leased", "Silent")
    assert [name for name in told if name not in ends] == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", [FLAPPING_COUNTED_OTHERWISE, NEWEST - 1])
def test_wherever_a_conversion_is_killed_the_database_is_whole_and_the_next_start_ends_it(
    tmp_path: Path, today: Path, version: int
) -> None:
    as_version(today, version, tmp_path / "before.db")
    (tmp_path / "work").mkdir()
    ran = subprocess.run(
        [sys.executable, str(DRIVER), str(tmp_path / "before.db"), str(tmp_path / "work")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    statements = len(list(statements_since(version)))
    assert found["old"] > statements
    assert found["new"] > 0
    assert found["copies"] == found["places"] == found["old"] + found["new"]


# What is said, and to whom.


def a_daemons_place(folder: Path, today: Path, version: int, gateway: str = "http://127.0.0.1:1/") -> Path:
    (folder / "data").mkdir(exist_ok=True)
    as_version(today, version, folder / "made.db")
    (folder / "made.db").rename(folder / "data" / "sms.db")
    (folder / "today.db").unlink()
    (folder / "spool").mkdir(mode=0o770, exist_ok=True)
    return write_config(folder, gateway)


def version_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return version_of(connection)


def of_a_newer_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"pragma user_version = {NEWEST + 1}")


COMMANDS = (
    "incidents",
    "messages",
    "explain 1",
    "ack 4 --by bob",
    "unack 4 --by bob",
    "close 4 --by bob",
    "oncall override list",
    "oncall override remove 1",
    "watch disarm",
    "outbox list",
    "unbar alice",
    "send --to person:alice hello",
)
THAT_ONLY_WARN = ("reach", "routes test alertname=Told")


@pytest.mark.parametrize("words", [*COMMANDS, *THAT_ONLY_WARN])
@pytest.mark.parametrize("version", [NEWEST - 1, NEWEST + 1], ids=["older", "newer"])
def test_no_command_reads_or_converts_a_database_of_another_version(
    tmp_path: Path, today: Path, version: int, words: str
) -> None:
    config = a_daemons_place(tmp_path, today, min(version, NEWEST))
    database = tmp_path / "data" / "sms.db"
    if version > NEWEST:
        of_a_newer_version(database)

    said = CliRunner().invoke(group, ["--config", str(config), *words.split()])

    message = said.stderr + str(said.exception)
    assert said.exit_code == 1 or words in THAT_ONLY_WARN
    assert f"schema {version}, this version reads {NEWEST}" in message
    assert ("install that version again" if version > NEWEST else "restart `sms-notify serve`") in message
    assert version_in(database) == version


def test_a_check_before_the_upgrade_finds_no_fault_in_a_database_of_an_earlier_version(
    tmp_path: Path, today: Path
) -> None:
    config = a_daemons_place(tmp_path, today, NEWEST - 1)
    said = CliRunner().invoke(group, ["check-config", str(config)])

    assert said.exit_code == 0, said.output
    assert version_in(tmp_path / "data" / "sms.db") == NEWEST - 1


def test_a_daemon_that_finds_a_newer_database_says_how_to_go_back_and_hooks_are_kept(
    tmp_path: Path, today: Path
) -> None:
    config = a_daemons_place(tmp_path, today, NEWEST)
    database, spool = tmp_path / "data" / "sms.db", tmp_path / "spool"
    copy = copy_of(database, NEWEST)
    shutil.copy(database, copy)
    of_a_newer_version(database)

    refused = Daemon(config)
    assert refused.process.wait(20) == 1
    assert f"put {copy} in its place" in refused.said()
    assert version_in(database) == NEWEST + 1

    hook = ("nagios", "--type=PROBLEM", "--host=web1", "--state=DOWN", f"--spool={spool}")
    assert command(config, *hook).returncode == 0
    copy.replace(database)  # as the message has it
    daemon = Daemon(config)
    try:
        taken = "select fingerprint from incidents where source = 'nagios' and labels like '%web1%'"
        assert eventually(lambda: daemon.rows(taken) != [])
    finally:
        daemon.kill()


def test_a_start_that_converts_keeps_a_copy_and_tells_the_service_manager_to_wait(
    tmp_path: Path, today: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = a_daemons_place(tmp_path, today, NEWEST - 1)
    database = tmp_path / "data" / "sms.db"
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        daemon = Daemon(config)
        heard = manager.recv(4096).decode().split("\n")
        daemon.kill()

    assert heard[0].startswith("EXTEND_TIMEOUT_USEC=")
    assert heard[1] == "STATUS=copying the database before it is converted"
    assert version_in(database) == NEWEST
    assert version_in(copy_of(database, NEWEST - 1)) == NEWEST - 1
    assert copy_of(database, NEWEST - 1).stat().st_mode & 0o077 == 0
    assert f"schema={NEWEST - 1} to={NEWEST}" in daemon.said()


def test_a_disk_that_fills_leaves_the_database_to_the_version_before(tmp_path: Path, today: Path) -> None:
    config = a_daemons_place(tmp_path, today, FLAPPING_COUNTED_OTHERWISE)
    database = tmp_path / "data" / "sms.db"

    refused = Daemon(config, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)))
    assert refused.process.wait(20) == 1
    assert "no copy is kept" in refused.said()
    assert f"could not be converted from schema {FLAPPING_COUNTED_OTHERWISE} to {NEWEST}" in refused.said()
    assert "nothing in it has changed" in refused.said()
    assert version_in(database) == FLAPPING_COUNTED_OTHERWISE
    assert [path.name for path in (tmp_path / "data").glob("*schema*")] == []

    daemon = Daemon(config)
    daemon.kill()
    assert version_in(database) == NEWEST


def test_while_the_daemon_of_the_version_before_runs_nothing_is_converted(
    tmp_path: Path, today: Path
) -> None:
    config = a_daemons_place(tmp_path, today, NEWEST - 1)
    running = SqliteStore(f"sqlite://{tmp_path}/data/sms.db")
    running.lock()
    try:
        refused = Daemon(config)
        assert refused.process.wait(20) == 1
        assert "another sms-notify serves this database; stop it first" in refused.said()
        assert version_in(running.path) == NEWEST - 1
    finally:
        running.unlock()


def test_of_two_that_start_at_once_one_converts_and_the_other_is_refused(tmp_path: Path, today: Path) -> None:
    config = a_daemons_place(tmp_path, today, NEWEST - 1)
    words = [sys.executable, "-m", "sms_notify", "--config", str(config), "serve"]
    with (tmp_path / "log").open("ab") as log:
        both = [subprocess.Popen(words, stdout=log, stderr=log) for _ in range(2)]
    try:
        assert eventually(lambda: any(one.poll() is not None for one in both))
        assert sorted(one.poll() or 0 for one in both) == [0, 1]
        assert eventually(lambda: " serving " in (tmp_path / "log").read_text("utf-8"))
        assert (tmp_path / "log").read_text("utf-8").count("the database is converted to") == 1
    finally:
        for one in both:
            one.kill()
            one.wait(10)
    assert version_in(tmp_path / "data" / "sms.db") == NEWEST


def test_where_no_copy_can_be_kept_texts_are_worth_more(
    tmp_path: Path, today: Path, caplog: pytest.LogCaptureFixture
) -> None:
    a_daemons_place(tmp_path, today, NEWEST - 1)
    store = SqliteStore(f"sqlite://{tmp_path}/data/sms.db")
    copy_of(store.path, NEWEST - 1).mkdir()  # in its way
    store.convert()

    assert version_in(store.path) == NEWEST
    assert "only a backup leads back" in caplog.text


def aged(path: Path, days: float) -> Path:
    path.touch()
    at = (NOON - timedelta(days=days)).timestamp()
    os.utime(path, (at, at))
    return path


def test_a_copy_is_removed_when_nobody_goes_back_any_more(tmp_path: Path) -> None:
    database = aged(tmp_path / "sms.db", 99)
    other = aged(tmp_path / "other.db.schema-3", 99)
    aged(copy_of(database, 3), 31)
    new = aged(copy_of(database, 4), 29)
    for keep in (STANDARD, Keep(None, None)):
        forget_copies(database, keep, NOON)
        assert sorted(tmp_path.iterdir()) == sorted((database, other, new))


def test_a_copy_is_removed_when_it_is_older_than_texts_may_be(tmp_path: Path) -> None:
    database = aged(tmp_path / "[sms].db", 99)
    aged(copy_of(database, 3), 8)
    new = aged(copy_of(database, 4), 6)
    forget_copies(database, Keep(texts=timedelta(days=7)), NOON)
    assert sorted(tmp_path.iterdir()) == sorted((database, new))


def test_a_copy_that_cannot_be_removed_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = tmp_path / "sms.db"
    copy_of(database, 3).mkdir()
    aged(copy_of(database, 3) / "x", 99)
    aged(copy_of(database, 3), 99)
    forget_copies(database, STANDARD, NOON)
    assert str(copy_of(database, 3)) in caplog.text

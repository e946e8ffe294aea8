"""`check-config` and `serve` agree about what stops a start, and both say what does not."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from daemons import Daemon, eventually, free_port, write_config

from sms_notify.cli import group
from sms_notify.cli.options import now_utc
from sms_notify.cli.start_checks import spool_warnings
from sms_notify.config.load import load
from sms_notify.daemon.builder import spool_of
from sms_notify.sources.hook_record import parse
from sms_notify.spool import Spool
from sms_notify.store import oncall_rows
from sms_notify.store.schema import MIGRATIONS
from sms_notify.store.sqlite import SqliteStore

NOWHERE = "http://127.0.0.1:9/module/"
GAP = "{primary: {timezone: UTC, rotation: {members: [alice], every: 1w, handover: 'Mon 09:00', start: 2090-01-02}}}"
HELD = GAP.replace("2090-01-02", "2020-01-06")
MUTED = (
    "{receiver: oncall, routes: [{receiver: oncall, matchers: ['a=\"b\"'], mute_time_intervals: [always]}]}"
)


def check(config: Path) -> Result:
    return CliRunner().invoke(group, ["check-config", "--json", str(config)])


def faults(config: Path) -> list[dict[str, Any]]:
    found = check(config)
    assert found.exit_code == 1
    listed: list[dict[str, Any]] = json.loads(found.stdout)["faults"]
    return listed


def in_a_folder(folder: Path) -> dict[str, str]:
    return {"storage": f"sqlite://{folder}"}


def below_a_file(folder: Path) -> dict[str, str]:
    (folder / "file").touch()
    return {"storage": f"sqlite://{folder}/file/sms.db"}


def no_database(folder: Path) -> dict[str, str]:
    (folder / "junk.db").write_bytes(b"no database at all, and quite long" * 100)
    return {"storage": f"sqlite://{folder}/junk.db"}


def of_a_newer_version(folder: Path) -> dict[str, str]:
    with sqlite3.connect(folder / "new.db") as connection:
        connection.execute("create table t (x)")
        connection.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
    return {"storage": f"sqlite://{folder}/new.db"}


def no_certificate(folder: Path) -> dict[str, str]:
    (folder / "junk.pem").write_text("junk", "utf-8")
    (folder / "junk.pem").chmod(0o600)
    pem = f"{folder}/junk.pem"
    return {"web": f"{{listen: '127.0.0.1:{free_port()}', tls_cert: '{pem}', tls_key: '{pem}'}}"}


@pytest.mark.parametrize("made", [in_a_folder, below_a_file, no_database, of_a_newer_version, no_certificate])
def test_what_stops_a_start_is_a_fault_of_check_config(
    tmp_path: Path, made: Callable[[Path], dict[str, str]]
) -> None:
    config = write_config(tmp_path, NOWHERE, **made(tmp_path))
    [fault] = faults(config)

    daemon = Daemon(config)
    daemon.process.wait(20)

    assert fault["stops_start"] is True
    assert fault["line"] > 0
    assert daemon.process.returncode == 1, daemon.said()


@pytest.mark.parametrize(
    "sections",
    [
        {"schedules": GAP, "receivers": "[{name: oncall, notify: [schedule:primary]}]"},
        {"time_intervals": "[{name: always, time_intervals: [{}]}]", "route": MUTED},
    ],
)
def test_what_only_time_shows_stops_no_start_and_is_said_by_both(
    tmp_path: Path, sections: dict[str, str]
) -> None:
    config = write_config(tmp_path, NOWHERE, **sections)
    [fault] = faults(config)
    assert fault["stops_start"] is False
    plain = CliRunner().invoke(group, ["check-config", str(config)])
    assert "The daemon would start with this configuration, and log the faults" in plain.stderr

    daemon = Daemon(config)
    try:
        assert daemon.process.poll() is None
        logged = f"ERROR {config}:{fault['line']}: {fault['path']}: {fault['what'][:20]}"
        assert eventually(lambda: logged in daemon.said())
    finally:
        daemon.kill()


def test_an_override_of_somebody_who_left_is_warned_of(tmp_path: Path) -> None:
    config = write_config(
        tmp_path, NOWHERE, schedules=HELD, receivers="[{name: oncall, notify: [schedule:primary]}]"
    )
    now = now_utc()
    with SqliteStore(f"sqlite://{tmp_path}/data/sms.db").transaction() as tx:
        oncall_rows.add_override(tx, "primary", "carol", now, now + timedelta(hours=4), "ops", now)

    found = check(config)
    [told] = [one for one in json.loads(found.stdout)["warnings"] if "carol" in one["what"]]

    assert found.exit_code == 0
    assert told["path"] == "schedules.primary"
    assert "names carol, who is not in the configuration: it does not count" in told["what"]
    assert told["advice"] == "sms-notify oncall override remove 1"


def open_to_all(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def no_folder(folder: Path) -> None:
    folder.touch()


@pytest.mark.parametrize(
    ("made", "name", "says"),
    [
        (open_to_all, "spool", "must belong to the daemon's user and be closed to others (chmod 3770)"),
        (no_folder, "spool/below", "hooks cannot hand anything over"),
        (Path.mkdir, "spool/a/b", "hooks cannot hand anything over"),
    ],
)
def test_a_folder_of_the_hooks_that_will_not_be_read_is_warned_of_in_the_daemons_words(
    tmp_path: Path, made: Callable[[Path], None], name: str, says: str
) -> None:
    made(tmp_path / "spool")
    config = write_config(tmp_path, NOWHERE, spool=str(tmp_path / name))
    [warning] = [one for one in json.loads(check(config).stdout)["warnings"] if one["path"] == "spool"]
    said = Spool(tmp_path / name, parse, lambda _: None, now_utc).prepare()
    assert says in warning["what"]
    assert warning["what"] == said


def test_a_folder_of_the_hooks_that_the_daemon_makes_or_can_use_is_not_warned_of(tmp_path: Path) -> None:
    config = write_config(tmp_path, NOWHERE, spool=str(tmp_path / "spool"))
    for _ in ("missing", "made by the daemon"):
        assert json.loads(check(config).stdout)["warnings"] == []
        assert Spool(tmp_path / "spool", parse, lambda _: None, now_utc).prepare() == ""


def test_the_usual_folder_of_another_user_is_warned_of_in_the_daemons_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = replace(load(write_config(tmp_path, NOWHERE), {}), spool="")
    usual = Path("/") if os.geteuid() else tmp_path / "other"
    if not os.geteuid():
        usual.mkdir()
        os.chown(usual, 65534, 65534)
    [warning] = spool_warnings(settings, usual)
    assert spool_of(settings, usual) is None
    assert f"spool: {warning.what}" in caplog.messages
    assert spool_warnings(settings, tmp_path / "missing") == []

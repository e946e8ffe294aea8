"""`check-config` and `serve` agree about what stops a start, and both say what does not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from daemons import Daemon, free_port, write_config

from sms_notify.cli import group
from sms_notify.cli.options import now_utc
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
        assert f"ERROR {config}:{fault['line']}: {fault['path']}: {fault['what'][:20]}" in daemon.said()
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

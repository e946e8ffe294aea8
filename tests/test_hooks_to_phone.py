"""From a command hook to the phone, whether or not the daemon runs when the monitoring system calls."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import PASSWORD, Daemon, eventually, post, write_config

from sms_notify import hook
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

ROUTE = "{receiver: oncall, group_wait: 0s, group_interval: 1s}"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    settings = SimulatorSettings("acme", Secret(PASSWORD), credits=5000, buffered_after=0, final_after=0)
    with Simulator(settings) as running:
        yield running


def hand_over(spool: Path, kind: str, *told: str) -> None:
    words = ("--host=web1", "--service=HTTP", *told)
    done = subprocess.run(
        [sys.executable, "-IS", hook.__file__, "nagios", f"--type={kind}", *words, f"--spool={spool}"],
        check=False,
    )
    assert done.returncode == 0


def test_what_was_handed_over_while_the_daemon_was_down_is_texted_and_so_is_its_end(
    tmp_path: Path, simulator: Simulator
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir(mode=0o770)
    config = write_config(tmp_path, simulator.gateway_url, spool=str(spool), route=ROUTE)
    hand_over(spool, "PROBLEM", "--state=CRITICAL", "--output=no answer")
    hand_over(spool, "PROBLEM", "--state=CRITICAL", "--output=no answer")  # one call a contact
    (spool / "1-rubbish").write_bytes(b"not a record")
    daemon = Daemon(config)
    try:
        texts = simulator.wait_for_texts(2, timeout=20)
        assert {text.number for text in texts} == {"32470000001", "31612345678"}
        assert all("HTTP web1" in text.text for text in texts)
        hand_over(spool, "RECOVERY", "--state=OK", "--output=fine")
        assert len(simulator.wait_for_texts(4, timeout=20)) == 4
        assert eventually(lambda: [path.name for path in spool.iterdir()] == ["quarantine"])
        assert eventually(lambda: "refused a hand-over" in daemon.said())
    finally:
        daemon.kill()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/alerts", b'{"name": "BackupFailed", "severity": "critical", "host": "db1"}'),
        ("/zabbix", b'{"EVENT.ID": "17", "EVENT.VALUE": "1", "EVENT.NAME": "Disk full", "HOST.NAME": "db1"}'),
    ],
)
def test_any_webhook_becomes_a_text(tmp_path: Path, simulator: Simulator, path: str, body: bytes) -> None:
    daemon = Daemon(write_config(tmp_path, simulator.gateway_url, route=ROUTE))
    try:
        assert post(daemon.url, body, path=path) == 200
        assert len(simulator.wait_for_texts(2, timeout=20)) == 2
    finally:
        daemon.kill()

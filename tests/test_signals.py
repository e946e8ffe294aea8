"""Signals to the daemon as a process: a reload, and those that must not end it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import PASSWORD, Daemon, eventually, free_port, get, payload, post, write_config

from sms_notify.daemon.signals import IGNORED
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

TO_ALICE = "[{name: oncall, notify: [person:alice]}]"
TO_BOB = "[{name: oncall, notify: [person:bob]}]"
ALICE, BOB = "32470000001", "31612345678"
SUCCESSFUL = "\nsms_notify_config_last_reload_successful "


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorSettings("acme", Secret(PASSWORD), credits=5000)) as running:
        yield running


def hang_up(daemon: Daemon, expected: str) -> str:
    """SIGHUP, and what the log says of it up to the line with `expected`."""
    before = len(daemon.said())
    daemon.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: expected in daemon.said()[before:]), daemon.said()
    return daemon.said()[before:]


def is_caught(pid: int, name: signal.Signals) -> bool:
    """Whether the process has a handler for it by now."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    [mask] = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(int(mask, 16) >> (name - 1) & 1)


def test_a_changed_receiver_counts_for_the_next_alert(tmp_path: Path, simulator: Simulator) -> None:
    port = free_port()
    daemon = Daemon(write_config(tmp_path, simulator.gateway_url, port=port, receivers=TO_ALICE))
    try:
        assert post(daemon.url, payload("Before")) == 200
        simulator.wait_for_texts(1, timeout=20)
        write_config(tmp_path, simulator.gateway_url, port=port, receivers=TO_BOB)
        assert "INFO reloaded changed=receivers" in hang_up(daemon, "reloaded")
        assert post(daemon.url, payload("After")) == 200
        texts = simulator.wait_for_texts(3, timeout=20)

        assert [(text.number, text.text.split()[2].rstrip(":")) for text in texts] == [
            (ALICE, "Before"),
            (BOB, "Before"),  # he has become responsible, and nobody has acknowledged it
            (BOB, "After"),
        ]
        assert daemon.stop() == 0
    finally:
        daemon.process.kill()


def test_a_broken_file_changes_nothing_and_a_good_one_afterwards_counts(
    tmp_path: Path, simulator: Simulator
) -> None:
    port = free_port()
    config = write_config(tmp_path, simulator.gateway_url, port=port, receivers=TO_ALICE)
    daemon = Daemon(config)
    try:
        assert f"{SUCCESSFUL}1.0\n" in get(daemon.url, "/metrics")
        broken = "[{name: oncall, notify: [person:carol], templat: x}]"
        write_config(tmp_path, simulator.gateway_url, port=port, receivers=broken)
        said = hang_up(daemon, "goes on faults=")
        assert f"ERROR reload refused: {config}:" in said
        assert "carol" in said
        assert "templat" in said
        assert f"{SUCCESSFUL}0.0\n" in get(daemon.url, "/metrics")
        assert post(daemon.url, payload("Meanwhile")) == 200
        assert simulator.wait_for_texts(1, timeout=20)[0].number == ALICE

        write_config(tmp_path, simulator.gateway_url, port=port, receivers=TO_BOB)
        hang_up(daemon, "reloaded")
        assert f"{SUCCESSFUL}1.0\n" in get(daemon.url, "/metrics")
        assert post(daemon.url, payload("Afterwards")) == 200
        assert simulator.wait_for_texts(2, timeout=20)[1].number == BOB
        assert daemon.stop() == 0
    finally:
        daemon.process.kill()


def test_signals_without_a_meaning_do_nothing(tmp_path: Path) -> None:
    daemon = Daemon(write_config(tmp_path, "http://127.0.0.1:1/"))
    try:
        assert {signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM} <= set(IGNORED)
        for name in IGNORED:
            daemon.process.send_signal(name)
        hang_up(daemon, "reloaded")  # by then the others have been delivered
        assert daemon.process.poll() is None
        assert get(daemon.url, "/-/ready") == "OK"
        assert daemon.stop() == 0
    finally:
        daemon.process.kill()


def test_a_program_that_the_daemon_starts_inherits_no_ignored_signal(tmp_path: Path) -> None:
    code = (
        "import subprocess; from sms_notify.daemon.signals import Wishes; Wishes();"
        "print(subprocess.run(['cat', '/proc/self/status'], capture_output=True, text=True).stdout)"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    [ignored] = [line.split()[1] for line in outcome.stdout.splitlines() if line.startswith("SigIgn:")]

    assert [name for name in IGNORED if int(ignored, 16) >> (name - 1) & 1] == []


def test_a_hang_up_while_it_starts_does_not_end_it_and_is_honoured(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:1/")
    log = tmp_path / "log"
    line = [sys.executable, "-m", "sms_notify", "--config", str(config), "serve"]
    with log.open("wb") as out, subprocess.Popen(line, stdout=out, stderr=out) as process:
        try:
            assert eventually(lambda: is_caught(process.pid, signal.SIGHUP))
            process.send_signal(signal.SIGHUP)
            assert eventually(lambda: "reloaded" in log.read_text("utf-8")), log.read_text("utf-8")
            said = log.read_text("utf-8")
            assert said.index("INFO serving") < said.index("INFO reloaded")
            process.send_signal(signal.SIGTERM)
            assert process.wait(40) == 0
        finally:
            process.kill()


def test_a_pipe_in_the_place_of_the_configuration_holds_up_no_reload(
    tmp_path: Path, simulator: Simulator
) -> None:
    port = free_port()
    config = write_config(tmp_path, simulator.gateway_url, port=port, receivers=TO_ALICE)
    daemon = Daemon(config)
    try:
        config.rename(tmp_path / "kept")
        os.mkfifo(config)
        hang_up(daemon, "is not a regular file")
        (tmp_path / "kept").rename(config)
        hang_up(daemon, "INFO reloaded")
    finally:
        daemon.stop()


def test_a_storm_of_hang_ups_under_load_harms_nobody(tmp_path: Path, simulator: Simulator) -> None:
    daemon = Daemon(write_config(tmp_path, simulator.gateway_url, receivers=TO_ALICE))
    try:
        for n in range(20):
            for _ in range(20):
                daemon.process.send_signal(signal.SIGHUP)
            assert post(daemon.url, payload(f"Alert{n}")) == 200
        texts = simulator.wait_for_texts(20, timeout=20)

        assert sorted(text.text.split()[2].rstrip(":") for text in texts) == sorted(
            f"Alert{n}" for n in range(20)
        )
        assert daemon.stop() == 0
        assert "ERROR" not in daemon.said()
    finally:
        daemon.process.kill()


def test_a_file_that_was_found_in_the_working_folder_is_read_again_there(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_GATEWAY_PASSWORD", PASSWORD)
    monkeypatch.delenv("SMS_NOTIFY_CONFIG", raising=False)
    port = free_port()
    entry = (
        f"[{{name: main, type: 1601sms, url: '{simulator.gateway_url}', username: acme,"
        " password: '${SMS_GATEWAY_PASSWORD}', sender: ACME}]"
    )
    write_config(tmp_path, "", port=port, gateways=entry, receivers=TO_ALICE)
    log = tmp_path / "log"
    line = [sys.executable, "-m", "sms_notify", "serve"]
    with log.open("wb") as out, subprocess.Popen(line, stdout=out, stderr=out, cwd=tmp_path) as process:
        try:
            assert eventually(lambda: "INFO serving" in log.read_text("utf-8")), log.read_text("utf-8")
            write_config(tmp_path, "", port=port, gateways=entry, receivers=TO_BOB)
            process.send_signal(signal.SIGHUP)
            assert eventually(lambda: "reloaded changed=receivers" in log.read_text("utf-8"))
            write_config(tmp_path, "", port=port, gateways=entry, receivers="[]")
            process.send_signal(signal.SIGHUP)
            assert eventually(lambda: f"refused: {tmp_path}/sms-notify.yml:" in log.read_text("utf-8"))
        finally:
            process.terminate()
            assert process.wait(40) == 0


def test_the_manager_hears_of_a_reload_and_of_a_refused_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(30)

        def heard() -> list[str]:
            return manager.recv(4096).decode().split("\n")

        port = free_port()
        daemon = Daemon(write_config(tmp_path, "http://127.0.0.1:1/", port=port))
        try:
            assert heard()[0] == "READY=1"
            daemon.process.send_signal(signal.SIGHUP)
            reloading, ready = heard(), heard()
            assert reloading[0] == "RELOADING=1"
            assert reloading[1].partition("=")[0] == "MONOTONIC_USEC"
            assert int(reloading[1].partition("=")[2]) > 0
            assert ready[0] == "READY=1"
            assert ready[1].startswith(f"STATUS=serving on port {port}; reloaded at 2")
            assert ready[1].endswith("changed: nothing")

            write_config(
                tmp_path, "http://127.0.0.1:1/", port=port, receivers="[{name: a, notify: [team:x]}]"
            )
            daemon.process.send_signal(signal.SIGHUP)
            assert heard()[0] == "RELOADING=1"
            assert heard()[1].startswith(f"STATUS=serving on port {port}; reload REFUSED at 2")
            daemon.process.send_signal(signal.SIGTERM)
            assert heard()[0] == "STOPPING=1"
            assert daemon.process.wait(40) == 0
        finally:
            daemon.process.kill()

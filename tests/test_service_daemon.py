"""`serve` as its service manager sees it: a real process, a real socket."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from daemons import Daemon, get, write_config


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_the_manager_hears_when_it_serves_while_it_goes_round_and_when_it_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    address = f"@sms-notify-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")  # no $WATCHDOG_PID: whoever is started is meant
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        manager.settimeout(30)
        heard: list[str] = []

        def hear(wanted: str) -> None:
            while wanted not in heard:
                heard.extend(manager.recv(4096).decode().split("\n"))

        daemon = Daemon(write_config(tmp_path, "http://127.0.0.1:1/"))
        hear("READY=1")
        port = daemon.url.rpartition(":")[2]
        assert f"STATUS=serving on port {port}" in heard
        assert get(daemon.url, "/-/ready") == "OK"
        hear("WATCHDOG=1")
        assert "STOPPING=1" not in heard
        daemon.process.send_signal(signal.SIGTERM)
        hear("STOPPING=1")
        assert daemon.process.wait(40) == 0


def test_a_daemon_whose_manager_is_gone_serves_and_stops_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    monkeypatch.setenv("WATCHDOG_USEC", "soon")

    assert Daemon(write_config(tmp_path, "http://127.0.0.1:1/")).stop() == 0

"""The dead man's switch of the real daemon, at the simulated gateway: what lies in its outbox, and who is told of it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import PASSWORD, Daemon, command, eventually, get, write_config

from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

ALICE, BOB = "32470000001", "31612345678"
ARMED = "{after: 15m, notify: [person:alice]}"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorSettings("acme", Secret(PASSWORD), credits=500)) as running:
        yield running


def numbers(simulator: Simulator) -> list[str]:
    return [number for entry in simulator.outbox() for number in entry.order.numbers]


@pytest.fixture(autouse=True)
def started() -> Iterator[list[Daemon]]:
    """Whatever still runs ends with the test."""
    _STARTED.clear()
    yield _STARTED
    for daemon in _STARTED:
        if daemon.process.poll() is None:
            daemon.kill()


_STARTED: list[Daemon] = []


def started_by(config: Path) -> Daemon:
    _STARTED.append(Daemon(config))
    return _STARTED[-1]


def serving(folder: Path, simulator: Simulator, site_alive: str = ARMED) -> Daemon:
    """The gateway's answers are on the disk: what dies before that does not know that its text lies there."""
    daemon = started_by(write_config(folder, simulator.gateway_url, site_alive=site_alive))
    armed = "select 1 from armed where state = 'armed'"
    assert eventually(lambda: daemon.rows(armed) != [])
    return daemon


def write(daemon: Daemon, simulator: Simulator, **sections: str) -> None:
    port = int(daemon.url.rpartition(":")[2])
    write_config(daemon.config.parent, simulator.gateway_url, port=port, **sections)


def test_a_killed_daemon_leaves_its_text_armed_and_the_next_one_pushes_it(
    tmp_path: Path, simulator: Simulator
) -> None:
    daemon = serving(tmp_path, simulator)
    first = simulator.outbox()
    daemon.kill()
    assert simulator.outbox() == first
    again = started_by(daemon.config)
    assert eventually(
        lambda: json.loads(command(again.config, "watch", "--json").stdout)["site_alive"] == "armed"
    )
    assert simulator.outbox() == first  # it lies well ahead still
    assert again.stop() == 0


def test_a_stop_keeps_it_armed_and_says_so(tmp_path: Path, simulator: Simulator) -> None:
    daemon = serving(tmp_path, simulator)
    assert daemon.stop() == 0
    assert numbers(simulator) == [ALICE]
    assert "site_alive stays armed" in daemon.said()


def test_the_log_says_once_a_start_who_is_texted_and_when(tmp_path: Path, simulator: Simulator) -> None:
    daemon = serving(tmp_path, simulator)
    armed = "INFO site_alive is armed to=alice until="
    assert eventually(lambda: armed in daemon.said())
    daemon.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: "reloaded" in daemon.said())
    daemon.kill()
    again = started_by(daemon.config)
    assert eventually(lambda: again.said().count(armed) > 1)  # it lies there from before
    assert again.stop() == 0
    assert again.said().count(armed) == 2
    assert ALICE not in again.said()


def test_a_stop_takes_it_back_where_the_configuration_says_so(tmp_path: Path, simulator: Simulator) -> None:
    daemon = serving(tmp_path, simulator, "{notify: [person:alice], disarm_on_stop: true}")
    assert daemon.stop() == 0
    assert numbers(simulator) == []
    assert "stays armed" not in daemon.said()


def test_a_stop_that_cannot_take_it_back_says_that_it_will_leave(
    tmp_path: Path, simulator: Simulator
) -> None:
    daemon = serving(tmp_path, simulator, "{notify: [person:alice], disarm_on_stop: true}")
    simulator.change(force_error=120)
    assert daemon.stop() == 0
    assert numbers(simulator) == [ALICE]
    assert "site_alive stays armed" in daemon.said()


def test_a_reload_arms_the_new_reader_and_takes_the_old_ones_text_back(
    tmp_path: Path, simulator: Simulator
) -> None:
    daemon = serving(tmp_path, simulator)
    write(daemon, simulator, site_alive="{notify: [person:bob]}")
    daemon.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: numbers(simulator) == [BOB])
    write(daemon, simulator)
    daemon.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: numbers(simulator) == [])
    assert daemon.stop() == 0


def test_disarm_takes_it_back_until_the_next_start(tmp_path: Path, simulator: Simulator) -> None:
    daemon = serving(tmp_path, simulator)
    done = command(daemon.config, "watch", "disarm")
    assert done.returncode == 0, done.stderr
    assert "disarmed until sms-notify starts again" in done.stdout
    assert numbers(simulator) == []
    daemon.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: "reloaded" in daemon.said())
    assert daemon.stop() == 0
    assert numbers(simulator) == []
    again = started_by(daemon.config)
    assert eventually(lambda: numbers(simulator) == [ALICE])
    assert again.stop() == 0


def test_disarm_works_without_a_daemon(tmp_path: Path, simulator: Simulator) -> None:
    daemon = serving(tmp_path, simulator)
    daemon.kill()
    assert command(daemon.config, "watch", "disarm").returncode == 0
    assert numbers(simulator) == []


def test_a_disarm_that_fails_says_when_the_text_leaves(tmp_path: Path, simulator: Simulator) -> None:
    daemon = serving(tmp_path, simulator)
    daemon.kill()
    simulator.change(force_error=150)
    done = command(daemon.config, "watch", "disarm")
    assert done.returncode == 1
    assert "main may text alice at" in done.stdout


def test_test_schedules_a_text_two_minutes_ahead_and_says_when_it_comes(
    tmp_path: Path, simulator: Simulator
) -> None:
    daemon = serving(tmp_path, simulator)
    tried = command(daemon.config, "watch", "test")
    assert tried.returncode == 0, tried.stderr
    assert "alice: must come at " in tried.stdout
    assert [entry.order.text.startswith("TEST ") for entry in simulator.outbox()] == [
        True,
        False,
    ]  # the next one first
    assert "TEST " in command(daemon.config, "outbox", "list").stdout
    assert daemon.stop() == 0


def test_test_says_why_a_text_was_refused(tmp_path: Path, simulator: Simulator) -> None:
    daemon = serving(tmp_path, simulator)
    simulator.change(force_error=108)
    tried = command(daemon.config, "watch", "test")
    assert tried.returncode == 1
    assert "alice: not scheduled at main: error 108" in tried.stdout
    assert daemon.stop() == 0


def test_page_metric_and_command_say_the_same(tmp_path: Path, simulator: Simulator) -> None:
    daemon = serving(tmp_path, simulator)
    assert eventually(lambda: "sms_notify_site_alive_armed 1.0" in get(daemon.url, "/metrics"))
    shown = command(daemon.config, "watch").stdout
    assert shown.startswith("site_alive is armed\nmain will text alice at ")
    assert daemon.stop() == 0
    assert "went out" not in shown


def test_a_text_that_the_gateway_refuses_is_told_with_the_reason(
    tmp_path: Path, simulator: Simulator
) -> None:
    simulator.change(force_error=115)
    daemon = started_by(write_config(tmp_path, simulator.gateway_url, site_alive=ARMED))
    assert eventually(lambda: "site_alive: arm to=" in daemon.said())
    assert 'reason="error 115"' in daemon.said()
    assert "sms_notify_site_alive_armed 0.0" in get(daemon.url, "/metrics")
    simulator.change(force_error=None)
    daemon.process.send_signal(signal.SIGHUP)  # a reload waits for no pause
    assert eventually(lambda: numbers(simulator) == [ALICE])
    assert daemon.stop() == 0


LATER = "{late: {rotation: {members: [alice], every: 1w, handover: '09:00', start: 2199-01-07}}}"


def test_the_operator_hears_that_there_is_nobody_to_text_until_there_is(
    tmp_path: Path, simulator: Simulator
) -> None:
    nobody = {"schedules": LATER, "site_alive": "{notify: ['schedule:late']}"}
    daemon = started_by(write_config(tmp_path, simulator.gateway_url, **nobody))
    open_still = "select count(*) from troubles where closed_at is null and id like 'site_alive/%'"
    assert eventually(lambda: daemon.rows(open_still) == [(1,)])
    assert eventually(lambda: "site_alive has nobody to text" in daemon.said())
    write(daemon, simulator, site_alive=ARMED)
    daemon.process.send_signal(signal.SIGHUP)
    assert eventually(lambda: numbers(simulator) == [ALICE])
    assert eventually(lambda: daemon.rows(open_still) == [(0,)])
    assert daemon.stop() == 0

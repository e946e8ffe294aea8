"""A whole site that dies, in real time: the gateway texts for it; a site that comes back in time is not told of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import PASSWORD, Daemon, eventually, write_config

from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

AFTER, MINUTE = 120.0, 60.0  # the least that `after` may be


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorSettings("acme", Secret(PASSWORD), credits=500)) as running:
        yield running


def serving(folder: Path, simulator: Simulator) -> Daemon:
    site_alive = "{after: 2m, notify: [person:alice]}"
    daemon = Daemon(write_config(folder, simulator.gateway_url, site_alive=site_alive))
    assert eventually(lambda: len(simulator.outbox()) == 1)
    return daemon


def test_a_site_that_is_killed_is_told_of_within_after_and_a_minute(
    tmp_path: Path, simulator: Simulator
) -> None:
    daemon = serving(tmp_path, simulator)
    time.sleep(AFTER)  # it is pushed ahead meanwhile
    assert simulator.texts() == []
    died = time.monotonic()
    daemon.kill()
    texts = simulator.wait_for_texts(1, timeout=AFTER + MINUTE)
    assert time.monotonic() - died <= AFTER + MINUTE
    assert "monitoring silent since" in texts[0].text
    again = Daemon(daemon.config)
    assert eventually(lambda: "the text went out while sms-notify was down" in again.said())
    assert again.stop() == 0


def test_a_site_that_comes_back_in_time_is_not_told_of(tmp_path: Path, simulator: Simulator) -> None:
    daemon = serving(tmp_path, simulator)
    daemon.kill()
    time.sleep(AFTER / 3)
    again = Daemon(daemon.config)
    time.sleep(2 * AFTER + MINUTE)
    assert simulator.texts() == []
    assert len(simulator.outbox()) <= 2
    assert again.stop() == 0

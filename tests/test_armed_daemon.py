"""Steps in the gateway's outbox, by the real daemon: armed, taken back, and left behind by a kill."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemons import PASSWORD, Daemon, command, eventually, free_port, payload, post, write_config

from sms_notify.config.load import load
from sms_notify.daemon.app import App
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

BOB = "31612345678"
RECEIVERS = "[{name: oncall, notify: [person:alice], gateway_armed: true, escalate: [{after: 5m, notify: [person:bob]}]}]"


@dataclass
class AheadClock:
    """The machine's, so far ahead."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> AheadClock:
    return AheadClock()


@pytest.fixture
def simulator(clock: AheadClock) -> Iterator[Simulator]:
    settings = SimulatorSettings("acme", Secret(PASSWORD), buffered_after=0, final_after=0)
    with Simulator(settings, now=clock) as running:
        yield running


def bobs(simulator: Simulator) -> list[str]:
    return [text.text for text in simulator.texts() if text.number == BOB]


def daemon_with(folder: Path, simulator: Simulator) -> Daemon:
    port = free_port()
    web = f"{{listen: '127.0.0.1:{port}', webhook_tokens_file: tokens, external_url: 'http://127.0.0.1:{port}'}}"
    return Daemon(write_config(folder, simulator.gateway_url, receivers=RECEIVERS, web=web))


def test_it_lies_at_the_gateway_with_the_first_text_and_an_acknowledgement_by_command_takes_it_back(
    tmp_path: Path, simulator: Simulator
) -> None:
    daemon = daemon_with(tmp_path, simulator)
    try:
        assert post(daemon.url, payload("HostDown")) == 200
        assert eventually(lambda: [e.order.numbers for e in simulator.outbox()] == [(BOB,)]), daemon.said()
        assert "outbox of main" in command(daemon.config, "explain", "1").stdout

        assert command(daemon.config, "ack", "1").returncode == 0
        assert eventually(lambda: simulator.outbox() == []), daemon.said()
        assert eventually(lambda: "step taken back from the outbox" in daemon.said()), daemon.said()
        assert "step armed at the gateway" in daemon.said()
    finally:
        daemon.kill()


def test_the_link_of_the_first_text_takes_it_back(tmp_path: Path, simulator: Simulator) -> None:
    import requests

    daemon = daemon_with(tmp_path, simulator)
    try:
        assert post(daemon.url, payload("HostDown")) == 200
        assert eventually(lambda: len(simulator.outbox()) == 1), daemon.said()
        link = re.search(r"http\S+/a/\w+", simulator.texts()[0].text)
        assert link is not None
        assert "/a/" not in simulator.outbox()[0].order.text
        with requests.post(link[0], timeout=10) as answer:
            assert answer.status_code == 200
        assert eventually(lambda: simulator.outbox() == []), daemon.said()
    finally:
        daemon.kill()


def test_after_a_kill_it_is_told_and_whoever_starts_next_does_not_tell_it_again(
    tmp_path: Path, simulator: Simulator, clock: AheadClock
) -> None:
    daemon = daemon_with(tmp_path, simulator)
    try:
        assert post(daemon.url, payload("HostDown")) == 200
        assert eventually(lambda: len(simulator.outbox()) == 1), daemon.said()
        assert eventually(lambda: daemon.rows("select state from armed") == [("armed",)])
    finally:
        daemon.kill()
    clock.ahead += timedelta(minutes=10)
    simulator.tick()
    assert len(bobs(simulator)) == 1

    app = App(load(daemon.config, {}), clock=clock)
    try:
        app.start()
        told = "select m.state from messages m where m.recipient = 'bob'"
        assert eventually(lambda: daemon.rows("select state from armed") == [("fired",)])
        assert daemon.rows(told) == [("sent",)]
        assert post(daemon.url, payload("HostDown", status="resolved")) == 200
        assert eventually(lambda: len(bobs(simulator)) == 2)
    finally:
        app.stop()
        with closing(daemon.store):
            pass
    assert [text.split()[0] for text in bobs(simulator)] == ["ESCALATED", "OK"]

"""The daemon on PostgreSQL as it runs: from webhook to phone, through SIGKILL and through a server that crashes."""

from __future__ import annotations

import signal
import tempfile
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import PASSWORD, Daemon, command, eventually, get, payload, post, write_config
from postgres_server import PostgresServer

from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store.database import open_store


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    settings = SimulatorSettings("acme", Secret(PASSWORD), credits=5000, buffered_after=0, final_after=0)
    with Simulator(settings) as running:
        yield running


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server that these tests may stop."""
    with tempfile.TemporaryDirectory(prefix="sms-notify-pg-", dir="/tmp") as folder:
        running = PostgresServer(Path(folder))
        yield running
        running.stop()


@pytest.fixture
def config(tmp_path: Path, simulator: Simulator, postgres: PostgresServer) -> Path:
    return write_config(tmp_path, simulator.gateway_url, storage=postgres.empty())


@pytest.fixture
def daemon(config: Path) -> Iterator[Daemon]:
    running = serving(config)
    yield running
    if running.process.poll() is None:
        running.kill()
    running.store.close()


def serving(config: Path) -> Daemon:
    running = Daemon(config)
    url = next(line for line in config.read_text("utf-8").splitlines() if line.startswith("storage: "))
    running.store = open_store(url.removeprefix("storage: "))
    return running


def all_sent(daemon: Daemon) -> bool:
    return daemon.rows("select count(*) from messages where state in ('queued', 'submitting')") == [(0,)]


def test_an_alert_becomes_a_text_a_metric_and_a_row_that_the_commands_show(
    daemon: Daemon, simulator: Simulator
) -> None:
    assert post(daemon.url, payload("HostDown")) == 200
    texts = simulator.wait_for_texts(2, timeout=20)

    assert {text.number for text in texts} == {"32470000001", "31612345678"}
    assert eventually(lambda: all_sent(daemon))
    assert 'sms_notify_messages_total{gateway="main",outcome="sent"} 2' in get(daemon.url, "/metrics")
    assert float(get(daemon.url, "/metrics").rpartition("sms_notify_store_bytes ")[2].split()[0]) > 1_000_000
    assert get(daemon.url, "/-/ready") == "OK"
    assert "HostDown" in command(daemon.config, "incidents").stdout
    assert command(daemon.config, "check-config").returncode == 0
    for refused, advice in (("check",), "pg_amcheck"), (("backup", "/tmp/nowhere"), "pg_dump"):
        told = command(daemon.config, "db", *refused)
        assert told.returncode != 0
        assert advice in told.stderr


def test_after_kill_9_nothing_is_lost_and_nothing_doubled(
    config: Path, daemon: Daemon, simulator: Simulator
) -> None:
    names = [f"Alert{n}" for n in range(8)]
    for name in names:
        assert post(daemon.url, payload(name)) == 200
    daemon.kill()

    again = serving(config)
    for name in names:  # its sender asks again
        assert post(again.url, payload(name)) == 200
    assert eventually(lambda: all_sent(again), 60)
    assert again.rows("select count(*) from incidents") == [(len(names),)]
    waiting = {
        (number.lstrip("+"), name)
        for number, body in again.rows("select number, body from messages where state like 'unknown%'")
        for name in names
        if name in body
    }
    again.stop()
    again.store.close()
    told = [(text.number, name) for text in simulator.texts() for name in names if name in text.text]
    owed = {(number, name) for number in ("32470000001", "31612345678") for name in names}
    assert owed <= {*told, *waiting}
    assert len(told) == len(set(told))  # what is not known is sent again after a minute, and this takes less


def test_while_the_server_is_down_an_alert_gets_503_and_then_all_goes_on(
    daemon: Daemon, simulator: Simulator, postgres: PostgresServer
) -> None:
    assert post(daemon.url, payload("Before")) == 200
    postgres.stop(signal.SIGQUIT)
    assert post(daemon.url, payload("Meanwhile")) == 503
    assert eventually(lambda: "PostgreSQL cannot be reached" in ready(daemon))
    assert "postgresql://" not in ready(daemon)  # anybody may ask
    postgres.start()

    assert eventually(lambda: post(daemon.url, payload("Meanwhile")) == 200)
    assert eventually(lambda: ready(daemon) == "OK")
    assert eventually(lambda: all_sent(daemon))
    texts = [text.text for text in simulator.texts()]
    assert [sum(name in text for text in texts) for name in ("Before", "Meanwhile")] == [2, 2]
    assert daemon.process.poll() is None


def ready(daemon: Daemon) -> str:
    try:
        return get(daemon.url, "/-/ready")
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()

"""Two nodes on one PostgreSQL, in real time: the site is silent when the last of them is, and a watch is told of once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import PASSWORD, eventually, get
from node_pairs import Nodes
from stores import server

from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

AFTER, MINUTE = 120.0, 60.0  # the least that `after` may be
MISSING_FOR, LEASE = 30.0, 10.0  # the least that `missing_for` may be
LATE = 20.0  # what a loaded machine may need to notice and to send
SECRET = "beat" * 4


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    settings = SimulatorSettings("acme", Secret(PASSWORD), credits=500, buffered_after=0, final_after=0)
    with Simulator(settings) as running:
        yield running


@pytest.fixture
def nodes(tmp_path: Path, simulator: Simulator) -> Iterator[Nodes]:
    made = Nodes(tmp_path, simulator, server().empty())
    yield made
    made.end()


@pytest.fixture
def guarded(nodes: Nodes, simulator: Simulator) -> Nodes:
    nodes.sections["site_alive"] = "{after: 2m, notify: [person:alice]}"
    nodes.pair()
    assert eventually(lambda: len(simulator.outbox()) == 1, LATE)
    return nodes


def test_a_site_is_not_silent_while_one_node_lives_and_is_told_of_once_when_none_does(
    guarded: Nodes, simulator: Simulator
) -> None:
    first, second = guarded.daemons
    first.kill()
    time.sleep(AFTER + MINUTE)  # what it had armed would have left by now
    assert simulator.texts() == []
    assert simulator.outbox() != []
    died = time.monotonic()
    second.kill()
    texts = simulator.wait_for_texts(1, timeout=AFTER + MINUTE)
    assert time.monotonic() - died <= AFTER + MINUTE
    assert "monitoring silent since" in texts[0].text
    assert len(texts) == 1
    assert simulator.outbox() == []  # so no other one follows


def test_a_site_of_which_one_node_comes_back_in_time_is_not_told_of(
    guarded: Nodes, simulator: Simulator
) -> None:
    """The one that comes back is not the one that had armed the text."""
    for daemon in guarded.daemons:
        daemon.kill()
    died = time.monotonic()
    time.sleep(AFTER / 3)
    again = guarded.start("two")
    assert eventually(lambda: "site_alive is armed" in again.said(), LEASE + LATE)
    time.sleep(died + AFTER + MINUTE - time.monotonic())
    assert simulator.texts() == []
    assert 1 <= len(simulator.outbox()) <= 2
    assert again.stop() == 0


def test_a_watch_pages_once_and_ends_once_though_the_node_that_leads_dies_in_its_silence(
    nodes: Nodes, simulator: Simulator
) -> None:
    """It dies so late that its lease outlives the moment of the page."""
    watch = "{{name: backup, secret: {}, missing_for: 30s, notify: [person:alice]}}"
    nodes.sections["watch"] = f"[{watch.format(SECRET)}]"
    first, second = nodes.pair()
    for daemon in (first, second, first):
        get(daemon.url, f"/watch/{SECRET}")
    silent = time.monotonic()
    time.sleep(MISSING_FOR - LEASE / 5)
    assert simulator.texts() == []
    first.kill()
    [page] = simulator.wait_for_texts(1, timeout=LEASE + LATE)
    assert time.monotonic() - silent >= MISSING_FOR
    assert "no sign of life from backup" in page.text
    assert nodes.leads(second)
    first = nodes.start("one")  # a node that joins tells nobody again
    time.sleep(MISSING_FOR)
    assert len(simulator.texts()) == 1
    for daemon in (first, second):
        get(daemon.url, f"/watch/{SECRET}")
    [_, ended] = simulator.wait_for_texts(2, timeout=LATE)
    assert "OK" in ended.text
    time.sleep(MISSING_FOR / 2)
    assert len(simulator.texts()) == 2

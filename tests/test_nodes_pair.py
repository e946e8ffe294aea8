"""Two daemons share one PostgreSQL: any takes any alert, one does what goes by time, and another goes on when it dies."""

from __future__ import annotations

import json
import re
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from daemons import PASSWORD, command, eventually, get, payload, post
from node_pairs import Nodes, of_a_later_version, ready, with_a_clock_ahead
from postgres_server import PostgresServer

from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

ALICE, BOB = "32470000001", "31612345678"
STEPS = "[{name: oncall, notify: [person:alice], escalate: [{after: 20s, notify: [person:bob]}]}]"
CLOCK = (
    "create schema skew",
    "create table skew.ahead (by interval not null)",
    "insert into skew.ahead values ('0')",
    "create function skew.clock_timestamp() returns timestamptz language sql as"
    " 'select pg_catalog.clock_timestamp() + (select by from skew.ahead)'",
    "do $$ begin execute 'alter database ' || current_database() || ' set search_path = public, skew, pg_catalog'; end $$",
)
WITHIN = 90  # seconds that a loaded machine may need for what takes ten


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    settings = SimulatorSettings("acme", Secret(PASSWORD), credits=5000, buffered_after=0, final_after=0)
    with Simulator(settings) as running:
        yield running


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="sms-notify-pg-", dir="/tmp") as folder:
        running = PostgresServer(Path(folder))
        yield running
        running.stop()


@pytest.fixture
def nodes(tmp_path: Path, simulator: Simulator, postgres: PostgresServer) -> Iterator[Nodes]:
    made = Nodes(tmp_path, simulator, postgres.empty())
    yield made
    made.end()


def told(simulator: Simulator, name: str) -> list[str]:
    return sorted(text.number for text in simulator.texts() if name in text.text)


def outbox(simulator: Simulator) -> list[str]:
    return [number for entry in simulator.outbox() for number in entry.order.numbers]


def test_an_alert_that_both_get_at_once_is_one_incident_and_one_text_a_person(
    nodes: Nodes, simulator: Simulator
) -> None:
    pair = nodes.pair()
    answers: list[int] = []
    for name in ("Pair1", "Pair2", "Pair3"):
        posts = [
            threading.Thread(target=lambda d=daemon, n=name: answers.append(post(d.url, payload(n))))
            for daemon in pair
        ]
        for one in posts:
            one.start()
        for one in posts:
            one.join()
    assert answers == [200] * 6
    assert eventually(lambda: len(simulator.texts()) >= 6, WITHIN)
    waiting = "select count(*) from messages where state in ('queued', 'submitting')"
    assert eventually(lambda: pair[0].rows(waiting) == [(0,)])
    assert pair[0].rows("select count(*) from incidents") == [(3,)]
    assert [told(simulator, name) for name in ("Pair1", "Pair2", "Pair3")] == [[BOB, ALICE]] * 3


def test_a_step_goes_out_by_the_other_node_when_the_one_that_leads_is_killed(
    nodes: Nodes, simulator: Simulator
) -> None:
    nodes.sections["receivers"] = STEPS
    first, second = nodes.pair()
    assert not nodes.leads(second)
    assert post(first.url, payload("Steps")) == 200
    assert eventually(lambda: told(simulator, "Steps") == [ALICE], WITHIN)
    first.kill()
    died = time.monotonic()
    assert eventually(lambda: nodes.leads(second), WITHIN)
    assert time.monotonic() - died < 15  # the lease has 10 s at most
    assert eventually(lambda: told(simulator, "Steps") == [BOB, ALICE], WITHIN)
    late = "select max(m.created_at) - min(m.created_at) from messages m"
    [(apart,)] = second.rows(late)
    assert 20_000_000 <= apart < 33_000_000


def test_a_clean_stop_hands_the_lead_over_at_once_and_the_nodes_are_listed(
    nodes: Nodes, simulator: Simulator
) -> None:
    first, second = nodes.pair()
    shown = json.loads(command(second.config, "nodes", "--json").stdout)["nodes"]
    assert [one["leads"] for one in shown] == [True, False]
    assert len({one["node"] for one in shown}) == 2
    assert len({one["host"] for one in shown}) == 1
    page = get(second.url, "/configuration")
    assert all(one["node"] in page for one in shown)
    assert first.stop() == 0
    assert eventually(lambda: nodes.leads(second), WITHIN)
    [left] = json.loads(command(second.config, "nodes", "--json").stdout)["nodes"]
    assert left["leads"]
    assert post(second.url, payload("Alone")) == 200
    assert eventually(lambda: told(simulator, "Alone") == [BOB, ALICE], WITHIN)


def test_a_node_that_comes_back_late_does_nothing_that_another_does_now(
    nodes: Nodes, simulator: Simulator
) -> None:
    nodes.sections["receivers"] = STEPS
    first, second = nodes.pair()
    first.process.send_signal(signal.SIGSTOP)
    assert eventually(lambda: nodes.leads(second), WITHIN)
    assert post(second.url, payload("Fenced")) == 200
    first.process.send_signal(signal.SIGCONT)
    assert eventually(lambda: not nodes.leads(first), WITHIN)
    assert eventually(lambda: told(simulator, "Fenced") == [BOB, ALICE], WITHIN)
    assert nodes.leads(second)
    assert ready(first) == "OK"


def test_the_text_of_a_silent_site_stays_armed_while_one_node_lives_and_leaves_when_none_does(
    nodes: Nodes, simulator: Simulator
) -> None:
    nodes.sections["site_alive"] = "{after: 15m, notify: [person:alice]}"
    first, second = nodes.pair()
    armed = "select id from armed where state = 'armed'"
    assert eventually(lambda: first.rows(armed) != [], WITHIN)
    assert outbox(simulator) == [ALICE]
    first.kill()
    assert eventually(lambda: nodes.leads(second), WITHIN)
    assert eventually(lambda: "site_alive is armed" in second.said(), WITHIN)
    assert outbox(simulator) == [ALICE]  # one, and the same switch: not one of each node
    second.kill()
    assert outbox(simulator) == [ALICE]  # nobody takes it back any more, so it leaves


def test_nodes_that_run_different_configurations_say_so(nodes: Nodes) -> None:
    first = nodes.start("one")
    second = nodes.start(
        "two", people="{alice: {number: '+32 470 00 00 02'}, bob: {number: '+31 6 1234 5678'}}"
    )
    assert eventually(lambda: "nodes differ" in first.said() + second.said(), WITHIN)
    shown = command(first.config, "nodes")
    assert shown.returncode == 1
    assert "different configurations" in shown.stdout
    assert len(re.findall(r" \d\d:\d\d:\d\d ", shown.stdout)) == 2  # a node is dead after fifteen seconds


def test_a_pair_is_upgraded_one_node_after_the_other(
    nodes: Nodes, simulator: Simulator, tmp_path: Path
) -> None:
    """From the first start of the later version on the other node refuses, and says what to do."""
    later = of_a_later_version(tmp_path)
    first, second = nodes.pair()
    assert first.stop() == 0
    assert post(second.url, payload("Before")) == 200
    assert eventually(lambda: told(simulator, "Before") == [BOB, ALICE], WITHIN)
    first = nodes.start("one", later)
    assert post(second.url, payload("Refused")) == 503
    said = "a newer sms-notify has converted the database"
    assert eventually(lambda: said in ready(second), WITHIN)
    assert post(first.url, payload("Refused")) == 200
    assert eventually(lambda: told(simulator, "Refused") == [BOB, ALICE], WITHIN)
    assert eventually(lambda: nodes.leads(first), WITHIN)
    second.stop()
    second = nodes.start("two", later)
    assert post(second.url, payload("After")) == 200
    assert eventually(lambda: told(simulator, "After") == [BOB, ALICE], WITHIN)


def test_a_node_whose_clock_is_ten_minutes_ahead_changes_nothing(
    nodes: Nodes, simulator: Simulator, tmp_path: Path
) -> None:
    nodes.sections["receivers"] = STEPS
    first = nodes.start("one")
    assert eventually(lambda: nodes.leads(first), WITHIN)
    ahead = nodes.start("two", with_a_clock_ahead(tmp_path))
    assert post(ahead.url, payload("Skewed")) == 200
    assert eventually(lambda: told(simulator, "Skewed") == [ALICE], WITHIN)
    [(apart,)] = first.rows("select max(created_at) - min(seen_at) from messages, nodes")
    assert abs(apart) < 60_000_000
    assert nodes.leads(first)
    first.kill()
    assert eventually(lambda: told(simulator, "Skewed") == [BOB, ALICE], WITHIN)
    [(apart,)] = ahead.rows("select max(m.created_at) - min(m.created_at) from messages m")
    assert 20_000_000 <= apart < 33_000_000
    assert "the clock was set" not in first.said() + ahead.said()


@pytest.mark.parametrize("killed", [False, True])
def test_a_clock_of_the_database_that_is_set_shifts_what_waits_once(
    nodes: Nodes, simulator: Simulator, killed: bool
) -> None:
    """Also where the node that led dies just before. The clock is a function that the test can set: found before
    PostgreSQL's own.
    """
    with psycopg.connect(nodes.url, autocommit=True) as admin:
        for sql in CLOCK:
            admin.execute(sql.encode())
    nodes.sections["receivers"] = STEPS.replace("20s", "1h")
    first, second = nodes.pair()
    assert post(second.url, payload("Stepped")) == 200
    assert eventually(lambda: told(simulator, "Stepped") == [ALICE], WITHIN)
    due = "select due_at from agenda where what = 'escalate'"
    before = first.rows(due)
    if killed:
        first.kill()
    living = (second,) if killed else (first, second)
    with psycopg.connect(nodes.url, autocommit=True) as admin:
        admin.execute("update skew.ahead set by = interval '2 hours'")
    assert eventually(lambda: all("the clock was set" in one.said() for one in living), WITHIN)
    assert eventually(lambda: first.rows(due) != before, WITHIN)
    [(was,)], [(now,)] = before, first.rows(due)
    assert abs(now - was - 7_200_000_000) < 10_000_000
    assert told(simulator, "Stepped") == [ALICE]
    assert eventually(lambda: sum(map(nodes.leads, living)) == 1, WITHIN)


def test_a_clock_of_the_database_that_is_set_back_makes_nothing_due(
    nodes: Nodes, simulator: Simulator
) -> None:
    """As after a failover to a server whose clock is behind: what a node thought the time was is ahead of it by then."""
    with psycopg.connect(nodes.url, autocommit=True) as admin:
        for sql in CLOCK:
            admin.execute(sql.encode())
    nodes.sections["receivers"] = STEPS.replace("20s", "1h")
    first = nodes.start("one")
    assert eventually(lambda: nodes.leads(first), WITHIN)
    assert post(first.url, payload("Back")) == 200
    assert eventually(lambda: told(simulator, "Back") == [ALICE], WITHIN)
    due = "select due_at from agenda where what = 'escalate'"
    before = first.rows(due)
    with psycopg.connect(nodes.url, autocommit=True) as admin:
        admin.execute("update skew.ahead set by = interval '-2 hours'")
    assert eventually(lambda: "the clock was set" in first.said(), WITHIN)
    assert eventually(lambda: first.rows(due) != before, WITHIN)
    assert first.rows("select number from messages order by id") == [(f"+{ALICE}",)]
    assert post(first.url, payload("Next")) == 200
    assert eventually(lambda: told(simulator, "Next") == [ALICE], WITHIN)

"""From a dead target to a phone, through Debian's Prometheus and Alertmanager, with the files that we ship."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Site
from daemons import TOKEN, eventually, get
from systems import Alertmanager, Prometheus, Target, Told, Wire

from sms_notify.simulator.records import SimulatedText
from sms_notify.simulator.server import Simulator

pytestmark = [pytest.mark.real, pytest.mark.timeout(170)]
PEOPLE = {"32470000001", "31612345678"}
HOSTS = ("web-1", "web-2", "web-3")
# There once a schedule, or a watch, is configured.
WITH_MORE_CONFIGURATION = {"sms_notify_oncall", "sms_notify_oncall_gap_seconds", "sms_notify_watch_missing"}
PATIENCE = 60.0  # seconds; what they take here is a few


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """Ends what the test has started, whatever becomes of the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def targets(running: ExitStack) -> dict[str, Target]:
    return {host: running.enter_context(Target()) for host in HOSTS}


def metric(site: Site, name: str) -> float:
    lines = get(site.daemon.url, "/metrics").splitlines()
    return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + " "))


def written(site: Site) -> int:
    """Texts that the daemon has decided on; it decides before it answers 200, so after that none can follow."""
    return int(site.daemon.rows("select count(*) from messages")[0][0])


def accepted(wire: Wire, *, firing: tuple[str, ...] = (), resolved: tuple[str, ...] = ()) -> list[Told]:
    """The deliveries of exactly these instances that were answered with 200."""
    fitting = [told for told in list(wire.told) if (told.firing, told.resolved) == (firing, resolved)]
    return [told for told in fitting if told.status == 200]


def ours(prometheus: Prometheus) -> list[dict[str, Any]]:
    return prometheus.rules("SmsNotify")


def verdicts(prometheus: Prometheus) -> set[tuple[str, str]]:
    return {(rule["health"], rule["state"]) for rule in ours(prometheus)}


def resolves(texts: list[SimulatedText], number: str) -> str:
    """What the texts tell as over: not what they say still fires, as in `OK HostDown web-1: 1 of 3, web-2 #… still firing`."""
    over = (text.text for text in texts if text.number == number and text.text.startswith("OK "))
    return " | ".join(re.split(r"[:,] \d+ of \d+, ", text)[0] for text in over)


def test_three_dead_targets_are_one_text_a_person_and_each_end_is_told_once(
    tmp_path: Path, site: Site, simulator: Simulator, running: ExitStack, targets: dict[str, Target]
) -> None:
    wire = running.enter_context(Wire(site.daemon.url))
    alertmanager = running.enter_context(Alertmanager(tmp_path / "am", wire.address, site.token_file))
    dead = {host: target.address for host, target in targets.items()}
    running.enter_context(
        Prometheus(tmp_path / "prometheus", site.address, site.token_file, (alertmanager.address,), dead)
    )

    texts = simulator.wait_for_texts(2, PATIENCE)
    assert eventually(lambda: bool(accepted(wire, firing=HOSTS)), PATIENCE)
    first = accepted(wire, firing=HOSTS)[0]
    waits = [(text.at - first.at).total_seconds() for text in texts]
    print("\nfrom Alertmanager's POST to the gateway having the text:", *(f"{wait:.3f} s" for wait in waits))
    assert max(waits) < 2
    assert {text.number for text in texts} == PEOPLE
    assert all(text.text.startswith("FIRING critical 3x HostDown") for text in texts)
    assert all(host in text.text for text in texts for host in HOSTS)

    # Alertmanager repeats itself every other second by now, and none of it is told again.
    assert eventually(lambda: len(accepted(wire, firing=HOSTS)) >= 4, PATIENCE)
    assert metric(site, 'sms_notify_alerts_suppressed_total{reason="duplicate"}') >= 9
    assert written(site) == 2

    targets["web-1"].rise()
    texts = simulator.wait_for_texts(4, PATIENCE)
    assert {text.number for text in texts[2:]} == PEOPLE
    assert all(text.text.startswith("OK HostDown web-1") for text in texts[2:])

    targets["web-2"].rise()
    targets["web-3"].rise()
    all_over = "select count(*) = 3 from incidents where closed_at is not null"
    assert eventually(lambda: site.daemon.rows(all_over) == [(1,)], PATIENCE)
    texts = simulator.wait_for_texts(written(site), PATIENCE)
    for number in PEOPLE:
        assert [resolves(texts, number).count(host) for host in HOSTS] == [1, 1, 1]
    assert eventually(
        lambda: site.daemon.rows("select distinct state from messages") == [("delivered",)], PATIENCE
    )


def test_prometheus_reads_our_metrics_and_every_shipped_rule_works_on_them(
    tmp_path: Path, site: Site, running: ExitStack
) -> None:
    prometheus = running.enter_context(Prometheus(tmp_path / "prometheus", site.address, site.token_file))

    assert eventually(lambda: prometheus.value('up{job="sms-notify"}') == 1, PATIENCE)
    assert eventually(
        lambda: prometheus.value('sms_notify_credits_remaining{gateway="main"}') == 500, PATIENCE
    )
    assert prometheus.value('count({job="sms-notify", __name__=~"sms_notify_.+"})') > 50
    assert len(ours(prometheus)) >= 5
    assert eventually(lambda: verdicts(prometheus) == {("ok", "inactive")}, PATIENCE), ours(prometheus)
    named = {name for rule in ours(prometheus) for name in re.findall(r"sms_notify_\w+", rule["query"])}
    assert len(named) >= 4
    assert {name for name in named if not prometheus.value(f"count({name})")} == WITH_MORE_CONFIGURATION


def test_prometheus_with_a_wrong_token_gets_no_metrics(
    tmp_path: Path, site: Site, running: ExitStack
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("guessed\n", "utf-8")
    prometheus = running.enter_context(Prometheus(tmp_path / "prometheus", site.address, wrong))

    assert eventually(lambda: prometheus.value('up{job="sms-notify"}') == 0, PATIENCE)
    assert "401" in prometheus.last_error("sms-notify")
    assert prometheus.value('count({__name__=~"sms_notify_.+"})') is None
    assert eventually(lambda: prometheus.rules("SmsNotifyDown")[0]["state"] == "pending", PATIENCE)


def test_two_alertmanagers_that_do_not_know_of_each_other_make_one_text(
    tmp_path: Path, site: Site, simulator: Simulator, running: ExitStack
) -> None:
    wires = [running.enter_context(Wire(site.daemon.url)) for _ in range(2)]
    pair = [
        running.enter_context(Alertmanager(tmp_path / f"am{n}", wire.address, site.token_file))
        for n, wire in enumerate(wires)
    ]
    starts = datetime.now(UTC)
    for alertmanager in pair:
        alertmanager.tell("web-1", starts=starts)
    assert eventually(lambda: all(accepted(wire, firing=("web-1",)) for wire in wires), PATIENCE)
    assert written(site) == 2

    ends = datetime.now(UTC)
    for alertmanager in pair:
        alertmanager.tell("web-1", starts=starts, ends=ends)
    assert eventually(lambda: all(accepted(wire, resolved=("web-1",)) for wire in wires), PATIENCE)
    assert written(site) == 4

    texts = simulator.wait_for_texts(4, PATIENCE)
    assert sorted((text.number, text.text.split()[0]) for text in texts) == sorted(
        (number, word) for number in PEOPLE for word in ("FIRING", "OK")
    )


def test_a_wrong_token_is_answered_with_401_and_nothing_is_stored(
    tmp_path: Path, site: Site, simulator: Simulator, running: ExitStack
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("guessed\n", "utf-8")
    wire = running.enter_context(Wire(site.daemon.url))
    alertmanager = running.enter_context(Alertmanager(tmp_path / "am", wire.address, wrong))
    alertmanager.tell("web-1", starts=datetime.now(UTC))

    assert eventually(lambda: len(wire.told) >= 2, PATIENCE)  # it does not give up either
    assert set(wire.statuses()) == {401}
    assert site.daemon.rows("select count(*) from alerts") == [(0,)]
    assert written(site) == 0
    assert "guessed" not in site.daemon.said()
    assert simulator.texts() == []


def test_while_the_daemon_is_down_alertmanager_keeps_trying_and_the_text_comes_once(
    tmp_path: Path, site: Site, simulator: Simulator, running: ExitStack
) -> None:
    alertmanager = running.enter_context(Alertmanager(tmp_path / "am", site.address, site.token_file))
    site.stop()
    alertmanager.tell("web-1", starts=datetime.now(UTC))
    assert eventually(lambda: alertmanager.failed_requests() >= 2, PATIENCE)
    assert "connection refused" in alertmanager.log.read_text("utf-8")
    assert simulator.texts() == []

    site.start()
    texts = simulator.wait_for_texts(2, PATIENCE)
    assert {text.number for text in texts} == PEOPLE
    repeated = "select count(*) >= 2 from alerts where reason = 'duplicate'"
    assert eventually(lambda: site.daemon.rows(repeated) == [(1,)], PATIENCE)
    assert written(site) == 2


def test_an_alertmanager_that_was_killed_and_tells_it_all_again_makes_no_second_text(
    tmp_path: Path, site: Site, simulator: Simulator, running: ExitStack, targets: dict[str, Target]
) -> None:
    wire = running.enter_context(Wire(site.daemon.url))
    alertmanager = running.enter_context(Alertmanager(tmp_path / "am", wire.address, site.token_file))
    dead = {host: target.address for host, target in targets.items()}
    running.enter_context(
        Prometheus(tmp_path / "prometheus", site.address, site.token_file, (alertmanager.address,), dead)
    )
    simulator.wait_for_texts(2, PATIENCE)

    alertmanager.kill()
    before = datetime.now(UTC)
    alertmanager.start()  # its notification log is gone, and Prometheus tells it the same alerts

    assert eventually(lambda: any(told.at > before for told in accepted(wire, firing=HOSTS)), PATIENCE)
    assert written(site) == 2
    assert len(simulator.texts()) == 2


def test_no_secret_is_in_any_log(
    tmp_path: Path, site: Site, simulator: Simulator, running: ExitStack
) -> None:
    alertmanager = running.enter_context(Alertmanager(tmp_path / "am", site.address, site.token_file))
    alertmanager.tell("web-1", starts=datetime.now(UTC) - timedelta(hours=1))
    simulator.wait_for_texts(2, PATIENCE)
    site.stop()
    assert eventually(lambda: alertmanager.failed_requests() >= 1, PATIENCE)

    assert TOKEN not in alertmanager.log.read_text("utf-8")
    assert TOKEN not in site.daemon.said()

"""Watches through the engine and its store, by their address, in the command, in the metric and on the page."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from daemons import PASSWORD, Daemon, command, eventually, free_port, get, write_config
from stores import a_store
from test_cli_deciding import Site, machine_in_brussels, said, site_of  # noqa: F401 - a fixture
from test_statements import Counting
from web_serving import SOON, Recorder, Served, serving
from workbench import NOON, Bench, a_plan, firing, resolved

from sms_notify.alert import Alert, Delivery
from sms_notify.engine import Engine, Verdict
from sms_notify.errors import StoreError
from sms_notify.metrics import AskedAtScrape, Metrics
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.vocabulary import AckBy, Heard
from sms_notify.policy.watches import HEARTBEAT, WatchRule, heartbeat
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import outbox, watch_rows
from sms_notify.web.roles import Token
from sms_notify.web.settings import WebSettings

TEN = timedelta(minutes=10)
RULE = WatchRule("prometheus", TEN, parse_matchers('alertname="Watchdog"'))
BY_CLUSTER = replace(RULE, by=("cluster",))
SECRET = "w" * 16
IDLE, REPEAT = 1, 3  # statements
LOCKED = WebSettings(port=0, tokens=(Token(Secret("t0ken-of-somebody")),))


def plan_with(*rules: WatchRule) -> Engine:
    return Engine(replace(a_plan(), watches={rule.name: rule for rule in rules}), "node")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(a_store(tmp_path / "x.db"), plan_with(RULE))
    made.commit(lambda tx: made.engine.recover(tx, NOON))
    return made


def reload(bench: Bench, *rules: WatchRule) -> None:
    bench.engine = plan_with(*rules)
    bench.commit(lambda tx: bench.engine.adopt(tx, bench.clock()))


def heard(bench: Bench, *alerts: Alert) -> list[Heard]:
    return [verdict.heard for verdict in bench.accept(*alerts)]


def fall_silent(bench: Bench) -> None:
    bench.clock.move(minutes=10)
    bench.tick()


# The engine.


def test_a_sign_of_life_is_no_incident_and_texts_nobody(bench: Bench) -> None:
    assert heard(bench, firing("Watchdog"), firing("Disk")) == [Heard.WATCHED, Heard.FIRST]
    assert [row["labels"] for row in bench.rows("select labels from incidents")] == [
        '{"alertname":"Disk","severity":"critical"}'
    ]
    assert bench.rows("select status, reason from alerts")[0] == {"status": "firing", "reason": "watched"}


def test_its_end_is_no_sign_of_life(bench: Bench) -> None:
    heard(bench, firing("Watchdog"))
    bench.clock.move(minutes=9)

    assert heard(bench, resolved("Watchdog")) == [Heard.NEVER_FIRED]
    assert bench.rows("select due_at - since as wait, missing from watches") == [
        {"wait": TEN // timedelta(microseconds=1), "missing": 0}
    ]


def test_a_silence_is_told_through_the_routes_and_its_end_with_the_sign_that_ends_it(bench: Bench) -> None:
    heard(bench, firing("Watchdog"))
    fall_silent(bench)
    assert [row["state"] for row in bench.rows("select state from incidents where source = 'watch'")] == [
        "open"
    ]

    bench.clock.move(minutes=1)
    verdicts: list[Verdict] = bench.accept(firing("Watchdog"))

    assert verdicts[0].heard is Heard.WATCHED
    assert [one.alert.labels["watch"] for one in verdicts[1:]] == ["prometheus"]
    assert bench.rows("select state from incidents where source = 'watch'") == [{"state": "resolved"}]
    assert bench.rows("select missing from watches") == [{"missing": 0}]


@pytest.mark.parametrize("silent", [0, 10])
def test_a_clock_that_was_set_back_while_we_were_away_makes_nobody_unheard(bench: Bench, silent: int) -> None:
    heard(bench, firing("Watchdog"))
    bench.clock.move(minutes=silent)
    bench.tick()
    bench.clock.move(hours=-1)
    bench.commit(lambda tx: bench.engine.recover(tx, bench.clock()))
    for _ in range(4):
        bench.clock.move(minutes=5)
        heard(bench, firing("Watchdog"))
        bench.tick()

    assert bench.rows("select missing from watches") == [{"missing": 0}]


def test_a_tick_at_the_deadline_misses_it_once(bench: Bench) -> None:
    for _ in range(3):
        fall_silent(bench)

    assert bench.rows("select count(*) as n from incidents") == [{"n": 1}]


def test_a_delivery_with_signs_of_many_instances_knows_each(bench: Bench) -> None:
    reload(bench, BY_CLUSTER)
    heard(bench, *(firing("Watchdog", cluster=f"c{n}") for n in range(30)))
    bench.clock.move(minutes=5)
    heard(bench, *(firing("Watchdog", cluster=f"c{n}") for n in range(10)))
    bench.clock.move(minutes=5)
    bench.tick()

    with bench.reading() as tx:
        assert watch_rows.missing(tx) == {"prometheus": 20}


def test_an_instance_whose_incident_is_closed_is_forgotten_until_it_is_heard(bench: Bench) -> None:
    reload(bench, BY_CLUSTER)
    heard(bench, firing("Watchdog", cluster="west"))
    fall_silent(bench)
    bench.commit(lambda tx: bench.engine.close(tx, [1], "bob", AckBy.COMMAND, bench.clock()))
    fall_silent(bench)
    assert bench.rows("select name from watches where labels <> '{}'") == []

    heard(bench, firing("Watchdog", cluster="west"))
    fall_silent(bench)
    assert bench.rows("select count(*) as n from incidents") == [{"n": 2}]


def test_a_watch_of_one_instance_whose_incident_is_closed_waits_for_its_return(bench: Bench) -> None:
    fall_silent(bench)
    bench.commit(lambda tx: bench.engine.close(tx, [1], "bob", AckBy.COMMAND, bench.clock()))
    bench.commit(lambda tx: bench.engine.recover(tx, bench.clock()))
    fall_silent(bench)

    assert bench.rows("select count(*) as n from incidents") == [{"n": 1}]


def test_a_watch_that_is_removed_ends_its_incident_as_no_longer_watched(bench: Bench) -> None:
    fall_silent(bench)
    reload(bench)

    assert bench.rows("select state, end_reason from incidents") == [
        {"state": "resolved", "end_reason": "no_longer_watched"}
    ]
    assert bench.rows("select * from watches") == []


@pytest.mark.parametrize("started", [False, True])
def test_an_incident_that_was_open_before_its_watch_is_closed_with_the_reason_in_the_ledger(
    bench: Bench, started: bool
) -> None:
    bench.engine = plan_with()
    bench.accept(firing("Watchdog"), firing("HostDown"))
    bench.engine = plan_with(RULE)
    take_up = bench.engine.recover if started else bench.engine.adopt
    bench.commit(lambda tx: take_up(tx, bench.clock()))

    states = [row["state"] for row in bench.rows("select state from incidents order by id")]
    assert states == ["closed", "open"]
    [closed] = bench.rows("select incident_id, detail from decisions where word = 'closed'")
    assert closed == {"incident_id": 1, "detail": "by watch prometheus (configuration)"}


def test_a_call_of_the_address_of_a_watch_that_a_reload_has_removed_is_no_incident(bench: Bench) -> None:
    bench.commit(lambda tx: bench.engine.accept(tx, heartbeat("backup"), bench.clock()))

    assert bench.rows("select * from incidents") == []
    assert bench.rows("select source, reason from alerts") == [{"source": HEARTBEAT, "reason": "watched"}]


def test_the_wall_clock_moves_what_a_watch_waits_for(bench: Bench) -> None:
    heard(bench, firing("Watchdog"))
    bench.clock.move(hours=5)
    bench.commit(lambda tx: outbox.shift_clock(tx, timedelta(hours=5)))
    bench.tick()
    assert bench.rows("select missing from watches") == [{"missing": 0}]

    fall_silent(bench)
    assert bench.rows("select missing from watches") == [{"missing": 1}]


def test_a_record_of_a_hook_counts_from_when_it_was_written(bench: Bench) -> None:
    bench.clock.move(minutes=5)
    late = Delivery(
        "pipe", (replace(firing("Watchdog"), source="pipe"),), handed_at=NOON + timedelta(minutes=2)
    )
    bench.commit(lambda tx: bench.engine.accept(tx, late, bench.clock()))

    with bench.reading() as tx:
        assert [row.heard_at for row in watch_rows.every(tx)] == [NOON + timedelta(minutes=2)]


@pytest.mark.sqlite
def test_an_idle_tick_and_a_sign_of_life_take_as_many_statements_as_without_a_watch(tmp_path: Path) -> None:
    counting = Counting(tmp_path)
    counting.engine = plan_with(RULE)
    counting.step(lambda tx: counting.engine.recover(tx, counting.clock()))
    counting.accept([firing("Watchdog")])

    assert counting.tick() == IDLE
    assert counting.accept([firing("Watchdog")]) == REPEAT


# Its address.


@pytest.fixture(scope="module")
def locked() -> Iterator[Served]:
    with serving(settings=LOCKED) as served:
        yield served


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_call_of_its_address_is_its_sign_of_life_without_a_token(locked: Served, method: str) -> None:
    before = len(locked.recorder.deliveries)
    answer = requests.request(method, locked.url(f"/watch/{SECRET}"), data=b"x" * 9_000, timeout=SOON)

    assert (answer.status_code, answer.text) == (200, "OK")
    assert locked.recorder.deliveries[before:] == [heartbeat("backup")]


def test_an_address_that_no_watch_has_is_a_guess(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), serving() as served:
        answers = [requests.get(served.url("/watch/geraden-und-lang"), timeout=SOON) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert served.recorder.guesses == 2
    assert served.recorder.deliveries == []
    assert "geraden" not in caplog.text + answers[0].text
    assert [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING] == [
        "an address that no watch has was called"
    ]


def test_whoever_checks_a_link_is_no_sign_of_life(locked: Served) -> None:
    before = len(locked.recorder.deliveries)
    answer = requests.head(locked.url(f"/watch/{SECRET}"), timeout=SOON)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")
    assert len(locked.recorder.deliveries) == before


def test_a_sign_that_could_not_be_stored_is_to_be_sent_again() -> None:
    with serving(Recorder(fault=StoreError("the disk is full"))) as broken:
        answer = requests.post(broken.url(f"/watch/{SECRET}"), timeout=SOON)

    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)


@pytest.mark.sqlite
def test_the_secret_of_an_address_is_in_no_row_log_metric_or_page(tmp_path: Path) -> None:
    secret = "kanarie-Zq9-kanarie"
    web = f"{{listen: '127.0.0.1:{free_port()}', webhook_tokens_file: tokens}}"
    watch = f"[{{name: backup, secret: {secret}, missing_for: 25h}}]"
    with Simulator(SimulatorSettings("acme", Secret(PASSWORD))) as simulator:
        config = write_config(tmp_path, simulator.gateway_url, web=web, watch=watch)
        daemon = Daemon(config)
        answer = requests.get(f"{daemon.url}/watch/{secret}", timeout=SOON)
        assert answer.status_code == 200
        assert daemon.rows("select name, heard_at is not null from watches") == [("backup", 1)]
        seen = get(daemon.url, "/metrics") + get(daemon.url, "/") + command(config, "watch").stdout
        assert daemon.stop() == 0

    assert 'sms_notify_watch_missing{name="backup"} 0.0' in seen
    assert "sms_notify_alerts_received_total" in seen
    assert secret not in seen + daemon.said()
    assert all(secret.encode() not in file.read_bytes() for file in (tmp_path / "data").iterdir())


def test_a_reload_with_another_secret_answers_to_that_one(tmp_path: Path) -> None:
    web = f"{{listen: '127.0.0.1:{free_port()}', webhook_tokens_file: tokens}}"
    with Simulator(SimulatorSettings("acme", Secret(PASSWORD))) as simulator:
        config = write_config(
            tmp_path, simulator.gateway_url, web=web, watch=f"[{{name: backup, secret: {SECRET}}}]"
        )
        daemon = Daemon(config)
        config.write_text(config.read_text().replace(SECRET, "v" * 16))
        daemon.process.send_signal(1)
        assert eventually(lambda: "reloaded" in daemon.said())
        codes = [requests.get(f"{daemon.url}/watch/{s * 16}", timeout=SOON).status_code for s in "wv"]
        assert daemon.stop() == 0

    assert codes == [404, 200]


# The metric, the command.


def test_the_metric_counts_what_is_missing_and_is_there_from_the_start(bench: Bench) -> None:
    metrics = Metrics(["main"], "node", asked=AskedAtScrape(watches=lambda: ("prometheus", "backup")))

    def shown() -> list[str]:
        page = metrics.render(bench.store, "", bench.clock)[0].decode()
        return [line for line in page.splitlines() if line.startswith("sms_notify_watch_missing")]

    assert shown() == [
        'sms_notify_watch_missing{name="prometheus"} 0.0',
        'sms_notify_watch_missing{name="backup"} 0.0',
    ]
    fall_silent(bench)
    assert shown()[0] == 'sms_notify_watch_missing{name="prometheus"} 1.0'


WATCHES = """[
  {name: prometheus, matchers: ['alertname="Watchdog"'], by: [cluster], missing_for: 10m},
  {name: backup, matchers: ['alertname="backup"'], missing_for: 25h}]"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = site_of(tmp_path, watch=WATCHES)
    made.commit(lambda tx: tx.one("select 1"))
    yield made
    made.store.close()


def test_the_command_shows_each_watch_and_what_is_missing(site: Site) -> None:
    site.clock.now = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=34)
    site.commit(lambda tx: site.engine.recover(tx, site.clock()))
    site.accept(firing("Watchdog", cluster="east"), firing("Watchdog", cluster="west"))
    site.clock.now += timedelta(minutes=30)
    site.accept(firing("Watchdog", cluster="east"))
    site.tick()

    for line in (("watch",), ("watch", "list")):
        _, *rows = said(site.run(*line), 1).splitlines()
        assert [(row.split()[0], row.split("  ")[-1].strip()) for row in rows] == [
            ("heard", "prometheus cluster=east"),
            ("missing", "prometheus cluster=west"),
            ("never_heard", "backup"),
        ]
    found = json.loads(site.run("watch", "--json").stdout)["watches"]
    assert {(one["watch"], one["labels"].get("cluster"), one["state"]) for one in found} == {
        ("prometheus", "west", "missing"),
        ("prometheus", "east", "heard"),
        ("backup", None, "never_heard"),
    }


@pytest.mark.sqlite
def test_before_the_first_start_nothing_is_armed_and_the_command_says_so(tmp_path: Path) -> None:
    site = site_of(tmp_path, site_alive="{notify: [person:alice]}")
    assert not site.store.path.exists()
    assert said(site.run("watch"), 1).startswith("site_alive is NOT armed")
    found = json.loads(site.run("watch", "--json").stdout)
    assert (found["site_alive"], found["watches"]) == ("not_armed", [])


def test_routes_test_says_which_watch_an_alert_is_a_sign_of(site: Site) -> None:
    told = said(site.run("routes", "test", "alertname=Watchdog", "cluster=east"))

    assert (
        told.splitlines()[-1]
        == "A SIGN OF LIFE of the watch prometheus: no incident, and nobody gets a text."
    )


def test_the_command_says_that_a_page_is_overdue_where_no_daemon_works(site: Site) -> None:
    site.clock.now = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    site.commit(lambda tx: site.engine.recover(tx, site.clock()))
    site.accept(firing("Watchdog", cluster="east"))

    assert "a page is overdue, so sms-notify does not run" in said(site.run("watch"), 1)

    site.clock.now = datetime.now(UTC)
    site.accept(firing("Watchdog", cluster="east"))
    assert "overdue" not in said(site.run("watch"))

"""A reload takes over all of a changed configuration or nothing, and no text is lost or doubled by one."""

from __future__ import annotations

import gc
import logging
import os
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemons import PASSWORD, TOKEN, eventually, free_port, get, payload, post
from reloading import SOON, Held, Site, held_gateway, serving

from sms_notify.daemon.reloading import Reloader
from sms_notify.daemon.systemd import Manager
from sms_notify.errors import ConfigError, SmsNotifyError, StoreError, UsageError
from sms_notify.metrics import Metrics
from sms_notify.policy.vocabulary import State
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import oncall_rows

ALICE, BOB = "32470000001", "31612345678"
TO_ALICE = "[{name: oncall, notify: [person:alice]}]"
TO_BOB = "[{name: oncall, notify: [person:bob]}]"
TO_NOBODY = "[{name: oncall, notify: []}]"
SUCCESSFUL = "sms_notify_config_last_reload_successful"


def gateways(*urls: str, file: str = "password", **more: str) -> str:
    also = "".join(f", {key}: {value}" for key, value in more.items())
    entries = [
        f"{{name: {name}, type: 1601sms, url: '{url}', username: acme, password_file: {file}, sender: ACME,"
        f" timeout: 15s{also}}}"
        for name, url in zip(("main", "backup"), urls, strict=False)
    ]
    return f"[{', '.join(entries)}]"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    settings = SimulatorSettings("acme", Secret(PASSWORD), credits=5000, buffered_after=0, final_after=0)
    with Simulator(settings) as running:
        yield running


@pytest.fixture
def held() -> Iterator[Held]:
    with held_gateway() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, simulator: Simulator) -> Iterator[Site]:
    with serving(tmp_path, simulator.gateway_url, receivers=TO_ALICE) as running:
        yield running


def told(simulator: Simulator) -> Counter[tuple[str, str]]:
    """How often each number was told of each alert."""
    return Counter((text.number, text.text.split()[2].rstrip(":")) for text in simulator.texts())


def threads(name: str) -> int:
    return sum(thread.name.startswith(name) for thread in threading.enumerate())


# What changes


def test_the_next_alert_goes_by_the_new_configuration(site: Site, simulator: Simulator) -> None:
    assert post(site.url, payload("Before")) == 200
    simulator.wait_for_texts(1, timeout=SOON)

    assert site.reload(receivers=TO_BOB) == "the configuration runs; changed: receivers"
    assert post(site.url, payload("After")) == 200
    simulator.wait_for_texts(3, timeout=SOON)

    # Whoever a reload makes responsible hears of what is critical and open, too.
    assert told(simulator) == {(ALICE, "Before"): 1, (BOB, "Before"): 1, (BOB, "After"): 1}


def test_a_reload_without_a_change_says_so_and_goes_on_with_the_same_threads(site: Site) -> None:
    def names() -> list[str]:
        kept = ("sender-", "probe-", "credits-", "reports-", "spool", "clock", "operator")
        return sorted(f"{t.name} {t.ident}" for t in threading.enumerate() if t.name.startswith(kept))

    before = names()

    assert site.reload() == "the configuration runs; changed: nothing"
    assert names() == before


def test_a_token_is_replaced_without_a_restart(site: Site) -> None:
    (site.folder / "tokens").write_text("another-token-of-length\n")
    site.app.reload().result(SOON)

    assert post(site.url, payload("HostDown")) == 401
    assert post(site.url, payload("HostDown"), token="another-token-of-length") == 200


def test_templates_people_and_time_zones_count_at_once(site: Site, simulator: Simulator) -> None:
    site.reload(
        templates="{short: 'new words {{ alertname }}'}",
        receivers="[{name: oncall, notify: [person:alice], template: short}]",
        people="{alice: {number: '+32 470 00 00 09'}, bob: {number: '+31 6 1234 5678'}}",
    )
    assert post(site.url, payload("HostDown")) == 200
    text = simulator.wait_for_texts(1, timeout=SOON)[0]

    assert text.number == "32470000009"
    assert text.text.startswith("new words HostDown")


def test_a_new_spool_folder_is_emptied_and_the_old_one_no_more(site: Site) -> None:
    def hand_over(folder: Path) -> None:
        line = [sys.executable, "-m", "sms_notify", "nagios", "--type=PROBLEM", "--host=web1", "--state=DOWN"]
        done = subprocess.run(
            line, env={**os.environ, "SMS_NOTIFY_SPOOL": str(folder)}, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr

    old, new = site.folder / "spool", site.folder / "elsewhere"
    site.reload(spool=str(new))
    assert eventually(lambda: threads("spool") == 1)
    hand_over(new)
    assert eventually(lambda: site.rows("select source from alerts") == [("nagios",)])
    hand_over(old)
    assert [name for name in os.listdir(old) if name != "quarantine"]
    assert site.app.ready() == ()


def test_alertmanagers_that_come_and_go_are_asked_and_left_alone(site: Site) -> None:
    site.reload(alertmanagers="[{url: 'http://127.0.0.1:1'}]")
    assert eventually(lambda: threads("silences") == 1)

    site.reload(alertmanagers="[]")
    assert eventually(lambda: threads("silences") == 0)


def test_our_own_problems_are_told_by_the_channels_of_the_new_configuration(
    site: Site, simulator: Simulator
) -> None:
    told_file, channel = site.folder / "told", site.folder / "channel"
    channel.write_text(f"#!/bin/sh\ncat >> {told_file}\n")
    channel.chmod(0o755)
    simulator.change(force_error=150)
    assert post(site.url, payload("HostDown")) == 200
    assert eventually(lambda: site.rows("select count(*) from attempts where ended_at is not null") == [(1,)])

    also = f", {{name: shout, type: command, command: ['{channel}']}}]"
    site.reload(
        gateways=gateways(simulator.gateway_url).removesuffix("]") + also,
        operator="[gateway:shout]",
        receivers=TO_BOB,
        people="{bob: {number: '+31 6 1234 5678'}}",
    )

    assert eventually(lambda: told_file.exists() and "not configured any more" in told_file.read_text())


# What is refused


@pytest.mark.parametrize(
    ("sections", "faults"),
    [
        ({"receivers": "[{name: oncall, notfy: [person:alice]}]"}, ["notfy", "notify"]),
        ({"receivers": "[{name: oncall, notify: [person:carol], template: none}]"}, ["carol", "none"]),
        ({"web": "{listen: '127.0.0.1:1', webhook_tokens_file: missing}"}, ["missing"]),
        ({"templates": "{default: '{{ broken'}"}, ["templates"]),
        ({"route": "{receiver: oncall"}, ["sms-notify.yml:"]),
    ],
)
def test_a_faulty_file_changes_nothing_and_every_fault_is_logged(
    site: Site,
    simulator: Simulator,
    caplog: pytest.LogCaptureFixture,
    sections: dict[str, str],
    faults: list[str],
) -> None:
    before = site.app._running
    assert site.metric(SUCCESSFUL) == 1
    stamp = site.metric("sms_notify_config_last_reload_success_timestamp_seconds")

    with pytest.raises(ConfigError) as refused:
        site.reload(**sections)

    logged = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    for fault in refused.value.faults:
        assert f"reload refused: {fault}" in logged
    assert all(any(word in line for line in logged) for word in faults)
    assert site.app._running is before
    assert site.metric(SUCCESSFUL) == 0
    assert site.metric("sms_notify_config_last_reload_success_timestamp_seconds") == stamp
    assert post(site.url, payload("HostDown")) == 200
    simulator.wait_for_texts(1, timeout=SOON)
    assert told(simulator) == {(ALICE, "HostDown"): 1}


def test_after_a_refused_reload_a_good_one_counts(site: Site) -> None:
    with pytest.raises(ConfigError):
        site.reload(receivers="[]")
    assert site.metric(SUCCESSFUL) == 0

    site.reload(receivers=TO_BOB)

    assert site.metric(SUCCESSFUL) == 1


@pytest.mark.parametrize(
    ("sections", "key"),
    [
        ({"storage": "sqlite:///nowhere/else.db"}, "storage"),
        ({"web": "{listen: '127.0.0.1:1', webhook_tokens_file: tokens}"}, "web.listen"),
        (
            {
                "web": "{listen: '127.0.0.1:PORT', webhook_tokens_file: tokens, tls_cert: tokens, tls_key: tokens}"
            },
            "web.tls_cert",
        ),
    ],
)
def test_what_needs_a_restart_is_refused_as_a_whole_and_says_so(
    site: Site, sections: dict[str, str], key: str
) -> None:
    changed = {name: text.replace("PORT", str(site.port)) for name, text in sections.items()}
    with pytest.raises(ConfigError) as refused:
        site.reload(receivers=TO_BOB, **changed)

    [fault] = refused.value.faults
    assert fault.path == key
    assert fault.line > 0
    assert "restart" in fault.advice
    assert site.app._running.settings.receivers["oncall"].notify[0].name == "alice"


def test_a_schedule_with_a_gap_is_refused_as_check_config_does(site: Site) -> None:
    start = (datetime.now(UTC) + timedelta(days=5)).date()
    rotation = f"{{members: [alice, bob], every: 1w, handover: 'Mon 09:00', start: {start}}}"

    with pytest.raises(ConfigError, match="nobody is on call"):
        site.reload(schedules=f"{{primary: {{timezone: Europe/Brussels, rotation: {rotation}}}}}")


def test_an_override_of_the_database_closes_a_gap(site: Site) -> None:
    now = datetime.now(UTC)
    start = (now + timedelta(days=5)).date()
    until = now + timedelta(days=15)
    site.app.committer(lambda tx: oncall_rows.add_override(tx, "primary", "bob", now, until, "ops", now))
    rotation = f"{{members: [alice, bob], every: 1w, handover: 'Mon 09:00', start: {start}}}"

    told = site.reload(schedules=f"{{primary: {{timezone: Europe/Brussels, rotation: {rotation}}}}}")

    assert told.endswith("changed: schedules")
    assert site.metric('sms_notify_oncall{person="bob",schedule="primary"}') == 1


def test_a_store_that_does_not_take_it_leaves_the_old_configuration(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StoreError("disk I/O error")

    before = site.app._running
    monkeypatch.setattr("sms_notify.engine.Engine.adopt", broken)

    with pytest.raises(StoreError):
        site.reload(receivers=TO_BOB)

    assert site.app._running is before
    assert site.metric(SUCCESSFUL) == 0
    assert site.app.alive


def test_what_nobody_foresaw_is_refused_too_and_quotes_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("sms_notify.daemon.builder.DaemonBuilder.build", broken)

    with pytest.raises(SmsNotifyError, match="RuntimeError"):
        site.reload(receivers=TO_BOB)

    assert "a secret" not in "\n".join(record.getMessage() for record in caplog.records)
    assert site.app.alive


# By HTTP


def ask(site: Site, token: str | None = TOKEN, method: str = "POST") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{site.url}/-/reload", headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=SOON) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_by_http_it_answers_when_the_new_configuration_runs(site: Site) -> None:
    site.write(receivers=TO_BOB)

    assert ask(site) == (200, "the configuration runs; changed: receivers\n")
    assert site.app._running.settings.receivers["oncall"].notify[0].name == "bob"


def test_by_http_the_faults_are_the_answer(site: Site) -> None:
    site.write(receivers="[{name: oncall, notify: [person:carol], max_parts: 9}]")

    code, body = ask(site)

    assert code == 500
    assert len(body.splitlines()) == 2
    assert all(line.startswith(f"{site.config}:") for line in body.splitlines())
    assert "carol" in body
    assert "max_parts" in body


def test_by_http_a_store_that_does_not_take_it_is_unavailable(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StoreError("disk I/O error")

    monkeypatch.setattr("sms_notify.engine.Engine.adopt", broken)

    assert ask(site)[0] == 503


def test_by_http_it_wants_credentials_and_a_post(site: Site) -> None:
    site.write(receivers=TO_BOB)

    assert ask(site, token=None)[0] == 401
    assert ask(site, token="wrong")[0] == 401
    assert ask(site, method="GET")[0] == 405
    assert site.app._running.settings.receivers["oncall"].notify[0].name == "alice"


# Texts that wait and texts under way


def test_credentials_that_change_while_a_text_is_under_way_text_it_once(tmp_path: Path, held: Held) -> None:
    with serving(tmp_path, held.url, receivers=TO_ALICE, gateways=gateways(held.url)) as site:
        assert post(site.url, payload("HostDown")) == 200
        assert held.entered.wait(SOON)
        (tmp_path / "second").write_text("another password\n")
        (tmp_path / "second").chmod(0o600)

        told = site.reload(gateways=gateways(held.url, file="second"))
        assert told.endswith("changed: gateways")
        assert site.rows("select state from messages") == [("submitting",)]
        held.gate.set()
        assert eventually(lambda: site.rows("select state, smsid from messages") == [("sent", "4711")])
        assert post(site.url, payload("Later")) == 200
        assert eventually(lambda: len(held.texts) == 2)

        first, second = held.texts
        assert first["klantpwd"] != second["klantpwd"]
        assert "Later" in second["bericht"]
        assert eventually(lambda: threads("sender-") == 4)  # those of before have ended
        assert site.app.ready() == ()


def test_a_refusal_of_the_old_credentials_says_nothing_of_the_new_ones(tmp_path: Path, held: Held) -> None:
    with serving(tmp_path, held.url, receivers=TO_ALICE, gateways=gateways(held.url)) as site:
        assert post(site.url, payload("HostDown")) == 200
        assert held.entered.wait(SOON)
        (tmp_path / "password").write_text("another password\n")
        site.app.reload().result(SOON)
        held.answers = ["ERROR 104"]
        held.gate.set()

        assert eventually(lambda: site.rows("select state from messages") == [("sent",)])
        first, second = held.texts
        assert first["klantpwd"] != second["klantpwd"]
        assert site.rows("select code from attempts order by id") == [(104,), (None,)]
        assert site.rows("select count(*) from breakers") == [(0,)]
        assert site.rows("select count(*) from troubles") == [(0,)]


def test_what_waits_for_a_removed_gateway_leaves_by_the_other(tmp_path: Path, simulator: Simulator) -> None:
    with Simulator(SimulatorSettings("acme", Secret(PASSWORD), credits=50, force_error=150)) as closed:
        both = gateways(closed.gateway_url, simulator.gateway_url)
        with serving(tmp_path, closed.gateway_url, receivers=TO_ALICE, gateways=both) as site:
            assert post(site.url, payload("HostDown", severity="warning")) == 200
            waits = "select state, gateway from messages"
            assert eventually(
                lambda: (
                    site.rows(waits) == [("queued", "main")]
                    and site.rows("select fate from attempts where ended_at is not null") != []
                )
            )

            backup = gateways(simulator.gateway_url).replace("name: main", "name: backup")
            site.reload(gateways=backup)
            simulator.wait_for_texts(1, timeout=SOON)

            assert told(simulator) == {(ALICE, "HostDown"): 1}
            assert site.metric('sms_notify_gateway_up{gateway="main"}') is None
            assert site.metric('sms_notify_gateway_up{gateway="backup"}') == 1


def test_a_text_under_way_at_a_removed_gateway_that_refuses_it_leaves_by_the_other(
    tmp_path: Path, simulator: Simulator, held: Held
) -> None:
    with serving(tmp_path, held.url, receivers=TO_ALICE, gateways=gateways(held.url)) as site:
        assert post(site.url, payload("HostDown", severity="warning")) == 200
        assert held.entered.wait(SOON)
        site.reload(gateways=gateways(simulator.gateway_url).replace("name: main", "name: backup"))
        held.answers = ["ERROR 104"]
        held.gate.set()
        simulator.wait_for_texts(1, timeout=SOON)

        assert told(simulator) == {(ALICE, "HostDown"): 1}
        assert site.rows("select count(*) from breakers where gateway = 'main'") == [(0,)]
        assert site.rows("select count(*) from ledger where reason = 'gateway_gone'") == [(1,)]


def test_a_text_under_way_that_is_taken_is_not_sent_again_by_the_other(
    tmp_path: Path, simulator: Simulator, held: Held
) -> None:
    with serving(tmp_path, held.url, receivers=TO_ALICE, gateways=gateways(held.url)) as site:
        assert post(site.url, payload("HostDown")) == 200
        assert held.entered.wait(SOON)
        site.reload(gateways=gateways(simulator.gateway_url).replace("name: main", "name: backup"))
        held.gate.set()

        assert eventually(lambda: site.rows("select state, gateway from messages") == [("sent", "main")])
        assert len(held.texts) == 1
        assert simulator.texts() == []


def test_what_waits_for_a_renamed_receiver_is_texted(site: Site, simulator: Simulator) -> None:
    grouped = "{receiver: oncall, group_by: [alertname], group_wait: 2s}"
    site.reload(route=grouped)
    body = b'{"name": "Grouped", "host": "db1", "severity": "critical", "summary": "waits"}'
    assert post(site.url, body, path="/alerts") == 200
    assert site.rows("select receiver, state from pages") == [("oncall", "held")]

    site.reload(
        route=grouped.replace("oncall", "renamed"), receivers="[{name: renamed, notify: [person:alice]}]"
    )
    simulator.wait_for_texts(1, timeout=SOON)

    assert told(simulator) == {(ALICE, "Grouped"): 1}


def test_a_budget_that_is_raised_lets_go_what_it_held_and_ends_our_word_of_it(
    tmp_path: Path, simulator: Simulator
) -> None:
    poor = "{per_number: [], per_number_critical: [], credits: {per_hour: 1, per_day: 1, reserve_for_critical: 0}}"
    route = "{receiver: oncall, group_by: [alertname], group_wait: 0s}"
    with serving(tmp_path, simulator.gateway_url, receivers=TO_ALICE, limits=poor, route=route) as site:
        for name in ("One", "Two", "Three"):
            body = f'{{"name": "{name}", "host": "db1", "severity": "critical", "summary": "down"}}'
            assert post(site.url, body.encode(), path="/alerts") == 200
        simulator.wait_for_texts(1, timeout=SOON)
        open_budget = "select count(*) from troubles where id like '/budget/%' and closed_at is null"
        waiting = "select count(*) from pages where state = 'held' and why = 'limit'"
        assert eventually(lambda: site.rows(waiting) == [(2,)])
        assert site.rows(open_budget) == [(1,)]

        site.reload(limits=poor.replace("per_hour: 1, per_day: 1", "per_hour: 50, per_day: 200"))

        assert eventually(lambda: site.rows("select count(*) from pages where state = 'held'") == [(0,)])
        assert eventually(lambda: site.rows(open_budget) == [(0,)])


def test_what_waits_for_a_number_that_is_gone_is_not_sent_and_the_operator_hears_of_it(
    site: Site, simulator: Simulator
) -> None:
    simulator.change(force_error=150)
    assert post(site.url, payload("HostDown")) == 200
    assert eventually(lambda: site.rows("select count(*) from attempts where ended_at is not null") == [(1,)])

    site.reload(people="{bob: {number: '+31 6 1234 5678'}}", receivers=TO_BOB)
    simulator.change(force_error=None)

    assert site.rows("select state from messages where recipient = 'alice'") == [("cancelled",)]
    assert site.rows("select count(*) from troubles where what like '%not configured any more%'") == [(1,)]
    assert ALICE not in {text.number for text in simulator.texts()}


def test_a_text_under_way_to_a_number_that_is_gone_is_not_tried_again(tmp_path: Path, held: Held) -> None:
    with serving(tmp_path, held.url, receivers=TO_ALICE, gateways=gateways(held.url)) as site:
        assert post(site.url, payload("HostDown")) == 200
        assert held.entered.wait(SOON)
        site.reload(people="{bob: {number: '+31 6 1234 5678'}}", receivers=TO_NOBODY)
        held.answers = ["ERROR 120"]
        held.gate.set()

        state = "select state from messages where kind = 'firing'"
        assert eventually(lambda: site.rows(state) == [(State.CANCELLED,)])
        assert site.rows("select count(*) from troubles where what like '%not configured any more%'") == [
            (1,)
        ]
        assert len(held.texts) == 1


# Under load


@pytest.mark.timeout(240)
def test_alerts_that_come_while_reloads_run_are_each_told_exactly_once(
    site: Site, simulator: Simulator
) -> None:
    simulator.fault("latency", seconds=0.2, scope="sends")
    answers: list[int] = []
    with ThreadPoolExecutor(3) as pool:
        for n in range(20):
            if n % 5 == 4:
                site.write(receivers="[{name: oncall, notify: [person:nobody]}]")
            else:
                logging_too = gateways(simulator.gateway_url, logging=("true", "false")[n % 2])
                site.write(gateways=logging_too, receivers=TO_ALICE)
            reloaded = site.app.reload()
            answers += pool.map(lambda m, n=n: post(site.url, payload(f"Alert{n}-{m}")), range(3))
            assert (reloaded.exception(SOON) is None) is (n % 5 != 4)

    assert answers == [200] * 60
    simulator.wait_for_texts(60, timeout=SOON)
    over = "select count(*) from messages where state not in ('sent', 'buffered', 'delivered')"
    assert eventually(lambda: site.rows(over) == [(0,)])
    assert told(simulator) == {(ALICE, f"Alert{n}-{m}"): 1 for n in range(20) for m in range(3)}
    assert eventually(lambda: threads("sender-") == 4)
    assert site.app.alive


def test_reloads_leave_no_threads_behind(site: Site, simulator: Simulator) -> None:
    def reload_some() -> None:
        for n in range(6):
            site.reload(gateways=gateways(simulator.gateway_url, logging=("true", "false")[n % 2]))
            get(site.url, "/metrics")

    def settled() -> int:
        gc.collect()
        return threading.active_count()

    reload_some()
    assert eventually(lambda: threads("sender-") == 4 and threads("reports-") == 1)
    least = settled()
    reload_some()

    assert eventually(lambda: settled() <= least + 2), [t.name for t in threading.enumerate()]


# One at a time


class Works:
    """What a reloader runs: it waits until the test opens the gate."""

    def __init__(self) -> None:
        self.gate, self.entered, self.calls = threading.Semaphore(0), threading.Semaphore(0), 0
        self.at_once = self.most = 0

    def __call__(self) -> tuple[str, ...]:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.calls += 1
        self.entered.release()
        assert self.gate.acquire(timeout=SOON)
        self.at_once -= 1
        return ()


def reloader(work: Works) -> Reloader:
    return Reloader(work, Metrics(["main"], "node"), Manager(), lambda: datetime.now(UTC), lambda: "serving")


def test_who_asks_while_one_runs_shares_the_next() -> None:
    work = Works()
    running = reloader(work)
    running.start()
    first = running.ask()
    assert work.entered.acquire(timeout=SOON)
    others = [running.ask() for _ in range(100)]
    assert len({id(other) for other in others}) == 1
    assert not others[0].cancel()  # nobody takes it away from the others
    work.gate.release(2)

    assert first.result(SOON) == others[0].result(SOON)
    assert (work.calls, work.most) == (2, 1)
    running.stop(SOON)


def test_who_asks_a_daemon_that_stops_is_told_so() -> None:
    work = Works()
    running = reloader(work)
    running.start()
    running.ask()
    assert work.entered.acquire(timeout=SOON)
    waiting = running.ask()
    running.stop(0)
    work.gate.release()
    running.stop(SOON)

    for asked in (waiting, running.ask()):
        with pytest.raises(SmsNotifyError, match="stopping"):
            asked.result(SOON)
    assert work.calls == 1


def test_a_reload_that_a_stop_overtakes_switches_nothing(site: Site) -> None:
    before = site.app._running
    site.app._stopping = True
    with pytest.raises(UsageError, match="stopping"):
        site.reload(receivers=TO_BOB)
    assert site.app._running is before


# Certificates and calendars


def certificate(folder: Path, name: str) -> None:
    line = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {folder}/key -out {folder}/cert"
    subprocess.run(line.split(), check=True, capture_output=True)


def shown(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port))


def test_a_renewed_certificate_is_shown_and_a_broken_one_is_refused(
    tmp_path: Path, simulator: Simulator
) -> None:
    certificate(tmp_path, "first")
    port = free_port()
    web = f"{{listen: '127.0.0.1:{port}', webhook_tokens_file: tokens, tls_cert: cert, tls_key: key}}"
    with serving(tmp_path, simulator.gateway_url, web=web) as site:
        first = shown(port)
        certificate(tmp_path, "second")
        second = (tmp_path / "cert").read_text()
        site.app.reload().result(SOON)
        assert eventually(lambda: shown(port) == second != first)

        (tmp_path / "key").write_text("no key\n")
        with pytest.raises(UsageError, match="tls_cert"):
            site.app.reload().result(SOON)
        assert shown(port) == second


def test_a_calendar_that_was_edited_counts_after_a_reload(site: Site) -> None:
    pytest.importorskip("icalendar")
    calendar = site.folder / "duty.ics"
    now = datetime.now(UTC)

    def write(person: str) -> None:
        calendar.write_text(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\n"
            f"SUMMARY:{person}\r\nDTSTAMP:{now:%Y%m%dT%H%M%SZ}\r\n"
            f"DTSTART:{now - timedelta(days=1):%Y%m%dT%H%M%SZ}\r\nDTEND:{now + timedelta(days=60):%Y%m%dT%H%M%SZ}\r\n"
            "END:VEVENT\r\nEND:VCALENDAR\r\n"
        )

    write("alice")
    site.reload(schedules="{primary: {ical_file: duty.ics}}")
    on_call = 'sms_notify_oncall{{person="{}",schedule="primary"}}'
    assert site.metric(on_call.format("alice")) == 1

    write("bob")
    site.reload()

    assert site.metric(on_call.format("bob")) == 1
    assert site.metric(on_call.format("alice")) in (None, 0)
    site.reload(schedules="{}")
    assert site.metric(on_call.format("bob")) is None
    assert site.metric('sms_notify_oncall_gap_seconds{schedule="primary"}') is None

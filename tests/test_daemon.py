"""The daemon as it runs: over HTTP from webhook to phone, through SIGKILL, SIGTERM and a full disk."""

from __future__ import annotations

import itertools
import random
import resource
import signal
import sqlite3
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import PASSWORD, Daemon, command, eventually, free_port, get, payload, post, write_config

from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    settings = SimulatorSettings("acme", Secret(PASSWORD), credits=5000, buffered_after=0, final_after=0)
    with Simulator(settings) as running:
        yield running


@pytest.fixture
def daemon(tmp_path: Path, simulator: Simulator) -> Iterator[Daemon]:
    running = Daemon(write_config(tmp_path, simulator.gateway_url))
    yield running
    if running.process.poll() is None:
        running.kill()


def value(metrics: str, name: str) -> float:
    return next(
        float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.startswith(name + " ")
    )


def test_an_alert_becomes_a_text_a_report_and_a_metric(tmp_path: Path, simulator: Simulator) -> None:
    port = free_port()
    listen = f"{{listen: '127.0.0.1:{port}', webhook_tokens_file: tokens, external_url: 'http://127.0.0.1:{port}'}}"
    config = write_config(tmp_path, simulator.gateway_url, web=listen)
    address = command(config, "delivery-url").stdout.strip()
    simulator.change(delivery_url=address)
    daemon = Daemon(config)

    assert post(daemon.url, payload("HostDown")) == 200
    texts = simulator.wait_for_texts(2, timeout=20)

    assert {text.number for text in texts} == {"32470000001", "31612345678"}
    assert eventually(lambda: daemon.rows("select distinct state from messages") == [("delivered",)])
    metrics = get(daemon.url, "/metrics")
    assert value(metrics, 'sms_notify_alerts_received_total{source="alertmanager",status="firing"}') == 1
    assert value(metrics, 'sms_notify_messages_total{gateway="main",outcome="sent"}') == 2
    assert value(metrics, 'sms_notify_credits_spent_total{gateway="main",severity="critical"}') == 2
    assert value(metrics, 'sms_notify_deliveries_total{gateway="main",status="DELIVERED"}') == 2
    assert value(metrics, 'sms_notify_incidents_open{severity="critical"}') == 1
    assert value(metrics, 'sms_notify_gateway_up{gateway="main"}') == 1
    assert daemon.stop() == 0


def press(daemon: Daemon, button: str) -> None:
    """A button of the first incident's page, as a browser sends it; nobody needs a password here."""
    headers = {"Origin": daemon.url, "Content-Type": "application/x-www-form-urlencoded"}
    request = urllib.request.Request(f"{daemon.url}/incidents/1", f"do={button}".encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200  # the page follows


def test_the_buttons_of_an_incident_reach_the_phones(tmp_path: Path, simulator: Simulator) -> None:
    web = f"{{listen: '127.0.0.1:{free_port()}'}}"
    config = write_config(tmp_path, simulator.gateway_url, web=web)
    daemon = Daemon(config)
    assert post(daemon.url, payload("HostDown"), token=None) == 200
    simulator.wait_for_texts(2, timeout=20)

    press(daemon, "")
    assert daemon.rows("select state from incidents") == [("acknowledged",)]
    press(daemon, "unack")
    simulator.wait_for_texts(4, timeout=20)
    press(daemon, "close")
    texts = [text.text for text in simulator.wait_for_texts(6, timeout=20)]

    assert [text[:24] for text in texts[2:4]] == ["STILL FIRING, not acknow"] * 2
    assert [text[:10] for text in texts[4:]] == ["CLOSED by "] * 2
    assert post(daemon.url, payload("HostDown"), token=None) == 200
    assert daemon.rows("select reason from alerts") == [("first",), ("closed",)]
    assert daemon.stop() == 0
    log = daemon.said()
    assert "INFO unacknowledged incidents=" in log
    assert "INFO closed incidents=" in log


def test_repeats_are_suppressed_and_the_resolve_is_told_once(daemon: Daemon, simulator: Simulator) -> None:
    for _ in range(3):
        assert post(daemon.url, payload("HostDown", "DiskFull")) == 200
    simulator.wait_for_texts(2, timeout=20)
    assert eventually(lambda: daemon.rows("select count(*) from messages where smsid is not null") == [(2,)])
    for _ in range(3):
        assert post(daemon.url, payload("HostDown", "DiskFull", status="resolved")) == 200

    texts = simulator.wait_for_texts(4, timeout=20)
    assert [text.text.split()[0] for text in texts] == ["FIRING", "FIRING", "OK", "OK"]
    assert daemon.stop() == 0
    assert len(simulator.texts()) == 4
    reasons = dict(daemon.rows("select reason, count(*) from alerts group by reason"))
    assert reasons == {"first": 2, "resolved": 2, "duplicate": 8}


def test_every_accepted_alert_is_suppressed_or_told_and_every_text_ends_in_a_named_state(
    daemon: Daemon, simulator: Simulator
) -> None:
    simulator.change(finals={"01": "NOT DELIVERED", "78": "REJECTED"}, countries={"31": 114})
    for n in range(10):
        severity = ("critical", "warning")[n % 2]
        assert post(daemon.url, payload(f"A{n}", f"B{n % 3}", severity=severity)) == 200
    pending = "select count(*) from messages where state in ('queued', 'submitting')"
    assert eventually(lambda: daemon.rows(pending) == [(0,)])
    for n in range(5):
        severity = ("critical", "warning")[n % 2]
        assert post(daemon.url, payload(f"A{n}", status="resolved", severity=severity)) == 200
    unfinished = "select count(*) from messages where state not in ('not_delivered', 'failed', 'cancelled')"
    simulator.tick()
    assert eventually(lambda: daemon.rows(pending) == [(0,)])

    accepted = daemon.rows("select count(*) from alerts")[0][0]
    by_reason = dict(daemon.rows("select reason, count(*) from alerts group by reason"))
    told = daemon.rows(
        "select count(distinct a.id) from alerts a join pages p on p.incident_id = a.incident_id and p.kind = a.status"
        " join messages m on m.id = p.message_id where a.reason in ('first', 'resolved')"
    )[0][0]
    assert accepted == 25 == sum(by_reason.values())
    assert told == by_reason["first"] + by_reason.get("resolved", 0)
    assert eventually(
        lambda: daemon.rows(unfinished + " and state <> 'sent' and state <> 'buffered'") == [(0,)]
    )
    states = dict(daemon.rows("select state, count(*) from messages group by state"))
    assert states["failed"] > 0
    ledger = "select count(*) from messages m where m.state <> (select l.state from ledger l where l.message_id = m.id"
    assert daemon.rows(ledger + " order by l.id desc limit 1)") == [(0,)]


def test_nobody_gets_in_without_a_token(daemon: Daemon) -> None:
    assert post(daemon.url, payload("HostDown"), token=None) == 401
    assert post(daemon.url, payload("HostDown"), token="wrong") == 401
    assert daemon.rows("select count(*) from alerts") == [(0,)]


def test_a_forged_call_back_is_answered_like_any_other_and_changes_nothing(
    daemon: Daemon, simulator: Simulator
) -> None:
    assert post(daemon.url, payload("HostDown")) == 200
    text = simulator.wait_for_texts(2, timeout=20)[0]
    query = f"smsid={text.smsid}&datum=20261122120000&status=NOT%20DELIVERED&referentie={text.reference}"

    assert get(daemon.url, f"/delivery/guessed?{query}") == "OK"
    assert daemon.rows("select count(*) from messages where state = 'not_delivered'") == [(0,)]


def test_explain_prints_hostile_labels_on_one_line_without_control_characters(
    daemon: Daemon, simulator: Simulator
) -> None:
    hostile = "X\\u001b]0;owned\\u0007\\u001b[2J\\r\\n  2026-11-22 12:00:00  m1 delivered: callback"
    assert post(daemon.url, payload("NAME").replace(b"NAME", hostile.encode())) == 200
    simulator.wait_for_texts(2, timeout=20)
    for line in (("explain", "1"), ("explain", "m1"), ("messages",), ("incidents",)):
        shown = command(daemon.config, *line).stdout
        assert "owned" in shown or line == ("explain", "m1")
        assert not [c for c in shown if not c.isprintable() and c != "\n"]
        assert not [row for row in shown.splitlines() if row.strip().startswith("2026-11-22 12:00:00")]


@pytest.mark.parametrize(
    "id_", ["99999999999999999999", "m99999999999999999999", "m\u00b2", "zzzz", "#", "m"]
)
def test_what_is_unknown_is_explained_as_unknown(daemon: Daemon, id_: str) -> None:
    outcome = command(daemon.config, "explain", id_)

    assert outcome.returncode == 1
    assert "there is no incident and no message" in outcome.stderr


def test_two_daemons_do_not_share_a_file(daemon: Daemon, simulator: Simulator) -> None:
    second = write_config(daemon.config.parent, simulator.gateway_url)
    outcome = command(second, "serve")

    assert outcome.returncode == 1
    assert "another sms-notify serves this database" in outcome.stderr
    assert daemon.process.poll() is None


def test_a_port_that_is_taken_is_said_so(tmp_path: Path, simulator: Simulator) -> None:
    port = int(simulator.base_url.rpartition(":")[2])
    outcome = command(write_config(tmp_path, simulator.gateway_url, port=port), "serve")

    assert outcome.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.timeout(300)
def test_kill_9_at_any_moment_loses_no_alert_that_got_its_200(tmp_path: Path, simulator: Simulator) -> None:
    config, dice, names = (
        write_config(tmp_path, simulator.gateway_url),
        random.Random(1601),
        itertools.count(),
    )
    answered: list[str] = []
    for _ in range(6):
        daemon = Daemon(config)
        goal = len(answered) + dice.randrange(1, 25)
        gone, reached = threading.Event(), threading.Event()

        def tell(daemon: Daemon = daemon, goal: int = goal, gone=gone, reached=reached) -> None:
            while not gone.is_set():
                name = f"Alert{next(names)}"
                try:
                    if post(daemon.url, payload(name), timeout=5) == 200:
                        answered.append(name)
                except OSError:
                    return
                if len(answered) >= goal:
                    reached.set()

        tellers = [threading.Thread(target=tell) for _ in range(4)]
        for teller in tellers:
            teller.start()
        assert reached.wait(60)
        daemon.kill()
        gone.set()
        for teller in tellers:
            teller.join(20)

    daemon = Daemon(config)
    assert eventually(
        lambda: (
            daemon.rows("select count(*) from messages where state in ('queued', 'submitting')") == [(0,)]
        ),
        60,
    )
    kept = {name for (name,) in daemon.rows("select json_extract(labels, '$.alertname') from incidents")}
    assert set(answered) <= kept
    got = {(text.number, text.text.split()[2].rstrip(":")) for text in simulator.texts()}
    waiting = {
        (number.lstrip("+"), name)
        for number, name in daemon.rows(
            "select m.number, json_extract(i.labels, '$.alertname') from messages m join pages p on p.message_id = m.id"
            " join incidents i on i.id = p.incident_id where m.state in ('unknown', 'unknown_final')"
        )
    }
    assert {(number, name) for name in answered for number in ("32470000001", "31612345678")} <= got | waiting
    assert len(got) == len(simulator.texts())  # nobody got a text twice: no resend was due within this test
    assert daemon.stop() == 0


def test_sigterm_lets_the_request_under_way_end(tmp_path: Path) -> None:
    import http.server

    arrived, go = threading.Event(), threading.Event()

    class Slow(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "bericht=" in self.path:
                arrived.set()
                go.wait(10)
            answer = b"OK 4711" if "bericht=" in self.path else b"500"
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    receivers = "[{name: oncall, notify: [person:alice]}]"
    daemon = Daemon(
        write_config(tmp_path, f"http://127.0.0.1:{server.server_port}/module/", receivers=receivers)
    )
    try:
        assert post(daemon.url, payload("HostDown")) == 200
        assert arrived.wait(20)
        daemon.process.send_signal(signal.SIGTERM)
        go.set()
        assert daemon.process.wait(40) == 0
        assert daemon.rows("select state, smsid from messages") == [("sent", "4711")]
    finally:
        server.shutdown()
        server.server_close()
        if daemon.process.poll() is None:
            daemon.kill()


def test_a_full_disk_is_answered_with_503_and_loses_nothing_that_was_answered_with_200(
    tmp_path: Path, simulator: Simulator
) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, 900_000))

    daemon = Daemon(write_config(tmp_path, simulator.gateway_url), before=no_room)
    answers: dict[str, int] = {}
    for n in range(3000):
        name = f"Alert{n}"
        answers[name] = post(daemon.url, payload(name, "Padding" * 200))
        if answers[name] != 200:
            break
    daemon.kill()

    assert answers.popitem()[1] == 503
    connection = sqlite3.connect(tmp_path / "data" / "sms.db")
    kept = {
        name for (name,) in connection.execute("select json_extract(labels, '$.alertname') from incidents")
    }
    connection.close()
    assert set(answers) <= kept
    assert set(answers.values()) == {200}


def test_metrics_can_be_scraped_while_nothing_has_happened(daemon: Daemon) -> None:
    metrics = get(daemon.url, "/metrics")

    assert value(metrics, 'sms_notify_messages_total{gateway="main",outcome="unknown"}') == 0
    assert value(metrics, 'sms_notify_gateway_errors_total{code="108",gateway="main"}') == 0
    assert value(metrics, 'sms_notify_alerts_suppressed_total{reason="duplicate"}') == 0
    assert not [line for line in metrics.splitlines() if "_created" in line]


def test_refused_webhooks_and_logins_stand_in_the_log_and_in_the_metrics(daemon: Daemon) -> None:
    assert post(daemon.url, b'{"alerts": [') == 400
    assert post(daemon.url, payload("HostDown"), token="guessed") == 401
    assert post(daemon.url, payload("HostDown"), path="/alertmanagr") == 404

    metrics = get(daemon.url, "/metrics")
    for source, code in (("alertmanager", 400), ("alertmanager", 401), ("unknown", 404)):
        name = f'sms_notify_webhook_refused_total{{code="{code}",source="{source}"}}'
        assert value(metrics, name) == 1
        refused = f"WARNING a webhook was refused, nothing of it was taken source={source} "
        assert eventually(lambda: refused in daemon.said())  # noqa: B023
    assert value(metrics, 'sms_notify_webhook_refused_total{code="413",source="zabbix"}') == 0
    assert value(metrics, "sms_notify_login_failures_total") == 1
    assert eventually(lambda: "WARNING a login was refused client=127.0.0.1 " in daemon.said())
    assert "guessed" not in daemon.said()


def test_health_is_told_without_a_token(daemon: Daemon) -> None:
    assert get(daemon.url, "/-/healthy") == "OK"
    assert get(daemon.url, "/-/ready") == "OK"
    with pytest.raises(urllib.error.HTTPError):
        get(daemon.url, "/nothing-here")


def test_a_token_tells_two_installations_apart_and_two_senders_of_one_are_a_warning(
    tmp_path: Path, simulator: Simulator
) -> None:
    config = write_config(tmp_path, simulator.gateway_url)
    with (tmp_path / "tokens").open("a") as tokens:
        tokens.write("tok-of-prod-4242424242 name=prod\n")
    daemon = Daemon(config)
    one, other = (
        payload("HostDown").replace(b'{"version"', b'{"externalURL": "http://am-%d", "version"' % n)
        for n in (1, 2)
    )

    answers = [post(daemon.url, body) for body in (one, other, one)]
    assert [*answers, post(daemon.url, other, token="tok-of-prod-4242424242")] == [200] * 4
    assert daemon.rows("select json_extract(labels, '$.monitor') from incidents order by id") == [
        (None,),
        ("prod",),
    ]
    assert daemon.stop() == 0
    assert daemon.said().count("two senders have alerts of one name") == 1
    assert "tok-of-prod" not in daemon.said()

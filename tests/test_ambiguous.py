"""Endings that do not say whether the text is out: exactly one request an attempt, then evidence, then at most one more."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from test_failures import Site, site  # noqa: F401 - the fixture
from test_gateway_transport import Loopback
from test_sender import post_to
from workbench import Bench, firing

from sms_notify.delivery.reports import Reports, apply
from sms_notify.delivery.sender_pool import SenderPool
from sms_notify.gateways.base import Report
from sms_notify.metrics import Metrics
from sms_notify.policy.outcomes import DeliveryStatus
from sms_notify.policy.vocabulary import Applied, Cause
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

Answer = Callable[[socket.socket, threading.Event], None]


def says(raw: bytes) -> Answer:
    return lambda connection, _: connection.sendall(raw)


def ok(body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> Answer:
    return says(
        b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%bConnection: close\r\n\r\n%b"
        % (status, len(body), more, body)
    )


def hangs(connection: socket.socket, stop: threading.Event) -> None:
    stop.wait(10)


def resets(connection: socket.socket, _: threading.Event) -> None:
    import struct

    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


ENDINGS: dict[str, Answer] = {
    "closed without an answer": says(b""),
    "reset": resets,
    "no answer in time": hangs,
    "cut in the head": says(b"HTTP/1.1 200 OK\r\nCont"),
    "cut in the body": says(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nOK 1"),
    "an empty answer": ok(b""),
    "a page": ok(b"<html>OK 12345</html>"),
    "OK with more": ok(b"OK 12345 and so on"),
    "two ids": ok(b"OK 12345 67890"),
    "another number": ok(b"12345"),
    "garbage": ok(bytes(range(256))),
    "a server error": ok(b"", b"500 Internal Server Error"),
    "a bad gateway": ok(b"<html>", b"502 Bad Gateway"),
    "a redirect": ok(b"", b"302 Found", b"Location: http://127.0.0.1:9/\r\n"),
    "too much": ok(b"OK 1" + b" " * 5000),
}


@pytest.fixture
def ending(request: pytest.FixtureRequest) -> Iterator[Loopback]:
    with Loopback(ENDINGS[request.param]) as server:
        yield server


@pytest.mark.parametrize("ending", ENDINGS, indirect=True)
@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_an_ambiguous_ending_is_one_request_and_then_waits_for_evidence(
    bench: Bench, ending: Loopback, severity: str
) -> None:
    post = post_to(bench, ending.url.rpartition("/")[0] + "/")
    bench.accept(firing(team="dba", severity=severity))
    post.drain()
    assert bench.messages("state, attempts, ambiguous") == [("unknown", 1, 1)]
    assert len(ending.requests) == 1
    bench.clock.move(seconds=59)
    bench.tick()
    post.drain()
    assert len(ending.requests) == 1
    bench.clock.move(seconds=2)
    bench.tick()
    post.drain()
    assert len(ending.requests) == (2 if severity == "critical" else 1)
    for _ in range(3):
        bench.clock.move(minutes=10)
        bench.tick()
        post.drain()

    assert len(ending.requests) == 2
    assert bench.messages("state") == [("unknown_final",)] * 2
    reason = bench.rows("select reason from attempts")[0]["reason"]
    troubles = {row["id"] for row in bench.rows("select id from troubles")}
    assert troubles == {f"main/account//{reason}", "#nobody/#snsb"}


@pytest.mark.parametrize("ending", ["closed without an answer"], indirect=True)
def test_evidence_in_time_makes_it_one_text(bench: Bench, ending: Loopback) -> None:
    post = post_to(bench, ending.url.rpartition("/")[0] + "/")
    bench.accept(firing(team="dba"))
    post.drain()
    bench.clock.move(seconds=30)
    report = Report("4711", DeliveryStatus.DELIVERED, None, "ref1")
    bench.commit(lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", bench.clock()))
    for _ in range(5):
        bench.clock.move(minutes=5)
        bench.tick()
        post.drain()

    assert len(ending.requests) == 1
    assert bench.messages("state, smsid") == [("delivered", "4711")]


@pytest.mark.parametrize("ending", ["closed without an answer"], indirect=True)
def test_three_in_a_minute_close_the_gateway_and_the_operator_hears_of_it_once(
    bench: Bench, ending: Loopback
) -> None:
    post = post_to(bench, ending.url.rpartition("/")[0] + "/")
    for n in range(6):
        bench.accept(firing(team="dba", severity="warning", instance=str(n)))
    post.drain()

    assert len(ending.requests) == 3
    assert [row["id"] for row in bench.rows("select id from troubles")] == ["main/account//connection_lost"]
    assert sorted(state for (state,) in bench.messages("state")) == ["queued"] * 3 + ["unknown"] * 3


@pytest.mark.parametrize("ending", ENDINGS, indirect=True)
def test_each_ambiguous_ending_ends_with_one_more_text_by_the_other_gateway_and_one_note(
    site: Site,  # noqa: F811
    ending: Loopback,
) -> None:
    gateway = site.senders["main"]._gateway
    gateway._settings = replace(gateway._settings, url=ending.url.rpartition("/")[0] + "/")
    site.bench.accept(firing(team="dba"))
    site.run()
    site.run()

    assert len(ending.requests) == 1
    assert site.texts("backup") == 1
    assert site.bench.messages("state, gateway") == [("unknown_final", "main"), ("sent", "backup")]
    states = [row["state"] for row in site.bench.rows("select state from ledger order by id")]
    assert states == ["queued", "submitting", "unknown", "unknown_final", "queued", "submitting", "sent"]
    metrics = Metrics(("main", "backup"), "node").render(site.bench.store, "", site.bench.clock)[0].decode()
    assert 'sms_notify_breaker_open{gateway="main",scope="account"} 0.0' in metrics
    assert 'sms_notify_messages_total{gateway="main",outcome="unknown"} 1.0' in metrics
    assert 'sms_notify_messages_total{gateway="backup",outcome="sent"} 1.0' in metrics
    assert site.notes() == []
    site.bench.clock.move(minutes=2)
    site.run()
    site.run()
    assert len(site.notes()) == 1, "nothing was taken since: the operator hears of it, once"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(
        SimulatorSettings(buffered_after=0, final_after=0, finals={"78": "NOT DELIVERED"})
    ) as running:
        yield running


def test_a_bad_end_told_by_a_call_back_is_confirmed_before_anything_follows(
    bench: Bench, simulator: Simulator
) -> None:
    post = post_to(bench, simulator.gateway_url)
    bench.accept(firing(team="dba"))
    post.drain()
    report = Report(simulator.texts()[0].smsid, DeliveryStatus.NOT_DELIVERED, None, "ref1")

    told = bench.commit(
        lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", bench.clock(), confirm=True)
    )
    assert told.applied is Applied.TO_CONFIRM
    assert bench.messages("state") == [("sent",)]
    assert bench.rows("select * from troubles") == []

    assert simulator.wait_for(lambda state: all(t.status == "NOT DELIVERED" for t in state.texts()), 5)
    (polled,) = Reports(bench.commit, post.gateway, "node", bench.clock).poll_once()
    assert polled.applied is Applied.MOVED
    assert bench.messages("state") == [("not_delivered",)]
    assert [row["id"] for row in bench.rows("select id from troubles")] == ["#nobody/#snsb"]


def test_a_forged_bad_end_comes_to_nothing(bench: Bench) -> None:
    with Simulator(SimulatorSettings(buffered_after=3600, final_after=7200)) as simulator:
        post = post_to(bench, simulator.gateway_url)
        bench.accept(firing(team="dba"))
        post.drain()
        report = Report(simulator.texts()[0].smsid, DeliveryStatus.REJECTED, None, "ref1")
        bench.commit(
            lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", bench.clock(), confirm=True)
        )
        Reports(bench.commit, post.gateway, "node", bench.clock).poll_once()

    assert bench.messages("state") == [("sent",)]
    assert bench.rows("select * from troubles") == []


def test_a_phone_that_stays_out_of_reach_is_told_to_the_operator(bench: Bench, simulator: Simulator) -> None:
    post = post_to(bench, simulator.gateway_url)
    bench.accept(firing(team="dba"))
    post.drain()
    report = Report(simulator.texts()[0].smsid, DeliveryStatus.BUFFERED, None, "ref1")
    bench.commit(lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", bench.clock()))
    bench.clock.move(minutes=31)
    bench.tick()

    assert bench.messages("state") == [("no_report",)]
    assert [row["id"] for row in bench.rows("select id from troubles")] == ["#nobody/#snsb"]


def test_credits_run_out_under_several_senders_at_once(bench: Bench) -> None:
    """At most as many refusals as requests were under way; then none until the balance grows."""
    lock = threading.Lock()

    def commit(job):
        with lock:
            return bench.commit(job)

    with Simulator(SimulatorSettings(credits=5, phones={})) as simulator:
        post = post_to(bench, simulator.gateway_url)
        post.sender._commit = commit
        people = {f"p{n}": f"+3161234{n:04d}" for n in range(20)}
        now = bench.clock()
        for n, number in enumerate(people.values()):
            bench.commit(lambda tx, n=n, number=number: _queue(tx, n, number, now))
        done: list = []
        pool = SenderPool(post.sender, bench.clock, 4, done.append)
        pool.start()
        assert simulator.wait_for(lambda state: len(state.texts()) == 5, 20)
        assert pool.stop(20)
        refused = sum(sent.outcome.code == 108 for sent in done)
        assert 1 <= refused <= 4
        assert len(simulator.requests()) == 5 + refused
        again = SenderPool(post.sender, bench.clock, 4, done.append)
        again.start()
        again.wake()
        assert again.stop(20)
        assert len(simulator.requests()) == 5 + refused
        assert len(bench.rows("select * from troubles")) == 1


def _queue(tx, n: int, number: str, now) -> None:
    from sms_notify.alert import Severity
    from sms_notify.policy.directory import Person
    from sms_notify.policy.vocabulary import Kind
    from sms_notify.store import messages
    from sms_notify.wording.content import Text

    draft = messages.Draft(
        Kind.FIRING,
        "r",
        Person(f"p{n}", number),
        Severity.CRITICAL,
        "main",
        Text("hello", 1, 5),
        now,
        now + timedelta(hours=4),
    )
    messages.write(tx, draft, "node", now)

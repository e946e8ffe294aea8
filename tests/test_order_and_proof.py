"""What is read last on the phone is what is true, and what proves that a text is out is never ignored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from test_sender import Post, post_to
from workbench import NOON, Bench, VirtualClock, a_plan, firing, resolved

from sms_notify.daemon.app import App
from sms_notify.delivery.reports import apply
from sms_notify.engine import Engine
from sms_notify.errors import StoreError
from sms_notify.gateways.base import Report
from sms_notify.gateways.registry import refused
from sms_notify.policy.directory import Directory
from sms_notify.policy.outcomes import DeliveryStatus, Fate
from sms_notify.policy.retry_policy import Break, Scope
from sms_notify.policy.vocabulary import Applied, Cause, Heard
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import breakers, claims, outbox
from sms_notify.store.messages import Entry


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorSettings(buffered_after=0, final_after=0)) as running:
        yield running


@pytest.fixture
def post(bench: Bench, simulator: Simulator) -> Post:
    return post_to(bench, simulator.gateway_url)


def words(simulator: Simulator) -> list[str]:
    return [text.text.split()[0] for text in simulator.texts()]


def test_proof_that_comes_while_the_resend_waits_keeps_the_resend_from_leaving(
    post: Post, simulator: Simulator
) -> None:
    bench = post.bench
    bench.accept(firing(team="dba"))
    first = bench.commit(lambda tx: post.sender.claim(tx, bench.clock()))
    assert first is not None
    bench.clock.move(minutes=2)
    bench.tick()
    bench.clock.move(minutes=2)
    bench.tick()
    assert post.states() == ["unknown_final", "queued"]

    report = Report("77", DeliveryStatus.DELIVERED, None, first.reference)
    delivered = bench.commit(lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", bench.clock()))

    assert delivered.applied is Applied.MOVED
    assert post.drain() == []
    assert bench.messages("state, smsid") == [("delivered", "77"), ("cancelled", None)]
    assert simulator.texts() == []


def test_a_firing_refused_while_its_trouble_ended_is_not_sent_after_its_ok(
    post: Post, simulator: Simulator
) -> None:
    bench = post.bench
    bench.accept(firing(team="dba"))
    message = bench.commit(lambda tx: post.sender.claim(tx, bench.clock()))
    assert message is not None
    bench.accept(resolved(team="dba"))
    simulator.change(force_error=120)
    post.sender.submit(message, bench.clock)
    simulator.change(force_error=None)
    bench.clock.move(minutes=10)
    post.drain()

    assert words(simulator) == []
    assert bench.messages("kind, state") == [("firing", "cancelled"), ("resolved", "cancelled")]


def test_what_ends_of_a_group_before_its_text_could_leave_is_not_in_it(
    post: Post, simulator: Simulator
) -> None:
    bench = post.bench
    simulator.change(force_error=120)
    bench.accept(firing(team="dba", instance="a"), firing(team="dba", instance="b"))
    post.drain()
    simulator.change(force_error=None)
    bench.accept(resolved(team="dba", instance="a"))

    assert post.drain() == []
    bench.clock.move(minutes=1)
    bench.tick()
    post.drain()
    assert [text.text.split(": ")[0] for text in simulator.texts()] == ["FIRING critical HostDown b"]


@pytest.mark.parametrize(
    ("minutes", "heard", "told"),
    [(5, Heard.DUPLICATE, ["FIRING"]), (15, Heard.FIRST, ["FIRING", "FIRING"])],
    ids=["it flickers", "a new outage"],
)
def test_an_ok_that_waited_too_long_is_not_sent_after_the_next_firing(
    post: Post, simulator: Simulator, minutes: int, heard: Heard, told: list[str]
) -> None:
    bench = post.bench
    bench.accept(firing(team="dba"))
    post.drain()
    simulator.change(force_error=120)
    bench.accept(resolved(team="dba"))
    post.drain()
    bench.clock.move(minutes=minutes)
    again = bench.accept(firing(team="dba", at=bench.clock()))
    simulator.change(force_error=None)
    post.drain()
    bench.clock.move(minutes=5)
    post.drain()

    assert [verdict.heard for verdict in again] == [heard]
    assert words(simulator) == told
    assert bench.messages("state")[1] == ("cancelled",)


def test_the_end_of_an_episode_that_went_silent_is_still_told(post: Post, simulator: Simulator) -> None:
    bench = post.bench
    bench.accept(firing(team="dba"))
    post.drain()
    bench.clock.move(hours=25)
    bench.tick()
    bench.accept(resolved(team="dba", end=NOON + timedelta(hours=25)))
    bench.accept(resolved(team="dba", end=NOON + timedelta(hours=25)))
    post.drain()

    assert words(simulator) == ["FIRING", "OK"]


def test_a_report_with_another_id_does_not_replace_the_one_the_gateway_gave(
    post: Post, simulator: Simulator
) -> None:
    post.bench.accept(firing(team="dba"))
    post.drain()
    own = simulator.texts()[0].smsid
    report = Report("666", DeliveryStatus.SUBMITTED, None, "ref1")

    post.bench.commit(lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", post.bench.clock()))

    assert post.bench.messages("smsid") == [(own,)]


def test_an_ok_is_written_down_as_soon_as_the_store_opens_again(post: Post, simulator: Simulator) -> None:
    bench, waited = post.bench, []
    bench.accept(firing(team="dba"))
    message = bench.commit(lambda tx: post.sender.claim(tx, bench.clock()))
    assert message is not None
    real = post.sender._commit

    def commit(job):
        if len(waited) < 3:
            raise StoreError("database is locked")
        return real(job)

    post.sender._commit = commit
    post.sender._luck = replace(post.sender._luck, pause=waited.append)

    assert post.sender.submit(message, bench.clock).outcome.fate is Fate.SENT
    assert waited == sorted(waited)
    assert post.states() == ["sent"]
    assert len(simulator.texts()) == 1


def test_what_waits_for_a_number_that_left_the_configuration_is_cancelled_at_start(bench: Bench) -> None:
    bench.accept(firing())
    plan = a_plan()
    only_alice = {
        name: replace(r, notify=r.notify[:1] if name == "oncall" else ())
        for name, r in plan.receivers.items()
    }
    directory = Directory({"alice": plan.directory.people["alice"]})
    after = Engine(replace(plan, directory=directory, receivers=only_alice), "node")

    bench.commit(lambda tx: after.recover(tx, bench.clock()))

    assert bench.messages("recipient, state") == [("alice", "queued"), ("bob", "cancelled")]
    assert bench.rows("select reason from ledger order by id")[-1] == {"reason": "not_configured"}
    ((what),) = [row["what"] for row in bench.rows("select what from troubles where closed_at is null")]
    assert what == "a text about open incident #snsb was for somebody who is not configured any more"


def test_what_waits_for_a_gateway_that_was_renamed_leaves_by_the_one_there_is(
    bench: Bench, simulator: Simulator
) -> None:
    bench.accept(firing(team="dba"))
    renamed = Engine(replace(a_plan(), gateways=("new",)), "node")

    bench.commit(lambda tx: renamed.recover(tx, bench.clock()))

    assert bench.messages("gateway, state") == [("new", "queued")]


def test_a_text_of_unknown_fate_is_sent_again_by_the_gateway_there_is_although_it_takes_nothing_now(
    bench: Bench,
) -> None:
    plan = a_plan()
    bench.accept(firing(team="dba"))
    message = bench.commit(lambda tx: claims.claim(tx, "main", "r", "node", NOON + timedelta(hours=1), NOON))
    assert message is not None
    bench.engine = Engine(replace(plan, gateways=("new",)), "node")
    bench.commit(lambda tx: bench.engine.adopt(tx, bench.clock()))
    assert bench.messages("gateway, state") == [("main", "submitting")]  # its request is still under way
    bench.commit(lambda tx: outbox.mark_ambiguous(tx, message, Entry(Cause.LEASE_ENDED), "node", NOON))
    closed = Break(Scope.ACCOUNT, 1, timedelta(minutes=15), timedelta(minutes=15))
    outcome = refused(104)
    bench.commit(lambda tx: breakers.fail(tx, "new", closed, "", outcome, NOON))
    bench.clock.move(minutes=2)
    bench.tick()

    assert bench.messages("gateway, state") == [("main", "unknown_final"), ("new", "queued")]


@pytest.mark.parametrize("hours", [-2, 1, 24 * 365])
def test_setting_the_clock_neither_expires_nor_delays_nor_doubles(
    post: Post, simulator: Simulator, hours: int
) -> None:
    bench = post.bench
    simulator.change(force_error=120)
    bench.accept(firing(team="dba", severity="warning"))
    post.drain()
    simulator.change(force_error=None)

    bench.clock.move(hours=hours)
    bench.commit(lambda tx: outbox.shift_clock(tx, timedelta(hours=hours)))
    bench.tick()
    assert post.states() == ["queued"]
    bench.clock.move(seconds=15)

    assert post.drain() == [Fate.SENT]
    assert [v.heard for v in bench.accept(firing(team="dba", severity="warning"))] == [Heard.DUPLICATE]


def test_a_clock_set_back_while_the_daemon_was_down_delays_nothing_longer_than_a_retry(
    post: Post, simulator: Simulator
) -> None:
    bench = post.bench
    simulator.change(force_error=120)
    bench.accept(firing(team="dba"))
    post.drain()
    simulator.change(force_error=None)
    bench.clock.move(hours=-3)
    bench.commit(lambda tx: bench.engine.recover(tx, bench.clock()))
    bench.clock.move(minutes=15)

    assert post.drain() == [Fate.SENT]


def test_the_daemon_notices_that_the_clock_was_set(
    tmp_path, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    from daemons import write_config

    from sms_notify.config.load import load

    wall, up = VirtualClock(), [timedelta(days=1)]
    app = App(load(write_config(tmp_path, simulator.gateway_url), {}), clock=wall, uptime=lambda: up[0])
    app.committer.start()
    try:
        app.committer(lambda tx: app._engine.accept(tx, _delivery(), wall()))
        wall.move(hours=5)
        up[0] += timedelta(hours=5)
        app.committer(lambda _: None)
        assert "the clock was set" not in caplog.text
        wall.move(hours=-5)
        # Whatever comes first after the step, and is stamped by the new time, is not shifted.
        app.committer(lambda tx: app._engine.accept(tx, _delivery("Later"), wall()))
        assert "the clock was set" in caplog.text
        with app.store.reading() as tx:
            rows = tx.all("select not_before, created_at from messages order by id")
        assert [row["created_at"] - row["not_before"] for row in rows[:: len(rows) - 1]] == [
            5 * 3600 * 1_000_000,
            0,
        ]
    finally:
        app.stop()


def _delivery(name: str = "HostDown"):
    from sms_notify.alert import Delivery

    return Delivery("alertmanager", (firing(name),), group="{}")

"""A group of the gateway's own address book as a target: one request, no report, and its known members when it fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from test_gateway_transport import Loopback
from workbench import BOB, Bench, a_plan, firing, resolved

from sms_notify.delivery.sender import Luck, Sender
from sms_notify.engine import Engine
from sms_notify.gateways.sms1601.client import SmsGateway1601
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS, Gateway1601Settings
from sms_notify.policy.account import Account
from sms_notify.policy.directory import Directory, Target, TargetKind
from sms_notify.policy.routing import Receiver, Route
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

MEMBERS = ("32470000001", "31612345678", "32470000003")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorSettings(groups={"ops": MEMBERS, "nobody": ()})) as running:
        yield running


def send_all(bench: Bench, url: str, *groups: str, teams: dict[str, tuple[str, ...]] | None = None) -> Bench:
    """The bench with a receiver for these groups, and everything due sent once it is told."""
    directory = Directory(a_plan().directory.people, teams or {})
    targets = tuple(Target(TargetKind.GROUP, group) for group in groups)
    plan = replace(
        a_plan(), route=Route("ops"), receivers={"ops": Receiver("ops", targets)}, directory=directory
    )
    bench.engine = Engine(plan, "node")
    settings = Gateway1601Settings("main", url, "demo", Secret("demo"), "ACME", timeout=2, groups=groups)
    account = Account("main", "ACME", "", ("main",), timedelta(minutes=1), directory, limits=TEXT_LIMITS)
    luck = Luck(reference=lambda: f"ref{time.monotonic_ns()}", dice=lambda: 1.0)
    bench.sender = Sender(
        bench.commit, SmsGateway1601(settings, time.monotonic), account, plan.timing, "node", luck
    )
    return bench


def drain(bench: Bench) -> None:
    while bench.sender.send_once(bench.clock) is not None:
        pass


def test_a_group_is_one_request_and_its_end_is_told_to_it(bench: Bench, simulator: Simulator) -> None:
    send_all(bench, simulator.gateway_url, "ops")
    bench.accept(firing())
    drain(bench)
    bench.accept(resolved())
    drain(bench)

    assert len(simulator.requests()) == 2
    assert [text.text.split()[0] for text in simulator.texts()] == ["FIRING"] * 3 + ["OK"] * 3
    assert bench.messages("recipient, state") == [("gateway-group:ops", "no_report")] * 2


@pytest.mark.parametrize(("group", "code"), [("unknown", 125), ("nobody", 126)])
def test_a_group_that_the_gateway_refuses_falls_back_to_the_members_we_know(
    bench: Bench, simulator: Simulator, group: str, code: int
) -> None:
    send_all(bench, simulator.gateway_url, group, teams={group: ("bob",)})
    bench.accept(firing())
    drain(bench)

    assert [text.number for text in simulator.texts()] == [BOB.number.lstrip("+")]
    assert bench.messages("recipient, state") == [(f"gateway-group:{group}", "failed"), ("bob", "sent")]
    assert {row["code"] for row in bench.rows("select code from ledger where code is not null")} == {code}
    assert [row["level"] for row in bench.rows("select level from troubles")] == ["page"]
    bench.accept(resolved())
    drain(bench)
    assert [text.text.split()[0] for text in simulator.texts()] == ["FIRING", "OK"]


def test_a_group_that_is_refused_and_of_which_nobody_is_known_is_a_lost_page(
    bench: Bench, simulator: Simulator
) -> None:
    send_all(bench, simulator.gateway_url, "unknown")
    bench.accept(firing())
    drain(bench)

    assert simulator.texts() == []
    assert sorted(row["id"] for row in bench.rows("select id from troubles")) == [
        "#nobody/#snsb",
        "main/error_125/unknown/125",
    ]


def test_one_silence_never_makes_two_texts_for_a_whole_group(bench: Bench) -> None:
    with Loopback(lambda connection, _: connection.close()) as silent:
        send_all(bench, silent.url.rpartition("/")[0] + "/", "ops")
        bench.accept(firing())
        drain(bench)
        bench.clock.move(minutes=2)
        bench.tick()
        drain(bench)

        assert len(silent.requests) == 1
    assert bench.messages("state") == [("unknown_final",)]
    troubles = sorted(row["id"] for row in bench.rows("select id from troubles"))
    assert troubles == ["#nobody/#snsb", "main/account//connection_lost"]

"""A self-alert reaches a person by another channel, once, through the daemon as it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from daemons import PASSWORD, TOKEN, Daemon, eventually, payload, post, write_config
from workbench import Bench, a_plan

from sms_notify.channels.choice import channel_of
from sms_notify.channels.settings import CommandSettings, OperatorKind, OperatorTarget
from sms_notify.oncall.roster import Roster
from sms_notify.operator_notifier import Operator, Teller
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import breakers


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorSettings("acme", Secret(PASSWORD))) as running:
        yield running


def test_a_refused_password_is_told_once_by_a_command_however_many_pages_wait(
    tmp_path: Path, simulator: Simulator
) -> None:
    heard = tmp_path / "heard"
    gateways = (
        f"[{{name: main, type: 1601sms, url: '{simulator.gateway_url}', username: acme, password_file: password, sender: A}},"
        f" {{name: shout, type: command, command: ['/bin/sh', '-c', 'cat >> {heard}']}}]"
    )
    config = write_config(tmp_path, simulator.gateway_url, gateways=gateways, operator="['gateway:shout']")
    simulator.change(force_error=104)
    daemon = Daemon(config)
    try:
        for n in range(10):
            assert post(daemon.url, payload(f"Alert{n}")) == 200
        assert eventually(lambda: heard.exists() and heard.read_text("utf-8").endswith("}\n"))
        assert eventually(
            lambda: daemon.rows("select count(*) from messages where state = 'submitting'") == [(0,)]
        )
        sends = [r for r in simulator.requests() if "bericht" in r.params]
        assert 1 <= len(sends) <= 4, "as many as were under way, and then none"
        notes = [json.loads(line) for line in heard.read_text("utf-8").splitlines()]
        assert ["error 104" in note["subject"] for note in notes] == [True]
        assert notes[0]["urgent"] is True
        for secret in (PASSWORD, TOKEN, "32470000001", "31612345678"):
            assert secret not in heard.read_text("utf-8")

        simulator.change(force_error=None)
        assert daemon.stop() == 0
        daemon = Daemon(config)  # a start asks at once whether it may go on
        assert len(simulator.wait_for_texts(20, timeout=30)) == 20
        assert len(heard.read_text("utf-8").splitlines()) == 1
    finally:
        if daemon.process.poll() is None:
            daemon.kill()


def teller_to(bench: Bench, *targets: OperatorTarget, command: tuple[str, ...] = ("/bin/true",)) -> Teller:
    channels = {"channel": channel_of(CommandSettings("channel", command))}
    operator = Operator(targets, channels, lambda: Roster(a_plan().directory), ("main", "backup"))
    return Teller(bench.commit, operator, "node", bench.clock, lambda: None)


def report(bench: Bench, id_: str = "main/account//104") -> None:
    bench.commit(
        lambda tx: breakers.report(
            tx, id_, Urgency(Level.PAGE), "main", "main: broken", "mend it", bench.clock()
        )
    )


ALICE = OperatorTarget(OperatorKind.PERSON, "alice")
CHANNEL = OperatorTarget(OperatorKind.GATEWAY, "channel")


def test_a_person_is_texted_by_a_gateway_that_takes_texts(bench: Bench) -> None:
    bench.engine.plan = replace(bench.engine.plan, gateways=("main", "backup"))
    bench.commit(
        lambda tx: tx.run(
            "insert into breakers values ('main', 'account', '', 1, null, 1, 1, 'x', 104, null, null, null, 0, null)"
        )
    )
    report(bench)
    assert teller_to(bench, ALICE).tell_once() == 1

    assert bench.messages("kind, recipient, gateway, body") == [
        ("operator", "alice", "backup", "sms-notify: main: broken. mend it")
    ]


def test_a_channel_that_fails_is_taken_again_later_and_later(bench: Bench) -> None:
    report(bench)
    teller = teller_to(bench, CHANNEL, command=("/bin/false",))
    tries = []
    for second in range(200):
        before = bench.rows("select tries from troubles")[0]["tries"]
        teller.tell_once()
        if bench.rows("select tries from troubles")[0]["tries"] > before:
            tries.append(second)
        bench.clock.move(seconds=1)

    assert tries == [0, 30, 90]


def test_a_problem_that_comes_back_within_a_quarter_of_an_hour_is_no_news(bench: Bench) -> None:
    teller = teller_to(bench, CHANNEL)
    report(bench)
    assert teller.tell_once() == 1
    breaker = breakers.Breaker("main", breakers.Scope.ACCOUNT, "", bench.clock(), 104, 0)
    bench.commit(lambda tx: breakers.close(tx, breaker, bench.clock()))
    bench.clock.move(minutes=14)
    report(bench)
    assert teller.tell_once() == 0
    bench.commit(lambda tx: breakers.close(tx, breaker, bench.clock()))
    bench.clock.move(minutes=16)
    report(bench)
    assert teller.tell_once() == 1


def test_a_problem_that_ends_before_it_is_due_is_told_to_nobody(bench: Bench) -> None:
    teller = teller_to(bench, CHANNEL)
    from datetime import timedelta

    slow = Urgency(Level.PAGE, timedelta(minutes=5))
    bench.commit(lambda tx: breakers.report(tx, "main/account//104", slow, "main", "w", "a", bench.clock()))
    assert teller.tell_once() == 0
    breaker = breakers.Breaker("main", breakers.Scope.ACCOUNT, "", bench.clock(), 120, 0)
    bench.commit(lambda tx: breakers.close(tx, breaker, bench.clock()))
    bench.clock.move(minutes=10)

    assert teller.tell_once() == 0


def test_without_an_operator_the_log_has_it_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    report(bench)
    teller = teller_to(bench)
    teller.tell_once()
    teller.tell_once()

    assert caplog.text.count("main: broken") == 1

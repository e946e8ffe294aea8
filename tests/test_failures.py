"""Every row of the failure model: what the gateway saw, what became of the text and by which gateway it left, what is
not tried any more, and what the operator heard.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from stores import a_store
from workbench import BOB, Bench, a_plan, firing

from sms_notify.channels.choice import channel_of
from sms_notify.channels.settings import CommandSettings, OperatorKind, OperatorTarget
from sms_notify.delivery.breaker_probe import Prober
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.engine import Engine
from sms_notify.gateways.sms1601.client import SmsGateway1601
from sms_notify.gateways.sms1601.error_codes import CODES
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS, Gateway1601Settings
from sms_notify.metrics import Metrics
from sms_notify.oncall.roster import Roster
from sms_notify.operator_notifier import Operator, Teller
from sms_notify.policy.account import Account
from sms_notify.policy.outcomes import Refusal
from sms_notify.policy.retry_policy import BY_REFUSAL, Level, Scope
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

STYLES = ("spaced", "colon", "bare")
GATEWAYS = ("main", "backup")


@dataclass
class Site:
    """Two gateways, a sender and a prober for each, and an operator who is told by a command that keeps what it hears."""

    bench: Bench
    simulators: dict[str, Simulator]
    senders: dict[str, Sender]
    probers: dict[str, Prober]
    teller: Teller
    heard: Path

    def run(self, rounds: int = 3) -> None:
        """Sends, ticks and tells until nothing more happens at this moment."""
        for _ in range(rounds):
            for sender in self.senders.values():
                while sender.send_once(self.bench.clock) is not None:
                    pass
            self.bench.tick()
        self.teller.tell_once()

    def asked(self, gateway: str) -> int:
        """Requests to send that a gateway has seen; questions for the balance are none."""
        return sum(
            "bericht" in r.params and r.params.get("test") != "ja"
            for r in self.simulators[gateway].requests()
        )

    def texts(self, gateway: str) -> int:
        return len(self.simulators[gateway].texts())

    def state(self) -> tuple[str, str]:
        return self.bench.messages("state, gateway")[0]

    def open(self) -> set[tuple[str, str]]:
        rows = self.bench.rows(
            "select scope, subject from breakers where gateway = 'main' and opened_at is not null"
        )
        return {(row["scope"], row["subject"]) for row in rows}

    def notes(self) -> list[str]:
        return [n for n in self.heard.read_text("utf-8").splitlines() if n] if self.heard.exists() else []


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    plan = replace(a_plan(), gateways=GATEWAYS)
    store = a_store(tmp_path / "test.db")
    bench = Bench(store, Engine(plan, "node"))
    numbers = itertools.count(1)
    luck = Luck(reference=lambda: f"ref{next(numbers)}", dice=lambda: 1.0)
    settings = SimulatorSettings(buffered_after=0, final_after=0, credits=1000)
    with Simulator(settings) as main, Simulator(settings) as backup:
        simulators = {"main": main, "backup": backup}
        senders, probers = {}, {}
        for name, simulator in simulators.items():
            account = Gateway1601Settings(
                name, simulator.gateway_url, "demo", Secret("demo"), "ACME", timeout=2
            )
            gateway = SmsGateway1601(account, time.monotonic)
            settled = Account(name, "ACME", "ACME-2", GATEWAYS, timedelta(minutes=1), limits=TEXT_LIMITS)
            senders[name] = Sender(bench.commit, gateway, settled, plan.timing, "node", luck)
            probers[name] = Prober(bench.commit, gateway, settled, bench.clock, luck, (BOB.number,))
        heard = tmp_path / "heard"
        command = ("/bin/sh", "-c", f"cat >> {heard}; echo >> {heard}")
        channel = channel_of(CommandSettings("hear", command))
        operator = Operator(
            (OperatorTarget(OperatorKind.GATEWAY, "hear"),),
            {"hear": channel},
            lambda: Roster(plan.directory),
            GATEWAYS,
        )
        teller = Teller(bench.commit, operator, "node", bench.clock, lambda: None)
        yield Site(bench, simulators, senders, probers, teller, heard)
    store.close()


@dataclass(frozen=True)
class Row:
    """What a code leads to, for one critical one-part text: `asked` requests at the main gateway, then `state`,
    by `gateway`; the breakers of the main gateway; how many notes the operator got at once.
    """

    asked: int
    state: str
    gateway: str
    open: frozenset[tuple[str, str]] = frozenset()
    notes: int = 1


def broken(*scopes: tuple[Scope, str]) -> frozenset[tuple[str, str]]:
    return frozenset((str(scope), subject) for scope, subject in scopes)


WHOLE = Row(1, "sent", "backup", broken((Scope.ACCOUNT, "")))
SENDERS = Row(
    2,
    "sent",
    "backup",
    broken((Scope.SENDER, "ACME"), (Scope.SENDER, "ACME-2"), (Scope.ACCOUNT, "")),
    notes=2,
)
NUMBER = Row(
    1, "failed", "main", broken((Scope.NUMBER, BOB.number)), notes=2
)  # the number, and the lost page
COUNTRY = Row(1, "sent", "backup", broken((Scope.COUNTRY, "+31")))
GIVEN_UP = Row(1, "failed", "main", notes=2)
RECUT = Row(3, "failed", "main", notes=2)

TABLE = {
    100: WHOLE,
    101: WHOLE,
    102: RECUT,
    103: GIVEN_UP,
    104: WHOLE,
    105: RECUT,
    106: NUMBER,
    107: COUNTRY,
    108: replace(WHOLE, open=broken((Scope.CREDITS, ""))),
    109: SENDERS,
    110: SENDERS,
    111: SENDERS,
    112: NUMBER,
    113: SENDERS,
    114: COUNTRY,
    115: WHOLE,
    116: WHOLE,
    117: SENDERS,
    118: RECUT,
    119: replace(RECUT, open=broken((Scope.NO_LONG, "+31"))),
    120: Row(1, "queued", "main", notes=0),
    121: GIVEN_UP,
    122: GIVEN_UP,
    123: GIVEN_UP,
    124: GIVEN_UP,
    125: GIVEN_UP,
    126: GIVEN_UP,
    150: replace(WHOLE, notes=0),  # told after ten minutes: maintenance is planned
}


def test_the_table_has_every_code() -> None:
    assert set(TABLE) == set(CODES) == {*range(100, 127), 150}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("code", TABLE)
def test_every_code_does_what_its_row_says(site: Site, code: int, style: str) -> None:
    row = TABLE[code]
    site.simulators["main"].change(force_error=code, error_style=style)
    site.bench.accept(firing(team="dba"))
    site.run()

    assert site.asked("main") == row.asked
    assert site.state() == (row.state, row.gateway)
    assert site.texts("backup") == (row.gateway == "backup")
    assert site.texts("main") == 0
    assert site.open() == row.open
    assert len(site.notes()) == row.notes
    codes = {r["code"] for r in site.bench.rows("select code from ledger where code is not null")}
    assert codes == {code}
    metrics = Metrics(GATEWAYS, "node")
    body = metrics.render(site.bench.store, "", site.bench.clock)[0].decode()
    for scope in Scope:
        opened = sum(s == scope for s, _ in row.open)
        assert f'sms_notify_breaker_open{{gateway="main",scope="{scope}"}} {float(opened)}' in body
    assert f'sms_notify_gateway_errors_total{{code="{code}",gateway="main"}} {float(row.asked)}' in body

    site.run()
    assert site.asked("main") == row.asked, "nothing is asked again before its time"
    assert len(site.notes()) == row.notes, "the operator hears of it once"


@pytest.mark.parametrize("code", [100, 101, 104, 108, 115, 116, 150])
def test_an_account_that_is_refused_is_asked_for_free_and_taken_up_again_unaided(
    site: Site, code: int
) -> None:
    site.simulators["backup"].change(maintenance=True)
    site.simulators["main"].change(force_error=code)
    site.bench.accept(firing(team="dba"))
    site.run()
    spent = site.simulators["main"].state.credits
    for _ in range(5):
        site.bench.clock.move(minutes=15)
        site.probers["main"].probe_once()
        site.run()
    sends = site.asked("main")
    assert site.texts("main") == 0

    site.simulators["main"].change(force_error=None)
    site.simulators["backup"].change(maintenance=False)
    site.bench.clock.move(minutes=65)
    probed = [site.probers[name].probe_once() for name in GATEWAYS]
    site.run()

    assert any(p is not None and p.closed for p in probed)
    assert sends <= 2
    assert site.texts("main") + site.texts("backup") == 1
    assert spent == 1000


def test_a_numeric_sender_is_what_112_may_mean(site: Site) -> None:
    settled = Account("main", "+32470000000", "ACME-2", GATEWAYS, timedelta(minutes=1), limits=TEXT_LIMITS)
    site.senders["main"]._account = settled
    site.senders["main"]._settling._account = settled
    site.simulators["main"].change(force_error=112)
    site.bench.accept(firing(team="dba"))
    assert site.senders["main"].send_once(site.bench.clock) is not None
    site.simulators["main"].change(force_error=None)
    site.run()

    assert site.state() == ("sent", "main")
    assert site.simulators["main"].texts()[0].sender == "ACME-2"
    assert site.open() == {("sender", "+32470000000")}


def test_the_third_fault_of_the_gateway_in_a_minute_closes_it_and_critical_pages_leave_by_the_other(
    site: Site,
) -> None:
    site.simulators["main"].change(force_error=120)
    for n in range(3):
        site.bench.accept(firing(team="dba", instance=str(n)))
    site.run()

    assert site.asked("main") == 3
    assert site.open() == {("account", "")}
    assert site.texts("backup") == 3
    assert site.notes() == []
    site.bench.clock.move(minutes=5)
    site.run()
    assert len(site.notes()) == 1


def test_what_waits_out_a_pause_of_its_own_leaves_as_soon_as_the_gateway_takes_texts_again(
    site: Site,
) -> None:
    site.simulators["main"].change(force_error=120)
    for n in range(3):
        site.bench.accept(firing(team="dba", instance=str(n), severity="warning"))
    site.run()
    ten_minutes = timedelta(minutes=10) // timedelta(microseconds=1)
    site.bench.commit(lambda tx: tx.run("update messages set not_before = not_before + :by", by=ten_minutes))
    site.simulators["main"].change(force_error=None)
    site.bench.clock.move(seconds=16)
    probed = site.probers["main"].probe_once()
    site.run()

    assert probed is not None
    assert probed.closed
    assert site.texts("main") == 3


def test_what_is_not_critical_waits_five_minutes_before_it_leaves_by_the_other_gateway(site: Site) -> None:
    site.simulators["main"].change(force_error=104)
    site.bench.accept(firing(team="dba", severity="warning"))
    site.run()
    assert site.texts("backup") == 0
    site.bench.clock.move(minutes=4, seconds=59)
    site.run()
    assert site.texts("backup") == 0
    site.bench.clock.move(seconds=1)
    site.run()

    assert site.texts("backup") == 1
    assert site.asked("main") == 1


def test_five_credits_and_twenty_pages(site: Site) -> None:
    """Promise 8 and the row of 108: five leave, the first refusal stops the rest, and they go when credits are bought."""
    site.simulators["backup"].change(blocked=116)
    site.bench.commit(
        lambda tx: tx.run(
            "insert into breakers values ('backup', 'account', '', 1, null, 1, 1, 'x', 116, null, null, null, 0, null)"
        )
    )
    site.simulators["main"].change(credits=5)
    for n in range(20):
        site.bench.accept(firing(team="dba", instance=str(n)))
    site.run()
    assert site.texts("main") == 5
    assert site.asked("main") == 6
    for _ in range(10):
        site.bench.clock.move(minutes=1)
        site.probers["main"].probe_once()
        site.run()
    assert site.asked("main") == 6
    assert len(site.notes()) == 1

    site.simulators["main"].change(credits=500)
    site.bench.clock.move(minutes=10)
    assert site.probers["main"].probe_once().closed
    site.run()
    assert site.texts("main") == 20
    assert len(site.notes()) == 1


def test_breakers_and_what_waits_survive_a_restart(site: Site, tmp_path: Path) -> None:
    site.simulators["backup"].change(maintenance=True)
    site.simulators["main"].change(force_error=104)
    site.bench.accept(firing(team="dba"))
    site.run()
    site.bench.store.close()
    site.run()

    assert site.asked("main") == 1
    assert site.open() == {("account", "")}


def test_levels_are_told_as_urgent_or_not(site: Site) -> None:
    site.simulators["main"].change(force_error=104)
    site.bench.accept(firing(team="dba"))
    site.run()

    (note,) = site.notes()
    assert '"urgent": true' in note
    assert "error 104" in note
    assert BOB.number not in note
    assert BY_REFUSAL[Refusal.LOGIN].self_alert.level is Level.PAGE

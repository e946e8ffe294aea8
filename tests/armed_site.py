"""We and a gateway over HTTP, both on the test's clock: for steps that lie in its outbox."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from stores import a_store
from test_sender import post_to
from workbench import NOON, Bench, VirtualClock, a_plan, resolved

from sms_notify.delivery.arming import Arming
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.delivery.step_keeper import KeptSteps, StepKeeper
from sms_notify.engine import Engine
from sms_notify.gateways.sms1601.scheduled_time import datum
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS
from sms_notify.policy.account import Account
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.routing import Receiver, Step
from sms_notify.policy.ruleset import Plan
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import outbox

ALICE, BOB = "32470000001", "31612345678"
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def whom(*names: str) -> tuple[Target, ...]:
    return tuple(Target(TargetKind.PERSON, name) for name in names)


STEPS = (Step(timedelta(minutes=5), whom("bob")), Step(timedelta(minutes=15), whom("alice", "bob")))


def armed_plan(**receiver: object) -> Plan:
    plan = a_plan()
    oncall = Receiver("oncall", whom("alice"), escalate=STEPS, gateway_armed=True)
    return replace(plan, receivers=plan.receivers | {"oncall": replace(oncall, **receiver)})  # type: ignore[arg-type]


@dataclass
class SteppedClock(VirtualClock):
    """Ours. It may be set; that of the gateway goes on."""

    set_by: timedelta = field(default_factory=timedelta)

    def at_the_gateway(self) -> datetime:
        return self.now - self.set_by


@dataclass
class Site:
    """We and the gateway, on one clock. While we are dead, the gateway alone goes on."""

    folder: Path
    simulator: Simulator
    clock: SteppedClock
    plan: Plan = field(default_factory=armed_plan)
    references: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        store = a_store(self.folder / "site.db")
        self.bench = Bench(store, Engine(self.plan, "node"), self.clock)
        luck = Luck(reference=lambda: f"ref{next(self.references)}", dice=lambda: 1.0)
        self.post = post_to(self.bench, self.simulator.gateway_url)
        self.account = account = Account("main", "ACME", "", ("main",), limits=TEXT_LIMITS)
        self.post.sender = Sender(
            self.bench.commit, self.post.gateway, account,
            self.plan.timing, "node", luck,
        )  # fmt: skip
        self.arming = Arming(
            self.bench.commit, self.post.gateway, self.clock, luck, minute, account,
            left=lambda tx, text: self.bench.engine.outbox_told(tx, text, self.clock()),
        )  # fmt: skip
        self.keeper = StepKeeper(
            store.reading,
            self.bench.commit,
            lambda: self.bench.engine,
            {"main": self.arming},
            self.clock,
        )

    def die(self) -> None:
        self.bench.store.close()

    def come_back(self) -> None:
        """As a start does: what was left is taken up, and then time passes."""
        self.begin()
        self.bench.commit(lambda tx: self.bench.engine.recover(tx, self.clock()))
        self.live()

    def live(self, seconds: int = 0) -> None:
        """Every five seconds a tick, what it has written leaves, and a pass of the keeper."""
        for second in range(0, seconds + 1, 5):
            if second:
                self.clock.move(seconds=5)
            self.simulator.tick()
            self.bench.tick()
            self.post.drain()
            self.keep()

    def keep(self) -> KeptSteps:
        return self.keeper.keep_once()

    def pass_time(self, **by: float) -> None:
        """Nobody of ours is there."""
        self.clock.move(**by)
        self.simulator.tick()

    def set_clock(self, minutes: float) -> None:
        """Ours alone, as the daemon notices it."""
        step = timedelta(minutes=minutes)
        self.clock.move(minutes=minutes)
        self.clock.set_by += step
        self.bench.commit(lambda tx: outbox.shift_clock(tx, step))

    def hear(self, *alerts) -> None:
        self.bench.accept(*alerts)
        self.live()

    @property
    def lies(self) -> list[tuple[str, datetime]]:
        return [(entry.order.numbers[0], entry.due) for entry in self.simulator.outbox()]

    @property
    def phones(self) -> list[tuple[str, str]]:
        """Who has got what, by its first word, in the order in which it came."""
        return [(text.number, text.text.split()[0]) for text in self.simulator.texts()]

    def armed(self) -> list[str]:
        return [row["state"] for row in self.bench.rows("select state from armed order by id")]

    def ledger(self, recipient: str) -> list[tuple[str, str]]:
        sql = (
            "select l.state, l.reason from ledger l join messages m on m.id = l.message_id"
            " where m.recipient = :recipient order by l.id"
        )
        return [(row["state"], row["reason"]) for row in self.bench.rows(sql, recipient=recipient)]

    def decided(self, word: str) -> list[str]:
        return [
            row["detail"]
            for row in self.bench.rows(
                "select detail from decisions where word = :word order by id", word=word
            )
        ]


def minute(at: datetime) -> datetime:
    return datum(at, AMSTERDAM).at


@contextmanager
def armed_site(folder: Path) -> Iterator[Site]:
    """Until the end of the test, with a gateway of its own."""
    clock = SteppedClock()
    settings = SimulatorSettings(buffered_after=0, final_after=0)
    with Simulator(settings, now=clock.at_the_gateway) as simulator:
        made = Site(folder, simulator, clock)
        yield made
        made.die()


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def over(site: Site) -> None:
    site.bench.accept(resolved(end=site.clock()))

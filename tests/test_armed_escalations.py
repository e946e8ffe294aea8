"""Steps that lie in the gateway's outbox, against a gateway over HTTP whose clock is the test's: what leaves while we are dead,
what does not, and what the ledger says when we are back.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from stores import a_store
from test_sender import post_to
from workbench import NOON, Bench, VirtualClock, a_plan, firing, resolved

from sms_notify.delivery.arming import Arming
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.delivery.step_keeper import KeptSteps, StepKeeper
from sms_notify.engine import Engine
from sms_notify.gateways.sms1601.scheduled_time import datum
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS
from sms_notify.policy.account import Account
from sms_notify.policy.armed_steps import MOST_TO_ONE
from sms_notify.policy.armed_texts import ArmedState
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.routing import Receiver, Route, Step
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import AckBy
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import outbox
from sms_notify.store.tx import Tx

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
class Site:
    """We and the gateway, on one clock. While we are dead, the gateway alone goes on."""

    folder: Path
    simulator: Simulator
    clock: VirtualClock
    plan: Plan = field(default_factory=armed_plan)
    references: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        store = a_store(self.folder / "site.db")
        self.bench = Bench(store, Engine(self.plan, "node"), self.clock)
        luck = Luck(reference=lambda: f"ref{next(self.references)}", dice=lambda: 1.0)
        self.post = post_to(self.bench, self.simulator.gateway_url)
        account = Account("main", "ACME", "", ("main",), limits=TEXT_LIMITS)
        self.post.sender = Sender(
            self.bench.commit, self.post.gateway, account,
            self.plan.timing, "node", luck,
        )  # fmt: skip
        self.arming = Arming(self.bench.commit, self.post.gateway, self.clock, luck, minute, account)
        self.keeper = StepKeeper(
            store.reading,
            self.bench.commit,
            lambda: self.bench.engine,
            {"main": self.arming},
            minute,
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


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def simulator(clock: VirtualClock) -> Iterator[Simulator]:
    with Simulator(SimulatorSettings(buffered_after=0, final_after=0), now=clock) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, simulator: Simulator, clock: VirtualClock) -> Iterator[Site]:
    made = Site(tmp_path, simulator, clock)
    yield made
    made.die()


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


# While we live.


def test_the_next_step_lies_at_the_gateway_when_the_first_text_is_out(site: Site) -> None:
    site.hear(firing())

    assert site.phones == [(ALICE, "FIRING")]
    assert site.lies == [(BOB, at(7))]
    words = site.simulator.texts()[0].text.removeprefix("FIRING")
    assert site.simulator.outbox()[0].order.text == f"ESCALATED{words}"


def acknowledged(site: Site) -> None:
    site.bench.acknowledge(1, how=AckBy.LINK)


def over(site: Site) -> None:
    site.bench.accept(resolved(end=site.clock()))


def closed(site: Site) -> None:
    site.bench.commit(lambda tx: site.bench.engine.close(tx, [1], "alice", AckBy.PAGE, site.clock()))


def suppressed(site: Site) -> None:
    site.bench.commit(
        lambda tx: tx.run("update incidents set suppressed_at = :now", now=_micros(site.clock()))
    )


def unarmed(site: Site) -> None:
    site.bench.engine = Engine(armed_plan(gateway_armed=False), "node")


def moved_away(site: Site) -> None:
    site.bench.engine = Engine(armed_plan(escalate=(Step(timedelta(minutes=5), whom("alice")),)), "node")


def _micros(now: datetime) -> int:
    return int(now.timestamp()) * 1_000_000


@pytest.mark.parametrize("ended", [acknowledged, over, closed, suppressed, unarmed])
def test_nothing_lies_there_when_nobody_is_to_be_told_any_more(
    site: Site, ended: Callable[[Site], None]
) -> None:
    site.hear(firing())
    site.clock.move(minutes=1)
    ended(site)
    site.keep()

    assert site.lies == []
    assert site.armed() == ["gone"]
    site.die()
    site.pass_time(hours=1)
    assert BOB not in [number for number, _ in site.phones]


def test_another_reader_of_the_step_gets_the_text_in_place_of_the_one_before(site: Site) -> None:
    site.hear(firing())
    moved_away(site)
    site.keep()

    assert site.lies == [(ALICE, at(7))]


def test_we_tell_a_step_ourselves_and_the_one_after_it_takes_its_place_in_the_outbox(site: Site) -> None:
    site.hear(firing())
    site.live(seconds=400)

    assert site.phones == [(ALICE, "FIRING"), (BOB, "ESCALATED")]
    assert site.lies == [(ALICE, at(17)), (BOB, at(17))]
    assert site.armed() == ["gone", "armed", "armed"]
    assert site.decided("outbox_sent") == []


def test_a_storm_leaves_a_few_texts_behind_for_one_phone(site: Site) -> None:
    site.hear(*(firing(f"Down{n}") for n in range(30)))
    for _ in range(5):
        kept = site.keep()

    assert [number for number, _ in site.lies] == [BOB] * MOST_TO_ONE
    assert kept.beyond == 30 - MOST_TO_ONE


def test_a_gateway_that_is_not_there_is_not_asked_in_every_pass_and_the_step_is_armed_when_it_is_back(
    site: Site,
) -> None:
    site.simulator.change(force_error=120)
    site.bench.accept(firing())
    site.keep()
    site.keep()
    assert site.armed() == ["gone"]

    site.simulator.change(force_error=None)
    site.clock.move(seconds=61)
    site.keep()
    assert site.lies == [(BOB, at(7))]


# After our death.


def test_the_step_is_told_though_we_are_dead_and_is_not_told_again_when_we_are_back(site: Site) -> None:
    site.hear(firing())
    site.die()
    site.pass_time(minutes=9)
    assert site.phones == [(ALICE, "FIRING"), (BOB, "ESCALATED")]

    site.come_back()
    site.live(seconds=60)
    assert site.phones == [(ALICE, "FIRING"), (BOB, "ESCALATED")]
    assert site.ledger("bob") == [("queued", "alert"), ("sent", "armed")]
    assert site.bench.rows("select started_at, lane from departures where number like '+31%'") == [
        {"started_at": _micros(at(7)), "lane": "critical"}
    ]
    assert site.decided("outbox_sent") == ["told bob, by main"]
    assert site.decided("escalated") == ["bob"]
    assert site.armed()[0] == "fired"


def test_the_step_after_it_counts_from_when_it_left(site: Site) -> None:
    site.hear(firing())
    site.die()
    site.pass_time(minutes=9)
    site.come_back()

    assert site.lies == [(ALICE, at(19)), (BOB, at(19))]  # ten minutes after 12:07, and two
    site.live(seconds=9 * 60)
    assert [number for number, _ in site.phones[2:]] == [ALICE, BOB]


def test_whoever_was_told_from_the_outbox_hears_that_it_is_over(site: Site) -> None:
    site.hear(firing())
    site.die()
    site.pass_time(minutes=9)
    site.come_back()
    site.hear(resolved(end=at(8)))

    assert sorted(site.phones[2:]) == [(BOB, "OK"), (ALICE, "OK")]


def test_those_of_a_step_whose_text_did_not_lie_there_are_told_when_we_are_back(site: Site) -> None:
    site.hear(firing())
    site.live(seconds=310)  # the second step is for alice and bob
    (alices,) = [e for e in site.simulator.outbox() if e.order.numbers[0] == ALICE]
    site.post.gateway.remove(outboxid=alices.outboxid)
    site.bench.commit(lambda tx: tx.run("update armed set state = 'gone' where recipient = 'alice'"))
    site.die()
    site.pass_time(minutes=20)
    before = len(site.phones)
    site.come_back()

    assert site.phones[before - 1][0] == BOB
    assert [number for number, _ in site.phones[before:]] == [ALICE]


def test_a_step_that_came_due_while_we_were_away_is_told_once_where_the_outbox_has_not_let_go_of_it(
    site: Site,
) -> None:
    site.hear(firing())
    site.die()
    site.pass_time(minutes=6)
    site.come_back()

    assert site.phones == [(ALICE, "FIRING"), (BOB, "ESCALATED")]
    assert (BOB, at(7)) not in site.lies
    site.live(seconds=180)
    assert len(site.phones) == 2


# What is unclear.


def test_a_text_that_could_not_be_taken_back_in_time_is_said_to_have_come_twice(site: Site) -> None:
    site.hear(firing())
    site.live(seconds=295)
    keep, site.keep = site.keep, KeptSteps  # the keeper does not get through  # type: ignore[method-assign]
    site.live(seconds=130)
    site.keep = keep  # type: ignore[method-assign]
    site.live(seconds=5)

    assert [number for number, _ in site.phones] == [ALICE, BOB, BOB]
    assert site.decided("outbox_sent") == ["told bob a second time: main did not take it back before"]


def test_our_own_text_that_still_waits_is_not_sent_after_the_one_from_the_outbox(site: Site) -> None:
    site.hear(firing())
    site.clock.move(minutes=5)
    site.bench.tick()  # written, and not sent: our network is down
    site.pass_time(minutes=2)
    site.keep()
    site.post.drain()

    assert [number for number, _ in site.phones] == [ALICE, BOB]
    assert site.ledger("bob") == [("queued", "alert"), ("sent", "armed")]


def test_what_was_to_be_taken_back_of_a_problem_that_is_over_and_left_after_all_is_followed_by_an_end(
    site: Site,
) -> None:
    site.hear(firing())
    over(site)
    site.post.drain()
    site.die()  # before it was taken back
    site.pass_time(minutes=9)
    assert [word for number, word in site.phones if number == BOB] == ["ESCALATED"]

    site.come_back()
    site.live(seconds=30)
    assert [word for number, word in site.phones if number == BOB] == ["ESCALATED", "OK"]


def test_what_is_over_and_could_not_be_taken_back_is_followed_by_an_end_while_we_live(site: Site) -> None:
    site.hear(firing())
    site.bench.clock.move(minutes=6)
    over(site)
    site.post.drain()
    site.pass_time(minutes=1)  # the gateway was out of reach for that long
    site.live(seconds=20)

    assert [word for number, word in site.phones if number == BOB] == ["ESCALATED", "OK"]


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "status", "empty", "error"])
def test_a_gateway_that_fails_now_and_then_leaves_nothing_behind_while_we_live(
    site: Site, fault: str
) -> None:
    site.simulator.fault(fault, probability=0.2, scope="all", seed=7)
    for round_ in range(6):
        site.hear(firing(f"Down{round_}"))
        site.live(seconds=60)
        site.bench.acknowledge(round_ + 1)
        site.live(seconds=60)

    site.simulator.clear_faults()
    site.live(seconds=60)
    assert site.lies == []
    assert "fired" not in site.armed()
    assert BOB not in [number for number, _ in site.phones]


@dataclass
class Dying:
    """A commit that the process does not live through: `after` so many, before or after it is on the disk."""

    bench: Bench
    left: int
    written: bool

    def __call__(self, job: Callable[[Tx], object]) -> object:
        self.left -= 1
        if self.left == 0 and not self.written:
            raise KeyboardInterrupt
        done = self.bench.commit(job)
        if self.left == 0:
            raise KeyboardInterrupt
        return done


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("commits", [1, 2])
def test_dead_in_the_middle_of_arming_somebody_is_told_once_or_the_ledger_says_that_it_may_be_twice(
    site: Site, commits: int, written: bool
) -> None:
    site.bench.accept(firing())
    site.post.drain()
    site.arming._commit = Dying(site.bench, commits, written)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        site.keep()
    site.die()
    site.pass_time(minutes=9)
    from_outbox = [number for number, _ in site.phones].count(BOB)
    site.come_back()
    site.live(seconds=120)

    told = [number for number, _ in site.phones].count(BOB)
    assert 1 <= told <= 2
    if told == 2:
        assert from_outbox == 1
        assert any("perhaps" in said for said in site.decided("outbox_sent"))


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("commits", [1, 2])
def test_dead_in_the_middle_of_taking_back_nobody_is_left_believing_that_it_fires(
    site: Site, commits: int, written: bool
) -> None:
    site.hear(firing())
    over(site)
    site.post.drain()
    site.arming._commit = Dying(site.bench, commits, written)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        site.keep()
    site.die()
    site.pass_time(minutes=9)
    site.come_back()
    site.live(seconds=120)

    words = [word for number, word in site.phones if number == BOB]
    assert "ESCALATED" not in words or words[-1] == "OK"
    assert all(ArmedState(state).final for state in site.armed())


def test_a_storm_that_its_source_suppresses_takes_no_room_from_what_it_does_not(site: Site) -> None:
    site.bench.accept(*(firing(f"Old{n}") for n in range(160)))
    site.bench.commit(lambda tx: tx.run("update incidents set suppressed_at = opened_at"))
    site.bench.accept(firing("New"))
    site.keep()
    assert [number for number, _ in site.lies] == [BOB]


def test_a_reader_whom_two_receivers_tell_the_same_step_gets_it_once_from_the_outbox(site: Site) -> None:
    receivers = site.plan.receivers
    second = replace(receivers["oncall"], name="second", escalate=(Step(timedelta(minutes=6), whom("bob")),))
    root = replace(site.plan.route, routes=(Route("oncall", continue_=True), Route("second")))
    site.plan = replace(site.plan, receivers=receivers | {"second": second}, route=root)
    site.die()
    site.begin()
    site.hear(firing())
    assert len(site.bench.rows("select 1 from agenda where what = 'escalate'")) == 2
    assert [number for number, _ in site.lies] == [BOB]

    site.die()
    site.pass_time(minutes=10)
    site.come_back()
    site.live(120)
    assert [word for number, word in site.phones if number == BOB] == ["ESCALATED"]


def test_a_step_that_has_left_by_a_clock_that_leaps_ahead_is_not_armed_again(site: Site) -> None:
    site.hear(firing())
    site.clock.move(hours=1)
    site.bench.commit(lambda tx: outbox.shift_clock(tx, timedelta(hours=1)))
    site.keep()
    assert site.armed() == ["fired"]

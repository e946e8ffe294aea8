"""A gateway's outbox over real HTTP: what is written down before and after each request, whatever becomes of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from simulator_bench import Clock

from sms_notify.daemon.wiring import account_of
from sms_notify.delivery.arming import Arming, settle
from sms_notify.delivery.sender import Luck
from sms_notify.gateways.base import Failed, Removed
from sms_notify.gateways.registry import client_of, minute_for
from sms_notify.gateways.sms1601.settings import Gateway1601Settings
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import armed_rows, gateway_outbox
from sms_notify.store.in_memory import ScratchStore
from sms_notify.store.tx import Row, Tx

T = TypeVar("T")
NUMBER = "+32470000001"
MINUTE = timedelta(minutes=1)


class OutboxBench:
    def __init__(self, simulator: Simulator, clock: Clock) -> None:
        self.simulator, self.clock = simulator, clock
        self.store = ScratchStore()
        self.states: list[str] = []
        self.why: list[Failed] = []
        account = Gateway1601Settings(
            "main",
            simulator.gateway_url,
            "acme",
            Secret("abc"),
            "ACME",
            fallback_sender="+32470000000",
            timeout=2.0,
        )
        luck = Luck(reference=lambda: "ref", dice=lambda: 0.5)
        self.arming = Arming(
            self.commit, client_of(account), clock, luck,
            lambda at: minute_for(account, at).at, account_of(account), lambda _, failed: self.why.append(failed),
        )  # fmt: skip

    def commit(self, job: Callable[[Tx], T], /) -> T:
        with self.store.transaction() as tx:
            result = job(tx)
            self.states.append(
                " ".join(row["state"] for row in tx.all("select state from armed order by id"))
            )
            return result

    def arm(self, minutes: int) -> ArmedText:
        due = self.clock() + minutes * MINUTE
        return self.arming.arm(ArmedText(ArmedFor.SITE_ALIVE, "main", "alice", NUMBER, "silent", due, ""))

    def rows(self, sql: str) -> list[Row]:
        with self.store.reading() as tx:
            return list(tx.all(sql))

    def lying(self) -> list[ArmedText]:
        return list(self.commit(armed_rows.lying))

    def outbox(self) -> list[str]:
        return sorted(f"{entry.due:%H:%M}" for entry in self.simulator.outbox())


@pytest.fixture
def bench() -> Iterator[OutboxBench]:
    clock = Clock()  # noon, UTC
    with Simulator(SimulatorSettings("acme", Secret("abc")), now=clock) as simulator:
        yield OutboxBench(simulator, clock)


def test_a_text_is_written_down_before_it_is_asked_for_and_after_the_answer(bench: OutboxBench) -> None:
    text = bench.arm(15)
    assert bench.states == ["asked", "armed"]
    assert (text.state, text.outboxid) == (ArmedState.ARMED, "501")
    assert bench.outbox() == ["12:15"]
    assert bench.lying() == [text]


def test_a_removal_is_written_down_before_it_is_asked_for_and_after_the_answer(bench: OutboxBench) -> None:
    text = bench.arm(15)
    assert bench.arming.remove(text).state is ArmedState.GONE
    assert bench.states[2:] == ["removing", "gone"]
    assert bench.outbox() == []


def test_a_text_whose_answer_was_lost_may_lie_there(bench: OutboxBench) -> None:
    bench.simulator.fault("drop_after", count=1)
    assert bench.arm(15).state is ArmedState.UNSURE
    assert bench.outbox() == ["12:15"]
    assert [failed.code for failed in bench.why] == [None]


def test_a_refused_text_is_gone_and_the_answer_is_told(bench: OutboxBench) -> None:
    bench.simulator.change(force_error=108)
    assert bench.arm(15).state is ArmedState.GONE
    assert [failed.code for failed in bench.why] == [108]


@pytest.mark.parametrize(
    ("code", "scope"), [(107, "country"), (106, "number"), (117, "sender"), (108, "credits")]
)
def test_a_refusal_is_held_against_what_was_refused_and_the_operator_hears(
    bench: OutboxBench, code: int, scope: str
) -> None:
    bench.simulator.change(force_error=code)
    bench.arm(15)
    rows = bench.rows("select scope from breakers where opened_at is not null")
    assert scope in {row["scope"] for row in rows}
    assert [str(code) in row["what"] for row in bench.rows("select what from troubles")] == [True]


def test_a_text_for_the_outbox_bears_the_sender_that_the_gateway_takes(bench: OutboxBench) -> None:
    bench.simulator.fault("error", code=117, count=1)
    assert bench.arm(15).state is ArmedState.GONE
    assert bench.arm(16).state is ArmedState.ARMED
    assert [entry.order.sender for entry in bench.simulator.outbox()] == ["+32470000000"]


def test_a_refused_minute_is_asked_for_once_more(bench: OutboxBench) -> None:
    bench.simulator.fault("error", code=121, count=1)
    assert bench.arm(15).state is ArmedState.ARMED
    bench.simulator.fault("error", code=121, count=5)
    before = len(bench.simulator.requests())
    assert bench.arm(16).state is ArmedState.GONE
    assert len(bench.simulator.requests()) - before == 2


def test_what_has_left_when_it_is_to_be_taken_back_has_fired(bench: OutboxBench) -> None:
    text = bench.arm(15)
    bench.clock.pass_seconds(15 * 60)
    bench.simulator.tick()
    assert bench.arming.remove(text).state is ArmedState.FIRED


def test_by_its_number_an_unsure_text_is_taken_back_and_then_the_following_by_its_id(
    bench: OutboxBench,
) -> None:
    bench.simulator.fault("drop_after", count=1)
    unsure = bench.arm(14)
    following, kept = bench.arm(15), bench.arm(16)
    assert bench.outbox() == ["12:14", "12:15", "12:16"]
    assert bench.arming.remove_by_number(unsure, following).state is ArmedState.GONE
    assert bench.outbox() == ["12:16"]
    assert bench.lying() == [kept]


def test_where_the_unsure_text_was_never_there_its_number_takes_the_following_one(bench: OutboxBench) -> None:
    bench.simulator.fault("drop_before", count=2)
    unsure, between = bench.arm(13), bench.arm(14)
    following, kept = bench.arm(15), bench.arm(16)
    assert bench.arming.remove_by_number(unsure, following, [between]).state is ArmedState.GONE
    assert bench.outbox() == ["12:16"]
    assert bench.lying() == [kept], "what lay between was not there either"


def test_where_the_answer_to_a_number_is_lost_the_text_stays_unsure_and_what_is_kept_stays(
    bench: OutboxBench,
) -> None:
    bench.simulator.fault("drop_after", count=1)
    unsure = bench.arm(14)
    following, kept = bench.arm(15), bench.arm(16)
    bench.simulator.fault("drop_after", count=1)
    assert bench.arming.remove_by_number(unsure, following).state is ArmedState.UNSURE
    assert bench.outbox() == ["12:16"]
    assert bench.lying() == [unsure, kept]


def test_a_start_finds_what_was_asked_and_not_answered(bench: OutboxBench) -> None:
    text = ArmedText(
        ArmedFor.SITE_ALIVE, "main", "alice", NUMBER, "silent", datetime(2026, 3, 2, 13, tzinfo=UTC), "ref"
    )
    bench.commit(lambda tx: armed_rows.add(tx, text, bench.clock()))
    found = bench.commit(lambda tx: settle(tx, ArmedFor.SITE_ALIVE, bench.clock()))
    assert [one.state for one in found] == [ArmedState.UNSURE]
    assert bench.lying() == found


def test_a_removal_by_number_takes_nothing_that_was_armed_since_the_caller_looked(bench: OutboxBench) -> None:
    bench.simulator.fault("drop_before", count=1)
    unsure = bench.arm(15)
    meanwhile = bench.arm(10)
    assert bench.arming.remove_by_number(unsure) == unsure
    assert bench.lying() == [meanwhile, unsure]
    assert bench.outbox() == ["12:10"]


def test_a_removal_by_number_takes_nothing_that_was_scheduled_by_hand_since_the_caller_looked(
    bench: OutboxBench,
) -> None:
    bench.simulator.fault("drop_before", count=1)
    unsure = bench.arm(15)
    due = bench.clock() + 10 * MINUTE
    bench.commit(
        lambda tx: gateway_outbox.note(tx, "main", "7", "alice", NUMBER, "by hand", due, bench.clock())
    )
    before = len(bench.simulator.requests())
    assert bench.arming.remove_by_number(unsure) == unsure
    assert len(bench.simulator.requests()) == before


def test_nothing_is_armed_for_a_number_while_a_removal_by_it_is_under_way(bench: OutboxBench) -> None:
    bench.simulator.fault("drop_before", count=1)
    unsure = bench.arm(15)
    remove, asked = bench.arming._gateway.remove, list[ArmedText]()

    def meanwhile(*, outboxid: str = "", number: str = "") -> Removed | Failed:
        asked.append(bench.arm(10))
        return remove(outboxid=outboxid, number=number)

    bench.arming._gateway.remove = meanwhile  # type: ignore[method-assign]
    assert bench.arming.remove_by_number(unsure).state is ArmedState.GONE
    assert [(text.id, text.state) for text in asked] == [(0, ArmedState.GONE)]
    assert bench.lying() == []

    assert bench.arm(10).state is ArmedState.ARMED
    assert bench.outbox() == ["12:10"]

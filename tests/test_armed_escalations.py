"""Steps that lie in the gateway's outbox while we live: what is put there, and what is taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from armed_site import ALICE, BOB, Site, armed_plan, armed_site, at, over, whom
from workbench import firing

from sms_notify.engine import Engine
from sms_notify.policy.armed_steps import MOST_TO_ONE
from sms_notify.policy.routing import Route, Step
from sms_notify.policy.vocabulary import AckBy
from sms_notify.store import outbox
from sms_notify.store.tx import stored


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with armed_site(tmp_path) as made:
        yield made


def test_the_next_step_lies_at_the_gateway_when_the_first_text_is_out(site: Site) -> None:
    site.hear(firing())

    assert site.phones == [(ALICE, "FIRING")]
    assert site.lies == [(BOB, at(7))]
    words = site.simulator.texts()[0].text.removeprefix("FIRING")
    assert site.simulator.outbox()[0].order.text == f"ESCALATED{words}"


def acknowledged(site: Site) -> None:
    site.bench.acknowledge(1, how=AckBy.LINK)


def closed(site: Site) -> None:
    site.bench.commit(lambda tx: site.bench.engine.close(tx, [1], "alice", AckBy.PAGE, site.clock()))


def suppressed(site: Site) -> None:
    site.bench.commit(
        lambda tx: tx.run("update incidents set suppressed_at = :now", now=stored(site.clock()))
    )


def unarmed(site: Site) -> None:
    site.bench.engine = Engine(armed_plan(gateway_armed=False), "node")


def moved_away(site: Site) -> None:
    site.bench.engine = Engine(armed_plan(escalate=(Step(timedelta(minutes=5), whom("alice")),)), "node")


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

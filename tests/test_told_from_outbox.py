"""Steps that the gateway's outbox tells: what leaves while we are dead, and what the ledger says when we are back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from armed_site import ALICE, BOB, Site, armed_site, at, over
from workbench import firing, resolved

from sms_notify.delivery.step_keeper import KeptSteps
from sms_notify.store.tx import stored


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with armed_site(tmp_path) as made:
        yield made


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
        {"started_at": stored(at(7)), "lane": "critical"}
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

"""Steps that lie in the gateway's outbox while clocks are set, differ, or have an hour twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from armed_site import ALICE, BOB, Site, armed_site, at, minute, over
from test_armed_crashes import Dying
from workbench import firing

from sms_notify.delivery.arming import Arming
from sms_notify.delivery.sender import Luck
from sms_notify.gateways.sms1601.scheduled_time import datum
from sms_notify.policy.vocabulary import AckBy
from sms_notify.store import outbox


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with armed_site(tmp_path) as made:
        yield made


def acknowledged(site: Site) -> None:
    site.bench.acknowledge(1, how=AckBy.LINK)


@pytest.mark.parametrize("minutes", [40, 3, -1, -40])
def test_our_clock_is_set_and_the_step_is_told_once(site: Site, minutes: float) -> None:
    site.hear(firing())
    site.set_clock(minutes)
    site.live(seconds=30)
    assert site.decided("outbox_sent") == []
    site.live(seconds=320)

    assert [number for number, _ in site.phones] == [ALICE, BOB]
    assert BOB not in [number for number, due in site.lies if due == at(7)]
    site.bench.acknowledge(1)
    site.live(seconds=10)
    site.pass_time(hours=2)
    assert [number for number, _ in site.phones] == [ALICE, BOB]


@pytest.mark.parametrize("minutes", [40, 3, -3, -40])
@pytest.mark.parametrize("ended", [acknowledged, over])
def test_our_clock_is_set_and_what_nobody_needs_any_more_does_not_leave(
    site: Site, minutes: float, ended: Callable[[Site], None]
) -> None:
    site.hear(firing())
    site.set_clock(minutes)
    ended(site)
    site.live(seconds=10)
    site.pass_time(hours=2)

    assert BOB not in [number for number, _ in site.phones]
    assert site.decided("outbox_sent") == []


def test_what_lay_there_when_our_clock_was_set_ahead_lies_there_anew(site: Site) -> None:
    site.hear(firing())
    site.set_clock(40)
    site.live(seconds=10)

    assert site.lies == [(BOB, at(47))]
    site.die()
    site.pass_time(minutes=60)
    assert [number for number, _ in site.phones] == [ALICE, BOB]


def test_a_step_that_left_while_the_machine_slept_is_not_told_again(site: Site) -> None:
    site.hear(firing())
    site.clock.move(minutes=20)  # by both clocks, and none of ours ran
    site.bench.commit(lambda tx: outbox.shift_clock(tx, timedelta(minutes=20)))
    site.live(seconds=400)

    assert [number for number, _ in site.phones] == [ALICE, BOB]
    assert site.decided("outbox_sent") == ["told bob, by main"]


def test_what_the_gateway_has_sent_before_a_later_try_to_take_it_back_is_followed_by_an_end(
    site: Site,
) -> None:
    site.hear(firing())
    site.clock.move(minutes=6, seconds=50)
    over(site)
    site.post.drain()
    site.simulator.change(force_error=120)
    site.keep()
    assert site.armed() == ["removing"]

    site.simulator.change(force_error=None)
    site.pass_time(seconds=15)
    site.live(seconds=10)
    assert [word for number, word in site.phones if number == BOB] == ["ESCALATED", "OK"]


def test_dead_when_the_gateway_has_said_that_it_has_left_the_next_start_tells_it(site: Site) -> None:
    site.hear(firing())
    over(site)
    site.post.drain()
    site.pass_time(minutes=8)
    site.arming._commit = Dying(site.bench, 2, written=False)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        site.keep()
    assert site.armed() == ["removing"]

    site.die()
    site.come_back()
    site.live(seconds=30)
    assert [word for number, word in site.phones if number == BOB] == ["ESCALATED", "OK"]


def test_gateways_whose_clocks_have_an_hour_twice_at_other_times_keep_a_step_once(site: Site) -> None:
    new_york = ZoneInfo("America/New_York")
    site.arming.minute = lambda at: datum(at, new_york).at
    other = Arming(site.bench.commit, site.post.gateway, site.clock, Luck(str, float), minute, site.account)
    site.keeper._armings = {"other": other, "main": site.arming}
    site.clock.now = datetime(2026, 11, 1, 5, 10, tzinfo=UTC)  # 01:10 there, for the first time
    site.hear(firing())
    site.live(seconds=120)

    assert site.lies == [(BOB, datetime(2026, 11, 1, 7, tzinfo=UTC))]
    assert site.armed() == ["armed"]

"""What a reader was left believing: nobody keeps a FIRING that is over, and nobody hears OK of what they never heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from paper import Site, with_route
from test_deciding import AFTERNOON, STEPS, WARNING, a_schedule, on_call, only_bob, person
from workbench import ALICE, BOB, firing, resolved

from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.rate_limits import STANDARD, Limits
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.store import oncall_rows

HOUR = timedelta(hours=1)


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Site]:
    return lambda plan=None, **fields: Site(tmp_path, replace(plan or only_bob(), **fields))


def up_and_down(here: Site, times: int, up: float, down: float, **labels: str) -> None:
    for _ in range(times):
        here.bench.accept(firing(at=here.clock(), **labels))
        here.run(seconds=up)
        here.bench.accept(resolved(at=here.clock(), end=here.clock(), **labels))
        here.run(seconds=down)


def test_whoever_heard_firing_hears_ok_though_the_alert_came_back_in_between(site) -> None:
    here = site(limits=STANDARD)
    up_and_down(here, 2, 10, 10, **WARNING)
    here.run(30, hours=1)
    assert [text.split()[0] for text in here.texts()] == ["FIRING", "OK"]


def test_one_receivers_quiet_hours_do_not_silence_another_that_has_none(site) -> None:
    quiet = Receiver("dba", (person("bob"),), quiet=Quiet((AFTERNOON,)))
    loud = Receiver("oncall", (person("bob"),))
    plan = only_bob()
    route = replace(
        plan.route,
        routes=(Route("dba", "route.routes[0]", continue_=True), Route("oncall", "route.routes[1]")),
    )
    here = site(plan, receivers={"dba": quiet, "oncall": loud}, route=route)
    here.bench.accept(firing())
    here.send()
    assert len(here.texts()) == 1


@pytest.mark.parametrize("how", ["receiver", "route"])
def test_no_step_is_taken_in_quiet_hours_or_on_a_muted_route(site, how: str) -> None:
    plan = only_bob(escalate=STEPS, quiet=Quiet((AFTERNOON,)) if how == "receiver" else None)
    here = site(with_route(plan, mute=(AFTERNOON,)) if how == "route" else plan)
    here.clock.now = datetime(2026, 11, 22, 11, 58, tzinfo=UTC)
    here.bench.accept(firing(at=here.clock(), **WARNING))
    here.run(30, hours=3)
    assert len(here.texts()) == 1
    here.run(30, minutes=5)
    assert [text.number for text in here.gateway.texts][1:] == [ALICE.number]


def test_a_fast_flapping_critical_alert_is_told_though_no_episode_outlasts_its_group(site) -> None:
    plan = with_route(only_bob(), group_wait=timedelta(seconds=30))
    here = site(plan, limits=Limits(flapping=STANDARD.flapping))
    for _ in range(12):
        here.bench.accept(firing(at=here.clock()), group="")
        here.run(seconds=25)
        here.bench.accept(resolved(at=here.clock(), end=here.clock()), group="")
        here.run(seconds=20)
    assert [text.split()[0] for text in here.texts()] == ["FLAPPING"]


def test_a_flapping_alert_climbs_as_one_that_stays(site) -> None:
    here = site(only_bob(escalate=STEPS), limits=Limits(flapping=STANDARD.flapping))
    up_and_down(here, 12, 100, 50)
    assert [text.split()[0] for text in here.texts(ALICE.number)] == ["FLAPPING"]


def test_an_alert_in_a_gap_is_told_as_soon_as_somebody_is_on_call(site) -> None:
    here = site(on_call(a_schedule()))
    here.clock.now = datetime(2026, 11, 22, 13, 50, tzinfo=UTC)  # ten minutes before the first turn
    here.bench.accept(firing(at=here.clock()))
    here.run(30, minutes=9)
    assert here.texts() == []
    here.run(30, minutes=3)
    assert [(text.number, text.text[:15]) for text in here.gateway.texts] == [
        (ALICE.number, "FIRING critical")
    ]


def test_an_override_for_somebody_who_left_makes_no_gap(site) -> None:
    here = site(on_call(a_schedule()))
    here.clock.now = datetime(2026, 11, 22, 15, tzinfo=UTC)
    end = here.clock() + HOUR
    here.bench.commit(
        lambda tx: oncall_rows.add_override(tx, "primary", "zoe", here.clock(), end, "bob", here.clock())
    )
    here.bench.accept(firing())
    here.send()
    assert [text.number for text in here.gateway.texts] == [ALICE.number]


def test_whoever_took_over_and_was_only_reminded_hears_of_the_end_too(site) -> None:
    here = site(with_route(on_call(a_schedule()), repeat_interval=HOUR))
    here.clock.now = datetime(2026, 11, 23, 13, 30, tzinfo=UTC)  # alice, until 14:00
    here.bench.accept(firing(at=here.clock()))
    here.run(60, hours=2)
    assert {text.number for text in here.gateway.texts} == {ALICE.number, BOB.number}
    here.bench.accept(resolved(end=here.clock()))
    here.send()
    assert [text.number for text in here.gateway.texts if text.text.startswith("OK")] == [
        ALICE.number,
        BOB.number,
    ]


def test_what_is_held_for_days_is_told_though_its_source_told_it_once(site) -> None:
    monday = Window("monday", (TimeInterval(weekdays=((1, 1),)),))
    here = site(with_route(only_bob(), active=(monday,), repeat_interval=timedelta()))
    here.clock.now = datetime(2026, 11, 20, 18, tzinfo=UTC)  # a Friday
    here.bench.accept(replace(firing("A", at=here.clock(), **WARNING), source="nagios"))
    here.run(900, hours=53)
    assert here.texts() == []
    here.run(900, hours=2)
    assert len(here.texts()) == 1


def test_an_end_and_a_new_beginning_that_come_together_are_no_news(site) -> None:
    here = site()
    first = firing(at=here.clock())
    here.bench.accept(first)
    here.run(seconds=70)
    here.bench.accept(
        resolved(at=first.starts_at, end=here.clock()), firing(at=here.clock() + timedelta(seconds=1))
    )
    here.run(seconds=5)
    assert [text.split()[0] for text in here.texts()] == ["FIRING"]
    assert here.bench.rows("select state from incidents") == [{"state": "open"}]


def test_a_receiver_that_was_renamed_meanwhile_still_tells_the_end(site) -> None:
    here = site()
    here.bench.accept(firing())
    here.send()
    plan: Plan = here.bench.engine.plan
    renamed = replace(
        plan, receivers={"night": replace(plan.receivers["oncall"], name="night")}, route=Route("night")
    )
    here.bench.engine = type(here.bench.engine)(renamed, "node")
    here.bench.accept(resolved())
    here.send()
    assert [text.split()[0] for text in here.texts()] == ["FIRING", "OK"]

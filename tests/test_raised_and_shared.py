"""What a severity that rises, and an incident of several sources, must not do to those who are to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from outage import (
    AFTERNOON,
    MINUTE,
    NOT_CRITICAL,
    ONE,
    STEPS,
    both,
    heard,
    open_incidents,
    plan,
    resolved_of,
    told_by,
    worse,
)  # fmt: skip
from paper import Site
from workbench import ALICE, BOB, NOON, firing

from sms_notify.alert import Alert, Status
from sms_notify.explain import timeline
from sms_notify.gateways.registry import refused
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.holds import Quiet
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.policy.rate_limits import STANDARD
from sms_notify.policy.rotations import Schedule, Shift
from sms_notify.policy.routing import Route
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Heard
from sms_notify.sources import text
from sms_notify.store import history, outbox, silences

SECOND = timedelta(seconds=1)


@pytest.fixture
def site(tmp_path: Path) -> Callable[[Plan], Site]:
    return lambda plan: Site(tmp_path, plan)


def first_words(here: Site, number: str = "") -> list[str]:
    return [" ".join(text.split()[:3]) for text in here.texts(number)]


def ended(alert: Alert, here: Site) -> Alert:
    return replace(alert, status=Status.RESOLVED, ends_at=here.clock())


# Never lose a page.


def test_a_lesser_and_a_greater_trouble_of_one_incident_in_one_request_are_told_as_the_greater(site) -> None:
    here = site(plan(ONE))
    load = told_by("alertmanager", firing("HighLoad", host="db1", severity="warning"))
    _, down = both()
    assert heard(here, load, down) == [Heard.FIRST, Heard.RAISED]
    here.run(minutes=2)
    assert first_words(here) == ["FIRING critical InstanceDown"]


def test_it_goes_in_the_lane_of_the_critical_even_while_the_rest_is_held(site) -> None:
    here = site(replace(plan(ONE), limits=STANDARD))
    for nth in range(8):
        heard(here, firing("Noise", host=f"h{nth}", severity="warning"))
    here.run(seconds=15)
    load = told_by("alertmanager", firing("HighLoad", host="db1", severity="warning"))
    heard(here, load, both()[1])
    here.run(seconds=2)
    assert first_words(here)[-1] == "FIRING critical InstanceDown"


def test_the_critical_text_does_not_wait_behind_the_warning_of_the_same_trouble(site) -> None:
    here = site(plan())
    mild, severe = worse()
    here.gateway.answers += [refused(999)] * 2
    heard(here, mild)
    here.run(seconds=33)
    assert here.texts() == []
    heard(here, severe)
    here.run(seconds=1)
    assert [text.split()[1] for text in here.texts()] == ["critical"]
    here.run(minutes=10)
    assert len(here.texts()) == 1  # the warning is out of date, and never leaves


def test_what_is_to_be_told_soon_is_not_put_off_by_becoming_worse(site) -> None:
    routes = tuple(
        Route("oncall", f"route.routes[{nth}]", parse_matchers(f'severity="{word}"'), group_wait=30 * SECOND)
        for nth, word in enumerate(("critical", "warning"))
    )
    here = site(plan({"routes": routes, "group_wait": 30 * SECOND}))
    mild, severe = worse()
    for alert in (replace(mild, labels={**mild.labels, "severity": "info"}), mild, severe):
        heard(here, alert, group="")
        here.run(seconds=10)
    here.run(seconds=1)
    assert first_words(here) == ["FIRING critical DiskFull"]


def test_a_muted_route_takes_back_nothing_that_was_to_be_told(site) -> None:
    muted = Route("oncall", "route.routes[0]", parse_matchers('severity="critical"'), mute=(AFTERNOON,))
    here = site(plan({"routes": (muted,), "group_wait": 30 * SECOND}))
    mild, severe = worse()
    heard(here, mild, group="")
    here.run(seconds=10)
    heard(here, severe, group="")
    here.run(minutes=1)
    assert len(here.texts()) == 1


def test_steps_go_on_where_the_worse_trouble_is_nobodys(site) -> None:
    nobody = Route("nobody", "route.routes[0]", parse_matchers('severity="critical"'))
    here = site(plan({"routes": (nobody,)}, escalate=STEPS))
    mild, severe = worse()
    heard(here, mild)
    assert heard(here, severe) == [Heard.NOBODY]
    here.run(minutes=6)
    assert [word.split()[0] for word in first_words(here, ALICE.number)] == ["ESCALATED"]


def test_a_job_that_fails_every_hour_is_told_again_after_the_repeat_interval(site) -> None:
    here = site(plan({"repeat_interval": timedelta(hours=4)}))
    for _ in range(12):
        told = text.parse(b"backup failed: disk full", ["--severity", "critical"], here.clock())
        here.bench.commit(lambda tx, told=told: here.bench.engine.accept(tx, told, here.clock()))
        here.run(hours=1, step=60.0)
    assert len(here.texts()) == 3


def test_a_notice_about_a_host_that_is_down_is_told_and_the_outage_ends(site) -> None:
    here = site(plan(ONE))
    nagios, _ = both()
    notice = replace(told_by("nagios", firing("Custom host", host="db1", notification="custom")), once=True)
    assert [heard(here, nagios), heard(here, notice)] == [[Heard.FIRST], [Heard.FIRST]]
    assert heard(here, resolved_of(nagios)) == [Heard.RESOLVED]


def test_a_downtime_of_a_host_is_no_part_of_its_outage(site) -> None:
    here = site(plan(ONE))
    downtime = told_by(
        "nagios", firing("Downtime host", host="db1", severity="info", notification="downtime")
    )
    assert [heard(here, both()[0]), heard(here, downtime)] == [[Heard.FIRST], [Heard.FIRST]]


# Nobody is told what is not so.


def test_a_warning_whose_text_was_too_old_is_not_told_late_after_it_became_worse(site) -> None:
    here = site(plan())
    mild, severe = worse()
    here.gateway.answers += [Outcome(Fate.UNKNOWN, Reason.TIMEOUT)]
    heard(here, mild)
    heard(here, severe)
    here.run(hours=3, step=30.0)
    assert [words for words in first_words(here) if words.startswith("LATE")] == []


def test_an_outage_that_outlived_its_repeats_is_still_told_as_over(site) -> None:
    here = site(plan({**ONE, "repeat_interval": timedelta(days=7)}))
    nagios, _ = both()
    heard(here, nagios)
    here.run(hours=25, step=600.0)
    assert heard(here, ended(nagios, here)) == [Heard.RESOLVED]


def test_an_old_copy_is_held_where_nothing_of_its_incident_fires(site) -> None:
    here = site(plan(ONE))
    nagios, alertmanager = both()
    heard(here, nagios, alertmanager)
    here.run(minutes=10, step=10.0)
    heard(here, ended(nagios, here), ended(alertmanager, here))
    here.run(seconds=5)
    assert heard(here, alertmanager) == [Heard.HELD_COPY]
    here.run(seconds=50)
    assert first_words(here)[-1].startswith("OK")
    here.run(seconds=10)
    assert first_words(here)[-1].startswith("FIRING critical")


def test_what_may_be_an_old_copy_is_never_dropped_where_another_source_tells_of_it(site) -> None:
    here = site(plan(ONE))
    nagios, alertmanager = both()
    heard(here, alertmanager)
    here.run(minutes=10, step=10.0)
    heard(here, ended(alertmanager, here))
    here.run(seconds=3)
    assert heard(here, nagios) == [Heard.FIRST]
    here.run(seconds=5)
    assert heard(here, alertmanager) == [Heard.DUPLICATE]
    assert heard(here, ended(nagios, here)) == [Heard.STILL_OPEN]
    assert heard(here, ended(alertmanager, here)) == [Heard.RESOLVED]


def test_one_ends_and_another_begins_in_one_request_and_it_goes_on(site) -> None:
    here = site(plan(ONE))
    nagios, alertmanager = both()
    heard(here, nagios)
    assert heard(here, resolved_of(nagios), alertmanager) == [Heard.STILL_OPEN, Heard.DUPLICATE]
    assert open_incidents(here) == 1


def test_nobody_counts_as_silent_for_the_time_in_which_we_were_away(site) -> None:
    here = site(plan(ONE))
    nagios, alertmanager = both()
    heard(here, nagios)
    heard(here, alertmanager)
    here.clock.move(hours=30)
    here.bench.commit(lambda tx: here.bench.engine.recover(tx, here.clock()))
    here.run(minutes=1)
    assert heard(here, ended(nagios, here)) == [Heard.STILL_OPEN]


def test_nor_for_a_clock_that_was_set(site) -> None:
    here = site(plan(ONE))
    nagios, alertmanager = both()
    heard(here, nagios)
    heard(here, alertmanager)
    here.clock.move(days=3)
    here.bench.commit(lambda tx: outbox.shift_clock(tx, timedelta(days=3)))
    assert heard(here, ended(nagios, here)) == [Heard.STILL_OPEN]


def test_whoever_takes_over_is_not_told_a_second_time_what_has_become_worse(site) -> None:
    handover = NOON + 90 * MINUTE
    shifts = (
        Shift("alice", NOON - timedelta(days=1), handover),
        Shift("bob", handover, NOON + timedelta(days=9)),
    )
    base = plan(quiet=Quiet((AFTERNOON,), NOT_CRITICAL))
    oncall = replace(base.receivers["oncall"], notify=(Target(TargetKind.SCHEDULE, "primary"),))
    schedules = {"primary": Schedule("primary", "UTC", calendar=shifts)}
    here = site(replace(base, schedules=schedules, receivers={**base.receivers, "oncall": oncall}))
    mild, severe = worse()
    heard(here, mild)
    here.run(hours=2, step=60.0)
    heard(here, severe)
    here.run(hours=2, step=60.0)
    assert first_words(here, BOB.number) == ["FIRING critical DiskFull"]
    assert here.texts(ALICE.number) == []


def test_an_end_that_waits_is_not_told_after_the_trouble_came_back_under_another_name(site) -> None:
    here = site(plan({"group_interval": 5 * MINUTE}))
    nagios, _ = both()
    heard(here, nagios, group="")
    here.run(seconds=5)
    heard(here, ended(nagios, here), group="")
    here.run(seconds=5)
    here.bench.engine = type(here.bench.engine)(plan(ONE), "node")
    here.clock.move(minutes=2)
    assert heard(here, replace(nagios, starts_at=here.clock()), group="") == [Heard.FIRST]
    here.run(minutes=10, step=5.0)
    assert [text.split()[0] for text in here.texts()] == ["FIRING", "FIRING"]


# Alertmanager's silences.


def two_of_alertmanager(here: Site) -> tuple[Alert, Alert]:
    one = told_by("alertmanager", firing("InstanceDown", host="db1"), "a")
    two = told_by("alertmanager", firing("DiskFull", host="db1"), "b")
    heard(here, one, two)
    return one, two


def test_a_silence_must_cover_each_alert_of_an_incident(site) -> None:
    here = site(plan(ONE))
    one, two = two_of_alertmanager(here)
    with here.bench.reading() as tx:
        found = {(row.id, row.labels["alertname"]) for row in silences.uncovered(tx)}
        assert found == {(1, "InstanceDown"), (1, "DiskFull")}
        assert {row.key for row in silences.still_open(tx)} == {(1, one.fingerprint), (1, two.fingerprint)}
    heard(here, resolved_of(one))
    with here.bench.reading() as tx:
        assert [row.labels for row in silences.still_open(tx)] == [two.labels]


def test_a_silence_of_the_warning_is_known_when_it_becomes_critical(site) -> None:
    here = site(plan(escalate=STEPS))
    mild, severe = worse()
    heard(here, mild)
    here.bench.acknowledge(1)
    here.bench.commit(lambda tx: silences.made(tx, 1, "main", "s1", here.clock()))
    heard(here, severe)
    with here.bench.reading() as tx:
        (waiting,) = silences.uncovered(tx)
    assert "s1" in waiting.known


# What is kept of it.


def test_the_story_names_each_alert_that_joined(site) -> None:
    here = site(plan(ONE))
    heard(here, both()[0])
    for _ in range(2):
        heard(here, told_by("nagios", firing("RAID", host="db1")))
    with here.bench.reading() as tx:
        found = timeline.of_incident(tx, 1, timeline.Beside(str))
    assert found is not None
    lines = [line.what for line in found[1]]
    assert "heard firing from nagios (RAID) 2 times: duplicate, nobody is told twice" in lines


def test_a_store_is_replayed_with_what_each_alert_said_at_the_time(site) -> None:
    here = site(plan(escalate=STEPS))
    mild, severe = worse()
    heard(here, mild)
    here.run(minutes=1)
    heard(here, mild)
    here.bench.acknowledge(1)
    here.run(seconds=1)
    heard(here, severe)
    heard(here, severe)
    with here.bench.reading() as tx:
        kept = history.alerts_after(tx, 0, 99, 99)
        (ack,) = history.acks(tx)
    assert [row.alert.labels["severity"] for row in kept] == ["warning", "warning", "critical", "critical"]
    assert (ack.by, ack.labels["severity"]) == ("alice", "warning")


def test_a_notice_is_replayed_as_one(site) -> None:
    here = site(plan())
    heard(here, replace(firing("Custom web"), once=True))
    with here.bench.reading() as tx:
        (kept,) = history.alerts_after(tx, 0, 99, 99)
    assert kept.alert.once

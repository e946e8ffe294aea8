"""Who hears what, when and how often: groups, limits, quiet hours, escalation, acknowledgements, reminders, flapping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from paper import Site, with_route
from workbench import ALICE, BOB, NOON, a_plan, firing, resolved

from sms_notify.alert import Acknowledged, Delivery
from sms_notify.gateways.registry import refused
from sms_notify.policy.directory import Person, Target, TargetKind
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.rate_limits import STANDARD, Credits, Limits, parse_limit
from sms_notify.policy.rotations import Layer, Rotation, Schedule
from sms_notify.policy.routing import Receiver, Step
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.vocabulary import AckBy, Heard
from sms_notify.store import account_rows

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
CAROL = Person("carol", "+32470000003", "Europe/Brussels")
AFTERNOON = Window("afternoon", (TimeInterval(times=((12 * 60, 15 * 60),)),))
NOT_CRITICAL = (parse_matchers('severity="critical"'),)


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Site]:
    return lambda plan=None, **fields: Site(tmp_path, replace(plan or only_bob(), **fields))


def person(name: str) -> Target:
    return Target(TargetKind.PERSON, name)


def only_bob(**receiver: object) -> Plan:
    """Everything goes to bob."""
    plan = a_plan()
    directory = replace(plan.directory, people={"alice": ALICE, "bob": BOB, "carol": CAROL})
    receivers = {"oncall": Receiver("oncall", (person("bob"),), **receiver)}  # type: ignore[arg-type]
    return replace(plan, directory=directory, receivers=receivers, route=replace(plan.route, routes=()))


STEPS = (Step(5 * MINUTE, (person("alice"),)), Step(15 * MINUTE, (person("carol"), person("bob"))))
WARNING = {"severity": "warning"}


# Groups, for sources that have none of their own.


def test_what_belongs_together_waits_for_the_group_and_is_one_text(site) -> None:
    here = site(with_route(only_bob(), group_by=("alertname",), group_wait=10 * timedelta(seconds=1)))
    here.bench.accept(firing("DiskFull", instance="a", **WARNING), group="")
    here.run(seconds=9)
    assert here.texts() == []
    here.bench.accept(firing("DiskFull", instance="b", **WARNING), group="")
    here.run(seconds=1)

    assert here.texts() == ["FIRING warning 2x DiskFull: a, b since 13:00 #snsb #gy8c"]


def test_another_group_does_not_wait_for_the_first(site) -> None:
    here = site(with_route(only_bob(), group_by=("alertname",), group_wait=timedelta(seconds=10)))
    here.bench.accept(firing("DiskFull", **WARNING), group="")
    here.run(seconds=5)
    here.bench.accept(firing("LoadHigh", **WARNING), group="")
    here.run(seconds=5)
    assert len(here.texts()) == 1
    here.run(seconds=5)
    assert len(here.texts()) == 2


def test_news_of_a_group_that_was_told_waits_for_its_interval_but_critical_news_does_not(site) -> None:
    here = site(with_route(only_bob(), group_wait=timedelta(seconds=10), group_interval=5 * MINUTE))
    here.bench.accept(firing("A", **WARNING), group="")
    here.run(seconds=10)
    here.bench.accept(firing("B", **WARNING), firing("C"), group="")
    here.run(seconds=10)
    assert [text[:17] for text in here.texts()] == ["FIRING warning A:", "FIRING critical C"]
    here.run(minutes=5)
    assert here.texts()[-1].startswith("FIRING warning B")


def test_what_ended_while_its_group_waited_is_told_to_nobody(site) -> None:
    here = site(with_route(only_bob(), group_wait=timedelta(seconds=10)))
    here.bench.accept(firing(**WARNING), group="")
    verdict = here.bench.accept(resolved(**WARNING), group="")
    here.run(minutes=10)

    assert here.texts() == []
    assert [v.heard for v in verdict] == [Heard.RESOLVED_UNSENT]


def test_what_alertmanager_has_grouped_is_not_held_a_second_time(site) -> None:
    here = site(with_route(only_bob(), group_wait=HOUR))
    here.bench.accept(firing(), group="{}")
    here.send()
    assert len(here.texts()) == 1


# Limits.


def test_a_second_text_within_the_minute_is_held_and_tells_all_that_came(site) -> None:
    here = site(limits=STANDARD)
    for host in "abc":
        here.bench.accept(firing("DiskFull", instance=host, **WARNING))
        here.send()
    assert len(here.texts()) == 1
    here.run(seconds=60)
    assert here.texts()[1:] == ["FIRING warning 2x DiskFull: b, c since 13:00 #gy8c #zbqd"]


def test_the_last_text_before_a_silence_says_how_many_and_until_when_and_another_closes_it(site) -> None:
    here = site(limits=replace(STANDARD, flapping=None))
    for n in range(6 * 60):
        here.bench.accept(firing("HostDown", instance=f"h{n}", at=here.clock(), **WARNING))
        here.run(seconds=1)
    texts = here.texts()
    assert len(texts) == 5
    assert texts[-1].startswith("60 more until 13:15: 60x HostDown")
    for n in range(240, 340):
        here.bench.accept(resolved("HostDown", instance=f"h{n}", end=here.clock(), **WARNING))
    here.run(minutes=10)
    closing = here.texts()[5:]
    assert len(closing) == 1
    assert closing[0].startswith("120 more since 13:04: 100 resolved, 20 open: 20x HostDown")
    told = here.bench.rows("select state, count(*) as n from pages where kind = 'firing' group by state")
    assert told == [{"state": "told", "n": 360}]


def test_a_flood_of_the_rest_never_delays_what_is_critical(site) -> None:
    here = site(limits=STANDARD)
    for n in range(50):
        here.bench.accept(firing("Noise", instance=f"h{n}", **WARNING))
    here.send()
    here.bench.accept(firing("DbDown", instance="db1"))
    here.send()
    assert here.texts()[-1].startswith("FIRING critical DbDown db1")


def test_every_critical_incident_is_named_where_one_text_cannot_name_them_all(site) -> None:
    here = site(limits=STANDARD)
    hosts = [f"a-host-with-a-long-name-{n:02}" for n in range(12)]
    here.bench.accept(*(firing("HostDown", instance=host) for host in hosts))
    here.run(minutes=2)
    assert all(any(host in text for text in here.texts()) for host in hosts)
    assert 2 <= len(here.texts()) <= 4


def test_what_came_and_went_while_it_was_held_for_a_moment_is_told_to_nobody(site) -> None:
    here = site(limits=STANDARD)
    here.bench.accept(firing("A", **WARNING))
    here.send()
    here.bench.accept(firing("B", **WARNING))
    here.bench.accept(resolved("B", **WARNING))
    here.run(minutes=3)
    assert len(here.texts()) == 1
    assert here.bench.rows("select state, why from pages where incident_id = 2") == [
        {"state": "dropped", "why": "resolved_meanwhile"}
    ]


def test_a_receiver_can_have_limits_of_its_own(site) -> None:
    here = site(only_bob(limits=(parse_limit("1/1h"),)))
    for name in "AB":
        here.bench.accept(firing(name, **WARNING))
        here.run(seconds=1)
    assert len(here.texts()) == 1
    here.run(60, hours=1)
    assert len(here.texts()) == 2


def test_the_budget_of_the_hour_holds_the_rest_and_the_reserve_lets_critical_through(site) -> None:
    here = site(limits=Limits(credits=Credits(per_hour=3, per_day=None, reserve=2, low_water=0)))
    for n in range(5):
        here.bench.accept(firing(f"W{n}", **WARNING))
        here.run(seconds=1)
    assert len(here.texts()) == 3
    for n in range(3):
        here.bench.accept(firing(f"C{n}"))
        here.run(seconds=2)
    assert len(here.texts()) == 5, "the budget and the reserve are the bound of all"
    here.run(60, hours=1, minutes=1)
    assert all(any(f"C{n}" in text for text in here.texts()) for n in range(3))
    assert here.bench.rows("select distinct detail from decisions where word = 'limited'") == [
        {"detail": "credits_per_hour"}
    ]


def test_the_last_credits_of_the_account_are_for_critical_texts(site) -> None:
    here = site(limits=Limits(credits=Credits(None, None, reserve=10, low_water=0)))
    here.bench.commit(lambda tx: account_rows.set_balance(tx, "main", 10, here.clock()))
    here.bench.accept(firing("W", **WARNING), firing("C", team="x"))
    here.bench.accept(firing("W2", **WARNING))
    here.run(seconds=5)
    assert len(here.texts()) == 1
    here.bench.commit(lambda tx: account_rows.set_balance(tx, "main", 500, here.clock()))
    here.run(minutes=2)
    assert len(here.texts()) == 2


# Quiet hours, muted routes.


def test_quiet_hours_hold_what_may_wait_and_one_digest_ends_them(site) -> None:
    here = site(only_bob(quiet=Quiet((AFTERNOON,), NOT_CRITICAL)))
    here.bench.accept(firing("A", **WARNING))
    here.bench.accept(firing("B", **WARNING))
    here.bench.accept(firing("C", **WARNING))
    here.bench.accept(firing("Urgent"))
    here.run(60, hours=1)
    here.bench.accept(resolved("C", **WARNING))
    assert [text[:22] for text in here.texts()] == ["FIRING critical Urgent"]
    here.run(60, hours=2, minutes=1)
    assert here.texts()[1:] == ["Held since 13:00: 2 open: A, B #snsb"]


def test_nothing_is_said_when_all_that_was_held_for_the_night_has_ended(site) -> None:
    here = site(only_bob(quiet=Quiet((AFTERNOON,))))
    here.bench.accept(firing("A", **WARNING))
    here.bench.accept(resolved("A", **WARNING))
    here.run(60, hours=4)
    assert here.texts() == []


def test_a_person_can_have_quiet_hours_while_another_is_told(site) -> None:
    plan = only_bob()
    asleep = replace(BOB, quiet=Quiet((AFTERNOON,)))
    directory = replace(plan.directory, people={**plan.directory.people, "bob": asleep})
    receivers = {"oncall": Receiver("oncall", (person("bob"), person("alice")))}
    here = site(plan, directory=directory, receivers=receivers)
    here.bench.accept(firing("A", **WARNING))
    here.run(60, hours=1)
    assert here.texts(BOB.number) == []
    assert len(here.texts(ALICE.number)) == 1
    here.run(60, hours=2)
    assert len(here.texts(BOB.number)) == 1


@pytest.mark.parametrize("how", ["mute", "active"])
def test_a_muted_route_tells_later_what_still_fires(site, how: str) -> None:
    window = AFTERNOON if how == "mute" else Window("office", (TimeInterval(times=((15 * 60, 16 * 60),)),))
    here = site(with_route(only_bob(), **{how: (window,)}))
    here.bench.accept(firing("A", **WARNING), firing("B", **WARNING))
    here.bench.accept(resolved("B", **WARNING))
    here.run(60, hours=2, minutes=59)
    assert here.texts() == []
    here.run(60, minutes=2)
    assert len(here.texts()) == 1
    assert here.texts()[0].startswith("FIRING warning A")


# Escalation and acknowledgements.


def test_an_incident_that_nobody_acknowledges_climbs_step_by_step(site) -> None:
    here = site(only_bob(escalate=STEPS))
    here.bench.accept(firing())
    here.run(5, minutes=4, seconds=59)
    assert [text.number for text in here.gateway.texts] == [BOB.number]
    here.run(5, seconds=2)
    assert [text.number for text in here.gateway.texts] == [BOB.number, ALICE.number]
    assert here.texts()[1].startswith("ESCALATED critical HostDown")
    here.run(5, minutes=10)
    assert [text.number for text in here.gateway.texts[2:]] == [CAROL.number, BOB.number]


@pytest.mark.parametrize("end", ["acknowledged", "resolved"])
def test_no_step_follows_once_it_is_acknowledged_or_has_ended(site, end: str) -> None:
    here = site(only_bob(escalate=STEPS, send_resolved=False))
    here.bench.accept(firing())
    here.run(seconds=30)
    if end == "acknowledged":
        assert here.bench.acknowledge(1, by="bob", how=AckBy.LINK) == [1]
    else:
        here.bench.accept(resolved())
    here.run(60, hours=12)
    assert len(here.texts()) == 1


def test_a_second_acknowledge_is_no_news(site) -> None:
    here = site()
    here.bench.accept(firing())
    assert here.bench.acknowledge(1, 99) == [1]
    assert here.bench.acknowledge(1) == []


def test_an_acknowledgement_in_the_monitoring_system_counts(site) -> None:
    here = site(only_bob(escalate=STEPS))
    alert = firing()
    here.bench.accept(alert)
    told = Delivery("alertmanager", (), acks=(Acknowledged("alertmanager", alert.fingerprint, "carol"),))
    here.bench.commit(lambda tx: here.bench.engine.accept(tx, told, here.clock()))
    here.run(30, hours=1)
    assert len(here.texts()) == 1
    assert here.bench.rows("select acked_by, acked_how from incidents") == [
        {"acked_by": "carol", "acked_how": "source"}
    ]


def test_an_escalation_that_waits_to_leave_is_taken_back_by_an_acknowledge(site) -> None:
    here = site(only_bob(escalate=STEPS))
    here.bench.accept(firing())
    here.send()
    here.clock.move(minutes=6)
    here.bench.tick()
    here.bench.acknowledge(1)
    here.run(minutes=5)
    assert len(here.texts()) == 1
    assert here.bench.messages("kind, state")[-1] == ("escalation", "cancelled")


def test_the_next_step_does_not_wait_where_every_text_of_this_one_has_failed(site) -> None:
    here = site(only_bob(escalate=STEPS))
    here.gateway.answers = [refused(106)]
    here.bench.accept(firing())
    here.run(seconds=2)
    assert [text.number for text in here.gateway.texts] == [ALICE.number]
    assert [row["word"] for row in here.bench.rows("select word from decisions")] == ["jumped", "escalated"]
    here.run(5, minutes=9)
    assert len(here.texts()) == 1, "the time between the steps stays what it is"
    here.run(5, minutes=2)
    assert [text.number for text in here.gateway.texts] == [ALICE.number, CAROL.number], "bob's is refused"


def test_the_end_is_told_to_everybody_who_heard_of_it_on_the_way(site) -> None:
    here = site(only_bob(escalate=STEPS))
    here.bench.accept(firing())
    here.run(5, minutes=6)
    here.bench.accept(resolved(end=here.clock()))
    here.send()
    assert [text.number for text in here.gateway.texts if text.text.startswith("OK")] == [
        BOB.number,
        ALICE.number,
    ]


def test_the_text_bears_a_link_where_an_acknowledge_spares_somebody(site) -> None:
    here = site(only_bob(escalate=STEPS), ack_url="https://sms.example.org/a/")
    here.bench.accept(firing(instance="db1"))
    here.send()
    assert here.texts()[0].endswith("https://sms.example.org/a/code1")
    assert here.bench.messages("ack_code") == [("code1",)]


# Reminders.


def test_what_still_fires_is_told_again_after_the_repeat_interval_until_it_is_acknowledged(site) -> None:
    here = site(with_route(only_bob(), repeat_interval=HOUR))
    here.bench.accept(firing("A"))
    here.run(60, minutes=2)
    here.bench.accept(firing("B"))
    here.run(60, hours=1)
    assert here.texts()[2:] == ["STILL FIRING critical 2x: A; B since 13:00 #snsb #gy8c"]
    here.bench.acknowledge(1)
    here.run(60, hours=1)
    assert [text[:24] for text in here.texts()[3:]] == ["STILL FIRING critical B:"]


def test_two_receivers_of_one_person_have_one_turn_at_one_time(site) -> None:
    plan = only_bob(escalate=STEPS)
    second = replace(plan.receivers["oncall"], name="second")
    child = replace(plan.route, path="route.routes[0]", continue_=True)
    other = replace(plan.route, path="route.routes[1]", receiver="second")
    route = replace(plan.route, routes=(child, other), repeat_interval=HOUR)
    here = site(plan, receivers={**plan.receivers, "second": second}, route=route)
    here.bench.accept(firing())
    here.run(30, hours=2)
    assert [text.number for text in here.gateway.texts][:4] == [
        BOB.number,
        ALICE.number,
        CAROL.number,
        BOB.number,
    ]
    assert here.bench.rows("select count(*) as n from pages where kind = 'escalation'") == [{"n": 3}]


# Flapping.


def test_an_alert_that_comes_and_goes_is_told_once_as_flapping_and_again_when_it_is_calm(site) -> None:
    here = site(limits=Limits(flapping=STANDARD.flapping))
    for _ in range(12):
        here.bench.accept(firing(at=here.clock(), **WARNING))
        here.run(seconds=20)
        here.bench.accept(resolved(at=here.clock(), end=here.clock(), **WARNING))
        here.run(seconds=70)
    heads = [text.split()[0] for text in here.texts()]
    assert heads == ["FIRING", "OK", "FIRING", "OK", "FIRING", "OK", "FLAPPING"]
    here.run(5, minutes=11)
    assert [text.split()[0] for text in here.texts()[7:]] == ["OK"]


def test_an_alert_that_flapped_and_stays_is_told_as_firing(site) -> None:
    here = site(limits=Limits(flapping=STANDARD.flapping))
    for n in range(6):
        here.bench.accept(firing(at=here.clock(), **WARNING))
        here.run(seconds=20)
        if n < 5:
            here.bench.accept(resolved(at=here.clock(), end=here.clock(), **WARNING))
            here.run(seconds=70)
    here.run(5, minutes=11)
    assert [text.split()[0] for text in here.texts()[6:]] == ["FLAPPING", "FIRING"]


# On call.


def a_schedule(**fields: object) -> Schedule:
    turns = Rotation(("alice", "bob"), 1, date(2026, 11, 22), 14 * 60)
    return Schedule("primary", "UTC", (Layer(turns),), **fields)  # type: ignore[arg-type]


def on_call(schedule: Schedule, **receiver: object) -> Plan:
    target = Target(TargetKind.SCHEDULE, "primary")
    plan = only_bob()
    receivers = {"oncall": Receiver("oncall", (target,), **receiver)}  # type: ignore[arg-type]
    return replace(plan, receivers=receivers, schedules={"primary": schedule})


def test_who_is_on_call_at_the_time_of_the_alert_is_told(site) -> None:
    here = site(on_call(a_schedule()))
    here.clock.now = datetime(2026, 11, 22, 15, tzinfo=UTC)
    here.bench.accept(firing("A"))
    here.send()
    here.clock.now = datetime(2026, 11, 23, 14, tzinfo=UTC)
    here.bench.accept(firing("B"))
    here.send()
    assert [(text.number, text.text[16]) for text in here.gateway.texts] == [
        (ALICE.number, "A"),
        (BOB.number, "B"),
    ]


def test_nobody_on_call_passes_to_the_next_step_at_once_and_is_a_problem_of_our_own(site) -> None:
    here = site(on_call(a_schedule(), escalate=STEPS))
    assert here.clock() == NOON, "two hours before the first turn begins"
    here.bench.accept(firing())
    here.run(seconds=1)
    assert [text.number for text in here.gateway.texts] == [ALICE.number]
    assert here.bench.rows("select word from decisions order by id")[0] == {"word": "nobody_on_call"}
    assert any("nobody is on call" in row["what"] for row in here.bench.rows("select what from troubles"))


def test_what_was_held_is_told_to_who_is_on_call_when_it_is_told(site) -> None:
    night = Window("night", (TimeInterval(times=((12 * 60, 15 * 60),)),))
    here = site(on_call(a_schedule(), quiet=Quiet((night,))))
    here.clock.now = datetime(2026, 11, 23, 13, tzinfo=UTC)  # alice's last hour
    here.bench.accept(firing("A", **WARNING), firing("B", **WARNING))
    here.run(60, hours=2)
    assert [text.number for text in here.gateway.texts] == [BOB.number]
    assert here.bench.rows("select recipient, state, why from pages where incident_id = 1 order by id") == [
        {"recipient": "alice", "state": "dropped", "why": "off_call"},
        {"recipient": "bob", "state": "told", "why": "quiet_hours"},
    ]


def test_who_takes_over_gets_a_text_that_says_so(site) -> None:
    here = site(on_call(a_schedule(handoff_text=True)))
    here.clock.now = datetime(2026, 11, 23, 13, 59, tzinfo=UTC)
    here.bench.accept(firing("DbDown", instance="db1"))
    here.run(seconds=30)
    here.gateway.texts.clear()
    here.run(5, minutes=2)
    (text,) = here.gateway.texts
    assert text.number == BOB.number
    assert text.text.startswith("On call for primary until ")
    assert "DbDown db1" in text.text


def test_a_gap_ahead_is_told_to_the_operator_before_it_is_there(site) -> None:
    schedule = Schedule("primary", "UTC", (Layer(Rotation(("alice",), 1, date(2026, 11, 23), 0)),))
    here = site(on_call(schedule))
    here.run(seconds=1)
    (row,) = here.bench.rows("select what from troubles")
    assert row["what"] == "nobody is on call for primary from Sun 22 Nov 12:00 to Mon 23 Nov 00:00"

"""`explain` tells a story from the rows: every decision with its word, each text with its attempts and reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from workbench import NOON, Bench, a_plan, firing, resolved

from sms_notify.alert import Severity
from sms_notify.engine import Engine
from sms_notify.explain import timeline
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold, Quiet, Window
from sms_notify.policy.rate_limits import Flapping, Limits, parse_limit
from sms_notify.policy.records import Decided, TimerKind
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.routing import Receiver, Step
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.vocabulary import Cause, Decision, Drop, Kind, State
from sms_notify.store import decisions, messages
from sms_notify.store.messages import Entry
from sms_notify.wording.content import Text

ALICE, BOB = (Target(TargetKind.PERSON, name) for name in ("alice", "bob"))
PRIMARY = Target(TargetKind.SCHEDULE, "primary")
UNTIL_14 = Window("lunch", (TimeInterval(times=((720, 840),)),))


def clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M}"


def beside(bench: Bench) -> timeline.Beside:
    return timeline.Beside(clock, bench.engine.plan.route, bench.engine.plan.receivers)


def told(bench: Bench, incident_id: int = 1) -> list[str]:
    """Each line with its time and its depth."""
    with bench.reading() as tx:
        found = timeline.of_incident(tx, incident_id, beside(bench))
    assert found is not None
    return [found[0], *(f"{clock(line.at)} {'  ' * line.depth}{line.what}" for line in found[1])]


def told_of_message(bench: Bench, message_id: int) -> list[str]:
    with bench.reading() as tx:
        found = timeline.of_message(tx, message_id, beside(bench))
    assert found is not None
    return [found[0], *(f"{'  ' * line.depth}{line.what}" for line in found[1])]


def with_receiver(bench: Bench, receiver: Receiver, **plan: object) -> None:
    receivers = {**bench.engine.plan.receivers, receiver.name: receiver}
    bench.engine = Engine(replace(bench.engine.plan, receivers=receivers, **plan), "node")  # type: ignore[arg-type]


def move(bench: Bench, message_id: int, state: State, entry: Entry) -> None:
    """As the sender and the reports write it down."""
    bench.commit(
        lambda tx: messages.move(tx, messages.get(tx, message_id), state, entry, "node", bench.clock())
    )


def deliver(bench: Bench, message_id: int) -> None:
    move(bench, message_id, State.SUBMITTING, Entry(Cause.CLAIMED))
    move(bench, message_id, State.SENT, Entry(Cause.CALLBACK, seconds=0.25))
    move(bench, message_id, State.DELIVERED, Entry(Cause.CALLBACK))


def test_a_normal_incident_fits_one_screen_from_the_first_word_to_the_last(bench: Bench) -> None:
    bench.accept(firing(team="dba", instance="web1"))
    deliver(bench, 1)
    bench.clock.move(minutes=5)
    bench.accept(resolved(team="dba", instance="web1"))
    deliver(bench, 2)

    tag = f"#{tag_of(1)}"
    assert [line.replace(tag, "#TAG") for line in told(bench)] == [
        "#TAG (incident 1) HostDown web1: resolved, critical",
        "12:00 labels: alertname=HostDown, instance=web1, severity=critical, team=dba",
        "12:00 heard firing from alertmanager: first, by route.routes[1] -> dba",
        '12:00   route.routes[0] did not match: severity="info" (severity is "critical")',
        "12:00 dba tells bob",
        "12:00 m1 firing to bob (+31******678), 1 part: 'FIRING critical HostDown web1: is bad since 13:00 #TAG'",
        "12:00   m1 attempt 1 at main: sent: callback, after 0.2 s",
        "12:00   m1 delivered: callback",
        "12:05 heard resolved from alertmanager: resolved, by route.routes[1] -> dba",
        "12:05 m2 resolved to bob (+31******678), 1 part: 'OK HostDown web1 after 5m #TAG'",
        "12:05   m2 attempt 1 at main: sent: callback, after 0.2 s",
        "12:05   m2 delivered: callback",
    ]


def test_a_route_of_today_that_would_decide_otherwise_says_so(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    bench.engine = Engine(
        replace(bench.engine.plan, route=replace(bench.engine.plan.route, routes=())), "node"
    )

    assert "12:00   today's configuration would take route -> oncall" in told(bench)


def test_repeats_are_one_line_with_their_number(bench: Bench) -> None:
    bench.accept(firing())
    for _ in range(3):
        bench.clock.move(minutes=1)
        bench.accept(firing())

    assert "12:03 heard firing from alertmanager again 3 times: duplicate, nobody is told twice" in told(
        bench
    )


def test_who_is_held_is_told_until_when_by_what_and_afterwards_when_it_was_told(bench: Bench) -> None:
    with_receiver(bench, Receiver("oncall", (ALICE, BOB), quiet=Quiet((UNTIL_14,), ())))
    bench.accept(firing())
    before = told(bench)
    bench.clock.move(hours=2)
    bench.tick()

    assert "12:00 alice, bob: held until 14:00 to hear of it: quiet_hours (lunch)" in before
    assert "12:00 alice, bob: held until 14:00 to hear of it: quiet_hours (lunch)" in told(bench)
    assert [line for line in told(bench) if line.startswith("14:00 m") and " firing to alice " in line]


def test_what_was_dropped_says_why(bench: Bench) -> None:
    with_receiver(bench, Receiver("oncall", (ALICE, BOB), quiet=Quiet((UNTIL_14,), ())))
    bench.accept(firing())
    bench.clock.move(minutes=5)
    bench.accept(resolved())

    assert "12:00 alice, bob: to hear of it at 14:00 (lunch), and dropped: resolved_meanwhile" in told(bench)
    assert not [line for line in told(bench) if " m1 " in line]


@pytest.mark.parametrize("why", list(Drop))
@pytest.mark.parametrize("hold", [hold for hold in Hold if hold is not Hold.NOW])
def test_every_hold_and_every_drop_is_told_by_its_word(bench: Bench, hold: Hold, why: Drop) -> None:
    with_receiver(bench, Receiver("oncall", (ALICE,), quiet=Quiet((UNTIL_14,), ())))
    bench.accept(firing())
    bench.commit(lambda tx: tx.run("update pages set why = :why", why=hold))
    waits = "waits for others of its group (lunch) until 14:00 to hear of it"
    held = waits if hold is Hold.GROUP else f"held until 14:00 to hear of it: {hold} (lunch)"
    assert [line for line in told(bench) if held in line]
    bench.commit(lambda tx: tx.run("update pages set state = 'dropped', why = :why where id = 1", why=why))

    assert [line for line in told(bench) if line.endswith(f"dropped: {why}")]


def test_an_escalation_tells_each_step_to_whom_and_what_an_acknowledge_ends(bench: Bench) -> None:
    steps = (Step(timedelta(minutes=5), (BOB,)), Step(timedelta(minutes=15), (PRIMARY,)))
    schedules = {"primary": Schedule("primary")}
    with_receiver(bench, Receiver("oncall", (ALICE,), escalate=steps), schedules=schedules)
    bench.accept(firing())
    assert "12:05 due: step 1 of oncall, unless somebody acknowledges or it ends" in told(bench)
    bench.clock.move(minutes=5)
    bench.tick()
    bench.clock.move(minutes=10)
    bench.tick()
    bench.acknowledge(1, by="bob")

    lines = told(bench)
    assert lines[0].endswith("HostDown: acknowledged by bob, critical")
    assert "12:05 escalated: step 1 of oncall tells bob" in lines
    assert "12:15 nobody_on_call: step 2 of oncall (schedule:primary) has nobody to tell" in lines
    assert "12:15 acknowledged by bob (command): no step and no reminder follows" in lines
    assert not [line for line in lines if " due: " in line]


def test_what_is_due_beside_steps_and_reminders_is_said_in_its_own_words(bench: Bench) -> None:
    bench.accept(replace(firing(), labels={}, annotations={"summary": "a job failed"}, once=True))
    assert told(bench)[0].startswith("#snsb (incident 1) a job failed: open")
    assert "12:00 due: closed without a text, because nothing can end a notice" in told(bench)


_OF_NO_INCIDENT = (TimerKind.HANDOFF, TimerKind.SELF_CHECK)


@pytest.mark.parametrize("what", [kind for kind in TimerKind if kind not in _OF_NO_INCIDENT])
def test_everything_that_falls_due_has_words(bench: Bench, what: TimerKind) -> None:
    bench.accept(firing())
    bench.commit(lambda tx: tx.run("update agenda set what = :what", what=what))
    assert [line for line in told(bench) if " due: " in line and not line.endswith("due: ")]


def test_who_was_on_call_and_that_nobody_was_are_told_with_the_schedule(bench: Bench) -> None:
    with_receiver(bench, Receiver("oncall", (PRIMARY,)), schedules={"primary": Schedule("primary")})
    bench.accept(firing())

    assert "12:00 nobody_on_call: oncall (schedule:primary) has nobody to tell" in told(bench)


@pytest.mark.parametrize("word", list(Decision))
def test_every_decision_is_told_by_its_word_even_without_a_receiver(bench: Bench, word: Decision) -> None:
    bench.accept(firing(severity="info"))
    bench.commit(
        lambda tx: decisions.record(tx, [Decided(word, 1, detail="for a reason")], "node", bench.clock())
    )

    [line] = [line for line in told(bench) if str(word) in line]
    assert line.startswith(f"12:00 {word}")


def test_a_flapping_alert_says_so_and_how_often(bench: Bench) -> None:
    limits = Limits(flapping=Flapping(episodes=2))
    bench.engine = Engine(replace(bench.engine.plan, limits=limits), "node")
    for _ in range(2):
        bench.accept(firing(at=bench.clock()))
        bench.clock.move(minutes=2)
        bench.accept(resolved(at=bench.clock(), end=bench.clock()))
        bench.clock.move(minutes=2)

    lines = told(bench)
    assert "flapping (2 times)" in lines[0]
    assert "12:04 flapping: 2 times; one text covers it until it is calm" in lines


def test_a_merged_text_says_how_many_it_tells_and_why_they_waited(bench: Bench) -> None:
    one_a_quarter = Limits(per_number_critical=(parse_limit("1/15m"),))
    with_receiver(bench, Receiver("oncall", (ALICE,)), limits=one_a_quarter)
    bench.accept(firing("First"))
    bench.commit(
        lambda tx: tx.run(
            "insert into attempts (message_id, n, gateway, node, reference, started_at, number, lane, parts)"
            " select 1, 1, 'main', 'node', 'r', created_at, number, lane, 1 from messages"
        )
    )
    deliver(bench, 1)
    bench.clock.move(minutes=1)
    bench.accept(firing("Second"))
    bench.accept(firing("Third"))
    bench.clock.move(minutes=15)
    bench.tick()

    second = told(bench, 2)
    assert "12:01 alice: held until 12:16 to hear of it: limit (per_number_critical)" in second
    assert [line for line in second if "m2 firing to alice" in line and "with 1 other incident:" in line]
    lines = told_of_message(bench, 2)
    assert lines[0] == f"m2 firing to alice about #{tag_of(2)} #{tag_of(3)}: queued"
    assert lines[1:4] == [
        "tells 2 incidents in one text:",
        f"  #{tag_of(2)} Second: firing, held since 12:01: limit (per_number_critical)",
        f"  #{tag_of(3)} Third: firing, held since 12:01: limit (per_number_critical)",
    ]


def test_a_text_of_very_many_names_twenty_and_counts_the_rest(bench: Bench) -> None:
    bench.accept(*(firing(f"A{n:02}", severity="warning") for n in range(25)))

    lines = told_of_message(bench, 1)
    assert lines[0].endswith(" and 20 more: queued")
    assert sum(line.endswith(": firing") for line in lines) == 20
    assert "  and 5 more" in lines


def test_an_attempt_and_its_end_are_one_line_and_a_retry_another(bench: Bench) -> None:
    bench.accept(firing(team="dba"))
    move(bench, 1, State.SUBMITTING, Entry(Cause.CLAIMED))
    move(bench, 1, State.QUEUED, Entry(Cause.FAIL_OVER, code=120, detail="ERROR 120"))
    move(bench, 1, State.SUBMITTING, Entry(Cause.CLAIMED))

    assert [line for line in told(bench) if " attempt " in line] == [
        "12:00   m1 attempt 1 at main: queued: fail_over 120 (ERROR 120)",
        "12:00   m1 attempt 2 at main: submitting: claimed",
    ]


def test_what_is_not_heard_of_any_more_is_unheard_until_it_begins_anew(bench: Bench) -> None:
    bench.accept(firing())
    bench.clock.move(hours=25)
    bench.tick()
    with bench.reading() as tx:
        found = timeline.of_incident(tx, 1, beside(bench))
    assert found is not None
    assert "HostDown: unheard, critical" in found[0]

    bench.clock.move(hours=1)
    bench.accept(firing(at=bench.clock()))
    assert "14:00 unheard: not heard of any more, and closed" in told(bench)


def test_a_group_of_the_gateway_has_no_number_to_mask(bench: Bench) -> None:
    with_receiver(bench, Receiver("oncall", (Target(TargetKind.GROUP, "ops"),)))
    bench.accept(firing())

    assert [line for line in told(bench) if "m1 firing to gateway-group:ops, 1 part: " in line]


def test_a_text_by_hand_is_about_what_was_written(bench: Bench) -> None:
    person = bench.engine.plan.directory.people["alice"]
    draft = messages.Draft(
        Kind.MANUAL, "", person, Severity.OTHER, "main", Text("hello", 1, 5), NOON, NOON + timedelta(hours=1)
    )
    bench.commit(lambda tx: messages.write(tx, draft, "node", NOON))

    assert told_of_message(bench, 1) == [
        "m1 manual to alice about what was written by hand: queued",
        "m1 manual to alice (+32******001), 1 part: 'hello'",
    ]


def test_what_does_not_exist_has_no_story(bench: Bench) -> None:
    bench.accept(firing())
    with bench.reading() as tx:
        assert timeline.of_incident(tx, 2, beside(bench)) is None
        assert timeline.of_message(tx, 99, beside(bench)) is None


def test_a_receiver_that_the_configuration_has_no_more_is_told_by_its_name(bench: Bench) -> None:
    bench.accept(firing())
    plan: Plan = a_plan()
    with bench.reading() as tx:
        found = timeline.of_incident(tx, 1, timeline.Beside(clock, plan.route, {}))

    assert found is not None
    assert "oncall tells alice, bob" in [line.what for line in found[1]]

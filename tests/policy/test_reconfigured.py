"""Another configuration while incidents are open: what goes on under whom, and what it owes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from made import a_notification, a_timer, acknowledged, ended, fates, rows_of_all
from owing import FIVE, HOUR, MILD, MINUTE, OPEN, ROUTE, SHUT, TEN, TO_ALICE, TO_BOB, planned, summed
from workbench import ALICE, BOB, NOON

from sms_notify.policy.directory import Directory, Target, TargetKind
from sms_notify.policy.rate_limits import Credits, Limit
from sms_notify.policy.reconfigured import Configured, Reconfigured, configured, numbers_changed
from sms_notify.policy.records import Incident, Notification, Timer, TimerKind
from sms_notify.policy.routing import Receiver, Route, Step
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Drop, Kind, PageState, State

STEPS, REMINDS = TimerKind.ESCALATE, TimerKind.REMIND
TOLD = a_notification(OPEN, state=PageState.TOLD, message_id=7, message_state=State.DELIVERED)
STEP, REMINDER = a_timer(1), a_timer(1, REMINDS, every=4 * HOUR)
TEAM = Target(TargetKind.TEAM, "crew")


def on(plan: Plan, *routes: Route) -> Plan:
    return replace(plan, route=replace(routes[0], routes=routes[1:]) if routes[1:] else routes[0])


def ran(plan: Plan) -> Configured:
    return configured(plan)


def follow(
    plan: Plan,
    before: Configured,
    *loaded: Incident | Notification | Timer,
    routed: Sequence[str] = ("oncall",),
) -> tuple[Rows, list[Notification]]:
    rows = rows_of_all(*loaded, now=NOON + MINUTE)
    known: Mapping[int, Sequence[str]] = {1: routed}
    return rows, Reconfigured(plan, rows, before, known).follow()


def timers(rows: Rows) -> list[tuple[str, TimerKind, int, float]]:
    return [(t.receiver, t.what, t.nth, (t.due_at - NOON) / MINUTE) for t in rows.timers_of(1)]


ONE = on(planned(Receiver("oncall", (TO_ALICE,), escalate=(FIVE,))), ROUTE)
RENAMED = on(planned(Receiver("ops", (TO_ALICE,), escalate=(FIVE,))), Route("ops", repeat_interval=2 * HOUR))


def test_the_same_configuration_changes_nothing() -> None:
    rows, owed = follow(ONE, ran(ONE), OPEN, TOLD, STEP, REMINDER)

    assert owed == []
    assert not rows.timers.changed
    assert not rows.timers.new
    assert not rows.notifications.changed


@pytest.mark.parametrize("severity", [OPEN, MILD])
def test_a_renamed_receiver_takes_over_what_follows_and_what_was_said(severity: Incident) -> None:
    rows, owed = follow(RENAMED, ran(ONE), severity, TOLD, STEP, REMINDER)

    assert owed == []
    assert timers(rows) == [("ops", STEPS, 1, 0.0), ("ops", REMINDS, 1, 0.0)]
    assert rows.timers.rows[1, "ops", REMINDS].every == 2 * HOUR
    assert rows.notifications.rows[1].receiver == "ops"


def test_whose_steps_were_all_taken_climbs_no_second_time_under_another_name() -> None:
    assert timers(follow(RENAMED, ran(ONE), OPEN, TOLD)[0]) == []


@pytest.mark.parametrize(
    ("incident", "expected"),
    [
        (OPEN, [("oncall", STEPS, 2, 10.0)]),
        (acknowledged(OPEN), []),
        (replace(OPEN, flapping=5), []),
        (ended(OPEN), []),
    ],
)
def test_a_step_that_was_added_follows_the_last_that_there_was(
    incident: Incident, expected: list[tuple[str, TimerKind, int, float]]
) -> None:
    more = on(planned(Receiver("oncall", (TO_ALICE,), escalate=(FIVE, TEN))), ROUTE)

    assert timers(follow(more, ran(ONE), incident, TOLD)[0]) == expected


def test_a_step_whose_time_is_over_is_due_at_once() -> None:
    at_once = on(planned(Receiver("oncall", (TO_ALICE,), escalate=(Step(MINUTE / 2, (TO_BOB,)),))), ROUTE)
    none = on(planned(), ROUTE)

    assert timers(follow(at_once, ran(none), OPEN, TOLD)[0]) == [("oncall", STEPS, 1, 1.0)]


def test_what_routes_name_no_more_and_nobody_takes_over_ends() -> None:
    two = (Receiver("oncall", (TO_ALICE,)), Receiver("dba", (TO_BOB,)))
    both = on(planned(*two), ROUTE, replace(ROUTE, continue_=True), Route("dba"))
    rows, _ = follow(
        on(planned(*two), ROUTE), ran(both), OPEN, TOLD, STEP, replace(STEP, receiver="dba"),
        routed=("oncall", "dba"),
    )  # fmt: skip

    assert timers(rows) == [("oncall", STEPS, 1, 0.0)]


# Whoever is responsible now.

MORE = on(planned(Receiver("oncall", (TO_ALICE, TO_BOB))), ROUTE)


@pytest.mark.parametrize(
    ("incident", "owed"),
    [
        (OPEN, [("bob", 1.0, "now")]),
        (MILD, []),  # with its next reminder
        (acknowledged(OPEN), []),
        (ended(OPEN), []),
    ],
)
def test_whoever_is_responsible_now_hears_of_critical_incidents_that_nobody_takes_care_of(
    incident: Incident, owed: list[tuple[str, float, str]]
) -> None:
    assert summed(follow(MORE, ran(ONE), incident, TOLD)[1]) == owed


def test_quiet_hours_hold_it_for_whoever_is_responsible_now() -> None:
    quiet = on(planned(Receiver("oncall", (TO_BOB, TO_ALICE)), quiet=SHUT), ROUTE)
    to_bob = on(planned(Receiver("oncall", (TO_BOB,))), ROUTE)
    told = replace(TOLD, person=BOB)

    assert summed(follow(quiet, ran(to_bob), OPEN, told)[1]) == [("alice", 120.0, "quiet_hours")]


@pytest.mark.parametrize(
    "had",
    [
        a_notification(
            OPEN, BOB, Kind.ESCALATION, 2, state=PageState.TOLD, message_id=8, message_state=State.SENT
        ),
        a_notification(OPEN, BOB, id_=2),  # held
    ],
)
def test_whoever_has_heard_of_it_or_will_is_told_nothing_by_a_reload(had: Notification) -> None:
    assert follow(MORE, ran(ONE), OPEN, TOLD, had)[1] == []


def test_what_was_dropped_by_a_wrong_reload_is_owed_after_its_repair() -> None:
    left = a_notification(OPEN, BOB, id_=2, state=PageState.DROPPED, why=Drop.NOT_CONFIGURED)
    rows, owed = follow(MORE, ran(ONE), OPEN, TOLD, left)

    assert (owed, fates(rows)[2]) == ([], PageState.HELD)


def test_the_first_configuration_after_an_upgrade_owes_nothing() -> None:
    assert follow(MORE, Configured(), OPEN, TOLD)[1] == []


def test_a_receiver_that_a_route_leads_to_now_reminds_with_the_others_and_climbs_from_its_first_text() -> (
    None
):
    two = (Receiver("oncall", (TO_ALICE,)), Receiver("dba", (TO_BOB,), escalate=(FIVE,)))
    both = on(planned(*two), ROUTE, replace(ROUTE, continue_=True), Route("dba", repeat_interval=HOUR))
    rows, owed = follow(both, ran(on(planned(*two), ROUTE)), OPEN, TOLD, REMINDER)

    assert summed(owed) == [("bob", 1.0, "now")]
    assert timers(rows)[1:] == [("dba", REMINDS, 1, 0.0), ("dba", STEPS, 1, 6.0)]


# What is remembered of a configuration.


def test_a_team_is_remembered_by_its_members() -> None:
    plan = planned(Receiver("oncall", (TEAM, TO_BOB), escalate=(FIVE, TEN)))
    plan = replace(plan, directory=replace(plan.directory, teams={"crew": ("alice", "bob")}))

    assert configured(plan) == Configured(
        {"alice": ALICE.number, "bob": BOB.number},
        {"oncall": frozenset(("person:alice", "person:bob"))},
        {"oncall": 2},
        configured(planned()).limits,
    )


def test_limits_that_change_are_known_as_other_ones() -> None:
    plan = planned(Receiver("oncall", (TO_BOB,)))
    limited = replace(plan.limits, overall=(Limit(3, timedelta(hours=1)),))
    spending = replace(plan.limits, credits=Credits(per_hour=2))
    own = planned(Receiver("oncall", (TO_BOB,), limits=(Limit(3, timedelta(hours=1)),)))

    said = [
        configured(one).limits
        for one in (plan, replace(plan, limits=limited), replace(plan, limits=spending), own)
    ]

    assert len(set(said)) == len(said)
    assert configured(planned(Receiver("desk", (TO_BOB,)))).limits == said[0]


@pytest.mark.parametrize(
    ("today", "changed"),
    [
        ({"alice": ALICE}, {}),
        ({"alicia": replace(ALICE, name="alicia")}, {}),  # the same reader
        ({"alice": replace(ALICE, number="+32470000009")}, {ALICE.number: "+32470000009"}),
        ({"alice": replace(ALICE, number=BOB.number), "bob": replace(BOB, number=ALICE.number)},
         {ALICE.number: BOB.number, BOB.number: ALICE.number}),
        ({"carol": replace(ALICE, name="carol", number="+32470000003")}, {}),
    ],
)  # fmt: skip
def test_whose_number_has_changed(today: dict[str, object], changed: dict[str, str]) -> None:
    before = Configured({"alice": ALICE.number, "bob": BOB.number})

    assert numbers_changed(before, Directory(today)) == changed  # type: ignore[arg-type]

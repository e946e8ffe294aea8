"""Who can be texted: by which gateway, since when, and whom somebody relies on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from workbench import ALICE, BOB, NOON, a_plan

from sms_notify.policy.bars import Breaker
from sms_notify.policy.directory import Directory, Target, TargetKind
from sms_notify.policy.number_trials import NumberTrial
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.rotations import Layer, Rotation, Schedule, Shift
from sms_notify.policy.ways import WayState, everybody, needed, reach_of

EARLIER, LATER = NOON - timedelta(hours=2), NOON - timedelta(hours=1)
GATEWAYS = ("main", "backup")


def broken(scope: Scope, subject: str = "", gateway: str = "main") -> Breaker:
    return Breaker(gateway, scope, subject, LATER, 106, 0)


def tried(good_since: datetime | None, gateway: str = "main") -> NumberTrial:
    return NumberTrial(gateway, ALICE.number, NOON, good_since)


@pytest.mark.parametrize(
    ("breakers", "trials", "states", "since", "reachable"),
    [
        ([], [], "not_known not_known", None, True),
        ([], [tried(EARLIER)], "ok not_known", EARLIER, True),
        ([], [tried(None)], "not_known not_known", None, True),
        ([broken(Scope.NUMBER, ALICE.number)], [tried(EARLIER)], "refused not_known", LATER, True),
        ([broken(Scope.COUNTRY, "+32")], [tried(None)], "refused not_known", LATER, True),
        ([broken(Scope.ACCOUNT)], [tried(EARLIER)], "closed not_known", LATER, True),
        ([broken(Scope.CREDITS)], [], "closed not_known", LATER, True),
        ([broken(Scope.NUMBER, BOB.number), broken(Scope.SENDER, "ACME")], [], "not_known not_known", None, True),
        ([broken(Scope.NUMBER, ALICE.number), broken(Scope.ACCOUNT, "", "backup")], [], "refused closed", LATER, False),
        ([broken(Scope.ACCOUNT), broken(Scope.CREDITS, "", "backup")], [], "closed closed", LATER, False),
    ],
)  # fmt: skip
def test_somebody_is_reachable_as_long_as_one_gateway_may_take_a_text(
    breakers: list[Breaker],
    trials: list[NumberTrial],
    states: str,
    since: datetime | None,
    reachable: bool,
) -> None:
    (found,) = reach_of([ALICE], GATEWAYS, breakers, trials)

    assert [way.state for way in found.ways] == [WayState(word) for word in states.split()]
    assert found.ways[0].since == since
    assert found.reachable is reachable


def test_without_a_gateway_nobody_is_reachable() -> None:
    assert [one.reachable for one in reach_of([ALICE], (), (), ())] == [False]


def test_everybody_is_the_people_and_each_bare_number_once() -> None:
    directory = Directory({"alice": ALICE, "bob": BOB})
    targets = [
        Target(TargetKind.NUMBER, "+32470000099"),
        Target(TargetKind.NUMBER, ALICE.number),
        Target(TargetKind.GROUP, "ops"),
    ]

    assert [one.name for one in everybody(directory, targets)] == ["alice", "bob", "+32470000099"]


@pytest.mark.parametrize(
    ("kind", "name", "numbers"),
    [
        (TargetKind.PERSON, "alice", {ALICE.number}),
        (TargetKind.TEAM, "dba", {BOB.number}),
        (TargetKind.NUMBER, "+32470000099", {"+32470000099"}),
        (TargetKind.GROUP, "ops", set()),
        (TargetKind.SCHEDULE, "primary", {BOB.number}),
        (TargetKind.SCHEDULE, "secondary", {ALICE.number}),  # by an override alone
    ],
)
def test_somebody_relies_on_whoever_a_target_may_ever_mean(
    kind: TargetKind, name: str, numbers: set[str]
) -> None:
    rotation = Layer(Rotation(("bob", "carol"), 7, NOON.date()))
    schedules = {"primary": Schedule("primary", layers=(rotation,)), "secondary": Schedule("secondary")}
    plan = replace(a_plan(), schedules=schedules)
    overrides = {"secondary": [Shift("alice", NOON, NOON + timedelta(hours=1))]}

    assert needed(plan, [Target(kind, name)], overrides) == numbers

"""What a configuration says: how long texts live, who may be texted, and what stands in for what it names no more."""

from __future__ import annotations

from datetime import timedelta

import pytest
from workbench import ALICE, BOB

from sms_notify.alert import Severity
from sms_notify.policy.directory import Directory, Target, TargetKind
from sms_notify.policy.routing import Receiver, Route, Step
from sms_notify.policy.ruleset import Plan, Timing

TO_ALICE, TO_DBA = Target(TargetKind.PERSON, "alice"), Target(TargetKind.TEAM, "dba")
ON_CALL = Target(TargetKind.SCHEDULE, "primary")
STRANGER, ALICES_OWN = Target(TargetKind.NUMBER, "+3225551234"), Target(TargetKind.NUMBER, ALICE.number)
NIGHT_CREW = Target(TargetKind.GROUP, "night")
PEOPLE = Directory({"alice": ALICE, "bob": BOB}, {"dba": ("bob",)})
BOTH = {ALICE.number, BOB.number}


def plan(*receivers: Receiver, directory: Directory = PEOPLE, gateways: tuple[str, ...] = ()) -> Plan:
    return Plan(Route("oncall"), {one.name: one for one in receivers}, directory, gateways=gateways)


def notifying(*targets: Target, name: str = "oncall", steps: tuple[tuple[Target, ...], ...] = ()) -> Receiver:
    return Receiver(name, targets, escalate=tuple(Step(timedelta(minutes=5), step) for step in steps))


@pytest.mark.parametrize(
    ("severity", "hours"),
    [(Severity.CRITICAL, 8), (Severity.WARNING, 2), (Severity.OTHER, 2), (Severity.INFO, 2)],
)
def test_a_critical_text_has_a_life_of_its_own(severity: Severity, hours: int) -> None:
    timing = Timing(expire=timedelta(hours=2), expire_critical=timedelta(hours=8))

    assert timing.expiry(severity) == timedelta(hours=hours)


def test_a_critical_text_lives_longer_than_the_rest_where_nothing_is_said() -> None:
    assert Timing().expiry(Severity.CRITICAL) > Timing().expiry(Severity.WARNING) > Timing().report_timeout


@pytest.mark.parametrize(("gateways", "first"), [((), ""), (("main",), "main"), (("spare", "main"), "spare")])
def test_texts_leave_first_by_the_gateway_that_is_named_first(gateways: tuple[str, ...], first: str) -> None:
    assert plan(gateways=gateways).gateway == first


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("oncall", notifying(TO_ALICE)),
        ("gone", Receiver("gone")),
        ("", Receiver("")),
    ],
)
def test_a_receiver_that_the_configuration_names_no_more_tells_nobody(name: str, expected: Receiver) -> None:
    assert plan(notifying(TO_ALICE)).receiver(name) == expected


def test_a_receiver_that_is_named_no_more_still_tells_the_ends_that_are_owed() -> None:
    gone = plan().receiver("gone")

    assert (gone.notify, gone.escalate, gone.send_resolved, gone.template) == ((), (), True, "default")


@pytest.mark.parametrize(
    ("receivers", "targets"),
    [
        ([], ()),
        ([Receiver("nobody")], ()),
        ([notifying(TO_ALICE, TO_DBA)], (TO_ALICE, TO_DBA)),
        ([notifying(TO_ALICE, steps=((TO_DBA,), (ON_CALL,)))], (TO_ALICE, TO_DBA, ON_CALL)),
        (  # all that are told at once, then all later steps
            [notifying(TO_ALICE, steps=((STRANGER,),)), notifying(TO_DBA, name="dba")],
            (TO_ALICE, TO_DBA, STRANGER),
        ),
        ([notifying(TO_ALICE), notifying(TO_ALICE, name="dba")], (TO_ALICE, TO_ALICE)),
    ],
)
def test_whom_receivers_may_tell_at_once_is_named_before_whom_their_steps_may(
    receivers: list[Receiver], targets: tuple[Target, ...]
) -> None:
    assert plan(*receivers).targets() == targets


@pytest.mark.parametrize(
    ("receivers", "more"),
    [
        ([], set()),  # people count whether a receiver names them or not
        ([notifying(TO_ALICE, TO_DBA, ON_CALL)], set()),
        ([notifying(STRANGER)], {"+3225551234"}),
        ([notifying(ALICES_OWN)], set()),
        ([notifying(NIGHT_CREW)], {"group:night"}),
        ([notifying(TO_ALICE, steps=((TO_DBA,), (STRANGER, NIGHT_CREW)))], {"+3225551234", "group:night"}),
        ([notifying(steps=((STRANGER,),), name="empty")], {"+3225551234"}),
        ([notifying(Target(TargetKind.TEAM, "unknown"))], set()),  # a team adds nobody whom `people` lacks
    ],
)
def test_only_numbers_that_the_configuration_names_are_ever_texted(
    receivers: list[Receiver], more: set[str]
) -> None:
    assert plan(*receivers).numbers() == BOTH | more


def test_without_people_only_bare_numbers_and_groups_are_named() -> None:
    assert plan(notifying(STRANGER, NIGHT_CREW), directory=Directory()).numbers() == {
        "+3225551234",
        "group:night",
    }

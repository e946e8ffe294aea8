"""Who stands behind a target."""

from __future__ import annotations

import pytest

from sms_notify.policy.directory import Directory, Person, Target, TargetKind, group_of

ALICE = Person("alice", "+32470000001", "Europe/Brussels", "nl")
BOB = Person("bob", "+31612345678")
PEOPLE = Directory({"alice": ALICE, "bob": BOB}, {"dba": ("bob", "alice"), "web": ("alice",)})


def target(kind: TargetKind, name: str) -> Target:
    return Target(kind, name)


def test_a_team_is_its_members_in_their_order() -> None:
    assert PEOPLE.resolve([target(TargetKind.TEAM, "dba")]) == (BOB, ALICE)


def test_a_person_in_two_teams_is_found_once() -> None:
    targets = [
        target(TargetKind.TEAM, "web"),
        target(TargetKind.TEAM, "dba"),
        target(TargetKind.PERSON, "bob"),
    ]
    assert PEOPLE.resolve(targets) == (ALICE, BOB)


def test_a_bare_number_is_its_owner_where_it_has_one() -> None:
    assert PEOPLE.resolve([target(TargetKind.NUMBER, BOB.number)]) == (BOB,)
    stranger = "+32470000099"
    assert PEOPLE.resolve([target(TargetKind.NUMBER, stranger)]) == (Person(stranger, stranger),)


def test_an_unknown_name_is_an_error_and_never_nobody() -> None:
    for kind in (TargetKind.PERSON, TargetKind.TEAM):
        with pytest.raises(KeyError):
            PEOPLE.resolve([target(kind, "carol")])


def test_a_target_prints_as_the_configuration_writes_it() -> None:
    assert str(target(TargetKind.TEAM, "dba")) == "team:dba"
    assert str(target(TargetKind.NUMBER, "+32470000001")) == "+32470000001"


NIGHT = {"primary": "alice", "secondary": "bob", "empty": None, "gone": "carol"}


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([], ()),
        ([(TargetKind.PERSON, "bob"), (TargetKind.PERSON, "alice")], (BOB, ALICE)),
        ([(TargetKind.SCHEDULE, "primary")], (ALICE,)),
        ([(TargetKind.SCHEDULE, "primary"), (TargetKind.SCHEDULE, "secondary")], (ALICE, BOB)),
        ([(TargetKind.SCHEDULE, "primary"), (TargetKind.TEAM, "web")], (ALICE,)),
        ([(TargetKind.SCHEDULE, "empty")], ()),
        ([(TargetKind.SCHEDULE, "gone")], ()),  # an override for somebody whom a reload has taken away
        ([(TargetKind.SCHEDULE, "empty"), (TargetKind.NUMBER, BOB.number)], (BOB,)),
        ([(TargetKind.NUMBER, ALICE.number), (TargetKind.TEAM, "dba")], (ALICE, BOB)),
        ([(TargetKind.GROUP, "ops")], (Person("gateway-group:ops", "group:ops"),)),
    ],
)
def test_targets_are_people_in_order_each_number_once_and_a_schedule_is_its_holder(
    targets: list[tuple[TargetKind, str]], expected: tuple[Person, ...]
) -> None:
    assert PEOPLE.resolve([Target(*one) for one in targets], NIGHT.get) == expected


def test_where_schedules_cannot_stand_they_name_nobody() -> None:
    assert PEOPLE.resolve([target(TargetKind.SCHEDULE, "primary")]) == ()


@pytest.mark.parametrize(
    ("number", "group"), [("group:ops", "ops"), ("group:", ""), ("+31612345678", None), ("ops", None)]
)
def test_a_group_of_the_gateway_is_told_from_a_number(number: str, group: str | None) -> None:
    assert group_of(number) == group


@pytest.mark.parametrize(("group", "members"), [("dba", (BOB, ALICE)), ("ops", ())])
def test_whom_we_know_of_a_gateways_group_is_the_team_of_the_same_name(
    group: str, members: tuple[Person, ...]
) -> None:
    assert PEOPLE.known_members(group) == members


@pytest.mark.parametrize(("number", "owner"), [(ALICE.number, ALICE), (BOB.number, BOB), ("+3247", None)])
def test_a_number_is_owned_by_whoever_has_it(number: str, owner: Person | None) -> None:
    assert PEOPLE.owner(number) == owner

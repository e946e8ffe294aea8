"""Who stands behind a target."""

from __future__ import annotations

import pytest

from sms_notify.policy.directory import Directory, Person, Target, TargetKind

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

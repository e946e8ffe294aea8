"""Who stands behind a target at a moment: schedules, overrides, and whoever is in no schedule at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from workbench import ALICE, BOB, NOON

from sms_notify.policy.directory import Directory, Target, TargetKind
from sms_notify.policy.roster import Staff, scheduled
from sms_notify.policy.rotations import Schedule, Shift

HOUR = timedelta(hours=1)
TO_ALICE, TO_DBA = Target(TargetKind.PERSON, "alice"), Target(TargetKind.TEAM, "dba")
PRIMARY, SECOND = Target(TargetKind.SCHEDULE, "primary"), Target(TargetKind.SCHEDULE, "second")
MISSING = Target(TargetKind.SCHEDULE, "missing")
STRANGER = Target(TargetKind.NUMBER, "+3225551234")


def shift(person: str | None, first: float, last: float) -> Shift:
    """In hours after noon."""
    return Shift(person, NOON + first * HOUR, NOON + last * HOUR)


STAFF = Staff(
    Directory({"alice": ALICE, "bob": BOB}, {"dba": ("bob",), "all": ("alice", "bob")}),
    {
        "primary": Schedule("primary", calendar=(shift("alice", 0, 8), shift("bob", 8, 16))),
        "second": Schedule("second", calendar=(shift("carol", 0, 8), shift("bob", 8, 16))),
    },
)


@pytest.mark.parametrize(
    ("targets", "overrides", "hour", "names"),
    [
        ([], {}, 1, []),
        ([TO_ALICE], {}, 1, ["alice"]),
        ([PRIMARY], {}, 0, ["alice"]),  # a shift begins at its first moment
        ([PRIMARY], {}, 7.99, ["alice"]),
        ([PRIMARY], {}, 8, ["bob"]),  # and is over at its last
        ([PRIMARY], {}, 16, []),  # nobody holds it any more
        ([PRIMARY], {}, -1, []),
        ([MISSING], {}, 1, []),  # a schedule that is configured no more
        ([SECOND], {}, 1, []),  # held by somebody who is configured no more
        ([PRIMARY, TO_DBA], {}, 1, ["alice", "bob"]),
        ([TO_DBA, PRIMARY], {}, 1, ["bob", "alice"]),
        ([TO_DBA, PRIMARY, SECOND], {}, 9, ["bob"]),  # three ways to one number
        ([STRANGER, PRIMARY], {}, 1, ["+3225551234", "alice"]),
        # Overrides.
        ([PRIMARY], {"primary": [shift("bob", 0, 2)]}, 1, ["bob"]),
        ([PRIMARY], {"primary": [shift("bob", 0, 2)]}, 2, ["alice"]),
        ([PRIMARY], {"second": [shift("bob", 0, 2)]}, 1, ["alice"]),
        ([SECOND], {"second": [shift("alice", 0, 2)]}, 1, ["alice"]),
        ([PRIMARY], {"primary": [shift(None, 0, 2)]}, 1, []),
        ([PRIMARY], {"primary": [shift("bob", 0, 2), shift("alice", 0, 2)]}, 1, ["alice"]),  # given last
        ([PRIMARY], {"primary": [shift("alice", 0, 2), shift("bob", 0, 2)]}, 1, ["bob"]),
        ([MISSING], {"missing": [shift("bob", 0, 2)]}, 1, []),  # an override makes no schedule
    ],
)
def test_a_target_names_whoever_stands_behind_it_now(
    targets: list[Target], overrides: Mapping[str, Sequence[Shift]], hour: float, names: list[str]
) -> None:
    people = STAFF.people(targets, overrides, NOON + hour * HOUR)

    assert [person.name for person in people] == names


@pytest.mark.parametrize(
    ("schedule", "hour", "holder"),
    [("primary", 1, "alice"), ("second", 1, "carol"), ("primary", 20, None), ("missing", 1, None)],
)
def test_a_schedule_is_held_by_its_name_whether_or_not_that_is_somebody_whom_we_know(
    schedule: str, hour: float, holder: str | None
) -> None:
    assert STAFF.holders({}, NOON + hour * HOUR)(schedule) == holder


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([], False),
        ([TO_ALICE, TO_DBA, STRANGER, Target(TargetKind.GROUP, "night")], False),
        ([PRIMARY], True),
        ([TO_ALICE, MISSING], True),
    ],
)
def test_who_is_meant_depends_on_the_time_where_a_schedule_is_among_the_targets(
    targets: list[Target], expected: bool
) -> None:
    assert scheduled(targets) is expected

"""Many critical problems at once: which must be named, and into which pieces a crowd may be cut."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made import a_notification, an_incident
from workbench import NOON, firing

from sms_notify.policy.crowds import NAMED, flat, is_counted, pieces, says_all, to_be_said
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.records import Notification
from sms_notify.policy.vocabulary import Kind
from sms_notify.wording.composed import Composed
from sms_notify.wording.content import Text


def owed(
    id_: int, name: str = "Down", severity: str = "critical", *, over: bool = False, **more: object
) -> Notification:
    alert = firing(name, severity=severity, instance=f"web{id_}")
    return a_notification(an_incident(id_, alert, closed_at=NOON if over else None), **more)  # type: ignore[arg-type]


def crowd(most: int, name: str = "Down", first: int = 1) -> list[Notification]:
    return [owed(id_, name) for id_ in range(first, first + most)]


def named(*ids: int, counted: tuple[int, ...] = ()) -> Composed:
    said = [frozenset(map(tag_of, those)) for those in (ids, counted)]
    return Composed(Text("", 1, 0), named=said[0], counted=said[1])


@pytest.mark.parametrize(
    ("n", "must"),
    [
        (owed(1), True),
        (owed(1, kind=Kind.ESCALATION), True),
        (owed(1, severity="warning"), False),
        (owed(1, over=True), False),
        (owed(1, kind=Kind.RESOLVED), False),
    ],
)
def test_only_what_is_critical_and_open_must_be_said(n: Notification, must: bool) -> None:
    assert to_be_said([n]) == (frozenset((1,)) if must else frozenset())


@pytest.mark.parametrize(
    ("n", "must"),
    [(owed(1, kind=Kind.REMINDER), False), (owed(2, kind=Kind.REMINDER), True), (owed(1), True)],
)
def test_what_a_text_has_counted_is_only_reminded_of(n: Notification, must: bool) -> None:
    assert bool(to_be_said([n], frozenset((1,)))) is must


def test_reminders_of_what_was_counted_are_one_piece_whatever_they_are_so_many() -> None:
    listed = [replace(n, kind=Kind.REMINDER) for n in crowd(12)]
    every = frozenset(range(1, 13))

    assert [len(piece) for piece in pieces(listed, every)] == [12]
    assert says_all(listed, named(), counted=False, known=every)
    assert not says_all(listed, named(), counted=False, known=every - {5})


def test_above_36_problems_are_counted_whatever_else_is_told_with_them() -> None:
    twice, others = crowd(1), [owed(60, severity="warning"), owed(61, over=True)]

    assert not is_counted([*crowd(NAMED), *twice, *others])
    assert is_counted(crowd(NAMED + 1))


@pytest.mark.parametrize(
    ("text", "counted", "all_said"),
    [
        (named(1, 2), False, True),
        (named(1, 2, 3), False, True),
        (named(1), False, False),
        (named(1, counted=(1, 2)), False, False),  # a counted critical one is not said
        (named(1, counted=(1, 2)), True, True),
        (named(counted=(1,)), True, False),
    ],
)
def test_a_text_says_all_where_it_names_each_or_counts_the_kinds_of_a_crowd(
    text: Composed, counted: bool, all_said: bool
) -> None:
    listed = [owed(1), owed(2), owed(3, severity="warning"), owed(4, over=True)]

    assert says_all(listed, text, counted=counted) is all_said


def ids(listed: list[Notification]) -> list[list[int]]:
    return [[n.incident_id for n in piece] for piece in pieces(listed)]


def test_up_to_36_each_is_a_piece_the_newest_first_and_the_others_are_the_last_piece() -> None:
    older = replace(an_incident(9, firing("Down")), opened_at=NOON.replace(hour=1))
    listed = [owed(1), owed(2), a_notification(older), owed(3, severity="warning"), owed(4, over=True)]

    assert ids(listed) == [[2], [1], [9], [3, 4]]


def test_what_is_owed_twice_of_one_problem_is_one_piece() -> None:
    assert ids([owed(1), owed(1, kind=Kind.ESCALATION)]) == [[1, 1]]


def test_above_36_each_kind_is_a_piece_the_largest_first_and_what_has_no_name_is_a_kind_by_itself() -> None:
    listed = [
        *crowd(10, "Small"),
        *crowd(30, "Large", 11),
        owed(50, ""),
        owed(51, ""),
        owed(52, "Warm", "warning"),
    ]

    assert [len(piece) for piece in pieces(listed)] == [30, 10, 1, 1, 1]
    assert pieces(listed)[-1][0].incident_id == 52


@pytest.mark.parametrize("most", [0, 1, 36, 37])
def test_no_piece_is_lost(most: int) -> None:
    listed = [*crowd(most), owed(99, severity="warning")]

    assert sorted(n.incident_id for n in flat(pieces(listed))) == sorted(n.incident_id for n in listed)

"""What waits for its lane, what goes along with what does not, and what is looked at when it falls due."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from batches import (
    BEGUN,
    CRITICAL,
    MERGED,
    PAST,
    PLAN,
    REST,
    SOON,
    Texts,
    at,
    batching,
    held,
    limited,
    owed,
    rows_for,
    texts,
    was_held,
)
from workbench import ALICE, BOB, NOON

from sms_notify.policy.batching import joins
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Credits, Lane, LimitScope, Spending, parse_limit
from sms_notify.policy.records import HeldLane, Notification
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Decision, Drop, PageState

LANE = HeldLane(LimitScope.OVERALL, at(-9), at(5), announced=True)
QUARTER = [at(-14)] * 5


@pytest.mark.parametrize(
    ("plan", "lane", "told"),
    [
        (
            PLAN,
            HeldLane("", NOON, at(5), announced=False),
            [(BEGUN, CRITICAL, [2, 1])],
        ),  # by limits that are gone
        (limited("5/15m"), None, [(BEGUN, CRITICAL, [2, 1])]),
        (limited("5/15m"), HeldLane("", NOON, at(5), announced=False), [(BEGUN, CRITICAL, [2])]),
    ],
)
def test_the_rest_does_not_ride_with_critical_news_while_a_storm_of_it_is_held_back(
    plan: Plan, lane: HeldLane | None, told: Texts
) -> None:
    listed = [owed(1), owed(2, "critical")]
    rows = rows_for(*listed, lane=lane)

    assert texts(rows, batching(plan, rows).owe(listed)) == told


@pytest.mark.parametrize(
    ("n", "queue", "lane", "why", "until", "by"),
    [
        (owed(1), {}, LANE, Hold.LIMIT, at(5), LimitScope.OVERALL),
        (owed(1), {"waiting": {(ALICE.number, REST): 1}}, None, Hold.BEHIND, SOON, ""),
        (owed(1), {"left": {(ALICE.number, REST): QUARTER}}, None, Hold.LIMIT, at(1), LimitScope.NUMBER),
        # A text says why it comes late, whatever has held it since.
        (owed(1, why=Hold.QUIET, held_by="night"), {}, LANE, Hold.QUIET, at(5), "night"),
        (was_held(1, why=Hold.LATE), {"waiting": {(ALICE.number, REST): 1}}, None, Hold.LATE, SOON, ""),
        (was_held(1, why=Hold.GROUP, held_by="group_wait"), {}, LANE, Hold.LIMIT, at(5), LimitScope.OVERALL),
    ],
)
def test_what_no_limit_lets_through_waits(
    n: Notification, queue: dict[str, object], lane: HeldLane | None, why: Hold, until: datetime, by: str
) -> None:
    rows = rows_for(n, lane=lane, **queue)

    assert batching(limited("5/15m"), rows).owe([n]) == []
    assert [(n.why, n.due_at, n.held_by) for n in rows.all_held()] == [(why, until, by)]


@pytest.mark.parametrize(
    ("lane", "after", "decided"),
    [
        (None, HeldLane(LimitScope.NUMBER, NOON, at(1), announced=False), [Decision.LIMITED]),
        (replace(LANE, until=NOON), HeldLane(LimitScope.NUMBER, at(-9), at(1), announced=True), []),
    ],
)
def test_a_lane_that_is_held_again_keeps_its_beginning_and_its_promise(
    lane: HeldLane | None, after: HeldLane, decided: list[Decision]
) -> None:
    rows = rows_for(owed(1), lane=lane, left={(ALICE.number, REST): QUARTER})
    batching(limited("5/15m"), rows).owe([owed(1)])

    assert rows.lanes.rows == {(ALICE.number, REST): after}
    assert [one.word for one in rows.decided] == decided


@pytest.mark.parametrize(
    ("severity", "limits", "noted"),
    [
        ("critical", {"credits": Credits(5, None, 0, 0)}, ["/budget/main/credits_per_hour"]),
        ("warning", {"credits": Credits(5, None, 0, 0)}, []),
        ("critical", {"critical": "5/15m"}, []),
    ],
)
def test_critical_news_that_cannot_be_paid_for_is_our_own_problem(
    severity: str, limits: dict[str, object], noted: list[str]
) -> None:
    left = {(ALICE.number, CRITICAL): QUARTER}
    rows = rows_for(owed(1, severity), left=left, spent=[Spending(at(-5), 5)])

    assert batching(limited(**limits), rows).owe([owed(1, severity)]) == []  # type: ignore[arg-type]
    assert [note.name for note in rows.notes] == noted


DUE = was_held(1)
URGENT, URGENT_LATE = was_held(1, "critical", why=Hold.NOW), was_held(1, "critical", why=Hold.LATE)


@pytest.mark.parametrize(
    ("due", "other", "lane", "joins"),
    [
        (DUE, was_held(2), None, True),
        (DUE, was_held(2, why=Hold.BEHIND), None, True),
        (DUE, was_held(2, why=Hold.GROUP), None, True),
        (DUE, was_held(2, why=Hold.QUIET), None, False),
        (DUE, was_held(2, why=Hold.FLAPPING), None, False),
        (DUE, was_held(2, person=BOB), None, False),
        (DUE, was_held(2, "critical"), None, False),  # in the other lane
        (DUE, was_held(2, receiver="quiet"), None, True),
        (DUE, was_held(2, receiver="dba"), None, False),  # held by a limit of its own, which was not asked
        (was_held(1, receiver="dba"), was_held(2, receiver="dba"), None, True),
        (was_held(1, why=Hold.GROUP), was_held(2), None, False),  # no limit held it
        (was_held(1, why=Hold.GROUP), was_held(2), PAST, True),  # but its lane was held
        (was_held(1, why=Hold.LATE), was_held(2, why=Hold.LATE), None, True),
        (URGENT, was_held(2, "critical", why=Hold.GROUP), None, True),
        (URGENT, was_held(2, "critical", receiver="dba"), None, True),  # such limits are for the rest
        (URGENT, was_held(2, "critical", why=Hold.MUTED), None, False),
        (URGENT_LATE, was_held(2, why=Hold.LATE), None, True),  # what is late comes in one text
        (URGENT_LATE, was_held(2), None, False),
        (URGENT, was_held(2, why=Hold.LATE), None, False),
    ],
)
def test_what_only_waits_for_its_group_or_for_a_limit_goes_along(
    due: Notification, other: Notification, lane: HeldLane | None, joins: bool
) -> None:
    waits = replace(other, due_at=at(5))
    rows = rows_for(due, waits, lane=lane)
    dba = replace(PLAN.receivers["dba"], limits=(parse_limit("9/1h"),))
    plan = limited("5/15m")
    told = batching(replace(plan, receivers={**plan.receivers, "dba": dba}), rows).owe([due])

    assert sorted(n.incident_id for n, _ in told) == ([1, 2] if joins else [1])


@pytest.mark.parametrize(
    ("lane", "why", "was_held", "along"),
    [
        (REST, Hold.NOW, False, False),
        (REST, Hold.NOW, True, True),
        (REST, Hold.LIMIT, False, True),
        (REST, Hold.LATE, False, True),
        (REST, Hold.QUIET, False, False),
        (CRITICAL, Hold.NOW, False, True),
    ],
)
def test_what_is_held_goes_along_with_what_is_critical_or_was_held_by_limits(
    lane: Lane, why: Hold, was_held: bool, along: bool
) -> None:
    assert joins(lane, [owed(1), owed(2, why=why)], was_held=was_held) is along


@pytest.mark.parametrize(
    ("n", "lane", "dropped"),
    [
        (was_held(1, over=True), PAST, True),
        (was_held(1, over=True), replace(PAST, announced=True), False),
        (was_held(1), PAST, False),
    ],
)
def test_what_came_and_went_while_it_was_held_for_a_moment_is_told_to_nobody(
    n: Notification, lane: HeldLane, dropped: bool
) -> None:
    rows = rows_for(n, lane=lane)
    told = batching(limited("5/15m"), rows).owe([n])
    after = rows.notifications.rows[1]

    assert (after.state, bool(told)) == ((PageState.DROPPED, False) if dropped else (PageState.TOLD, True))
    assert rows.lanes.rows == {}
    assert after.why is Drop.RESOLVED or not dropped


@pytest.mark.parametrize(
    ("lane", "told"),
    [(PAST, [2]), (None, [2]), (replace(PAST, announced=True), [1, 2])],
)
def test_of_what_came_and_went_a_text_counts_what_its_reader_was_told_to_be_held(
    lane: HeldLane | None, told: list[int]
) -> None:
    listed = [was_held(1, over=True), was_held(2)]
    rows = rows_for(*listed, lane=lane)

    assert [n.incident_id for n, _ in batching(limited("5/15m"), rows).owe(listed)] == told


def test_a_lane_with_nothing_due_is_left_as_it_is() -> None:
    rows = rows_for(was_held(1, due_at=SOON), left={(ALICE.number, REST): QUARTER})
    batching(limited("5/15m"), rows).flush([(ALICE.number, REST)])

    assert (rows.lanes.rows, rows.decided) == ({}, [])


BOTH_LANES = [(ALICE.number, REST), (ALICE.number, CRITICAL)]


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([was_held(1), was_held(2, "critical")], [(BEGUN, CRITICAL, [2]), (BEGUN, REST, [1])]),
        ([was_held(1, due_at=SOON), was_held(2, "critical")], [(BEGUN, CRITICAL, [2])]),
        (
            [was_held(1, why=Hold.LATE), was_held(2, "critical", why=Hold.LATE)],
            [(MERGED, CRITICAL, [2, 1])],  # and nothing is left for the other lane
        ),
    ],
)
def test_what_has_fallen_due_is_told_the_critical_first(listed: list[Notification], told: Texts) -> None:
    rows = rows_for(*listed)

    assert texts(rows, batching(limited("5/15m"), rows).flush(BOTH_LANES)) == told


@pytest.mark.parametrize(
    ("plan", "lane", "waiting", "until"),
    [
        (limited("5/15m"), None, 0, None),
        (limited("5/15m"), replace(LANE, until=NOON), 0, None),
        (PLAN, LANE, 1, None),  # nothing can hold it
        (limited(critical="5/15m"), LANE, 1, None),
        (limited("5/15m"), LANE, 0, at(5)),
        (limited("5/15m"), None, 1, NOON),  # when the text before it has left, it is looked at again
    ],
)
def test_a_lane_that_must_wait_is_passed_over_and_postponed_where_it_is_known_until_when(
    plan: Plan, lane: HeldLane | None, waiting: int, until: datetime | None
) -> None:
    rows = rows_for(was_held(1), lane=lane, waiting={(ALICE.number, REST): waiting})
    told = batching(plan, rows).flush([(ALICE.number, REST)])

    assert held(rows) == ({1: (Hold.LIMIT, until)} if until else {})
    assert (told == []) is (until is not None)
    assert len(rows.postponed) == (until == at(5))

"""The texts of one lane: what a crowd's texts say, and which silence is announced."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from batches import (
    BEGUN,
    CRITICAL,
    MERGED,
    OVER,
    PAST,
    REST,
    at,
    batching,
    held,
    limited,
    owed,
    rows_for,
    texts,
    trouble,
    was_held,
)
from made import a_notification, an_incident
from workbench import ALICE, NOON, firing

from sms_notify.policy.allowance import AT_ONCE, Leave
from sms_notify.policy.drafting import LaneBatch
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import UNLIMITED, Lane, LimitScope
from sms_notify.policy.records import HeldLane, Notification
from sms_notify.policy.vocabulary import Kind
from sms_notify.wording.templates import compile_template


def crowd(most: int, *, names: int = 1, **more: object) -> list[Notification]:
    """So many critical problems of so many kinds, at places with short names, the last one the newest."""
    return [
        a_notification(
            an_incident(id_, firing(f"Kind{id_ % names:02}", instance=f"w{id_:02}")), id_=0, **more
        )  # type: ignore[arg-type]
        for id_ in range(1, most + 1)
    ]


def bodies(listed: list[Notification], critical: str = "2/1m", **plan: object) -> list[str]:
    rows = rows_for(*listed)
    written = batching(replace(limited(critical=critical), **plan), rows).owe(listed)  # type: ignore[arg-type]
    return [rows.messages.rows[id_].body for id_ in dict.fromkeys(id_ for _, id_ in written)]


def test_the_first_text_of_a_crowd_says_how_many_there_are_and_the_next_how_many_are_left() -> None:
    first, second = bodies(crowd(36, names=36))

    told = re.match(r"FIRING critical (\d+) of 36: Kind00 w36; Kind35 w35; ", first)
    assert told
    assert re.match(rf"FIRING critical \d+ of {36 - int(told[1])} left: ", second)


def test_a_crowd_that_one_text_names_is_told_in_one() -> None:
    (text,) = bodies(crowd(20))

    assert text.startswith("FIRING critical 20x Kind00: ")
    assert all(f"w{id_:02}" in text for id_ in range(1, 21))


def test_more_than_36_are_told_kind_by_kind_with_as_many_places_as_fit() -> None:
    (text,) = bodies(crowd(90, names=3))

    assert re.match(r"FIRING critical 90x: 30x Kind0. w\d\d, ", text)
    assert [text.count(f"30x Kind0{kind}") for kind in range(3)] == [1, 1, 1]


def test_of_more_than_36_kinds_those_that_have_no_room_stay_owed() -> None:
    listed = crowd(40, names=40)
    rows = rows_for(*listed)
    told = batching(limited(critical="1/1m"), rows).owe(listed)

    body = rows.messages.rows[told[0][1]].body
    assert body.startswith(f"FIRING critical {len(told)} of 40: ")
    assert len(held(rows)) == 40 - len(told) > 0
    assert all(n.subject.alert.labels["alertname"] in body for n, _ in told)


def test_a_crowd_that_somebody_escalated_says_so() -> None:
    first, _ = bodies(crowd(36, names=36, kind=Kind.ESCALATION, nth=1))

    assert first.startswith("ESCALATED critical ")


def test_a_template_has_no_say_in_a_crowd_that_it_does_not_name() -> None:
    short = {"default": compile_template("default", "{{ alertname }} {{ instance }}")}

    assert bodies(crowd(2, names=2), templates=short)[0].startswith("2x Kind01, Kind00 w01, w02")
    assert bodies(crowd(30, names=30), templates=short)[0].startswith("FIRING critical ")


@pytest.mark.parametrize(("slots", "most"), [(1, 1), (3, 3), (9, AT_ONCE), (UNLIMITED, UNLIMITED)])
def test_so_many_texts_leave_at_once_and_no_more(slots: int, most: int) -> None:
    assert LaneBatch(ALICE.number, REST, Leave(slots, NOON, "", ()), None).most == most


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([owed(1, kind=OVER, over=True, bundle=name) for name in "ab"], OVER),
        ([owed(1, kind=OVER, over=True), owed(2, bundle="b")], MERGED),
    ],
)
def test_a_merged_text_of_ends_alone_is_an_end(listed: list[Notification], told: Kind) -> None:
    listed = [
        replace(n, subject=trouble(id_, over=n.subject.ended).subject) for id_, n in enumerate(listed, 1)
    ]
    rows = rows_for(*listed)

    assert [kind for kind, _, _ in texts(rows, batching(limited("1/1m"), rows).owe(listed))] == [told]


def test_an_end_makes_no_text_urgent() -> None:
    listed = [owed(1, "critical", kind=OVER, over=True), owed(2, bundle="b")]
    rows = rows_for(*listed)
    ((_, id_), *_) = batching(limited("1/1m"), rows).owe(listed)

    assert (rows.messages.rows[id_].severity.value, rows.messages.rows[id_].rank) == ("warning", 1)


SILENT = HeldLane(LimitScope.NUMBER, NOON, at(9), announced=True)


@pytest.mark.parametrize(
    ("severity", "other", "words"),
    [
        ("warning", None, "other texts 13:03"),
        ("warning", SILENT, "next text 13:03"),
        ("warning", replace(SILENT, until=at(2)), "other texts 13:03"),
        ("critical", None, "next critical text 13:03"),
        ("critical", SILENT, "next text 13:03"),
    ],
)
def test_a_silence_is_said_of_nothing_that_may_come_before(
    severity: str, other: HeldLane | None, words: str
) -> None:
    n = owed(1, severity)
    rows = rows_for(n, lane=other, of=REST if severity == "critical" else CRITICAL)
    ((_, id_),) = batching(limited("1/3m", "1/3m"), rows).owe([n])

    assert words in rows.messages.rows[id_].body


def test_critical_news_after_a_silence_is_told_like_news() -> None:
    n = was_held(1, "critical")
    rows = rows_for(n, lane=replace(PAST, announced=True), of=CRITICAL)
    ((_, id_),) = batching(limited(critical="9/1h"), rows).owe([n])

    assert rows.messages.rows[id_].kind is BEGUN
    assert rows.messages.rows[id_].body.startswith("FIRING critical Trouble")


# Ends of what was texted as critical.


def end(id_: int, **more: object) -> Notification:
    return owed(id_, "critical", kind=OVER, over=True, row_lane=Lane.ENDS, **more)


@pytest.mark.parametrize(
    ("critical", "queue", "lane", "told"),
    [
        ("2/1m", {}, None, True),
        ("2/1m", {"waiting": {(ALICE.number, CRITICAL): 1}}, None, False),  # critical news is on its way
        ("2/1m", {"waiting": {(ALICE.number, REST): 1}}, None, True),
        ("2/1m", {"left": {(ALICE.number, CRITICAL): [NOON] * 2}}, None, False),  # the same limits
        ("2/1m", {"left": {(ALICE.number, Lane.ENDS): [NOON]}}, None, False),  # half of them
        ("4/1m", {"left": {(ALICE.number, Lane.ENDS): [NOON]}}, None, True),
        ("1/1m", {}, None, True),  # at least one
        ("2/1m", {"left": {(ALICE.number, REST): [NOON] * 9}}, None, True),
        ("2/1m", {"held": {(ALICE.number, CRITICAL)}}, PAST, False),  # critical news may leave, and has not
        ("2/1m", {"held": {(ALICE.number, CRITICAL)}}, None, True),  # that waits for no limit
    ],
)
def test_an_end_has_half_of_the_limits_for_critical_after_what_begins(
    critical: str, queue: dict[str, object], lane: HeldLane | None, told: bool
) -> None:
    rows = rows_for(end(1), lane=lane, of=CRITICAL, **queue)
    written = batching(limited("1/1m", critical), rows).owe([end(1)])

    assert texts(rows, written) == ([(OVER, Lane.ENDS, [1])] if told else [])
    assert bool(held(rows)) is not told


def test_ends_that_were_held_are_told_together_when_they_may() -> None:
    listed = [replace(end(id_), id=id_, why=Hold.LIMIT, bundle=f"b{id_}") for id_ in (1, 2, 3)]
    rows = rows_for(*listed)

    assert texts(rows, batching(limited(critical="2/1m"), rows).owe(listed)) == [(OVER, Lane.ENDS, [1, 2, 3])]


def test_an_end_of_the_rest_rides_with_a_critical_one_of_its_group() -> None:
    listed = [owed(1, kind=OVER, over=True), end(2)]
    rows = rows_for(*listed)

    assert texts(rows, batching(limited("1/1m", "2/1m"), rows).owe(listed)) == [(OVER, Lane.ENDS, [2, 1])]


def test_an_end_announces_no_silence() -> None:
    rows = rows_for(end(1))
    ((_, id_),) = batching(limited(critical="1/1h"), rows).owe([end(1)])

    assert "text" not in rows.messages.rows[id_].body
    assert rows.lanes.rows == {}

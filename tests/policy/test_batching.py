"""From what people are to hear to texts: what is told together, in which words, and how it is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from batches import (
    BEGUN,
    CRITICAL,
    MERGED,
    OVER,
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
    with_oncall,
)
from workbench import ALICE, BOB, NOON

from sms_notify.alert import Severity
from sms_notify.policy.batching import joins
from sms_notify.policy.bundles import FLAPPING
from sms_notify.policy.directory import Directory, Person
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Credits, Lane, LimitScope
from sms_notify.policy.records import HeldLane, Notification
from sms_notify.policy.routing import Step
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Kind, PageState
from sms_notify.wording.templates import compile_template

DUTCH = replace(ALICE, language="nl")


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([owed(1)], [(BEGUN, REST, [1])]),
        ([owed(1), owed(2)], [(BEGUN, REST, [1, 2])]),
        ([owed(1), owed(2, bundle="b")], [(BEGUN, REST, [1]), (BEGUN, REST, [2])]),
        ([owed(1), owed(2, receiver="dba")], [(BEGUN, REST, [1]), (BEGUN, REST, [2])]),
        ([owed(1), owed(2, kind=OVER, over=True)], [(BEGUN, REST, [1]), (OVER, REST, [2])]),
        ([owed(1), owed(2, person=BOB)], [(BEGUN, REST, [1]), (BEGUN, REST, [2])]),
        ([owed(1, due_at=SOON), owed(2)], [(BEGUN, REST, [2])]),
        ([owed(1, why=Hold.LATE), owed(2, why=Hold.LATE, receiver="dba")], [(MERGED, REST, [1, 2])]),
        (
            [owed(1, why=Hold.LATE), owed(2)],
            [(BEGUN, REST, [1]), (BEGUN, REST, [2])],
        ),  # what is news is not late
        ([owed(1, bundle=FLAPPING)], [(BEGUN, REST, [1])]),
        # Critical news and the rest.
        ([owed(1), owed(2, "critical", bundle="b")], [(BEGUN, CRITICAL, [2]), (BEGUN, REST, [1])]),
        ([owed(1), owed(2, "critical")], [(BEGUN, CRITICAL, [2, 1])]),  # it rides along
        ([owed(1, "critical", kind=OVER, over=True)], [(OVER, REST, [1])]),
    ],
)
def test_what_is_due_is_told_by_bundles_the_critical_first(listed: list[Notification], told: Texts) -> None:
    rows = rows_for(*listed)

    assert texts(rows, batching(PLAN, rows).owe(listed)) == told


def test_what_is_not_due_is_written_down_with_what_holds_it() -> None:
    n = owed(1, due_at=at(5), why=Hold.QUIET, held_by="night")
    rows = rows_for(n)

    assert batching(limited("1/1m"), rows).owe([n]) == []
    assert [(n.due_at, n.why, n.held_by, n.row_lane) for n in rows.all_held()] == [
        (at(5), Hold.QUIET, "night", REST)
    ]


@pytest.mark.parametrize(
    ("plan", "bundles", "lane", "told"),
    [
        (PLAN, "abcdefgh", None, 8),
        (limited("50/1h"), "abc", None, 3),
        (limited("50/1h"), "abcd", None, 1),  # three at once, no more
        (limited("2/1h"), "ab", None, 2),
        (limited("2/1h"), "abc", None, 1),
        (limited("2/1h"), "aaa", None, 1),
        (limited("50/1h"), "a", replace(PAST, announced=True), 1),
        (limited("50/1h"), "ab", replace(PAST, announced=True), 1),  # the text that closes a silence
    ],
)
def test_a_text_for_each_bundle_where_there_is_room_and_else_one_digest(
    plan: Plan, bundles: str, lane: HeldLane | None, told: int
) -> None:
    listed = [owed(nth, bundle=name) for nth, name in enumerate(bundles, 1)]
    rows = rows_for(*listed, lane=lane)
    written = texts(rows, batching(plan, rows).owe(listed))

    assert len(written) == told
    assert sorted(id_ for _, _, ids in written for id_ in ids) == [n.incident_id for n in listed]
    assert (written[0][0] is MERGED) is (lane is not None or told < len(set(bundles)))


@pytest.mark.parametrize(
    ("severity", "limit", "listed", "kind", "silence"),
    [
        ("warning", "1/2m", 2, BEGUN, None),  # two minutes are not worth a word
        ("warning", "1/3m", 1, BEGUN, HeldLane(LimitScope.NUMBER, NOON, at(3), announced=False)),
        ("warning", "1/3m", 2, MERGED, HeldLane(LimitScope.NUMBER, NOON, at(3), announced=True)),
        ("critical", "1/3m", 2, BEGUN, HeldLane(LimitScope.NUMBER_CRITICAL, NOON, at(3), announced=False)),
    ],
)
def test_the_text_before_a_silence_says_so_and_owes_another_where_it_says_that_more_is_held(
    severity: str, limit: str, listed: int, kind: Kind, silence: HeldLane | None
) -> None:
    news = [owed(id_, severity) for id_ in range(1, listed + 1)]
    rows = rows_for(*news, lane=PAST, of=CRITICAL if severity == "critical" else REST)
    told = batching(limited(limit, limit), rows).owe(news)

    assert [written[0] for written in texts(rows, told)] == [kind]
    assert list(rows.lanes.rows.values()) == ([silence] if silence else [])
    assert ("13:03" in rows.messages.rows[told[0][1]].body) is (silence is not None)


def test_a_crowd_of_which_a_text_leaves_some_is_owed_another() -> None:
    news = [owed(id_, "critical", bundle=str(id_)) for id_ in range(1, 12)]
    rows = rows_for(*news)
    batching(limited(critical="1/1m"), rows).owe(news)

    lane = rows.lanes.rows[ALICE.number, CRITICAL]
    assert lane == HeldLane(LimitScope.NUMBER_CRITICAL, NOON, SOON, announced=True)


def test_of_two_texts_the_one_before_the_silence_announces_it() -> None:
    news = [owed(1), owed(2, bundle="b")]
    rows = rows_for(*news)
    told = batching(limited("2/3m"), rows).owe(news)

    assert ["13:03" in rows.messages.rows[id_].body for _, id_ in told] == [False, True]


@pytest.mark.parametrize(
    ("lane", "since"),
    [(None, "12:30"), (PAST, "12:30"), (replace(PAST, announced=True), "12:51")],
)
def test_a_digest_tells_since_when_things_were_held(lane: HeldLane | None, since: str) -> None:
    listed = [was_held(id_, why=Hold.QUIET, created_at=at(-20 - 10 * id_ % 20)) for id_ in (1, 2)]
    rows = rows_for(*listed, lane=lane)
    batching(limited("50/1h"), rows).owe(listed)

    assert f"since {since}" in rows.ledger[0][0].body


@pytest.mark.parametrize(
    ("urgent", "others", "told"),
    [
        (4, [], [4]),
        (36, [], [4, 4]),
        (37, [], [37]),  # more are counted
        (4, [owed(id_) for id_ in range(60, 100)], [4, 40]),  # of the rest that comes along none needs a name
        (4, [was_held(id_, "critical", over=True) for id_ in range(60, 80)], [4]),  # nothing is owed
        (36, [owed(id_) for id_ in range(60, 100)], [4, 4]),
    ],
)
def test_each_critical_incident_is_named_up_to_36_and_what_has_no_room_waits_a_second(
    urgent: int, others: list[Notification], told: list[int]
) -> None:
    news = [*(owed(id_, "critical") for id_ in range(1, urgent + 1)), *others]
    owed_now = [n for n in news if not n.subject.ended]
    rows = rows_for(*news)
    written = batching(limited(critical="2/1m"), rows).owe(news)

    named = [
        n.subject.alert.labels["instance"] in rows.messages.rows[id_].body
        for n, id_ in written
        if n.incident_id <= urgent <= 36
    ]
    assert all(named)
    assert [len(ids) for _, _, ids in texts(rows, written)] == told
    assert list(held(rows).values()) == [(Hold.BEHIND, SOON)] * (len(owed_now) - sum(told))


@pytest.mark.parametrize(
    ("listed", "severity", "receiver", "expires"),
    [
        ([owed(1)], Severity.WARNING, "oncall", at(60)),
        ([owed(1), owed(2, "critical")], Severity.CRITICAL, "oncall", at(240)),
        ([owed(1, why=Hold.LATE), owed(2, why=Hold.LATE, receiver="dba")], Severity.WARNING, "", at(60)),
    ],
)
def test_a_message_is_as_urgent_as_the_worst_that_it_tells(
    listed: list[Notification], severity: Severity, receiver: str, expires: datetime
) -> None:
    rows = rows_for(*listed)
    ((_, id_), *_) = batching(PLAN, rows).owe(listed)
    message = rows.messages.rows[id_]

    assert (message.severity, message.receiver, message.gateway) == (severity, receiver, "main")
    assert (message.not_before, message.expires_at) == (NOON, expires)
    assert {n.state for n in rows.notifications.rows.values()} == {PageState.TOLD}


CLIMBS = with_oncall(replace(PLAN, ack_url="https://a/"), escalate=(Step(timedelta(minutes=5), ()),))


@pytest.mark.parametrize(
    ("plan", "n", "code"),
    [
        (CLIMBS, owed(1), "c0de"),
        (CLIMBS, owed(1, receiver="dba"), ""),  # nobody else is told next
        (CLIMBS, owed(1, kind=OVER, over=True), ""),
        (CLIMBS, owed(1, kind=OVER), ""),
        (CLIMBS, owed(1, over=True), ""),
        (replace(CLIMBS, ack_url=""), owed(1), ""),
        (PLAN, owed(1), ""),
    ],
)
def test_a_text_says_how_to_acknowledge_where_that_spares_somebody(
    plan: Plan, n: Notification, code: str
) -> None:
    rows = rows_for(n)
    ((_, id_),) = batching(plan, rows).owe([n])
    message = rows.messages.rows[id_]

    assert (message.ack_code, "https://a/c0de" in message.body) == (code, bool(code))


@pytest.mark.parametrize(("per_hour", "parts"), [(None, 2), (50, 2), (2, 1)])
def test_a_text_has_as_many_parts_as_its_receiver_allows_and_one_where_money_is_short(
    per_hour: int | None, parts: int
) -> None:
    plan = with_oncall(limited(credits=Credits(per_hour, None, 0, 0)), max_parts=2, template="long")
    plan = replace(plan, templates={"long": compile_template("long", "text " * 50)})
    rows = rows_for(owed(1))
    ((_, id_),) = batching(plan, rows).owe([owed(1)])

    assert rows.messages.rows[id_].parts == parts


def test_a_template_that_fails_is_noted_beside_the_text() -> None:
    plan = replace(PLAN, templates={"default": compile_template("default", "{{ 1 // 0 }}")})
    rows = rows_for(owed(1))
    batching(plan, rows).owe([owed(1)])

    assert rows.ledger[0][2].detail.startswith("template default: ")


@pytest.mark.parametrize(
    ("person", "people", "zone_and_language"),
    [
        (Person("alice", ALICE.number), (), (False, False)),
        (Person("alice", ALICE.number), (ALICE,), (True, False)),
        (Person("alice", "+32470999999"), (DUTCH,), (True, True)),  # her number is another one by now
        (
            Person(ALICE.number, ALICE.number),
            (DUTCH,),
            (True, True),
        ),  # the configuration has the number alone
    ],
)
def test_it_is_worded_for_the_person_whom_the_directory_knows(
    person: Person, people: tuple[Person, ...], zone_and_language: tuple[bool, bool]
) -> None:
    n, directory = owed(1, person=person), Directory({one.name: one for one in people})
    rows = rows_for(n)
    batching(replace(PLAN, directory=directory), rows).owe([n])
    body = rows.ledger[0][0].body

    assert ("13:00" in body, "sinds" in body) == zone_and_language


def test_several_receivers_have_the_parts_of_the_one_that_allows_most() -> None:
    plan = with_oncall(max_parts=2)
    listed = [owed(id_, why=Hold.LATE, receiver=("dba", "oncall")[id_ % 2]) for id_ in range(30)]
    rows = rows_for(*listed)
    batching(plan, rows).owe(listed)

    assert [message.parts for message, _, _ in rows.ledger] == [2]


@pytest.mark.parametrize(
    ("lane", "why", "was_held", "expected"),
    [
        (Lane.CRITICAL, Hold.NOW, False, True),
        (Lane.REST, Hold.NOW, False, False),
        (Lane.REST, Hold.NOW, True, True),
        (Lane.REST, Hold.QUIET, False, False),
        *((Lane.REST, hold, False, True) for hold in Hold if hold.of_limits),
    ],
)
def test_what_is_held_goes_along_with_what_is_critical_or_was_held_by_a_limit(
    lane: Lane, why: Hold, was_held: bool, expected: bool
) -> None:
    assert joins(lane, [owed(1, why=why)], was_held=was_held) is expected

"""From what people are to hear to texts: one each where the limits allow it, merged into fewer where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_notification, an_incident, rows_with
from workbench import ALICE, BOB, NOON, a_plan, firing

from sms_notify.alert import Severity
from sms_notify.policy.allowance import Allowance
from sms_notify.policy.batching import Batching, Texted, joins
from sms_notify.policy.bundles import FLAPPING
from sms_notify.policy.directory import Directory, Person
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Credits, Lane, Limits, LimitScope, Spending, parse_limit
from sms_notify.policy.records import HeldLane, Incident, Notification, QueueView
from sms_notify.policy.routing import Step
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Decision, Drop, Kind, PageState
from sms_notify.wording.templates import compile_template

CRITICAL, REST = Lane.CRITICAL, Lane.REST
PLAN = a_plan()
DUTCH = replace(ALICE, language="nl")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


SOON = NOON + timedelta(seconds=1)


def limited(rest: str = "", critical: str = "", **more: object) -> Plan:
    listed = [tuple(map(parse_limit, text.split())) for text in (rest, critical)]
    return replace(PLAN, limits=Limits(*listed, **more))  # type: ignore[arg-type]


def with_oncall(plan: Plan = PLAN, **fields: object) -> Plan:
    oncall = replace(plan.receivers["oncall"], **fields)  # type: ignore[arg-type]
    return replace(plan, receivers={**plan.receivers, "oncall": oncall})


def trouble(id_: int, severity: str = "warning", *, over: bool = False) -> Incident:
    alert = firing("Urgency", severity=severity, instance=f"a-host-with-a-long-name-{id_:02}")
    return an_incident(id_, alert, closed_at=NOON if over else None)


def owed(incident_id: int, severity: str = "warning", *, over: bool = False, **more: object) -> Notification:
    """Not written down yet."""
    return a_notification(trouble(incident_id, severity, over=over), **{"id_": 0, **more})  # type: ignore[arg-type]


def was_held(
    incident_id: int, severity: str = "warning", *, over: bool = False, **more: object
) -> Notification:
    return owed(incident_id, severity, over=over, **{"id_": incident_id, "why": Hold.LIMIT, **more})


def incidents_of(listed: Iterable[Notification]) -> list[Incident]:
    known = {n.incident_id: n.subject for n in listed}
    return [trouble(id_, of.alert.severity, over=of.ended) for id_, of in known.items()]


def rows_for(*listed: Notification, lane: HeldLane | None = None, of: Lane = REST, **queue: object) -> Rows:
    """Those with an id were loaded; `lane` is how the lane of alice was left."""
    rows = rows_with(*incidents_of(listed), *(n for n in listed if n.id))
    rows.queue = QueueView(**queue)  # type: ignore[arg-type]
    if lane is not None:
        rows.lanes.load((ALICE.number, of), lane)
    return rows


def batching(plan: Plan, rows: Rows) -> Batching:
    return Batching(plan, Allowance(plan), lambda: "c0de", rows)


Texts = list[tuple[Kind, Lane, list[int]]]


def texts(rows: Rows, told: Sequence[Texted]) -> Texts:
    by_message: dict[int, list[int]] = {}
    for n, message_id in told:
        by_message.setdefault(message_id, []).append(n.incident_id)
    every = [(rows.messages.rows[id_], ids) for id_, ids in by_message.items()]
    return [(message.kind, message.lane, ids) for message, ids in every]


def held(rows: Rows) -> dict[int, tuple[Hold | Drop, datetime]]:
    return {n.incident_id: (n.why, n.due_at) for n in rows.all_held()}


BEGUN, OVER, MERGED = Kind.FIRING, Kind.RESOLVED, Kind.DIGEST


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
        ([owed(1, why=Hold.LATE), owed(2)], [(MERGED, REST, [1, 2])]),
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


LANE = HeldLane(LimitScope.OVERALL, at(-9), at(5), announced=True)
QUARTER = [at(-14)] * 5


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
        ("critical", {"credits": Credits(5, None, 0, 0)}, ["main/budget/credits_per_hour/"]),
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
PAST = HeldLane(LimitScope.NUMBER, at(-9), NOON, announced=False)


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
        ("warning", "1/3m", 1, BEGUN, HeldLane(LimitScope.NUMBER, NOON, at(3), announced=True)),
        ("warning", "1/3m", 2, MERGED, HeldLane(LimitScope.NUMBER, NOON, at(3), announced=True)),
        ("critical", "1/3m", 2, BEGUN, HeldLane(LimitScope.NUMBER_CRITICAL, NOON, at(3), announced=True)),
    ],
)
def test_the_text_before_a_silence_announces_it_and_its_lane_owes_another(
    severity: str, limit: str, listed: int, kind: Kind, silence: HeldLane | None
) -> None:
    news = [owed(id_, severity) for id_ in range(1, listed + 1)]
    rows = rows_for(*news, lane=PAST, of=CRITICAL if severity == "critical" else REST)
    told = batching(limited(limit, limit), rows).owe(news)

    assert [written[0] for written in texts(rows, told)] == [kind]
    assert list(rows.lanes.rows.values()) == ([silence] if silence else [])
    assert ("13:03" in rows.messages.rows[told[0][1]].body) is (silence is not None)


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
        (4, [owed(id_) for id_ in range(60, 100)], [9, 35]),  # of the rest that comes along none needs a name
        (4, [was_held(id_, "critical", over=True) for id_ in range(60, 100)], [44]),  # and what is over
        (36, [owed(id_) for id_ in range(60, 100)], [4, 4]),
    ],
)
def test_each_critical_incident_is_named_up_to_36_and_what_has_no_room_waits_a_second(
    urgent: int, others: list[Notification], told: list[int]
) -> None:
    news = [*(owed(id_, "critical") for id_ in range(1, urgent + 1)), *others]
    rows = rows_for(*news)
    written = batching(limited(critical="2/1m"), rows).owe(news)

    named = [
        n.subject.alert.labels["instance"] in rows.messages.rows[id_].body
        for n, id_ in written
        if n.incident_id <= urgent <= 36
    ]
    assert all(named)
    assert [len(ids) for _, _, ids in texts(rows, written)] == told
    assert list(held(rows).values()) == [(Hold.BEHIND, SOON)] * (len(news) - sum(told))


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

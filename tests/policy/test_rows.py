"""The working set of one step: what it finds, what it lets change, and what becomes free."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_message, a_notification, an_incident, ended, fates, moves, rows_with, told_by
from workbench import ALICE, BOB, NOON, firing

from sms_notify.alert import Severity
from sms_notify.policy.allowed_moment import reached as was_reached
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import Draft, Entry, HeldLane, Member, Timer, TimerKind
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Cause, Drop, Kind, PageState, State
from sms_notify.wording.content import Text

MINUTE = timedelta(minutes=1)
LATER = NOON + 5 * MINUTE
KEY = ("alertmanager", firing().fingerprint)
DISK = an_incident(1)
DRAFT = Draft(
    Kind.FIRING, "oncall", ALICE, Severity.CRITICAL, "main", Text("FIRING", 2, 170), NOON, LATER,
    lane=Lane.CRITICAL,
)  # fmt: skip
WAITING = {"due_at": LATER, "why": Hold.LIMIT, "held_by": "per_number"}


# Incidents.


@pytest.mark.parametrize("loaded", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
def test_the_latest_episode_is_the_newest_in_whatever_order_they_were_loaded(loaded: tuple[int, ...]) -> None:
    rows = rows_with(*(an_incident(id_) for id_ in loaded), an_incident(9, firing("Other")))

    assert [one.id for one in rows.episodes(*KEY)] == [3, 2, 1]
    assert rows.latest(*KEY) == an_incident(3)
    assert rows.latest("icinga", KEY[1]) is None
    assert rows.episodes("alertmanager", "unknown") == []


def test_an_incident_that_opens_is_the_latest_from_then_on() -> None:
    rows = rows_with(an_incident(1))
    opened = [rows.open_incident(an_incident) for _ in range(2)]

    assert [one.id for one in opened] == [1000, 1001]
    assert rows.latest(*KEY) == opened[-1]


@pytest.mark.parametrize(
    ("ids", "newest", "incident"), [([], None, None), ([1, 2], 2, 2), ([2, 1], 2, 2), ([7], 7, None)]
)
def test_an_alert_is_part_of_the_newest_incident_that_it_was_a_member_of(
    ids: list[int], newest: int | None, incident: int | None
) -> None:
    rows = rows_with(an_incident(1), an_incident(2), an_incident(3))
    for id_, name in [*((id_, "disk") for id_ in ids), (3, "other")]:
        rows.members.put((id_, "icinga", name), Member(id_, "icinga", name, None, NOON, NOON))

    member, part = rows.member_of("icinga", "disk"), rows.part_of("icinga", "disk")
    assert (member.incident_id if member else None, part.id if part else None) == (newest, incident)


@pytest.mark.parametrize(
    ("members", "part"),
    [
        ({1: None, 2: None}, 2),  # of two that are open the newest
        ({1: None, 2: LATER}, 1),  # it is told of as over in the newer one
        ({1: LATER, 2: LATER}, 2),
        ({1: None, 4: None}, 1),  # the newest is over
    ],
)
def test_an_alert_is_part_of_what_is_open_and_holds_it_open_rather_than_of_the_newest(
    members: dict[int, datetime | None], part: int
) -> None:
    rows = rows_with(an_incident(1), an_incident(2), ended(an_incident(4)))
    for id_, closed_at in members.items():
        rows.members.put(
            (id_, "icinga", "disk"), Member(id_, "icinga", "disk", None, NOON, NOON, closed_at=closed_at)
        )

    found = rows.part_of("icinga", "disk")
    assert found is not None
    assert found.id == part


# Notifications.


def test_what_is_owed_of_an_incident_comes_in_the_order_in_which_it_was_owed() -> None:
    other = a_notification(an_incident(2), id_=2)
    rows = rows_with(DISK, *(a_notification(DISK, id_=id_) for id_ in (5, 1, 3)), other)
    rows.load_notification(a_notification(DISK, id_=3))  # asked for by two decisions

    assert [n.id for n in rows.of_incident(1)] == [1, 3, 5]
    assert rows.of_incident(9) == []


def test_a_message_tells_what_was_told_by_it_and_is_not_told_by_another_since() -> None:
    text = a_message(7)
    rows = rows_with(DISK, text, *(told_by(text, a_notification(DISK, id_=id_)) for id_ in (1, 2)))
    rows.tell(rows.notifications.rows[1], 8)

    assert ([n.id for n in rows.of_message(7)], [n.id for n in rows.of_message(8)]) == ([2], [1])
    assert rows.notifications.rows[1].state is PageState.TOLD


@pytest.mark.parametrize(
    ("changed", "held", "due"),
    [
        ({}, True, True),
        ({"due_at": LATER}, True, False),
        ({"state": PageState.TOLD}, False, False),
        ({"state": PageState.DROPPED}, False, False),
        ({"person": BOB}, False, False),
        ({"row_lane": Lane.REST}, False, False),  # the lane in which it was written down, whatever rose since
    ],
)
def test_a_lane_holds_what_was_written_down_in_it_and_is_neither_told_nor_dropped(
    changed: dict[str, object], held: bool, due: bool
) -> None:
    n = a_notification(DISK, **changed)
    rows = rows_with(DISK, n)

    assert [one.id for one in rows.held(ALICE.number, Lane.CRITICAL)] == [1] * held
    assert [one.id for one in rows.due(ALICE.number, Lane.CRITICAL)] == [1] * due
    assert len(rows.all_held()) == (n.state is PageState.HELD)
    is_due = n.state is PageState.HELD and n.due_at <= NOON
    assert rows.due_lanes() == ({(n.number, n.row_lane)} if is_due else set())


def test_what_is_held_is_told_as_its_incident_stands_by_now() -> None:
    rows = rows_with(DISK, a_notification(DISK))
    assert not rows.held(ALICE.number, Lane.CRITICAL)[0].subject.ended

    rows.incidents.put(1, ended(DISK))
    assert rows.held(ALICE.number, Lane.CRITICAL)[0].subject.ended


@pytest.mark.parametrize(
    ("changed", "more"),
    [
        ({}, False),
        ({"due_at": LATER, "receiver": "dba", "hidden": 3}, False),
        ({"person": BOB}, True),
        ({"kind": Kind.REMINDER}, True),
        ({"nth": 1}, True),
        ({"subject": an_incident(2).subject}, True),
    ],
)
@pytest.mark.parametrize("was", list(PageState))
def test_nothing_is_written_down_twice_for_one_reader(
    changed: dict[str, object], more: bool, was: PageState
) -> None:
    rows = rows_with(DISK, an_incident(2), a_notification(DISK, state=was))
    n = a_notification(DISK, id_=0, **{"row_lane": Lane.FREE, **changed})

    assert rows.has(n.incident_id, n.number, n.kind, n.nth) is (not more and was is not PageState.DROPPED)
    rows.hold(n, LATER, Hold.QUIET, "night")
    assert [n.id for n in rows.notifications.new] == [1000] * more
    assert all(n.row_lane is n.lane for n in rows.notifications.new)
    assert all((n.due_at, n.why, n.held_by) == (LATER, Hold.QUIET, "night") for n in rows.notifications.new)


@pytest.mark.parametrize("state", list(PageState))
def test_what_was_dropped_is_owed_once_more_in_the_place_that_it_had(state: PageState) -> None:
    text = a_message(7)
    rows = rows_with(DISK, text, a_notification(DISK, state=state, why=Drop.OFF_CALL, row_lane=Lane.REST))
    rows.tell(a_notification(DISK, id_=0, receiver="dba"), text.id)

    again = state is PageState.DROPPED
    n = rows.notifications.rows[1]
    assert (n.state, n.receiver) == ((PageState.TOLD, "dba") if again else (state, "oncall"))
    assert (n.row_lane, n.why) == ((n.lane, Hold.NOW) if again else (Lane.REST, Drop.OFF_CALL))
    assert [n.id for n in rows.of_message(text.id)] == [1] * again
    assert rows.notifications.new == []


@pytest.mark.parametrize(
    ("state", "fate"),
    [
        (PageState.HELD, Drop.UNHEARD),
        (PageState.TOLD, PageState.TOLD),
        (PageState.DROPPED, Hold.NOW),  # as it was loaded
    ],
)
def test_only_what_is_held_can_be_dropped(state: PageState, fate: Drop | Hold | PageState) -> None:
    rows = rows_with(DISK, a_notification(DISK, state=state))
    rows.drop([a_notification(DISK), a_notification(DISK, id_=99)], Drop.UNHEARD)

    assert fates(rows) == {1: fate}


# Messages.


@pytest.mark.parametrize(
    ("state", "ambiguous", "reached", "may_have"),
    [
        (State.QUEUED, 0, True, False),
        (State.QUEUED, 1, True, True),  # tried again after an attempt without an answer
        (State.SUBMITTING, 0, True, True),
        (State.UNKNOWN, 1, True, True),
        (State.SENT, 0, True, True),
        (State.DELIVERED, 0, True, True),
        (State.UNKNOWN_FINAL, 1, True, True),
        (State.NOT_DELIVERED, 0, False, False),
        (State.FAILED, 0, False, False),
        (State.FAILED, 1, False, True),
        (State.CANCELLED, 0, False, False),
        (State.EXPIRED, 0, False, False),
    ],
)
def test_a_reader_is_reached_by_what_is_not_lost(
    state: State, ambiguous: int, reached: bool, may_have: bool
) -> None:
    text = a_message(7, state=state, ambiguous=ambiguous)
    known = told_by(text, a_notification(DISK, message_ambiguous=ambiguous))
    for rows in (rows_with(known), rows_with(text, replace(known, message_state=None, message_ambiguous=9))):
        (n,) = rows.notifications.rows.values()
        assert (rows.state_of(n), was_reached(rows, n)) == (state, reached)
    assert rows_with().may_have_arrived(known) is rows_with(text).may_have_arrived(known) is may_have
    assert not was_reached(rows_with(text), replace(known, state=PageState.HELD))


def test_the_message_in_hand_is_believed_more_than_what_was_known_of_it() -> None:
    told, rows = told_by(a_message(7), a_notification(DISK)), rows_with(a_message(7, created_at=LATER))

    assert (rows.written_at(told), rows_with().written_at(told)) == (LATER, NOON)
    assert rows.written_at(a_notification(DISK)) is rows.state_of(a_notification(DISK)) is None
    rows.move(rows.messages.rows[7], State.FAILED, Entry(Cause.BARRED))
    assert (rows.state_of(told), rows_with().state_of(told)) == (State.FAILED, State.QUEUED)


def queue_of(rows: Rows) -> tuple[bool, bool, int, int, int]:
    lanes = [rows.waits(ALICE.number, lane) for lane in (Lane.CRITICAL, Lane.REST)]
    return (*lanes, rows.parts_waiting(Lane.CRITICAL), rows.waiting_at_all(None), rows.waiting_at_all("dba"))


def test_the_queue_is_known_after_every_move_of_the_step() -> None:
    rest = a_message(7, lane=Lane.REST)
    rows = rows_with(DISK, rest, told_by(rest, a_notification(DISK, receiver="dba")))
    rows.queue.waiting, rows.queue.parts = {(ALICE.number, Lane.REST): 1}, {Lane.CRITICAL: 5}
    rows.queue.waiting_at_all = {None: 4, "dba": 1}
    assert queue_of(rows) == (False, True, 5, 4, 1)

    written = rows.write_message(DRAFT)
    assert queue_of(rows) == (True, True, 7, 4, 1)  # the lane of the critical is in no count of the rest
    rows.move(rest, State.SUBMITTING, Entry(Cause.CLAIMED))
    assert queue_of(rows) == (True, False, 7, 3, 0)
    back = rows.move(rest, State.QUEUED, Entry(Cause.RESEND))
    rows.move(back, State.QUEUED, Entry(Cause.FAIL_OVER))  # handed over while it waits
    assert queue_of(rows) == (True, True, 7, 4, 1)
    rows.move(rows.messages.rows[written], State.CANCELLED, Entry(Cause.SUPERSEDED))
    assert queue_of(rows) == (False, True, 5, 4, 1)
    assert moves(rows)[0] == (1000, State.QUEUED, Cause.ALERT)
    assert moves(rows)[-1] == (1000, State.CANCELLED, Cause.SUPERSEDED)


# What becomes free.


@pytest.mark.parametrize("state", list(State))
def test_a_text_that_never_left_frees_what_waited_for_it(state: State) -> None:
    rows = rows_with(DISK, a_message(7), a_notification(DISK, **WAITING))
    rows.move(rows.messages.rows[7], state, Entry(Cause.BARRED))

    freed = state in (State.FAILED, State.CANCELLED, State.EXPIRED)
    assert rows.freed == [(ALICE.number, Lane.CRITICAL)] * freed
    assert (rows.notifications.rows[1].due_at == NOON) is freed


@pytest.mark.parametrize(
    ("changed", "due_at"),
    [
        ({}, NOON),
        ({"person": BOB}, LATER),
        ({"row_lane": Lane.REST}, LATER),
        ({"person": BOB, "held_by": "overall"}, NOON),  # a limit of all, which anybody's text frees
        ({"row_lane": Lane.REST, "held_by": "credits_per_hour"}, NOON),
        ({"person": BOB, "held_by": "per_number_critical"}, LATER),
        ({"why": Hold.QUIET}, LATER),
        ({"why": Hold.GROUP}, LATER),
        ({"state": PageState.DROPPED}, LATER),
        ({"due_at": NOON - MINUTE}, NOON - MINUTE),
    ],
)
def test_only_what_a_limit_holds_of_the_same_lane_or_of_all_is_asked_again_at_once(
    changed: dict[str, object], due_at: datetime
) -> None:
    rows = rows_with(DISK, a_notification(DISK, **{**WAITING, **changed}))
    rows.free(ALICE.number, Lane.CRITICAL)

    assert rows.notifications.rows[1].due_at == due_at


@pytest.mark.parametrize(
    ("key", "scope", "until", "expected"),
    [
        ((ALICE.number, Lane.CRITICAL), "per_number_critical", LATER, NOON),
        ((ALICE.number, Lane.CRITICAL), "overall", LATER, NOON),
        ((ALICE.number, Lane.CRITICAL), "per_number", NOON - MINUTE, NOON - MINUTE),
        ((ALICE.number, Lane.REST), "per_number", LATER, LATER),
        ((ALICE.number, Lane.REST), "receiver", LATER, NOON),
        ((BOB.number, Lane.CRITICAL), "per_number_critical", LATER, LATER),
        ((BOB.number, Lane.CRITICAL), "reserve_for_critical", LATER, NOON),
    ],
)
@pytest.mark.parametrize("loaded_first", [True, False])
def test_a_lane_is_freed_whether_it_was_loaded_before_or_after(
    key: tuple[str, Lane], scope: str, until: datetime, expected: datetime, loaded_first: bool
) -> None:
    rows, held = rows_with(), HeldLane(scope, NOON, until, True)
    if loaded_first:
        rows.load_lane(key, held)
    rows.free(ALICE.number, Lane.CRITICAL)
    rows.load_lane(key, held)

    assert rows.lane(*key) == HeldLane(scope, NOON, expected, True)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, (LATER, Hold.LIMIT, "overall")),
        ({"why": Hold.GROUP, "held_by": "group_wait"}, (LATER, Hold.LIMIT, "overall")),
        (
            {"why": Hold.QUIET, "held_by": "night"},
            (LATER, Hold.QUIET, "night"),
        ),  # it still says why it is late
        ({"why": Hold.LATE}, (LATER, Hold.LATE, "")),
        ({"due_at": NOON + MINUTE}, (NOON + MINUTE, Hold.NOW, "")),  # not due: it has its own time
        ({"person": BOB}, (NOON, Hold.NOW, "")),
    ],
)
def test_what_is_due_waits_with_its_lane(
    changed: dict[str, object], expected: tuple[datetime, Hold, str]
) -> None:
    rows, held = rows_with(DISK, a_notification(DISK, **changed)), HeldLane("overall", NOON, LATER, False)
    rows.postpone(ALICE.number, Lane.CRITICAL, held)

    n = rows.notifications.rows[1]
    assert (n.due_at, n.why, n.held_by) == expected
    assert rows.postponed == [(ALICE.number, Lane.CRITICAL, held)]


# Timers.


def test_the_next_step_takes_the_place_of_the_one_before_and_none_follows_what_is_over() -> None:
    rows = rows_with()
    first, second = (Timer(1, "oncall", TimerKind.ESCALATE, nth, NOON) for nth in (1, 2))
    remind, elsewhere = replace(first, what=TimerKind.REMIND), replace(first, receiver="dba")
    other = replace(first, incident_id=2)
    for timer in (first, remind, elsewhere, other, second):
        rows.set_timer(timer)
    assert rows.timers_of(1) == [second, remind, elsewhere]

    rows.strike(first)  # by its place, whatever its number
    assert rows.timers_of(1) == [remind, elsewhere]
    rows.strike_turns(1)
    assert (rows.timers_of(1), rows.timers_of(2)) == ([], [other])


@pytest.mark.parametrize("what", list(TimerKind))
def test_only_turns_stop_where_somebody_takes_care_of_it_or_it_is_over(what: TimerKind) -> None:
    rows = rows_with()
    timer = Timer(1, "", what, 1, NOON)
    rows.set_timer(timer)
    rows.strike_turns(1)

    assert rows.timers_of(1) == ([] if what in (TimerKind.ESCALATE, TimerKind.REMIND) else [timer])


@pytest.mark.parametrize(
    ("old", "revived"),
    [
        ({"state": PageState.DROPPED, "why": Drop.NOT_CONFIGURED}, True),
        ({"state": PageState.TOLD, "message_id": 7, "message_state": State.CANCELLED}, True),
        ({"state": PageState.TOLD, "message_id": 7, "message_state": State.SENT}, False),
        ({"state": PageState.DROPPED, "nth": 1}, False),  # another thing
        ({"state": PageState.DROPPED, "person": BOB}, False),
    ],
)
def test_what_told_nobody_is_owed_again_and_nothing_is_written_down_twice(
    old: dict[str, object], revived: bool
) -> None:
    rows = rows_with(DISK, a_notification(DISK, **old))

    assert rows.revive(a_notification(DISK, id_=0)) is revived
    n = rows.notifications.rows[1]
    assert (n.state is PageState.HELD) is revived
    assert not revived or (n.message_id, n.why) == (None, Hold.NOW)

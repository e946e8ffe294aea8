"""What does not leave after all: texts about what has ended, is out of date, or is taken care of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from made import a_message, a_notification, acknowledged, an_incident, ended, fates, moves, rows_with, told_by
from workbench import ALICE, BOB, NOON, firing

from sms_notify.alert import Severity
from sms_notify.policy.cases import Case
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import HeldLane, Incident, Message, Timer, TimerKind
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Cause, Drop, Heard, IncidentState, Kind, PageState, State
from sms_notify.policy.withdrawal import (
    stop_follow_ups,
    supersede,
    take_back_changed,
    take_back_needless_ends,
    take_back_untrue,
    was_texted,
)

OPEN, CARED_FOR, OVER = an_incident(1), acknowledged(an_incident(2)), ended(an_incident(3))
BEGIN, STEP, REMIND, END = Kind.FIRING, Kind.ESCALATION, Kind.REMINDER, Kind.RESOLVED
UNHEARD = Kind.UNHEARD
OTHER = an_incident(9, firing("Other"))
ALIKE = (OPEN, CARED_FOR, OVER, ended(OTHER))
LATER = NOON + timedelta(minutes=5)


def telling(text: Message, *told: tuple[Kind, Incident], person: Person = ALICE, first: int = 1) -> Rows:
    """One message that tells all that."""
    listed = [a_notification(one, person, kind, id_) for id_, (kind, one) in enumerate(told, first)]
    return rows_with(*ALIKE, text, *(told_by(text, n) for n in listed))


def held_now(rows: Rows) -> list[int]:
    return [n.id for n in rows.all_held() if n.due_at == rows.now]


MILDER = replace(OPEN, severity=Severity.WARNING)
FLAPS, SILENT = replace(OPEN, flapping=4), replace(OPEN, state=IncidentState.UNHEARD)


@pytest.mark.parametrize(
    ("kind", "now_is", "fate"),
    [
        (BEGIN, OPEN, None),
        (BEGIN, replace(OPEN, annotations={"summary": "more"}, last_seen_at=NOON), None),  # the same news
        (BEGIN, MILDER, PageState.HELD),
        (BEGIN, FLAPS, PageState.HELD),
        (BEGIN, SILENT, PageState.HELD),
        (BEGIN, acknowledged(OPEN), PageState.HELD),
        (BEGIN, ended(OPEN), Drop.RESOLVED),
        (BEGIN, replace(ended(OPEN), state=IncidentState.CLOSED, closed_by="bob"), Drop.RESOLVED),
        (STEP, MILDER, PageState.HELD),
        (STEP, acknowledged(OPEN), Drop.ACKNOWLEDGED),
        (STEP, ended(OPEN), Drop.RESOLVED),
        (REMIND, FLAPS, PageState.HELD),
        (REMIND, acknowledged(OPEN), Drop.ACKNOWLEDGED),
        (REMIND, ended(OPEN), Drop.RESOLVED),
        (UNHEARD, OPEN, Drop.SUPERSEDED),  # it is heard of again
    ],
)
def test_a_waiting_text_in_which_anything_is_not_true_any_more_is_taken_back_and_the_rest_is_due(
    kind: Kind, now_is: Incident, fate: PageState | Drop | None
) -> None:
    text, beside = a_message(7), a_notification(OTHER, id_=2)
    was = SILENT if kind is UNHEARD else OPEN
    rows = rows_with(
        now_is, OTHER, text, told_by(text, a_notification(was, kind=kind)), told_by(text, beside)
    )
    take_back_untrue(rows, [OPEN.id])

    assert [state for _, state, _ in moves(rows)] == [State.CANCELLED] * (fate is not None)
    assert fates(rows) == {1: fate or PageState.TOLD, 2: PageState.TOLD if fate is None else PageState.HELD}
    assert held_now(rows) == [*([1] if fate is PageState.HELD else []), *([2] if fate else [])]


def test_an_end_that_waits_with_another_is_taken_back_when_its_problem_is_there_again() -> None:
    text, back = a_message(7, kind=END), an_incident(30)
    rows = rows_with(OVER, back, ended(OTHER), text)
    for id_, one in ((1, OVER), (2, ended(OTHER))):
        rows.load_notification(told_by(text, a_notification(one, kind=END, id_=id_)))
    take_back_changed(rows, [Case(back.subject.alert, Heard.FIRST, back.id, NOON)])

    assert fates(rows) == {1: Drop.SUPERSEDED, 2: PageState.HELD}
    assert moves(rows) == [(7, State.CANCELLED, Cause.SUPERSEDED)]


@pytest.mark.parametrize("state", [state for state in State if state is not State.QUEUED])
def test_a_text_that_is_being_sent_or_has_its_end_stays_as_it_is(state: State) -> None:
    rows = telling(a_message(7, state=state), (BEGIN, OVER), (BEGIN, OPEN))
    take_back_untrue(rows, [OVER.id])

    assert (moves(rows), held_now(rows)) == ([], [])


@pytest.mark.parametrize(
    ("told", "state", "cause"),
    [
        ([(BEGIN, OVER)], State.UNKNOWN_FINAL, Cause.RESOLVED_MEANWHILE),
        ([(STEP, CARED_FOR), (BEGIN, OVER)], State.UNKNOWN_FINAL, Cause.ACKNOWLEDGED),
        ([(BEGIN, OVER), (BEGIN, OPEN)], None, None),
    ],
)
def test_a_text_that_may_have_left_once_is_given_up_where_nothing_of_it_is_owed_and_told_by_no_other(
    told: list[tuple[Kind, Incident]], state: State | None, cause: Cause | None
) -> None:
    rows = telling(a_message(7, ambiguous=1), *told)
    take_back_untrue(rows, [OVER.id])

    assert moves(rows) == ([] if state is None else [(7, state, cause)])
    assert held_now(rows) == []


def test_a_text_of_an_earlier_version_says_nobody_knows_what() -> None:
    text = a_message(7)
    rows = rows_with(MILDER, text, replace(told_by(text, a_notification(OPEN)), said=""))
    take_back_untrue(rows, [OPEN.id])

    assert moves(rows) == []


@pytest.mark.parametrize(
    ("why", "by", "kept"),
    [
        (Hold.NOW, "", (Hold.NOW, "")),
        (Hold.LIMIT, "per_number", (Hold.NOW, "")),
        (Hold.QUIET, "night", (Hold.QUIET, "night")),
        (Hold.LATE, "", (Hold.LATE, "")),
        (Hold.UNCONFIRMED, "main", (Hold.UNCONFIRMED, "main")),
    ],
)
def test_what_is_taken_back_says_still_that_it_was_held_for_the_night_or_tried_before(
    why: Hold, by: str, kept: tuple[Hold, str]
) -> None:
    text = a_message(7)
    rows = rows_with(acknowledged(OPEN), text, told_by(text, a_notification(OPEN, why=why, held_by=by)))
    take_back_untrue(rows, [OPEN.id])

    (n,) = rows.all_held()
    assert ((n.why, n.held_by), n.message_id, rows.tried) == (kept, None, [(7, 1)])


def test_what_is_taken_back_frees_the_lane_that_waited_behind_it() -> None:
    rows = telling(a_message(7), (BEGIN, OVER))
    rows.load_lane(
        (ALICE.number, Lane.CRITICAL), HeldLane("per_number_critical", NOON, LATER, announced=False)
    )
    take_back_untrue(rows, [OVER.id])

    assert rows.lanes.rows[ALICE.number, Lane.CRITICAL].until == NOON
    assert not rows.waits(ALICE.number, Lane.CRITICAL)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([(STEP, CARED_FOR)], Cause.ACKNOWLEDGED),
        ([(STEP, CARED_FOR), (BEGIN, OPEN)], Cause.SUPERSEDED),
        ([(REMIND, CARED_FOR), (REMIND, OVER)], Cause.ACKNOWLEDGED),
    ],
)
def test_a_step_or_reminder_that_waits_does_not_leave_once_somebody_takes_care_of_it(
    told: list[tuple[Kind, Incident]], expected: Cause
) -> None:
    rows = telling(a_message(7), *told)
    stop_follow_ups(rows, CARED_FOR.id, Drop.ACKNOWLEDGED)

    assert moves(rows) == [(7, State.CANCELLED, expected)]


def test_what_is_held_of_steps_and_reminders_is_dropped_and_no_other_follows() -> None:
    held = [
        a_notification(CARED_FOR, kind=kind, id_=id_) for id_, kind in enumerate((BEGIN, STEP, REMIND, END))
    ]
    rows = rows_with(*ALIKE, *held, a_notification(OPEN, kind=STEP, id_=9))
    for one in (CARED_FOR, OPEN):
        rows.set_timer(Timer(one.id, "oncall", TimerKind.ESCALATE, 1, NOON))
    rows.set_timer(Timer(CARED_FOR.id, "", TimerKind.CALM, 0, NOON))  # whether it is calm is not a turn
    stop_follow_ups(rows, CARED_FOR.id, Drop.ACKNOWLEDGED)

    held_on = PageState.HELD
    assert fates(rows) == {0: held_on, 1: Drop.ACKNOWLEDGED, 2: Drop.ACKNOWLEDGED, 3: held_on, 9: held_on}
    left = [(timer.incident_id, timer.what) for timer in rows.timers.rows.values()]
    assert left == [(OPEN.id, TimerKind.ESCALATE), (CARED_FOR.id, TimerKind.CALM)]


@pytest.mark.parametrize("held", [BEGIN, STEP, REMIND, END, UNHEARD])
@pytest.mark.parametrize("told", [END, UNHEARD])
def test_neither_an_end_nor_that_nothing_is_heard_of_it_is_told_once_the_problem_is_back(
    held: Kind, told: Kind
) -> None:
    rows = telling(a_message(7), (told, OVER), (END, ended(OTHER)))
    rows.load_notification(a_notification(OVER, BOB, held, 3))
    supersede(rows, OVER.id)

    assert fates(rows)[1] is Drop.SUPERSEDED
    assert fates(rows)[2] is PageState.HELD  # the other end that the text was to tell
    assert fates(rows)[3] == (Drop.SUPERSEDED if held in (END, UNHEARD) else PageState.HELD)
    assert moves(rows) == [(7, State.CANCELLED, Cause.SUPERSEDED)]


@pytest.mark.parametrize(
    ("beginnings", "end", "needless"),
    [
        ([], a_message(8), True),
        ([a_message(7, state=State.FAILED)], a_message(8), True),
        ([a_message(7, state=State.QUEUED)], a_message(8), True),
        ([a_message(7, state=State.QUEUED, ambiguous=1)], a_message(8), False),
        ([a_message(7, state=State.SENT)], a_message(8), False),
        ([a_message(7, state=State.FAILED), a_message(6, state=State.DELIVERED)], a_message(8), False),
        ([], a_message(8, ambiguous=1), False),
        ([], a_message(8, state=State.SENT), False),
    ],
)
@pytest.mark.parametrize("kind", [BEGIN, STEP, REMIND, UNHEARD])
def test_the_end_of_what_a_reader_cannot_have_heard_of_is_needless(
    beginnings: list[Message], end: Message, needless: bool, kind: Kind
) -> None:
    rows = telling(end, (END, OVER), (END, ended(OTHER)), first=20)
    for id_, text in enumerate(beginnings, 1):
        rows.messages.load(text.id, text)
        rows.load_notification(told_by(text, a_notification(OVER, kind=kind, id_=id_)))
    rows.load_notification(told_by(a_message(9, state=State.SENT), a_notification(OVER, BOB, BEGIN, 30)))
    others = a_message(10, BOB)
    rows.messages.load(10, others)
    rows.load_notification(
        told_by(others, a_notification(OVER, replace(BOB, number="+33600000001"), END, 31))
    )
    lost = a_message(5, state=State.CANCELLED)
    rows.load_notification(told_by(lost, a_notification(OVER, kind=STEP, id_=40)))
    take_back_needless_ends(rows, lost)

    # The other end, which the text was to tell as well, is due.
    expected = (
        {20: Drop.RESOLVED, 21: PageState.HELD} if needless else {20: PageState.TOLD, 21: PageState.TOLD}
    )
    assert {id_: fates(rows)[id_] for id_ in (20, 21)} == expected
    assert [(id_, state) for id_, state, _ in moves(rows)] == [(8, State.CANCELLED)] * needless


def test_a_held_end_of_what_a_reader_cannot_have_heard_of_is_dropped() -> None:
    rows = rows_with(OVER, a_notification(OVER, kind=END, id_=2))
    lost = a_message(5, state=State.CANCELLED)
    rows.load_notification(told_by(lost, a_notification(OVER)))
    take_back_needless_ends(rows, lost)

    assert fates(rows)[2] is Drop.RESOLVED


@pytest.mark.parametrize(
    ("told", "texted"),
    [
        ([], False),
        ([(END, a_message(7, state=State.SENT))], True),
        ([(END, a_message(7, state=State.SUBMITTING))], True),
        ([(END, a_message(7, state=State.UNKNOWN_FINAL, ambiguous=1))], True),  # perhaps they read it
        ([(END, a_message(7, state=State.QUEUED))], False),  # it can be taken back
        ([(END, a_message(7, state=State.QUEUED, ambiguous=1))], True),
        ([(END, a_message(7, state=State.FAILED))], False),
        ([(END, a_message(7, state=State.NOT_DELIVERED))], False),
        ([(BEGIN, a_message(7, state=State.SENT))], False),
        ([(UNHEARD, a_message(7, state=State.SENT))], False),
        ([(END, a_message(7, state=State.FAILED)), (END, a_message(8, state=State.SENT))], True),
    ],
)
def test_an_end_was_texted_if_anybody_may_have_read_of_it(
    told: list[tuple[Kind, Message]], texted: bool
) -> None:
    texts = [
        told_by(text, a_notification(OVER, kind=kind, id_=id_, message_ambiguous=text.ambiguous))
        for id_, (kind, text) in enumerate(told, 1)
    ]
    rows = rows_with(OVER, *(text for _, text in told), *texts, a_notification(OVER, BOB, END, 9))

    assert was_texted(rows, OVER.id) is texted

"""What does not leave after all: texts about what has ended, is out of date, or is taken care of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made import a_message, a_notification, acknowledged, an_incident, ended, fates, moves, rows_with, told_by
from workbench import ALICE, BOB, NOON

from sms_notify.policy.directory import Person
from sms_notify.policy.records import Incident, Message, Timer, TimerKind
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Cause, Drop, Kind, PageState, State
from sms_notify.policy.withdrawal import (
    all_ended,
    needless_ends,
    nobody_waits_for,
    stop_follow_ups,
    supersede,
    take_back,
    waiting_follow_ups,
    was_texted,
    withdraw,
)

OPEN, CARED_FOR, OVER = an_incident(1), acknowledged(an_incident(2)), ended(an_incident(3))
BEGIN, STEP, REMIND, END = Kind.FIRING, Kind.ESCALATION, Kind.REMINDER, Kind.RESOLVED
UNHEARD = Kind.UNHEARD
ALIKE = (OPEN, CARED_FOR, OVER)


def telling(text: Message, *told: tuple[Kind, Incident], person: Person = ALICE, first: int = 1) -> Rows:
    """One message that tells all that."""
    listed = [a_notification(one, person, kind, id_) for id_, (kind, one) in enumerate(told, first)]
    return rows_with(*ALIKE, text, *(told_by(text, n) for n in listed))


@pytest.mark.parametrize(
    ("told", "nobody", "over"),
    [
        ([], False, False),  # written by hand: nothing of it can be over
        ([(BEGIN, OPEN)], False, False),
        ([(REMIND, OPEN)], False, False),
        ([(BEGIN, CARED_FOR)], False, False),  # who is on call reads of it, taken care of or not
        ([(STEP, CARED_FOR)], True, False),
        ([(REMIND, CARED_FOR)], True, False),
        ([(END, CARED_FOR)], False, False),
        ([(BEGIN, OVER)], True, True),
        ([(END, OVER)], True, True),
        ([(BEGIN, OVER), (BEGIN, OPEN)], False, False),
        ([(STEP, CARED_FOR), (BEGIN, OPEN)], False, False),
        ([(BEGIN, OVER), (REMIND, CARED_FOR)], True, False),
        ([(BEGIN, OVER), (STEP, OVER)], True, True),
    ],
)
def test_nobody_waits_for_a_text_all_of_which_has_ended_or_is_a_turn_of_what_is_acknowledged(
    told: list[tuple[Kind, Incident]], nobody: bool, over: bool
) -> None:
    rows = telling(a_message(7), *told)

    assert (nobody_waits_for(rows, 7), all_ended(rows, 7)) == (nobody, over)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("kind", [BEGIN, STEP, REMIND, END])
def test_a_follow_up_waits_while_its_text_is_in_the_queue(kind: Kind, state: State) -> None:
    rows = telling(a_message(7, state=state), (kind, OPEN), (kind, CARED_FOR))
    rows.load_notification(told_by(a_message(7), a_notification(OPEN, BOB, kind, 9)))  # one text, listed once

    found = [text.id for text in waiting_follow_ups(rows, OPEN.id)]
    assert found == [7] * (state is State.QUEUED and kind in (STEP, REMIND))


@pytest.mark.parametrize(
    ("text", "told", "expected"),
    [
        (a_message(7), [(STEP, CARED_FOR)], [State.CANCELLED]),
        (a_message(7), [(REMIND, CARED_FOR)], [State.CANCELLED]),
        (a_message(7, ambiguous=1), [(STEP, CARED_FOR)], [State.UNKNOWN_FINAL]),  # perhaps it was read
        (a_message(7, state=State.SENT), [(STEP, CARED_FOR)], []),
        (a_message(7, state=State.SUBMITTING), [(STEP, CARED_FOR)], []),
        (a_message(7), [(STEP, CARED_FOR), (STEP, OPEN)], []),  # it tells something that is still wanted
        (a_message(7), [(STEP, CARED_FOR), (BEGIN, OVER)], [State.CANCELLED]),
        (a_message(7), [(BEGIN, CARED_FOR)], []),
    ],
)
def test_steps_and_reminders_that_have_not_left_do_not_leave(
    text: Message, told: list[tuple[Kind, Incident]], expected: list[State]
) -> None:
    rows = telling(text, *told)
    stop_follow_ups(rows, CARED_FOR.id, Drop.ACKNOWLEDGED, Cause.ACKNOWLEDGED)

    assert moves(rows) == [(7, state, Cause.ACKNOWLEDGED) for state in expected]


def test_what_is_held_of_steps_and_reminders_is_dropped_and_no_other_follows() -> None:
    held = [
        a_notification(CARED_FOR, kind=kind, id_=id_) for id_, kind in enumerate((BEGIN, STEP, REMIND, END))
    ]
    rows = rows_with(*ALIKE, *held, a_notification(OPEN, kind=STEP, id_=9))
    for one in (CARED_FOR, OPEN):
        rows.set_timer(Timer(one.id, "oncall", TimerKind.ESCALATE, 1, NOON))
    rows.set_timer(Timer(CARED_FOR.id, "", TimerKind.CALM, 0, NOON))  # whether it is calm is no turn
    stop_follow_ups(rows, CARED_FOR.id, Drop.ACKNOWLEDGED, Cause.ACKNOWLEDGED)

    held_on = PageState.HELD
    assert fates(rows) == {0: held_on, 1: Drop.ACKNOWLEDGED, 2: Drop.ACKNOWLEDGED, 3: held_on, 9: held_on}
    left = [(timer.incident_id, timer.what) for timer in rows.timers.rows.values()]
    assert left == [(OPEN.id, TimerKind.ESCALATE), (CARED_FOR.id, TimerKind.CALM)]


@pytest.mark.parametrize(
    ("text", "told", "leaves"),
    [
        (a_message(7), [(BEGIN, OPEN)], False),
        (a_message(7), [(BEGIN, OPEN), (REMIND, OPEN)], False),
        (a_message(7), [(BEGIN, OPEN), (BEGIN, OVER)], True),
        (a_message(7, ambiguous=1), [(BEGIN, OPEN)], True),
        (a_message(7, state=State.SUBMITTING), [(BEGIN, OPEN)], True),
        (a_message(7, state=State.SENT), [(BEGIN, OPEN)], True),
        (a_message(8), [(BEGIN, OPEN)], True),  # another message than the one that is asked for
    ],
)
def test_a_text_is_withdrawn_that_waits_and_tells_of_this_incident_alone(
    text: Message, told: list[tuple[Kind, Incident]], leaves: bool
) -> None:
    rows = telling(text, *told)
    withdraw(rows, 7, OPEN.id)

    assert moves(rows) == ([] if leaves else [(7, State.CANCELLED, Cause.SUPERSEDED)])


@pytest.mark.parametrize(
    ("text", "told", "unread", "expected"),
    [
        (a_message(7), [(BEGIN, OVER)], True, State.CANCELLED),
        (a_message(7, ambiguous=1), [(BEGIN, OVER)], False, State.UNKNOWN_FINAL),
        (a_message(7), [(BEGIN, OVER), (BEGIN, OPEN)], False, None),
        (a_message(7, state=State.SUBMITTING), [(BEGIN, OVER)], False, None),
        (a_message(7, state=State.DELIVERED), [(BEGIN, OVER)], False, None),
        (a_message(7, state=State.FAILED), [(BEGIN, OVER)], False, None),
        (a_message(7, state=State.CANCELLED), [(BEGIN, OVER)], True, None),  # taken back for a reader before
    ],
)
def test_what_is_taken_back_in_time_was_read_by_nobody(
    text: Message, told: list[tuple[Kind, Incident]], unread: bool, expected: State | None
) -> None:
    rows = telling(text, *told)

    assert take_back(rows, rows.notifications.rows[1]) is unread
    assert moves(rows) == ([] if expected is None else [(7, expected, Cause.RESOLVED_MEANWHILE)])


@pytest.mark.parametrize("held", [BEGIN, STEP, REMIND, END, UNHEARD])
@pytest.mark.parametrize("told", [BEGIN, END, UNHEARD])
def test_neither_an_end_nor_that_nothing_is_heard_of_it_is_told_once_the_problem_is_back(
    held: Kind, told: Kind
) -> None:
    rows = telling(a_message(7), (told, OVER))
    rows.load_notification(a_notification(OVER, BOB, held, 2))
    supersede(rows, OVER.id)

    assert fates(rows)[2] == (Drop.SUPERSEDED if held in (END, UNHEARD) else PageState.HELD)
    assert moves(rows) == [(7, State.CANCELLED, Cause.SUPERSEDED)] * (told in (END, UNHEARD))


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
    rows = telling(end, (END, OVER), first=20)
    for id_, text in enumerate(beginnings, 1):
        rows.messages.load(text.id, text)
        rows.load_notification(told_by(text, a_notification(OVER, kind=kind, id_=id_)))
    rows.load_notification(told_by(a_message(9, state=State.SENT), a_notification(OVER, BOB, BEGIN, 30)))
    others = a_message(10, BOB)
    rows.messages.load(10, others)
    rows.load_notification(
        told_by(others, a_notification(OVER, replace(BOB, number="+33600000001"), END, 31))
    )
    lost = a_message(5)
    rows.load_notification(told_by(lost, a_notification(OVER, kind=STEP, id_=40, message_state=None)))

    assert [one.id for one in needless_ends(rows, lost)] == [8] * needless


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

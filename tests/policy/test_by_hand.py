"""What a person decides about one text, or one incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from made import (
    a_message,
    a_notification,
    a_timer,
    acknowledged,
    an_incident,
    ended,
    fates,
    moves,
    rows_of_all,
    rows_with,
    told_by,
)
from workbench import NOON

from sms_notify.policy.by_hand import (
    NotTexted,
    TextAnswer,
    cancel,
    escalate_now,
    may_send_again,
    name_of_step,
    note,
    send_again,
)
from sms_notify.policy.records import Incident, TimerKind
from sms_notify.policy.vocabulary import Cause, Decision, Drop, Kind, PageState, State


def test_a_text_that_waits_is_cancelled_and_what_it_tells_is_owed_no_more() -> None:
    incident, message = an_incident(), a_message()
    rows = rows_with(incident, told_by(message, a_notification(incident)), message)

    assert cancel(rows, message, "ops")
    assert moves(rows) == [(1, State.CANCELLED, Cause.TAKEN_BACK)]
    assert fates(rows) == {1: Drop.TAKEN_BACK}


def test_of_a_text_that_was_tried_nobody_knows_whether_it_arrived() -> None:
    incident, message = an_incident(), a_message(ambiguous=1)
    rows = rows_with(incident, told_by(message, a_notification(incident)), message)

    assert cancel(rows, message, "ops")
    assert moves(rows) == [(1, State.UNKNOWN_FINAL, Cause.TAKEN_BACK)]
    assert fates(rows) == {1: PageState.TOLD}


@pytest.mark.parametrize("state", [state for state in State if state is not State.QUEUED])
def test_a_text_that_does_not_wait_is_not_cancelled(state: State) -> None:
    message = a_message(state=state)
    rows = rows_with(message)

    assert not cancel(rows, message, "ops")
    assert moves(rows) == []


@pytest.mark.parametrize(
    ("incident", "kind", "again"),
    [
        (an_incident(), Kind.FIRING, True),
        (acknowledged(an_incident()), Kind.FIRING, True),
        (acknowledged(an_incident()), Kind.REMINDER, False),
        (ended(an_incident()), Kind.FIRING, False),
    ],
)
def test_what_is_owed_still_is_due_once_more(incident: Incident, kind: Kind, again: bool) -> None:
    message = a_message(state=State.DELIVERED)
    rows = rows_with(incident, told_by(message, a_notification(incident, kind=kind)), message)

    answer = send_again(rows, message, "ops")

    assert answer.refused is (None if again else NotTexted.NOTHING_OWED)
    assert fates(rows)[1] is PageState.TOLD  # whatever becomes of its repeat
    assert [n.state for n in rows.of_incident(1)[1:]] == [PageState.HELD] * again
    assert [(one.word, one.detail) for one in rows.decided] == [
        (Decision.SENT_AGAIN, "by ops (page): m1")
    ] * again


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.NOT_DELIVERED, State.REJECTED])
def test_what_has_surely_not_arrived_is_owed_anew(state: State) -> None:
    incident, message = an_incident(), a_message(state=state)
    rows = rows_with(incident, told_by(message, a_notification(incident)), message)

    assert send_again(rows, message, "ops").refused is None
    assert fates(rows) == {1: PageState.HELD}


@pytest.mark.parametrize(("incident", "again"), [(an_incident(), True), (ended(an_incident()), False)])
def test_what_was_taken_back_may_be_sent_after_all_while_it_goes_on(incident: Incident, again: bool) -> None:
    waiting = a_message()
    rows = rows_with(incident, told_by(waiting, a_notification(incident)), waiting)
    cancel(rows, waiting, "ops")
    message = rows.messages.rows[1]

    assert (may_send_again(rows, message).refused is None) is again
    assert (send_again(rows, message, "ops").refused is None) is again
    assert fates(rows) == {1: PageState.HELD if again else Drop.TAKEN_BACK}


@pytest.mark.parametrize("state", [State.QUEUED, State.SUBMITTING])
def test_what_is_under_way_is_not_sent_twice(state: State) -> None:
    incident, message = an_incident(), a_message(state=state)
    rows = rows_with(incident, told_by(message, a_notification(incident)), message)

    assert send_again(rows, message, "ops") == TextAnswer(NotTexted.UNDER_WAY, 1)
    assert rows.decided == []


@pytest.mark.parametrize("kind", [Kind.FIRING, Kind.ESCALATION, Kind.REMINDER])
def test_a_text_whose_repeat_is_held_or_under_way_gets_no_second_one(kind: Kind) -> None:
    incident, message = an_incident(), a_message(state=State.DELIVERED)
    rows = rows_with(incident, told_by(message, a_notification(incident, kind=kind)), message)
    send_again(rows, message, "ops")
    (repeat,) = rows.of_incident(1)[1:]

    assert send_again(rows, message, "ops") == TextAnswer(NotTexted.HELD, until=repeat.due_at)

    rows.messages.put(2, a_message(2, state=State.SENT))
    rows.tell(repeat, 2)
    assert send_again(rows, message, "ops") == TextAnswer(NotTexted.UNDER_WAY, 2)
    assert len(rows.of_incident(1)) == 2

    rows.messages.put(2, a_message(2, state=State.DELIVERED))
    assert send_again(rows, message, "ops") == TextAnswer(None, 2)
    assert len({n.nth for n in rows.of_incident(1)}) == 3


def test_a_text_that_failed_and_whose_news_is_held_again_says_until_when() -> None:
    incident, message = an_incident(), a_message(state=State.FAILED)
    held = a_notification(incident, due_at=NOON + timedelta(minutes=1))
    rows = rows_with(incident, held, message)

    answer = may_send_again(rows, message, [held])
    assert answer == TextAnswer(NotTexted.HELD, until=NOON + timedelta(minutes=1))


def test_the_next_step_of_each_receiver_is_due_at_once_and_who_asked_is_written_down() -> None:
    incident = an_incident()
    due = a_timer(1, receiver="oncall", due_at=NOON + timedelta(minutes=10))
    others = a_timer(2, receiver="oncall", due_at=NOON + timedelta(minutes=10))
    rows = rows_of_all(incident, due, others)

    assert escalate_now(rows, 1, "ops")
    assert {timer.incident_id: timer.due_at for timer in rows.timers.rows.values()} == {
        1: NOON,
        2: NOON + timedelta(minutes=10),
    }
    assert [(one.word, one.detail) for one in rows.decided] == [(Decision.HASTENED, "by ops (page)")]


def test_a_step_that_is_due_already_or_was_taken_is_not_hastened_twice() -> None:
    later = a_timer(1, receiver="oncall", nth=1, due_at=NOON + timedelta(minutes=10))
    rows = rows_of_all(an_incident(), later)
    asked = [name_of_step(later)]

    assert escalate_now(rows, 1, "ops", asked)
    assert not escalate_now(rows, 1, "ops", asked)
    assert not escalate_now(rows, 1, "ops")  # nor without its name, while it is pending

    rows.set_timer(replace(later, nth=2))  # it was taken, and the next one waits
    assert not escalate_now(rows, 1, "ops", asked)
    assert len(rows.decided) == 1
    assert escalate_now(rows, 1, "ops")
    assert len(rows.decided) == 2


def test_where_no_step_is_due_nothing_is_hastened() -> None:
    rows = rows_of_all(an_incident(), a_timer(1, what=TimerKind.REMIND))

    assert not escalate_now(rows, 1, "ops")
    assert rows.decided == []


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("rebooted\n it", "by ops (page): rebooted it"),
        (" \n", None),
        ("x" * 200, f"by ops (page): {'x' * 200}"),
        ("x" * 201, None),
        ("a\x1b[31m\x00b\u202ec\u2028d", "by ops (page): a [31m b c d"),
        ("\x00\u202e", None),
    ],
)
def test_a_note_is_one_line_with_whose_it_is(words: str, written: str | None) -> None:
    rows = rows_with(an_incident())

    assert note(rows, 1, "ops", words) is (written is not None)
    assert [one.detail for one in rows.decided] == ([written] if written else [])

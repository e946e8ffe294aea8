"""Reports move a message forward and never back."""

from __future__ import annotations

import itertools

import pytest

from sms_notify.policy.holds import Hold
from sms_notify.policy.outcomes import DeliveryStatus as D
from sms_notify.policy.vocabulary import Kind, State, after_report
from sms_notify.store.literals import in_list


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [
        (State.SENT, D.SUBMITTED, None),
        (State.SENT, D.BUFFERED, State.BUFFERED),
        (State.BUFFERED, D.SUBMITTED, None),
        (State.BUFFERED, D.DELIVERED, State.DELIVERED),
        (State.DELIVERED, D.NOT_DELIVERED, None),
        (State.REJECTED, D.DELIVERED, None),
        (State.NO_REPORT, D.DELIVERED, State.DELIVERED),
        (State.NO_REPORT, D.BUFFERED, None),
        (State.UNKNOWN, D.SUBMITTED, State.SENT),
        (State.UNKNOWN_FINAL, D.DELIVERED, State.DELIVERED),
        (State.SUBMITTING, D.DELIVERED, State.DELIVERED),  # the report overtook the answer
        (State.QUEUED, D.DELIVERED, None),
        (State.CANCELLED, D.DELIVERED, None),
        (State.FAILED, D.DELIVERED, None),
        (State.SENT, D.NONE, None),
    ],
)
def test_a_report_moves_a_message_forward_only(state: State, status: D, expected: State | None) -> None:
    assert after_report(state, status) is expected


def test_in_whatever_order_reports_come_the_first_final_one_stands() -> None:
    for order in itertools.permutations([D.SUBMITTED, D.BUFFERED, D.DELIVERED, D.NOT_DELIVERED]):
        state = State.SENT
        for status in order:
            state = after_report(state, status) or state
        first_final = next(status for status in order if status.final)
        assert state is (State.DELIVERED if first_final is D.DELIVERED else State.NOT_DELIVERED)


def words(members: object, predicate: str) -> set[str]:
    return {str(one) for one in members if getattr(one, predicate)}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("enum", "predicate", "expected"),
    [
        (State, "lost", "not_delivered rejected failed expired cancelled"),
        (State, "without_trace", "not_delivered rejected failed expired cancelled unknown_final"),
        (State, "never_left", "failed cancelled expired"),
        (State, "bad_end", "failed not_delivered rejected"),
        (Kind, "news", "firing escalation"),
        (Kind, "turn", "escalation reminder"),
        (Kind, "configured", "firing escalation reminder resolved digest handoff"),
        (Hold, "of_hours", "muted inactive quiet_hours"),
    ],
)
def test_which_words_belong_together(enum: type[State | Kind | Hold], predicate: str, expected: str) -> None:
    assert words(enum, predicate) == set(expected.split())


def test_a_text_that_is_over_may_have_arrived_or_is_lost() -> None:
    assert all(state.may_have_arrived != state.lost for state in State if state.final)


def test_words_become_a_list_of_literals() -> None:
    assert in_list((State.SENT, State.FAILED)) == "('sent', 'failed')"

"""Reports move a message forward and never back."""

from __future__ import annotations

import itertools

import pytest

from sms_notify.gateways.base import DeliveryStatus as D
from sms_notify.policy.vocabulary import State, after_report


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

"""Which number is asked about next: never two at once, each at its pace, none whose answer would say nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from workbench import ALICE, BOB, NOON

from sms_notify.policy.bars import Breaker
from sms_notify.policy.number_trials import NumberTrial, next_number
from sms_notify.policy.retry_policy import Scope

MINUTE = timedelta(minutes=1)
NUMBERS = (ALICE.number, BOB.number)


def tried(number: str, minutes: float, good_since: datetime | None = NOON) -> NumberTrial:
    return NumberTrial("main", number, NOON - minutes * MINUTE, good_since)


def closed(scope: Scope, subject: str = "", gateway: str = "main") -> Breaker:
    return Breaker(gateway, scope, subject, NOON, 106, 0)


@pytest.mark.parametrize(
    ("trials", "breakers", "asked"),
    [
        ([], [], ALICE),
        ([tried(ALICE.number, 61)], [], BOB),  # never tried goes first
        ([tried(ALICE.number, 61), tried(BOB.number, 62)], [], BOB),
        ([tried(ALICE.number, 60), tried(BOB.number, 59)], [], ALICE),
        ([tried(ALICE.number, 59), tried(BOB.number, 59)], [], None),
        ([tried(ALICE.number, 6, None), tried(BOB.number, 59)], [], ALICE),  # not known to be taken
        ([tried(ALICE.number, 4, None), tried(BOB.number, 59)], [], None),
        ([tried(ALICE.number, -5), tried(BOB.number, 59)], [], ALICE),  # by a clock that was wrong
        ([], [closed(Scope.NUMBER, ALICE.number)], BOB),
        ([], [closed(Scope.COUNTRY, "+32")], BOB),
        ([], [closed(Scope.NUMBER, ALICE.number, "backup")], ALICE),
        ([], [closed(Scope.SENDER, "ACME")], ALICE),
        ([], [closed(Scope.ACCOUNT)], None),
        ([], [closed(Scope.CREDITS)], None),
    ],
)
def test_the_number_that_was_tried_longest_ago_is_next(
    trials: list[NumberTrial], breakers: list[Breaker], asked: object
) -> None:
    found = next_number(NUMBERS, {one.number: one for one in trials}, breakers, "main", NOON)

    assert found == getattr(asked, "number", None)

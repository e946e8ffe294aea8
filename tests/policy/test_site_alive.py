"""What comes next for one reader of the dead man's switch, as a table of what lies in the outbox."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.policy.site_alive import (
    MOST_UNSURE,
    Ahead,
    Deed,
    Move,
    ReaderTexts,
    about_to_fire,
    armed_until,
    next_move,
    pause_after,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AHEAD = Ahead(15 * MINUTE, lambda at: at)
UNSURE, ARMED, REMOVING = ArmedState.UNSURE, ArmedState.ARMED, ArmedState.REMOVING


def lies(minutes: int, state: ArmedState = ARMED, gateway: str = "main") -> ArmedText:
    due = NOON + minutes * MINUTE
    outboxid = "" if state is UNSURE else str(500 + minutes)
    text = ArmedText(
        ArmedFor.SITE_ALIVE, gateway, "alice", "+32470000001", "silent", due, "ref", id=minutes + 100
    )
    return replace(text, state=state, outboxid=outboxid)


def move(
    *lying: ArmedText, beside: tuple[tuple[str, int], ...] = (), ahead: Ahead | None = AHEAD
) -> Move | None:
    others = [(gateway, NOON + minutes * MINUTE) for gateway, minutes in beside]
    return next_move(ReaderTexts(lying, ("main", "backup"), others), ahead, NOON)


def arm(minutes: int) -> Move:
    return Move(Deed.ARM, due_at=NOON + minutes * MINUTE)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ((), 15),
        ((9,), 15),  # a third of the time is over
        ((-100,), 15),  # long past: but what has left is said first
    ],
)
def test_the_next_text_is_armed_before_anything_is_taken_back(
    minutes: tuple[int, ...], expected: int
) -> None:
    lying = [lies(at) for at in minutes if at > 0]
    assert move(*lying) == arm(expected)


def test_nothing_is_done_while_one_text_lies_well_ahead() -> None:
    assert move(lies(10)) is None
    assert move(lies(15)) is None


def test_a_text_that_lies_too_far_ahead_since_our_clock_was_set_back_is_replaced() -> None:
    assert move(lies(75)) == arm(15)
    assert move(lies(75), lies(15)) == Move(Deed.REMOVE, lies(75))


def test_the_last_one_is_taken_back_once_the_next_lies_there() -> None:
    assert move(lies(9), lies(15)) == Move(Deed.REMOVE, lies(9))


def test_a_removal_whose_answer_was_lost_is_asked_again() -> None:
    assert move(lies(9, REMOVING), lies(15)) == Move(Deed.REMOVE, lies(9, REMOVING))


def test_after_a_lost_answer_the_next_one_is_due_a_minute_later() -> None:
    assert move(lies(9), lies(15, UNSURE)) == arm(16)


def test_an_unsure_text_waits_until_all_that_is_due_before_it_is_taken_back() -> None:
    assert move(lies(9), lies(15, UNSURE), lies(16)) == Move(Deed.REMOVE, lies(9))
    assert move(lies(15, UNSURE), lies(16)) == arm(17)


def test_an_unsure_text_is_cleared_by_its_number_with_one_that_is_needed_no_more() -> None:
    assert move(lies(12, UNSURE), lies(15)) == arm(16)
    unsure = lies(12, UNSURE)
    assert move(unsure, lies(15), lies(16)) == Move(Deed.REMOVE_UNSURE, unsure, lies(15))


def test_two_unsure_texts_are_cleared_one_at_a_time() -> None:
    first, second = lies(12, UNSURE), lies(13, UNSURE)
    expected = Move(Deed.REMOVE_UNSURE, first, lies(15), between=(second,))
    assert move(first, second, lies(15), lies(16)) == expected


def test_no_number_is_asked_about_where_another_text_of_ours_would_be_taken() -> None:
    unsure = lies(12, UNSURE)
    assert move(unsure, lies(15), lies(16), beside=(("main", 14),)) == Move(Deed.REMOVE, lies(15))
    assert move(unsure, lies(16), beside=(("main", 14),)) is None
    elsewhere = move(unsure, lies(15), lies(16), beside=(("backup", 14),))
    assert elsewhere == Move(Deed.REMOVE_UNSURE, unsure, lies(15))


def test_a_removal_under_way_keeps_the_number_from_being_asked_about() -> None:
    lying = (lies(11, REMOVING), lies(12, UNSURE), lies(15), lies(16))
    assert move(*lying) == Move(Deed.REMOVE, lies(11, REMOVING))


def test_no_more_is_put_there_while_too_many_are_unsure() -> None:
    heap = [lies(minutes, UNSURE) for minutes in range(1, MOST_UNSURE + 1)]
    assert move(*heap) is None
    assert move(*heap[1:]) == arm(MOST_UNSURE + 1)


def test_an_unsure_text_that_is_past_has_left() -> None:
    assert move(lies(-1, UNSURE), lies(15)) == Move(Deed.FIRED, lies(-1, UNSURE))
    assert move(lies(0, UNSURE), lies(15), lies(16)) != Move(Deed.FIRED, lies(0, UNSURE))


def test_of_a_text_with_an_id_the_gateway_says_whether_it_has_left() -> None:
    assert move(lies(-5), lies(15)) == Move(Deed.REMOVE, lies(-5))
    assert move(lies(-61), lies(15)) == Move(Deed.REMOVE, lies(-61))
    assert move(lies(-59, REMOVING), lies(15)) == Move(Deed.REMOVE, lies(-59, REMOVING))
    assert move(lies(-61, REMOVING), lies(15)) == Move(Deed.FIRED, lies(-61, REMOVING))


def test_a_text_at_a_gateway_that_is_not_configured_any_more_cannot_be_taken_back() -> None:
    gone = lies(9, gateway="old")
    assert move(gone, lies(15)) is None
    assert move(lies(-1, gateway="old"), lies(15)) == Move(Deed.FIRED, lies(-1, gateway="old"))


def test_disarming_takes_everything_back_the_unsure_ones_first() -> None:
    unsure = lies(12, UNSURE)
    assert move(unsure, lies(15), ahead=None) == Move(Deed.REMOVE_UNSURE, unsure, lies(15))
    assert move(lies(15), ahead=None) == Move(Deed.REMOVE, lies(15))
    assert move(unsure, ahead=None) == Move(Deed.REMOVE_UNSURE, unsure)
    assert move(unsure, beside=(("main", 60),), ahead=None) is None
    assert move(ahead=None) is None


def test_the_minute_that_is_asked_for_is_one_that_the_gateways_clock_has_once() -> None:
    twice = Ahead(15 * MINUTE, lambda at: max(at, NOON + 135 * MINUTE))
    assert move(lies(9), ahead=twice) == arm(135)
    assert move(lies(135), ahead=twice) is None


def test_it_is_high_time_when_less_than_a_third_is_left() -> None:
    assert about_to_fire([lies(6), lies(15)], AHEAD, NOON) is None
    assert about_to_fire([lies(15), lies(4, UNSURE)], AHEAD, NOON) == lies(4, UNSURE)


def test_it_is_armed_only_by_what_is_known_to_lie_there() -> None:
    assert armed_until([lies(15, UNSURE), lies(9, REMOVING)], NOON) == {}
    assert armed_until([lies(15), lies(9)], NOON) == {lies(9).number: NOON + 15 * MINUTE}
    assert armed_until([lies(-2)], NOON) == {}


def test_pauses_grow_but_leave_time_for_many_tries() -> None:
    pauses = [pause_after(failures, 15 * MINUTE).total_seconds() for failures in (1, 2, 3, 9, 99)]
    assert pauses == [10, 20, 30, 30, 30]
    assert pause_after(9, 2 * MINUTE).total_seconds() == 10

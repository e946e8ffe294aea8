"""The error table is the seed's, whole; and when to try again is a bounded, jittered, pure rule."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.gateways.base import Fate, Outcome, Reason
from sms_notify.gateways.codes import CODES, Concern, Then, after, explain_code

SEED = {*range(100, 127), 150}  # the provider's table 'Errorcode / Explanation'
DICE = st.floats(0, 1, exclude_max=True)
NEARLY_ONE = 0.999999


def refused(code: int) -> Outcome:
    return Outcome(Fate.REFUSED, Reason.ERROR_CODE, code)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def test_the_table_holds_every_code_of_the_provider_and_no_other() -> None:
    assert set(CODES) == SEED
    assert all(code.number == number for number, code in CODES.items())


def test_every_code_tells_what_it_means_and_what_to_do_in_one_sentence_of_its_own() -> None:
    assert len({code.meaning for code in CODES.values()}) == len(SEED)
    assert len({code.advice for code in CODES.values()}) == len(SEED)
    for code in CODES.values():
        assert code.advice.endswith(".")
        assert code.advice[0].isupper()
        assert 20 < len(code.advice) < 120


@pytest.mark.parametrize(
    ("concern", "codes"),
    [
        (Concern.CREDENTIALS, {100, 101, 104}),
        (Concern.CREDITS, {108}),
        (Concern.ACCOUNT, {115, 116}),
        (Concern.SENDER, {109, 110, 111, 113, 117}),
        (Concern.NUMBER, {103, 106}),
        (Concern.COUNTRY, {107, 112, 114}),
        (Concern.MESSAGE, {102, 105}),
        (Concern.LONG_TEXT, {118, 119}),
        (Concern.GATEWAY, {120, 150}),
        (Concern.SCHEDULE, {121}),
        (Concern.OUTBOX, {122}),
        (Concern.REPORT, {123, 124}),
        (Concern.GROUP, {125, 126}),
    ],
)
def test_each_code_concerns_what_the_provider_says_it_is_about(concern: Concern, codes: set[int]) -> None:
    assert {code.number for code in CODES.values() if code.concerns is concern} == codes


def test_only_trouble_at_the_gateway_is_retried_and_only_trouble_of_the_whole_account_is_held() -> None:
    of_the_account = {Concern.CREDENTIALS, Concern.CREDITS, Concern.ACCOUNT, Concern.SENDER}
    for code in CODES.values():
        if code.concerns is Concern.GATEWAY:
            assert code.then is Then.RETRY
        else:
            assert code.then is (Then.HOLD if code.concerns in of_the_account else Then.FAIL)


@pytest.mark.parametrize("number", [0, 1, 99, 127, 149, 151, 404, 999])
def test_a_code_that_nobody_documented_is_the_gateways_and_names_its_number(number: int) -> None:
    code = explain_code(number)
    assert (code.number, code.concerns, code.then) == (number, Concern.GATEWAY, Then.RETRY)
    assert str(number) in code.advice


@pytest.mark.parametrize(
    ("outcome", "base", "cap"),
    [
        (Outcome(Fate.NOT_SENT, Reason.DNS), timedelta(seconds=5), minutes(2)),
        (Outcome(Fate.NOT_SENT, Reason.TLS), timedelta(seconds=5), minutes(2)),
        (Outcome(Fate.REFUSED, Reason.HTTP_CLIENT_ERROR), minutes(1), minutes(15)),
        (refused(104), minutes(1), minutes(15)),
        (refused(108), minutes(1), minutes(15)),
        (refused(115), minutes(1), minutes(15)),
        (refused(113), minutes(1), minutes(15)),
        (refused(120), timedelta(seconds=15), minutes(5)),
        (refused(150), timedelta(seconds=30), minutes(5)),
    ],
)
def test_the_wait_doubles_from_its_base_to_its_cap(outcome: Outcome, base: timedelta, cap: timedelta) -> None:
    def longest(attempt: int) -> timedelta:
        retry = after(outcome, attempt, NEARLY_ONE)
        assert retry is not None
        return retry.wait

    slack = timedelta(seconds=1)
    assert abs(longest(1) - base) < slack
    assert abs(longest(2) - 2 * base) < slack
    assert abs(longest(60) - cap) < slack
    shortest = after(outcome, 60, 0.0)
    assert shortest is not None
    assert shortest.wait == base / 2


def test_an_unknown_code_is_tried_twice_after_a_minute_and_then_held() -> None:
    waits = [after(refused(999), attempt, NEARLY_ONE) for attempt in (1, 2, 3, 9)]
    told = [(retry.then, round(retry.wait.total_seconds())) for retry in waits if retry]
    assert told == [(Then.RETRY, 60), (Then.RETRY, 60), (Then.HOLD, 240), (Then.HOLD, 900)]


@pytest.mark.parametrize("code", sorted(code.number for code in CODES.values() if code.then is Then.FAIL))
def test_a_text_that_will_never_go_is_not_tried_again(code: int) -> None:
    assert after(refused(code), 1, 0.5) is None


@pytest.mark.parametrize("fate", [Fate.SENT, Fate.UNKNOWN])
@given(reason=st.sampled_from(Reason), attempt=st.integers(1, 50), dice=DICE)
@settings(deadline=None, max_examples=30)
def test_a_text_that_left_or_may_have_left_is_never_repeated_by_this_rule(
    fate: Fate, reason: Reason, attempt: int, dice: float
) -> None:
    assert after(Outcome(fate, reason), attempt, dice) is None


@given(
    fate=st.sampled_from(Fate),
    reason=st.sampled_from(Reason),
    code=st.none() | st.integers(0, 9999) | st.sampled_from(sorted(SEED)),
    attempt=st.integers(-5, 10**9),
    dice=DICE,
)
@settings(deadline=None, max_examples=300)
def test_every_wait_is_between_two_and_a_half_seconds_and_a_quarter_of_an_hour(
    fate: Fate, reason: Reason, code: int | None, attempt: int, dice: float
) -> None:
    retry = after(Outcome(fate, reason, code), attempt, dice)
    if retry is not None:
        assert timedelta(seconds=2.5) <= retry.wait <= minutes(15)
        assert retry.then is not Then.FAIL


@given(code=st.sampled_from([104, 120, 150]), attempt=st.integers(1, 40), low=DICE, high=DICE)
@settings(deadline=None, max_examples=100)
def test_more_dice_never_means_a_shorter_wait(code: int, attempt: int, low: float, high: float) -> None:
    first, second = (after(refused(code), attempt, dice) for dice in sorted((low, high)))
    assert first is not None
    assert second is not None
    assert first.wait <= second.wait

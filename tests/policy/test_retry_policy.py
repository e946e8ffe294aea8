"""What follows from each outcome is a rule without gaps: bounded pauses, and no breaker that nothing can close."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.gateways.registry import refused as refused_with
from sms_notify.policy.outcomes import Fate, Outcome, Reason, Refusal
from sms_notify.policy.retry_policy import (
    BY_REFUSAL,
    Break,
    Level,
    Reaction,
    Scope,
    Then,
    Urgency,
    for_numeric_sender,
    react,
)

DICE = st.floats(0, 1, exclude_max=True)
NEARLY_ONE = 0.999999
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def refused(refusal: Refusal) -> Outcome:
    return Outcome(Fate.REFUSED, Reason.ERROR_CODE, 1, refusal=refusal)


WRONG_URL = Outcome(Fate.REFUSED, Reason.HTTP_CLIENT_ERROR)
NO_WAY_THERE = Outcome(Fate.NOT_SENT, Reason.CONNECT)
OUT_OF_MEMORY = Outcome(Fate.NOT_SENT, Reason.LOCAL)
SILENCE = Outcome(Fate.UNKNOWN, Reason.TIMEOUT)


def outcomes() -> Iterator[Outcome]:
    """One of each kind that `react` can tell apart."""
    yield from map(refused, Refusal)
    yield from (WRONG_URL, NO_WAY_THERE, OUT_OF_MEMORY, SILENCE, Outcome(Fate.SENT, Reason.OK))


REACTIONS = {f"{o.fate}-{o.reason}-{o.refusal}": react(o) for o in outcomes()}
RETRIES = [reaction for reaction in REACTIONS.values() if reaction.then is Then.RETRY]
BREAKS = [reaction.breaks for reaction in REACTIONS.values() if reaction.breaks is not None]


def test_every_refusal_has_a_reaction_of_its_own() -> None:
    assert set(BY_REFUSAL) == set(Refusal)


@pytest.mark.parametrize(
    ("outcome", "base", "cap"),
    [
        (refused(Refusal.PASSING_FAULT), 15 * SECOND, 5 * MINUTE),
        (refused(Refusal.UNKNOWN), MINUTE, 15 * MINUTE),
        (WRONG_URL, MINUTE, 15 * MINUTE),
        (NO_WAY_THERE, 5 * SECOND, 2 * MINUTE),
        (OUT_OF_MEMORY, 5 * SECOND, 2 * MINUTE),
    ],
)
def test_a_pause_doubles_from_its_base_to_its_cap_and_is_never_under_half_the_base(
    outcome: Outcome, base: timedelta, cap: timedelta
) -> None:
    reaction = react(outcome)

    assert abs(reaction.pause(1, NEARLY_ONE) - base) < SECOND
    assert abs(reaction.pause(2, NEARLY_ONE) - 2 * base) < SECOND
    assert abs(reaction.pause(60, NEARLY_ONE) - cap) < SECOND
    assert reaction.pause(60, 0.0) == base / 2


@given(reaction=st.sampled_from(RETRIES), attempt=st.integers(-5, 10**6), dice=DICE)
@settings(deadline=None, max_examples=300)
def test_no_pause_is_below_half_the_base_or_above_the_cap(
    reaction: Reaction, attempt: int, dice: float
) -> None:
    assert reaction.base / 2 <= reaction.pause(attempt, dice) <= reaction.cap


@given(reaction=st.sampled_from(RETRIES), attempt=st.integers(1, 40), low=DICE, high=DICE)
@settings(deadline=None, max_examples=100)
def test_more_dice_never_mean_a_shorter_pause(
    reaction: Reaction, attempt: int, low: float, high: float
) -> None:
    first, second = (reaction.pause(attempt, dice) for dice in sorted((low, high)))
    assert first <= second


@pytest.mark.parametrize("name", [name for name, r in REACTIONS.items() if r.then is Then.RETRY])
def test_what_is_tried_again_pauses_for_seconds_at_least_and_a_quarter_of_an_hour_at_most(name: str) -> None:
    assert 5 * SECOND <= REACTIONS[name].base <= REACTIONS[name].cap <= 15 * MINUTE


@pytest.mark.parametrize("name", [name for name, r in REACTIONS.items() if r.then is Then.WAIT])
def test_what_goes_straight_back_to_the_queue_is_kept_there_from_the_first_refusal_on(name: str) -> None:
    breaker = REACTIONS[name].breaks

    assert breaker is not None, "nothing would keep the text from being sent in a tight loop"
    assert breaker.count == 1


@pytest.mark.parametrize("breaker", BREAKS, ids=lambda b: f"{b.scope}-{b.count}-{b.probe}")
def test_every_breaker_is_asked_about_and_never_less_often_than_once_an_hour(breaker: Break) -> None:
    assert timedelta() < breaker.probe <= breaker.cap <= 60 * MINUTE


@pytest.mark.parametrize("breaker", BREAKS, ids=lambda b: f"{b.scope}-{b.count}-{b.probe}")
def test_what_bars_somebody_is_asked_about_within_a_minute_and_every_quarter_of_an_hour(
    breaker: Break,
) -> None:
    if not breaker.scope.whole:
        assert breaker.count == 1
        assert breaker.probe <= MINUTE
        assert breaker.cap == 15 * MINUTE


@pytest.mark.parametrize("name", [name for name, r in REACTIONS.items() if r.then is not Then.SENT])
def test_whatever_keeps_a_text_from_leaving_is_told_to_somebody(name: str) -> None:
    urgency = REACTIONS[name].self_alert

    assert urgency is not None
    assert urgency.after <= 10 * MINUTE


def test_what_stops_the_whole_account_wakes_somebody() -> None:
    for reaction in REACTIONS.values():
        if reaction.breaks is not None and reaction.breaks.scope.whole:
            assert reaction.self_alert is not None
            assert reaction.self_alert.level is Level.PAGE


def test_maintenance_and_passing_faults_wake_somebody_only_when_they_last() -> None:
    told = {refusal: reaction.self_alert for refusal, reaction in BY_REFUSAL.items()}

    assert told[Refusal.PASSING_FAULT] == Urgency(Level.PAGE, 5 * MINUTE)
    assert told[Refusal.MAINTENANCE] == Urgency(Level.PAGE, 10 * MINUTE)
    assert told[Refusal.LOGIN] == told[Refusal.NO_CREDITS] == Urgency(Level.PAGE)


@pytest.mark.parametrize("fate", [Fate.SENT, Fate.UNKNOWN])
@given(reason=st.sampled_from(Reason), refusal=st.none() | st.sampled_from(Refusal))
@settings(deadline=None, max_examples=30)
def test_a_text_that_left_or_may_have_left_is_never_repeated_by_this_rule(
    fate: Fate, reason: Reason, refusal: Refusal | None
) -> None:
    outcome = Outcome(fate, reason, refusal=refusal)

    assert react(outcome).then is (Then.SENT if fate is Fate.SENT else Then.UNKNOWN)


@given(
    fate=st.sampled_from(Fate),
    reason=st.sampled_from(Reason),
    refusal=st.none() | st.sampled_from(Refusal),
)
@settings(deadline=None, max_examples=200)
def test_every_outcome_has_a_reaction(fate: Fate, reason: Reason, refusal: Refusal | None) -> None:
    reaction = react(Outcome(fate, reason, refusal=refusal))

    assert (reaction.then is Then.SENT) == (fate is Fate.SENT)


def test_a_problem_on_this_machine_closes_no_gateway() -> None:
    assert react(OUT_OF_MEMORY).breaks is None


def test_an_unknown_refusal_closes_the_gateway_at_the_third_in_a_minute() -> None:
    reaction = react(refused(Refusal.UNKNOWN))

    assert reaction.then is Then.RETRY
    assert reaction.breaks is not None
    assert (reaction.breaks.scope, reaction.breaks.count) == (Scope.ACCOUNT, 3)


@pytest.mark.parametrize(
    ("refusal", "sender", "has_other", "other_sender_next"),
    [
        (Refusal.COUNTRY_CODE, "+32470000000", True, True),
        (Refusal.COUNTRY_CODE, "+32470000000", False, False),
        (Refusal.COUNTRY_CODE, "ACME", True, False),
        (Refusal.NUMBER, "+32470000000", True, False),
    ],
)
def test_only_a_wrong_country_code_under_a_numeric_sender_tries_the_other_sender_first(
    refusal: Refusal, sender: str, has_other: bool, other_sender_next: bool
) -> None:
    outcome = refused(refusal)
    reaction = for_numeric_sender(outcome, react(outcome), sender, has_other)

    if other_sender_next:
        assert reaction.then is Then.WAIT
        assert reaction.breaks is not None
        assert reaction.breaks.scope is Scope.SENDER
    else:
        assert reaction == react(outcome)


# Seconds. `closes`: what a breaker keeps from being tried, from which failure on, first question and longest pause.
#     about             then       closes  at probe cap    told    after
CODES = """
100   login             wait       account  1   900   900  page      0
101   login             wait       account  1   900   900  page      0
102   no_text           reword     -        -     -     -  ticket    0
103   no_number         fail       -        -     -     -  page      0
104   login             wait       account  1   900   900  page      0
105   too_long          recut      -        -     -     -  ticket    0
106   number            fail       number   1    30   900  page      0
107   country           elsewhere  country  1    30   900  page      0
108   no_credits        wait       credits  1    60   600  page      0
109   sender            wait       sender   1    30   900  ticket    0
110   sender            wait       sender   1    30   900  ticket    0
111   sender            wait       sender   1    30   900  ticket    0
112   country_code      fail       number   1    30   900  page      0
113   sender            wait       sender   1    30   900  ticket    0
114   country           elsewhere  country  1    30   900  page      0
115   unpaid            wait       account  1   900   900  page      0
116   blocked           wait       account  1  3600  3600  page      0
117   sender            wait       sender   1    30   900  ticket    0
118   too_many_parts    recut      -        -     -     -  ticket    0
119   long_text         recut      no_long  1    30   900  ticket    0
120   passing_fault     retry      account  3    15   300  page    300
121   time              fail       -        -     -     -  ticket    0
122   nothing_scheduled fail       -        -     -     -  ticket    0
123   report            fail       -        -     -     -  ticket    0
124   report            fail       -        -     -     -  ticket    0
125   no_group          fail       -        -     -     -  page      0
126   empty_group       fail       -        -     -     -  page      0
150   maintenance       wait       account  1    30   300  page    600
999   unknown           retry      account  3    60   900  page      0
"""


def spelled(reaction: Reaction) -> list[str]:
    """A reaction as the rows above have it."""
    breaks, urgency = reaction.breaks, reaction.self_alert
    closes = ["-"] * 4
    if breaks:
        probe, cap = (f"{pause.total_seconds():.0f}" for pause in (breaks.probe, breaks.cap))
        closes = [breaks.scope, str(breaks.count), probe, cap]
    told = [urgency.level, f"{urgency.after.total_seconds():.0f}"] if urgency else ["-", "-"]
    return [reaction.then, *closes, *told]


@pytest.mark.parametrize("row", CODES.strip().splitlines())
def test_a_refusal_decides_over_its_text_over_what_else_would_be_refused_and_over_who_hears_of_it(
    row: str,
) -> None:
    code, about, *expected = row.split()

    assert refused_with(int(code)).refusal == about
    assert spelled(react(refused(Refusal(about)))) == expected


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (WRONG_URL, "retry account 1 60 900 page 0"),
        (NO_WAY_THERE, "retry account 5 5 120 page 120"),
        (OUT_OF_MEMORY, "retry - - - - ticket 120"),
        (SILENCE, "unknown account 3 30 300 page 0"),
        (Outcome(Fate.SENT, Reason.OK), "sent - - - - - -"),
    ],
)
def test_a_request_that_got_no_answer_of_the_gateway_decides_likewise(
    outcome: Outcome, expected: str
) -> None:
    assert spelled(react(outcome)) == expected.split()


@pytest.mark.parametrize(("scope", "whole"), [(s, s in ("account", "credits")) for s in Scope])
def test_an_account_or_its_credits_close_the_whole_gateway_and_nothing_else_does(
    scope: Scope, whole: bool
) -> None:
    assert scope.whole is whole

"""What an answer makes of a text in the outbox: the worst that it may be, until an answer says better."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sms_notify.policy.armed_texts import (
    ArmedFor,
    ArmedState,
    ArmedText,
    interrupted,
    not_removed,
    not_taken,
    removed,
    taken,
)
from sms_notify.policy.outcomes import Fate, Refusal

DUE = datetime(2026, 10, 24, 12, 30, tzinfo=UTC)
TEXT = ArmedText(ArmedFor.SITE_ALIVE, "main", "alice", "32470000001", "silent", DUE, "ref")
ARMED = replace(TEXT, state=ArmedState.ARMED, outboxid="7")


def test_a_text_that_the_gateway_keeps_is_known_by_its_id_and_leaves_at_the_minute_that_was_said() -> None:
    later = DUE + timedelta(minutes=30)
    assert taken(TEXT, "7", later) == replace(ARMED, due_at=later)


def test_a_text_that_was_kept_without_an_id_may_lie_there() -> None:
    assert taken(TEXT, None, DUE).state is ArmedState.UNSURE


@pytest.mark.parametrize(
    ("fate", "state"),
    [
        (Fate.REFUSED, ArmedState.GONE),
        (Fate.NOT_SENT, ArmedState.GONE),
        (Fate.UNKNOWN, ArmedState.UNSURE),
    ],
)
def test_only_a_lost_answer_leaves_a_text_that_may_lie_there(fate: Fate, state: ArmedState) -> None:
    assert not_taken(TEXT, fate).state is state


def test_what_the_gateway_took_back_is_gone() -> None:
    assert removed(replace(ARMED, state=ArmedState.REMOVING)).state is ArmedState.GONE


@pytest.mark.parametrize(
    ("refusal", "after", "state"),
    [
        (Refusal.NOTHING_SCHEDULED, timedelta(minutes=-1), ArmedState.GONE),
        (Refusal.NOTHING_SCHEDULED, timedelta(), ArmedState.FIRED),
        (Refusal.PASSING_FAULT, timedelta(minutes=-1), ArmedState.REMOVING),
        (None, timedelta(hours=1), ArmedState.REMOVING),
    ],
)
def test_nothing_there_to_remove_means_that_it_has_left_once_its_minute_has_come(
    refusal: Refusal | None, after: timedelta, state: ArmedState
) -> None:
    assert not_removed(replace(ARMED, state=ArmedState.REMOVING), refusal, DUE + after).state is state


@pytest.mark.parametrize("state", list(ArmedState))
def test_a_question_whose_answer_nobody_waits_for_any_more_leaves_a_text_that_may_lie_there(
    state: ArmedState,
) -> None:
    expected = ArmedState.UNSURE if state is ArmedState.ASKED else state
    assert interrupted(replace(TEXT, state=state)).state is expected


@pytest.mark.parametrize("state", list(ArmedState))
def test_whatever_is_not_known_to_be_gone_or_sent_may_fire(state: ArmedState) -> None:
    assert state.may_fire is (state not in (ArmedState.GONE, ArmedState.FIRED))
    assert state.final is not state.may_fire


def test_a_text_counts_as_sent_when_its_minute_is_over() -> None:
    assert not ARMED.past(DUE + timedelta(seconds=59))
    assert ARMED.past(DUE + timedelta(seconds=60))

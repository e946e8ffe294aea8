"""Episodes: what one alert means after those that came before it."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbench import NOON, firing, resolved

from sms_notify.policy.episodes import Episode, hear, incident_of, tag_of
from sms_notify.policy.vocabulary import Heard

FIVE, MOMENT = timedelta(minutes=5), timedelta(seconds=30)
OPEN = Episode(1, opened_at=NOON, starts_at=NOON)
SILENT = Episode(1, opened_at=NOON, starts_at=NOON, closed_at=NOON + FIVE, stale=True)
CLOSED = Episode(1, opened_at=NOON, starts_at=NOON, ended_at=NOON + FIVE, closed_at=NOON + FIVE)


@pytest.mark.parametrize(
    ("latest", "starts_at", "after", "expected"),
    [
        (None, NOON, FIVE, Heard.FIRST),
        (OPEN, NOON, FIVE, Heard.DUPLICATE),
        (OPEN, NOON + FIVE, FIVE, Heard.DUPLICATE),  # the other Prometheus of a pair saw it later
        (CLOSED, NOON, FIVE + MOMENT, Heard.STALE),  # the second peer's old copy
        (CLOSED, NOON + FIVE, FIVE + MOMENT, Heard.STALE),  # not later than the end: the same episode still
        (CLOSED, NOON + FIVE + MOMENT, FIVE + MOMENT, Heard.FIRST),
        (
            CLOSED,
            NOON,
            2 * FIVE,
            Heard.FIRST,
        ),  # Prometheus was cut off, Alertmanager ended it, and it fires on
        (CLOSED, None, FIVE + MOMENT, Heard.FIRST),  # without a start nothing proves it old
    ],
)
def test_a_firing_alert_is_told_once_an_episode(
    latest: Episode | None, starts_at: datetime | None, after: timedelta, expected: Heard
) -> None:
    assert expected is hear(firing(at=starts_at), latest, NOON + after)


@pytest.mark.parametrize(
    ("latest", "ends_at", "expected"),
    [
        (None, NOON + FIVE, Heard.NEVER_FIRED),
        (OPEN, NOON + FIVE, Heard.RESOLVED),
        (OPEN, NOON, Heard.RESOLVED),  # Alertmanager makes startsAt = endsAt where it was given no start
        (OPEN, NOON - FIVE, Heard.STALE),  # ends before this episode began: it speaks of the one before
        (CLOSED, NOON + FIVE, Heard.DUPLICATE),
        (
            SILENT,
            NOON + FIVE,
            Heard.RESOLVED,
        ),  # closed because nothing was heard of it: its people still wait
    ],
)
def test_a_resolve_ends_the_episode_it_speaks_of(
    latest: Episode | None, ends_at: datetime, expected: Heard
) -> None:
    assert expected is hear(resolved(end=ends_at), latest, NOON + FIVE)


@given(st.integers(0, 5_000_000))
@settings(deadline=None, max_examples=300)
def test_a_tag_names_one_incident(incident_id: int) -> None:
    assert incident_of("#" + tag_of(incident_id).upper()) == incident_id


def test_neighbouring_incidents_have_tags_that_look_nothing_alike() -> None:
    tags = [tag_of(n) for n in range(1, 200)]

    assert len(set(tags)) == 199
    assert all(sum(a != b for a, b in zip(x, y, strict=True)) >= 2 for x, y in itertools.pairwise(tags))


@pytest.mark.parametrize("text", ["", "#", "abc", "a0bc", "mabc", "abcd-1", "ab cd"])
def test_what_is_no_tag_names_nothing(text: str) -> None:
    assert incident_of(text) is None

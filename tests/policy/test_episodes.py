"""Episodes: what one alert means after those that came before it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbench import NOON, firing, resolved

from sms_notify.alert import Alert, Severity, Status
from sms_notify.policy.episodes import STALE_AFTER, Episode, hear, hear_shared, incident_of, tag_of
from sms_notify.policy.vocabulary import Heard

FIVE, MINUTE, MOMENT = timedelta(minutes=5), timedelta(minutes=1), timedelta(seconds=30)
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


@pytest.mark.parametrize("text", ["", "#", "abc", "a0bc", "mabc", "abcd-1", "ab cd", "abcd1234567890"])
def test_what_is_no_tag_names_nothing(text: str) -> None:
    assert incident_of(text) is None


# Today's severity against the worst of the episode so far.
WORSE = ["info", "", "warning", "critical"]  # OTHER, a word that we do not know, stands between


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (before, now, Heard.RAISED if WORSE.index(now) > WORSE.index(before) else Heard.DUPLICATE)
        for before in WORSE
        for now in WORSE
    ],
)
def test_a_rise_in_severity_is_told_and_a_fall_or_a_repeat_is_not(
    before: str, now: str, expected: Heard
) -> None:
    worst = replace(OPEN, severity=Severity.of({"severity": before}))

    assert hear(firing(severity=now), worst, NOON + FIVE) is expected


@pytest.mark.parametrize(
    ("since_the_end", "news"),
    [
        (timedelta(), False),
        (timedelta(seconds=15), False),  # the peer-timeout of a pair of Alertmanagers
        (timedelta(seconds=59, microseconds=999_999), False),
        (timedelta(minutes=1), True),
        (timedelta(hours=1), True),
        (-timedelta(seconds=1), True),  # the clock was set back: nothing is lost by it
    ],
)
def test_a_copy_of_an_episode_is_old_for_a_minute_after_its_end(since_the_end: timedelta, news: bool) -> None:
    found = hear(firing(at=NOON), CLOSED, NOON + FIVE + since_the_end)

    assert (found is Heard.FIRST) is news


def test_an_alert_counts_as_unheard_after_a_day() -> None:
    assert timedelta(days=1) == STALE_AFTER


# Several sources that tell of one trouble. `own` is what this source told of the shared episode.
FROM_BOTH = Episode(7, opened_at=NOON, starts_at=NOON, severity=Severity.WARNING)
OVER = replace(FROM_BOTH, ended_at=NOON + FIVE, closed_at=NOON + FIVE)
UNHEARD = replace(FROM_BOTH, closed_at=NOON + FIVE, stale=True)


@pytest.mark.parametrize(
    ("alert", "latest", "own", "others", "expected"),
    [
        (firing(), None, None, False, Heard.FIRST),
        (
            firing(severity="warning"),
            FROM_BOTH,
            None,
            True,
            Heard.DUPLICATE,
        ),  # the second source tells it, too
        (firing(severity="critical"), FROM_BOTH, None, True, Heard.RAISED),
        (firing(severity="warning"), FROM_BOTH, FROM_BOTH, True, Heard.DUPLICATE),
        (firing(severity="critical"), FROM_BOTH, FROM_BOTH, False, Heard.RAISED),
        (firing(at=NOON + 2 * FIVE), FROM_BOTH, OVER, True, Heard.RAISED),  # its own was over, and it is back
        (firing(), OVER, None, False, Heard.FIRST),  # another source's start proves nothing old
        (resolved(), None, None, False, Heard.NEVER_FIRED),
        (resolved(), FROM_BOTH, None, True, Heard.NEVER_FIRED),  # an end from a source that told of nothing
        (resolved(), FROM_BOTH, FROM_BOTH, True, Heard.STILL_OPEN),
        (resolved(), FROM_BOTH, FROM_BOTH, False, Heard.RESOLVED),
        (resolved(), FROM_BOTH, OVER, True, Heard.DUPLICATE),
        (resolved(), OVER, OVER, False, Heard.DUPLICATE),
        (resolved(), OVER, FROM_BOTH, False, Heard.DUPLICATE),
        (resolved(), UNHEARD, UNHEARD, False, Heard.RESOLVED),  # its people still wait for the end
        (resolved(), UNHEARD, UNHEARD, True, Heard.RESOLVED),  # nobody holds open what is closed
    ],
)
def test_what_several_sources_tell_begins_with_the_first_and_ends_with_the_last_of_them(
    alert: Alert, latest: Episode | None, own: Episode | None, others: bool, expected: Heard
) -> None:
    assert hear_shared(alert, latest, own, others, NOON + 3 * FIVE) is expected


def test_a_source_that_told_nothing_of_a_trouble_sends_no_old_copy_of_it() -> None:
    """The start of one source says nothing about the episode of another."""
    assert hear_shared(firing(at=NOON), OVER, None, False, NOON + FIVE + MOMENT) is Heard.FIRST


TIMES = st.none() | st.integers(-90, 90).map(lambda minutes: NOON + minutes * MINUTE)
ALERTS = st.builds(
    lambda status, starts, ends, severity: Alert("s", "f", status, {"severity": severity}, {}, starts, ends),
    st.sampled_from(Status),
    TIMES,
    TIMES,
    st.sampled_from(["critical", "warning", "info", ""]),
)


@given(st.lists(ALERTS, max_size=12))
@settings(max_examples=300)
def test_alone_a_source_is_heard_as_if_nothing_were_shared(told: list[Alert]) -> None:
    latest: Episode | None = None
    for at, alert in enumerate(told):
        now = NOON + at * MINUTE
        plain = hear(alert, latest, now)
        assert hear_shared(alert, latest, latest, False, now) == plain
        latest = after(latest, alert, plain, now)


def after(latest: Episode | None, alert: Alert, word: Heard, now: datetime) -> Episode | None:
    if word is Heard.FIRST:
        return Episode((latest.id if latest else 0) + 1, now, alert.starts_at, severity=alert.severity)
    if word is Heard.RESOLVED and latest is not None:
        return replace(latest, ended_at=alert.ends_at, closed_at=now)
    if word is Heard.RAISED and latest is not None:
        return replace(latest, severity=alert.severity, raised=latest.raised + 1)
    return latest


# Tags.


@pytest.mark.parametrize(
    ("incident_id", "tag"),
    [
        (1, "snsb"),
        (2, "gy8c"),
        (3, "zbqd"),
        (1000, "e73n"),
        (593_999, "hxt9"),
        (594_000, "aaaa1"),  # the first that needs a number behind its letters
        (594_001, "snsb1"),
        (7 * 594_000 + 5, "f2nf7"),
        (123_456_789 * 594_000 + 1, "snsb123456789"),
    ],
)
def test_an_incident_keeps_its_tag_through_every_version_of_the_program(incident_id: int, tag: str) -> None:
    assert tag_of(incident_id) == tag
    assert incident_of(tag) == incident_of(f"#{tag.upper()}") == incident_id


@given(st.integers(0, 10**12))
@settings(deadline=None, max_examples=300)
def test_a_tag_can_be_read_aloud_and_is_no_number_and_no_messages_name(incident_id: int) -> None:
    letters, rounds = tag_of(incident_id)[:4], tag_of(incident_id)[4:]

    assert set(letters) <= set("abcdefghjknpqrstuvwxyz23456789")
    assert letters[0].isalpha()
    assert rounds == (str(incident_id // 594_000) if incident_id >= 594_000 else "")


@given(st.text("abmo09z#-A\u0663", max_size=7) | st.text(max_size=7))
@settings(deadline=None, max_examples=300)
def test_whatever_names_an_incident_is_its_tag(text: str) -> None:
    found = incident_of(text)

    if found is not None:
        letters, rounds = text.removeprefix("#").lower()[:4], text.removeprefix("#")[4:].lstrip("0")
        assert tag_of(found) == letters + rounds

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
SILENT = Episode(1, opened_at=NOON, starts_at=NOON, unheard=True)
CLOSED = Episode(1, opened_at=NOON, starts_at=NOON, ended_at=NOON + FIVE, closed_at=NOON + FIVE)


CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
LEFT = replace(SILENT, closed_at=NOON + FIVE)  # a new episode has taken its place


@pytest.mark.parametrize(
    ("latest", "starts_at", "after", "expected"),
    [
        (None, NOON, FIVE, Heard.FIRST),
        (OPEN, NOON, FIVE, Heard.DUPLICATE),
        (OPEN, NOON + FIVE, FIVE, Heard.DUPLICATE),  # the other Prometheus of a pair saw it later
        (OPEN, None, FIVE, Heard.DUPLICATE),
        (CLOSED, NOON, FIVE + MOMENT, Heard.HELD_COPY),  # perhaps the second peer's old copy
        (CLOSED, NOON + FIVE + MOMENT, FIVE + MOMENT, Heard.FIRST),
        # Prometheus was cut off, Alertmanager ended it, and it fires on.
        (CLOSED, NOON, 2 * FIVE, Heard.FIRST),
        (CLOSED, None, FIVE + MOMENT, Heard.FIRST),  # without a start nothing proves it old
        # Nothing was heard of it.
        (SILENT, NOON, FIVE, Heard.RESUMED),
        (SILENT, None, FIVE, Heard.RESUMED),
        (SILENT, NOON + FIVE, FIVE, Heard.FIRST),
        (SILENT, NOON - FIVE, FIVE, Heard.FIRST),  # the clocks may have been set back
        (LEFT, NOON, FIVE + MOMENT, Heard.FIRST),  # no end was heard of which it could be a copy
    ],
)
def test_a_firing_alert_is_told_once_an_episode(
    latest: Episode | None, starts_at: datetime | None, after: timedelta, expected: Heard
) -> None:
    assert expected is hear(firing(at=starts_at), latest, CRITICAL, NOON + after)


@pytest.mark.parametrize(
    ("latest", "ends_at", "expected"),
    [
        (None, NOON + FIVE, Heard.NEVER_FIRED),
        (OPEN, NOON + FIVE, Heard.RESOLVED),
        (OPEN, NOON, Heard.RESOLVED),  # Alertmanager makes startsAt = endsAt where it was given no start
        (OPEN, NOON - FIVE, Heard.RESOLVED),  # clocks are set back: no end is measured against a start
        (CLOSED, NOON + FIVE, Heard.DUPLICATE),
        (SILENT, NOON + FIVE, Heard.RESOLVED),  # its people still wait
        (LEFT, NOON + FIVE, Heard.DUPLICATE),
    ],
)
def test_a_resolve_ends_the_episode_that_is_open(
    latest: Episode | None, ends_at: datetime, expected: Heard
) -> None:
    assert expected is hear(resolved(end=ends_at), latest, CRITICAL, NOON + FIVE)


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


# Today's severity against what people take it for.
WORSE = ["info", "", "warning", "critical"]  # OTHER, a word that we do not know, stands between


@pytest.mark.parametrize("before", WORSE)
@pytest.mark.parametrize("now", WORSE)
def test_a_rise_in_severity_is_told_and_a_fall_or_a_repeat_is_not(before: str, now: str) -> None:
    known = replace(OPEN, level=Severity.of({"severity": before}))
    rise = WORSE.index(now) - WORSE.index(before)

    expected = Heard.RAISED if rise > 0 else Heard.MILDER if rise < 0 else Heard.DUPLICATE
    assert hear(firing(severity=now), known, Severity.of({"severity": now}), NOON + FIVE) is expected


def test_it_is_as_severe_as_its_incident_is_with_it_whatever_it_says_alone() -> None:
    """Of several sources the worst counts; a check that could not find out says nothing."""
    assert hear(firing(severity="warning"), replace(OPEN, level=WARNING), CRITICAL, NOON) is Heard.RAISED
    assert hear(firing(severity=""), OPEN, CRITICAL, NOON) is Heard.DUPLICATE


@pytest.mark.parametrize(
    ("since_the_end", "word"),
    [
        (timedelta(), Heard.HELD_COPY),
        (timedelta(seconds=15), Heard.HELD_COPY),  # the peer-timeout of a pair of Alertmanagers
        (timedelta(seconds=59, microseconds=999_999), Heard.HELD_COPY),
        (timedelta(minutes=1), Heard.FIRST),
        (timedelta(hours=1), Heard.FIRST),
        (
            -timedelta(seconds=1),
            Heard.HELD_COPY,
        ),  # the clock was set back: it is told a minute later, where no end follows
    ],
)
def test_what_may_be_an_old_copy_of_an_episode_is_held_for_a_minute_after_its_end(
    since_the_end: timedelta, word: Heard
) -> None:
    assert hear(firing(at=NOON), CLOSED, CRITICAL, NOON + FIVE + since_the_end) is word


@pytest.mark.parametrize(
    ("start", "ended_at", "word"),
    [
        (NOON, NOON + FIVE, Heard.HELD_COPY),
        (NOON, None, Heard.HELD_COPY),  # its source does not say when it ended,
        (NOON, NOON - FIVE, Heard.HELD_COPY),  # or clocks were set back
        (NOON + MINUTE, NOON + FIVE, Heard.FIRST),  # before that end, and a start of its own
        (NOON - MINUTE, NOON + FIVE, Heard.FIRST),
        (NOON + FIVE, NOON + FIVE, Heard.FIRST),
    ],
)
def test_a_copy_is_known_by_its_start_and_no_start_is_measured_against_an_end(
    start: datetime, ended_at: datetime | None, word: Heard
) -> None:
    closed = replace(CLOSED, ended_at=ended_at)

    assert hear(firing(at=start), closed, CRITICAL, NOON + FIVE + MOMENT) is word


def test_what_began_nobody_knows_when_has_no_copies() -> None:
    unknown = replace(CLOSED, starts_at=None)

    assert hear(firing(at=NOON), unknown, CRITICAL, NOON + FIVE + MOMENT) is Heard.FIRST


@pytest.mark.parametrize(
    ("severity", "start", "word"),
    [
        ("warning", NOON, Heard.RESUMED),
        ("info", NOON, Heard.RESUMED),
        ("critical", NOON, Heard.RAISED),  # worse than anybody was told
        ("critical", None, Heard.RAISED),
        ("critical", NOON + FIVE, Heard.FIRST),
    ],
)
def test_what_was_not_heard_of_goes_on_or_is_worse_by_now(
    severity: str, start: datetime | None, word: Heard
) -> None:
    silent = replace(SILENT, level=WARNING)

    assert hear(firing(at=start), silent, Severity(severity), NOON + FIVE) is word


def test_an_alert_counts_as_unheard_after_a_day() -> None:
    assert timedelta(days=1) == STALE_AFTER


# Several sources that tell of one trouble. `own` is what this source told of the shared episode.
FROM_BOTH = Episode(7, opened_at=NOON, starts_at=NOON, level=WARNING)
OVER = replace(FROM_BOTH, ended_at=NOON + FIVE, closed_at=NOON + FIVE)
UNHEARD = replace(FROM_BOTH, unheard=True)
LATELY = NOON + FIVE + MOMENT


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
        (firing(severity="info"), FROM_BOTH, None, False, Heard.MILDER),
        (firing(severity="warning"), FROM_BOTH, FROM_BOTH, True, Heard.DUPLICATE),
        (firing(severity="critical"), FROM_BOTH, FROM_BOTH, False, Heard.RAISED),
        (firing(at=NOON + 2 * FIVE), FROM_BOTH, OVER, True, Heard.RAISED),  # its own was over, and it is back
        (firing(), OVER, None, False, Heard.FIRST),  # another source's start proves nothing old
        (firing(severity="warning"), UNHEARD, FROM_BOTH, False, Heard.RESUMED),
        (firing(severity="critical"), UNHEARD, FROM_BOTH, False, Heard.RAISED),
        (firing(at=NOON + FIVE, severity="warning"), UNHEARD, None, False, Heard.RESUMED),  # nor anything new
        (resolved(), None, None, False, Heard.NEVER_FIRED),
        (resolved(), FROM_BOTH, None, True, Heard.NEVER_FIRED),  # an end from a source that told of nothing
        (resolved(), FROM_BOTH, FROM_BOTH, True, Heard.STILL_OPEN),
        (resolved(), FROM_BOTH, FROM_BOTH, False, Heard.RESOLVED),
        (resolved(), FROM_BOTH, OVER, True, Heard.DUPLICATE),
        (resolved(), OVER, OVER, False, Heard.DUPLICATE),
        (resolved(), OVER, FROM_BOTH, False, Heard.DUPLICATE),
        (resolved(), UNHEARD, FROM_BOTH, False, Heard.RESOLVED),  # its people still wait for the end
        (resolved(), UNHEARD, FROM_BOTH, True, Heard.STILL_OPEN),
    ],
)
def test_what_several_sources_tell_begins_with_the_first_and_ends_with_the_last_of_them(
    alert: Alert, latest: Episode | None, own: Episode | None, others: bool, expected: Heard
) -> None:
    assert hear_shared(alert, latest, own, alert.severity, others, NOON + 3 * FIVE) is expected


def test_what_another_source_holds_open_waits_for_no_copy() -> None:
    assert hear_shared(firing(severity="warning"), FROM_BOTH, OVER, WARNING, True, LATELY) is Heard.DUPLICATE


@pytest.mark.parametrize(("own", "expected"), [(None, Heard.FIRST), (OVER, Heard.HELD_COPY)])
def test_an_old_copy_is_known_by_what_its_own_source_told(own: Episode | None, expected: Heard) -> None:
    """The start of one source says nothing about the episode of another."""
    assert hear_shared(firing(at=NOON), OVER, own, CRITICAL, False, LATELY) is expected


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
        plain = hear(alert, latest, alert.severity, now)
        assert hear_shared(alert, latest, latest, alert.severity, False, now) == plain
        latest = after(latest, alert, plain, now)


@given(st.lists(ALERTS, max_size=12))
@settings(max_examples=300)
def test_the_last_word_of_a_source_is_what_holds_unless_it_may_be_an_old_copy(told: list[Alert]) -> None:
    latest: Episode | None = None
    for at, alert in enumerate(told):
        now = NOON + at * MINUTE
        word = hear(alert, latest, alert.severity, now)
        latest = after(latest, alert, word, now)
        fires = latest is not None and latest.is_open
        assert fires is (alert.status is Status.FIRING and word is not Heard.HELD_COPY)


def after(latest: Episode | None, alert: Alert, word: Heard, now: datetime) -> Episode | None:
    if word is Heard.FIRST:
        return Episode((latest.id if latest else 0) + 1, now, alert.starts_at, level=alert.severity)
    if word is Heard.RESOLVED and latest is not None:
        return replace(latest, ended_at=alert.ends_at, closed_at=now)
    if word in (Heard.RAISED, Heard.MILDER) and latest is not None:
        return replace(latest, level=alert.severity)
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

"""What an alert means for its incident: a repeat, news, its end or that of an episode before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from correlated import (
    ALERT,
    BARE,
    BY_HOST,
    CALM,
    DAY,
    EARLIER,
    END,
    FELL,
    HOUR,
    LATER,
    MINE,
    NAGIOS,
    NOTICE,
    OPEN,
    OWN,
    OWN_OVER,
    PLAIN,
    UNHEARD,
    UNKNOWN,
    WARNING,
    shared,
    ways,
)
from made import a_member, an_incident, rows_of_all
from workbench import NOON

from sms_notify.alert import Alert, Severity
from sms_notify.policy.correlation import (
    SHARED,
    Chains,
    is_news_again,
    is_repeat,
    known,
    meaning,
)
from sms_notify.policy.records import Incident, Member
from sms_notify.policy.routing import Route
from sms_notify.policy.vocabulary import Heard, IncidentState


@pytest.mark.parametrize(
    ("alert", "loaded", "repeat"),
    [
        (ALERT, [], False),
        (ALERT, [OWN], True),
        (ALERT, [OWN_OVER], False),
        (END, [OWN], False),
        (END, [OWN_OVER], False),
        (ALERT, [replace(OWN, severity=Severity.WARNING)], False),  # it has become worse
        (replace(ALERT, once=True), [OWN], False),
        (ALERT, [OPEN, MINE], False),  # that is not a name of its own
        (WARNING, [OWN], False),  # it has become milder
        (WARNING, [FELL], True),  # it was as mild before
        (ALERT, [FELL], False),
        (UNKNOWN, [OWN], True),  # says nothing of how bad it is
        (BARE, [OWN], True),
        (ALERT, [replace(OWN, flapping=4)], False),  # it may be back
        (ALERT, [UNHEARD], False),
        (replace(ALERT, starts_at=LATER), [UNHEARD], False),
    ],
)
def test_what_an_open_incident_says_already_is_a_repeat(
    alert: Alert, loaded: Sequence[Incident | Member], repeat: bool
) -> None:
    assert is_repeat(rows_of_all(*loaded), alert, DAY) is repeat


# News after a long silence.


@pytest.mark.parametrize(
    ("latest", "alert", "news"),
    [
        (OWN, replace(ALERT, well_at=NOON + timedelta(seconds=1)), True),
        (replace(OWN, starts_at=None), replace(ALERT, well_at=NOON + timedelta(seconds=1)), True),
        (OWN, replace(ALERT, well_at=NOON), False),  # the second in which it began
        (OWN, replace(ALERT, well_at=EARLIER), False),
        (OWN_OVER, replace(ALERT, well_at=LATER), False),
        (OWN, replace(END, well_at=LATER), False),
        (OWN, replace(ALERT, once=True, well_at=LATER), False),
        (OPEN, replace(ALERT, source=SHARED, well_at=LATER), False),  # another source may still find it bad
    ],
)
def test_what_its_source_found_well_since_it_began_is_another_problem(
    latest: Incident, alert: Alert, news: bool
) -> None:
    """Nagios holds a recovery back in a downtime, and never tells it where its options leave `s` and `f` out."""
    assert is_news_again(latest, alert, latest.last_seen_at, DAY) is news


@pytest.mark.parametrize("shift", [timedelta(), timedelta(seconds=1)])
@pytest.mark.parametrize(
    ("latest", "alert", "news"),
    [
        (OWN, replace(ALERT, starts_at=NOON + DAY), True),
        (OWN, replace(ALERT, starts_at=None), True),
        (OWN, ALERT, False),  # the start that is known
        (OWN, replace(ALERT, starts_at=NOON + timedelta(milliseconds=999)), False),  # the same second
        (OWN, replace(ALERT, starts_at=EARLIER), False),
        (replace(OWN, starts_at=None), ALERT, False),  # it was first heard of when it began
        (replace(OWN, starts_at=None), replace(ALERT, starts_at=LATER), True),
        (
            replace(OWN, acked_at=NOON),
            replace(ALERT, starts_at=None),
            True,
        ),  # taken care of: that was another
        (replace(OWN, repeats=True), replace(ALERT, starts_at=LATER), False),  # its source would have said so
        (OWN_OVER, replace(ALERT, starts_at=LATER), False),
        (OWN, replace(END, starts_at=LATER), False),
        (OWN, replace(ALERT, once=True, starts_at=None), False),
    ],
)
def test_what_a_source_tells_once_is_news_again_after_a_long_silence(
    latest: Incident, alert: Alert, news: bool, shift: timedelta
) -> None:
    """Its end was lost."""
    now = NOON + DAY + shift

    assert is_news_again(latest, alert, now, DAY) is (news and shift > timedelta())
    assert is_news_again(replace(latest, last_seen_at=now), alert, now, DAY) is False


@pytest.mark.parametrize(
    ("start", "word"), [(NOON, Heard.DUPLICATE), (None, Heard.FIRST), (LATER, Heard.FIRST)]
)
def test_what_is_told_after_a_long_silence_begins_anew_unless_its_start_is_known(
    start: datetime | None, word: Heard
) -> None:
    alert = replace(ALERT, starts_at=start)
    rows = rows_of_all(OWN, now=NOON + DAY + HOUR)

    assert is_repeat(rows, alert, DAY) is (word is Heard.DUPLICATE)
    assert meaning(rows, known(rows, alert, PLAIN), Severity.CRITICAL, PLAIN, CALM, DAY) is word


def every(*hours: float) -> Chains:
    return ways(*(Route("oncall", repeat_interval=hour * HOUR) for hour in hours))


@pytest.mark.parametrize(
    ("alert", "chains", "after", "word"),
    [
        (NOTICE, every(2), 1.99 * HOUR, Heard.DUPLICATE),
        (NOTICE, every(2), 2 * HOUR, Heard.FIRST),
        (NOTICE, every(1, 5, 2), 4.99 * HOUR, Heard.DUPLICATE),  # the longest
        (NOTICE, every(1, 5, 2), 5 * HOUR, Heard.FIRST),
        (NOTICE, every(0), 3.99 * HOUR, Heard.DUPLICATE),  # four hours where the route has none
        (NOTICE, every(0), 4 * HOUR, Heard.FIRST),
        (NOTICE, (), 4 * HOUR, Heard.FIRST),
        (ALERT, every(2), 9 * HOUR, Heard.DUPLICATE),
        (replace(END, once=True), every(2), 9 * HOUR, Heard.RESOLVED),
    ],
)
def test_a_notice_that_nothing_ends_is_news_again_after_the_longest_repeat_interval(
    alert: Alert, chains: Chains, after: timedelta, word: Heard
) -> None:
    rows = rows_of_all(OWN, now=NOON + after)

    assert meaning(rows, known(rows, alert, chains), alert.severity, chains, CALM, DAY) is word
    closed = replace(OWN, state=IncidentState.UNHEARD, closed_at=NOON + after)
    assert rows.incidents.rows[1] == (closed if word is Heard.FIRST else OWN)


@pytest.mark.parametrize(
    ("alert", "latest", "word"),
    [
        (replace(END, once=True), OWN_OVER, Heard.DUPLICATE),
        (NOTICE, replace(OWN, severity=Severity.WARNING), Heard.RAISED),
        (NOTICE, OWN_OVER, Heard.FIRST),
    ],
)
def test_what_is_no_repeat_of_an_open_notice_closes_none(alert: Alert, latest: Incident, word: Heard) -> None:
    rows = rows_of_all(latest, now=NOON + DAY)

    assert meaning(rows, known(rows, alert, every(2)), alert.severity, every(2), CALM, DAY) is word
    assert rows.incidents.touched == {}


@pytest.mark.parametrize(("after", "word"), [(1.99 * HOUR, Heard.CLOSED), (2 * HOUR, Heard.FIRST)])
def test_a_notice_that_somebody_closed_is_news_again_after_the_same_time(
    after: timedelta, word: Heard
) -> None:
    closed = replace(OWN, state=IncidentState.CLOSED, closed_at=NOON)
    rows, alert = rows_of_all(closed, now=NOON + after), replace(NOTICE, start_told=False)

    assert meaning(rows, known(rows, alert, every(2)), alert.severity, every(2), CALM, DAY) is word
    assert rows.incidents.touched == {}


THEIRS = a_member(OPEN, NAGIOS, last_seen_at=LATER)


@pytest.mark.parametrize(
    ("others", "word"),
    [
        ([], Heard.RESOLVED),
        ([THEIRS], Heard.STILL_OPEN),
        ([replace(THEIRS, closed_at=NOON)], Heard.RESOLVED),
        ([replace(THEIRS, source=ALERT.source)], Heard.STILL_OPEN),
        ([replace(THEIRS, fingerprint=ALERT.fingerprint)], Heard.STILL_OPEN),
        ([replace(THEIRS, incident_id=4)], Heard.RESOLVED),
        ([replace(THEIRS, last_seen_at=LATER - DAY)], Heard.STILL_OPEN),  # it is told once,
        ([replace(THEIRS, source="grafana", last_seen_at=LATER - DAY + HOUR)], Heard.STILL_OPEN),
        (
            [replace(THEIRS, source="grafana", last_seen_at=LATER - DAY)],
            Heard.RESOLVED,
        ),  # and this again and again
    ],
)
def test_a_shared_incident_is_over_when_nobody_else_still_reports_it(
    others: list[Member], word: Heard
) -> None:
    rows = rows_of_all(shared(4), OPEN, MINE, *others, now=LATER)

    assert meaning(rows, known(rows, END, BY_HOST), END.severity, BY_HOST, CALM, DAY) is word


# Ends of episodes that are over.

BEFORE = an_incident(1, replace(ALERT, starts_at=EARLIER), closed_at=NOON)
NOW_OPEN = an_incident(2, ALERT)


@pytest.mark.parametrize(
    ("start", "loaded", "word"),
    [
        (EARLIER, [BEFORE, NOW_OPEN], Heard.OLD_END),
        (NOON, [BEFORE, NOW_OPEN], Heard.RESOLVED),
        (LATER, [BEFORE, NOW_OPEN], Heard.RESOLVED),  # the other Prometheus of a pair saw it later
        (None, [BEFORE, NOW_OPEN], Heard.RESOLVED),
        (
            EARLIER,
            [BEFORE, replace(NOW_OPEN, starts_at=EARLIER)],
            Heard.RESOLVED,
        ),  # also the start of this one
        (EARLIER, [NOW_OPEN], Heard.RESOLVED),  # of nothing that is known
        (EARLIER, [BEFORE], Heard.DUPLICATE),
        (EARLIER, [BEFORE, replace(NOW_OPEN, state=IncidentState.UNHEARD)], Heard.OLD_END),
    ],
)
def test_an_end_with_the_start_of_an_episode_before_does_not_end_this_one(
    start: datetime | None, loaded: list[Incident], word: Heard
) -> None:
    end = replace(END, starts_at=start)
    rows = rows_of_all(*loaded, now=LATER)

    assert meaning(rows, known(rows, end, PLAIN), Severity.CRITICAL, PLAIN, CALM, DAY) is word


def test_a_beginning_is_no_end_whatever_its_start() -> None:
    alert = replace(ALERT, starts_at=EARLIER)
    rows = rows_of_all(BEFORE, NOW_OPEN, now=LATER)

    assert meaning(rows, known(rows, alert, PLAIN), Severity.CRITICAL, PLAIN, CALM, DAY) is Heard.DUPLICATE

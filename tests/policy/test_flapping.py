"""A bout of flapping: from which beginning on it is one, when it is calm, and whose acknowledgement outlives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_timer, acknowledged, an_incident, rows_of_all, rows_with
from workbench import NOON, firing

from sms_notify.policy.flapping import begun, calm_of, stays, taken_care_of, watch_for_calm
from sms_notify.policy.rate_limits import Flapping
from sms_notify.policy.records import Decided, Incident, Timer, TimerKind
from sms_notify.policy.vocabulary import Decision, IncidentState

MINUTE = timedelta(minutes=1)
FOUR = Flapping(episodes=4, within=30 * MINUTE, calm=10 * MINUTE, calm_critical=3 * MINUTE)


def ago(*minutes: float) -> tuple[datetime, ...]:
    return tuple(NOON - one * MINUTE for one in minutes)


FLAPS = an_incident(1, flapping=4, began=ago(9, 6, 3, 1))


@pytest.mark.parametrize(
    ("rule", "before", "times"),
    [
        (None, [20, 10, 5], 0),
        (FOUR, [], 0),
        (FOUR, [10, 5], 0),
        (FOUR, [20, 10, 5], 4),  # with the one that begins
        (FOUR, [25, 20, 10, 5], 5),
        (FOUR, [29.9, 10, 5], 4),
        (FOUR, [30, 10, 5], 0),  # as old as the window is out of it
        (FOUR, [60, 50, 40, 10, 5], 0),
        (Flapping(episodes=2), [60], 0),
        (Flapping(episodes=2), [5], 2),
        (FOUR, [1] * 200, 95),  # more than anybody wants to know the number of
    ],
)
def test_it_flaps_from_so_many_beginnings_on_within_the_time(
    rule: Flapping | None, before: Sequence[float], times: int
) -> None:
    rows = rows_with(now=NOON)
    incident = begun(rows, an_incident(1, began=ago(*before)), rule)

    assert incident.flapping == times
    said = [Decided(Decision.FLAPPING, 1, detail=f"{times} times")]
    assert rows.decided == (said if times else [])


def test_a_beginning_is_kept_for_as_long_as_it_may_count() -> None:
    incident = begun(rows_with(now=NOON), an_incident(1, began=ago(45, 30, 29, 5)), FOUR)

    assert incident.began == ago(29, 5, 0)


def test_nothing_is_kept_where_flapping_is_off() -> None:
    incident = an_incident(1, began=ago(5))

    assert begun(rows_with(now=NOON), incident, None) is incident


def test_a_bout_lasts_until_it_is_calm_however_seldom_it_comes_and_goes() -> None:
    """A rule counts how one begins; the decision is written down once."""
    rows = rows_with(now=NOON)
    incident = begun(rows, replace(FLAPS, began=ago(50, 40)), FOUR)

    assert (incident.flapping > 0, incident.began, rows.decided) == (True, ago(0), [])


@pytest.mark.parametrize(("severity", "minutes"), [("critical", 3), ("warning", 10), ("info", 10)])
def test_it_is_calm_when_it_has_neither_come_nor_gone_for_long_enough(severity: str, minutes: float) -> None:
    incident = replace(an_incident(1, firing(severity=severity)), flapping=4)
    rows = rows_of_all(incident, a_timer(1, TimerKind.CALM, receiver="", due_at=NOON + MINUTE))
    watch_for_calm(rows, incident, FOUR)

    assert calm_of(incident, FOUR) == minutes * MINUTE
    # What happens begins the time anew.
    assert rows.timers_of(1) == [Timer(1, "", TimerKind.CALM, 0, NOON + minutes * MINUTE)]


@pytest.mark.parametrize(("incident", "rule"), [(replace(FLAPS, flapping=0), FOUR), (FLAPS, None)])
def test_nothing_is_watched_that_does_not_flap_by_any_rule(incident: Incident, rule: Flapping | None) -> None:
    rows = rows_with(incident)
    watch_for_calm(rows, incident, rule)

    assert rows.timers_of(1) == []


@pytest.mark.parametrize(
    ("before", "incident", "taken"),
    [
        (acknowledged(an_incident(1), NOON - MINUTE), FLAPS, True),
        (acknowledged(an_incident(1), NOON - 9 * MINUTE), FLAPS, True),  # of its first beginning
        (acknowledged(an_incident(1), NOON - 10 * MINUTE), FLAPS, False),  # of something before the bout
        (an_incident(1), FLAPS, False),
        (
            acknowledged(an_incident(1), NOON - MINUTE),
            replace(FLAPS, flapping=0),
            False,
        ),  # a new episode is news
    ],
)
def test_whoever_acknowledged_an_earlier_beginning_of_the_bout_takes_care_of_the_bout(
    before: Incident, incident: Incident, taken: bool
) -> None:
    found = taken_care_of(incident, before)

    mine = {"acked_at": before.acked_at, "acked_by": "alice", "acked_how": "command"}
    assert found == (replace(incident, state=IncidentState.ACKNOWLEDGED, **mine) if taken else incident)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("acked_minutes_ago", "kept"),
    [
        (5, False),  # before its last beginning: of the bout
        (1, False),
        (0.9, True),  # whoever takes care since then takes care of what stays
        (0, True),
    ],
)
def test_an_acknowledgement_outlives_the_bout_if_it_is_younger_than_its_last_beginning(
    acked_minutes_ago: float, kept: bool
) -> None:
    incident = acknowledged(FLAPS, NOON - acked_minutes_ago * MINUTE)
    after = stays(incident)

    assert (after.acked_at, after.acked_by, after.acked_how, after.state) == (
        (incident.acked_at, "alice", "command", IncidentState.ACKNOWLEDGED)
        if kept
        else (None, "", "", IncidentState.OPEN)
    )


def test_what_stays_begins_a_round_of_texts_and_counts_as_begun_once() -> None:
    after = stays(FLAPS)

    assert after == replace(FLAPS, flapping=0, began=ago(1), raised=1)
    assert stays(replace(FLAPS, began=())).began == (FLAPS.opened_at,)

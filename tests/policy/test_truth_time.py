"""A bout of flapping, and what time makes of an incident: calm, silent, no old copy after all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from made import (
    a_message,
    a_notification,
    a_timer,
    acknowledged,
    an_incident,
    ended,
    fates,
    rows_of_all,
    rows_with,
    told_by,
)
from truths import (
    BOUT,
    BY_LEVEL,
    CALM,
    COPY,
    CRITICAL,
    END,
    FELL,
    GONE,
    HOUR,
    JUST_OVER,
    KEY,
    LATELY,
    MILD,
    MINUTE,
    NOW,
    OVER,
    PLAN,
    WARNING,
    due,
    heard,
)
from workbench import NOON, firing, resolved

from sms_notify.alert import Alert, Severity, Status
from sms_notify.policy.records import Incident, Timer, TimerKind
from sms_notify.policy.truth import passed, unheard
from sms_notify.policy.vocabulary import Decision, Drop, Heard, IncidentState, Kind, PageState

# A bout of flapping.

THREE = (NOON - 15 * MINUTE, NOON, END)


@pytest.mark.parametrize(
    ("latest", "alert", "word", "times"),
    [
        (replace(OVER, began=THREE), firing(at=NOW), Heard.FIRST, 4),
        (replace(OVER, began=THREE[1:]), firing(at=NOW), Heard.FIRST, 0),
        (replace(LATELY, began=THREE), firing(at=NOW), Heard.RESUMED, 4),
        (replace(MILD, began=THREE), firing(), Heard.RAISED, 4),  # rises count,
        (replace(CRITICAL, began=THREE), WARNING, Heard.MILDER, 0),  # falls do not,
        (replace(CRITICAL, began=THREE), firing(), Heard.DUPLICATE, 0),  # nor repeats
        (replace(CRITICAL, began=THREE), resolved(), Heard.RESOLVED, 0),
    ],
)
def test_a_bout_begins_with_the_beginning_that_is_one_too_many(
    latest: Incident, alert: Alert, word: Heard, times: int
) -> None:
    rows = rows_with(latest, now=NOW)
    case = heard(rows, alert, latest)

    assert (case.heard, case.flapping, rows.incidents.rows[case.id].flapping) == (word, times, times)
    assert (Decision.FLAPPING in {one.word for one in rows.decided}) is bool(times)
    assert due(rows) == ({TimerKind.CALM: 3} if times else {})


@pytest.mark.parametrize(("acked_at", "taken"), [(NOON, True), (NOON - HOUR, False), (None, False)])
def test_a_bout_is_acknowledged_by_whoever_acknowledged_one_of_its_beginnings(
    acked_at: datetime | None, taken: bool
) -> None:
    latest = replace(OVER, began=THREE, acked_at=acked_at, acked_by="alice", acked_how="command")
    rows = rows_with(latest, now=NOW)
    incident = rows.incidents.rows[heard(rows, firing(at=NOW), latest).id]

    assert (incident.acked_at, incident.acked_by) == ((acked_at, "alice") if taken else (None, ""))
    assert incident.state is (IncidentState.ACKNOWLEDGED if taken else IncidentState.OPEN)


@pytest.mark.parametrize(
    ("latest", "alert", "word", "ended_at", "began", "calm"),
    [
        (BOUT, resolved(end=NOW), Heard.FLAPPING, NOW, 4, 3),
        (BOUT, replace(resolved(), ends_at=None), Heard.FLAPPING, NOW, 4, 3),
        (BOUT, firing(), Heard.DUPLICATE, None, 4, None),  # a repeat neither comes nor goes
        (BOUT, WARNING, Heard.MILDER, None, 4, None),
        (GONE, firing(at=NOW), Heard.FLAPPING, None, 5, 3),
        (GONE, WARNING, Heard.FLAPPING, None, 5, 10),  # milder: it must be calm for longer
        (GONE, resolved(end=NOW), Heard.DUPLICATE, END, 4, None),
        # A rise is told at once, whether it was gone or not.
        (replace(BOUT, severity=Severity.WARNING, labels=WARNING.labels), firing(), Heard.RAISED, None, 5, 3),
        (replace(GONE, severity=Severity.WARNING, labels=WARNING.labels), firing(), Heard.RAISED, None, 5, 3),
    ],
)
def test_inside_a_bout_neither_an_end_nor_a_beginning_is_news(
    latest: Incident, alert: Alert, word: Heard, ended_at: datetime | None, began: int, calm: float | None
) -> None:
    rows = rows_with(latest, now=NOW)
    case = heard(rows, alert, latest)
    incident = rows.incidents.rows[1]

    assert (case.heard, case.heard.news) == (word, word is Heard.RAISED)
    assert (incident.is_open, incident.ended_at, len(incident.began)) == (True, ended_at, began)
    assert (incident.flapping, case.flapping) == (began, began)
    assert due(rows) == ({} if calm is None else {TimerKind.CALM: calm})


@pytest.mark.parametrize("latest", [acknowledged(BOUT), acknowledged(GONE)])
@pytest.mark.parametrize("alert", [firing(at=NOW), resolved(end=NOW)])
def test_who_takes_care_of_a_bout_takes_care_of_its_beginnings_and_ends(
    latest: Incident, alert: Alert
) -> None:
    rows = rows_with(latest, now=NOW)
    heard(rows, alert, latest)

    assert (rows.incidents.rows[1].state, rows.incidents.rows[1].acked_by) == (
        IncidentState.ACKNOWLEDGED,
        "alice",
    )


# What time makes of it.


@pytest.mark.parametrize(
    ("incident", "timer"),
    [
        (BOUT, replace(CALM, due_at=NOW + MINUTE)),
        (JUST_OVER, replace(COPY, due_at=NOW + MINUTE)),
        (CRITICAL, replace(COPY, due_at=NOW)),  # it fires anyway
        (JUST_OVER, replace(CALM, due_at=NOW)),  # it has ended anyway
        (CRITICAL, a_timer(1, due_at=NOW)),  # a step is none of this
    ],
)
def test_nothing_comes_of_time_before_it_is_up(incident: Incident, timer: Timer) -> None:
    rows = rows_of_all(incident, timer, now=NOW)

    assert passed(PLAN, rows, KEY) is None
    assert rows.incidents.rows == {1: incident}


def test_nothing_comes_of_time_for_what_is_not_known() -> None:
    assert passed(PLAN, rows_with(now=NOW), KEY) is None


def test_a_bout_that_is_calm_and_gone_has_ended() -> None:
    rows = rows_of_all(GONE, CALM, a_timer(1), a_notification(GONE, kind=Kind.ESCALATION), now=NOW)
    case = passed(PLAN, rows, KEY)

    assert case is not None
    assert (case.heard, case.id, case.flapping, case.opened_at) == (Heard.RESOLVED, 1, 0, NOON)
    over = {"state": IncidentState.RESOLVED, "ended_at": END, "closed_at": NOW, "last_seen_at": NOW}
    assert rows.incidents.rows[1] == replace(GONE, flapping=0, **over)  # type: ignore[arg-type]
    assert (due(rows), fates(rows)) == ({}, {1: Drop.RESOLVED})


@pytest.mark.parametrize(
    ("incident", "acked"),
    [
        (BOUT, False),
        (acknowledged(BOUT, NOON), False),  # of the bout
        (acknowledged(BOUT, END + MINUTE), True),  # of what stays, too
    ],
)
def test_a_bout_that_is_calm_and_there_stays(incident: Incident, acked: bool) -> None:
    rows = rows_of_all(incident, CALM, a_timer(1, due_at=NOW + MINUTE), now=NOW)
    case = passed(BY_LEVEL, rows, KEY)

    assert case is not None
    assert (case.heard, case.id, case.flapping, case.round) == (Heard.RESUMED, 1, 0, 1)
    assert case.anew is (
        incident.acked_at is not None and not acked
    )  # whoever took care of the bout is asked again
    assert case.receivers == ("dba",)
    after = rows.incidents.rows[1]
    assert (after.is_open, after.flapping, after.raised, after.began) == (True, 0, 1, (END,))
    assert (after.acked_at is not None) is acked
    assert due(rows) == {TimerKind.ESCALATE: 1}  # its steps run on


@pytest.mark.parametrize(
    ("minutes", "word", "id_"),
    [
        (1, Heard.RESUMED, 1),  # of an end that nobody was texted of
        (11, Heard.FIRST, 1000),  # as after a stop of the daemon
    ],
)
def test_what_may_have_been_an_old_copy_opens_when_the_minute_is_over(
    minutes: float, word: Heard, id_: int
) -> None:
    latest = ended(CRITICAL, NOW - minutes * MINUTE)
    rows = rows_of_all(latest, COPY, now=NOW)
    case = passed(PLAN, rows, KEY)

    assert case is not None
    assert (case.heard, case.id, case.alert.status) == (word, id_, Status.FIRING)
    assert (rows.incidents.rows[id_].is_open, rows.incidents.rows[id_].starts_at) == (True, NOON)
    assert due(rows) == {}


def test_what_may_be_an_old_copy_is_held_until_a_minute_after_the_end() -> None:
    rows = rows_with(JUST_OVER, now=NOW)
    case = heard(rows, firing(), JUST_OVER)

    assert (case.heard, case.incident_id) == (Heard.HELD_COPY, 1)
    assert due(rows) == {TimerKind.COPY: 0.5}


@pytest.mark.parametrize(
    ("alert", "held"),
    [
        (resolved(), False),
        (replace(resolved(), starts_at=None), False),
        (resolved(at=NOON - HOUR), True),  # of an episode before
        (firing(), True),
    ],
)
def test_an_end_that_follows_a_held_copy_ends_it(alert: Alert, held: bool) -> None:
    rows = rows_of_all(JUST_OVER, replace(COPY, due_at=NOW + MINUTE / 2), now=NOW)
    heard(rows, alert, JUST_OVER)

    assert bool(rows.timers.rows) is held


def test_a_notice_that_nothing_ends_is_closed_after_a_day_without_a_word() -> None:
    rows = rows_with(now=NOW)
    case = heard(rows, replace(firing(), once=True), None)
    assert due(rows) == {TimerKind.CALM: 24 * 60}

    notice, timers = rows.incidents.rows[case.id], rows.timers.rows.values()
    later = rows_of_all(notice, *timers, now=NOW + 24 * HOUR)
    assert passed(PLAN, later, KEY) is None
    assert later.incidents.rows[case.id].state is IncidentState.RESOLVED


# Silence.


@pytest.mark.parametrize("incident", [CRITICAL, acknowledged(CRITICAL), FELL])
def test_what_nothing_is_heard_of_stays_open_and_nobody_is_reminded_of_it(incident: Incident) -> None:
    told, step = a_notification(incident, state=PageState.TOLD), a_message(7)
    other = an_incident(2, firing("Other"))
    rows = rows_of_all(
        incident, other, told, step,
        told_by(step, a_notification(incident, kind=Kind.ESCALATION, id_=2)),
        a_notification(incident, kind=Kind.REMINDER, id_=3), a_notification(incident, id_=4),
        a_notification(other, kind=Kind.REMINDER, id_=5),
        a_timer(1, TimerKind.REMIND), a_timer(2, TimerKind.REMIND),
    )  # fmt: skip
    case = unheard(BY_LEVEL, rows, incident)

    assert (case.id, case.heard.suppressed, case.opened_at) == (1, True, NOON)
    assert case.receivers == ("dba",)  # of the worst that it was
    assert rows.incidents.changed == [replace(incident, state=IncidentState.UNHEARD)]
    held = PageState.HELD  # whoever was told nothing yet still hears that it fires
    step_is = Drop.UNHEARD if incident.acked_at is None else Drop.ACKNOWLEDGED
    assert fates(rows) == {1: PageState.TOLD, 2: step_is, 3: Drop.UNHEARD, 4: held, 5: held}
    assert [timer.incident_id for timer in rows.timers.rows.values()] == [2]

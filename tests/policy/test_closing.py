"""Ended by hand: for what that is news, who hears of it, and what stays to be told of its source."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import (
    a_message,
    a_notification,
    a_timer,
    an_incident,
    believing,
    ended,
    rows_of_all,
    rows_with,
    told_by,
)
from owing import DBA, ending, planned
from workbench import ALICE, BOB, NOON, firing, resolved

from sms_notify.alert import Alert, Severity
from sms_notify.policy.closing import close, ends_of
from sms_notify.policy.episodes import Episode, hear, hear_shared
from sms_notify.policy.records import Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import AckBy, Decision, Heard, IncidentState, Kind, PageState, State

MINUTE = timedelta(minutes=1)
OPEN, OVER = an_incident(1), ended(an_incident(2))


@pytest.mark.parametrize(
    ("ids", "closed"), [([], []), ([1], [1]), ([1, 1], [1]), ([2], []), ([77], []), ([2, 77, 1], [1])]
)
def test_it_is_news_for_what_is_open(ids: list[int], closed: list[int]) -> None:
    rows = rows_with(OPEN, OVER)

    assert close(rows, ids, "alice", AckBy.COMMAND) == closed
    assert sorted(rows.incidents.touched) == closed
    assert [(d.word, d.detail) for d in rows.decided] == [(Decision.CLOSED, "by alice (command)")] * len(
        closed
    )


def test_the_incident_says_by_whom_and_nothing_follows() -> None:
    rows = rows_of_all(OPEN, a_timer(1), a_notification(OPEN, BOB, Kind.ESCALATION))
    close(rows, [1], "alice", AckBy.PAGE)
    closed = rows.incidents.rows[1]

    assert (closed.state, closed.closed_at, closed.closed_by) == (IncidentState.CLOSED, NOON, "alice")
    assert rows.timers.rows == {}
    assert rows.notifications.rows[1].state is PageState.DROPPED


def told_both() -> Rows:
    told: list[Notification] = []
    rows = rows_with(OPEN)
    for number, person in enumerate((ALICE, BOB), 1):
        message = a_message(number, person, State.DELIVERED)
        rows.messages.load(message.id, message)
        told.append(told_by(message, a_notification(OPEN, person, id_=number, receiver="dba")))
    for n in told:
        rows.load_notification(n)
    return believing(rows)


@pytest.mark.parametrize(
    ("by", "hear_it"), [("carol", ["alice", "bob"]), ("alice", ["bob"]), ("bob", ["alice"])]
)
def test_whoever_believes_that_it_fires_hears_it_but_for_whoever_closed_it(
    by: str, hear_it: list[str]
) -> None:
    rows, plan = told_both(), planned(DBA, replace(DBA, name="oncall"))
    closed = close(rows, [1], by, AckBy.COMMAND)
    owed = ends_of(plan, rows, ending(plan, rows), closed)

    assert [n.person.name for n in owed] == hear_it
    assert {(n.kind, n.subject.closed_by, n.bundle) for n in owed} == {(Kind.RESOLVED, by, f"closed by {by}")}


def test_what_nobody_was_told_of_is_closed_in_silence() -> None:
    rows, plan = rows_with(OPEN), planned(DBA, replace(DBA, name="oncall"))

    assert ends_of(plan, rows, ending(plan, rows), close(rows, [1], "alice", AckBy.COMMAND)) == []


# Repeats of it.

CLOSED = Episode(
    1, NOON - 60 * MINUTE, NOON - 60 * MINUTE, closed_at=NOON, level=Severity.WARNING, by_hand=True
)


def at(minutes: int) -> datetime:
    return NOON + minutes * MINUTE


@pytest.mark.parametrize(
    ("alert", "word"),
    [
        (firing(severity="warning", at=at(-60)), Heard.CLOSED),
        (firing(severity="warning", at=None), Heard.CLOSED),
        (firing(severity="info", at=at(-60)), Heard.CLOSED),
        (firing(severity="warning", at=at(-57)), Heard.CLOSED),  # the other Prometheus of a pair
        (firing(severity="warning", at=at(-50)), Heard.FIRST),
        (firing(severity="warning", at=at(1)), Heard.FIRST),
        (firing(severity="critical", at=at(-60)), Heard.FIRST),
        (replace(firing(severity="warning", at=at(1)), start_told=False), Heard.CLOSED),
        (resolved(severity="warning", end=at(5)), Heard.CLOSED),
    ],
)
def test_a_repeat_is_no_news_but_a_later_start_is_and_so_is_what_is_worse(alert: Alert, word: Heard) -> None:
    assert hear(alert, CLOSED, alert.severity, at(10)) is word


def test_a_start_before_the_close_is_no_later_one_where_none_was_known() -> None:
    known = replace(CLOSED, starts_at=None)

    assert hear(firing(severity="warning", at=at(-1)), known, Severity.WARNING, at(10)) is Heard.CLOSED
    assert hear(firing(severity="warning", at=at(1)), known, Severity.WARNING, at(10)) is Heard.FIRST


def test_the_start_that_was_closed_is_no_later_one_where_the_clock_of_its_source_is_ahead() -> None:
    ahead = replace(CLOSED, starts_at=at(60))

    assert hear(firing(severity="warning", at=at(60)), ahead, Severity.WARNING, at(10)) is Heard.CLOSED
    assert hear(firing(severity="warning", at=at(70)), ahead, Severity.WARNING, at(10)) is Heard.FIRST


OWN = Episode(1, NOON - 30 * MINUTE, NOON - 30 * MINUTE)


@pytest.mark.parametrize(
    ("alert", "own", "word"),
    [
        (firing(severity="warning", at=at(-30)), OWN, Heard.CLOSED),
        (firing(severity="warning", at=at(1)), OWN, Heard.FIRST),
        (firing(severity="critical", at=at(-30)), OWN, Heard.FIRST),
        (firing(severity="warning", at=at(-30)), None, Heard.FIRST),  # it was not a part of it
        (firing(severity="warning", at=at(-30)), replace(OWN, closed_at=at(5)), Heard.FIRST),
        (resolved(severity="warning", end=at(5)), OWN, Heard.CLOSED),
        (resolved(severity="warning", end=at(5)), None, Heard.NEVER_FIRED),
    ],
)
def test_of_a_shared_incident_each_source_repeats_and_ends_its_own_part(
    alert: Alert, own: Episode | None, word: Heard
) -> None:
    assert hear_shared(alert, CLOSED, own, alert.severity, False, at(10)) is word

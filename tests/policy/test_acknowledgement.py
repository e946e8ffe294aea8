"""Somebody takes care of it: for which incidents that is news, and what does not follow any more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_member, a_message, a_notification, a_timer, an_incident, rows_of_all, rows_with, told_by
from workbench import ALICE, BOB, NOON, a_plan, firing

from sms_notify.alert import Acknowledged, Unacknowledged
from sms_notify.policy.acknowledgement import (
    acknowledge,
    acknowledge_there,
    end_acknowledgement,
    taken_back_there,
)
from sms_notify.policy.records import Incident, Member, TimerKind
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import (
    AckBy,
    AckEnd,
    Cause,
    Decision,
    Drop,
    IncidentState,
    Kind,
    PageState,
    State,
)

PLAN = a_plan()
EARLIER, LATER = NOON - timedelta(minutes=5), NOON + timedelta(minutes=5)
OPEN = an_incident(1)
OTHER = an_incident(2, firing("DiskFull"))
TAKEN = an_incident(3, state=IncidentState.ACKNOWLEDGED, acked_at=EARLIER, acked_by="bob", acked_how="link")
OVER = an_incident(4, state=IncidentState.RESOLVED, ended_at=EARLIER, closed_at=EARLIER)
LEFT = an_incident(5, state=IncidentState.UNHEARD, closed_at=EARLIER)  # a newer episode has taken its place
SILENT = an_incident(6, firing("Silent"), state=IncidentState.UNHEARD)


def said(rows: Rows) -> list[tuple[int | None, str]]:
    return [(d.incident_id, d.detail) for d in rows.decided if d.word is Decision.ACKNOWLEDGED]


@pytest.mark.parametrize(
    ("ids", "news"),
    [
        ([], []),
        ([1], [1]),
        ([1, 2], [1, 2]),
        ([2, 1], [2, 1]),
        ([1, 1], [1]),
        ([3], []),
        ([4], []),
        ([5], []),
        ([6], [6]),  # nothing is heard of it, and it may be there
        ([77], []),
        ([4, 2, 77, 3, 1], [2, 1]),
    ],
)
def test_it_is_news_for_what_is_open_and_nobody_else_took(ids: list[int], news: list[int]) -> None:
    rows = rows_with(OPEN, OTHER, TAKEN, OVER, LEFT, SILENT, now=LATER)

    assert acknowledge(PLAN, rows, ids, "alice", AckBy.PAGE) == news
    assert sorted(rows.incidents.touched) == sorted(news)
    assert [id_ for id_, _ in said(rows)] == news


def test_the_incident_says_who_took_it_when_and_by_what_road_and_stays_open() -> None:
    rows = rows_with(OPEN, now=LATER)
    acknowledge(PLAN, rows, [1], "alice", AckBy.LINK)
    taken = rows.incidents.rows[1]

    assert (taken.state, taken.is_open) == (IncidentState.ACKNOWLEDGED, True)
    assert (taken.acked_at, taken.acked_by, taken.acked_how) == (LATER, "alice", AckBy.LINK)


@pytest.mark.parametrize(
    ("comment", "detail"),
    [
        ("", "by alice (command)"),
        (" \n ", "by alice (command)"),
        ("on my way", "by alice (command): on my way"),
        ("on\n my\t way ", "by alice (command): on my way"),
        ("x" * 200, "by alice (command): " + "x" * 200),
        ("x" * 201, "by alice (command): " + "x" * 200),
    ],
)
def test_the_decision_keeps_the_comment_on_one_line_of_200_characters(comment: str, detail: str) -> None:
    rows = rows_with(OPEN)
    acknowledge(PLAN, rows, [1], "alice", AckBy.COMMAND, comment)

    assert said(rows) == [(1, detail)]


def test_no_step_and_no_reminder_of_it_is_due_any_more_but_those_of_others_are() -> None:
    timers = [a_timer(1), a_timer(1, TimerKind.REMIND), a_timer(1, receiver="dba"), a_timer(2)]
    calm = a_timer(1, TimerKind.CALM, receiver="")  # whoever takes care of it does not make it calm
    rows = rows_of_all(OPEN, OTHER, *timers, calm)
    acknowledge(PLAN, rows, [1], "alice", AckBy.COMMAND)

    assert list(rows.timers.rows.values()) == [a_timer(2), calm]


@pytest.mark.parametrize(
    ("kind", "dropped"),
    [(Kind.FIRING, False), (Kind.RESOLVED, False), (Kind.ESCALATION, True), (Kind.REMINDER, True)],
)
def test_a_held_step_or_reminder_is_dropped_and_a_first_text_is_told_all_the_same(
    kind: Kind, dropped: bool
) -> None:
    rows = rows_with(OPEN, a_notification(OPEN, BOB, kind))
    acknowledge(PLAN, rows, [1], "alice", AckBy.COMMAND)
    n = rows.notifications.rows[1]

    assert n.state is (PageState.DROPPED if dropped else PageState.HELD)
    assert n.why is Drop.ACKNOWLEDGED or not dropped


@pytest.mark.parametrize(
    ("kind", "state", "ambiguous", "becomes"),
    [
        (Kind.ESCALATION, State.QUEUED, 0, State.CANCELLED),
        (Kind.REMINDER, State.QUEUED, 0, State.CANCELLED),
        (Kind.ESCALATION, State.QUEUED, 1, State.UNKNOWN_FINAL),  # it may have left once
        (Kind.ESCALATION, State.SUBMITTING, 0, State.SUBMITTING),
        (Kind.ESCALATION, State.SENT, 0, State.SENT),
        (Kind.FIRING, State.QUEUED, 1, State.QUEUED),
    ],
)
def test_a_step_that_waits_to_leave_is_taken_back(
    kind: Kind, state: State, ambiguous: int, becomes: State
) -> None:
    message = a_message(state=state, ambiguous=ambiguous)
    rows = rows_with(OPEN, message, told_by(message, a_notification(OPEN, BOB, kind)))
    acknowledge(PLAN, rows, [1], "alice", AckBy.COMMAND)

    assert rows.messages.rows[1].state is becomes
    assert [entry.reason for _, _, entry in rows.ledger] == [Cause.ACKNOWLEDGED] * (becomes is not state)


@pytest.mark.parametrize(
    ("kind", "acked", "cause", "left"),
    [
        (Kind.ESCALATION, [1], Cause.SUPERSEDED, [2]),  # of the other one nobody takes care
        (Kind.ESCALATION, [1, 2], Cause.ACKNOWLEDGED, []),
        (Kind.FIRING, [1], Cause.SUPERSEDED, [1, 2]),  # it is to say who takes care of the one
        (Kind.FIRING, [1, 2], Cause.SUPERSEDED, [1, 2]),
    ],
)
def test_a_waiting_text_is_worded_anew_when_somebody_takes_care_of_anything_in_it(
    kind: Kind, acked: list[int], cause: Cause, left: list[int]
) -> None:
    message = a_message()
    told = [a_notification(one, BOB, kind, one.id) for one in (OPEN, OTHER)]
    rows = rows_with(OPEN, OTHER, message, *(told_by(message, n) for n in told))
    acknowledge(PLAN, rows, acked, "alice", AckBy.COMMAND)

    assert [(state, entry.reason) for _, state, entry in rows.ledger] == [(State.CANCELLED, cause)]
    assert [n.incident_id for n in rows.all_held()] == left


SHARED = an_incident(6, firing("Outage"), source="dedup")
SHARED_OVER = an_incident(7, firing("Outage"), source="dedup", closed_at=EARLIER)


@pytest.mark.parametrize(
    ("loaded", "taken"),
    [
        ([], []),
        ([OPEN], [1]),
        ([OTHER], []),  # an alert of another name
        ([OVER], []),
        ([OVER, an_incident(8)], [8]),  # of two episodes the latest
        ([SHARED, a_member(SHARED, firing())], [6]),
        ([SHARED, a_member(SHARED, firing("DiskFull"))], []),
        ([SHARED_OVER, a_member(SHARED_OVER, firing())], []),
        ([OPEN, SHARED, a_member(SHARED, firing())], [1]),  # its own goes before the one that it is part of
        ([OVER, SHARED, a_member(SHARED, firing())], [6]),
        ([SHARED, SHARED_OVER, a_member(SHARED, firing()), a_member(SHARED_OVER, firing())], [6]),
    ],
)
def test_an_acknowledgement_in_the_monitoring_system_is_of_the_incident_that_the_alert_has_or_is_part_of(
    loaded: Iterable[Incident | Member], taken: list[int]
) -> None:
    rows = rows_of_all(*loaded)
    acknowledge_there(PLAN, rows, Acknowledged("alertmanager", firing().fingerprint, ALICE.name, "on it"))

    detail = "by alice (source): on it"
    assert said(rows) == [(id_, detail) for id_ in taken]
    assert sorted(rows.incidents.touched) == taken


# What ends it.

FIRES = Acknowledged("alertmanager", firing().fingerprint, "op", made_at=NOON)


def acknowledged_there(made_at: datetime | None = NOON) -> Rows:
    rows = rows_with(OPEN)
    acknowledge_there(PLAN, rows, replace(FIRES, made_at=made_at))
    return rows


@pytest.mark.parametrize(
    ("source", "fingerprint", "made_at", "taken"),
    [
        ("alertmanager", firing().fingerprint, LATER, True),
        ("alertmanager", firing().fingerprint, None, True),
        ("alertmanager", firing().fingerprint, NOON, False),  # the very same moment is not later
        ("alertmanager", firing().fingerprint, EARLIER, False),
        ("nagios", firing().fingerprint, LATER, False),
        ("alertmanager", firing("DiskFull").fingerprint, LATER, False),
    ],
)
def test_only_whoever_made_it_takes_it_back_and_only_later(
    source: str, fingerprint: str, made_at: datetime | None, taken: bool
) -> None:
    rows = acknowledged_there()
    said = Unacknowledged(source, fingerprint, "op", made_at)

    assert taken_back_there(rows, said) == (1 if taken else None)


@pytest.mark.parametrize("how", [how for how in AckBy if how is not AckBy.SOURCE])
def test_no_monitoring_system_takes_back_what_was_acknowledged_otherwise(how: AckBy) -> None:
    rows = rows_with(OPEN)
    acknowledge(PLAN, rows, [1], "alice", how)

    assert taken_back_there(rows, Unacknowledged(OPEN.source, OPEN.fingerprint, "op")) is None


def test_of_an_acknowledgement_without_a_time_every_word_is_later() -> None:
    said = Unacknowledged("alertmanager", firing().fingerprint, "op", EARLIER)

    assert taken_back_there(acknowledged_there(made_at=None), said) == 1


def test_of_two_sources_of_one_incident_the_one_that_acknowledged_takes_it_back() -> None:
    one, two = firing(), firing("DiskFull")
    rows = rows_of_all(SHARED, a_member(SHARED, one), a_member(SHARED, two))
    acknowledge_there(PLAN, rows, Acknowledged(one.source, one.fingerprint, "op"))

    assert taken_back_there(rows, Unacknowledged(two.source, two.fingerprint, "op")) is None
    assert taken_back_there(rows, Unacknowledged(one.source, one.fingerprint, "op")) == SHARED.id


def test_one_that_comes_with_a_rise_is_void_and_says_so() -> None:
    rows = rows_with(OPEN)
    acknowledge_there(PLAN, rows, FIRES, raised={1})

    assert rows.incidents.rows[1] == OPEN
    assert [(d.word, d.detail) for d in rows.decided] == [
        (Decision.UNACKNOWLEDGED, "by op (source): it came with a rise of the severity")
    ]


@pytest.mark.parametrize(
    ("ids", "ref", "ended"),
    [
        ([], "", []),
        ([1], "", []),  # nobody had acknowledged it
        ([3], "", [3]),
        ([3, 3], "", [3]),
        ([3], "the silence", []),  # something else made it
        ([4], "", []),
        ([77], "", []),
    ],
)
def test_it_is_news_for_what_is_open_and_was_acknowledged(ids: list[int], ref: str, ended: list[int]) -> None:
    rows = rows_with(OPEN, TAKEN, OVER, now=LATER)

    assert end_acknowledgement(rows, ids, "alice", AckEnd.COMMAND, ref=ref) == ended
    assert sorted(rows.incidents.touched) == ended


def test_an_incident_without_its_acknowledgement_is_open_and_in_a_new_round() -> None:
    rows = rows_with(replace(TAKEN, ack_until=LATER, acked_made_at=EARLIER, acked_ref="the silence"))
    assert end_acknowledgement(rows, [3], "op", AckEnd.SILENCE_ENDED, ref="the silence") == [3]
    freed = rows.incidents.rows[3]

    assert (freed.state, freed.acked_at, freed.acked_by, freed.acked_how) == (
        IncidentState.OPEN,
        None,
        "",
        "",
    )
    assert (freed.ack_until, freed.acked_made_at, freed.raised) == (None, None, TAKEN.raised + 1)
    # The same silence must not make it again.
    assert freed.acked_ref == "the silence"
    assert [d.detail for d in rows.decided] == ["by op (silence_ended)"]


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("labels", "oncall", "dba", "until"),
    [
        ({}, None, None, None),
        ({}, 2 * HOUR, HOUR, NOON + 2 * HOUR),
        ({"team": "dba"}, 2 * HOUR, HOUR, NOON + HOUR),
        ({"team": "dba"}, 2 * HOUR, None, None),
        ({"team": "all"}, HOUR, 2 * HOUR, NOON + HOUR),  # of two receivers the shorter
        ({"team": "all"}, None, 2 * HOUR, NOON + 2 * HOUR),
    ],
)
def test_it_lapses_after_the_shortest_time_of_its_receivers(
    labels: dict[str, str], oncall: timedelta | None, dba: timedelta | None, until: datetime | None
) -> None:
    receivers = {
        **PLAN.receivers,
        "oncall": replace(PLAN.receivers["oncall"], ack_expires=oncall),
        "dba": replace(PLAN.receivers["dba"], ack_expires=dba),
    }
    rows = rows_with(an_incident(1, firing(**labels)))
    acknowledge(replace(PLAN, receivers=receivers), rows, [1], "alice", AckBy.COMMAND)

    assert rows.incidents.rows[1].ack_until == until

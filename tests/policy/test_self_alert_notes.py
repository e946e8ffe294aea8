"""Our own problems that a step finds: which of them are noted, under what name, and how loud."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from made import a_message, a_notification, acknowledged, an_incident, ended, rows_with, told_by
from workbench import ALICE, BOB, NOON, firing

from sms_notify.alert import Severity
from sms_notify.policy.directory import Person
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.records import Incident, Message
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.policy.rows import Rows
from sms_notify.policy.self_alert_notes import (
    LostNote,
    Particular,
    may_have_reached,
    name_of,
    note_id,
    note_lost,
    note_nobody,
    note_unaddressed,
    note_unpaid,
)
from sms_notify.policy.vocabulary import Kind, PageState, State

ONE, TWO = an_incident(1), an_incident(2)
MILD = an_incident(3, firing(severity="warning"))
TAG, OTHER = f"#{tag_of(1)}", f"#{tag_of(2)}"
NOBODY, UNREAD = Particular.NOBODY, Particular.UNREAD


def names(rows: Rows) -> list[tuple[Particular | None, str]]:
    return [(note.particular, note.name) for note in rows.notes]


def telling(text: Message, *told: Incident, kind: Kind = Kind.FIRING) -> Rows:
    listed = [told_by(text, a_notification(one, ALICE, kind, id_)) for id_, one in enumerate(told, 1)]
    return rows_with(ONE, TWO, MILD, text, *listed)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("main", "number", "+32470000001", 12), "main/number/+32470000001/12"),
        (("main", "account", ""), "main/account//"),  # what all problems of this breaker begin with
        (("oncall", "ahead", "primary", "20261123T0900"), "oncall/ahead/primary/20261123T0900"),
    ],
)
def test_a_problem_that_lasts_is_known_by_where_it_is(parts: tuple[str, ...], expected: str) -> None:
    assert note_id(*parts) == expected


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        (ALICE, "alice"),
        (Person("+32470000001", "+32470000001"), "+32******001"),
        (Person("gateway-group:night", "group:night"), "gateway-group:night"),
    ],
)
def test_a_bare_number_is_named_only_as_far_as_its_owner_knows_it(person: Person, expected: str) -> None:
    assert name_of(person.name, person.number) == expected


@pytest.mark.parametrize(
    ("text", "told", "kind", "expected"),
    [
        (a_message(7), [ONE], Kind.FIRING, [(NOBODY, TAG)]),
        (a_message(7), [ONE], Kind.ESCALATION, [(NOBODY, TAG)]),
        (a_message(7, kind=Kind.REMINDER), [ONE], Kind.REMINDER, [(NOBODY, TAG)]),
        (a_message(7), [TWO, ONE], Kind.FIRING, [(NOBODY, TAG), (NOBODY, OTHER)]),
        (a_message(7, kind=Kind.DIGEST), [ONE, MILD], Kind.FIRING, [(NOBODY, TAG)]),
        (a_message(7), [], Kind.FIRING, [(NOBODY, "m7")]),
        (a_message(7), [MILD], Kind.FIRING, [(NOBODY, "m7")]),  # a critical text of nothing critical
        (a_message(7, kind=Kind.DIGEST), [ONE], Kind.RESOLVED, [(NOBODY, "m7")]),
        (a_message(7, severity=Severity.WARNING), [MILD], Kind.FIRING, []),
        (a_message(7, severity=Severity.WARNING), [ONE], Kind.FIRING, []),
        (a_message(7, kind=Kind.RESOLVED), [ONE], Kind.RESOLVED, []),
        (a_message(7, kind=Kind.MANUAL), [], Kind.FIRING, []),
        (a_message(7, kind=Kind.HANDOFF), [], Kind.FIRING, []),
    ],
)
def test_each_critical_incident_of_a_lost_page_is_noted_once(
    text: Message, told: list[Incident], kind: Kind, expected: list[tuple[Particular, str]]
) -> None:
    rows = telling(text, *told, kind=kind)
    note_lost(rows, text, State.FAILED, "barred")

    assert names(rows) == expected
    assert rows.lost == []
    assert {(note.urgency, note.gateway) for note in rows.notes} <= {(Urgency(Level.PAGE), "main")}


@pytest.mark.parametrize(
    ("state", "of", "reached"),
    [
        (State.QUEUED, {}, True),  # another text may still reach somebody
        (State.SUBMITTING, {}, True),
        (State.UNKNOWN, {}, False),  # perhaps: as long as nobody knows, it counts as told nowhere
        (State.SENT, {}, True),
        (State.DELIVERED, {}, True),
        (State.NO_REPORT, {}, True),
        (State.UNKNOWN_FINAL, {}, False),  # given up: nobody is known to have it
        (State.FAILED, {}, False),
        (State.CANCELLED, {}, False),
        (State.DELIVERED, {"kind": Kind.RESOLVED}, False),
        (State.DELIVERED, {"kind": Kind.REMINDER}, True),
        (State.DELIVERED, {"state": PageState.HELD}, False),
        (State.DELIVERED, {"subject": TWO.subject}, False),
    ],
)
def test_a_problem_has_reached_nobody_where_no_other_text_may_tell_it(
    state: State, of: dict[str, object], reached: bool
) -> None:
    rows, other = telling(a_message(7), ONE), a_message(8, BOB, state)
    rows.messages.load(8, other)
    rows.load_notification(replace(told_by(other, a_notification(ONE, BOB, id_=20)), **of))  # type: ignore[arg-type]

    assert may_have_reached(rows, 1, beside=7) is reached
    note_lost(rows, rows.messages.rows[7], State.EXPIRED, "too_old")
    assert names(rows) == [(UNREAD, f"alice/{TAG}") if reached else (NOBODY, TAG)]


def test_a_note_says_whose_text_was_lost_how_and_what_to_do() -> None:
    rows = telling(a_message(7), ONE)
    note_lost(rows, rows.messages.rows[7], State.FAILED, "error_code 40")

    (note,) = rows.notes
    assert note.what == (
        f"critical {TAG} reached nobody, as far as is known: the text to alice is failed (error_code 40)"
    )
    assert "sms-notify explain" in note.advice


@pytest.mark.parametrize("severity", [Severity.CRITICAL, Severity.INFO])
def test_a_text_to_the_operator_that_is_lost_has_told_nothing(severity: Severity) -> None:
    told_at = NOON - timedelta(minutes=3)
    text = a_message(7, kind=Kind.OPERATOR, severity=severity, created_at=told_at)
    rows = rows_with(text)
    note_lost(rows, text, State.FAILED, "barred")

    assert (rows.lost, rows.notes) == ([LostNote(7, told_at)], [])


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([], []),
        ([1], [(Particular.GAP, f"oncall/{TAG}")]),
        ([2, 1, 2], [(Particular.GAP, f"oncall/{OTHER}"), (Particular.GAP, f"oncall/{TAG}")]),
    ],
)
def test_each_incident_that_a_gap_left_untold_is_noted_once(
    ids: list[int], expected: list[tuple[Particular, str]]
) -> None:
    rows = rows_with()
    note_nobody(rows, "oncall", ids)

    assert names(rows) == expected
    assert all(note.urgency.level is Level.PAGE and "receiver oncall" in note.what for note in rows.notes)


@pytest.mark.parametrize(
    ("incidents", "asked", "expected"),
    [
        ([ONE], [1], [(Particular.GONE, TAG)]),
        ([acknowledged(ONE)], [1], [(Particular.GONE, TAG)]),
        ([ended(ONE)], [1], []),
        ([], [1], []),
        ([ONE, TWO], [2, 1, 2], [(Particular.GONE, OTHER), (Particular.GONE, TAG)]),
    ],
)
def test_an_open_incident_whose_reader_is_configured_no_more_is_noted_quietly(
    incidents: list[Incident], asked: list[int], expected: list[tuple[Particular, str]]
) -> None:
    rows = rows_with(*incidents)
    note_unaddressed(rows, iter(asked))

    assert names(rows) == expected
    assert all(note.urgency == Urgency(Level.TICKET) for note in rows.notes)


def test_a_budget_that_is_spent_is_one_problem_for_each_gateway_and_told_anew_while_it_lasts() -> None:
    rows = rows_with()
    note_unpaid(rows, "main", "credits_per_hour")

    (note,) = rows.notes
    assert (note.particular, note.name) == (None, "/budget/main/credits_per_hour")
    assert (note.gateway, note.urgency, note.again) == ("main", Urgency(Level.PAGE), True)
    assert note.what == "critical texts wait: credits_per_hour and the reserve are spent"


@pytest.mark.parametrize(
    ("severity", "kind", "level", "begins"),
    [
        (Severity.CRITICAL, Kind.FIRING, Level.PAGE, "critical #snsb reached nobody"),
        (Severity.WARNING, Kind.FIRING, Level.TICKET, "warning #snsb reached nobody"),
        (Severity.WARNING, Kind.RESOLVED, Level.TICKET, "the end of warning #snsb: the text to alice"),
    ],
)
def test_what_was_given_up_is_noted_whatever_its_severity(
    severity: Severity, kind: Kind, level: Level, begins: str
) -> None:
    told = an_incident(1, firing(severity=severity))
    text = a_message(7, state=State.UNKNOWN_FINAL, severity=severity, kind=kind)
    rows = rows_with(told, text, n := told_by(text, a_notification(told, kind=kind)))
    note_lost(rows, text, State.UNKNOWN_FINAL, "no_evidence", [n])

    (note,) = rows.notes
    assert (note.urgency.level, note.what.startswith(begins)) == (level, True)

"""What an answer means for a text that may have moved on, what it is held against, and when a failure is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from made import a_message
from workbench import NOON

from sms_notify.policy.account import Account, TextLimits
from sms_notify.policy.answers import (
    NO_SENDER_LEFT,
    UNREPORTED,
    entry_of,
    held_against,
    is_current,
    poll_at,
    proves,
    urgency_of,
)
from sms_notify.policy.outcomes import Fate, Outcome, Reason, Refusal
from sms_notify.policy.records import Entry
from sms_notify.policy.retry_policy import BY_REFUSAL, Break, Level, Reaction, Scope, Then, Urgency, react
from sms_notify.policy.vocabulary import Cause, State

MINUTE = timedelta(minutes=1)
TAKEN = Outcome(Fate.SENT, Reason.OK, smsid="7")
SILENCE = Outcome(Fate.UNKNOWN, Reason.TIMEOUT)


@pytest.mark.parametrize(
    ("state", "ambiguous", "outcome", "expected"),
    [
        (State.UNKNOWN, 1, TAKEN, True),
        (State.QUEUED, 1, TAKEN, True),  # a resend waits
        (State.QUEUED, 0, TAKEN, False),
        (State.SUBMITTING, 0, TAKEN, False),
        (State.SENT, 1, TAKEN, False),
        (State.UNKNOWN_FINAL, 1, TAKEN, True),  # the second text may not have left yet
        (State.UNKNOWN, 1, SILENCE, False),
        (State.QUEUED, 1, Outcome(Fate.REFUSED, Reason.ERROR_CODE, 106, refusal=Refusal.NUMBER), False),
    ],
)
def test_an_answer_that_took_the_text_proves_an_attempt_that_had_none(
    state: State, ambiguous: int, outcome: Outcome, expected: bool
) -> None:
    assert proves(a_message(state=state, ambiguous=ambiguous), outcome) is expected


@pytest.mark.parametrize(
    ("state", "reference", "expected"),
    [
        (State.SUBMITTING, "r1", True),
        (State.UNKNOWN, "r1", True),
        (State.SUBMITTING, "r2", False),  # it is being sent again
        (State.UNKNOWN, "r2", False),
        (State.QUEUED, "r1", False),
        (State.DELIVERED, "r1", False),  # a report was faster
    ],
)
def test_an_answer_ends_the_last_attempt_alone_and_only_once(
    state: State, reference: str, expected: bool
) -> None:
    assert is_current(a_message(state=state, reference=reference), "r1") is expected


def test_the_ledger_hears_how_long_the_text_took() -> None:
    outcome = Outcome(Fate.REFUSED, Reason.ERROR_CODE, 106, refusal=Refusal.NUMBER, detail="ERROR 106")

    assert entry_of(a_message(), outcome, NOON + MINUTE) == Entry(Reason.ERROR_CODE, 106, 60.0, "ERROR 106")


@pytest.mark.parametrize(
    ("first_poll", "smsid", "expected"),
    [(MINUTE, "7", NOON + MINUTE), (MINUTE, None, None), (MINUTE, "", None), (None, "7", None)],
)
def test_a_report_is_asked_for_where_there_is_an_id_to_ask_by(
    first_poll: timedelta | None, smsid: str | None, expected: object
) -> None:
    account = Account("main", "ACME", first_poll=first_poll, limits=TextLimits(160, 153, 3))

    assert poll_at(account, Outcome(Fate.SENT, Reason.OK, smsid=smsid), NOON) == expected


def test_without_reports_what_was_taken_is_final() -> None:
    assert (State.NO_REPORT, Entry(Cause.REPORTS_OFF)) == UNREPORTED
    assert UNREPORTED[0].final


def breaking(scope: Scope, count: int = 1) -> Reaction:
    return Reaction(Then.WAIT, breaks=Break(scope, count, MINUTE, MINUTE), self_alert=Urgency(Level.PAGE))


@pytest.mark.parametrize(
    ("scope", "number", "counts", "subject"),
    [
        (Scope.ACCOUNT, "+32470000001", True, ""),
        (Scope.CREDITS, "+32470000001", True, ""),
        (Scope.SENDER, "+32470000001", True, "ACME"),
        (Scope.NUMBER, "+32470000001", True, "+32470000001"),
        (Scope.COUNTRY, "+32470000001", True, "+32"),
        (Scope.NO_LONG, "+352621000001", True, "+352"),
        (Scope.ACCOUNT, "group:team", True, ""),
        (Scope.SENDER, "group:team", True, "ACME"),
        (Scope.NUMBER, "group:team", False, "team"),
        (Scope.COUNTRY, "group:team", False, "team"),
        (Scope.NO_LONG, "group:team", False, "team"),
    ],
)
def test_a_failure_is_held_against_what_it_is_about_and_a_group_s_against_no_number(
    scope: Scope, number: str, counts: bool, subject: str
) -> None:
    reaction = breaking(scope)

    expected = (reaction.breaks if counts else None, subject)
    assert held_against(a_message(number=number, sender="ACME"), reaction) == expected


@pytest.mark.parametrize(("number", "subject"), [("+32470000001", ""), ("group:team", "team")])
def test_a_failure_that_closes_nothing_is_told_of_a_group_by_its_name(number: str, subject: str) -> None:
    reaction = BY_REFUSAL[Refusal.NO_GROUP]

    assert held_against(a_message(number=number), reaction) == (None, subject)


@pytest.mark.parametrize(
    ("reaction", "opened", "expected"),
    [
        (breaking(Scope.NUMBER), True, Urgency(Level.PAGE)),
        (breaking(Scope.NUMBER), False, None),  # it was open, and was told
        (breaking(Scope.ACCOUNT, count=3), True, Urgency(Level.PAGE)),
        (breaking(Scope.ACCOUNT, count=3), False, Urgency(Level.PAGE, 2 * MINUTE)),
        (react(Outcome(Fate.NOT_SENT, Reason.CONNECT)), False, Urgency(Level.PAGE, 2 * MINUTE)),
        (BY_REFUSAL[Refusal.PASSING_FAULT], False, Urgency(Level.PAGE, 5 * MINUTE)),  # not sooner
        (BY_REFUSAL[Refusal.TIME], False, Urgency(Level.TICKET)),  # it breaks nothing
        (Reaction(Then.FAIL), False, None),
    ],
)
def test_what_is_told_once_a_breaker_opens_or_of_a_first_sign_later(
    reaction: Reaction, opened: bool, expected: Urgency | None
) -> None:
    assert urgency_of(reaction, reaction.breaks, opened=opened) == expected


def test_without_a_sender_nothing_leaves_and_somebody_must_act() -> None:
    rule, urgency = NO_SENDER_LEFT

    assert rule.scope.whole
    assert rule.count == 1
    assert urgency.level is Level.PAGE

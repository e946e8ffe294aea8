"""The words for what becomes of alerts and messages: what follows from each, and where a report moves a message."""

from __future__ import annotations

import itertools

import pytest

from sms_notify.policy.holds import Hold
from sms_notify.policy.outcomes import DeliveryStatus as D
from sms_notify.policy.vocabulary import Heard, Kind, State, after_report
from sms_notify.store.literals import in_list


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [
        (State.SENT, D.SUBMITTED, None),
        (State.SENT, D.BUFFERED, State.BUFFERED),
        (State.BUFFERED, D.SUBMITTED, None),
        (State.BUFFERED, D.DELIVERED, State.DELIVERED),
        (State.DELIVERED, D.NOT_DELIVERED, None),
        (State.REJECTED, D.DELIVERED, None),
        (State.NO_REPORT, D.DELIVERED, State.DELIVERED),
        (State.NO_REPORT, D.BUFFERED, None),
        (State.UNKNOWN, D.SUBMITTED, State.SENT),
        (State.UNKNOWN_FINAL, D.DELIVERED, State.DELIVERED),
        (State.SUBMITTING, D.DELIVERED, State.DELIVERED),  # the report overtook the answer
        (State.QUEUED, D.DELIVERED, None),
        (State.CANCELLED, D.DELIVERED, None),
        (State.FAILED, D.DELIVERED, None),
        (State.SENT, D.NONE, None),
    ],
)
def test_a_report_moves_a_message_forward_only(state: State, status: D, expected: State | None) -> None:
    assert after_report(state, status) is expected


def test_in_whatever_order_reports_come_the_first_final_one_stands() -> None:
    for order in itertools.permutations([D.SUBMITTED, D.BUFFERED, D.DELIVERED, D.NOT_DELIVERED]):
        state = State.SENT
        for status in order:
            state = after_report(state, status) or state
        first_final = next(status for status in order if status.final)
        assert state is (State.DELIVERED if first_final is D.DELIVERED else State.NOT_DELIVERED)


# What each report makes of each state; "-" = it moves nothing.
#                 SUBMITTED BUFFERED    DELIVERED    NOT DELIVERED    REJECTED
MOVES = """
queued            -         -           -            -                -
submitting        sent      buffered    delivered    not_delivered    rejected
unknown           sent      buffered    delivered    not_delivered    rejected
sent              -         buffered    delivered    not_delivered    rejected
buffered          -         -           delivered    not_delivered    rejected
no_report         -         -           delivered    not_delivered    rejected
delivered         -         -           -            -                -
not_delivered     -         -           -            -                -
rejected          -         -           -            -                -
failed            -         -           -            -                -
unknown_final     sent      buffered    delivered    not_delivered    rejected
expired           -         -           -            -                -
cancelled         -         -           -            -                -
"""
ROWS = [line.split() for line in MOVES.split("\n") if line]
REPORTS = (D.SUBMITTED, D.BUFFERED, D.DELIVERED, D.NOT_DELIVERED, D.REJECTED)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_report_in_every_state_moves_a_message_forward_or_not_at_all(row: list[str]) -> None:
    state, *expected = row

    found = [after_report(State(state), report) for report in REPORTS]

    assert [str(new or "-") for new in found] == expected
    assert after_report(State(state), D.NONE) is None


def test_every_state_and_every_report_stands_in_the_table_once() -> None:
    assert sorted(row[0] for row in ROWS) == sorted(State)
    assert sorted((*REPORTS, D.NONE)) == sorted(D)


# final: nothing more is done about it. arrived: the phone has it, or may have it.
STATES = {
    State.QUEUED: "",
    State.SUBMITTING: "arrived",
    State.UNKNOWN: "arrived",
    State.SENT: "arrived",
    State.BUFFERED: "arrived",
    State.NO_REPORT: "final arrived",
    State.DELIVERED: "final arrived",
    State.NOT_DELIVERED: "final",
    State.REJECTED: "final",
    State.FAILED: "final",
    State.UNKNOWN_FINAL: "final arrived",
    State.EXPIRED: "final",
    State.CANCELLED: "final",
}


@pytest.mark.parametrize("state", State)
def test_a_state_says_whether_it_is_the_last_and_whether_the_text_may_be_there(state: State) -> None:
    assert (state.final, state.may_have_arrived) == ("final" in STATES[state], "arrived" in STATES[state])


@pytest.mark.parametrize("state", State)
def test_only_what_may_have_arrived_is_reported_on_and_a_certain_end_is_never_moved(state: State) -> None:
    moved = [new for report in REPORTS if (new := after_report(state, report)) is not None]

    if moved:
        assert state.may_have_arrived
    if state.final and state not in (State.NO_REPORT, State.UNKNOWN_FINAL):  # ends for want of a report
        assert moved == []
    assert all(new.may_have_arrived or new.final for new in moved)


# alarming: somebody must know. first: its reader hears of the problem for the first time.
KINDS = {
    Kind.FIRING: "alarming first",
    Kind.ESCALATION: "alarming first",
    Kind.REMINDER: "alarming",
    Kind.DIGEST: "alarming",
    Kind.RESOLVED: "",
    Kind.UNHEARD: "",
    Kind.HANDOFF: "",
    Kind.SELF_CHECK: "",
    Kind.MANUAL: "",
    Kind.OPERATOR: "",
}


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_says_whether_somebody_must_know_and_whether_it_is_news(kind: Kind) -> None:
    assert (kind.alarming, kind.news) == ("alarming" in KINDS[kind], "first" in KINDS[kind])


# texted: somebody is told. beginning: the start of something is owed to its receivers.
OUTCOMES = {
    Heard.FIRST: "texted beginning",
    Heard.RAISED: "texted beginning",
    Heard.RESUMED: "texted beginning",
    Heard.RESOLVED: "texted",
    Heard.MILDER: "",
    Heard.FLAPPING: "",
    Heard.DUPLICATE: "",
    Heard.STILL_OPEN: "",
    Heard.HELD_COPY: "",
    Heard.OLD_COPY: "",
    Heard.OLD_END: "",
    Heard.CLOSED: "",
    Heard.NEVER_FIRED: "",
    Heard.NOBODY: "",
    Heard.KNOWN: "",
    Heard.WATCHED: "",
    Heard.NOBODY_TOLD: "",
    Heard.RESOLVED_OFF: "",
    Heard.RESOLVED_UNSENT: "",
}


def test_every_outcome_stands_in_the_table_once() -> None:
    assert sorted(OUTCOMES) == sorted(Heard)


@pytest.mark.parametrize("outcome", Heard)
def test_every_outcome_is_told_to_somebody_or_suppressed(outcome: Heard) -> None:
    assert outcome.suppressed is ("texted" not in OUTCOMES[outcome])
    assert outcome.news is ("beginning" in OUTCOMES[outcome])


def words(members: object, predicate: str) -> set[str]:
    return {str(one) for one in members if getattr(one, predicate)}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("enum", "predicate", "expected"),
    [
        (State, "lost", "not_delivered rejected failed expired cancelled"),
        (State, "without_trace", "not_delivered rejected failed expired cancelled unknown_final"),
        (State, "hopeful", "queued submitting sent buffered no_report delivered"),
        (State, "never_left", "failed cancelled expired"),
        (State, "bad_end", "failed not_delivered rejected"),
        (Kind, "news", "firing escalation"),
        (Kind, "follows_up", "escalation reminder"),
        (Kind, "configured", "firing escalation reminder resolved unheard digest handoff self_check"),
        (Heard, "news", "first raised resumed"),
        (Hold, "of_hours", "muted inactive quiet_hours"),
        (Hold, "outlasts_shifts", "now muted inactive quiet_hours too_old failed unconfirmed"),
        (Hold, "again", "failed unconfirmed"),
    ],
)
def test_which_words_belong_together(
    enum: type[State | Kind | Heard | Hold], predicate: str, expected: str
) -> None:
    assert words(enum, predicate) == set(expected.split())


def test_a_text_that_is_over_may_have_arrived_or_is_lost() -> None:
    assert all(state.may_have_arrived != state.lost for state in State if state.final)


def test_words_become_a_list_of_literals() -> None:
    assert in_list((State.SENT, State.FAILED)) == "('sent', 'failed')"

"""What becomes of a text that a gateway has not taken: once more, shorter, elsewhere, to others, or nowhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from made import (
    a_breaker,
    a_message,
    a_notification,
    acknowledged,
    an_incident,
    ended,
    moves,
    rows_with,
    told_by,
)
from workbench import ALICE, BOB, NOON

from sms_notify.alert import Severity
from sms_notify.policy.account import Account, TextLimits
from sms_notify.policy.bars import Breaker
from sms_notify.policy.directory import Directory, Person
from sms_notify.policy.outcomes import Fate, Outcome, Reason, Refusal
from sms_notify.policy.records import Entry, Incident, Message, Timer, TimerKind
from sms_notify.policy.refused_text import RefusedText
from sms_notify.policy.retry_policy import Reaction, Scope, Then
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Cause, Kind, State
from sms_notify.wording.content import Text

PAUSE = timedelta(minutes=2)
OPEN, CARED_FOR, OVER = an_incident(1), acknowledged(an_incident(2)), ended(an_incident(3))
PAGE = a_message(7, state=State.SUBMITTING, attempts=1, parts=2)
MILD = replace(PAGE, severity=Severity.WARNING)
TO_NIGHT = replace(PAGE, recipient="gateway-group:night", number="group:night")
CREW = Directory({"alice": ALICE, "bob": BOB}, {"night": ("alice", "bob")})
NO, ENTRY = Outcome(Fate.REFUSED, Reason.ERROR_CODE, 40), Entry(Reason.ERROR_CODE, 40)
REFUSED = (State.QUEUED, Reason.ERROR_CODE)
BARRED_THERE = a_breaker("spare", Scope.NUMBER, ALICE.number)
BOTH = ("main", "spare")


def account(gateways: tuple[str, ...] = ("main",), *, numbers: frozenset[str] | None = None) -> Account:
    limits = TextLimits(160, 153, 6)
    return Account("main", limits=limits, gateways=gateways, directory=CREW, numbers=numbers)


def telling(text: Message, *told: Incident, kind: Kind = Kind.FIRING) -> Rows:
    listed = [told_by(text, a_notification(one, kind=kind, id_=id_)) for id_, one in enumerate(told, 1)]
    rows = rows_with(OPEN, CARED_FOR, OVER, text, *listed)
    rows.set_timer(Timer(1, "oncall", TimerKind.ESCALATE, 1, NOON + PAUSE))
    return rows


def shorten(text: Message, refusal: Refusal | None) -> Text:
    return Text(f"short: {refusal}", 1, 9)


def settle(
    rows: Rows,
    then: Then,
    at: Account | None = None,
    tried: tuple[str, ...] = (),
    refusal: Refusal | None = None,
) -> Message:
    work = RefusedText(at or account(), rows, frozenset(tried), shorten)
    work.settle(rows.messages.rows[7], replace(NO, refusal=refusal), Reaction(then), ENTRY, PAUSE)
    return rows.messages.rows[7]


@pytest.mark.parametrize("then", [Then.RETRY, Then.FAIL, Then.ELSEWHERE, Then.RECUT])
@pytest.mark.parametrize(
    ("text", "told", "kind", "state", "cause"),
    [
        (PAGE, [OVER], Kind.FIRING, State.CANCELLED, Cause.RESOLVED_MEANWHILE),
        (TO_NIGHT, [OVER], Kind.FIRING, State.CANCELLED, Cause.RESOLVED_MEANWHILE),
        (replace(PAGE, ambiguous=1), [OVER], Kind.FIRING, State.UNKNOWN_FINAL, Cause.RESOLVED_MEANWHILE),
        (replace(PAGE, kind=Kind.REMINDER), [CARED_FOR], Kind.REMINDER, State.CANCELLED, Cause.ACKNOWLEDGED),
        (replace(PAGE, kind=Kind.ESCALATION), [OVER, CARED_FOR], Kind.ESCALATION, State.CANCELLED,
         Cause.ACKNOWLEDGED),
    ],
)  # fmt: skip
def test_what_nobody_waits_for_any_more_is_taken_back_however_it_was_refused(
    then: Then, text: Message, told: list[Incident], kind: Kind, state: State, cause: Cause
) -> None:
    rows = telling(text, *told, kind=kind)
    settle(rows, then)

    assert (moves(rows), rows.notes) == ([(7, state, cause)], [])


def test_an_end_that_was_refused_is_tried_again() -> None:
    rows = telling(replace(PAGE, kind=Kind.RESOLVED), OVER, kind=Kind.RESOLVED)
    settle(rows, Then.RETRY)

    assert moves(rows) == [(7, *REFUSED)]


@pytest.mark.parametrize(("ambiguous", "needless"), [(0, True), (1, False)])
def test_the_end_of_what_was_taken_back_is_no_news_to_its_reader(ambiguous: int, needless: bool) -> None:
    rows, end = telling(replace(PAGE, ambiguous=ambiguous), OVER), a_message(8, kind=Kind.RESOLVED)
    rows.messages.load(8, end)
    rows.load_notification(told_by(end, a_notification(OVER, kind=Kind.RESOLVED, id_=9)))
    settle(rows, Then.RETRY)

    assert moves(rows)[1:] == [(8, State.CANCELLED, Cause.RESOLVED_MEANWHILE)] * needless


@pytest.mark.parametrize(
    ("text", "numbers", "given_up", "noted"),
    [
        (PAGE, None, False, False),  # any number may be texted
        (PAGE, {ALICE.number}, False, False),
        (PAGE, {BOB.number}, True, True),
        (replace(PAGE, kind=Kind.RESOLVED), set(), True, False),
        (replace(PAGE, kind=Kind.HANDOFF), set(), True, False),
        (replace(PAGE, kind=Kind.MANUAL), set(), False, False),
        (replace(PAGE, kind=Kind.OPERATOR), set(), False, False),
    ],
)
def test_what_was_under_way_to_a_number_that_is_configured_no_more_is_not_tried_again(
    text: Message, numbers: set[str] | None, given_up: bool, noted: bool
) -> None:
    rows = telling(text, OPEN)
    settle(rows, Then.RETRY, account(numbers=None if numbers is None else frozenset(numbers)))

    assert moves(rows) == [(7, State.CANCELLED, Cause.NOT_CONFIGURED) if given_up else (7, *REFUSED)]
    assert [note.particular for note in rows.notes] == ["gone"] * noted


@pytest.mark.parametrize("then", [Then.RETRY, Then.WAIT, Then.FAIL, Then.ELSEWHERE])
def test_what_was_under_way_to_the_old_number_of_somebody_goes_to_the_new_one_at_once(then: Then) -> None:
    rows = telling(replace(PAGE, number="+32470000009"), OPEN)
    again = settle(rows, then, account(numbers=frozenset({ALICE.number})))

    assert (again.state, again.number, again.not_before) == (State.QUEUED, ALICE.number, NOON)


@pytest.mark.parametrize("then", [Then.RETRY, Then.WAIT])
@pytest.mark.parametrize(
    ("text", "gateways", "breakers", "tried", "there"),
    [
        (PAGE, ("main",), [a_breaker()], (), "main"),
        (PAGE, BOTH, [], (), "main"),  # the first failure
        (PAGE, BOTH, [a_breaker()], (), "spare"),
        (PAGE, BOTH, [a_breaker(), a_breaker("spare")], (), "main"),
        (PAGE, BOTH, [a_breaker(), BARRED_THERE], (), "main"),
        (PAGE, BOTH, [a_breaker()], BOTH, "spare"),
        (replace(PAGE, attempts=2), BOTH, [], ("main",), "spare"),
        (replace(PAGE, attempts=2), BOTH, [], BOTH, "main"),  # it was tried there
        (replace(MILD, attempts=2), BOTH, [a_breaker()], ("main",), "main"),  # the rest waits for `fail_over`
        (PAGE, ("spare",), [], (), "spare"),  # nobody serves this one's queue any more
        (PAGE, ("spare", "last"), [a_breaker("spare")], (), "spare"),
    ],
)
def test_it_is_tried_again_after_a_pause_or_at_once_where_another_gateway_takes_a_critical_page(
    then: Then, text: Message, gateways: tuple[str, ...], breakers: list[Breaker], tried: tuple[str, ...], there: str
) -> None:  # fmt: skip
    rows = telling(text, OPEN)
    rows.breakers = breakers
    again = settle(rows, then, account(gateways), tried)

    moved = there != "main"
    assert (again.gateway, again.not_before) == (there, NOON if moved else NOON + PAUSE)
    cause = Cause.FAIL_OVER if "main" in gateways else Cause.GATEWAY_GONE
    assert moves(rows) == [(7, *REFUSED), *([(7, State.QUEUED, cause)] if moved else [])]


@pytest.mark.parametrize(
    ("text", "refusal", "short"),
    [
        (PAGE, Refusal.NO_CREDITS, True),  # one credit may be left
        (replace(PAGE, parts=1), Refusal.NO_CREDITS, False),
        (MILD, Refusal.NO_CREDITS, False),
        (PAGE, Refusal.MAINTENANCE, False),
    ],
)
def test_a_critical_page_of_several_parts_waits_for_credits_as_one_part(
    text: Message, refusal: Refusal, short: bool
) -> None:
    again = settle(telling(text, OPEN), Then.WAIT, refusal=refusal)

    expected = ("short: None", 1, 1) if short else (text.body, text.parts, 0)
    assert (again.body, again.parts, again.recuts) == expected


@pytest.mark.parametrize("then", [Then.RECUT, Then.REWORD])
@pytest.mark.parametrize(
    ("recuts", "ambiguous", "state"),
    [
        (0, 0, State.QUEUED),
        (1, 0, State.QUEUED),
        (2, 0, State.FAILED),  # then it is not its length that is refused
        (2, 1, State.UNKNOWN_FINAL),
    ],
)
def test_what_is_too_long_is_cut_twice_and_tried_at_once(
    then: Then, recuts: int, ambiguous: int, state: State
) -> None:
    rows = telling(replace(PAGE, recuts=recuts, ambiguous=ambiguous), OPEN)
    again = settle(rows, then, refusal=Refusal.LONG_TEXT)

    assert moves(rows) == [(7, state, Reason.ERROR_CODE)]
    if state is State.QUEUED:
        assert (again.body, again.recuts, again.not_before) == ("short: long_text", recuts + 1, NOON)


@pytest.mark.parametrize(
    ("gateways", "breakers", "there"),
    [
        (("main",), [], None),
        (BOTH, [], "spare"),
        (BOTH, [a_breaker("spare")], "spare"),  # it can wait there
        (BOTH, [BARRED_THERE], None),
        (("main", "spare", "last"), [BARRED_THERE], "last"),
    ],
)
def test_what_this_gateway_will_never_take_goes_to_another_or_has_failed(
    gateways: tuple[str, ...], breakers: list[Breaker], there: str | None
) -> None:
    rows = telling(MILD, OPEN)
    rows.breakers = breakers
    again = settle(rows, Then.ELSEWHERE, account(gateways))

    handed_over = [(7, *REFUSED), (7, State.QUEUED, Cause.FAIL_OVER)]
    assert moves(rows) == (handed_over if there else [(7, State.FAILED, Reason.ERROR_CODE)])
    assert (again.gateway, again.not_before) == (there or "main", NOON)


@pytest.mark.parametrize(
    ("text", "state", "noted"),
    [
        (PAGE, State.FAILED, True),
        (MILD, State.FAILED, False),
        (replace(PAGE, ambiguous=1), State.UNKNOWN_FINAL, True),
    ],
)
def test_what_no_gateway_will_take_has_failed_and_the_next_step_is_due(
    text: Message, state: State, noted: bool
) -> None:
    rows = telling(text, OPEN)
    settle(rows, Then.FAIL)

    assert moves(rows) == [(7, state, Reason.ERROR_CODE)]
    assert (rows.timers_of(1)[0].due_at == NOON) is (state is State.FAILED)
    assert ["(error_code 40)" in note.what for note in rows.notes] == [True] * noted


# Groups of the gateway's address book.


@pytest.mark.parametrize("then", [Then.FAIL, Then.ELSEWHERE])
@pytest.mark.parametrize(
    ("had", "told"),
    [
        ([], [ALICE, BOB]),
        ([(OPEN, ALICE, Kind.FIRING, 0)], [BOB]),  # who has a text about it gets no second
        ([(OPEN, ALICE, Kind.FIRING, 0), (OPEN, BOB, Kind.FIRING, 0)], []),
        ([(OPEN, ALICE, Kind.FIRING, 1), (OPEN, ALICE, Kind.REMINDER, 0)], [ALICE, BOB]),
        ([(OVER, ALICE, Kind.FIRING, 0)], [ALICE, BOB]),
    ],
)
def test_the_members_of_a_group_that_is_refused_are_texted_one_by_one(
    then: Then, had: list[tuple[Incident, Person, Kind, int]], told: list[Person]
) -> None:
    group = Person(TO_NIGHT.recipient, TO_NIGHT.number)
    rows = rows_with(OPEN, OVER, TO_NIGHT, told_by(TO_NIGHT, a_notification(OPEN, group)))
    for id_, (incident, person, kind, nth) in enumerate(had, 10):
        rows.load_notification(a_notification(incident, person, kind, id_, nth=nth))
    settle(rows, then)

    new = rows.messages.new
    assert [(text.number, text.body, text.parts) for text in new] == [(p.number, PAGE.body, 2) for p in told]
    assert all((text.state, text.not_before, text.gateway) == (State.QUEUED, NOON, "main") for text in new)
    assert [n.message_id for n in rows.notifications.new] == [text.id for text in new]
    assert moves(rows)[-1] == (7, State.FAILED, Reason.ERROR_CODE)
    assert rows.notes == []
    assert all(e.detail == "instead of m7 to gateway-group:night" for *_, e in rows.ledger[:-1])


@pytest.mark.parametrize(
    ("text", "members", "expected"),
    [
        (replace(TO_NIGHT, number="group:unknown"), 0, State.FAILED),  # whose members only the gateway knows
        (replace(TO_NIGHT, kind=Kind.MANUAL), 2, State.FAILED),  # it tells no incident that anybody may have
    ],
)
def test_a_group_of_which_we_know_nobody_fails_like_a_number(
    text: Message, members: int, expected: State
) -> None:
    rows = rows_with(text)
    settle(rows, Then.FAIL)

    assert (len(rows.messages.new), rows.messages.rows[7].state) == (members, expected)
    assert bool(rows.notes) is (members == 0)


def test_a_group_that_is_refused_for_a_while_is_tried_again_as_a_group() -> None:
    rows = telling(TO_NIGHT, OPEN)

    assert settle(rows, Then.RETRY).state is State.QUEUED
    assert rows.messages.new == []


@pytest.mark.parametrize(
    ("name", "gateways", "there"),
    [
        ("main", ("main",), "main"),
        ("spare", BOTH, "spare"),  # the one by which the group was addressed, preferred or not
        ("main", ("spare",), "spare"),  # nobody serves the queue of the other any more
    ],
)
def test_members_are_texted_by_the_gateway_of_the_group_while_it_is_served(
    name: str, gateways: tuple[str, ...], there: str
) -> None:
    rows = telling(replace(TO_NIGHT, gateway=name), OPEN)
    settle(rows, Then.FAIL, replace(account(gateways), name=name))

    assert [text.gateway for text in rows.messages.new] == [there]  # alice has a text about it

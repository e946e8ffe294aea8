"""Who is owed an end: those who may have heard of the beginning. And who takes over what was held for hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest
from made import a_message, a_notification, an_incident, ended, fates, moves, rows_with, told_by
from owing import (
    DBA,
    HOUR,
    MINUTE,
    ON_CALL,
    OPEN,
    OVER,
    SHUT,
    STRANGER,
    TO_ALICE,
    TO_BOB,
    deciding,
    heard,
    planned,
    summed,
)
from workbench import ALICE, BOB, NOON, resolved

from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold, Quiet
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.notifications import EndsOwed, relieved
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import Incident, Message, Notification
from sms_notify.policy.rotations import Shift
from sms_notify.policy.routing import Receiver
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Drop, Heard, Kind, PageState, State


def ends_of(
    text: Message | None,
    n: Notification,
    *more: Notification | Incident,
    plan: Plan | None = None,
    **case: object,
) -> tuple[Rows, EndsOwed]:
    listed = [] if text is None else [text]
    rows = rows_with(OVER, *listed, n if text is None else told_by(text, n), *more)
    ending = heard(Heard.RESOLVED, of=OVER, alert=resolved(), **case)
    return rows, deciding(plan or planned(), rows, group="" if "chains" in case else "g").ends([ending])


BEGUN = a_notification(OPEN)


@pytest.mark.parametrize(
    ("text", "owed", "becomes"),
    [
        (a_message(7, state=State.QUEUED), False, State.CANCELLED),  # nobody can have seen it
        (a_message(7, state=State.QUEUED, ambiguous=1), True, State.UNKNOWN_FINAL),
        (a_message(7, state=State.SUBMITTING), True, None),
        (a_message(7, state=State.UNKNOWN, ambiguous=1), True, None),
        (a_message(7, state=State.SENT), True, None),
        (a_message(7, state=State.NO_REPORT), True, None),
        (a_message(7, state=State.DELIVERED), True, None),
        (a_message(7, state=State.UNKNOWN_FINAL, ambiguous=1), True, None),
        (a_message(7, state=State.NOT_DELIVERED), False, None),
        (a_message(7, state=State.REJECTED), False, None),
        (a_message(7, state=State.FAILED), False, None),
        (a_message(7, state=State.EXPIRED), False, None),
        (a_message(7, state=State.CANCELLED), False, None),
    ],
)
@pytest.mark.parametrize("kind", [Kind.FIRING, Kind.ESCALATION, Kind.REMINDER])
def test_an_end_is_owed_to_whoever_may_have_heard_of_the_beginning(
    text: Message, owed: bool, becomes: State | None, kind: Kind
) -> None:
    rows, ends = ends_of(text, replace(BEGUN, kind=kind))

    assert summed(ends.owed) == [("alice", 0, "now")] * owed
    assert all(n.kind is Kind.RESOLVED and n.subject.ended and n.nth == 0 for n in ends.owed)
    assert [state for _, state, _ in moves(rows)] == ([] if becomes is None else [becomes])


@pytest.mark.parametrize(
    ("held", "fate", "told_at_once"),
    [
        ({"why": Hold.QUIET}, Drop.RESOLVED, False),
        ({"why": Hold.GROUP}, Drop.RESOLVED, False),
        ({"why": Hold.FLAPPING}, Drop.RESOLVED, False),
        ({"why": Hold.LIMIT}, PageState.HELD, True),  # it was counted: it is told with its end
        ({"why": Hold.BEHIND}, PageState.HELD, True),
        ({"why": Hold.LATE}, PageState.HELD, True),
    ],
)
def test_a_beginning_that_limits_hold_is_told_with_its_end_and_no_other_is(
    held: dict[str, object], fate: PageState | Drop, told_at_once: bool
) -> None:
    rows, ends = ends_of(None, replace(BEGUN, **held))  # type: ignore[arg-type]

    assert (ends.owed, ends.told_at_once) == ((), frozenset([1] if told_at_once else []))
    assert fates(rows) == {1: fate}


SENT, FAILED = a_message(7, state=State.SENT), a_message(8, state=State.FAILED)
SILENT = Receiver("oncall", (TO_ALICE,), send_resolved=False)


@pytest.mark.parametrize(
    ("told", "plan", "case", "expected"),
    [
        ({}, planned(), {}, [("alice", 0, "now")]),
        ({}, planned(SILENT), {}, []),  # it wants none
        ({"receiver": "gone"}, planned(), {}, [("alice", 0, "now")]),  # it is configured no more
        ({"person": Person("carol", "+33600000001")}, planned(), {}, []),  # she is configured no more
        ({"person": Person("al", ALICE.number)}, planned(), {}, [("alice", 0, "now")]),  # renamed
        ({"kind": Kind.RESOLVED}, planned(), {}, []),  # it was told, and nothing before it
        ({}, planned(quiet=SHUT), {}, [("alice", 120, "quiet_hours")]),
        ({}, planned(quiet=SHUT), {"flapping": 4}, [("alice", 120, "quiet_hours")]),
        ({}, planned(flapping=None), {"flapping": 4}, [("alice", 0, "now")]),
        ({}, planned(), {"flapping": 4}, [("alice", 3, "flapping")]),  # of what comes back it is no end
        ({"person": STRANGER}, planned(), {}, [("+3225551234", 0, "now")]),
        ({}, planned(), {"chains": ()}, [("alice", 0, "now")]),  # no route leads there any more
    ],
)
def test_an_end_goes_to_its_reader_under_the_rules_of_today(
    told: dict[str, object], plan: Plan, case: dict[str, object], expected: list[tuple[str, float, str]]
) -> None:
    _, ends = ends_of(SENT, replace(BEGUN, **told), plan=plan, **case)  # type: ignore[arg-type]

    assert summed(ends.owed) == expected


@pytest.mark.parametrize(
    ("text", "row_lane", "lane"),
    [
        (a_message(7, state=State.DELIVERED), Lane.CRITICAL, Lane.ENDS),
        (a_message(7, state=State.UNKNOWN, ambiguous=1), Lane.CRITICAL, Lane.ENDS),
        (a_message(7, state=State.DELIVERED), Lane.REST, Lane.REST),  # texted as less, whatever it became
        (a_message(7, state=State.DELIVERED), Lane.FREE, Lane.REST),
    ],
)
def test_an_end_belongs_to_the_level_at_which_its_reader_was_texted(
    text: Message, row_lane: Lane, lane: Lane
) -> None:
    _, ends = ends_of(text, replace(BEGUN, row_lane=row_lane))

    assert [n.lane for n in ends.owed] == [lane]


LETS_CRITICAL = Quiet(SHUT.during, (parse_matchers('severity="critical"'),))


@pytest.mark.parametrize(
    ("texted", "due", "why", "lane"),
    [
        (NOON, 0, Hold.NOW, Lane.ENDS),
        (NOON - HOUR, 0, Hold.NOW, Lane.ENDS),
        (NOON - HOUR - MINUTE, 120, Hold.QUIET, Lane.REST),  # with all else that is told in the morning
    ],
)
def test_by_night_an_end_comes_within_an_hour_of_the_text_about_it_else_in_the_morning(
    texted: datetime, due: float, why: Hold, lane: Lane
) -> None:
    text = a_message(7, state=State.DELIVERED, created_at=texted)
    _, ends = ends_of(text, BEGUN, plan=planned(quiet=LETS_CRITICAL))

    assert [((n.due_at - NOON) / MINUTE, n.why, n.lane) for n in ends.owed] == [(due, why, lane)]


def test_what_limits_held_before_it_was_told_holds_no_end() -> None:
    _, ends = ends_of(SENT, replace(BEGUN, why=Hold.LIMIT))

    assert (summed(ends.owed), ends.told_at_once) == ([("alice", 0, "now")], frozenset())


def test_one_reader_is_owed_one_end_by_the_first_receiver_that_wants_it() -> None:
    more = told_by(SENT, a_notification(OPEN, kind=Kind.ESCALATION, id_=2, receiver="dba"))
    _, ends = ends_of(SENT, BEGUN, more, plan=planned(SILENT, DBA))

    assert [(n.person.name, n.receiver) for n in ends.owed] == [("alice", "dba")]


@pytest.mark.parametrize("word", list(Heard))
def test_nothing_else_than_an_end_ends_anything(word: Heard) -> None:
    rows = rows_with(OVER, SENT, told_by(SENT, BEGUN))
    ends = deciding(planned(), rows).ends([heard(word, of=OVER)])

    assert len(ends.owed) == (word is Heard.RESOLVED)


def test_what_ended_and_is_back_is_not_told_as_over() -> None:
    rows = rows_with(OVER, SENT, told_by(SENT, BEGUN))
    cases = [heard(Heard.RESOLVED, of=OVER), heard(Heard.FIRST, of=an_incident(2))]

    assert deciding(planned(), rows).ends(cases).owed == ()


@pytest.mark.parametrize(
    ("told", "owed"),
    [
        ([(Kind.FIRING, ALICE, SENT)], True),
        ([], False),
        ([(Kind.FIRING, ALICE, SENT), (Kind.RESOLVED, ALICE, SENT)], False),  # they read of its end
        ([(Kind.FIRING, ALICE, SENT), (Kind.RESOLVED, BOB, SENT)], True),
        ([(Kind.FIRING, ALICE, SENT), (Kind.RESOLVED, ALICE, FAILED)], True),
        ([(Kind.FIRING, ALICE, FAILED)], False),
        ([(Kind.FIRING, BOB, SENT)], False),
    ],
)
def test_an_end_is_owed_to_whoever_still_believes_an_earlier_episode(
    told: list[tuple[Kind, Person, Message]], owed: bool
) -> None:
    now = ended(an_incident(2))
    held = a_notification(now, why=Hold.LIMIT, id_=9)
    texts = [
        told_by(text, a_notification(OVER, person, kind, id_))
        for id_, (kind, person, text) in enumerate(told, 1)
    ]
    rows = rows_with(OVER, now, SENT, FAILED, held, *texts)
    ends = deciding(planned(), rows).ends([heard(Heard.RESOLVED, of=now)])

    assert [n.incident_id for n in ends.owed] == [2] * owed
    assert fates(rows)[9] == (Drop.RESOLVED if owed else PageState.HELD)


# Who takes over what was held for hours.

NIGHT_OVER = {"why": Hold.QUIET, "held_by": "night", "receiver": "oncall"}
BOBS = (Shift("bob", NOON - HOUR, NOON + HOUR),)


@pytest.mark.parametrize(
    ("held", "shifts", "expected"),
    [
        ({}, BOBS, [("bob", 0, "quiet_hours")]),
        ({"why": Hold.MUTED}, BOBS, [("bob", 0, "muted")]),
        ({"why": Hold.LIMIT}, BOBS, []),  # only the hands of the clock relieve anybody
        ({"due_at": NOON + MINUTE}, BOBS, []),
        ({"state": PageState.TOLD}, BOBS, []),
        ({"kind": Kind.REMINDER}, BOBS, []),
        ({"person": BOB}, BOBS, []),  # still on call
        ({}, (), []),  # nobody is there to relieve
        ({"receiver": "dba"}, BOBS, []),  # it names people, not a schedule
        ({"receiver": "mixed"}, BOBS, []),  # alice is named beside the schedule
        ({"receiver": "gone"}, BOBS, []),
    ],
)
def test_what_was_held_for_hours_is_told_to_who_is_on_call_by_now(
    held: Mapping[str, object], shifts: tuple[Shift, ...], expected: list[tuple[str, float, str]]
) -> None:
    rows = rows_with(OPEN, a_notification(OPEN, **{**NIGHT_OVER, **held}))
    named = {"oncall": (ON_CALL,), "dba": (TO_BOB,), "mixed": (ON_CALL, TO_ALICE)}
    owed = relieved(planned(*(Receiver(*one) for one in named.items()), shifts=shifts), rows)

    assert summed(owed) == expected
    assert all((n.id, n.held_by) == (0, "night") for n in owed)
    assert fates(rows) == {1: Drop.OFF_CALL if expected else held.get("state", PageState.HELD)}


@pytest.mark.parametrize(
    ("bobs", "owed", "fate"),
    [
        ({"state": PageState.TOLD}, [], PageState.TOLD),  # he has it
        ({"state": PageState.DROPPED, "why": Drop.OFF_CALL}, [], PageState.HELD),  # he is back
        ({"state": PageState.DROPPED, "why": Drop.SUPERSEDED}, ["bob"], Drop.SUPERSEDED),
        ({"state": PageState.DROPPED, "why": Drop.OFF_CALL, "nth": 1}, ["bob"], Drop.OFF_CALL),
    ],
)
def test_who_takes_over_is_owed_what_they_have_not(
    bobs: dict[str, object], owed: list[str], fate: PageState | Drop
) -> None:
    rows = rows_with(OPEN, a_notification(OPEN, **NIGHT_OVER), a_notification(OPEN, BOB, id_=2, **bobs))
    plan = planned(Receiver("oncall", (ON_CALL,)), shifts=BOBS)

    assert [n.person.name for n in relieved(plan, rows)] == owed
    assert fates(rows) == {1: Drop.OFF_CALL, 2: fate}


@pytest.mark.parametrize(("own", "due", "why"), [(SHUT, 14, Hold.QUIET), (None, 12, Hold.MUTED)])
def test_whoever_takes_over_has_quiet_hours_of_their_own(own: Quiet | None, due: datetime, why: Hold) -> None:
    rows = rows_with(OPEN, a_notification(OPEN, BOB, **{**NIGHT_OVER, "why": Hold.MUTED}))
    alices = (Shift("alice", NOON - HOUR, NOON + HOUR),)
    (n,) = relieved(planned(Receiver("oncall", (ON_CALL,)), quiet=own, shifts=alices), rows)

    assert (n.person.name, n.due_at, n.why) == ("alice", NOON.replace(hour=due), why)

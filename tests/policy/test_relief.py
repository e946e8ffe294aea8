"""Who takes over what was held for hours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest
from made import a_message, a_notification, fates, moves, rows_with, told_by
from owing import (
    HOUR,
    MINUTE,
    ON_CALL,
    OPEN,
    SHUT,
    TEN,
    TO_ALICE,
    TO_BOB,
    planned,
    summed,
)
from workbench import BOB, NOON

from sms_notify.policy.holds import Hold, Quiet
from sms_notify.policy.records import UNACKNOWLEDGED, Message
from sms_notify.policy.relief import call_back, pass_over_strangers, relieved
from sms_notify.policy.rotations import Shift
from sms_notify.policy.routing import Receiver, Step
from sms_notify.policy.vocabulary import Cause, Drop, Kind, PageState, State

NIGHT_OVER = {"why": Hold.QUIET, "held_by": "night", "receiver": "oncall"}
BOBS = (Shift("bob", NOON - HOUR, NOON + HOUR),)


@pytest.mark.parametrize(
    ("held", "shifts", "expected"),
    [
        ({}, BOBS, [("bob", 0, "quiet_hours")]),
        ({"why": Hold.MUTED}, BOBS, [("bob", 0, "muted")]),
        ({"why": Hold.LATE}, BOBS, [("bob", 0, "too_old")]),
        ({"why": Hold.FAILED, "failures": 2}, BOBS, [("bob", 0, "failed")]),
        ({"why": Hold.NOW}, BOBS, [("bob", 0, "now")]),  # its text was taken back
        ({"why": Hold.LIMIT}, BOBS, []),  # a limit holds for minutes
        ({"why": Hold.UNCONFIRMED}, BOBS, [("bob", 0, "unconfirmed")]),  # alice may have it, and is off call
        ({"due_at": NOON + MINUTE}, BOBS, []),
        ({"state": PageState.TOLD}, BOBS, []),
        ({"kind": Kind.REMINDER, "nth": 3}, BOBS, [("bob", 0, "quiet_hours")]),
        ({"kind": Kind.RESOLVED}, BOBS, []),
        ({"kind": Kind.ESCALATION, "nth": 1, "receiver": "climbs"}, BOBS, [("bob", 0, "quiet_hours")]),
        ({"kind": Kind.ESCALATION, "nth": 2, "receiver": "climbs"}, BOBS, []),  # that step names people
        ({"kind": Kind.ESCALATION, "nth": 9, "receiver": "climbs"}, BOBS, []),  # a reload has taken it away
        ({"receiver": "climbs"}, BOBS, []),
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
    climbs = Receiver("climbs", (TO_BOB,), escalate=(Step(MINUTE, (ON_CALL,)), TEN))
    plan = planned(*(Receiver(*one) for one in named.items()), climbs, shifts=shifts)
    owed = relieved(plan, rows)

    assert summed(owed) == expected
    assert all((n.id, n.held_by, n.failures) == (0, "night", 0) for n in owed)
    assert fates(rows) == {1: Drop.OFF_CALL if expected else held.get("state", PageState.HELD)}


@pytest.mark.parametrize(
    ("text", "told", "shifts", "back"),
    [
        (a_message(7), {}, BOBS, True),
        (a_message(7), {}, (), False),
        (a_message(7), {"receiver": "dba"}, BOBS, False),
        (a_message(7), {"kind": Kind.RESOLVED}, BOBS, False),  # an end is owed to whoever believes
        (a_message(7, state=State.SUBMITTING), {}, BOBS, False),
        (a_message(7, state=State.SENT), {}, BOBS, False),
        (a_message(7, ambiguous=1), {}, BOBS, False),
    ],
)
def test_a_text_that_waits_for_somebody_whose_shift_is_over_is_called_back(
    text: Message, told: Mapping[str, object], shifts: tuple[Shift, ...], back: bool
) -> None:
    n = told_by(text, a_notification(OPEN, **{"receiver": "oncall", **told}))
    rows, dba = rows_with(OPEN, text, n), Receiver("dba", (TO_ALICE,))
    plan = planned(Receiver("oncall", (ON_CALL,)), dba, shifts=shifts)

    assert call_back(plan, rows) is back
    assert moves(rows) == ([(7, State.CANCELLED, Cause.SUPERSEDED)] if back else [])
    assert [one.person.name for one in relieved(plan, rows)] == (["bob"] if back else [])


@pytest.mark.parametrize(
    ("why", "shifts", "taken"),
    [
        (Hold.GROUP, BOBS, "now"),
        (Hold.LIMIT, BOBS, "now"),
        (Hold.BEHIND, BOBS, "now"),
        (Hold.UNCONFIRMED, BOBS, "unconfirmed"),
        (Hold.LIMIT, (), ""),
        (Hold.FAILED, BOBS, ""),  # it is tried again when its pause is over
        (Hold.QUIET, BOBS, ""),
        (Hold.SUPPRESSED, BOBS, ""),
    ],
)
def test_what_its_readers_other_texts_held_is_due_when_the_shift_is_over(
    why: Hold, shifts: tuple[Shift, ...], taken: str
) -> None:
    held = a_notification(OPEN, why=why, due_at=NOON + MINUTE, state=PageState.HELD, receiver="oncall")
    plan, rows = planned(Receiver("oncall", (ON_CALL,)), shifts=shifts), rows_with(OPEN, held)

    assert call_back(plan, rows) is bool(taken)
    assert [(one.person.name, one.why) for one in relieved(plan, rows)] == [("bob", taken)] * bool(taken)


def test_what_was_to_remind_another_is_a_beginning_to_whoever_takes_over() -> None:
    rows = rows_with(OPEN, a_notification(OPEN, kind=Kind.REMINDER, nth=3, **NIGHT_OVER))
    (n,) = relieved(planned(Receiver("oncall", (ON_CALL,)), shifts=BOBS), rows)

    assert (n.kind, n.nth) == (Kind.FIRING, 0)


@pytest.mark.parametrize(
    ("kind", "nth", "expected"), [(Kind.ESCALATION, 1, ["bob"]), (Kind.REMINDER, 3, []), (Kind.FIRING, 0, [])]
)
def test_whoever_knows_of_it_takes_over_the_step_alone(kind: Kind, nth: int, expected: list[str]) -> None:
    held = a_notification(OPEN, kind=kind, nth=nth, **NIGHT_OVER)
    knows = a_notification(OPEN, BOB, id_=2, state=PageState.TOLD)
    receiver = Receiver("oncall", (ON_CALL,), escalate=(Step(MINUTE, (ON_CALL,)),))
    found = relieved(planned(receiver, shifts=BOBS), rows_with(OPEN, held, knows))

    assert [n.person.name for n in found] == expected


@pytest.mark.parametrize(
    ("bobs", "owed", "fate"),
    [
        ({"state": PageState.TOLD}, [], PageState.TOLD),  # he has it
        ({"state": PageState.DROPPED, "why": Drop.OFF_CALL}, ["bob"], Drop.OFF_CALL),  # he is back
        ({"state": PageState.DROPPED, "why": Drop.SUPERSEDED}, ["bob"], Drop.SUPERSEDED),
        ({"state": PageState.DROPPED, "why": Drop.OFF_CALL, "nth": 1}, ["bob"], Drop.OFF_CALL),
    ],
)
def test_who_takes_over_is_owed_what_they_have_not(
    bobs: dict[str, object], owed: list[str], fate: PageState | Drop
) -> None:
    rows = rows_with(OPEN, a_notification(OPEN, **NIGHT_OVER), a_notification(OPEN, BOB, id_=2, **bobs))
    plan = planned(Receiver("oncall", (ON_CALL,)), shifts=BOBS)

    found = relieved(plan, rows)

    assert [(n.person.name, n.id) for n in found] == [(name, 0) for name in owed]
    assert fates(rows) == {1: Drop.OFF_CALL, 2: fate}


@pytest.mark.parametrize(("own", "due", "why"), [(SHUT, 14, Hold.QUIET), (None, 12, Hold.MUTED)])
def test_whoever_takes_over_has_quiet_hours_of_their_own(own: Quiet | None, due: datetime, why: Hold) -> None:
    rows = rows_with(OPEN, a_notification(OPEN, BOB, **{**NIGHT_OVER, "why": Hold.MUTED}))
    alices = (Shift("alice", NOON - HOUR, NOON + HOUR),)
    (n,) = relieved(planned(Receiver("oncall", (ON_CALL,)), quiet=own, shifts=alices), rows)

    assert (n.person.name, n.due_at, n.why) == ("alice", NOON.replace(hour=due), why)


@pytest.mark.parametrize(
    ("n", "message", "passed_over"),
    [
        ({}, None, True),
        ({"kind": Kind.REMINDER, "nth": 1}, None, True),
        ({"kind": Kind.ESCALATION, "nth": 1}, None, True),
        ({"kind": Kind.RESOLVED}, None, False),  # an end is owed to whoever believes
        ({"bundle": UNACKNOWLEDGED}, None, False),  # whoever acknowledged is asked, named there or not
        ({"person": BOB}, None, False),
        ({"receiver": "climbs"}, None, False),  # named by a step
        ({"receiver": "mixed"}, None, False),  # a shift may end and begin
        ({"receiver": "nobody"}, None, False),  # that may be a mistake
        ({"receiver": "gone"}, None, False),
        ({}, State.QUEUED, True),
        ({}, State.SUBMITTING, False),
        ({}, State.SENT, False),
    ],
)
def test_whom_no_receiver_names_any_more_is_passed_over_by_what_waits(
    n: Mapping[str, object], message: State | None, passed_over: bool
) -> None:
    held = a_notification(OPEN, **{"receiver": "dba", "why": Hold.QUIET, **n})
    text = a_message(7, state=message or State.SENT)
    rows = rows_with(OPEN, held) if message is None else rows_with(OPEN, text, told_by(text, held))
    climbs = Receiver("climbs", (TO_BOB,), escalate=(Step(MINUTE, (TO_ALICE,)),))
    named = {"dba": (TO_BOB,), "mixed": (ON_CALL, TO_BOB), "nobody": ()}
    pass_over_strangers(planned(*(Receiver(*one) for one in named.items()), climbs, shifts=BOBS), rows)

    assert (fates(rows) == {1: Drop.NOT_CONFIGURED}) is passed_over
    assert [state for _, state, _ in moves(rows)] == [State.CANCELLED] * (passed_over and message is not None)

"""Which steps lie in a gateway's outbox, and what is armed and taken back as things change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import (
    a_breaker,
    a_message,
    a_notification,
    a_timer,
    acknowledged,
    an_incident,
    ended,
    rows_of_all,
    told_by,
)
from workbench import ALICE, BOB, NOON, firing

from sms_notify.policy.armed_steps import (
    MOST,
    MOST_TO_ONE,
    StepAhead,
    has_left,
    moves,
    wanted,
    within_bounds,
    worded,
)
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.records import Incident, Timer
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.rotations import Schedule, Shift
from sms_notify.policy.routing import ROUND, Receiver, Route, Step
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.vocabulary import Drop, Kind, PageState, State

MINUTE = timedelta(minutes=1)
CAROL = Person("carol", "+32470000003", "Europe/Brussels")
SOON = Window("soon", (TimeInterval(times=((12 * 60, 15 * 60),)),))
LATE = Window("late", (TimeInterval(times=((20 * 60, 22 * 60),)),))


def whom(*names: str) -> tuple[Target, ...]:
    return tuple(
        Target(TargetKind.SCHEDULE if name == "primary" else TargetKind.PERSON, name) for name in names
    )


STEPS = (Step(5 * MINUTE, whom("bob")), Step(15 * MINUTE, whom("carol", "alice")))
ONCALL = Receiver("oncall", whom("alice"), escalate=STEPS, gateway_armed=True)
PEOPLE = Directory({person.name: person for person in (ALICE, BOB, CAROL)})
GATEWAYS = ("main", "spare")
PLAN = Plan(Route("oncall"), {"oncall": ONCALL}, PEOPLE, gateways=GATEWAYS)
ONE, TWO = an_incident(1, firing()), an_incident(2, firing("DiskFull", severity="warning"))
FIRST, SECOND = a_timer(1, due_at=NOON + 5 * MINUTE), a_timer(1, nth=2, due_at=NOON + 15 * MINUTE)


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def minute(instant: datetime) -> datetime:
    floor = instant.replace(second=0, microsecond=0)
    return floor if floor == instant else floor + MINUTE


def plan(**receiver: object) -> Plan:
    return replace(PLAN, receivers={"oncall": replace(ONCALL, **receiver)})  # type: ignore[arg-type]


def ahead(rows: Rows, by: Plan = PLAN) -> list[tuple[int, str, int, datetime]]:
    found = wanted(by, rows, minute)
    return [(one.told.incident_id, one.told.person.name, one.told.nth, one.leaves_at) for one in found]


def lying(state: ArmedState = ArmedState.ARMED, **more: object) -> ArmedText:
    """Of the first step, for bob."""
    text = ArmedText(
        ArmedFor.ESCALATION, "main", "bob", BOB.number, "FIRING", at(7), "ref", state, "4", 1, "oncall", 1, 9
    )
    return replace(text, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("timer", "found"),
    [
        (FIRST, [(1, "bob", 1, at(7))]),
        (SECOND, [(1, "carol", 2, at(17)), (1, "alice", 2, at(17))]),
        (replace(FIRST, nth=ROUND + 1), [(1, "bob", ROUND + 1, at(7))]),
        (replace(FIRST, due_at=at(5.1)), [(1, "bob", 1, at(8))]),  # never before the margin is over
        (replace(FIRST, receiver="gone"), []),
        (replace(FIRST, nth=3), []),  # there is no such step any more
    ],
)
def test_the_next_step_of_each_reader_lies_there_for_two_minutes_after_its_time(
    timer: Timer, found: list[tuple[int, str, int, datetime]]
) -> None:
    assert ahead(rows_of_all(ONE, timer)) == found


@pytest.mark.parametrize(
    ("incident", "by"),
    [
        (ONE, plan(gateway_armed=False)),
        (acknowledged(ONE), PLAN),
        (ended(ONE), PLAN),
        (replace(ONE, suppressed_at=at(-1)), PLAN),
        (ONE, replace(PLAN, route=Route("oncall", mute=(SOON,)))),
        (TWO, plan(quiet=Quiet((SOON,)))),
        (ONE, plan(quiet=Quiet((SOON,), ()))),
        (ONE, replace(PLAN, directory=Directory({"bob": replace(BOB, quiet=Quiet((SOON,), ()))}))),
        (ONE, plan(escalate=(Step(5 * MINUTE, (Target(TargetKind.GROUP, "ops"),)),))),
    ],
)
def test_nothing_lies_there_of_what_would_not_be_told_at_its_time(incident: Incident, by: Plan) -> None:
    assert ahead(rows_of_all(incident, replace(FIRST, incident_id=incident.id)), by) == []


@pytest.mark.parametrize(
    "by", [plan(quiet=Quiet((LATE,))), replace(PLAN, route=Route("oncall", mute=(LATE,)))]
)
def test_hours_that_come_later_hold_nothing(by: Plan) -> None:
    assert ahead(rows_of_all(TWO, replace(FIRST, incident_id=2)), by) == [(2, "bob", 1, at(7))]


def test_who_holds_a_schedule_when_the_step_is_due_is_whom_it_is_armed_for() -> None:
    by = replace(
        plan(escalate=(Step(5 * MINUTE, whom("primary")),)), schedules={"primary": Schedule("primary")}
    )
    rows = rows_of_all(ONE, FIRST)
    rows.overrides = {"primary": [Shift("alice", at(0), at(4)), Shift("carol", at(4), at(60))]}

    assert ahead(rows, by) == [(1, "carol", 1, at(7))]


@pytest.mark.parametrize(
    ("state", "again"), [(PageState.HELD, False), (PageState.TOLD, False), (PageState.DROPPED, True)]
)
def test_what_was_owed_to_its_reader_before_is_not_armed(state: PageState, again: bool) -> None:
    why = Drop.RESOLVED if state is PageState.DROPPED else a_notification(ONE).why
    before = a_notification(ONE, BOB, Kind.ESCALATION, nth=1, state=state, why=why)

    assert bool(ahead(rows_of_all(ONE, FIRST, before))) is again


def test_the_most_severe_come_first_and_then_the_oldest() -> None:
    third = an_incident(3, firing("NodeDown"))
    rows = rows_of_all(ONE, TWO, third, *(a_timer(id_, due_at=at(10 - id_)) for id_ in (2, 3, 1)))

    assert [id_ for id_, *_ in ahead(rows)] == [1, 3, 2]


def step(id_: int, person: Person = BOB, minutes: float = 7) -> StepAhead:
    incident = an_incident(id_, firing(f"Trouble{id_}"))
    n = replace(a_notification(incident, person, Kind.ESCALATION, 0), nth=1)
    return StepAhead(n, at(minutes - 2), at(minutes))


def test_one_number_is_left_a_few_texts_and_the_outbox_holds_no_more_than_its_bound() -> None:
    people = [replace(BOB, name=f"p{n}", number=f"+3247000{n:04}") for n in range(60)]
    storm = [step(n) for n in range(300)]
    crowd = [step(n, person) for n, person in enumerate(people)]

    assert within_bounds(storm) == storm[:MOST_TO_ONE]
    assert within_bounds(crowd) == crowd[:MOST]


def test_a_full_outbox_takes_no_more_but_what_replaces_one_of_it() -> None:
    rows = rows_of_all(ONE)
    full = [lying(id=n, incident_id=n, nth=1) for n in range(1, MOST + 1)]
    found = [step(n) for n in range(1, MOST + 1)]

    assert moves(found, full, rows, GATEWAYS).arm == []
    later = [step(n, minutes=9) for n in range(1, MOST + 1)]
    assert len(moves(later, full, rows, GATEWAYS).arm) == 2


# What follows from what lies there.


def decided(
    found: Sequence[StepAhead], texts: Sequence[ArmedText], rows: Rows
) -> tuple[list[str], list[int], list[int]]:
    made = moves(found, texts, rows, GATEWAYS)
    return [one.told.person.name for one in made.arm], [t.id for t in made.remove], [t.id for t in made.left]


@pytest.mark.parametrize(
    ("texts", "arm", "remove"),
    [
        ([], ["bob"], []),
        ([lying()], [], []),
        ([lying(ArmedState.UNSURE, outboxid="")], ["bob"], []),  # it may not lie there
        ([lying(ArmedState.UNSURE, outboxid=""), lying(ArmedState.UNSURE, outboxid="", id=10)], [], []),
        ([lying(ArmedState.UNSURE, outboxid=""), lying(id=10)], [], []),
        ([lying(due_at=at(9))], ["bob"], []),  # it stays until the new one lies there
        ([lying(due_at=at(9)), lying(id=10)], [], [9]),
        ([lying(receiver="dba")], ["bob"], [9]),
        ([lying(nth=ROUND + 1)], ["bob"], [9]),
        ([lying(number="+32470000009")], ["bob"], [9]),  # her old number
        ([lying(incident_id=2)], ["bob"], [9]),
        ([lying(gateway="spare")], [], []),
    ],
)
def test_what_is_missing_is_armed_and_what_nobody_wants_is_taken_back(
    texts: list[ArmedText], arm: list[str], remove: list[int]
) -> None:
    assert decided([step(1)], texts, rows_of_all(ONE, FIRST, now=at(1))) == (arm, remove, [])


LOST = lying(ArmedState.UNSURE, outboxid="")


@pytest.mark.parametrize(
    ("texts", "beside", "remove"),
    [
        ([LOST], [], [9]),
        ([LOST], [("main", BOB.number)], []),  # the number alone would take the other one, perhaps
        ([LOST], [("spare", BOB.number), ("main", ALICE.number)], [9]),
        ([LOST, lying(id=10)], [], [10]),  # then it lies alone
        ([LOST, lying(id=10, gateway="spare")], [], [9, 10]),
    ],
)
def test_a_text_without_an_id_is_taken_back_where_no_other_lies_for_its_number(
    texts: list[ArmedText], beside: list[tuple[str, str]], remove: list[int]
) -> None:
    assert [t.id for t in moves([], texts, rows_of_all(ended(ONE)), GATEWAYS, beside).remove] == remove


def test_a_step_that_is_due_is_armed_no_more_and_what_lies_of_it_stays() -> None:
    rows = rows_of_all(ONE, FIRST, now=at(5))
    assert decided([step(1)], [], rows) == ([], [], [])
    assert decided([step(1)], [lying()], rows) == ([], [], [])


@pytest.mark.parametrize(
    ("state", "taken_back"),
    [(State.QUEUED, False), (State.SUBMITTING, False), (State.UNKNOWN, False), (State.FAILED, False),
     (State.NOT_DELIVERED, False), (State.SENT, True), (State.BUFFERED, True), (State.DELIVERED, True),
     (State.NO_REPORT, True), (State.CANCELLED, True)],
)  # fmt: skip
def test_the_text_of_a_step_stays_until_a_gateway_has_our_own(state: State, taken_back: bool) -> None:
    own = replace(told_by(a_message(1, BOB, state), a_notification(ONE, BOB, Kind.ESCALATION)), nth=1)
    rows = rows_of_all(ONE, SECOND, own, now=at(5))

    assert decided([], [lying()], rows)[1] == ([9] if taken_back else [])


@pytest.mark.parametrize("incident", [ended(ONE), acknowledged(ONE), replace(ONE, suppressed_at=at(4))])
def test_it_is_taken_back_where_nobody_is_to_be_told_any_more(incident: Incident) -> None:
    own = replace(told_by(a_message(1, BOB), a_notification(incident, BOB, Kind.ESCALATION)), nth=1)

    assert decided([], [lying()], rows_of_all(incident, own, now=at(5)))[1] == [9]


def test_it_is_taken_back_where_a_limit_holds_our_own() -> None:
    own = replace(a_notification(ONE, BOB, Kind.ESCALATION), nth=1)
    assert decided([], [lying()], rows_of_all(ONE, own, now=at(5)))[1] == [9]


@pytest.mark.parametrize(
    ("text", "seconds", "asked", "left"),
    [
        (lying(), -1, False, False),
        (lying(), 0, True, False),  # the gateway knows whether it has left
        (lying(), 3600, True, False),
        (lying(ArmedState.REMOVING), 59, True, False),
        (lying(ArmedState.REMOVING), 60, False, True),  # it was asked in vain
        (lying(ArmedState.UNSURE, outboxid=""), 59, False, False),
        (lying(ArmedState.UNSURE, outboxid=""), 60, False, True),
        (lying(gateway="former"), 59, False, False),
        (lying(gateway="former"), 60, False, True),
    ],
)
def test_by_the_clock_alone_only_that_has_left_which_no_gateway_can_be_asked_about(
    text: ArmedText, seconds: int, asked: bool, left: bool
) -> None:
    now = at(7) + timedelta(seconds=seconds)
    own = replace(told_by(a_message(1, BOB), a_notification(ONE, BOB, Kind.ESCALATION)), nth=1)  # it waits
    made = moves([], [text], rows_of_all(ONE, own, now=now), GATEWAYS)

    assert has_left(text, now, GATEWAYS) is left
    assert (list(made.remove), list(made.left)) == ([text] * asked, [text] * left)


def test_what_is_asked_back_is_not_armed_anew_before_the_answer() -> None:
    later = replace(step(1), at=at(45), leaves_at=at(47))
    assert decided([later], [lying()], rows_of_all(ONE, now=at(41))) == ([], [9], [])


# The words.


def test_it_says_what_the_step_would_say_in_one_part_and_bears_no_link() -> None:
    rows = rows_of_all(ONE, FIRST)
    text = worded(replace(PLAN, ack_url="https://sms.example/a/"), rows, wanted(PLAN, rows, minute)[0])

    assert text is not None
    assert (text.recipient, text.number, text.gateway, text.due_at) == ("bob", BOB.number, "main", at(7))
    assert (text.incident_id, text.receiver, text.nth) == (1, "oncall", 1)
    assert "NodeDown" in text.body or "DiskFull" in text.body or str(ONE.labels["alertname"]) in text.body
    assert "https" not in text.body
    assert len(text.body) <= 160


@pytest.mark.parametrize(
    ("breakers", "gateway"),
    [
        ([a_breaker()], "spare"),
        ([a_breaker(scope=Scope.NUMBER, subject=BOB.number)], "spare"),
        ([a_breaker(), a_breaker("spare")], None),
    ],
)
def test_a_gateway_that_takes_no_texts_is_asked_to_keep_none(breakers: list, gateway: str | None) -> None:  # type: ignore[type-arg]
    rows = rows_of_all(ONE, FIRST)
    rows.breakers = breakers
    text = worded(PLAN, rows, wanted(PLAN, rows, minute)[0])

    assert (text.gateway if text is not None else None) == gateway

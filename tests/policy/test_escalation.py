"""What follows while nobody acknowledges and nothing ends: steps and reminders, and when they are due next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_message, a_notification, a_timer, an_incident, rows_of_all, told_by
from workbench import ALICE, BOB, NOON, firing

from sms_notify.alert import Severity
from sms_notify.policy.bundles import FLAPPING
from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.escalation import Escalation, hurry, plan_reminder, plan_step
from sms_notify.policy.holds import Hold, Quiet, Window
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.records import Incident, Notification, Timer, TimerKind
from sms_notify.policy.rotations import Schedule, Shift
from sms_notify.policy.routing import ROUND, Receiver, Route, Step
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import Particular
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.vocabulary import Decision, Drop, IncidentState, Kind, PageState, State

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CAROL = Person("carol", "+32470000003", "Europe/Brussels")
AFTERNOON = Window("afternoon", (TimeInterval(times=((12 * 60, 15 * 60),)),))
EVENING = Window("evening", (TimeInterval(times=((20 * 60, 22 * 60),)),))
THREE = NOON + 3 * HOUR
WORSE = (parse_matchers('severity="critical"'),)


def whom(*names: str) -> tuple[Target, ...]:
    return tuple(
        Target(TargetKind.SCHEDULE if name == "primary" else TargetKind.PERSON, name) for name in names
    )


STEPS = (Step(5 * MINUTE, whom("bob")), Step(15 * MINUTE, whom("carol", "alice")))
ONCALL = Receiver("oncall", whom("alice"), escalate=STEPS)
PEOPLE = Directory({person.name: person for person in (ALICE, BOB, CAROL)})
PLAN = Plan(Route("oncall"), {"oncall": ONCALL}, PEOPLE, schedules={"primary": Schedule("primary")})
ONE, TWO = an_incident(1, firing()), an_incident(2, firing("DiskFull", severity="warning"))
REMIND = a_timer(1, TimerKind.REMIND, every=HOUR)


def plan(**receiver: object) -> Plan:
    return replace(PLAN, receivers={"oncall": replace(ONCALL, **receiver)})  # type: ignore[arg-type]


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def owed_by(owed: Sequence[Notification]) -> list[tuple[str, Kind, int]]:
    return [(n.person.name, n.kind, n.nth) for n in owed]


def timers(rows: Rows) -> list[tuple[int, datetime]]:
    return [(timer.nth, timer.due_at) for timer in rows.timers.rows.values()]


def decided(rows: Rows) -> list[tuple[Decision, int, str]]:
    return [(one.word, one.nth, one.detail) for one in rows.decided]


@pytest.mark.parametrize(
    ("nth", "first", "rounds", "planned"),
    [
        (1, NOON, 0, [(1, at(5))]),
        (2, NOON, 0, [(2, at(15))]),
        (3, NOON, 0, []),  # there is no such step
        (1, at(60), 0, [(1, at(65))]),  # the first text was held
        (1, None, 0, [(1, at(2))]),  # nobody to tell it: now
        (1, NOON, 2, [(2 * ROUND + 1, at(5))]),
    ],
)
def test_a_step_follows_the_first_text_by_its_time(
    nth: int, first: datetime | None, rounds: int, planned: list[tuple[int, datetime]]
) -> None:
    rows = rows_of_all(ONE, now=at(2))
    plan_step(rows, 1, ONCALL, rounds, nth, first)

    assert timers(rows) == planned


@pytest.mark.parametrize(
    ("first", "rounds", "planned"),
    [(NOON, 0, (1, at(60))), (None, 0, (1, at(3))), (NOON, 2, (2 * ROUND + 1, at(60)))],
)
def test_a_reminder_follows_the_first_text_by_its_interval(
    first: datetime | None, rounds: int, planned: tuple[int, datetime]
) -> None:
    rows = rows_of_all(ONE, now=at(2))
    plan_reminder(rows, 1, ONCALL, rounds, HOUR, first)

    assert timers(rows) == [planned]
    assert rows.timers.rows[1, "oncall", TimerKind.REMIND].every == HOUR


def text(id_: int, state: State, kind: Kind = Kind.FIRING, nth: int = 0, **more: object) -> Notification:
    """What a message in this state tells bob."""
    message = a_message(id_, BOB, state)
    return replace(told_by(message, a_notification(ONE, BOB, kind, id_)), nth=nth, **more)  # type: ignore[arg-type]


FAILED = text(1, State.FAILED)
TO_STEP = a_timer(1, due_at=at(5))


@pytest.mark.parametrize(
    ("told", "others", "timer", "hurried"),
    [
        (FAILED, [], TO_STEP, True),
        (FAILED, [], replace(TO_STEP, nth=2), False),  # the next step is another one's
        (replace(FAILED, kind=Kind.ESCALATION, nth=1), [], replace(TO_STEP, nth=2), True),
        (replace(FAILED, nth=ROUND), [], replace(TO_STEP, nth=ROUND + 1), True),
        (replace(FAILED, nth=0), [], replace(TO_STEP, nth=ROUND + 1), False),  # a text of the lesser problem
        (replace(FAILED, kind=Kind.REMINDER), [], TO_STEP, False),
        (replace(FAILED, kind=Kind.RESOLVED), [], TO_STEP, False),
        (replace(FAILED, receiver="dba"), [], TO_STEP, False),
        (FAILED, [], replace(TO_STEP, due_at=NOON), False),  # it is due anyway
        (FAILED, [], replace(TO_STEP, incident_id=2), False),
        (FAILED, [], replace(TO_STEP, what=TimerKind.REMIND), False),
        # Others of the same step.
        (FAILED, [text(2, State.QUEUED)], TO_STEP, False),
        (FAILED, [text(2, State.SENT)], TO_STEP, False),
        (FAILED, [text(2, State.UNKNOWN_FINAL)], TO_STEP, False),
        (FAILED, [text(2, State.NOT_DELIVERED)], TO_STEP, True),
        (FAILED, [text(2, State.EXPIRED)], TO_STEP, False),  # the next text tells it
        (FAILED, [a_notification(ONE, BOB, id_=2)], TO_STEP, False),  # it is held
        (FAILED, [a_notification(ONE, BOB, id_=2, why=Hold.QUIET)], TO_STEP, True),  # until the morning
        (FAILED, [a_notification(ONE, BOB, id_=2, state=PageState.DROPPED)], TO_STEP, True),
        # Others of something else.
        (FAILED, [text(2, State.SENT, receiver="dba")], TO_STEP, True),
        (FAILED, [text(2, State.SENT, Kind.ESCALATION, 1)], TO_STEP, True),
        (FAILED, [text(2, State.SENT, Kind.REMINDER)], TO_STEP, True),
    ],
)
def test_the_next_step_does_not_wait_where_the_last_hope_of_this_one_has_failed(
    told: Notification, others: list[Notification], timer: Timer, hurried: bool
) -> None:
    message = a_message(1, BOB, State.FAILED)
    rows = rows_of_all(ONE, TWO, message, told, *others, timer)
    hurry(rows, message)
    (after,) = rows.timers.rows.values()

    assert (after.due_at, bool(after.every)) == ((NOON, True) if hurried else (timer.due_at, False))


QUIET = Quiet((AFTERNOON,), ())  # without any exception
ASLEEP, MILD = plan(quiet=QUIET), an_incident(1, firing(severity="warning"))
GAP = plan(escalate=(Step(HOUR, whom("primary")),))
JUMPED = (Decision.JUMPED, 1, "every text of the step before has failed")


@pytest.mark.parametrize(
    ("plan", "timer", "owed", "left"),
    [
        (PLAN, a_timer(1, due_at=at(0.1)), [], [(1, at(0.1))]),
        (PLAN, a_timer(1), [("bob", 1)], [(2, at(10))]),
        (PLAN, a_timer(1, due_at=at(-30)), [("bob", 1)], [(2, at(10))]),  # the pause begins when it is told
        (PLAN, a_timer(1, nth=2), [("carol", 2), ("alice", 2)], []),
        (PLAN, a_timer(1, nth=ROUND + 1), [("bob", ROUND + 1)], [(ROUND + 2, at(10))]),
        (PLAN, a_timer(1, nth=3), [], []),  # the configuration has fewer steps by now
        (PLAN, a_timer(1, receiver="gone"), [], []),
        (plan(escalate=(Step(HOUR, whom("primary")), *STEPS)), a_timer(1), [], [(2, NOON)]),  # nobody on call
        (GAP, a_timer(1), [], []),
        # Held.
        (plan(quiet=Quiet((AFTERNOON,), WORSE)), a_timer(1), [("bob", 1)], [(2, at(10))]),
        (replace(PLAN, route=Route("oncall", mute=(AFTERNOON,))), a_timer(1), [], [(1, THREE)]),
        (replace(PLAN, route=Route("oncall", active=(EVENING,))), a_timer(1), [], [(1, at(8 * 60))]),
        (replace(PLAN, route=Route("dba", mute=(AFTERNOON,))), a_timer(1), [("bob", 1)], [(2, at(10))]),
    ],
)
def test_a_step_that_is_due_tells_its_people_and_plans_the_next(
    plan: Plan, timer: Timer, owed: list[tuple[str, int]], left: list[tuple[int, datetime]]
) -> None:
    rows = rows_of_all(ONE, timer)

    assert owed_by(Escalation(plan, rows).steps()) == [(name, Kind.ESCALATION, nth) for name, nth in owed]
    assert timers(rows) == left


def with_quiet(**own: Quiet) -> Plan:
    people = {name: replace(one, quiet=own.get(name)) for name, one in PEOPLE.people.items()}
    return replace(PLAN, directory=Directory(people))


NAPPING = {"bob": QUIET, "carol": QUIET, "alice": QUIET}


@pytest.mark.parametrize(
    ("incident", "plan", "timer", "owed", "left", "noted"),
    [
        # A receiver's quiet hours hold the steps of what is not critical.
        (MILD, ASLEEP, a_timer(1), [], [(1, THREE)], False),
        # Somebody's own hold what that person is told, and nothing else.
        (MILD, with_quiet(bob=QUIET), a_timer(1), [("bob", THREE)], [(2, at(10))], False),
        (MILD, with_quiet(carol=QUIET), a_timer(1, nth=2), [("carol", THREE), ("alice", NOON)], [], False),
        (MILD, with_quiet(**NAPPING), a_timer(1, nth=2), [("carol", THREE), ("alice", THREE)], [], False),
        # Critical and nobody awake: the next step at once, and after the last one the operator.
        (ONE, with_quiet(bob=QUIET), a_timer(1), [("bob", THREE)], [(2, NOON)], False),
        (ONE, ASLEEP, a_timer(1), [("bob", THREE)], [(2, NOON)], False),
        (ONE, with_quiet(carol=QUIET), a_timer(1, nth=2), [("carol", THREE), ("alice", NOON)], [], False),
        (ONE, with_quiet(**NAPPING), a_timer(1, nth=2), [("carol", THREE), ("alice", THREE)], [], True),
        (ONE, with_quiet(bob=Quiet((AFTERNOON,))), a_timer(1), [("bob", NOON)], [(2, at(10))], False),
    ],
)
def test_a_step_keeps_quiet_hours_and_a_critical_problem_goes_on_to_who_is_awake(
    incident: Incident,
    plan: Plan,
    timer: Timer,
    owed: list[tuple[str, datetime]],
    left: list[tuple[int, datetime]],
    noted: bool,
) -> None:
    rows = rows_of_all(incident, timer)
    told = Escalation(plan, rows).steps()

    assert [(n.person.name, n.due_at) for n in told] == owed
    assert {n.why for n in told if n.due_at > NOON} <= {Hold.QUIET}
    assert timers(rows) == left
    assert [note.particular for note in rows.notes] == [Particular.ASLEEP] * noted
    hurried = left == [(2, NOON)]
    assert [word for word, _, _ in decided(rows)][1:] == [Decision.JUMPED] * hurried


@pytest.mark.parametrize(("why", "pulled"), [(Hold.QUIET, True), (Hold.MUTED, True), (Hold.LIMIT, False)])
def test_what_another_receiver_holds_for_hours_is_told_by_the_step_of_the_one_that_is_free(
    why: Hold, pulled: bool
) -> None:
    held = a_notification(ONE, BOB, Kind.ESCALATION, nth=1, receiver="dba", due_at=THREE, why=why)
    rows = rows_of_all(ONE, a_timer(1), held)

    assert Escalation(PLAN, rows).steps() == []
    assert [n.due_at for n in rows.all_held()] == [NOON if pulled else THREE]


def test_of_two_receivers_whose_step_is_due_the_one_that_is_free_tells() -> None:
    quiet = replace(ONCALL, name="dba", quiet=QUIET)
    for named in ({"dba": quiet, "oncall": ONCALL}, {"oncall": ONCALL, "dba": quiet}):
        rows = rows_of_all(ONE, *(a_timer(1, receiver=name) for name in named))
        owed = Escalation(replace(PLAN, receivers=named), rows).steps()

        assert [(n.person.name, n.receiver, n.due_at) for n in owed] == [("bob", "oncall", NOON)]


@pytest.mark.parametrize(
    ("plan", "timer", "words"),
    [
        (PLAN, a_timer(1), [(Decision.ESCALATED, 1, "bob")]),
        (PLAN, a_timer(1, nth=ROUND + 2), [(Decision.ESCALATED, 2, "carol, alice")]),
        (PLAN, a_timer(1, every=MINUTE), [JUMPED, (Decision.ESCALATED, 1, "bob")]),
        (GAP, a_timer(1), [(Decision.NOBODY_ON_CALL, 1, "schedule:primary")]),
        (replace(PLAN, route=Route("oncall", mute=(AFTERNOON,))), a_timer(1), []),
    ],
)
def test_it_is_written_down_who_was_told_by_a_step_and_why(
    plan: Plan, timer: Timer, words: list[tuple[Decision, int, str]]
) -> None:
    rows = rows_of_all(ONE, timer)
    Escalation(plan, rows).steps()

    assert decided(rows) == words


@pytest.mark.parametrize(
    ("had", "owed"),
    [
        ([], ["carol", "alice"]),
        ([a_notification(ONE, ALICE, Kind.ESCALATION, nth=2)], ["carol"]),
        ([a_notification(ONE, ALICE, Kind.ESCALATION, nth=1)], ["carol", "alice"]),
        (
            [a_notification(ONE, ALICE, Kind.FIRING)],
            ["carol", "alice"],
        ),  # who had the first text has a step, too
    ],
)
def test_a_step_tells_nobody_twice(had: list[Notification], owed: list[str]) -> None:
    rows = rows_of_all(ONE, a_timer(1, nth=2), *had)

    assert [n.person.name for n in Escalation(PLAN, rows).steps()] == owed


def test_two_receivers_owe_one_text_to_whoever_stands_in_both_and_the_oldest_comes_first() -> None:
    both = replace(PLAN, receivers={"oncall": ONCALL, "dba": replace(ONCALL, name="dba")})
    due = [a_timer(1), a_timer(1, receiver="dba"), a_timer(2, due_at=at(-1))]
    owed = Escalation(both, rows_of_all(ONE, TWO, *due)).steps()

    told = [(n.incident_id, n.person.name, n.bundle) for n in owed]
    assert told == [(2, "bob", "step 1"), (1, "bob", "step 1")]


@pytest.mark.parametrize("what", [TimerKind.ESCALATE, TimerKind.REMIND])
def test_what_has_ended_has_nothing_due_any_more(what: TimerKind) -> None:
    over = replace(ONE, state=IncidentState.RESOLVED, closed_at=NOON)
    rows = rows_of_all(over, a_timer(1, what))
    due = Escalation(PLAN, rows)

    assert (due.steps(), due.reminders(), timers(rows)) == ([], [], [])


@pytest.mark.parametrize(("flapping", "said"), [(0, ["step 1", "reminder"]), (4, [FLAPPING, FLAPPING])])
def test_steps_and_reminders_of_a_bout_say_that_it_flaps(flapping: int, said: list[str]) -> None:
    """Also while it is gone for the moment."""
    bout = replace(ONE, flapping=flapping, ended_at=NOON if flapping else None)
    due = Escalation(PLAN, rows_of_all(bout, a_timer(1), REMIND, replace(KNOWS_IT, subject=bout.subject)))

    assert [n.bundle for n in (*due.steps(), *due.reminders())] == said


@pytest.mark.parametrize(
    ("repeats", "hours", "pause"),
    [
        (True, 100, 60),
        (False, 23, 60),
        (False, 24, 24 * 60),  # what no source repeats may last for weeks
        (False, 100, 24 * 60),
    ],
)
def test_after_a_day_what_its_source_does_not_repeat_is_told_once_a_day(
    repeats: bool, hours: float, pause: float
) -> None:
    rows = rows_of_all(replace(ONE, repeats=repeats, opened_at=NOON - hours * HOUR), REMIND, KNOWS_IT)
    owed = Escalation(PLAN, rows).reminders()

    assert (owed_by(owed), timers(rows)) == ([("alice", Kind.REMINDER, 1)], [(2, at(pause))])


def test_a_reminder_that_is_rarer_than_once_a_day_stays_so() -> None:
    seldom = replace(ONE, opened_at=NOON - 100 * HOUR)
    rows = rows_of_all(seldom, replace(REMIND, every=72 * HOUR))
    Escalation(PLAN, rows).reminders()

    assert timers(rows) == [(2, at(72 * 60))]


KNOWS_IT = replace(text(1, State.SENT), person=ALICE, message_at=at(-60))
DROPPED = a_notification(ONE, ALICE, Kind.ESCALATION, nth=9, state=PageState.DROPPED, why=Drop.ACKNOWLEDGED)


@pytest.mark.parametrize(
    ("plan", "timer", "had", "owed", "left"),
    [
        (PLAN, REMIND, KNOWS_IT, (Kind.REMINDER, 1), (2, at(60))),
        (PLAN, replace(REMIND, nth=ROUND + 7), KNOWS_IT, (Kind.REMINDER, ROUND + 7), (ROUND + 8, at(60))),
        (PLAN, replace(REMIND, due_at=at(-30)), KNOWS_IT, (Kind.REMINDER, 1), (2, at(60))),
        # To whoever has heard nothing it is news.
        (PLAN, REMIND, None, (Kind.FIRING, 0), (2, at(60))),
        (
            PLAN,
            REMIND,
            a_notification(ONE, BOB),
            (Kind.FIRING, 0),
            (2, at(60)),
        ),  # it is held for another reader
        (PLAN, replace(REMIND, nth=ROUND + 7), DROPPED, (Kind.FIRING, ROUND), (ROUND + 8, at(60))),
        # Passed over.
        (PLAN, REMIND, a_notification(ONE, ALICE), None, (2, at(60))),  # the first text of it is still held
        (PLAN, REMIND, replace(KNOWS_IT, kind=Kind.REMINDER, nth=1), None, (2, at(60))),
        # Later.
        (PLAN, replace(REMIND, due_at=at(0.1)), KNOWS_IT, None, (1, at(0.1))),
        (ASLEEP, REMIND, KNOWS_IT, None, (1, THREE)),
        (plan(notify=whom("primary")), REMIND, KNOWS_IT, None, (1, at(1))),  # nobody on call
        # A whole interval after the last text, or a little sooner.
        (PLAN, REMIND, replace(KNOWS_IT, message_at=at(-55)), (Kind.REMINDER, 1), (2, at(60))),
        (PLAN, REMIND, replace(KNOWS_IT, message_at=at(-54)), None, (1, at(6))),
        (PLAN, REMIND, replace(KNOWS_IT, message_at=at(-1), receiver="dba"), (Kind.REMINDER, 1), (2, at(60))),
    ],
)
def test_a_reminder_that_is_due_tells_again_whoever_is_to_be_notified(
    plan: Plan,
    timer: Timer,
    had: Notification | None,
    owed: tuple[Kind, int] | None,
    left: tuple[int, datetime],
) -> None:
    rows = rows_of_all(ONE, timer, *([had] if had else []))

    assert owed_by(Escalation(plan, rows).reminders()) == ([("alice", *owed)] if owed else [])
    assert timers(rows) == [left]


def test_a_reminder_goes_to_whoever_is_on_call_and_waits_for_those_who_sleep() -> None:
    night = replace(BOB, quiet=QUIET)
    people = replace(PEOPLE, people={**PEOPLE.people, "bob": night})
    asked = replace(plan(notify=whom("primary", "alice", "bob")), directory=people)
    rows = rows_of_all(ONE, REMIND)
    rows.overrides = {"primary": [Shift("carol", NOON, THREE)]}

    owed = Escalation(asked, rows).reminders()
    waits = {n.person.name: (n.due_at, n.why) for n in owed}
    awake = (NOON, Hold.NOW)
    assert waits == {"carol": awake, "alice": awake, "bob": (THREE, Hold.QUIET)}


FELL = replace(
    ONE, severity=Severity.WARNING, labels=firing(severity="warning").labels, routed_by=ONE.labels,
    worst=Severity.CRITICAL,
)  # fmt: skip
OF_THE_WORST = Route("oncall", "route.routes[0]", WORSE[0], mute=(AFTERNOON,))


@pytest.mark.parametrize("kind", [TimerKind.ESCALATE, TimerKind.REMIND])
@pytest.mark.parametrize("incident", [ONE, FELL])
def test_a_turn_waits_with_the_route_that_the_worst_of_it_took(incident: Incident, kind: TimerKind) -> None:
    """A fall moves nobody."""
    muted = replace(PLAN, route=Route("dba", routes=(OF_THE_WORST,)))
    rows = rows_of_all(incident, a_timer(1, kind, every=HOUR))
    due = Escalation(muted, rows)

    assert (due.steps(), due.reminders(), timers(rows)) == ([], [], [(1, THREE)])


@pytest.mark.parametrize(("incident", "awake"), [(ONE, True), (FELL, False)])
def test_a_turn_is_as_urgent_as_it_is_now(incident: Incident, awake: bool) -> None:
    """What was critical, and is a warning by now, wakes nobody."""
    asleep = plan(quiet=Quiet((AFTERNOON,), WORSE))
    due = Escalation(
        asleep, rows_of_all(incident, a_timer(1), REMIND, replace(KNOWS_IT, subject=incident.subject))
    )

    assert [n.kind for n in (*due.steps(), *due.reminders()) if n.due_at == NOON] == (
        [Kind.ESCALATION, Kind.REMINDER] if awake else []
    )


@pytest.mark.parametrize("had", [[], [KNOWS_IT]])
def test_a_reminder_is_no_step_and_a_bundle_of_its_own(had: list[Notification]) -> None:
    due = Escalation(PLAN, rows_of_all(ONE, REMIND, *had))

    assert (due.steps(), [n.bundle for n in due.reminders()]) == ([], ["reminder"])


@pytest.mark.parametrize(
    ("second", "owed"),
    [
        (a_timer(2, TimerKind.REMIND, due_at=at(5)), [1, 2]),
        (a_timer(2, TimerKind.REMIND, due_at=at(6)), [1]),
        (a_timer(2, TimerKind.REMIND, due_at=at(5), receiver="dba"), [1]),
        (a_timer(2, TimerKind.REMIND, due_at=NOON, receiver="gone"), [1]),
        (a_timer(2, TimerKind.REMIND, due_at=at(-1)), [2, 1]),
    ],
)
def test_a_reminder_takes_along_those_of_its_receiver_that_are_due_a_little_later(
    second: Timer, owed: list[int]
) -> None:
    both = replace(PLAN, receivers={"oncall": ONCALL, "dba": replace(ONCALL, name="dba")})
    rows = rows_of_all(ONE, TWO, REMIND, second)

    assert [n.incident_id for n in Escalation(both, rows).reminders()] == owed

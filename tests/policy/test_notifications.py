"""Who is owed a beginning, and from when on: those whom the routes name, each once, under the hours that hold it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from made import a_message, a_notification, acknowledged, an_incident, fates, moves, rows_with, told_by
from owing import (
    CRITICAL_ALONE,
    DBA,
    FIVE,
    HOUR,
    MILD,
    MINUTE,
    MUTED,
    ON_CALL,
    OPEN,
    ROUTE,
    SHUT,
    TEN,
    TO_ALICE,
    TO_BOB,
    between,
    deciding,
    heard,
    planned,
    summed,
)
from workbench import BOB, NOON, firing

from sms_notify.alert import Alert
from sms_notify.policy.bundles import RAISED
from sms_notify.policy.cases import Case
from sms_notify.policy.directory import Target
from sms_notify.policy.holds import Hold, Quiet
from sms_notify.policy.notifications import Notifications
from sms_notify.policy.records import Incident, Timer, TimerKind
from sms_notify.policy.routing import ROUND, Receiver, Route
from sms_notify.policy.vocabulary import Decision, Drop, Heard, IncidentState, Kind, PageState, State
from sms_notify.policy.withdrawal import take_back_changed


@pytest.mark.parametrize("word", list(Heard))
def test_only_news_begins_anything(word: Heard) -> None:
    rows = rows_with(OPEN)
    owed = deciding(planned(), rows).beginnings([heard(word)])

    assert summed(owed) == [("alice", 0, "now")] * (word in (Heard.FIRST, Heard.RAISED, Heard.RESUMED))
    assert bool(rows.timers.rows) is bool(owed)


@pytest.mark.parametrize(
    ("route", "receiver", "own", "due", "why", "by"),
    [
        (ROUTE, {}, None, 12, Hold.NOW, ""),
        (replace(ROUTE, mute=(between(11, 15),)), {}, None, 15, Hold.MUTED, "shut"),
        (replace(ROUTE, active=(between(13, 15),)), {}, None, 13, Hold.INACTIVE, "shut"),
        (ROUTE, {"quiet": SHUT}, None, 14, Hold.QUIET, "night"),
        (ROUTE, {}, SHUT, 14, Hold.QUIET, "night"),
        (ROUTE, {"quiet": Quiet((between(11, 13),), ())}, SHUT, 14, Hold.QUIET, "night"),
        (replace(ROUTE, mute=(between(14, 16),)), {"quiet": SHUT}, None, 16, Hold.MUTED, "shut"),
        (ROUTE, {"quiet": CRITICAL_ALONE}, None, 12, Hold.NOW, ""),
        (
            replace(ROUTE, mute=(between(9, 11),)),
            {"quiet": Quiet((between(13, 14),), ())},
            None,
            12,
            Hold.NOW,
            "",
        ),
    ],
)
def test_a_beginning_waits_for_its_route_its_receiver_and_its_reader(
    route: Route, receiver: dict[str, object], own: Quiet | None, due: int, why: Hold, by: str
) -> None:
    plan = planned(Receiver("oncall", (TO_ALICE, TO_BOB), **receiver), quiet=own)  # type: ignore[arg-type]
    owed = deciding(plan, rows_with(OPEN)).beginnings([heard(Heard.FIRST, route)])

    alice, bob = owed
    assert (alice.due_at, alice.why, alice.held_by) == (NOON.replace(hour=due), why, by)
    assert (bob.due_at == alice.due_at) is (own is None)  # the quiet hours of one are nobody else's
    assert (alice.created_at, alice.kind, alice.receiver) == (NOON, Kind.FIRING, "oncall")


@pytest.mark.parametrize(
    ("group", "last", "of", "due", "noted"),
    [
        ("g", None, MILD, 0, None),  # what its source has grouped is not held a second time
        ("", None, MILD, 0.5, 0.5),
        ("", -1, MILD, 4, 4),
        ("", 2, MILD, 2, 2),  # with those that wait
        ("", 2, OPEN, 0.5, 2),  # what is urgent waits for no group_interval
    ],
)
def test_what_its_source_has_not_grouped_waits_for_its_group(
    group: str, last: float | None, of: Incident, due: float, noted: float | None
) -> None:
    rows, cases = rows_with(of), [heard(Heard.FIRST, of=of)]
    work: Notifications = deciding(planned(), rows, group=group)
    names = work.groups([*cases, heard(Heard.DUPLICATE, replace(ROUTE, path="other"))])
    if last is not None:
        rows.groups.load(names[0], NOON + last * MINUTE)

    assert len(names) == (not group)
    assert summed(work.beginnings(cases)) == [("alice", due, "now" if group else "group_wait")]
    assert list(rows.groups.rows.values()) == ([] if noted is None else [NOON + noted * MINUTE])


TO_DBA = Route("dba", "route.routes[1]")


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([ROUTE], [("alice", 0, "oncall")]),
        ([ROUTE, TO_DBA], [("alice", 0, "oncall"), ("bob", 0, "dba")]),
        ([MUTED, TO_DBA], [("alice", 0, "dba"), ("bob", 0, "dba")]),  # the one that is told sooner
        ([TO_DBA, MUTED], [("bob", 0, "dba"), ("alice", 0, "dba")]),
    ],
)
@pytest.mark.parametrize("hidden", [0, 3])
def test_a_person_whom_several_receivers_name_is_owed_one_beginning(
    routes: list[Route], expected: list[tuple[str, float, str]], hidden: int
) -> None:
    rows = rows_with(OPEN, an_incident(2))
    work = deciding(planned(Receiver("oncall", (TO_ALICE,)), DBA), rows, hidden=hidden)
    owed = work.beginnings([heard(Heard.FIRST, *routes), heard(Heard.FIRST, *routes, of=an_incident(2))])

    of_both = [[n for n in owed if n.incident_id == id_] for id_ in (1, 2)]
    assert [
        [(n.person.name, (n.due_at - NOON) / MINUTE, n.receiver) for n in listed] for listed in of_both
    ] == [expected] * 2
    assert [{n.hidden for n in listed} for listed in of_both] == [{hidden}, {0}]  # of one delivery, told once


@pytest.mark.parametrize(
    ("receiver", "alert", "route", "step", "reminder"),
    [
        (Receiver("oncall", (TO_ALICE,)), firing(), ROUTE, None, 240),
        (Receiver("oncall", (TO_ALICE,), escalate=(FIVE, TEN)), firing(), ROUTE, 5, 240),
        (
            Receiver("oncall", (TO_ALICE,), escalate=(FIVE,)),
            firing(),
            MUTED,
            65,
            300,
        ),  # from the first text on
        (Receiver("oncall", (TO_ALICE,)), firing(), replace(ROUTE, repeat_interval=timedelta()), None, None),
        (Receiver("oncall", (TO_ALICE,), escalate=(FIVE,)), replace(firing(), once=True), ROUTE, 5, None),
        (Receiver("oncall", (), escalate=(FIVE,)), firing(), ROUTE, None, None),
        (Receiver("oncall", (ON_CALL,), escalate=(FIVE,)), firing(), ROUTE, 0, 1),  # nobody is on call
    ],
)
def test_steps_and_reminders_follow_the_first_text(
    receiver: Receiver, alert: Alert, route: Route, step: float | None, reminder: float | None
) -> None:
    rows = rows_with(OPEN)
    deciding(planned(receiver), rows).beginnings([heard(Heard.FIRST, route, alert=alert)])

    due = {timer.what: (timer.due_at - NOON) / MINUTE for timer in rows.timers_of(1)}
    assert (due.get(TimerKind.ESCALATE), due.get(TimerKind.REMIND)) == (step, reminder)
    gap = receiver.notify == (ON_CALL,)
    assert [one.word for one in rows.decided] == [Decision.NOBODY_ON_CALL] * gap
    assert [note.particular for note in rows.notes] == ["gap"] * gap


def test_each_receiver_is_owed_what_its_own_routes_lead_to() -> None:
    cases = [heard(Heard.FIRST), heard(Heard.FIRST, TO_DBA, of=an_incident(2))]
    rows = rows_with(OPEN, an_incident(2))
    owed = deciding(planned(Receiver("oncall", (TO_ALICE,)), DBA), rows).beginnings(cases)

    assert [(n.incident_id, n.person.name) for n in owed] == [(1, "alice"), (2, "bob"), (2, "alice")]


def test_of_two_beginnings_of_one_incident_the_worse_is_owed_with_what_its_source_hid() -> None:
    work = deciding(planned(), rows_with(OPEN), hidden=3)
    (n,) = work.beginnings([heard(Heard.FIRST), heard(Heard.RAISED, MUTED, round=1)])

    assert (n.nth, n.due_at, n.hidden) == (ROUND, NOON + HOUR, 3)


@pytest.mark.parametrize(
    ("routes", "receivers", "asked"),
    [
        ([ROUTE], ("oncall",), [ROUTE]),
        ([TO_DBA, ROUTE], ("dba", "oncall"), [ROUTE]),
        ([MUTED, TO_DBA, ROUTE], ("oncall", "dba"), [MUTED, ROUTE]),
        ([TO_DBA], ("dba",), []),
    ],
)
def test_an_alert_names_each_of_its_receivers_once(
    routes: list[Route], receivers: tuple[str, ...], asked: list[Route]
) -> None:
    case: Case = heard(Heard.FIRST, *routes)

    assert (case.receivers, case.routes_to("oncall")) == (receivers, asked)


SLOW = replace(ROUTE, path="route.routes[2]", group_wait=10 * MINUTE, repeat_interval=HOUR)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("routes", "group", "due", "why"),
    [
        ([MUTED, SLOW], "g", 0, "now"),
        ([MUTED, SLOW], "", 10, "group_wait"),
        ([ROUTE, SLOW], "", 0.5, "group_wait"),
        ([MUTED, replace(SLOW, mute=(between(11, 15),))], "g", 60, "muted"),
    ],
)
def test_of_two_routes_to_one_receiver_the_first_that_is_free_tells(
    routes: list[Route], group: str, due: float, why: str, turned: bool
) -> None:
    rows = rows_with(OPEN)
    owed = deciding(planned(), rows, group=group).beginnings(
        [heard(Heard.FIRST, *(routes[::-1] if turned else routes))]
    )

    assert summed(owed) == [("alice", due, why)]
    assert [(timer.due_at - NOON) / MINUTE for timer in rows.timers_of(1)] == [
        due + 60
    ]  # the shorter interval


STEPS = {"escalate": (FIVE, TEN)}


@pytest.mark.parametrize(
    ("of", "receiver", "own", "step", "noted"),
    [
        (OPEN, STEPS, None, 5, False),
        (OPEN, STEPS, SHUT, 0, False),  # whom it is for sleeps: the next step at once
        (OPEN, {**STEPS, "quiet": SHUT}, None, 0, False),
        (OPEN, {}, SHUT, None, True),  # and where there is none, the operator
        (OPEN, STEPS, CRITICAL_ALONE, 5, False),
        (MILD, STEPS, SHUT, 125, False),
        (MILD, {}, SHUT, None, False),
    ],
)
def test_a_critical_problem_that_finds_everybody_asleep_goes_on_at_once(
    of: Incident, receiver: dict[str, object], own: Quiet | None, step: float | None, noted: bool
) -> None:
    rows = rows_with(of)
    plan = planned(Receiver("oncall", (TO_ALICE,), **receiver), quiet=own)  # type: ignore[arg-type]
    deciding(plan, rows).beginnings([heard(Heard.FIRST, of=of)])

    due = {timer.what: (timer.due_at - NOON) / MINUTE for timer in rows.timers_of(1)}
    assert due.get(TimerKind.ESCALATE) == step
    assert [note.particular for note in rows.notes] == ["asleep"] * noted


def test_nobody_is_asleep_whom_another_receiver_tells() -> None:
    quiet, loud = Receiver("oncall", (TO_ALICE,), quiet=SHUT, **STEPS), Receiver("dba", (TO_ALICE,))
    rows = rows_with(OPEN)
    owed = deciding(planned(quiet, loud), rows).beginnings([heard(Heard.FIRST, ROUTE, TO_DBA)])

    assert summed(owed) == [("alice", 0, "now")]
    steps = [timer.due_at for timer in rows.timers_of(1) if timer.what is TimerKind.ESCALATE]
    assert steps == [NOON + 125 * MINUTE]


# A severity that rises.


@pytest.mark.parametrize(
    ("before", "route", "owed", "fate"),
    [
        ({"state": PageState.TOLD}, ROUTE, (0, RAISED), PageState.TOLD),
        ({"state": PageState.DROPPED, "why": Drop.UNHEARD}, ROUTE, (0, ""), Drop.UNHEARD),
        ({"due_at": NOON + HOUR}, ROUTE, (0, ""), Drop.SUPERSEDED),
        ({"due_at": NOON + HOUR / 2}, MUTED, (60, ""), PageState.HELD),  # the lesser is told sooner
        ({"due_at": NOON + 2 * HOUR}, MUTED, (60, ""), Drop.SUPERSEDED),
        ({"person": BOB}, ROUTE, (0, ""), PageState.HELD),
        ({"person": BOB, "state": PageState.TOLD}, ROUTE, (0, ""), PageState.TOLD),
        ({"nth": ROUND, "due_at": NOON + HOUR}, ROUTE, (0, ""), PageState.HELD),  # of this rise
        ({"kind": Kind.RESOLVED}, ROUTE, (0, ""), PageState.HELD),
        ({"kind": Kind.REMINDER, "due_at": NOON + HOUR}, ROUTE, (0, ""), Drop.SUPERSEDED),
    ],
)
def test_a_rise_takes_the_place_of_what_its_reader_was_to_be_told_of_the_lesser_problem(
    before: dict[str, object], route: Route, owed: tuple[float, str], fate: PageState | Drop
) -> None:
    old = a_notification(MILD)
    old = told_by(a_message(7, state=State.SENT), old) if before.get("state") is PageState.TOLD else old
    rows = rows_with(OPEN, replace(old, **before))  # type: ignore[arg-type]
    (n,) = deciding(planned(), rows).beginnings([heard(Heard.RAISED, route, round=1)])

    assert ((n.due_at - NOON) / MINUTE, n.bundle, n.nth) == (*owed, ROUND)
    assert fates(rows) == {1: fate}


@pytest.mark.parametrize(
    ("state", "due", "fate"),
    [(PageState.HELD, 10, Drop.SUPERSEDED), (PageState.TOLD, 30, PageState.TOLD)],
)
def test_a_rise_that_its_group_holds_is_told_when_the_lesser_problem_would_have_been(
    state: PageState, due: int, fate: PageState | Drop
) -> None:
    rows = rows_with(OPEN, a_notification(OPEN, due_at=NOON + timedelta(seconds=10), state=state))
    (n,) = deciding(planned(), rows, group="").beginnings([heard(Heard.RAISED, round=1)])

    assert (n.due_at, fates(rows)) == (NOON + timedelta(seconds=due), {1: fate})


@pytest.mark.parametrize(
    ("route", "fate"),
    [
        (ROUTE, Drop.SUPERSEDED),
        (MUTED, PageState.HELD),
    ],  # where the rise waits, the first text may leave before
)
def test_what_a_waiting_text_told_of_the_lesser_problem_falls_away_with_the_rise(
    route: Route, fate: PageState | Drop
) -> None:
    text, case = a_message(7), heard(Heard.RAISED, route, round=1)
    rows = rows_with(OPEN, text, told_by(text, a_notification(MILD)))
    take_back_changed(rows, [case])
    deciding(planned(), rows).beginnings([case])

    assert [(id_, state) for id_, state, _ in moves(rows)] == [(7, State.CANCELLED)]
    assert fates(rows) == {1: fate}


@pytest.mark.parametrize("notify", [(TO_ALICE,), (ON_CALL,), ()])
def test_who_took_care_of_the_lesser_problem_is_asked_again_where_anybody_is_told(
    notify: tuple[Target, ...],
) -> None:
    step, reminder = a_message(7), a_message(8)
    rows = rows_with(
        acknowledged(OPEN), step, reminder,
        told_by(step, a_notification(OPEN, kind=Kind.ESCALATION)),
        a_notification(OPEN, kind=Kind.REMINDER, id_=2),
    )  # fmt: skip
    rows.set_timer(Timer(1, "gone", TimerKind.ESCALATE, 1, NOON))
    rows.set_timer(Timer(1, "", TimerKind.CALM, 0, NOON))
    case = heard(Heard.RAISED, round=1)
    take_back_changed(rows, [case])
    deciding(planned(Receiver("oncall", notify, escalate=(FIVE,))), rows).beginnings([case])

    asked = bool(notify)
    incident = rows.incidents.rows[1]
    assert (incident.acked_at is None, incident.acked_by, incident.acked_how) == (
        (True, "", "") if asked else (False, "alice", "command")
    )
    assert incident.state is (IncidentState.OPEN if asked else IncidentState.ACKNOWLEDGED)
    turns = [timer.nth for timer in rows.timers_of(1) if timer.what.turn]
    assert turns == ([ROUND + 1, ROUND + 1] if asked else [1])
    assert (1, "", TimerKind.CALM) in rows.timers.rows  # a rise makes nothing calm
    assert fates(rows)[2] == (Drop.SUPERSEDED if asked else PageState.HELD)
    assert [id_ for id_, *_ in moves(rows)] == [7]

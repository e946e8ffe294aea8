"""When somebody may be texted: the first of their routes that is free, and asked again of what something else has held."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from made import a_message, a_notification, an_incident, rows_with
from owing import CRITICAL_ALONE, HOUR, ROUTE, SHUT, TO_ALICE, between, planned
from workbench import NOON, firing

from sms_notify.policy.allowed_moment import Rechecking, allowed, first_free, routes_to
from sms_notify.policy.holds import AHEAD, Hold, Quiet, Wait
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.records import Notification
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.vocabulary import Kind, PageState, State

WARNING = {"severity": "warning"}
NOW = Wait(NOON, Hold.NOW)
MUTED, MUTED_LONGER = replace(ROUTE, mute=(between(11, 13),)), replace(ROUTE, mute=(between(11, 15),))
OFFICE = replace(ROUTE, active=(between(14, 16, "office"),))
GROUPED = Wait(NOON + HOUR, Hold.GROUP)


@pytest.mark.parametrize(
    ("starts", "quiet", "until", "why"),
    [
        ([(ROUTE, NOW)], [], 0, Hold.NOW),
        ([(MUTED, NOW)], [], 1, Hold.MUTED),
        ([(MUTED, NOW), (ROUTE, NOW)], [], 0, Hold.NOW),
        ([(ROUTE, NOW), (MUTED, NOW)], [], 0, Hold.NOW),
        ([(MUTED_LONGER, NOW), (OFFICE, NOW)], [], 2, Hold.INACTIVE),
        ([(MUTED_LONGER, NOW), (MUTED, NOW)], [SHUT], 2, Hold.QUIET),  # quiet hours hold each of the routes
        ([(ROUTE, NOW)], [None, SHUT], 2, Hold.QUIET),
        ([(ROUTE, GROUPED), (MUTED_LONGER, NOW)], [], 1, Hold.GROUP),
        ([(ROUTE, GROUPED), (ROUTE, NOW)], [], 0, Hold.NOW),
    ],
)
def test_a_reader_is_held_only_as_long_as_every_route_is(
    starts: list[tuple[Route, Wait]], quiet: list[Quiet | None], until: int, why: Hold
) -> None:
    held = first_free(starts, WARNING, *quiet)

    assert (held.until, held.why) == (NOON + until * HOUR, why)


def test_the_routes_of_today_are_asked_and_a_receiver_without_any_is_held_by_none() -> None:
    mine = Route(
        "dba", "route.routes[0]", parse_matchers("team=dba"), continue_=True, mute=(between(11, 13),)
    )
    other = Route("dba", "route.routes[1]", mute=(between(11, 15),))
    plan = replace(planned(Receiver("dba"), Receiver("old")), route=Route("dba", routes=(mine, other)))

    assert routes_to(plan.route, {"team": "dba"}, "dba") == [mine, other]
    assert routes_to(plan.route, {"team": "dba"}, "old") == []
    ours, theirs = (an_incident(1, firing(team=team)) for team in ("dba", "web"))
    assert allowed(plan, ours, "dba", NOW).until == NOON + HOUR
    assert allowed(plan, theirs, "dba", NOW).until == NOON + 3 * HOUR
    assert allowed(plan, theirs, "old", NOW) == NOW


def test_the_routes_are_those_of_the_worst_that_it_was() -> None:
    free = Route("dba", "route.routes[0]", parse_matchers("severity=critical"))
    plan = replace(planned(Receiver("dba")), route=Route("dba", routes=(free,), mute=(between(11, 13),)))
    warning = an_incident(1, firing(severity="warning"))

    assert allowed(plan, warning, "dba", NOW).until == NOON + HOUR
    assert allowed(plan, replace(warning, routed_by=firing().labels), "dba", NOW) == NOW


OPEN, CRITICAL = an_incident(1, firing(severity="warning")), an_incident(2)
LIMITED = a_notification(OPEN, why=Hold.LIMIT, held_by="number")


@pytest.mark.parametrize(
    ("n", "quiet", "until", "why"),
    [
        (LIMITED, SHUT, 2, Hold.QUIET),
        (LIMITED, None, 0, Hold.LIMIT),
        (LIMITED, Quiet((between(13, 14),)), 0, Hold.LIMIT),
        (replace(LIMITED, due_at=NOON + HOUR), SHUT, 2, Hold.QUIET),  # it would come out in the night
        (replace(LIMITED, due_at=NOON + 3 * HOUR), SHUT, 3, Hold.LIMIT),
        (a_notification(CRITICAL, why=Hold.LIMIT), CRITICAL_ALONE, 0, Hold.LIMIT),
        (a_notification(CRITICAL, why=Hold.LIMIT), SHUT, 2, Hold.QUIET),
        (replace(LIMITED, why=Hold.FLAPPING), SHUT, 2, Hold.QUIET),
        (replace(LIMITED, why=Hold.GROUP), SHUT, 2, Hold.QUIET),  # the clock was set meanwhile
        (replace(LIMITED, kind=Kind.RESOLVED), SHUT, 2, Hold.QUIET),  # no text about it within the hour
    ],
)
def test_what_something_else_has_held_into_quiet_hours_waits_for_their_end(
    n: object, quiet: Quiet | None, until: int, why: Hold
) -> None:
    plan = planned(Receiver("oncall", (TO_ALICE,)), quiet=quiet)
    rows = rows_with(OPEN, CRITICAL, n)  # type: ignore[arg-type]
    Rechecking(plan).hold_again(rows, rows.all_held())

    (after,) = rows.all_held()
    assert (after.due_at, after.why, after.state) == (NOON + until * HOUR, why, PageState.HELD)


IN_QUIET, SOON = Quiet((between(13, 14),)), NOON + 3 * HOUR
LOUD = Quiet((between(13, 14),), ())
MILD_END, TOLD = (
    replace(LIMITED, kind=Kind.RESOLVED, why=Hold.NOW),
    {"state": PageState.TOLD, "message_id": 1},
)


@pytest.mark.parametrize(
    ("quiet", "listed", "expected"),
    [
        (None, [LIMITED], SOON),
        (IN_QUIET, [LIMITED], NOON + HOUR),
        (IN_QUIET, [a_notification(CRITICAL)], SOON),
        (LOUD, [a_notification(CRITICAL)], NOON + HOUR),
        (IN_QUIET, [a_notification(CRITICAL), LIMITED], NOON + HOUR),
        (SHUT, [LIMITED], SOON),  # something lets it through already
        (IN_QUIET, [MILD_END], NOON + HOUR),
        (IN_QUIET, [a_notification(CRITICAL, kind=Kind.RESOLVED)], NOON + HOUR),
    ],
)
def test_a_text_leaves_before_windows_hold_any_of_it(
    quiet: Quiet | None, listed: list[Notification], expected: datetime
) -> None:
    plan = planned(Receiver("oncall", (TO_ALICE,)), quiet=quiet)

    assert Rechecking(plan).leaves_by(rows_with(OPEN, CRITICAL), listed, SOON) == expected


@pytest.mark.parametrize(
    ("minutes_ago", "expected"), [(10, 60), (-10, 70 + 1 / 60), (-30, 90 + 1 / 60), (-130, 180)]
)
def test_an_end_leaves_within_an_hour_of_the_last_text_about_it(minutes_ago: int, expected: int) -> None:
    written = NOON - minutes_ago * HOUR / 60
    message = a_message(1, state=State.DELIVERED, created_at=written)
    rows = rows_with(OPEN, a_notification(OPEN, **TOLD), message)
    plan = planned(Receiver("oncall", (TO_ALICE,)), quiet=IN_QUIET)

    assert Rechecking(plan).leaves_by(rows, [replace(MILD_END, id=0)], SOON) == NOON + expected * HOUR / 60


LATER = replace(ROUTE, mute=(between(13, 14),), continue_=True)


@pytest.mark.parametrize(
    ("route", "expected"), [(LATER, NOON + HOUR), (replace(ROUTE, routes=(LATER, ROUTE)), SOON)]
)
def test_a_mute_closes_where_no_other_route_is_open(route: Route, expected: datetime) -> None:
    plan = replace(planned(), route=route)

    assert Rechecking(plan).leaves_by(rows_with(OPEN), [LIMITED], SOON) == expected


@pytest.mark.parametrize("why", [Hold.NOW, Hold.LATE, Hold.LIMIT, Hold.BEHIND, Hold.GROUP])
def test_an_end_that_did_not_leave_in_time_waits_for_the_morning(why: Hold) -> None:
    plan = planned(Receiver("oncall", (TO_ALICE,)), quiet=CRITICAL_ALONE)
    rows = rows_with(OPEN, replace(MILD_END, why=why))
    Rechecking(plan).hold_again(rows, rows.all_held())

    assert [n.due_at for n in rows.all_held()] == [NOON + 2 * HOUR]


def test_what_no_window_ever_lets_pass_is_held_again_when_its_year_is_over() -> None:
    shut = replace(ROUTE, mute=(between(0, 12), between(12, 24)))
    rows = rows_with(OPEN, a_notification(OPEN, why=Hold.MUTED))
    Rechecking(replace(planned(), route=shut)).hold_again(rows, rows.all_held())

    assert [n.due_at for n in rows.all_held()] == [NOON + AHEAD]


@pytest.mark.parametrize("where", ["route", "receiver"])
def test_a_route_and_a_receiver_hold_it_again_too(where: str) -> None:
    receiver = Receiver("oncall", (TO_ALICE,), quiet=SHUT if where == "receiver" else None)
    plan = replace(planned(receiver), route=Route("oncall", routes=(MUTED,) if where == "route" else ()))
    rows = rows_with(OPEN, LIMITED)
    Rechecking(plan).hold_again(rows, rows.all_held())

    assert [n.due_at for n in rows.all_held()] == [NOON + (2 if where == "receiver" else 1) * HOUR]

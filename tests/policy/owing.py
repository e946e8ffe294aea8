"""What deciding who is owed what begins with: a plan, a delivery, and what each alert of it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from made import an_incident, ended
from workbench import ALICE, BOB, NOON, a_plan, firing

from sms_notify.alert import Alert, Delivery
from sms_notify.policy.cases import Case
from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.ends import EndNotifications
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.notifications import Notifications
from sms_notify.policy.rate_limits import Flapping, Limits
from sms_notify.policy.records import Incident, Notification
from sms_notify.policy.rotations import Schedule, Shift
from sms_notify.policy.routing import Receiver, Route, Step
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.vocabulary import Heard

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OPEN, MILD = an_incident(1), an_incident(1, firing(severity="warning"))
OVER = ended(OPEN)
TO_ALICE, TO_BOB = Target(TargetKind.PERSON, "alice"), Target(TargetKind.PERSON, "bob")
STRANGER = Person("+3225551234", "+3225551234")  # whom a receiver names by number alone
ON_CALL = Target(TargetKind.SCHEDULE, "primary")
FIVE, TEN = Step(5 * MINUTE, (TO_BOB,)), Step(10 * MINUTE, (TO_ALICE,))
ROUTE = Route("oncall", repeat_interval=4 * HOUR)
RULE = Flapping(4, 30 * MINUTE, calm=10 * MINUTE, calm_critical=3 * MINUTE)


def between(first: int, last: int, name: str = "shut") -> Window:
    return Window(name, (TimeInterval(((first * 60, last * 60),)),))


def planned(
    *receivers: Receiver,
    quiet: Quiet | None = None,
    flapping: Flapping | None = RULE,
    shifts: tuple[Shift, ...] = (),
) -> Plan:
    """`quiet` are alice's own."""
    people = {"alice": replace(ALICE, quiet=quiet), "bob": BOB}
    named = receivers or (Receiver("oncall", (TO_ALICE,)),)
    return replace(
        a_plan(), receivers={one.name: one for one in named}, directory=Directory(people),
        limits=Limits(flapping=flapping), schedules={"primary": Schedule("primary", calendar=shifts)},
    )  # fmt: skip


def deciding(plan: Plan, rows: Rows, *, group: str = "g", hidden: int = 0) -> Notifications:
    return Notifications(plan, Delivery("x", (), group, hidden), rows)


def ending(plan: Plan, rows: Rows, *, group: str = "g") -> EndNotifications:
    numbers = frozenset((ALICE.number, BOB.number, STRANGER.number))
    return EndNotifications(plan, numbers, Delivery("x", (), group), rows)


def heard(
    word: Heard, *routes: Route, of: Incident = OPEN, alert: Alert | None = None, **more: object
) -> Case:
    chains = tuple((route,) for route in routes or (ROUTE,))
    case = Case(alert or of.subject.alert, word, of.id, of.opened_at, chains)
    return replace(case, **more)  # type: ignore[arg-type]


def summed(owed: Sequence[Notification]) -> list[tuple[str, float, str]]:
    """To whom, in how many minutes, and why not now."""
    return [(n.person.name, (n.due_at - NOON) / MINUTE, n.why) for n in owed]


DBA = Receiver("dba", (TO_BOB, TO_ALICE))
MUTED = replace(ROUTE, mute=(between(11, 13),))
SHUT = Quiet((between(11, 14, "night"),), ())  # nothing passes
CRITICAL_ALONE = Quiet((between(11, 14, "night"),))

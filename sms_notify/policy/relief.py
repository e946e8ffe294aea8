"""Who hears in the place of somebody whose shift ended while it was held."""

from __future__ import annotations

from dataclasses import replace

from sms_notify.policy.allowed_moment import allowed
from sms_notify.policy.directory import Person, Target
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.records import Notification
from sms_notify.policy.roster import Staff, scheduled
from sms_notify.policy.routing import Receiver, step_of
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Drop, Kind, PageState

HANDED_ON = (Kind.FIRING, Kind.ESCALATION, Kind.REMINDER)
"""What is told to whoever is on call when it is told."""


def relieved(plan: Plan, rows: Rows) -> list[Notification]:
    """What was held for hours is told to who is on call when it is told, not to who was when it came."""
    staff, owed = Staff(plan.directory, plan.schedules), list[Notification]()
    for number, name, step in _held_for_hours(rows):
        receiver = plan.receivers.get(name)
        targets = _targets(receiver, step) if receiver is not None else ()
        if not scheduled(targets):
            continue
        people = staff.people(targets, rows.overrides, rows.now)
        if not people or number in {person.number for person in people}:
            continue  # nobody is there to relieve, or nobody has
        for n in _held_for_hours(rows)[number, name, step]:
            rows.drop([n], Drop.OFF_CALL)
            owed += [
                _taken_over(plan, rows, n, person) for person in people if not _has_heard(rows, n, person)
            ]
    return owed


def _targets(receiver: Receiver, step: int) -> tuple[Target, ...]:
    """Step 0 is the first text, and reminders."""
    steps = [receiver.notify, *(one.notify for one in receiver.escalate)]
    return steps[step] if step < len(steps) else ()


def _held_for_hours(rows: Rows) -> dict[tuple[str, str, int], list[Notification]]:
    """What fires and was held until now by the clock on the wall, by number, receiver and step."""
    found: dict[tuple[str, str, int], list[Notification]] = {}
    for n in rows.all_held():
        if n.due_at <= rows.now and n.kind in HANDED_ON and isinstance(n.why, Hold) and n.why.of_hours:
            step = step_of(n.nth) if n.kind is Kind.ESCALATION else 0
            found.setdefault((n.number, n.receiver, step), []).append(n)
    return found


def _has_heard(rows: Rows, n: Notification, person: Person) -> bool:
    """Whoever was told that it fires needs no beginning of it, and no reminder for another; but the step."""
    mine = [one for one in rows.of_incident(n.incident_id) if one.number == person.number]
    if n.kind is Kind.ESCALATION:
        mine = [one for one in mine if (one.kind, one.nth) == (n.kind, n.nth)]
    return any(one.state is not PageState.DROPPED for one in mine)


def _taken_over(plan: Plan, rows: Rows, n: Notification, person: Person) -> Notification:
    """Under the quiet hours of whoever takes over. What was to remind another is news to them."""
    assert isinstance(n.why, Hold)  # noqa: S101 - it was held when it was read
    start, quiet = Wait(rows.now, n.why, n.held_by), plan.receiver(n.receiver).quiet
    held = allowed(plan, n.subject.alert.labels, n.receiver, start, quiet, person.quiet)
    if n.kind is Kind.REMINDER:
        n = replace(n, kind=Kind.FIRING, nth=n.nth - step_of(n.nth))
    return replace(n, person=person, due_at=held.until, why=held.why, held_by=held.by, id=0)

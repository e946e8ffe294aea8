"""Who hears in the place of somebody whose shift ended while it was held."""

from __future__ import annotations

from dataclasses import replace

from sms_notify.policy.allowed_moment import allowed
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.records import Notification
from sms_notify.policy.roster import Staff, scheduled
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Drop, Kind, PageState


def relieved(plan: Plan, rows: Rows) -> list[Notification]:
    """What was held for hours is told to who is on call when it is told, not to who was when it came."""
    staff, owed = Staff(plan.directory, plan.schedules), list[Notification]()
    for number, name in _held_for_hours(rows):
        receiver = plan.receivers.get(name)
        if receiver is None or not scheduled(receiver.notify):
            continue
        people = staff.people(receiver.notify, rows.overrides, rows.now)
        if not people or number in {person.number for person in people}:
            continue  # nobody is there to relieve, or nobody has
        for n in _held_for_hours(rows)[number, name]:
            rows.drop([n], Drop.OFF_CALL)
            told = {
                one.number for one in rows.of_incident(n.incident_id) if one.state is not PageState.DROPPED
            }
            owed += [_taken_over(plan, rows, n, person) for person in people if person.number not in told]
    return owed


def _held_for_hours(rows: Rows) -> dict[tuple[str, str], list[Notification]]:
    """The beginnings that were held until now by the clock on the wall, by number and receiver."""
    found: dict[tuple[str, str], list[Notification]] = {}
    for n in rows.all_held():
        if n.due_at <= rows.now and n.kind is Kind.FIRING and isinstance(n.why, Hold) and n.why.of_hours:
            found.setdefault((n.number, n.receiver), []).append(n)
    return found


def _taken_over(plan: Plan, rows: Rows, n: Notification, person: Person) -> Notification:
    """Under the quiet hours of whoever takes over."""
    assert isinstance(n.why, Hold)  # noqa: S101 - it was held when it was read
    start, quiet = Wait(rows.now, n.why, n.held_by), plan.receiver(n.receiver).quiet
    held = allowed(plan, n.subject.alert.labels, n.receiver, start, quiet, person.quiet)
    return replace(n, person=person, due_at=held.until, why=held.why, held_by=held.by, id=0)

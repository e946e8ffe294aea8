"""Who hears in the place of somebody whose shift ended, or whom the configuration names no more, while it was held or waited to
leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sms_notify.policy.allowed_moment import allowed
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.records import UNACKNOWLEDGED, Notification
from sms_notify.policy.roster import Staff, scheduled
from sms_notify.policy.routing import step_of
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Drop, Kind, PageState, State
from sms_notify.policy.withdrawal import take_back

HANDED_ON = (Kind.FIRING, Kind.ESCALATION, Kind.REMINDER)
"""What is told to whoever is on call when it is told."""

_BRIEF = (Hold.GROUP, Hold.LIMIT, Hold.BEHIND, Hold.UNCONFIRMED)
"""What is not asked for shifts when it is due: it holds thousands in a storm, and most of them within a shift."""


def relieved(plan: Plan, rows: Rows) -> list[Notification]:
    """What was held until now is told to who is on call when it is told, not to who was when it came."""
    staff, owed = Staff(plan.directory, plan.schedules), list[Notification]()
    for place, listed in _held_until_now(rows).items():
        people = _in_place_of(plan, staff, rows, place)
        for n in listed if people else ():
            rows.drop([n], Drop.OFF_CALL)
            owed += [
                _taken_over(plan, rows, n, person) for person in people if not _has_heard(rows, n, person)
            ]
    return owed


def call_back(plan: Plan, rows: Rows) -> bool:
    """Texts to somebody whose shift has ended, and that have not left, do not leave: what they tell is due, to be told to who
    is on call now, and so is what limits or a group held. False where there is none.
    """
    staff = Staff(plan.directory, plan.schedules)
    held = [n for n in rows.all_held() if n.kind in HANDED_ON and n.why in _BRIEF]
    late = [n for n in held if _in_place_of(plan, staff, rows, _place(n))]
    for n in late:
        rows.hold(n, rows.now, Hold(n.why) if Hold(n.why).again else Hold.NOW, n.held_by)
    found = bool(late)
    for message in [one for one in rows.messages.rows.values() if one.state is State.QUEUED]:
        told = [n for n in rows.of_message(message.id) if n.kind in HANDED_ON and n.state is PageState.TOLD]
        if any(_in_place_of(plan, staff, rows, _place(n)) for n in told):
            found = take_back(rows, message) or found
    return found


def pass_over_strangers(plan: Plan, rows: Rows) -> None:
    """After a change of configuration: what fires is told to nobody whom its receiver names no more, neither first nor by a
    step. Where a receiver names nobody at all that may be a mistake, and its repair must find what there was.
    """
    staff = Staff(plan.directory, plan.schedules)
    strangers = {n.id: n for n in rows.notifications.rows.values() if _is_stranger(plan, staff, rows, n)}
    rows.drop((n for n in strangers.values() if n.state is PageState.HELD), Drop.NOT_CONFIGURED)
    needless = {n.id: Drop.NOT_CONFIGURED for n in strangers.values() if n.state is PageState.TOLD}
    for id_ in {n.message_id for n in strangers.values() if n.id in needless}:
        message = rows.messages.get(id_ or 0)
        if message is not None and message.state is State.QUEUED:
            take_back(rows, message, needless)


def _is_stranger(plan: Plan, staff: Staff, rows: Rows, n: Notification) -> bool:
    receiver = plan.receivers.get(n.receiver)
    waits = n.state is PageState.HELD or rows.state_of(n) is State.QUEUED
    asked = n.bundle == UNACKNOWLEDGED  # perhaps whoever acknowledged, and nobody of the receiver
    if receiver is None or not receiver.notify or not waits or asked or n.kind not in HANDED_ON:
        return False
    targets = [*receiver.notify, *(target for step in receiver.escalate for target in step.notify)]
    named = {person.number for person in staff.people(targets, rows.overrides, rows.now)}
    return not scheduled(targets) and n.number not in named


_Place = tuple[str, str, int]
"""A number, and by which step of which receiver it was named."""


def _place(n: Notification) -> _Place:
    return n.number, n.receiver, step_of(n.nth) if n.kind is Kind.ESCALATION else 0


def _in_place_of(plan: Plan, staff: Staff, rows: Rows, place: _Place) -> Sequence[Person]:
    """Who is named there by now; empty where that is nobody, or its reader still is. Step 0 is the first text, and reminders."""
    number, name, step = place
    receiver = plan.receivers.get(name)
    steps = [receiver.notify, *(one.notify for one in receiver.escalate)] if receiver is not None else []
    targets = steps[step] if step < len(steps) else ()
    if not scheduled(targets):
        return ()
    people = staff.people(targets, rows.overrides, rows.now)
    return () if number in {person.number for person in people} else people


def _held_until_now(rows: Rows) -> dict[_Place, list[Notification]]:
    """What fires, and was held by the clock on the wall, or could not leave until now. What is over is only counted, to
    whoever was promised a text.
    """
    found: dict[_Place, list[Notification]] = {}
    for n in rows.all_held():
        fires = n.kind in HANDED_ON and rows.incidents.rows[n.incident_id].is_open
        if fires and n.due_at <= rows.now and isinstance(n.why, Hold) and n.why.outlasts_shifts:
            found.setdefault(_place(n), []).append(n)
    return found


def _has_heard(rows: Rows, n: Notification, person: Person) -> bool:
    """Whoever was told that it fires needs no beginning of it, and no reminder for another; but the step."""
    mine = [one for one in rows.of_incident(n.incident_id) if one.number == person.number]
    if n.kind is Kind.ESCALATION:
        mine = [one for one in mine if (one.kind, one.nth) == (n.kind, n.nth)]
    return any(one.state is not PageState.DROPPED for one in mine)


def _taken_over(plan: Plan, rows: Rows, n: Notification, person: Person) -> Notification:
    """Under the quiet hours of whoever takes over. What was to remind another is news to them, and what another may have read
    is their first text.
    """
    assert isinstance(n.why, Hold)  # noqa: S101 - it was held when it was read
    start, quiet = Wait(rows.now, n.why, n.held_by), plan.receiver(n.receiver).quiet
    held = allowed(plan, rows.incidents.rows[n.incident_id], n.receiver, start, quiet, person.quiet)
    if n.kind is Kind.REMINDER:
        n = replace(n, kind=Kind.FIRING, nth=n.nth - step_of(n.nth))
    return replace(
        n, person=person, due_at=held.until, why=held.why, held_by=held.by, failures=0, again_of=None, id=0
    )

"""What a text was to tell is owed again where the text did not tell it: it grew too old, it failed, or its answer was lost.

The notification is held once more and is worded anew when it is due, by what is true then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.alert import Severity
from sms_notify.policy import handoff
from sms_notify.policy.allowed_moment import Rechecking
from sms_notify.policy.bundles import FLAPPING
from sms_notify.policy.directory import group_of
from sms_notify.policy.escalation import hurry
from sms_notify.policy.holds import Hold
from sms_notify.policy.lost_sight import is_lost
from sms_notify.policy.records import Entry, Incident, Message, Notification
from sms_notify.policy.routing import MOST_REPEATS, ROUND, repeated
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Cause, Drop, IncidentState, Kind, PageState, State

PAUSES = timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15)
"""After a text that failed; whoever has it not after these is told again by a reminder alone."""

UNCONFIRMED_REST = timedelta(minutes=10)
"""After an answer that was lost, of what is not critical: sooner with another text to the same reader."""


def release_late(rows: Rows, message_id: int) -> None:
    """What a message that is too old was to tell goes into the next text: not the follow-ups of what has ended, or is
    acknowledged meanwhile, and not what a higher severity has replaced.
    """
    for n in rows.of_message(message_id):
        incident = rows.incidents.rows[n.incident_id]
        if n.kind is not Kind.RESOLVED and _replaced(rows, n):
            _give_up(rows, n, Drop.SUPERSEDED)
        elif n.follows_up and (incident.acked_at is not None or not incident.is_open):
            _give_up(rows, n, Drop.ACKNOWLEDGED)
        elif n.state is PageState.TOLD:
            _hold(rows, n, Hold.LATE, rows.now)


def after_failure(rows: Rows, message: Message) -> None:
    """A text was refused or not delivered: the next step does not wait, and it is tried again after a pause."""
    hurry(rows, message)
    handoff.tell_again(rows, message, PAUSES)
    for n in rows.of_message(message.id):
        failures = _failures(rows, n)
        if n.state is PageState.TOLD and failures < len(PAUSES) and still_owed(rows, n):
            again = replace(n, failures=failures + 1)
            _hold(rows, again, Hold.FAILED, rows.now + PAUSES[failures])


def once_more(rows: Rows, message: Message, n: Notification) -> None:
    """Somebody asks for what a text tells again: it is due now. What may have been read stays told, and its repeat is a
    notification of its own; what its reader surely has not got is owed anew.
    """
    if message.state.lost:
        _hold(rows, n, Hold.NOW, rows.now)
        return
    first = repeated(n.nth, 0)
    taken = {one.nth for one in family_of(rows, n)}
    free = (repeated(first, times) for times in range(1, MOST_REPEATS + 1))
    nth = next((nth for nth in free if nth not in taken), None)
    if nth is not None:
        repeat = replace(n, id=0, nth=nth, created_at=rows.now, message_id=None, again_of=None, failures=0)
        rows.hold(replace(repeat, said="", hidden=0), rows.now, Hold.NOW, "")


def family_of(rows: Rows, n: Notification) -> list[Notification]:
    """The notification with its repeats by hand, in the order in which they were owed."""
    first = repeated(n.nth, 0)
    mine = (one for one in rows.of_incident(n.incident_id) if one.number == n.number and one.kind is n.kind)
    return [one for one in mine if repeated(one.nth, 0) == first]


def _failures(rows: Rows, n: Notification) -> int:
    """Of a reminder also what came before it: whoever could not be told after all pauses is tried once with each."""
    if n.kind is not Kind.REMINDER:
        return n.failures
    told = (one for one in rows.of_incident(n.incident_id) if one.kind is not Kind.RESOLVED)
    return max(one.failures for one in told if one.number == n.number)


def after_lost_answer(rows: Rows, message: Message, numbers: frozenset[str], waited: timedelta) -> bool:
    """No report says within `waited` that a text was taken: what it tells is owed once more. False where nothing is, because
    it was the second text, or nobody waits for it, or it was to a group: one silence would be two texts to all of it.
    `numbers` are those of the configuration.
    """
    if group_of(message.number) is not None or message.ambiguous > 1:
        return False
    if message.kind is Kind.HANDOFF:
        return handoff.tell_again(rows, message, [UNCONFIRMED_REST - waited])
    listed = [n for n in rows.of_message(message.id) if n.state is PageState.TOLD and n.again_of is None]
    owed = [n for n in listed if n.number in numbers and still_owed(rows, n)]
    for n in owed:
        critical = n.subject.alert.severity is Severity.CRITICAL
        due = rows.now if critical else rows.now + UNCONFIRMED_REST - waited
        # By whom, for what left no answer once may leave none again.
        _hold(rows, replace(n, again_of=message.id, held_by=message.gateway), Hold.UNCONFIRMED, due)
    return bool(owed)


def after_proof(rows: Rows, message: Message) -> None:
    """The text whose answer was lost was taken: its resend is needless, as long as it has not left."""
    mine = [n for n in rows.notifications.rows.values() if n.again_of == message.id]
    for n in mine:
        if n.state is PageState.HELD:
            rows.change(_told_by(n, message.id))
    for id_ in dict.fromkeys(n.message_id for n in mine if n.message_id not in (None, message.id)):
        again = rows.messages.get(id_ or 0)
        told = rows.of_message(id_ or 0)
        unsent = again is not None and again.state is State.QUEUED and not again.ambiguous
        if again is not None and unsent and all(n.again_of == message.id for n in told):
            rows.move(again, State.CANCELLED, Entry(Cause.SUPERSEDED))
            for n in told:
                rows.tell(replace(n, again_of=None), message.id)


def _told_by(n: Notification, message_id: int) -> Notification:
    return replace(n, state=PageState.TOLD, message_id=message_id, again_of=None)


def look_before_resend(plan: Plan, numbers: frozenset[str], rows: Rows) -> None:
    """What is due once more waits for quiet hours and mutes that have begun since, and is dropped where it is not owed any
    more. `numbers` are those of the configuration.
    """
    windows = Rechecking(plan)
    for n in rows.all_held():
        if n.due_at > rows.now or not isinstance(n.why, Hold) or not n.why.again:
            continue
        if n.number not in numbers:
            rows.drop([n], Drop.NOT_CONFIGURED)
        elif (held := windows.allowed(rows, n, rows.now)).until > rows.now:
            rows.hold(n, held.until, held.why, held.by)


def still_owed(rows: Rows, n: Notification) -> bool:
    """Whether it is true still: a problem that goes on and, of steps and reminders, that nobody takes care of; an end of what
    has not begun again, and that its reader may have heard of.
    """
    incident = rows.incidents.rows[n.incident_id]
    if n.kind is Kind.RESOLVED:
        return not incident.is_open and not _is_back(rows, incident) and not was_never_heard_of(rows, n)
    cared_for = n.follows_up and incident.acked_at is not None
    return incident.is_open and not cared_for and not _replaced(rows, n) and _is_true(n, incident)


def was_never_heard_of(rows: Rows, end: Notification) -> bool:
    """Whether all that was to tell its reader of the problem has failed. That sight of it is lost is news all the same."""
    incident = rows.incidents.rows[end.incident_id]
    begun = [
        n
        for one in rows.episodes(incident.source, incident.fingerprint)
        for n in rows.of_incident(one.id)
        if n.kind is not Kind.RESOLVED and (n.number == end.number or n.person.name == end.person.name)
    ]
    heard = any(rows.may_have_arrived(n) for n in begun)
    return bool(begun) and not heard and not is_lost(rows, incident)


def _is_true(n: Notification, incident: Incident) -> bool:
    """A bout of flapping may be over, and what was silent may have been heard of. A step of the bout is owed after it, too."""
    flaps = n.bundle != FLAPPING or incident.flapping > 0 or n.kind is Kind.ESCALATION
    return flaps and (n.kind is not Kind.UNHEARD or incident.state is IncidentState.UNHEARD)


def _is_back(rows: Rows, incident: Incident) -> bool:
    latest = rows.latest(incident.source, incident.fingerprint)
    return latest is not None and latest.id != incident.id and latest.is_open


def _hold(rows: Rows, n: Notification, why: Hold, due_at: datetime) -> None:
    if n.message_id is not None:
        rows.tried.append((n.message_id, n.id))
    held_by = n.held_by if why is Hold.UNCONFIRMED else ""
    rows.change(replace(n, state=PageState.HELD, why=why, held_by=held_by, due_at=due_at, message_id=None))


def _give_up(rows: Rows, n: Notification, why: Drop) -> None:
    rows.change(replace(n, state=PageState.DROPPED, why=why))


def _replaced(rows: Rows, n: Notification) -> bool:
    return any(
        other.number == n.number
        and other.kind is Kind.FIRING
        and other.state is not PageState.DROPPED
        and other.nth // ROUND > n.nth // ROUND
        for other in rows.of_incident(n.incident_id)
    )

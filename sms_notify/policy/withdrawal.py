"""What does not leave after all: texts about what has ended, is out of date, or is taken care of."""

from __future__ import annotations

from sms_notify.policy.lost_sight import is_lost
from sms_notify.policy.records import Entry, Message, Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Cause, Drop, Kind, PageState, State


def stop_follow_ups(rows: Rows, incident_id: int, drop: Drop, cause: Cause) -> None:
    """No step and no reminder follows, and those that have not left do not leave."""
    rows.strike_turns(incident_id)
    rows.drop((n for n in rows.of_incident(incident_id) if n.follows_up), drop)
    for message in waiting_follow_ups(rows, incident_id):
        if nobody_waits_for(rows, message.id):
            state = State.UNKNOWN_FINAL if message.ambiguous else State.CANCELLED
            rows.move(message, state, Entry(cause))


def waiting_follow_ups(rows: Rows, incident_id: int) -> list[Message]:
    """Steps and reminders of an incident that wait to leave, for the first time or once more."""
    told = (n.message_id for n in rows.of_incident(incident_id) if n.follows_up)
    found = (rows.messages.get(id_) for id_ in dict.fromkeys(told) if id_ is not None)
    return [message for message in found if message is not None and message.state is State.QUEUED]


def nobody_waits_for(rows: Rows, message_id: int) -> bool:
    """True where a message tells incidents, and each of them has ended, or somebody takes care of it."""
    told = rows.of_message(message_id)
    return bool(told) and not any(
        (incident := rows.incidents.rows[n.incident_id]).is_open
        and (incident.acked_at is None or not n.follows_up)
        for n in told
    )


def all_ended(rows: Rows, message_id: int) -> bool:
    """True where a message tells incidents and every one of them has ended."""
    told = rows.of_message(message_id)
    return bool(told) and not any(rows.incidents.rows[n.incident_id].is_open for n in told)


def withdraw(rows: Rows, message_id: int, incident_id: int) -> None:
    """A text that waits, and that tells nothing but what is out of date of this incident, does not leave."""
    message = rows.messages.get(message_id)
    if message is None or message.state is not State.QUEUED or message.ambiguous:
        return
    if all(n.incident_id == incident_id for n in rows.of_message(message_id)):
        rows.move(message, State.CANCELLED, Entry(Cause.SUPERSEDED))


def take_back(rows: Rows, told: Notification) -> bool:
    """Takes a waiting text about nothing but ended incidents out of the queue; True = its reader cannot have it."""
    message = rows.messages.get(told.message_id or 0)
    if message is None or message.state is not State.QUEUED or not all_ended(rows, message.id):
        return rows.state_of(told) is State.CANCELLED
    never_left = message.ambiguous == 0
    rows.move(
        message, State.CANCELLED if never_left else State.UNKNOWN_FINAL, Entry(Cause.RESOLVED_MEANWHILE)
    )
    return never_left


def supersede(rows: Rows, incident_id: int) -> None:
    """It fires, before it was told that it has ended, or is heard of no more: what waits would be read as today's."""
    ends = [n for n in rows.of_incident(incident_id) if n.kind in (Kind.RESOLVED, Kind.UNHEARD)]
    rows.drop((n for n in ends if n.state is PageState.HELD), Drop.SUPERSEDED)
    for message_id in dict.fromkeys(n.message_id for n in ends if n.message_id is not None):
        withdraw(rows, message_id, incident_id)


def was_texted(rows: Rows, incident_id: int) -> bool:
    """Whether anybody may have read of its end: a text that waits can still be taken back."""
    return any(
        n.kind is Kind.RESOLVED and n.state is PageState.TOLD and rows.may_have_arrived(n)
        for n in rows.of_incident(incident_id)
    )


def needless_ends(rows: Rows, message: Message) -> list[Message]:
    """Texts that wait to tell this message's reader the end of something whose beginning they cannot have."""
    told = [(n.incident_id, n.number) for n in rows.of_message(message.id)]
    ids = {
        n.message_id
        for incident_id, number in told
        for n in rows.of_incident(incident_id)
        if n.number == number and n.kind is Kind.RESOLVED and n.message_id is not None
    }
    ends = [end for id_ in sorted(ids) if (end := rows.messages.get(id_)) is not None]
    waiting = (end for end in ends if end.state is State.QUEUED and not end.ambiguous)
    return [end for end in waiting if not (_beginning_was_told(rows, end) or _is_news(rows, end))]


def _is_news(rows: Rows, end: Message) -> bool:
    """Whether it tells whoever heard nothing that a critical problem was lost sight of."""
    return any(is_lost(rows, rows.incidents.rows[n.incident_id]) for n in rows.of_message(end.id))


def _beginning_was_told(rows: Rows, end: Message) -> bool:
    """Whether its reader has, or may have, a text that says of any of it that it is there."""
    return any(
        rows.may_have_arrived(n)
        for told in rows.of_message(end.id)
        for n in rows.of_incident(told.incident_id)
        if n.number == told.number and n.kind is not Kind.RESOLVED
    )

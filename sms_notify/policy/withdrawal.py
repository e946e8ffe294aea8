"""What does not leave after all: texts about what has ended, is out of date, or is taken care of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from sms_notify.policy.cases import Case
from sms_notify.policy.holds import Hold
from sms_notify.policy.owed_again import after_failure, still_owed, was_never_heard_of
from sms_notify.policy.records import Entry, Message, Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.said import is_said
from sms_notify.policy.suppression import must_wait
from sms_notify.policy.vocabulary import Cause, Drop, Kind, PageState, State

NOTHING: Mapping[int, Drop] = MappingProxyType({})


def take_back_untrue(rows: Rows, incident_ids: Iterable[int]) -> None:
    """Texts that wait to tell these incidents, and in which anything is not true any more, do not leave: what of it is owed
    still is held, and worded anew. To be asked wherever truth has changed, before it is asked who believes what.

    A text that is being sent now stays: if it is refused, `refused_text.py` asks again.
    """
    for message in _waiting(rows, incident_ids):
        if is_untrue(rows, message.id):
            take_back(rows, message)


def take_back_changed(rows: Rows, cases: Iterable[Case]) -> None:
    """Of the problems that were heard of, whatever episode it is that a text tells."""
    heard = [rows.incidents.rows[case.id] for case in cases if case.incident_id is not None]
    take_back_untrue(
        rows, (one.id for incident in heard for one in rows.episodes(incident.source, incident.fingerprint))
    )


def take_back_suppressed(rows: Rows, incident_ids: Iterable[int]) -> None:
    """Texts that have not left about what its source suppresses by now: they wait on until it lets go."""
    for message in _waiting(rows, incident_ids):
        if any(must_wait(rows, n) for n in rows.of_message(message.id)):
            take_back(rows, message)


def _waiting(rows: Rows, incident_ids: Iterable[int]) -> list[Message]:
    told = {n.message_id for id_ in incident_ids for n in rows.of_incident(id_) if n.state is PageState.TOLD}
    found = [rows.messages.get(id_) for id_ in sorted(id_ for id_ in told if id_ is not None)]
    return [message for message in found if message is not None and message.state is State.QUEUED]


def is_untrue(rows: Rows, message_id: int) -> bool:
    """Whether a text says of anything what is not so by now, or tells what nobody is owed."""
    return any(
        not still_owed(rows, n)
        or (n.said and not is_said(n.said, rows.incidents.rows[n.incident_id].subject))
        for n in rows.of_message(message_id)
        if n.state is PageState.TOLD
    )


def take_back(
    rows: Rows, message: Message, needless: Mapping[int, Drop] = NOTHING, cause: Cause = Cause.SUPERSEDED
) -> bool:
    """A text that waits does not leave. What it was to tell is due again, but for what is not owed any more; `needless` are
    such notifications, and why; `cause` is said where anything is owed still. False where it may have left once, and
    something of it is still owed: it stays.
    """
    told = [n for n in rows.of_message(message.id) if n.state is PageState.TOLD]
    fates = {n.id: needless.get(n.id) or _not_owed(rows, n) for n in told}
    owed = [n for n in told if fates[n.id] is None]
    if message.ambiguous and owed:
        return False
    state = State.UNKNOWN_FINAL if message.ambiguous else State.CANCELLED
    rows.move(message, state, Entry(cause if owed else _cause_of(fates.values())))
    for n in told if state is State.CANCELLED else ():
        _let_go(rows, n, fates[n.id])
    return True


def _not_owed(rows: Rows, n: Notification) -> Drop | None:
    """Why it is not; None where it is."""
    if still_owed(rows, n):
        return None
    incident = rows.incidents.rows[n.incident_id]
    if not incident.is_open and (n.kind is not Kind.RESOLVED or was_never_heard_of(rows, n)):
        return Drop.RESOLVED
    return Drop.ACKNOWLEDGED if n.follows_up and incident.acked_at is not None else Drop.SUPERSEDED


def _cause_of(fates: Collection[Drop | None]) -> Cause:
    """Of a text of which nothing is owed."""
    if {Drop.RESOLVED}.issuperset(fates):
        return Cause.RESOLVED_MEANWHILE
    cared_for = {Drop.RESOLVED, Drop.ACKNOWLEDGED}.issuperset(fates)
    return Cause.ACKNOWLEDGED if cared_for else Cause.SUPERSEDED


def _let_go(rows: Rows, n: Notification, fate: Drop | None) -> None:
    """It is dropped, or due: what was held for the night, or tried before, still says so."""
    if fate is not None:
        rows.change(replace(n, state=PageState.DROPPED, why=fate))
        return
    assert n.message_id is not None  # noqa: S101 - a text was to tell it
    rows.tried.append((n.message_id, n.id))
    kept = isinstance(n.why, Hold) and n.why.outlasts_limits
    why, by = (n.why, n.held_by) if kept else (Hold.NOW, "")
    rows.change(replace(n, state=PageState.HELD, due_at=rows.now, why=why, held_by=by, message_id=None))


def stop_follow_ups(rows: Rows, incident_id: int, drop: Drop) -> None:
    """No step and no reminder follows, and those that have not left do not leave."""
    rows.strike_turns(incident_id)
    take_back_untrue(rows, [incident_id])
    rows.drop((n for n in rows.of_incident(incident_id) if n.follows_up), drop)


def supersede(rows: Rows, incident_id: int) -> None:
    """It fires, before it was told that it has ended, or is heard of no more: what waits would be read as today's."""
    ends = [n for n in rows.of_incident(incident_id) if n.kind in (Kind.RESOLVED, Kind.UNHEARD)]
    rows.drop((n for n in ends if n.state is PageState.HELD), Drop.SUPERSEDED)
    needless = {n.id: Drop.SUPERSEDED for n in ends if n.state is PageState.TOLD}
    for message in _waiting(rows, [incident_id]):
        if any(n.id in needless for n in rows.of_message(message.id)):
            take_back(rows, message, needless)


def was_texted(rows: Rows, incident_id: int) -> bool:
    """Whether anybody may have read of its end: a text that waits can still be taken back."""
    return any(
        n.kind is Kind.RESOLVED and n.state is PageState.TOLD and rows.may_have_arrived(n)
        for n in rows.of_incident(incident_id)
    )


def fail(rows: Rows, message: Message) -> None:
    """A text was refused or not delivered: what it was to tell is tried again, but for the end of what nobody has read of."""
    take_back_needless_ends(rows, message)
    after_failure(rows, message)


def take_back_needless_ends(rows: Rows, message: Message) -> None:
    """A text did not leave, or did not arrive: the ends of what its reader cannot have heard of are not told either."""
    told = {n.incident_id for n in rows.of_message(message.id)}
    ends = [n for id_ in told for n in rows.of_incident(id_) if n.kind is Kind.RESOLVED]
    needless = {n.id: Drop.RESOLVED for n in ends if was_never_heard_of(rows, n)}
    rows.drop((n for n in ends if n.id in needless), Drop.RESOLVED)
    for waiting in _waiting(rows, told):
        if any(n.id in needless for n in rows.of_message(waiting.id)):
            take_back(rows, waiting, needless)

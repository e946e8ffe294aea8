"""What a person decides about one text (it does not leave, or is told once more) or one incident (the next step, a note)."""

from __future__ import annotations

from dataclasses import replace

from sms_notify.policy.acknowledgement import signed
from sms_notify.policy.owed_again import once_more
from sms_notify.policy.records import Entry, Message, TimerKind
from sms_notify.policy.routing import step_of
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import AckBy, Cause, Decision, Drop, PageState, State


def cancel(rows: Rows, message: Message, by: str) -> bool:
    """A text that waits does not leave, and what it was to tell is owed no more. False where it does not wait."""
    if message.state is not State.QUEUED:
        return False
    # Of one that was tried, nobody knows whether it arrived: its reader may believe what it says.
    rows.move(
        message,
        State.UNKNOWN_FINAL if message.ambiguous else State.CANCELLED,
        Entry(Cause.TAKEN_BACK, detail=by),
    )
    for n in rows.of_message(message.id):
        if n.state is PageState.TOLD and not message.ambiguous:
            rows.change(replace(n, state=PageState.DROPPED, why=Drop.TAKEN_BACK))
    return True


def send_again(rows: Rows, message: Message) -> bool:
    """What a text told, and is owed still, is due at once, and worded by what is true now. False where nothing is, or the text
    is under way.
    """
    under_way = message.state in (State.QUEUED, State.SUBMITTING)
    return not under_way and once_more(rows, message)


def escalate_now(rows: Rows, incident_id: int, by: str) -> bool:
    """The next step of each receiver is due at once. False where nobody is told next."""
    timers = (timer for timer in rows.timers.rows.values() if timer.what is TimerKind.ESCALATE)
    mine = [timer for timer in timers if timer.incident_id == incident_id]
    for timer in mine:
        rows.set_timer(replace(timer, due_at=min(timer.due_at, rows.now)))
        rows.decide(
            Decision.HASTENED,
            incident_id,
            receiver=timer.receiver,
            nth=step_of(timer.nth),
            detail=signed(by, AckBy.PAGE),
        )
    return bool(mine)


def note(rows: Rows, incident_id: int, by: str, words: str) -> bool:
    """What somebody writes beside an incident. False for no words."""
    if words.split():
        rows.decide(Decision.NOTE, incident_id, detail=signed(by, AckBy.PAGE, words))
    return bool(words.split())

"""What a person decides about one text: it does not leave, or what it told is told once more."""

from __future__ import annotations

from dataclasses import replace

from sms_notify.policy.owed_again import once_more
from sms_notify.policy.records import Entry, Message
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Cause, Drop, PageState, State


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

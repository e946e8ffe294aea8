"""What becomes of one message concerns others: steps that wait for it, what limits hold, and those who look after us."""

from __future__ import annotations

from datetime import datetime

from sms_notify.engine.working_set import WorkingSet
from sms_notify.policy.owed_again import after_proof
from sms_notify.policy.records import Entry, Message
from sms_notify.policy.self_alert_notes import note_lost
from sms_notify.policy.vocabulary import State
from sms_notify.policy.withdrawal import fail
from sms_notify.store import messages
from sms_notify.store.tx import Tx


def context_of(tx: Tx, message_id: int, node: str, now: datetime) -> WorkingSet:
    """Whatever the fate of a message may concern."""
    working = WorkingSet(tx, node, now)
    working.load_context([message_id])
    working.load_notifications(list(working.rows.incidents.rows))
    return working


def report_moved(
    tx: Tx, message: Message, state: State, entry: Entry, node: str, now: datetime, *, lost: str
) -> None:
    """A report moves a message. A bad end is the next step's beginning; `lost` says why in the operator's note."""
    if not state.bad_end:
        messages.move(tx, message, state, entry, node, now)
        return
    working = context_of(tx, message.id, node, now)
    moved = working.rows.move(working.rows.messages.rows[message.id], state, entry)
    note_lost(working.rows, message, state, lost)
    fail(working.rows, moved)
    working.flush()


def taken_after_all(tx: Tx, message: Message, node: str, now: datetime) -> None:
    """A report or a late answer proves a text that was given up as lost: its resend is needless."""
    working = WorkingSet(tx, node, now)
    working.load_resends(message.id)
    after_proof(working.rows, message)
    working.flush()

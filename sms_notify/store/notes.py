"""Our own problems that a step has found become rows of `troubles`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sms_notify.policy.self_alert_notes import LostNote, SelfAlertNote
from sms_notify.store import breakers, particulars
from sms_notify.store.tx import Tx


def write(tx: Tx, notes: Iterable[SelfAlertNote], lost: Iterable[LostNote], now: datetime) -> None:
    """After the messages: whether a note was lost depends on what has become of them."""
    for one in lost:
        particulars.tell_again(tx, one.message_id, one.told_at, now)
    for note in notes:
        about = (note.name, note.urgency, note.gateway, note.what, note.advice, now)
        if note.particular is None:
            breakers.report(tx, *about, again=note.again)
        else:
            particulars.note(tx, note.particular, *about)

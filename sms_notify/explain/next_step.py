"""Who is told next of an incident, while nobody acknowledges it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sms_notify.policy.records import TimerKind
from sms_notify.policy.routing import Receiver, step_of
from sms_notify.store import queries
from sms_notify.store.tx import Tx, moment


@dataclass(frozen=True, slots=True)
class NextStep:
    """The step that is due first; `who` are its targets, as the configuration names them."""

    at: datetime
    who: str


def next_step(tx: Tx, incident_id: int, receivers: Mapping[str, Receiver]) -> NextStep | None:
    """None where none is due, or the configuration has it no more."""
    for row in queries.agenda_of(tx, incident_id):
        if row["what"] != TimerKind.ESCALATE:
            continue
        receiver, nth = receivers.get(row["receiver"]), step_of(row["nth"])
        if receiver is not None and 0 < nth <= len(receiver.escalate):
            who = ", ".join(map(str, receiver.escalate[nth - 1].notify))
            return NextStep(moment(row["due_at"]), who)
    return None

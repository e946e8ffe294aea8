"""Who is told next of an incident, while nobody acknowledges it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sms_notify.oncall.roster import Roster
from sms_notify.policy.records import TimerKind
from sms_notify.policy.routing import Receiver, step_of
from sms_notify.store import queries
from sms_notify.store.tx import Tx, moment


@dataclass(frozen=True, slots=True)
class NextStep:
    """The step that is due first; `who` are those whom it tells, by the shifts and overrides of that moment."""

    at: datetime
    who: str


def next_step(tx: Tx, incident_id: int, receivers: Mapping[str, Receiver], roster: Roster) -> NextStep | None:
    """None where none is due, or the configuration has it no more."""
    for row in queries.agenda_of(tx, incident_id):
        if row["what"] != TimerKind.ESCALATE:
            continue
        receiver, nth = receivers.get(row["receiver"]), step_of(row["nth"])
        if receiver is not None and 0 < nth <= len(receiver.escalate):
            at, targets = moment(row["due_at"]), receiver.escalate[nth - 1].notify
            names = ", ".join(person.name for person in roster.who(tx, targets, at))
            return NextStep(at, names or f"nobody on call ({', '.join(map(str, targets))})")
    return None

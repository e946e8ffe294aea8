"""What its source keeps from everybody for a while (inhibited there, muted by time): texts about it wait, its end does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.policy.holds import Hold
from sms_notify.policy.records import Incident, Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Kind

BELIEVED_FOR = timedelta(minutes=5)
"""How long a look at the source counts. One that cannot be asked any more must not hold a page for longer."""

LOOK_AGAIN = timedelta(seconds=15)
"""As often as the source is asked."""


def is_suppressed(incident: Incident, now: datetime) -> bool:
    """Whether its source was seen lately to suppress it. A clock that was set back makes no look last for longer."""
    at = incident.suppressed_at
    return at is not None and abs(now - at) < BELIEVED_FOR


def unless_suppressed(rows: Rows, n: Notification) -> Notification:
    """As it is, or held until its source is asked again. An end never is, nor that nothing is heard."""
    if n.due_at > rows.now or not must_wait(rows, n):
        return n
    why, by = (n.why, n.held_by) if Hold(n.why).outlasts_limits else (Hold.SUPPRESSED, "")
    return replace(n, due_at=rows.now + LOOK_AGAIN, why=why, held_by=by)


def hold_suppressed(rows: Rows, held: Iterable[Notification]) -> None:
    """What was held until now waits on where its source suppresses it."""
    for n in held:
        later = unless_suppressed(rows, n)
        if later is not n and isinstance(later.why, Hold):
            rows.hold(n, later.due_at, later.why, later.held_by)


def must_wait(rows: Rows, n: Notification) -> bool:
    """Whether its source keeps this from its reader now: all but the end, and that nothing is heard of it."""
    suppressed = is_suppressed(rows.incidents.rows[n.incident_id], rows.now)
    return suppressed and n.kind not in (Kind.RESOLVED, Kind.UNHEARD)

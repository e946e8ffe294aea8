"""What has fallen due: one look, so that a tick that finds nothing costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.policy.holds import Hold
from sms_notify.policy.records import TimerKind
from sms_notify.policy.relief import HANDED_ON
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.vocabulary import State
from sms_notify.store.incidents import LAPSED, UNHEARD
from sms_notify.store.limit_rows import PAID_FOR
from sms_notify.store.literals import in_list
from sms_notify.store.messages import LOST_ONCE
from sms_notify.store.tx import Tx, moment, stored


@dataclass(frozen=True, slots=True)
class WorkDue:
    """Each field is one thing that a tick looks for. `next_critical`: when the first held lane of critical texts goes on."""

    unheard: bool
    lapsed: bool
    old_notes: bool
    paid_for: bool
    old_groups: bool
    leased: bool
    unknown: bool
    urgent: bool
    expired: bool
    sent: bool
    buffered: bool
    refused: bool
    steps: bool
    calm: bool
    copies: bool
    silent: bool
    reminders: bool
    handoffs: bool
    self_checks: bool
    notifications: bool
    after_hours: bool
    again: bool
    lanes: bool
    watches: bool
    next_critical: datetime | None

    @property
    def housekeeping(self) -> bool:
        return (
            self.leased
            or self.unknown
            or self.urgent
            or self.expired
            or self.sent
            or self.buffered
            or self.refused
        )


# Each line is the first entry of an index: a partial index is found by a literal alone, never by a parameter.
_LINES = {
    "unheard": UNHEARD,
    "lapsed": LAPSED,
    "old_notes": "exists (select 1 from troubles where told_at < :remembered and (closed_at is null or id < '$'))",
    "paid_for": f"exists (select 1 from troubles where {PAID_FOR})",
    "old_groups": "exists (select 1 from groups where flush_at < :remembered)",
    "leased": f"exists (select 1 from messages where state = '{State.SUBMITTING}' and lease_until <= :now)",
    "unknown": f"exists (select 1 from messages where state = '{State.UNKNOWN}' and updated_at <= :reconciled)",
    "urgent": f"exists (select 1 from messages where state = '{State.UNKNOWN}' and {LOST_ONCE})",
    "expired": f"exists (select 1 from messages where state = '{State.QUEUED}' and expires_at <= :now)",
    "sent": f"exists (select 1 from messages where state = '{State.SENT}' and sent_at <= :reported)",
    "buffered": f"exists (select 1 from messages where state = '{State.BUFFERED}' and sent_at <= :reported)",
    "refused": f"exists (select 1 from breakers where opened_at is not null and scope <> '{Scope.SENDER}')"
    f" and exists (select 1 from messages where state = '{State.QUEUED}')",
    "steps": f"exists (select 1 from agenda where what = '{TimerKind.ESCALATE}' and due_at <= :now)",
    "calm": f"exists (select 1 from agenda where what = '{TimerKind.CALM}' and due_at <= :now)",
    "copies": f"exists (select 1 from agenda where what = '{TimerKind.COPY}' and due_at <= :now)",
    "silent": f"exists (select 1 from agenda where what = '{TimerKind.SILENT}' and due_at <= :now)",
    "reminders": f"exists (select 1 from agenda where what = '{TimerKind.REMIND}' and due_at <= :now)",
    "handoffs": f"exists (select 1 from agenda where what = '{TimerKind.HANDOFF}' and due_at <= :now)",
    "self_checks": f"exists (select 1 from agenda where what = '{TimerKind.SELF_CHECK}' and due_at <= :now)",
    "notifications": "exists (select 1 from pages where state = 'held' and due_at <= :now)",
    "after_hours": "exists (select 1 from pages where state = 'held' and due_at <= :now"
    f" and kind in {in_list(HANDED_ON)} and why in {in_list(hold for hold in Hold if hold.outlasts_shifts)})",
    "again": "exists (select 1 from pages where state = 'held' and due_at <= :now"
    f" and why in {in_list(hold for hold in Hold if hold.again)})",
    "lanes": "exists (select 1 from holds where until <= :now)",
    "watches": "exists (select 1 from watches where missing = 0 and due_at <= :now)",
    "next_critical": "(select min(until) from holds where lane = 'critical')",
}
_SQL = "select " + ", ".join(f"{sql} as {name}" for name, sql in _LINES.items())
_FOUND = [name for name in _LINES if name != "next_critical"]
_REMEMBERED = timedelta(days=1)


def look(
    tx: Tx, now: datetime, *, stale_after: timedelta, reconcile_wait: timedelta, report_timeout: timedelta
) -> WorkDue:
    row = tx.one(
        _SQL,
        now=stored(now),
        limit=stored(now - stale_after),
        remembered=stored(now - _REMEMBERED),
        reconciled=stored(now - reconcile_wait),
        reported=stored(now - report_timeout),
    )
    assert row is not None  # noqa: S101 - scalars are one row
    found = {name: bool(row[name]) for name in _FOUND}
    at = row["next_critical"]
    return WorkDue(**found, next_critical=None if at is None else moment(at))

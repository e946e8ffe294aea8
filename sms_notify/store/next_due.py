"""When something falls due next: so that a clock which is not the wall's can leap to it instead of ticking there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.store.breakers import ASK_AGAIN_AFTER, WAITED_FOR, WHOLE
from sms_notify.store.messages import LOST_ONCE
from sms_notify.store.tx import Tx, from_stored, stored

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Waits:
    """The waits of a plan that no row has as a moment of its own."""

    stale_after: timedelta
    reconcile_wait: timedelta
    report_timeout: timedelta
    failover_after: timedelta
    lost_once: timedelta = timedelta(minutes=1)
    group_kept: timedelta = timedelta(days=1)


# Each line is one thing that a tick or a sender looks for, with the condition by which it looks. A condition that is
# wider than theirs costs ticks in vain; one that is narrower makes a replay late. `< :limit` of theirs is one
# microsecond after the moment. Each is the first entry of an index, but for two that read all that is queued or open, of an
# index alone. The states are literals, for a partial index is not found by a parameter.
_BY_TICK = f"""
  union all select min(due_at) from agenda where what = 'escalate'
  union all select min(due_at) from agenda where what = 'remind'
  union all select min(due_at) from agenda where what = 'calm'
  union all select min(due_at) from agenda where what = 'copy'
  union all select min(due_at) from agenda where what = 'silent'
  union all select min(due_at) from agenda where what = 'handoff'
  union all select min(due_at) from agenda where what = 'self_check'
  union all select min(until) from holds where not exists (select 1 from pages p where p.number = holds.number
    and p.lane = holds.lane and p.state = 'held' and p.held_by <> 'receiver')
  union all select min(due_at) from watches where missing = 0
  union all select min(flush_at) + :group_kept + 1 from groups
  union all select min(last_seen_at + case when 2 * gap > :stale_after then 2 * gap else :stale_after end) + 1 from incidents
    where closed_at is null and repeats = 1 and state <> 'unheard'
  union all select min(ack_until) from incidents where ack_until is not null and closed_at is null
  union all select min(expires_at) from messages where state = 'queued'
  union all select min(lease_until) from messages where state = 'submitting'
  union all select min(updated_at) + :reconcile_wait from messages where state = 'unknown'
  union all select min(updated_at) + :lost_once from messages where state = 'unknown' and {LOST_ONCE}
  union all select min(sent_at) + :report_timeout from messages where state = 'sent'
  union all select min(sent_at) + :report_timeout from messages where state = 'buffered'
"""
_NEXT = f"""
select min(at) as at from (
  select min(due_at) as at from pages where state = 'held'
  union all select min(not_before) from messages where state = 'queued'
  union all select min(told_at) + :trouble_kept + 1 from troubles where closed_at is null
  union all select min(opened_at) + :failover_after from breakers where opened_at is not null
    and scope in {WHOLE} and exists (select 1 from messages where state = 'queued')
  {_BY_TICK}) as moments
"""
# Where a gateway may refuse, what may leave and has not waits for another line of these, and not for the next second.
_NEXT_ASKED = f"""
select min(at) as at from (
  select min(due_at) as at from pages p where state = 'held' and not (due_at <= :now and exists
    (select 1 from messages m where m.state = 'queued' and m.number = p.number
      and (m.lane = p.lane or p.lane = 'ends' and m.lane = 'critical')))
  union all select min(not_before) from messages where state = 'queued' and not_before > :now
  union all select min(told_at) + :trouble_kept + 1 from troubles where closed_at is null and told_at + :trouble_kept + 1 > :now
  union all select min(opened_at) + :failover_after from breakers where opened_at + :failover_after > :now
    and scope in {WHOLE} and exists (select 1 from messages where state = 'queued')
  union all select min(poll_at) from messages where poll_at is not null and smsid is not null
  union all select min(probe_at) from breakers where opened_at is not null
  union all select min(asked_at) + {ASK_AGAIN_AFTER // timedelta(microseconds=1)} from breakers where opened_at is not null
    and {WAITED_FOR}
  union all select min(tell_at) from troubles where told_at is null and closed_at is null
  {_BY_TICK}) as moments
"""


def next_due(tx: Tx, waits: Waits) -> datetime | None:
    """The earliest moment at which a tick or a sender would find something; None where nothing waits for time to pass.

    A moment that is over already means: at the next tick. What the hands of the clock alone decide (who is on call)
    stands in no row and is not here. Costs some 50 µs where little waits.
    """
    return _first(tx, _NEXT, waits)


def next_asked(tx: Tx, waits: Waits, now: datetime) -> datetime | None:
    """As `next_due` where a gateway has a weather: also what a poll, a probe or the operator's note waits for.

    What could leave by `now` has been tried by now.
    """
    return _first(tx, _NEXT_ASKED, waits, now=stored(now))


def _first(tx: Tx, sql: str, waits: Waits, **more: object) -> datetime | None:
    row = tx.one(
        sql,
        group_kept=waits.group_kept // _MICROSECOND,
        stale_after=waits.stale_after // _MICROSECOND,
        lost_once=waits.lost_once // _MICROSECOND,
        reconcile_wait=waits.reconcile_wait // _MICROSECOND,
        report_timeout=waits.report_timeout // _MICROSECOND,
        failover_after=waits.failover_after // _MICROSECOND,
        trouble_kept=timedelta(days=1) // _MICROSECOND,
        **more,
    )
    return from_stored(row["at"]) if row is not None else None

"""The queue between deciding and sending: claim, settle, retry, and what is overdue.

A claim commits the attempt with its reference before the request is made; whatever ends the process after
that finds a row that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.policy.outcomes import Outcome
from sms_notify.policy.vocabulary import Cause, State
from sms_notify.store import breakers
from sms_notify.store.messages import Entry, Message, enter, message_of, move
from sms_notify.store.tx import Tx, stored, to_stored

# One statement decides and takes, so that two nodes never take the same message.
_CLAIM = (
    "update messages set state = :submitting, attempts = attempts + 1, reference = :reference,"
    " lease_until = :lease_until, lease_by = :node, updated_at = :now, sender = :sender"
    " where id = (select m.id from messages m where m.state = 'queued' and m.gateway = :gateway"
    "  and m.not_before <= :now and m.expires_at > :now and (:only is null or m.id = :only) and not exists"
    "  (select 1 from messages o where o.state = 'submitting' and o.number = m.number) and not exists"
    "  (select 1 from messages o where o.state = 'queued' and o.number = m.number and o.id < m.id"
    "   and not (m.rank = 0 and o.rank > 0) and exists"
    "   (select 1 from pages p, pages q, incidents i, incidents j where p.message_id = m.id and q.message_id = o.id"
    "    and q.kind in ('firing', 'escalation') and i.id = p.incident_id and j.id = q.incident_id"
    "    and j.source = i.source and j.fingerprint = i.fingerprint)) and not exists"
    "  (select 1 from breakers b where b.gateway = :gateway and b.opened_at is not null"
    "   and (b.scope in ('account', 'credits')"
    "   or (b.scope = 'number' and b.subject = m.number)"
    "   or (b.scope = 'country' and m.number like b.subject || '%')))"
    "  order by m.rank, m.not_before, m.id limit 1) returning *"
)


def claim(
    tx: Tx,
    gateway: str,
    reference: str,
    node: str,
    lease_until: datetime,
    now: datetime,
    *,
    sender: str = "",
    only: int | None = None,
) -> Message | None:
    """Takes the most urgent message that may leave now, and writes the attempt down before any byte leaves.

    A number that is being texted is passed over, and so is a text whose reader is still to hear of the beginning of
    what it tells: what happened first is read first. `only` names the one message that may be taken.
    """
    row = tx.one(
        _CLAIM,
        submitting=State.SUBMITTING,
        reference=reference,
        lease_until=stored(lease_until),
        node=node,
        gateway=gateway,
        only=only,
        sender=sender,
        now=stored(now),
    )
    if row is None:
        return None
    message = message_of(row)
    tx.run(
        "insert into attempts (message_id, n, gateway, node, reference, started_at, number, lane, parts)"
        " values (:id, :n, :gateway, :node, :reference, :now, :number, :lane, :parts)",
        id=message.id,
        n=message.attempts,
        gateway=gateway,
        node=node,
        reference=reference,
        now=stored(now),
        number=message.number,
        lane=message.lane,
        parts=message.parts,
    )
    enter(tx, message, State.SUBMITTING, Entry(Cause.CLAIMED), node, now)
    return message


def close_attempt(tx: Tx, reference: str, outcome: Outcome, now: datetime) -> None:
    """Writes how an attempt ended; the first ending stands."""
    tx.run(
        "update attempts set ended_at = :now, fate = :fate, reason = :reason, code = :code, smsid = :smsid, detail = :detail"
        " where reference = :reference and ended_at is null",
        now=stored(now),
        fate=outcome.fate,
        reason=outcome.reason,
        code=outcome.code,
        smsid=outcome.smsid,
        detail=outcome.detail,
        reference=reference,
    )


def keep_smsid(tx: Tx, message: Message, smsid: str) -> bool:
    """Notes the gateway's id of a message; False where another message has it, which the gateway never should do."""
    taken = tx.one(
        "select id from messages where gateway = :gateway and smsid = :smsid",
        gateway=message.gateway,
        smsid=smsid,
    )
    if taken is not None:
        return bool(taken["id"] == message.id)
    tx.run("update messages set smsid = :smsid where id = :id", smsid=smsid, id=message.id)
    return True


def mark_ambiguous(tx: Tx, message: Message, entry: Entry, node: str, now: datetime) -> None:
    tx.run("update messages set ambiguous = ambiguous + 1, lease_until = null where id = :id", id=message.id)
    move(tx, message, State.UNKNOWN, entry, node, now)


def poll_again(tx: Tx, message_id: int, at: datetime | None) -> None:
    """When to ask the gateway next what became of a message; None = never again."""
    tx.run(
        "update messages set poll_at = :at, polls = polls + 1 where id = :id", at=to_stored(at), id=message_id
    )


def mark_sent(
    tx: Tx, message: Message, poll_at: datetime | None, entry: Entry, node: str, now: datetime
) -> None:
    tx.run(
        "update messages set sent_at = coalesce(sent_at, :now), poll_at = :poll_at, lease_until = null where id = :id",
        now=stored(now),
        poll_at=to_stored(poll_at),
        id=message.id,
    )
    move(tx, message, State.SENT, entry, node, now)


# One partial index serves each of these, and an index is found by a literal state alone, never by a parameter.
_OVERDUE = {
    State.SUBMITTING: "select * from messages where state = 'submitting' and lease_until <= :until"
    " order by lease_until limit 500",
    State.UNKNOWN: "select * from messages where state = 'unknown' and updated_at <= :until order by updated_at limit 500",
    State.QUEUED: "select * from messages where state = 'queued' and expires_at <= :until order by expires_at limit 500",
    State.SENT: "select * from messages where state = 'sent' and sent_at <= :until order by sent_at limit 500",
    State.BUFFERED: "select * from messages where state = 'buffered' and sent_at <= :until order by sent_at limit 500",
}


def overdue(tx: Tx, state: State, until: datetime) -> Sequence[Message]:
    """Messages whose time in `state` was over at `until`, the oldest first: a lease, a wait for evidence, a life, a report."""
    return [message_of(row) for row in tx.all(_OVERDUE[state], until=stored(until))]


def leased_by(tx: Tx, node: str) -> Sequence[Message]:
    rows = tx.all("select * from messages where state = 'submitting' and lease_by = :node", node=node)
    return [message_of(row) for row in rows]


def due_polls(tx: Tx, gateway: str, now: datetime, limit: int = 10) -> Sequence[Message]:
    rows = tx.all(
        "select * from messages where poll_at <= :now and gateway = :gateway and smsid is not null order by poll_at limit :limit",
        now=stored(now),
        gateway=gateway,
        limit=limit,
    )
    return [message_of(row) for row in rows]


def queued(tx: Tx) -> Sequence[Message]:
    """All that waits."""
    return [message_of(row) for row in tx.all("select * from messages where state = 'queued' order by id")]


DRIFT = timedelta(seconds=5)
"""A smaller step of the wall clock is none: what waits is late or early by that at most."""


def shift_clock(tx: Tx, step: timedelta) -> None:
    """The wall clock was set: what waits or lives until a time, waits or lives as long as before."""
    by = step // timedelta(microseconds=1)
    tx.run(
        "update messages set not_before = not_before + :by, expires_at = expires_at + :by, updated_at = updated_at + :by,"
        " lease_until = lease_until + :by where state in ('queued', 'submitting', 'unknown')",
        by=by,
    )
    tx.run(
        "update messages set poll_at = poll_at + :by, sent_at = sent_at + :by where poll_at is not null",
        by=by,
    )
    breakers.shift_clock(tx, by)
    tx.run("update incidents set last_seen_at = last_seen_at + :by where closed_at is null", by=by)
    tx.run("update members set last_seen_at = last_seen_at + :by where closed_at is null", by=by)
    tx.run(
        "update pages set due_at = due_at + :by where state = 'held' and why not in ('muted', 'inactive', 'quiet_hours')",
        by=by,
    )
    tx.run(
        "update attempts set started_at = started_at + :by where started_at >"
        " (select max(started_at) from attempts) - :day",
        by=by,
        day=timedelta(days=1) // timedelta(microseconds=1),
    )
    tx.run("update holds set since = since + :by, until = until + :by", by=by)
    tx.run("update agenda set due_at = due_at + :by", by=by)
    tx.run("update groups set flush_at = flush_at + :by", by=by)
    tx.run("update balances set at = at + :by", by=by)


def clamp_waits(tx: Tx, latest: datetime) -> int:
    """At start: no pause is longer than this; a later time was written by a clock that has been set back since."""
    return tx.run(
        "update messages set not_before = :at where state = 'queued' and not_before > :at", at=stored(latest)
    )


def recut(tx: Tx, message: Message, body: str, parts: int) -> None:
    """Gives a message other words; the next attempt sends these."""
    tx.run(
        "update messages set body = :body, parts = :parts, recuts = recuts + 1 where id = :id",
        body=body,
        parts=parts,
        id=message.id,
    )


def tried_gateways(tx: Tx, message: Message) -> frozenset[str]:
    """Those by which this message was tried."""
    rows = tx.all("select distinct gateway from attempts where message_id = :id", id=message.id)
    return frozenset(row["gateway"] for row in rows)


def waiting_for(tx: Tx, gateway: str, limit: int = 500) -> Sequence[Message]:
    """What is queued for a gateway, the most urgent first."""
    rows = tx.all(
        "select * from messages where state = 'queued' and gateway = :gateway order by rank, not_before, id limit :limit",
        gateway=gateway,
        limit=limit,
    )
    return [message_of(row) for row in rows]


def barred(tx: Tx) -> Sequence[Message]:
    """What is queued for a number or a country that its gateway refuses."""
    rows = tx.all(
        "select distinct m.* from breakers b join messages m on m.gateway = b.gateway and m.state = 'queued'"
        " where b.opened_at is not null and ((b.scope = 'number' and b.subject = m.number)"
        " or (b.scope = 'country' and m.number like b.subject || '%'))"
    )
    return [message_of(row) for row in rows]


def came_from(tx: Tx, message: Message, gateway: str) -> Message:
    """An attempt at `gateway` proves to have been taken: the message is that gateway's, wherever it waits by now."""
    if message.gateway == gateway:
        return message
    tx.run(
        "update messages set gateway = :gateway, smsid = null where id = :id", gateway=gateway, id=message.id
    )
    return replace(message, gateway=gateway, smsid="")

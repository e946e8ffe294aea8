"""The queue between deciding and sending: claim, settle, retry, and what is overdue.

A claim commits the attempt with its reference before the request is made; whatever ends the process after
that finds a row that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.policy.holds import Hold
from sms_notify.policy.outcomes import Outcome
from sms_notify.policy.vocabulary import State
from sms_notify.store import belief_rows, breakers
from sms_notify.store.literals import in_list
from sms_notify.store.messages import LOST_ONCE, Entry, Message, enter_all, message_of, move
from sms_notify.store.tx import Tx, stored, to_stored


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


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a claimed message when its answer comes.

    `untouched`: it is as it was claimed. `smsid_of` is the message that has the id of the answer; `to_forget`: something was
    counted against the gateway, or noted, that a success may end.
    """

    untouched: bool
    smsid_of: int | None
    to_forget: bool


# By the primary key and `messages_smsid`; of breakers and troubles there are few.
_STANDING = (
    "select m.state, m.reference, m.gateway,"
    " (select o.id from messages o where o.gateway = :gateway and o.smsid = :smsid) as smsid_of,"
    f" exists ({breakers.TO_FORGET}) as to_forget from messages m where m.id = :id"
)


def standing(tx: Tx, claimed: Message, gateway: str, smsid: str | None) -> Standing:
    """All that settling an answer of `gateway` asks the store, as a rule. Raises KeyError where there is no such message."""
    row = tx.one(_STANDING, id=claimed.id, gateway=gateway, smsid=smsid, prefix=f"{gateway}/")
    if row is None:
        raise KeyError(claimed.id)
    found = (row["state"], row["reference"], row["gateway"])
    untouched = found == (State.SUBMITTING, claimed.reference, claimed.gateway)
    return Standing(untouched, row["smsid_of"], bool(row["to_forget"]))


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
    """It may have left: until a report or the wait for one decides, it is neither sent nor to be sent."""
    tx.run("update messages set ambiguous = ambiguous + 1, lease_until = null where id = :id", id=message.id)
    move(tx, message, State.UNKNOWN, entry, node, now)


def poll_again(tx: Tx, message_id: int, at: datetime | None) -> None:
    """When to ask the gateway next what became of a message; None = never again."""
    tx.run(
        "update messages set poll_at = :at, polls = polls + 1 where id = :id", at=to_stored(at), id=message_id
    )


def mark_sent(
    tx: Tx,
    message: Message,
    poll_at: datetime | None,
    entry: Entry,
    node: str,
    now: datetime,
    *,
    smsid: str | None = None,
    then: tuple[State, Entry] | None = None,
) -> None:
    """The gateway has it; `sent_at` is when it said so first, for the wait for a report begins there.

    `smsid` is kept beside, where it is nobody else's. What goes on to another state at once says so by `then`.
    """
    moves = [(State.SENT, entry), *([then] if then is not None else [])]
    tx.run(
        "update messages set state = :state, updated_at = :now, sent_at = coalesce(sent_at, :now), poll_at = :poll_at,"
        " lease_until = null, smsid = coalesce(:smsid, smsid) where id = :id",
        state=moves[-1][0],
        now=stored(now),
        poll_at=to_stored(poll_at),
        smsid=smsid,
        id=message.id,
    )
    enter_all(tx, [(message, state, why) for state, why in moves], node, now)
    if not message.state.said:
        belief_rows.say(tx, message.id, now)


# One partial index serves each of these.
_OVERDUE = {
    state: f"select * from messages where state = '{state}' and {since} <= :until order by {since} limit 500"
    for state, since in (
        (State.SUBMITTING, "lease_until"),
        (State.UNKNOWN, "updated_at"),
        (State.QUEUED, "expires_at"),
        (State.SENT, "sent_at"),
        (State.BUFFERED, "sent_at"),
    )
}


def overdue(tx: Tx, state: State, until: datetime) -> Sequence[Message]:
    """Messages whose time in `state` was over at `until`, the oldest first: a lease, a wait for evidence, a life, a report.

    By `messages_leased`, `_unknown`, `_expiring`, `_sent` and `_buffered`.
    """
    return [message_of(row) for row in tx.all(_OVERDUE[state], until=stored(until))]


def answer_lost_once(tx: Tx) -> Sequence[Message]:
    """The critical texts that wait for a report, by `messages_unknown`: few, and for a minute at most."""
    return [
        message_of(row) for row in tx.all(f"select * from messages where state = 'unknown' and {LOST_ONCE}")
    ]


def leased_by(tx: Tx, node: str) -> Sequence[Message]:
    """What this node was sending, by `messages_leased`. At a start, when it can be sending nothing, an earlier process died
    over these: no lease need be waited for.
    """
    rows = tx.all("select * from messages where state = 'submitting' and lease_by = :node", node=node)
    return [message_of(row) for row in rows]


def due_polls(tx: Tx, gateway: str, now: datetime, limit: int = 10) -> Sequence[Message]:
    """What the gateway is to be asked about now, the most overdue first, by `messages_polled`.

    `coalesce` keeps the statement from `messages_smsid`, which has every text that the gateway ever took.
    """
    rows = tx.all(
        "select * from messages where poll_at <= :now and gateway = :gateway and coalesce(smsid, '') <> ''"
        " order by poll_at, smsid limit :limit",
        now=stored(now),
        gateway=gateway,
        limit=limit,
    )
    return [message_of(row) for row in rows]


def queued(tx: Tx) -> Sequence[Message]:
    """All that waits."""
    return [message_of(row) for row in tx.all("select * from messages where state = 'queued'")]


DRIFT = timedelta(seconds=5)
"""A smaller step of the wall clock is none: what waits is late or early by that at most."""
# A state each, for a partial index is found by one state alone: what is final stays where it is, and may be millions.
_SHIFT_MESSAGES = tuple(
    "update messages set not_before = not_before + :by, expires_at = expires_at + :by, updated_at = updated_at + :by,"
    f" lease_until = lease_until + :by where state = '{state}'"
    for state in (State.QUEUED, State.SUBMITTING, State.UNKNOWN)
)
_SHIFT_THE_REST = (
    "update messages set poll_at = poll_at + :by, sent_at = sent_at + :by where poll_at is not null",
    "update incidents set last_seen_at = last_seen_at + :by, ack_until = ack_until + :by,"
    " suppressed_at = suppressed_at + :by where closed_at is null",
    "update members set last_seen_at = last_seen_at + :by where closed_at is null",
    "update pages set due_at = due_at + :by where state = 'held'"
    f" and why not in {in_list(hold for hold in Hold if hold.of_hours)}",
    "update holds set since = since + :by, until = until + :by",
    "update agenda set due_at = due_at + :by",
    "update watches set heard_at = heard_at + :by, since = since + :by, due_at = due_at + :by",
    "update groups set flush_at = flush_at + :by",
    "update balances set at = at + :by",
)


def shift_clock(tx: Tx, step: timedelta) -> None:
    """The wall clock was set: what waits or lives until a time, waits or lives as long as before."""
    by = step // timedelta(microseconds=1)
    for sql in (*_SHIFT_MESSAGES, *_SHIFT_THE_REST):
        tx.run(sql, by=by)
    breakers.shift_clock(tx, by)
    tx.run(
        "update attempts set started_at = started_at + :by where started_at >"
        " (select max(started_at) from attempts) - :day",
        by=by,
        day=timedelta(days=1) // timedelta(microseconds=1),
    )


def clamp_waits(tx: Tx, latest: datetime) -> int:
    """At start: no pause is longer than this; a later time was written by a clock that has been set back since."""
    return tx.run(
        "update messages set not_before = :at where state = 'queued' and not_before > :at", at=stored(latest)
    )


def end_waits(tx: Tx, gateway: str, now: datetime) -> None:
    """The gateway takes texts again: what was to be tried later is due now, by `messages_due`."""
    tx.run(
        "update messages set not_before = :now where state = 'queued' and gateway = :gateway and not_before > :now",
        gateway=gateway,
        now=stored(now),
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
    """What is queued for a gateway, the most urgent first, by `messages_due`."""
    rows = tx.all(
        "select * from messages where state = 'queued' and gateway = :gateway order by rank, not_before, id limit :limit",
        gateway=gateway,
        limit=limit,
    )
    return [message_of(row) for row in rows]


# The breakers come first, as `cross join` says: where none is open no message is read.
_BARRED = (
    "select m.* from breakers b cross join messages m where b.opened_at is not null and m.gateway = b.gateway"
    f" and m.state = 'queued' and {breakers.REFUSES} order by m.expires_at, m.id"
)


def barred(tx: Tx) -> Sequence[Message]:
    """What is queued for a number or a country that its gateway refuses, what expires first first, by `messages_due`."""
    rows = {row["id"]: row for row in tx.all(_BARRED)}  # a number and its country may both be refused
    return [message_of(row) for row in rows.values()]


def came_from(tx: Tx, message: Message, gateway: str) -> Message:
    """An attempt at `gateway` proves to have been taken: the message is that gateway's, wherever it waits by now."""
    if message.gateway == gateway:
        return message
    tx.run(
        "update messages set gateway = :gateway, smsid = null where id = :id", gateway=gateway, id=message.id
    )
    return replace(message, gateway=gateway, smsid="")


def write_nothing(tx: Tx) -> None:
    """A write that changes nothing that anybody reads: whether the disk takes one."""
    tx.run("insert into balances (gateway, credits, at) values ('', 0, 0)")
    tx.run("delete from balances where gateway = ''")

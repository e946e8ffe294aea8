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
from sms_notify.policy.reading_order import Tells, held_back
from sms_notify.policy.vocabulary import Cause, Kind, State
from sms_notify.store import breakers
from sms_notify.store.literals import in_list
from sms_notify.store.messages import Entry, Message, enter, enter_all, message_of, move
from sms_notify.store.tx import Row, Tx, stored, to_stored

# What the gateway would take now, the most urgent first, by `messages_due`. A number is texted by one request at a time, so
# that its texts arrive in order; `messages_busy` says which are.
_MAY_LEAVE = (
    " from messages m where m.state = 'queued' and m.gateway = :gateway"
    " and m.not_before <= :now and m.expires_at > :now"
    " and not exists (select 1 from messages o where o.state = 'submitting' and o.number = m.number)"
    " and not exists (select 1 from breakers b where b.gateway = :gateway and b.opened_at is not null"
    f" and (b.scope in {breakers.WHOLE} or {breakers.REFUSES}))"
)
_IN_ORDER = " order by m.rank, m.not_before, m.id limit :limit offset :offset"
_SEVERAL = "select m.id, m.number"
# Of the first alone: whether another text waits for its number, by `messages_behind`. What waits alone is held back by nothing.
_FIRST = (
    f"{_SEVERAL}, exists (select 1 from messages o"
    " where o.state = 'queued' and o.number = m.number and o.id <> m.id) as beside"
)
# What the texts tell that wait for a number, whatever gateway they wait for: by `messages_behind`, and `pages_message` each.
_TOLD = (
    "select o.id, o.rank, q.kind, i.source, i.fingerprint from messages o join pages q on q.message_id = o.id"
    " join incidents i on i.id = q.incident_id where o.state = 'queued' and o.number = :number and o.id <= :until"
)
_TAKE = (
    "update messages set state = :submitting, attempts = attempts + 1, reference = :reference,"
    " lease_until = :lease_until, lease_by = :node, updated_at = :now, sender = :sender"
    " where id = :id and state = 'queued' returning *"
)
# Mostly the first that is asked about may leave. Where it may not, so many times more are read at once, for whatever is held
# back may be followed by as much again: a claim takes time by what waits, and not by its square.
_GROWTH = 64


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

    Whoever dies after this commit leaves a row in `submitting` that says under which reference the text may be out. It
    is never just sent again: at a restart, or when the lease is over, it counts as unknown.
    """
    chosen = _first_that_may_leave(tx, gateway, only, now)
    if chosen is None:
        return None
    row = tx.one(
        _TAKE,
        submitting=State.SUBMITTING,
        reference=reference,
        lease_until=stored(lease_until),
        node=node,
        id=chosen,
        sender=sender,
        now=stored(now),
    )
    if row is None:  # another node was faster: the row's own state decides, and not what was read before
        return None
    message = message_of(row)
    _note_attempt(tx, message, node, now)
    enter(tx, message, State.SUBMITTING, Entry(Cause.CLAIMED), node, now)
    return message


def _first_that_may_leave(tx: Tx, gateway: str, only: int | None, now: datetime) -> int | None:
    which = _MAY_LEAVE + ("" if only is None else " and m.id = :only") + _IN_ORDER
    values = {"gateway": gateway, "only": only, "now": stored(now)}
    first = tx.one(_FIRST + which, limit=1, offset=0, **values)
    if first is None or not first["beside"]:
        return None if first is None else int(first["id"])
    rows: Sequence[Row] = [first]
    offset, limit = 0, 1
    while rows:
        chosen = _first_in_order(tx, rows)
        if chosen is not None or len(rows) < limit:
            return chosen
        offset, limit = offset + limit, limit * _GROWTH
        rows = tx.all(_SEVERAL + which, limit=limit, offset=offset, **values)
    return None


def _first_in_order(tx: Tx, rows: Sequence[Row]) -> int | None:
    """The first of these that its reader need not read after another text; what a number waits for is read once."""
    until: dict[str, int] = {}
    for row in rows:
        until[row["number"]] = max(row["id"], until.get(row["number"], 0))
    held: dict[str, frozenset[int]] = {}
    for row in rows:
        number = row["number"]
        if number not in held:
            held[number] = held_back(_told(tx, number, until[number]))
        if row["id"] not in held[number]:
            return int(row["id"])
    return None


def _told(tx: Tx, number: str, until: int) -> list[Tells]:
    return [
        Tells(row["id"], row["rank"], (row["source"], row["fingerprint"]), Kind(row["kind"]).news)
        for row in tx.all(_TOLD, number=number, until=until)
    ]


def _note_attempt(tx: Tx, message: Message, node: str, now: datetime) -> None:
    tx.run(
        "insert into attempts (message_id, n, gateway, node, reference, started_at, number, lane, parts)"
        " values (:id, :n, :gateway, :node, :reference, :now, :number, :lane, :parts)",
        id=message.id,
        n=message.attempts,
        gateway=message.gateway,
        node=node,
        reference=message.reference,
        now=stored(now),
        number=message.number,
        lane=message.lane,
        parts=message.parts,
    )


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
    "update incidents set last_seen_at = last_seen_at + :by where closed_at is null",
    "update members set last_seen_at = last_seen_at + :by where closed_at is null",
    "update pages set due_at = due_at + :by where state = 'held'"
    f" and why not in {in_list(hold for hold in Hold if hold.of_hours)}",
    "update holds set since = since + :by, until = until + :by",
    "update agenda set due_at = due_at + :by",
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

"""Rows about what is said: messages, the pages they are, every attempt to send them, and the ledger of it all.

Every change of a message's state goes through `move` or `outbox.claim`, which also write the ledger: there is no state that
the ledger does not explain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sms_notify.alert import Severity
from sms_notify.policy.directory import Person
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.vocabulary import Cause, Kind, State
from sms_notify.store import agenda, limit_rows
from sms_notify.store.tx import Row, Tx, moment, stored
from sms_notify.wording.content import Text

_NEVER_LEFT = (State.FAILED, State.CANCELLED, State.EXPIRED)
_BAD_ENDS = (State.FAILED, State.NOT_DELIVERED, State.REJECTED)
_CAUSES = {Kind.MANUAL: Cause.BY_HAND, Kind.OPERATOR: Cause.TROUBLE, Kind.HANDOFF: Cause.HAND_OFF}


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is about to be written; `note` goes into the ledger beside it."""

    kind: Kind
    receiver: str
    person: Person
    severity: Severity
    gateway: str
    text: Text
    not_before: datetime
    expires_at: datetime
    note: str = ""
    lane: Lane = Lane.FREE
    ack_code: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands."""

    id: int
    kind: Kind
    receiver: str
    recipient: str
    number: str
    severity: Severity
    gateway: str
    body: str
    parts: int
    state: State
    attempts: int
    ambiguous: int
    reference: str
    smsid: str
    not_before: datetime
    expires_at: datetime
    created_at: datetime
    polls: int
    recuts: int = 0
    sender: str = ""
    lane: Lane = Lane.FREE


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger says of one move, beside when and which message."""

    reason: StrEnum
    code: int | None = None
    seconds: float | None = None
    detail: str = ""


def write(tx: Tx, draft: Draft, node: str, now: datetime) -> int:
    """Queues a message; what it tells is written beside it (`store/pages.py`)."""
    message_id = tx.insert(
        "insert into messages (kind, receiver, recipient, number, severity, rank, gateway, body, parts, state, attempts,"
        " ambiguous, polls, not_before, expires_at, created_at, updated_at, lane, ack_code) values (:kind, :receiver,"
        " :recipient, :number, :severity, :rank, :gateway, :body, :parts, :state, 0, 0, 0, :not_before, :expires_at,"
        " :now, :now, :lane, :ack_code)"
        " returning id",
        kind=draft.kind,
        receiver=draft.receiver,
        recipient=draft.person.name,
        number=draft.person.number,
        severity=draft.severity,
        rank=_rank(draft),
        gateway=draft.gateway,
        body=draft.text.body,
        parts=draft.text.parts,
        state=State.QUEUED,
        not_before=stored(draft.not_before),
        expires_at=stored(draft.expires_at),
        now=stored(now),
        lane=draft.lane,
        ack_code=draft.ack_code or None,
    )
    cause = _CAUSES.get(draft.kind, Cause.ALERT)
    enter(tx, get(tx, message_id), State.QUEUED, Entry(cause, detail=draft.note), node, now)
    return message_id


def _rank(draft: Draft) -> int:
    """An end never leaves before a beginning of the most urgent kind."""
    return max(1, draft.severity.rank) if draft.kind is Kind.RESOLVED else draft.severity.rank


def get(tx: Tx, message_id: int) -> Message:
    """Raises KeyError where there is no such message."""
    row = tx.one("select * from messages where id = :id", id=message_id)
    if row is None:
        raise KeyError(message_id)
    return message_of(row)


def message_of(row: Row) -> Message:
    return Message(
        id=row["id"],
        kind=Kind(row["kind"]),
        receiver=row["receiver"],
        recipient=row["recipient"],
        number=row["number"],
        severity=Severity(row["severity"]),
        gateway=row["gateway"],
        body=row["body"],
        parts=row["parts"],
        state=State(row["state"]),
        attempts=row["attempts"],
        ambiguous=row["ambiguous"],
        reference=row["reference"] or "",
        smsid=row["smsid"] or "",
        not_before=moment(row["not_before"]),
        expires_at=moment(row["expires_at"]),
        created_at=moment(row["created_at"]),
        polls=row["polls"],
        recuts=row["recuts"],
        sender=row["sender"],
        lane=Lane(row["lane"]),
    )


def told(tx: Tx, incident_id: int, kind: Kind) -> Sequence[Message]:
    """The messages that tell one kind of thing of this incident, oldest first."""
    rows = tx.all(
        "select m.* from pages p join messages m on m.id = p.message_id"
        " where p.incident_id = :incident_id and p.kind = :kind order by m.id",
        incident_id=incident_id,
        kind=kind,
    )
    return [message_of(row) for row in rows]


def all_closed(tx: Tx, message_id: int) -> bool:
    """True where the message tells incidents and every one of them has ended."""
    row = tx.one(
        "select count(*) as n, count(i.closed_at) as closed from pages p join incidents i on i.id = p.incident_id"
        " where p.message_id = :id",
        id=message_id,
    )
    return row is not None and row["n"] > 0 and row["n"] == row["closed"]


def incidents_of(tx: Tx, message_id: int) -> Sequence[int]:
    """The incidents that a message tells."""
    rows = tx.all("select incident_id from pages where message_id = :id order by incident_id", id=message_id)
    return [row["incident_id"] for row in rows]


def waiting_resolves(tx: Tx, message: Message) -> Sequence[Message]:
    """Texts that wait to tell this message's reader of the end of what it was to tell the beginning of."""
    rows = tx.all(
        "select distinct r.* from pages p join pages q on q.incident_id = p.incident_id and q.number = p.number"
        " and q.kind = 'resolved' join messages r on r.id = q.message_id"
        " where p.message_id = :id and r.state = 'queued' and r.ambiguous = 0",
        id=message.id,
    )
    return [message_of(row) for row in rows]


def beginning_was_told(tx: Tx, message: Message) -> bool:
    """True where the reader of this resolve has, or may have, a text about the beginning of any of it."""
    rows = tx.all(
        "select f.state, f.ambiguous from pages p join pages q on q.incident_id = p.incident_id and q.number = p.number"
        " and q.kind in ('firing', 'escalation') join messages f on f.id = q.message_id where p.message_id = :id",
        id=message.id,
    )
    return any(State(row["state"]).may_have_arrived or row["ambiguous"] for row in rows)


def tells_only(tx: Tx, message_id: int, incident_id: int) -> bool:
    row = tx.one(
        "select min(incident_id) as a, max(incident_id) as b from pages where message_id = :id", id=message_id
    )
    return row is not None and row["a"] == row["b"] == incident_id


def move(tx: Tx, message: Message, state: State, entry: Entry, node: str, now: datetime) -> None:
    """Changes a message's state and says so in the ledger. A final state is never asked about again.

    A bad end that was the last hope of a step makes the next step of the escalation due.
    """
    tx.run(
        "update messages set state = :state, updated_at = :now,"
        " poll_at = case when :final then null else poll_at end where id = :id",
        state=state,
        now=stored(now),
        final=state.final,
        id=message.id,
    )
    enter(tx, message, state, entry, node, now)
    if state in _BAD_ENDS:
        agenda.hurry(tx, message.id, now)
    if state in _NEVER_LEFT:
        limit_rows.look_again(tx, message.number, message.lane, now)


def acknowledged_by(tx: Tx, code: str) -> Message | None:
    """The message whose link bears this code."""
    row = tx.one("select * from messages where ack_code = :code", code=code)
    return message_of(row) if row is not None else None


def waiting_turns(tx: Tx, incident_id: int) -> Sequence[Message]:
    """Escalations and reminders of an incident that wait to leave, for the first time or once more."""
    rows = tx.all(
        "select distinct m.* from pages p join messages m on m.id = p.message_id where p.incident_id = :id"
        " and p.kind in ('escalation', 'reminder') and m.state = 'queued'",
        id=incident_id,
    )
    return [message_of(row) for row in rows]


def nobody_waits_for(tx: Tx, message_id: int) -> bool:
    """True where the message tells incidents, and every one of them has ended, or somebody takes care of it."""
    row = tx.one(
        "select count(*) as n, sum(case when i.closed_at is null and (i.acked_at is null or p.kind not in"
        " ('escalation', 'reminder')) then 1 else 0 end) as waiting from pages p join incidents i on i.id = p.incident_id"
        " where p.message_id = :id",
        id=message_id,
    )
    return row is not None and row["n"] > 0 and row["waiting"] == 0


def by_smsid(tx: Tx, gateway: str, smsid: str) -> Message | None:
    row = tx.one(
        "select * from messages where gateway = :gateway and smsid = :smsid", gateway=gateway, smsid=smsid
    )
    return message_of(row) if row is not None else None


def by_reference(tx: Tx, gateway: str, reference: str) -> Message | None:
    """The message that one of our attempts sent out under `reference`."""
    row = tx.one(
        "select m.* from attempts a join messages m on m.id = a.message_id"
        " where a.reference = :reference and a.gateway = :gateway",
        reference=reference,
        gateway=gateway,
    )
    return message_of(row) if row is not None else None


def enter(tx: Tx, message: Message, state: State, entry: Entry, node: str, now: datetime) -> None:
    """Writes into the ledger that a message has entered `state`."""
    tx.run(
        "insert into ledger (at, node, message_id, state, reason, code, gateway, severity, parts, seconds, detail)"
        " values (:at, :node, :message_id, :state, :reason, :code, :gateway, :severity, :parts, :seconds, :detail)",
        at=stored(now),
        node=node,
        message_id=message.id,
        state=state,
        reason=entry.reason,
        code=entry.code,
        gateway=message.gateway,
        severity=message.severity,
        parts=message.parts,
        seconds=entry.seconds,
        detail=entry.detail,
    )

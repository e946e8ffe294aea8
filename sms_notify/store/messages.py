"""Rows about what is said: messages, and the ledger of what becomes of them.

Every change of a message's state goes through `move`, `update` or `claims.claim`, each with its row of the ledger: there is
no state that the ledger does not explain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sms_notify.alert import Severity
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import Draft, Entry, Message, NextIds, first_entry, queued
from sms_notify.policy.vocabulary import Kind, State
from sms_notify.store import belief_rows
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Row, Tx, among, insert_into, moment, stored

__all__ = ["Draft", "Entry", "Message"]

_OF_A_MOMENT = 500  # texts: more are not written in a minute
_FINAL = in_list(state for state in State if state.final)


def next_ids(tx: Tx) -> NextIds:
    """The ids that a step may hand out: its transaction is the only one that writes. PostgreSQL reserves a block of
    each sequence in their place.
    """
    row = tx.one(
        "select (select max(id) from incidents) as incidents, (select max(id) from pages) as pages,"
        " (select max(id) from messages) as messages"
    )
    assert row is not None  # noqa: S101 - three scalars are one row
    return NextIds(*((row[table] or 0) + 1 for table in ("incidents", "pages", "messages")))


def write(tx: Tx, draft: Draft, node: str, now: datetime) -> int:
    """Queues one message that tells no incident, or that another one is told of beside; returns its id."""
    message = queued(draft, next_ids(tx).messages, now)
    insert(tx, [message])
    enter_all(tx, [(message, State.QUEUED, first_entry(draft))], node, now)
    return message.id


_INSERT = insert_into(
    "messages",
    "id, kind, receiver, recipient, number, severity, rank, gateway, body, parts, state, attempts, ambiguous, polls,"
    " not_before, expires_at, created_at, updated_at, lane, ack_code",
)
_UPDATE = (
    "update messages set number = ?, gateway = ?, not_before = ?, ambiguous = ?, body = ?, parts = ?, recuts = ?, updated_at = ?,"
    f" state = ?, lease_until = null, poll_at = case when ? in {_FINAL} then null else poll_at end where id = ?"
)


def insert(tx: Tx, messages: Iterable[Message]) -> None:
    rows = []
    for m in messages:
        at = stored(m.created_at)
        rows.append(
            (
                m.id, m.kind, m.receiver, m.recipient, m.number, m.severity, m.rank, m.gateway, m.body, m.parts,
                m.state, 0, 0, 0, stored(m.not_before), stored(m.expires_at), at, at, m.lane, m.ack_code or None,
            )
        )  # fmt: skip
    tx.run_all(_INSERT, rows)


def update(tx: Tx, messages: Iterable[Message], now: datetime) -> None:
    """What a step has changed: none of them is being sent. A final state is never asked about again."""
    at = stored(now)
    rows = [
        (
            m.number, m.gateway, stored(m.not_before), m.ambiguous, m.body, m.parts, m.recuts, at, m.state, m.state, m.id
        )
        for m in messages
    ]  # fmt: skip
    tx.run_all(_UPDATE, rows)


def get(tx: Tx, message_id: int) -> Message:
    """Raises KeyError where there is no such message."""
    row = tx.one("select * from messages where id = :id", id=message_id)
    if row is None:
        raise KeyError(message_id)
    return message_of(row)


def by_ids(tx: Tx, ids: Iterable[int]) -> list[Message]:
    return [
        message_of(row)
        for names, named in among(ids)
        for row in tx.all(f"select * from messages where id in ({names})", **named)
    ]


def by_hand_since(tx: Tx, number: str, since: datetime) -> list[Message]:
    """The texts by hand to a number since then, the newest first, among the last that were written: by the primary key."""
    rows = tx.all(
        "select * from (select * from messages order by id desc limit :most) as newest"
        " where kind = :kind and number = :number and created_at > :since order by id desc",
        most=_OF_A_MOMENT,
        kind=Kind.MANUAL,
        number=number,
        since=stored(since),
    )
    return list(map(message_of, rows))


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


LOST_ONCE = f"severity = '{Severity.CRITICAL}' and ambiguous = 1"
"""Of an unknown message: a critical one, of which nothing was sent again yet."""
TELLS = (
    "(select incident_id from pages where message_id = :id"
    " union select p.incident_id from tried t join pages p on p.id = t.page_id where t.message_id = :id)"
)
"""The incidents that a message tells or, before another text did, was to tell: by pages_message and the key of `tried`."""


TOLD_BY = (
    "(select message_id from pages where incident_id = :id"
    " union select t.message_id from pages p join tried t on t.page_id = p.id where p.incident_id = :id)"
)
"""The messages that tell an incident, or were to: by pages_once and tried_page."""


def incidents_of(tx: Tx, message_id: int) -> Sequence[int]:
    """The incidents that a message tells, or was to tell."""
    rows = tx.all(f"select incident_id from {TELLS} as told order by incident_id", id=message_id)
    return [row["incident_id"] for row in rows]


def queued_about(tx: Tx, incident_ids: Iterable[int]) -> dict[int, list[Message]]:
    """By incident, what tells it and has not left, the oldest first: by `pages_once`."""
    found: dict[int, list[Message]] = {}
    for names, values in among(incident_ids):
        sql = f"{_QUEUED_ABOUT} and p.incident_id in ({names}) order by m.id"
        for row in tx.all(sql, **values):
            found.setdefault(row["incident_id"], []).append(message_of(row))
    return found


_QUEUED_ABOUT = (
    "select distinct p.incident_id, m.* from pages p join messages m on m.id = p.message_id"
    f" where m.state = '{State.QUEUED}'"
)


def move(tx: Tx, message: Message, state: State, entry: Entry, node: str, now: datetime) -> None:
    """Changes a message's state and says so in the ledger. A final state is never asked about again."""
    tx.run(
        "update messages set state = :state, updated_at = :now,"
        f" poll_at = case when :state in {_FINAL} then null else poll_at end where id = :id",
        state=state,
        now=stored(now),
        id=message.id,
    )
    enter(tx, message, state, entry, node, now)
    if state.said and not message.state.said:
        belief_rows.say(tx, message.id, now)


def acknowledged_by(tx: Tx, code: str) -> Message | None:
    """The message whose link bears this code."""
    row = tx.one("select * from messages where ack_code = :code", code=code)
    return message_of(row) if row is not None else None


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
    enter_all(tx, [(message, state, entry)], node, now)


_ENTER = insert_into(
    "ledger", "at, node, message_id, state, reason, code, gateway, severity, parts, seconds, detail"
)


def enter_all(tx: Tx, entries: Iterable[tuple[Message, State, Entry]], node: str, now: datetime) -> None:
    at = stored(now)
    rows = [
        (
            at, node, message.id, state, entry.reason, entry.code, message.gateway, message.severity, message.parts,
            entry.seconds, entry.detail,
        )
        for message, state, entry in entries
    ]  # fmt: skip
    tx.run_all(_ENTER, rows)

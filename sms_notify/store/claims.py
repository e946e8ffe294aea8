"""Which text leaves next: the most urgent that may, taken by one sender before any byte of it leaves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache

from sms_notify.policy.outcomes import Fate, Reason
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.reading_order import Tells, held_back
from sms_notify.policy.vocabulary import Cause, Kind, State
from sms_notify.store import breakers
from sms_notify.store.literals import in_list
from sms_notify.store.messages import Entry, Message, enter, message_of, move
from sms_notify.store.tx import Row, Tx, among, stored

# A number is texted by one request at a time, so that its texts arrive in order; `messages_busy` says which are. A critical
# text waits for a critical one, and for the end of what it tells, which would be read as today's, but for no other: a request
# takes half a minute where the gateway hangs.
_TELLS_ITS_END = (
    "exists (select 1 from pages e cross join incidents h cross join pages g cross join incidents i where h.id = e.incident_id"
    f" and e.message_id = o.id and e.kind = '{Kind.RESOLVED}' and g.message_id = m.id and i.id = g.incident_id"
    " and coalesce(i.source, '') = h.source and coalesce(i.fingerprint, '') = h.fingerprint)"
)
BUSY = (
    "exists (select 1 from messages o where o.state = 'submitting' and o.number = m.number"
    f" and (m.lane <> '{Lane.CRITICAL}' or o.lane = '{Lane.CRITICAL}' or {_TELLS_ITS_END}))"
)
# What the gateway would take now, the most urgent first, by `messages_due`.
_MAY_LEAVE = (
    " from messages m where m.state = 'queued' and m.gateway = :gateway"
    " and m.not_before <= :now and m.expires_at > :now"
    f" and not {BUSY}"
    " and not exists (select 1 from breakers b where b.gateway = :gateway and b.opened_at is not null"
    f" and (b.scope in {breakers.WHOLE} or {breakers.REFUSES}))"
)
_IN_ORDER = " order by m.rank, m.not_before, m.id limit :limit offset :offset"
_SEVERAL = "select m.id, m.number"
# All lanes are named so that `messages_behind` leads to the ids, which it ends with: thousands may wait for a number.
_OF_ANY_LANE = f"o.lane in {in_list(Lane)}"
# Of the first alone: whether an older text waits for its number. What waits alone is held back by nothing.
_FIRST = (
    f"{_SEVERAL}, exists (select 1 from messages o where o.state = 'queued' and o.number = m.number"
    f" and {_OF_ANY_LANE} and o.id < m.id) as beside"
)
# What the texts tell that wait for a number, whatever gateway they wait for: by `messages_behind`, and `pages_message` each.
_TOLD = (
    "select o.id, o.rank, q.kind, i.source, i.fingerprint from messages o join pages q on q.message_id = o.id"
    " join incidents i on i.id = q.incident_id where o.state = 'queued' and o.number = :number"
    f" and {_OF_ANY_LANE} and o.id <= :until"
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

    A number that is being texted is passed over, but for a critical text behind one of the rest. So is a text whose reader
    is still to hear of the beginning of what it tells: what happened first is read first. `only` names the one message
    that may be taken.

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


_CLAIMED = in_list((State.SUBMITTING, State.UNKNOWN))


def give_back(tx: Tx, references: Collection[str], node: str, now: datetime) -> None:
    """Queues again what was claimed by a commit that seemed to fail, also where its lease has ended since. No request was made
    under these references.
    """
    for names, named in among(references):
        rows = tx.all(
            f"select * from messages where state in {_CLAIMED} and lease_by = :node"
            f" and reference in ({names})",
            node=node,
            **named,
        )
        for message in map(message_of, rows):
            tx.run(
                "update attempts set ended_at = :now, fate = :fate, reason = :reason where reference = :reference",
                now=stored(now),
                fate=Fate.NOT_SENT,
                reason=Reason.LOCAL,
                reference=message.reference,
            )
            tx.run(
                "update messages set attempts = attempts - 1, ambiguous = ambiguous - :swept, lease_until = null,"
                " lease_by = null where id = :id",
                swept=int(message.state is State.UNKNOWN),
                id=message.id,
            )
            move(tx, message, State.QUEUED, Entry(Cause.CLAIM_FAILED), node, now)


def _first_that_may_leave(tx: Tx, gateway: str, only: int | None, now: datetime) -> int | None:
    if only is None and only_for_busy_numbers(tx):
        return None
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


def only_for_busy_numbers(tx: Tx) -> bool:
    """Whether all that waits is for numbers that are being texted, and nothing of it critical behind one of the rest: in a
    storm to one person every other sender would look through thousands of texts in vain. The index messages_behind has
    what lies between two of those numbers.
    """
    busy = tx.all("select number, lane from messages where state = 'submitting' order by number")
    numbers = list(dict.fromkeys(row["number"] for row in busy))
    if not numbers:
        return False
    named = {f"k{n}": number for n, number in enumerate(numbers)}
    if tx.one(_beside_sql(len(numbers)), **named) is not None:
        return False
    urgent = {row["number"] for row in busy if row["lane"] == Lane.CRITICAL}
    return all(number in urgent or tx.one(_URGENT, number=number) is None for number in numbers)


_URGENT = f"select 1 as one from messages where state = 'queued' and number = :number and lane = '{Lane.CRITICAL}' limit 1"


@cache
def _beside_sql(count: int) -> str:
    between = [f"number > :k{n} and number < :k{n + 1}" for n in range(count - 1)]
    gaps = ["number < :k0", *between, f"number > :k{count - 1}"]
    each = (f"exists (select 1 from messages where state = 'queued' and {gap})" for gap in gaps)
    return f"select 1 as one where {' or '.join(each)}"


def _first_in_order(tx: Tx, rows: Sequence[Row]) -> int | None:
    """The first of these that its reader need not read after another text; what a number waits for is read once."""
    until = _last_of(rows)
    held: dict[str, frozenset[int]] = {}
    for row in rows:
        number = row["number"]
        if number not in held:
            held[number] = held_back(_told(tx, number, until[number]))
        if row["id"] not in held[number]:
            return int(row["id"])
    return None


def follow_others(tx: Tx, rows: Sequence[Row]) -> set[int]:
    """Those queued messages whose reader is still to read another one first. `rows` have the `id` and the `number` of those that
    are asked about; the answer may name more of the same numbers.
    """
    return {id_ for number, last in _last_of(rows).items() for id_ in held_back(_told(tx, number, last))}


def _last_of(rows: Sequence[Row]) -> dict[str, int]:
    """The highest id of each number."""
    return {row["number"]: row["id"] for row in sorted(rows, key=lambda row: int(row["id"]))}


def _told(tx: Tx, number: str, until: int) -> list[Tells]:
    return [
        Tells(row["id"], row["rank"], (row["source"], row["fingerprint"]), Kind(row["kind"]).news)
        for row in tx.all(_TOLD, number=number, until=until)
    ]


def left_outbox(tx: Tx, message: Message, gateway: str, reference: str, node: str, at: datetime) -> Message:
    """It left from a gateway's outbox, where it was put under this reference: an attempt as any other, and counted as one."""
    row = tx.one(
        "update messages set gateway = :gateway, attempts = attempts + 1, reference = :reference where id = :id returning *",
        gateway=gateway,
        reference=reference,
        id=message.id,
    )
    assert row is not None  # noqa: S101 - the caller has written it, or read it in this transaction
    _note_attempt(tx, message_of(row), node, at)
    return message_of(row)


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

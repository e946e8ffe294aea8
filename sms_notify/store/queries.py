"""Questions about what is stored: for the metrics, the commands and `explain`. Nothing here writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.alert import Severity
from sms_notify.policy.holds import Hold
from sms_notify.policy.vocabulary import State
from sms_notify.store.literals import in_list
from sms_notify.store.messages import TELLS, TOLD_BY
from sms_notify.store.node_rows import host_of
from sms_notify.store.tx import Row, Tx, from_stored, stored


@dataclass(frozen=True, slots=True)
class Totals:
    """How things stand at one moment, for the gauges."""

    messages: dict[str, int]
    incidents: dict[str, int]
    oldest_queued: int | None
    held: Sequence[Row] = ()  # by `severity` and `why`: how many (`n`), and since when the first (`at`)


def newest(tx: Tx) -> tuple[int, int]:
    """The last ids of the alerts and of the ledger: where a tail of them begins."""
    row = tx.one("select (select max(id) from alerts) as a, (select max(id) from ledger) as l")
    assert row is not None  # noqa: S101 - a select without a table always has its row
    return row["a"] or 0, row["l"] or 0


def alerts_after(tx: Tx, last: int, node: str) -> tuple[int, Sequence[Row]]:
    """Counts of the alerts that `node` accepted after row `last`, and the new last row."""
    end = tx.one("select max(id) as id from alerts")
    until = (end["id"] if end is not None else None) or last
    rows = tx.all(
        "select source, status, reason, count(*) as n from alerts"
        " where id > :last and id <= :until and node = :node group by source, status, reason",
        last=last,
        until=until,
        node=node,
    )
    return until, rows


def ledger_after(tx: Tx, last: int, node: str) -> Sequence[Row]:
    """The ledger's rows after row `last` that `node`, or a command on the same host, wrote."""
    return tx.all(
        "select id, state, reason, code, gateway, severity, parts, seconds from ledger"
        " where id > :last and (node = :node or substr(node, 1, length(:commands)) = :commands) order by id",
        last=last,
        node=node,
        commands=f"{host_of(node)}/",
    )


# A partial index each.
_WAITING = " union all ".join(
    f"select '{state}' as state, count(*) as n from messages where state = '{state}'"
    for state in State
    if not state.final
)


def totals(tx: Tx) -> Totals:
    """What waits and what is open. Reads indexes of what is not final alone, so it stays quick with a long history."""
    waiting = tx.all(_WAITING)
    open_now = tx.all(
        "select severity, count(*) as n from incidents where closed_at is null group by severity"
    )
    oldest = tx.one("select min(created_at) as at from messages where state = 'queued'")
    return Totals(
        {row["state"]: row["n"] for row in waiting},
        {row["severity"]: row["n"] for row in open_now},
        oldest["at"] if oldest is not None else None,
        tx.all(_HELD_NOW),
    )


def shown_body(row: Row) -> str:
    """The text of a message without the code of its link: whoever has it acknowledges in the name of the text's reader."""
    body: str = row["body"]
    return body.replace(row["ack_code"], "…") if row["ack_code"] else body


def message(tx: Tx, message_id: int) -> Row | None:
    return tx.one("select * from messages where id = :id", id=message_id)


def incident(tx: Tx, incident_id: int) -> Row | None:
    return tx.one("select * from incidents where id = :id", id=incident_id)


# A text that failed, or whose answer was lost, has told nobody, and one that has not left yet has told nobody yet.
_HOPEFUL = [state for state in State if state.hopeful]
_LEFT = [state for state in _HOPEFUL if state not in (State.QUEUED, State.SUBMITTING)]


def _texted(states: Iterable[State]) -> str:
    """How many people have a text in one of these states."""
    return (
        "(select count(distinct p.number) from pages p join messages m on m.id = p.message_id"
        f" where p.incident_id = i.id and p.state = 'told' and m.state in {in_list(states)})"
    )


PEOPLE_TOLD = _texted(_LEFT)
"""How many people have a text about the incident `i`, as far as is known."""
LEFT_OR_WAITS = _texted(_HOPEFUL)
"""As `PEOPLE_TOLD`, with those whose text may not have left yet."""


# What was owed to nobody at all is a gap, or a receiver without people: another matter.
UNTOLD = (
    f"i.closed_at is null and i.severity = '{Severity.CRITICAL}' and i.acked_at is null"
    f" and exists (select 1 from pages p where p.incident_id = i.id) and {PEOPLE_TOLD} = 0"
)
"""Whether the open incident `i` is critical and has reached nobody, as far as is known, and nobody takes care of it."""


# By `pages_held`: what waits alone.
_HELD_NOW = (
    "select i.severity, p.why, count(*) as n, min(p.created_at) as at from pages p join incidents i on i.id = p.incident_id"
    " where p.state = 'held' group by i.severity, p.why"
)


# Its group is told within `group_wait`, which is no fault; where nobody tells it then, it is one.
_GROUPING = (
    f"exists (select 1 from pages g where g.incident_id = i.id and g.state = 'held' and g.why = '{Hold.GROUP}'"
    " and g.due_at > :now)"
)


def critical_untold(tx: Tx, now: datetime) -> tuple[int, datetime | None]:
    """How many have reached nobody, and when the first text about them may leave; None where none waits. What waits for others
    of its group is not counted.
    """
    row = tx.one(
        "select count(*) as n, min((select min(case p.state when 'held' then p.due_at else m.not_before end) from pages p"
        " left join messages m on m.id = p.message_id where p.incident_id = i.id"
        f" and (p.state = 'held' or m.state = '{State.QUEUED}'))) as due from incidents i where {UNTOLD} and not {_GROUPING}",
        now=stored(now),
    )
    assert row is not None  # noqa: S101 - a count always has its row
    return row["n"], from_stored(row["due"])


def pages_of(tx: Tx, incident_id: int) -> Sequence[Row]:
    """Who was to hear what of it, in the order in which they were owed, with when a message told them."""
    return tx.all(
        "select p.*, m.created_at as told_at from pages p left join messages m on m.id = p.message_id"
        " where p.incident_id = :id order by p.id",
        id=incident_id,
    )


def told_by(tx: Tx, message_id: int) -> Sequence[Row]:
    """What a message tells, or was to tell before another one did, a page a row."""
    return tx.all(
        "select * from pages where message_id = :id or id in (select page_id from tried where message_id = :id)"
        " order by id",
        id=message_id,
    )


def decisions_of(tx: Tx, incident_id: int) -> Sequence[Row]:
    """What was decided about an incident, by `decisions_incident`."""
    return tx.all("select * from decisions where incident_id = :id order by id", id=incident_id)


def agenda_of(tx: Tx, incident_id: int) -> Sequence[Row]:
    """What is to follow while nobody acknowledges, the next first."""
    return tx.all("select * from agenda where incident_id = :id order by due_at, receiver", id=incident_id)


def alerts_of(tx: Tx, incident_id: int) -> Sequence[Row]:
    """Every alert that came of it, its repeats too, by `alerts_incident`."""
    return tx.all("select * from alerts where incident_id = :id order by id", id=incident_id)


def messages_of(tx: Tx, incident_id: int) -> Sequence[Row]:
    """The messages that tell of it, by `pages_once`, each with the number of incidents that it tells, by `pages_message`."""
    return tx.all(
        "select m.*, (select count(distinct q.incident_id) from pages q where q.message_id = m.id) as tells from messages m"
        f" where m.id in {TOLD_BY} order by m.id",
        id=incident_id,
    )


def incidents_of(tx: Tx, message_id: int) -> Sequence[Row]:
    """The incidents that a message tells, each once."""
    return tx.all(
        f"select * from incidents where id in {TELLS} order by id",
        id=message_id,
    )


def ledger_of(tx: Tx, message_id: int) -> Sequence[Row]:
    """What became of a message, by `ledger_message`."""
    return tx.all("select * from ledger where message_id = :id order by id", id=message_id)

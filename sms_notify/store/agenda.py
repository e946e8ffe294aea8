"""What falls due later: the next step of an escalation, the next reminder, a group's flush; and what was decided, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sms_notify.policy.vocabulary import Decision
from sms_notify.store.pages import Subject, subject_of
from sms_notify.store.tx import Row, Tx, moment, stored

_FAR = timedelta(days=8)  # a week is the longest that anybody makes a step, a group or a reminder wait
_MICROSECOND = timedelta(microseconds=1)


class What(StrEnum):
    ESCALATE = "escalate"
    REMIND = "remind"


@dataclass(frozen=True, slots=True)
class Due:
    """Step or reminder number `nth` of an incident at one receiver; `every` is the time between reminders.

    Of a step, `every` is not zero where it jumped: every text of the step before it has failed.
    """

    subject: Subject
    receiver: str
    nth: int
    due_at: datetime
    every: timedelta


def put(
    tx: Tx, incident_id: int, receiver: str, what: What, nth: int, due_at: datetime, every: timedelta
) -> None:
    """Writes down what is next; an earlier entry of the same kind is replaced."""
    tx.run(
        "insert into agenda (incident_id, receiver, what, nth, due_at, every)"
        " values (:incident_id, :receiver, :what, :nth, :due_at, :every) on conflict (incident_id, receiver, what)"
        " do update set nth = excluded.nth, due_at = excluded.due_at, every = excluded.every",
        incident_id=incident_id,
        receiver=receiver,
        what=what,
        nth=nth,
        due_at=stored(due_at),
        every=every // _MICROSECOND,
    )


def due(tx: Tx, what: What, until: datetime, limit: int = 500) -> Sequence[Due]:
    """What is due by `until`, the most overdue first."""
    rows = tx.all(
        "select a.receiver, a.nth, a.due_at, a.every, i.* from agenda a join incidents i on i.id = a.incident_id"
        " where a.what = :what and a.due_at <= :until order by a.due_at, a.incident_id limit :limit",
        what=what,
        until=stored(until),
        limit=limit,
    )
    return [
        Due(
            subject_of(row, "id"),
            row["receiver"],
            row["nth"],
            moment(row["due_at"]),
            row["every"] * _MICROSECOND,
        )
        for row in rows
    ]


def strike(tx: Tx, incident_id: int, receiver: str, what: What) -> None:
    tx.run(
        "delete from agenda where incident_id = :id and receiver = :receiver and what = :what",
        id=incident_id,
        receiver=receiver,
        what=what,
    )


def strike_all(tx: Tx, incident_id: int) -> None:
    """Nothing more is to follow about an incident: it has ended, or somebody takes care of it."""
    tx.run("delete from agenda where incident_id = :id", id=incident_id)


def strike_stale(tx: Tx, now: datetime) -> None:
    tx.run(
        "delete from agenda where incident_id in"
        " (select id from incidents where closed_at = :now and state = 'stale')",
        now=stored(now),
    )


# `every` says nothing of a step's time; here it marks the one that was moved forward.
_HURRY = (
    "update agenda set due_at = :now, every = 1 where what = 'escalate' and due_at > :now"
    " and incident_id in (select incident_id from pages where message_id = :id) and exists"
    " (select 1 from pages p where p.message_id = :id and p.incident_id = agenda.incident_id"
    "  and p.receiver = agenda.receiver and p.kind in ('firing', 'escalation') and p.nth = agenda.nth - 1)"
    " and not exists (select 1 from pages q left join messages r on r.id = q.message_id"
    "  where q.incident_id = agenda.incident_id and q.receiver = agenda.receiver and q.kind in ('firing', 'escalation')"
    "  and q.nth = agenda.nth - 1 and q.state <> 'dropped'"
    "  and (r.id is null or r.state not in ('failed', 'not_delivered', 'rejected')))"
)


def hurry(tx: Tx, message_id: int, now: datetime) -> int:
    """A text has failed for good: where it was the last hope of its step, the next step is due now."""
    return tx.run(_HURRY, id=message_id, now=stored(now))


def flushed_at(tx: Tx, group: str) -> datetime | None:
    """When a group was, or will be, told the last time."""
    row = tx.one("select flush_at from groups where name = :name", name=group)
    return moment(row["flush_at"]) if row is not None else None


def flush(tx: Tx, group: str, at: datetime) -> None:
    tx.run(
        "insert into groups (name, flush_at) values (:name, :at)"
        " on conflict (name) do update set flush_at = max(flush_at, excluded.flush_at)",
        name=group,
        at=stored(at),
    )


def forget_groups(tx: Tx, before: datetime) -> None:
    tx.run("delete from groups where flush_at < :before", before=stored(before))


def clamp(tx: Tx, now: datetime) -> None:
    """At start: what waits longer than anything can was written by a clock that has been set right since."""
    soon, at = stored(now), {"now": stored(now), "far": stored(now + _FAR)}
    tx.run("delete from holds where since > :soon", soon=soon)
    tx.run("delete from groups where flush_at > :far", far=at["far"])
    tx.run("update agenda set due_at = :now where what in ('escalate', 'remind') and due_at > :far", **at)
    tx.run("update attempts set started_at = :now where started_at > :now", now=soon)
    tx.run(
        "update pages set due_at = :now where state = 'held' and due_at > :far"
        " and why not in ('muted', 'inactive', 'quiet_hours')",
        **at,
    )


def decide(
    tx: Tx,
    word: Decision,
    node: str,
    now: datetime,
    *,
    incident_id: int | None = None,
    receiver: str = "",
    nth: int = 0,
    detail: str = "",
) -> None:
    """Writes down one decision, for `explain` and for the metrics."""
    tx.run(
        "insert into decisions (at, node, incident_id, word, receiver, nth, detail)"
        " values (:at, :node, :incident_id, :word, :receiver, :nth, :detail)",
        at=stored(now),
        node=node,
        incident_id=incident_id,
        word=word,
        receiver=receiver,
        nth=nth,
        detail=detail,
    )


def newest_decision(tx: Tx) -> int:
    row = tx.one("select max(id) as id from decisions")
    return int(row["id"] or 0) if row is not None else 0


def decisions_after(tx: Tx, last: int, node: str) -> Sequence[Row]:
    """The decisions after row `last` that `node`, or a command on the same host, made."""
    return tx.all(
        "select * from decisions where id > :last and (node = :node or node like :commands) order by id",
        last=last,
        node=node,
        commands=f"{node}/%",
    )

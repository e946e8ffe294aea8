"""Rows that say that one person is to hear one thing of one incident: held, told by a message, or dropped.

The table is `pages`. What is held is found by its due time (pages_due), or by number and lane (pages_held).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import HeldLane, Incident, Notification
from sms_notify.policy.relief import HANDED_ON
from sms_notify.policy.vocabulary import Drop, Kind, PageState, State
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Row, Tx, among, from_stored, insert_into, moment, pairs, stored

_SELECT = (
    "select p.*, m.state as message_state, m.ambiguous as message_ambiguous, m.created_at as message_at"
    " from pages p left join messages m on m.id = p.message_id"
)
_HELD = "select p.*, null as message_state, 0 as message_ambiguous, null as message_at from pages p"
_HANDED_ON = in_list(HANDED_ON)
_UNTIL_NOW = in_list(hold for hold in Hold if hold.outlasts_shifts)
_AGAIN = in_list(hold for hold in Hold if hold.again)
_CAME = in_list(state for state in State if state.said and state.hopeful)
# Whether somebody was told, and when last, is all that a step asks of reminders that came; and whether the next one was
# written down before, for none is told twice.
_NOT_OLD = (
    f" and (p.kind <> '{Kind.REMINDER}' or p.state <> 'told' or coalesce(m.state, '') not in {_CAME}"
    " or p.nth in (select nth from agenda where incident_id in ({names}))"
    " or p.message_id in (select max(old.message_id) from pages old join messages said on said.id = old.message_id"
    f" where old.incident_id in ({{names}}) and old.kind = '{Kind.REMINDER}' and old.state = 'told' and said.state in {_CAME}"
    " group by old.incident_id, old.number, old.recipient, old.receiver, old.said))"
)

_FEW = 256


def of_incidents(tx: Tx, ids: Iterable[int], *, old: bool = True) -> list[Row]:
    """Every notification of these incidents; without the `old`, of reminders that arrived the last alone: of a trouble that
    lasts for months there are thousands. Of a long list SQLite thinks that reading all of the table is cheaper.
    """
    return [
        row
        for names, named in among(ids, _FEW)
        for row in tx.all(
            f"{_SELECT} where p.incident_id in ({names}){'' if old else _NOT_OLD.format(names=names)} order by p.id",
            **named,
        )
    ]


def of_messages(tx: Tx, message_ids: Iterable[int]) -> list[Row]:
    """What these messages tell. The index pages_message finds it."""
    return [
        row
        for names, named in among(message_ids)
        for row in tx.all(f"{_SELECT} where p.message_id in ({names}) order by p.id", **named)
    ]


def held_in(tx: Tx, lanes: Iterable[tuple[str, Lane]]) -> list[Row]:
    """All that is held in these lanes, due or not."""
    return [
        row
        for values, named in pairs(lanes)
        for row in tx.all(
            f"with k (number, lane) as (values {values}) {_HELD} join k on p.number = k.number and p.lane = k.lane"
            " where p.state = 'held' order by p.id",
            **named,
        )
    ]


def late_for(tx: Tx, numbers: Iterable[str]) -> list[Row]:
    """What is held because its text grew too old."""
    return [
        row
        for names, named in among(numbers)
        for row in tx.all(
            f"{_HELD} where p.state = 'held' and p.number in ({names}) and p.why = '{Hold.LATE}' order by p.id",
            **named,
        )
    ]


def resends_of(tx: Tx, message_id: int) -> Sequence[Row]:
    """What is owed once more because the answer to this message was lost, by the primary key of `tried`."""
    return tx.all(
        f"{_SELECT} join tried t on t.page_id = p.id where t.message_id = :id and p.again_of = :id order by p.id",
        id=message_id,
    )


def moved_from(tx: Tx, message_id: int) -> Sequence[Row]:
    """What this message was to tell, and another one tells, or is to tell, by now; by the primary key of `tried`."""
    return tx.all(
        f"{_SELECT} join tried t on t.page_id = p.id where t.message_id = :id"
        " and (p.message_id is null or p.message_id <> :id) order by p.id",
        id=message_id,
    )


def note_tried(tx: Tx, tried: Iterable[tuple[int, int]]) -> None:
    """That a message, the first of each pair, was to tell a notification which another one tells from now on."""
    tx.run_all(insert_into("tried", "message_id, page_id") + " on conflict do nothing", list(tried))


def due_again(tx: Tx, now: datetime) -> Sequence[Row]:
    """What is due once more: its text failed, or the answer to it was lost."""
    return tx.all(
        f"{_HELD} where p.state = 'held' and p.due_at <= :now and p.why in {_AGAIN}", now=stored(now)
    )


def due_after_hours(tx: Tx, now: datetime) -> Sequence[Row]:
    """What fires, and quiet hours or a muted route held until now, or could not leave."""
    return tx.all(
        f"{_HELD} where p.state = 'held' and p.due_at <= :now and p.kind in {_HANDED_ON}"
        f" and p.why in {_UNTIL_NOW}",
        now=stored(now),
    )


def due_lanes(tx: Tx, now: datetime) -> set[tuple[str, Lane]]:
    """Whose notifications are due. The limit keeps the planner on the index by time: what is held for later is not
    looked at.
    """
    rows = tx.all(
        "select distinct number, lane from (select number, lane from pages where state = 'held' and due_at <= :now"
        " order by due_at limit 10000000) as due",
        now=stored(now),
    )
    return {(row["number"], Lane(row["lane"])) for row in rows}


def all_held(tx: Tx) -> Sequence[Row]:
    return tx.all(f"{_HELD} where p.state = 'held'")


def notification_of(row: Row, incidents: Mapping[int, Incident]) -> Notification:
    """Needs the incident's row beside its own."""
    state, why = PageState(row["state"]), row["why"]
    return Notification(
        subject=incidents[row["incident_id"]].subject,
        person=Person(row["recipient"], row["number"]),
        kind=Kind(row["kind"]),
        receiver=row["receiver"],
        due_at=moment(row["due_at"]),
        created_at=moment(row["created_at"]),
        why=Drop(why) if state is PageState.DROPPED else Hold(why),
        held_by=row["held_by"],
        nth=row["nth"],
        bundle=row["bundle"],
        hidden=row["hidden"],
        id=row["id"],
        state=state,
        message_id=row["message_id"],
        again_of=row["again_of"],
        failures=row["failures"],
        said=row["said"],
        row_lane=Lane(row["lane"]),
        message_state=None if row["message_state"] is None else State(row["message_state"]),
        message_ambiguous=row["message_ambiguous"] or 0,
        message_at=from_stored(row["message_at"]),
    )


_INSERT = (
    insert_into(
        "pages",
        "incident_id, number, kind, nth, recipient, hidden, created_at, state, why, held_by, due_at, message_id, again_of,"
        " failures, bundle, lane, receiver, said, id",
    )
    + " on conflict (incident_id, number, kind, nth) do nothing"
)


def insert(tx: Tx, notifications: Iterable[Notification]) -> None:
    """The index pages_once decides races, and no race may undo the whole transaction of everybody else."""
    rows = [
        (
            n.incident_id, n.number, n.kind, n.nth, n.person.name, n.hidden, stored(n.created_at),
            *_changeable(n),
        )
        for n in notifications
    ]  # fmt: skip
    tx.run_all(_INSERT, rows)


def update(tx: Tx, notifications: Iterable[Notification]) -> None:
    """Another receiver may have texted it than the one it was written down for, where that one's limit held it."""
    sql = (
        "update pages set state = ?, why = ?, held_by = ?, due_at = ?, message_id = ?, again_of = ?, failures = ?,"
        " bundle = ?, lane = ?, receiver = ?, said = ? where id = ?"
    )
    tx.run_all(sql, list(map(_changeable, notifications)))


def _changeable(n: Notification) -> tuple[object, ...]:
    return (
        n.state, n.why, n.held_by, stored(n.due_at), n.message_id, n.again_of, n.failures, n.bundle, n.row_lane,
        n.receiver, n.said, n.id,
    )  # fmt: skip


def postpone(tx: Tx, lanes: Iterable[tuple[str, Lane, HeldLane]], now: datetime) -> None:
    """What is due waits with its lane. What was too late, or held for the night, says so when it is told.

    A statement rather than rows: in a storm thousands are due behind one text.
    """
    kept = f"why in {in_list(hold for hold in Hold if hold.outlasts_limits)}"
    sql = (
        f"update pages set due_at = ?, held_by = case when {kept} then held_by else ? end,"
        f" why = case when {kept} then why else '{Hold.LIMIT}' end"
        " where state = 'held' and number = ? and lane = ? and due_at <= ?"
    )
    at = stored(now)
    tx.run_all(sql, [(stored(held.until), held.scope, number, lane, at) for number, lane, held in lanes])

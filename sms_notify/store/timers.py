"""What falls due later: the next step of an escalation, the next reminder (the table `agenda`), and when groups were told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sms_notify.alert import Severity
from sms_notify.policy.holds import Hold
from sms_notify.policy.records import Timer, TimerKind
from sms_notify.policy.suppression import BELIEVED_FOR
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Row, Tx, among, insert_into, moment, stored

_FAR = timedelta(days=8)  # a week is the longest that anybody makes a step, a group or a reminder wait
_MICROSECOND = timedelta(microseconds=1)
_AHEAD = 150  # steps whose texts may lie in an outbox
_RANK = "case i.severity " + " ".join(f"when '{one}' then {one.rank}" for one in Severity) + " end"
_MOST = 500  # in one tick, the most overdue first


def _timer(row: Row) -> Timer:
    every = row["every"] * _MICROSECOND
    what = TimerKind(row["what"])
    return Timer(row["incident_id"], row["receiver"], what, row["nth"], moment(row["due_at"]), every)


def due(tx: Tx, what: TimerKind, until: datetime) -> list[Timer]:
    """What is due by `until`. The index agenda_due finds it."""
    rows = tx.all(
        "select * from agenda where what = :what and due_at <= :until order by due_at, incident_id limit :limit",
        what=what,
        until=stored(until),
        limit=_MOST,
    )
    return list(map(_timer, rows))


def steps_ahead(tx: Tx, receivers: Sequence[str], now: datetime) -> list[Timer]:
    """The next step of what nobody takes care of and no source suppresses, of these receivers: the most severe and then the
    oldest first.
    """
    names = {f"r{n}": name for n, name in enumerate(receivers)}
    rows = tx.all(
        "select a.* from agenda a join incidents i on i.id = a.incident_id"
        f" where a.what = '{TimerKind.ESCALATE}' and a.receiver in ({', '.join(f':{name}' for name in names)})"
        " and i.closed_at is null and i.acked_at is null"
        " and (i.suppressed_at is null or abs(:now - i.suppressed_at) >= :believed)"
        f" order by {_RANK}, a.incident_id limit :limit",
        limit=_AHEAD,
        now=stored(now),
        believed=BELIEVED_FOR // _MICROSECOND,
        **names,
    )
    return list(map(_timer, rows))


def of_incidents(tx: Tx, ids: Iterable[int]) -> list[Timer]:
    return [
        _timer(row)
        for names, named in among(ids)
        for row in tx.all(f"select * from agenda where incident_id in ({names})", **named)
    ]


_SAVE = (
    insert_into("agenda", "incident_id, receiver, what, nth, due_at, every")
    + " on conflict (incident_id, receiver, what)"
    " do update set nth = excluded.nth, due_at = excluded.due_at, every = excluded.every"
)


def save(tx: Tx, timers: Iterable[Timer]) -> None:
    """What is next; an earlier one of the same kind is replaced."""
    rows = [
        (one.incident_id, one.receiver, one.what, one.nth, stored(one.due_at), one.every // _MICROSECOND)
        for one in timers
    ]
    tx.run_all(_SAVE, rows)


def strike(tx: Tx, keys: Iterable[tuple[int, str, TimerKind]]) -> None:
    tx.run_all("delete from agenda where incident_id = ? and receiver = ? and what = ?", list(keys))


def let_copies_open(tx: Tx, ids: Iterable[int], now: datetime) -> None:
    """They are not old copies: they need wait no longer."""
    sql = "update agenda set due_at = ? where incident_id = ? and what = ? and due_at > ?"
    tx.run_all(sql, [(stored(now), id_, TimerKind.COPY, stored(now)) for id_ in ids])


def drop_copies(tx: Tx, ids: Iterable[int]) -> None:
    """They are old copies: they never open."""
    sql = "delete from agenda where incident_id = ? and what = ?"
    tx.run_all(sql, [(id_, TimerKind.COPY) for id_ in ids])


def flushed(tx: Tx, groups: Iterable[str]) -> dict[str, datetime]:
    """When these groups were, or will be, told the last time."""
    return {
        row["name"]: moment(row["flush_at"])
        for names, named in among(groups)
        for row in tx.all(f"select name, flush_at from groups where name in ({names})", **named)
    }


def flush(tx: Tx, groups: Mapping[str, datetime]) -> None:
    tx.run_all(
        insert_into("groups", "name, flush_at")
        + " on conflict (name) do update set flush_at = excluded.flush_at",
        [(name, stored(at)) for name, at in groups.items()],
    )


def forget_groups(tx: Tx, before: datetime) -> None:
    tx.run("delete from groups where flush_at < :before", before=stored(before))


def allow_for_absence(tx: Tx, until: datetime) -> None:
    """At start: while we were away nobody could tell us that it still fires."""
    tx.run(
        f"update agenda set due_at = :until where what = '{TimerKind.SILENT}' and due_at < :until",
        until=stored(until),
    )


def clamp(tx: Tx, now: datetime) -> None:
    """At start: what waits longer than anything can was written by a clock that has been set right since."""
    soon, far = stored(now), stored(now + _FAR)
    tx.run("delete from holds where since > :soon", soon=soon)
    tx.run("delete from groups where flush_at > :far", far=far)
    tx.run(
        f"update agenda set due_at = :now where what in {in_list(TimerKind)} and due_at > :far",
        now=soon,
        far=far,
    )
    tx.run("update attempts set started_at = :now where started_at > :now", now=soon)
    tx.run(
        "update pages set due_at = :now where state = 'held' and due_at > :far"
        f" and why not in {in_list(hold for hold in Hold if hold.of_hours)}",
        now=soon,
        far=far,
    )

"""Rows about who is on call: overrides that people made, and who was found to hold each schedule last."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.policy.rotations import Shift
from sms_notify.store.tx import Tx, insert_into, moment, stored


@dataclass(frozen=True, slots=True)
class Override:
    """Somebody holds a schedule for a while instead of whoever would. Times are aware UTC; `end` is exclusive."""

    id: int
    schedule: str
    person: str
    start: datetime
    end: datetime
    created_at: datetime
    created_by: str

    @property
    def shift(self) -> Shift:
        return Shift(self.person, self.start, self.end)


@dataclass(frozen=True, slots=True)
class AskedOverride:
    """An override that somebody asks for; times are aware UTC."""

    schedule: str
    person: str
    start: datetime
    end: datetime


def change_overrides(
    tx: Tx, remove: Sequence[int], make: Sequence[AskedOverride], by: str, now: datetime
) -> bool:
    """Takes some away and makes others, all or nothing: False, and no change, where one to remove is not there."""
    if any(tx.one("select 1 from overrides where id = :id", id=id_) is None for id_ in remove):
        return False
    for asked in make:
        add_override(tx, asked.schedule, asked.person, asked.start, asked.end, by, now)
    for id_ in remove:  # last: a number that is free is given again, and an old page may still name it
        remove_override(tx, id_)
    return True


def add_override(
    tx: Tx, schedule: str, person: str, start: datetime, end: datetime, by: str, now: datetime
) -> int:
    """Somebody takes a schedule over from `start` until `end`; returns the number by which it is removed."""
    return tx.insert(
        "insert into overrides (schedule, person, starts_at, ends_at, created_at, created_by)"
        " values (:schedule, :person, :start, :end, :now, :by) returning id",
        schedule=schedule,
        person=person,
        start=stored(start),
        end=stored(end),
        now=stored(now),
        by=by,
    )


def remove_override(tx: Tx, override_id: int) -> bool:
    """False where there is no such override."""
    return tx.run("delete from overrides where id = :id", id=override_id) == 1


def overrides(tx: Tx, after: datetime) -> Sequence[Override]:
    """Those that have not ended by `after`, in the order in which they were made.

    They are sorted here: a database would walk through all that ever were to have their order, and not `overrides_end`.
    """
    rows = tx.all("select * from overrides where ends_at > :after", after=stored(after))
    return [
        Override(
            row["id"], row["schedule"], row["person"], moment(row["starts_at"]), moment(row["ends_at"]),
            moment(row["created_at"]), row["created_by"],
        )
        for row in sorted(rows, key=lambda row: int(row["id"]))
    ]  # fmt: skip


_ROSTER = (
    "select 'holder' as what, schedule, person, 0 as id, 0 as starts_at, 0 as ends_at from holders union all"
    " select 'override', schedule, person, id, starts_at, ends_at from overrides where ends_at > :after order by id"
)


@dataclass(frozen=True, slots=True)
class RosterRows:
    """Who held each schedule when it was last looked at (empty: nobody did), and the overrides of each, the one given
    last at the end.
    """

    holders: Mapping[str, str]
    overrides: Mapping[str, Sequence[Shift]]


def roster(tx: Tx, people: Container[str], after: datetime) -> RosterRows:
    """With the overrides for any of `people` that have not ended by `after`."""
    holders: dict[str, str] = {}
    overrides: dict[str, list[Shift]] = {}
    for row in tx.all(_ROSTER, after=stored(after)):
        if row["what"] == "holder":
            holders[row["schedule"]] = row["person"]
        elif row["person"] in people:
            shift = Shift(row["person"], moment(row["starts_at"]), moment(row["ends_at"]))
            overrides.setdefault(row["schedule"], []).append(shift)
    return RosterRows(holders, overrides)


def set_holders(tx: Tx, holders: Mapping[str, str], now: datetime) -> None:
    at = stored(now)
    tx.run_all(
        insert_into("holders", "schedule, person, since")
        + " on conflict (schedule) do update set person = excluded.person, since = excluded.since",
        [(schedule, person, at) for schedule, person in holders.items()],
    )


def calendar(tx: Tx, schedule: str) -> bytes | None:
    """The last good copy of a schedule's calendar."""
    row = tx.one("select body from calendars where schedule = :schedule", schedule=schedule)
    return bytes(row["body"]) if row is not None else None


def keep_calendar(tx: Tx, schedule: str, body: bytes, now: datetime) -> None:
    """Replaces the last good copy, which is used while the calendar cannot be read."""
    tx.run(
        "insert into calendars (schedule, body, read_at) values (:schedule, :body, :now)"
        " on conflict (schedule) do update set body = excluded.body, read_at = excluded.read_at",
        schedule=schedule,
        body=body,
        now=stored(now),
    )

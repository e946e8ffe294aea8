"""What limits look at: which texts left when, what they cost, which lanes are held, and what the account holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.policy.rate_limits import Credits, Lane, Spending, Spent
from sms_notify.store.tx import Tx, moment, stored

# `departures` are the attempts that may have reached somebody: a refused one did not, and cost nothing.


_BALANCE_HOLDS = timedelta(hours=2)  # it is asked every quarter of an hour
_A_FEW = 10  # the parts of the texts that are asked for
# A text that tells something of several receivers counts for each of them.
_LEFT_BY = (
    "select d.started_at from departures d where d.started_at > :since and d.lane = 'rest' and (:receiver is null"
    " or exists (select 1 from pages p where p.message_id = d.message_id and p.receiver = :receiver))"
)
_QUEUED_BY = (
    "select count(*) as n from messages m where m.state = 'queued' and m.lane = 'rest' and (:receiver is null"
    " or exists (select 1 from pages p where p.message_id = m.id and p.receiver = :receiver))"
)


@dataclass(frozen=True, slots=True)
class HeldLane:
    """A lane of one number that waits `until` then; `announced` = its reader was told so, and is owed a closing text."""

    scope: str
    since: datetime
    until: datetime
    announced: bool


def left_for(tx: Tx, number: str, lane: Lane, since: datetime, most: int) -> Sequence[datetime]:
    """When the last texts left for a number in one lane, at most `most`: no limit looks at more than its count."""
    rows = tx.all(
        "select started_at from departures where number = :number and lane = :lane and started_at > :since"
        " order by started_at desc limit :most",
        most=most,
        number=number,
        lane=lane,
        since=stored(since),
    )
    return [moment(row["started_at"]) for row in rows]


def left_at_all(tx: Tx, since: datetime, receiver: str | None = None) -> Sequence[datetime]:
    """When texts of the rest left for anybody, or by one receiver; what is queued counts as leaving now."""
    rows = tx.all(_LEFT_BY, since=stored(since), receiver=receiver)
    return [moment(row["started_at"]) for row in rows]


def queued_at_all(tx: Tx, receiver: str | None = None) -> int:
    """How many texts of the rest wait to leave."""
    row = tx.one(_QUEUED_BY, receiver=receiver)
    return int(row["n"]) if row is not None else 0


def waits(tx: Tx, number: str, lane: Lane) -> bool:
    """Whether a text to this number in this lane has not left yet: whatever comes now is merged into the next."""
    row = tx.one(
        "select 1 from messages where state = 'queued' and number = :number and lane = :lane",
        number=number,
        lane=lane,
    )
    return row is not None


def spent(tx: Tx, gateway: str, bounds: Credits, now: datetime) -> Spent:
    """What texts cost of late, those that wait included, and what is left of the last balance told.

    Only the newest are read: a text costs a credit at least, and what is older than the budget is long cannot count.
    """
    waiting = tx.all("select lane, sum(parts) as n from messages where state = 'queued' group by lane")
    spendings = [Spending(now, int(row["n"]), row["lane"] == Lane.CRITICAL) for row in waiting]
    most = max(bounds.per_hour or 0, bounds.per_day or 0)
    if most:
        rows = tx.all(
            "select started_at, parts, lane from departures where started_at > :since order by started_at desc limit :most",
            since=stored(now - timedelta(days=1)),
            most=most + 2 * bounds.reserve + _A_FEW,
        )
        spendings += [Spending(moment(r["started_at"]), r["parts"], r["lane"] == Lane.CRITICAL) for r in rows]
    return Spent(spendings, _left_of_balance(tx, gateway, sum(int(row["n"]) for row in waiting), now))


def _left_of_balance(tx: Tx, gateway: str, queued: int, now: datetime) -> int | None:
    """None where it was not told of late: somebody may have bought credits since, and the gateway refuses by itself."""
    row = tx.one(
        "select credits, at from balances where gateway = :gateway and at > :since",
        gateway=gateway,
        since=stored(now - _BALANCE_HOLDS),
    )
    if row is None:
        return None
    since = tx.one(
        "select sum(parts) as n from departures where started_at > :at and gateway = :gateway",
        at=row["at"],
        gateway=gateway,
    )
    gone = int(since["n"] or 0) if since is not None else 0
    return int(row["credits"]) - gone - queued


def set_balance(tx: Tx, gateway: str, credits_left: int, now: datetime) -> None:
    tx.run(
        "insert into balances (gateway, credits, at) values (:gateway, :credits, :now)"
        " on conflict (gateway) do update set credits = excluded.credits, at = excluded.at",
        gateway=gateway,
        credits=credits_left,
        now=stored(now),
    )


def balance(tx: Tx, gateway: str) -> int | None:
    """The credits left when the gateway was asked last; None where it never told."""
    row = tx.one("select credits from balances where gateway = :gateway", gateway=gateway)
    return int(row["credits"]) if row is not None else None


def held_lane(tx: Tx, number: str, lane: Lane) -> HeldLane | None:
    row = tx.one(
        "select scope, since, until, announced from holds where number = :number and lane = :lane",
        number=number,
        lane=lane,
    )
    if row is None:
        return None
    return HeldLane(row["scope"], moment(row["since"]), moment(row["until"]), bool(row["announced"]))


def hold_lane(tx: Tx, number: str, lane: Lane, held: HeldLane) -> None:
    tx.run(
        "insert into holds (number, lane, scope, since, until, announced) values (:number, :lane, :scope, :since, :until,"
        " :announced) on conflict (number, lane) do update set scope = excluded.scope, since = excluded.since,"
        " until = excluded.until, announced = excluded.announced",
        number=number,
        lane=lane,
        scope=held.scope,
        since=stored(held.since),
        until=stored(held.until),
        announced=held.announced,
    )


def free_lane(tx: Tx, number: str, lane: Lane) -> None:
    tx.run("delete from holds where number = :number and lane = :lane", number=number, lane=lane)


_HELD_BY_IT = (
    "update holds set until = :now where until > :now"
    " and (number = :number and lane = :lane or scope not in ('per_number', 'per_number_critical'))",
    "update pages set due_at = :now where due_at > :now and state = 'held' and why = 'limit'"
    " and (number = :number and lane = :lane or held_by not in ('per_number', 'per_number_critical'))",
)


def look_again(tx: Tx, number: str, lane: Lane, now: datetime) -> None:
    """A text never left after all: what waits because of it is asked again at the next tick. Its own lane does, and so
    may everybody whom a limit or a budget of all holds.
    """
    for sql in _HELD_BY_IT:
        tx.run(sql, number=number, lane=lane, now=stored(now))


def free_silent_lanes(tx: Tx, now: datetime) -> None:
    """A silence that was announced and in which nothing came needs no closing text."""
    tx.run(
        "delete from holds where until <= :now and not exists (select 1 from pages p where p.number = holds.number"
        " and p.lane = holds.lane and p.state = 'held' and (p.due_at <= :now or p.why in ('limit', 'behind', 'too_old')))",
        now=stored(now),
    )


_WEEK = timedelta(days=7)


def spent_per_day(tx: Tx, gateway: str, now: datetime) -> float:
    """Credits a day over the last week, or since the first text where that is less than a week ago."""
    row = tx.one(
        "select sum(parts) as n, min(started_at) as first from departures where started_at > :since and gateway = :gateway",
        since=stored(now - _WEEK),
        gateway=gateway,
    )
    if row is None or not row["n"]:
        return 0.0
    days = max(1.0, (now - moment(row["first"])) / timedelta(days=1))
    return float(row["n"]) / days


def next_critical(tx: Tx) -> datetime | None:
    """When the first lane of critical texts that is held may go on."""
    row = tx.one("select min(until) as at from holds where lane = 'critical'")
    return moment(row["at"]) if row is not None and row["at"] is not None else None

"""What a gateway's account holds and spends, and how its last requests went: for the page, the metrics and `credits`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sms_notify.policy.outcomes import Fate
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Tx, from_stored, moment, stored

CURVE_DAYS = 30
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_DAY_MICROSECONDS = _DAY // timedelta(microseconds=1)

LEFT_OF_IT = (
    "b.credits - coalesce((select sum(d.parts) from departures d"
    " where d.started_at > b.at and d.gateway = b.gateway), 0)"
)
"""What is left of the balance `b`: as it was told, less what left since; by `attempts_started`."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What the account holds: as the gateway told it `at`, less the parts of what left since."""

    left: int
    at: datetime


@dataclass(frozen=True, slots=True)
class LastRequests:
    """When the last text of a day was taken, and when the last one was not answered or did not get through; None = there
    was none.
    """

    sent: datetime | None = None
    failed: datetime | None = None

    @property
    def failing(self) -> bool:
        return self.failed is not None and (self.sent is None or self.failed > self.sent)


def set_balance(tx: Tx, gateway: str, credits_left: int, now: datetime) -> None:
    tx.run(
        "insert into balances (gateway, credits, at) values (:gateway, :credits, :now)"
        " on conflict (gateway) do update set credits = excluded.credits, at = excluded.at",
        gateway=gateway,
        credits=credits_left,
        now=stored(now),
    )


def balance(tx: Tx, gateway: str) -> Balance | None:
    """None where it never told."""
    row = tx.one(
        f"select b.at, {LEFT_OF_IT} as credits from balances b where b.gateway = :gateway", gateway=gateway
    )
    return Balance(max(0, row["credits"]), moment(row["at"])) if row is not None else None


def spent_per_day(tx: Tx, gateway: str, now: datetime) -> float:
    """Credits a day over the last week, or since the first text of all where that is less than a week ago: a day at least."""
    first = tx.one("select min(started_at) as at from attempts")
    spent = tx.one(
        "select sum(parts) as n from departures where started_at > :since and gateway = :gateway",
        since=stored(now - _WEEK),
        gateway=gateway,
    )
    if first is None or first["at"] is None or spent is None or not spent["n"]:
        return 0.0
    days = min(max(now - moment(first["at"]), _DAY), _WEEK) / _DAY
    return float(spent["n"]) / days


def days_left(tx: Tx, gateway: str, now: datetime) -> float | None:
    """Days to empty at that pace; None until a balance was told and something was spent."""
    pace, known = spent_per_day(tx, gateway, now), balance(tx, gateway)
    return known.left / pace if known is not None and pace else None


def spent_by_day(tx: Tx, gateway: str, now: datetime) -> Sequence[tuple[date, int]]:
    """Credits of each of the last CURVE_DAYS days, today included, oldest first; days begin as in the zone of `now`.

    By `attempts_started`: reads what left in these days.
    """
    today, offset = now.date(), now.utcoffset() or timedelta()
    first = today - (CURVE_DAYS - 1) * _DAY
    began = datetime(first.year, first.month, first.day, tzinfo=now.tzinfo)
    rows = tx.all(
        "select min(started_at) as at, sum(parts) as n from departures where started_at >= :since and gateway = :gateway"
        f" group by (started_at + :offset) / {_DAY_MICROSECONDS}",
        offset=offset // timedelta(microseconds=1),
        since=stored(began),
        gateway=gateway,
    )
    spent: Counter[date] = Counter()
    for row in rows:  # where a clock changes meanwhile, an hour of one day may stand with the next
        spent[moment(row["at"]).astimezone(now.tzinfo).date()] += int(row["n"])
    days = (first + n * _DAY for n in range(CURVE_DAYS))
    return [(day, spent[day]) for day in days]


def last_requests(tx: Tx, now: datetime) -> dict[str, LastRequests]:
    """Of each gateway that was asked to send in the last day. By `attempts_started`."""
    rows = tx.all(
        f"select gateway, max(case when fate = '{Fate.SENT}' then ended_at end) as sent,"
        f" max(case when fate in {in_list((Fate.UNKNOWN, Fate.NOT_SENT))} then ended_at end) as failed"
        " from attempts where started_at > :since group by gateway",
        since=stored(now - _DAY),
    )
    return {
        row["gateway"]: LastRequests(from_stored(row["sent"]), from_stored(row["failed"])) for row in rows
    }

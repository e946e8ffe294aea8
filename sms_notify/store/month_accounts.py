"""What a month cost, a row a person, receiver, severity and gateway: of the texts that are erased.

What they count is counted nowhere else: the account and what is left of the ledger make the whole month, at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from sms_notify.policy.retention import AccountLine, MonthSpent, month_of, summed
from sms_notify.store.tx import Row, Tx, among, insert_into, moment, stored

# By attempts_started, or attempts_message. An attempt after the first that left costs its credits again, and is no other text.
_LEFT = (
    "select d.gateway, d.parts as credits, d.started_at, m.recipient, m.receiver, m.severity, m.parts, case when exists"
    " (select 1 from departures e where e.message_id = d.message_id and e.started_at < d.started_at) then 0 else 1 end as first"
    " from departures d join messages m on m.id = d.message_id where"
)
_ADD = (
    insert_into("month_accounts", "month, recipient, receiver, severity, gateway, texts, parts, credits")
    + " on conflict (month, recipient, receiver, severity, gateway) do update set texts = month_accounts.texts + excluded.texts,"
    " parts = month_accounts.parts + excluded.parts, credits = month_accounts.credits + excluded.credits"
)


def book(tx: Tx, message_ids: Iterable[int]) -> None:
    """Writes down what these cost, in the transaction that erases them."""
    found = [
        _booked(row)
        for names, named in among(message_ids)
        for row in tx.all(f"{_LEFT} d.message_id in ({names})", **named)
    ]
    tx.run_all(
        _ADD,
        [
            (one.month, one.recipient, one.receiver, one.severity, one.gateway, spent.texts, spent.parts, spent.credits)
            for one, spent in summed(found).items()
        ],
    )  # fmt: skip


def of_month(tx: Tx, month: str) -> Mapping[AccountLine, MonthSpent]:
    """What a month cost, the texts that are erased with those that are not. Reads every text of the month."""
    since = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    until = since.replace(year=since.year + since.month // 12, month=since.month % 12 + 1)
    rows = tx.all(
        f"{_LEFT} d.started_at >= :since and d.started_at < :until", since=stored(since), until=stored(until)
    )
    kept = tx.all("select * from month_accounts where month = :month", month=month)
    return summed([*map(_booked, rows), *map(_erased, kept)])


def _booked(row: Row) -> tuple[AccountLine, MonthSpent]:
    line = AccountLine(
        month_of(moment(row["started_at"])),
        row["recipient"],
        row["receiver"],
        row["severity"],
        row["gateway"],
    )
    return line, MonthSpent(row["first"], row["parts"] * row["first"], row["credits"])


def _erased(row: Row) -> tuple[AccountLine, MonthSpent]:
    line = AccountLine(row["month"], row["recipient"], row["receiver"], row["severity"], row["gateway"])
    return line, MonthSpent(row["texts"], row["parts"], row["credits"])

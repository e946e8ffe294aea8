"""What limits look at: which texts left when, what they cost, which lanes are held, and what the account holds.

`departures` are the attempts that may have reached somebody: a refused one did not, and cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache

from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Credits, Lane, LimitScope, Spending
from sms_notify.policy.records import HeldLane, QueueView
from sms_notify.policy.self_alert_notes import BUDGET
from sms_notify.store.account_rows import LEFT_OF_IT
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Tx, insert_into, moment, rows_of, stored

_BALANCE_HOLDS = timedelta(hours=2)  # it is asked every quarter of an hour
_A_FEW = 10  # the parts of the texts that are asked for
_OF_ONE = in_list(scope for scope in LimitScope if LimitScope.of_one_number(scope))
_LIMITED = (Lane.CRITICAL, Lane.ENDS, Lane.REST)
LaneKey = tuple[str, Lane]


def load_lanes(
    tx: Tx, numbers: Iterable[str], back: Mapping[Lane, timedelta], queue: QueueView, now: datetime
) -> dict[LaneKey, HeldLane]:
    """What holds the lanes of these numbers; notes how many texts wait in each, and when the last ones left.

    The primary key, messages_behind and attempts_number find it.
    """
    held: dict[LaneKey, HeldLane] = {}
    since: dict[str, object] = {lane.name: stored(now - back[lane]) for lane in _LIMITED}
    for values, named in rows_of(numbers):
        for row in tx.all(_lanes_sql(values), **named, **since):
            key = (row["number"], Lane(row["lane"]))
            if row["what"] == "lane":
                announced = bool(row["n"])
                held[key] = HeldLane(row["scope"], moment(row["at"]), moment(row["until"]), announced)
            elif row["what"] == "waits":
                queue.waiting[key] = row["n"]
            elif row["what"] == "held":
                queue.held.add(key)
            elif row["what"] == "again":
                queue.unconfirmed.add(key)
            else:
                queue.left.setdefault(key, []).append(moment(row["at"]))
    return held


@cache
def _lanes_sql(values: str) -> str:
    """`k` are the numbers. `exists` looks at one notification where thousands may be held."""
    of_each = "".join(
        " union all select 'left', d.number, d.lane, '', d.started_at, 0, 0 from k join departures d"
        f" on d.number = k.number and d.lane = '{lane}' and d.started_at > :{lane.name}"
        f" union all select 'held', k.number, '{lane}', '', 0, 0, 0 from k where exists (select 1 from pages p"
        f" where p.state = 'held' and p.number = k.number and p.lane = '{lane}')"
        for lane in _LIMITED
    )
    waiting = (
        f"with k (number) as (values {values}) select 'lane' as what, h.number, h.lane, h.scope, h.since as at,"
        " h.until, h.announced as n from k join holds h on h.number = k.number union all"
        " select 'waits', m.number, m.lane, '', 0, 0, count(*) from k join messages m on m.number = k.number"
        " where m.state = 'queued' group by m.number, m.lane"
    )
    return f"{waiting}{of_each} union all select 'again', k.number, '{Lane.REST}', '', 0, 0, 0 {_UNCONFIRMED}"


# By pages_unconfirmed.
_UNCONFIRMED = (
    f"from k where exists (select 1 from pages p where p.state = 'held' and p.why = '{Hold.UNCONFIRMED}'"
    f" and p.number = k.number and p.lane = '{Lane.REST}')"
)


def load_unconfirmed(tx: Tx, numbers: Iterable[str], queue: QueueView) -> None:
    """For whom something is owed once more that may ride on the next text: all that is asked where nothing is limited."""
    for values, named in rows_of(numbers):
        for row in tx.all(
            f"with k (number) as (values {values}) select k.number as number {_UNCONFIRMED}", **named
        ):
            queue.unconfirmed.add((row["number"], Lane.REST))


_MONEY = (
    "select 'waits' as what, lane, sum(parts) as n, 0 as at from messages where state = 'queued' group by lane"
    " union all select 'spent', lane, parts, started_at from (select lane, parts, started_at from departures"
    "  where started_at > :day order by started_at desc limit :most) as newest"
    f" union all select 'balance', '', {LEFT_OF_IT}, b.at from balances b"
    "  where b.gateway = :gateway and b.at > :told_since"
)


def load_money(tx: Tx, gateway: str, bounds: Credits, queue: QueueView, now: datetime) -> None:
    """What texts cost of late, what waits, and what is left of the last balance told. One that was not told of late says
    nothing: somebody may have bought credits since, and the gateway refuses by itself.

    Only the newest are read: a text costs a credit at least, and what is older than the budget is long cannot count.
    """
    most = max(bounds.per_hour or 0, bounds.per_day or 0)
    day, told_since = stored(now - timedelta(days=1)), stored(now - _BALANCE_HOLDS)
    read = most + 2 * bounds.reserve + _A_FEW if most else 0
    for row in tx.all(_MONEY, day=day, most=read, gateway=gateway, told_since=told_since):
        if row["what"] == "waits":
            queue.parts[Lane(row["lane"])] = row["n"]
        elif row["what"] == "spent":
            queue.spent.append(Spending(moment(row["at"]), row["n"], row["lane"] == Lane.CRITICAL))
        else:
            queue.balance = row["n"]


def load_at_all(tx: Tx, back: Mapping[str | None, timedelta], queue: QueueView, now: datetime) -> None:
    """When texts of the rest left for anybody (None), or by one receiver, and how many wait to. A text that tells
    something of several receivers counts for each of them.
    """
    for receiver, span in back.items():
        named = {} if receiver is None else {"receiver": receiver}
        rows = tx.all(_at_all_sql(receiver is not None), since=stored(now - span), **named)
        queue.left_at_all[receiver] = [moment(row["at"]) for row in rows if row["what"] == "left"]
        queue.waiting_at_all[receiver] = sum(row["at"] for row in rows if row["what"] == "waits")


@cache
def _at_all_sql(of_receiver: bool) -> str:
    def mine(id_: str) -> str:
        # Also what another text tells by now: the first one left all the same.
        named = (
            f" and (exists (select 1 from pages p where p.message_id = {id_} and p.receiver = :receiver) or exists"
            f" (select 1 from tried t join pages p on p.id = t.page_id where t.message_id = {id_}"
            "  and p.receiver = :receiver))"
        )
        return named if of_receiver else ""

    return (
        "select 'left' as what, d.started_at as at from departures d"
        f" where d.started_at > :since and d.lane = '{Lane.REST}'{mine('d.message_id')}"
        " union all select 'waits', count(*) from messages m"
        f" where m.state = 'queued' and m.lane = '{Lane.REST}'{mine('m.id')}"
    )


_HOLD = (
    insert_into("holds", "number, lane, scope, since, until, announced") + " on conflict (number, lane)"
    " do update set scope = excluded.scope, since = excluded.since, until = excluded.until, announced = excluded.announced"
)


def hold_lanes(tx: Tx, lanes: Mapping[LaneKey, HeldLane]) -> None:
    rows = [
        (number, lane, held.scope, stored(held.since), stored(held.until), int(held.announced))
        for (number, lane), held in lanes.items()
    ]
    tx.run_all(_HOLD, rows)


def free_lanes(tx: Tx, lanes: Iterable[LaneKey]) -> None:
    tx.run_all("delete from holds where number = ? and lane = ?", list(lanes))


_FREED = (
    f"update holds set until = ? where until > ? and (number = ? and lane = ? or scope not in {_OF_ONE})",
    f"update pages set due_at = ? where due_at > ? and state = 'held' and why = '{Hold.LIMIT}'"
    f" and (number = ? and lane = ? or held_by not in {_OF_ONE})",
)


def look_again(tx: Tx, lanes: Iterable[LaneKey], now: datetime) -> None:
    """Texts of these lanes never left after all: what waits because of them is asked again at the next tick. Their own
    lanes do, and so may everybody whom a limit or a budget of all holds (`Rows.free` says the same of what is loaded).
    """
    at = stored(now)
    rows = [(at, at, number, lane) for number, lane in dict.fromkeys(lanes)]
    for sql in _FREED:
        tx.run_all(sql, rows)


def unannounce(tx: Tx, silences: Iterable[tuple[str, Lane, datetime]]) -> None:
    """The text that began each of these silences, and said that more is held, never left (`Rows` says the same of what is
    loaded).
    """
    rows = [(number, lane, stored(since)) for number, lane, since in silences]
    tx.run_all("update holds set announced = 0 where number = ? and lane = ? and since = ?", rows)


def free_silent_lanes(tx: Tx, now: datetime) -> None:
    """A silence that was announced and in which nothing came needs no closing text. What a receiver's own limit holds is
    not held by the lane.
    """
    tx.run(
        "delete from holds where until <= :now and not exists (select 1 from pages p where p.number = holds.number"
        " and p.lane = holds.lane and p.state = 'held' and (p.due_at <= :now"
        f" or p.why in {in_list(hold for hold in Hold if hold.of_limits)} and p.held_by <> '{LimitScope.RECEIVER}'))",
        now=stored(now),
    )


def ask_again(tx: Tx, now: datetime) -> None:
    """What limits hold is due: others may let it pass, and hold it anew if not. By `holds` and by `pages_held`, all of both."""
    tx.run("update holds set until = :now where until > :now", now=stored(now))
    tx.run(
        "update pages set due_at = :now where state = 'held' and why = :limit and due_at > :now",
        limit=Hold.LIMIT.value,
        now=stored(now),
    )


# By the primary key of troubles; `holds` has a row for each lane that waits.
PAID_FOR = (
    f"id between '{BUDGET}' and '{BUDGET}~' and closed_at is null"
    f" and not exists (select 1 from holds where lane = '{Lane.CRITICAL}' and scope not in {_OF_ONE})"
)
"""Which rows of `troubles` say that critical texts wait for credits, and none does any more (`note_unpaid`)."""


def end_unpaid(tx: Tx, now: datetime) -> None:
    tx.run(f"update troubles set closed_at = :now where {PAID_FOR}", now=stored(now))


def next_critical(tx: Tx) -> datetime | None:
    """When the first lane of critical texts that is held may go on."""
    row = tx.one("select min(until) as at from holds where lane = 'critical'")
    return moment(row["at"]) if row is not None and row["at"] is not None else None

"""When each number was tried at each gateway, and since when it is taken (the table `number_trials`)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sms_notify.policy.number_trials import NumberTrial
from sms_notify.policy.retry_policy import Scope
from sms_notify.store.tx import Tx, from_stored, moment, stored

# A bar that was taken off since begins the time anew; its breaker keeps when that was.
_KNOWN = (
    "select t.gateway, t.number, t.asked_at, case when b.ends_at > t.good_since then b.ends_at else t.good_since end as good"
    " from number_trials t left join breakers b on b.gateway = t.gateway and b.subject = t.number"
    f" and b.scope = '{Scope.NUMBER}'"
)


def known(tx: Tx) -> list[NumberTrial]:
    """Every number that was tried: some rows for each person."""
    return [
        NumberTrial(row["gateway"], row["number"], moment(row["asked_at"]), from_stored(row["good"]))
        for row in tx.all(_KNOWN)
    ]


def ask(tx: Tx, gateway: str, number: str, at: datetime) -> None:
    """A gateway is asked about a number. Before the question leaves, so that a restart does not ask it again at once."""
    tx.run(
        "insert into number_trials (gateway, number, asked_at) values (:gateway, :number, :at)"
        " on conflict (gateway, number) do update set asked_at = excluded.asked_at",
        gateway=gateway,
        number=number,
        at=stored(at),
    )


def note(tx: Tx, gateway: str, number: str, now: datetime, *, good: bool) -> None:
    """The answer: it takes the number, since now or since before, or refuses it."""
    tx.run(
        "update number_trials set asked_at = :now, good_since = case when :good = 1 then coalesce(good_since, :now) end"
        " where gateway = :gateway and number = :number",
        good=good,
        now=stored(now),
        gateway=gateway,
        number=number,
    )


def keep_only(tx: Tx, gateways: Collection[str], numbers: Collection[str]) -> None:
    """At a start and a reload: a number that the configuration names no more is kept no longer."""
    gone = [one for one in known(tx) if one.gateway not in gateways or one.number not in numbers]
    sql = "delete from number_trials where gateway = ? and number = ?"
    tx.run_all(sql, [(one.gateway, one.number) for one in gone])

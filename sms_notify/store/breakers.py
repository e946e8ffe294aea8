"""What is not tried for the time being, and who must hear of it. It lasts through restarts and all nodes share it.

A row without `opened_at` only counts failures; it opens when enough of them fall within a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.policy.bars import Breaker
from sms_notify.policy.country_codes import country_of
from sms_notify.policy.outcomes import Outcome
from sms_notify.policy.retry_policy import Break, Level, Scope, Urgency
from sms_notify.policy.self_alert_notes import note_id
from sms_notify.store import particulars
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Row, Tx, moment, stored

# One of these keeps everything from its gateway.
WHOLE = in_list(scope for scope in Scope if scope.whole)
# A breaker `b` is about the message `m`; all numbers of a country begin with its code.
REFUSES = (
    f"(b.scope = '{Scope.NUMBER}' and b.subject = m.number"
    f" or b.scope = '{Scope.COUNTRY}' and b.subject = substr(m.number, 1, length(b.subject)))"
)
# What a success may end, as `succeed` does: a count against the gateway, or trouble of it that lasts.
TO_FORGET = (
    f"select 1 from breakers b where b.gateway = :gateway and b.scope = '{Scope.ACCOUNT}' and b.opened_at is null"
    " and (b.failures <> 0 or b.first_at <> 0)"
    " union all select 1 from troubles t where t.closed_at is null and substr(t.id, 1, length(:prefix)) = :prefix"
)
# While a critical text waits, whichever gateway it is to leave by, the question is asked again after so long, where the failure
# is one that passes by itself. The balance may be asked at any time. Not of an account that is refused or locked: every
# question might be held against it.
ASK_AGAIN_AFTER = timedelta(seconds=30)
_PASSES = timedelta(minutes=5)
WAITED_FOR = (
    f"(scope = '{Scope.CREDITS}' or scope = '{Scope.ACCOUNT}' and probe_cap <= {_PASSES // timedelta(seconds=1)})"
    " and exists (select 1 from messages m where m.state = 'queued' and m.rank = 0)"
)
_HURRIED = f"asked_at <= :asked and {WAITED_FOR}"
_WITHIN = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_CALM = timedelta(minutes=15)
_REMEMBERED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SelfAlert:
    """One of our own problems, as it was noted: a row of `troubles`."""

    id: str
    level: Level
    gateway: str
    what: str
    advice: str
    times: int
    opened_at: datetime
    tries: int


def fail(tx: Tx, gateway: str, rule: Break, subject: str, outcome: Outcome, now: datetime) -> bool:
    """Counts a failure; True when it opened the breaker that was closed before."""
    row = _row(tx, gateway, rule.scope, subject)
    if row is not None and row["opened_at"] is not None:
        return False
    recent = row is not None and moment(row["first_at"]) > now - _WITHIN
    failures = row["failures"] + 1 if row is not None and recent else 1
    first_at = row["first_at"] if row is not None and recent else stored(now)
    opens = failures >= rule.count
    back = row is not None and row["ends_at"] is not None and row["ends_at"] > stored(now - _CALM)
    probes = row["probes"] if row is not None and back else 0  # one that flaps is asked about less and less
    tx.run(
        "insert into breakers (gateway, scope, subject, opened_at, failures, first_at, reason, code, probe_at,"
        " asked_at, probe_every, probe_cap, probes) values (:gateway, :scope, :subject, :opened_at, :failures, :first_at,"
        " :reason, :code, :probe_at, :now, :probe_every, :probe_cap, :probes)"
        " on conflict (gateway, scope, subject) do update set opened_at = excluded.opened_at, ends_at = null,"
        " failures = excluded.failures, first_at = excluded.first_at, reason = excluded.reason, code = excluded.code,"
        " probe_at = excluded.probe_at, asked_at = excluded.asked_at, probe_every = excluded.probe_every,"
        " probe_cap = excluded.probe_cap, probes = excluded.probes",
        gateway=gateway,
        scope=rule.scope,
        subject=subject,
        opened_at=stored(now) if opens else None,
        failures=failures,
        first_at=first_at,
        reason=outcome.reason,
        code=outcome.code,
        probe_at=stored(now + _pause(rule, probes)),
        now=stored(now),
        probe_every=_seconds(rule.probe),
        probe_cap=_seconds(rule.cap),
        probes=probes,
    )
    return opens


def _pause(rule: Break, probes: int) -> timedelta:
    return min(rule.probe * (1 << min(probes, 20)), rule.cap)


def succeed(tx: Tx, gateway: str, now: datetime) -> None:
    """A text was taken: what was only being counted against the account is forgotten, and so are its self-alerts."""
    tx.run(
        "update breakers set failures = 0, first_at = 0 where gateway = :gateway and scope = :scope and opened_at is null",
        gateway=gateway,
        scope=Scope.ACCOUNT,
    )
    _end_self_alerts(tx, f"{gateway}/error_local/", now)
    if not is_open(tx, gateway, Scope.ACCOUNT, ""):
        _end_self_alerts(tx, note_id(gateway, Scope.ACCOUNT, ""), now)


def is_open(tx: Tx, gateway: str, scope: Scope, subject: str) -> bool:
    """Whether this is not tried for the time being. All these ask by the primary key; there are few rows anyway."""
    return _open(tx, gateway, scope, subject) is not None


def take_probe(tx: Tx, gateway: str, now: datetime) -> Breaker | None:
    """A breaker whose free question is due; the next one is put off first, so that one node alone asks.

    While the account is closed its answer says nothing of a number, a country or a sender: those wait.
    """
    row = tx.one(
        f"select * from breakers where gateway = :gateway and opened_at is not null and (probe_at <= :now or {_HURRIED})"
        f" and (scope in {WHOLE} or not exists (select 1 from breakers w where w.gateway = :gateway"
        f"  and w.opened_at is not null and w.scope in {WHOLE}))"
        " order by probe_at limit 1",
        gateway=gateway,
        now=stored(now),
        asked=stored(now - ASK_AGAIN_AFTER),
    )
    if row is None:
        return None
    pause = min(row["probe_every"] * (1 << min(row["probes"] + 1, 20)), row["probe_cap"])
    tx.run(
        "update breakers set probe_at = :at, asked_at = :now, probes = probes + 1"
        " where gateway = :gateway and scope = :scope and subject = :subject",
        at=stored(now + pause * _SECOND),
        now=stored(now),
        gateway=gateway,
        scope=row["scope"],
        subject=row["subject"],
    )
    return _breaker(row)


def probe_now(tx: Tx, gateway: str, now: datetime) -> None:
    """At start: the configuration or the account may have changed, so ask at once.

    What an older version closed for a day without a question is asked about as well.
    """
    tx.run(
        "update breakers set probe_at = :now, probes = 0, ends_at = null, probe_every = coalesce(probe_every, :every),"
        " probe_cap = coalesce(probe_cap, :cap) where gateway = :gateway and opened_at is not null",
        now=stored(now),
        gateway=gateway,
        every=_seconds(_WITHIN),
        cap=_seconds(_CALM),
    )


def close(tx: Tx, breaker: Breaker, now: datetime) -> None:
    """Lets things leave again and ends the self-alerts about it.

    The row stays for a while as the memory of how often it was asked about; `ends_at` says when it closed.
    """
    tx.run(
        "update breakers set opened_at = null, failures = 0, first_at = 0, probe_at = null, ends_at = :now"
        " where gateway = :gateway and scope = :scope and subject = :subject",
        gateway=breaker.gateway,
        scope=breaker.scope,
        subject=breaker.subject,
        now=stored(now),
    )
    _end_self_alerts(tx, note_id(breaker.gateway, breaker.scope, breaker.subject), now)


def prove(
    tx: Tx, gateway: str, number: str, sender: str, now: datetime, *, long: bool = False
) -> Sequence[Breaker]:
    """The gateway took, or would take, a text: closes every bar that says otherwise, and returns those.

    It proves the number, its country and the sender, and where the text was a `long` one that these are taken there.
    """
    country = country_of(number)
    said = [(Scope.NUMBER, number), (Scope.COUNTRY, country), (Scope.SENDER, sender)]
    said += [(Scope.NO_LONG, country)] if long else []
    wrong = [bar for scope, subject in said if (bar := _open(tx, gateway, scope, subject)) is not None]
    for bar in wrong:
        close(tx, bar, now)
    return wrong


def _end_self_alerts(tx: Tx, prefix: str, now: datetime) -> None:
    tx.run(
        "update troubles set closed_at = :now where closed_at is null and substr(id, 1, length(:prefix)) = :prefix",
        now=stored(now),
        prefix=prefix,
    )


def learn(tx: Tx, breaker: Breaker, rule: Break, outcome: Outcome, now: datetime) -> None:
    """A question was refused for another reason than the one that opened the breaker: from now on that one counts."""
    tx.run(
        "update breakers set code = :code, reason = :reason, probe_every = :every, probe_cap = :cap, probe_at = :at,"
        " probes = 0 where gateway = :gateway and scope = :scope and subject = :subject",
        code=outcome.code,
        reason=outcome.reason,
        every=_seconds(rule.probe),
        cap=_seconds(rule.cap),
        at=stored(now + rule.probe),
        gateway=breaker.gateway,
        scope=breaker.scope,
        subject=breaker.subject,
    )


def close_old_self_alerts(tx: Tx, now: datetime) -> int:
    """What no breaker stands for ends a day after it was told; should the problem show again, it is told again."""
    particulars.forget(tx, now - _REMEMBERED)
    return tx.run(
        "update troubles set closed_at = :now where closed_at is null and told_at < :limit and not exists"
        " (select 1 from breakers b where b.opened_at is not null"
        "  and substr(troubles.id, 1, length(b.gateway || b.scope || b.subject) + 3)"
        "   = b.gateway || '/' || b.scope || '/' || b.subject || '/')",
        now=stored(now),
        limit=stored(now - _REMEMBERED),
    )


def open_at(tx: Tx, gateway: str) -> Sequence[Breaker]:
    """Every open breaker of one gateway, by the primary key."""
    rows = tx.all(
        "select * from breakers where gateway = :gateway and opened_at is not null", gateway=gateway
    )
    return [_breaker(row) for row in rows]


def all_open(tx: Tx) -> Sequence[Breaker]:
    """Every open breaker of every gateway; there are few."""
    rows = tx.all("select * from breakers where opened_at is not null order by gateway, scope, subject")
    return [_breaker(row) for row in rows]


def shift_clock(tx: Tx, by: int) -> None:
    """The wall clock was set by so many microseconds: what is closed, asked or told, stays so as long as before."""
    tx.run(
        "update breakers set opened_at = opened_at + :by, ends_at = ends_at + :by, first_at = first_at + :by,"
        " probe_at = probe_at + :by, asked_at = asked_at + :by",
        by=by,
    )
    tx.run(
        "update troubles set opened_at = opened_at + :by, tell_at = tell_at + :by, told_at = told_at + :by,"
        " closed_at = closed_at + :by",
        by=by,
    )


def report(
    tx: Tx,
    id_: str,
    urgency: Urgency,
    gateway: str,
    what: str,
    advice: str,
    now: datetime,
    *,
    again: bool = False,
) -> None:
    """Notes one of our own problems as a self-alert. While the problem lasts, and where it comes back within a quarter
    of an hour, it is one self-alert, however often it shows. With `again` it is told anew a quarter of an hour after
    it was told.
    """
    tx.run(
        "insert into troubles (id, level, gateway, what, advice, times, opened_at, tell_at, tries)"
        " values (:id, :level, :gateway, :what, :advice, 1, :now, :tell_at, 0)"
        " on conflict (id) do update set"
        " times = case when coalesce(troubles.closed_at, :now) > :calm then troubles.times + 1 else 1 end,"
        " opened_at = case when coalesce(troubles.closed_at, :now) > :calm then troubles.opened_at else :now end,"
        " tell_at = case when coalesce(troubles.closed_at, :now) > :calm then troubles.tell_at else :tell_at end,"
        " told_at = case when coalesce(troubles.closed_at, :now) <= :calm or (:again = 1 and troubles.told_at <= :calm)"
        "  then null else troubles.told_at end,"
        " tries = case when coalesce(troubles.closed_at, :now) <= :calm then 0 else troubles.tries end,"
        " level = excluded.level, what = excluded.what, advice = excluded.advice, closed_at = null",
        id=id_,
        level=urgency.level,
        gateway=gateway,
        what=what,
        advice=advice,
        now=stored(now),
        calm=stored(now - _CALM),
        again=again,
        tell_at=stored(now + urgency.after),
    )


def is_known(tx: Tx, id_: str) -> bool:
    """Whether this self-alert was reported before, told or not, ended or not."""
    return tx.one("select 1 from troubles where id = :id", id=id_) is not None


def end_self_alert(tx: Tx, id_: str, now: datetime) -> None:
    """The problem has ended; nobody who was not told needs to be."""
    tx.run(
        "update troubles set closed_at = :now where id = :id and closed_at is null", now=stored(now), id=id_
    )


def untold(tx: Tx, now: datetime) -> Sequence[SelfAlert]:
    """The self-alerts that somebody must hear of now."""
    rows = tx.all(
        "select * from troubles where told_at is null and closed_at is null and tell_at <= :now"
        " order by tell_at, opened_at",
        now=stored(now),
    )
    return [_self_alert(row) for row in rows]


def open_self_alerts(tx: Tx) -> Sequence[SelfAlert]:
    """Those that last, told or not, the oldest first."""
    rows = tx.all("select * from troubles where closed_at is null order by opened_at")
    return [_self_alert(row) for row in rows]


def _self_alert(row: Row) -> SelfAlert:
    return SelfAlert(
        row["id"],
        Level(row["level"]),
        row["gateway"],
        row["what"],
        row["advice"],
        row["times"],
        moment(row["opened_at"]),
        row["tries"],
    )


def told(tx: Tx, id_: str, now: datetime) -> None:
    """Somebody has heard of it, or a text that says so waits to leave."""
    tx.run("update troubles set told_at = :now where id = :id", now=stored(now), id=id_)


def tell_later(tx: Tx, id_: str, at: datetime) -> None:
    """Telling it has failed; `tries` says how often, for the pause grows with it."""
    tx.run("update troubles set tell_at = :at, tries = tries + 1 where id = :id", at=stored(at), id=id_)


def _row(tx: Tx, gateway: str, scope: Scope, subject: str) -> Row | None:
    return tx.one(
        "select * from breakers where gateway = :gateway and scope = :scope and subject = :subject",
        gateway=gateway,
        scope=scope,
        subject=subject,
    )


def _open(tx: Tx, gateway: str, scope: Scope, subject: str) -> Breaker | None:
    row = _row(tx, gateway, scope, subject)
    return None if row is None or row["opened_at"] is None else _breaker(row)


def _breaker(row: Row) -> Breaker:
    return Breaker(
        row["gateway"],
        Scope(row["scope"]),
        row["subject"],
        moment(row["opened_at"]),
        row["code"],
        row["probes"],
        row["reason"],
    )


def _seconds(pause: timedelta) -> int:
    return int(pause / _SECOND)

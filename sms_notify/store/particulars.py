"""Self-alerts about one incident or text each: a row for each, and one note for all that nobody was told of yet.

A note about incident A says nothing of incident B, so these are never one self-alert. A storm of them is one note now,
and one every few minutes with what came since. They are rows of `troubles` whose id begins with `#`, which no other does.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sms_notify.policy.retry_policy import Urgency
from sms_notify.policy.vocabulary import State
from sms_notify.store.literals import in_list
from sms_notify.store.tx import Tx, from_stored, moment, stored

# Two notes of one kind are at least so far apart. The first leaves at once; what follows is late by this at most.
BETWEEN_NOTES = timedelta(minutes=5)
_RETELL = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))


def is_particular(id_: str) -> bool:
    return id_.startswith("#")


def kind_of(id_: str) -> str:
    """`#nobody/#k3f9` → `nobody`."""
    return id_[1:].partition("/")[0]


def about(id_: str) -> str:
    """What it is about, as a note names it among others: `#unread/bob/#k3f9` → `#k3f9`."""
    return id_.rpartition("/")[2]


def note(
    tx: Tx, kind: str, name: str, urgency: Urgency, gateway: str, what: str, advice: str, now: datetime
) -> None:
    """Notes one; while it is known it is not news. Those that wait for a note leave with the same one."""
    tx.run(
        "insert into troubles (id, level, gateway, what, advice, times, opened_at, tell_at, tries)"
        " values (:id, :level, :gateway, :what, :advice, 1, :now, :tell_at, 0)"
        " on conflict (id) do update set times = troubles.times + 1",
        id=f"#{kind}/{name}",
        level=urgency.level,
        gateway=gateway,
        what=what,
        advice=advice,
        now=stored(now),
        tell_at=stored(_next_note(tx, kind, now)),
    )


def _next_note(tx: Tx, kind: str, now: datetime) -> datetime:
    """What waits is found by `troubles_untold`, which a range of ids would keep it from; only the first that waits
    looks through all that was told. `0` is the character after `/`.
    """
    waits = tx.one(
        "select tell_at from troubles where told_at is null and closed_at is null"
        " and substr(id, 1, length(:prefix)) = :prefix order by tell_at limit 1",
        prefix=f"#{kind}/",
    )
    if waits is not None:
        return moment(waits["tell_at"])
    last = tx.one(
        "select max(told_at) as at from troubles where id >= :first and id < :beyond",
        first=f"#{kind}/",
        beyond=f"#{kind}0",
    )
    told_at = from_stored(last["at"]) if last is not None else None
    return now if told_at is None else max(now, told_at + BETWEEN_NOTES)


def drop(tx: Tx, id_: str) -> None:
    """It is not so any more, and nobody was told of it."""
    tx.run("delete from troubles where id = :id and told_at is null", id=id_)


def forget(tx: Tx, told_before: datetime) -> None:
    """What was told so long ago is news when it shows again."""
    tx.run(
        "delete from troubles where id >= '#' and id < '$' and told_at < :limit", limit=stored(told_before)
    )


# Told by several texts at once, it was told as long as one of them may have arrived. Those of one note have
# neighbouring ids, so that the primary key finds them.
_LOST = (
    "select id, tries from troubles where told_at = :at and closed_at is null and tries < :most and not exists"
    " (select 1 from messages where id between :id - 50 and :id + 50 and kind = 'operator' and created_at = :at"
    f"  and state not in {in_list(state for state in State if state.without_trace)})"
)


def tell_again(tx: Tx, message_id: int, told_at: datetime, now: datetime) -> None:
    """The text that told it was lost: it was told to nobody, and is told again, three times at most."""
    for row in tx.all(_LOST, at=stored(told_at), id=message_id, most=len(_RETELL)):
        tx.run(
            "update troubles set told_at = null, tries = tries + 1, tell_at = :at where id = :id",
            at=stored(now + _RETELL[row["tries"]]),
            id=row["id"],
        )


def told_for_good(tx: Tx, id_: str) -> None:
    """A channel that needs no gateway has told it: whatever becomes of a text about it, somebody knows."""
    tx.run("update troubles set tries = :most where id = :id", most=len(_RETELL), id=id_)

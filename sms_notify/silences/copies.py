"""Copies that are held: an Alertmanager that lists the alert, or does not, knows what its text does not say.

A copy that all of them list fires, and opens at once. One that any of them does not list is old, and never opens, where they
have listed the alert before (what came from elsewhere is in no list) and none of them has started of late. In every other
case it waits for its minute to end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sms_notify.delivery.sender import Commit
from sms_notify.silences.sights import Lists
from sms_notify.store import incident_members, timers
from sms_notify.store.silences import HeldCopy
from sms_notify.store.tx import Tx


@dataclass(frozen=True, slots=True)
class CopiesJudged:
    """The incidents whose copies fire, and those whose copies are old."""

    opened: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()


def judge_copies(
    commit: Commit,
    held: Sequence[HeldCopy],
    lists: Lists,
    settled: Callable[[], bool],
    now: datetime,
) -> CopiesJudged:
    """`held` before the first of `lists` was asked for, at `now`. `settled`: whether all of them know by now what fires;
    asked only where it matters. Raises StoreError.
    """
    asked_since = [copy for copy in held if copy.closed_at < now]
    missing = [copy for copy in asked_since if not _everywhere(copy, lists)]
    waiting = _incidents(missing)
    opened = tuple(id_ for id_ in _incidents(asked_since) if id_ not in waiting)
    old = [copy for copy in missing if copy.listed_by in lists]
    old = old if old and settled() else []
    others = _incidents(copy for copy in asked_since if copy not in old)
    dropped = tuple(id_ for id_ in _incidents(old) if id_ not in others)
    if opened:
        commit(lambda tx: timers.let_copies_open(tx, opened, now))
    if old:
        commit(partial(_drop, old=old, dropped=dropped))
    return CopiesJudged(opened, dropped)


def _drop(tx: Tx, old: Sequence[HeldCopy], dropped: Sequence[int]) -> None:
    """Of a shared incident the other copies may still open."""
    incident_members.drop_copies(tx, [(copy.incident_id, copy.name) for copy in old])
    timers.drop_copies(tx, dropped)


def _everywhere(copy: HeldCopy, lists: Lists) -> bool:
    return all(copy.fingerprint in listed for listed in lists.values())


def _incidents(copies: Iterable[HeldCopy]) -> list[int]:
    return list(dict.fromkeys(copy.incident_id for copy in copies))

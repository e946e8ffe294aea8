"""Copies that are held: an Alertmanager that lists the alert, or does not, knows what its text does not say.

A copy that all of them list fires, and opens at once. One that any of them does not list is old, and never opens, where they
have listed the alert before (what came from elsewhere is in no list) and none of them has started of late. In every other
case it waits for its minute to end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.delivery.sender import Commit
from sms_notify.silences.sights import Lists
from sms_notify.store import timers
from sms_notify.store.silences import HeldCopy


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
    missing = _incidents(copy for copy in asked_since if not _everywhere(copy, lists))
    opened = tuple(id_ for id_ in _incidents(asked_since) if id_ not in missing)
    known = _incidents(copy for copy in asked_since if copy.listed_by in lists)
    dropped = tuple(id_ for id_ in missing if id_ in known)
    dropped = dropped if dropped and settled() else ()
    if opened:
        commit(lambda tx: timers.let_copies_open(tx, opened, now))
    if dropped:
        commit(lambda tx: timers.drop_copies(tx, dropped))
    return CopiesJudged(opened, dropped)


def _everywhere(copy: HeldCopy, lists: Lists) -> bool:
    return all(copy.fingerprint in listed for listed in lists.values())


def _incidents(copies: Iterable[HeldCopy]) -> list[int]:
    return list(dict.fromkeys(copy.incident_id for copy in copies))

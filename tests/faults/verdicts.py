"""The verdict on a fault: what the sources were promised, what the phones have, and what the ledger says of the difference.

It reads the database with its own SQL, be it a file or a server's, and shares no code with the program.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handsets import Arrival

# Answers a question in SQL about the ledger, with `?` for each value.
Ledger = Callable[..., Sequence[Sequence[Any]]]


@dataclass(frozen=True)
class Promised:
    """An alert that got its 200, or a hook that ended with 0. `at` is on the monotonic clock."""

    name: str
    severity: str
    at: float


@dataclass(frozen=True)
class Tally:
    """`lost`: neither on a phone nor complained about. `doubled`: copies of the same news beyond the first.
    `unexplained`: those of them that no attempt of unknown fate in the ledger stands for.
    """

    acknowledged: int
    lost: tuple[str, ...]
    doubled: int
    unexplained: tuple[str, ...]
    late: tuple[str, ...]  # not on a phone, but complained about


def names_in(text: str) -> set[str]:
    return set(re.findall(r"[A-Z][A-Za-z]*\d+", text))


def ledger_in(file: Path, *, read_only: bool = False) -> Ledger:
    """Of SQLite. `read_only` makes no file where there is none."""

    def rows(sql: str, *values: object) -> Sequence[Sequence[Any]]:
        connection = sqlite3.connect(f"file:{file}?mode=ro" if read_only else file, uri=read_only)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    return rows


def pending(ledger: Ledger) -> int:
    """Texts and notifications of which it is not settled yet whether they leave, or left."""
    open_texts = "select count(*) from messages where state in ('queued', 'submitting', 'unknown')"
    owed = "select count(*) from pages where state = 'held' and why = 'unconfirmed'"
    return sum(ledger(sql)[0][0] for sql in (open_texts, owed))


def tally(
    promised: Iterable[Promised],
    texts: Sequence[Arrival],
    readers: Collection[str],
    complaints: str,
    ledger: Ledger,
) -> Tally:
    """`readers` have these numbers; `complaints` is all that the operator was told."""
    names = {one.name for one in promised}
    copies = Counter(
        (text.text.split(" ", 1)[0], name)
        for text in texts
        if text.number in readers
        for name in names_in(text.text) & names
    )
    untold = names - {name for _, name in copies}
    complained = {name for name in untold if name in complaints} or _counted(untold, complaints)
    extra = {name: n - 1 for (_, name), n in copies.items() if n > 1}
    doubtful = _doubtful_attempts(ledger, extra)
    return Tally(
        len(names),
        tuple(sorted(untold - complained)),
        sum(extra.values()),
        tuple(sorted(name for name, n in extra.items() if n > doubtful.get(name, 0))),
        tuple(sorted(complained)),
    )


def _counted(untold: set[str], complaints: str) -> set[str]:
    """Names are not repeated where many were given up: a number that covers them all counts as well, each note once."""
    given_up = {
        line
        for line in complaints.splitlines()
        if re.search(r"reached nobody|gave up|given up|too old", line)
    }
    numbers = [
        int(found[1])
        for line in given_up
        if (found := re.search(r"(\d+) (?:\w+ )?(?:text|page|alert|incident)", line))
    ]
    return untold if untold and sum(numbers) >= len(untold) else set()


def _doubtful_attempts(ledger: Ledger, names: Iterable[str]) -> dict[str, int]:
    """By name, the attempts of which nobody knew whether the phone has them."""
    sql = """
        select count(*) from attempts where (fate is null or fate = 'unknown') and message_id in (
          select p.message_id from pages p join incidents i on i.id = p.incident_id where i.labels like ?
          union select t.message_id from tried t join pages p on p.id = t.page_id
            join incidents i on i.id = p.incident_id where i.labels like ?)
    """
    like = {name: f'%"{name}"%' for name in names}
    return {name: ledger(sql, words, words)[0][0] for name, words in like.items()}

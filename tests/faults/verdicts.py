"""The verdict on a fault: what the sources were promised, what the phones have, and what the ledger says of the difference.

It reads the database with its own SQL and shares no code with the program.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from handsets import Arrival


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


def tally(
    promised: Iterable[Promised], texts: Sequence[Arrival], reader: str, complaints: str, file: Path
) -> Tally:
    """`complaints` is all that the operator was told."""
    names = {one.name for one in promised}
    copies = Counter(
        (text.text.split(" ", 1)[0], name)
        for text in texts
        if text.number == reader
        for name in names_in(text.text) & names
    )
    untold = names - {name for _, name in copies}
    complained = {name for name in untold if name in complaints} or _counted(untold, complaints)
    extra = {name: n - 1 for (_, name), n in copies.items() if n > 1}
    doubtful = _doubtful_attempts(file, extra)
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


def _doubtful_attempts(file: Path, names: Iterable[str]) -> dict[str, int]:
    """By name, the attempts of which nobody knew whether the phone has them."""
    ledger = """
        select count(*) from attempts where (fate is null or fate = 'unknown') and message_id in (
          select p.message_id from pages p join incidents i on i.id = p.incident_id where i.labels like ?
          union select t.message_id from tried t join pages p on p.id = t.page_id
            join incidents i on i.id = p.incident_id where i.labels like ?)
    """
    connection = sqlite3.connect(file)
    try:
        like = {name: f'%"{name}"%' for name in names}
        return {
            name: connection.execute(ledger, (words, words)).fetchone()[0] for name, words in like.items()
        }
    finally:
        connection.close()

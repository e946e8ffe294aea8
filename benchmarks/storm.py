"""A storm of alerts: texts and credits for each person, side by side with one text a notification.

5,000 alerts of 200 hosts within ten minutes, 20 of them critical, with the limits that hold where nobody sets others.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from evening import PEOPLE, Evening, Told, a_plan, people_of
from reading import Naming, OnPhone, most_within, namings, numbers, rest
from sachet import one_text_each
from stormy import ALERTS, CRITICAL, HOSTS, Arrival, storm

from sms_notify.alert import Alert

WAITS = (10, 30)  # seconds of group_wait
SEED = 1
TOTAL = "all"
TITLE = f"{ALERTS:,} alerts of {HOSTS} hosts in 10 minutes, {CRITICAL} of them critical"


@dataclass(frozen=True, slots=True)
class Line:
    """One person by one way of texting. `critical` were to be told, `named` were; `rest_in_15m`
    are the texts by which nobody first learns of something critical; `told` is what the texts themselves count.
    """

    way: str
    person: str
    texts: int
    credits: int
    critical: int
    named: int
    longest_wait: float
    most_in_15m: int
    rest_in_15m: int
    told: int


def lines(
    way: str, arrivals: Sequence[Arrival], phones: Sequence[OnPhone], people: Callable[[Alert], Iterable[str]],
    told: Callable[[OnPhone], int],
) -> list[Line]:  # fmt: skip
    """A line for each person, and one for all of them."""
    urgent = list(namings(arrivals, phones, people))
    made = []
    for name in PEOPLE:
        mine = [text for text in phones if text.person == name]
        made.append(_line(way, name, mine, [one for one in urgent if one.person == name], told))
    most = {name: max(getattr(line, name) for line in made) for name in ("most_in_15m", "rest_in_15m")}
    return [*made, replace(_line(way, TOTAL, phones, urgent, told), **most)]


def _line(
    way: str, person: str, phones: Sequence[OnPhone], urgent: Sequence[Naming], told: Callable[[OnPhone], int]
) -> Line:
    waits = [one.waited.total_seconds() for one in urgent if one.waited is not None]
    return Line(
        way=way,
        person=person,
        texts=len(phones),
        credits=sum(text.parts for text in phones),
        critical=len(urgent),
        named=len(waits),
        longest_wait=max(waits, default=0.0),
        most_in_15m=most_within(text.at for text in phones),
        rest_in_15m=most_within(text.at for text in rest(phones, urgent)),
        told=sum(map(told, phones)),
    )


def measure(seed: int, waits: Iterable[int] = WAITS) -> tuple[list[Line], list[str]]:
    """The table, and what else is to be said of it."""
    arrivals = storm(seed)
    people = partial(people_of, a_plan(timedelta()))
    size = {arrival.at: len(arrival.delivery.alerts) for arrival in arrivals}
    made = lines(
        "one text each", arrivals, one_text_each(arrivals, people), people, lambda text: size[text.at]
    )
    said: list[str] = []
    for seconds in waits:
        way = f"group_wait {seconds}s"
        with Evening(a_plan(timedelta(seconds=seconds))) as evening:
            evening.run(arrivals)
            made += lines(way, arrivals, evening.phones, people, lambda text: sum(numbers(text.text)))
            said.append(f"{way}: {_counted(evening.phones, evening.told())}; {_dropped(evening)}")
    return made, said


def _counted(phones: Sequence[OnPhone], told: Sequence[Told]) -> str:
    pairs = zip(phones, told, strict=True)
    right = sum(numbers(text.text) == (pages.begun, pages.ended) for text, pages in pairs)
    return f"the numbers in {right} of {len(phones)} texts are what they tell"


def _dropped(evening: Evening) -> str:
    rows = evening.rows(
        "select why, count(*) as n from pages where state = 'dropped' group by why order by why"
    )
    return "not told: " + (
        ", ".join(f"{row['n']} {str(row['why']).replace('_', ' ')}" for row in rows) or "nothing"
    )


_COLUMNS = (("", -15), ("", -6), ("texts", 6), ("credits", 8), ("critical named", 15), ("longest wait", 13))
_MORE = (("most in 15 min", 15), ("of the rest", 12), ("told", 6))


def table(made: Sequence[Line]) -> str:
    return "\n".join([_spread([head for head, _ in (*_COLUMNS, *_MORE)]), *map(_row, made)])


def _row(line: Line) -> str:
    named, wait = f"{line.named} of {line.critical}", f"{line.longest_wait:.1f} s"
    cells = (
        line.way,
        line.person,
        line.texts,
        line.credits,
        named,
        wait,
        line.most_in_15m,
        line.rest_in_15m,
        line.told,
    )
    return _spread(list(map(str, cells))) + ("\n" if line.person == TOTAL else "")


def _spread(cells: Sequence[str]) -> str:
    widths = [width for _, width in (*_COLUMNS, *_MORE)]
    return " ".join(
        cell.ljust(-width) if width < 0 else cell.rjust(width)
        for cell, width in zip(cells, widths, strict=True)
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=SEED, help="another storm")
    parser.add_argument("--quick", action="store_true", help=f"with group_wait {WAITS[0]}s only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table to FILE")
    options = parser.parse_args()
    made, said = measure(options.seed, WAITS[:1] if options.quick else WAITS)
    print(f"{TITLE}\n\n{table(made)}")
    print("\n".join(said))
    if options.json:
        options.json.write_text(json.dumps([asdict(line) for line in made], indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

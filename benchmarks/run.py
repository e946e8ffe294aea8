"""Measures sms-notify against floors made of the same parts, round by round in one run, and prints the ratios.

Absolute numbers of a shared machine move by half between two minutes; a ratio of two runs that stood side by
side moves little. So each round runs every server once, and what is told of the rounds is the ratio in each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import against
import deciding
import hooks
import on_postgres
import pages
import rounds
import startup
import storm
from rounds import Lengths, Values


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured. `budget` is in seconds: no round begins that would not end within it."""

    throughput: int
    latency: int
    startup: int
    hooks: int
    pages: int
    postgres: int
    lengths: Lengths
    budget: float


FULL = Extent(5, 3, 10, 25, 5, 4, Lengths(load=1.5, warm_up=0.4, steady=5.0), budget=185)
QUICK = Extent(2, 1, 3, 7, 2, 1, Lengths(load=0.6, warm_up=0.2, steady=1.5), budget=52)

# (what, unit, ours, what it is held against)
COMPARED = (
    ("new alert, nobody to tell", "POST/s", "nobody", "floor"),
    ("new alert, nobody to tell", "POST/s", "nobody", "answer-only"),
    ("new alert, one person told", "POST/s", "one", "floor"),
    *(
        (f"on PostgreSQL, {nodes} node(s)", "POST/s", on_postgres.name_of(nodes), on_postgres.SQLITE)
        for nodes in on_postgres.NODES
    ),
    ("the floor itself", "POST/s", "floor", "answer-only"),
    ("the same alert again", "POST/s", "same", "floor-same"),
    ("CPU of a new alert, nobody", "us", "nobody:cpu", "floor:cpu"),
    ("CPU of a new alert, one", "us", "one:cpu", "floor:cpu"),
    ("CPU of the same alert again", "us", "same:cpu", "floor-same:cpu"),
    ("texts sent while accepting", "text/s", "one:texts", "one"),
    ("20/s: POST to answer, p50", "ms", "answer-p50", "floor:answer-p50"),
    ("20/s: POST to gateway, p50", "ms", "arrival-p50", "floor:answer-p50"),
    ("20/s: POST to gateway, p99", "ms", "arrival-p99", "floor:answer-p50"),
    ("sms-notify --help", "ms", "help", "python"),
    ("sms-notify check-config", "ms", "check-config", "python"),
    ("hook.py nagios, with fsyncs", "ms", "hook", "bare"),
    ("hook.py nagios, with fsyncs", "ms", "hook", "bash-curl"),
    ("sms-notify nagios", "ms", "hook-script", "bare"),
    *((f"page {name}", "ms", name, pages.READY) for name in pages.COMPARED),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `ours` and `floor` are medians, the ratios are taken within each round."""

    what: str
    unit: str
    against: str
    ours: float
    floor: float
    ratio_min: float
    ratio_median: float
    ratio_max: float
    rounds: int


def rows(measured: list[Values]) -> list[Row]:
    made = (_row(measured, *compared) for compared in COMPARED)
    return [row for row in made if row is not None]


def _row(measured: list[Values], what: str, unit: str, ours: str, against: str) -> Row | None:
    pairs = [(values[ours], values[against]) for values in measured if ours in values and against in values]
    if not pairs:
        return None
    ratios = [mine / base for mine, base in pairs]
    middle = statistics.median
    return Row(
        what=what,
        unit=unit,
        against=against,
        ours=middle(mine for mine, _ in pairs),
        floor=middle(base for _, base in pairs),
        ratio_min=min(ratios),
        ratio_median=middle(ratios),
        ratio_max=max(ratios),
        rounds=len(pairs),
    )


def table(made: list[Row]) -> str:
    head = f"{'':28}  {'against':16} {'ours':>8} {'floor':>8} {'':6}  {'min':>6} {'median':>6} {'max':>6}  rounds"
    return "\n".join([head, *map(_line, made)])


def _line(row: Row) -> str:
    return (
        f"{row.what:28}  {row.against:16} {_number(row.ours):>8} {_number(row.floor):>8} {row.unit:6}"
        f"  {row.ratio_min:6.2f} {row.ratio_median:6.2f} {row.ratio_max:6.2f}  {row.rounds:6}"
    )


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


class Progress:
    """One line on standard error that says what is under way; on a terminal it replaces itself."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._ending = "\r\x1b[K" if sys.stderr.isatty() else "\n"

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def say(self, *words: str) -> None:
        print(f"{self.seconds:4.0f} s  {'  '.join(words)}", end=self._ending, file=sys.stderr, flush=True)


def measure(extent: Extent, folder: Path, progress: Progress) -> list[Values]:
    """The short kinds first: when the machine is slow, it is the many rounds of throughput that are cut."""
    lengths = extent.lengths
    measured: list[Values] = []

    def repeat(kind: str, times: int, one: Callable[[rounds.Say], Values]) -> None:
        longest = 0.0
        for number in range(1, times + 1):
            began = progress.seconds
            if began + longest > extent.budget:
                progress.say(f"{kind}: only {number - 1} of {times} rounds, the time is over")
                return
            measured.append(one(partial(progress.say, f"{kind} {number}/{times}")))
            longest = max(longest, progress.seconds - began)

    repeat("start", extent.startup, startup.one_round)
    with hooks.bench(folder) as prepared:
        repeat("hooks", extent.hooks, prepared.one_round)
    with pages.bench(folder) as browser:
        repeat("pages", extent.pages, browser.one_round)
    repeat("latency", extent.latency, lambda say: rounds.latency(folder, lengths, say))
    with on_postgres.bench(folder, lengths) as shared:
        repeat("PostgreSQL", extent.postgres, shared.one_round)
    repeat("throughput", extent.throughput, lambda say: rounds.throughput(folder, lengths, say))
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: about a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table and every round to FILE")
    default = Path(tempfile.gettempdir())
    parser.add_argument(
        "--folder", type=Path, default=default, help=f"where the databases lie (default: {default})"
    )
    parser.add_argument(
        "--against", metavar="COMMIT", help="nothing but how this tree takes in alerts, beside another commit"
    )
    parser.add_argument("--rounds", type=int, default=5, help="of --against (default: 5)")
    options = parser.parse_args()
    progress = Progress()
    if options.against:
        turns = against.measure(options.against, options.folder, options.rounds, progress.say)
        print(f"\n{against.table(turns, options.against)}\n\nThe whole took {progress.seconds:.0f} s.")
        if options.json:
            options.json.write_text(json.dumps([asdict(turn) for turn in turns], indent=2) + "\n", "utf-8")
        return
    sync = rounds.sync_microseconds(options.folder)
    measured = measure(QUICK if options.quick else FULL, options.folder, progress)
    made = rows(measured)
    progress.say("deciding")
    costs = deciding.measure(options.folder, quick=options.quick)
    progress.say("hooks at once")
    crowd = hooks.crowd(options.folder, *((400, 100) if options.quick else ()))
    progress.say("a storm")
    lines, said = storm.measure(storm.SEED, storm.WAITS[:1] if options.quick else storm.WAITS)
    print(
        f"\n{table(made)}\n\n{pages.sizes(measured)}\n\nDeciding\n{deciding.table(costs)}\n\n{storm.TITLE}\n{storm.table(lines)}"
    )
    print("\n".join(said))
    print("\nHooks at once", *crowd.lines(), sep="\n")
    print(f"\nA sync of this disk takes {sync:.0f} us. The whole took {progress.seconds:.0f} s.")
    if options.json:
        content = {"sync_us": sync, "rows": [asdict(row) for row in made], "rounds": measured}
        content |= {"deciding": [asdict(row) for row in costs], "storm": [asdict(line) for line in lines]}
        content |= {"hooks_at_once": asdict(crowd)}
        options.json.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

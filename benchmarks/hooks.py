"""What a command hook costs from its start to its end, its syncs included; and 2,000 of them at once, a quarter killed.

Every command of a round is run once, one after the other, and held against the interpreter that does nothing.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from evening import a_plan
from rounds import Say, Values
from servers import floor

from sms_notify import hook
from sms_notify.engine import Engine
from sms_notify.sources.hook_record import parse
from sms_notify.spool import Spool, Taken
from sms_notify.store.committer import Committer
from sms_notify.store.sqlite import SqliteStore

PYTHON = next(
    p for p in ("/usr/bin/python3", sys.executable) if Path(p).exists()
)  # what a hook is started with
BARE = [PYTHON, "-I", "-S", "-c", "pass"]
HOOK = [PYTHON, "-IS", hook.__file__]
SCRIPT = Path(sys.executable).with_name("sms-notify")
COUNT, KILLED = 2_000, 500
_WORDS = ("--type=PROBLEM", "--service=disk", "--state=CRITICAL", "--output=DISK CRITICAL - /var 97% used")
# What people write themselves: no queue, no disk, and the whole of it lost where nobody listens.
_CURL = """\
#!/bin/bash
curl -sf -m 10 -H 'Content-Type: application/json' \
  -d "{\\"alerts\\":[{\\"status\\":\\"firing\\",\\"labels\\":{\\"host\\":\\"$2\\",\\"state\\":\\"$3\\"}}]}" "$1" >/dev/null
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder to hand over to, and a bash script with an address that answers it."""

    spool: Path
    curl: tuple[str, ...]

    def one_round(self, say: Say) -> Values:
        """Milliseconds from the start of each process to its end."""
        say("hooks")
        words = ["nagios", "--spool", str(self.spool), "--host=web1", *_WORDS]
        with self._kept():
            return {
                "bare": _milliseconds(BARE),
                "hook": _milliseconds([*HOOK, *words]),
                "hook-script": _milliseconds([str(SCRIPT), *words]),
                "bash-curl": _milliseconds(self.curl),
            }

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """That the hooks did what is measured, and room for the next."""
        yield
        found = list(self.spool.iterdir())
        assert len(found) == 2, f"{len(found)} of 2 hooks left their file"
        for path in found:
            path.unlink()


@contextmanager
def bench(parent: Path) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="sms-notify-bench-", dir=parent) as name:
        folder = Path(name)
        script = folder / "notify.sh"
        script.write_text(_CURL, "utf-8")
        (folder / "spool").mkdir()
        with floor(folder, "--answer-only") as server:
            address = f"http://127.0.0.1:{server.port}/alertmanager"
            yield Bench(folder / "spool", ("/bin/bash", str(script), address, "web1", "CRITICAL"))


def _milliseconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    return (time.perf_counter() - began) * 1000


# Thousands at once.


@dataclass(frozen=True, slots=True)
class Crowd:
    """`stored` exited 0, `killed` died of SIGKILL; `taken` became alerts, of which `surplus` are of hooks that were killed
    when their file was whole already. `missing` exited 0 and were not taken; `broken` files were no record.
    """

    started: int
    killed: int
    stored: int
    taken: int
    surplus: int
    missing: int
    broken: int
    left: int
    seconds: float
    sweep_seconds: float

    def lines(self) -> list[str]:
        return [
            f"{self.started:,} hooks at once with no daemon, in {self.seconds:.1f} s: {self.stored:,} exited 0,"
            f" {self.killed:,} were killed, {self.started - self.stored - self.killed:,} could not store",
            f"then swept in {self.sweep_seconds:.2f} s: {self.taken:,} committed"
            f" ({self.taken / self.sweep_seconds:,.0f}/s), {self.surplus:,} of them of killed hooks;"
            f" {self.missing:,} missing, {self.broken:,} broken, {self.left:,} left in the folder",
        ]


def crowd(parent: Path, count: int = COUNT, killed: int = KILLED) -> Crowd:
    """Starts `count` hooks without waiting for any, kills some midway, and lets a daemon's spool take the rest."""
    with tempfile.TemporaryDirectory(prefix="sms-notify-bench-", dir=parent) as name:
        spool = Path(name) / "spool"
        spool.mkdir()
        began = time.perf_counter()
        ends = _run(spool, count, killed)
        seconds = time.perf_counter() - began
        stored = {f"host{n}" for n, end in ends.items() if end == 0}
        began = time.perf_counter()
        taken, broken, left = _sweep(spool, Path(name) / "sms.db")
        return Crowd(
            started=count,
            killed=sum(end == -9 for end in ends.values()),
            stored=len(stored),
            taken=len(taken),
            surplus=len(taken - stored),
            missing=len(stored - taken),
            broken=broken,
            left=left,
            seconds=seconds,
            sweep_seconds=time.perf_counter() - began,
        )


def _run(spool: Path, count: int, killed: int) -> dict[int, int]:
    """The exit code of each hook. Those that are killed are killed between the start of others, so at any moment."""
    luck = random.Random(1)  # noqa: S311
    doomed = set(luck.sample(range(count), killed))
    running: dict[int, subprocess.Popen[bytes]] = {}
    waiting: list[int] = []
    for n in range(count):
        command = [*HOOK, "nagios", "--spool", str(spool), f"--host=host{n}", *_WORDS]
        running[n] = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        waiting += [n] if n in doomed else []
        if waiting and luck.random() < 0.5:
            running[waiting.pop(luck.randrange(len(waiting)))].kill()
    for n in waiting:
        running[n].kill()
    return {n: process.wait() for n, process in running.items()}


def _sweep(folder: Path, database: Path) -> tuple[set[str], int, int]:
    """The hosts whose alerts were committed, and the files that were broken or are left."""
    numbers = itertools.count(1)
    engine = Engine(a_plan(timedelta(seconds=10)), "bench", lambda: f"{next(numbers):010}")
    committer, now = Committer(SqliteStore(f"sqlite://{database}")), datetime.now(UTC)
    hosts: set[str] = set()

    def accept(records: Sequence[Taken]) -> None:
        committer(lambda tx: [engine.accept(tx, record.delivery, now) for record in records])
        hosts.update(alert.labels["host"] for record in records for alert in record.delivery.alerts)

    spool = Spool(folder, parse, accept, lambda: now)
    committer.start()
    try:
        broken, more = 0, True
        while more:
            swept = spool.sweep_once()
            assert not swept.problem, swept.problem
            broken, more = broken + len(swept.refused), swept.more
    finally:
        committer.stop()
    return hosts, broken, sum(not n.startswith((".", "quarantine")) for n in os.listdir(folder))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--count", type=int, default=COUNT, help="hooks at once; a quarter of them is killed")
    default = Path(tempfile.gettempdir())
    parser.add_argument(
        "--folder", type=Path, default=default, help=f"where the spool lies (default: {default})"
    )
    options = parser.parse_args()
    with bench(options.folder) as prepared:
        rounds = [prepared.one_round(lambda _: None) for _ in range(options.rounds)]
    print(f"{'':12} {'min ms':>7} {'median':>7}   ratio to bare, median of the pairs")
    for name in rounds[0]:
        taken = [values[name] for values in rounds]
        ratio = median(values[name] / values["bare"] for values in rounds)
        print(f"{name:12} {min(taken):7.2f} {median(taken):7.2f}   {ratio:.2f}")
    print("\n".join(crowd(options.folder, options.count, options.count // 4).lines()))


if __name__ == "__main__":
    main()

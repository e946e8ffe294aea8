"""This tree beside another commit of it, in one run on one machine: each as its ratio to the floor that took turns with both.

A machine's speed moves by half between two minutes, and by a tenth between two seconds. So all three are started for a
round, each takes short slices while the other two stand still, and the order is turned round after each.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inprocess import Sample
from rounds import Say
from servers import HERE, ONE_PERSON, THIS, code_of, daemon, floor, load_command, phones

_SLICES = 4  # of each side in a round; an even number, so that each is as often first as last
# Long enough for texts to wait for the gateway: a server that was just started has none, and what they cost is not seen.
_SECONDS = 1.0
_WARM_UP = 0.4

Side = Callable[[float], Sample]  # accepts alerts for so many seconds


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of alerts. `opened` starts one side in an empty folder: a tree's, or the floor where there is none."""

    name: str
    opened: Callable[[Case, Path, Path | None], AbstractContextManager[Side]]
    same: bool = False
    alerts: int = 1

    @property
    def options(self) -> list[str]:
        return ["--same"] if self.same else []


@dataclass(frozen=True, slots=True)
class Turn:
    """A slice of each side, one after the other."""

    case: str
    this: Sample
    floor: Sample
    other: Sample


@contextmanager
def served(case: Case, folder: Path, tree: Path | None) -> Iterator[Side]:
    """A server, stopped while it is not asked: what it still has to send must not slow the others down."""
    with ExitStack() as stack:
        if tree is None:
            server = stack.enter_context(floor(folder, "--database", str(folder / "floor.db")))
        else:
            gateway = stack.enter_context(phones(folder))
            server = stack.enter_context(daemon(folder, ONE_PERSON, gateway.port, tree))
        command = load_command(server, "--alerts", str(case.alerts), *case.options)
        ask = stack.enter_context(asked(command, THIS))
        stack.callback(os.kill, server.pid, signal.SIGCONT)

        def side(seconds: float) -> Sample:
            os.kill(server.pid, signal.SIGCONT)
            seen = ask(seconds)
            os.kill(server.pid, signal.SIGSTOP)
            return Sample(seen["posts"] * case.alerts, seen["seconds"], seen["posts"] * seen["cpu_us"] / 1e6)

        yield side


@contextmanager
def in_process(case: Case, folder: Path, tree: Path | None) -> Iterator[Side]:
    command = [sys.executable, str(HERE / "inprocess.py"), str(folder), *case.options]
    with asked([*command, *(["--ours"] if tree else [])], tree or THIS) as ask:
        yield lambda seconds: Sample(**ask(seconds))


@contextmanager
def asked(command: list[str], tree: Path) -> Iterator[Callable[[float], dict[str, Any]]]:
    """A process that does something for as many seconds as it is told on its standard input, and says what came of it."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, **code_of(tree)) as running:
        questions, answers = running.stdin, running.stdout
        assert questions is not None
        assert answers is not None

        def ask(seconds: float) -> dict[str, Any]:
            print(seconds, file=questions, flush=True)
            return dict(json.loads(answers.readline()))

        yield ask


CASES = (
    Case("new alert, one person told", served),
    Case("the same alert again", served, same=True),
    Case("10 new alerts a POST", served, alerts=10),
    Case("in process: new, one told", in_process),
    Case("in process: the same again", in_process, same=True),
)


def one_round(case: Case, other: Path, parent: Path) -> Iterator[Turn]:
    with ExitStack() as stack:
        sides = []
        for tree in (THIS, None, other):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sms-notify-bench-", dir=parent))
            sides.append(stack.enter_context(case.opened(case, Path(folder), tree)))
            sides[-1](_WARM_UP)
        for number in range(_SLICES):
            order = (2, 1, 0) if number % 2 else (0, 1, 2)
            samples = {at: sides[at](_SECONDS) for at in order}
            yield Turn(case.name, samples[0], samples[1], samples[2])


@contextmanager
def worktree(commit: str, parent: Path) -> Iterator[Path]:
    """The files of `commit` in a folder of their own, until the block ends."""
    git = ["git", "-C", str(THIS), "worktree"]
    with tempfile.TemporaryDirectory(prefix="sms-notify-bench-", dir=parent) as folder:
        tree = Path(folder) / "tree"
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def measure(commit: str, parent: Path, rounds: int, say: Say) -> list[Turn]:
    made: list[Turn] = []
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # nobody else would wake and end the stopped servers
    with worktree(commit, parent) as other:
        for number, case in itertools.product(range(rounds), CASES):
            say(f"round {number + 1}/{rounds}  {case.name}")
            made += one_round(case, other, parent)
    return made


def table(turns: Sequence[Turn], commit: str) -> str:
    """Medians of the slices; every ratio is taken within one turn, and half of the last ones lie between `25%` and `75%`."""
    commit = commit[:8]
    head = (
        f"{'':28} {'':7} {'this':>7} {commit:>8} {'floor':>7}  {'this/floor':>10} {commit + '/floor':>14}"
        f"  {'this/' + commit:>13} {'25%':>6} {'75%':>6}"
    )
    lines = [head]
    for case in CASES:
        of_case = [turn for turn in turns if turn.case == case.name]
        lines.append(_line(case.name, "alert/s", of_case, lambda sample: sample.alerts / sample.seconds))
        lines.append(_line("  its CPU", "us", of_case, lambda sample: sample.cpu / sample.alerts * 1e6))
    return "\n".join([*lines, *_texts(turns, commit)])


def _line(what: str, unit: str, turns: Sequence[Turn], of: Callable[[Sample], float]) -> str:
    values = [(of(turn.this), of(turn.other), of(turn.floor)) for turn in turns]
    this, other, base = (statistics.median(column) for column in zip(*values, strict=True))
    to_floor, others = (statistics.median(value[at] / value[2] for value in values) for at in (0, 1))
    low, middle, high = statistics.quantiles((value[0] / value[1] for value in values), n=4)
    return (
        f"{what:28} {unit:7} {this:7.0f} {other:8.0f} {base:7.0f}  {to_floor:10.3f} {others:14.3f}"
        f"  {middle:13.2f} {low:6.2f} {high:6.2f}"
    )


def _texts(turns: Sequence[Turn], commit: str) -> Iterator[str]:
    """Who writes fewer texts for the same alerts is not faster."""
    for name in dict.fromkeys(turn.case for turn in turns if turn.this.texts):
        of_case = [turn for turn in turns if turn.case == name]
        this, other = (
            sum(sample.texts for sample in side) / sum(sample.alerts for sample in side)
            for side in ([turn.this for turn in of_case], [turn.other for turn in of_case])
        )
        yield f"{name}: {this:.3f} texts an alert here, {other:.3f} at {commit}"

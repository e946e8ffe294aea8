"""One round of each kind: every server once, one after the other, so that a slow minute hits all of them alike."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from load import Seen, percentile
from servers import NOBODY, ONE_PERSON, Server, arrivals, daemon, floor, load_command, phones

_RATE = 20.0  # alerts a second, where time is measured and not throughput
_ARRIVE_WITHIN = 10.0

Values = dict[str, float]
Say = Callable[[str], None]
Run = Callable[[Server], Seen]


@dataclass(frozen=True, slots=True)
class Lengths:
    """Seconds of one run; of its warm-up, where there is one."""

    load: float
    warm_up: float
    steady: float


def throughput(parent: Path, lengths: Lengths, say: Say) -> Values:
    """POSTs a second and CPU microseconds of the server for each, by server."""

    def new(server: Server) -> Seen:
        return _load(server, lengths.load, "--warm-up", str(lengths.warm_up))

    def same(server: Server) -> Seen:
        return _load(server, lengths.load, "--warm-up", str(lengths.warm_up), "--same")

    values: Values = {}
    for name, run in (
        ("answer-only", lambda: _on_floor(parent, new, store=False)),
        ("floor", lambda: _on_floor(parent, new)),
        ("nobody", lambda: _on_daemon(parent, NOBODY, new)[0]),
        ("one", lambda: _on_daemon(parent, ONE_PERSON, new)),
        ("floor-same", lambda: _on_floor(parent, same)),
        ("same", lambda: _on_daemon(parent, ONE_PERSON, same)[0]),
    ):
        say(name)
        seen = run()
        if isinstance(seen, tuple):
            seen, texts = seen
            values["one:texts"] = len(texts) / (seen.seconds + lengths.warm_up)
        values |= {name: seen.posts / seen.seconds, f"{name}:cpu": seen.cpu_us}
    return values


def latency(parent: Path, lengths: Lengths, say: Say) -> Values:
    """Milliseconds: the floor's POST to its answer; ours, and ours to the text's arrival at the gateway."""
    say("floor at 20/s")
    base = _on_floor(parent, lambda server: _steady(server, lengths.steady))
    say("one at 20/s")
    seen, arrived = _on_daemon(parent, ONE_PERSON, lambda server: _steady(server, lengths.steady), wait=True)
    lost = seen.sent.keys() - arrived.keys()
    assert not lost, f"{len(lost)} of {len(seen.sent)} texts did not arrive within {_ARRIVE_WITHIN:g} s"
    taken = [(arrived[number] - sent) * 1000 for number, sent in seen.sent.items()]
    return {
        "floor:answer-p50": base.p50_ms,
        "answer-p50": seen.p50_ms,
        "arrival-p50": percentile(taken, 0.5),
        "arrival-p99": percentile(taken, 0.99),
    }


def sync_microseconds(parent: Path) -> float:
    """What this disk says a sync costs: the median of 200 appends of 600 bytes, each followed by fdatasync."""
    taken = []
    with _folder(parent) as folder, (folder / "syncs").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(b"x" * 600)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1e6)
    return percentile(taken, 0.5)


def on_nodes(parent: Path, nodes: int, storage: str, lengths: Lengths) -> float:
    """POSTs a second that so many daemons on one database take together, each from a load of its own."""
    with ExitStack() as stack:
        folders = [stack.enter_context(_folder(parent)) for _ in range(nodes)]
        gateway = stack.enter_context(phones(folders[0]))
        servers = [
            stack.enter_context(daemon(folder, ONE_PERSON, gateway.port, storage=storage))
            for folder in folders
        ]
        warm_up = ("--warm-up", str(lengths.warm_up))
        with ThreadPoolExecutor(nodes) as pool:
            seen = list(pool.map(lambda server: _load(server, lengths.load, *warm_up), servers))
        return sum(one.posts / one.seconds for one in seen)


def _on_floor(parent: Path, run: Run, *, store: bool = True) -> Seen:
    with _folder(parent) as folder:
        options = ("--database", str(folder / "floor.db")) if store else ("--answer-only",)
        with floor(folder, *options) as server:
            return run(server)


def _on_daemon(
    parent: Path, receivers: str, run: Run, *, wait: bool = False
) -> tuple[Seen, dict[str, float]]:
    """What the load saw, and when which text arrived at the gateway: until then, or with `wait` until all have."""
    with ExitStack() as stack:
        folder = stack.enter_context(_folder(parent))
        gateway = stack.enter_context(phones(folder))
        seen = run(stack.enter_context(daemon(folder, receivers, gateway.port)))
        ends = time.monotonic() + _ARRIVE_WITHIN
        while len(arrived := arrivals(gateway)) < len(seen.sent) and wait and time.monotonic() < ends:
            time.sleep(0.1)
        return seen, arrived


def _steady(server: Server, seconds: float) -> Seen:
    return _load(server, seconds, "--rate", str(_RATE))


def _load(server: Server, seconds: float, *options: str) -> Seen:
    command = load_command(server, "--seconds", str(seconds), *options)
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=seconds + 60)
    return Seen(**json.loads(done.stdout))


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sms-notify-bench-", dir=parent) as folder:
        yield Path(folder)

"""Alerts from their bytes to the commit without a web server, sixteen under way at a time: by us, or by the floor's writer.

A process of its own, because what it measures is the code of whichever tree PYTHONPATH names. For each line on standard
input, so many seconds, it prints what it took in meanwhile as JSON. Modules move between two commits, so it knows few
names, and the rooms where they may be.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import itertools
import json
import os
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import orjson
import uvloop
from floor import Writer
from load import CONNECTIONS
from payloads import content
from servers import ONE_PERSON, write_config


@dataclass(frozen=True, slots=True)
class Sample:
    """Alerts that were accepted, in what time, with how much of the processor's; texts that were written, where counted."""

    alerts: int
    seconds: float
    cpu: float
    texts: int = 0


class Taker(Protocol):
    async def take(self, body: bytes) -> None:
        """Returns when it is on the disk."""

    async def tick(self) -> None: ...

    def texts(self) -> int: ...


class Floor:
    """What the same durability costs without us."""

    def __init__(self, folder: Path) -> None:
        self._writer = Writer(folder / "floor.db")
        self._writer.start()

    async def take(self, body: bytes) -> None:
        assert orjson.loads(body)["alerts"]
        await self._writer.store(body)

    async def tick(self) -> None:
        """Nothing falls due."""

    def texts(self) -> int:
        return 0


class Ours:
    """The engine on the committing thread, as the daemon has it."""

    def __init__(self, folder: Path) -> None:
        load, plan_of = found("load", "config.load"), found("plan_of", "daemon.wiring", "assembly")
        settings = load(write_config(folder, ONE_PERSON, port=9601, gateway=9602), os.environ)
        self._database = folder / "sms.db"
        self._parse = found("parse", "sources.alertmanager")
        self._engine = found("Engine", "engine.engine", "engine")(plan_of(settings), "node")
        store = found("SqliteStore", "store.sqlite")(f"sqlite://{self._database}")
        self._committer = found("Committer", "store.committer")(store)
        self._committer.start()

    async def take(self, body: bytes) -> None:
        delivery, now = self._parse(body), datetime.now(UTC)
        await self._committed(lambda tx: self._engine.accept(tx, delivery, now))

    async def tick(self) -> None:
        await self._committed(lambda tx: self._engine.tick(tx, datetime.now(UTC)))

    def texts(self) -> int:
        with closing(sqlite3.connect(self._database)) as connection:
            return int(connection.execute("select count(*) from messages").fetchone()[0])

    def _committed(self, job: Callable[[Any], object]) -> Awaitable[object]:
        return asyncio.wrap_future(self._committer.submit(job))


def found(name: str, *modules: str) -> Any:
    """`name` from the first of `modules` that has it."""
    for module in modules:
        try:
            return getattr(importlib.import_module(f"sms_notify.{module}"), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"no {name} in sms_notify: {', '.join(modules)}")


async def sample(taker: Taker, numbers: Iterator[int], seconds: float) -> Sample:
    """What a tree leaves to its next tick is part of its price."""
    before, cpu, began = taker.texts(), time.process_time(), time.perf_counter()
    alerts = await accepted(taker, numbers, began + seconds)
    await taker.tick()
    taken, used = time.perf_counter() - began, time.process_time() - cpu
    return Sample(alerts, taken, used, taker.texts() - before)


async def accepted(taker: Taker, numbers: Iterator[int], ends: float) -> int:
    async def one() -> int:
        done = 0
        while time.perf_counter() < ends:
            await taker.take(content(next(numbers)))
            done += 1
        return done

    return sum(await asyncio.gather(*[one() for _ in range(CONNECTIONS)]))


async def serve(folder: Path, *, ours: bool, same: bool) -> None:
    taker: Taker = Ours(folder) if ours else Floor(folder)
    await taker.tick()  # makes the tables
    numbers = itertools.repeat(1) if same else itertools.count(1)
    for line in sys.stdin:
        print(json.dumps(asdict(await sample(taker, numbers, float(line)))), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="an empty one, for the database")
    parser.add_argument("--ours", action="store_true", help="not the floor")
    parser.add_argument("--same", action="store_true", help="the same alert every time")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options.folder, ours=options.ours, same=options.same))


if __name__ == "__main__":
    main()

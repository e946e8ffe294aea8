"""The load, in a process of its own: posts alerts over connections kept alive and prints what it saw as JSON.

As fast as the answers come, or at a steady rate whatever the answers do (`--rate`). One run of `--seconds`; without that
one for each line on standard input, which says how many.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import uvloop
from payloads import request

CONNECTIONS = 16
MOST_POSTS = 40_000
_ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}).*?content-length: (\d+).*?\r\n\r\n", re.DOTALL | re.IGNORECASE)


@dataclass(slots=True)
class Seen:
    """What one run saw; `sent` has the monotonic second of each POST by number, in a run at a steady rate."""

    posts: int = 0
    failed: int = 0
    seconds: float = 0.0
    cpu_us: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    sent: dict[str, float] = field(default_factory=dict)


class Client(asyncio.Protocol):
    """One connection, one request at a time."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        answer = _ANSWER.match(self._received)
        if answer and len(self._received) >= answer.end() + int(answer[2]):
            self._received = b""
            self._status.set_result(int(answer[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._status.done():
            self._status.set_exception(exc or ConnectionError("the server closed the connection"))

    async def post(self, content: bytes) -> float:
        """Seconds to the answer. Raises AssertionError for one that is not 200."""
        self._status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        began = time.perf_counter()
        self._transport.write(content)
        status = await self._status
        assert status == 200, f"answered {status}"
        return time.perf_counter() - began

    def close(self) -> None:
        self._transport.close()


async def connected(port: int) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    return client


async def as_fast_as_answered(port: int, following: Callable[[], bytes], seconds: float) -> list[float]:
    """Every connection posts the next alert when it has the answer to the last; the time that each took."""
    taken: list[float] = []
    clients = [await connected(port) for _ in range(CONNECTIONS)]
    ends = time.perf_counter() + seconds

    async def one(client: Client) -> None:
        while time.perf_counter() < ends and len(taken) < MOST_POSTS:
            taken.append(await client.post(following()))
        client.close()

    await asyncio.gather(*[one(client) for client in clients])
    return taken


async def steadily(
    port: int, token: str, rate: float, seconds: float
) -> tuple[list[float], dict[str, float]]:
    """One POST each 1/rate seconds, on whichever connection is free; the time that each took and when it left."""
    free: asyncio.Queue[Client] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await connected(port))
    sent: dict[str, float] = {}

    async def one(number: int) -> float:
        client = await free.get()
        content = request(number, port, token)
        sent[f"{number:08d}"] = time.monotonic()
        taken = await client.post(content)
        free.put_nowait(client)
        return taken

    began, posts = time.monotonic(), []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        posts.append(asyncio.create_task(one(number)))
    return list(await asyncio.gather(*posts)), sent


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, by its own clock (clock_getcpuclockid(3) for Linux): /proc tells hundredths."""
    return time.clock_gettime((~pid << 3) | 2)


def percentile(values: list[float], share: float) -> float:
    """The smallest of `values` that at least `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


async def measure(options: argparse.Namespace, numbers: Iterator[int], seconds: float) -> Seen:

    def following() -> bytes:
        return request(next(numbers), options.port, options.token, options.alerts)

    if options.warm_up and not options.rate:
        await as_fast_as_answered(options.port, following, options.warm_up)
    seen, cpu, began = Seen(), cpu_seconds(options.pid), time.perf_counter()
    if options.rate:
        taken, seen.sent = await steadily(options.port, options.token, options.rate, seconds)
    else:
        taken = await as_fast_as_answered(options.port, following, seconds)
    seen.posts, seen.seconds = len(taken), time.perf_counter() - began
    seen.cpu_us = (cpu_seconds(options.pid) - cpu) / len(taken) * 1e6
    seen.p50_ms, seen.p99_ms = statistics.median(taken) * 1000, percentile(taken, 0.99) * 1000
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="the server, whose CPU time is read")
    parser.add_argument("--token", default="none")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--warm-up", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=0.0, help="POSTs a second; 0 = as fast as answered")
    parser.add_argument("--same", action="store_true", help="the same alert every time")
    parser.add_argument("--alerts", type=int, default=1, help="so many alerts a POST, all of them new")
    options = parser.parse_args()
    numbers = itertools.repeat(1) if options.same else itertools.count(1)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for seconds in map(float, sys.stdin) if options.seconds is None else [options.seconds]:
            print(json.dumps(asdict(runner.run(measure(options, numbers, seconds)))), flush=True)


if __name__ == "__main__":
    main()

"""The least that a durable webhook can be with the same parts: what the program is measured against.

uvicorn (httptools, uvloop) and a bare Starlette application. Each request is parsed and stored as one row, and
answered after its commit; one thread writes, and what waits meanwhile makes up its next commit (SQLite,
write-ahead log, synchronous=FULL). With `--answer-only` it parses and stores nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import queue
import sqlite3
import threading
from pathlib import Path

import orjson
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_BATCH = 256
_Row = tuple[bytes, asyncio.Future[None]]


class Writer:
    """One thread, one connection, one commit for all that waits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[_Row] = queue.SimpleQueue()

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._write, daemon=True).start()

    async def store(self, body: bytes) -> None:
        """Returns when `body` is on the disk."""
        stored: asyncio.Future[None] = self._loop.create_future()
        self._queue.put((body, stored))
        await stored

    def _write(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("create table requests (id integer primary key, body blob not null)")
        while True:
            rows = self._take()
            connection.execute("begin immediate")
            connection.executemany("insert into requests (body) values (?)", ((body,) for body, _ in rows))
            connection.execute("commit")
            self._loop.call_soon_threadsafe(_answer, [stored for _, stored in rows])

    def _take(self) -> list[_Row]:
        rows = [self._queue.get()]
        while len(rows) < _BATCH and not self._queue.empty():
            rows.append(self._queue.get())
        return rows


def _answer(stored: list[asyncio.Future[None]]) -> None:
    for future in stored:
        if not future.done():
            future.set_result(None)


def application(writer: Writer | None) -> Starlette:
    async def webhook(request: Request) -> Response:
        body = await request.body()
        if writer is not None:
            count = len(orjson.loads(body)["alerts"])
            await writer.store(body)
            return Response(b'{"accepted": %d}\n' % count, media_type="application/json")
        return Response(b'{"accepted": 1}\n', media_type="application/json")

    return Starlette(routes=[Route("/alertmanager", webhook, methods=["POST"])])


async def serve(port: int, writer: Writer | None) -> None:
    if writer is not None:
        writer.start()
    config = uvicorn.Config(
        application(writer), port=port, http="httptools", lifespan="off", log_config=None, access_log=False
    )
    await uvicorn.Server(config).serve()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--database", type=Path)
    what.add_argument("--answer-only", action="store_true")
    options = parser.parse_args()
    writer = Writer(options.database) if options.database else None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options.port, writer))


if __name__ == "__main__":
    main()

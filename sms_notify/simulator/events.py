"""Server-Sent Events: what changed goes to every open page (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import orjson

_WAITING = 256  # a page further behind than this is told to load afresh
_KEEPALIVE_SECONDS = 15.0


def frame(event: str, data: object) -> str:
    """One event; JSON has no raw line breaks, so one `data:` line always holds it."""
    return f"event: {event}\ndata: {orjson.dumps(data).decode()}\n\n"


class Broadcast:
    """The open pages. Everything here runs on the server's event loop."""

    def __init__(self) -> None:
        self._pages: set[asyncio.Queue[str | None]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._pages)

    def publish(self, frames: Iterable[str]) -> None:
        for text in frames:
            for page in self._pages:
                _put(page, text)

    def close(self) -> None:
        """End every stream, now and from now on, so that the server can stop."""
        self._closed = True
        for page in self._pages:
            page.put_nowait(None)

    async def stream(self) -> AsyncIterator[str]:
        """The frames for one page until it leaves or the simulator stops."""
        page: asyncio.Queue[str | None] = asyncio.Queue()
        self._pages.add(page)
        try:
            yield frame("hello", {})
            while not self._closed and (text := await _next(page)) is not None:
                yield text
        finally:
            self._pages.discard(page)


def _put(page: asyncio.Queue[str | None], text: str) -> None:
    if page.qsize() < _WAITING:
        page.put_nowait(text)
        return
    while not page.empty():
        page.get_nowait()
    page.put_nowait(frame("refresh", {}))


async def _next(page: asyncio.Queue[str | None]) -> str | None:
    try:
        return await asyncio.wait_for(page.get(), _KEEPALIVE_SECONDS)
    except TimeoutError:
        return ": still here\n\n"

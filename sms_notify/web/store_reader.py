"""Questions to the store from the event loop: asked in a thread, and given up on in time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from starlette.exceptions import HTTPException

from sms_notify.errors import StoreError
from sms_notify.store.tx import Tx
from sms_notify.web.ports import View

T = TypeVar("T")
_THREADS = 2
_RETRY = {"Retry-After": "5"}
_log = logging.getLogger(__name__)


class StoreReader:
    """Threads of its own: whoever floods one kind of page holds back neither the others nor the alerts."""

    def __init__(self, view: View, name: str, seconds: float) -> None:
        self._view = view
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"sms-notify-{name}")

    async def __call__(self, job: Callable[[Tx], T]) -> T:
        """The answer to `job`, which runs in a reading transaction. Raises HTTPException 503 where there is none."""
        return await self.ask(lambda: self._view(job))

    async def ask(self, question: Callable[[], T]) -> T:
        """As `__call__`, for a question that needs no transaction."""
        asked = asyncio.get_running_loop().run_in_executor(self._threads, question)
        return await settled(asked, self._seconds, "The database cannot be read now. Try again in a moment.")


async def settled(asked: Awaitable[T], seconds: float, fault: str) -> T:
    """What the store answers within `seconds`. Raises HTTPException 503 with `fault` where it does not."""
    try:
        async with asyncio.timeout(seconds):
            return await asked
    except TimeoutError:
        _log.warning("a page was not answered by the store within %g s", seconds)
    except StoreError as error:
        _log.warning("a page was not answered by the store: %s", error)
    raise HTTPException(503, fault, headers=_RETRY)

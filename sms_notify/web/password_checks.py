"""Passwords are checked in threads of their own, in fair turns.

scrypt costs tens of milliseconds and megabytes on purpose. Two threads, so that a burst ends in half the time, and
guessing takes two cores at most, never the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from sms_notify.web.guesses import network_of
from sms_notify.web.turns import FairQueue

_THREADS = 2
# Under the 10 s after which clients give up by themselves.
_PATIENCE = 8.0
# 100 bytes each. At 500 guesses a second they reach back 16 s, longer than Retry-After asks to wait.
_MAX_TURNED_AWAY = 8_192
_RETURNING = -1  # the lane of those who were turned away before

_log = logging.getLogger(__name__)


class BusyError(Exception):
    """Too many passwords wait to be checked: answered with 503, so that Alertmanager tries again."""


@dataclass(eq=False, frozen=True, slots=True)
class _Check:
    """`verdict` becomes None where the check gave way to newer ones, or where everybody who asked has hung up."""

    ticket: bytes
    pair: bytes
    verdict: asyncio.Future[bool | None]
    asking: list[Callable[[], bool]]

    @property
    def forlorn(self) -> bool:
        return all(gone() for gone in self.asking)


class Checks:
    """To be called on one event loop. `verify` runs in a thread, and takes name and password as they were sent;
    `learn` is told every verdict, also where nobody waits for it any more.

    The same credentials that come again while they wait share one check. Those that were turned away and come again
    have a lane of their own: a program with the right password repeats it, a guesser asks for the next one.
    """

    def __init__(self, verify: Callable[[bytes], bool], learn: Callable[[bytes, bool], None]) -> None:
        self._verify = verify
        self._learn = learn
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sms-notify-scrypt")
        self._free = _THREADS
        self._turns: FairQueue[_Check] = FairQueue()
        self._known: dict[bytes, _Check] = {}
        self._turned_away: dict[bytes, None] = {}

    async def right(
        self, ticket: bytes, pair: bytes, client: str, lane: int, gone: Callable[[], bool]
    ) -> bool:
        """Whether `pair` is right; `ticket` stands for it. Raises BusyError where nobody has found out in time.

        `gone` says whether the client has hung up: then its check is not made, and takes nobody's place.
        """
        known = self._known.get(ticket)
        if known is not None:
            known.asking.append(gone)
        check = known or self._wait(ticket, pair, network_of(client), lane, gone)
        try:
            async with asyncio.timeout(_PATIENCE):
                verdict = await asyncio.shield(check.verdict)
        except TimeoutError:
            verdict = None
        if verdict is None:
            self._remember(ticket)
            raise BusyError
        return verdict

    def _wait(self, ticket: bytes, pair: bytes, client: str, lane: int, gone: Callable[[], bool]) -> _Check:
        check = _Check(ticket, pair, asyncio.get_running_loop().create_future(), [gone])
        self._known[ticket] = check
        if self._turns.full(client):
            for forlorn in self._turns.sweep(lambda one: one.forlorn):
                self._settle(forlorn, None)
        gave_way = self._turns.put(client, _RETURNING if ticket in self._turned_away else lane, check)
        if gave_way is not None:
            self._settle(gave_way, None)
        self._go_on()
        return check

    def _go_on(self) -> None:
        check = self._next() if self._free else None
        if check is None:
            return
        self._free -= 1
        hashing = asyncio.get_running_loop().run_in_executor(self._threads, self._verify, check.pair)
        hashing.add_done_callback(partial(self._done, check))

    def _next(self) -> _Check | None:
        while (check := self._turns.take()) is not None and check.forlorn:
            self._settle(check, None)
        return check

    def _done(self, check: _Check, hashing: asyncio.Future[bool]) -> None:
        self._free += 1
        failed = None if hashing.cancelled() else hashing.exception()
        if hashing.cancelled() or failed is not None:
            # A lack of memory: 503, and the next one may have better luck.
            _log.error("a password could not be checked: %s", type(failed).__name__)
            self._settle(check, None)
        else:
            self._learn(check.ticket, hashing.result())
            self._settle(check, hashing.result())
        self._go_on()

    def _settle(self, check: _Check, verdict: bool | None) -> None:
        del self._known[check.ticket]
        check.verdict.set_result(verdict)

    def _remember(self, ticket: bytes) -> None:
        if len(self._turned_away) >= _MAX_TURNED_AWAY:
            self._turned_away.pop(next(iter(self._turned_away)))
        self._turned_away[ticket] = None

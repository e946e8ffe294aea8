"""Logins that were refused: counted, logged, and answered the later the more of them an address has sent.

Only refusals are slowed. The right password is answered at once wherever it comes from, so nobody can lock out anybody
else, not even behind one proxy.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable

from sms_notify.logs import bounded
from sms_notify.web.rarely import Rarely

LONGEST = 4.0
"""Seconds; under the 10 s after which a scrape or an impatient sender gives up."""

_FREE = 3  # who mistypes is not made to wait
# Seconds, doubled with every further one: as much at once as makes guesses rarer than they are checked.
_FIRST = 1.0
_FORGOTTEN = 600.0  # seconds without a refused login
_MAX_CLIENTS = 1_024
# Answers held back at a time: each holds a connection of some 10 kB. More are given at once.
_MAX_HELD = 256
_ADVICE = "correct the password or the token there, or keep that client out"
_ADVICE_OF_WATCH = "compare what that job calls after /watch/ with secret or secret_file of its watch"

_log = logging.getLogger(__name__)


class Guesses:
    """To be called on the event loop. `count` is told of each; `longest` are the seconds that an answer may be held."""

    def __init__(self, count: Callable[[], None], longest: float = LONGEST, every: float = 60.0) -> None:
        self._count = count
        self._longest = longest
        self._rarely = Rarely(_log, every)
        self._failures: dict[str, tuple[int, float]] = {}  # number and moment of the last; the oldest first
        self._held = 0

    async def refused(self, client: str, who: str) -> None:
        """A login was refused; returns when that may be said. `who` is the user's name, or what stood for it."""
        extra = {"client": client or "-", "user": bounded(who, 40), "advice": _ADVICE}
        await self._guessed(client, "a login was refused", extra)

    async def no_such_watch(self, client: str) -> None:
        """The same of an address that no watch has, which may be a secret that was guessed, or mistyped."""
        extra = {"client": client or "-", "advice": _ADVICE_OF_WATCH}
        await self._guessed(client, "an address that no watch has was called", extra)

    async def _guessed(self, client: str, what: str, extra: dict[str, str]) -> None:
        self._count()
        self._rarely.warn((client, what), what, extra)
        self._remember(network_of(client))
        await self.hold(client)

    async def hold(self, client: str) -> None:
        """Returns when an answer that is not a success may be given to this client."""
        seconds = self._delay(network_of(client))
        if seconds <= 0 or self._held >= _MAX_HELD:
            return
        self._held += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._held -= 1

    def _remember(self, client: str) -> None:
        number, _ = self._recent(client)
        self._failures.pop(client, None)
        if len(self._failures) >= _MAX_CLIENTS:
            self._failures.pop(next(iter(self._failures)))
        self._failures[client] = (number + 1, asyncio.get_running_loop().time())

    def _recent(self, client: str) -> tuple[int, float]:
        number, last = self._failures.get(client, (0, 0.0))
        return (number, last) if asyncio.get_running_loop().time() - last < _FORGOTTEN else (0, 0.0)

    def _delay(self, client: str) -> float:
        beyond = self._recent(client)[0] - _FREE
        return min(self._longest, _FIRST * 2 ** min(beyond - 1, 16)) if beyond > 0 else 0.0


def network_of(address: str) -> str:
    """Whom an address belongs to: of IPv6 a whole /64, which is what one customer has at least (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4 or parsed.ipv4_mapped is not None:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))

"""An answer leaves in one piece: uvicorn writes its head and its body apart, and each write is a packet, a wake-up of the
client and 10 us of processor time.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class OneWrite:
    """Stands between one request's cycle and the transport. To be put there before the answer begins; not for HEAD,
    whose answer has no second write.
    """

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._transport: asyncio.Transport = cycle.transport
        self._begun = False
        self._held = b""

    def write(self, data: bytes) -> None:
        """Holds the first write of the answer, not "100 Continue" before it, until the next, which follows at once."""
        if self._cycle.response_started and not self._begun:
            self._begun, self._held = True, data
            return
        held, self._held = self._held, b""
        self._transport.write(held + data)

    def close(self) -> None:
        if self._held:
            self.write(b"")
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

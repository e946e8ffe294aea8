"""HTTP/1.1 with patience that ends: uvicorn's protocol with limits on what a client may keep us waiting for.

uvicorn waits for ever for the end of the headers, and for ever after a stray byte on an idle connection. Here
every wait for a client has a deadline, and the number of waits has a limit: above it the oldest is dropped,
so that those who stall make room for those who talk, whatever the number of descriptors.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from sms_notify.web.one_write import OneWrite
from sms_notify.web.refusals import Refusals

_TLS_HELLO = b"\x16\x03"  # a handshake's record (RFC 8446 section 5.1)

GONE = "sms_notify.gone"
"""The key of the ASGI scope under which a request tells whether its client has hung up; nobody need read its body for it."""

ARRIVED = "sms_notify.arrived"
"""The key of the ASGI scope that is there once the whole body has arrived, so that reading it waits for nobody."""

# Every answer carries these, the application's and those that are given here, below it.
ANSWER_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Seconds, bytes and connections.

    `headers`: from connection, or first byte of a further request, to the end of its headers. `idle`: between
    requests. `linger`: how long the rest of a refused body is read and thrown away, so that the client gets
    to see the answer instead of a reset, and how long an answer may stay unread. `header_bytes` counts
    trailers too. `message_bytes`: a whole request as sent, chunk sizes included. `waiting`: connections that
    wait for their client.
    """

    headers: float = 10.0
    idle: float = 75.0
    linger: float = 2.0
    header_bytes: int = 64 * 1024
    message_bytes: int = 16 * 1024 * 1024
    waiting: int = 2_000


def protocol_for(limits: HttpLimits, refusals: Refusals) -> type[GuardedProtocol]:
    """A class for one server: uvicorn takes a class, so what its connections share stands in the class."""
    shared = {"limits": limits, "waiting": {}, "refusals": refusals}
    return type("LimitedProtocol", (GuardedProtocol,), shared)


class _TooLargeError(Exception):
    """Raised inside the parser's call-backs; the parser turns it into an error of its own."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection.

    `waiting` holds, oldest wait first, the connections on which nothing can go on without more bytes from the
    client: no request yet, half a request, or idle between two. A request under way is not among them.
    """

    limits: ClassVar[HttpLimits]
    waiting: ClassVar[dict[GuardedProtocol, None]]
    refusals: ClassVar[Refusals]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.timeout_keep_alive = self.limits.idle  # type: ignore[assignment]  # declared int, any number works
        self.access_log = False  # a call-back's path holds its token
        self._deadline: asyncio.TimerHandle | None = None
        self._headed = False
        self._arrived = False
        self._received = 0
        self._field_bytes = 0
        self._lost = False
        self._tls = False
        self.url = b""

    # What the transport tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._give(self.limits.headers)
        self._count()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._forgive()
        self.waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # The piece in which a message begins is not counted: it sets the count to 0 while it is parsed.
        self._received += len(data)
        self._tls = data.startswith(_TLS_HELLO)
        super().data_received(data)
        if self.transport.is_closing():
            self._give(self.limits.linger)
        elif self._received > self.limits.message_bytes:
            self._refuse(413, "the request is too large")
        elif not self._headed and self._received > self.limits.header_bytes:
            self._refuse(431, "the headers are too large")
        elif not self._answering() and self._deadline is None:
            self._give(self.limits.headers)
        self._count()

    def timeout_keep_alive_handler(self) -> None:
        """Not `close`, which would wait for a client that does not read."""
        self.transport.abort()

    # What the parser tells

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._headed = self._arrived = False
        self._received = self._field_bytes = 0
        # A connection that was idle for long is not a stalled one: it goes to the young end.
        self.waiting.pop(self, None)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._weigh(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Also called for trailers, which would otherwise pile up without end."""
        self._weigh(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._headed = True
        self._forgive()
        self.scope[GONE] = lambda: self._lost  # type: ignore[literal-required]  # a key of our own
        super().on_headers_complete()  # makes the cycle, which runs later
        if self.scope["method"] != "HEAD":
            self.cycle.transport = OneWrite(self.cycle)  # type: ignore[assignment]  # all of it that a cycle uses

    def on_message_complete(self) -> None:
        self._arrived = True
        self.scope[ARRIVED] = True  # type: ignore[literal-required]  # a key of our own
        if not self._answering():
            self._forgive()  # the rest of a refused body is through: an ordinary connection again
        super().on_message_complete()

    # What the application's answer tells

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing() or not self._arrived:
            self._give(self.limits.linger)
        self._count()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's name and words
        """Called where the parser gave up.

        A request that came whole before the rubbish still gets its own answer: 400 for an alert that was
        stored would be a lie.
        """
        if self._answering() and not self.cycle.more_body:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
        elif self._field_bytes > self.limits.header_bytes:
            self._answer(431, "the headers are too large")
        elif self._tls:
            self._answer(
                400,
                "this is TLS, but this port speaks plain http: use http://, or set web.tls_cert and web.tls_key",
            )
        else:
            self._answer(400, "this is not HTTP/1.1 as RFC 9112 has it")

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _weigh(self, size: int) -> None:
        self._field_bytes += size
        if self._field_bytes > self.limits.header_bytes:
            raise _TooLargeError

    def _refuse(self, status: int, text: str) -> None:
        if self._answering():
            self._tell(status, text)
            self.transport.abort()
        else:
            self._answer(status, text)
            self._give(self.limits.linger)

    def _tell(self, status: int, text: str) -> None:
        """Not of the rest of a message that has got its answer, and so has been told of, already."""
        if self._headed and not self._arrived and not self._answering():
            return
        # Between two messages `url` is still that of the one before.
        url = b"" if self._arrived else self.url
        method = self.parser.get_method().decode() if url else ""
        path = unquote(url.partition(b"?")[0].decode("latin-1"))
        self.refusals.below(method, path, status, text, self.client[0] if self.client else "")

    def _answer(self, status: int, text: str) -> None:
        self._tell(status, text)
        headers = [
            *ANSWER_HEADERS,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(text)),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.transport.write(STATUS_LINE[status] + lines + b"\r\n" + text.encode())
        self.transport.close()

    def _give(self, seconds: float) -> None:
        self._forgive()
        if not self._lost:
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _forgive(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _count(self) -> None:
        if self._lost or (self._arrived and self._answering()):
            self.waiting.pop(self, None)
            return
        self.waiting.setdefault(self, None)
        if len(self.waiting) > self.limits.waiting:
            oldest = next(iter(self.waiting))
            del self.waiting[oldest]
            oldest.transport.abort()

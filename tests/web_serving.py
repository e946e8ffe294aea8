"""A web front that really listens: hooks that the test steers, clients that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from workbench import NOON

from sms_notify.alert import Delivery
from sms_notify.web.http_limits import HttpLimits
from sms_notify.web.refusals import Refusals
from sms_notify.web.server import WebServer
from sms_notify.web.settings import WebSettings
from sms_notify.web.webhooks import Hooks, Patience, build

# Long enough for the busiest machine; no test waits this long unless it is about to fail.
SOON = 20.0
ONE_ALERT = (
    b'{"version":"4","alerts":[{"status":"firing","labels":{"alertname":"HostDown"},"fingerprint":"ab"}]}'
)


@dataclass
class Recorder:
    """The hooks: they keep what they were given, raise `fault`, and `accept` waits while `gate` is closed."""

    deliveries: list[Delivery] = field(default_factory=list)
    reports: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    reasons: tuple[str, ...] = ()
    fault: BaseException | None = None
    stored: bool = False
    entered: threading.Event = field(default_factory=threading.Event)
    _gate: asyncio.Event | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    closed: bool = False
    guesses: int = 0
    refusals: list[tuple[str, str]] = field(default_factory=list)

    def hooks(self) -> Hooks:
        return Hooks(
            accept=self.accept,
            metrics=self.metrics,
            ready=self.ready,
            report=self.report,
            now=lambda: NOON,
            reload=self.reload,
            guessed=self.guessed,
            watch_of=lambda secret: {"w" * 16: "backup"}.get(secret, ""),
        )

    async def reload(self) -> str:
        self._fail()
        return "the configuration runs; changed: nothing"

    def guessed(self) -> None:
        self.guesses += 1

    def refused(self, source: str, status: int) -> None:
        self.refusals.append((source, str(status)))

    async def accept(self, delivery: Delivery) -> None:
        self._loop, self._gate = asyncio.get_running_loop(), asyncio.Event()
        self.entered.set()
        if self.closed:
            await self._gate.wait()
        self._fail()
        self.deliveries.append(delivery)
        self.stored = True

    def open(self) -> None:
        assert self._loop is not None
        assert self._gate is not None
        self._loop.call_soon_threadsafe(self._gate.set)

    def metrics(self, accept: str) -> tuple[bytes, str]:
        self._fail()
        return f"# asked for {accept}\n".encode(), "text/plain; version=0.0.4; charset=utf-8"

    def ready(self) -> tuple[str, ...]:
        self._fail()
        return self.reasons

    async def report(self, token: str, parameters: Mapping[str, str]) -> bool:
        self._fail()
        self.reports.append((token, parameters))
        return True

    def _fail(self) -> None:
        if self.fault is not None:
            raise self.fault


@dataclass
class Served:
    port: int
    recorder: Recorder
    server: WebServer
    scheme: str = "http"

    def url(self, path: str) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def connect(self, timeout: float = SOON) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def ask(self, raw: bytes) -> bytes:
        """Sends exactly these bytes and reads until the server closes, or answered for good."""
        with self.connect() as sock:
            sock.sendall(raw)
            return read_answer(sock)

    def open_tls(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        return context.wrap_socket(self.connect(), server_hostname="127.0.0.1")


@contextmanager
def serving(
    recorder: Recorder | None = None,
    settings: WebSettings | None = None,
    limits: HttpLimits | None = None,
    patience: Patience | None = None,
    every: float = 60.0,
) -> Iterator[Served]:
    """A front on a free port; it is stopped whatever the test does. Nobody waits for being refused, unless asked."""
    recorder = recorder or Recorder()
    settings = settings or WebSettings(port=0)
    refusals = Refusals(recorder.refused, every)
    app = build(recorder.hooks(), settings, patience or Patience(accept=SOON, guess=0), refusals=refusals)
    server = WebServer(app, settings, limits or HttpLimits(), refusals)
    port = server.start()
    try:
        yield Served(port, recorder, server, "https" if settings.tls_cert else "http")
    finally:
        assert server.stop(SOON)


def read_answer(sock: socket.socket) -> bytes:
    """One whole answer: its head and as much body as Content-Length says; less where the server closes."""
    answer = b""
    while not _whole(answer):
        try:
            piece = sock.recv(65_536)
        except ConnectionError:
            break
        if not piece:
            break
        answer += piece
    return answer


def _whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return not lengths or len(body) >= int(lengths[0].split(b":")[1])


def status_of(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    return int(answer[9:12])


def is_closed(sock: socket.socket) -> bool:
    """Waits for the server to close; False when it sends something instead."""
    try:
        return sock.recv(65_536) == b""
    except ConnectionError:
        return True


def post(
    body: bytes = ONE_ALERT, *headers: str, path: str = "/alertmanager", length: int | None = None
) -> bytes:
    """The bytes of a webhook request."""
    size = len(body) if length is None else length
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@contextmanager
def many(served: Served, count: int, raw: bytes) -> Iterator[list[socket.socket]]:
    """`count` connections that have sent `raw` and then say no more."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(served.connect()) for _ in range(count)]
        for sock in sockets:
            sock.sendall(raw)
        yield sockets

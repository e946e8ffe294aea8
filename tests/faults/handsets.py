"""A gateway for the faults, written from the provider's document alone: it shares no code with what it judges.

It remembers every request, and which of them put a text on a phone. How it answers is told while it runs.
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Arrival:
    """One request to send. `at` is on the monotonic clock; `reached`: the phone has it."""

    at: float
    number: str
    text: str
    reference: str
    reached: bool


@dataclass(frozen=True)
class Way:
    """How a send is answered: `reaches` says whether the phone gets it, `body` what comes back, after `late` seconds.

    `how`: answer; hang (nothing comes, nobody hangs up); drop (hang up without a byte); reset; drip (a byte a second).
    """

    body: str = "OK {id}"
    reaches: bool = True
    how: str = "answer"
    status: int = 200
    late: float = 0.0
    head: str = ""


WELL = Way()


@dataclass
class Phones:
    """`way` answers what no entry of `next` does; `credits` is what is left, and what it is asked for."""

    way: Way = WELL
    next: deque[Way] = field(default_factory=deque)
    credits: int = 100_000
    password: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    asked: int = 0
    tests: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.phones = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/module/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def texts(self) -> list[Arrival]:
        """What is on the phones, in the order of its arrival."""
        with self._lock:
            return [one for one in self.arrivals if one.reached]

    def requests(self) -> list[Arrival]:
        with self._lock:
            return list(self.arrivals)

    def answer(self, path: str, asked: dict[str, str], connection: socket.socket) -> None:
        if path.endswith("gatewayrapport.php"):
            _say(connection, WELL, "DELIVERED")
        elif asked.get("action") == "credits":
            _say(connection, WELL, str(self.credits))
        elif self.password and asked.get("klantpwd") != self.password:
            _say(connection, WELL, "ERROR 104")
        elif asked.get("test") == "ja":
            self._be_tested(connection)
        else:
            self._take(asked, connection)

    def _be_tested(self, connection: socket.socket) -> None:
        self.tests += 1
        way = self.way
        _say(connection, way, way.body.format(id=1) if way.how == "answer" else "ERROR 120")

    def _take(self, asked: dict[str, str], connection: socket.socket) -> None:
        with self._lock:
            way = self.next.popleft() if self.next else self.way
            cost = 1 if len(asked.get("bericht", "")) <= 160 else 3
            poor = self.credits < cost
            reached = way.reaches and not poor
            self.credits -= cost if reached else 0
            number, text = asked.get("naar", ""), asked.get("bericht", "")
            self.arrivals.append(
                Arrival(time.monotonic(), number, text, asked.get("referentie", ""), reached)
            )
            id_ = len(self.arrivals) + 1000
        if way.late:
            self._ended.wait(way.late)
        if way.how == "hang":
            self._ended.wait(600)
        elif way.how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif way.how == "drip":
            self._drip(connection)
        elif way.how == "answer":
            _say(connection, way, "ERROR 108" if poor else way.body.format(id=id_))

    def _drip(self, connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" * 100:
            connection.sendall(bytes([byte]))
            if self._ended.wait(1):
                return


def _say(connection: socket.socket, way: Way, body: str) -> None:
    content = body.encode()
    head = f"HTTP/1.1 {way.status} X\r\n{way.head}Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + content)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    phones: Phones


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        received = b""
        self.request.settimeout(30)
        try:
            while b"\r\n\r\n" not in received:
                more = self.request.recv(65536)
                if not more:
                    return
                received += more
            parts = urlsplit(received.split(b" ", 2)[1].decode())
            asked = {name: value[0] for name, value in parse_qs(parts.query).items()}
            self.server.phones.answer(parts.path, asked, self.request)
        except OSError:
            pass  # whoever asked is gone: often that is the fault under test

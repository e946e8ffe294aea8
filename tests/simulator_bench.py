"""What the tests of the simulator share: a clock they move, a client without ours, a call-back receiver."""

from __future__ import annotations

import contextlib
import http.server
import queue
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from sms_notify.simulator.server import Simulator

PASSWORD = "hunter2-swordfish"
ALICE, BOB = "32470000001", "31612345678"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # 13:00 in Amsterdam


class Clock:
    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Client:
    """What a client does, written without the client."""

    def __init__(self, simulator: Simulator, clock: Clock | None = None) -> None:
        self.simulator = simulator
        self.clock = clock or Clock()

    def ask(self, script: str = "gateway.php", *, post: bool = False, **params: str) -> str:
        url = self.simulator.gateway_url + script
        how = {"data": params} if post else {"params": params}
        with requests.request("POST" if post else "GET", url, timeout=10, **how) as answer:  # type: ignore[arg-type]
            assert answer.status_code == 200
            return answer.text

    def account(self, **params: str) -> str:
        return self.ask(**{"klantuser": "demo", "klantpwd": PASSWORD, **params})

    def send(self, **params: str) -> str:
        return self.account(**{"naar": ALICE, "afzender": "ACME-Ops", "bericht": "disk full", **params})

    def get(self, path: str) -> requests.Response:
        with requests.get(self.simulator.base_url + path, timeout=10) as answer:
            return answer

    def post(self, path: str, body: object) -> requests.Response:
        with requests.post(self.simulator.base_url + path, json=body, timeout=10) as answer:
            return answer

    def later(self, seconds: float) -> None:
        self.clock.pass_seconds(seconds)
        self.simulator.tick()

    def wire(self, **params: str) -> socket.socket:
        """A send under way: the request is written, and nothing is read yet."""
        fields = {"klantuser": "demo", "klantpwd": PASSWORD, "naar": ALICE, "afzender": "x", "bericht": "x"}
        address = urlsplit(self.simulator.base_url)
        connection = socket.create_connection((address.hostname, address.port), timeout=10)
        query = urlencode({**fields, "delivery": "ja", **params})
        connection.sendall(f"GET /module/gateway.php?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return connection

    def raw(self, **params: str) -> tuple[bytes, str]:
        """Every byte that a send is answered with, and how the connection ended: `closed` or `reset`."""
        with self.wire(**params) as connection:
            return read_all(connection)


def read_all(connection: socket.socket) -> tuple[bytes, str]:
    came = bytearray()
    try:
        while piece := connection.recv(1 << 16):
            came += piece
    except ConnectionResetError:
        return bytes(came), "reset"
    return bytes(came), "closed"


@contextlib.contextmanager
def receiving() -> Iterator[tuple[str, queue.Queue[dict[str, str]]]]:
    """A call-back receiver on loopback: its URL, and the queries that came."""
    came: queue.Queue[dict[str, str]] = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.put({name: values[0] for name, values in parse_qs(urlsplit(self.path).query, True).items()})
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.block_on_close = False
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/delivery/token-7f3a", came
    server.shutdown()
    server.server_close()
    thread.join()

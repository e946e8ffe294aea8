"""One request, bounded, sent at most once: proved against real sockets on loopback."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import subprocess
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sms_notify.net.transport import MOST_BYTES, HttpResponse, NoAnswer, Transport
from sms_notify.policy.outcomes import Fate, Reason
from sms_notify.secret import Secret

FORM = Secret("klantuser=acme&klantpwd=geheim")
Behaviour = Callable[[socket.socket, threading.Event], None]


class Loopback:
    """A server on 127.0.0.1 that keeps every request it reads, then does what it is told with the connection.

    `close` returns when every connection made before it has been taken and served: then the count is final.
    """

    def __init__(self, behave: Behaviour, tls: ssl.SSLContext | None = None, *, read: bool = True) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._behave, self._tls, self._read = behave, tls, read
        self._stop = threading.Event()
        self._poison: int | None = None
        self._handlers: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/module/gateway.php"

    def close(self) -> None:
        if self._poison is not None:
            return
        with socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            self._poison = last.getsockname()[1]
            last.connect(("127.0.0.1", self.port))
            self._accepting.join()
        self._listener.close()
        self._stop.set()
        for handler in self._handlers:
            handler.join()

    def __enter__(self) -> Loopback:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            conn, (_, port) = self._listener.accept()
            if port == self._poison:
                conn.close()
                return
            self.connections += 1
            self._handlers.append(threading.Thread(target=self._serve, args=(conn,)))
            self._handlers[-1].start()

    def _serve(self, conn: socket.socket) -> None:
        conn.settimeout(10)
        try:
            if self._tls:
                conn = self._tls.wrap_socket(conn, server_side=True)
            if self._read:
                self.requests.append(_read_request(conn))
            self._behave(conn, self._stop)
        except OSError:
            pass  # the client went away, which is what many of these tests make it do
        finally:
            conn.close()


def _read_request(conn: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = conn.recv(65536)
        if not more:
            raise ConnectionError("no complete request")
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    lengths = [
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    while lengths and len(body) < lengths[0]:
        body += conn.recv(65536)
    return head + b"\r\n\r\n" + body


def answers(body: bytes, status: str = "200 OK", headers: str = "") -> Behaviour:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
    return says(head.encode() + body)


def says(raw: bytes) -> Behaviour:
    def behave(conn: socket.socket, _stop: threading.Event) -> None:
        conn.sendall(raw)

    return behave


def closes(_conn: socket.socket, _stop: threading.Event) -> None:
    """Takes the request and closes without a word."""


def resets(conn: socket.socket, _stop: threading.Event) -> None:
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hangs_after(raw: bytes) -> Behaviour:
    def behave(conn: socket.socket, stop: threading.Event) -> None:
        conn.sendall(raw)
        stop.wait(30)

    return behave


def drips_after(raw: bytes, drop: bytes) -> Behaviour:
    def behave(conn: socket.socket, stop: threading.Event) -> None:
        conn.sendall(raw)
        while not stop.wait(0.02):
            conn.sendall(drop)

    return behave


def floods(conn: socket.socket, stop: threading.Event) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not stop.is_set():
        conn.sendall(b"O" * 65536)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
SLOW: dict[str, Behaviour] = {
    "hang before headers": hangs_after(b""),
    "hang in headers": hangs_after(b"HTTP/1.1 200 OK\r\nServer: x"),
    "hang in body": hangs_after(HEAD + b"OK 1"),
    "hang after a body without length": hangs_after(b"HTTP/1.1 200 OK\r\n\r\nOK 1234567"),
    "drip of status line": drips_after(b"", b"H"),
    "drip of headers": drips_after(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "drip of body": drips_after(HEAD, b"O"),
    "drip of chunks": drips_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nO\r\n"),
    "endless 100 Continue": drips_after(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
BROKEN: dict[str, tuple[Behaviour, Reason]] = {
    "closed without answer": (closes, Reason.CONNECTION_LOST),
    "reset": (resets, Reason.CONNECTION_LOST),
    "closed in headers": (says(b"HTTP/1.1 200 OK\r\nContent-Le"), Reason.CONNECTION_LOST),
    "closed in the headers of a 404": (
        says(b"HTTP/1.1 404 Not Found\r\nServer: x\r\n"),
        Reason.CONNECTION_LOST,
    ),
    "truncated body": (says(HEAD + b"OK 1234567"), Reason.CONNECTION_LOST),
    "truncated chunk": (
        says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nOK 12"),
        Reason.CONNECTION_LOST,
    ),
    "no HTTP": (says(b"220 mail.example.org ESMTP\r\n"), Reason.UNREADABLE),
    "a header line without end": (says(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000), Reason.UNREADABLE),
    "headers without end": (says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200), Reason.UNREADABLE),
    "a page over 4 KiB": (answers(b"x" * (MOST_BYTES + 1)), Reason.TOO_LARGE),
    "an endless page": (floods, Reason.TOO_LARGE),
}


def certificate(folder: Path, *names: str) -> tuple[str, ssl.SSLContext]:
    """A self-signed certificate for `names`: its PEM file, and a server's context."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    kind = ["-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "30"]
    subject = ["-subj", "/CN=gateway", "-addext", "subjectAltName=" + ",".join(names)]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", "req", *kind, *subject, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return str(cert), context


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses: bound, so that nobody else takes it, and not listening."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that never answers a connect: its queue holds one, and the kernel drops what comes after."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        yield full.getsockname()[1]
        for client in waiting:
            client.close()


def ask(
    server: Loopback, *, limit: float = 20, post: bool = False, ca: str | None = None
) -> HttpResponse | NoAnswer:
    return Transport(limit, ca).ask(server.url, FORM, post=post)


def test_an_answer_comes_back_as_status_and_bytes() -> None:
    with Loopback(answers(b"OK 1234567")) as server:
        assert ask(server) == HttpResponse(200, b"OK 1234567")


def test_a_get_carries_the_form_in_its_query_and_asks_for_nothing_kept_or_packed() -> None:
    with Loopback(answers(b"OK")) as server:
        ask(server)
    line, *headers = server.requests[0].decode().split("\r\n")
    assert line == f"GET /module/gateway.php?{FORM.reveal()} HTTP/1.1"
    folded = {header.lower() for header in headers}
    assert {"connection: close", "accept-encoding: identity"} <= folded
    assert any(header.startswith("user-agent: sms-notify/") for header in folded)


def test_a_post_carries_the_form_in_its_body_alone() -> None:
    with Loopback(answers(b"OK")) as server:
        assert ask(server, post=True) == HttpResponse(200, b"OK")
    head, body = server.requests[0].decode().split("\r\n\r\n")
    assert head.startswith("POST /module/gateway.php HTTP/1.1\r\n")
    assert "Content-Type: application/x-www-form-urlencoded" in head
    assert body == FORM.reveal()


@pytest.mark.parametrize("post", [False, True])
@pytest.mark.parametrize(("behave", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_request_that_breaks_after_it_left_is_unknown_and_was_sent_once(
    behave: Behaviour, reason: Reason, post: bool
) -> None:
    with Loopback(behave) as server:
        ended = ask(server, post=post)
    assert isinstance(ended, NoAnswer)
    assert (ended.fate, ended.reason) == (Fate.UNKNOWN, reason)
    assert (server.connections, len(server.requests)) == (1, 1)


@pytest.mark.parametrize("behave", SLOW.values(), ids=SLOW.keys())
def test_a_gateway_that_is_slow_in_any_way_meets_the_total_limit_and_the_request_is_unknown(
    behave: Behaviour,
) -> None:
    with Loopback(behave) as server:
        started = time.monotonic()
        ended = ask(server, limit=0.7)
        assert time.monotonic() - started < 4
    assert isinstance(ended, NoAnswer)
    assert (ended.fate, ended.reason) == (Fate.UNKNOWN, Reason.TIMEOUT)
    assert (server.connections, len(server.requests)) == (1, 1)


@pytest.mark.parametrize(
    "status", ["500 Oops", "502 Bad Gateway", "503 Busy", "429 Slow down", "404 Gone", "204 Nothing"]
)
def test_an_http_status_other_than_200_is_an_answer_and_is_asked_once(status: str) -> None:
    with Loopback(answers(b"", status, "Retry-After: 0\r\n")) as server:
        assert ask(server) == HttpResponse(int(status[:3]), b"")
    assert server.connections == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed_for_its_address_would_get_the_password(status: str) -> None:
    with (
        Loopback(answers(b"OK 666")) as other,
        Loopback(answers(b"moved", status, f"Location: {other.url}\r\n")) as server,
    ):
        assert ask(server) == HttpResponse(int(status[:3]), b"moved")
    assert (server.connections, other.connections) == (1, 0)


def test_an_endless_redirect_page_is_not_read_to_its_end() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n"
    with Loopback(drips_after(head, b"x" * 8192)) as server:
        ended = ask(server)
    assert isinstance(ended, NoAnswer)
    assert ended.reason is Reason.TOO_LARGE
    assert server.connections == 1


def test_a_long_error_page_under_a_4xx_is_still_that_4xx() -> None:
    with Loopback(answers(b"x" * 9000, "403 Forbidden")) as server:
        assert ask(server) == HttpResponse(403, b"x" * MOST_BYTES)


def test_a_header_line_that_is_none_does_not_spoil_the_answer() -> None:
    with Loopback(says(b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 4\r\n\r\nOK 1")) as server:
        assert ask(server) == HttpResponse(200, b"OK 1")


def test_an_answer_of_exactly_4_kib_is_whole() -> None:
    with Loopback(answers(b"x" * MOST_BYTES)) as server:
        assert ask(server) == HttpResponse(200, b"x" * MOST_BYTES)


def test_an_endless_answer_costs_no_memory() -> None:
    transport = Transport(20)
    with Loopback(floods) as server:
        tracemalloc.start()
        try:
            transport.ask(server.url, FORM)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 2_000_000


def test_a_gzip_bomb_is_not_inflated() -> None:
    bomb = gzip.compress(bytes(2_000_000))
    assert len(bomb) < MOST_BYTES
    with Loopback(answers(bomb, headers="Content-Encoding: gzip\r\n")) as server:
        assert ask(server) == HttpResponse(200, bomb)


def test_cookies_are_not_kept_between_requests() -> None:
    with Loopback(answers(b"OK", headers="Set-Cookie: track=1; Path=/\r\n")) as server:
        transport = Transport(20)
        transport.ask(server.url, FORM)
        transport.ask(server.url, FORM)
    assert len(server.requests) == 2
    assert not [request for request in server.requests if b"cookie" in request.lower()]


def test_proxies_and_netrc_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password evil\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Loopback(answers(b"OK 666")) as proxy, Loopback(answers(b"OK 1")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert ask(server) == HttpResponse(200, b"OK 1")
    assert proxy.connections == 0
    assert b"authorization" not in server.requests[0].lower()


def test_a_refused_port_is_not_sent(closed_port: int) -> None:
    ended = Transport(20).ask(f"http://127.0.0.1:{closed_port}/gateway.php", FORM)
    assert isinstance(ended, NoAnswer)
    assert (ended.fate, ended.reason) == (Fate.NOT_SENT, Reason.CONNECT)
    assert ended.detail == f"127.0.0.1:{closed_port}: Connection refused"


def test_a_host_that_does_not_answer_the_connect_is_not_sent_within_the_limit(silent_port: int) -> None:
    started = time.monotonic()
    ended = Transport(0.5).ask(f"http://127.0.0.1:{silent_port}/", FORM)
    assert time.monotonic() - started < 4
    assert isinstance(ended, NoAnswer)
    assert (ended.fate, ended.reason) == (Fate.NOT_SENT, Reason.CONNECT_TIMEOUT)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".invalid", "-bad-.invalid"])
def test_a_name_that_does_not_resolve_is_not_sent(host: str) -> None:
    ended = Transport(20).ask(f"http://{host}/gateway.php", FORM)
    assert isinstance(ended, NoAnswer)
    assert ended.fate is Fate.NOT_SENT
    assert ended.reason in (Reason.DNS, Reason.LOCAL)


@pytest.mark.parametrize(
    "url", ["", "gateway.example.org", "ftp://127.0.0.1/", "http://", "http://[::1", "http://h:x/"]
)
def test_an_address_that_is_none_is_not_sent(url: str) -> None:
    ended = Transport(20).ask(url, FORM)
    assert isinstance(ended, NoAnswer)
    assert (ended.fate, ended.reason) == (Fate.NOT_SENT, Reason.LOCAL)


def test_a_resolver_that_hangs_is_not_sent_within_the_limit_and_nothing_follows_when_it_wakes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    awake, real = threading.Event(), socket.getaddrinfo
    woken = threading.Semaphore(0)

    def hang(host: str, port: int, *args: int, **kwargs: int) -> object:
        if kwargs.get("flags", 0) & socket.AI_NUMERICHOST:
            return real(host, port, *args, **kwargs)
        awake.wait(30)
        woken.release()
        return real("127.0.0.1", port, *args, **kwargs)

    with Loopback(answers(b"OK")) as server:
        monkeypatch.setattr(socket, "getaddrinfo", hang)
        transport = Transport(0.2)
        ended = [transport.ask(f"http://slow.example:{server.port}/", FORM) for _ in range(9)]
        threads = [thread for thread in threading.enumerate() if thread.name == "resolve slow.example"]
        awake.set()
        for thread in threads:
            thread.join()
    assert {(end.fate, end.reason) for end in ended if isinstance(end, NoAnswer)} == {
        (Fate.NOT_SENT, Reason.DNS)
    }
    assert len(ended) == 9
    assert len(threads) == 8, "a dead resolver must not collect threads"
    assert server.connections == 0


@pytest.mark.parametrize("dead", ["closed_port", "silent_port"])
def test_a_dead_first_address_leaves_time_for_the_second(
    dead: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback(answers(b"OK 5")) as server:
        ports = (request.getfixturevalue(dead), server.port)
        places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: places)
        assert Transport(3).ask("http://two.example/", FORM) == HttpResponse(200, b"OK 5")


def test_tls_with_a_trusted_certificate_answers(tls: tuple[str, ssl.SSLContext]) -> None:
    ca, context = tls
    with Loopback(answers(b"OK 77"), context) as server:
        assert ask(server, ca=ca) == HttpResponse(200, b"OK 77")


@pytest.mark.parametrize("behave", [SLOW["drip of body"], SLOW["drip of headers"]], ids=["body", "headers"])
def test_the_total_limit_holds_under_tls(tls: tuple[str, ssl.SSLContext], behave: Behaviour) -> None:
    ca, context = tls
    with Loopback(behave, context) as server:
        started = time.monotonic()
        ended = ask(server, limit=1, ca=ca)
        assert time.monotonic() - started < 5
    assert isinstance(ended, NoAnswer)
    assert (ended.fate, ended.reason) == (Fate.UNKNOWN, Reason.TIMEOUT)


def test_a_connection_lost_under_tls_is_unknown_and_was_sent_once(tls: tuple[str, ssl.SSLContext]) -> None:
    ca, context = tls
    with Loopback(closes, context) as server:
        ended = ask(server, ca=ca)
    assert isinstance(ended, NoAnswer)
    assert (ended.fate, ended.reason) == (Fate.UNKNOWN, Reason.CONNECTION_LOST)
    assert (server.connections, len(server.requests)) == (1, 1)


def test_a_self_signed_certificate_is_not_sent_whatever_the_environment_trusts(
    tls: tuple[str, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, tls[0])
    with Loopback(answers(b"OK"), tls[1]) as server:
        ended = ask(server)
    assert isinstance(ended, NoAnswer)
    assert (ended.fate, ended.reason) == (Fate.NOT_SENT, Reason.TLS)
    assert "self-signed certificate" in ended.detail
    assert server.requests == []


def test_a_certificate_for_another_name_is_not_sent(tmp_path: Path) -> None:
    ca, context = certificate(tmp_path, "DNS:other.example")
    with Loopback(answers(b"OK"), context) as server:
        ended = ask(server, ca=ca)
    assert isinstance(ended, NoAnswer)
    assert (ended.fate, ended.reason) == (Fate.NOT_SENT, Reason.TLS)
    assert server.requests == []


@pytest.mark.parametrize(
    "behave",
    [closes, resets, says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), hangs_after(b"")],
    ids=["closes", "resets", "speaks no TLS", "hangs"],
)
def test_a_handshake_that_fails_is_not_sent_within_the_limit(behave: Behaviour) -> None:
    with Loopback(behave, read=False) as server:
        started = time.monotonic()
        ended = Transport(0.7).ask(server.url.replace("http:", "https:"), FORM)
        assert time.monotonic() - started < 4
    assert isinstance(ended, NoAnswer)
    assert ended.fate is Fate.NOT_SENT
    # A reset that comes back before connect() returned is a failure to connect: the kernel decides which.
    assert ended.reason is Reason.TLS or (behave is resets and ended.reason is Reason.CONNECT)
    assert server.connections == 1, "neither repeated nor tried without TLS"


def test_nothing_older_than_tls_1_2_is_offered() -> None:
    hello: list[bytes] = []
    with Loopback(lambda conn, _stop: hello.append(conn.recv(65536)), read=False) as server:
        Transport(5).ask(server.url.replace("http:", "https:"), FORM)
    supported_versions = b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03"  # RFC 8446 4.2.1: 1.3 and 1.2, nothing else
    assert supported_versions in hello[0]


def test_several_threads_may_ask_at_once() -> None:
    with Loopback(answers(b"OK")) as server:
        transport, ended = Transport(20), []
        threads = [
            threading.Thread(target=lambda: ended.append(transport.ask(server.url, FORM))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ended == [HttpResponse(200, b"OK")] * 8
    assert server.connections == 8


def test_an_answer_does_not_show_its_body_by_repr() -> None:
    assert "geheim" not in repr(HttpResponse(200, b"geheim"))

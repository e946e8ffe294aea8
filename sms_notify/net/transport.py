"""One HTTP request by `requests`, as gateways need it: bounded in time and size, sent at most once, and silent.

A text sent by GET is not idempotent, so nothing here repeats a request: no retry, no redirect, no proxy or
netrc from the environment, no connection or cookie kept. What can be known exactly is known: whether a byte
of the request left.

The query holds the password. It never passes through `requests` or urllib3's pool, whose exceptions and DEBUG
lines print URLs: they see the bare address, and the connection adds the query as it writes the request line.
"""

from __future__ import annotations

import errno
import http.client
import importlib.metadata
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from sms_notify.net.details import clean, words
from sms_notify.net.heads import WholeHead
from sms_notify.net.sockets import Deadline, Place, TimedSocket, TimedTlsSocket, bare_tls_context, reach
from sms_notify.policy.outcomes import Fate, Reason
from sms_notify.secret import Secret

MOST_BYTES = 4096  # the gateway's answers are one line; what is longer is somebody else's page
_MOST_LOOKUPS = 8  # names being resolved at once; a dead resolver must not collect threads
_LOCAL_ERRNOS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL})
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete answer. `body` is as it came, never decompressed; repr hides it: it may repeat secrets."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No answer, and whether the request may have reached the gateway: NOT_SENT or UNKNOWN."""

    fate: Fate
    reason: Reason
    detail: str


class Transport:
    """Asks one question a call, from any thread.

    `limit` is the whole request in seconds, from name resolution to the last byte. `ca_file` replaces the
    bundle of trusted certificates (PEM). Raises OSError (ssl.SSLError) where that file cannot be read.
    """

    def __init__(self, limit: float, ca_file: str | None = None) -> None:
        self._limit = limit
        self._tls = _tls_context(ca_file) if ca_file else _usual_tls_context()
        self._adapter = _Adapter(self._pool)
        self._prepared: dict[str, requests.PreparedRequest] = {}  # a GET each; an account has two addresses
        self._lookups = threading.BoundedSemaphore(_MOST_LOOKUPS)
        self._headers = {
            "User-Agent": f"sms-notify/{importlib.metadata.version('sms-notify')}",
            "Accept": "text/plain, */*",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }

    def ask(
        self, url: str, form: Secret, *, post: bool = False, most: int = MOST_BYTES
    ) -> HttpResponse | NoAnswer:
        """One request with `form` (already percent-encoded) as query, or as body of a POST. Never raises.

        An answer of more than `most` bytes is none of the gateway's: it is cut off and not looked at.
        """
        query = Secret("" if post else "?" + form.reveal())
        trip = _Trip(self._limit, self._lookups, query)
        try:
            return self._ask(trip, url, form if post else None, most)
        except Exception as error:  # noqa: BLE001 - whatever a network or a library does is an outcome, not a crash
            return _ended(trip, error)
        finally:
            trip.end()

    def _ask(self, trip: _Trip, url: str, body: Secret | None, most: int) -> HttpResponse | NoAnswer:
        request = self._get(url) if body is None else self._post(url, body)
        # The stubs know of seconds alone; `requests` documents urllib3's time-outs as well.
        with self._adapter.send(request, stream=True, timeout=trip) as response:  # type: ignore[arg-type]
            return _answer(response, most)

    def _get(self, url: str) -> requests.PreparedRequest:
        """Prepared once: its query is the trip's, so that nothing in it changes from one text to the next."""
        request = self._prepared.get(url)
        if request is None:
            request = self._prepared[url] = requests.Request("GET", url, headers=self._headers).prepare()
        return request

    def _post(self, url: str, body: Secret) -> requests.PreparedRequest:
        headers = {**self._headers, "Content-Type": _FORM}
        return requests.Request("POST", url, headers=headers, data=body.reveal().encode("ascii")).prepare()

    def _pool(self, url: str) -> HTTPConnectionPool:
        parts = urlsplit(url)
        if parts.scheme == "https":
            host, port = parts.hostname or "", parts.port
            return _TlsPool(host, port, ssl_context=self._tls, cert_reqs="CERT_REQUIRED")
        if parts.scheme == "http":
            return _PlainPool(parts.hostname or "", parts.port)
        raise _StopError(Reason.LOCAL, "the url must begin with http:// or https://")


class _StopError(Exception):
    """The request ended before its first byte left."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class _Trip(Timeout):
    """One request on its way. `left` turns true just before the first byte is handed to the kernel.

    It is the time-out of its request, for that is what `requests` hands through to the pool unseen.
    """

    connection: _Watched | None = None
    left = False

    def __init__(self, limit: float, lookups: threading.BoundedSemaphore, query: Secret) -> None:
        super().__init__(connect=limit, read=limit)
        self.deadline = Deadline(limit)
        self.query = query
        self._lookups = lookups

    def end(self) -> None:
        """Nothing is kept open, whatever the server would like."""
        if self.connection is not None:
            self.connection.close()

    def reach(self, host: str, port: int) -> TimedSocket:
        """A connected socket."""
        places = self._places(host, port)
        try:
            sock = reach(places, self.deadline, TimedSocket)
        except OSError as error:
            raise _StopError(_why_unreached(error), f"{host}:{port}: {words(error)}") from None
        sock.deadline = self.deadline
        return sock

    def _places(self, host: str, port: int) -> list[Place]:
        """The addresses of a name.

        The system's resolver cannot be interrupted, so it works in a thread that is left behind when time is
        up: it knows the name alone, sends nothing afterwards and ends when the resolver gives up.
        """
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except OSError:
            pass  # a name, not an address
        found: queue.SimpleQueue[list[Place] | Exception] = queue.SimpleQueue()
        if not self._lookups.acquire(timeout=self.deadline.need()):
            raise _StopError(Reason.DNS, f"{host}: the resolver does not answer")
        _start_lookup(host, port, found, self._lookups)
        try:
            places = found.get(timeout=self.deadline.need())
        except (queue.Empty, TimeoutError):
            raise _StopError(Reason.DNS, f"{host}: the name did not resolve in time") from None
        if isinstance(places, Exception):
            raise _StopError(Reason.DNS, f"{host}: {words(places)}")
        return places


def _start_lookup(
    host: str, port: int, found: queue.SimpleQueue[list[Place] | Exception], slots: threading.Semaphore
) -> None:
    def look() -> None:
        try:
            found.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 - handed to the thread that asked (UnicodeError for a bad name)
            found.put(error)
        finally:
            slots.release()

    try:
        threading.Thread(target=look, name=f"resolve {host}", daemon=True).start()
    except BaseException:
        slots.release()
        raise


class _Watched(HTTPConnection):
    """Knows whether the request left, keeps the time limit, and is the only one to see the query."""

    response_class = WholeHead
    debuglevel = 0  # http.client would print the request; its global switch does not reach here

    trip: _Trip

    def _new_conn(self) -> socket.socket:
        return self.trip.reach(self._dns_host, self.port or self.default_port)

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        super().putrequest(method, url + self.trip.query.reveal(), *args, **kwargs)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.trip.left = True
        super().send(data)


class _WatchedTls(_Watched, HTTPSConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except _StopError:
            raise
        except Exception as error:  # noqa: BLE001 - before the first byte, whatever the handshake stumbled over
            raise _StopError(Reason.TLS, f"{self.host}:{self.port}: {words(error)}") from None
        if isinstance(self.sock, TimedSocket):
            self.sock.deadline = self.trip.deadline


class _PlainPool(HTTPConnectionPool):
    """Keeps no connection: a text that meets one which the server is about to close might be out, or not."""

    ConnectionCls = _Watched

    def urlopen(self, method: str, url: str, *_args: Any, **sent: Any) -> BaseHTTPResponse:
        """One request on a connection of its own. The inherited method would wait for one, look whether it may be
        used again, and count what may be repeated: most of its time is spent on what never happens here.
        """
        trip: _Trip = sent["timeout"]
        connection = self._new_conn()
        assert isinstance(connection, _Watched)  # noqa: S101 - by ConnectionCls
        connection.trip, trip.connection = trip, connection
        return self._make_request(
            connection,
            method,
            url,
            body=sent["body"],
            headers=sent["headers"],
            timeout=trip,
            preload_content=False,
            decode_content=False,
        )


class _TlsPool(_PlainPool, HTTPSConnectionPool):
    ConnectionCls = _WatchedTls


class _Adapter(HTTPAdapter):
    """`requests` over pools of ours: none of its own, so no proxies; TLS is the pool's affair."""

    def __init__(self, open_pool: Callable[[str], HTTPConnectionPool]) -> None:
        super().__init__(max_retries=0)
        self._open_pool = open_pool
        self._pools: dict[str, HTTPConnectionPool] = {}

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any
    ) -> HTTPConnectionPool:
        url = request.url or ""
        pool = self._pools.get(url)
        if pool is None:
            pool = self._pools[url] = self._open_pool(url)
        return pool

    def cert_verify(self, *_args: Any, **_kwargs: Any) -> None:
        """The context verifies; the inherited method would load the bundle again for every request."""

    def request_url(self, request: requests.PreparedRequest, _proxies: object) -> str:
        """There is no proxy to be looked for."""
        return request.path_url

    def build_response(self, request: requests.PreparedRequest, raw: BaseHTTPResponse) -> requests.Response:
        """What is asked of a response: its status, and its bytes. No cookie is looked for, and no encoding."""
        response = requests.Response()
        response.request, response.raw, response.status_code = request, raw, raw.status
        return response


def _tls_context(ca_file: str) -> ssl.SSLContext:
    """Trusts nobody beside the authorities of `ca_file`."""
    context = bare_tls_context()
    context.load_verify_locations(ca_file)
    context.sslsocket_class = TimedTlsSocket
    return context


@cache
def _usual_tls_context() -> ssl.SSLContext:
    """Once a process: to read all authorities takes longer than many a request."""
    return _tls_context(DEFAULT_CA_BUNDLE_PATH)


def _answer(response: requests.Response, most: int) -> HttpResponse | NoAnswer:
    body = b""
    while len(body) <= most:
        more = response.raw.read(most + 1 - len(body), decode_content=False)
        if not more:
            return HttpResponse(response.status_code, body)
        body += more
    if 400 <= response.status_code < 500:  # the status line said all; the rest is a proxy's page
        return HttpResponse(response.status_code, body[:most])
    detail = f"HTTP {response.status_code} with more than {most} bytes: no answer of the gateway"
    return NoAnswer(Fate.UNKNOWN, Reason.TOO_LARGE, detail)


def _ended(trip: _Trip, error: Exception) -> NoAnswer:
    """What a request that broke off is: by whether its first byte left, not by who complained."""
    if trip.left:
        causes = [cause for cause in _causes(error) if not isinstance(cause, requests.RequestException)]
        return NoAnswer(Fate.UNKNOWN, _why_lost(causes), clean(words(causes[-1] if causes else error)))
    if isinstance(error, _StopError):
        return NoAnswer(Fate.NOT_SENT, error.reason, clean(error.detail))
    return NoAnswer(Fate.NOT_SENT, Reason.LOCAL, clean(words(error)))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _why_lost(causes: list[BaseException]) -> Reason:
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return Reason.TIMEOUT
    if any(isinstance(cause, OSError | http.client.IncompleteRead) for cause in causes):
        return Reason.CONNECTION_LOST
    return Reason.UNREADABLE


def _why_unreached(fault: OSError) -> Reason:
    if fault.errno in _LOCAL_ERRNOS:
        return Reason.LOCAL
    return Reason.CONNECT_TIMEOUT if isinstance(fault, TimeoutError) else Reason.CONNECT

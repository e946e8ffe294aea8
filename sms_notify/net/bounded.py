"""Work that ends in time, whatever the other side, the resolver or a library does.

Libraries bound each wait and not the whole: a server that says one byte a second holds them for ever. So the
work has a thread of its own and a leash. When time is up the leash is cut: its connections are shut down,
which ends the thread, and a request that has not left by then never leaves.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from sms_notify.net.details import clean, words
from sms_notify.net.sockets import Deadline, bare_tls_context, reach

T = TypeVar("T")
_MOST_AT_ONCE = 4  # threads that a dead resolver or disk may hold


class MisconfiguredError(Exception):
    """No repetition helps until somebody changes something; the text says what, and holds no secrets."""


class Broke(StrEnum):
    """How far work came that has no result."""

    UNREACHABLE = "unreachable"  # nothing left
    UNKNOWN = "unknown"  # it may have been taken, and no answer says so
    MISCONFIGURED = "misconfigured"  # no repetition helps until somebody changes something


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """Work without a result. `detail` is printable, at most 200 characters, and free of secrets and numbers."""

    how: Broke
    detail: str


class Leash:
    """What one piece of work holds. `left` is true from just before the request itself is handed over."""

    def __init__(self, limit: float) -> None:
        self.left = False
        self._deadline = Deadline(limit)
        self._lock = threading.Lock()
        self._cut = False
        self._held: list[socket.socket] = []

    def leaves(self) -> None:
        """Must be called before the first byte of the request goes. Raises TimeoutError when time was up."""
        with self._lock:
            self._check()
            self.left = True

    def connect(self, host: str, port: int, context: ssl.SSLContext | None = None) -> socket.socket:
        """A connected socket, under TLS where there is a `context`. Raises OSError."""
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        sock = reach(places, self._deadline, socket.socket)
        try:
            self._hold(sock)
            return context.wrap_socket(sock, server_hostname=host) if context is not None else sock
        except BaseException:
            sock.close()
            raise

    def cut(self) -> None:
        """Ends what is under way; from here on nothing leaves that has not left."""
        with self._lock:
            self._cut = True
            for sock in self._held:
                _shut(sock)

    def close(self) -> None:
        with self._lock:
            for sock in self._held:
                sock.close()
            self._held.clear()

    def _hold(self, sock: socket.socket) -> None:
        with self._lock:
            self._check()
            # a double of the descriptor: TLS takes the socket itself away, and half through a handshake
            # nobody has it
            self._held.append(sock.dup())

    def _check(self) -> None:
        if self._cut:
            raise TimeoutError


class Bound:
    """Runs work on a leash, a few at once."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._slots = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def run(self, work: Callable[[Leash], T]) -> T | BrokenOff:
        """What `work` came to within the limit (seconds). Never raises."""
        if not self._slots.acquire(blocking=False):
            return BrokenOff(Broke.UNREACHABLE, "earlier attempts are still waiting for an answer")
        leash = Leash(self._limit)
        done: queue.SimpleQueue[T | BrokenOff] = queue.SimpleQueue()
        try:
            threading.Thread(target=self._work, args=(work, leash, done), name="bounded", daemon=True).start()
        except RuntimeError:
            self._slots.release()
            return BrokenOff(Broke.UNREACHABLE, "no thread to be had")
        try:
            return done.get(timeout=self._limit)
        except queue.Empty:
            leash.cut()
            return BrokenOff(
                Broke.UNKNOWN if leash.left else Broke.UNREACHABLE, "no answer within the time limit"
            )

    def _work(self, work: Callable[[Leash], T], leash: Leash, done: queue.SimpleQueue[T | BrokenOff]) -> None:
        result: T | BrokenOff
        try:
            result = work(leash)
        except Exception as error:  # noqa: BLE001 - whatever a network or a library does is a result, not a crash
            result = _broken_off(leash, error)
        finally:
            leash.close()
            self._slots.release()
        done.put(result)


def _broken_off(leash: Leash, error: Exception) -> BrokenOff:
    """By whether the request left, then by what kind of error it was."""
    if leash.left:
        return BrokenOff(Broke.UNKNOWN, clean(words(error)))
    if isinstance(error, OSError):
        return BrokenOff(Broke.UNREACHABLE, clean(words(error)))
    said = str(error) if isinstance(error, MisconfiguredError) else words(error)
    return BrokenOff(Broke.MISCONFIGURED, clean(said))


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Trusts the machine's authorities and those of `ca_file` (PEM). Raises MisconfiguredError where that cannot be
    read.
    """
    context = bare_tls_context()
    context.load_default_certs()
    try:
        if ca_file:
            context.load_verify_locations(ca_file)
    except OSError as error:
        raise MisconfiguredError(f"ca_file cannot be used: {words(error)}") from None
    return context


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # the other side was quicker
        sock.shutdown(socket.SHUT_RDWR)

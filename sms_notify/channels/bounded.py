"""Work that ends in time, whatever the other side, the resolver or a library does.

Libraries bound each wait and not the whole: a server that says one byte a second holds them for ever. So the
work has a thread of its own and a leash. When time is up the leash is cut: its connections are shut down,
which ends the thread, and a note that has not left by then never leaves.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from sms_notify.channels.base import Ended, Told
from sms_notify.net.details import clean, words

_MOST_AT_ONCE = 4  # threads that a dead resolver or disk may hold; one road is told of one trouble at a time


class Deadline:
    """A moment `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, 0 when there are none."""
        return max(0.0, self._ends - time.monotonic())


class Leash:
    """What one telling holds. `left` is true from just before the note itself is handed over."""

    def __init__(self, limit: float) -> None:
        self.left = False
        self._deadline = Deadline(limit)
        self._lock = threading.Lock()
        self._cut = False
        self._held: list[socket.socket] = []

    def leaves(self) -> None:
        """Must be called before the first byte of the note goes. Raises TimeoutError when time was up."""
        with self._lock:
            self._check()
            self.left = True

    def connect(self, host: str, port: int) -> socket.socket:
        """A connected socket. Each address has its share of the time: a dead IPv6 leaves IPv4 some.

        Raises OSError.
        """
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        fault: OSError = OSError("no address")
        for later, (family, kind, protocol, _, address) in zip(
            range(len(places), 0, -1), places, strict=True
        ):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(max(0.001, self._deadline.left() / later))
                sock.connect(address)
                self._hold(sock)
                return sock
            except OSError as error:
                fault = error
                sock.close()
        raise fault

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
            sock.settimeout(max(0.001, self._deadline.left()))

    def _check(self) -> None:
        if self._cut:
            raise TimeoutError


class Bound:
    """Runs work on a leash, a few at once."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._slots = threading.BoundedSemaphore(_MOST_AT_ONCE)

    def run(self, work: Callable[[Leash], Told]) -> Told:
        """What `work` came to within the limit (seconds). Never raises."""
        if not self._slots.acquire(blocking=False):
            return Told(Ended.UNREACHABLE, "earlier attempts are still waiting for an answer")
        leash = Leash(self._limit)
        done: queue.SimpleQueue[Told] = queue.SimpleQueue()
        try:
            threading.Thread(target=self._work, args=(work, leash, done), name="road", daemon=True).start()
        except RuntimeError:
            self._slots.release()
            return Told(Ended.UNREACHABLE, "no thread to be had")
        return _result(leash, done, self._limit)

    def _work(self, work: Callable[[Leash], Told], leash: Leash, done: queue.SimpleQueue[Told]) -> None:
        try:
            told = work(leash)
        except Exception as error:  # noqa: BLE001 - whatever a network or a library does is an outcome, not a crash
            told = ended(leash, error)
        finally:
            leash.close()
            self._slots.release()
        done.put(told)


def _result(leash: Leash, done: queue.SimpleQueue[Told], limit: float) -> Told:
    try:
        return done.get(timeout=limit)
    except queue.Empty:
        leash.cut()
        return Told(Ended.UNKNOWN if leash.left else Ended.UNREACHABLE, "no answer within the time limit")


def ended(leash: Leash, error: Exception) -> Told:
    """What a telling that broke off is: by whether the note left, then by what kind of error it was."""
    if leash.left:
        return Told(Ended.UNKNOWN, clean(words(error)))
    if isinstance(error, OSError):
        return Told(Ended.UNREACHABLE, clean(words(error)))
    return Told(Ended.MISCONFIGURED, clean(words(error)))


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Verifies certificate and name; TLS 1.2 or newer (RFC 8996); no key log, whatever the environment.

    Trusts the machine's authorities and those of `ca_file` (PEM). Raises OSError where that cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # the other side was quicker
        sock.shutdown(socket.SHUT_RDWR)

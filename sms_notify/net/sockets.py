"""What every bounded request begins with: the time that is left, a connected socket, and whom TLS trusts."""

from __future__ import annotations

import errno
import ssl
import time
from collections.abc import Sequence
from socket import socket
from typing import Any, TypeVar

Place = tuple[Any, Any, int, str, Any]
"""As `socket.getaddrinfo` names an address."""
S = TypeVar("S", bound=socket)


class Deadline:
    """A moment `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, 0 when there are none."""
        return max(0.0, self._ends - time.monotonic())

    def need(self) -> float:
        """Seconds left, above 0: a time-out of 0 would mean not to wait at all. Raises TimeoutError when there are
        none.
        """
        left = self.left()
        if not left:
            raise TimeoutError(errno.ETIMEDOUT, "the time limit is over")
        return left


class TimedSocket(socket):
    """A socket whose every wait is bounded by what is left of the whole: a drip of bytes gains no time."""

    deadline: Deadline
    ended = False  # the peer has said its last byte, and we came back for more

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.deadline.need())
        got = super().recv_into(*args, **kwargs)
        self.ended = got == 0
        return got

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.deadline.need())
        return super().send(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(self.deadline.need())
        super().sendall(*args, **kwargs)


class TimedTlsSocket(TimedSocket, ssl.SSLSocket):
    """The same under TLS; `ssl` bounds the handshake by the time-out that the plain socket had."""


def reach(places: Sequence[Place], deadline: Deadline, kind: type[S]) -> S:
    """A connected socket. Each address has its share of the time: a dead IPv6 leaves IPv4 some. Raises OSError."""
    fault = OSError("no address")
    for later, place in zip(range(len(places), 0, -1), places, strict=True):
        try:
            return _connect(place, deadline, deadline.need() / later, kind)
        except OSError as error:
            fault = error
    raise fault


def _connect(place: Place, deadline: Deadline, seconds: float, kind: type[S]) -> S:
    family, form, protocol, _, address = place
    sock = kind(family, form, protocol)
    try:
        sock.settimeout(seconds)
        sock.connect(address)
        sock.settimeout(deadline.need())
    except BaseException:
        sock.close()
        raise
    return sock


def bare_tls_context() -> ssl.SSLContext:
    """Verifies certificate and name; TLS 1.2 or newer (RFC 8996); no key log, whatever the environment. It trusts
    nobody yet.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context

"""Stands between a node and PostgreSQL, and cuts: at any time, or between a commit and its answer. Or it lets nothing through.

It reads the server's messages (a letter, four bytes of length, the rest) and nothing of the client's but how it begins.
"""

from __future__ import annotations

import random
import socket
import threading
from contextlib import suppress

from daemons import free_port

_ENCRYPTED = (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30")  # asked for before all else: TLS, GSSAPI
_COMMITTED = b"COMMIT\x00"


class CuttingProxy:
    """`unanswered` is the share of the commits that are made and never answered, beside the next `next_unanswered`."""

    def __init__(self, server: int, unanswered: float = 0.0, seed: int = 0) -> None:
        self.server, self.unanswered, self.next_unanswered = server, unanswered, 0
        self.commits_cut = self.cuts = 0
        self.passing = threading.Event()
        self.passing.set()
        self._dice = random.Random(seed)
        self._pairs: set[_Pair] = set()
        self.port = free_port()
        self._listening = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """All connections, wherever they are."""
        self.cuts += 1
        for pair in tuple(self._pairs):
            pair.close()

    def cut_now(self) -> bool:
        """Whether this commit is one that nobody hears of."""
        chosen = self.next_unanswered > 0 or self._dice.random() < self.unanswered
        self.next_unanswered -= self.next_unanswered > 0
        self.commits_cut += chosen
        return chosen

    def stop(self) -> None:
        self.unanswered = 0
        self.passing.set()
        self._listening.close()
        for pair in tuple(self._pairs):
            pair.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                node, _ = self._listening.accept()
                threading.Thread(target=self._pass, args=(node,), daemon=True).start()

    def _pass(self, node: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.server), timeout=5)
        except OSError:
            node.close()
            return
        server.settimeout(None)
        pair = _Pair(self, node, server)
        self._pairs.add(pair)
        pair.run()
        self._pairs.discard(pair)


class _Pair:
    """One connection."""

    def __init__(self, proxy: CuttingProxy, node: socket.socket, server: socket.socket) -> None:
        self._proxy, self._node, self._server = proxy, node, server
        for end in (node, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def run(self) -> None:
        """Until either end has had enough."""
        asking = threading.Thread(target=self._ask, daemon=True)
        asking.start()
        with suppress(OSError):
            self._answer()
        self.close()
        asking.join()
        self._node.close()
        self._server.close()

    def close(self) -> None:
        for end in (self._node, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _ask(self) -> None:
        with suppress(OSError):
            begun = False
            while came := self._node.recv(1 << 16):
                self._proxy.passing.wait()
                if not begun and came[4:8] in _ENCRYPTED:
                    self._node.sendall(b"N")
                    continue
                begun = True
                self._server.sendall(came)
        self.close()

    def _answer(self) -> None:
        kept = b""
        while came := self._server.recv(1 << 16):
            kept += came
            whole = _whole(kept)
            self._proxy.passing.wait()
            if _tells_of_commit(kept[:whole]) and self._proxy.cut_now():
                return
            self._node.sendall(kept[:whole])
            kept = kept[whole:]


def _whole(came: bytes) -> int:
    """How many bytes of it are whole messages."""
    at = 0
    while at + 5 <= len(came) and at + (length := 1 + int.from_bytes(came[at + 1 : at + 5])) <= len(came):
        at += length
    return at


def _tells_of_commit(messages: bytes) -> bool:
    at = 0
    while at < len(messages):
        length = int.from_bytes(messages[at + 1 : at + 5])
        if messages[at : at + 1] == b"C" and messages[at + 5 : at + 1 + length] == _COMMITTED:
            return True
        at += 1 + length
    return False

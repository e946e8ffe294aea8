"""Between us and a PostgreSQL server: a TCP proxy that cuts both sides before the answer to a commit passes."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

_MADE = b"C\x00\x00\x00\x0bCOMMIT\x00"  # how the server says that it is done


class CuttingProxy:
    """Passes everything on, and swallows the answers to the next `cuts` commits with their connections."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            pair = (client, socket.create_connection(self._server))
            for way in (pair, pair[::-1]):
                threading.Thread(target=self._pass_on, args=way, daemon=True).start()

    def _pass_on(self, source: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if self.cuts and _MADE in data:
                    self.cuts -= 1
                    break
                to.sendall(data)
        for one in (source, to):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

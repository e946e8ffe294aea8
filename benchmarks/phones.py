"""A gateway that takes every text at once and remembers when each arrived: as little as an answer can cost.

`GET /arrivals` gives {number of the alert: seconds on the monotonic clock, which all processes of a host share}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import uvloop
from payloads import ALERT


class Phones:
    """What has arrived. A text that came twice keeps its first time."""

    def __init__(self) -> None:
        self.arrivals: dict[str, float] = {}
        self._texts = 0

    def answer(self, target: bytes) -> bytes:
        now = time.monotonic()
        if target.startswith(b"/arrivals"):
            return json.dumps(self.arrivals).encode()
        if b"action=credits" in target:
            return b"100000"
        if b"gatewayrapport" in target:
            return b"DELIVERED"
        if alert := ALERT.search(target):
            self.arrivals.setdefault(alert[1].decode(), now)
        self._texts += 1
        return b"OK %d" % self._texts


class Connection(asyncio.Protocol):
    """GET only, no body; several requests on one connection, one after the other."""

    def __init__(self, phones: Phones) -> None:
        self._phones = phones
        self._received = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (head := self._received.partition(b"\r\n\r\n"))[1]:
            body = self._phones.answer(head[0].split(b" ", 2)[1])
            self._received = head[2]
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
                % (len(body), body)
            )


async def serve(port: int) -> None:
    phones = Phones()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(phones), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(port))


if __name__ == "__main__":
    main()

"""A gateway that answers one person's text with too much or too slowly costs the others nothing."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from daemons import Daemon, eventually, payload, post, write_config
from test_gateway_transport import Loopback

ALICE = b"naar=32470000001"
GZIP_BOMB = (
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + b"\xec\xc1\x01\r\x00\x00\x00\xc2\xa0\xf7Om\x0e7\xa0" * 9000
)


def endless(connection: socket.socket, stop: threading.Event) -> None:
    """Up to a gigabyte, as fast as it is taken."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    chunk = b"OK 12345 " * 100_000
    for _ in range(1_100):
        if stop.is_set():
            return
        connection.sendall(chunk)


def endless_head(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100_000):
        if stop.is_set():
            return
        connection.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")


def drip(connection: socket.socket, stop: threading.Event) -> None:
    """One byte a second."""
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nOK 12345":
        connection.sendall(bytes([byte]))
        if stop.wait(1):
            return


def bomb(connection: socket.socket, _: threading.Event) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(GZIP_BOMB)
    connection.sendall(head + GZIP_BOMB)


def peak(daemon: Daemon) -> int:
    """The most resident kilobytes that the process ever had."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text("utf-8")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])


@pytest.mark.parametrize("bad", [endless, endless_head, drip, bomb], ids=lambda bad: bad.__name__)
def test_memory_and_time_are_bounded_and_other_people_are_texted_meanwhile(
    tmp_path: Path, bad: Callable[[socket.socket, threading.Event], None]
) -> None:
    def behave(connection: socket.socket, stop: threading.Event) -> None:
        request = server.requests[-1]
        if ALICE in request:
            bad(connection, stop)
        else:
            answer = b"OK 4711" if b"bericht=" in request else b"500"
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))

    with Loopback(behave) as server:
        url = server.url.rpartition("/")[0] + "/"
        daemon = Daemon(write_config(tmp_path, url, timeout="6s"))
        try:
            before = peak(daemon)
            assert post(daemon.url, payload("HostDown")) == 200
            to_bob = "select state from messages where recipient = 'bob'"
            assert eventually(lambda: daemon.rows(to_bob) == [("sent",)], 5), (
                "bob does not wait for alice's answer"
            )
            to_alice = "select fate, (ended_at - started_at) / 1000000 from attempts a join messages m on m.id = a.message_id"
            ended = to_alice + " where m.recipient = 'alice' and a.ended_at is not null"
            assert eventually(lambda: len(daemon.rows(ended)) == 1, 20)
            fate, seconds = daemon.rows(ended)[0]
            assert fate == "unknown"
            assert seconds <= 8
            assert peak(daemon) - before < 20_000
        finally:
            daemon.kill()

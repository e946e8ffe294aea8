"""An answer leaves in one write, whatever kind of answer it is."""

from __future__ import annotations

import socket
import struct

import pytest
from web_serving import ONE_ALERT, serving

POST = b"POST /alertmanager HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (
    len(ONE_ALERT),
    ONE_ALERT,
)


def packets(sock: socket.socket) -> int:
    """That came with data, as the kernel counts them (`tcpi_data_segs_in` of linux/tcp.h)."""
    told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    return int(struct.unpack_from("=I", told, 152)[0])


@pytest.mark.parametrize(
    ("raw", "end"),
    [
        (POST, b'{"accepted": 1}\n'),
        (b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n", b"OK"),
        (b"PUT /alertmanager HTTP/1.1\r\nHost: localhost\r\n\r\n", b"Method Not Allowed"),
    ],
    ids=["webhook", "page", "refusal"],
)
def test_an_answer_is_one_packet(raw: bytes, end: bytes) -> None:
    with serving() as served, served.connect() as sock:
        for number in range(3):  # the connection is kept
            sock.sendall(raw)
            answer = b""
            while not answer.endswith(b"\r\n\r\n" + end):
                answer += sock.recv(65_536)
            assert packets(sock) == number + 1


def test_an_answer_without_a_body_is_not_held_back() -> None:
    with serving() as served, served.connect() as sock:
        for _ in range(3):
            sock.sendall(b"HEAD /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = sock.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(b"\r\n\r\n")


def test_who_asks_whether_to_go_on_is_told_before_the_answer() -> None:
    head, body = POST.split(b"\r\n\r\n", 1)
    with serving() as served, served.connect() as sock:
        sock.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert sock.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        answer = sock.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b'{"accepted": 1}\n')

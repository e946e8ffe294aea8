"""The head of an answer is read as http.client reads it, by less work; what is cut off is not a head."""

from __future__ import annotations

import http.client
import io
import socket
from typing import Any, cast

import pytest

from sms_notify.net.heads import WholeHead

HEADS = [
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\n",
    b"HTTP/0.9 200 OK\r\nContent-Length: 4\r\n\r\n",
    b"HTTP/1.1 200\r\ncontent-length:4 \r\nServer: x\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 4\n\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: +4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: four\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length : 4\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n folded\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: y\r\n\tContent-Length: 9\r\nContent-Length: 4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nnonsense\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nFrom me\r\nContent-Length: 4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n: nothing\r\nContent-Length: 4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\rContent-Length: 4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: \xff\x00\r\nX\xff: y\r\nContent-Length: 4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 4\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked \r\n\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\nContent-Length: 4\r\n\r\n",
    b"HTTP/1.1 204 Nothing\r\nContent-Length: 4\r\n\r\n",
    b"HTTP/1.1 304 Same\r\n\r\n",
    b"HTTP/1.1 101 Other\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Gone\r\nContent-Length: 4\r\n\r\n",
]
NO_HEADS = [
    b"",
    b"\r\n\r\n",
    b"ICY 200 OK\r\n\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"HTTP/1.1 99 Low\r\n\r\n",
    b"HTTP/1.1 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
]


class Received:
    """In the place of a socket: what has come in."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)


def read(kind: type[http.client.HTTPResponse], raw: bytes) -> tuple[Any, ...]:
    response = kind(cast(socket.socket, Received(raw)), method="GET")
    response.begin()
    return response.status, response.reason, response.chunked, response.length  # type: ignore[attr-defined]


@pytest.mark.parametrize("raw", HEADS)
def test_status_and_end_of_the_body_are_those_that_http_client_reads(raw: bytes) -> None:
    assert read(WholeHead, raw) == read(http.client.HTTPResponse, raw)


@pytest.mark.parametrize("raw", NO_HEADS)
def test_what_is_no_head_is_refused_as_http_client_refuses_it(raw: bytes) -> None:
    with pytest.raises(http.client.HTTPException) as ours:
        read(WholeHead, raw)
    with pytest.raises(http.client.HTTPException) as theirs:
        read(http.client.HTTPResponse, raw)
    assert type(ours.value) is type(theirs.value)


def test_what_says_nothing_of_the_body_is_forgotten() -> None:
    response = WholeHead(
        cast(socket.socket, Received(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 4\r\n\r\n"))
    )
    response.begin()

    assert list(response.headers.items()) == [("Content-Length", "4")]

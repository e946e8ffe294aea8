"""The head of an HTTP answer, of which nothing is asked but its status and where the body ends."""

from __future__ import annotations

import http.client
import io
import re
import socket
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from sms_notify.net.sockets import TimedSocket

_PLAIN = re.compile(rb"([!-9;-~]+):[ \t]*([^\r\n]*)\r?\n")
_ENDS_BODY = ("content-length", "transfer-encoding")


class WholeHead(http.client.HTTPResponse):
    """Takes no cut head for a whole one (http.client does), and keeps the headers alone that say where the body ends.

    What the inherited method makes of a head takes a tenth of a request's time. Lines that are not headers would be kept
    as well, and urllib3 would log them: they may repeat the request.
    """

    fp: Any
    headers: Any
    _read_status: Any

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._source = sock

    def begin(self) -> None:
        if self.headers is not None:
            return
        version, status, reason = self._read_status()
        while status == HTTPStatus.CONTINUE:
            _lines_of(self.fp)
            version, status, reason = self._read_status()
        if not version.startswith(("HTTP/1.", "HTTP/0.9")):
            raise http.client.UnknownProtocol(version)
        self.status, self.reason, self.version, self.will_close = status, reason.strip(), 11, True
        self.headers = self.msg = _framing(_lines_of(self.fp))
        if isinstance(self._source, TimedSocket) and self._source.ended:
            raise http.client.IncompleteRead(b"")
        self._find_end()

    def _find_end(self) -> None:
        self.chunked, self.chunk_left = self.headers.get("Transfer-Encoding", "").lower() == "chunked", None
        self.length = None if self.chunked else _length(self.headers.get("Content-Length", ""))
        if self.status < HTTPStatus.OK or self.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            self.length = 0


def _lines_of(source: Any) -> list[bytes]:
    """Up to the blank one. Raises HTTPException where they are too many, or one is too long."""
    lines: list[bytes] = http.client._read_headers(source)  # type: ignore[attr-defined]
    return lines


def _framing(lines: list[bytes]) -> http.client.HTTPMessage:
    kept = http.client.HTTPMessage()
    for name, value in _fields(lines):
        if name.lower() in _ENDS_BODY:
            kept[name] = value
    return kept


def _fields(lines: list[bytes]) -> Iterable[tuple[str, str]]:
    """One header a line, or else whatever http.client makes of such a head."""
    plain = [_PLAIN.fullmatch(line) for line in lines[:-1]]
    fields = [(line[1].decode(), line[2].decode("iso-8859-1")) for line in plain if line is not None]
    whole = len(fields) == len(plain)
    return fields if whole else http.client.parse_headers(io.BytesIO(b"".join(lines))).items()


def _length(text: str) -> int | None:
    """A length that makes no sense is none: then the body lasts until the connection ends."""
    try:
        length = int(text)
    except ValueError:
        return None
    return length if length >= 0 else None

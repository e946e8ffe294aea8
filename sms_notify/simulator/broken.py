"""The bytes of a broken answer, head and body, spelled out: no web framework would write them."""

from __future__ import annotations

import html
import random
import struct
import zlib
from collections.abc import Iterator
from http import HTTPStatus

from sms_notify.simulator.faults import FaultKind, SimulatedFault, Where

_BLOCK = 1 << 16
_BOMB_BLOCK = 1 << 20
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"  # RFC 1952 §2.3
_LAST_DEFLATE_BLOCK = b"\x03\x00"  # RFC 1951 §3.2.6: a final, empty block


def chunks(fault: SimulatedFault, answer: str) -> Iterator[bytes]:
    """What is written, in pieces; `answer` is the gateway's own. A drip waits after each single byte."""
    body = answer.encode()
    match fault.kind:
        case FaultKind.HANG:
            yield _hung(fault, body)
        case FaultKind.DRIP:
            yield from _dripping(fault, body)
        case FaultKind.HUGE:
            yield from _huge(fault)
        case FaultKind.GZIP_BOMB:
            yield from _bomb(fault.size)
        case FaultKind.DROP_BEFORE | FaultKind.DROP_AFTER:
            return
        case _:
            yield _whole(fault, body)


def _whole(fault: SimulatedFault, body: bytes) -> bytes:
    head = _head(200, _length(body))  # EMPTY, and ERROR with the body that the gateway gave
    match fault.kind:
        case FaultKind.HTML:
            body = f"<!doctype html><title>Notice</title><p>{html.escape(fault.body)}</p>\n".encode()
            head = _head(200, _length(body), kind="text/html; charset=utf-8")
        case FaultKind.GARBAGE:
            body = random.Random(fault.seed).randbytes(fault.size)  # noqa: S311 - must repeat
            head = b"" if fault.where is Where.HEAD else _head(200, _length(body))
        case FaultKind.STATUS:
            bodiless = fault.status in (204, 304)  # RFC 9110 §6.4.1
            body = b"" if bodiless else fault.body.encode()
            head = _head(fault.status) if bodiless else _head(fault.status, _length(body))
        case FaultKind.REDIRECT:
            head = _head(fault.status, f"Location: {fault.location}", _length(body))
        case FaultKind.TRUNCATED:
            # No Content-Length: the connection's end is the body's end, so that nobody sees the cut.
            head, body = _head(200), body[: len(body) // 2 if fault.keep < 0 else fault.keep]
        case FaultKind.WRONG_LENGTH:
            head = _head(200, f"Content-Length: {max(0, len(body) + fault.extra)}")
    return head + body


def _hung(fault: SimulatedFault, body: bytes) -> bytes:
    head = _head(200, _length(body))
    told = {Where.BEFORE_HEADERS: b"", Where.AFTER_HEADERS: head}
    return told.get(fault.where, head + body[: max(1, len(body) // 2)])


def _dripping(fault: SimulatedFault, body: bytes) -> Iterator[bytes]:
    body = body.ljust(fault.size)
    head = _head(200, _length(body))
    if fault.where is Where.BODY:
        yield head
    dripped = body if fault.where is Where.BODY else head + body
    yield from (dripped[i : i + 1] for i in range(len(dripped)))


def _huge(fault: SimulatedFault) -> Iterator[bytes]:
    start = fault.body.encode()
    yield _head(200) + start
    left = fault.size - len(start)
    block = b"x" * _BLOCK
    while left > 0:
        yield block[:left]
        left -= _BLOCK


def _bomb(size: int) -> Iterator[bytes]:
    """One gzip member of `size` blanks. A block ends in a full flush, so its copies stand side by side."""
    yield _head(200, "Content-Encoding: gzip") + _GZIP_HEAD
    block, checksum, left = b" " * _BOMB_BLOCK, 0, size
    packed = _deflated(block)
    while left > 0:
        part = block[:left]
        checksum = zlib.crc32(part, checksum)
        yield packed if len(part) == _BOMB_BLOCK else _deflated(part)
        left -= _BOMB_BLOCK
    yield _LAST_DEFLATE_BLOCK + struct.pack("<II", checksum, size % (1 << 32))


def _deflated(block: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)


def _head(status: int, *lines: str, kind: str = "text/plain; charset=utf-8") -> bytes:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unheard Of"
    head = (f"HTTP/1.1 {status} {phrase}", f"Content-Type: {kind}", "Connection: close", *lines)
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")


def _length(body: bytes) -> str:
    return f"Content-Length: {len(body)}"

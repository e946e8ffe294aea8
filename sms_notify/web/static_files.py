"""What the pages need beside themselves: packed once, and kept by browsers for as long as it is the same."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_ROOM = Path(__file__).parent
_KINDS = {
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "refresh.js": "text/javascript; charset=utf-8",
}
_WORTH_PACKING = 1_000  # bytes; what is smaller fits one packet anyway
_EFFORT = 5  # of 9: a page of 60 kB takes 1 ms, and comes out at a tenth
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)
_A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file: its address bears `tag`, so that a new content has a new address."""

    content: bytes
    packed: bytes
    kind: str
    tag: str


def read_all() -> Mapping[str, StaticFile]:
    return {name: _read(_ROOM / name, kind) for name, kind in _KINDS.items()}


def _read(path: Path, kind: str) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(content, packed(content), kind, hashlib.sha256(content).hexdigest()[:12])


def packed(content: bytes) -> bytes:
    return gzip.compress(content, _EFFORT, mtime=0)


def takes_packed(request: Request) -> bool:
    """Whether the client unpacks gzip; RFC 9110 section 12.5.3."""
    return _GZIP.search(request.headers.get("accept-encoding", "")) is not None


def dressed(request: Request, content: bytes, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """The content as the client takes it, and the headers that say so."""
    if len(content) < _WORTH_PACKING or not takes_packed(request):
        return content, {**headers, "Vary": "Accept-Encoding"}
    return packed(content), {**headers, "Vary": "Accept-Encoding", "Content-Encoding": "gzip"}


def routes(files: Mapping[str, StaticFile], prefix: str) -> list[Route]:
    return [Route(prefix + name, partial(_serve, file)) for name, file in files.items()]


async def _serve(file: StaticFile, request: Request) -> Response:
    """For a year where the address names this content; else to be asked for again."""
    known = request.query_params.get("v") == file.tag
    headers = {
        "Content-Type": file.kind,
        "ETag": f'"{file.tag}"',
        "Cache-Control": _A_YEAR if known else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if takes_packed(request):
        return Response(file.packed, headers={**headers, "Content-Encoding": "gzip"})
    return Response(file.content, headers=headers)

"""Reads a request's body within limits of size and time, or says with which status it is refused."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from sms_notify.web.http_limits import ARRIVED

# 120 alerts are 51 KB, so this is some 24,000 alerts in one group.
MAX_BODY = 10 * 1024 * 1024


FORM_TOO_LARGE = "The form is too large, so nothing was done. Write or choose less."


async def read(request: Request, seconds: float, limit: int = MAX_BODY, too_large: str = "") -> bytes:
    """The whole body, decoded from its transfer coding. `too_large` are the words for one that is.

    Raises HTTPException 415 for a compressed body (Alertmanager never compresses, and a bomb need not be
    defused that is never opened), 413 over `limit` bytes, 408 when it is not there within `seconds`, and
    ClientDisconnect when the client leaves.
    """
    _refuse_compression(request)
    if _declared(request) > limit:
        raise _too_large(limit, too_large)
    if ARRIVED in request.scope:
        return await _collect(request, limit, too_large)  # nothing to wait for, and a timer would cost 3 us
    try:
        async with asyncio.timeout(seconds):
            return await _collect(request, limit, too_large)
    except TimeoutError:
        # Not 5xx: Alertmanager repeats those within the second, over the same stalled link, for the whole
        # group_interval. Any 4xx comes back at the next group_interval; 408 is the one that says "on a new
        # connection, please" (RFC 9110 section 15.5.9), and so the connection is closed.
        text = f"the body did not arrive within {seconds:g} s"
        raise HTTPException(408, text, headers={"Connection": "close"}) from None


async def _collect(request: Request, limit: int, too_large: str) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise _too_large(limit, too_large)
    return bytes(body)


def _declared(request: Request) -> int:
    """Content-Length, 0 where there is none; the parser below has already refused what is not a number."""
    return int(request.headers.get("content-length", "0"))


def _refuse_compression(request: Request) -> None:
    coding = ",".join(request.headers.getlist("content-encoding")).strip().lower()
    if coding not in ("", "identity"):
        # RFC 9110 section 15.5.16: the answer names what would have been taken.
        text = "a compressed body is not taken; send it without Content-Encoding"
        raise HTTPException(415, text, headers={"Accept-Encoding": "identity"})


def _too_large(limit: int, too_large: str) -> HTTPException:
    of_alerts = f"the body is over {limit} bytes; group the alerts smaller or set max_alerts"
    return HTTPException(413, too_large or of_alerts)

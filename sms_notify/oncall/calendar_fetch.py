"""Fetching a calendar from its address, which may hold a token and is never quoted."""

from __future__ import annotations

import http.client
import importlib.metadata
from urllib.parse import SplitResult, urljoin, urlsplit

from sms_notify.errors import UsageError
from sms_notify.net.bounded import Bound, BrokenOff, Leash
from sms_notify.net.connection import connected
from sms_notify.secret import Secret

MOST_BYTES = 1_000_000
_MOST_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)


class CalendarError(UsageError):
    """A calendar that cannot be fetched or read; the text holds nothing of its address but the host."""


def fetch_calendar(url: Secret, timeout: float, ca_file: str = "") -> bytes:
    """What stands at `url` (which may hold a token), at most MOST_BYTES, within `timeout` seconds in all.

    Up to three redirects, never from https to http. `ca_file` (PEM) is trusted besides the machine's authorities.
    Raises CalendarError, which names the host alone.
    """

    def work(leash: Leash) -> bytes | CalendarError:
        try:
            return _fetched(url.reveal(), leash, ca_file)
        except CalendarError as error:
            return error

    got = Bound(timeout).run(work)
    if isinstance(got, bytes):
        return got
    why = got.detail if isinstance(got, BrokenOff) else got
    raise CalendarError(f"the calendar at {_host(url)} could not be fetched: {why}")


def _host(url: Secret) -> str:
    try:
        return urlsplit(url.reveal()).hostname or "an address without a host"
    except ValueError:
        return "an invalid address"


def _fetched(url: str, leash: Leash, ca_file: str) -> bytes:
    for _ in range(_MOST_REDIRECTS + 1):
        parts = _split(url)
        connection = connected(url, leash, ca_file)
        try:
            _ask(connection, parts)
            with connection.getresponse() as response:
                if response.status not in _REDIRECTS:
                    return _body(response)
                url = _next(parts, response.getheader("Location") or "")
        finally:
            connection.close()
    raise CalendarError("it redirects again and again: write the last address")


def _split(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CalendarError("the address must begin with https:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise CalendarError("the address holds a user name or password; take one with a token in its path")
    return parts


def _ask(connection: http.client.HTTPConnection, parts: SplitResult) -> None:
    headers = {
        "User-Agent": f"sms-notify/{importlib.metadata.version('sms-notify')}",
        "Accept": "text/calendar, */*;q=0.1",
        "Connection": "close",
    }
    connection.request(
        "GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), headers=headers
    )


def _body(response: http.client.HTTPResponse) -> bytes:
    if response.status != 200:
        raise CalendarError(f"HTTP {response.status}")
    if response.getheader("Content-Encoding", "identity").lower() != "identity":
        raise CalendarError("it is compressed, which is not understood")
    body = response.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise CalendarError(f"it is longer than {MOST_BYTES} bytes: take a calendar of on-call shifts alone")
    if response.length:  # http.client does not mind when a read of so many bytes ends early
        raise CalendarError("the connection was lost halfway")
    return body


def _next(parts: SplitResult, location: str) -> str:
    """Where a redirect leads; never away from TLS. What it says is not quoted: it may hold a token."""
    url = urljoin(parts.geturl(), location)
    if not location or url == parts.geturl():
        raise CalendarError("it redirects without an address")
    if parts.scheme == "https" and urlsplit(url).scheme != "https":
        raise CalendarError("it redirects to an address without https, which is not followed")
    return url

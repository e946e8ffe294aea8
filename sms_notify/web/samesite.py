"""Whether a form was sent by our own page: a browser adds a user's password to what any other site makes it send.

Browsers say where a request comes from, and no page can make them lie about it: `Sec-Fetch-Site` over https and on
loopback, `Origin` with every POST, `Referer` in those that know neither. A request that tells none of them is refused:
what is so old, or so terse, cannot be told from an attack.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

_OURS = frozenset(("same-origin", "none"))  # none: the person did it, by the address bar; no page can
_PORTS = {"http": 80, "https": 443}

Place = tuple[str, int | None]
"""Host and port; the port None where it is the usual one."""


def is_ours(headers: Mapping[str, str], external_url: str) -> bool:
    """Whether a POST with these headers (names in lower case) came from one of our own pages."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site.strip().lower() in _OURS
    origin = _origin(headers.get("origin") or headers.get("referer", ""))
    if origin is None:
        return False
    # Behind a proxy the Host that we see may be the proxy's own idea; the outer address is in the configuration.
    return origin[1] == _host(headers.get("host", ""), origin[0]) or origin == _origin(external_url)


def names_us(host: str, external_url: str) -> bool:
    """Whether a Host header names this machine by a name that nobody else can give it.

    Where anybody on loopback may look, a page of the web could have its own name point at 127.0.0.1 and then read us
    as its own origin (DNS rebinding). It cannot take an IP address or `localhost` for a name.
    """
    place = _host(host, "http")
    if place is None:
        return False
    outer = _origin(external_url)
    return _is_local(place[0]) or (outer is not None and outer[1] is not None and place[0] == outer[1][0])


def _is_local(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _origin(url: str) -> tuple[str, Place | None] | None:
    """Scheme and place of a URL; None where it is no web address (`null`, nothing, rubbish)."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    place = _host(parts.netloc, scheme) if scheme in _PORTS else None
    return None if place is None else (scheme, place)


def _host(netloc: str, scheme: str) -> Place | None:
    try:
        parts = urlsplit(f"//{netloc.strip()}")
        name, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not name or "@" in netloc:
        return None
    return name.rstrip("."), None if port == _PORTS.get(scheme) else port

"""Whether our own page sent a request: a browser adds a user's password to what any other site makes it send.

Browsers say where a request comes from, and no page can make them lie about it: `Sec-Fetch-Site` over https and on
loopback (https://www.w3.org/TR/fetch-metadata/), `Origin` with every POST, `Referer` in those that know neither. A form
that tells none of them is refused: what is so old, or so terse, cannot be told from an attack.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_OWN_SITES = frozenset(("same-origin", "none"))  # none: the person did it, by the address bar; no page can
_PORTS = {"http": 80, "https": 443}
# The name or the bracketed IPv6 address of a Host header, and whatever stands for its port (RFC 9110 section 7.2).
_NAMED = re.compile(r"(\[[^\[\]\s@/?#]+\]|[^:\[\]\s@/?#]+)(?::[^:\[\]\s@/?#]*)?")

Place = tuple[str, int | None]
"""Host and port; the port None where it is the usual one."""


def is_ours(headers: Mapping[str, str], external_url: str) -> bool:
    """Whether a POST with these headers (names in lower case) came from one of our own pages."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site.strip().lower() in _OWN_SITES
    return _is_our_origin(headers.get("origin") or headers.get("referer", ""), headers, external_url)


def is_foreign(headers: Mapping[str, str], external_url: str) -> bool:
    """Whether another site's page fetches, frames or embeds what these headers ask for.

    A person who follows a link from there (a top-level navigation) sees our page in a window of its own, which that
    site cannot read. `same-site` is another origin: another port of this host, or a neighbour under one domain.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        opened = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
        return site.strip().lower() not in _OWN_SITES and not opened
    # Over plain http to another machine browsers leave Sec-Fetch-Site out, and say Origin only where a script asks.
    origin = headers.get("origin")
    return origin is not None and not _is_our_origin(origin, headers, external_url)


def _is_our_origin(url: str, headers: Mapping[str, str], external_url: str) -> bool:
    origin = _origin(url)
    if origin is None:
        return False
    # Behind a proxy the Host that we see may be the proxy's own idea; the outer address is in the configuration.
    return origin[1] == _host(headers.get("host", ""), origin[0]) or origin == _origin(external_url)


def names_us(host: str, external_url: str, listen: str = "") -> bool:
    """Whether a Host header names this machine: by loopback, by `listen` (the address of web.listen), by our outer URL.

    Where anybody on loopback may look and post, a page of the web could have its own name point at 127.0.0.1 and then
    be of one origin with us (DNS rebinding). The port is not looked at: tunnels and proxies change it.
    """
    named = _NAMED.fullmatch(host.strip())
    if named is None:
        return False
    name, outer = _bare(named[1]), _origin(external_url)
    return _is_loopback(name) or name == _bare(listen) or (outer is not None and name == outer[1][0])


def _is_loopback(name: str) -> bool:
    """Also everything under .localhost, which never leaves the machine (RFC 6761 section 6.3)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # ::ffff:127.0.0.1
    return (mapped or address).is_loopback


def _bare(name: str) -> str:
    """A host's name or address without brackets, case and the root's dot."""
    return name.strip("[]").lower().removesuffix(".")


def _origin(url: str) -> tuple[str, Place] | None:
    """Scheme and place of a URL; None where it is not a web address (`null`, nothing, rubbish)."""
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
    return _bare(name), None if port == _PORTS.get(scheme) else port

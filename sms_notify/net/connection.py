"""An HTTP connection on a leash: http.client and nothing more, so no redirect, no proxy and no repetition.

What `requests` adds to it would all have to be switched off.
"""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from sms_notify.net.bounded import Leash, MisconfiguredError, tls_context


def connected(url: str, leash: Leash, ca_file: str) -> http.client.HTTPConnection:
    """A connection that has its socket already, so that http.client opens none of its own.

    Raises MisconfiguredError, OSError, and ValueError for what is not a URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise MisconfiguredError("the url must begin with http:// or https:// and name a host")
    if parts.scheme == "http":
        connection, context = http.client.HTTPConnection(parts.hostname, parts.port), None
    else:
        context = tls_context(ca_file)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=context)
    connection.set_debuglevel(
        0
    )  # it would print the request; http.client's global switch does not reach here
    connection.sock = leash.connect(parts.hostname, connection.port, context)
    return connection

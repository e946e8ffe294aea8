"""Telling by webhook: one POST of JSON; no redirect, no proxy, no repetition, and the status line is the answer.

http.client does that and nothing more; what `requests` adds to it would all have to be switched off.
"""

from __future__ import annotations

import http.client
import importlib.metadata
import ssl
from urllib.parse import urlsplit

from sms_notify.channels.base import Ended, Note, Told, as_json
from sms_notify.channels.bounded import Bound, Leash, tls_context
from sms_notify.channels.settings import WebhookSettings
from sms_notify.net.details import quoted, words


class WebhookRoad:
    """Posts a note to an address, with a bearer token where there is one."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._bound = Bound(settings.timeout)

    @property
    def name(self) -> str:
        return self._settings.name

    def tell(self, note: Note) -> Told:
        """TOLD for any 2xx. A 5xx is UNKNOWN: the server may have failed after it told somebody."""
        return self._bound.run(lambda leash: self._tell(note, leash))

    def _tell(self, note: Note, leash: Leash) -> Told:
        try:
            connection = self._connection()
        except OSError as error:
            return Told(Ended.MISCONFIGURED, f"ca_file cannot be used: {quoted(words(error))}")
        try:
            connection.prepare(leash)
            self._post(connection, as_json(note), leash)
            with connection.getresponse() as response:
                return _meaning(response.status)
        finally:
            connection.close()

    def _connection(self) -> _Plain | _Tls:
        parts = urlsplit(self._settings.url.reveal())
        if not parts.hostname:
            raise ValueError("the url names no host")
        if parts.scheme == "https":
            return _Tls(parts.hostname, parts.port, context=tls_context(self._settings.ca_file))
        if parts.scheme == "http":
            return _Plain(parts.hostname, parts.port)
        raise ValueError("the url must begin with http:// or https://")

    def _post(self, connection: http.client.HTTPConnection, body: bytes, leash: Leash) -> None:
        parts = urlsplit(self._settings.url.reveal())
        connection.putrequest("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        connection.putheader("User-Agent", f"sms-notify/{importlib.metadata.version('sms-notify')}")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.putheader("Connection", "close")
        if self._settings.token:
            connection.putheader("Authorization", f"Bearer {self._settings.token.reveal()}")
        leash.leaves()
        connection.endheaders(body)


class _Plain(http.client.HTTPConnection):
    debuglevel = 0  # http.client would print the request; its global switch does not reach here

    def prepare(self, leash: Leash) -> None:
        self.sock = leash.connect(self.host, self.port)


class _Tls(http.client.HTTPSConnection):
    debuglevel = 0

    def __init__(self, host: str, port: int | None, *, context: ssl.SSLContext) -> None:
        super().__init__(host, port, context=context)
        self._verifying = context

    def prepare(self, leash: Leash) -> None:
        sock = leash.connect(self.host, self.port)
        try:
            self.sock = self._verifying.wrap_socket(sock, server_hostname=self.host)
        except BaseException:
            sock.close()
            raise


def _meaning(status: int) -> Told:
    detail = f"HTTP {status}"
    if 200 <= status < 300:
        return Told(Ended.TOLD)
    if 300 <= status < 400:
        return Told(Ended.MISCONFIGURED, f"{detail}: redirects are not followed, write the last address")
    return Told(Ended.REFUSED if 400 <= status < 500 else Ended.UNKNOWN, detail)

"""Telling by webhook: one POST of JSON, and the status line is the answer."""

from __future__ import annotations

import http.client
import importlib.metadata
from urllib.parse import urlsplit

from sms_notify.channels.base import ChannelResult, Ended, Note, as_json, result_of
from sms_notify.channels.settings import WebhookSettings
from sms_notify.net.bounded import Bound, Leash
from sms_notify.net.connection import connected


class WebhookChannel:
    """Posts a note to an address, with a bearer token where there is one."""

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._bound = Bound(settings.timeout)

    @property
    def name(self) -> str:
        return self._settings.name

    def tell(self, note: Note) -> ChannelResult:
        """TOLD for any 2xx. A 5xx is UNKNOWN: the server may have failed after it told somebody."""
        return result_of(self._bound.run(lambda leash: self._tell(note, leash)))

    def _tell(self, note: Note, leash: Leash) -> ChannelResult:
        connection = connected(self._settings.url.reveal(), leash, self._settings.ca_file)
        try:
            self._post(connection, as_json(note), leash)
            with connection.getresponse() as response:
                return _meaning(response.status)
        finally:
            connection.close()

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


def _meaning(status: int) -> ChannelResult:
    detail = f"HTTP {status}"
    if 200 <= status < 300:
        return ChannelResult(Ended.TOLD)
    if 300 <= status < 400:
        return ChannelResult(
            Ended.MISCONFIGURED, f"{detail}: redirects are not followed, write the last address"
        )
    return ChannelResult(Ended.REFUSED if 400 <= status < 500 else Ended.UNKNOWN, detail)

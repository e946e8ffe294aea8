"""A webhook that is refused, or taken in part, leaves a trace: Alertmanager does not repeat it now, most others never do.

Whoever was to be paged by it hears nothing, so somebody must be able to see it: a line in the log and a count.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sms_notify.alert import Unread
from sms_notify.logs import bounded
from sms_notify.web.guard import PLACES_OF_PEOPLE
from sms_notify.web.rarely import Rarely

REASON = "sms_notify.reason"
"""The key of the ASGI scope under which a refusal's own words stand, for the log."""

BUSY = "sms_notify.busy"
"""The key of the ASGI scope that says: turned away with 503, because too many passwords wait to be checked."""

UNREAD = "sms_notify.unread"
"""The key of the ASGI scope under which stands what of a webhook could not be read, where the rest was taken."""

UNKNOWN = "unknown"
SOURCE_OF: Mapping[str, str] = {
    "alertmanager": "alertmanager",
    "alert": "alertmanager",
    "grafana": "grafana",
    "zabbix": "zabbix",
    "api": "prometheus",
    "uptime-kuma": "uptime-kuma",
    "alerts": "alerts",
}
"""The first part of a webhook's path → its source, as in `alerts_received_total`."""

_ADVICE: Mapping[int, str] = {
    400: "compare what it sends with what docs/reference/sources.md shows for this path",
    401: "give the sender a token of web.webhook_tokens_file or a user of web.users",
    404: "correct the path in the sender's URL",
    405: "let the sender POST to the path itself; a redirect on the way makes a GET of it",
    431: "send fewer or shorter headers",
    503: "somebody guesses passwords; give the sender a token, which never waits, or keep the guesser out",
}
_NO_WEBHOOKS = frozenset((*PLACES_OF_PEOPLE, "configuration", "oncall.ics"))
_READING = frozenset(("GET", "HEAD", "OPTIONS"))
_SHOWN = (
    20  # characters of a path that is none of ours: enough to find a mistype, too few to give a secret away
)

_log = logging.getLogger(__name__)


def source_of(method: str, path: str, accept: str = "") -> str | None:
    """The source whose webhook a request was meant for, `unknown` where only the method says so; None = for none.

    A GET counts for a webhook's path, because Alertmanager follows a redirect with GET, unless a person looks there.
    """
    room = path.split("/")[1:2]
    source = SOURCE_OF.get(room[0]) if room else None
    if method in _READING:
        return None if "text/html" in accept else source
    return source or (None if room and room[0] in _NO_WEBHOOKS else UNKNOWN)


class Refusals:
    """Counts and logs. `count` takes the source and the status; `every`: seconds between two lines about the same."""

    def __init__(self, count: Callable[[str, int], None], every: float = 60.0) -> None:
        self._count = count
        self._rarely = Rarely(_log, every)

    def refused(self, source: str, path: str, status: int, reason: str, client: str) -> None:
        """One webhook was answered with `status`, 4xx; `reason` is what its sender was told."""
        what = "a webhook was refused, nothing of it was taken"
        self._tell(
            what, source, path, status, client, {"reason": bounded(reason, 300), **_advice(source, status)}
        )

    def taken_in_part(self, source: str, path: str, unread: Sequence[Unread], client: str) -> None:
        """One webhook was answered with 200, and some of its alerts could not be read."""
        what = "a webhook was taken in part, some of it could not be read"
        reason = {"reason": bounded(unread[0].why, 300), **_advice(source, 400)}
        self._tell(what, source, path, 200, client, {"refused": len(unread), **reason})

    def _tell(
        self, what: str, source: str, path: str, status: int, client: str, why: Mapping[str, object]
    ) -> None:
        self._count(source, status)
        where = {"source": source, "path": shown_path(path), "status": status, "client": client or "-"}
        self._rarely.warn((source, status, client), what, {**where, **why})

    def below(self, method: str, path: str, status: int, reason: str, client: str) -> None:
        """The same for what was refused before it was a request; no method = nobody knows what it was meant for."""
        source = source_of(method, path) if method else UNKNOWN
        if source is not None:
            self.refused(source, path, status, reason, client)


def _advice(source: str, status: int) -> dict[str, str]:
    """Empty where the reason itself says what to do."""
    if source == UNKNOWN and status == 405:
        status = 404  # such as the first page's address: the path is wrong, not the method
    return {"advice": _ADVICE[status]} if status in _ADVICE else {}


class Trace:
    """ASGI middleware that sees how each webhook is answered."""

    def __init__(self, app: ASGIApp, refusals: Refusals) -> None:
        self._app = app
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        accept = Headers(scope=scope).get("accept", "") if method in _READING else ""
        source = source_of(method, path, accept)
        if source is None:
            await self._app(scope, receive, send)
            return

        async def watch(message: Message) -> None:
            status: int = message.get("status", 0)
            if message["type"] == "http.response.start" and (400 <= status < 500 or BUSY in scope):
                reason = scope.get(REASON) or HTTPStatus(status).phrase
                self._refusals.refused(source, path, status, reason, client_of(scope))
            elif status == 200 and UNREAD in scope:
                self._refusals.taken_in_part(source, path, scope[UNREAD], client_of(scope))
            await send(message)

        await self._app(scope, receive, watch)


def client_of(scope: Scope) -> str:
    """The address that a request came from; behind a proxy it is the proxy's."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def shown_path(path: str) -> str:
    """A path for the log: only its first part, which holds no secret where it is one of ours, else its beginning."""
    first, *rest = path.split("/")[1:] or [""]
    shown = first if first in SOURCE_OF else bounded(first, _SHOWN)
    return f"/{shown}{'/…' if any(rest) else ''}"

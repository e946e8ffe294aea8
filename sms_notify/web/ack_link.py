"""The link in a text: whoever has the text may acknowledge what it tells, without a name and a password.

The code is the permission; it is in nobody's hands but the reader's, and never in our log. Looking changes nothing:
phones and messengers fetch a link to show a preview of it. Only the button acknowledges.

No other site can misuse a form here: to send it, it would need the code, and whoever has the code needs no help.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.logs import unnumbered
from sms_notify.policy.vocabulary import AckBy
from sms_notify.store import page_queries
from sms_notify.store.page_queries import Linked
from sms_notify.web import body
from sms_notify.web.ports import People
from sms_notify.web.rarely import Rarely
from sms_notify.web.refusals import client_of
from sms_notify.web.rendering import Html, clock_of
from sms_notify.web.store_reader import StoreReader, settled

PREFIX = "/a/"
TRIES = 60  # unknown codes a minute, by everybody together
_MAX_FORM = 1024
_MAX_CODE = 64
_MINUTE = timedelta(minutes=1)
_UNKNOWN = "This link leads nowhere. Open it from the text itself, whole as it stands there."
_TOO_MANY = "Too many links that lead nowhere were tried. A link from a text works all the same."
_log = logging.getLogger(__name__)
_NOT_STORED = "This could not be stored, so nobody knows yet that you take care of it. Try again in a moment."


class Links:
    """The page behind a text's link."""

    def __init__(self, people: People, html: Html, seconds: float) -> None:
        self._people = people
        self._html = html
        self._seconds = seconds
        self._read = StoreReader(people.view, "links", seconds)
        self._tries = _Tries(people.now)
        self._rarely = Rarely(_log)

    def routes(self) -> list[Route]:
        return [Route(f"{PREFIX}{{code}}", self._link, methods=["GET", "POST"])]

    async def _link(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._acknowledge(request)
        return self._page(request, await self._linked(request), taken=False)

    async def _acknowledge(self, request: Request) -> Response:
        """Answers with the page itself: to send the form once more changes nothing."""
        await body.read(request, self._seconds, _MAX_FORM)
        linked = await self._linked(request)
        waiting = [incident.id for incident in linked.incidents if incident.waits]
        if not waiting:
            return self._page(request, linked, taken=False)
        by = unnumbered(linked.message.recipient)
        taken = await settled(self._people.acknowledge(waiting, by, AckBy.LINK), self._seconds, _NOT_STORED)
        return self._page(request, await self._linked(request), taken=bool(taken))

    async def _linked(self, request: Request) -> Linked:
        """What the code leads to. Raises HTTPException 404, or 429, where it leads nowhere.

        A known code is always served, whoever else is guessing: the guesser must not keep the reader out. What
        keeps the guesser out is the number of codes.
        """
        code: str = request.path_params["code"]
        linked = await self._read(lambda tx: page_queries.linked(tx, code[: _MAX_CODE + 1]))
        if linked is not None:
            return linked
        if self._tries.exhausted():
            self._rarely.warn("links", "links are guessed", {"client": client_of(request.scope) or "-"})
            raise HTTPException(429, _TOO_MANY, headers={"Retry-After": "60"})
        raise HTTPException(404, _UNKNOWN)

    def _page(self, request: Request, linked: Linked, *, taken: bool) -> Response:
        clock = clock_of(linked.message.recipient, self._people.directory, self._people.now())
        values = {
            "clock": clock,
            "incidents": linked.incidents,
            "waiting": [incident for incident in linked.incidents if incident.waits],
            "going_on": [incident for incident in linked.incidents if incident.closed_at is None],
            "taken": taken,
            "recipient": linked.message.recipient,
        }
        return self._html.page("link.html", request, values, referrer="no-referrer")


class _Tries:
    """Counts what is not known, a minute at a time; a clock that is set back begins a new one."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._since = now()
        self._count = 0

    def exhausted(self) -> bool:
        """Counts one more; True where there were too many in this minute."""
        now = self._now()
        if not self._since <= now < self._since + _MINUTE:
            self._since, self._count = now, 0
        self._count += 1
        return self._count > TRIES

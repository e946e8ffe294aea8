"""The link in a text: whoever has the text may acknowledge what it tells, without a name and a password.

The code is the permission; it is in nobody's hands but the reader's, and never in our log. Looking changes nothing:
phones and messengers fetch a link to show a preview of it. Only the button acknowledges.

No other site can misuse a form here: to send it, it would need the code, and whoever has the code needs no help.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.explain.next_step import NextStep, next_step
from sms_notify.logs import unnumbered
from sms_notify.policy.vocabulary import AckBy, AckEnd
from sms_notify.store import page_queries
from sms_notify.store.page_queries import Linked, NotificationProgress, ShownIncident
from sms_notify.store.tx import Tx
from sms_notify.web import body
from sms_notify.web.page_frame import Fields as Form
from sms_notify.web.page_frame import incident_id_of
from sms_notify.web.ports import People
from sms_notify.web.rarely import Rarely
from sms_notify.web.refusals import client_of
from sms_notify.web.rendering import Html, clock_of
from sms_notify.web.store_reader import StoreReader, settled

PREFIX = "/a/"
TRIES = 60  # unknown codes a minute, by everybody together
_MAX_FORM = 1024  # a text tells a hundred at most, nine bytes each
_MAX_CODE = 64
_MINUTE = timedelta(minutes=1)
_UNKNOWN = "This link is not known. Open it from the text itself; it must be complete."
_TOO_MANY = "Too many unknown links were tried. A link from a text still works."
_log = logging.getLogger(__name__)
_NOT_STORED = "This could not be stored, so it is not acknowledged yet. Try again in a moment."


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
            return await self._press(request)
        return await self._page(request, await self._linked(request), taken=False)

    async def _press(self, request: Request) -> Response:
        """Answers with the page itself: to send the form once more changes nothing."""
        content = await body.read(request, self._seconds, _MAX_FORM, body.FORM_TOO_LARGE)
        form = ImmutableMultiDict(parse_qsl(content.decode("utf-8", "replace")))
        linked = await self._linked(request)
        change = self._undo(linked) if form.get("do") == "undo" else self._acknowledge(linked, form)
        if change is None:
            return await self._page(request, linked, taken=False)
        changed = await settled(change, self._seconds, _NOT_STORED)
        taken = bool(changed) and form.get("do") != "undo"
        return await self._page(request, await self._linked(request), taken=taken)

    def _acknowledge(self, linked: Linked, form: Form) -> Awaitable[Sequence[int]] | None:
        """Those that were chosen of what the text tells, else all of it; None where none of that waits."""
        chosen = set() if "all" in form else {incident_id_of(name) for name in form.getlist("id")}
        waiting = [one.id for one in linked.incidents if one.waits and (not chosen or one.id in chosen)]
        return self._people.acknowledge(waiting, _name(linked), AckBy.LINK) if waiting else None

    def _undo(self, linked: Linked) -> Awaitable[Sequence[int]] | None:
        """Only what this reader took: whoever has a text cannot take from others what they do."""
        mine = [one.id for one in linked.incidents if _is_mine(one, _name(linked))]
        return self._people.unacknowledge(mine, _name(linked), AckEnd.LINK) if mine else None

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

    async def _page(self, request: Request, linked: Linked, *, taken: bool) -> Response:
        recipient, incidents = linked.message.recipient, linked.incidents
        told, steps = await self._read(lambda tx: self._beside(tx, incidents))
        values = {
            "clock": clock_of(recipient, self._people.directory, self._people.now()),
            "incidents": incidents,
            "waiting": [incident for incident in incidents if incident.waits],
            "going_on": [incident for incident in incidents if incident.closed_at is None],
            "mine": any(_is_mine(incident, _name(linked)) for incident in incidents),
            "taken": taken,
            "recipient": recipient,
            "told": told,
            "steps": steps,
        }
        return self._html.page("link.html", request, values, referrer="no-referrer")

    def _beside(
        self, tx: Tx, incidents: Sequence[ShownIncident]
    ) -> tuple[Mapping[int, Sequence[NotificationProgress]], Mapping[int, NextStep]]:
        """Who else was told of each, and who is next."""
        receivers, roster = self._people.receivers, self._people.roster
        steps = {one.id: next_step(tx, one.id, receivers, roster) for one in incidents if one.waits}
        told = page_queries.told(tx, (one.id for one in incidents))
        return told, {id_: step for id_, step in steps.items() if step is not None}


def _name(linked: Linked) -> str:
    """In whose name the text acknowledges."""
    return unnumbered(linked.message.recipient)


def _is_mine(incident: ShownIncident, name: str) -> bool:
    taken = incident.acked_at is not None and incident.closed_at is None
    return taken and incident.acked_by == name and incident.acked_how == AckBy.LINK


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

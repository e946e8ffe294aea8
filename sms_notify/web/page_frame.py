"""What every page for people shares: who is there, what a form holds, how an answer is dressed.

They want a user of `web.users`. Where nothing is configured, anybody on this machine may look: then we listen on
loopback alone. That another site's page can neither look nor send a form is the guard's business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from sms_notify.policy.episodes import incident_of
from sms_notify.web import body
from sms_notify.web.auth import Gatekeeper
from sms_notify.web.password_checks import BusyError
from sms_notify.web.ports import People
from sms_notify.web.rendering import Html, clock_of
from sms_notify.web.roles import Role
from sms_notify.web.store_reader import StoreReader, settled
from sms_notify.wording.clock import Clock

T = TypeVar("T")
Fields = ImmutableMultiDict[str, str]
"""What a form sent: a name may stand in it more than once."""

MAX_FORM = 16 * 1024  # the tags of a storm of a thousand stand in one button
_MAX_FIELDS = 300  # a box for each incident that a page shows
_LONGEST_ID = 18  # digits that surely fit a row's number
_ANYBODY = "somebody on this machine"  # who acknowledges where nobody needs a name
_NOT_STORED = "This could not be stored now. Nothing was changed; try again in a moment."


class PageFrame:
    """The pages that ask who is there. `ready` gives the reasons why alerts or texts are not taken now."""

    def __init__(
        self,
        people: People,
        html: Html,
        gatekeeper: Gatekeeper,
        ready: Callable[[], tuple[str, ...]],
        seconds: float,
    ) -> None:
        self.people = people
        self.ready = ready
        self.read = StoreReader(people.view, "pages", seconds)
        self._html = html
        self._gatekeeper = gatekeeper
        self._seconds = seconds

    async def enter(self, request: Request) -> str:
        """The user's name; empty where anybody may. Raises HTTPException 401, 403 or 503."""
        try:
            caller = await self._gatekeeper.caller(request)
        except BusyError:
            text = "Too many passwords wait to be checked. Try again in a moment."
            raise HTTPException(503, text, headers={"Retry-After": "5"}) from None
        role = Role.ACK if request.method == "POST" else Role.READ
        if caller is not None and role in caller.roles:
            return caller.name
        if caller is not None:
            raise HTTPException(403, f"{caller.name} may not do that: the role `{role}` is missing.")
        challenge = self._gatekeeper.users_challenge
        if challenge is None:
            text = "No user is configured: make a hash with `sms-notify hash-password` and put it into `web.users`."
            raise HTTPException(403, text)
        raise HTTPException(
            401, "This page needs a user and a password.", headers={"WWW-Authenticate": challenge}
        )

    def clock(self, user: str) -> Clock:
        return clock_of(user, self.people.directory, self.people.now())

    def page(self, template: str, request: Request, user: str, code: int = 200, **values: object) -> Response:
        shown = {"clock": self.clock(user), "user": user, **values}
        return self._html.page(template, request, shown, code)

    async def form(self, request: Request) -> Fields:
        """The fields of a form. Raises HTTPException 400, 408, 413 and 415."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise HTTPException(415, "Send the form as application/x-www-form-urlencoded.")
        content = await body.read(request, self._seconds, MAX_FORM, body.FORM_TOO_LARGE)
        try:
            text = content.decode("utf-8", "replace")
            return ImmutableMultiDict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
        except ValueError:
            raise HTTPException(400, "The form has too many fields.") from None

    async def store(self, change: Awaitable[T]) -> T:
        """What the change returns. Raises HTTPException 503 where it could not be stored."""
        return await settled(change, self._seconds, _NOT_STORED)


class PointingError(HTTPException):
    """A refusal that leads on: `link` is the address of a page, below the first page's; empty for none."""

    def __init__(self, code: int, detail: str, link: str) -> None:
        super().__init__(code, detail)
        self.link = link


def actor(user: str) -> str:
    """Who does what a form asks for."""
    return user or _ANYBODY


def incident_id_of(text: str) -> int:
    """The incident that a number or a tag names; 0, which none has, where it names none."""
    if text.isascii() and text.isdigit():
        return number_of(text)
    return incident_of(text[:20]) or 0


def number_of(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID else 0


def back_to(where: str) -> Response:
    """Shows a page again after a form, so that loading it once more does not send the form once more."""
    return Response(status_code=303, headers={"Location": where})

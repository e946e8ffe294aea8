"""The pages of the people who run this: how things stand, one incident's story, the texts, who is on call.

They want a user of `web.users`. Where nothing is configured, anybody on this machine may look: then we listen on
loopback alone. That another site's page can neither look nor send a form is the guard's business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.explain import timeline
from sms_notify.policy.episodes import incident_of, tag_of
from sms_notify.policy.vocabulary import AckBy
from sms_notify.store import oncall_rows, page_queries
from sms_notify.store.page_queries import NotificationProgress, ShownIncident
from sms_notify.store.tx import Tx
from sms_notify.web import body
from sms_notify.web.auth import Gatekeeper
from sms_notify.web.oncall_view import Rota, rota_of, wish_of
from sms_notify.web.password_checks import BusyError
from sms_notify.web.ports import People
from sms_notify.web.rendering import Html, clock_of, root_of
from sms_notify.web.roles import Role
from sms_notify.web.status import status_of
from sms_notify.web.store_reader import StoreReader, settled

MESSAGES_SHOWN = 200
MAX_FORM = 8 * 1024
_STORY_LINES = 400
_MAX_FIELDS = 20
_LONGEST_ID = 18  # digits that surely fit a row's number
_ANYBODY = "somebody on this machine"  # who acknowledges where nobody needs a name
_NOT_STORED = "This could not be stored now. Nothing was changed; try again in a moment."


@dataclass(frozen=True, slots=True)
class _Told:
    """Everything of one incident's page."""

    incident: ShownIncident
    told: tuple[NotificationProgress, ...]
    lines: tuple[timeline.Line, ...]
    left_out: int


class Pages:
    """The pages that ask who is there. `ready` gives the reasons why alerts or texts are not taken now."""

    def __init__(
        self,
        people: People,
        html: Html,
        gatekeeper: Gatekeeper,
        ready: Callable[[], tuple[str, ...]],
        seconds: float,
    ) -> None:
        self._people = people
        self._html = html
        self._gatekeeper = gatekeeper
        self._ready = ready
        self._seconds = seconds
        self._read = StoreReader(people.view, "pages", seconds)

    def routes(self) -> list[Route]:
        return [
            Route("/", self._status),
            Route("/incidents/{id}", self._incident, methods=["GET", "POST"]),
            Route("/messages", self._messages),
            Route("/oncall", self._oncall, methods=["GET", "POST"]),
        ]

    async def _status(self, request: Request) -> Response:
        user = await self._enter(request)
        now, schedules = self._people.now(), self._people.schedules()
        clock = clock_of(user, self._people.directory, now)
        status = await self._read(
            lambda tx: status_of(tx, schedules, self._ready(), now, self._people.directory, clock.at)
        )
        return self._page("status.html", request, user, status=status)

    async def _incident(self, request: Request) -> Response:
        user = await self._enter(request)
        id_ = _id_of(request)
        if request.method == "POST":
            return await self._take_care(request, user, id_)
        clock = clock_of(user, self._people.directory, self._people.now())
        beside = timeline.Beside(clock.at, self._people.route, self._people.receivers)
        told = await self._read(lambda tx: _told(tx, id_, beside))
        if told is None:
            raise _no_incident()
        return self._page("incident.html", request, user, page=told)

    async def _take_care(self, request: Request, user: str, id_: int) -> Response:
        """The buttons of an incident: one acknowledges, one takes that back, one closes it."""
        form, by = await self._form(request), user or _ANYBODY
        if await self._read(lambda tx: page_queries.incident(tx, id_)) is None:
            raise _no_incident()
        match form.get("do", ""):
            case "":
                await self._store(self._people.acknowledge([id_], by, AckBy.PAGE))
            case "unack":
                await self._store(self._people.unacknowledge([id_], by))
            case "close":
                await self._store(self._people.close([id_], by))
            case _:
                raise HTTPException(400, "No button of this page asks for that.")
        return _back_to(tag_of(id_))

    async def _messages(self, request: Request) -> Response:
        user = await self._enter(request)
        texts = await self._read(lambda tx: page_queries.newest_messages(tx, MESSAGES_SHOWN))
        return self._page("messages.html", request, user, texts=texts, most=MESSAGES_SHOWN)

    async def _oncall(self, request: Request) -> Response:
        user = await self._enter(request)
        if request.method == "POST":
            return await self._override(request, user)
        return await self._rotas(request, user)

    async def _override(self, request: Request, user: str) -> Response:
        """Both forms of the page: one makes an override, the other takes one away."""
        form = await self._form(request)
        by = user or _ANYBODY
        if "remove" in form:
            number = _number(form["remove"])
            if not number or not await self._store(self._people.remove_override(number, by)):
                return await self._rotas(request, user, "That override is gone already.")
            return _back_to("oncall")
        try:
            wish = wish_of(form, self._people.schedules(), self._people.directory.people, self._people.now())
        except ValueError as error:
            return await self._rotas(request, user, str(error), form)
        await self._store(
            self._people.add_override(wish.schedule, wish.person, wish.start, wish.end, by),
        )
        return _back_to("oncall")

    async def _rotas(
        self, request: Request, user: str, problem: str = "", form: Mapping[str, str] | None = None
    ) -> Response:
        now = self._people.now()
        rotas = await self._read(lambda tx: self._shown(tx, now))
        return self._page(
            "oncall.html",
            request,
            user,
            400 if problem else 200,
            rotas=rotas,
            persons=sorted(self._people.directory.people),
            problem=problem,
            form=form or {},
        )

    def _shown(self, tx: Tx, now: datetime) -> list[Rota]:
        made = oncall_rows.overrides(tx, now)
        directory = self._people.directory
        return [rota_of(schedule, made, now, directory) for schedule in self._people.schedules().values()]

    def _page(
        self, template: str, request: Request, user: str, code: int = 200, **values: object
    ) -> Response:
        path = request.url.path
        clock = clock_of(user, self._people.directory, self._people.now())
        shown = {"root": root_of(path), "here": path, "clock": clock, "user": user, **values}
        return self._html.page(template, shown, code)

    async def _enter(self, request: Request) -> str:
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
            401, "This page wants a user and a password.", headers={"WWW-Authenticate": challenge}
        )

    async def _form(self, request: Request) -> dict[str, str]:
        """The fields of a form. Raises HTTPException 400, 408, 413 and 415."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise HTTPException(415, "A form is taken as application/x-www-form-urlencoded alone.")
        content = await body.read(request, self._seconds, MAX_FORM)
        try:
            fields = parse_qsl(
                content.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS
            )
        except ValueError:
            raise HTTPException(400, "The form has too many fields.") from None
        return dict(fields)

    async def _store(self, change: Awaitable[object]) -> object:
        return await settled(change, self._seconds, _NOT_STORED)


def _told(tx: Tx, incident_id: int, beside: timeline.Beside) -> _Told | None:
    incident = page_queries.incident(tx, incident_id)
    told = timeline.of_incident(tx, incident_id, beside)
    if incident is None or told is None:
        return None
    shown = told[1][:_STORY_LINES]
    people = tuple(page_queries.told(tx, incident_id))
    return _Told(incident, people, tuple(shown), len(told[1]) - len(shown))


def _id_of(request: Request) -> int:
    """The incident that the address names, by number or tag; 0, which none has, where it names none."""
    text: str = request.path_params["id"]
    if text.isascii() and text.isdigit():
        return _number(text)
    return incident_of(text[:20]) or 0


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID else 0


def _no_incident() -> HTTPException:
    return HTTPException(404, "There is no such incident.")


def _back_to(where: str) -> Response:
    """Shows a page again after a form, so that loading it once more does not send the form once more."""
    return Response(status_code=303, headers={"Location": where})

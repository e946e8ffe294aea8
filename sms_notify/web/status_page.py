"""The first page: how things stand."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.web.page_frame import PageFrame
from sms_notify.web.static_files import takes_packed
from sms_notify.web.status import status_of

_MOST_KEPT = 64  # readers, more or less


class StatusPage:
    """Keeps the answers of this second: what many screens show is read and rendered once, until something is stored."""

    def __init__(self, frame: PageFrame) -> None:
        self._frame = frame
        self._as_of: object = None
        self._kept: dict[object, Response] = {}

    def routes(self) -> list[Route]:
        return [Route("/", self._status)]

    async def _status(self, request: Request) -> Response:
        frame = self._frame
        user = await frame.enter(request)
        now, not_ready = frame.people.now().replace(microsecond=0), frame.ready()
        as_of = now, not_ready, await frame.read.ask(frame.people.version)
        if as_of != self._as_of or len(self._kept) > _MOST_KEPT:
            self._as_of, self._kept = as_of, {}
        kept, key = self._kept, (user, takes_packed(request))
        if key not in kept:
            kept[key] = await self._anew(request, user, not_ready)
        return kept[key]

    async def _anew(self, request: Request, user: str, not_ready: tuple[str, ...]) -> Response:
        people, clock = self._frame.people, self._frame.clock(user)
        schedules, now = people.schedules(), clock.local(clock.now)
        watches = people.plan().watches if people.plan is not None else {}
        status = await self._frame.read(
            lambda tx: status_of(
                tx,
                schedules,
                people.gateways,
                not_ready,
                now,
                people.directory,
                clock.soon,
                watches,
                people.site_alive,
            )
        )
        return self._frame.page("status.html", request, user, status=status, persons=people.directory.people)

"""The first page: how things stand."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.web.page_frame import PageFrame
from sms_notify.web.status import status_of


class StatusPage:
    def __init__(self, frame: PageFrame) -> None:
        self._frame = frame

    def routes(self) -> list[Route]:
        return [Route("/", self._status)]

    async def _status(self, request: Request) -> Response:
        frame = self._frame
        user = await frame.enter(request)
        people, clock = frame.people, frame.clock(user)
        schedules, now = people.schedules(), clock.local(clock.now)
        status = await frame.read(
            lambda tx: status_of(
                tx, schedules, people.gateways, frame.ready(), now, people.directory, clock.at
            )
        )
        return frame.page("status.html", request, user, status=status)

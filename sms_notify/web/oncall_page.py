"""Who is on call, and the forms that put somebody else on call for a while."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.store import oncall_rows
from sms_notify.store.tx import Tx
from sms_notify.web.oncall_view import Rota, rota_of, wish_of
from sms_notify.web.page_frame import PageFrame, actor, back_to, number_of


class OncallPage:
    def __init__(self, frame: PageFrame) -> None:
        self._frame = frame

    def routes(self) -> list[Route]:
        return [Route("/oncall", self._oncall, methods=["GET", "POST"])]

    async def _oncall(self, request: Request) -> Response:
        user = await self._frame.enter(request)
        if request.method == "POST":
            return await self._override(request, user)
        return await self._rotas(request, user)

    async def _override(self, request: Request, user: str) -> Response:
        """Both forms of the page: one makes an override, the other takes one away."""
        frame, people, by = self._frame, self._frame.people, actor(user)
        form = await frame.form(request)
        if "remove" in form:
            number = number_of(form["remove"])
            if not number or not await frame.store(people.remove_override(number, by)):
                return await self._rotas(request, user, "That override is gone already.")
            return back_to("oncall")
        try:
            wish = wish_of(form, people.schedules(), people.directory.people, people.now())
        except ValueError as error:
            return await self._rotas(request, user, str(error), form)
        await frame.store(people.add_override(wish.schedule, wish.person, wish.start, wish.end, by))
        return back_to("oncall")

    async def _rotas(
        self, request: Request, user: str, problem: str = "", form: Mapping[str, str] | None = None
    ) -> Response:
        people = self._frame.people
        now = people.now()
        return self._frame.page(
            "oncall.html",
            request,
            user,
            400 if problem else 200,
            rotas=await self._frame.read(lambda tx: self._shown(tx, now)),
            persons=sorted(people.directory.people),
            problem=problem,
            form=form or {},
        )

    def _shown(self, tx: Tx, now: datetime) -> list[Rota]:
        people = self._frame.people
        made = oncall_rows.overrides(tx, now)
        return [rota_of(schedule, made, now, people.directory) for schedule in people.schedules().values()]

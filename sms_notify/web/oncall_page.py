"""Who is on call, and the forms that put somebody else on call for a while, change that, or swap two shifts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.oncall.roster import obeyed
from sms_notify.policy.rotations import Schedule, Shift
from sms_notify.store import oncall_rows
from sms_notify.store.oncall_rows import AskedOverride, Override
from sms_notify.store.tx import Tx
from sms_notify.web.oncall_view import (
    Rota,
    first_day_of,
    form_of,
    rota_of,
    shifts_of,
    swap_of,
    wish_of,
)
from sms_notify.web.page_frame import PageFrame, actor, back_to, number_of

_A_WEEK = timedelta(days=7)
_GONE = "That override is gone already."


class OncallPage:
    def __init__(self, frame: PageFrame) -> None:
        self._frame = frame

    def routes(self) -> list[Route]:
        return [Route("/oncall", self._oncall, methods=["GET", "POST"])]

    async def _oncall(self, request: Request) -> Response:
        user = await self._frame.enter(request)
        if request.method == "POST":
            return await self._change(request, user)
        return await self._rotas(request, user, form=request.query_params)

    async def _change(self, request: Request, user: str) -> Response:
        """One form makes an override, or another one of it (`change`), one takes it away, and one swaps two shifts."""
        form = await self._frame.form(request)
        named = form.get("remove", form.get("change", ""))
        remove = [number_of(named)] if named else []
        try:
            make = [] if "remove" in form else await self._asked(form)
        except ValueError as error:
            return await self._rotas(request, user, str(error), form)
        changed = self._frame.people.change_overrides(remove, make, actor(user))
        if not await self._frame.store(changed):
            return await self._rotas(request, user, _GONE)
        return back_to("oncall")

    async def _asked(self, form: Mapping[str, str]) -> Sequence[AskedOverride]:
        """Raises ValueError with what to write instead."""
        people = self._frame.people
        schedules, now = people.schedules(), people.now()
        if "other" not in form:
            return [wish_of(form, schedules, people.directory.people, now)]
        made = await self._frame.read(lambda tx: oncall_rows.overrides(tx, now))
        return swap_of(form, schedules, obeyed(made, people.directory), now)

    async def _rotas(
        self, request: Request, user: str, problem: str = "", form: Mapping[str, str] | None = None
    ) -> Response:
        people = self._frame.people
        now = people.now()
        try:
            first = first_day_of(request.query_params.get("from", ""), now)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        rotas, mine, made = await self._frame.read(lambda tx: self._shown(tx, now, first, user))
        shown, filled = first or now.date(), form_of(form or {}, made, people.schedules())
        if form and "change" in form and not filled:
            problem = problem or _GONE
        return self._frame.page(
            "oncall.html",
            request,
            user,
            400 if problem else 200,
            rotas=rotas,
            mine=mine,
            persons=sorted(people.directory.people),
            problem=problem,
            form=filled,
            earlier=shown - _A_WEEK,
            later=shown + _A_WEEK,
            elsewhere=first is not None,
        )

    def _shown(
        self, tx: Tx, now: datetime, first: date | None, user: str
    ) -> tuple[list[Rota], list[tuple[Schedule, Shift]], Sequence[Override]]:
        directory, schedules = self._frame.people.directory, self._frame.people.schedules()
        since = now if first is None else min(now, now + (first - now.date() - timedelta(days=1)))
        made = oncall_rows.overrides(tx, since)
        rotas = [rota_of(schedule, made, now, directory, first) for schedule in schedules.values()]
        return rotas, shifts_of(user, schedules.values(), obeyed(made, directory), now), made

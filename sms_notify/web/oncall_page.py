"""Who is on call, and the forms that put somebody else on call for a while, change that, or swap two shifts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.oncall.calendar_export import AROUND, coming_shifts, export
from sms_notify.oncall.roster import obeyed
from sms_notify.policy.rotations import Schedule, Shift
from sms_notify.store import oncall_rows
from sms_notify.store.oncall_rows import AskedOverride, Override
from sms_notify.store.tx import Tx
from sms_notify.web.oncall_view import (
    AHEAD,
    Rota,
    first_day_of,
    form_of,
    rota_of,
    swap_of,
    wish_of,
)
from sms_notify.web.page_frame import PageFrame, actor, back_to, number_of

_A_WEEK = timedelta(days=7)
_CALENDAR = {
    "Content-Type": "text/calendar; charset=utf-8",
    "Content-Disposition": 'attachment; filename="on-call.ics"',
}
_GONE = "That override does not exist any more."


class OncallPage:
    def __init__(self, frame: PageFrame) -> None:
        self._frame = frame

    def routes(self) -> list[Route]:
        return [
            Route("/oncall", self._oncall, methods=["GET", "POST"]),
            Route("/oncall.ics", self._export, methods=["GET"]),
        ]

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
            known_until=now + AHEAD,
            persons=sorted(people.directory.people),
            problem=problem,
            form=filled,
            earlier=shown - _A_WEEK,
            later=shown + _A_WEEK,
            elsewhere=first is not None,
        )

    async def _export(self, request: Request) -> Response:
        """The shifts of the `schedule` that the address names, else of all; of one `person`, where it names one."""
        await self._frame.enter(request)
        people, asked, now = self._frame.people, request.query_params, self._frame.people.now()
        made = await self._frame.read(lambda tx: oncall_rows.overrides(tx, now - AROUND))
        counting, site = obeyed(made, people.directory), people.plan().ack_url if people.plan else ""
        wanted = asked.get("schedule"), asked.get("person")
        try:
            return Response(export(people.schedules(), counting, now, site, *wanted), headers=_CALENDAR)
        except LookupError as error:
            raise HTTPException(404, str(error)) from None

    def _shown(
        self, tx: Tx, now: datetime, first: date | None, user: str
    ) -> tuple[list[Rota], list[tuple[Schedule, Shift]], Sequence[Override]]:
        directory, schedules = self._frame.people.directory, self._frame.people.schedules()
        since = now if first is None else min(now, now + (first - now.date() - timedelta(days=1)))
        made = oncall_rows.overrides(tx, since - AROUND)
        crew = list(dict.fromkeys(name for one in schedules.values() for name in one.members))
        rotas = [rota_of(schedule, made, now, directory, first, crew) for schedule in schedules.values()]
        return rotas, coming_shifts(schedules.values(), obeyed(made, directory), now, AHEAD, user), made

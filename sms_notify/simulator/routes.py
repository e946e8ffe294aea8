"""The simulator's addresses: the gateway's two scripts, the page, its forms, and the control API."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sms_notify.simulator import api
from sms_notify.simulator.faults import FaultKind, SimulatedFault, kind_of, main_field
from sms_notify.simulator.page import ROOM
from sms_notify.simulator.records import SimulatedAnswer
from sms_notify.simulator.wire import BrokenAnswer, Wire

if TYPE_CHECKING:
    from sms_notify.simulator.server import Simulator

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_Answered = Callable[[Request], Awaitable[Response]]


class SimulatorHandlers:
    """The handlers. Their state is the simulator's."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/module/{script}", self._script, methods=["GET", "POST"]),
                Route("/", self._show_page),
                Route("/events", self._show_events),
                Route("/faults", self._form, methods=["POST"]),
                Route("/api/texts", self._show_texts),
                Route("/api/requests", self._show_requests),
                Route("/api/outbox", self._show_outbox),
                Route("/api/settings", _json(self._change_settings), methods=["POST"]),
                Route("/api/faults", _json(self._faults), methods=["GET", "POST", "DELETE"]),
                Route("/api/scripts", _json(self._courses), methods=["GET", "POST", "DELETE"]),
                Route("/api/callbacks", _json(self._callbacks), methods=["GET", "POST"]),
                Mount("/static", StaticFiles(directory=ROOM / "static")),
            ]
        )

    async def _script(self, request: Request) -> Response:
        script = request.path_params["script"]
        if script not in ("gateway.php", "gatewayrapport.php"):
            return PlainTextResponse("Not Found", 404)
        params = await _parameters(request)
        answer, fault = self._simulator.take(params, script, request.method)
        if fault is None:
            return PlainTextResponse(answer.body)
        return await self._break(fault, answer, request.state.wire)

    async def _break(self, fault: SimulatedFault, answer: SimulatedAnswer, wire: Wire) -> Response:
        if fault.kind is FaultKind.LATENCY:
            wire.held = True
            await wire.pause(fault.seconds)
            wire.held = False
            return PlainTextResponse(answer.body)
        if fault.kind is FaultKind.CALLBACK_FIRST:
            await run_in_threadpool(self._simulator.wait_for_callbacks, answer.smsids, fault.seconds)
            return PlainTextResponse(answer.body)
        return BrokenAnswer(fault, answer.body)

    async def _show_page(self, _: Request) -> Response:
        return _page(self._simulator.page())

    async def _form(self, request: Request) -> Response:
        """A fault armed or removed by the page's forms, with or without script."""
        form = {name: value for name, value in (await _parameters(request)).items() if value.strip()}
        # Any page of the web can post a form here; only ours can have read the token.
        if not secrets.compare_digest(form.pop("token", "").encode(), self._simulator.token.encode()):
            return _page(self._simulator.page("This form is from an earlier run: try again."), 403)
        try:
            self._obey(form)
        except ValueError as error:
            return _page(self._simulator.page(str(error)), 400)
        return RedirectResponse("/#faults", 303)

    def _obey(self, form: dict[str, str]) -> None:
        if "remove" in form:
            everything = form["remove"] == "all"
            self._simulator.clear_faults(None if everything else form["remove"])
            return
        fields = dict(form)
        if "value" in fields:
            fields[main_field(kind_of(fields.get("kind")))] = fields.pop("value").strip()
        self._simulator.fault(fields.pop("kind", ""), **fields)

    async def _show_events(self, _: Request) -> Response:
        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(self._simulator.events(), media_type="text/event-stream", headers=headers)

    async def _show_texts(self, _: Request) -> Response:
        return api.answer([api.text_as_json(text) for text in self._simulator.texts()])

    async def _show_requests(self, _: Request) -> Response:
        return api.answer([api.request_as_json(request) for request in self._simulator.requests()])

    async def _show_outbox(self, _: Request) -> Response:
        return api.answer([api.waiting_as_json(entry) for entry in self._simulator.outbox()])

    async def _change_settings(self, request: Request) -> Response:
        self._simulator.change(**api.parsed(await request.body()))
        return api.answer(self._simulator.settings_as_json())

    async def _faults(self, request: Request) -> Response:
        simulator, status = self._simulator, 200
        if request.method == "DELETE":
            simulator.clear_faults(request.query_params.get("id"))
        elif request.method == "POST":
            fields = api.parsed(await request.body())
            simulator.fault(str(fields.pop("kind", "")), **fields)
            status = 201
        return api.answer([api.fault_as_json(armed) for armed in simulator.faults()], status)

    async def _courses(self, request: Request) -> Response:
        simulator, status = self._simulator, 200
        if request.method == "DELETE":
            simulator.clear_scripts()
        elif request.method == "POST":
            simulator.add_script(api.parsed(await request.body()))
            status = 201
        return api.answer([api.course_as_json(course) for course in simulator.scripts()], status)

    async def _callbacks(self, request: Request) -> Response:
        if request.method == "POST":
            posting = self._simulator.call_back(**api.parsed(await request.body()))
            return api.answer(posting, 202)
        return api.answer([api.callback_as_json(callback) for callback in self._simulator.callbacks()])


def _json(handler: _Answered) -> _Answered:
    """Says what was wrong with a request's JSON, in JSON."""

    async def answered(request: Request) -> Response:
        kind = request.headers.get("content-type", "").split(";")[0].strip()
        # Only JSON: a form of a strange web page could be posted here without asking, JSON cannot.
        if request.method == "POST" and kind != "application/json":
            return api.answer({"error": "send application/json"}, 415)
        try:
            return await handler(request)
        except (ValueError, TypeError) as error:
            return api.answer({"error": str(error)}, 400)

    return answered


def _page(text: str, status: int = 200) -> Response:
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})


async def _parameters(request: Request) -> Mapping[str, str]:
    """Query and form together, UTF-8; of a name given twice the last one counts, as in PHP."""
    query = request.scope["query_string"].decode("latin-1")
    form = (await request.body()).decode("latin-1") if request.method == "POST" else ""
    pairs = [pair for part in (query, form) for pair in parse_qsl(part, keep_blank_values=True)]
    return dict(pairs)

"""The simulator over real HTTP: the gateway's two scripts, a page, a JSON API, and a clock that runs."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sms_notify.simulator import api
from sms_notify.simulator.callbacks import CallBacks
from sms_notify.simulator.events import Broadcast, frame
from sms_notify.simulator.gateway import GatewayState, handle
from sms_notify.simulator.page import ROOM, Page, curl_example
from sms_notify.simulator.records import CallBack, Received, Text
from sms_notify.simulator.settings import Settings

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Simulator:
    """A local 1601SMS gateway. `port` 0 takes a free one; `now` answers aware UTC.

    Everything but `start` and `stop` may be called from any thread at any time between the two.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.state = GatewayState(settings or Settings())
        self._now = now or _utc_now
        self._address = (host, port)
        # Guards the state; notified at every change, so it also wakes the clock thread and waiting tests.
        self._changed = threading.Condition()
        self._stopping = False
        self._broadcast = Broadcast()
        self._callbacks = CallBacks(self._record_callback, self._now)

    def start(self) -> str:
        """Serve from background threads; the base URL, without a slash at its end.

        Raises OSError where the address cannot be had.
        """
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=512)
        shown_host = f"[{host}]" if ":" in host else host
        self.base_url = f"http://{shown_host}:{self._socket.getsockname()[1]}"
        self._page = Page(self.state, self.base_url)
        self._server = _Server(self._app())
        self._threads = [
            threading.Thread(
                target=self._server.run, args=([self._socket],), name="simulator-http", daemon=True
            ),
            threading.Thread(target=self._pass_time, name="simulator-clock", daemon=True),
        ]
        self._threads[0].start()
        self._server.ready.wait()
        self._threads[1].start()
        self._callbacks.start()
        return self.base_url

    def stop(self) -> None:
        """End every thread and free the port."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._threads[1].join()
        self._callbacks.stop()
        self._server.loop.call_soon_threadsafe(self._broadcast.close)
        self._server.should_exit = True
        self._threads[0].join()
        self._socket.close()

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def gateway_url(self) -> str:
        """What a client is configured with: gateway.php and gatewayrapport.php lie below it."""
        return f"{self.base_url}/module/"

    @property
    def example(self) -> str:
        """A curl command that sends a first text."""
        return curl_example(self.state, self.base_url)

    @property
    def settings(self) -> Settings:
        return self.state.settings

    def change(self, **values: Any) -> Settings:
        """Change settings while running, by name: `change(credits=3, force_error=120)`.

        Raises ValueError for an unknown name or a value that makes no sense; then nothing changes.
        """
        with self._changed:
            settings = api.changed(self.state.settings, values)
            self.state.change(settings, set_credits="credits" in values)
            self._tell(frame("refresh", {}))
            return settings

    def texts(self) -> list[Text]:
        with self._changed:
            return self.state.texts()

    def requests(self) -> list[Received]:
        with self._changed:
            return self.state.requests()

    def tick(self) -> None:
        """Do what fell due by `now`, at once: for tests that move the clock."""
        with self._changed:
            self.state.advance(self._now())
            self._publish()

    def wait_for(self, met: Callable[[GatewayState], bool], timeout: float) -> bool:
        """Wait until `met(state)`; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: met(self.state), timeout)

    def wait_for_texts(self, count: int, timeout: float = 5.0) -> list[Text]:
        """The texts, once there are at least `count`. Raises TimeoutError after `timeout` seconds."""
        if not self.wait_for(lambda state: len(state.sent) >= count, timeout):
            raise TimeoutError(f"{count} texts expected within {timeout:g} s, {len(self.texts())} came")
        return self.texts()

    def _pass_time(self) -> None:
        with self._changed:
            while not self._stopping:
                self.tick()
                due = self.state.next_due()
                self._changed.wait(None if due is None else max(0.0, (due - self._now()).total_seconds()))

    def _publish(self, *, board: bool = False) -> None:
        """Tell call-backs, waiting threads and pages of what changed. The lock is held."""
        texts = self.state.drain()
        for text in texts:
            self._callbacks.post(self.settings.delivery_url, text, self.settings.zone)
        if texts or board:
            self._changed.notify_all()
            self._tell(*texts)

    def _record_callback(self, callback: CallBack) -> None:
        with self._changed:
            self.state.callbacks.append(callback)
            self._publish(board=True)

    def _tell(self, *news: Text | str) -> None:
        self._server.loop.call_soon_threadsafe(self._tell_pages, news)

    def _tell_pages(self, news: tuple[Text | str, ...]) -> None:
        if not self._broadcast:  # nobody looks: rendering would be for nothing
            return
        with self._changed:
            frames = [item if isinstance(item, str) else self._text_frame(item) for item in news]
            board = frame("board", self._page.board())
        self._broadcast.publish([*frames, board])

    def _text_frame(self, text: Text) -> str:
        return frame("text", {"smsid": text.smsid, "number": text.number, "html": self._page.bubble(text)})

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/module/{script}", self._script, methods=["GET", "POST"]),
                Route("/", self._show_page),
                Route("/events", self._show_events),
                Route("/api/texts", self._show_texts),
                Route("/api/requests", self._show_requests),
                Route("/api/settings", self._change_settings, methods=["POST"]),
                Mount("/static", StaticFiles(directory=ROOM / "static")),
            ]
        )

    async def _script(self, request: Request) -> Response:
        script = request.path_params["script"]
        if script not in ("gateway.php", "gatewayrapport.php"):
            return PlainTextResponse("Not Found", 404)
        params = await _parameters(request)
        with self._changed:
            answer = handle(self.state, params, self._now(), script=script, method=request.method)
            self._publish(board=True)
        return PlainTextResponse(answer.body)

    async def _show_page(self, _: Request) -> Response:
        with self._changed:
            self.state.advance(self._now())
            self._publish()
            return HTMLResponse(self._page.whole(), headers={"Cache-Control": "no-store"})

    async def _show_events(self, _: Request) -> Response:
        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(self._broadcast.stream(), media_type="text/event-stream", headers=headers)

    async def _show_texts(self, _: Request) -> Response:
        return api.answer([api.text_as_json(text) for text in self.texts()])

    async def _show_requests(self, _: Request) -> Response:
        return api.answer([api.request_as_json(request) for request in self.requests()])

    async def _change_settings(self, request: Request) -> Response:
        # Only JSON: a form of a strange web page could be posted here without asking, JSON cannot.
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return api.answer({"error": "send application/json"}, 415)
        try:
            self.change(**api.parse_changes(await request.body()))
        except ValueError as error:
            return api.answer({"error": str(error)}, 400)
        with self._changed:
            return api.answer(api.settings_as_json(self.state))


class _Server(uvicorn.Server):
    """uvicorn that says when it is ready. No access log, as queries hold the password."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, app: Starlette) -> None:
        headers = [
            ("Content-Security-Policy", _CONTENT_POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
        ]
        super().__init__(
            uvicorn.Config(
                app,
                access_log=False,
                log_config=None,
                lifespan="off",
                ws="none",
                headers=headers,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.ready.set()


async def _parameters(request: Request) -> dict[str, str]:
    """Query and form together, UTF-8; of a name given twice the last one counts, as in PHP."""
    query = request.scope["query_string"].decode("latin-1")
    form = (await request.body()).decode("latin-1") if request.method == "POST" else ""
    pairs = [pair for part in (query, form) for pair in parse_qsl(part, keep_blank_values=True)]
    return dict(pairs)


def _utc_now() -> datetime:
    return datetime.now(UTC)

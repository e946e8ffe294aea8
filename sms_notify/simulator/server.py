"""The simulator over real HTTP: lifecycle, lock and clock around the state, and the API for programs."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from sms_notify.simulator import api
from sms_notify.simulator.answers import handle
from sms_notify.simulator.callbacks import CallBacks
from sms_notify.simulator.courses import Course
from sms_notify.simulator.events import Broadcast, frame
from sms_notify.simulator.faults import Armed, Faults, SimulatedFault
from sms_notify.simulator.gateway import GatewayState
from sms_notify.simulator.page import SimulatorPage, curl_example
from sms_notify.simulator.records import (
    PostedReport,
    Posting,
    Received,
    ScheduledOrder,
    SimulatedAnswer,
    SimulatedText,
)
from sms_notify.simulator.routes import CONTENT_POLICY, SimulatorHandlers
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.simulator.wire import Protocol


class Simulator:
    """A local 1601SMS gateway. `port` 0 takes a free one; `now` answers aware UTC.

    Everything but `start` and `stop` may be called from any thread at any time between the two; `fault`,
    `script` and `change` before `start`, too.
    """

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.state = GatewayState(settings or SimulatorSettings())
        self._faults = Faults()
        self.token = secrets.token_urlsafe(16)  # what the page's forms know and a strange page cannot
        self._server: _ReadyServer | None = None
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
        self._page = SimulatorPage(self.state, self._faults, self.base_url, self.token)
        self._server = server = _ReadyServer(self._app())
        self._threads = [
            threading.Thread(target=server.run, args=([self._socket],), name="simulator-http", daemon=True),
            threading.Thread(target=self._pass_time, name="simulator-clock", daemon=True),
        ]
        self._threads[0].start()
        server.ready.wait()
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
        if self._server:
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
    def settings(self) -> SimulatorSettings:
        return self.state.settings

    def change(self, **values: Any) -> SimulatorSettings:
        """Change settings while running, by name: `change(credits=3, force_error=120)`.

        Raises ValueError for an unknown name or a value that makes no sense; then nothing changes.
        """
        with self._changed:
            settings = api.changed(self.state.settings, values)
            self.state.change(settings, set_credits="credits" in values)
            self._tell(frame("refresh", {}))
            return settings

    def fault(self, kind: str, **fields: Any) -> SimulatedFault:
        """Break requests from now on: `fault("hang", where="in_body", scope="sends", count=1)`.

        The fields are those of `SimulatedFault`; the kind's own defaults fill in. Raises ValueError for nonsense.
        """
        fault = api.fault({"kind": kind, **fields})
        with self._changed:
            self._faults.add(fault)
            self._publish(board=True)
        return fault

    def faults(self) -> list[Armed]:
        """Those that are armed, oldest first."""
        with self._changed:
            return self._faults.listed()

    def clear_faults(self, fault_id: str | None = None) -> None:
        """Remove every fault, or the one of this id. Raises ValueError if there is none of that id."""
        with self._changed:
            if fault_id is None:
                self._faults.clear()
            elif not self._faults.remove(fault_id):
                raise ValueError(f"there is no fault {fault_id}: it is used up or was removed")
            self._publish(board=True)

    def script(self, number: str, steps: Iterable[tuple[float, str]], *, count: int | None = None) -> Course:
        """What becomes of texts to `number` ('': to any) taken from now on, as (seconds, status).

        `[]`: nothing ever. `count`: only of the next so many, in order. Raises ValueError for nonsense.
        """
        return self.add_script({"number": number, "steps": list(steps), "count": count})

    def add_script(self, fields: Mapping[str, object]) -> Course:
        course = api.course(fields)
        with self._changed:
            self.state.courses.add(course)
        return course

    def scripts(self) -> list[Course]:
        with self._changed:
            return self.state.courses.listed()

    def clear_scripts(self) -> None:
        with self._changed:
            self.state.courses.clear()

    def call_back(self, **fields: Any) -> Posting:
        """Post one call-back to the delivery URL, real or forged; the fields are those of `CallBackOrder`.

        It leaves in the background, in order; `callbacks` tells what came of it. Raises ValueError for
        nonsense and where there is no delivery URL.
        """
        order = api.call_back(fields)
        with self._changed:
            if not self.settings.delivery_url:
                raise ValueError("there is nobody to call back: set delivery_url first")
            now = self._now()
            posting = order.posting(self.state, now)
            self.state.call_back(posting, now + timedelta(seconds=order.after), times=order.times)
            self.state.advance(now)
            self._publish(board=True)
        return posting

    def callbacks(self) -> list[PostedReport]:
        """The call-backs made, oldest first (the newest 20 000)."""
        with self._changed:
            return list(self.state.callbacks)

    def texts(self) -> list[SimulatedText]:
        """Every text that was accepted, oldest first; what was refused or broken before is not here."""
        with self._changed:
            return self.state.texts()

    def outbox(self) -> list[ScheduledOrder]:
        """What is scheduled, next due first."""
        with self._changed:
            return sorted(self.state.outbox.values(), key=lambda entry: entry.due)

    def requests(self) -> list[Received]:
        """Every request to the gateway's scripts, oldest first (the newest 20 000), broken ones too."""
        with self._changed:
            return self.state.requests()

    def settings_as_json(self) -> dict[str, object]:
        with self._changed:
            return api.settings_as_json(self.state)

    def take(
        self, params: Mapping[str, str], script: str, method: str
    ) -> tuple[SimulatedAnswer, SimulatedFault | None]:
        """One request: what the gateway answers, and the fault that breaks it."""
        with self._changed:
            fault = self._faults.take(script, params)
            answer = handle(self.state, params, self._now(), script=script, method=method, fault=fault)
            self._publish(board=True)
            return answer, fault

    def page(self, problem: str = "") -> str:
        with self._changed:
            self.state.advance(self._now())
            self._publish()
            return self._page.whole(problem)

    def events(self) -> AsyncIterator[str]:
        return self._broadcast.stream()

    def tick(self) -> None:
        """Do what fell due by `now`, at once: for tests that move the clock."""
        with self._changed:
            self.state.advance(self._now())
            self._publish()

    def wait_for(self, met: Callable[[GatewayState], bool], timeout: float) -> bool:
        """Wait until `met(state)`; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: met(self.state), timeout)

    def wait_for_texts(self, count: int, timeout: float = 5.0) -> list[SimulatedText]:
        """The texts, once there are at least `count`. Raises TimeoutError after `timeout` seconds."""
        if not self.wait_for(lambda state: len(state.sent) >= count, timeout):
            raise TimeoutError(f"{count} texts expected within {timeout:g} s, {len(self.texts())} came")
        return self.texts()

    def wait_for_callbacks(self, smsids: Iterable[str], timeout: float) -> None:
        """Wait until each of these texts was called back once, `timeout` seconds at most."""
        wanted = set(smsids)
        self.wait_for(
            lambda state: self._stopping or wanted <= {callback.smsid for callback in state.callbacks},
            timeout,
        )

    def _pass_time(self) -> None:
        with self._changed:
            while not self._stopping:
                self.tick()
                due = self.state.next_due()
                self._changed.wait(None if due is None else max(0.0, (due - self._now()).total_seconds()))

    def _publish(self, *, board: bool = False) -> None:
        """Tell call-backs, waiting threads and pages of what changed. The lock is held."""
        texts = self.state.drain()
        for posting in self.state.drain_postings():
            self._callbacks.post(self.settings.delivery_url, posting)
        if texts or board:
            self._changed.notify_all()
            self._tell(*texts)

    def _record_callback(self, callback: PostedReport) -> None:
        with self._changed:
            self.state.callbacks.append(callback)
            self._publish(board=True)

    def _tell(self, *news: SimulatedText | str) -> None:
        if self._server:
            self._server.loop.call_soon_threadsafe(self._tell_pages, news)

    def _tell_pages(self, news: tuple[SimulatedText | str, ...]) -> None:
        if not self._broadcast:  # nobody looks: rendering would be for nothing
            return
        with self._changed:
            frames = [item if isinstance(item, str) else self._text_frame(item) for item in news]
            board = frame("board", self._page.board())
        self._broadcast.publish([*frames, board])

    def _text_frame(self, text: SimulatedText) -> str:
        return frame("text", {"smsid": text.smsid, "number": text.number, "html": self._page.bubble(text)})

    def _app(self) -> Starlette:
        return SimulatorHandlers(self).app()


class _ReadyServer(uvicorn.Server):
    """uvicorn that says when it is ready. No access log, as queries hold the password."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, app: Starlette) -> None:
        headers = [
            ("Content-Security-Policy", CONTENT_POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
        ]
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
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


def _utc_now() -> datetime:
    return datetime.now(UTC)

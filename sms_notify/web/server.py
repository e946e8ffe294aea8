"""Runs the web front in a thread of its own; the application starts it, stops it and owns the signals."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import uvicorn
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from sms_notify.errors import UsageError
from sms_notify.web.http_limits import HttpLimits, protocol_for
from sms_notify.web.refusals import Refusals
from sms_notify.web.settings import WebSettings

Front: TypeAlias = ASGIApp
"""Whatever answers requests."""

_BACKLOG = 2_048
# Seconds after the requests' own time in which the thread must have ended.
_GRACE = 2.0
_LIMITS = HttpLimits()

_log = logging.getLogger(__name__)


class WebServer:
    """One listening socket, one thread, one event loop. Made for one start and one stop."""

    def __init__(
        self,
        app: ASGIApp,
        settings: WebSettings,
        limits: HttpLimits = _LIMITS,
        refusals: Refusals | None = None,
    ) -> None:
        self._app = app
        self._refusals = refusals or Refusals(lambda *_: None)
        self._settings = settings
        self._limits = limits
        self._thread: threading.Thread | None = None
        self._up = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> int:
        """Listens, and returns the port (the one that was given, or the one that the system chose for 0).

        Raises UsageError where the address cannot be bound or the certificate not be read.
        """
        limits = replace(self._limits, waiting=min(self._limits.waiting, max(1, _descriptors() // 2)))
        config = self._config(limits)
        self._listener = _bind(self._settings.host, self._settings.port)
        port: int = self._listener.getsockname()[1]
        self._server = _ListeningServer(config, self._up)
        self._loop_factory = _loop_factory(limits)
        self._thread = threading.Thread(target=self._run, name="sms-notify-web", daemon=True)
        self._thread.start()
        self._up.wait()
        if self._failure is not None:
            raise UsageError(f"the web server did not start: {self._failure}") from self._failure
        return port

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self, timeout: float) -> bool:
        """Stops listening at once and gives requests under way `timeout` seconds to end; then they are cut.

        True when the thread has ended. May be called from any thread, also twice, also before `start`.
        """
        if self._thread is None:
            return True
        self._server.config.timeout_graceful_shutdown = timeout  # type: ignore[assignment]  # declared int
        self._server.should_exit = True
        self._thread.join(timeout + _GRACE)
        return not self._thread.is_alive()

    def renew(self, settings: WebSettings) -> None:
        """Shows this certificate to whoever connects from now on; `check_certificate` has read it before."""
        context = self._server.config.ssl
        if context is not None and self._loop is not None:  # OpenSSL is not asked by two threads at once
            self._loop.call_soon_threadsafe(_renew, context, settings)

    def _config(self, limits: HttpLimits) -> uvicorn.Config:
        settings = self._settings
        config = uvicorn.Config(
            self._app,
            http=protocol_for(limits, self._refusals),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # its warnings are a line for each piece of rubbish that anybody sends
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            ssl_certfile=settings.tls_cert or None,
            ssl_keyfile=settings.tls_key or None,
        )
        try:
            config.load()
        except OSError as error:  # ssl.SSLError is one
            raise _unusable(settings, error) from error
        return config

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._loop_factory) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - nobody else would hear of it: this is a thread's end
            self._failure = error
            _log.critical("the web server has ended: %s", type(error).__name__)
        finally:
            self._listener.close()
            self._up.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._listener])
        if tasks := list(self._server.server_state.tasks):
            await asyncio.wait(tasks, timeout=_GRACE / 2)  # those cut short still say 503
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


def check_certificate(settings: WebSettings) -> None:
    """Raises UsageError where there is one and it cannot be used."""
    if settings.tls_cert:
        try:
            _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), settings)
        except OSError as error:
            raise _unusable(settings, error) from error


def _load(context: ssl.SSLContext, settings: WebSettings) -> None:
    """A key that wants a password gets none, and is refused: OpenSSL would ask for it on the terminal."""
    context.load_cert_chain(settings.tls_cert, settings.tls_key, password="")


def _renew(context: ssl.SSLContext, settings: WebSettings) -> None:
    try:
        _load(context, settings)
    except OSError as error:
        _log.error("%s; it changed while it was read, so reload again", _unusable(settings, error))


def _unusable(settings: WebSettings, error: OSError) -> UsageError:
    files = f"{settings.tls_cert} and {settings.tls_key}"
    return UsageError(f"web.tls_cert and web.tls_key ({files}) cannot be used: {error}")


def switching(current: Callable[[], Front]) -> Front:
    """Each request is answered by the front that is current when it arrives, and by no other."""

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        await current()(scope, receive, send)

    return front


class _ListeningServer(uvicorn.Server):
    """Says when it listens. Signal handlers are not its own: uvicorn sets them in the main thread only."""

    def __init__(self, config: uvicorn.Config, up: threading.Event) -> None:
        super().__init__(config)
        self._up = up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()


def _loop_factory(limits: HttpLimits) -> type[uvloop.Loop]:
    class Loop(uvloop.Loop):
        """A TLS handshake is a wait for the client as well; uvloop would give it 60 s."""

        async def create_server(self, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("ssl"):
                kwargs |= {"ssl_handshake_timeout": limits.headers, "ssl_shutdown_timeout": limits.linger}
            return await super().create_server(*args, **kwargs)

    return Loop


def _bind(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return socket.create_server(found[0][4][:2], family=found[0][0], backlog=_BACKLOG)
    except OSError as error:
        advice = "choose another web.listen, or stop what listens there"
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror} ({advice})") from error


def _descriptors() -> int:
    """Raises the soft limit of open files to the hard one and returns it: each stalled client costs one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard

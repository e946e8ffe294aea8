"""The web front: webhooks in, metrics and health out, the gateway's delivery call-back, and the pages for people.

What Alertmanager makes of an answer decides what is answered: 2xx is "told, forget it", 5xx is "try again
now", 4xx is "try again at the next group_interval", a redirect is followed as GET and loses the alert. Hence
200 only after the commit, 503 for every problem of our own, and no redirect at all.
"""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import TypeVar
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sms_notify.alert import Delivery
from sms_notify.errors import ParseError, SmsNotifyError, StoreError
from sms_notify.logs import printable
from sms_notify.policy.watches import heartbeat
from sms_notify.sources import alertmanager, generic, grafana, prometheus, uptime_kuma, zabbix
from sms_notify.sources.installation import is_name, sent_by
from sms_notify.web import body, openapi
from sms_notify.web.auth import Caller, Gatekeeper
from sms_notify.web.guard import Guard
from sms_notify.web.guesses import LONGEST, Guesses
from sms_notify.web.http_limits import ANSWER_HEADERS
from sms_notify.web.openapi import Parser
from sms_notify.web.password_checks import BusyError
from sms_notify.web.ports import People
from sms_notify.web.refusals import BUSY, REASON, UNKNOWN, UNREAD, Refusals, Trace, client_of, source_of
from sms_notify.web.roles import Role
from sms_notify.web.settings import WebSettings
from sms_notify.web.shortcut import Shortcut
from sms_notify.web.site import PageRoutes

T = TypeVar("T")

SOURCES: Mapping[str, Parser] = {
    "/alertmanager": alertmanager.parse,
    "/alert": alertmanager.parse,
    "/grafana": grafana.parse,
    "/zabbix": zabbix.parse,
    "/api/v2/alerts": prometheus.parse,
    "/uptime-kuma": uptime_kuma.parse,
    "/alerts": generic.parse,
}

# What these are told is measured against the time at which it came.
_BY_THE_CLOCK = (zabbix.parse, prometheus.parse)
# A body of this size takes some 10 ms to parse; larger ones leave the event loop to the others meanwhile.
_PARSE_APART = 256 * 1024
_MAX_QUERY = 2_048
_MAX_TOKEN = 256
_REASONS = 10  # in an answer; the rest is counted
_RETRY = {"Retry-After": "5"}
_THERE = f"They are at {', '.join(SOURCES)}; an installation has a name as in /alertmanager/NAME."

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hooks:
    """What the front calls; the coroutines run on the server's event loop, the plain functions in a thread.

    `accept` returns only after the commit and raises StoreError when there is none. `metrics` takes the
    Accept header and gives body and content type. `ready` gives the reasons why not; none = ready. `report`
    takes the token of the call-back's address and its parameters, and says whether something came of them.
    `now` is aware UTC: Zabbix tells how old a problem is, and no time that has a zone; Prometheus until when its word
    holds. `reload` says what has changed, once it runs; it raises SmsNotifyError where nothing has, and the faults of the
    file are its text. `guessed` is told of each login that was refused; it must not block. `watch_of` gives the name of the
    watch that has this end of its address; empty = none has.
    """

    accept: Callable[[Delivery], Awaitable[None]]
    metrics: Callable[[str], tuple[bytes, str]]
    ready: Callable[[], tuple[str, ...]]
    report: Callable[[str, Mapping[str, str]], Awaitable[bool]]
    now: Callable[[], datetime]
    reload: Callable[[], Awaitable[str]]
    guessed: Callable[[], None] = lambda: None
    watch_of: Callable[[str], str] = lambda _: ""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that the front waits. `accept` stays under the 10 s after which Alertmanager asks again.

    `guess`: at most so long it holds back the answer to a login that is refused. `hush`: between two lines of the
    log about the same client's refused logins.
    """

    body: float = 10.0
    accept: float = 8.0
    probe: float = 5.0
    guess: float = LONGEST
    hush: float = 60.0


_PATIENCE = Patience()


def build(
    hooks: Hooks,
    settings: WebSettings,
    patience: Patience = _PATIENCE,
    people: People | None = None,
    refusals: Refusals | None = None,
) -> Starlette:
    """The application; it keeps no state but the verdicts on credentials. Without `people` it has no pages."""
    front = _Front(hooks, settings, patience)
    doors = None if people is None else PageRoutes(people, front.gatekeeper, hooks.ready, patience.accept)
    answers = _Answers(doors)
    webhooks = front.webhooks()
    app = Starlette(
        routes=[*webhooks, *front.routes(), *(doors.routes() if doors else ())],
        middleware=[
            Middleware(LastResort),
            Middleware(Trace, refusals or Refusals(lambda *_: None)),
            Middleware(Guard, settings, answers.refuse),
            Middleware(Shortcut, webhooks, answers.refuse),
        ],
        exception_handlers={HTTPException: answers.refuse},
    )
    app.router.redirect_slashes = False
    return app


class _Answers:
    """Every refusal becomes an answer here, and its reason is left where `Trace` finds it."""

    def __init__(self, doors: PageRoutes | None) -> None:
        self._doors = doors

    async def refuse(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for nothing else
        code, source = error.status_code, source_of(request.method, request.url.path)
        if (code == 404 and source is not None) or (code == 405 and source == UNKNOWN):
            text = f"No webhook is at this path. {_THERE}"
            error = HTTPException(code, text, headers=error.headers)
        request.scope[REASON] = error.detail
        if self._doors is not None:
            return await self._doors.refusal(request, error)
        return PlainTextResponse(error.detail, error.status_code, headers=error.headers)


class _Front:
    def __init__(self, hooks: Hooks, settings: WebSettings, patience: Patience) -> None:
        self._hooks = hooks
        self._patience = patience
        self._guesses = Guesses(hooks.guessed, patience.guess, patience.hush)
        self.gatekeeper = Gatekeeper(settings, self._guesses)
        asked = {"tokens": bool(settings.tokens), "users": bool(settings.users)}
        self._description = openapi.encoded(openapi.document(SOURCES, **asked))
        # Threads of their own: a scrape that hangs on a locked database must not hold back anything else.
        self._probes = ThreadPoolExecutor(2, thread_name_prefix="sms-notify-probe")

    def webhooks(self) -> list[Route]:
        return [
            Route(path + rest, partial(self._webhook, parse), methods=["POST"])
            for path, parse in SOURCES.items()
            for rest in ("", "/", "/{name}", "/{name}/")
        ]

    def routes(self) -> list[Route]:
        return [
            Route("/metrics", self._metrics),
            Route("/-/healthy", self._healthy),
            Route("/-/ready", self._ready),
            Route("/-/reload", self._reload, methods=["POST"]),
            Route("/openapi.json", self._openapi),
            Route("/delivery/{token}", self._delivery),
            Route("/watch/{secret}", self._watch, methods=["GET", "POST"]),
        ]

    async def _webhook(self, parse: Parser, request: Request) -> Response:
        caller = await self._admit(request, Role.WEBHOOK)
        if parse in _BY_THE_CLOCK:
            parse = partial(parse, at=self._hooks.now())
        name = _installation(request) or caller.installation
        delivery = await _parsed(parse, await body.read(request, self._patience.body))
        await self._commit(sent_by(delivery, name))
        if not delivery.unread:
            return _accepted(len(delivery.alerts))
        request.scope[UNREAD] = delivery.unread
        return _accepted_in_part(delivery)

    async def _commit(self, delivery: Delivery) -> None:
        """Raises HTTPException 503 where there was no commit, or none in time.

        A commit may still follow the 503; Alertmanager then repeats the alerts, and `decide` knows them.
        """
        try:
            async with asyncio.timeout(self._patience.accept):
                await self._hooks.accept(delivery)
        except TimeoutError:
            _log.warning("%d alerts were not stored within %g s", len(delivery.alerts), self._patience.accept)
            raise _unavailable("not stored in time; send it again") from None
        except StoreError as error:
            _log.warning("%d alerts could not be stored: %s", len(delivery.alerts), error)
            raise _unavailable("could not be stored; send it again") from None

    async def _metrics(self, request: Request) -> Response:
        """Not for everybody, nor for each token: the numbers name who is on call."""
        await self._admit(request, Role.METRICS)
        accept = request.headers.get("accept", "")
        content, kind = await self._probe(partial(self._hooks.metrics, accept))
        return Response(content, headers={"Content-Type": kind})

    async def _healthy(self, _: Request) -> Response:
        return PlainTextResponse("OK")

    async def _ready(self, _: Request) -> Response:
        reasons = await self._probe(self._hooks.ready)
        if reasons:
            return PlainTextResponse("\n".join(reasons), 503, headers=_RETRY)
        return PlainTextResponse("OK")

    async def _reload(self, request: Request) -> Response:
        """500 where nothing has changed, as Prometheus answers it: no repetition helps until somebody edits the file."""
        await self._admit(request, Role.WEBHOOK, Role.ACK)
        try:
            told = await self._hooks.reload()
        except StoreError as error:
            raise _unavailable(f"nothing has changed: {error}") from None
        except SmsNotifyError as error:
            return PlainTextResponse("".join(f"{printable(line)}\n" for line in str(error).splitlines()), 500)
        return PlainTextResponse(f"{told}\n")

    async def _openapi(self, _: Request) -> Response:
        """For anybody: it says what the documentation says, and which schemes are asked for, as any 401 does."""
        return Response(self._description, media_type="application/json")

    async def _delivery(self, request: Request) -> Response:
        """The gateway's call-back; uniform, so that nobody learns which tokens and messages exist."""
        if request.method == "HEAD":
            raise HTTPException(405, headers={"Allow": "GET"})
        token, parameters = request.path_params["token"], _parameters(request)
        if parameters is not None and len(token) <= _MAX_TOKEN:
            await self._report(token, parameters)
        return PlainTextResponse("OK")

    async def _report(self, token: str, parameters: Mapping[str, str]) -> None:
        """A report that is lost here is fetched later by polling; the gateway is not known to call twice."""
        try:
            async with asyncio.timeout(self._patience.accept):
                await self._hooks.report(token, parameters)
        except Exception as error:  # noqa: BLE001 - the answer is the same whatever went wrong
            _log.warning("a delivery report was not recorded: %s", _what_and_where(error))

    async def _watch(self, request: Request) -> Response:
        """A job says that it lives. A HEAD does not count: whoever checks a link sends it. What is posted is not read."""
        if request.method == "HEAD":
            raise HTTPException(405, headers={"Allow": "GET, POST"})
        secret = request.path_params["secret"]
        name = self._hooks.watch_of(secret) if len(secret) <= _MAX_TOKEN else ""
        if not name:
            await self._guesses.no_such_watch(client_of(request.scope))
            raise HTTPException(404, "no watch has this address")
        await self._commit(heartbeat(name))
        return PlainTextResponse("OK")

    async def _admit(self, request: Request, *roles: Role) -> Caller:
        """Whoever has one of the roles. Raises HTTPException 401, 403 and 503."""
        try:
            caller = await self.gatekeeper.caller(request)
        except BusyError:
            request.scope[BUSY] = True
            raise _unavailable("too many passwords wait to be checked; send it again") from None
        if caller is None:
            schemes = self.gatekeeper.challenge
            headers = {"WWW-Authenticate": schemes} if schemes else None
            raise HTTPException(401, "no valid bearer token or user and password", headers=headers)
        if caller.roles.isdisjoint(roles):
            raise HTTPException(403, f"this token or user lacks the role {' or '.join(roles)}")
        return caller

    async def _probe(self, hook: Callable[[], T]) -> T:
        answer = asyncio.get_running_loop().run_in_executor(self._probes, hook)
        try:
            return await asyncio.wait_for(answer, self._patience.probe)
        except TimeoutError:
            raise _unavailable(f"no answer from within after {self._patience.probe:g} s") from None


@lru_cache(128)  # an answer keeps nothing of the request that it answers, and is dear to make
def _accepted(alerts: int) -> Response:
    return Response(b'{"accepted": %d}\n' % alerts, media_type="application/json")


def _installation(request: Request) -> str:
    """The name in the path; empty where there is none. Raises HTTPException 404 for what is not a name."""
    name: str = request.path_params.get("name", "")
    if name and not is_name(name):
        what = f"The name of an installation has 1 to 32 letters, digits, `.`, `-` and `_`. {_THERE}"
        raise HTTPException(404, what)
    return name


def _accepted_in_part(delivery: Delivery) -> Response:
    """200: no sender repeats a part, and what was taken must not be sent again."""
    reasons = [_one_line(part.why) for part in delivery.unread[:_REASONS]]
    told = {"accepted": len(delivery.alerts), "refused": len(delivery.unread), "reasons": reasons}
    return Response(json.dumps(told).encode() + b"\n", media_type="application/json")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:500]


async def _parsed(parse: Parser, content: bytes) -> Delivery:
    try:
        if len(content) > _PARSE_APART:
            return await asyncio.to_thread(parse, content)
        return parse(content)
    except ParseError as error:
        raise HTTPException(400, _one_line(str(error))) from None


def _parameters(request: Request) -> dict[str, str] | None:
    """The query, or None where it is not a call-back of the gateway: over 2 kB, or a name given twice."""
    query = request.url.query
    if len(query) > _MAX_QUERY:
        return None
    pairs = parse_qsl(query, keep_blank_values=True)
    parameters = dict(pairs)
    return parameters if len(parameters) == len(pairs) else None


def _unavailable(text: str) -> HTTPException:
    return HTTPException(503, text, headers=_RETRY)


class LastResort:
    """ASGI middleware: dresses every answer, and turns what nobody foresaw into a 503 that says nothing.

    Not into 500, which Alertmanager treats alike but people read as "do not repeat". The log gets the kind of
    error and the lines it came through, never its text: that may quote the request, and so a secret.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def dress(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = message.get("headers", ())
                kept = {name for name, _ in given}  # a file that may be kept says so itself
                message["headers"] = [*given, *(one for one in ANSWER_HEADERS if one[0] not in kept)]
            await send(message)

        try:
            await self._app(scope, receive, dress)
        except ClientDisconnect:
            return
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - cancelled: the server stops
            # The first part of the path only: what follows /delivery, /watch or /a is a secret.
            room = scope["path"].split("/")[1:2]
            _log.error("%s %s failed: %s", scope["method"], room, _what_and_where(error))
            if not started:
                answer = PlainTextResponse("not handled; send it again", 503, headers=_RETRY)
                await answer(scope, receive, dress)


def _what_and_where(error: BaseException) -> str:
    frames = [f"{frame.f_code.co_filename}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)]
    return " < ".join([type(error).__name__, *reversed(frames[-4:])])

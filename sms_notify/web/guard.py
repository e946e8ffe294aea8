"""Who may ask from where: one table, read before any route, so that a new route is covered without a word.

A browser adds a cached password to whatever any page makes it send, and on loopback nobody needs a password. So what
is not listed here is refused to other people's pages: by default no browser may send anything that changes something,
and pages are for whoever opens them, not for a site that fetches or frames them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sms_notify.web.csrf import is_foreign, is_ours, names_us
from sms_notify.web.settings import WebSettings

Refuse = Callable[[Request, HTTPException], Awaitable[Response]]


class From(Enum):
    """Where a request may come from."""

    ANYWHERE = "anywhere"  # its path is its permission, or there is nothing to protect
    OUR_PAGES = "our pages"  # a form: a page of ours must have sent it
    NO_BROWSER = "no browser"  # webhooks, reload, API: programs send neither Origin nor Sec-Fetch-Site
    NO_OTHER_PAGE = "no other page"  # looking: whoever opens it, but no site that fetches or frames it


class _Paths:
    """A name that ends in a slash stands for everything below it."""

    def __init__(self, *names: str) -> None:
        self._names = frozenset(name for name in names if not name.endswith("/"))
        self._rooms = tuple(name for name in names if name.endswith("/"))
        self.first_parts = frozenset(name.split("/")[1] for name in names)

    def __contains__(self, path: str) -> bool:
        return path in self._names or path.startswith(self._rooms)


_ANYWHERE = _Paths("/a/", "/delivery/", "/watch/", "/-/healthy", "/-/ready")
_FORMS = _Paths("/incidents", "/incidents/", "/messages", "/messages/", "/oncall")
PLACES_OF_PEOPLE = _ANYWHERE.first_parts | _FORMS.first_parts
"""The first parts of the paths to which no webhook is posted."""
_LOOKING = ("GET", "HEAD")
_SHOWN = 80  # characters of a stranger's Host


def allowed_from(method: str, path: str) -> From:
    """The table: where a request of this method for this path may come from."""
    if path in _ANYWHERE:
        return From.ANYWHERE
    if method in _LOOKING:
        return From.NO_OTHER_PAGE
    return From.OUR_PAGES if path in _FORMS else From.NO_BROWSER


def objection(method: str, path: str, headers: Headers, settings: WebSettings) -> HTTPException | None:
    """Why a request is refused for where it comes from: 421 for a foreign Host, 403 for another page; None = it is not."""
    allowed = allowed_from(method, path)
    # Before the Host, so that 421 on a webhook is always a program's that asks under a wrong name.
    if allowed is From.NO_BROWSER and ("origin" in headers or "sec-fetch-site" in headers):
        return HTTPException(
            403,
            "A web page in a browser sent this (it has the header Origin or Sec-Fetch-Site), so nothing was done."
            " Send it from a program, without these headers.",
        )
    # RFC 9112 section 3.2: a proxy before us may have read the other one.
    if len(headers.getlist("host")) > 1:
        return HTTPException(400, "This request has two Host headers, so nothing was done. Send one.")
    if settings.open and not _is_for_us(headers.getlist("host"), settings):
        return _not_our_name(headers.get("host", ""))
    if allowed is From.OUR_PAGES and not _is_program(headers) and not is_ours(headers, settings.external_url):
        return HTTPException(403, "This form was not sent by a page of ours, so nothing was done.")
    if allowed is From.NO_OTHER_PAGE and is_foreign(headers, settings.external_url):
        return HTTPException(
            403, "Another site asked for this in your browser. Open the address itself instead."
        )
    return None


class Guard:
    """ASGI middleware that refuses what `objection` objects to; `refuse` makes the answer."""

    def __init__(self, app: ASGIApp, settings: WebSettings, refuse: Refuse) -> None:
        self._app = app
        self._settings = settings
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = objection(scope["method"], scope["path"], Headers(scope=scope), self._settings)
        if refused is None:
            await self._app(scope, receive, send)
            return
        answer = await self._refuse(Request(scope, receive), refused)
        await answer(scope, receive, send)


def _is_program(headers: Headers) -> bool:
    """A bearer token, and nothing of a browser: a proxy that logs people in may add a token to what their browsers send."""
    bearer = headers.get("authorization", "").strip().lower().startswith("bearer ")
    return bearer and not any(name in headers for name in ("origin", "referer", "sec-fetch-site"))


def _is_for_us(hosts: list[str], settings: WebSettings) -> bool:
    """No Host at all is HTTP/1.0, which no browser speaks."""
    return not hosts or names_us(hosts[0], settings.external_url, settings.host)


def _not_our_name(host: str) -> HTTPException:
    return HTTPException(
        421,
        f"No login is configured, so only this machine's own names are answered, not {host[:_SHOWN]!a}."
        " Ask under localhost, an address of loopback or web.listen; or set web.external_url to the address that is"
        " used; or configure web.webhook_tokens_file or web.users.",
    )

"""Everything for people put together: the pages, the link in a text, the style sheet, and refusals that can be read."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sms_notify.web import static_files
from sms_notify.web.ack_link import PREFIX, Links
from sms_notify.web.auth import Gatekeeper
from sms_notify.web.configuration_page import ConfigurationPage
from sms_notify.web.incident_pages import IncidentPages
from sms_notify.web.message_pages import MessagePages
from sms_notify.web.oncall_page import OncallPage
from sms_notify.web.page_frame import PageFrame, PointingError
from sms_notify.web.ports import People
from sms_notify.web.rendering import Html
from sms_notify.web.status_page import StatusPage

_HEADLINES = {
    400: "This cannot be done",
    401: "Who is there?",
    403: "Not allowed",
    404: "There is nothing here",
    413: "That is too much",
    421: "Not under this name",
    429: "Too many tries",
    503: "Not now",
}


class PageRoutes:
    """The routes of the pages, and what is shown instead of one."""

    def __init__(
        self,
        people: People,
        gatekeeper: Gatekeeper,
        ready: Callable[[], tuple[str, ...]],
        seconds: float,
    ) -> None:
        self._html = Html()
        frame = PageFrame(people, self._html, gatekeeper, ready, seconds)
        self._pages = (
            StatusPage(frame),
            IncidentPages(frame),
            MessagePages(frame),
            OncallPage(frame),
            ConfigurationPage(frame),
        )
        self._links = Links(people, self._html, seconds)

    def routes(self) -> list[Route]:
        """What the pages need lies beside the links, so that a proxy lets through one folder for phones."""
        pages = [route for page in self._pages for route in page.routes()]
        return [*pages, *static_files.routes(self._html.files, PREFIX), *self._links.routes()]

    async def refusal(self, request: Request, error: HTTPException) -> Response:
        """A page for whoever asked for one, a line of text for machines."""
        code, headers = error.status_code, error.headers or {}
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse(error.detail, code, headers=headers)
        standard = (
            error.detail == HTTPStatus(code).phrase
        )  # the framework's own words say less than the headline
        shown = {
            "code": code,
            "headline": _HEADLINES.get(code, HTTPStatus(code).phrase),
            "detail": "" if standard else error.detail,
            "link": error.link if isinstance(error, PointingError) else "",
            "again": code == 503 and request.method == "GET",
        }
        answer = self._html.page("refusal.html", request, shown, code, referrer="no-referrer")
        answer.headers.update(headers)
        return answer

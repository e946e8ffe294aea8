"""Templates into answers: everything escaped, every number masked, and nothing on a page that could run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sms_notify.logs import unnumbered
from sms_notify.policy.directory import Directory
from sms_notify.policy.episodes import tag_of
from sms_notify.web import static_files
from sms_notify.web.labels import ENDS, HOLDS, ack_way_of, in_brief, label_of, level_of, summary_of, what_of
from sms_notify.web.links import web_address
from sms_notify.wording.alert_fields import where_of
from sms_notify.wording.clock import Clock, dated, span

_ROOM = Path(__file__).parent
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


def clock_of(name: str, directory: Directory, now: datetime) -> Clock:
    """The clock of the person `name`; of this machine where the configuration knows nobody of that name."""
    person = directory.people.get(name)
    return Clock(now, ZoneInfo(person.timezone) if person is not None else None)


def shown(value: object) -> object:
    """The value as it may stand on a page: without a whole phone number in it, whatever text it came in."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return unnumbered(value)
    return value


class Html:
    """Renders the pages."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_ROOM / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=shown,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(
            tag=tag_of,
            what=what_of,
            where=where_of,
            summary=summary_of,
            span=span,
            label=label_of,
            level=level_of,
            ack_way=ack_way_of,
            web=web_address,
            in_brief=in_brief,
            dated=dated,
        )
        self.files = static_files.read_all()
        tags = {name: file.tag for name, file in self.files.items()}
        self._environment.globals.update(ends=ENDS, holds=HOLDS, tags=tags)

    def page(
        self,
        template: str,
        request: Request,
        values: Mapping[str, object],
        code: int = 200,
        *,
        referrer: str = "same-origin",
    ) -> Response:
        """The answer, packed where the client takes that; `referrer` is its Referrer-Policy.

        Not no-referrer where a form is protected: browsers would then send `Origin: null` with it (Fetch, 3.2).
        """
        path = request.url.path
        place = {"root": root_of(path), "here": path, "here_query": request.url.query}
        body = self._environment.get_template(template).render({**place, **values})
        headers = {
            "Content-Security-Policy": _POLICY,
            "Referrer-Policy": referrer,
            "X-Robots-Tag": "noindex",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        content, headers = static_files.dressed(request, body.encode("utf-8", "replace"), headers)
        return HTMLResponse(content, code, headers)


def root_of(path: str) -> str:
    """The way from an address of ours to the first page: links are relative, so that a proxy may put us in a folder."""
    return "../" * (path.count("/") - 1) or "./"

"""The texts, the newest first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.store import page_queries
from sms_notify.web.page_frame import PageFrame

MESSAGES_SHOWN = 200


class MessagePages:
    def __init__(self, frame: PageFrame) -> None:
        self._frame = frame

    def routes(self) -> list[Route]:
        return [Route("/messages", self._messages)]

    async def _messages(self, request: Request) -> Response:
        user = await self._frame.enter(request)
        texts = await self._frame.read(lambda tx: page_queries.newest_messages(tx, MESSAGES_SHOWN))
        return self._frame.page("messages.html", request, user, texts=texts, most=MESSAGES_SHOWN)

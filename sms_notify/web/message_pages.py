"""The texts, the newest first, and one text: every attempt, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.explain import timeline
from sms_notify.policy.records import Message
from sms_notify.policy.vocabulary import State
from sms_notify.store import ledger_queries
from sms_notify.store.ledger_queries import MessageFilter
from sms_notify.store.tx import Tx
from sms_notify.web.filters import SHOWN, message_filter_of, older
from sms_notify.web.page_frame import PageFrame, number_of


@dataclass(frozen=True, slots=True)
class MessageView:
    """Everything of one text's page."""

    message: Message
    about: Sequence[int]
    lines: tuple[timeline.Line, ...]


class MessagePages:
    def __init__(self, frame: PageFrame) -> None:
        self._frame = frame

    def routes(self) -> list[Route]:
        return [Route("/messages", self._messages), Route("/messages/{id}", self._message)]

    async def _messages(self, request: Request) -> Response:
        frame, asked = self._frame, request.query_params
        user = await frame.enter(request)
        wanted = message_filter_of(asked)
        texts = await frame.read(lambda tx: ledger_queries.messages_by(tx, wanted))
        more = older(asked, f"m{texts[SHOWN - 1][0].id}") if len(texts) > SHOWN else ""
        return frame.page(
            "messages.html",
            request,
            user,
            texts=texts[:SHOWN],
            older=more,
            asked=asked,
            states=list(State),
            persons=sorted(frame.people.directory.people),
        )

    async def _message(self, request: Request) -> Response:
        frame, name = self._frame, request.path_params["id"]
        user = await frame.enter(request)
        people, clock = frame.people, frame.clock(user)
        beside = timeline.Beside(clock.at, people.route, people.receivers, people.gateways)
        view = await frame.read(lambda tx: view_of(tx, number_of(name.removeprefix("m")), beside))
        if view is None:
            raise HTTPException(404, "There is no such text.")
        return frame.page("message.html", request, user, page=view)


def view_of(tx: Tx, message_id: int, beside: timeline.Beside) -> MessageView | None:
    """None where there is no such text."""
    story = timeline.of_message(tx, message_id, beside)
    if story is None:
        return None
    (found,) = ledger_queries.messages_by(tx, MessageFilter(before_id=message_id + 1, limit=1))
    return MessageView(*found, tuple(story[1]))

"""The texts, the newest first, and one text: every attempt, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.errors import UsageError
from sms_notify.explain import timeline
from sms_notify.policy.directory import Person
from sms_notify.policy.records import Message
from sms_notify.policy.vocabulary import Kind, State
from sms_notify.store import ledger_queries
from sms_notify.store.ledger_queries import MessageFilter
from sms_notify.store.tx import Tx
from sms_notify.web.filters import SHOWN, message_filter_of, older
from sms_notify.web.page_frame import PageFrame, actor, back_to, number_of
from sms_notify.wording.clock import Clock


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
        return [
            Route("/messages", self._messages, methods=["GET"]),
            Route("/messages", self._test, methods=["POST"]),
            Route("/messages/{id}", self._message, methods=["GET"]),
            Route("/messages/{id}", self._change, methods=["POST"]),
        ]

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
            about=wanted.incident,
            states=list(State),
            persons=sorted(frame.people.directory.people),
        )

    async def _test(self, request: Request) -> Response:
        """A text to somebody, which says that it is one to try whether texts arrive."""
        frame = self._frame
        user = await frame.enter(request)
        form, people = await frame.form(request), frame.people
        person = people.directory.people.get(form.get("test", ""))
        if person is None:
            raise HTTPException(400, "Choose one of the people of the configuration.")
        at = Clock(people.now(), ZoneInfo(person.timezone)).at(people.now())
        words = f"sms-notify: test text for {person.name}, asked for by {actor(user)} at {at}"
        written = await self._written(person, words, user)
        return back_to(f"messages/m{written}")

    async def _change(self, request: Request) -> Response:
        """The buttons of a text: one takes it back, one sends it again."""
        frame, id_ = self._frame, _id_of(request)
        user = await frame.enter(request)
        form = await frame.form(request)
        match form.get("do", ""):
            case "cancel":
                if not await frame.store(frame.people.cancel_text(id_, actor(user))):
                    raise HTTPException(400, "It has left the queue, so it cannot be taken back.")
            case "again":
                return await self._again(id_, user)
            case _:
                raise HTTPException(400, "This page has no such button.")
        return back_to(f"m{id_}")

    async def _again(self, id_: int, user: str) -> Response:
        """What was written by hand is written once more; of news it is asked what of it is owed still."""
        frame = self._frame
        found = await frame.read(lambda tx: message_of(tx, id_))
        if found is None:
            raise _no_text()
        if found.kind is Kind.MANUAL:
            person = Person(found.recipient, found.number)
            return back_to(f"m{await self._written(person, found.body, user)}")
        if not await frame.store(frame.people.send_again(id_, actor(user))):
            raise HTTPException(400, "Nothing in it needs to be told again, or a text about it is under way.")
        return back_to(f"m{id_}")

    async def _written(self, person: Person, words: str, user: str) -> int:
        try:
            return await self._frame.store(self._frame.people.write(person, words, actor(user)))
        except UsageError as error:
            raise HTTPException(400, str(error)) from None

    async def _message(self, request: Request) -> Response:
        frame, id_ = self._frame, _id_of(request)
        user = await frame.enter(request)
        people, clock = frame.people, frame.clock(user)
        beside = timeline.Beside(clock.soon, people.route, people.receivers, people.gateways, clock.now)
        view = await frame.read(lambda tx: view_of(tx, id_, beside))
        if view is None:
            raise _no_text()
        return frame.page("message.html", request, user, page=view)


def view_of(tx: Tx, message_id: int, beside: timeline.Beside) -> MessageView | None:
    """None where there is no such text."""
    story = timeline.of_message(tx, message_id, beside)
    if story is None:
        return None
    (found,) = ledger_queries.messages_by(tx, MessageFilter(before_id=message_id + 1, limit=1))
    return MessageView(*found, tuple(story[1]))


def message_of(tx: Tx, message_id: int) -> Message | None:
    """Without the code of its link."""
    found = ledger_queries.messages_by(tx, MessageFilter(before_id=message_id + 1, limit=1))
    return next((message for message, _ in found if message.id == message_id), None)


def _id_of(request: Request) -> int:
    return number_of(request.path_params["id"].removeprefix("m"))


def _no_text() -> HTTPException:
    return HTTPException(404, "There is no such text.")

"""The texts, the newest first, and one text: every attempt, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.explain import timeline
from sms_notify.policy.by_hand import NotTexted, TextAnswer, name_of_text
from sms_notify.policy.records import Message
from sms_notify.policy.vocabulary import State
from sms_notify.store import ledger_queries
from sms_notify.store.ledger_queries import MessageFilter
from sms_notify.store.tx import Tx
from sms_notify.web.filters import SHOWN, message_filter_of, older
from sms_notify.web.page_frame import PageFrame, PointingError, actor, back_to, number_of
from sms_notify.wording.clock import Clock


@dataclass(frozen=True, slots=True)
class MessageView:
    """Everything of one text's page."""

    message: Message
    about: Sequence[int]
    lines: tuple[timeline.Line, ...]
    again: TextAnswer
    """What would come of sending it again."""


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
        answer = await frame.store(people.write(person, words, actor(user)))
        return back_to(f"messages/{self._text_of(answer, user, person.name)}")

    async def _change(self, request: Request) -> Response:
        """The buttons of a text: one takes it back, one sends it again."""
        frame, id_ = self._frame, _id_of(request)
        user = await frame.enter(request)
        form = await frame.form(request)
        match form.get("do", ""):
            case "cancel":
                done = await frame.store(frame.people.cancel_text(id_, actor(user)))
                if done is None:
                    raise _no_text()
                if not done:
                    raise HTTPException(400, "It has left the queue, so it cannot be taken back.")
                return back_to(name_of_text(id_))
            case "again":
                answer = await frame.store(frame.people.send_again(id_, actor(user)))
                return back_to(self._text_of(answer, user) or name_of_text(id_))
            case _:
                raise HTTPException(400, "This page has no such button.")

    def _text_of(self, answer: TextAnswer, user: str, name: str = "its reader") -> str:
        """The name of the text that was written; empty where none was yet. Raises HTTPException 404 and 400 where there is none
        to be.
        """
        if answer.refused is NotTexted.NO_TEXT:
            raise _no_text()
        there = name_of_text(answer.message_id) if answer.message_id is not None else ""
        if answer.refused is not None:
            link = f"messages/{there}" if there else ""
            raise PointingError(400, why_not(answer, self._frame.clock(user), name), link)
        return there

    async def _message(self, request: Request) -> Response:
        frame, id_ = self._frame, _id_of(request)
        user = await frame.enter(request)
        people, clock = frame.people, frame.clock(user)
        beside = timeline.Beside(clock.soon, people.route, people.receivers, people.gateways, clock.now)
        view = await frame.read(lambda tx: view_of(tx, id_, beside, people.may_send_again))
        if view is None:
            raise _no_text()
        said = why_not(view.again, clock, view.message.recipient)
        return frame.page("message.html", request, user, page=view, why_not=said)


def view_of(
    tx: Tx, message_id: int, beside: timeline.Beside, may_send_again: Callable[[Tx, int], TextAnswer]
) -> MessageView | None:
    """None where there is no such text."""
    story = timeline.of_message(tx, message_id, beside)
    if story is None:
        return None
    (found,) = ledger_queries.messages_by(tx, MessageFilter(before_id=message_id + 1, limit=1))
    return MessageView(*found, tuple(story[1]), may_send_again(tx, message_id))


def why_not(answer: TextAnswer, clock: Clock, name: str = "its reader") -> str:
    """In a sentence, why there is no new text."""
    text = name_of_text(answer.message_id) if answer.message_id is not None else "it"
    match answer.refused:
        case NotTexted.UNDER_WAY:
            return f"It is under way: {text} has not come to an end."
        case NotTexted.HELD if answer.until is not None:
            return f"It is under way: its repeat is held until {clock.at(answer.until)}."
        case NotTexted.JUST_WRITTEN:
            return f"{text} was written for {name} within the last minute. Look what becomes of it first."
        case NotTexted.LIMIT if answer.until is not None:
            when = clock.at(answer.until)
            return f"The limit {answer.scope} leaves no room for a text now. There is room at {when}."
        case NotTexted.BARRED:
            return f"{name}: every gateway bars this number."
    return "Nothing in it needs to be told again."


def _id_of(request: Request) -> int:
    return number_of(request.path_params["id"].removeprefix("m"))


def _no_text() -> HTTPException:
    return HTTPException(404, "There is no such text.")

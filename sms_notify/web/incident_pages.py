"""The list of incidents, and one incident: what it is, who was told, its story, and its buttons."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.alert import Severity
from sms_notify.explain import timeline
from sms_notify.explain.next_step import NextStep, next_step
from sms_notify.oncall.roster import Roster
from sms_notify.policy.acknowledgement import MAX_WORDS, clean_words
from sms_notify.policy.by_hand import name_of_step, to_hasten
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.vocabulary import AckBy, AckEnd
from sms_notify.store import page_queries, timers
from sms_notify.store.ledger_queries import IncidentFilter
from sms_notify.store.page_queries import NotificationProgress, ShownIncident
from sms_notify.store.tx import Tx
from sms_notify.web.cards import Card, Progress, progress_of
from sms_notify.web.filters import SHOWN, incident_filter_of, older
from sms_notify.web.links import links_of
from sms_notify.web.page_frame import Fields, PageFrame, PointingError, actor, back_to, incident_id_of
from sms_notify.wording.clock import Says

_STORY_LINES = 400
_EARLIER = 10


@dataclass(frozen=True, slots=True)
class IncidentView:
    """Everything of one incident's page."""

    incident: ShownIncident
    told: tuple[NotificationProgress, ...]
    lines: tuple[timeline.Line, ...]
    left_out: int
    earlier: tuple[ShownIncident, ...]
    next: NextStep | None
    hasten: tuple[str, ...]
    """The steps that may be taken at once, as a form names them."""


class IncidentPages:
    def __init__(self, frame: PageFrame) -> None:
        self._frame = frame

    def routes(self) -> list[Route]:
        return [
            Route("/incidents", self._list, methods=["GET"]),
            Route("/incidents", self._take_care_of_many, methods=["POST"]),
            Route("/incidents/{id}", self._incident, methods=["GET", "POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        frame, asked = self._frame, request.query_params
        user = await frame.enter(request)
        wanted = incident_filter_of(asked)
        people, say = frame.people, frame.clock(user).soon
        listed, progress = await frame.read(
            lambda tx: _listed(tx, wanted, people.gateways, people.now(), say)
        )
        more = older(asked, tag_of(listed[SHOWN - 1].id)) if len(listed) > SHOWN else ""
        return frame.page(
            "incidents.html",
            request,
            user,
            cards=[Card((one,)) for one in listed[:SHOWN]],
            progress=progress,
            older=more,
            asked=asked,
            severities=list(Severity),
            receivers=sorted(people.receivers),
            persons=sorted(people.directory.people),
        )

    async def _take_care_of_many(self, request: Request) -> Response:
        """A list's buttons: `only` names those of one button, else each chosen `id` counts. What is none is passed over."""
        frame = self._frame
        user = await frame.enter(request)
        form = await frame.form(request)
        names = form["only"].split() if "only" in form else form.getlist("id")
        ids = [id_ for id_ in map(incident_id_of, names) if id_]
        if ids:
            await frame.store(frame.people.acknowledge(ids, actor(user), AckBy.PAGE))
        return back_to(_list_again(form.get("back", "")))

    async def _incident(self, request: Request) -> Response:
        user = await self._frame.enter(request)
        id_ = incident_id_of(request.path_params["id"])
        if request.method == "POST":
            return await self._take_care(request, user, id_)
        people, clock = self._frame.people, self._frame.clock(user)
        beside = timeline.Beside(clock.soon, people.route, people.receivers, people.gateways, clock.now)
        view = await self._frame.read(lambda tx: view_of(tx, id_, beside, people.roster))
        if view is None:
            raise _no_incident()
        return self._frame.page(
            "incident.html",
            request,
            user,
            page=view,
            longest_note=MAX_WORDS,
            links=links_of(view.incident.alert, people.alertmanager),
        )

    async def _take_care(self, request: Request, user: str, id_: int) -> Response:
        """The buttons of an incident, and a note. Raises HTTPException 404 where there is no such incident, 400 for no button."""
        frame = self._frame
        form = await frame.form(request)
        incident = await frame.read(lambda tx: page_queries.incident(tx, id_))
        if incident is None:
            raise _no_incident()
        done = await frame.store(self._change(form, id_, actor(user)))
        if not done and (why := why_nothing(form, incident)):
            raise PointingError(400, why, f"incidents/{tag_of(id_)}")
        return back_to(tag_of(id_))

    def _change(self, form: Fields, id_: int, by: str) -> Awaitable[bool | Sequence[int]]:
        people = self._frame.people
        match form.get("do", ""):
            case "":
                return people.acknowledge([id_], by, AckBy.PAGE)
            case "unack":
                return people.unacknowledge([id_], by, AckEnd.PAGE)
            case "escalate":
                return people.escalate_now(id_, by, form.getlist("step") or None)
            case "note":
                return people.note(id_, by, form.get("words", ""))
            case "close":
                return people.close([id_], by)
        raise HTTPException(400, "This page has no such button.")


def _listed(
    tx: Tx, wanted: IncidentFilter, gateways: tuple[str, ...], now: datetime, say: Says
) -> tuple[Sequence[ShownIncident], Progress]:
    listed = page_queries.incidents_by(tx, wanted)
    return listed, progress_of(tx, [one.id for one in listed], gateways, now, say)


def view_of(tx: Tx, incident_id: int, beside: timeline.Beside, roster: Roster) -> IncidentView | None:
    """None where there is no such incident."""
    incident = page_queries.incident(tx, incident_id)
    told = timeline.of_incident(tx, incident_id, beside)
    if incident is None or told is None:
        return None
    shown = told[1][:_STORY_LINES]
    people = tuple(page_queries.told(tx, [incident_id]).get(incident_id, ()))
    before = tuple(page_queries.earlier(tx, incident_id, _EARLIER))
    step = next_step(tx, incident_id, beside.receivers, roster)
    ahead = timers.of_incidents(tx, [incident_id])
    hasten = tuple(map(name_of_step, to_hasten(ahead, beside.now))) if beside.now is not None else ()
    return IncidentView(incident, people, tuple(shown), len(told[1]) - len(shown), before, step, hasten)


def why_nothing(form: Fields, incident: ShownIncident) -> str:
    """Why a button has changed nothing, in a sentence; empty where the page shows it: somebody takes care of it already."""
    ended = "It is over" if incident.closed_at is not None else ""
    match form.get("do", ""):
        case "note":
            length = len(clean_words(form.get("words", "")))
            return (
                f"A note has at most {MAX_WORDS} characters; this one has {length}."
                if length
                else "The note is empty."
            )
        case "escalate":
            return f"{ended or 'The step is due or told already, or nobody is told next'}, so nothing was hastened."
        case "close":
            return "It is closed already."
        case "unack":
            return f"{ended or 'It is not acknowledged'}, so there is nothing to take back."
    return ended and "It is over, so nobody needs to take care of it."


def _list_again(query: str) -> str:
    """The list that the form stood in: of its address only the query is believed."""
    return f"incidents?{urlencode(parse_qsl(query))}" if query else "./"


def _no_incident() -> HTTPException:
    return HTTPException(404, "There is no such incident.")

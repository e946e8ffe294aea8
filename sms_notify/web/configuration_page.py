"""The configuration as it runs, to be read, and the question that matters of it: who would get which text, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sms_notify.alert import Alert, Status, fingerprint_of
from sms_notify.barring import barring_of, reach_of, say_self_check, say_way
from sms_notify.errors import UsageError
from sms_notify.explain.preview import foresee
from sms_notify.explain.preview_told import pairs_of, told
from sms_notify.explain.route_tree import drawing
from sms_notify.metrics import SOURCES
from sms_notify.oncall.roster import by_schedule, obeyed
from sms_notify.policy.bars import Barring
from sms_notify.policy.roster import Staff
from sms_notify.policy.ways import Reach
from sms_notify.store import oncall_rows
from sms_notify.store.decisions import last_self_check
from sms_notify.store.standing_nodes import standing_nodes
from sms_notify.store.tx import Tx
from sms_notify.web.filters import Asked
from sms_notify.web.page_frame import PageFrame
from sms_notify.wording.clock import Clock

_GROUPS_ITSELF = "alertmanager"
_LONGEST = 4_000  # characters of labels


class ConfigurationPage:
    def __init__(self, frame: PageFrame) -> None:
        self._frame = frame

    def routes(self) -> list[Route]:
        return [Route("/configuration", self._configuration)]

    async def _configuration(self, request: Request) -> Response:
        frame, asked = self._frame, request.query_params
        user = await frame.enter(request)
        clock, problem = frame.clock(user), ""
        answer: Sequence[str] = ()
        try:
            answer = await frame.read(lambda tx: self._answer(tx, asked, clock))
        except UsageError as error:
            problem = str(error)
        return frame.page(
            "configuration.html",
            request,
            user,
            400 if problem else 200,
            asked=asked,
            sources=SOURCES,
            answer=answer,
            problem=problem,
            drawing=await frame.read(self._drawing),
            people=await frame.read(self._people),
            checked=await frame.read(last_self_check),
            nodes=await frame.read(standing_nodes),
            say_way=say_way,
            say_self_check=say_self_check,
            gateways=frame.people.gateways,
        )

    def _people(self, tx: Tx) -> Sequence[Reach]:
        people = sorted(self._frame.people.directory.people.values(), key=lambda person: person.name)
        return reach_of(tx, people, self._frame.people.gateways)

    def _drawing(self, tx: Tx) -> Sequence[str]:
        people = self._frame.people
        if people.plan is None:
            return ()
        plan, now = people.plan(), people.now()
        made = by_schedule(obeyed(oncall_rows.overrides(tx, now), plan.directory))
        return drawing(plan, Staff(plan.directory, plan.schedules).holders(made, now))

    def _answer(self, tx: Tx, asked: Asked, clock: Clock) -> Sequence[str]:
        """Nothing where nothing was asked. Raises UsageError with what to write instead."""
        people, text = self._frame.people, asked.get("labels", "")[:_LONGEST]
        if people.plan is None or not text.strip():
            return ()
        at = _time_of(asked.get("at", ""), clock)
        labels = pairs_of((line.strip() for line in text.splitlines() if line.strip()), "label")
        source = _source_of(asked.get("source", ""))
        alert = Alert(source, fingerprint_of(labels), Status.FIRING, labels, {}, at)
        plan = people.plan()
        made = by_schedule(obeyed(oncall_rows.overrides(tx, at), plan.directory))

        def barred(number: str) -> Barring | None:
            return barring_of(tx, people.gateways, number)

        outcome = foresee(plan, alert, at, made, grouped=source == _GROUPS_ITSELF, barred=barred)
        return list(told(outcome, clock.local(clock.now).tzinfo))


def _source_of(text: str) -> str:
    """Raises UsageError with those that there are."""
    if text and text not in SOURCES:
        raise UsageError(f"there is no source `{text[:40]}`; known: {', '.join(SOURCES)}")
    return text or _GROUPS_ITSELF


def _time_of(text: str, clock: Clock) -> datetime:
    """By the reader's clock. Raises UsageError with what to write instead."""
    if not text:
        return clock.now
    try:
        return datetime.fromisoformat(text).replace(tzinfo=clock.local(clock.now).tzinfo).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text[:40]}: that is not a time; write a day and a time, such as 2026-11-22T18:00"
        ) from None

"""The simulator's own JSON, both ways: settings, faults, courses, call-backs. No password in any answer."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from sms_notify.simulator.courses import Course
from sms_notify.simulator.faults import COMMON, Armed, SimulatedFault, kind_of
from sms_notify.simulator.gateway import CALLBACK_TIME, GatewayState
from sms_notify.simulator.records import PostedReport, Posting, Received, ScheduledOrder, SimulatedText
from sms_notify.simulator.settings import CHANGEABLE, SimulatorSettings

_MOST_CALLBACKS = 10_000  # from one order


@dataclass(frozen=True, slots=True)
class CallBackOrder:
    """A call-back on demand. What is not given is that of the text with this smsid, or plausible.

    `after` is in seconds; `times` is how often it is posted. Nothing is checked: forging is the purpose.
    """

    smsid: str = ""
    status: str | None = None
    reference: str | None = None
    datum: str | None = None
    after: float = 0.0
    times: int = 1

    def __post_init__(self) -> None:
        if not (0 <= self.after <= 86400 and 1 <= self.times <= _MOST_CALLBACKS):
            raise ValueError(f"after must be 0 to 86400 seconds, times 1 to {_MOST_CALLBACKS}")

    def posting(self, state: GatewayState, now: datetime) -> Posting:
        text = state.sent.get(self.smsid)
        usual = (text.status.value, text.reference, text.changed_at) if text else ("DELIVERED", "", now)
        return Posting(
            smsid=self.smsid,
            datum=state.stamp(usual[2], CALLBACK_TIME) if self.datum is None else self.datum,
            status=usual[0] if self.status is None else self.status,
            referentie=usual[1] if self.reference is None else self.reference,
        )


def changed(settings: SimulatorSettings, values: Mapping[str, object]) -> SimulatorSettings:
    """`settings` with `values` by name. Raises ValueError that says which name or value is wrong."""
    return replace(settings, **_checked(SimulatorSettings, values, CHANGEABLE))


def fault(values: Mapping[str, object]) -> SimulatedFault:
    """A fault from its fields; the kind's own defaults fill in. Raises ValueError that says what is wrong."""
    kind = kind_of(values.get("kind"))
    given = {name: value for name, value in values.items() if name != "kind"}
    own = _checked(
        SimulatedFault, {**kind.fields, "accepts": kind.accepts, **given}, (*kind.fields, *COMMON), kind.value
    )
    return SimulatedFault(kind, **_plain_number(own))


def course(values: Mapping[str, object]) -> Course:
    """A course from its fields: `number`, `steps` as pairs of seconds and status, `count`."""
    fields = _checked(Course, {"number": "", **values}, ("number", "steps", "count"))
    if "steps" not in fields:
        raise ValueError("steps: give a list of [seconds, status], empty for 'nothing ever'")
    return Course(**_plain_number(fields))


def call_back(values: Mapping[str, object]) -> CallBackOrder:
    return CallBackOrder(**_checked(CallBackOrder, values, tuple(get_type_hints(CallBackOrder))))


def parsed(body: bytes) -> dict[str, object]:
    """The JSON object of a POST. Raises ValueError."""
    values = orjson.loads(body)
    if not isinstance(values, dict):
        raise ValueError("send one JSON object")
    return values


def settings_as_json(state: GatewayState) -> dict[str, object]:
    """What can be changed, with the running balance. The path of the delivery URL is a token: left out."""
    values = {name: getattr(state.settings, name) for name in CHANGEABLE}
    url = urlsplit(state.settings.delivery_url)
    shown_url = f"{url.scheme}://{url.netloc.rpartition('@')[2]}/…" if url.netloc else ""
    return {**values, "credits": state.credits, "delivery_url": shown_url}


def fault_as_json(armed: Armed) -> dict[str, object]:
    """What was asked for, with the id to remove it by, what is `left` to break, and the `hits` so far."""
    one = armed.fault
    named = {name: getattr(one, name) for name in ("kind", *one.kind.fields, *COMMON)}
    return {"id": armed.id, **named, "left": armed.left, "hits": armed.hits}


def course_as_json(one: Course) -> dict[str, object]:
    return asdict(one)


def callback_as_json(callback: PostedReport) -> dict[str, object]:
    return asdict(callback)


def waiting_as_json(entry: ScheduledOrder) -> dict[str, object]:
    return {"outboxid": entry.outboxid, "due": entry.due, **asdict(entry.order)}


def text_as_json(text: SimulatedText) -> dict[str, object]:
    return asdict(text)


def request_as_json(request: Received) -> dict[str, object]:
    password = {"klantpwd": "***"} if request.password else {}
    return {
        "at": request.at,
        "method": request.method,
        "script": request.script,
        "params": {**request.params, **password},
        "answer": request.answer,
        "code": request.code,
        "ended": request.ended,
        "reached": request.reached,
    }


def answer(content: object, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


def _checked(
    cls: type[object], values: Mapping[str, object], known: Iterable[str], of: str = ""
) -> dict[str, Any]:
    """`values` as the types that `cls` gives their names."""
    hints = get_type_hints(cls)
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"{name} cannot be set{of and f' for {of}'}{_nearest(name, known)}")
        try:
            checked[name] = TypeAdapter(hints[name]).validate_python(value)
        except ValidationError as error:
            raise ValueError(f"{name}: {error.errors()[0]['msg']}") from None
    return checked


def _plain_number(fields: dict[str, Any]) -> dict[str, Any]:
    """People write +32 470 00 00 01; the gateway's numbers are digits."""
    return {**fields, "number": fields.get("number", "").replace(" ", "").removeprefix("+")}


def _nearest(name: str, known: Iterable[str]) -> str:
    names = list(known)
    found = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {found[0]}?" if found else f"; known are {', '.join(names)}"

"""The simulator's own JSON: texts, requests, settings. No password in any answer."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from sms_notify.simulator.gateway import GatewayState
from sms_notify.simulator.records import Received, Text
from sms_notify.simulator.settings import CHANGEABLE, Settings


def changed(settings: Settings, values: Mapping[str, object]) -> Settings:
    """`settings` with `values` by name. Raises ValueError that says which name or value is wrong."""
    hints = get_type_hints(Settings)
    checked: dict[str, Any] = {}
    for name, value in values.items():
        if name not in CHANGEABLE:
            raise ValueError(f"{name} cannot be set{_nearest(name)}")
        try:
            checked[name] = TypeAdapter(hints[name]).validate_python(value)
        except ValidationError as error:
            raise ValueError(f"{name}: {error.errors()[0]['msg']}") from None
    return replace(settings, **checked)


def parse_changes(body: bytes) -> dict[str, object]:
    """The JSON object of a POST /api/settings. Raises ValueError."""
    values = orjson.loads(body)
    if not isinstance(values, dict):
        raise ValueError("send one JSON object of settings")
    return values


def settings_as_json(state: GatewayState) -> dict[str, object]:
    """What can be changed, with the running balance. The path of the delivery URL is a token: left out."""
    values = {name: getattr(state.settings, name) for name in CHANGEABLE}
    url = urlsplit(state.settings.delivery_url)
    shown_url = f"{url.scheme}://{url.netloc.rpartition('@')[2]}/…" if url.netloc else ""
    return {**values, "credits": state.credits, "delivery_url": shown_url}


def text_as_json(text: Text) -> dict[str, object]:
    return {
        "smsid": text.smsid,
        "number": text.number,
        "sender": text.sender,
        "text": text.text,
        "reference": text.reference,
        "parts": text.parts,
        "status": text.status,
        "at": text.at,
        "changed_at": text.changed_at,
    }


def request_as_json(request: Received) -> dict[str, object]:
    password = {"klantpwd": "***"} if request.password else {}
    return {
        "at": request.at,
        "method": request.method,
        "script": request.script,
        "params": {**request.params, **password},
        "answer": request.answer,
        "code": request.code,
    }


def answer(content: object, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(content), status, headers, media_type="application/json")


def _nearest(name: str) -> str:
    found = difflib.get_close_matches(name, CHANGEABLE, n=1)
    return f"; did you mean {found[0]}?" if found else f"; known are {', '.join(CHANGEABLE)}"

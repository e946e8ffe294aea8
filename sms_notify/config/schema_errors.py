"""pydantic's errors in our words: what is wrong, where, and which key was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sms_notify.config.document import Document, Place
from sms_notify.config.models import GATEWAY_MODELS, Config, ReceiverSection
from sms_notify.errors import Fault

M = TypeVar("M", bound=BaseModel)

_HABITS = {
    "match": "write it as matchers: ['label=\"value\"']",
    "match_re": "write it as matchers: ['label=~\"regex\"']",
    "matchers": "the root of the tree takes every alert; put matchers on the routes below it",
    "continue": "the root of the tree has nothing to continue to",
    "mute_time_intervals": "the root of the tree may have none, as in Alertmanager; put it on a route below it",
    "active_time_intervals": "the root of the tree may have none, as in Alertmanager; put it on a route below it",
}
"""Keys that people bring to the route tree; only asked for keys that are unknown in their place."""

_MISSING = {
    "start": "write the day of the first turn, like start: 2026-01-05",
    "notify": "write whom it texts, like notify: [person:NAME]",
}
"""What to write for a key that must be there."""

_PLAIN = {
    "model_type": ("must be a mapping", "write `key: value` lines below it"),
    "model_attributes_type": ("must be a mapping", "write `key: value` lines below it"),
    "dict_type": ("must be a mapping", "write `key: value` lines below it"),
    "list_type": ("must be a list", "write `- entry` lines below it, or [a, b]"),
    "string_type": ("must be a text", "give one value"),
    "int_type": ("must be a whole number", "give one number"),
    "int_parsing": ("must be a whole number", "write digits only"),
    "int_parsing_size": ("must be a whole number", "write a smaller number"),
    "int_from_float": ("must be a whole number", "write digits only"),
}


def shape_faults(document: Document) -> tuple[Config | None, list[Fault]]:
    """The model of a configuration, or None and everything that keeps it from being one."""
    return shaped(document, Config)


def shaped(document: Document, model: type[M]) -> tuple[M | None, list[Fault]]:
    """The document as `model`, or None and everything that keeps it from being one."""
    empty = [place for place, value in document.walk() if value is None]
    faults = [document.fault(place, "is empty", _filled(place, model, "give a value")) for place in empty]
    try:
        read = model.model_validate(document.data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        faults += [_fault(document, detail, model) for detail in details if detail["loc"] not in empty]
        return None, faults
    return (None if faults else read), faults


def _fault(document: Document, detail: ErrorDetails, model: type[BaseModel]) -> Fault:
    place, kind = _place(detail["loc"]), detail["type"]
    if kind == "union_tag_not_found":
        return document.fault(place, "`type` is missing", "add it")
    if kind == "union_tag_invalid":
        expected = " or".join(str(detail["ctx"]["expected_tags"]).replace("'", "`").rsplit(",", 1))
        return document.fault((*place, "type"), f"must be {expected}", "write one of these")
    if kind == "missing":
        what = f"`{place[-1]}` is missing"
        return document.fault(place[:-1], what, _MISSING.get(str(place[-1]), "add it"))
    if kind == "extra_forbidden":
        return document.fault(place, "is not a known key", _nearest(detail["loc"], model))
    if kind == "too_short":
        return document.fault(place, "is empty", _filled(detail["loc"], model, "give at least one entry"))
    what, advice = _words(kind, detail.get("ctx", {}), detail["msg"])
    return document.fault(place, what, advice)


def _filled(place: Place, model: type[BaseModel], advice: str) -> str:
    """What to write in an empty place; one that must be there cannot be removed."""
    field = _fields(_model_at(place[:-1], model)).get(str(place[-1]))
    if field is None or not field.is_required():
        return f"{advice}, or remove the key"
    return _MISSING.get(str(place[-1]), advice)


def _place(loc: Place) -> Place:
    """The place without the type of a gateway, which pydantic puts behind the entry's number."""
    return (*loc[:2], *loc[3:]) if loc[:1] == ("gateways",) and len(loc) > 2 else loc


def _words(kind: str, context: Mapping[str, Any], message: str) -> tuple[str, str]:
    if kind == "refused":
        return str(context["what"]), str(context["advice"])
    if kind in ("literal_error", "enum"):
        words = str(context["expected"]).replace("'", "`")
        return f"must be {words}", "write one of these" if " or " in words else "write just that"
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']}", "write a larger number"
    if kind == "less_than_equal":
        return f"must be at most {context['le']}", "write a smaller number"
    return _PLAIN.get(kind, (message[:1].lower() + message[1:], "see `sms-notify config schema`"))


def _nearest(place: Place, model: type[BaseModel]) -> str:
    key = str(place[-1])
    known = known_keys(place[:-1], model)
    near = difflib.get_close_matches(key, known, 1, cutoff=0.6)
    if key in _HABITS and place[0] == "route":
        return _HABITS[key]
    if len(place) == 1 and key in _names(ReceiverSection):
        return "it belongs to a receiver: write it in an entry of `receivers`"
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"


def known_keys(place: Place, model: type[BaseModel] = Config) -> list[str]:
    """The keys that the mapping at `place` of `model` may have; `place` as pydantic names it, with the type of a gateway."""
    return _names(_model_at(place, model))


def _model_at(place: Place, model: type[BaseModel]) -> type[BaseModel]:
    named = False
    for part in place:
        if named:
            named = False  # the name of a person or of a schedule, whatever it is
        elif model in GATEWAY_MODELS.values():
            model = GATEWAY_MODELS.get(str(part), model)
        elif isinstance(part, str) and part in _names(model):
            field = _fields(model)[part]
            named = get_origin(field.annotation) is dict
            model = _model_in(field.annotation) or model
    return model


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _names(model: type[BaseModel]) -> list[str]:
    return list(_fields(model))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model), None)

"""What a list is asked for in its address: the same names for its form, its links to older pages, and the query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from starlette.exceptions import HTTPException

from sms_notify.alert import Severity
from sms_notify.policy.vocabulary import State
from sms_notify.store.ledger_queries import IncidentFilter, MessageFilter
from sms_notify.web.page_frame import incident_id_of, number_of

SHOWN = 100
_LONGEST = 100  # characters of a search
E = TypeVar("E", bound=StrEnum)
Asked = Mapping[str, str]


def incident_filter_of(asked: Asked) -> IncidentFilter:
    """Raises HTTPException 400 for a word that is none of ours."""
    severity = _word(Severity, asked, "severity")
    return IncidentFilter(
        all=asked.get("show", "") == "all",
        severities=(severity,) if severity is not None else (),
        receiver=asked.get("receiver", ""),
        person=asked.get("person", ""),
        text=asked.get("q", "").strip()[:_LONGEST],
        before_id=_incident(asked, "before"),
        limit=SHOWN + 1,
    )


def message_filter_of(asked: Asked) -> MessageFilter:
    """Raises HTTPException 400 for a word that is none of ours."""
    return MessageFilter(
        to=asked.get("to", ""),
        state=_word(State, asked, "state"),
        text=asked.get("q", "").strip()[:_LONGEST],
        incident=_incident(asked, "incident"),
        before_id=_text(asked, "before"),
        limit=SHOWN + 1,
    )


def older(asked: Asked, last: str) -> str:
    """The query of the next older page."""
    kept = {name: value for name, value in asked.items() if value and name != "before"}
    return urlencode({**kept, "before": last})


def _word(words: type[E], asked: Asked, name: str) -> E | None:
    said = asked.get(name, "")
    if said and said not in set(words):
        raise HTTPException(400, f"There is no {name} `{said[:40]}`. Known: {_listed(words)}.")
    return words(said) if said else None


def _incident(asked: Asked, name: str) -> int | None:
    said = asked.get(name, "")
    return _row(said, name, incident_id_of(said), "an incident's tag or number, such as k3f9")


def _text(asked: Asked, name: str) -> int | None:
    said = asked.get(name, "")
    return _row(said, name, number_of(said.removeprefix("m")), "a text's number, such as m12")


def _row(said: str, name: str, id_: int, wanted: str) -> int | None:
    """A filter that cannot be read must not show everything, as if nothing had been asked."""
    if said and not id_:
        raise HTTPException(400, f"{name} `{said[:40]}`: write {wanted}.")
    return id_ or None


def _listed(words: Iterable[StrEnum]) -> str:
    return ", ".join(words)

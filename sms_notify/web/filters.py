"""What a list is asked for in its address: the same names for its form, its links to older pages, and the query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from starlette.exceptions import HTTPException

from sms_notify.alert import Severity
from sms_notify.policy.episodes import incident_of
from sms_notify.policy.vocabulary import State
from sms_notify.store.ledger_queries import IncidentFilter, MessageFilter

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
        before_id=incident_of(asked.get("before", "")[:20]),
        limit=SHOWN + 1,
    )


def message_filter_of(asked: Asked) -> MessageFilter:
    """Raises HTTPException 400 for a word that is none of ours."""
    before = asked.get("before", "").removeprefix("m")
    return MessageFilter(
        to=asked.get("to", ""),
        state=_word(State, asked, "state"),
        text=asked.get("q", "").strip()[:_LONGEST],
        incident=incident_of(asked.get("incident", "").removeprefix("#")[:20]),
        before_id=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
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


def _listed(words: Iterable[StrEnum]) -> str:
    return ", ".join(words)

"""One silence: what it covers, and how Alertmanager's API (v2) writes it. Any bytes in, a value out.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sms_notify.policy.matchers import Matcher, Op
from sms_notify.policy.regex import RegexError
from sms_notify.sources.times import parse_rfc3339, rfc3339

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_OPS = {  # isRegex, isEqual
    (False, True): Op.EQUAL,
    (False, False): Op.NOT_EQUAL,
    (True, True): Op.MATCH,
    (True, False): Op.NOT_MATCH,
}


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence as Alertmanager tells it. `matchers` is empty where one of them cannot be read.

    The times are aware UTC, or None where they cannot be read; whether it is active, Alertmanager alone says.
    """

    id: str
    matchers: tuple[Matcher, ...]
    created_by: str = ""
    comment: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def covers(silence: Silence, labels: Mapping[str, str]) -> bool:
    """True where every matcher fits; an absent label counts as empty.

    Without a matcher it covers nothing: Alertmanager takes no such silence, and a text too many is better than
    one too few.
    """
    return bool(silence.matchers) and all(matcher.matches(labels) for matcher in silence.matchers)


def covering(silences: Iterable[Silence], labels: Mapping[str, str]) -> Silence | None:
    """The first of them that covers these labels."""
    return next((silence for silence in silences if covers(silence, labels)), None)


def matchers_for(labels: Mapping[str, str]) -> tuple[Matcher, ...]:
    """What a silence for exactly these labels asks: each label has its value."""
    return tuple(Matcher(name, value) for name, value in sorted(labels.items()))


def read_active(body: bytes) -> tuple[Silence, ...] | None:
    """The active ones of a list of silences; None where `body` is not such a list."""
    found = json_of(body)
    if not isinstance(found, list):
        return None
    silences = [_silence(entry) for entry in found if not _idle(entry)]
    read = tuple(silence for silence in silences if silence is not None)
    return read if len(read) == len(silences) else None


def read_created(body: bytes) -> str | None:
    """The id of a silence that was made; None where `body` names none."""
    found = json_of(body)
    return id_of(found.get("silenceID")) if isinstance(found, dict) else None


def write(
    labels: Mapping[str, str], starts_at: datetime, ends_at: datetime, created_by: str, comment: str
) -> bytes:
    """A silence to be made, as JSON in ASCII. `isEqual` is written out: a version that lacks it passes over it."""
    told = {
        "matchers": [
            {"name": m.name, "value": m.value, "isRegex": False, "isEqual": True}
            for m in matchers_for(labels)
        ],
        "startsAt": rfc3339(starts_at),
        "endsAt": rfc3339(ends_at),
        "createdBy": created_by,
        "comment": comment,
    }
    return json.dumps(told).encode("ascii")


def json_of(body: bytes) -> Any:
    """What `body` holds as JSON; None also where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # no JSON, no text, a number of 5000 digits; nested a thousand deep
        return None


def _idle(entry: object) -> bool:
    """Pending or expired; what is neither and not active either is not a silence, and `_silence` will say so."""
    return _state(entry) in ("pending", "expired")


def _state(entry: object) -> object:
    status = entry.get("status") if isinstance(entry, dict) else None
    return status.get("state") if isinstance(status, dict) else None


def _silence(entry: Any) -> Silence | None:
    id_ = id_of(entry.get("id")) if _state(entry) == "active" else None
    if id_ is None:
        return None
    return Silence(
        id_,
        _matchers(entry.get("matchers")),
        _text(entry.get("createdBy")),
        _text(entry.get("comment")),
        parse_rfc3339(entry.get("startsAt")),
        parse_rfc3339(entry.get("endsAt")),
    )


def _matchers(found: object) -> tuple[Matcher, ...]:
    read = [_matcher(entry) for entry in found] if isinstance(found, list) else []
    whole = tuple(matcher for matcher in read if matcher is not None)
    return whole if len(whole) == len(read) else ()


def _matcher(entry: object) -> Matcher | None:
    """Before 0.22 there is no `isEqual`: every matcher is positive."""
    if not isinstance(entry, dict):
        return None
    name, value = entry.get("name"), entry.get("value")
    regex, equal = entry.get("isRegex", False), entry.get("isEqual", True)
    if not (isinstance(name, str) and isinstance(value, str)):
        return None
    if not (isinstance(regex, bool) and isinstance(equal, bool)):
        return None
    try:
        return Matcher(name, value, _OPS[regex, equal])
    except RegexError:
        return None


def id_of(found: object) -> str | None:
    """An id or a fingerprint of Alertmanager's, fit to be stored and printed."""
    return found if isinstance(found, str) and _ID.fullmatch(found) else None


def _text(found: object) -> str:
    return found if isinstance(found, str) else ""

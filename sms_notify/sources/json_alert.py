"""JSON as Alertmanager and its kin write it: an alert is an object with labels, annotations, status and times.

Lenient where a field is missing, because an alert that is dropped here is a page that nobody gets; strict where it
is not such an object at all, because then somebody has set up the wrong address and must hear of it. No refusal
quotes what was sent: it may hold a secret.
"""

from __future__ import annotations

from typing import Any

import orjson

from sms_notify.alert import Alert, Status
from sms_notify.errors import ParseError
from sms_notify.sources import input_limits
from sms_notify.sources.end_reason import end_reason_of
from sms_notify.sources.times import parse_rfc3339


def loads(body: bytes) -> Any:
    """The JSON value (RFC 8259). Raises ParseError."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ParseError(f"the body is not JSON: {error}") from None


def entry_of(entry: object, where: str) -> dict[str, Any]:
    """Raises ParseError where `entry` is not an object."""
    if not isinstance(entry, dict):
        raise ParseError(f"{where} is not an object")
    return entry


def few(entries: list[Any]) -> list[Any]:
    """Raises ParseError where they are more than MAX_ALERTS."""
    if len(entries) > input_limits.MAX_ALERTS:
        raise ParseError(f"{len(entries)} alerts in one body; at most {input_limits.MAX_ALERTS} are taken")
    return entries


def alert_of(source: str, given: object, default: Status, where: str) -> Alert:
    """One entry of the list. Raises ParseError, which names it by `where`."""
    entry = entry_of(given, where)
    labels = texts_of(entry.get("labels"), f"{where}.labels")
    annotations = texts_of(entry.get("annotations"), f"{where}.annotations")
    name = text_of(entry.get("fingerprint"), f"{where}.fingerprint")
    status = status_of(entry.get("status"), default)
    return Alert(
        source=source,
        fingerprint=input_limits.fingerprint(name, labels),
        status=status,
        labels=input_limits.bounded(labels),
        annotations=input_limits.bounded(annotations),
        starts_at=parse_rfc3339(entry.get("startsAt")),
        ends_at=parse_rfc3339(entry.get("endsAt")),
        end_reason=end_reason_of(status, {**labels, **annotations}),
    )


def status_of(word: object, default: Status) -> Status:
    """A word that is neither counts as firing: an alert too many is better than one too few."""
    if word is None or word == "":
        return default
    return Status.RESOLVED if isinstance(word, str) and word.strip().lower() == "resolved" else Status.FIRING


def texts_of(pairs: object, where: str) -> dict[str, str]:
    """A set of labels or annotations; what is not text becomes its JSON. Raises ParseError."""
    if pairs is None:
        return {}
    if not isinstance(pairs, dict):
        raise ParseError(f"{where} is not an object")
    return {name: value if isinstance(value, str) else text_of(value, where) for name, value in pairs.items()}


def text_of(value: object, where: str) -> str:
    """Raises ParseError where it is nested beyond reason."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        raise ParseError(f"{where} is nested too deeply") from None

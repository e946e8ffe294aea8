"""JSON as Alertmanager and its kin write it: an alert is an object with labels, annotations, status and times.

Lenient where a field is missing, because an alert that is dropped here is a page that nobody gets; strict where it
is not such an object at all, because then somebody has set up the wrong address and must hear of it. No refusal
quotes what was sent: it may hold a secret.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sms_notify.alert import Alert, Status, Unread, fingerprint_of, says_what
from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, json_reading
from sms_notify.sources.end_reason import end_reason_of
from sms_notify.sources.status_words import StatusWord, said
from sms_notify.sources.times import parse_rfc3339


def loads(body: bytes) -> Any:
    """The JSON value (RFC 8259), read as `json_reading` does. Raises ParseError, also where a part of it cannot be read."""
    value, unread = json_reading.read(body)
    if unread:
        raise ParseError(unread[0].why)
    return value


def each(
    entries: list[Any], read: Callable[[object, str], Alert], unread: Sequence[Unread]
) -> tuple[tuple[Alert, ...], tuple[Unread, ...]]:
    """The alerts of a list, and what in it is none, beside what was `unread` before. `read` takes an entry and its place.

    Raises ParseError where there are more than MAX_ALERTS, or not one of several is an alert.
    """
    alerts, refused = [], list(unread)
    for index, entry in enumerate(few(entries)):
        try:
            alerts.append(read(entry, f"alerts[{index}]"))
        except ParseError as error:
            refused.append(Unread(str(error), json.dumps(entry).encode()))
    if refused and not alerts:
        raise ParseError(refused[0].why)
    return tuple(alerts), tuple(refused)


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


def alert_of(source: str, given: object, default: StatusWord, where: str) -> Alert:
    """One entry of the list. Raises ParseError, which names it by `where`."""
    entry = entry_of(given, where)
    labels = texts_of(entry.get("labels"), f"{where}.labels")
    annotations = annotations_of(entry.get("annotations"), f"{where}.annotations")
    given_name = text_of(entry.get("fingerprint"), f"{where}.fingerprint")
    known = named(given_name, labels, annotations)
    status = status_of(said(entry.get("status")), default)
    return Alert(
        source=source,
        fingerprint=known.fingerprint,
        **status,
        labels=input_limits.bounded(labels),
        annotations=input_limits.bounded(linked(entry, annotations)),
        starts_at=parse_rfc3339(entry.get("startsAt")),
        ends_at=parse_rfc3339(entry.get("endsAt")),
        end_reason=end_reason_of(status["status"], {**labels, **annotations}),
        once=known.by_words,
        before=known.before,
    )


def linked(entry: Mapping[str, Any], annotations: dict[str, str]) -> dict[str, str]:
    """With the address of its graph, for pages and templates: beside the annotations, as Grafana's are."""
    link = entry.get("generatorURL")
    if not isinstance(link, str) or not link:
        return annotations
    return {"generatorURL": link, **annotations}


# A label name has no blank in it, so that this is none.
_WORDS = "its words"


@dataclass(frozen=True, slots=True)
class KnownBy:
    """What an alert is known by. `by_words`: it says nothing of what it is about but its words, and nothing will end it."""

    fingerprint: str
    by_words: bool = False
    before: tuple[str, ...] = ()


def named(given: str, labels: Mapping[str, str], words: Mapping[str, str]) -> KnownBy:
    """By the name that its source gave it; else by its labels; else by its words, or two troubles would become one. A name
    that is made of labels which say nothing is not a name.
    """
    if says_what(labels) or (given and given != fingerprint_of(labels)):
        return KnownBy(input_limits.fingerprint(given, labels))
    said_words = {f"{_WORDS} {name}": text for name, text in words.items() if text}
    return KnownBy(fingerprint_of({**labels, **said_words}), by_words=True, before=(fingerprint_of(labels),))


def status_of(own: StatusWord, of_all: StatusWord) -> dict[str, Any]:
    """The fields of an alert that follow from its own status, or else from that of all in its request. Of these some may be
    over while others fire, so that the times of the alert decide before the word for all of them, unless all are over.
    """
    told = said_of(own, of_all)
    return {
        "status": Status.RESOLVED if told is StatusWord.OVER else Status.FIRING,
        "status_told": own is not StatusWord.NOTHING or told is StatusWord.OVER,
        "perhaps_over": told is StatusWord.PERHAPS_OVER,
    }


def said_of(own: StatusWord, of_all: StatusWord) -> StatusWord:
    return of_all if own is StatusWord.NOTHING else own


def sender_of(payload: Mapping[str, Any]) -> str:
    """Where the sender says that it runs; empty where it does not."""
    url = payload.get("externalURL")
    return input_limits.storable(url, input_limits.MAX_GROUP) if isinstance(url, str) else ""


def texts_of(pairs: object, where: str) -> dict[str, str]:
    """A set of labels or annotations; what is not text becomes its JSON. Raises ParseError."""
    if pairs is None:
        return {}
    if not isinstance(pairs, dict):
        raise ParseError(f"{where} is not an object")
    return {name: value if isinstance(value, str) else text_of(value, where) for name, value in pairs.items()}


def annotations_of(given: object, where: str) -> dict[str, str]:
    """As `texts_of`; what is not a set of texts is itself said of the alert: it names nothing, so it costs no alert."""
    return texts_of(given if given is None or isinstance(given, dict) else {"summary": given}, where)


def text_of(value: object, where: str) -> str:
    """Raises ParseError where it is nested beyond reason."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        if "surrogates" in str(error):
            return json.dumps(value)
        raise ParseError(f"{where} is nested too deeply") from None

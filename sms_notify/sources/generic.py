"""JSON from anything: one alert, a list, an object with `alerts`, one alert a line, or an Alertmanager payload.

An alert has `labels` and `annotations` as Alertmanager's, or fields that a script writes without thinking: `name`,
`host`, `severity`, `summary`, `status`. Unknown fields are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sms_notify.alert import Alert, Delivery, Status
from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, json_alert, json_reading
from sms_notify.sources.times import parse_rfc3339

SOURCE = "alerts"

# Field → the label or annotation that it fills where the alert has none of that name. The first that is said counts.
LABELS = {
    "name": "alertname",
    "alertname": "alertname",
    "title": "alertname",
    "host": "host",
    "hostname": "host",
    "instance": "instance",
    "service": "service",
    "team": "team",
    "cluster": "cluster",
    "source": "source",
}
GRADES = {"severity": "severity", "level": "severity"}
ANNOTATIONS = {
    "summary": "summary",
    "message": "summary",
    "text": "summary",
    "description": "description",
    "details": "description",
    "url": "url",
    "link": "url",
}
RESOLVED_WORDS = frozenset(
    ("resolved", "ok", "up", "recovered", "recovery", "closed", "cleared", "clear", "normal")
)
STATUS = ("status", "state")
STARTS = ("startsAt", "starts_at")
ENDS = ("endsAt", "ends_at")
KNOWN = {
    *LABELS,
    *GRADES,
    *ANNOTATIONS,
    *STATUS,
    *STARTS,
    *ENDS,
    "labels",
    "annotations",
    "fingerprint",
    "resolved",
}
_MEANT = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[\s*(?:\{|\]\s*\Z))")
_SECONDS = 1e11  # the year 5138; what is larger is in milliseconds


@dataclass(frozen=True, slots=True)
class Added:
    """What the command line says of every alert that does not say it itself."""

    labels: Mapping[str, str] = field(default_factory=dict)
    severity: str = ""
    resolved: bool = False


def meant(body: bytes) -> bool:
    """Whether somebody meant `body` to be JSON, be it broken: a line of a log may begin with a bracket too."""
    return _MEANT.match(body) is not None


def parse(body: bytes, source: str = SOURCE, added: Added | None = None) -> Delivery:
    """The alerts in the order sent; `source` names the door they came through.

    Raises ParseError where the body is not JSON, or nothing in it is an alert.
    """
    payload, faulty = json_reading.read(body)
    group, hidden, default, listed = "", 0, Status.FIRING, payload
    if isinstance(payload, dict) and isinstance(payload.get("alerts"), list):
        group = input_limits.storable(
            json_alert.text_of(payload.get("groupKey"), "groupKey"), input_limits.MAX_GROUP
        )
        hidden, default = input_limits.hidden(payload.get("truncatedAlerts")), _status(payload, Status.FIRING)
        listed = payload["alerts"]
    elif isinstance(payload, dict):
        if not KNOWN & payload.keys():
            raise ParseError(
                'the object is no alert: give it "name" and "summary", or "labels", or a list "alerts"'
            )
        listed = [payload]
    if not isinstance(listed, list):
        raise ParseError("the body is neither an alert nor a list of alerts")
    added = added or Added()
    alerts, unread = json_alert.each(
        listed, lambda one, where: _alert(source, one, default, added, where), faulty
    )
    return Delivery(source, alerts, group=group, hidden=hidden, unread=unread)


def _alert(source: str, given: object, default: Status, added: Added, where: str) -> Alert:
    entry = json_alert.entry_of(given, where)
    labels = json_alert.texts_of(entry.get("labels"), f"{where}.labels")
    _fill(labels, entry, LABELS, where)
    labels = {**added.labels, **labels}
    # A severity that stands beside the labels may change, or be missing when all is well: it names nothing.
    fingerprint = input_limits.fingerprint(_name(entry, where), labels)
    _fill(labels, entry, GRADES, where)
    if added.severity and not labels.get("severity"):
        labels["severity"] = added.severity
    annotations = json_alert.annotations_of(entry.get("annotations"), f"{where}.annotations")
    _fill(annotations, entry, ANNOTATIONS, where)
    return Alert(
        source=source,
        fingerprint=fingerprint,
        status=_status(entry, Status.RESOLVED if added.resolved else default),
        labels=input_limits.bounded(labels),
        annotations=input_limits.bounded(annotations),
        starts_at=_moment(entry, STARTS),
        ends_at=_moment(entry, ENDS),
    )


def _fill(texts: dict[str, str], entry: Mapping[str, Any], names: Mapping[str, str], where: str) -> None:
    for name, told in names.items():
        text = json_alert.text_of(entry.get(name), f"{where}.{name}")
        if text and not texts.get(told):
            texts[told] = text


def _name(entry: Mapping[str, Any], where: str) -> str:
    """Two senders may use one fingerprint for two things: with `source` it is the pair that names the alert."""
    given = json_alert.text_of(entry.get("fingerprint"), f"{where}.fingerprint")
    sender = json_alert.text_of(entry.get("source"), f"{where}.source")
    return (
        input_limits.fingerprint("", {"source": sender, "fingerprint": given}) if given and sender else given
    )


def _status(entry: Mapping[str, Any], default: Status) -> Status:
    """A word that we do not know counts as firing: an alert too many is better than one too few."""
    if entry.get("resolved") is True:
        return Status.RESOLVED
    word = next((entry[name] for name in STATUS if entry.get(name) not in (None, "")), None)
    if word is None:
        return default
    return (
        Status.RESOLVED if isinstance(word, str) and word.strip().lower() in RESOLVED_WORDS else Status.FIRING
    )


def _moment(entry: Mapping[str, Any], names: Iterable[str]) -> datetime | None:
    """RFC 3339, or a number of seconds or milliseconds since 1970."""
    value: Any = next((entry[name] for name in names if entry.get(name) is not None), None)
    if type(value) not in (int, float):
        return parse_rfc3339(value)
    seconds = value if value < _SECONDS else value / 1000
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _SECONDS else None

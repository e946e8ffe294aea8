"""JSON from anything: one alert, a list, an object with `alerts`, one alert a line, or an Alertmanager payload.

An alert has `labels` and `annotations` as Alertmanager's, or fields that a script writes without thinking: `name`,
`host`, `severity`, `summary`, `status`. Unknown fields are passed over, unless an alert says nothing but by them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sms_notify.alert import OPENED_BY, OWN_ID, Alert, Delivery, fingerprint_of, says_what
from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, json_alert, json_fields, json_reading
from sms_notify.sources.end_reason import end_reason_of
from sms_notify.sources.json_alert import KnownBy
from sms_notify.sources.status_words import TRUE_WORDS, StatusWord, bare, said
from sms_notify.sources.times import parse_rfc3339

SOURCE = "alerts"

# Field → the label or annotation that it fills where the alert has none of that name. The first that is said counts.
LABELS = {
    "name": "alertname",
    "alertname": "alertname",
    "title": "alertname",
    "alert": "alertname",
    "host": "host",
    "hostname": "host",
    "node": "host",
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
STATUS = ("status", "state")
# The sender's own id, spelled so or as `alertUid`. Those of the first row name an alert of one host and name, those of the
# second only one of several with equal labels: most of them number rows or messages.
OWN_IDS = ("alert_uid", "dedup_key", "incident_key", "alert_id")
ROW_IDS = ("id", "uid", "key", "event_id")
STARTS = ("startsAt", "starts_at")
ENDS = ("endsAt", "ends_at")
SPEAKING = {
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
"""The fields of which an alert has one at least: an id alone says nothing."""

_OURS = json_fields.spellings((*OWN_IDS, *ROW_IDS, *sorted(SPEAKING)))
_NEW = ("alert", "node")  # earlier versions passed these over
# A label name has no blank in it, so that none of ours is one.
_ID = "its sender's id"
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
    group, hidden, default, listed, sender = "", 0, StatusWord.NOTHING, payload, ""
    if isinstance(payload, dict) and isinstance(payload.get("alerts"), list):
        group = input_limits.storable(
            json_alert.text_of(payload.get("groupKey"), "groupKey"), input_limits.MAX_GROUP
        )
        hidden, default = input_limits.hidden(payload.get("truncatedAlerts")), _said(payload)
        listed, sender = payload["alerts"], json_alert.sender_of(payload)
    elif isinstance(payload, dict):
        if "TopicArn" in payload:
            raise ParseError("a notification of Amazon SNS holds its alert as a text: post that text here")
        if not SPEAKING & json_fields.spelled(payload, _OURS).keys():
            raise ParseError(
                'the object is not an alert: give it "name" and "summary", or "labels", or a list "alerts"'
            )
        listed = [payload]
    if not isinstance(listed, list):
        raise ParseError("the body is neither an alert nor a list of alerts")
    added = added or Added()
    alerts, unread = json_alert.each(
        listed, lambda one, where: _alert(source, one, default, added, where), faulty
    )
    return Delivery(source, alerts, group=group, hidden=hidden, sender=sender, unread=unread)


@dataclass(frozen=True, slots=True)
class _Named:
    """What an entry says in words: `labels` but its severity, `words`; `title_says` is the state in front of its title."""

    labels: dict[str, str]
    words: dict[str, str]
    title_says: str = ""
    title_well: bool = False


def _alert(source: str, given: object, default: StatusWord, added: Added, where: str) -> Alert:
    sent = json_alert.entry_of(given, where)
    entry = json_fields.spelled(sent, _OURS)
    told = _told(entry, added, where)
    labels, annotations = told.labels, told.words
    # A severity that stands beside the labels may change, or be missing when all is well: it names nothing.
    known, own_id, alike = _identity(entry, labels, annotations, where)
    before = known.before + _former(sent, entry, told, added, where)
    own, of_all, word = _said(entry), StatusWord.OVER if added.resolved else default, bare(_word(entry))
    if json_alert.said_of(own, of_all) is StatusWord.NOTHING and told.title_says:
        own, word = StatusWord.OVER if told.title_well else StatusWord.OPENED, told.title_says
    kept = {OPENED_BY: word} if json_alert.said_of(own, of_all) is StatusWord.OPENED else {}
    kept |= {OWN_ID: _own_id(entry, where)[1]} if own_id else {}
    _fill(labels, entry, GRADES, where)
    if added.severity and not labels.get("severity"):
        labels["severity"] = added.severity
    status = json_alert.status_of(own, of_all)
    return Alert(
        source=source,
        fingerprint=known.fingerprint,
        **status,
        labels=input_limits.bounded(labels),
        annotations=input_limits.bounded(kept | json_alert.linked(sent, annotations)),
        starts_at=_moment(entry, STARTS),
        ends_at=_moment(entry, ENDS),
        end_reason=end_reason_of(status["status"], {**labels, **annotations}),
        once=known.by_words,
        own_id=own_id,
        alike=alike,
        before=before,
    )


def _told(entry: Mapping[str, Any], added: Added, where: str) -> _Named:
    labels, words = _texts(entry, added, where)
    state, well, name = "", False, labels.get("alertname", "")
    if name and name not in (added.labels.get("alertname"), _labels(entry, where).get("alertname")):
        state, well, labels["alertname"] = json_fields.stated(name)
    nameless = not says_what(labels) and not any(text.strip() for text in words.values())
    if nameless and (rest := _rest(entry, where)):
        words["summary"] = rest
    return _Named(labels, words, state, well)


def _texts(entry: Mapping[str, Any], added: Added, where: str) -> tuple[dict[str, str], dict[str, str]]:
    labels = _labels(entry, where)
    _fill(labels, entry, LABELS, where)
    words = json_alert.annotations_of(entry.get("annotations"), f"{where}.annotations")
    _fill(words, entry, ANNOTATIONS, where)
    return {**added.labels, **labels}, words


def _labels(entry: Mapping[str, Any], where: str) -> dict[str, str]:
    return json_alert.texts_of(entry.get("labels"), f"{where}.labels")


def _rest(entry: Mapping[str, Any], where: str) -> str:
    """The fields that we do not know. Where there is nothing else they alone tell what it is about, and two troubles apart."""
    unknown = (name for name in entry if json_fields.squeezed(name) not in _OURS)
    texts = {name: json_alert.text_of(entry[name], where) for name in unknown}
    return ", ".join(f"{name}: {text}" for name, text in texts.items() if text)


def _former(
    sent: Mapping[str, Any], entry: Mapping[str, Any], told: _Named, added: Added, where: str
) -> tuple[str, ...]:
    """The name of before we knew other spellings of its fields, and the state in its title."""
    if sent is entry and not told.title_says and not any(name in sent for name in _NEW):
        return ()
    old = {name: value for name, value in sent.items() if name not in _NEW}
    known, _, _ = _identity(old, *_texts(old, added, where), where)
    return (known.fingerprint, *known.before)


def _identity(
    entry: Mapping[str, Any], labels: Mapping[str, str], words: Mapping[str, str], where: str
) -> tuple[KnownBy, str, str]:
    """What the alert is known by, the name of its sender's own id, and what it would be known by without that."""
    plain = json_alert.named(_name(entry, where), labels, words)
    if json_alert.text_of(entry.get("fingerprint"), where):
        return plain, "", ""
    field_name, own = _own_id(entry, where)
    if not own:
        return plain, "", plain.fingerprint
    id_ = {_ID: own, f"{_ID}: source": labels.get("source", "")}
    place = {"host": labels.get("host") or labels.get("instance", ""), "name": labels.get("alertname", "")}
    name = fingerprint_of({**id_, **(labels if field_name in ROW_IDS else place)})
    before = plain.before or (plain.fingerprint,)
    return KnownBy(name, before=before), fingerprint_of(id_), plain.fingerprint


def _own_id(entry: Mapping[str, Any], where: str) -> tuple[str, str]:
    """The field that holds it, by our spelling, and the id; both empty where there is none."""
    entry = json_fields.spelled(entry, _OURS)
    for name in (*OWN_IDS, *ROW_IDS):
        if text := json_alert.text_of(entry.get(name), f"{where}.{name}").strip():
            return name, text
    return "", ""


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


def _word(entry: Mapping[str, Any]) -> Any:
    return next((entry[name] for name in STATUS if said(entry.get(name)) is not StatusWord.NOTHING), None)


def _said(entry: Mapping[str, Any]) -> StatusWord:
    """A severity that is a word for well ends as a status does: some systems know no other field."""
    if bare(entry.get("resolved")) in TRUE_WORDS:
        return StatusWord.OVER
    told = said(_word(entry))
    if told is not StatusWord.NOTHING:
        return told
    well = any(said(entry.get(name)) is StatusWord.OVER for name in GRADES)
    return StatusWord.OVER if well else StatusWord.NOTHING


def _moment(entry: Mapping[str, Any], names: Iterable[str]) -> datetime | None:
    """RFC 3339, or a number of seconds or milliseconds since 1970."""
    value: Any = next((entry[name] for name in names if entry.get(name) is not None), None)
    if type(value) not in (int, float):
        return parse_rfc3339(value)
    seconds = value if value < _SECONDS else value / 1000
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < _SECONDS else None

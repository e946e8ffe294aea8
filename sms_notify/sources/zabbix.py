"""Zabbix: an alert script's arguments, or the parameters of a webhook media type; alerts out.

A problem is known by its event id ({EVENT.ID}), which its updates and its recovery bear too. An alert script gets it
only where the message carries it: integrations/zabbix ships a template in lines of `MACRO: value`, and Zabbix's own say
it in words (`zabbix_messages.py`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.alert import Acknowledged, Alert, Delivery, EndReason, Status, Unacknowledged, fingerprint_of
from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, json_alert, zabbix_messages
from sms_notify.sources.zabbix_messages import CANCELLED, MACROS, NAMES, SEVERITIES

__all__ = ["MACROS", "NAMES", "SOURCE", "parse", "parse_script"]

SOURCE = "zabbix"

# {EVENT.NSEVERITY}; the names of severities can be changed and translated, the numbers cannot.
_BY_NUMBER = ("other", "info", "warning", "warning", "critical", "critical")
_UNSET = re.compile(r"\{[$#]?[A-Z][A-Z0-9_.]*\}|\*UNKNOWN\*|Inaccessible user")
_EVENT = re.compile(r"\d{1,20}", re.ASCII)
_NUMBER = re.compile(r"[+(]?[\d ()./-]{5,}")
_HOST = re.compile(r"(?=[^a-zA-Z.:]*[a-zA-Z.:])\w[\w.:-]{0,252}", re.ASCII)
_AGE = re.compile(r"(\d{1,6})(y|M|w|d|h|m|s)", re.ASCII)
_UNITS = {"y": 31_536_000, "M": 2_592_000, "w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_TAG = re.compile(r"([^:,]{1,255})(?::([^,]{0,255}))?(?:, |$)")


def parse_script(arguments: Sequence[str], at: datetime) -> Delivery:
    """One call of the alert script: SENDTO SUBJECT MESSAGE. `at` is when it was made.

    SENDTO MESSAGE is understood too, what a script adds (an address, a status, a severity), and a message that lost its
    quotes. Raises ParseError where neither subject nor message says anything, and for an update that names no event.
    """
    subject, message, more = _parts(arguments[1:])
    said = zabbix_messages.read(_set(subject), _set(message))
    sent = {"alertsubject": subject, "alertmessage": message, "alertsendto": "".join(arguments[:1])}
    return _delivery(_Event.of({**_more(more), **said, **sent}, at))


def _parts(said: Sequence[str]) -> tuple[str, str, Sequence[str]]:
    """Subject, message, and what was added to them."""
    if len(said) > 2 and not any(" " in text.strip() for text in said):
        return "", " ".join(said), ()
    told = list(itertools.dropwhile(lambda text: not _set(text.strip()), said))
    if len(told) < 2 or len(told) < len(said):
        return "", "".join(told[:1]), told[1:]
    return said[0], said[1], said[2:]


def _more(said: Iterable[str]) -> dict[str, str]:
    """Scripts add what is not in their message; without an id, a host is what keeps two events of one name apart."""
    found: dict[str, str] = {}
    for text in map(str.strip, said):
        if text.upper() in ("PROBLEM", "OK", "RESOLVED"):
            found["eventstatus"] = text
        elif text.lower() in SEVERITIES:
            found["eventseverity"] = text
        elif _HOST.fullmatch(text):
            found.setdefault("hostname", text)
    return found


def parse(body: bytes, at: datetime | None = None) -> Delivery:
    """One request of the webhook media type: a JSON object of parameters, in any order.

    A name may be spelled as the macro or alike (EVENT.ID, EventId, event_id). `at` is when the request came; without
    it the problem's age tells nothing. Raises ParseError as `parse_script`, and where it is not such an object.
    """
    payload = json_alert.loads(body)
    if not isinstance(payload, dict):
        raise ParseError("the body is not a JSON object: this is not what the webhook of Zabbix sends")
    sent: dict[str, str] = {}
    for name, value in payload.items():
        sent.setdefault(zabbix_messages.word_of(name), json_alert.text_of(value, "a parameter"))
    sent = {word: text for word, text in sent.items() if _set(text)}
    said = zabbix_messages.read(sent.get("alertsubject", ""), sent.get("alertmessage", ""))
    return _delivery(_Event.of({**said, **sent}, at))


def _set(text: str) -> str:
    """Empty where Zabbix did not replace a macro: it was not said."""
    return "" if _UNSET.fullmatch(text.strip()) else text


@dataclass(frozen=True, slots=True)
class _Event:
    """What was said, by the macro's name in small letters without dots."""

    fields: Mapping[str, str]
    at: datetime | None

    @classmethod
    def of(cls, fields: Mapping[str, str], at: datetime | None) -> _Event:
        known = {word: text.strip() for word, text in fields.items() if word in NAMES or word == CANCELLED}
        return cls({word: text for word, text in known.items() if _set(text)}, at)

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    def line(self, name: str) -> str:
        return input_limits.one_line(self.get(name))

    @property
    def name(self) -> str:
        words = (self.get("eventname"), self.get("alertsubject"), self.get("alertmessage").partition("\n")[0])
        return next(filter(None, map(input_limits.one_line, words)), "")

    @property
    def words_alone(self) -> bool:
        """Whether nothing says what will end it."""
        decides = ("eventid", "eventvalue", "eventstatus", "eventupdatestatus", CANCELLED)
        return not any(self.get(name) for name in decides)

    @property
    def update(self) -> bool:
        return self.get("eventupdatestatus") == "1"

    @property
    def resolved(self) -> bool:
        value = self.get("eventvalue")
        return value == "0" if value in ("0", "1") else self.get("eventstatus").upper() in ("RESOLVED", "OK")

    @property
    def cancelled(self) -> bool:
        """Zabbix will say nothing more of it, and whether it lasts is not known."""
        return bool(self.get(CANCELLED)) and not self.resolved


def _delivery(event: _Event) -> Delivery:
    if not event.name and not (event.resolved and _EVENT.fullmatch(event.get("eventid"))):
        raise ParseError(
            "no name, subject or message of an event: call the script with {ALERT.SENDTO} {ALERT.SUBJECT}"
            " {ALERT.MESSAGE}, or take the media type from integrations/zabbix"
        )
    action, by = event.line("eventupdateaction"), event.line("userfullname")
    fingerprint = _fingerprint(event)
    ended = event.resolved or event.cancelled or (event.update and _says(action, "closed"))
    alert = _alert(event, fingerprint, Status.RESOLVED if ended else Status.FIRING)
    if ended:
        return Delivery(SOURCE, (alert,))
    unacks = _unacks(event, fingerprint, action, by)
    return Delivery(SOURCE, (alert,), acks=_acks(event, fingerprint, action, by), unacks=unacks)


def _fingerprint(event: _Event) -> str:
    found, monitor = event.get("eventid"), event.get("monitor")
    if _EVENT.fullmatch(found):
        return fingerprint_of({"monitor": monitor, "event": found}) if monitor else found
    if event.update and not event.cancelled:
        raise ParseError(
            'an update that names no event: put a line "EVENT.ID: {EVENT.ID}" into the message template, or take the'
            " media type from integrations/zabbix"
        )
    names = {"monitor": monitor, "name": event.name, "host": _host(event)}
    alone = event.words_alone and not _host(event)
    return fingerprint_of(names | ({"words": event.line("alertmessage")} if alone else {}))


def _before(event: _Event, ended: bool) -> tuple[str, ...]:
    """The names of before the templates of all versions were read: the word for how it stood was a part of the name, and
    many a host was not seen. Of a beginning such a name counts only where it says the host, for it may be another one's.
    """
    name, host = event.name, _host(event)
    spelled = (
        name,
        f"PROBLEM: {name}",
        f"{name}: PROBLEM",
        *(f"{word.capitalize()}: {name}" for word in SEVERITIES),
    )
    hosts = (host, "") if ended or host.lower() in name.lower() else (host,)
    monitor = event.get("monitor")
    return tuple(
        fingerprint_of({"monitor": monitor, "name": told, "host": at})
        for told in spelled
        for at in dict.fromkeys(hosts)
    )


def _acks(event: _Event, fingerprint: str, action: str, by: str) -> tuple[Acknowledged, ...]:
    """An escalation of what was acknowledged before says so too, but not by whom."""
    now = event.update and _says(action, "acknowledged")
    before = not event.update and event.get("eventackstatus").lower() == "yes"
    if not now and not before:
        return ()
    comment = input_limits.plain(event.get("eventupdatemessage")) if now else ""
    return (Acknowledged(SOURCE, fingerprint, (by if now else "") or SOURCE, comment),)


def _unacks(event: _Event, fingerprint: str, action: str, by: str) -> tuple[Unacknowledged, ...]:
    """Only an update says so: a late copy of the problem itself bears the status of its own time."""
    if not event.update or not _says(action, "unacknowledged"):
        return ()
    return (Unacknowledged(SOURCE, fingerprint, by or SOURCE),)


def _says(action: str, word: str) -> bool:
    """Whether {EVENT.UPDATE.ACTION} names it: `acknowledged, commented and closed`."""
    return re.search(rf"\b{word}\b", action) is not None


def _alert(event: _Event, fingerprint: str, status: Status) -> Alert:
    firing = status is Status.FIRING
    return Alert(
        source=SOURCE,
        fingerprint=fingerprint,
        status=status,
        labels=_labels(event),
        annotations=_annotations(event),
        starts_at=_started(event) if firing else None,
        ends_at=None if firing else event.at,
        once=event.words_alone,
        start_told=bool(_AGE.search(event.get("eventage"))),
        end_reason=EndReason.NO_LONGER_WATCHED if event.cancelled else EndReason.NONE,
        before=_before(event, not firing),
    )


def _annotations(event: _Event) -> dict[str, str]:
    """Where Zabbix cancels, why; of words alone, those that are not the name."""
    said = event.get(CANCELLED) if event.cancelled else event.get("eventopdata")
    if event.words_alone and event.line("alertmessage") != event.name:
        said = said or event.get("alertmessage")
    texts = {"summary": said, "url": event.get("triggerurl")}
    return {name: text for name, raw in texts.items() if (text := input_limits.plain(raw))}


def _started(event: _Event) -> datetime | None:
    """Zabbix tells times without a zone, and an age."""
    if event.at is None:
        return None
    seconds = sum(int(count) * _UNITS[unit] for count, unit in _AGE.findall(event.get("eventage")[:100]))
    return event.at - timedelta(seconds=min(seconds, 31_536_000))


def _labels(event: _Event) -> dict[str, str]:
    sendto = event.line("alertsendto")
    labels = {
        "alertname": event.name,
        "instance": _host(event),
        "host": _host(event),
        "severity": _severity(event),
        "zabbix_severity": event.line("eventseverity"),
        "hostgroup": event.line("triggerhostgroupname"),
        "monitor": event.line("monitor"),
        # A number would look as if it chose who is told, and is nobody's business on a page.
        "sendto": "" if _NUMBER.fullmatch(sendto) else sendto,
    }
    return input_limits.bounded({name: text for name, text in (_tags(event) | labels).items() if text})


def _host(event: _Event) -> str:
    """The technical name, which other monitors know too; the visible one where that was not said."""
    return event.line("hosthost") or event.line("hostname")


def _severity(event: _Event) -> str:
    number, word = event.get("eventnseverity"), event.line("eventseverity").lower()
    if number in ("0", "1", "2", "3", "4", "5"):
        return _BY_NUMBER[int(number)]
    return SEVERITIES.get(word, word)


def _tags(event: _Event) -> dict[str, str]:
    """The event's tags as labels; the values of one name are joined."""
    values: dict[str, list[str]] = {}
    for name, value in _tag_pairs(event):
        label = input_limits.label_name(name)
        if label:
            values.setdefault(label, []).append(input_limits.one_line(value) or "true")
    return {name: ",".join(dict.fromkeys(found)) for name, found in values.items()}


def _tag_pairs(event: _Event) -> list[tuple[str, str]]:
    try:
        listed = json_alert.loads(event.get("eventtagsjson").encode("utf-8", "replace"))
    except ParseError:
        return _TAG.findall(event.line("eventtags"))[: input_limits.MAX_PAIRS]
    tags = listed[: input_limits.MAX_PAIRS] if isinstance(listed, list) else []
    return [
        (json_alert.text_of(tag.get("tag"), "a tag"), json_alert.text_of(tag.get("value"), "a tag"))
        for tag in tags
        if isinstance(tag, dict)
    ]

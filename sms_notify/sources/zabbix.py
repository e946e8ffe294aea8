"""Zabbix: an alert script's three arguments, or the parameters of a webhook media type; alerts out.

A problem is known by its event id ({EVENT.ID}), which its updates and its recovery bear too. An alert script gets it
only where the message template carries it: integrations/zabbix ships one, in lines of `MACRO: value`.
https://www.zabbix.com/documentation/6.0/en/manual/appendix/macros/supported_by_location
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.alert import Acknowledged, Alert, Delivery, Status, Unacknowledged, fingerprint_of
from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, json_alert

SOURCE = "zabbix"

# {EVENT.NSEVERITY}; the names of severities can be changed and translated, the numbers cannot.
_BY_NUMBER = ("other", "info", "warning", "warning", "critical", "critical")
_BY_WORD = {
    "not classified": "other",
    "information": "info",
    "warning": "warning",
    "average": "warning",
    "high": "critical",
    "disaster": "critical",
}
# How Zabbix's own message templates say it, in which the machine's words stand after the user's.
_DEFAULT_WORDS = {
    "problemname": "eventname",
    "host": "hostname",
    "severity": "eventseverity",
    "operationaldata": "eventopdata",
    "opdata": "eventopdata",
    "originalproblemid": "eventid",
    "problemduration": "eventduration",
    "subject": "alertsubject",
    "message": "alertmessage",
    "to": "alertsendto",
    "sendto": "alertsendto",
}
MACROS = (
    "EVENT.ID EVENT.VALUE EVENT.STATUS EVENT.UPDATE.STATUS EVENT.UPDATE.ACTION EVENT.UPDATE.MESSAGE EVENT.ACK.STATUS"
    " EVENT.SEVERITY EVENT.NSEVERITY EVENT.AGE EVENT.DURATION EVENT.NAME EVENT.OPDATA EVENT.TAGS EVENT.TAGSJSON"
    " HOST.HOST HOST.NAME TRIGGER.HOSTGROUP.NAME TRIGGER.URL USER.FULLNAME MONITOR"
    " ALERT.SUBJECT ALERT.MESSAGE ALERT.SENDTO"
)
NAMES = frozenset(MACROS.lower().replace(".", "").split())
_MANY_LINES = ("eventname", "eventopdata", "eventupdatemessage")
_MOST_LINES = 500

_LINE = re.compile(r"([A-Za-z][A-Za-z ._]{0,40}?): ?(.*)")
_UNSET = re.compile(r"\{[$#]?[A-Z][A-Z0-9_.]*\}|\*UNKNOWN\*|Inaccessible user")
_NO_WORD = re.compile(r"[^a-z]")
_EVENT = re.compile(r"\d{1,20}", re.ASCII)
_SUBJECT = re.compile(r"(Problem|Resolved in [^:]{0,40}|Updated problem in [^:]{0,40}): ?(.*)", re.DOTALL)
_UPDATE = re.compile(
    r"(.{0,200}?) ((?:un)?(?:acknowledged|commented|closed|changed severity)\b.{0,200}?) problem at "
)
_NUMBER = re.compile(r"[+(]?[\d ()./-]{5,}")
_AGE = re.compile(r"(\d{1,6})(y|M|w|d|h|m|s)", re.ASCII)
_UNITS = {"y": 31_536_000, "M": 2_592_000, "w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_TAG = re.compile(r"([^:,]{1,255})(?::([^,]{0,255}))?(?:, |$)")


def parse_script(arguments: Sequence[str], at: datetime) -> Delivery:
    """One call of the alert script: SENDTO SUBJECT MESSAGE. `at` is when it was made.

    Raises ParseError where neither subject nor message says anything, and for an update that names no event.
    """
    sendto, subject, message, *_ = (*arguments, "", "", "")
    fields = _of_message(message)
    fields |= {"alertsubject": subject, "alertmessage": message, "alertsendto": sendto}
    return _delivery(_Event.of(fields.items(), at))


def parse(body: bytes, at: datetime | None = None) -> Delivery:
    """One request of the webhook media type: a JSON object of parameters, in any order.

    A name may be spelled as the macro or alike (EVENT.ID, EventId, event_id). `at` is when the request came; without
    it the problem's age tells nothing. Raises ParseError as `parse_script`, and where it is no such object.
    """
    payload = json_alert.loads(body)
    if not isinstance(payload, dict):
        raise ParseError("the body is not a JSON object: this is not what the webhook of Zabbix sends")
    fields = {name: json_alert.text_of(value, "a parameter") for name, value in payload.items()}
    event = _Event.of(fields.items(), at)
    said = _of_message(event.get("alertmessage"))
    return _delivery(_Event.of({**said, **event.fields}.items(), at))


@dataclass(frozen=True, slots=True)
class _Event:
    """What was said, by the macro's name in small letters without dots. What Zabbix did not replace was not said."""

    fields: Mapping[str, str]
    at: datetime | None

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], at: datetime | None) -> _Event:
        fields: dict[str, str] = {}
        for name, value in pairs:
            word = _word(name)
            text = value.strip()
            if word in NAMES and text and not _UNSET.fullmatch(text):
                fields.setdefault(word, text)
        return cls(fields, at)

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    def line(self, name: str) -> str:
        return input_limits.one_line(self.get(name))

    @property
    def kind(self) -> str:
        """`Problem`, `Resolved` or `Updated`, as the subject begins; else empty."""
        found = _SUBJECT.fullmatch(self.get("alertsubject"))
        return found[1].split()[0] if found else ""

    @property
    def name(self) -> str:
        subject = self.get("alertsubject")
        found = _SUBJECT.fullmatch(subject)
        first = self.get("alertmessage").partition("\n")[0]
        words = (self.get("eventname"), found[2] if found else subject, first)
        return next(filter(None, map(input_limits.one_line, words)), "")

    @property
    def update(self) -> bool:
        status = self.get("eventupdatestatus")
        return status == "1" if status else self.kind == "Updated"

    @property
    def resolved(self) -> bool:
        value, status = self.get("eventvalue"), self.get("eventstatus").upper()
        if value in ("0", "1"):
            return value == "0"
        return status in ("RESOLVED", "OK") if status else self.kind == "Resolved"


def _word(name: str) -> str:
    word = _NO_WORD.sub("", name[: input_limits.MAX_NAME].lower())
    return _DEFAULT_WORDS.get(word, word)


def _of_message(message: str) -> dict[str, str]:
    """The fields that stand in a message, one a line: in our template, which begins with a macro's name, or in Zabbix's.

    An event's name may hold what a sensor sent, line ends too. It must not pass for a field that decides: so in our
    template nothing but more text follows the first text of a user, and in Zabbix's no macro's name is a field.
    """
    lines = input_limits.plain(message, 4 * input_limits.MAX_VALUE).split("\n")[:_MOST_LINES]
    ours = _field_of(lines[0], ours=True)[0] != ""
    fields: dict[str, list[str]] = {}
    rest: list[str] = []
    text_began = False
    for line in lines:
        word, value = _field_of(line, ours)
        late = ours and (word in fields or (text_began and word not in _MANY_LINES))
        if not word or late:
            rest.append(line)
            continue
        rest = fields[word] = [value]
        text_began |= word in _MANY_LINES
    return {word: "\n".join(said if word in _MANY_LINES else said[:1]) for word, said in fields.items()}


def _field_of(line: str, ours: bool) -> tuple[str, str]:
    found = _LINE.fullmatch(line)
    if found is None or ("." in found[1] or found[1].isupper()) is not ours:
        return "", line
    word = _word(found[1])
    return (word, found[2]) if word in NAMES else ("", line)


def _delivery(event: _Event) -> Delivery:
    if not event.name:
        raise ParseError(
            "no name, subject or message of an event: call the script with {ALERT.SENDTO} {ALERT.SUBJECT}"
            " {ALERT.MESSAGE}, or take the media type from integrations/zabbix"
        )
    update = _UPDATE.match(event.get("alertmessage")) if event.update else None
    action = event.line("eventupdateaction") or (update[2] if update else "")
    by = event.line("userfullname") or (input_limits.one_line(update[1]) if update else "")
    fingerprint = _fingerprint(event)
    ended = event.resolved or (event.update and _says(action, "closed"))
    alert = _alert(event, fingerprint, Status.RESOLVED if ended else Status.FIRING)
    if ended:
        return Delivery(SOURCE, (alert,))
    unacks = _unacks(event, fingerprint, action, by)
    return Delivery(SOURCE, (alert,), acks=_acks(event, fingerprint, action, by), unacks=unacks)


def _fingerprint(event: _Event) -> str:
    found, monitor = event.get("eventid"), event.get("monitor")
    if _EVENT.fullmatch(found):
        return fingerprint_of({"monitor": monitor, "event": found}) if monitor else found
    if event.update:
        raise ParseError(
            'an update that names no event: put a line "EVENT.ID: {EVENT.ID}" into the message template, or take the'
            " media type from integrations/zabbix"
        )
    return fingerprint_of({"monitor": monitor, "name": event.name, "host": _host(event)})


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
    texts = {"summary": event.get("eventopdata"), "url": event.get("triggerurl")}
    firing = status is Status.FIRING
    return Alert(
        source=SOURCE,
        fingerprint=fingerprint,
        status=status,
        labels=_labels(event),
        annotations={name: text for name, raw in texts.items() if (text := input_limits.plain(raw))},
        starts_at=_started(event) if firing else None,
        ends_at=None if firing else event.at,
        start_told=bool(_AGE.search(event.get("eventage"))),
    )


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
    return _BY_WORD.get(word, word)


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

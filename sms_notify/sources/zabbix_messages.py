"""What a subject and a message of Zabbix say, by the macros that stand for it: our template's lines, or Zabbix's own words.

Zabbix has changed its own templates four times, and people keep theirs over upgrades: up to 3.2 `OK: NAME` over
`Trigger status: OK`, then `Resolved: NAME` over `Original problem ID: 7`, from 5.0 on also in HTML, and for SMS without
a subject: `High: NAME`, later `Resolved in 10m: NAME`.
https://www.zabbix.com/documentation/6.0/en/manual/appendix/macros/supported_by_location
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, json_alert

MACROS = (
    "EVENT.ID EVENT.VALUE EVENT.STATUS EVENT.UPDATE.STATUS EVENT.UPDATE.ACTION EVENT.UPDATE.MESSAGE EVENT.ACK.STATUS"
    " EVENT.SEVERITY EVENT.NSEVERITY EVENT.AGE EVENT.DURATION EVENT.NAME EVENT.OPDATA EVENT.TAGS EVENT.TAGSJSON"
    " HOST.HOST HOST.NAME TRIGGER.HOSTGROUP.NAME TRIGGER.URL USER.FULLNAME MONITOR"
    " ALERT.SUBJECT ALERT.MESSAGE ALERT.SENDTO"
)
NAMES = frozenset(MACROS.lower().replace(".", "").split())
CANCELLED = "escalationcancelled"
"""Why Zabbix escalates no more, which no macro stands for: trigger, host, item or action were disabled or deleted."""

# {EVENT.SEVERITY} as it is called where nobody renamed it.
SEVERITIES = {
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
    "serviceproblemname": "eventname",
    "trigger": "eventname",
    "triggername": "eventname",
    "host": "hostname",
    "severity": "eventseverity",
    "triggerseverity": "eventseverity",
    "triggernseverity": "eventnseverity",
    "status": "eventstatus",
    "triggerstatus": "eventstatus",
    "triggervalue": "eventvalue",
    "currentproblemstatus": "eventstatus",
    "operationaldata": "eventopdata",
    "opdata": "eventopdata",
    "problemid": "eventid",
    "originalproblemid": "eventid",
    "originaleventid": "eventid",
    "problemduration": "eventduration",
    "subject": "alertsubject",
    "message": "alertmessage",
    "to": "alertsendto",
    "sendto": "alertsendto",
}
_MANY_LINES = ("eventname", "eventopdata", "eventupdatemessage")
_MOST_LINES = 500
_LONGEST = 4 * input_limits.MAX_VALUE

_LINE = re.compile(r"([A-Za-z][A-Za-z ._]{0,40}?): ?(.*)")
_MARKED_LINE = re.compile(r"[^\w\n]{0,8}([A-Za-z][A-Za-z ._]{0,40}?)\*{0,2}:\*{0,2} ?(.*)")
_NO_WORD = re.compile(r"[^a-z]")
_CANCELLED = re.compile(
    r"\W*NOTE: Escalation cancell?ed:? ?([^\n]*)\n?(?:Last message sent:[^\S\n]*(?:\n|$))?(.*)",
    re.DOTALL | re.IGNORECASE,
)
_BREAK = re.compile(r"<br ?/?>\n?", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")

# `Problem: NAME`, `✅ Resolved in 10m: NAME`, `[db1] PROBLEM: NAME`, `[OK] NAME`. A mark must follow the word: an event may
# be called "OK responses below 90 %".
_KIND = re.compile(
    r"""[^\w\n]{0,10}(?:\[[^\]\n]{0,80}\][^\w\n]{0,10}){0,2}(?:Service "[^"\n]{1,200}" )?"""
    r"(?:((?i:problem|resolved|recovered|recovery|ok|updated(?: problem)?|acknowledged)(?i: in [^:\n]{1,40})?):"
    r"|(PROBLEM|RESOLVED|OK)(?:[\])]| -))\s*(.*)",
    re.DOTALL,
)
_KIND_AFTER = re.compile(
    r"(.+?)(?:: | ?[\[(])(PROBLEM|RESOLVED|OK)[\])]?", re.DOTALL
)  # `NAME: OK`, `NAME (OK)`
_SEVERE = re.compile(r"([^:\n]{1,40}): (.+)")
_DATE = re.compile(r"\d{4}[.-]\d\d[.-]\d\d \d\d:\d\d(?::\d\d)?", re.ASCII)
_UPDATE = re.compile(
    r"([^\n]{0,200}?) ((?:un)?(?:acknowledged|commented|closed|changed severity|suppressed)\b[^\n]{0,200}?)"
    r" problem (?:in [^\n]{1,40} )?at "
)
_UPDATE_STATUS = re.compile(r"Current problem status is (\w+)")
# `1. Free space (db1:vfs.fs.size[/,free]): 3 %`: up to 3.2 the host stands nowhere else.
_ITEM = re.compile(r"\d\. .*\(([^\s():*][^():*]{0,128}):[^\s].*\): ")

_STATUS = {"problem": "PROBLEM", **dict.fromkeys(("resolved", "recovered", "recovery", "ok"), "RESOLVED")}


def word_of(name: str) -> str:
    """The macro that a name stands for, in small letters without dots."""
    word = _NO_WORD.sub("", name[: input_limits.MAX_NAME].lower())
    return _DEFAULT_WORDS.get(word, word)


def read(subject: str, message: str) -> dict[str, str]:
    """What both say, by the word of the macro. A message may also be a JSON object of macros.

    In our template what decides stands before what users wrote, so that its lines count first. In all others the
    subject begins with the machine's word for how things stand, and a line may be a sensor's.
    """
    subject, text = input_limits.plain(subject), input_limits.plain(message, _LONGEST)
    cancelled = _CANCELLED.fullmatch(text)
    text = _without_tags(cancelled[2] if cancelled else text)
    meant = _of_words(subject, text)
    fields = _of_json(text) or _of_lines(text)
    found = {**meant, **fields}
    if "eventstatus" in meant and not _is_ours(text):
        found["eventstatus"] = meant["eventstatus"]
    if cancelled:
        found[CANCELLED] = cancelled[1].strip() or "cancelled"
    return found


def _is_ours(text: str) -> bool:
    return _field_of(text.partition("\n")[0], ours=True)[0] != ""


def _without_tags(text: str) -> str:
    if not text.startswith("<"):
        return text
    return input_limits.plain(html.unescape(_TAG.sub("", _BREAK.sub("\n", text))), _LONGEST)


def _of_json(text: str) -> dict[str, str]:
    if not text.startswith("{"):
        return {}
    try:
        found = json_alert.loads(text.encode())
        pairs = found.items() if isinstance(found, dict) else ()
        return {word_of(name): json_alert.text_of(value, "a macro") for name, value in pairs}
    except ParseError:
        return {}


def _of_lines(text: str) -> dict[str, str]:
    """The fields that stand in a message, one a line: in our template, which begins with a macro's name, or in Zabbix's.

    An event's name may hold what a sensor sent, line ends too. It must not pass for a field that decides: so in our
    template nothing but more text follows the first text of a user; in Zabbix's no macro's name is a field, the last of
    two lines counts, and nothing but the id follows the values of items.
    """
    lines = text.split("\n")[:_MOST_LINES]
    return _ours(lines) if _is_ours(text) else _theirs(lines)


def _ours(lines: Iterable[str]) -> dict[str, str]:
    fields: dict[str, list[str]] = {}
    rest: list[str] = []
    text_began = False
    for line in lines:
        word, value = _field_of(line, ours=True)
        if not word or word in fields or (text_began and word not in _MANY_LINES):
            rest.append(line)
            continue
        rest = fields[word] = [value]
        text_began |= word in _MANY_LINES
    return {word: "\n".join(said if word in _MANY_LINES else said[:1]) for word, said in fields.items()}


def _theirs(lines: Iterable[str]) -> dict[str, str]:
    fields: dict[str, list[str]] = {}
    rest: list[str] = []
    items = False
    for line in lines:
        items |= line.strip() == "Item values:"
        word, value = _field_of(line, ours=False)
        if items and word != "eventid":
            if "hostname" not in fields and (item := _ITEM.match(line)):
                fields["hostname"] = [item[1]]
        elif word:
            rest = fields[word] = [value]
        elif _MARKED_LINE.fullmatch(line):
            rest = []  # a field, but none of ours
        else:
            rest.append(line)
    return {word: "\n".join(said if word in _MANY_LINES else said[:1]) for word, said in fields.items()}


def _field_of(line: str, ours: bool) -> tuple[str, str]:
    found = (_LINE if ours else _MARKED_LINE).fullmatch(line)
    if found is None or ("." in found[1] or found[1].isupper()) is not ours:
        return "", line
    word = word_of(found[1])
    return (word, found[2].strip()) if word in NAMES else ("", line)


def _of_words(subject: str, text: str) -> dict[str, str]:
    """What the subject means; where it is empty or a fixed word, the first line of the message."""
    lines = text.split("\n")
    told, first = _kind_of(subject), _kind_of(lines[0]) or _of_sms(lines)
    if not told and not _kind_of(lines[0]) and (alone := _status_alone(subject, text)):
        first = {**alone, **first, "eventstatus": alone["eventstatus"]}
    found = told or first or {"eventname": subject or lines[0]}
    update = _UPDATE.match(text)
    if update and (not told or "eventupdatestatus" in told):
        found = {"eventname": told.get("eventname", ""), "eventupdatestatus": "1"}  # that line names nothing
        found |= {"userfullname": update[1], "eventupdateaction": update[2], **_said_with(lines)}
    return found


def _kind_of(first: str) -> dict[str, str]:
    """Whether it begins, ends or is updated, and the name; nothing where it does not say."""
    if found := _KIND.fullmatch(first):
        kind, name = (found[1] or found[2]).split()[0].lower(), found[3]
        if kind in _STATUS:
            return {"eventstatus": _STATUS[kind], "eventname": name}
        action = {"eventupdateaction": kind} if kind == "acknowledged" else {}
        return {"eventupdatestatus": "1", "eventname": name, **action}
    if found := _KIND_AFTER.fullmatch(first):
        return {"eventstatus": _STATUS[found[2].lower()], "eventname": found[1]}
    return {}


def _status_alone(subject: str, text: str) -> dict[str, str]:
    """`{TRIGGER.STATUS}` is the one and `{TRIGGER.NAME}` the other."""
    for status, name in ((subject, text.partition("\n")[0]), (text, subject)):
        word = _STATUS.get(status.strip().lower())
        if word and name and _STATUS.get(name.strip().lower()) is None:
            return {"eventstatus": word, "eventname": name}
    return {}


def _of_sms(lines: Sequence[str]) -> dict[str, str]:
    """`High: Fan dead`, `Host: db3`, a date: the template for SMS. Where the severities were renamed, its shape tells."""
    found = _SEVERE.fullmatch(lines[0])
    if found is None:
        return {}
    shaped = len(lines) == 3 and lines[1].startswith("Host: ") and _DATE.fullmatch(lines[2])
    if found[1].lower() not in SEVERITIES and not shaped:
        return {}
    return {"eventseverity": found[1], "eventname": found[2], "eventstatus": "PROBLEM"}


def _said_with(lines: Sequence[str]) -> dict[str, str]:
    """The words of an update, and how things stand after it."""
    ends = [at for at, line in enumerate(lines) if line.startswith("Current problem status")]
    last = ends[-1] if ends else len(lines)
    status = _UPDATE_STATUS.match(lines[last]) if ends else None
    said = {"eventupdatemessage": "\n".join(lines[1:last]).strip()}
    return {**said, "eventstatus": status[1]} if status else said

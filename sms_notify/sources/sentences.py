"""What a monitoring system says in one sentence or in a few lines, as notification commands for mail and text word it.

`PROBLEM: web1/disk is CRITICAL (3% left)`, `[PROBLEM] disk on web1 is CRITICAL!`, `** PROBLEM Host Alert: web1 is DOWN **`,
or `Service: disk`, `Host: web1`, `State: CRITICAL`, `Info: 3% left` in lines or behind one another.
"""

from __future__ import annotations

import re

TYPES = (
    "PROBLEM|RECOVERY|ACKNOWLEDGEMENT|CUSTOM|FLAPPINGSTART|FLAPPINGSTOP|FLAPPINGEND|FLAPPINGDISABLED"
    "|DOWNTIMESTART|DOWNTIMEEND|DOWNTIMECANCELLED|DOWNTIMEREMOVED"
)
_SHORT = {"WARN": "WARNING", "CRIT": "CRITICAL", "UNKN": "UNKNOWN", "UNREACH": "UNREACHABLE"}
STATES = "|".join(("OK|WARNING|CRITICAL|UNKNOWN|UP|DOWN|UNREACHABLE", *_SHORT))
OF_HOSTS = ("UP", "DOWN", "UNREACHABLE", "UNREACH")
_END = rf"(?P<state>{STATES})\b[\s!*]*(?P<rest>.*)"
_TYPED = re.compile(
    rf"\b(?P<type>{TYPES})\b(?: (?:Service|Host) (?:Alert|Notification))?[\s:*\])>|-]*"
    rf"(?P<what>[^\n]{{1,400}}?) (?:is|->) {_END}",
    re.DOTALL | re.IGNORECASE,
)
# Macros one behind the other, without a verb: `RECOVERY web1 disk OK - 30% left`.
_IN_ROW = re.compile(
    rf"\W*(?:Nagios\s*[:-]\s*)?(?P<type>{TYPES})\b[\s:*\])>|-]*(?P<what>[^\n]{{1,400}}?)[\s:;|,(-]+"
    rf"(?P<state>{STATES})(?=[\s:;,|.!)]|$)[\s!*)]*(?P<rest>.*)",
    re.DOTALL,
)
# Without a type a word for well could end what it does not mean: so it must name a service or say that it is a host.
_UNTYPED = re.compile(
    rf"\W*(?:Nagios\s*[:-]\s*)?(?:(?:Host|Service) (?:Alert|Notification)\W+)?"
    rf"(?P<what>(?:(?:Host|Service) )[^\n]{{1,400}}?|[^\s/]{{1,200}}/[^\n]{{1,200}}?) is {_END}",
    re.DOTALL,
)
# `PROBLEM: the database is down on db1` is a sentence of a person's: its host is somewhere else.
_PLACE = re.compile(r"(?:Host|Service) |[^\s/]+/\S", re.IGNORECASE)
_KEYS = {
    "notification type": "type",
    "type": "type",
    "service": "service",
    "host": "host",
    "hostname": "host",
    "host name": "host",
    "state": "state",
    "status": "state",
    "address": "address",
    "additional info": "output",
    "info": "output",
    "output": "output",
    "comment": "comment",
    "author": "author",
    "date/time": "",
    "date": "",
    "time": "",
}
_KEY = re.compile(
    r"(?:^|(?<=[\s,;|(*]))("
    + "|".join(sorted(map(re.escape, _KEYS), key=len, reverse=True))
    + r")\s?[:=]\s*",
    re.IGNORECASE,
)
_STATE = re.compile(rf"({STATES})\b", re.IGNORECASE)
_TYPE = re.compile(rf"\b({TYPES})\b")
_AROUND = "\"' \t\r\n:,;|-"


def state_of(word: str) -> str:
    """A state in full and in capitals: some send its short form, or write it small."""
    return _SHORT.get(word.upper(), word.upper())


def read(text: str) -> dict[str, str]:
    """What it says, by the names of our options in capitals; what is not such a sentence is OUTPUT as a whole."""
    found = (
        _stated(_TYPED.search(text) or _UNTYPED.match(text)) or _keyed(text) or _stated(_IN_ROW.match(text))
    )
    return found or {"OUTPUT": text.strip()}


def _stated(found: re.Match[str] | None) -> dict[str, str]:
    if found is None or not (found["state"].isupper() or _PLACE.match(found["what"])):
        return {}
    said = found.groupdict()
    state = state_of(said["state"])
    where = _host(said["what"]) if state in OF_HOSTS else _service(said["what"])
    words = {"TYPE": said.get("type", "").upper(), "STATE": state, "OUTPUT": _inner(said["rest"]), **where}
    return {name: word for name, word in words.items() if word}


def _host(what: str) -> dict[str, str]:
    return {"HOST": re.sub(r"^host ", "", what, flags=re.IGNORECASE).strip(" '\"")}


def _service(what: str) -> dict[str, str]:
    """`web1/disk`, `disk on web1`, `web1 - disk`, `web1 disk`; no host's name has a slash or a dash between blanks."""
    what = re.sub(r"^service ", "", what, flags=re.IGNORECASE)
    for pattern in (
        r"(?P<h>[^/\s]+)/(?P<s>.+)",
        r"(?P<s>.+) on (?:host )?(?P<h>.+)",
        r"(?P<h>.+?)(?: - |/)(?P<s>.+)",
        r"(?P<h>[^\s:;|,]+)[\s:;|,]+(?P<s>.+)",
    ):
        if found := re.fullmatch(pattern, what, re.IGNORECASE):
            return {"HOST": found["h"].strip(" '\""), "SERVICE": found["s"].strip(" '\"")}
    return {"HOST": what.strip(" '\"")}


def _inner(rest: str) -> str:
    """`(DISK CRITICAL - 3% left)`, `: DISK CRITICAL`, `Info: DISK CRITICAL` → the words themselves."""
    keyed = _keys(rest)
    rest = (keyed.get("output", "") or rest).strip(_AROUND)
    return rest[1:-1] if rest.startswith("(") and rest.endswith(")") else rest


def _keyed(text: str) -> dict[str, str]:
    keys = _keys(text)
    state = _STATE.match(keys.get("state", ""))
    if not keys.get("host") or state is None:
        return {}
    kind = _TYPE.search(keys.get("type", "").upper() or text)
    words = {**keys, "state": state_of(state[1]), "type": kind[1] if kind else ""}
    return {name.upper(): word for name, word in words.items() if word}


def _keys(text: str) -> dict[str, str]:
    """What stands behind each key, up to the next one; the first of two counts."""
    parts = _KEY.split(text)
    found: dict[str, str] = {}
    for key, value in zip(parts[1::2], parts[2::2], strict=True):
        name = _KEYS[key.lower()]
        if name and value.strip(_AROUND):
            found.setdefault(name, value.strip(_AROUND))
    return found

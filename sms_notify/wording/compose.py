"""From what is to be told to the text that leaves: our own wording, or a template's, made to fit.

Order of value: status, severity, what, where, how much, since when. The least valuable field shrinks first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sms_notify.alert import Alert, Status
from sms_notify.wording import gsm
from sms_notify.wording.notice import Notice, Reader, Text, Told
from sms_notify.wording.templates import (
    FREE_TEXT,
    LABEL,
    Fallback,
    Template,
    local,
    one_line,
    render,
    severity_word,
    since,
    tidy,
    zone_of,
)

_WHERE = "instance host hostname node pod service job device deployment namespace cluster"
_TEXTS = "summary description message"
_PORT = re.compile(r"(\[[^\]]*\]|[^:]*):\d{1,5}")
_MANY = 9_999  # the largest number that a text tells
_GROUPS = 30  # kinds of alert that a text of many tries to name
_PLACES = 40


@dataclass(frozen=True, slots=True)
class Words:
    """The few words that we add to what the monitoring system says. FIRING and OK are its terms, and stay."""

    since: str
    after: str
    hidden: str
    nameless: str
    days: str = "d"


WORDS = {
    "en": Words(since="since", after="after", hidden="not shown", nameless="alert (no name)"),
    "nl": Words(since="sinds", after="na", hidden="niet getoond", nameless="alarm (zonder naam)"),
    "fr": Words(
        since="depuis", after="apr\u00e8s", hidden="non affich\u00e9", nameless="alerte (sans nom)", days="j"
    ),
    "de": Words(since="seit", after="nach", hidden="nicht gezeigt", nameless="Alarm (ohne Namen)"),
}


@dataclass(frozen=True, slots=True)
class Composed:
    """A text, and why it is not the template's where one was asked for; `detail` tells the operator more."""

    text: Text
    fallback: Fallback | None = None
    detail: str = ""


def compose(notice: Notice, reader: Reader, template: Template | None, max_parts: int) -> Text:
    """What `reader` is told: GSM 03.38 only, at most `max_parts` (1 to 3) parts. None = our own wording."""
    return compose_reported(notice, reader, template, max_parts).text


def compose_reported(notice: Notice, reader: Reader, template: Template | None, max_parts: int) -> Composed:
    """As `compose`, and says whether a template let us down. Raises ValueError for a notice of nothing."""
    if not notice.incidents:
        raise ValueError("a notice tells at least one incident")
    max_parts = min(max(max_parts, 1), gsm.MAX_PARTS)
    if template is None or not template.source.strip():
        return Composed(_text(_built_in(notice, reader, max_parts)))
    whole = render(template, notice, reader)
    if whole.fallback is not None:
        return Composed(_text(_built_in(notice, reader, max_parts)), whole.fallback, whole.detail)
    return Composed(_text(_by_template(whole.text, template, notice, reader, max_parts)))


def _text(body: str) -> Text:
    return Text(body=body, parts=gsm.parts(body), septets=gsm.septets(body))


# A template's wording.


def _by_template(whole: str, template: Template, notice: Notice, reader: Reader, max_parts: int) -> str:
    """Free text gives way first, then labels; only then is the whole cut, with the tag put after the cut."""

    def wording(text: int, label: int = LABEL) -> str:
        told = whole if text >= FREE_TEXT else render(template, notice, reader, text, label).text
        return _with_numbers(told, template, notice, reader) if told else ""

    text = _largest(lambda width: gsm.parts(wording(width)) <= max_parts, 12, FREE_TEXT)
    label = _largest(lambda width: gsm.parts(wording(0, width)) <= max_parts, 8, LABEL)
    for body in (wording(text), wording(0), wording(0, label)):
        if body and gsm.parts(body) <= max_parts:
            return body
    body, tag = wording(FREE_TEXT), f"#{one_line(notice.incidents[0].tag, 12)}"
    cut = gsm.fit(body, max_parts)
    return gsm.fit(body, max_parts, f"{gsm.CUT} {tag}") if tag in body and tag not in cut else cut


def _with_numbers(text: str, template: Template, notice: Notice, reader: Reader) -> str:
    """A template made for one alert must not make several sound like one."""
    count = len(notice.incidents)
    if count > 1 and "count" not in template.names:
        text = f"{count}x {text}"
    if notice.hidden > 0 and "hidden" not in template.names:
        text = f"{_hidden(notice, _words(reader))}, {text}"
    return text


def _largest(fits: Callable[[int], bool], low: int, high: int) -> int:
    """The largest width from `low` to `high` that fits; `low` where none does."""
    if fits(high):
        return high
    best = low
    while low < high:
        middle = (low + high) // 2
        if fits(middle):
            best, low = middle, middle + 1
        else:
            high = middle
    return best


# Our own wording.


@dataclass(slots=True)
class _Field:
    """One field of the sentence in reading order: `at(width)` words it in that many characters."""

    name: str
    at: Callable[[int], str]
    lead: str = " "
    width: int = FREE_TEXT

    def __str__(self) -> str:
        return self.at(self.width)


# Which field gives way, in this order, and down to how many characters; 0 = it may go altogether.
_ONE = (("summary", 12), ("summary", 0), ("when", 0), ("where", 8), ("where", 0), ("what", 8))
_SEVERAL = (("what", 100), ("when", 0), ("what", 8))


def _built_in(notice: Notice, reader: Reader, max_parts: int) -> str:
    one = len(notice.incidents) == 1
    wording, steps = (_one, _ONE) if one else (_several, _SEVERAL)
    fields = wording(notice, reader, _as_told)
    if gsm.parts(_sentence(fields)) > max_parts:
        fields = wording(notice, reader, _without_port)
        _shrink(fields, steps, max_parts)
    return gsm.fit(_sentence(fields), max_parts)


def _sentence(fields: Iterable[_Field]) -> str:
    body = ""
    for field, words in ((field, str(field)) for field in fields):
        if words:
            body += (field.lead if body else "") + words
    return tidy(body)


def _shrink(fields: Sequence[_Field], steps: Iterable[tuple[str, int]], max_parts: int) -> None:
    by_name = {field.name: field for field in fields}
    for name, floor in steps:
        if gsm.parts(_sentence(fields)) <= max_parts:
            return
        if name in by_name:
            _narrow(by_name[name], floor, fields, max_parts)


def _narrow(field: _Field, floor: int, fields: Sequence[_Field], max_parts: int) -> None:
    """The widest `field` that makes the sentence fit; its floor where none does. At 0 it goes as a whole."""

    def fits(width: int) -> bool:
        field.width = width
        return gsm.parts(_sentence(fields)) <= max_parts

    widest = min(field.width, len(str(field)))
    field.width = _largest(fits, min(floor, widest), widest) if floor else 0


def _one(notice: Notice, reader: Reader, place: Callable[[str], str]) -> list[_Field]:
    told, words = notice.incidents[0], _words(reader)
    what, summary = _what_and_summary(told.alert, words, notice.status)
    where = place(_where(told.alert))
    return [
        *_head(notice),
        _clipped("what", what),
        _clipped("where", where),
        _clipped("summary", summary, lead=": " if what or where else " "),
        _fixed("hidden", _hidden(notice, words), lead=", "),
        *_tail(notice, reader, words),
    ]


def _several(notice: Notice, reader: Reader, place: Callable[[str], str]) -> list[_Field]:
    words = _words(reader)
    groups = _groups(notice, words, place)
    count = f"{min(len(notice.incidents), _MANY)}x"
    return [
        *_head(notice),
        _fixed("count", count if len(groups) == 1 else f"{count}:"),
        _Field("what", lambda width: _listing(groups, width)),
        _fixed("hidden", _hidden(notice, words), lead=", "),
        *_tail(notice, reader, words),
    ]


def _head(notice: Notice) -> list[_Field]:
    firing = notice.status is Status.FIRING
    worst = min((told.alert for told in notice.incidents), key=lambda alert: alert.severity.rank)
    severity = severity_word(worst) if firing else ""
    return [_fixed("status", "FIRING" if firing else "OK"), _fixed("severity", severity)]


def _tail(notice: Notice, reader: Reader, words: Words) -> list[_Field]:
    tag = one_line(notice.incidents[0].tag, 12)
    return [_fixed("when", _when(notice, reader, words)), _fixed("tag", f"#{tag}" if tag else "")]


def _fixed(name: str, text: str, lead: str = " ") -> _Field:
    return _Field(name, lambda width: text if width else "", lead)


def _clipped(name: str, text: str, lead: str = " ") -> _Field:
    return _Field(name, lambda width: gsm.clip(text, width), lead)


def _words(reader: Reader) -> Words:
    return WORDS.get(reader.language.lower()[:2], WORDS["en"])


def _hidden(notice: Notice, words: Words) -> str:
    return f"+{min(notice.hidden, _MANY)} {words.hidden}" if notice.hidden > 0 else ""


def _when(notice: Notice, reader: Reader, words: Words) -> str:
    begun = [begin for begin in map(since, notice.incidents) if begin]
    if notice.status is Status.FIRING:
        at = local(min(begun, default=None), zone_of(reader.timezone))
        return f"{words.since} {at:%H:%M}" if at else ""
    ends = [local(told.alert.ends_at, zone_of("UTC")) for told in notice.incidents]
    ended = [end for end in ends if end]
    known = len(begun) == len(ended) == len(notice.incidents)
    lasted = max(ended) - min(begun) if known else timedelta(-1)
    return f"{words.after} {_duration(lasted, words)}" if lasted >= timedelta(0) else ""


def _duration(lasted: timedelta, words: Words) -> str:
    minutes, hours = lasted.seconds // 60, lasted.seconds // 3600
    if lasted.days:
        return f"{lasted.days}{words.days}{hours}h" if hours else f"{lasted.days}{words.days}"
    if hours:
        return f"{hours}h{minutes % 60:02}m"
    return f"{minutes}m" if minutes else f"{lasted.seconds}s"


# What an alert is about.


def _first(values: Iterable[str]) -> str:
    return next(filter(None, map(one_line, values)), "")


def _where(alert: Alert) -> str:
    return _first(alert.labels.get(name, "") for name in _WHERE.split())


def _as_told(place: str) -> str:
    return place


def _without_port(place: str) -> str:
    port = _PORT.fullmatch(place)
    return port[1] if port and port[1] else place


def _summary(alert: Alert) -> str:
    names = _TEXTS.split()
    return _first(source.get(name, "") for source in (alert.annotations, alert.labels) for name in names)


def _what_and_summary(alert: Alert, words: Words, status: Status) -> tuple[str, str]:
    """What it is and what is said of it. An alert without a name is told by its text, else by its labels."""
    name, summary = one_line(alert.labels.get("alertname", "")), _summary(alert)
    if status is Status.RESOLVED:
        return (name or summary, "") if name or summary else (words.nameless, _labels(alert))
    if name or summary:
        return name, summary
    return words.nameless, _labels(alert)


def _labels(alert: Alert) -> str:
    pairs = (f"{name}={value}" for name, value in sorted(alert.labels.items()) if name != "severity")
    return one_line(" ".join(pair[:FREE_TEXT] for pair in pairs))


# Several in one text.


@dataclass(frozen=True, slots=True)
class _Group:
    """Alerts of one name: how many, and the places they are at, each once."""

    name: str
    count: int
    places: tuple[str, ...]


def _groups(notice: Notice, words: Words, place: Callable[[str], str]) -> list[_Group]:
    """The most urgent first, else in the order told."""
    members: dict[str, list[Told]] = {}
    for told in sorted(notice.incidents, key=lambda told: told.alert.severity.rank):
        members.setdefault(_title(told.alert, words), []).append(told)
    return [_Group(name, len(those), _places(those, place)) for name, those in members.items()]


def _title(alert: Alert, words: Words) -> str:
    what, summary = _what_and_summary(alert, words, Status.RESOLVED)
    return gsm.clip(f"{what} {summary}".strip(), 60)


def _places(members: Iterable[Told], place: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (place(_where(told.alert)) for told in members))))


def _listing(groups: Sequence[_Group], width: int) -> str:
    """As many places, then as many names as `width` allows; what is left out is told by its number."""
    most = min(max(len(group.places) for group in groups), _PLACES)
    named = min(len(groups), _GROUPS)
    attempts = [*((named, places) for places in range(most, 0, -1)), *((n, 0) for n in range(named, 0, -1))]
    for names, places in attempts:
        if len(listing := _named(groups, names, places)) <= width:
            return listing
    return gsm.clip(_named(groups, 1, 0), width)


def _named(groups: Sequence[_Group], names: int, places: int) -> str:
    if len(groups) == 1:
        return _with_places(groups[0].name, ": ", groups[0], places)
    told = [_with_places(f"{group.count} {group.name}", " ", group, places) for group in groups[:names]]
    left = sum(group.count for group in groups[names:])
    return "; ".join([*told, f"+{left}"] if left else told)


def _with_places(name: str, lead: str, group: _Group, places: int) -> str:
    left = len(group.places) - places
    shown = [*group.places[:places], *([f"+{left}"] if left > 0 else [])]
    return name + lead + ", ".join(shown) if places and group.places else name

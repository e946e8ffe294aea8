"""Time intervals by name, and whoever names them: routes, quiet hours, layers of a schedule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from sms_notify.alert import SeverityWords
from sms_notify.config.base_model import Model
from sms_notify.config.document import Place, Value
from sms_notify.config.references import check_unique, near
from sms_notify.config.validation import Found, entries, listed, mapping, routes, word
from sms_notify.config.values import AnyMatchers, OneOrMore, Words
from sms_notify.policy.holds import CRITICAL_PASSES, Quiet, Window
from sms_notify.policy.matchers import Matcher
from sms_notify.policy.time_interval_parser import interval_faults, parse_interval
from sms_notify.policy.time_intervals import TimeInterval

OF_ROUTES = ("mute_time_intervals", "active_time_intervals")


class TimeRange(Model):
    start_time: str = Field(description="such as 22:00")
    end_time: str = Field(description="not included; before start_time it means the next day")


class Interval(Model):
    """All that is written must hold; of one list, any entry."""

    times: list[TimeRange] = Field(default=[], description="times of the day")
    weekdays: list[str] = Field(default=[], description="monday, or monday:friday")
    days_of_month: list[int | str] = Field(default=[], description="1, 1:7, or -1 for the last day")
    months: list[int | str] = Field(default=[], description="january, 1, or march:may")
    years: list[int | str] = Field(default=[], description="2026, or 2026:2028")
    location: str = Field(default="UTC", description="the clock that counts, such as Europe/Amsterdam")


# `decide.interval_words` judges what stands there: the model is for editors
_Unjudged = PlainValidator(lambda written: written, json_schema_input_type=Interval)


class NamedInterval(Model):
    name: Words = Field(description="routes, quiet hours and layers use this name")
    time_intervals: Annotated[list[Annotated[Interval, _Unjudged]], Field(min_length=1)] = Field(
        description="one entry is enough; all keys of an entry must hold"
    )


class QuietSection(Model):
    during: OneOrMore = Field(description="names of time_intervals")
    unless: AnyMatchers | None = Field(
        default=None, description='each entry lets through what it matches; severity="critical" unless said'
    )
    then: Literal["digest"] = Field(default="digest", description="what was held is told in one text")


def check_windows(found: Found) -> None:
    """Reads every time interval into `found.windows`, and judges the names that are used."""
    check_unique(found, "time_intervals")
    names: dict[str, Place] = {}
    for index, entry in enumerate(entries(found.document.data.get("time_intervals"))):
        place: Place = ("time_intervals", index)
        name = word(mapping(entry).get("name"))
        read = tuple(_read_all(found, (*place, "time_intervals"), mapping(entry)))
        if name.strip():
            names.setdefault(name, place)
            found.windows.setdefault(name, Window(name, read))
    used: set[str] = set()
    for place, name in _uses(found.document.data):
        used.add(name)
        if name.strip() and name not in names:
            found.wrong(place, f"there is no time interval `{name}`", near(name, names, "time intervals"))
    _check_both(found)
    for name, place in names.items():
        if name not in used:
            advice = "name it in a route, a watch, quiet hours or a layer, or remove it"
            found.warn((*place, "name"), f"nothing uses `{name}`", advice)


def _check_both(found: Found) -> None:
    """What is muted and active at once lets nothing pass while it lasts, by whatever name it goes."""
    muted, opened = OF_ROUTES
    for place, node in routes(found.document.data):
        active = [word(name) for name in listed(node.get(opened))]
        for at, name in _names((*place, muted), node.get(muted)):
            same = [other for other in active if other == name or _alike(found, other, name)]
            if same and name.strip():
                by = "" if name in same else f" as `{same[0]}`"
                what = (
                    f"`{name}` stands in `{opened}`, too{by}: muted and active at once, it lets nothing pass"
                )
                found.warn(at, what, "keep it in one of the two")


def _alike(found: Found, one: str, other: str) -> bool:
    windows = [found.windows.get(name) for name in (one, other)]
    return all(window is not None and window.intervals for window in windows) and (
        found.windows[one].intervals == found.windows[other].intervals
    )


def _read_all(found: Found, place: Place, entry: dict[str, Value]) -> Iterator[TimeInterval]:
    for index, value in enumerate(entries(entry.get("time_intervals"))):
        written: Mapping[str, object] = mapping(value)
        faults = interval_faults(written)
        for fault in faults:
            found.wrong((*place, index, *fault.path), fault.what, fault.advice)
        if not isinstance(value, dict) and value is not None:
            found.wrong((*place, index), "must be a mapping", "write `key: value` lines below it")
        elif not faults:
            yield parse_interval(written)


def _uses(data: dict[str, Value]) -> Iterator[tuple[Place, str]]:
    """Every name of a time interval that something names; the root's have a fault of their own."""
    for place, node in routes(data):
        for key in OF_ROUTES if len(place) > 1 else ():
            yield from _names((*place, key), node.get(key))
    for index, receiver in enumerate(entries(data.get("receivers"))):
        yield from _quiet(("receivers", index), receiver)
    for index, watch in enumerate(entries(data.get("watch"))):
        muted = OF_ROUTES[0]
        yield from _names(("watch", index, muted), mapping(watch).get(muted))
    for name, person in mapping(data.get("people")).items():
        yield from _quiet(("people", name), person)
    for name, schedule in mapping(data.get("schedules")).items():
        for index, layer in enumerate(entries(mapping(schedule).get("layers"))):
            yield from _names(("schedules", name, "layers", index, "during"), mapping(layer).get("during"))


def _quiet(place: Place, entry: Value) -> Iterator[tuple[Place, str]]:
    yield from _names((*place, "quiet", "during"), mapping(mapping(entry).get("quiet")).get("during"))


def _names(place: Place, value: Value) -> Iterator[tuple[Place, str]]:
    for index, name in enumerate(listed(value)):
        yield (place if isinstance(value, str) else (*place, index)), word(name)


def windows_of(names: list[str], found: Found) -> tuple[Window, ...]:
    return tuple(found.windows[name] for name in dict.fromkeys(names))


def quiet_of(written: QuietSection | None, found: Found) -> Quiet | None:
    if written is None:
        return None
    during, words = windows_of(written.during, found), found.severities
    if written.unless is None:
        return Quiet(during, seeing_all(CRITICAL_PASSES, words))
    return Quiet(during, seeing_all(written.unless, words))


def seeing_all(
    written: Iterable[tuple[Matcher, ...]], words: SeverityWords
) -> tuple[tuple[Matcher, ...], ...]:
    return tuple(tuple(matcher.seeing(words) for matcher in together) for together in written)

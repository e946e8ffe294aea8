"""The repetitions of an entry with the changes of single ones, which share its UID.

The library that computes repetitions compares days, times of zones and times without one by rules of its own, and loses some.
So it is given one kind, what the clock on the wall of the series' own zone shows, and the zone is put back afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sms_notify.oncall.calendar_entries import all_of, first
from sms_notify.oncall.calendar_fetch import CalendarError
from sms_notify.oncall.calendar_library import repetitions, rule_until, time_list, time_value
from sms_notify.oncall.calendar_times import Clocks, Dates, Length, Span, length_of, span_of, values_of

_LONGEST_SERIES, _LONGEST_SHIFT = timedelta(days=36_525), timedelta(days=366)
_MARGIN = timedelta(days=2)  # clocks on a wall are up to 14 hours from UTC
_DAY_ENDS = time(23, 59, 59)
_OFTEN = {"HOURLY", "MINUTELY", "SECONDLY"}
_MOST_A_DAY = 24
_REPEATS = ("RRULE", "RDATE", "EXRULE")
_LENGTH = "X-SMS-NOTIFY-LENGTH"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An entry at one time. `source` is what stands in the file."""

    event: Any
    source: Any
    span: Span


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """An entry that counts for nobody, and a clause about it that says why."""

    source: Any
    why: str


def occurrences(events: Sequence[Any], clocks: Clocks, span: Span) -> Iterator[Occurrence | NotUnderstood]:
    """All that happens in `span` of the entries with one UID; a repetition or two outside of it may be there, too."""
    kept, older = _versions(events)
    yield from (NotUnderstood(event, "there is a newer version of it (SEQUENCE)") for event in older)
    series = [event for event in kept if "RECURRENCE-ID" not in event]
    changes = [event for event in kept if "RECURRENCE-ID" in event]
    onward = [change for change in changes if _range(change) == "THISANDFUTURE"] if series else []
    single = [change for change in changes if change not in onward]
    for event in series:
        yield from _tried(event, lambda one: _Series(one, clocks, span).expanded(onward, single))
    for change in single:
        if not any(_removed(change, event, clocks, span) for event in series):
            yield from _tried(change, lambda one: _alone(one, clocks))


def _tried(event: Any, read: Callable[[Any], Iterator[Occurrence]]) -> Sequence[Occurrence | NotUnderstood]:
    """A broken entry spoils no other."""
    try:
        return list(read(event))
    except CalendarError as error:
        return [NotUnderstood(event, str(error))]
    except Exception:  # noqa: BLE001 - a calendar is typed by people, and the library raises many kinds
        return [NotUnderstood(event, "it cannot be read")]


def _alone(event: Any, clocks: Clocks) -> Iterator[Occurrence]:
    if _range(event) not in ("", "THISANDFUTURE"):
        raise CalendarError(f"it changes a range of repetitions that is not understood: {_range(event)}")
    yield Occurrence(event, event, span_of(event, clocks))


def _range(event: Any) -> str:
    return str(event["RECURRENCE-ID"].params.get("RANGE", "")).upper() if "RECURRENCE-ID" in event else ""


def _removed(change: Any, event: Any, clocks: Clocks, span: Span) -> bool:
    """Whether the repetition that `change` is about was removed: some programs keep the change."""
    try:
        return _Series(event, clocks, span).leaves_out(change)
    except Exception:  # noqa: BLE001 - as above; whichever is broken is reported by itself
        return False


def _versions(events: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """What counts, and what a later version (SEQUENCE) replaces. Two of one version are two entries, and both count."""
    newest: dict[object, int] = {}
    for event in events:
        newest[_which(event)] = max(newest.get(_which(event), 0), _version(event))
    kept = [event for event in events if _version(event) == newest[_which(event)]]
    return kept, [event for event in events if _version(event) < newest[_which(event)]]


def _version(event: Any) -> int:
    written = first(event, "SEQUENCE").strip()
    return int(written) if written.isdecimal() else 0


def _which(event: Any) -> object:
    """Of which repetition an entry speaks; None for the series itself."""
    if "RECURRENCE-ID" not in event:
        return None
    value = getattr(event["RECURRENCE-ID"], "dt", None)
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


class _Series:
    """An entry that may repeat, on the clock of the zone in which it is written."""

    def __init__(self, event: Any, clocks: Clocks, span: Span) -> None:
        self._event, self._clocks = event, clocks
        self._first, self._last = span[0] - _MARGIN, span[1] + _MARGIN
        begins: Dates = event["DTSTART"].dt
        self._zone = clocks.zone_of(begins)
        self._start: Dates = clocks.wall(begins, self._zone)

    def leaves_out(self, change: Any) -> bool:
        left_out, when = self._left_out(), self._like(change["RECURRENCE-ID"].dt)
        return when in left_out or _day(when) in left_out

    def expanded(self, onward: Sequence[Any], single: Sequence[Any]) -> Iterator[Occurrence]:
        """Every repetition but those that `single` are about; `onward` change all from one on."""
        if not (onward or single or any(name in self._event for name in _REPEATS)):
            yield from _alone(self._event, self._clocks)
            return
        _check_rules(self._event)
        self._check_length()
        series = self._on_the_wall(self._event)
        changed = [self._like(change["RECURRENCE-ID"].dt) for change in single]
        series["EXDATE"] = time_list([*self._left_out(), *changed])
        edges = (edge.replace(tzinfo=None) for edge in (self._first, self._last))
        for event in repetitions([series, *map(self._on_the_wall, onward)], *edges):
            begins, ends = self._span(event)
            if begins < ends:  # not in the hour that spring leaves out
                yield Occurrence(event, self._event, (begins, ends))

    def _check_length(self) -> None:
        """Raises CalendarError for what would be worked out for minutes: thousands of repetitions, or one over the other."""
        begins, ends = span_of(self._event, self._clocks)
        if begins < self._first - _LONGEST_SERIES:
            raise CalendarError("it has repeated for more than a hundred years")
        if ends - begins > _LONGEST_SHIFT:
            raise CalendarError("it repeats, and lasts longer than a year each time")

    def _on_the_wall(self, event: Any) -> Any:
        """A copy with the times that the series' clock shows."""
        copy, length = event.copy(), length_of(event)
        start, ends = self._wall(event["DTSTART"].dt), self._wall(span_of(event, self._clocks)[1])
        if length is not None:
            copy[_LENGTH], ends = length, start + length.on_the_wall
            del copy["DURATION"]
        copy["DTSTART"] = time_value(start)
        copy["DTEND"] = time_value(ends if isinstance(start, datetime) else _day(ends))
        if "RECURRENCE-ID" in copy:
            copy["RECURRENCE-ID"] = time_value(self._like(event["RECURRENCE-ID"].dt), RANGE="THISANDFUTURE")
        if "RDATE" in copy:
            copy["RDATE"] = time_list(self._like(value) for value in values_of(event, "RDATE"))
        if "RRULE" in copy:
            copy["RRULE"] = [self._ending(rule) for rule in all_of(event, "RRULE")]
        return copy

    def _ending(self, rule: Any) -> Any:
        until = [self._until(value) for value in rule.get("UNTIL", ())]
        if any(value < self._start for value in until):
            raise CalendarError("its repetitions end before it begins")
        return rule_until(rule, until[0]) if until else rule

    def _until(self, value: Dates) -> Dates:
        """RFC 5545, 3.3.10, has it be of the kind of DTSTART; where it is not, the last day that is named counts."""
        if isinstance(self._start, datetime) and not isinstance(value, datetime):
            return datetime.combine(value, _DAY_ENDS)
        found: Dates = self._like(value)
        return found

    def _left_out(self) -> list[Dates]:
        """A day leaves out all of that day."""
        timed = isinstance(self._start, datetime)
        written = values_of(self._event, "EXDATE")
        return [one if timed and not isinstance(one, datetime) else self._like(one) for one in written]

    def _like(self, value: Any) -> Any:
        """What a time of this series says, as the kind that DTSTART is: a day, or a time on its clock."""
        if isinstance(value, tuple):
            return tuple(each if isinstance(each, timedelta) else self._wall(each) for each in value)
        if not isinstance(self._start, datetime):
            return _day(value if _is_midnight(value) else self._wall(value))
        return (
            self._wall(value) if isinstance(value, datetime) else datetime.combine(value, self._start.time())
        )

    def _wall(self, value: Dates) -> Dates:
        """What the series' clock shows; a time without a zone is by that clock already."""
        floats = isinstance(value, datetime) and value.tzinfo is None
        return value if floats else self._clocks.wall(value, self._zone)

    def _span(self, event: Any) -> Span:
        begins, ends, clocks = (
            event["DTSTART"].dt,
            event["DTEND"].dt,
            replace(self._clocks, floating=self._zone),
        )
        length: Length | None = event.get(_LENGTH)
        if length is not None and ends - begins == length.on_the_wall:
            return clocks.instant(begins), length.after(begins, clocks)
        return clocks.instant(begins), clocks.instant(ends)


def _day(value: Dates) -> date:
    return value.date() if isinstance(value, datetime) else value


def _is_midnight(value: Dates) -> bool:
    """Whether it is a day that some program wrote as a time, in UTC or not."""
    return not isinstance(value, datetime) or value.time() == time(0)


def _check_rules(event: Any) -> None:
    """Raises CalendarError for what the library would leave out without a word, or work on for hours."""
    if "EXRULE" in event:
        raise CalendarError("it leaves repetitions out by EXRULE, which is not understood: use EXDATE")
    for rule in all_of(event, "RRULE"):
        a_day = [len(rule.get(part, ["once"])) for part in ("BYHOUR", "BYMINUTE", "BYSECOND")]
        often = _OFTEN & {str(freq).upper() for freq in rule.get("FREQ", ())}
        if often or a_day[0] * a_day[1] * a_day[2] > _MOST_A_DAY:
            raise CalendarError("it repeats too often for a shift")
        if any(int(number) < 1 for part in ("INTERVAL", "COUNT") for number in rule.get(part, ())):
            raise CalendarError("its INTERVAL or COUNT is less than 1")

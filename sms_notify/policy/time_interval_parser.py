"""Reads time intervals as they are written: Alertmanager's `time_intervals` grammar.

What is read here means what Alertmanager means by it, and more is read: a time range over midnight (a night, which
belongs to the day on which it begins), a range that only longer months have (`28:-1`), blanks around a word. Refused, because
they cannot be meant: an empty list, the zone `Local`, months beyond 12, years that are not of four digits.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, partial
from typing import TypeAlias
from zoneinfo import available_timezones

from sms_notify.policy.time_intervals import TimeInterval

_Ranges: TypeAlias = tuple[tuple[int, int], ...]

_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_SHORT_TIME = re.compile(r"[0-9]:[0-5][0-9]")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_MIDNIGHT = 24 * 60
_TIME_KEYS = ("start_time", "end_time")
_HABITS = dict.fromkeys(("timezone", "time_zone", "tz", "zone"), "location")
_A_ZONE = "write an IANA name such as Europe/Amsterdam"


class IntervalError(ValueError):
    """One mistake: where in the interval (`("times", 0, "end_time")`), what is wrong, what to do."""

    def __init__(self, what: str, advice: str, path: tuple[str | int, ...] = ()) -> None:
        self.path = path
        self.what = what
        self.advice = advice
        super().__init__(f"{what} ({advice})")

    def under(self, *place: str | int) -> IntervalError:
        return IntervalError(self.what, self.advice, (*place, *self.path))


def parse_interval(value: Mapping[str, object]) -> TimeInterval:
    """One entry of a `time_intervals` list: texts (or whole numbers), lists and mappings. Raises IntervalError."""
    reader = _Reader(value)
    interval = reader.read()
    if reader.faults:
        raise reader.faults[0]
    return interval


def interval_faults(value: Mapping[str, object]) -> tuple[IntervalError, ...]:
    """Every mistake in it, where `parse_interval` raises but one; empty = it can be read."""
    reader = _Reader(value)
    reader.read()
    return tuple(reader.faults)


class _Reader:
    """Gathers what is wrong, so that one look at a configuration tells it all."""

    def __init__(self, value: object) -> None:
        self.faults: list[IntervalError] = []
        self.value: Mapping[str, object] = {}
        if isinstance(value, Mapping):
            self.value = value
        else:
            self.faults.append(IntervalError("must be a mapping", "write `key: value` lines below it"))

    def read(self) -> TimeInterval:
        self.faults += _unknown_keys(self.value, [field.name for field in fields(TimeInterval)])
        return TimeInterval(
            times=self._each("times", _times),
            weekdays=self._each("weekdays", partial(_range, _WEEKDAY)),
            days_of_month=self._each("days_of_month", partial(_range, _DAY)),
            months=self._each("months", partial(_range, _MONTH)),
            years=self._each("years", partial(_range, _YEAR)),
            location=self._location(),
        )

    def _each(self, key: str, read: Callable[[object], _Ranges]) -> _Ranges:
        found: list[tuple[int, int]] = []
        for index, entry in enumerate(self._entries(key)):
            try:
                found += read(entry)
            except IntervalError as error:
                self.faults.append(error.under(key, index))
        return tuple(found)

    def _entries(self, key: str) -> Sequence[object]:
        entries = self.value.get(key, ())
        if entries is None:
            self.faults.append(_empty().under(key))
        elif not isinstance(entries, list | tuple):
            fault = IntervalError("must be a list", "write `- entry` lines below it, or [a, b]")
            self.faults.append(fault.under(key))
        elif key in self.value and not entries:
            # Alertmanager takes it for no time at all, which reads like every time.
            fault = IntervalError("is empty", "give at least one entry, or remove the key")
            self.faults.append(fault.under(key))
        else:
            return entries
        return ()

    def _location(self) -> str:
        try:
            return _zone(_text(self.value.get("location", "UTC")))
        except IntervalError as error:
            self.faults.append(error.under("location"))
            return "UTC"


def _unknown_keys(value: Mapping[str, object], known: Sequence[str]) -> Iterable[IntervalError]:
    for key in value:
        if key not in known:
            near = [_HABITS[key]] if key in _HABITS else difflib.get_close_matches(key, known, 1, cutoff=0.5)
            meant = [name for name in near if name in known]
            advice = f"did you mean `{meant[0]}`?" if meant else f"known here: {', '.join(known)}"
            yield IntervalError("is not a known key", advice, (key,))


def _empty() -> IntervalError:
    return IntervalError("is empty", "give a value, or remove the key")


def _text(value: object) -> str:
    if value is None:
        raise _empty()
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise IntervalError("must be a text", "give one value")
    if not str(value).strip():
        raise _empty()
    return str(value).strip()


@cache
def _zones() -> frozenset[str]:
    """Read from the disk once: 10 ms each time."""
    return frozenset(available_timezones())


def _zone(text: str) -> str:
    if text.lower() in ("local", "localtime"):
        # The same file would mean another time on another machine, and nobody sees which.
        raise IntervalError(f"`{text}` is whatever the machine is set to", _A_ZONE)
    known = _zones()
    if text in known:
        return text
    near = difflib.get_close_matches(text, sorted(known), 1)
    raise IntervalError(f"`{text}` is not a time zone", f"did you mean `{near[0]}`?" if near else _A_ZONE)


def _times(entry: object) -> _Ranges:
    """One range; where it runs over midnight, its end counts on past 24:00."""
    if not isinstance(entry, Mapping):
        raise IntervalError("must be a mapping", 'write {start_time: "22:00", end_time: "24:00"}')
    for fault in _unknown_keys(entry, _TIME_KEYS):
        raise fault
    start, end = (_time(entry, key) for key in _TIME_KEYS)
    if start == _MIDNIGHT:
        raise IntervalError("no day begins at `24:00`", "write 00:00", ("start_time",))
    if start == end:
        advice = "for the whole day write 00:00 and 24:00"
        raise IntervalError("is the same as `start_time`, so nothing lies between", advice, ("end_time",))
    return ((start, end if start < end else end + _MIDNIGHT),)


def _time(entry: Mapping[str, object], key: str) -> int:
    if key not in entry:
        raise IntervalError(f"`{key}` is missing", "add it")
    try:
        text = _text(entry[key])
    except IntervalError as error:
        raise error.under(key) from None
    if not _TIME.fullmatch(text):
        written = f"`0{text}`" if _SHORT_TIME.fullmatch(text) else "it as HH:MM, from 00:00 to 24:00"
        raise IntervalError(f"`{text}` is not a time of day", f"write {written}", (key,))
    return int(text[:2]) * 60 + int(text[3:])


@dataclass(frozen=True, slots=True)
class _Kind:
    """What one field's ranges are made of. `names` count from `lowest`."""

    noun: str
    lowest: int
    highest: int
    advice: str
    names: tuple[str, ...] = ()
    numbers: bool = True
    turn: str = ""  # where names begin anew, and so where a range cannot run on

    def member(self, word: str) -> int | None:
        if word in self.names:
            return self.names.index(word) + self.lowest
        number = int(word) if self.numbers and _NUMBER.fullmatch(word) else None
        return number if number is not None and self.lowest <= number <= self.highest else None

    def spell(self, first: int, last: int) -> str:
        words = [self.names[n - self.lowest] if self.names else str(n) for n in (first, last)]
        return f"`{words[0]}`" if first == last else f"`{':'.join(words)}`"


_WEEKDAY = _Kind(
    "weekday", 0, 6, "write its name, such as `monday`", _WEEKDAYS, False, "a week begins on sunday"
)
_MONTH = _Kind("month", 1, 12, "write its name or 1 to 12", _MONTHS, turn="a year begins in january")
_YEAR = _Kind("year", 1000, 9999, "write four digits, such as 2026")
_DAY = _Kind("day of the month", -31, 31, "write 1 to 31, or -1 (the last) to -31")


def _range(kind: _Kind, entry: object) -> _Ranges:
    text = _text(entry)
    words = [word.strip() for word in text.lower().split(":")]
    if len(words) > 2 or not all(words):
        raise IntervalError(f"`{text}` is not a range", "write one colon between two ends, or a single word")
    first, last = (_member(kind, word) for word in (words[0], words[-1]))
    if kind is _DAY:
        _check_days(text, first, last)
    elif first > last:
        parts = [(first, kind.highest), (kind.lowest, last)] if kind.turn else [(last, first)]
        advice = f"write {' and '.join(kind.spell(*part) for part in parts)}"
        raise _backwards(text, f"{kind.turn}: {advice}" if kind.turn else advice)
    return ((first, last),)


def _backwards(text: str, advice: str) -> IntervalError:
    return IntervalError(f"`{text}` runs backwards", advice)


def _check_days(text: str, first: int, last: int) -> None:
    """Refuses what no month has; the longest one decides."""
    if first < 0 < last:
        advice = f"write {_DAY.spell(first, -1)} and {_DAY.spell(1, last)}"
        raise IntervalError(f"`{text}` runs over the end of the month", advice)
    if last < 0 < first and first > 32 + last:
        raise _backwards(text, f"{last} is day {32 + last} at the latest")
    if first * last > 0 and first > last:
        raise _backwards(text, f"write {_DAY.spell(last, first)}")


def _member(kind: _Kind, word: str) -> int:
    number = kind.member(word)
    if number is None or (kind is _DAY and number == 0):
        raise IntervalError(f"`{word}` is not a {kind.noun}", _meant(kind, word))
    return number


def _meant(kind: _Kind, word: str) -> str:
    if "," in word:
        return "write each as an entry of its own"
    first, dash, last = word[1:].partition("-")
    if dash:
        return f"a range is written with a colon: `{word[0]}{first}:{last}`"
    begun = [name for name in kind.names if len(word) > 1 and name.startswith(word)]
    near = begun or difflib.get_close_matches(word, kind.names, 1)
    return f"did you mean `{near[0]}`?" if near else kind.advice

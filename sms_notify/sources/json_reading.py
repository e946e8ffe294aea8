"""JSON with faults: everything in it that can be read, and of the rest what it was and why not.

A request often holds the alerts of many, and its sender does not repeat one that was refused. So a fault costs the one
alert that has it, never its neighbours. What can be told without a guess is told:

- bytes that are not UTF-8, and halves of a surrogate pair, are kept apart until they are stored as U+FFFD, so that two
  alerts that differ in such a byte alone stay two;
- NaN, Infinity and numbers that no double holds are their own text;
- control characters in a text are themselves, and a backslash that escapes nothing is a backslash;
- a comma before a closing bracket is none.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from sms_notify.alert import Unread
from sms_notify.errors import ParseError
from sms_notify.sources.input_limits import MAX_ALERTS

_BETWEEN = re.compile(r"[\s,]*")
# A text ends with its line at the latest: a quote that is missing spoils no other line.
_TOKEN = re.compile(r'"(?:[^"\\\n]++|\\.)*+"?|[{}\[\]]')
_TEXT_OR_COMMA = re.compile(r'"(?:[^"\\]++|\\.)*+"?|,(?=\s*+[}\]])', re.DOTALL)
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|\\')
# A text that ends so began where another one ended: a quote is missing.
_LEAKED = re.compile(r'[}\]]\s*,\s*\{\s*"$')
# An object that is neither a field's value nor the first entry of a list within one.
_OBJECT = re.compile(r'(?:\n|[^\s:\[{]\s*+)(?=\{\s*")')
_AFTER = re.compile(r"\s*(?:[,\]\n}]|$)")
_ALERTS = re.compile(r'(?<!\\)"alerts"\s*:\s*\[')
_PAIRS = {"}": "{", "]": "["}
# Characters that are looked at first: most values are shorter, and a failure within costs no more than that.
_PIECES = (2_048, 65_536)
_CUT = 32  # so near the end of a piece, a fault may be the cut's
# Characters that may be read again in search of the next alert, so that a hostile body costs a second at most.
_READ_AGAIN = 10_000_000
_ATTEMPT = 500  # what one attempt to read costs, in characters
_PLACES = 100  # faults whose place is told; finding it costs as much as reading all before it


def read(body: bytes) -> tuple[Any, tuple[Unread, ...]]:
    """The JSON value (RFC 8259), and what in it could not be read. Raises ParseError where that is all of it.

    Several values one after another, one a line for example, are a list of them.
    """
    try:
        return orjson.loads(body), ()
    except orjson.JSONDecodeError as error:
        return _read_leniently(body, error)


def _read_leniently(body: bytes, error: orjson.JSONDecodeError) -> tuple[Any, tuple[Unread, ...]]:
    text = _decoded(body)
    try:
        return _DECODER.decode(text), ()
    except (ValueError, RecursionError):
        pass
    reading = _Reading(text)
    reading.sequence(0)
    if not any(isinstance(value, dict) for value in reading.values):
        raise ParseError(f"the body is not JSON: {error}")
    alone = len(reading.values) == 1 and not text.lstrip().startswith("[")
    return reading.values[0] if alone else reading.values, tuple(reading.unread)


def _decoded(body: bytes) -> str:
    encoding = json.detect_encoding(body)
    return body.decode(encoding, "surrogateescape" if encoding.startswith("utf-8") else "replace")


def _number(digits: str) -> Any:
    """As it is read where the body has no fault."""
    try:
        return orjson.loads(digits)
    except orjson.JSONDecodeError:
        return digits


_DECODER = json.JSONDecoder(strict=False, parse_constant=str, parse_int=_number, parse_float=_number)


@dataclass(slots=True)
class _Reading:
    """Takes the values of a text one by one. `count` of them have been met, read or not; `fault` is the last one's, and
    where it is.
    """

    text: str
    values: list[Any] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    count: int = 0
    read_again: int = 0
    fault: tuple[str, int] = ("", 0)

    @property
    def tired(self) -> bool:
        return self.read_again > _READ_AGAIN + 2 * len(self.text)

    def sequence(self, at: int) -> None:
        """Values one after another; a list among them counts as its entries."""
        while (at := self._between(at)) < len(self.text):
            value, end = self._value(at)
            if end > at:
                self._found(*(value if isinstance(value, list) else [value]))
                at = end
            elif self.text[at] == "[":
                at = self._entries(at + 1) + 1
            elif self.count == 0 and (alerts := _ALERTS.search(self.text, at)):
                at = self._object_with_alerts(at, alerts.end())
            else:
                at = self._faulty(at)

    def _entries(self, at: int) -> int:
        """The entries of a list with a fault; returns where it is closed."""
        while (at := self._between(at)) < len(self.text) and self.text[at] != "]":
            value, end = self._value(at)
            if end > at:
                self._found(value)
            at = end if end > at else self._faulty(at)
        return at

    def _object_with_alerts(self, at: int, first: int) -> int:
        """An object whose list `alerts` has faults; what stands beside the list counts where it can be read."""
        inner = _Reading(self.text)
        closed = inner._entries(first)
        if not inner.values:
            return self._faulty(at)
        hidden = closed >= len(self.text)  # the last entry's fault, or a cut, hides where the list ends
        if hidden:
            closed = max(self.text.rfind("]", first), first)
        end = len(self.text) if hidden else _end_of_object(self.text, closed + 1)
        self._found({**self._beside(at, first, closed, end), "alerts": inner.values})
        self.unread += inner.unread
        return end

    def _beside(self, at: int, first: int, closed: int, end: int) -> dict[str, Any]:
        """What an object says beside its list, which is closed at `closed`."""
        head = self.text[at:first]
        for told in (f"{head}{self.text[closed:end]}", f"{head}]}}"):
            rest = _decoded_or_none(_mended(told))
            if isinstance(rest, dict):
                return rest
        return {}

    def _between(self, at: int) -> int:
        """Where the next value begins."""
        if self.count > MAX_ALERTS:
            raise ParseError(f"more alerts in one body than are taken, at most {MAX_ALERTS}")
        match = _BETWEEN.match(self.text, at)
        return match.end() if match else at

    def _found(self, *values: Any) -> None:
        self.values += values
        self.count += len(values)

    def _value(self, at: int) -> tuple[Any, int]:
        """What stands at `at`, and where it ends: at `at` where it cannot be read."""
        for size in (*_PIECES, len(self.text)):
            piece = self.text[at : at + size]
            try:
                value, end = _DECODER.raw_decode(piece)
            except json.JSONDecodeError as error:
                self.fault = (error.msg, at + error.pos)
                if len(piece) < size or not _may_be_cut(error, piece):
                    break
            except (ValueError, RecursionError):
                self.fault = ("nested too deeply", at)
                self.read_again += size
                break
            else:
                if end < len(piece) or at + end == len(self.text):
                    return value, at + end
            self.read_again += len(piece)
        self.read_again += _ATTEMPT
        return None, at

    def _faulty(self, at: int) -> int:
        """Mends what stands at `at`, or puts it aside; returns where it ends."""
        why = self._why_not()
        end = self._end_of_faulty(at)
        raw = self.text[at:end]
        mended = _decoded_or_none(_mended(raw))
        if mended is None:
            self.count += 1
            named = f"alert {self.count} is not JSON: {why}"
            self.unread.append(Unread(named, raw.strip(", \t\r\n").encode("utf-8", "surrogateescape")))
        else:
            self._found(mended)
        return end

    def _why_not(self) -> str:
        """Quotes nothing: it may be a secret."""
        what, at = self.fault
        if len(self.unread) >= _PLACES:
            return what
        line, column = self.text.count("\n", 0, at) + 1, at - self.text.rfind("\n", 0, at)
        return f"{what}: line {line} column {column}"

    def _end_of_faulty(self, at: int) -> int:
        """Where its own brackets close; where they do not, where an object begins that can be read."""
        if self.tired:
            return len(self.text)
        closed = _closing(self.text, at) if self.text[at] in "{[" else None
        if closed is None:
            self.read_again += len(self.text) - at
        return closed or self._next_object(at + 1)

    def _next_object(self, at: int) -> int:
        for match in _OBJECT.finditer(self.text, at):
            value, end = self._value(match.end())
            if isinstance(value, dict) and _AFTER.match(self.text, end):
                return match.end()
            if self.tired:
                break
        return len(self.text)


def _may_be_cut(error: json.JSONDecodeError, piece: str) -> bool:
    return error.msg.startswith("Unterminated string") or error.pos > len(piece) - _CUT


def _decoded_or_none(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def _closing(text: str, at: int) -> int | None:
    """Where what opens at `at` closes; None where its brackets or quotes do not fit."""
    open_: list[str] = []
    for token in _TOKEN.finditer(text, at):
        word = token[0]
        if word[0] == '"':
            if _LEAKED.search(word):
                return None
        elif word in _PAIRS:
            if open_.pop() != _PAIRS[word]:
                return None
            if not open_:
                return token.end()
        else:
            open_.append(word)
    return None


def _end_of_object(text: str, at: int) -> int:
    """Where the object closes that is open at `at`."""
    depth = 1
    for token in _TOKEN.finditer(text, at):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return len(text)


def _mended(text: str) -> str:
    """Without commas before closing brackets and with every backslash that escapes nothing doubled."""
    return _TEXT_OR_COMMA.sub(lambda found: _ESCAPE.sub(_escaped, found[0]) if found[0] != "," else "", text)


def _escaped(found: re.Match[str]) -> str:
    return found[0] if len(found[0]) > 1 else r"\\"

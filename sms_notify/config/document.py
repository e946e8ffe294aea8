"""One YAML file as plain texts, lists and mappings, with the line of everything.

YAML 1.1 guesses types: `22:00` becomes 1320, `+31612345678` loses its plus, `NO` turns false, `0612345670`
becomes octal. So nothing is guessed here: every scalar arrives as the text that was written, and the models,
which know what a key means, make numbers and booleans of it. Only an unquoted `~`, `null` or nothing is
None.

Anchors, aliases and merge keys (`<<`) share blocks. A fault in a shared block is at the line where it is written. What
aliases stand for is bounded: a few lines of them can mean more values than a machine has memory.

The tree is built from events and not by `compose()`: libyaml's recursion in `compose()` ends in a segmentation
fault for 100,000 nested brackets, and its flow scanner takes quadratic time; here reading stops at depth 32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import yaml

from sms_notify.errors import ConfigError, Fault
from sms_notify.ownership import why_denied

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"
Place: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 1024 * 1024
_MAX_DEPTH = 32
_MAX_SHARED = 20_000  # values that aliases stand for
_MERGE = "<<"
_PRIVATE = "x-"  # how a top-level key begins that only holds blocks to be shared, as in compose files
_PLAIN_TAGS = (None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
_NULLS = ("", "~", "null", "Null", "NULL")
_UTF8 = "save it as UTF-8 text"


def spell(place: Place) -> str:
    """How a person names a place: `gateways[0].password`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(slots=True)
class Document:
    """What the file says. `lines` has the line, from 1, of every key, and of every entry of a list; `blocks` the line
    before the first of a text that is written as a block (`key: |`).

    What stands at `unread` is not what was meant and has its fault already: nothing more is said about it.
    """

    file: str
    data: dict[str, Value] = field(default_factory=dict)
    lines: dict[Place, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unread: set[Place] = field(default_factory=set)
    blocks: dict[Place, int] = field(default_factory=dict)

    def fault(self, place: Place, what: str, advice: str = "") -> Fault:
        """A fault at `place`, or at the nearest thing above it that the file has."""
        known = place
        while known and known not in self.lines:
            known = known[:-1]
        return Fault(self.file, self.lines.get(known, 0), spell(place), what, advice)

    def walk(self) -> Iterator[tuple[Place, Value]]:
        """Every value with its place, the whole first."""
        return _walk(self.data, ())


def _walk(value: Value, place: Place) -> Iterator[tuple[Place, Value]]:
    yield place, value
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _walk(below, (*place, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _walk(below, (*place, index))


def read_document(path: Path) -> Document:
    """Reads `path`. Raises ConfigError where it is not YAML at all; lesser faults are in `faults`."""
    return parse_document(_text_of(path), str(path))


def _text_of(path: Path) -> str:
    file = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason, advice = why_denied(path, error), "check the path and who may read it"
        raise ConfigError([Fault(file, 0, "", f"cannot be read: {reason}", advice)]) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(
            [Fault(file, 0, "", "is larger than 1 MiB", "this does not look like a configuration")]
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([Fault(file, line, "", "is not UTF-8", _UTF8)]) from None


def parse_document(text: str, file: str) -> Document:
    """Parses `text`; `file` is only for the messages. Raises ConfigError as `read_document` does."""
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ConfigError([Fault(file, line, "", "holds a NUL character", _UTF8)])
    document = Document(file)
    try:
        _Builder(document, text).build()
    except yaml.YAMLError as error:
        raise ConfigError([_syntax(error, text, file)]) from None
    except UnicodeEncodeError:
        raise ConfigError([Fault(file, 0, "", "holds half a surrogate pair", _UTF8)]) from None
    return document


def _syntax(error: yaml.YAMLError, text: str, file: str) -> Fault:
    """Only libyaml's own words: they quote nothing of the file, which may be a password."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        position = getattr(error, "position", 0) or 0
        line = text.count("\n", 0, position) + 1
        return Fault(
            file, line, "", "holds a control character", "remove it; only tabs and line ends are text"
        )
    line = min(mark.line, text.count("\n")) + 1
    problem = getattr(error, "problem", None) or "cannot be read as YAML"
    return Fault(file, line, "", f"is not YAML: {problem}", _syntax_advice(problem, text, mark.line))


def _syntax_advice(problem: str, text: str, index: int) -> str:
    lines = text.split("\n")
    line = lines[index] if index < len(lines) else ""
    if "tab" in problem or ("cannot start any token" in problem and line.lstrip(" ").startswith("\t")):
        return "indent with spaces, not with tabs"
    if "cannot start any token" in problem:
        return "put the value in double quotes"
    if "mapping values" in problem:
        return "put a value that holds `: ` in quotes, or check the indentation"
    return "check the indentation, quotes and brackets on this line and the one before"


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _helps(place: Place) -> bool:
    """Whether what stands there is only to be shared."""
    return _MERGE in place or str(place[0]).startswith(_PRIVATE)


class _Builder:
    """Makes the tree from libyaml's events."""

    def __init__(self, document: Document, text: str) -> None:
        self.document = document
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.CSafeLoader)
        self.anchors: dict[str, tuple[Place, Value]] = {}
        self.shared = 0

    def build(self) -> None:
        next(self.events)  # the start of the stream
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            raise ConfigError(
                [Fault(self.document.file, 0, "", "is empty", "start from configs/minimal.yml")]
            )
        data = self._value(next(self.events), ())
        self._check_end()
        if not isinstance(data, dict):
            raise ConfigError(
                [Fault(self.document.file, 1, "", "is not a mapping", "write `key: value` lines")]
            )
        self.document.data = {key: value for key, value in data.items() if not key.startswith(_PRIVATE)}
        if self.anchors:
            lines = self.document.lines.items()
            self.document.lines = {place: line for place, line in lines if not _helps(place)}

    def _check_end(self) -> None:
        next(self.events)  # the end of the document
        after = next(self.events)
        if isinstance(after, yaml.DocumentStartEvent):
            line = _line(after)
            fault = Fault(self.document.file, line, "", "starts a second document", "remove this `---`")
            raise ConfigError([fault])

    def _value(self, event: yaml.Event, place: Place) -> Value:
        if len(place) > _MAX_DEPTH:
            line = _line(event)
            what = f"is nested deeper than {_MAX_DEPTH} levels"
            raise ConfigError([Fault(self.document.file, line, "", what, "check brackets and indentation")])
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place)
        self._check_node(event, place)
        value = self._node(event, place)
        if anchor := getattr(event, "anchor", None):
            self.anchors[anchor] = (place, value)
        return value

    def _node(self, event: yaml.Event, place: Place) -> Value:
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place)
        if not isinstance(event, yaml.ScalarEvent):
            return None
        if event.style in ("|", ">"):
            self.document.blocks[place] = _line(event)
        return None if not event.style and event.value in _NULLS else str(event.value)

    def _check_node(self, event: yaml.Event, place: Place) -> None:
        # tag and anchor are not quoted: `password: !secret` is more likely a password than a tag
        if getattr(event, "tag", None) not in _PLAIN_TAGS:
            self._add(event, place, "has a YAML tag (`!name`)", "quote the value, or remove the tag")
            self.document.unread.add(place)

    def _alias(self, event: yaml.AliasEvent, place: Place) -> Value:
        """What the anchor holds, as if it were written here. The name is not quoted: it may be a password."""
        if event.anchor not in self.anchors:
            what = "is an alias (`*name`) of no anchor (`&name`) before it"
            self._add(event, place, what, "quote the value, or name the block before")
            self.document.unread.add(place)
            return None
        return self._copied(*self.anchors[event.anchor], place, event)

    def _copied(self, origin: Place, value: Value, place: Place, event: yaml.Event) -> Value:
        """The value anew, with its lines."""
        self.shared += 1
        if self.shared > _MAX_SHARED or len(place) > _MAX_DEPTH:
            what = f"stands for more than {_MAX_SHARED} values, or for {_MAX_DEPTH} levels of them"
            raise ConfigError([Fault(self.document.file, _line(event), "", what, "write out what is needed")])
        self._locate(origin, place)
        if isinstance(value, dict):
            return {
                key: self._copied((*origin, key), one, (*place, key), event) for key, one in value.items()
            }
        if isinstance(value, list):
            return [self._copied((*origin, n), one, (*place, n), event) for n, one in enumerate(value)]
        return value

    def _locate(self, origin: Place, place: Place) -> None:
        """A key that stands here keeps its own line."""
        document = self.document
        if origin in document.lines:
            document.lines.setdefault(place, document.lines[origin])
        if origin in document.blocks:
            document.blocks[place] = document.blocks[origin]
        if origin in document.unread:
            document.unread.add(place)

    def _merge(self, found: dict[str, Value], place: Place, event: yaml.Event) -> None:
        """Adds what the merge key of a mapping brings: keys that are written there count, then the first of several blocks."""
        source = (*place, _MERGE)
        value = found.pop(_MERGE)
        blocks = (
            [((*source, n), one) for n, one in enumerate(value)]
            if isinstance(value, list)
            else [(source, value)]
        )
        for origin, block in blocks:
            if isinstance(block, dict):
                for key, one in block.items():
                    if key not in found:
                        found[key] = self._copied((*origin, key), one, (*place, key), event)
            elif source not in self.document.unread:
                self._add(event, source, "merges what is not a mapping", "write `<<: *name` of a mapping")
                return

    def _sequence(self, place: Place) -> Value:
        found: list[Value] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            below = (*place, len(found))
            self.document.lines[below] = _line(event)
            found.append(self._value(event, below))
        return found

    def _mapping(self, place: Place) -> Value:
        found: dict[str, Value] = {}
        merging: yaml.Event | None = None
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            line = _line(event)
            key = self._value(event, place) if isinstance(event, yaml.ScalarEvent) else None
            if not isinstance(key, str):
                self._skip(event, place)
                continue
            if key in found:
                first = self.document.lines[(*place, key)]
                what = f"is written twice, first on line {first}"
                self._at(line, (*place, key), what, "keep one of the two")
                self._value(next(self.events), (*place, "?"))
                continue
            self.document.lines[(*place, key)] = line
            found[key] = self._value(next(self.events), (*place, key))
            if key == _MERGE:
                merging = event
        if merging is not None:
            self._merge(found, place, merging)
        return found

    def _skip(self, key: yaml.Event, place: Place) -> None:
        if not isinstance(key, yaml.ScalarEvent):
            self._value(key, (*place, "?"))
        self._at(_line(key), place, "has a key that is not a word", "write `key: value`")
        self._value(next(self.events), (*place, "?"))

    def _add(self, event: yaml.Event, place: Place, what: str, advice: str) -> None:
        self._at(_line(event), place, what, advice)

    def _at(self, line: int, place: Place, what: str, advice: str) -> None:
        self.document.faults.append(Fault(self.document.file, line, spell(place), what, advice))

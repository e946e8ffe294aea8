"""What is read, what comes of it, and the notes about what could not be taken over."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath

from sms_notify.config.document import Document, Place, Value, parse_document
from sms_notify.errors import ConfigError, Fault
from sms_notify.importing.notes import ImportNote, Weight

_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Source:
    """A file's name, for the messages, and its text."""

    file: str
    text: str

    @property
    def short(self) -> str:
        return PurePath(self.file).name

    def line(self, number: int) -> str:
        """The line with this number, from 1; empty where there is none."""
        lines = self.text.split("\n")
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""


@dataclass(frozen=True, slots=True)
class Imported:
    """`text` is a configuration of ours; each note is a comment in it, too. `people` counts whom it can text."""

    text: str
    notes: tuple[ImportNote, ...]
    receivers: int
    people: int


@dataclass(slots=True)
class Reading:
    """One file while it is read."""

    source: Source
    document: Document
    notes: list[ImportNote] = field(default_factory=list)

    def note(self, place: Place, what: str, advice: str, weight: Weight = Weight.REST) -> None:
        self.notes.append(_note(self.document.fault(place, what, advice), weight))

    def line(self, place: Place) -> int:
        return self.document.fault(place, "").line

    def unread(self, place: Place) -> bool:
        """Whether a tag or an alias of nothing stands there, so that what was meant is not known."""
        return place in self.document.unread

    def unknown(self, place: Place, entry: dict[str, Value], known: frozenset[str], advice: str) -> None:
        for key in entry:
            if key not in known:
                self.note((*place, key), "is not taken over", advice)


def read(source: Source, program: str) -> Reading:
    """Raises ConfigError where it is not a YAML mapping. `program` is whose configuration it should be."""
    if all(line.strip()[:1] in ("", "#") for line in source.text.splitlines()):
        raise wrong(source, "is empty", f"give the configuration that {program} runs with")
    document = parse_document(source.text, source.file)
    return Reading(source, document, [_note(fault) for fault in document.faults])


def _note(fault: Fault, weight: Weight = Weight.REST) -> ImportNote:
    return ImportNote(fault.file, fault.line, fault.path, fault.what, fault.advice, weight)


def wrong(source: Source, what: str, advice: str, line: int = 0) -> ConfigError:
    return ConfigError([Fault(source.file, line, "", what, advice)])


def shown(text: str) -> str:
    """A word of the file, fit for a message: on one line, and not long."""
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= _SHOWN else f"{clean[: _SHOWN - 1]}…"

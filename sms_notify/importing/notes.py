"""Notes about what could not be taken over: what changes who is told comes first, and equal ones are one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from sms_notify.errors import Fault

_MOST_PATHS = 4


class Weight(IntEnum):
    """How much a note matters; the least number comes first."""

    NOBODY_TOLD = 0  # a receiver that texted somebody texts nobody
    WHO_IS_TOLD = 1
    REST = 2


@dataclass(frozen=True, slots=True)
class ImportNote(Fault):
    """Something that could not be taken over as it was. It holds no credential and no telephone number."""

    weight: Weight = Weight.REST

    @property
    def marked(self) -> bool:
        """Whether it changes who is told."""
        return self.weight is not Weight.REST


@dataclass(frozen=True, slots=True)
class NoteGroup:
    """Notes that say the same of several places of one file."""

    notes: tuple[ImportNote, ...]

    @property
    def marked(self) -> bool:
        return self.notes[0].marked

    def text(self, file: str) -> str:
        """`! config.yaml:31, 33: receivers[1].to[0], …: what is wrong (what to do)`, with the mark where `marked`."""
        first = self.notes[0]
        lines = ", ".join(dict.fromkeys(str(note.line) for note in self.notes if note.line))
        paths = [note.path for note in self.notes if note.path]
        more = [f"and {len(paths) - _MOST_PATHS} more"] if len(paths) > _MOST_PATHS else []
        where = f"{file}:{lines}" if lines else file
        path = f" {', '.join([*paths[:_MOST_PATHS], *more])}:" if paths else ""
        advice = f" ({first.advice})" if first.advice else ""
        return f"{'! ' if self.marked else ''}{where}:{path} {first.what}{advice}"

    def __str__(self) -> str:
        return self.text(self.notes[0].file)


def in_order(*files: Iterable[ImportNote]) -> tuple[ImportNote, ...]:
    """Each once; the weightiest first, then file by file as they stand there."""
    lines = (note for notes in files for note in sorted(dict.fromkeys(notes), key=lambda note: note.line))
    return tuple(sorted(lines, key=lambda note: note.weight))


def grouped(notes: Iterable[ImportNote]) -> tuple[NoteGroup, ...]:
    """In the order of the first of each group."""
    found: dict[tuple[str, str, str, Weight], list[ImportNote]] = {}
    for note in notes:
        found.setdefault((note.file, note.what, note.advice, note.weight), []).append(note)
    return tuple(NoteGroup(tuple(each)) for each in found.values())

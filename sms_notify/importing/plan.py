"""What is to be written: everything decided, nothing worded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sms_notify.config.document import Place, spell
from sms_notify.importing.alertmanager import Branch, Routing
from sms_notify.importing.notes import ImportNote
from sms_notify.importing.people import ImportedPerson
from sms_notify.importing.reading import Source
from sms_notify.importing.sachet import SachetReceiver

NOWHERE = "not-by-text"
EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class ImportedReceiver:
    """One receiver of ours. `unusable` are people of whom sachet's configuration has no number that can be texted."""

    receiver: SachetReceiver
    notify: tuple[str, ...]
    unusable: tuple[str, ...]
    send_resolved: bool


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """`owners` tells whose number stands at a place. `elsewhere` is the receiver of branches that are not sachet's.
    `storage` is the database's file with its whole path, empty where nothing says where it is to lie.
    """

    config: Source
    alertmanager: Source | None
    sender: str
    people: tuple[ImportedPerson, ...]
    owners: Mapping[Place, str]
    answers: tuple[ImportedReceiver, ...]
    elsewhere: str
    routing: Routing
    hidden: tuple[str, ...]
    notes: tuple[ImportNote, ...]
    storage: str

    @property
    def guessed(self) -> bool:
        """Whether the routes are made up, because nothing tells who hears of what."""
        return self.alertmanager is None and len(self.answers) > 1

    @property
    def goes_elsewhere(self) -> bool:
        return any(branch.receiver is None for branch in self.routing.root.walk())

    def name(self, branch: Branch) -> str:
        return self.elsewhere if branch.receiver is None else branch.receiver

    def section(self, note: ImportNote) -> str:
        """Where the note stands in our file: each has one place."""
        if note.file != self.config.file:
            return "route"
        if note.path == "receivers":
            return "route"
        for place, person in self.owners.items():
            if note.path == spell(place):
                return f"person {person}"
        for answer in self.answers:
            if f"{note.path}.".startswith(f"{spell(answer.receiver.place)}."):
                return f"receiver {answer.receiver.name}"
        head = note.path.partition("[")[0].partition(".")[0]
        return head if head in ("providers", "receivers", "templates") else "top"

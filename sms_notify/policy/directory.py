"""Who can be texted, and what a target in the configuration means.

A number reaches this room from the configuration alone: nothing here takes one from an alert (promise 7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sms_notify.policy.holds import Quiet

# What stands in the place of a number for a group of the gateway's own address book: `group:NAME`.
_GROUP = "group:"


def group_of(number: str) -> str | None:
    """The group that is addressed in the place of a number, or None where it is a number."""
    return number.removeprefix(_GROUP) if number.startswith(_GROUP) else None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a phone. `number` is E.164 with its plus sign; `timezone` an IANA name.

    A group of the gateway's address book is texted like a person, in one request; who is in it only the
    gateway knows.
    """

    name: str
    number: str
    timezone: str = "UTC"
    language: str = "en"
    quiet: Quiet | None = None


class TargetKind(StrEnum):
    PERSON = "person"
    TEAM = "team"
    NUMBER = "number"
    SCHEDULE = "schedule"
    GROUP = "gateway-group"


@dataclass(frozen=True, slots=True)
class Target:
    """One entry of a `notify:` list; `name` is a person, a team, or for NUMBER the E.164 number itself."""

    kind: TargetKind
    name: str

    def __str__(self) -> str:
        return self.name if self.kind is TargetKind.NUMBER else f"{self.kind}:{self.name}"


OnCall = Callable[[str], str | None]
"""Who holds a schedule now; None where nobody does."""


def nobody(_schedule: str) -> str | None:
    """For where schedules cannot stand."""
    return None


@dataclass(frozen=True, slots=True)
class Directory:
    """Everybody the configuration names."""

    people: Mapping[str, Person] = field(default_factory=dict)
    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def resolve(self, targets: Iterable[Target], on_call: OnCall = nobody) -> tuple[Person, ...]:
        """The people behind `targets` in order, each number once: two teams with one member make one text.

        A schedule that nobody holds now names nobody.

        Raises KeyError for a name that the configuration does not have; `config/` refuses those beforehand.
        """
        found: dict[str, Person] = {}
        for target in targets:
            for person in self._members(target, on_call):
                found.setdefault(person.number, person)
        return tuple(found.values())

    def _members(self, target: Target, on_call: OnCall) -> tuple[Person, ...]:
        if target.kind is TargetKind.NUMBER:
            return (self.owner(target.name) or Person(name=target.name, number=target.name),)
        if target.kind is TargetKind.GROUP:
            return (Person(name=str(target), number=_GROUP + target.name),)
        if target.kind is TargetKind.SCHEDULE:
            holder = on_call(target.name)
            return (self.people[holder],) if holder is not None and holder in self.people else ()
        names = self.teams[target.name] if target.kind is TargetKind.TEAM else (target.name,)
        return tuple(self.people[name] for name in names)

    def known_members(self, group: str) -> tuple[Person, ...]:
        """Whom we know of a gateway's group: the team of the same name, if there is one."""
        return tuple(self.people[name] for name in self.teams.get(group, ()))

    def heads(self, number: str) -> int:
        """How many phones a number stands for: a group of the gateway's has as many as the team of the same name."""
        group = group_of(number)
        return 1 if group is None else max(1, len(self.known_members(group)))

    def known(self, person: Person) -> Person:
        """With the zone, the language and the quiet hours that a row does not keep."""
        return self.people.get(person.name) or self.owner(person.number) or person

    def owner(self, number: str) -> Person | None:
        """The person whose number this is, so that a bare number is still told in its owner's language."""
        return next((person for person in self.people.values() if person.number == number), None)

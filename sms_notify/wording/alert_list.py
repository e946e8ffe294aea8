"""Several alerts in one text of news: name by name, each with as many of its places as the width allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial

from sms_notify.alert import Severity
from sms_notify.wording import gsm
from sms_notify.wording.alert_fields import title_of
from sms_notify.wording.content import TextedIncident
from sms_notify.wording.incident_summary import BY_RANK, say_rank
from sms_notify.wording.languages import Words
from sms_notify.wording.place import Place, Telling, hoisted, places_of
from sms_notify.wording.templates import tidy

_GROUPS = 30  # kinds of alert that a text of many tries to name
_PLACES = 40


@dataclass(frozen=True, slots=True)
class NameGroup:
    """Alerts of one name: the places they are at, each once, with the tags of those who are there.

    `where` is what their places have in common, and stands with the name. The place of an alert that has none is empty,
    and no text lists it.
    """

    name: str
    count: int
    at: dict[str, list[str]]
    severity: Severity = Severity.OTHER
    where: str = ""

    @property
    def places(self) -> list[str]:
        return [place for place in self.at if place]

    def named(self, places: int) -> Iterable[str]:
        """The tags that a reader can tell apart by the name and the first so many places."""
        if "" in self.at and len(self.at) == 1:
            return self.at[""]
        return [tag for place in self.places[:places] if tidy(place) for tag in self.at[place]]

    def with_places(self, name: str, lead: str, most: int) -> str:
        """`name`, and the first so many of the places."""
        name, lead = (f"{name} {self.where}", ": ") if self.where else (name, lead)
        places = self.places
        left = len(places) - most
        shown = [*places[:most], *([f"+{left}"] if left > 0 else [])]
        return name + lead + ", ".join(shown) if most and places else name

    @property
    def many(self) -> str:
        """`3x HostDown`; the name alone of one."""
        return f"{self.count}x {self.name}" if self.count > 1 else self.name


def groups_of(incidents: Iterable[TextedIncident], words: Words, telling: Telling) -> list[NameGroup]:
    """The most urgent first, else in the order told; those of several severities apart."""
    listed = sorted(incidents, key=lambda told: told.alert.severity.rank)
    members: dict[tuple[str, Severity], list[tuple[str, Place]]] = {}
    for told, place in zip(listed, places_of(listed), strict=True):
        key = title_of(told.alert, words), told.alert.severity
        members.setdefault(key, []).append((told.tag, place))
    return [
        _group(name, severity, [tag for tag, _ in those], telling([place for _, place in those]))
        for (name, severity), those in members.items()
    ]


def _group(name: str, severity: Severity, tags: Sequence[str], places: Sequence[Place]) -> NameGroup:
    at: dict[str, list[str]] = {}
    where, told = hoisted(places)
    for tag, place in zip(tags, told, strict=True):
        at.setdefault(place, []).append(tag)
    return NameGroup(name, len(tags), at, severity, where)


def of_several_ranks(groups: Iterable[NameGroup]) -> bool:
    return len({group.severity for group in groups}) > 1


def by_place(groups: Sequence[NameGroup]) -> list[NameGroup]:
    """Different things at one place, place first: `db-1: Disk, HTTP` is shorter, and says where however much is cut."""
    places = {place for group in groups for place in group.at}
    alike = len({group.where for group in groups}) == 1
    if len(groups) < 2 or len(places) > 1 or "" in places or of_several_ranks(groups) or not alike:
        return list(groups)
    (place,) = places
    at = {group.many: group.at[place] for group in groups}
    return [NameGroup(place, sum(group.count for group in groups), at)]


class Listing:
    """Groups in one text: as many places, then as many names as a width allows; the rest is told by its number."""

    def __init__(self, groups: Sequence[NameGroup], words: Words) -> None:
        self.groups = groups
        most = min(max(len(group.places) for group in groups), _PLACES)
        named = min(len(groups), _GROUPS)
        self._ways = [
            *((named, places) for places in range(most, 0, -1)),
            *((n, 0) for n in range(named, 0, -1)),
        ]
        self._told = cache(partial(_told, groups, words=words))  # many widths are tried

    def at(self, width: int) -> str:
        names, places = self._choice(width)
        return gsm.clip(self._told(names or 1, places), width)

    def named(self, width: int) -> frozenset[str]:
        """The tags of those whom `at` names at that width, not just counts."""
        names, places = self._choice(width)
        return frozenset(tag for group in self.groups[:names] for tag in group.named(places))

    def counted(self, width: int) -> frozenset[str]:
        """The tags of those whose kind `at` tells by name and number."""
        names, _ = self._choice(width)
        return frozenset(tag for group in self.groups[:names] for tags in group.at.values() for tag in tags)

    def _choice(self, width: int) -> tuple[int, int]:
        """How many names, and places of each; no name where not even one fits whole."""
        return next((way for way in self._ways if len(self._told(*way)) <= width), (0, 0))


def _told(groups: Sequence[NameGroup], names: int, places: int, words: Words) -> str:
    if of_several_ranks(groups):
        told = [_told_of_rank(groups, names, places, severity, words) for severity in BY_RANK]
        return "; ".join(filter(None, told))
    if len(groups) == 1:
        return groups[0].with_places(groups[0].name, ": ", places)
    told = [group.with_places(group.many, " ", places) for group in groups[:names]]
    left = sum(group.count for group in groups[names:])
    return "; ".join([*told, f"+{left}"] if left else told)


def _told_of_rank(
    groups: Sequence[NameGroup], names: int, places: int, severity: Severity, words: Words
) -> str:
    """`2 critical HostDown db1, Slow app1`."""
    mine = [group for group in groups if group.severity is severity]
    shown = [group for group in groups[:names] if group.severity is severity]
    items = [group.with_places(group.many if len(mine) > 1 else group.name, " ", places) for group in shown]
    count, told = (sum(group.count for group in some) for some in (mine, shown))
    return say_rank(words.rank(severity), count, items, told) if mine else ""

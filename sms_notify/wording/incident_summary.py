"""Many incidents in a few words, so that every number adds up: `12x HostDown web1, db1 (2), +9; DiskFull db2; +5`.

Kind by kind, the most urgent and then the most numerous first. `+9` are those of a kind whose place is not told,
`(2)` are two at one place, and `+5` those whose kind is not told. Where they are of several severities, each is told with
its number: `2 critical HostDown db1, Slow app1; 7 warning DiskFull db2, db3, +5`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sms_notify.alert import Severity
from sms_notify.wording import gsm
from sms_notify.wording.alert_fields import title_of
from sms_notify.wording.content import TextedIncident
from sms_notify.wording.languages import Words
from sms_notify.wording.place import Place, Telling, hoisted, places_of
from sms_notify.wording.shrinking import largest
from sms_notify.wording.templates import tidy

BY_RANK = sorted(Severity, key=lambda severity: severity.rank)
_KINDS = (
    30  # that a text tries to tell, and of each so many places: what no text can hold is not worth trying
)
_PLACES = 40
_TITLE = 60
_PART = 8  # characters of a name that still say something
_NAMED = gsm.MAX_PARTS * gsm.PART // 3  # a place takes a character, a comma and a blank


@dataclass(frozen=True, slots=True)
class ListedIncident:
    """An incident as a text lists it: what it is, never empty, and where, with its port."""

    tag: str
    severity: Severity
    name: str
    where: Place


def listed(incidents: Iterable[TextedIncident], words: Words) -> list[ListedIncident]:
    """The most urgent first."""

    def as_listed(told: TextedIncident, place: Place) -> ListedIncident:
        name = tidy(title_of(told.alert, words)) or words.nameless
        name = f"{words.unheard} {name}" if told.heard_at is not None and not told.ended else name
        name = (
            f"{words.flapping} {name}" if told.flapping and not told.ended and told.heard_at is None else name
        )
        name += f" ({words.again})" if told.again else ""
        return ListedIncident(told.tag, told.alert.severity, name, place)

    every = list(incidents)
    places = places_of(every)
    return sorted(map(as_listed, every, places), key=lambda incident: incident.severity.rank)


def say_rank(rank: str, count: int, items: Sequence[str], told: int) -> str:
    """`2 critical HostDown db1, Slow app1`; of one kind `7 warning DiskFull db1, db2, +5`. `told` of `count` are in `items`."""
    left = [f"+{count - told}"] if items and told < count else []
    between = ", " if count == told == len(items) else "; "  # else a comma parts the places of one kind
    return " ".join([str(count), rank, *([between.join([*items, *left])] if items else [])])


@dataclass(slots=True)
class IncidentKind:
    """Incidents of one name, either all with a place or all without.

    `at` has their tags by place, `urgent` counts the places (they come first) where something is critical. `where` is what
    their places have in common, and stands with the name.
    """

    name: str
    severity: Severity
    count: int = 0
    urgent: int = 0
    at: dict[str, list[str]] = field(default_factory=dict)
    shown: int = 0
    where: str = ""

    @classmethod
    def of(cls, name: str, members: Sequence[ListedIncident], telling: Telling) -> IncidentKind:
        kind = cls(name, members[0].severity, len(members))
        kind.where, places = hoisted(telling([incident.where for incident in members]))
        for incident, place in zip(members, map(tidy, places), strict=True):
            if incident.severity is Severity.CRITICAL and place not in kind.at:
                kind.urgent += 1
            kind.at.setdefault(place, []).append(incident.tag)
        return kind

    @property
    def places(self) -> int:
        return 0 if "" in self.at else len(self.at)

    def say(self, width: int, lead: str, *, alone: bool = False) -> str:
        """`alone`: its number has been said."""
        name = gsm.clip(self.name, width)
        if self.where and name == self.name:
            name, lead = f"{name} {self.where}", ": "
        told = name if self.count == 1 or alone else f"{self.count}x {name}"
        if not self.shown:
            return told
        pairs = list(self.at.items())[: self.shown]
        shown = [place if len(tags) == 1 else f"{place} ({len(tags)})" for place, tags in pairs]
        left = self.count - sum(len(tags) for _, tags in pairs)
        return told + (lead if self.count > 1 else " ") + ", ".join([*shown, f"+{left}"] if left else shown)

    def all_tags(self) -> Iterable[str]:
        return (tag for tags in self.at.values() for tag in tags)

    def named(self) -> Iterable[str]:
        lists = list(self.at.values())[: self.shown if self.places else None]
        return (tag for tags in lists for tag in tags)


class IncidentList:
    """Incidents as a text lists them: at first none of them, then whatever `fits` says there is room for."""

    def __init__(
        self,
        incidents: Sequence[ListedIncident],
        telling: Telling,
        words: Words,
        *,
        ranked: bool = False,
    ) -> None:
        """`ranked`: the severity is told where they have several."""
        self._words = words
        self._ranked = ranked and len({incident.severity for incident in incidents}) > 1
        members: dict[tuple[str, bool, Severity | None], list[ListedIncident]] = {}
        for incident in incidents:
            placed = bool(tidy(" ".join(incident.where)))
            key = incident.name, placed, incident.severity if self._ranked else None
            members.setdefault(key, []).append(incident)
        kinds = (IncidentKind.of(name, those, telling) for (name, *_), those in members.items())
        marked = tuple(f"{word} " for word in (words.unheard, words.flapping))
        # A word said of one kind must not seem to be said of the next: those that have one stand last.
        self.kinds = sorted(
            kinds, key=lambda kind: (kind.severity.rank, kind.name.startswith(marked), -kind.count)
        )
        self.count = sum(kind.count for kind in self.kinds)
        self.told = 0  # kinds
        self._width = _TITLE

    def reset(self) -> None:
        self._width = _TITLE
        self._show(0, [0] * len(self.kinds))

    @property
    def tag(self) -> str:
        """Of the most urgent incident, which is the first that the text names."""
        return next(iter(self.kinds[0].at.values()))[0]

    def say(self, lead: str = " ") -> str:
        """`lead` parts the name of a kind from its places."""
        if self._ranked:
            return "; ".join(self._say_rank(severity) for severity in BY_RANK if self._of(severity))
        kinds = self.kinds[: self.told]
        left = self.count - sum(kind.count for kind in kinds)
        told = [kind.say(self._width, lead) for kind in kinds] + ([f"+{left}"] if left else [])
        return ("; " if any(kind.shown for kind in kinds) else ", ").join(told)

    def _of(self, severity: Severity) -> list[IncidentKind]:
        return [kind for kind in self.kinds if kind.severity is severity]

    def _say_rank(self, severity: Severity) -> str:
        kinds = self._of(severity)
        told = [kind for kind in self.kinds[: self.told] if kind.severity is severity]
        items = [kind.say(self._width, " ", alone=len(kinds) == 1) for kind in told]
        count, shown = (sum(kind.count for kind in some) for some in (kinds, told))
        return say_rank(self._words.rank(severity), count, items, shown)

    def named(self) -> frozenset[str]:
        return frozenset(tag for kind in self._whole() for tag in kind.named())

    def counted(self) -> frozenset[str]:
        """The tags of the kinds that are told by name and number."""
        return frozenset(tag for kind in self._whole() for tag in kind.all_tags())

    def _whole(self) -> list[IncidentKind]:
        return [kind for kind in self.kinds[: self.told] if len(kind.name) <= self._width]

    def add_all(self, fits: Callable[[], bool]) -> bool:
        """Name every incident; False, and all as it was, where there is no room."""
        before = self.told, [kind.shown for kind in self.kinds]
        if sum(max(kind.places, 1) for kind in self.kinds) <= _NAMED:
            self._show(len(self.kinds), [kind.places for kind in self.kinds])
            if fits():
                return True
        self._show(*before)
        return False

    def add_names(self, fits: Callable[[], bool]) -> None:
        def told(kinds: int) -> bool:
            self.told = kinds
            return fits()

        self.told = largest(told, self.told, min(len(self.kinds), _KINDS))

    def add_a_name_in_part(self, fits: Callable[[], bool]) -> None:
        """The most urgent kind, its name cut: better than none."""

        def cut(width: int) -> bool:
            self.told, self._width = 1, width
            return fits()

        width = largest(cut, 0, len(self.kinds[0].name))
        self.told, self._width = (1, width) if width >= _PART else (0, _TITLE)

    def add_places(self, fits: Callable[[], bool]) -> None:
        """Where something is critical first, then kind by kind."""
        for urgent in (True, False):
            for kind in self.kinds[: self.told]:
                most = min(kind.urgent if urgent else kind.places, kind.places, _PLACES)
                self._add_places_of(kind, most, fits)

    @staticmethod
    def _add_places_of(kind: IncidentKind, most: int, fits: Callable[[], bool]) -> None:
        def shown(places: int) -> bool:
            kind.shown = places
            return fits()

        if most > kind.shown:
            kind.shown = largest(shown, kind.shown, most)

    def _show(self, told: int, places: list[int]) -> None:
        self.told = told
        for kind, shown in zip(self.kinds, places, strict=True):
            kind.shown = shown


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a text; `extra` is one that only says more of what another has counted already."""

    listing: IncidentList
    say: Callable[[IncidentList], str]
    extra: bool = False


@dataclass(frozen=True, slots=True)
class TextDraft:
    """A text whose numbers stand, and whose names come in as far as there is room: the first part's first."""

    parts: list[Part]
    max_parts: int
    before: str = ""
    after: str = ""

    @property
    def body(self) -> str:
        return (
            self.before
            + "; ".join(filter(None, (part.say(part.listing) for part in self.parts)))
            + self.after
        )

    def fits(self) -> bool:
        return gsm.parts(self.body) <= self.max_parts

    def named(self) -> frozenset[str]:
        return frozenset[str]().union(*(part.listing.named() for part in self.parts))

    def counted(self) -> frozenset[str]:
        return frozenset[str]().union(*(part.listing.counted() for part in self.parts))

    def fill_whole(self) -> bool:
        """Whether all of the first part can be named; then the others have what room is left."""
        if not self.parts[0].listing.add_all(self.fits):
            return False
        self._fill(self.parts[1:])
        return True

    def fill(self) -> bool:
        """Begin anew. Whether at least the most urgent kind of incident is told by its name."""
        for part in self.parts:
            part.listing.reset()
        self.parts[0].listing.add_names(self.fits)
        self._fill(self.parts)
        return self.parts[0].listing.told > 0

    def _fill(self, parts: list[Part]) -> None:
        counted = [part.listing for part in parts if not part.extra]
        for listing in counted:
            listing.add_names(self.fits)
        for listing in counted:
            listing.add_places(self.fits)
        for part in parts:
            if part.extra:
                part.listing.add_names(self.fits)
                part.listing.add_places(self.fits)

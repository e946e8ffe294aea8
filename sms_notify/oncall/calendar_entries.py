"""Whose shift an entry of a calendar is, by what people write as its title; and what is said of the others.

A title is a guess about a person. So words that say the contrary (cancelled, vacation, `not alice`) make it nobody's
shift, and whatever is not plain is reported.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

_LONGEST_TITLE = 80
_NAME = "\ue000"  # stands for each name in a title; a private character, so that nobody types it

# Outlook writes the first kind itself, before the title, and leaves STATUS:CONFIRMED; in the language of whoever sent it.
_CANCELLED = (
    "cancell?ed|cancelad[oa]|annulee?|geannuleerd|afgelast|afgezegd|abgesagt|storniert|annullat[oa]|cancellat[oa]|avlyst"
    "|aflyst|installt|peruutettu|peruttu|odwołan[aeoy]|anulowan[aeoy]|anulat|zrusen[aeoy]|torolve|отменен[аоы]?|отмена"
    "|скасовано|iptal|ακυρωθηκε|已取消|取消|キャンセル|キャンセル済み|취소됨|annulleret|kansellert|avbokad"
    "|entfallt|elmarad|lemondva|otkazano|odpovedano|preklicano|tuhistatud|atcelts|atsaukta|מבוטל|declined|abgelehnt"
)
_ABSENT = (
    r"vacations?|holidays?|ooo|oof|out[ -]of[ -](?:the[ -])?office|out of town|out|pto|time[ -]off|days?[ -]off|off|leave|sick"
    r"|sickness|ill"
    r"|absent|absence|away|unavailable|afk|sabbatical|maternity|paternity|birthday"
    "|vakantie|verlof|ziek|ziekte|afwezig|vrij|vrijaf|verjaardag"
    "|vacances|conges?|absente?|malade|maladie|arret|rtt|indisponible|ferie|anniversaire"
    "|urlaub|krank|abwesend|abwesenheit|frei|ferien|feiertag|elternzeit|geburtstag"
    "|vacaciones|ausente|baja|cumpleanos|assente|malattia|permesso|compleanno|ferias|folga|aniversario"
    "|semester|sjuk|ledig|franvarande|foraldraledig|syg|syk|fravaerende|fraværende|barsel|lomalla|loma|sairas|poissa"
    "|urlop|nieobecn[ay]|dovolena|nemoc"
)
_NOT = (
    "not|without|except|instead of|niet|geen|zonder|behalve|in plaats van|i\\.p\\.v\\.|nicht|keine?|ohne|ausser|statt|anstatt"
    "|pas|sans|sauf|au lieu de|non|senza|sin|sem|inte|ikke|uten|uden"
)
# What sounds like an absence and is a shift all the same.
_SHIFT_ALL_THE_SAME = re.compile(
    r"(?<!\w)(?:(?:out[ -]of|off)[ -]hours?|off[ -]peak"
    r"|(?:holidays?|vacations?|sick|leave|absence)"
    r"[ -](?:on[ -]?call|cover\w*|shifts?|duty|rota|stand-?by|weekends?|weeks?))(?!\w)"
)


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{'|'.join(alternatives)})(?![\w-])")  # not in `roll-out`


_NOT_THEM = re.compile(rf"(?<!\w)(?:{_NOT}|no) {_NAME}")  # `no` alone is Norway, or a number
_NO_SHIFT = _words(_CANCELLED, _ABSENT, _NOT, r"no (?:on[ -]?call|shift|duty)")


@dataclass(frozen=True, slots=True)
class Meaning:
    """Whose shift an entry is. `why` says why it is nobody's (`person` is None), or what else it could have meant."""

    person: str | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class CalendarReport:
    """An entry that is not plain: `why` is a clause about it, `person` for whom it counts all the same.

    `begins` is the first time it begins, as it is written there.
    """

    title: str
    why: str
    begins: str = ""
    person: str | None = None

    @property
    def advice(self) -> str:
        if self.person:
            return "give it one name in its title, and confirm it"
        return "correct it in the calendar, or remove it there"

    def __str__(self) -> str:
        when = f" of {self.begins}" if self.begins else ""
        return f'the entry "{self.title}"{when} counts for {self.person or "nobody"}: {self.why}'


class Names:
    """Finds people in what somebody typed: whole names only, whatever their case, and their accents where one is meant."""

    def __init__(self, people: Collection[str]) -> None:
        exact = {folded(person): person for person in sorted(people) if folded(person)}
        plain = [_plain(name) for name in exact]
        alike = {_plain(name): who for name, who in exact.items() if plain.count(_plain(name)) == 1}
        self._people = {_undotted(name): who for name, who in exact.items()} | alike | exact
        longest_first = sorted(self._people, key=len, reverse=True)
        # in addresses a dot stands between the parts of a name
        either = "|".join(re.escape(name).replace(r"\ ", "[ ._]") for name in longest_first) or r"(?!)"
        # `an` stands neither in `an-sofie` nor in `bob@an.example`, but it does in `an's week`
        self._pattern = re.compile(rf"(?<![\w@])(?<!\w[-.+])(?:{either})(?!\w)(?![-.+]\w)")

    def meant(self, event: Any) -> Meaning:
        """Whose shift an event is, by its title, else by who is invited; and why it is nobody's."""
        title = folded(first(event, "SUMMARY"))
        named, excluded, rest = self._named(title)
        contrary = _marked_away(event) if title in self._people else _contrary(rest, event)
        if not named and not excluded:
            named = self._invited(event)
        if not named:
            only = f"its title excludes {' and '.join(excluded)}" if excluded else "it names nobody in people"
            return Meaning(None, contrary or only)
        if contrary or named[0] in self._declined(event):
            return Meaning(None, contrary or f"{named[0]} has declined it")
        others = [person for person in (*named[1:], *excluded) if person != named[0]]
        tentative = "it is tentative" if word(event, "STATUS") == "TENTATIVE" else ""
        return Meaning(
            named[0], f"it names {' and '.join(dict.fromkeys(others))}, too" if others else tentative
        )

    def _named(self, title: str) -> tuple[list[str], list[str], str]:
        """The people of a title, those whom it excludes (`not alice`), and the title with a mark for each name."""
        if title in self._people:
            return [self._people[title]], [], _NAME
        for text in (title, _plain(title)):
            found = [who for match in self._pattern.finditer(text) if (who := self._called(match[0]))]
            if found:
                rest = self._pattern.sub(_NAME, text)
                without = {rest.count(_NAME, 0, match.end()) - 1 for match in _NOT_THEM.finditer(rest)}
                kept = [person for place, person in enumerate(found) if place not in without]
                return kept, [found[place] for place in sorted(without)], rest
        return [], [], title

    def _called(self, text: str) -> str | None:
        return self._people.get(text) or self._people.get(_undotted(text))

    def _invited(self, event: Any) -> list[str]:
        declined = self._declined(event)
        return [person for person, _ in self._attendees(event) if person not in declined]

    def _declined(self, event: Any) -> set[str]:
        away = ("DECLINED", "DELEGATED")
        return {person for person, status in self._attendees(event) if status in away}

    def _attendees(self, event: Any) -> Iterator[tuple[str, str]]:
        """Each with the answer; by what stands before the @, or by the name that stands beside it."""
        for attendee in all_of(event, "ATTENDEE"):
            name, at, _ = folded(attendee).removeprefix("mailto:").partition("@")
            called = folded(str(attendee.params.get("CN", "")))
            person = self._called(name) or self._called(called) if at else None
            if person is not None:
                yield person, str(attendee.params.get("PARTSTAT", "")).upper()


def _contrary(rest: str, event: Any) -> str:
    """What says that nobody is on call by it: a word of the title, or a mark of the calendar; empty where nothing does."""
    text = _SHIFT_ALL_THE_SAME.sub(" ", _plain(_NOT_THEM.sub(" ", rest)))
    found = _NO_SHIFT.search(text)
    return f"its title says `{found[0]}`" if found else _marked_away(event)


def _marked_away(event: Any) -> str:
    if word(event, "X-MICROSOFT-CDO-BUSYSTATUS") == "OOF":
        return "it is marked as out of office"
    for category in _categories(event):
        found = _NO_SHIFT.search(_plain(folded(category)))
        if found:
            return f"its category says `{found[0]}`"
    return ""


def _categories(event: Any) -> Iterable[Any]:
    return (each for listed in all_of(event, "CATEGORIES") for each in getattr(listed, "cats", [listed]))


def shown_title(event: Any) -> str:
    """The title, fit to be printed."""
    shown = "".join(char if char.isprintable() else " " for char in first(event, "SUMMARY"))
    return " ".join(shown.split())[:_LONGEST_TITLE].rstrip() or "(no title)"


def all_of(event: Any, name: str) -> Iterable[Any]:
    value = event.get(name, [])
    return value if isinstance(value, list) else [value]


def first(event: Any, name: str) -> str:
    return next((str(value) for value in all_of(event, name)), "")


def word(event: Any, name: str) -> str:
    return first(event, name).strip().upper()


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _undotted(text: str) -> str:
    return re.sub(r"[._]", " ", text)


def _plain(text: str) -> str:
    """Without accents."""
    bare = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", bare)

"""What each reader was told, and what they believe of each problem: from the texts alone, in the order in which they came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from oracle_story import OracleStory
from oracle_words import Head, Reading, read

_BRUSSELS = ZoneInfo("Europe/Brussels")
_SAID_NOTHING = ("NOT DELIVERED", "REJECTED")


@dataclass(frozen=True)
class PhoneText:
    """A text that a gateway took, `at` so many seconds after the start; `wall` is what the daemon's clock said."""

    at: float
    wall: datetime
    to: tuple[str, ...]
    body: str
    report: str
    reading: Reading

    @property
    def arrived(self) -> bool:
        return self.report not in _SAID_NOTHING

    @property
    def at_night(self) -> bool:
        """Well within 22:00 to 07:00, so that a text that was under way is none."""
        clock = (self.wall + timedelta(minutes=-2)).astimezone(_BRUSSELS)
        return self.wall.astimezone(_BRUSSELS).hour not in range(7, 22) and clock.hour not in range(7, 22)


@dataclass(frozen=True)
class Statement:
    """One text that names a place, and how it speaks of it."""

    text: PhoneText
    head: Head

    @property
    def at(self) -> float:
        return self.text.at


@dataclass
class Heard:
    """All texts of one story, with the failures that the player itself found."""

    story: OracleStory
    texts: list[PhoneText]
    failures: list[str] = field(default_factory=list)

    @cached_property
    def places(self) -> dict[str, str]:
        """Tag → place, learned from texts that speak of one place and bear one tag."""
        found: dict[str, str] = {}
        for text in self.texts:
            reading = text.reading
            if len(reading.said) == len(reading.tags) == 1 and not reading.counted:
                found.setdefault(*reading.tags, *reading.said)
        return found

    @cached_property
    def _statements(self) -> Mapping[tuple[str, str], Sequence[Statement]]:
        found: dict[tuple[str, str], list[Statement]] = {}
        for text in self.texts:
            for place, head in self._named(text.reading).items():
                for person in text.to:
                    found.setdefault((person, place), []).append(Statement(text, head))
        return found

    def _named(self, reading: Reading) -> dict[str, Head]:
        tagged = {self.places[tag] for tag in reading.tags if tag in self.places}
        head = next(iter(reading.said.values()), Head.OK if reading.counted == {"over"} else Head.LISTED)
        return {**dict.fromkeys(tagged, head), **reading.said}

    def said(self, person: str, place: str) -> Sequence[Statement]:
        """Every text that named this place to this person."""
        return self._statements.get((person, place), ())

    def counting(self, person: str, since: float, belief: str, kind: str = "") -> bool:
        """Whether some text since then may have counted a problem among others: `kind` is the name that it must bear."""
        return any(
            text.arrived and text.at >= since and person in text.to and belief in text.reading.counted
            and (not kind or kind in text.reading.kinds)
            for text in self.texts
        )  # fmt: skip

    def belief(self, person: str, place: str) -> Statement | None:
        """The last text that may have arrived and names the place."""
        arrived = [one for one in self.said(person, place) if one.text.arrived]
        return arrived[-1] if arrived else None

    @property
    def unpaid(self) -> bool:
        """Whether the money of a day was spent, so that what is owed waits: the operator was told."""
        return any("operator" in text.to and "the reserve are spent" in text.body for text in self.texts)

    def readers(self, place: str) -> Iterator[str]:
        return (person for person, named in self._statements if named == place and person != "operator")


def heard_of(story: OracleStory, result: Mapping[str, Any]) -> Heard:
    """From what `sms-notify test --json` prints of the only story of a file."""
    (row,) = result["stories"]
    texts = [
        PhoneText(
            at=text["after_seconds"],
            wall=datetime.fromisoformat(text["at"]),
            to=tuple(text["to"]),
            body=text["text"],
            report=text["report"] or "",
            reading=read(text["text"]),
        )
        for text in row["texts"]
    ]
    return Heard(story, texts, [failure["why"] for failure in row["failures"]])

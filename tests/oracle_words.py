"""What a text says to whoever reads it: of which place, that it fires, flaps, is unheard or is over. Reads English alone.

It knows the words of `docs/`, and nothing of how they are made. Every problem of a random story has a place of its own
(`h07`), so that a text that names the place speaks of that problem and of no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

PLACE = re.compile(r"(?<![\w#])h\d\d\d?(?!\w)")
TAG = re.compile(r"#(\w+)")


class Head(StrEnum):
    """The word with which a text speaks of something."""

    FIRING = "FIRING"
    WORSE = "WORSE"
    ESCALATED = "ESCALATED"
    REMINDER = "STILL FIRING"
    FLAPPING = "FLAPPING"
    UNHEARD = "UNHEARD"
    OK = "OK"
    NO_DATA = "NO DATA"
    NOT_WATCHED = "NO LONGER WATCHED"
    CLOSED = "CLOSED"
    LISTED = "listed"
    """Named in a digest or a hand-off: still open."""
    RESOLVED = "resolved"
    """Named in a digest: over, whether or not its beginning was told."""

    @property
    def over(self) -> bool:
        return self in (Head.OK, Head.RESOLVED, Head.NO_DATA, Head.NOT_WATCHED, Head.CLOSED)

    @property
    def believed(self) -> str:
        if self.over:
            return "over"
        return {Head.FLAPPING: "flapping", Head.UNHEARD: "unheard"}.get(self, "firing")


@dataclass(frozen=True)
class Reading:
    """One text as read: what it says of each place that it names, and what it may say beside of those that it only counts.

    `kinds` are the words of the text: an alert whose name is among them is of a kind that the text names.
    """

    said: dict[str, Head]
    counted: frozenset[str] = frozenset()
    """`firing`, `over` …: what it may say of what it does not name."""
    kinds: frozenset[str] = frozenset()
    tags: frozenset[str] = field(default_factory=frozenset)
    critical: bool = False


# What stands first wins; a lower-case word is one of a digest. `2 resolved` without a colon only counts.
_HEADS = re.compile(
    r"(?P<still>(?<![\w#])h\d\d\d?(?=(?:,? (?:#\w+|[A-Za-z]\w*(?:=\w+)?))* still firing))"
    r"|(?P<place>(?<![\w#])h\d\d\d?(?!\w))"
    r"|(?P<head>\bSTILL FIRING\b|\bFIRING\b|\bWORSE\b|\bESCALATED\b|\bFLAPPING\b|\bUNHEARD\b|\bNO DATA\b|\bNO LONGER WATCHED\b"
    r"|\bCLOSED\b|\bOK\b)"
    r"|(?P<over>\bresolved: ?)"
    r"|(?P<open>\b\d+ (?:open|more)\b|\ball open\b|\bLATE\b)"
    r"|(?P<next>; )"
)
_NUMBERS = re.compile(
    r"(?<![\w#:.])\+(\d+)|\b(\d+)x(?=:| [A-Z#]|$)|\b(\d+) (?:more|open|resolved|critical|warning|problems)\b"
)


def read(body: str) -> Reading:
    """Whatever the text names and counts."""
    said: dict[str, Head] = {}
    for place, head in _said(body):
        if place not in said or said[place].over:
            said[place] = head  # a digest may count an earlier outage of what is open as resolved
    return Reading(
        said,
        _counted(body, said),
        frozenset(re.findall(r"[A-Za-z][A-Za-z0-9]+", body)),
        frozenset(TAG.findall(body)),
        "critical" in body,
    )


def _said(body: str) -> Iterator[tuple[str, Head]]:
    head, listing = Head.LISTED if body.startswith("On call") else Head.FIRING, False
    lead = head  # of the whole text; FLAPPING and UNHEARD may be said of one kind
    for found in _HEADS.finditer(body):
        if found["still"]:
            yield found["still"], Head.LISTED
        elif found["place"]:
            yield found["place"], head
        elif found["head"]:
            head = Head(found["head"])
            lead = lead if head in (Head.FLAPPING, Head.UNHEARD) and found.start() else head
            listing = listing and not head.over  # ends are the last that a text lists
        elif found["next"]:
            head = Head.LISTED if listing else lead  # the word of one kind is not the next one's
        else:
            head, listing = Head.RESOLVED if found["over"] else Head.LISTED, " open" in (found["open"] or "")


def _counted(body: str, said: dict[str, Head]) -> frozenset[str]:
    """What a text may say of those whom it only counts; nothing where it names as many as it counts."""
    numbers = [int(next(filter(None, found))) for found in _NUMBERS.findall(body)]
    more = re.search(r"(?<![\w#:.])\+\d+", body) is not None
    if not numbers or (not more and max(numbers) <= len(said)):
        return frozenset()
    heads = {
        Head(found).believed for found in re.findall("|".join(sorted(Head, key=len, reverse=True)), body)
    }
    heads |= {"over"} if "resolved" in body else set()
    heads |= (
        {"firing"} if re.search(r"\b(?:\d+ (?:open|more|critical|warning)|all open|LATE)\b", body) else set()
    )
    return frozenset(heads)

"""What somebody with a phone in the hand can tell: by the words of the texts alone, not by what the program thinks it said."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stormy import Arrival, is_critical

from sms_notify.alert import Alert
from sms_notify.wording import gsm
from sms_notify.wording.alert_fields import speaks_of

QUARTER = timedelta(minutes=15)
_SEVERITY = "(?:critical |warning |info )?"
_BEGUN = re.compile(
    rf"(?:(?P<more>\d+) more|LATE, (?P<late>\d+)|(?:FIRING|FLAPPING) {_SEVERITY}(?:(?P<news>\d+)(?:x| of \d+)\b)?)"
)
_CAME_AND_WENT = re.compile(r"(?:^|; )(\d+) resolved\b")
_ENDED = re.compile(r"(?:^|; )OK (?:(\d+)x\b)?")


@dataclass(frozen=True, slots=True)
class OnPhone:
    """One text as its owner has it."""

    at: datetime
    person: str
    text: str

    @property
    def parts(self) -> int:
        return gsm.parts(self.text)


@dataclass(frozen=True, slots=True)
class Naming:
    """A critical alert that came at `at`, and the first text that names it to one of its people; None where none ever does."""

    at: datetime
    person: str
    alert: Alert
    text: OnPhone | None

    @property
    def waited(self) -> timedelta | None:
        return self.text.at - self.at if self.text is not None else None


def numbers(text: str) -> tuple[int, int]:
    """How many beginnings, and how many ends, a text says that it tells."""
    head = _BEGUN.match(text)
    begun = int(head["more"] or head["late"] or head["news"] or 1) if head else 0
    if head is None or not (head["more"] or head["late"]):  # else they are among those
        begun += sum(int(number) for number in _CAME_AND_WENT.findall(text))
    return begun, sum(int(number or 1) for number in _ENDED.findall(text))


def names(text: str, alert: Alert) -> bool:
    """Whether a reader learns from this text what has happened, and where."""
    what, where = alert.labels["alertname"], alert.labels["instance"]
    return any(speaks_of(piece, what) and speaks_of(piece, where) for piece in re.split("[;\n]", text)) or (
        f"alertname= {what}\n" in text and speaks_of(text, where)
    )


def namings(
    arrivals: Sequence[Arrival], phones: Sequence[OnPhone], people: Callable[[Alert], Iterable[str]]
) -> Iterator[Naming]:
    """Every critical alert with each of its `people`."""
    for arrival in arrivals:
        for alert in filter(is_critical, arrival.delivery.alerts):
            for person in people(alert):
                mine = (t for t in phones if t.person == person and t.at >= arrival.at)
                yield Naming(arrival.at, person, alert, next((t for t in mine if names(t.text, alert)), None))


def rest(phones: Iterable[OnPhone], urgent: Iterable[Naming]) -> list[OnPhone]:
    """The texts from which nobody first learns of something critical."""
    news = {id(naming.text) for naming in urgent}
    return [text for text in phones if id(text) not in news]


def most_within(moments: Iterable[datetime], window: timedelta = QUARTER) -> int:
    """The most texts in any span of `window`."""
    most, within = 0, deque[datetime]()
    for at in sorted(moments):
        within.append(at)
        while at - within[0] >= window:
            within.popleft()
        most = max(most, len(within))
    return most

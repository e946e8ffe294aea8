"""The dead man's switch: one text for each reader lies in a gateway's outbox, and is pushed ahead while we live.

The next one is scheduled before the last one is taken back, so there is never a gap. A text without an id is taken back by its
number, which takes the next one that is due there: so only where all that is due before a text that is needed no more is unsure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sms_notify.policy.armed_texts import ArmedState, ArmedText
from sms_notify.policy.directory import Target

SHORTEST = timedelta(minutes=2)
"""A gateway counts in minutes, and a request may take one: less leaves no time for a second try."""
LONGEST = timedelta(days=1)
"""Longer, and people notice a dead site before the text comes."""
USUAL = timedelta(minutes=15)
MOST_UNSURE = 20
"""Texts to one reader that may lie there after lost answers; above that no other is asked for until they are cleared or past."""
_MINUTE = timedelta(minutes=1)
_GIVEN_UP = timedelta(hours=1)  # after its minute: the gateway does not say whether it has left
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class SiteAlive:
    """What `site_alive` says: whom the gateway texts when nothing was heard of us for `after`."""

    after: timedelta
    notify: tuple[Target, ...]
    disarm_on_stop: bool = False


class Deed(StrEnum):
    """What is to be done about one text."""

    ARM = "arm"
    REMOVE = "remove"
    REMOVE_UNSURE = "remove_unsure"
    FIRED = "fired"


@dataclass(frozen=True, slots=True)
class Move:
    """ARM has `due_at`, the others a `text`; REMOVE_UNSURE a `following` one too, where one must be given up for it, and those
    that are unsure `between` the two.
    """

    deed: Deed
    text: ArmedText | None = None
    following: ArmedText | None = None
    due_at: datetime | None = None
    between: tuple[ArmedText, ...] = ()


@dataclass(frozen=True, slots=True)
class Ahead:
    """How far ahead a reader's text is to lie. `minute` is the gateway's for an instant."""

    after: timedelta
    minute: Callable[[datetime], datetime]

    @property
    def alarm_at(self) -> timedelta:
        """What is left when somebody must hear that it cannot be pushed."""
        return self.after / 3


@dataclass(frozen=True, slots=True)
class ReaderTexts:
    """One reader's texts. `lying` are those of the switch; `beside` the minutes at which others of ours are due to that
    number, by gateway. Only what lies at one of `gateways` can be taken back.
    """

    lying: Sequence[ArmedText]
    gateways: tuple[str, ...]
    beside: Sequence[tuple[str, datetime]] = ()


def next_move(texts: ReaderTexts, ahead: Ahead | None, now: datetime) -> Move | None:
    """What comes next for one reader; None: nothing now. Without `ahead` nothing is to lie there."""
    if fired := next((text for text in texts.lying if _has_left(text, texts, now)), None):
        return Move(Deed.FIRED, fired)
    kept = kept_of(texts, ahead, now) if ahead else None
    if ahead and kept is None and len(_unsure(texts)) < MOST_UNSURE:
        return Move(Deed.ARM, due_at=_due(texts, ahead, now))
    if ahead and kept is None:
        return None
    return _clearing(texts, kept)


def kept_of(texts: ReaderTexts, ahead: Ahead, now: datetime) -> ArmedText | None:
    """The text that stands for us: known, and neither too near nor, after a step of our clock, too far."""
    far = _too_far(ahead, now)
    known = [t for t in texts.lying if t.state is ArmedState.ARMED and t.gateway in texts.gateways]
    last = max((t for t in known if t.due_at <= far), key=lambda t: t.due_at, default=None)
    if last is None or last.due_at < now + push_at(ahead.after):
        return None
    waits = any(t.gateway == last.gateway and _first(t, last, texts) for t in _unsure(texts))
    return None if waits else last  # another one lets the unsure one be cleared at once


def armed_until(lying: Iterable[ArmedText], now: datetime) -> dict[str, datetime]:
    """By number, when the last one leaves that is known to lie there; who is not in it has none."""
    known = (t for t in lying if t.state is ArmedState.ARMED and t.due_at > now)
    return {text.number: text.due_at for text in sorted(known, key=_by_due)}


def about_to_fire(lying: Iterable[ArmedText], ahead: Ahead, now: datetime) -> ArmedText | None:
    """The first that nobody takes back, though it is high time."""
    return next((t for t in sorted(lying, key=_by_due) if t.due_at < now + ahead.alarm_at), None)


def push_at(after: timedelta) -> timedelta:
    """What is left of a text when the next one is scheduled."""
    return after * 2 / 3


def pause_after(failures: int, after: timedelta) -> timedelta:
    """Until the gateway is asked again."""
    longest = max(_FIRST_PAUSE, min(_LONGEST_PAUSE, after / 12))
    return min(_FIRST_PAUSE * (1 << min(failures - 1, 10)), longest)


def _by_due(text: ArmedText) -> datetime:
    return text.due_at


def _has_left(text: ArmedText, texts: ReaderTexts, now: datetime) -> bool:
    """By the clock; a gateway that can still be asked by an id knows better, and does not step with our clock."""
    if not text.outboxid or text.gateway not in texts.gateways:
        return text.past(now)
    return text.state is not ArmedState.ARMED and text.past(now - _GIVEN_UP)


def _unsure(texts: ReaderTexts) -> list[ArmedText]:
    found = (t for t in texts.lying if t.state is ArmedState.UNSURE and t.gateway in texts.gateways)
    return sorted(found, key=_by_due)


def _too_far(ahead: Ahead, now: datetime) -> datetime:
    """What is due later than this was armed before our clock was set back; lost answers make each next one a minute later."""
    return ahead.minute(now + ahead.after) + _MINUTE * (MOST_UNSURE + 2)


def _due(texts: ReaderTexts, ahead: Ahead, now: datetime) -> datetime:
    """After all that is unsure, so that it is cleared first. A minute of its own: of two texts of one minute nobody knows which a
    removal by number takes.
    """
    far = _too_far(ahead, now)
    unsure = [text.due_at + _MINUTE for text in _unsure(texts) if text.due_at < far]
    due = max([ahead.minute(now + ahead.after), *(ahead.minute(at) for at in unsure)])
    taken = {text.due_at for text in texts.lying} | {at for _, at in texts.beside}
    while due in taken:
        due = ahead.minute(due + _MINUTE)
    return due


def _clearing(texts: ReaderTexts, kept: ArmedText | None) -> Move | None:
    for unsure in _unsure(texts):
        following = _following(unsure, kept, texts)
        if following is not None and _first(unsure, following, texts):
            others = (t for t in _unsure(texts) if t.gateway == unsure.gateway and t != unsure)
            between = tuple(t for t in others if t.due_at < following.due_at)
            return Move(Deed.REMOVE_UNSURE, unsure, following, between=between)
        if kept is None and _alone(unsure, texts):
            return Move(Deed.REMOVE_UNSURE, unsure)
    known = (t for t in texts.lying if t.outboxid and t != kept and t.gateway in texts.gateways)
    return next((Move(Deed.REMOVE, text) for text in known), None)


def _following(unsure: ArmedText, kept: ArmedText | None, texts: ReaderTexts) -> ArmedText | None:
    """The first known one after it, which is needed no more."""
    later = (t for t in texts.lying if t.state is ArmedState.ARMED and t.gateway == unsure.gateway)
    found = min((t for t in later if t.due_at > unsure.due_at), key=_by_due, default=None)
    return None if found == kept else found


def _first(unsure: ArmedText, following: ArmedText, texts: ReaderTexts) -> bool:
    """Whether a removal by number takes nothing but what is unsure, and this one first, else the following."""
    before = sorted((t for t in texts.lying if t.gateway == unsure.gateway), key=_by_due)
    before = before[: before.index(following)]
    others = any(name == unsure.gateway and at <= following.due_at for name, at in texts.beside)
    return not others and before[:1] == [unsure] and all(t.state is ArmedState.UNSURE for t in before)


def _alone(unsure: ArmedText, texts: ReaderTexts) -> bool:
    """Whether nothing else of ours waits for that number there."""
    there = sorted((t for t in texts.lying if t.gateway == unsure.gateway), key=_by_due)
    beside = any(name == unsure.gateway for name, _ in texts.beside)
    return not beside and there[0] == unsure and all(t.state is ArmedState.UNSURE for t in there)

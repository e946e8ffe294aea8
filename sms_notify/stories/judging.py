"""Whether what a story expects holds: each expectation against the texts that arrived, and against the ledger."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sms_notify.config.durations import spell_duration
from sms_notify.policy.belief import Belief
from sms_notify.policy.vocabulary import IncidentState
from sms_notify.store import belief_rows, reader_history
from sms_notify.stories.played import Played, StoryError, StoryText
from sms_notify.stories.playing import Player
from sms_notify.stories.reading import OPERATOR, Expectation, ExpectedText, Story

_SECOND = timedelta(seconds=1)
_UNKNOWN = "unknown"
_STATES = {IncidentState.CLOSED: "resolved"}


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that does not hold, or a story that could not be played (then `line` 0), and why."""

    line: int
    words: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.words}: {self.why}" if self.line else self.why


@dataclass(frozen=True, slots=True)
class StoryVerdict:
    """One story with all its texts, and what of it failed."""

    story: Story
    texts: Sequence[StoryText]
    failures: Sequence[Failure]

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def credits(self) -> int:
        return sum(text.credits for text in self.texts)


def judge(
    story: Story, environ: Mapping[str, str] = os.environ, *, every: timedelta | None = None
) -> StoryVerdict:
    """Plays a story and says what of it does not hold. `every`: with a tick at least so often."""
    with Player(story, environ, every=every) as player:
        try:
            played = player.play()
            failures = unmet(player, story.expect)
        except StoryError as error:
            return StoryVerdict(story, player.played.texts, [Failure(0, "", str(error))])
        return StoryVerdict(story, played.texts, failures)


def unmet(player: Player, expected: Iterable[Expectation]) -> list[Failure]:
    """Those of these expectations that do not hold of a story that was played. Raises StoryError where one makes no sense."""
    return [failure for one in expected if (failure := _failure(player, one)) is not None]


def _failure(player: Player, expected: Expectation) -> Failure | None:
    for name in _named(expected):
        player.played.check_name(name, expected.line)
    if expected.given.believes == OPERATOR:
        player.played.wrong(expected.line, f"`{OPERATOR}` is a channel, and believes nothing")
    why = _JUDGES[expected.given.kind](player, expected)
    return None if why is None else Failure(expected.line, expected.words, why)


def _named(expected: Expectation) -> list[str]:
    given = expected.given
    named = (given.texted, given.silent, given.count, given.believes, *(text.to for text in expected.texts))
    return [name for name in named if name is not None]


def fits(pattern: str, text: str) -> bool:
    r"""Whether `text` is as `pattern`, in which `*` stands for anything, and `\*` for a star. In linear time for each piece."""
    first, *pieces = (piece.replace("\0", "*") for piece in pattern.replace(r"\*", "\0").split("*"))
    if not pieces:
        return text == first
    if not text.startswith(first):
        return False
    at = len(first)
    for piece in pieces[:-1]:
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return text.endswith(pieces[-1]) and len(text) - len(pieces[-1]) >= at


def _matching(played: Played, name: str, expected: Expectation) -> list[StoryText]:
    pattern = expected.given.text
    return [
        text
        for text in played.texts
        if name in text.to and expected.since <= text.at <= expected.until and fits(pattern, text.body)
    ]


def _texted(player: Player, expected: Expectation) -> str | None:
    found = _matching(player.played, expected.given.texted or "", expected)
    return None if found else "no such text"


def _silent(player: Player, expected: Expectation) -> str | None:
    found = _matching(player.played, expected.given.silent or "", expected)
    return f"texted at {spell_duration(found[0].at)}: {found[0].body}" if found else None


def _count(player: Player, expected: Expectation) -> str | None:
    given, number = expected.given, len(_matching(player.played, expected.given.count or "", expected))
    too_many = given.most is not None and number > given.most
    too_few = given.least is not None and number < given.least
    return f"there are {number}" if too_many or too_few else None


def _texts(player: Player, expected: Expectation) -> str | None:
    """Exactly these; the operator's notes count where one of them is expected."""
    notes = any(one.to == OPERATOR for one in expected.texts)
    texts = [text for text in player.played.texts if notes or not text.by_channel]
    for number, (one, text) in enumerate(zip(expected.texts, texts, strict=False), 1):
        if why := _unlike(one, text):
            return (
                f"text {number} is another one ({why}): {spell_duration(text.at)} {text.to[0]}: {text.body}"
            )
    missing = len(expected.texts) - len(texts)
    return f"there are {len(texts)} texts" if missing else None


def _unlike(one: ExpectedText, text: StoryText) -> str:
    if one.to not in text.to:
        return f"not to {one.to}"
    if one.at is not None and not one.at <= text.at < one.at + _SECOND:
        return f"not at {spell_duration(one.at)}"
    return "" if fits(one.text, text.body) else "other words"


def _credits(player: Player, expected: Expectation) -> str | None:
    spent = sum(text.credits for text in player.played.texts)
    return f"{spent} were spent" if spent > (expected.given.credits or 0) else None


# What only the ledger knows.


def _state(player: Player, expected: Expectation) -> str | None:
    named = expected.given.state
    labels = named.labels if named is not None else {}
    found = player.look(partial(reader_history.incidents_with, labels=labels))
    state = _UNKNOWN if not found else _STATES.get(found[0]["state"], str(found[0]["state"]))
    return None if state == expected.given.is_ else f"it is {state}"


def _believes(player: Player, expected: Expectation) -> str | None:
    name = expected.given.believes or ""
    belief = belief_of(player, name, expected.given.labels or {})
    return None if belief == expected.given.is_ else f"{name} believes {belief}"


def belief_of(player: Player, name: str, labels: Mapping[str, str]) -> Belief:
    """What somebody believes of the newest problem with these labels. A name that nobody has any more is whoever has its
    number.
    """
    found = player.look(partial(reader_history.incidents_with, labels=labels))
    if not found:
        return Belief.NOTHING
    problem = (str(found[0]["source"]), str(found[0]["fingerprint"]))
    number = player.played.people.get(name, name)
    for _, believed in player.look(partial(belief_rows.of_problems, keys=[problem])):
        if name == believed.person.name or number == believed.person.number:
            return believed.belief
    return Belief.NOTHING


_JUDGES: Mapping[str, Callable[[Player, Expectation], str | None]] = {
    "texted": _texted,
    "silent": _silent,
    "count": _count,
    "texts": _texts,
    "believes": _believes,
    "state": _state,
    "credits": _credits,
}

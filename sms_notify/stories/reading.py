"""Reading story files: every fault with file and line, or stories that can be played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sms_notify.config.document import Document, Place, Value, parse_document, read_document
from sms_notify.config.load import settings_of
from sms_notify.config.schema_errors import shaped
from sms_notify.config.settings import Settings
from sms_notify.errors import ConfigError, Fault
from sms_notify.stories.models import At, EventText, ExpectText, StoryEntry, StoryFile, TextAt

AFTERWARDS = timedelta(hours=1)
OPERATOR = "operator"
"""What an expectation calls whoever the operator's other channels reach."""
_LINKS = "https://sms.example.org"
# What a configuration of a story may leave out: an account that is never asked, and a channel to the operator.
_GATEWAYS: list[Value] = [
    {
        "name": "main",
        "type": "1601sms",
        "url": "https://gateway.example.org/module/",
        "username": "story",
        "password": "story",
        "sender": "Story",
    },
    {"name": OPERATOR, "type": "webhook", "url": "https://operator.example.org/"},
]


@dataclass(frozen=True, slots=True)
class ConfigSource:
    """Where a configuration stands: in `path`, or as `text` on the lines after `line` of the story's file `path`."""

    path: Path
    text: str | None = None
    line: int = 0

    def load(self, environ: Mapping[str, str], *, links: bool = False) -> Settings:
        """The settings, by the daemon's own loader. With `links` its texts bear them also where `web` is left out.

        Raises ConfigError with the daemon's words.
        """
        document = self._document()
        _give(document.data, links)
        try:
            return settings_of(document, environ, self.path.parent)
        except ConfigError as error:
            raise ConfigError([_placed(fault, self.line) for fault in error.faults]) from None

    def _document(self) -> Document:
        if self.text is None:
            return read_document(self.path)
        try:
            document = parse_document(self.text, str(self.path))
        except ConfigError as error:
            raise ConfigError([_moved(fault, self.line) for fault in error.faults]) from None
        document.lines = {place: line + self.line for place, line in document.lines.items()}
        document.faults = [_moved(fault, self.line) for fault in document.faults]
        return document


def _placed(fault: Fault, line: int) -> Fault:
    """What is wrong with a configuration as a whole is told where it begins."""
    return fault if fault.line else replace(fault, line=line)


def _moved(fault: Fault, lines: int) -> Fault:
    return replace(fault, line=fault.line + lines if fault.line else lines)


def _give(data: dict[str, Value], links: bool) -> None:
    if "gateways" not in data:
        data["gateways"] = _GATEWAYS
        data.setdefault(OPERATOR, [f"gateway:{OPERATOR}"])
    if links:
        data.setdefault("web", {"external_url": _LINKS})


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """Something happens `at` so long after the start. `config` is the other configuration that is loaded, if one is."""

    at: timedelta
    line: int
    kind: str
    given: EventText
    config: ConfigSource | None = None


@dataclass(frozen=True, slots=True)
class ExpectedText:
    """One text of the list that must be exactly what was sent; `at` None = at any time."""

    at: timedelta | None
    to: str
    text: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must hold; `words` as the file has it, on `line`. Times are since the start, both ends included."""

    line: int
    words: str
    given: ExpectText
    since: timedelta
    until: timedelta
    texts: tuple[ExpectedText, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """One story of a file: events in the order of time, those of one moment in the order of the file."""

    file: str
    line: int
    name: str
    start: datetime
    ends: timedelta
    events: tuple[StoryEvent, ...]
    expect: tuple[Expectation, ...]
    config: ConfigSource


def read_stories(path: Path) -> tuple[Story, ...]:
    """The stories of a file in its order. Raises ConfigError with every fault of the file."""
    document = read_document(path)
    model, faults = shaped(document, StoryFile)
    everything = sorted(dict.fromkeys([*document.faults, *faults]), key=lambda fault: fault.line)
    if everything or model is None:
        raise ConfigError(everything)
    stories = tuple(_story(document, path, model, n) for n in range(len(model.stories)))
    _check_names(stories)
    return stories


def _story(document: Document, path: Path, model: StoryFile, number: int) -> Story:
    text, place = model.stories[number], ("stories", number)
    events = tuple(_event(document, path, text, n, (*place, "events", n)) for n in range(len(text.events)))
    events = tuple(sorted(events, key=lambda event: event.at))
    last = max((_end_of(event) for event in events), default=timedelta())
    ends = last + AFTERWARDS if text.run_for is None else text.run_for
    for event in events:
        _check_time(document, event, ends)
    return Story(
        file=str(path),
        line=document.lines[place],
        name=text.story,
        start=text.start,
        ends=ends,
        events=events,
        expect=tuple(
            _expectation(document, text, given, (*place, "expect", n), ends)
            for n, given in enumerate(text.expect)
        ),
        config=_source(document, path, model.config, model.config_file, ("config",)),
    )


def _end_of(event: StoryEvent) -> timedelta:
    """When an event has ended: a daemon that is off comes back."""
    return event.at + (event.given.restart.down if event.given.restart is not None else timedelta())


def _event(document: Document, path: Path, story: StoryEntry, number: int, place: Place) -> StoryEvent:
    given = story.events[number]
    config = None
    if given.config is not None or given.config_file is not None:
        config = _source(document, path, given.config or "", given.config_file or "", (*place, "config"))
    return StoryEvent(_since(given.at, story.start), document.lines[place], given.kind, given, config)


def _source(document: Document, path: Path, text: str, file: str, place: Place) -> ConfigSource:
    if file:
        return ConfigSource(path.parent / file)
    return ConfigSource(path, text, document.blocks.get(place, document.lines[place] - 1))


def _expectation(
    document: Document, story: StoryEntry, given: ExpectText, place: Place, ends: timedelta
) -> Expectation:
    since = timedelta() if given.from_ is None else _since(given.from_, story.start)
    until = ends if given.by is None else _since(given.by, story.start)
    if not timedelta() <= since <= min(until, ends):
        what = "looks at a time in which nothing can happen"
        advice = "look at `from`, `by` and the end of the story"
        raise ConfigError([Fault(document.file, document.lines[place], "", what, advice)])
    return Expectation(
        line=document.lines[place],
        words=_spelled(document, place),
        given=given,
        since=since,
        until=until,
        texts=tuple(_expected(story, one) for one in given.texts or ()),
    )


def _expected(story: StoryEntry, one: TextAt) -> ExpectedText:
    return ExpectedText(None if one.at is None else _since(one.at, story.start), one.to, one.text)


def _since(at: At, start: datetime) -> timedelta:
    return at - start if isinstance(at, datetime) else at


def _spelled(document: Document, place: Place) -> str:
    """The expectation on one line, as a person would write it."""
    found: Value = document.data
    for part in place:
        found = found[part]  # type: ignore[index]
    return _flow(found)


def _flow(value: Value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(below)}" for key, below in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)


def _check_time(document: Document, event: StoryEvent, ends: timedelta) -> None:
    if not timedelta() <= event.at <= ends:
        what = "happens before the start" if event.at < timedelta() else "happens after the end of the story"
        advice = "look at `at`, `start` and `run_for`"
        raise ConfigError([Fault(document.file, event.line, "", what, advice)])


def _check_names(stories: tuple[Story, ...]) -> None:
    seen: dict[str, int] = {}
    for story in stories:
        if story.name in seen:
            what = f"`{story.name}` is the name of another story, on line {seen[story.name]}"
            raise ConfigError([Fault(story.file, story.line, "", what, "give each a name of its own")])
        seen[story.name] = story.line

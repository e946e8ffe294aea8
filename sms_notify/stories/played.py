"""What came of a story: its texts, and whom an expectation may name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn

from sms_notify.channels.settings import OperatorKind
from sms_notify.config.settings import Settings
from sms_notify.daemon.wiring import plan_of
from sms_notify.errors import SmsNotifyError
from sms_notify.stories.reading import OPERATOR, Story

GROUP = "gateway-group:"


class StoryError(SmsNotifyError):
    """A story that cannot be played on; the text says why, with file and line."""


@dataclass(frozen=True, slots=True)
class StoryText:
    """A text that a gateway accepted, or a note that reached the operator otherwise.

    `at` is the time since the start, `wall` aware UTC; `to` are the names that the configuration of that moment gives the
    number, else the number. `report` is what is reported of it in the end; empty = nothing.
    """

    at: timedelta
    wall: datetime
    to: tuple[str, ...]
    number: str
    body: str
    gateway: str = ""
    credits: int = 0
    report: str = ""

    @property
    def by_channel(self) -> bool:
        return self.to == (OPERATOR,)


@dataclass(slots=True)
class Played:
    """What came of a story. `known` are all whom an expectation may name; `rows` looks into the ledger at the end."""

    story: Story
    texts: list[StoryText] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    """Name → number, of every configuration that was loaded; the newest counts."""
    gateways: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    operator: bool = False
    """Whether any of them names a channel to the operator."""

    def learn(self, settings: Settings) -> None:
        """Whom and what a configuration names."""
        self.people |= {name: person.number for name, person in settings.directory.people.items()}
        self.gateways |= {gateway.name for gateway in settings.gateways}
        self.operator |= any(target.kind is OperatorKind.GATEWAY for target in settings.operator)
        self.numbers |= plan_of(settings).numbers()

    def check_name(self, name: str, where: int) -> None:
        """Raises StoryError for a name that nobody has: nothing could ever be expected of it."""
        if name == OPERATOR:
            if not self.operator:
                what = f"`{OPERATOR}` is reached by no channel of the configuration"
                self.wrong(where, f"{what} (name one under `operator:`, as gateway:NAME)")
        elif name.startswith("+"):
            owners = [known for known, number in self.people.items() if number == name]
            if owners:
                self.wrong(where, f"`{name}` is somebody's number (write `{owners[0]}`)")
            elif name not in self.numbers:
                self.wrong(where, f"`{name}` is a number that the configuration does not name")
        elif name.startswith(GROUP):
            if number_of(name) not in self.numbers:
                self.wrong(where, f"`{name}` is a group that no receiver names")
        elif name not in self.people:
            self.wrong(where, f"`{name}` is nobody in people ({near(name, [*self.people, OPERATOR])})")

    def check_gateway(self, name: str, where: int) -> None:
        """Raises StoryError for a gateway that no configuration names: its weather would never come."""
        if name not in self.gateways:
            self.wrong(where, f"`{name}` is not a gateway of the configuration ({near(name, self.gateways)})")

    def wrong(self, where: int, what: str) -> NoReturn:
        """Raises StoryError with the file and this line."""
        raise StoryError(f"{self.story.file}:{where}: {what}")


def near(name: str, known: Iterable[str]) -> str:
    """For a name that nobody has."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean `{close[0]}`?" if close else f"known: {', '.join(known)}"


def number_of(name: str) -> str:
    """Of a group or a number, as a message has it."""
    return f"group:{name.removeprefix(GROUP)}" if name.startswith(GROUP) else name

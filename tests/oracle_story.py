"""A story file as the oracle reads it, by itself: durations, configurations with their routes, and when the daemon ran."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import yaml

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
CRITICAL = frozenset(
    ("critical", "page", "p1", "sev1", "sev-1", "s1", "disaster", "high", "fatal", "emergency")
)
RANKS = {"critical": 0, "warning": 1, "other": 2, "info": 3}
_MATCHER = re.compile(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"')


def parsed(text: str) -> Any:
    """Everything is text, as the program reads its files."""
    return yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506


def seconds(text: str) -> int:
    """Of `1h30m`, `-5m`, `+90s`."""
    size = sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([dhms])", text))
    return -size if text.startswith("-") else size


def rank_of(severity: str) -> int:
    """0 is critical; a word that nobody knows is `other`."""
    return 0 if severity.lower() in CRITICAL else RANKS.get(severity.lower(), RANKS["other"])


@dataclass(frozen=True)
class Setting:
    """One configuration, as far as the oracle understands it."""

    data: Mapping[str, Any]

    @property
    def people(self) -> Mapping[str, Any]:
        people: Mapping[str, Any] = self.data["people"]
        return people

    def receivers_of(self, labels: Mapping[str, str], severity: str) -> list[Mapping[str, Any]]:
        """The receivers to which the routes lead: one level below the root, first match wins but for `continue`."""
        told, names = {**labels, "severity": severity}, []
        for route in self.data["route"].get("routes", ()):
            if all(_matches(one, told) for one in route["matchers"]):
                names.append(route["receiver"])
                if route.get("continue") != "true":
                    break
        names = names or [self.data["route"]["receiver"]]
        return [one for one in self.data["receivers"] if one["name"] in names]

    def holders(self, target: str) -> tuple[str, ...]:
        """The people of a target: of a schedule all who may hold it."""
        kind, _, name = target.partition(":")
        if kind == "person":
            return (name,)
        if kind == "gateway-group":
            return (target,)
        if kind == "team":
            return tuple(self.data["teams"][name])
        return tuple(self.data["schedules"][name]["rotation"]["members"]) if kind == "schedule" else ()

    @cached_property
    def quiet_people(self) -> frozenset[str]:
        return frozenset(name for name, has in self.people.items() if "quiet" in has)

    @property
    def calm(self) -> bool:
        """Whether limits hold nothing in a story of few texts."""
        return self.data.get("limits", "default") in ("off", "default") and not any(
            "limits" in one for one in self.data["receivers"]
        )


def _matches(matcher: str, labels: Mapping[str, str]) -> bool:
    found = _MATCHER.fullmatch(matcher)
    assert found is not None, matcher
    name, operator, value = found.groups()
    words = {labels.get(name, "")}
    if name == "severity" and rank_of(labels.get(name, "")) == 0:
        words.add("critical")
    fits = [
        word == value if operator in ("=", "!=") else re.fullmatch(value, word) is not None for word in words
    ]
    return any(fits) if operator in ("=", "=~") else not any(fits)


@dataclass
class OracleStory:
    """One story. Times are seconds since its start; `config_at` the configurations with the time of each."""

    name: str
    start: datetime
    ends: int
    events: Sequence[tuple[int, str, Any]]
    config_at: list[tuple[int, Setting]] = field(default_factory=list)
    off: list[tuple[int, int]] = field(default_factory=list)

    @property
    def last(self) -> Setting:
        return self.config_at[-1][1]

    def setting_at(self, at: float) -> Setting:
        """The configuration of a moment."""
        return [setting for since, setting in self.config_at if since <= at][-1]

    @property
    def settings(self) -> list[Setting]:
        return [setting for _, setting in self.config_at]

    def of_kind(self, *kinds: str) -> Iterator[tuple[int, str, Any]]:
        return (event for event in self.events if event[1] in kinds)

    def arrival(self, at: int) -> int:
        """When something that is sent then arrives: a daemon that is off hears it when it is back."""
        return next((back for gone, back in self.off if gone < at < back), at)

    @cached_property
    def faults(self) -> list[tuple[int, int, str, str]]:
        """From, until, for whom (empty: all), and what: every spell of bad weather. One that only counts may last for ever."""
        found: list[tuple[int, int, str, str]] = []
        fair = [at for at, _, what in self.of_kind("gateway") if "ok" in what]
        for at, _, what in self.of_kind("gateway"):
            if "ok" in what:
                continue
            until = (
                at + seconds(what["for"])
                if "for" in what
                else min([t for t in fair if t >= at], default=self.ends)
            )
            kind = next(key for key in what if key not in ("to", "count", "for", "name"))
            found.append((at, until, what.get("to", ""), f"{kind}:{what[kind]}"))
        return found

    def faulty(self, person: str, since: float, until: float) -> bool:
        return any(at <= until and since <= end and to in ("", person) for at, end, to, _ in self.faults)


def read_story(text: str) -> OracleStory:
    """The only story of a file."""
    file = parsed(text)
    (story,) = file["stories"]
    events = []
    for event in story["events"]:
        at = seconds(event["at"])
        kind = next(key for key in event if key != "at")
        events.append((at, kind, event[kind]))
    events.sort(key=lambda event: event[0])
    made = OracleStory(
        story["story"], datetime.fromisoformat(story["start"]), seconds(story["run_for"]), events
    )
    made.config_at = [(0, Setting(parsed(file["config"])))]
    made.config_at += [(at, Setting(parsed(text))) for at, _, text in made.of_kind("config")]
    for at, _, what in made.of_kind("restart"):
        back, before = at + seconds(what["down"]), made.off[-1:]
        if before and at <= before[0][1]:  # it was off already
            made.off[-1] = (before[0][0], max(back, before[0][1]))
        else:
            made.off.append((at, back))
    return made

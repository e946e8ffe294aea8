"""One problem of a story as the oracle asks about it: who is responsible, what it went through, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oracle_problem import Problem
from oracle_reading import Heard
from oracle_story import Setting, rank_of

FLICKERS = 610  # seconds after an end in which the same episode may go on


@dataclass(frozen=True)
class Violation:
    """What is wrong: the kind is the rule that is broken and what the problem went through."""

    rule: str
    about: str
    place: str
    reader: str
    detail: str

    @property
    def kind(self) -> str:
        return f"{self.rule}: {self.about}"

    def __str__(self) -> str:
        return f"{self.kind}: {self.place} {self.reader} {self.detail}"


@dataclass(frozen=True)
class Case:
    """One problem of a story, and whatever is asked about it."""

    heard: Heard
    problem: Problem

    @property
    def place(self) -> str:
        return self.problem.place

    @property
    def name(self) -> str:
        return next(iter(self.problem.members.values())).name

    def duty(self, *, firing_only: bool = False, setting: Setting | None = None) -> list[tuple[str, ...]]:
        """Of each target of `notify`, by the last configuration or another one, those who may hold it."""
        found, setting = [], setting or self.heard.story.last
        for member in self.problem.members.values():
            if firing_only and not member.firing:
                continue
            worst = min(member.heard, key=rank_of)
            for receiver in setting.receivers_of(member.labels, worst):
                found += [setting.holders(target) for target in receiver.get("notify", ())]
        return found

    def receivers(self) -> Iterator[Mapping[str, Any]]:
        """Every receiver that any configuration leads to at any severity."""
        for setting in self.heard.story.settings:
            for member in self.problem.members.values():
                for severity in member.heard:
                    yield from setting.receivers_of(member.labels, severity)

    def responsible(self) -> set[str]:
        """Everybody whom any configuration names for it, also by a step."""
        found: set[str] = set()
        for setting in self.heard.story.settings:
            for receiver in self.receivers():
                targets = [
                    *receiver.get("notify", ()),
                    *(t for s in receiver.get("escalate", ()) for t in s["notify"]),
                ]
                found.update(name for target in targets for name in setting.holders(target))
        return found

    def steps_of(self, person: str) -> int:
        """How many steps name this person, over all receivers and configurations."""
        last = self.heard.story.last
        return sum(
            person in last.holders(target)
            for receiver in self.receivers() for step in receiver.get("escalate", ()) for target in step["notify"]
        )  # fmt: skip

    def doubts(self, person: str) -> int:
        """How many texts more may come of bad weather: what was refused, lost, undelivered or unconfirmed."""
        texts = [text for text in self.heard.texts if person in text.to and text.report != "DELIVERED"]
        unsure = [] if person.startswith("gateway-group:") else texts  # no report is to come of a group
        return len(unsure) + 2 * sum(to in ("", person) for _, _, to, _ in self.heard.story.faults)

    def about(self, reader: str) -> str:
        """What it went through, the most telling first."""
        story, problem = self.heard.story, self.problem
        begin = problem.changes[0].at - 60
        gaps = [
            b.begin - (a.end or 0) for a, b in zip(problem.stretches, problem.stretches[1:], strict=False)
        ]
        clocks = [at for at, _, _ in story.of_kind("clock")]
        told = {
            "words alone": problem.notice,
            "clock": any(begin <= at <= problem.changes[-1].at + 60 for at in clocks),
            "flapping": bool(problem.bouts),
            "shared": len(problem.members) > 1,
            "ack taken back": bool(problem.unacks),
            "rise": any(one.rises for one in problem.stretches),
            "fall": any(len(one.severities) > 1 for one in problem.stretches),
            "reload": any(at >= begin for at, _ in story.config_at[1:]),
            "flicker": any(gap <= FLICKERS for gap in gaps),
            "next outage": bool(gaps),
            "bad weather": story.faulty(reader, begin, story.ends) if reader else bool(story.faults),
            "restart": any(back >= begin for _, back in story.off),
            "acknowledged": bool(problem.acks),
            "crowd": any(one.text.reading.counted for one in self.heard.said(reader, self.place)),
            "limits": not story.last.calm,
            "muted": self.muted,
            "quiet": any("quiet" in receiver for receiver in self.receivers()),
        }
        return next((word for word, found in told.items() if found), "plain")

    @property
    def muted(self) -> bool:
        """Whether a mute of a route may hold its beginnings."""
        routes = [route for setting in self.heard.story.settings for route in setting.data["route"]["routes"]]
        names = {route["receiver"] for route in routes if "mute_time_intervals" in route}
        return any(receiver["name"] in names for receiver in self.receivers())

    def violation(self, rule: str, reader: str, detail: object = "", about: str = "") -> Violation:
        return Violation(rule, about or self.about(reader), self.place, reader, str(detail))

"""What is so: of each problem of a story since when it fires and how badly, who took care of it, and when it flapped.

Worked out from the story file alone, by the rules: a problem has a place of its own, and with `dedup_labels: [instance]`
everything at one place is one shared incident.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from oracle_story import OracleStory, rank_of, seconds

CALM, CALM_CRITICAL = 600, 180
FLAPS, WITHIN = 4, 1800
_STATES = {"CRITICAL": "critical", "DOWN": "critical", "WARNING": "warning", "UNREACHABLE": "warning"}
_ZABBIX = {"Disaster": "critical", "High": "critical", "Average": "warning", "Warning": "warning"}
_OVERTAKES = 60  # a PROBLEM so soon after an acknowledgement may have been overtaken by it
_HELD = 60


@dataclass(frozen=True)
class Change:
    """From `at` on it fires with this severity, or is over."""

    at: int
    firing: bool
    severity: str


@dataclass
class Stretch:
    """It fires from `begin` until `end` (None: at the end of the story still); `severities` since when."""

    begin: int
    end: int | None = None
    severities: list[tuple[int, str]] = field(default_factory=list)

    @property
    def worst(self) -> str:
        return min((severity for _, severity in self.severities), key=rank_of)

    @property
    def rises(self) -> list[int]:
        pairs = zip(self.severities, self.severities[1:], strict=False)
        return [at for (_, was), (at, now) in pairs if rank_of(now) < rank_of(was)]

    @property
    def owed_rises(self) -> list[int]:
        """Rises above what is believed, which falls in silence once it was milder for `calm`."""
        found, believed = [], rank_of(self.severities[0][1])
        for (before, was), (at, now) in zip(self.severities, self.severities[1:], strict=False):
            if rank_of(was) > believed and at - before >= CALM:
                believed = rank_of(was)
            if rank_of(now) < believed:
                found.append(at)
                believed = rank_of(now)
        return found

    @property
    def unfallen_rises(self) -> list[int]:
        """Those after which it was never milder: what fell again is owed to nobody any more."""
        return [
            at
            for at in self.owed_rises
            if all(
                rank_of(severity) <= rank_of(self.severity_at(at))
                for since, severity in self.severities
                if since > at
            )
        ]

    def severity_at(self, at: int) -> str:
        """The severity from a moment on."""
        return [severity for since, severity in self.severities if since <= at][-1]


@dataclass
class Member:
    """One alert of a problem, as one source knows it."""

    name: str
    source: str
    labels: Mapping[str, str]
    firing: bool = False
    severity: str = ""
    heard: set[str] = field(default_factory=set)
    started: str = ""
    ended: tuple[int, str] = (-1_000, "")
    """When it ended last, and with which start."""
    acknowledged_there: int | None = None


@dataclass
class Problem:
    """Whatever is at one place."""

    place: str
    members: dict[tuple[str, ...], Member] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    acks: list[int] = field(default_factory=list)
    unacks: list[int] = field(default_factory=list)
    explained: list[int] = field(default_factory=list)
    """When its source ended it and said why: no recovery."""
    flaps: bool = True

    def note(self, at: int) -> None:
        """What its members make of it now."""
        firing = [member for member in self.members.values() if member.firing]
        severity = min((member.severity for member in firing), key=rank_of, default="")
        last = self.changes[-1] if self.changes else Change(-1, False, "")
        if (last.firing, last.severity) != (bool(firing), severity):
            self.changes.append(Change(at, bool(firing), severity))

    @cached_property
    def stretches(self) -> list[Stretch]:
        found: list[Stretch] = []
        for change in self.changes:
            if change.firing and (not found or found[-1].end is not None):
                found.append(Stretch(change.at))
            if change.firing:
                found[-1].severities.append((change.at, change.severity))
            elif found:
                found[-1].end = change.at
        return found

    @property
    def open(self) -> bool:
        return bool(self.stretches) and self.stretches[-1].end is None

    @cached_property
    def bouts(self) -> list[tuple[int, int]]:
        """From its fourth beginning within half an hour until it was calm."""
        if not self.flaps:
            return []
        starts = sorted(
            [one.begin for one in self.stretches] + [at for one in self.stretches for at in one.rises]
        )
        found: list[tuple[int, int]] = []
        for number, at in enumerate(starts):
            if number >= FLAPS - 1 and at - starts[number - FLAPS + 1] <= WITHIN:
                calm = self._calm_after(at)
                if found and at <= found[-1][1]:
                    found[-1] = (found[-1][0], max(calm, found[-1][1]))
                else:
                    found.append((at, calm))
        return found

    def _calm_after(self, at: int) -> int:
        """When nothing had changed for `calm`, from a moment on."""
        for change in self.changes:
            if at < change.at <= at + CALM:
                at = change.at
        return at + CALM

    def in_bout(self, at: float) -> bool:
        """Also while the first texts of a bout are on their way."""
        return any(begin <= at <= calm + 60 for begin, calm in self.bouts)

    def stretch_at(self, at: float) -> Stretch | None:
        return next(
            (one for one in self.stretches if one.begin <= at and (one.end is None or at < one.end)), None
        )

    @property
    def restarts(self) -> list[int]:
        """Whatever may begin its turns anew and end an acknowledgement."""
        rises = [at for one in self.stretches for at in one.rises]
        return sorted(
            [*(one.begin for one in self.stretches), *rises, *self.unacks, *(c for _, c in self.bouts)]
        )

    def acknowledged(self, at: float) -> int | None:
        """Since when somebody takes care of it at a moment; None where nobody does, or may no longer."""
        taken = [ack for ack in self.acks if ack <= at]
        if not taken or any(taken[-1] < other <= at for other in self.restarts):
            return None
        return taken[-1]


def problems_of(story: OracleStory) -> dict[str, Problem]:
    """Every problem of a story, by its place."""
    found: dict[str, Problem] = {}
    flaps = any(setting.data.get("limits") != "off" for setting in story.settings)
    held: list[tuple[int, Problem, Member]] = []
    for sent, kind, what in story.events:
        at = story.arrival(sent)
        _open_held(held, at)
        for place, member, firing, severity in _told(kind, what):
            problem = found.setdefault(place, Problem(place, flaps=flaps))
            known = problem.members.setdefault((member.source, member.name), member)
            held[:] = [one for one in held if one[2] is not known]
            if severity and not (severity == "unknown" and known.severity):
                known.severity = "warning" if severity == "unknown" else severity
                known.heard.add(known.severity)
            if firing and not known.firing and _is_old_copy(known, member, at):
                held.append((known.ended[0] + _HELD, problem, known))
                continue
            known.ended = (at, member.started) if known.firing and not firing else known.ended
            known.firing = firing
            problem.note(at)
        _note_acknowledgements(found, at, sent, kind, what)
    _open_held(held, story.ends)
    return found


def _is_old_copy(known: Member, told: Member, at: int) -> bool:
    """A firing with the start of what ended less than a minute ago is held, never dropped."""
    return told.started != "" and told.started == known.ended[1] and at - known.ended[0] < _HELD


def _open_held(held: list[tuple[int, Problem, Member]], now: int) -> None:
    for due, problem, member in [one for one in held if one[0] <= now]:
        member.firing = True
        problem.note(due)
        held.remove((due, problem, member))


def _told(kind: str, what: Any) -> Iterator[tuple[str, Member, bool, str]]:
    if kind in ("alertmanager", "grafana"):
        for word in ("firing", "resolved"):
            for alert in what.get(word, ()):
                labels = {key: text for key, text in alert.items() if not key.startswith("$")}
                severity = labels.pop("severity", "")
                member = Member(labels["alertname"], kind, labels, started=alert.get("$starts", ""))
                yield labels["instance"], member, word == "firing", severity
    elif kind in ("nagios", "icinga") and what["type"] in ("PROBLEM", "RECOVERY"):
        labels = {"alertname": what["service"], **({"team": what["team"]} if "team" in what else {})}
        severity = "" if what["type"] == "RECOVERY" else _STATES.get(what["state"], "unknown")
        yield what["host"], Member(what["service"], kind, labels), what["type"] == "PROBLEM", severity
    elif kind == "zabbix" and what["EVENT.UPDATE.STATUS"] == "0":
        tags = {tag["tag"]: tag["value"] for tag in json.loads(what.get("EVENT.TAGSJSON", "[]"))}
        member = Member(what["EVENT.NAME"], kind, {"alertname": what["EVENT.NAME"], **tags})
        yield (
            what["HOST.NAME"],
            member,
            what["EVENT.VALUE"] == "1",
            _ZABBIX.get(what["EVENT.SEVERITY"], "info"),
        )
    elif kind == "json":
        labels = {"alertname": what["name"], **({"team": what["team"]} if "team" in what else {})}
        yield (
            what["instance"],
            Member(what["name"], kind, labels),
            what["status"] == "firing",
            what["severity"],
        )


def _note_acknowledgements(found: dict[str, Problem], at: int, sent: int, kind: str, what: Any) -> None:
    if kind == "grafana":
        for alert in what.get("resolved", ()):
            if "$annotations" in alert:
                found[alert["instance"]].explained.append(at)
    elif kind in ("ack", "unack"):
        problem = found[what["labels"]["instance"]]
        (problem.acks if kind == "ack" else problem.unacks).append(at)
    elif kind == "silence" and what["labels"]["instance"] in found:
        problem = found[what["labels"]["instance"]]
        problem.acks.append(at)
        problem.unacks.append(at + seconds(what["for"]))
    elif kind == "zabbix" and what["EVENT.UPDATE.STATUS"] == "1":
        problem = found[what["HOST.NAME"]]
        taken = what["EVENT.UPDATE.ACTION"] == "acknowledged"
        (problem.acks if taken else problem.unacks).append(at)
    elif kind in ("nagios", "icinga"):
        _of_monitor(found[what["host"]], at, sent, kind, what)


def _of_monitor(problem: Problem, at: int, sent: int, kind: str, what: Mapping[str, str]) -> None:
    """A PROBLEM later than their own ACKNOWLEDGEMENT takes it back: by the monitor's time, however late both arrive."""
    member = problem.members[kind, what["service"]]
    if what["type"] == "ACKNOWLEDGEMENT":
        problem.acks.append(at)
        member.acknowledged_there = sent
    elif member.acknowledged_there is not None and sent - member.acknowledged_there > _OVERTAKES:
        problem.unacks.append(at)
        member.acknowledged_there = None

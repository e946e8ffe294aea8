"""What is so: of each problem of a story since when it fires and how badly, who took care of it, and when it flapped.

Worked out from the story file alone, by the rules: a problem has a place of its own, and with `dedup_labels: [instance]`
everything at one place is one shared incident.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from oracle_problem import Member, Problem
from oracle_story import OracleStory, rank_of, seconds

_STATES = {"CRITICAL": "critical", "DOWN": "critical", "WARNING": "warning", "UNREACHABLE": "warning"}
_ZABBIX = {"Disaster": "critical", "High": "critical", "Average": "warning", "Warning": "warning"}
_OVERTAKES = 60  # a PROBLEM so soon after an acknowledgement may have been overtaken by it
_HELD = 60
_LOOKED_AT = ("silence", "suppressed", "gone")


def problems_of(story: OracleStory) -> dict[str, Problem]:
    """Every problem of a story, by its place."""
    truth = _Truth(
        {},
        flaps=any(setting.data.get("limits") != "off" for setting in story.settings),
        listed=any(kind in _LOOKED_AT for _, kind, _ in story.events),
    )
    for sent, kind, what in story.events:
        at = story.arrival(sent)
        truth.pass_to(at)
        for place, member, firing, severity in _told(kind, what):
            truth.hear(at, place, member, firing, severity)
        _note_acknowledgements(truth.found, at, sent, kind, what)
        _note_by_hand(truth.found, at, sent, kind, what)
    truth.pass_to(story.ends)
    return truth.found


@dataclass
class _Truth:
    """What is so by now."""

    found: dict[str, Problem]
    flaps: bool
    listed: bool
    """Whether an Alertmanager is asked what it lists: what it tells as firing opens at its next look, in 15 s."""
    held: list[tuple[int, Problem, Member]] = field(default_factory=list)
    """Copies that may be old ones, each with the end of its minute."""

    def pass_to(self, now: int) -> None:
        for due, problem, member in [one for one in self.held if one[0] <= now]:
            member.firing = True
            problem.note(due)
            self.held.remove((due, problem, member))
        for problem in self.found.values():
            problem.fall_silent(now)

    def hear(self, at: int, place: str, told: Member, firing: bool, severity: str) -> None:
        problem = self.found.setdefault(place, Problem(place, flaps=self.flaps))
        known = problem.members.setdefault((told.source, told.name), told)
        self.held[:] = [one for one in self.held if one[2] is not known]
        silent = problem.hear(at)
        if firing and _is_closed(known, told, severity):
            return
        if severity and not (severity == "unknown" and known.severity):
            known.severity = "warning" if severity == "unknown" else severity
            known.heard.add(known.severity)
        known.closed = None
        if firing and not known.firing and not self.listed and _is_old_copy(known, told, at):
            self.held.append((known.ended[0] + _HELD, problem, known))
            return
        if firing and known.firing and silent and not (told.started and told.started == known.started):
            problem.begin_anew(at, known.severity)
        known.ended = (at, told.started) if known.firing and not firing else known.ended
        known.firing, known.started = firing, told.started or known.started
        problem.note(at)


def _is_closed(known: Member, told: Member, severity: str) -> bool:
    """Somebody closed it by hand, and it is neither worse than that nor has a later start."""
    if known.closed is None or (told.started and told.started != known.started):
        return False
    return not severity or rank_of(severity) >= rank_of(known.closed)


def _is_old_copy(known: Member, told: Member, at: int) -> bool:
    """A firing with the start of what ended less than a minute ago is held, never dropped."""
    return told.started != "" and told.started == known.ended[1] and at - known.ended[0] < _HELD


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
        yield _of_zabbix(kind, what)
    elif kind == "zabbix_script":
        told = dict(line.partition(": ")[::2] for line in what[2].splitlines())
        yield _of_zabbix(kind, told)
    elif kind == "pipe":
        labels = {"alertname": what["name"], **what["label"]}
        firing = "resolved" not in what
        yield labels["instance"], Member(what["name"], kind, labels), firing, what["severity"]
    elif kind == "json" and "text" in what:
        labels = {"team": what["team"]} if "team" in what else {}
        yield what["text"].split()[2], Member("", "notice", labels), True, "other"
    elif kind == "json":
        labels = {"alertname": what["name"], **({"team": what["team"]} if "team" in what else {})}
        yield (
            what["instance"],
            Member(what["name"], kind, labels),
            what["status"] == "firing",
            what["severity"],
        )


def _of_zabbix(kind: str, macros: Mapping[str, str]) -> tuple[str, Member, bool, str]:
    tags = {tag["tag"]: tag["value"] for tag in json.loads(macros.get("EVENT.TAGSJSON", "[]"))}
    name, severity = macros["EVENT.NAME"], _ZABBIX.get(macros["EVENT.SEVERITY"], "info")
    member = Member(name, kind, {"alertname": name, **tags})
    return macros["HOST.NAME"], member, macros["EVENT.VALUE"] == "1", severity


def _note_acknowledgements(found: dict[str, Problem], at: int, sent: int, kind: str, what: Any) -> None:
    if kind == "grafana":
        for alert in what.get("resolved", ()):
            if "$annotations" in alert:
                found[alert["instance"]].explained.append(at)
    elif kind in ("ack", "unack"):
        problem = found[what["labels"]["instance"]]
        (problem.acks if kind == "ack" else problem.unacks).append(at)
    elif kind == "silence" and what["labels"]["instance"] in found:
        problem, over = found[what["labels"]["instance"]], sent + seconds(what["for"])
        if over > at:  # a daemon that was away for all of it never saw it
            problem.acks.append(at)
            problem.unacks.append(over)
    elif kind == "zabbix" and what["EVENT.UPDATE.STATUS"] == "1":
        problem = found[what["HOST.NAME"]]
        taken = what["EVENT.UPDATE.ACTION"] == "acknowledged"
        (problem.acks if taken else problem.unacks).append(at)
    elif kind in ("nagios", "icinga"):
        _of_monitor(found[what["host"]], at, sent, kind, what)


def _note_by_hand(found: dict[str, Problem], at: int, sent: int, kind: str, what: Any) -> None:
    """What people do to it here, and what Alertmanager is made to hide or to forget."""
    if kind not in ("close", "gone", "suppressed"):
        return
    problem = found[what["labels"]["instance"]]
    if kind == "suppressed":
        problem.suppressed.append((at, sent + seconds(what["for"])))
        return
    for member in problem.members.values():
        member.firing = False
        member.closed = problem.worst if kind == "close" else None
    if kind == "close":
        problem.explained.append(at)
        problem.closed_by = what["by"]
    problem.note(at)


def _of_monitor(problem: Problem, at: int, sent: int, kind: str, what: Mapping[str, str]) -> None:
    """A PROBLEM later than their own ACKNOWLEDGEMENT takes it back: by the monitor's time, however late both arrive."""
    member = problem.members[kind, what["service"]]
    if what["type"] == "ACKNOWLEDGEMENT":
        problem.acks.append(at)
        member.acknowledged_there = sent
    elif member.acknowledged_there is not None and sent - member.acknowledged_there > _OVERTAKES:
        problem.unacks.append(at)
        member.acknowledged_there = None

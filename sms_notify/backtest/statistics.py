"""Adding up: texts, parts and credits by day, person and rule; how long critical trouble waited; what nobody was told."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sms_notify.alert import Severity
from sms_notify.policy.holds import Hold
from sms_notify.policy.vocabulary import Drop, Heard, IncidentState, Kind
from sms_notify.store.history import Untold

SEVERAL = "several rules at once"
NO_RULE = "no rule"


@dataclass(frozen=True, slots=True)
class Thing:
    """What a text tells of one incident, by which rule; `opened_at` is when the incident's first alert arrived."""

    incident_id: int
    kind: Kind
    rule: str
    severity: Severity
    labels: Mapping[str, str]
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class ReplayedText:
    """One text that left at `at`."""

    at: datetime
    person: str
    kind: Kind
    parts: int
    credits: int
    told: tuple[Thing, ...] = ()

    @property
    def rule(self) -> str:
        rules = {thing.rule for thing in self.told}
        if len(rules) > 1:
            return SEVERAL
        return next(iter(rules), str(self.kind) if self.kind is Kind.HANDOFF else NO_RULE)


@dataclass(slots=True)
class Amount:
    """So many texts, of so many parts, for so many credits."""

    texts: int = 0
    parts: int = 0
    credits: int = 0

    def add(self, text: ReplayedText) -> None:
        self.texts += 1
        self.parts += text.parts
        self.credits += text.credits


@dataclass(frozen=True, slots=True)
class CriticalWait:
    """How long a critical incident waited from its arrival to the first text that tells it."""

    wait: timedelta
    opened_at: datetime
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Leftovers:
    """How the pages stand at the end: what each tells and why, with how many; and the incidents that no text told."""

    held_then_told: Mapping[tuple[Kind, str], int] = field(default_factory=dict)
    still_held: Mapping[tuple[Kind, str], int] = field(default_factory=dict)
    dropped: Mapping[tuple[Kind, str], int] = field(default_factory=dict)
    untold: Mapping[tuple[Severity, IncidentState, str], int] = field(default_factory=dict)
    listed: tuple[Untold, ...] = ()
    decisions: Mapping[str, int] = field(default_factory=dict)


class Tally:
    """What one configuration made of a recording, by the days of the clock in `zone`.

    Grows with days, people, rules and critical incidents, not with alerts.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self.total = Amount()
        self.days: dict[str, Amount] = {}
        self.people: dict[str, Amount] = {}
        self.rules: dict[str, Amount] = {}
        self.kinds: dict[str, Amount] = {}
        self.alerts: Counter[Heard] = Counter()
        self.deliveries = 0
        self.acknowledged = 0
        self.ticks = 0
        self.merged_texts = 0
        self.merged_things = 0
        self.waits: list[timedelta] = []
        self.longest: CriticalWait | None = None
        self.longest_by_day: dict[str, timedelta] = {}
        """By the day on which the trouble arrived."""
        self.left = Leftovers()
        self._told_critical: set[int] = set()

    def heard(self, alerts: Iterable[Heard]) -> None:
        self.deliveries += 1
        self.alerts.update(alerts)

    def text(self, text: ReplayedText) -> None:
        self.total.add(text)
        keys = (self._day(text.at), text.person, text.rule, str(text.kind))
        for table, key in zip((self.days, self.people, self.rules, self.kinds), keys, strict=True):
            table.setdefault(key, Amount()).add(text)
        if len(text.told) > 1:
            self.merged_texts += 1
            self.merged_things += len(text.told)
        for thing in text.told:
            self._waited(thing, text.at)

    def _waited(self, thing: Thing, at: datetime) -> None:
        """Only the first text counts, and only one about the trouble: an end tells nobody to run."""
        if thing.severity is not Severity.CRITICAL or thing.kind is Kind.RESOLVED:
            return
        if thing.incident_id in self._told_critical:
            return
        self._told_critical.add(thing.incident_id)
        wait, day = at - thing.opened_at, self._day(thing.opened_at)
        self.waits.append(wait)
        self.longest_by_day[day] = max(wait, self.longest_by_day.get(day, timedelta()))
        if self.longest is None or wait > self.longest.wait:
            self.longest = CriticalWait(wait, thing.opened_at, thing.labels)

    def close(self, left: Leftovers) -> None:
        self.left = left
        self.waits.sort()
        self._told_critical.clear()

    def _day(self, moment: datetime) -> str:
        return f"{moment.astimezone(self._zone):%Y-%m-%d}"

    # What follows from it.

    def wait_of(self, share: float) -> timedelta | None:
        """What at least this share of the critical incidents did not wait longer than (nearest rank)."""
        if not self.waits:
            return None
        return self.waits[max(0, math.ceil(share * len(self.waits)) - 1)]

    @property
    def untold_critical(self) -> int:
        return sum(n for (severity, _, _), n in self.left.untold.items() if severity is Severity.CRITICAL)

    @property
    def untold_open(self) -> int:
        """Incidents that are still open at the end and that nobody was told of."""
        open_now = (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)
        return sum(n for (_, state, _), n in self.left.untold.items() if state in open_now)

    @property
    def untold_over(self) -> int:
        """Incidents that ended while something held them: nobody had to be told any more."""
        return sum(n for (_, _, why), n in self.left.untold.items() if why == Drop.RESOLVED)

    @property
    def untold_at_all(self) -> int:
        return sum(self.left.untold.values())

    def held(self) -> dict[str, int]:
        """Pages that were held and then told, by what held them."""
        found: Counter[str] = Counter()
        for (_, why), n in self.left.held_then_told.items():
            if why != Hold.NOW:
                found[why] += n
        return dict(sorted(found.items()))


def as_document(tally: Tally) -> dict[str, Any]:
    """Every number, for `--json`. Waits are in seconds, times in UTC."""
    longest = tally.longest
    return {
        "alerts": sum(tally.alerts.values()),
        "deliveries": tally.deliveries,
        "heard": {str(word): n for word, n in sorted(tally.alerts.items())},
        "acknowledged": tally.acknowledged,
        **_amount(tally.total),
        "by_day": _amounts(tally.days),
        "by_person": _amounts(tally.people),
        "by_rule": _amounts(tally.rules),
        "by_kind": _amounts(tally.kinds),
        "critical": {
            "told": len(tally.waits),
            "never_told": tally.untold_critical,
            "wait_longest": _seconds(longest.wait if longest else None),
            "wait_median": _seconds(tally.wait_of(0.5)),
            "wait_95": _seconds(tally.wait_of(0.95)),
            "longest_at": longest.opened_at.isoformat() if longest else None,
            "longest_labels": dict(longest.labels) if longest else None,
            "longest_by_day": {day: _seconds(wait) for day, wait in sorted(tally.longest_by_day.items())},
        },
        "missed": {
            "incidents": tally.untold_at_all,
            "open": tally.untold_open,
            "over_before_told": tally.untold_over,
            "by_why": [
                {"severity": severity, "state": state, "why": why or "nobody_on_call", "incidents": n}
                for (severity, state, why), n in tally.left.untold.items()
            ],
            "listed": [_untold(incident) for incident in tally.left.listed],
        },
        "pages": {
            "held_then_told": tally.held(),
            "still_held": _whys(tally.left.still_held),
            "dropped": _whys(tally.left.dropped),
        },
        "merged": {"texts": tally.merged_texts, "told_in_them": tally.merged_things},
        "decisions": dict(tally.left.decisions),
    }


def _amount(amount: Amount) -> dict[str, int]:
    return {"texts": amount.texts, "parts": amount.parts, "credits": amount.credits}


def _amounts(table: Mapping[str, Amount]) -> dict[str, dict[str, int]]:
    return {name: _amount(amount) for name, amount in sorted(table.items())}


def _whys(pages: Mapping[tuple[Kind, str], int]) -> list[dict[str, object]]:
    return [{"kind": kind, "why": why, "pages": n} for (kind, why), n in pages.items()]


def _untold(incident: Untold) -> dict[str, object]:
    return {
        "labels": incident.labels,
        "severity": incident.severity,
        "state": incident.state,
        "opened_at": incident.opened_at.isoformat(),
        "page": incident.page,
        "why": incident.why or "nobody_on_call",
        "held_by": incident.held_by,
    }


def _seconds(wait: timedelta | None) -> float | None:
    return None if wait is None else wait.total_seconds()

"""Who can be texted, by which gateways, since when that is known: the one answer of `reach`, the pages and the metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sms_notify.policy.bars import Breaker, bar_of, closed_to_all
from sms_notify.policy.directory import Directory, Person, Target, TargetKind, group_of
from sms_notify.policy.number_trials import NumberTrial
from sms_notify.policy.roster import Overrides
from sms_notify.policy.ruleset import Plan


class WayState(StrEnum):
    """Whether a gateway takes texts to a number."""

    OK = "ok"  # it said so
    UNKNOWN = "not_known"  # it was not asked, or has not answered
    REFUSED = "refused"  # the number, or its country
    CLOSED = "closed"  # nothing leaves through it


@dataclass(frozen=True, slots=True)
class Way:
    """One gateway for one number. `bar` is what keeps texts from leaving; `tried_at` None = it was never asked."""

    gateway: str
    state: WayState
    since: datetime | None
    tried_at: datetime | None
    bar: Breaker | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """How one person can be texted now."""

    person: Person
    ways: tuple[Way, ...]

    @property
    def reachable(self) -> bool:
        """Whether a text to them leaves by any gateway, as far as is known."""
        return any(way.bar is None for way in self.ways)

    @property
    def proven(self) -> bool:
        """Whether a gateway has said so."""
        return any(way.state is WayState.OK for way in self.ways)


def reach_of(
    people: Iterable[Person],
    gateways: Sequence[str],
    breakers: Sequence[Breaker],
    trials: Iterable[NumberTrial],
) -> list[Reach]:
    """Of each of `people`, by each gateway in order of preference."""
    tried = {(one.gateway, one.number): one for one in trials}
    return [
        Reach(person, tuple(_way(name, person.number, breakers, tried) for name in gateways))
        for person in people
    ]


def _way(
    gateway: str, number: str, breakers: Sequence[Breaker], tried: Mapping[tuple[str, str], NumberTrial]
) -> Way:
    trial, bar = tried.get((gateway, number)), bar_of(breakers, gateway, number)
    asked_at = None if trial is None else trial.asked_at
    if bar is not None:
        return Way(gateway, WayState.REFUSED, bar.opened_at, asked_at, bar)
    closed = closed_to_all(breakers, gateway)
    if closed is not None:
        return Way(gateway, WayState.CLOSED, closed.opened_at, asked_at, closed)
    good = None if trial is None else trial.good_since
    return Way(gateway, WayState.UNKNOWN if good is None else WayState.OK, good, asked_at)


def everybody(directory: Directory, targets: Iterable[Target]) -> list[Person]:
    """The people of a configuration, and the bare numbers that `targets` name; groups are none."""
    bare = [target for target in targets if target.kind is TargetKind.NUMBER]
    named = {person.number: person for person in (*directory.people.values(), *directory.resolve(bare))}
    return list(named.values())


def needed(plan: Plan, targets: Iterable[Target], overrides: Overrides) -> frozenset[str]:
    """The numbers that somebody relies on: of whom `targets` name, and of a schedule everybody who can ever hold it."""
    listed, people = list(targets), plan.directory.people
    fixed = plan.directory.resolve(t for t in listed if t.kind is not TargetKind.SCHEDULE)
    names = {t.name for t in listed if t.kind is TargetKind.SCHEDULE}
    members = {m for name in names if name in plan.schedules for m in plan.schedules[name].members}
    members |= {shift.person for name in names for shift in overrides.get(name, ()) if shift.person}
    numbers = {person.number for person in fixed if group_of(person.number) is None}
    return frozenset(numbers | {people[name].number for name in members if name in people})

"""Who is on call now, by the schedules of the configuration and the overrides that people made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sms_notify.policy.directory import Directory, OnCall, Person, Target, TargetKind
from sms_notify.policy.rotations import Schedule, Shift, on_call
from sms_notify.store import oncall_rows
from sms_notify.store.oncall_rows import Override
from sms_notify.store.tx import Tx

Overrides = Mapping[str, Sequence[Shift]]
"""What people made, by schedule."""


def holders(schedules: Mapping[str, Schedule], overrides: Overrides, at: datetime) -> OnCall:
    """Who holds each schedule at `at`."""

    def holder(name: str) -> str | None:
        schedule = schedules.get(name)
        return None if schedule is None else on_call(schedule, overrides.get(name, ()), at)

    return holder


def by_schedule(made: Sequence[Override]) -> Overrides:
    return {name: [o.shift for o in made if o.schedule == name] for name in {o.schedule for o in made}}


def obeyed(made: Iterable[Override], directory: Directory) -> list[Override]:
    """Those for people of today: somebody who left the configuration must not leave a hole until theirs ends."""
    return [override for override in made if override.person in directory.people]


@dataclass(frozen=True, slots=True)
class Roster:
    """The people behind targets at a moment."""

    directory: Directory
    schedules: Mapping[str, Schedule] = field(default_factory=dict)

    def people(self, tx: Tx, targets: Iterable[Target], now: datetime) -> tuple[Person, ...]:
        """Whom `targets` name now, each number once."""
        listed = tuple(targets)
        if not any(target.kind is TargetKind.SCHEDULE for target in listed):
            return self.directory.resolve(listed)
        return self.directory.resolve(listed, self.holders(tx, now))

    def holders(self, tx: Tx, now: datetime) -> OnCall:
        """Who holds each schedule at `now`."""
        return holders(self.schedules, by_schedule(self._made(tx, now)), now)

    def overrides_of(self, tx: Tx, schedule: str, after: datetime) -> tuple[Shift, ...]:
        return tuple(o.shift for o in self._made(tx, after) if o.schedule == schedule)

    def _made(self, tx: Tx, after: datetime) -> list[Override]:
        return obeyed(oncall_rows.overrides(tx, after), self.directory)

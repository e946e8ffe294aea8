"""Who stands behind a target at a moment, by the schedules of the configuration and the overrides that people made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sms_notify.policy.directory import Directory, OnCall, Person, Target, TargetKind
from sms_notify.policy.rotations import Schedule, Shift, on_call

Overrides = Mapping[str, Sequence[Shift]]
"""The overrides of each schedule, the one given last at the end."""


@dataclass(frozen=True, slots=True)
class Staff:
    """The people of one configuration."""

    directory: Directory
    schedules: Mapping[str, Schedule] = field(default_factory=dict)

    def people(self, targets: Iterable[Target], overrides: Overrides, now: datetime) -> tuple[Person, ...]:
        """Whom `targets` name now, each number once."""
        return self.directory.resolve(targets, self.holders(overrides, now))

    def holders(self, overrides: Overrides, now: datetime) -> OnCall:
        """Who holds each schedule at `now`."""

        def holder(name: str) -> str | None:
            schedule = self.schedules.get(name)
            return None if schedule is None else on_call(schedule, overrides.get(name, ()), now)

        return holder


def scheduled(targets: Iterable[Target]) -> bool:
    """Whether it depends on the time who stands behind `targets`."""
    return any(target.kind is TargetKind.SCHEDULE for target in targets)

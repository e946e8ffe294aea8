"""Who is on call now, by the schedules of the configuration and the overrides that people made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sms_notify.policy.directory import Directory, OnCall, Person, Target
from sms_notify.policy.roster import Overrides, Staff, scheduled
from sms_notify.policy.rotations import Shift
from sms_notify.store import oncall_rows
from sms_notify.store.oncall_rows import Override
from sms_notify.store.tx import Tx


def by_schedule(made: Sequence[Override]) -> Overrides:
    return {name: [o.shift for o in made if o.schedule == name] for name in {o.schedule for o in made}}


def obeyed(made: Iterable[Override], directory: Directory) -> list[Override]:
    """Those for people of today: somebody who left the configuration must not leave a hole until theirs ends."""
    return [override for override in made if override.person in directory.people]


@dataclass(frozen=True, slots=True)
class Roster(Staff):
    """The people behind targets at a moment, asked of the store."""

    def who(self, tx: Tx, targets: Iterable[Target], now: datetime) -> tuple[Person, ...]:
        """Whom `targets` name now, each number once."""
        listed = tuple(targets)
        overrides = oncall_rows.roster(tx, self.directory.people, now).overrides if scheduled(listed) else {}
        return self.people(listed, overrides, now)

    def on_call(self, tx: Tx, now: datetime) -> OnCall:
        """Who holds each schedule at `now`."""
        return self.holders(oncall_rows.roster(tx, self.directory.people, now).overrides, now)

    def overrides_of(self, tx: Tx, schedule: str, after: datetime) -> tuple[Shift, ...]:
        return tuple(oncall_rows.roster(tx, self.directory.people, after).overrides.get(schedule, ()))

"""What only the calendar and the clock show: nobody on call in the weeks to come, windows that never let anything pass.

A reload with such a fault is refused, for what runs is better. A start is not: it comes at night, after a crash or a reboot,
and what pages nobody at all is worse than a gap. It logs them and goes on. `check-config` says both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sms_notify.config.closed_windows import closed_windows
from sms_notify.config.coverage_gaps import calendars_read, gap_faults
from sms_notify.config.settings import Settings
from sms_notify.errors import Fault
from sms_notify.policy.rotations import Schedule, Shift


def faults_ahead(
    settings: Settings,
    schedules: Mapping[str, Schedule],
    overrides: Mapping[str, Sequence[Shift]],
    now: datetime,
) -> list[Fault]:
    """`schedules` have their calendars read; `overrides` are by schedule."""
    gaps = gap_faults(settings, now, overrides, calendars_read(settings, schedules))
    return [*closed_windows(settings, now).faults, *gaps]

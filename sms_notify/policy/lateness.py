"""What a hook wrote down long before it was read: a daemon that was off tells it late, and its texts say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.policy.holds import Hold
from sms_notify.policy.records import Notification
from sms_notify.policy.ruleset import Timing

SOON = timedelta(minutes=1)
"""Within which a daemon that runs reads what a hook hands over."""

_UNSAID = (Hold.NOW, Hold.GROUP)  # what a window holds says since when


def said_at(handed_at: datetime | None, now: datetime) -> datetime:
    """When a source said something: of a hook it may be long before it is read, and so an end long before what began next."""
    return handed_at if handed_at is not None and now - handed_at >= SOON else now


def as_handed_over(
    owed: Iterable[Notification], handed_at: datetime | None, now: datetime, timing: Timing
) -> list[Notification]:
    """`owed`, as late as it is. Critical texts are tried for longer than others, but are news no longer than these."""
    if handed_at is None or now - handed_at < min(timing.expire, timing.expire_critical):
        return list(owed)
    return [replace(n, created_at=handed_at, why=Hold.LATE if n.why in _UNSAID else n.why) for n in owed]

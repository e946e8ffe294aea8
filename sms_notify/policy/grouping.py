"""Grouping for sources that have none of their own: how long an alert waits for others that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sms_notify.alert import fingerprint_of
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.routing import Route

_EVERY = "..."


def group_of(route: Route, receiver: str, labels: Mapping[str, str]) -> str:
    """The group that an alert belongs to: its route, its receiver and the values of the labels grouped by."""
    names = labels if route.group_by == (_EVERY,) else route.group_by
    by = fingerprint_of({name: labels.get(name, "") for name in names})
    return f"{route.path} {receiver} {by}"


def flush_at(route: Route, last: datetime | None, urgent: bool, now: datetime) -> Wait:
    """When a group in which something is new is told; `last` is when it was, or will be, told the last time.

    A group that was quiet for `group_interval` waits `group_wait` only. What is urgent never waits longer than that.
    """
    at = after_wait = now + route.group_wait
    if last is not None and now < last + route.group_interval:
        at = last if last > now else last + route.group_interval
    return Wait(
        min(at, after_wait) if urgent else at,
        Hold.GROUP,
        "group_wait" if at == after_wait else "group_interval",
    )

"""Two people change shifts: each takes over the other's."""

from __future__ import annotations

from sms_notify.policy.rotations import Shift


def swapped(one: Shift, other: Shift) -> tuple[Shift, Shift]:
    """Who holds each shift then. Raises ValueError with what to choose instead."""
    if one.person is None or other.person is None:
        raise ValueError("Nobody holds one of these shifts: put somebody on call for it instead.")
    if one.person == other.person:
        raise ValueError(f"Both shifts are {one.person}'s: choose those of two people.")
    return Shift(other.person, one.start, one.end), Shift(one.person, other.start, other.end)

"""Two people change shifts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from workbench import NOON

from sms_notify.policy.rotations import Shift
from sms_notify.policy.swaps import swapped

DAY = timedelta(days=1)
ALICES = Shift("alice", NOON, NOON + DAY)
BOBS = Shift("bob", NOON + 7 * DAY, NOON + 9 * DAY)


def test_each_takes_over_the_others_shift_whole() -> None:
    assert swapped(ALICES, BOBS) == (
        Shift("bob", NOON, NOON + DAY),
        Shift("alice", NOON + 7 * DAY, NOON + 9 * DAY),
    )


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        (ALICES, Shift("alice", NOON + DAY, NOON + 2 * DAY), "Both shifts are alice's"),
        (ALICES, Shift(None, NOON + DAY, NOON + 2 * DAY), "Nobody holds one of these"),
        (Shift(None, NOON, NOON + DAY), BOBS, "Nobody holds one of these"),
    ],
)
def test_what_is_no_swap_is_refused_with_what_to_do(one: Shift, other: Shift, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        swapped(one, other)

"""What a hook wrote down long ago is told as late, as far as nothing else holds it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from made import a_notification, an_incident
from workbench import NOON

from sms_notify.policy.holds import Hold
from sms_notify.policy.lateness import as_handed_over, said_at
from sms_notify.policy.ruleset import Timing

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("ago", "timing", "why", "told"),
    [
        (3 * 24 * HOUR, Timing(), Hold.NOW, Hold.LATE),
        (3 * 24 * HOUR, Timing(), Hold.GROUP, Hold.LATE),
        (3 * 24 * HOUR, Timing(), Hold.QUIET, Hold.QUIET),  # it says since when
        (3 * 24 * HOUR, Timing(), Hold.MUTED, Hold.MUTED),
        (HOUR, Timing(), Hold.NOW, Hold.LATE),  # also what is critical
        (HOUR - MINUTE, Timing(), Hold.NOW, Hold.NOW),
        (HOUR, Timing(expire=6 * HOUR), Hold.NOW, Hold.NOW),
        (4 * HOUR, Timing(expire=6 * HOUR), Hold.NOW, Hold.LATE),
        (-HOUR, Timing(), Hold.NOW, Hold.NOW),  # the clock was set back meanwhile
    ],
)
def test_what_was_handed_over_long_ago_is_late(ago: timedelta, timing: Timing, why: Hold, told: Hold) -> None:
    (n,) = as_handed_over([a_notification(an_incident(), why=why)], NOON - ago, NOON, timing)
    assert (n.why, n.created_at) == (told, NOON if told is Hold.NOW else NOON - ago)


@pytest.mark.parametrize(
    ("ago", "read"), [(HOUR, HOUR), (MINUTE, MINUTE), (MINUTE / 2, 0 * HOUR), (-HOUR, 0 * HOUR)]
)
def test_a_source_spoke_when_its_hook_ran_unless_that_is_now(ago: timedelta, read: timedelta) -> None:
    assert said_at(NOON - ago, NOON) == NOON - read
    assert said_at(None, NOON) == NOON


def test_what_no_hook_wrote_down_is_as_it_is() -> None:
    owed = [a_notification(an_incident())]
    assert as_handed_over(owed, None, NOON, Timing()) == owed

"""What the lines about the text of a silent site say before it is due, and after."""

from __future__ import annotations

from datetime import timedelta

import pytest
from workbench import NOON

from sms_notify.delivery.switch_state import SwitchState, SwitchWord, switch_lines
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText

TEXT = ArmedText(ArmedFor.SITE_ALIVE, "main", "alice", "32470000001", "silent", NOON, "ref", ArmedState.ARMED)


@pytest.mark.parametrize(
    ("minutes", "line"),
    [
        (-2, "main will text alice at 12:00 unless it is pushed ahead"),
        (2, "main was to text alice at 12:00, and sms-notify did not push it ahead: look whether it runs"),
    ],
)
def test_a_text_whose_minute_is_past_is_not_told_as_one_that_will_come(minutes: int, line: str) -> None:
    state = SwitchState(SwitchWord.NOT_ARMED, None, (TEXT,), None)
    now = NOON + timedelta(minutes=minutes)

    assert list(switch_lines(state, lambda at: f"{at:%H:%M}", now))[1:] == [line]

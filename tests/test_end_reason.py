"""What Grafana's reason of an end means."""

from __future__ import annotations

import pytest

from sms_notify.alert import EndReason, Status
from sms_notify.sources.end_reason import end_reason_of


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", EndReason.NONE),
        ("Normal", EndReason.NONE),
        (" , ", EndReason.NONE),
        ("NoData", EndReason.NO_DATA),
        ("Error", EndReason.NO_DATA),
        ("MissingSeries", EndReason.NO_DATA),
        ("NoData, KeepLast", EndReason.NO_DATA),
        ("Normal (MissingSeries)", EndReason.NO_DATA),
        ("Normal, MissingSeries", EndReason.NO_DATA),
        ("Hibernating", EndReason.NO_DATA),  # not known: nobody has seen it well
        ("Paused", EndReason.NO_LONGER_WATCHED),
        ("Updated", EndReason.NO_LONGER_WATCHED),
        ("RuleDeleted", EndReason.NO_LONGER_WATCHED),
        ("rule_deleted", EndReason.NO_LONGER_WATCHED),
        ("Error, Paused", EndReason.NO_LONGER_WATCHED),
        ("x" * 100_000, EndReason.NO_DATA),
    ],
)
def test_a_reason_is_read_of_an_end_alone(said: str, reason: EndReason) -> None:
    given = {"grafana_state_reason": said}

    assert end_reason_of(Status.RESOLVED, given) is reason
    assert end_reason_of(Status.FIRING, given) is EndReason.NONE

"""What the log says of the buttons on the pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sms_notify.daemon import event_log
from sms_notify.logs import LineFormatter
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.vocabulary import AckBy


@pytest.mark.parametrize(
    ("write", "line"),
    [
        (lambda: event_log.acknowledged([1], "ops", AckBy.PAGE), f"acknowledged incidents=#{tag_of(1)}"),
        (lambda: event_log.about_incident("hastened", 1, "ops"), f"hastened incidents=#{tag_of(1)}"),
        (lambda: event_log.about_incident("note", 1, "ops"), f"note incidents=#{tag_of(1)}"),
        (lambda: event_log.about_text("taken back", 7, "ops"), "taken back text=7"),
    ],
)
def test_a_button_is_a_line_with_the_fields_of_every_other(
    caplog: pytest.LogCaptureFixture, write: Callable[[], None], line: str
) -> None:
    with caplog.at_level("INFO"):
        write()
    (record,) = caplog.records
    assert LineFormatter().format(record).endswith(f"{line} by=ops how=page")

"""What the log says of the buttons on the pages, and of steps in the outbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from sms_notify.alert import Alert, Status
from sms_notify.daemon import event_log
from sms_notify.delivery.step_keeper import KeptSteps
from sms_notify.engine import Verdict
from sms_notify.gateways.base import Failed
from sms_notify.logs import LineFormatter
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.outcomes import Fate, Reason
from sms_notify.policy.vocabulary import AckBy, Heard


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


def test_a_watch_that_has_fallen_silent_is_a_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    labels = {"alertname": "WatchMissing", "severity": "critical", "watch": "prometheus", "cluster": "east"}
    alert = Alert("watch", "f", Status.FIRING, labels)
    event_log.missing([Verdict(alert, Heard.FIRST, 1, ("oncall",), (7, 8))])
    (record,) = caplog.records
    line = f"missing: cluster=east watch=prometheus incident=#{tag_of(1)} texts=2"
    assert (record.levelname, LineFormatter().format(record).endswith(line)) == ("WARNING", True)


def armed(state: ArmedState, outboxid: str = "7") -> ArmedText:
    due = datetime(2026, 11, 22, 12, 7, tzinfo=UTC)
    return ArmedText(
        ArmedFor.ESCALATION,
        "main",
        "bob",
        "+31612345678",
        "ESCALATED",
        due,
        "ref",
        state,
        outboxid,
        incident_id=1,
    )


@pytest.mark.parametrize(
    ("text", "level", "said"),
    [
        (armed(ArmedState.ARMED), "INFO", "step armed at the gateway"),
        (armed(ArmedState.GONE), "INFO", "step taken back from the outbox"),
        (armed(ArmedState.GONE, ""), "WARNING", "step not in the outbox"),
        (armed(ArmedState.UNSURE, ""), "WARNING", "step perhaps armed: its answer was lost"),
        (armed(ArmedState.REMOVING), "WARNING", "step not taken back from the outbox yet"),
        (armed(ArmedState.FIRED), "WARNING", "step sent by the outbox"),
    ],
)
def test_what_becomes_of_a_step_in_the_outbox_is_a_line_without_its_number(
    caplog: pytest.LogCaptureFixture, text: ArmedText, level: str, said: str
) -> None:
    with caplog.at_level("INFO"):
        event_log.steps_kept(KeptSteps([text]))
    (record,) = caplog.records
    assert record.levelname == level
    line = LineFormatter().format(record)
    assert line.endswith(f"{said} incident=#{tag_of(1)} to=bob gateway=main due_at=2026-11-22T12:07:00Z")


def test_steps_that_find_no_room_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        event_log.steps_kept(KeptSteps(beyond=250, news_of_beyond=True))
        event_log.steps_kept(KeptSteps(beyond=251))
    (record,) = caplog.records
    assert LineFormatter().format(record).endswith("steps beyond what the outbox holds: not armed texts=250")


def test_why_a_gateway_did_not_do_what_it_was_asked_is_a_line_with_a_masked_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("INFO"):
        event_log.outbox_failed(
            armed(ArmedState.ASKED), Failed(Fate.REFUSED, Reason.ERROR_CODE, 108, "no credits")
        )
    line = LineFormatter().format(caplog.records[0])
    assert "code=108" in line
    assert "612345" not in line

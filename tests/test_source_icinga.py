"""NotificationCommands of Icinga 2.13.6 as recorded. What it shares with Nagios is tested there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sms_notify.alert import Delivery, Handed, Severity, Status
from sms_notify.errors import ParseError
from sms_notify.sources import hook_record

PAYLOADS = Path(__file__).parent / "payloads" / "icinga"
AT = datetime(2026, 11, 22, 13, 31, 0, 400_000, UTC)

# name → alertname, status, severity, `notification`
HTTP, FLAPPY, HOST = "HTTP", "Flappy", "HostDown"
DOWNTIME_ENDS = [("Downtime HTTP", "resolved", "info", "downtime"), (HTTP, "resolved", "warning", "")]
TYPES: dict[str, list[tuple[str, str, str, str]]] = {
    "01-service-problem": [(HTTP, "firing", "warning", "")],
    "02-service-problem": [(HTTP, "firing", "critical", "")],
    "03-service-acknowledgement": [(HTTP, "firing", "critical", "")],
    "04-service-custom": [("Custom HTTP", "firing", "critical", "custom")],
    "05-service-recovery": [(HTTP, "resolved", "critical", "")],
    "06-service-problem": [(HTTP, "firing", "warning", "")],
    "07-service-recovery": [(HTTP, "resolved", "warning", "")],
    "08-service-downtimestart": [("Downtime HTTP", "firing", "info", "downtime")],
    "09-service-downtimestart": [("Downtime HTTP", "firing", "info", "downtime")],
    "10-host-custom": [("Custom host", "firing", "warning", "custom")],
    "11-host-problem": [(HOST, "firing", "critical", "")],
    "12-host-acknowledgement": [(HOST, "firing", "critical", "")],
    "13-host-recovery": [(HOST, "resolved", "critical", "")],
    "14-service-problem": [(FLAPPY, "firing", "critical", "")],
    "15-service-flappingstart": [("Flapping Flappy", "firing", "warning", "flapping")],
    "16-service-flappingend": [
        ("Flapping Flappy", "resolved", "warning", "flapping"),
        (FLAPPY, "resolved", "", ""),
    ],
    "17-service-downtimestart": [("Downtime HTTP", "firing", "info", "downtime")],
    "18-service-downtimeend": DOWNTIME_ENDS,
    "19-service-downtimeend": DOWNTIME_ENDS,
    "20-service-downtimeend": DOWNTIME_ENDS,
}


def recorded(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return loaded


def told(*arguments: str, **environment: str) -> Delivery:
    return hook_record.parse(Handed("icinga", AT, arguments, environment))


def of_type(name: str) -> Delivery:
    return told(*recorded("types")[name]["arguments"])


def test_every_recorded_type_is_in_the_table() -> None:
    assert set(TYPES) == set(recorded("types"))


@pytest.mark.parametrize("name", TYPES)
def test_every_recorded_type_is_told_as_what_it_is(name: str) -> None:
    alerts = of_type(name).alerts
    assert [
        (
            alert.labels["alertname"],
            str(alert.status),
            alert.labels.get("severity", ""),
            alert.labels.get("notification", ""),
        )
        for alert in alerts
    ] == TYPES[name]
    assert {alert.source for alert in alerts} == {"icinga"}
    assert {alert.labels["host"] for alert in alerts} == {"web1"}


def test_without_ids_problem_and_recovery_are_paired_by_host_and_service() -> None:
    names = [
        of_type(name).alerts[0].fingerprint
        for name in TYPES
        if name[:2] in ("01", "02", "03", "05", "06", "07")
    ]
    assert len(set(names)) == 1
    assert (
        of_type("11-host-problem").alerts[0].fingerprint == of_type("13-host-recovery").alerts[0].fingerprint
    )
    assert of_type("11-host-problem").alerts[0].fingerprint not in names


def test_repeats_without_a_number_are_one_episode() -> None:
    calls = [one["arguments"] for one in recorded("repeat").values()]
    alerts = [
        told(f"--type={kind}", "--host=w", "--service=s", f"--state={state}").alerts[0]
        for kind, _, state in calls
    ]
    assert len({alert.fingerprint for alert in alerts}) == 1
    assert [alert.status for alert in alerts] == [Status.FIRING] * 4 + [Status.RESOLVED]


def test_the_environment_tells_it_too_untouched_by_any_shell() -> None:
    problem, ack, host = (
        told(*one["arguments"], **{f"ICINGA_{name}": text for name, text in one["environment"].items()})
        for one in recorded("env").values()
    )
    assert problem.alerts[0].annotations["summary"] == 'it\'s "bad" $HOME `id` <b>; & Zürich 🔥'
    assert (ack.acks[0].by, ack.acks[0].comment) == ("Bob Smith", "on it 'q' \"dq\"")
    assert (host.alerts[0].labels["alertname"], host.alerts[0].severity) == ("HostDown", Severity.CRITICAL)


def test_the_options_have_names_in_the_environment_as_well() -> None:
    delivery = told(ICINGA_TYPE="PROBLEM", ICINGA_HOST="web1", ICINGA_STATE="DOWN", ICINGA_LAST_STATE="UP")
    assert delivery.alerts[0].labels["state"] == "DOWN"


def test_the_environment_of_the_machine_is_not_taken_for_macros() -> None:
    with pytest.raises(ParseError, match="ICINGA_"):
        told(HOSTNAME="monitor1", HOSTADDRESS="10.0.0.1", ICINGA2_USER="nagios")


def test_the_real_newlines_of_an_output_part_summary_and_description() -> None:
    alert = told("--type=PROBLEM", "--host=w", "--state=DOWN", "--output=first\r\nsecond\\n\nthird").alerts[0]
    assert alert.annotations == {"summary": "first", "description": "second\\n\nthird"}


def test_an_argument_whose_macro_is_empty_counts_as_not_said() -> None:
    delivery = told("--type=RECOVERY", "--host=w", "--service=", "--state=UP", "--author=", "--comment=")
    assert "service" not in delivery.alerts[0].labels
    assert delivery.alerts[0].annotations == {}


def test_two_overlapping_downtimes_are_one_episode() -> None:
    names = [of_type(name).alerts[0].fingerprint for name in TYPES if "downtime" in name]
    assert len(names) == 6
    assert len(set(names)) == 1


def test_flappingend_and_downtimeremoved_are_ends_as_nagios_words_are() -> None:
    for kind in ("FLAPPINGEND", "DOWNTIMEREMOVED"):
        assert told(f"--type={kind}", "--host=w", "--state=DOWN").alerts[0].status is Status.RESOLVED


def test_a_call_without_a_notification_in_it_is_refused() -> None:
    for one in recorded("timeout").values():
        with pytest.raises(ParseError, match="integrations/"):
            told(*one["arguments"])


def test_nagios_and_icinga_do_not_end_each_others_episodes() -> None:
    words = ("--type=PROBLEM", "--host=w")
    assert hook_record.parse(Handed("nagios", AT, words)).alerts[0].source != told(*words).alerts[0].source

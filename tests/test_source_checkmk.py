"""What Checkmk has in the environment of a notification script, and what becomes of it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sms_notify.alert import Alert, Delivery, Handed, Severity, Status
from sms_notify.errors import ParseError
from sms_notify.sources import hook_record

AT = datetime(2026, 11, 22, 13, 36, 20, tzinfo=UTC)
SCRIPT = Path(__file__).parent.parent / "integrations" / "checkmk" / "sms-notify"
HOOK = Path(__file__).parent.parent / "sms_notify" / "hook.py"
SERVICE = {
    "WHAT": "SERVICE",
    "NOTIFICATIONTYPE": "PROBLEM",
    "HOSTNAME": "web1",
    "HOSTALIAS": "Web server",
    "HOSTADDRESS": "10.0.0.1",
    "HOSTSTATE": "UP",
    "HOSTOUTPUT": "PING OK",
    "SERVICEDESC": "Filesystem /",
    "SERVICESTATE": "CRITICAL",
    "SERVICESHORTSTATE": "CRIT",
    "SERVICEOUTPUT": "97% used",
    "LONGSERVICEOUTPUT": "/: 97%\\n/var: 12%",
    "LASTSERVICESTATE": "OK",
    "PREVIOUSSERVICEHARDSTATE": "OK",
    "LASTSERVICESTATECHANGE": "1795354200",
    "MICROTIME": "1795354500123456",
    "OMD_SITE": "mysite",
    "CONTACTNAME": "ops",
    "CONTACTPAGER": "+32470000001",
    "CONTACTEMAIL": "ops@example.org",
    "PARAMETER_PASSWORD": "hidden",
    "HOSTTAG_criticality": "prod",
    "HOSTLABEL_cmk/os_family": "linux",
    "SERVICELABEL_team": "dba",
}
HOST = {
    **SERVICE,
    "WHAT": "HOST",
    "HOSTSTATE": "DOWN",
    "HOSTOUTPUT": "no answer",
    "LASTHOSTSTATECHANGE": "1795354200",
}
WELL = {"NOTIFICATIONTYPE": "RECOVERY", "SERVICESTATE": "OK", "PREVIOUSSERVICEHARDSTATE": "CRITICAL"}


def told(context: dict[str, str], *arguments: str, **more: str) -> Delivery:
    environment = {f"NOTIFY_{name}": text for name, text in {**context, **more}.items()}
    return hook_record.parse(Handed("checkmk", AT, arguments, environment=environment))


def only(context: dict[str, str], *arguments: str, **more: str) -> Alert:
    (alert,) = told(context, *arguments, **more).alerts
    return alert


def test_a_problem_of_a_service_is_told_with_its_labels_and_tags() -> None:
    alert = only(SERVICE)
    assert (alert.source, alert.status, alert.severity) == ("checkmk", Status.FIRING, Severity.CRITICAL)
    assert alert.labels == {
        "alertname": "Filesystem /",
        "host": "web1",
        "instance": "web1",
        "service": "Filesystem /",
        "severity": "critical",
        "state": "CRITICAL",
        "address": "10.0.0.1",
        "site": "mysite",
        "criticality": "prod",
        "cmk_os_family": "linux",
        "team": "dba",
    }
    assert alert.annotations == {"summary": "97% used", "description": "/: 97%\n/var: 12%"}


def test_of_a_host_nothing_of_a_service_is_taken() -> None:
    alert = only(HOST)
    assert (alert.labels["alertname"], alert.labels["state"]) == ("HostDown", "DOWN")
    assert (alert.annotations["summary"], "service" in alert.labels) == ("no answer", False)


def test_a_recovery_ends_the_problem_under_its_severity() -> None:
    problem, recovery = only(SERVICE), only(SERVICE, **WELL)
    assert (recovery.status, recovery.fingerprint) == (Status.RESOLVED, problem.fingerprint)
    assert recovery.labels["severity"] == "critical"


@pytest.mark.parametrize(
    ("kind", "name", "status"),
    [
        ("FLAPPINGSTART", "Flapping Filesystem /", Status.FIRING),
        ("FLAPPINGSTOP", "Flapping Filesystem /", Status.RESOLVED),
        ("DOWNTIMESTART", "Downtime Filesystem /", Status.FIRING),
        ("DOWNTIMEEND", "Downtime Filesystem /", Status.RESOLVED),
        ("DOWNTIMECANCELLED", "Downtime Filesystem /", Status.RESOLVED),
        ("CUSTOM", "Custom Filesystem /", Status.FIRING),
    ],
)
def test_every_other_type_stands_beside_the_problem(kind: str, name: str, status: Status) -> None:
    alert = only(SERVICE, NOTIFICATIONTYPE=kind)
    assert (alert.labels["alertname"], alert.status) == (name, status)
    assert alert.fingerprint != only(SERVICE).fingerprint


def test_an_acknowledgement_is_somebodys() -> None:
    delivery = told(
        SERVICE, NOTIFICATIONTYPE="ACKNOWLEDGEMENT", NOTIFICATIONAUTHOR="ann", NOTIFICATIONCOMMENT="on it"
    )
    (ack,) = delivery.acks
    assert (ack.by, ack.comment, ack.fingerprint) == ("ann", "on it", only(SERVICE).fingerprint)


def test_events_of_one_service_of_the_event_console_are_told_apart() -> None:
    one, other = (only(SERVICE, EC_ID=number) for number in ("17", "18"))
    assert one.fingerprint != other.fingerprint


def test_an_option_is_a_label_and_a_monitor_keeps_two_sites_apart() -> None:
    assert only(SERVICE, "--floor=3").labels["floor"] == "3"
    assert only(SERVICE, "--monitor=north").fingerprint != only(SERVICE, "--monitor=south").fingerprint


def test_a_bulk_without_a_notification_in_it_is_refused() -> None:
    with pytest.raises(ParseError):
        told({"CONTACTNAME": "ops"}, "--bulk")


# The script that is shipped


def run(folder: Path, context: dict[str, str], spool: Path) -> subprocess.CompletedProcess[bytes]:
    script = folder / "sms-notify"
    lines = SCRIPT.read_text().split("\n")
    words: Sequence[str] = ("/usr/bin/env", "python3", "-IS", str(HOOK), "checkmk", "--spool", str(spool))
    script.write_text("\n".join(" ".join(words) if line.endswith("CHANGE") else line for line in lines))
    environment = {f"NOTIFY_{name}": text for name, text in context.items()}
    return subprocess.run(
        ["/bin/sh", str(script)],
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", **environment},
        capture_output=True,
        check=False,
    )


def test_the_shipped_script_hands_over_what_is_read_and_no_secret(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    assert run(tmp_path, SERVICE, spool).returncode == 0
    (record,) = spool.iterdir()
    assert b"NOTIFY_HOSTNAME=web1" in record.read_bytes()
    for secret in (b"hidden", b"+3247", b"ops@"):
        assert secret not in record.read_bytes()


def test_the_shipped_script_makes_checkmk_try_again_where_it_could_not_be_stored(tmp_path: Path) -> None:
    assert run(tmp_path, SERVICE, tmp_path / "none").returncode == 1


def test_the_shipped_script_says_for_good_what_no_text_can_come_of(tmp_path: Path) -> None:
    done = run(tmp_path, {"CONTACTNAME": "ops"}, tmp_path)
    assert (done.returncode, b"NOTIFY_HOSTNAME" in done.stderr) == (2, True)


def test_the_second_line_is_the_name_that_rules_show() -> None:
    assert SCRIPT.read_text().split("\n")[1] == "# SMS (sms-notify)"

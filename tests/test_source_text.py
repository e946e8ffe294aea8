"""What is piped in: the output of jobs, lines of logs, JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.alert import Alert, Delivery, Handed, Severity, Status
from sms_notify.errors import ParseError
from sms_notify.sources import hook_record, text

AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


def piped(body: str | bytes, *arguments: str) -> Delivery:
    raw = body if isinstance(body, bytes) else body.encode()
    return hook_record.parse(Handed("pipe", AT, arguments, {}, raw))


def only(body: str | bytes, *arguments: str) -> Alert:
    (alert,) = piped(body, *arguments).alerts
    return alert


# Text


def test_every_line_is_an_alert_with_the_labels_that_were_added() -> None:
    alerts = piped(
        "disk sda1 failed\n\n  disk sda2 failed\r\n", "--label", "host=db1", "--severity=critical"
    ).alerts
    assert [alert.annotations["summary"] for alert in alerts] == ["disk sda1 failed", "disk sda2 failed"]
    assert {alert.fingerprint for alert in alerts} == {
        only(f"disk sda{n} failed", "--label=host=db1").fingerprint for n in "12"
    }
    for alert in alerts:
        assert alert.labels == {"host": "db1", "severity": "critical"}
        assert (alert.source, alert.status, alert.starts_at) == ("pipe", Status.FIRING, AT)


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-22T13:14:36Z ",
        "2026-11-22 13:14:36,500 ",
        "2026-11-22T13:14:36.123456+01:00 ",
        "[2026/11/22 13:14:36] ",
        "Nov 22 13:14:36 ",
        "Nov  2 13:14:36 ",
        "[1795353276.984] ",
        "13:14:36: ",
        "",
    ],
)
def test_a_line_is_known_by_its_words_and_not_by_the_time_in_front(time: str) -> None:
    alert = only(f"{time}db1 disk failed at 97 %")
    assert alert.fingerprint == only("db1 disk failed at 97 %").fingerprint
    assert alert.annotations["summary"] == f"{time}db1 disk failed at 97 %"


def test_lines_that_differ_in_a_number_stay_two() -> None:
    assert only("sda1 failed").fingerprint != only("sda2 failed").fingerprint


def test_with_a_name_all_lines_are_one_alert_known_by_name_and_labels() -> None:
    words = ("--name", "Backup", "--label", "host=db1")
    alert = only("dump failed\nno space left\n", *words)
    assert alert.labels == {"host": "db1", "alertname": "Backup"}
    assert alert.annotations == {"summary": "dump failed", "description": "no space left"}
    assert alert.fingerprint == only("other words", *words, "--severity=critical").fingerprint
    assert alert.fingerprint != only("dump failed", "--name=Backup", "--label=host=db2").fingerprint


def test_resolved_ends_what_a_name_began_with_or_without_words() -> None:
    begun = only("dump failed", "--name=Backup")
    for body in ("", "done\n"):
        ended = only(body, "--name=Backup", "--resolved")
        assert (ended.fingerprint, ended.status, ended.ends_at) == (begun.fingerprint, Status.RESOLVED, AT)
        assert ended.starts_at is None


MAIL = "Service: disk\nHost: web1\nAddress: 192.0.2.1\nState: {}\nInfo: DISK {} - 3% left\nDate: Mon 13:00\n"
NAGIOS_MAIL = (
    "***** Nagios *****\n\nNotification Type: PROBLEM\n\nService: disk\nHost: web1\nAddress: 192.0.2.1\n"
    "State: CRITICAL\n\nDate/Time: Mon 13:00\n\nAdditional Info:\n\nDISK CRITICAL - 3% left\n"
)
ICINGA_MAIL = (
    "***** Service Monitoring on mon1 *****\n\ndisk on web1 is CRITICAL!\n\nInfo:    DISK CRITICAL - 3% left\n\n"
    "When:    Mon 13:00\nService: disk\nHost:    web1\nIPv4:    192.0.2.1\n"
)


@pytest.mark.parametrize(
    "body",
    [
        MAIL.format("CRITICAL", "CRITICAL"),
        NAGIOS_MAIL,
        ICINGA_MAIL,
        "PROBLEM: web1/disk is CRITICAL (DISK CRITICAL - 3% left)",
        "Nov 22 13:14:36 PROBLEM: web1/disk is CRITICAL (DISK CRITICAL - 3% left)",
        "Nagios - PROBLEM: web1/disk is CRITICAL (DISK CRITICAL - 3% left)",
        "[PROBLEM] disk on web1 is CRITICAL! DISK CRITICAL - 3% left",
    ],
)
def test_what_a_notification_command_would_mail_is_one_alert_of_its_host_and_service(body: str) -> None:
    alert = only(body)
    assert alert.labels["alertname"] == alert.labels["service"] == "disk"
    assert (alert.labels["host"], alert.labels["severity"]) == ("web1", "critical")
    assert alert.annotations["summary"].startswith("DISK CRITICAL - 3% left")
    for end in ("RECOVERY: web1/disk is OK", MAIL.format("OK", "OK"), "✅ web1/disk is OK"):
        over = only(end)
        assert (over.status, over.fingerprint) == (Status.RESOLVED, alert.fingerprint)


@pytest.mark.parametrize(
    ("state", "severity"),
    [("Warning", "warning"), ("warn", "warning"), ("UNKN", "warning"), ("crit", "critical"), ("ok", None)],
)
def test_a_state_is_read_in_any_case_and_in_its_short_form(state: str, severity: str | None) -> None:
    alert = only(MAIL.format(state, ""))
    assert alert.status is (Status.FIRING if severity else Status.RESOLVED)
    assert alert.labels.get("severity") == severity
    assert alert.fingerprint == only(MAIL.format("CRITICAL", "CRITICAL")).fingerprint


def test_a_type_is_read_in_any_case_and_a_word_of_the_output_is_none() -> None:
    over = only("Notification Type: Recovery\nHost: web1\nState: Up\nInfo: no problem")
    assert over.status is Status.RESOLVED


def test_a_host_that_is_down_is_named_so() -> None:
    alert = only("** PROBLEM Host Alert: web1 is DOWN **", "--label=site=a")
    assert alert.labels["alertname"] == "HostDown"
    assert (alert.labels["host"], alert.labels["site"]) == ("web1", "a")
    assert alert.fingerprint != only("** PROBLEM Host Alert: web1 is DOWN **").fingerprint


def test_notifications_one_a_line_stay_as_many() -> None:
    body = "PROBLEM: web1/disk is CRITICAL (a)\nRECOVERY: web2/disk is OK (b)\nweb3/load is WARNING\n"
    told = [(alert.labels["host"], alert.status.value) for alert in piped(body).alerts]
    assert told == [("web1", "firing"), ("web2", "resolved"), ("web3", "firing")]
    assert len(piped("Host: a\nHost: b\nHost: c").alerts) == 3


@pytest.mark.parametrize(
    "over",
    [
        "OK: {}",
        "[OK] {}",
        "✅ Up - {}",
        "RESOLVED {}",
        "Recovered: {}",
        "RECOVERY | {}",
        "2026-11-22 13:00:00 OK: {}",
    ],
)
@pytest.mark.parametrize("begun", ["{}", "PROBLEM: {}", "FIRING {}", "[CRITICAL] {}", "Down: {}"])
def test_a_word_for_well_in_front_ends_what_the_same_words_began(over: str, begun: str) -> None:
    first, last = only(begun.format("Disk full on db1")), only(over.format("Disk full on db1"))
    assert (first.status, last.status) == (Status.FIRING, Status.RESOLVED)
    assert first.fingerprint == last.fingerprint


@pytest.mark.parametrize(
    "line",
    [
        "PASSED: 12, FAILED: 3",
        "OK then, db1 burns",
        "Up to date was yesterday",
        "NOT OK: disk full",
        "a problem with db1 is down again",
        "okay: no",
        "end of backup missing",
    ],
)
def test_words_that_only_look_like_an_end_are_none(line: str) -> None:
    assert only(line).status is Status.FIRING


def test_a_jobs_output_that_begins_well_is_no_end() -> None:
    assert only("OK: dump\nERROR: upload failed", "--name=backup").status is Status.FIRING
    assert only("OK: all done", "--name=backup").status is Status.RESOLVED


def test_with_one_all_of_it_is_one_alert_known_by_its_words() -> None:
    alert = only("disk full\non db1\n", "--one")
    assert alert.annotations == {"summary": "disk full", "description": "on db1"}
    assert alert.fingerprint == only("2026-11-22 13:00:00 disk full\non db1", "--one").fingerprint
    assert alert.fingerprint != only("disk full\non db2", "--one").fingerprint
    assert only("RESOLVED: disk full\non db1", "--one").status is Status.RESOLVED
    assert piped(" \n", "--one").alerts == ()


def test_an_acknowledgement_in_a_mail_acknowledges() -> None:
    body = MAIL.format("CRITICAL", "CRITICAL") + "Notification Type: ACKNOWLEDGEMENT\nAuthor: bob\n"
    [ack] = piped(body).acks
    assert (ack.by, ack.fingerprint) == ("bob", only(MAIL.format("CRITICAL", "CRITICAL")).fingerprint)


@pytest.mark.parametrize("body", ["", "\n", " \r\n\t\n", "\x07"])
def test_a_job_that_said_nothing_is_no_alert(body: str) -> None:
    assert piped(body).alerts == piped(body, "--name=Backup").alerts == ()


def test_a_flood_of_lines_is_counted() -> None:
    delivery = piped("\n".join(f"line {n}" for n in range(1_000)))
    assert (len(delivery.alerts), delivery.hidden) == (text.MAX_LINES, 900)
    assert piped("a\n" * 1_000, "--name=x").hidden == 0


def test_colours_control_characters_and_strange_bytes_can_be_told() -> None:
    assert only(b"\xef\xbb\xbf\x1b[31mcaf\xe9\x1b[0m\x07\x00").annotations["summary"] == "caf\ufffd\ufffd"


def test_words_that_mean_nothing_do_not_cost_the_alert_and_are_shown() -> None:
    alert = only("x", "--lable", "host=db1", "--label", "novalue", "--label", "=x", "--severity")
    assert alert.annotations["not_understood"] == "--lable host=db1 --label=novalue --label==x"
    assert alert.labels == {}


def test_a_label_may_hold_equal_signs_and_is_called_as_prometheus_lets_it() -> None:
    assert only("x", "--label", "query=a=b", "--label=9 lives=y").labels == {"query": "a=b", "_9_lives": "y"}


# JSON


def test_json_is_read_as_json_and_gets_what_is_added() -> None:
    alert = only('{"name": "DiskFull"}', "--label=host=db1", "--severity=critical", "--resolved")
    assert alert.labels == {"alertname": "DiskFull", "host": "db1", "severity": "critical"}
    assert (alert.source, alert.status) == ("pipe", Status.RESOLVED)
    assert only('[{"summary":"x"}]', "--name=Backup").labels == {"alertname": "Backup"}
    assert len(piped('{"name":"a"}\n{"name":"b"}\n').alerts) == 2
    assert piped(" [ ] \n").alerts == ()


def test_broken_json_is_refused_and_not_told_line_by_line() -> None:
    for body in ('{"name": "x"', '{\n  "name": x\n}', '[{"name"', "{}"):
        with pytest.raises(ParseError):
            piped(body)


@pytest.mark.parametrize(
    "line", ["[error] disk failed", "{oops} disk", "[", "{", "[1, 2] is the answer", "[[ x ]]"]
)
def test_a_line_of_a_log_that_begins_with_a_bracket_is_text(line: str) -> None:
    assert only(line).annotations["summary"] == line


def test_a_hook_that_is_not_known_is_refused() -> None:
    with pytest.raises(ParseError, match="hook"):
        hook_record.parse(Handed("icinga3", AT))


def test_the_severity_may_be_any_word() -> None:
    assert only("x", "--severity", "page").severity is Severity.CRITICAL


WORDS = st.sampled_from(
    ["--label", "--severity", "--name", "--resolved", "--label=a=b", "=", "--name="]
) | st.text(max_size=9)
BODIES = (
    st.binary(max_size=60)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=60).map(str.encode)
    | st.sampled_from([b"{", b"[{", b'[{"name":1}]'])
)


@given(BODIES, st.lists(WORDS, max_size=6))
@settings(max_examples=300, deadline=None)
def test_any_input_gives_alerts_that_can_be_stored_or_a_parse_error(
    body: bytes, arguments: list[str]
) -> None:
    try:
        delivery = piped(body, *arguments)
    except ParseError:
        return
    for alert in delivery.alerts:
        for told in (*alert.labels, *alert.labels.values(), *alert.annotations.values()):
            assert "\0" not in told
            told.encode()

"""The texts of every version of Zabbix's own templates, and the forms in which scripts hand them over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import pytest

from sms_notify.alert import Alert, Delivery, EndReason, Handed, Severity, Status
from sms_notify.errors import ParseError
from sms_notify.sources import hook_record, zabbix

AT = datetime(2026, 11, 22, 13, 36, 20, tzinfo=UTC)
NUMBER = "+32470000001"
BEGAN = "Problem started at 13:36:12 on 2026.11.22"
ENDED = "Problem has been resolved at 13:46:12 on 2026.11.22"
UP_TO_3_2 = """\
Trigger: Disk full on db1
Trigger status: {}
Trigger severity: High
Trigger URL: https://runbook.example.net/disk

Item values:

1. Free space (db1:vfs.fs.size[/,pfree]): 3 %
2. *UNKNOWN* (*UNKNOWN*:*UNKNOWN*): *UNKNOWN*
3. *UNKNOWN* (*UNKNOWN*:*UNKNOWN*): *UNKNOWN*

Original event ID: 4711"""
FROM_3_4 = """\
{}
Problem name: Disk full
Host: db1
Severity: High

Original problem ID: 4711
"""
FROM_4_4 = """\
{}
Problem name: Disk full
Host: db1
Severity: High
Operational data: 97 %
Original problem ID: 4711
https://runbook.example.net/disk"""
HTML = (
    "<b>{}</b> at 13:36:12 on 2026.11.22<br><b>Problem name:</b> Disk full<br><b>Host:</b> db1<br>"
    "<b>Severity:</b> High<br><b>Original problem ID:</b> 4711<br>https://runbook.example.net/disk"
)
SMS = "{}: Fan dead\nHost: db3\n2026.11.22 13:36:12"
SERVICE = """\
Service problem started at 13:36:12 on 2026.11.22
Service problem name: Shop is slow
Service: Shop
Severity: High
Original problem ID: 4711"""


@dataclass(frozen=True)
class Template:
    """A problem and its recovery, as subject and message; what is read of them."""

    problem: tuple[str, str]
    recovery: tuple[str, str]
    name: str = "Disk full"
    host: str = "db1"
    fingerprint: str = "4711"


TEMPLATES = {
    "3.2": Template(
        ("PROBLEM: Disk full on db1", UP_TO_3_2.format("PROBLEM")),
        ("OK: Disk full on db1", UP_TO_3_2.format("OK")),
        name="Disk full on db1",
    ),
    "3.4": Template(
        ("Problem: Disk full", FROM_3_4.format(BEGAN)), ("Resolved: Disk full", FROM_3_4.format(ENDED))
    ),
    "4.4": Template(
        ("Problem: Disk full", FROM_4_4.format(BEGAN)), ("Resolved: Disk full", FROM_4_4.format(ENDED))
    ),
    "5.0 HTML": Template(
        ("Problem: Disk full", HTML.format("Problem started")),
        ("Resolved: Disk full", HTML.format("Problem has been resolved")),
    ),
    "5.0 SMS": Template(
        ("", SMS.format("High")), ("", SMS.format("RESOLVED")), "Fan dead", "db3", fingerprint=""
    ),
    "6.0": Template(
        ("Problem: Disk full", FROM_4_4.format(BEGAN)),
        ("Resolved in 10m 2s: Disk full", FROM_4_4.format(ENDED)),
    ),
    "6.0 SMS": Template(
        ("", SMS.format("High")), ("", SMS.format("Resolved in 10m")), "Fan dead", "db3", fingerprint=""
    ),
    "6.0 SMS without a date": Template(
        ("", "High: Fan dead\nHost: db3"), ("", "Resolved in 10m: Fan dead\nHost: db3"), "Fan dead", "db3", ""
    ),
    "6.0 service": Template(
        ('Service "Shop" problem: Shop is slow', SERVICE),
        ('Service "Shop" resolved in 10m: Shop is slow', SERVICE),
        name="Shop is slow",
        host="",
    ),
    "with marks": Template(
        ("\U0001f534 [north] Problem: Disk full", "\U0001f4ca *Host*: db1\n*Severity*: High"),
        ("✅ Resolved: Disk full", "\U0001f4ca *Host*: db1"),
        fingerprint="",
    ),
    "the status last": Template(
        ("Disk full: PROBLEM", "Host: db1\nSeverity: High"), ("Disk full: OK", "Host: db1"), fingerprint=""
    ),
    "the status in brackets": Template(
        ("[PROBLEM] Disk full", "Host: db1\nSeverity: High"), ("[OK] Disk full", "Host: db1"), fingerprint=""
    ),
    "JSON": Template(
        ("Zabbix", '{"event_id": 4711, "event_name": "Disk full", "host": "db1", "status": "PROBLEM", "severity": "High"}'),
        ("Zabbix", '{"event_id": 4711, "event_name": "Disk full", "host": "db1", "status": "RESOLVED"}'),
    ),
    "a fixed subject": Template(
        ("Zabbix", "PROBLEM: Disk full\nHost: db1\nSeverity: High"),
        ("Zabbix", "OK: Disk full\nHost: db1"),
        fingerprint="",
    ),
}  # fmt: skip


def called(*arguments: str) -> Delivery:
    return hook_record.parse(Handed("zabbix", AT, arguments))


def alert_of(delivery: Delivery) -> Alert:
    (alert,) = delivery.alerts
    return alert


def lines_of(name: str) -> list[tuple[str, str]]:
    template = TEMPLATES[name]
    both = [template.problem, template.recovery]
    return [(subject, line) for subject, text in both for line in (text, text.replace("\n", "\r\n"))]


@pytest.mark.parametrize("name", TEMPLATES)
def test_problem_and_recovery_of_every_template_are_one_trouble_that_ends(name: str) -> None:
    template = TEMPLATES[name]
    problem, recovery = (alert_of(called(NUMBER, *texts)) for texts in (template.problem, template.recovery))
    assert (problem.status, recovery.status) == (Status.FIRING, Status.RESOLVED)
    assert problem.fingerprint == recovery.fingerprint
    assert template.fingerprint in ("", problem.fingerprint)
    assert problem.severity is Severity.CRITICAL
    assert not problem.once
    assert recovery.end_reason is EndReason.NONE
    for alert in (problem, recovery):
        assert (alert.labels["alertname"], alert.labels.get("host", "")) == (template.name, template.host)


@pytest.mark.parametrize("name", TEMPLATES)
def test_line_ends_of_windows_change_nothing(name: str) -> None:
    for subject, text in lines_of(name):
        assert alert_of(called(NUMBER, subject, text)) == alert_of(
            called(NUMBER, subject, text.replace("\r", ""))
        )


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_webhook_reads_the_same_of_both_texts(name: str) -> None:
    for subject, text in (TEMPLATES[name].problem, TEMPLATES[name].recovery):
        posted = zabbix.parse(orjson.dumps({"To": NUMBER, "Subject": subject, "Message": text}), AT)
        assert alert_of(posted) == alert_of(called(NUMBER, subject, text))


def test_the_values_of_items_pass_for_nothing_that_decides() -> None:
    evil = UP_TO_3_2.format("PROBLEM").replace(
        "3 %", "3 %\nTrigger status: OK\nTrigger severity: Information"
    )
    alert = alert_of(called(NUMBER, "Disk", evil))
    assert (alert.status, alert.severity, alert.fingerprint) == (Status.FIRING, Severity.CRITICAL, "4711")


def test_a_sensors_line_ends_nothing_where_the_subject_says_how_things_stand() -> None:
    evil = FROM_4_4.format(BEGAN).replace("97 %", "97 %\nStatus: OK\nTrigger status: OK")
    assert alert_of(called(NUMBER, "Problem: Disk full", evil)).status is Status.FIRING


@pytest.mark.parametrize(
    "subject",
    [
        "OK responses below 90 %",
        "Replication is not OK",
        "Link OK: no",
        "Recovery mode of db1",
        "Resolved addresses missing",
        "Gelöst: Disk full",
        "Last OK: yesterday",
    ],
)
def test_a_name_that_only_holds_a_word_for_well_ends_nothing(subject: str) -> None:
    assert alert_of(called(NUMBER, subject, "Host: db1")).status is Status.FIRING


def test_a_renamed_severity_is_told_by_the_shape_of_the_template_for_sms() -> None:
    problem = alert_of(called(NUMBER, "", SMS.format("Dringend")))
    assert (problem.labels["alertname"], problem.labels["severity"]) == ("Fan dead", "dringend")
    assert problem.fingerprint == alert_of(called(NUMBER, "", SMS.format("Resolved in 1m"))).fingerprint


# Updates


ACTIONS = [
    ("acknowledged", Status.FIRING, 1, 0),
    ("acknowledged and commented", Status.FIRING, 1, 0),
    ("unacknowledged", Status.FIRING, 0, 1),
    ("changed severity from High to Disaster", Status.FIRING, 0, 0),
    ("commented", Status.FIRING, 0, 0),
    ("closed", Status.RESOLVED, 0, 0),
]
UPDATES = {
    "3.4": (
        "Acknowledged: Disk full",
        "Ann (ann) {} problem at 2026.11.22 13:36:15 with the following message:\non it\n\n"
        "Current problem status is PROBLEM\nOriginal problem ID: 4711",
    ),
    "4.0": (
        "Updated problem: Disk full",
        "Ann (ann) {} problem at 2026.11.22 13:36:15.\non it\n\n"
        "Current problem status is PROBLEM, acknowledged: Yes.\nOriginal problem ID: 4711",
    ),
    "5.0 HTML": (
        "Updated problem: Disk full",
        "<b>Ann (ann) {} problem</b> at 2026.11.22 13:36:15.<br>on it<br><br><b>Current problem status:</b> PROBLEM<br>"
        "<b>Acknowledged:</b> Yes.<br><b>Original problem ID:</b> 4711",
    ),
    "6.0": (
        "Updated problem in 8s: Disk full",
        "Ann (ann) {} problem at 2026.11.22 13:36:15.\non it\n\n"
        "Current problem status is PROBLEM, age is 8s, acknowledged: Yes.\nOriginal problem ID: 4711",
    ),
    "6.0 SMS": ("", "Ann (ann) {} problem in 8s at 2026.11.22 13:36:15\non it\nOriginal problem ID: 4711"),
}


@pytest.mark.parametrize("version", UPDATES)
@pytest.mark.parametrize(("action", "status", "acks", "unacks"), ACTIONS)
def test_an_update_that_names_its_event_is_told_as_what_was_done(
    version: str, action: str, status: Status, acks: int, unacks: int
) -> None:
    subject, message = UPDATES[version]
    delivery = called(NUMBER, subject, message.format(action))
    alert = alert_of(delivery)
    assert (alert.fingerprint, alert.status) == ("4711", status)
    assert (len(delivery.acks), len(delivery.unacks)) == (acks, unacks)
    assert {ack.by for ack in delivery.acks} | {unack.by for unack in delivery.unacks} <= {"Ann (ann)"}
    if acks and "SMS" not in version:
        assert delivery.acks[0].comment == "on it"


def test_an_update_after_the_recovery_opens_nothing() -> None:
    subject, message = UPDATES["6.0"]
    late = message.format("commented").replace("is PROBLEM", "is RESOLVED")
    assert alert_of(called(NUMBER, subject, late)).status is Status.RESOLVED


def test_an_update_that_names_nothing_is_refused() -> None:
    with pytest.raises(ParseError, match=r"EVENT\.ID: \{EVENT\.ID\}"):
        called(NUMBER, "", "Ann (ann) acknowledged problem in 8s at 2026.11.22 13:36:15")


# Escalations that Zabbix cancels

NOTES = {
    "until 5.0": 'NOTE: Escalation cancelled: trigger "Disk full" disabled.\n',
    "since": 'NOTE: Escalation canceled: trigger "Disk full" disabled.\nLast message sent:\n',
    "a host": 'NOTE: Escalation canceled: host "db1" disabled.\nLast message sent:\n',
    "an item": "NOTE: Escalation canceled: item id:28 deleted.\nLast message sent:\n",
    "no reason": "NOTE: Escalation cancelled\n",
}
OURS = "EVENT.ID: 4711\nEVENT.VALUE: 1\nHOST.NAME: db1\nEVENT.NAME: Disk full"


@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize("name", TEMPLATES)
def test_what_is_cancelled_is_watched_no_longer_whatever_the_template(note: str, name: str) -> None:
    subject, message = TEMPLATES[name].problem
    problem, cancelled = (
        alert_of(called(NUMBER, subject, text)) for text in (message, NOTES[note] + message)
    )
    assert cancelled.fingerprint == problem.fingerprint
    assert (cancelled.status, cancelled.end_reason) == (Status.RESOLVED, EndReason.NO_LONGER_WATCHED)
    assert cancelled.labels == problem.labels


def test_what_is_cancelled_says_why_and_is_acknowledged_by_nobody() -> None:
    delivery = called(NUMBER, "Problem: Disk full", NOTES["a host"] + OURS + "\nEVENT.ACK.STATUS: Yes")
    assert alert_of(delivery).annotations["summary"] == 'host "db1" disabled.'
    assert (delivery.acks, delivery.unacks) == ((), ())


def test_the_webhook_knows_of_a_cancelled_escalation_by_its_message() -> None:
    macros = {"EVENT.ID": "4711", "EVENT.VALUE": "1", "EVENT.NAME": "Disk full", "EVENT.UPDATE.STATUS": "0"}
    alert = alert_of(zabbix.parse(orjson.dumps({**macros, "ALERT.MESSAGE": NOTES["since"] + OURS}), AT))
    assert (alert.fingerprint, alert.end_reason) == ("4711", EndReason.NO_LONGER_WATCHED)


def test_a_recovery_is_a_recovery_though_its_escalation_was_cancelled() -> None:
    message = NOTES["since"] + OURS.replace("VALUE: 1", "VALUE: 0")
    assert alert_of(called(NUMBER, "", message)).end_reason is EndReason.NONE


def test_a_text_that_only_speaks_of_the_note_is_no_end() -> None:
    assert alert_of(called(NUMBER, "Problem: x", f"{OURS}\n{NOTES['since']}")).status is Status.FIRING


# What scripts hand over


@pytest.mark.parametrize(
    ("problem", "recovery", "host"),
    [
        (("Problem: Disk full on db1",), ("Resolved in 5m: Disk full on db1",), ""),
        ((UP_TO_3_2.format("PROBLEM"),), (UP_TO_3_2.format("OK"),), "db1"),
        ((OURS,), (OURS.replace("VALUE: 1", "VALUE: 0"),), "db1"),
        (("PROBLEM: Disk full", "97 %", "10.0.0.1"), ("OK: Disk full", "80 %", "10.0.0.1"), "10.0.0.1"),
        (("Disk full", "it is full", "PROBLEM", "db1"), ("Disk full", "it was full", "OK", "db1"), "db1"),
        (
            ("PROBLEM:", "Disk", "full", "on", "db1"),
            ("OK:", "Disk", "full", "on", "db1"),
            "",
        ),
        (("", "PROBLEM: Disk full", "High", "db1"), ("", "OK: Disk full", "High", "db1"), "db1"),
    ],
)
def test_any_number_of_words_is_read(problem: tuple[str, ...], recovery: tuple[str, ...], host: str) -> None:
    begun, ended = (alert_of(called(NUMBER, *words)) for words in (problem, recovery))
    assert (begun.status, ended.status) == (Status.FIRING, Status.RESOLVED)
    assert begun.fingerprint == ended.fingerprint
    assert begun.labels.get("host", "") == host
    assert "Disk full" in begun.labels["alertname"]


def test_words_that_lost_their_quotes_are_one_text() -> None:
    alert = alert_of(called(NUMBER, "Disk", "full", "on", "db1"))
    assert (alert.labels["alertname"], alert.once) == ("Disk full on db1", True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Disk full",), ("Fan dead",)),
        (("Zabbix", "Disk full on db1"), ("Zabbix", "Fan dead on db3")),
        (("Zabbix", "PROBLEM: Disk full"), ("Zabbix", "PROBLEM: Fan dead")),
        (("Disk full", "it is full", "10.0.0.1"), ("Disk full", "it is full", "10.0.0.2")),
        (("Disk full", "Host: db1"), ("Disk full", "Host: db2")),
        (("", SMS.format("High")), ("", SMS.format("High").replace("db3", "db4"))),
    ],
)
def test_two_troubles_never_become_one(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    first, second = (alert_of(called(NUMBER, *words)) for words in (one, other))
    assert first.fingerprint != second.fingerprint


def test_words_that_nothing_can_end_are_a_notice_with_all_they_say() -> None:
    alert = alert_of(called(NUMBER, "Zabbix", "Disk full on db1"))
    assert alert.once
    assert (alert.labels["alertname"], alert.annotations["summary"]) == ("Zabbix", "Disk full on db1")


@pytest.mark.parametrize(
    "words", [(), (NUMBER,), (NUMBER, ""), (NUMBER, "", " "), ("", "{ALERT.SUBJECT}", "{ALERT.MESSAGE}")]
)
def test_what_says_nothing_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(ParseError):
        called(*words)

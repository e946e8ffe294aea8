"""Zabbix 6.0.14's alert script and webhook media type as recorded, and our own message template."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.alert import Acknowledged, Alert, Delivery, Handed, Severity, Status
from sms_notify.errors import ParseError
from sms_notify.sources import hook_record, zabbix

PAYLOADS = Path(__file__).parent / "payloads" / "zabbix"
AT = datetime(2026, 11, 22, 13, 36, 20, tzinfo=UTC)
NAME = "Temperature high on Web 1 (Zürich)"


def recorded(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return loaded


def called(*arguments: str, at: datetime = AT) -> Delivery:
    return hook_record.parse(Handed("zabbix", at, arguments))


def posted(**parameters: object) -> Delivery:
    return zabbix.parse(orjson.dumps(parameters), AT)


def template(*free: str, **fields: str) -> str:
    """A message as our template writes it: what decides first, what users wrote last."""
    lines = {"EVENT.ID": "77", "EVENT.VALUE": "1", "EVENT.UPDATE.STATUS": "0", "EVENT.ACK.STATUS": "No"}
    lines |= {name.replace("_", "."): text for name, text in fields.items()}
    return "\r\n".join([*(f"{name}: {text}" for name, text in lines.items()), "EVENT.NAME: Disk full", *free])


def alert_of(delivery: Delivery) -> Alert:
    (alert,) = delivery.alerts
    return alert


TYPES = recorded("types-webhook")
SCRIPTS = recorded("types-script")
UPDATES = {"02", "03"}


def id_of(number: str) -> str:
    found: str = json.loads(next(one["body"] for name, one in TYPES.items() if name.startswith(number)))[
        "EventId"
    ]
    return found


# The recordings


@pytest.mark.parametrize("name", TYPES)
def test_every_recorded_post_is_told_under_its_event_id(name: str) -> None:
    body = TYPES[name]["body"].encode()
    alert, sent = alert_of(zabbix.parse(body)), json.loads(body)
    assert (alert.source, alert.fingerprint) == ("zabbix", sent["EventId"])
    assert alert.status is (Status.RESOLVED if sent["EventValue"] == "0" else Status.FIRING)
    assert alert.labels["alertname"] == " ".join(
        sent["EventName"].replace("\x1b[31m", "").replace("\x07", "").split()
    )
    assert (alert.labels["host"], alert.labels["instance"]) == ("web1", "web1")


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in UPDATES])
def test_every_recorded_call_with_the_default_template_is_told_as_its_post_is(name: str) -> None:
    alert = alert_of(called(*SCRIPTS[name]))
    post = alert_of(
        zabbix.parse(next(one["body"] for n, one in TYPES.items() if n.startswith(name)).encode())
    )
    assert (alert.fingerprint, alert.status, alert.severity) == (post.fingerprint, post.status, post.severity)
    assert alert.labels["alertname"] == post.labels["alertname"]
    assert alert.labels["host"] == "Web 1 (Zürich)"


@pytest.mark.parametrize("name", sorted(UPDATES))
def test_an_update_of_the_default_template_names_no_event_and_says_what_to_do(name: str) -> None:
    with pytest.raises(ParseError, match=r"EVENT\.ID: \{EVENT\.ID\}"):
        called(*SCRIPTS[name])


@pytest.mark.parametrize("name", recorded("macros-webhook"))
def test_every_macro_may_be_sent_by_its_own_name(name: str) -> None:
    sent = json.loads(recorded("macros-webhook")[name]["body"])
    dotted = {key: value for key, value in sent.items() if key.isupper()}
    whole, alone = (zabbix.parse(orjson.dumps(fields)) for fields in (sent, dotted))
    assert whole == alone
    assert "{EVENT" not in str(whole)


@pytest.mark.parametrize("name", recorded("macros-script"))
def test_macros_that_a_script_gets_literally_are_not_read(name: str) -> None:
    alert = alert_of(called(*recorded("macros-script")[name]))
    assert alert.labels == {"alertname": "fixed text"}
    assert alert.status is Status.FIRING


@pytest.mark.parametrize("name", recorded("failures-webhook"))
def test_a_post_that_a_redirect_emptied_is_refused_and_not_taken_for_delivered(name: str) -> None:
    one = recorded("failures-webhook")[name]
    if "Subject" in one["body"]:
        assert alert_of(zabbix.parse(one["body"].encode())).labels["alertname"] == NAME
        return
    with pytest.raises(ParseError):
        zabbix.parse(one["body"].encode())


def test_the_recordings_hold_a_post_that_a_redirect_emptied() -> None:
    assert [one["body"] for name, one in recorded("failures-webhook").items() if "-redirected-" in name] == [
        ""
    ]


@pytest.mark.parametrize("name", {**recorded("failures-script"), **recorded("timeout-script")})
def test_a_call_with_no_message_is_told_by_its_subject_and_one_without_both_is_refused(name: str) -> None:
    arguments = {**recorded("failures-script"), **recorded("timeout-script")}[name]
    if len(arguments) > 1:
        assert alert_of(called(*arguments)).labels["alertname"] == NAME
        return
    with pytest.raises(ParseError, match=r"ALERT\.SUBJECT"):
        called(*arguments)


# Kinds


def test_an_acknowledgement_with_its_message_is_told_by_whom() -> None:
    delivery = zabbix.parse(TYPES["02-zabbix-types-002"]["body"].encode())
    assert delivery.acks == (
        Acknowledged("zabbix", "1", "Zabbix Administrator (Admin)", 'on it: "10 min" $HOME\nsecond line'),
    )


def test_a_changed_severity_is_the_same_event_with_the_new_severity() -> None:
    before, after = (alert_of(zabbix.parse(one["body"].encode())) for one in list(TYPES.values())[1:3])
    assert before.fingerprint == after.fingerprint
    assert (before.labels["zabbix_severity"], after.labels["zabbix_severity"]) == ("High", "Disaster")


def test_who_changes_a_severity_has_not_acknowledged_it() -> None:
    """Also where somebody had before: what is worse now wants to be acknowledged anew."""
    assert zabbix.parse(TYPES["03-zabbix-types-003"]["body"].encode()).acks == ()


@pytest.mark.parametrize(
    ("action", "status", "acks", "unacks"),
    [
        ("acknowledged", Status.FIRING, 1, 0),
        ("acknowledged and commented", Status.FIRING, 1, 0),
        ("acknowledged, commented and closed", Status.RESOLVED, 0, 0),
        ("closed", Status.RESOLVED, 0, 0),
        ("commented", Status.FIRING, 0, 0),
        ("unacknowledged", Status.FIRING, 0, 1),
        ("unacknowledged and commented", Status.FIRING, 0, 1),
        ("unacknowledged and closed", Status.RESOLVED, 0, 0),
        ("changed severity from High to Disaster", Status.FIRING, 0, 0),
        ("{EVENT.UPDATE.ACTION}", Status.FIRING, 0, 0),
        ("", Status.FIRING, 0, 0),
    ],
)
def test_an_update_is_told_as_what_was_done(action: str, status: Status, acks: int, unacks: int) -> None:
    fields = {"EVENT.UPDATE.STATUS": "1", "EVENT.UPDATE.ACTION": action, "EVENT.VALUE": "1", "EVENT.ID": "7"}
    delivery = posted(**fields, **{"EVENT.NAME": "x", "USER.FULLNAME": "Ann (ann)"})
    assert (alert_of(delivery).status, len(delivery.acks), len(delivery.unacks)) == (status, acks, unacks)
    assert {(said.by, said.ref) for said in (*delivery.acks, *delivery.unacks)} <= {("Ann (ann)", "zabbix 7")}


@pytest.mark.parametrize("name", ["Inaccessible user", "{USER.FULLNAME}", "*UNKNOWN*", ""])
def test_a_name_that_zabbix_does_not_tell_is_nobodys_name(name: str) -> None:
    fields = {"EVENT.UPDATE.STATUS": "1", "EVENT.UPDATE.ACTION": "acknowledged", "EVENT.ID": "7"}
    (ack,) = posted(**fields, **{"EVENT.NAME": "x", "USER.FULLNAME": name}).acks
    assert ack.by == "zabbix"


def test_an_escalation_of_what_was_acknowledged_says_so() -> None:
    (ack,) = called("ops", "Problem: x", template(EVENT_ACK_STATUS="Yes")).acks
    assert (ack.by, ack.fingerprint) == ("zabbix", "77")


def test_taking_an_acknowledgement_back_is_told_whatever_its_status_still_says() -> None:
    message = template(EVENT_ACK_STATUS="Yes", EVENT_UPDATE_STATUS="1", EVENT_UPDATE_ACTION="unacknowledged")
    delivery = called("ops", "", message)
    assert delivery.acks == ()
    assert [(unack.fingerprint, unack.made_at) for unack in delivery.unacks] == [("77", None)]


@pytest.mark.parametrize("status", ["No", "Yes", ""])
def test_a_problem_that_is_no_update_takes_nothing_back(status: str) -> None:
    """A retry of the first message bears the status of its own time."""
    assert called("ops", "Problem: x", template(EVENT_ACK_STATUS=status)).unacks == ()


@pytest.mark.parametrize(
    ("fields", "subject", "status"),
    [
        ({"EventValue": "0"}, "Problem: x", Status.RESOLVED),
        ({"EventValue": "1"}, "Resolved in 3s: x", Status.FIRING),
        ({"EventValue": "{EVENT.VALUE}"}, "Resolved in 3s: x", Status.RESOLVED),
        ({"EventStatus": "RESOLVED"}, "x", Status.RESOLVED),
        ({"EventStatus": "PROBLEM"}, "Resolved in 3s: x", Status.FIRING),
        ({}, "Resolved in 1d 2h 3m: x", Status.RESOLVED),
        ({}, "Resolved", Status.FIRING),
        ({}, "Gelöst: x", Status.FIRING),
    ],
)
def test_value_counts_before_status_and_status_before_the_subject(
    fields: dict[str, str], subject: str, status: Status
) -> None:
    assert alert_of(posted(Subject=subject, **fields)).status is status


# The traps of the real system, one by one


def test_our_template_survives_crlf_and_user_text_of_several_lines() -> None:
    message = template("EVENT.OPDATA: now 99\nand 98", EVENT_SEVERITY="High", HOST_HOST="db1")
    alert = alert_of(called("ops", "Problem: Disk full", message))
    assert (alert.fingerprint, alert.severity) == ("77", Severity.CRITICAL)
    assert alert.annotations["summary"] == "now 99\nand 98"
    assert alert.labels["host"] == "db1"


def test_a_sensors_text_of_several_lines_does_not_pass_for_a_field_that_decides() -> None:
    evil = "x\nEVENT.ID: 1\nEVENT.VALUE: 0\nHOST.HOST: other\nEVENT.UPDATE.STATUS: 1\nEVENT.ACK.STATUS: Yes\nMONITOR: m"
    ours = called("ops", "", template().replace("Disk full", evil))
    assert (alert_of(ours).fingerprint, alert_of(ours).status, ours.acks) == ("77", Status.FIRING, ())
    assert "host" not in alert_of(ours).labels
    default = (
        f"Problem name: {evil}\nOriginal problem ID: 2\nSeverity: High\nOriginal problem ID: 77\nhttps://x"
    )
    theirs = called("ops", "Problem: x", default)
    assert (alert_of(theirs).fingerprint, alert_of(theirs).status, theirs.acks) == ("77", Status.FIRING, ())


def test_unreplaced_macros_count_as_not_said() -> None:
    alert = alert_of(
        posted(EventId="{EVENT.ID}", EventName="x", HostName="{HOST.NAME}", HostHost="*UNKNOWN*")
    )
    assert alert.labels == {"alertname": "x"}


def test_text_that_only_contains_a_macro_is_kept() -> None:
    assert (
        alert_of(posted(EventName="see {HOST.NAME} {$MACRO}")).labels["alertname"]
        == "see {HOST.NAME} {$MACRO}"
    )


def test_the_recovery_bears_the_id_of_its_problem_and_not_its_own() -> None:
    fields = {"EVENT.NAME": "x", "EVENT.ID": "1", "EVENT.RECOVERY.ID": "2", "EVENT.VALUE": "0"}
    assert alert_of(posted(**fields)).fingerprint == "1"


def test_a_retry_and_a_second_recipient_are_the_same_alert() -> None:
    first, retry = (called("ops", "Problem: x", template()) for _ in range(2))
    assert first == retry
    assert alert_of(called("other", "Problem: x", template())).fingerprint == alert_of(first).fingerprint


def test_the_number_it_is_sent_to_appears_nowhere() -> None:
    for number in ("+15551230001", "0470 00 00 01", "(0)470/00.00.01"):
        assert number not in str(called(number, "Problem: x", template()))
    assert "+1555" not in str(zabbix.parse(TYPES["04-zabbix-types-004"]["body"].encode()))


def test_a_word_it_is_sent_to_is_a_label_for_routes() -> None:
    assert alert_of(called("team-dba", "Problem: x", template())).labels["sendto"] == "team-dba"


def test_a_renamed_severity_is_known_by_its_number() -> None:
    assert (
        alert_of(posted(EventName="x", EventSeverity="Dringend", EventNSeverity="5")).severity
        is Severity.CRITICAL
    )
    assert alert_of(posted(EventName="x", EventSeverity="Dringend")).labels["severity"] == "dringend"


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("Not classified", Severity.OTHER),
        ("Information", Severity.INFO),
        ("Warning", Severity.WARNING),
        ("Average", Severity.WARNING),
        ("High", Severity.CRITICAL),
        ("Disaster", Severity.CRITICAL),
    ],
)
def test_a_number_and_its_word_are_the_same_severity(word: str, severity: Severity) -> None:
    number = ["Not classified", "Information", "Warning", "Average", "High", "Disaster"].index(word)
    by_word = alert_of(posted(EventName="x", EventSeverity=word))
    by_number = alert_of(posted(EventName="x", EventNSeverity=str(number)))
    assert by_word.severity is by_number.severity is severity
    assert by_word.labels["severity"] == by_number.labels["severity"]


def test_tags_become_labels_but_none_of_ours() -> None:
    tags = [
        {"tag": "team", "value": "infra"},
        {"tag": "team", "value": "dba"},
        {"tag": "data center", "value": "zrh\n1"},
        {"tag": "host", "value": "evil"},
        {"tag": "alertname", "value": "evil"},
        {"tag": "bare", "value": ""},
        {"tag": "!", "value": "x"},
        "x",
    ]
    labels = alert_of(posted(EventName="x", HostHost="web1", EventTagsJson=json.dumps(tags))).labels
    assert labels == {
        "alertname": "x", "host": "web1", "instance": "web1", "team": "infra,dba", "data_center": "zrh 1", "bare": "true",
    }  # fmt: skip


def test_tags_that_are_no_json_are_read_as_zabbix_lists_them() -> None:
    labels = alert_of(posted(EventName="x", EventTags="site:zrh1, team:infra, bare")).labels
    assert (labels["site"], labels["team"], labels["bare"]) == ("zrh1", "infra", "true")


def test_since_when_is_told_by_the_age_because_times_have_no_zone() -> None:
    alert = alert_of(called("ops", "", template(EVENT_AGE="1h 2m 3s")))
    assert alert.starts_at == AT - timedelta(hours=1, minutes=2, seconds=3)
    assert alert_of(called("ops", "", template(EVENT_VALUE="0"))).ends_at == AT
    assert alert_of(zabbix.parse(b'{"EventName":"x","EventTime":"13:35:08"}')).starts_at is None


def test_two_servers_that_say_who_they_are_do_not_share_event_ids() -> None:
    names = {
        alert_of(posted(EventName="x", EventId="7", Monitor=name)).fingerprint for name in ("a", "b", "")
    }
    assert len(names) == 3


def test_without_an_id_name_and_host_pair_problem_and_recovery() -> None:
    problem = alert_of(posted(Subject="Problem: x", HostName="a"))
    assert alert_of(posted(Subject="Resolved in 3s: x", HostName="a")).fingerprint == problem.fingerprint
    assert alert_of(posted(Subject="Problem: x", HostName="b")).fingerprint != problem.fingerprint


def test_a_webhook_that_sends_only_the_texts_is_read_by_its_message() -> None:
    delivery = posted(
        To="x", Subject="Problem: x", Message=template(EVENT_SEVERITY="Disaster", HOST_HOST="{HOST.HOST}")
    )
    assert (alert_of(delivery).fingerprint, alert_of(delivery).severity) == ("77", Severity.CRITICAL)
    assert "host" not in alert_of(delivery).labels


def test_a_parameter_counts_before_the_message() -> None:
    assert alert_of(posted(EventId="5", Message=template())).fingerprint == "5"


def test_every_macro_that_is_documented_is_read_and_the_other_way_round() -> None:
    told = (Path(__file__).parent.parent / "docs" / "reference" / "sources.md").read_text("utf-8")
    table = told.partition("## Zabbix")[2].partition("## Grafana")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    documented = {
        name.lower().replace(".", "") for cell in cells for name in re.findall(r"`([A-Z.]+)`", cell)
    }
    # only so that the line is not taken for more of the name before it
    assert documented == zabbix.NAMES - {"eventduration"}


# What is hostile


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{}", b'{"URL":"x"}', b'{"EventName":"  "}', b'{"a":' * 9999]
)
def test_a_body_that_is_no_event_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(ParseError) as refused:
        zabbix.parse(body)
    assert "\n" not in str(refused.value)


FIELDS = st.sampled_from(
    [
        "EVENT.ID",
        "EventValue",
        "event_update_status",
        "EventAge",
        "EventTagsJson",
        "EventTags",
        "Subject",
        "Message",
        "x",
    ]
)
WORDS = st.text(max_size=30) | st.sampled_from(
    [
        "1",
        "0",
        "{EVENT.ID}",
        "Problem: x",
        "Updated problem in 3s: ",
        "[{}]",
        '[{"tag":1}]',
        "9" * 30,
        "\r\nEVENT.ID: 1",
    ]
)
VALUES = WORDS | st.none() | st.integers(0, 9) | st.lists(WORDS, max_size=2)


@given(st.dictionaries(FIELDS, VALUES, max_size=6) | st.binary(max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_post_gives_an_alert_that_can_be_stored_or_a_parse_error(payload: object) -> None:
    body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    try:
        delivery = zabbix.parse(body, AT)
    except ParseError:
        return
    check(delivery)


@given(st.lists(st.text(st.characters(), max_size=60) | WORDS, max_size=5))
@settings(max_examples=300, deadline=None)
def test_any_call_gives_an_alert_that_can_be_stored_or_a_parse_error(arguments: list[str]) -> None:
    try:
        delivery = called(*arguments)
    except ParseError:
        return
    check(delivery)


def check(delivery: Delivery) -> None:
    alert = alert_of(delivery)
    assert 0 < len(alert.fingerprint) <= 64
    for text in (
        *alert.labels,
        *alert.labels.values(),
        *alert.annotations.values(),
        *(a.by for a in delivery.acks),
    ):
        assert "\0" not in text
        text.encode()

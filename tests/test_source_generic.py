"""JSON from anything, in every form that somebody might send it in."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.alert import Alert, Severity, Status, fingerprint_of
from sms_notify.errors import ParseError
from sms_notify.sources import alertmanager, generic, input_limits
from sms_notify.sources.generic import Added
from sms_notify.sources.status_words import DOUBTFUL_WORDS, OPENING_WORDS, RESOLVED_WORDS

PAYLOADS = Path(__file__).parent / "payloads"


def told(payload: object, added: Added | None = None) -> tuple[Alert, ...]:
    return generic.parse(json.dumps(payload).encode(), added=added).alerts


def only(added: Added | None = None, /, **fields: object) -> Alert:
    (alert,) = told(fields, added)
    return alert


# Forms


def test_one_alert_a_list_and_an_object_with_alerts_say_the_same() -> None:
    alert = {"name": "DiskFull", "host": "db1", "severity": "critical", "summary": "97 %"}
    assert told(alert) == told([alert]) == told({"alerts": [alert]})
    assert told(alert)[0].labels == {"alertname": "DiskFull", "host": "db1", "severity": "critical"}
    assert told(alert)[0].annotations == {"summary": "97 %"}


def test_one_alert_a_line_may_end_without_a_newline_and_hold_empty_lines() -> None:
    body = b'{"name":"a"}\r\n\n{"name":"b"}\n  \n{"name":"c"}'
    assert [alert.labels["alertname"] for alert in generic.parse(body).alerts] == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["single/001", "mixed/002", "group/001", "truncated/002", "text/001"])
def test_what_alertmanager_sends_is_read_as_from_alertmanager(name: str) -> None:
    body = json.loads((PAYLOADS / "alertmanager" / f"{name}.json").read_text())["body_raw"].encode()
    mine, theirs = generic.parse(body), alertmanager.parse(body)
    assert (mine.group, mine.hidden) == (theirs.group, theirs.hidden)
    for one, other in zip(mine.alerts, theirs.alerts, strict=True):
        assert (one.fingerprint, one.status, one.labels) == (other.fingerprint, other.status, other.labels)
        assert (one.starts_at, one.ends_at) == (other.starts_at, other.ends_at)
        assert other.annotations.items() <= one.annotations.items()


def test_the_door_is_the_source() -> None:
    assert generic.parse(b'{"name":"x"}').alerts[0].source == "alerts"
    assert generic.parse(b'{"name":"x"}', "pipe").source == "pipe"


# What names an alert


def test_a_severity_beside_the_labels_may_change_or_be_missing_at_the_end() -> None:
    names = {
        only(name="x", host="a", severity="warning").fingerprint,
        only(name="x", host="a", level="critical").fingerprint,
        only(name="x", host="a", status="resolved").fingerprint,
    }
    assert len(names) == 1


def test_a_severity_among_the_labels_names_the_alert_as_it_does_for_prometheus() -> None:
    names = {
        only(labels={"alertname": "x", "severity": word}).fingerprint for word in ("warning", "critical")
    }
    assert len(names) == 2
    labels = {"alertname": "x", "severity": "critical"}
    assert only(labels=labels).fingerprint == fingerprint_of(labels)


def test_texts_and_times_name_nothing() -> None:
    one = only(name="x", summary="97 %", startsAt="2026-11-22T13:41:45Z", url="https://a")
    assert one.fingerprint == only(name="x", summary="98 %").fingerprint


def test_a_fingerprint_of_two_senders_is_two() -> None:
    names = {
        only(name="x", fingerprint="7", **more).fingerprint for more in ({}, {"source": "a"}, {"source": "b"})
    }
    assert "7" in names
    assert len(names) == 3


def test_a_fingerprint_that_is_a_number_or_long_is_taken() -> None:
    assert only(fingerprint=7).fingerprint == "7"
    assert len(only(fingerprint="x" * 9_999).fingerprint) == 16


def test_what_an_earlier_version_did_not_read_keeps_its_name_of_then() -> None:
    assert only(name="x").fingerprint in only(name="x", Host="db1", severity="critical").before
    assert only(name="x").fingerprint in only(name="x", node="db1").before
    assert (
        fingerprint_of({"alertname": "[Alerting] x"}) in only(title="[Alerting] x", state="alerting").before
    )
    assert only(name="x", Severity="critical").fingerprint == only(name="x").fingerprint


# Fields


@pytest.mark.parametrize("spelled", ["hostname", "HostName", "host_name", "HOST-NAME", "Host Name"])
def test_a_field_may_be_spelled_in_another_way(spelled: str) -> None:
    assert only(name="x", **{spelled: "db1"}).labels == {"alertname": "x", "host": "db1"}
    assert only(host="a", **{spelled: "b", "Host": "c"}).labels == {"host": "a"}


@pytest.mark.parametrize(
    ("title", "name", "status"),
    [
        ("[Alerting] CPU", "CPU", Status.FIRING),
        ("🔥 [FIRING] CPU", "CPU", Status.FIRING),
        ("[No Data] CPU", "CPU", Status.FIRING),
        ("✅ [OK] CPU", "CPU", Status.RESOLVED),
        ("[Recovered on {host:a}] CPU", "CPU on {host:a}", Status.RESOLVED),
        ("[critical] CPU", "[critical] CPU", Status.FIRING),
        ("[not ok] CPU", "[not ok] CPU", Status.FIRING),
        ("[OK]", "[OK]", Status.FIRING),
        ("OK CPU", "OK CPU", Status.FIRING),
    ],
)
def test_a_state_in_brackets_before_a_title_is_no_part_of_the_name(
    title: str, name: str, status: Status
) -> None:
    alert = only(title=title)
    assert (alert.labels["alertname"], alert.status) == (name, status)
    assert only(title=title, status="firing").status is Status.FIRING
    assert only(labels={"alertname": title}).labels["alertname"] == title


def test_what_says_nothing_else_is_known_by_the_fields_that_we_do_not_know() -> None:
    www, mail = (only(monitor=name, status="down") for name in ("www", "mail"))
    assert www.annotations["summary"] == "monitor: www"
    assert www.fingerprint != mail.fingerprint
    assert www.fingerprint == only(monitor="www", status="up").fingerprint
    assert "summary" not in only(dedup_key="k", source="s", Status="down").annotations


def test_the_envelope_of_amazon_sns_is_refused() -> None:
    with pytest.raises(ParseError, match="SNS"):
        generic.parse(b'{"Type":"Notification","TopicArn":"arn:aws:sns:x","Message":"{}"}')


def test_labels_and_annotations_count_before_the_fields_beside_them() -> None:
    alert = only(name="a", labels={"alertname": "b"}, message="c", annotations={"summary": "d"})
    assert (alert.labels, alert.annotations) == ({"alertname": "b"}, {"summary": "d"})


@pytest.mark.parametrize(("name", "label"), [*generic.LABELS.items(), *generic.GRADES.items()])
def test_every_convenient_field_fills_its_label(name: str, label: str) -> None:
    assert only(**{name: "x"}).labels == {label: "x"}


@pytest.mark.parametrize(("name", "text"), generic.ANNOTATIONS.items())
def test_every_convenient_field_fills_its_annotation(name: str, text: str) -> None:
    assert only(**{name: "x"}).annotations == {text: "x"}


@pytest.mark.parametrize("word", [*sorted(RESOLVED_WORDS), "OK", " Resolved "])
def test_every_word_for_over_resolves(word: str) -> None:
    assert only(name="x", status=word).status is Status.RESOLVED
    assert only(name="x", state=word).status is Status.RESOLVED


@pytest.mark.parametrize("word", ["firing", "problem", "down", "", None, 0, True, "unknown", ["ok"]])
def test_any_other_word_fires(word: object) -> None:
    assert only(name="x", status=word).status is Status.FIRING


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (True, "resolved"),
        (False, "firing"),
        ("true", "resolved"),
        ("True", "resolved"),
        ("no", "firing"),
        (1, "firing"),
    ],
)
def test_resolved_may_be_said_with_true(value: object, status: str) -> None:
    assert only(name="x", resolved=value).status == status


@pytest.mark.parametrize("name", ["startsAt", "starts_at"])
@pytest.mark.parametrize(
    "value", ["2026-11-22T14:41:45+01:00", 1_795_354_905, 1_795_354_905.0, 1_795_354_905_000]
)
def test_times_may_be_rfc_3339_or_numbers(name: str, value: object) -> None:
    assert only(**{"name": "x", name: value}).starts_at == datetime(2026, 11, 22, 13, 41, 45, tzinfo=UTC)


@pytest.mark.parametrize("value", [0, -1, 1e300, 2**62, True, [], "yesterday", 1e14])
def test_a_time_that_is_none_is_not_said(value: object) -> None:
    assert only(name="x", startsAt=value, endsAt=value).starts_at is None


def test_unknown_fields_are_passed_over() -> None:
    assert only(name="x", colour="red", password="hunter2") == only(name="x")


def test_an_alert_with_few_fields_is_still_told() -> None:
    assert told([{}])[0] == Alert("alerts", fingerprint_of({}), Status.FIRING, {}, {}, once=True)
    assert only(labels={}).status is Status.FIRING
    assert only(summary="it burns").labels == {}


def test_what_the_command_line_adds_fills_gaps_and_replaces_nothing() -> None:
    added = Added({"host": "db1", "team": "dba"}, "critical")
    alert = only(added, name="x", host="web1")
    assert alert.labels == {"alertname": "x", "host": "web1", "team": "dba", "severity": "critical"}
    assert only(added, name="x", severity="info").severity is Severity.INFO
    assert only(Added(resolved=True), name="x").status is Status.RESOLVED
    assert only(Added(resolved=True), name="x", status="firing").status is Status.FIRING


def test_label_values_that_are_no_strings_become_their_text_and_bombs_are_cut() -> None:
    assert only(labels={"a": 5, "b": True, "c": None, "d": [1]}).labels == {
        "a": "5",
        "b": "true",
        "c": "",
        "d": "[1]",
    }
    bomb = only(labels={f"l{n}": "x" * 9_000 for n in range(500)})
    assert (len(bomb.labels), len(bomb.labels["l1"])) == (input_limits.MAX_PAIRS, input_limits.MAX_VALUE)


def test_every_field_and_every_word_for_over_is_documented() -> None:
    told = (
        (Path(__file__).parent.parent / "docs" / "reference" / "sources.md")
        .read_text("utf-8")
        .partition("## JSON")[2]
    )
    spans = set(re.findall(r"`([^`\n]+)`", told.partition("## Text")[0]))
    words = {*RESOLVED_WORDS, *DOUBTFUL_WORDS, *OPENING_WORDS}
    assert {*generic.LABELS, *generic.GRADES, *generic.ANNOTATIONS, *words} <= spans
    assert {*generic.OWN_IDS, *generic.ROW_IDS} <= spans


# What is hostile


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"7",
        b"null",
        b'"x"',
        b'["x"]',
        b"[[]]",
        b'{"foo":1}',
        b'{"alerts":{}}',
        b'{"alerts":[7]}',
        b'{"labels":7}',
        b'{"name":"x"',
        b"[" * 100_000,
        b'{"name":' + b"[" * 900 + b"]" * 900 + b"}",
        b"a\nb",
    ],
    ids=lambda body: body[:16].decode("latin-1"),
)
def test_what_is_no_alert_is_refused_with_a_text_of_one_line(body: bytes) -> None:
    with pytest.raises(ParseError) as refused:
        generic.parse(body)
    assert 10 < len(str(refused.value)) < 200
    assert "\n" not in str(refused.value)


def test_too_many_alerts_are_refused() -> None:
    for body in (b"[" + b"{}," * 100_000 + b"{}]", b'{"name":"x"}\n' * 100_001):
        with pytest.raises(ParseError, match="at most 100000"):
            generic.parse(body)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    *generic.LABELS,
    *generic.ANNOTATIONS,
    "labels",
    "annotations",
    "status",
    "startsAt",
    "fingerprint",
    "alerts",
)
ALERTS = st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES, max_size=6)


@given(
    st.binary(max_size=80)
    | (ALERTS | st.lists(ALERTS, max_size=3)).map(orjson.dumps)
    | st.lists(ALERTS.map(orjson.dumps) | st.binary(max_size=20), max_size=4).map(b"\n".join)
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_alerts_that_can_be_stored_or_a_parse_error(body: bytes) -> None:
    try:
        delivery = generic.parse(body)
    except ParseError:
        return
    for alert in delivery.alerts:
        assert 0 < len(alert.fingerprint) <= 64
        assert alert.starts_at is None or alert.starts_at.tzinfo is UTC
        for text in (*alert.labels, *alert.labels.values(), *alert.annotations.values()):
            assert "\0" not in text
            text.encode()

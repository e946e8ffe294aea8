"""Payloads of Grafana's webhook contact point, written after its documentation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.alert import Alert, Delivery, Status, fingerprint_of
from sms_notify.errors import ParseError
from sms_notify.sources import alertmanager, grafana, input_limits, json_reading

PAYLOADS = Path(__file__).parent / "payloads" / "grafana"
# One letter an alert, in the order sent.
STATUSES = {
    "error": "f",
    "firing": "f",
    "grouped-mixed": "frf",
    "no-data": "f",
    "resolved": "r",
    "test-button": "f",
    "version-9-without-values": "f",
    "without-fingerprint": "f",
}


def told(name: str) -> Delivery:
    return grafana.parse((PAYLOADS / f"{name}.json").read_bytes())


def only(name: str) -> Alert:
    (alert,) = told(name).alerts
    return alert


def one(**fields: object) -> Alert:
    (alert,) = grafana.parse(orjson.dumps({"alerts": [fields]})).alerts
    return alert


def test_every_payload_is_looked_at() -> None:
    assert {path.stem for path in PAYLOADS.glob("*.json")} == {*STATUSES, "legacy-version-8"}


@pytest.mark.parametrize("name", STATUSES)
def test_every_payload_gives_its_alerts_with_their_own_status(name: str) -> None:
    delivery = told(name)
    assert "".join(alert.status[0] for alert in delivery.alerts) == STATUSES[name]
    assert {alert.source for alert in delivery.alerts} == {"grafana"}
    assert all(alert.starts_at is not None for alert in delivery.alerts)
    assert all((alert.ends_at is None) is (alert.status is Status.FIRING) for alert in delivery.alerts)


@pytest.mark.parametrize("name", STATUSES)
def test_what_it_shares_with_alertmanager_is_read_as_from_alertmanager(name: str) -> None:
    body = (PAYLOADS / f"{name}.json").read_bytes()
    for mine, theirs in zip(grafana.parse(body).alerts, alertmanager.parse(body).alerts, strict=True):
        assert (mine.fingerprint, mine.labels, mine.starts_at) == (
            theirs.fingerprint,
            theirs.labels,
            theirs.starts_at,
        )
        assert theirs.annotations.items() <= mine.annotations.items()


def test_links_and_values_are_told_as_annotations_and_empty_ones_are_not() -> None:
    texts = only("firing").annotations
    assert texts["summary"] == "Memory of web1 is at 97 %"
    assert texts["values"] == "B=44.2394 C=1"
    assert texts["panelURL"].endswith("viewPanel=7")
    assert texts["imageURL"].endswith(".png")
    assert texts["silenceURL"].startswith("https://grafana.example.net/alerting/silence/new")
    assert "dashboardURL" not in only("resolved").annotations


def test_times_with_an_offset_are_read() -> None:
    assert only("resolved").starts_at == datetime(2026, 11, 22, 13, 41, 45, 157_076, UTC)
    assert only("resolved").ends_at == datetime(2026, 11, 22, 13, 52, 45, tzinfo=UTC)


def test_the_group_and_what_was_left_out_are_told() -> None:
    delivery = told("grouped-mixed")
    assert delivery.group.endswith('grafana_folder="Prod"}')
    assert delivery.hidden == 2
    assert (told("without-fingerprint").group, told("without-fingerprint").hidden) == ("", 0)


def test_a_rule_without_data_says_which_rule() -> None:
    alert = only("no-data")
    assert (alert.labels["alertname"], alert.annotations["summary"]) == ("DatasourceNoData", "HighMemory")
    assert "values" not in alert.annotations


def test_a_rule_that_fails_says_which_and_why() -> None:
    assert only("error").annotations["summary"].startswith("HighMemory: [sse.dataQueryError] failed")


def test_a_summary_of_its_own_is_never_replaced() -> None:
    alert = one(
        labels={"rulename": "x"},
        annotations={"description": "d", "valueString": "mine"},
        valueString="theirs",
    )
    assert alert.annotations == {"description": "d", "valueString": "mine"}


def test_without_a_fingerprint_the_labels_name_the_alert() -> None:
    alert = only("without-fingerprint")
    assert alert.fingerprint == fingerprint_of(alert.labels)


def test_values_that_are_no_numbers_are_passed_over() -> None:
    assert (
        one(values={"A": None, "B": "x", "C": True, "D": 1e300, "E": [1]}).annotations["values"]
        == "C=1 D=1e+300"
    )


def test_an_alert_without_any_field_is_still_told() -> None:
    assert one() == Alert("grafana", fingerprint_of({}), Status.FIRING, {}, {}, once=True)


def test_the_legacy_alerting_of_version_8_gets_a_hint() -> None:
    with pytest.raises(ParseError, match="Grafana 8"):
        told("legacy-version-8")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"alerts":{}}',
        b'{"alerts":[1]}',
        b'{"alerts":[{"labels":7}]}',
        b"[" * 9999,
    ],
)
def test_what_grafana_never_sends_is_refused_with_a_text_of_one_line(body: bytes) -> None:
    with pytest.raises(ParseError) as refused:
        grafana.parse(body)
    assert "\n" not in str(refused.value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "status",
    "labels",
    "annotations",
    "startsAt",
    "fingerprint",
    "values",
    "valueString",
    "panelURL",
    "imageURL",
)


@given(
    st.binary(max_size=50)
    | st.builds(
        lambda alerts, more: orjson.dumps({**more, "alerts": alerts}),
        st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON_VALUES)), max_size=3)
        | JSON_VALUES,
        st.dictionaries(
            st.sampled_from(["status", "groupKey", "truncatedAlerts", "title", "orgId"]), JSON_VALUES
        ),
    )
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_alerts_that_can_be_stored_or_a_parse_error(body: bytes) -> None:
    try:
        delivery = grafana.parse(body)
    except ParseError:
        return
    listed = json_reading.read(body)[0]["alerts"]
    assert len(delivery.alerts) + len(delivery.unread) >= len(listed)
    for alert in delivery.alerts:
        assert len(alert.annotations) <= input_limits.MAX_PAIRS
        for text in (*alert.labels, *alert.labels.values(), *alert.annotations, *alert.annotations.values()):
            assert "\0" not in text
            text.encode()

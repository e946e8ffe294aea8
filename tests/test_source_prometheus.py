"""Alerts as Prometheus posts them to an Alertmanager."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from sms_notify.alert import Alert, Status, fingerprint_of
from sms_notify.errors import ParseError
from sms_notify.sources import prometheus

AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
LABELS = {"alertname": "DiskFull", "instance": "db1"}


def only(**more: object) -> Alert:
    (alert,) = prometheus.parse(json.dumps([{"labels": LABELS, **more}]).encode(), AT).alerts
    return alert


def test_an_end_ahead_fires_and_is_kept() -> None:
    alert = only(
        startsAt="2026-11-22T12:50:00Z", endsAt="2026-11-22T13:04:00Z", generatorURL="http://p/graph"
    )
    assert (alert.status, alert.ends_at) == (Status.FIRING, AT + timedelta(minutes=4))
    assert (alert.source, alert.labels) == ("prometheus", LABELS)
    assert alert.fingerprint == fingerprint_of(LABELS)


@pytest.mark.parametrize("ends", [None, "0001-01-01T00:00:00Z", "", "later"])
def test_without_an_end_it_fires(ends: object) -> None:
    alert = only(endsAt=ends)
    assert (alert.status, alert.ends_at) == (Status.FIRING, None)


@pytest.mark.parametrize(
    "ends", ["2026-11-22T13:00:00Z", "2026-11-22T12:59:59.5Z", "2026-11-22T13:59:00+01:00"]
)
def test_an_end_in_the_past_is_the_end(ends: str) -> None:
    assert only(endsAt=ends).status is Status.RESOLVED


def test_an_empty_list_is_no_alert() -> None:
    assert prometheus.parse(b"[]", AT).alerts == ()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"alerts":[{"labels":{}}]}', "/alertmanager"),
        (b'{"labels":{}}', "not a list"),
        (b'[{"labels":7}]', "labels"),
        (b"x", "JSON"),
    ],
)
def test_what_is_no_list_of_alerts_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(ParseError, match=why):
        prometheus.parse(body, AT)


def test_a_faulty_alert_costs_no_other() -> None:
    told = prometheus.parse(b'[{"labels":{"a":"b"}},{"labels":"x"},{"labels":{"a":"c"},}]', AT)
    assert [alert.labels["a"] for alert in told.alerts] == ["b", "c"]
    assert len(told.unread) == 1

"""What Uptime Kuma's webhook sends: a monitor down and up, a certificate that expires, a test."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from sms_notify.alert import Alert, Delivery, Severity, Status
from sms_notify.errors import ParseError
from sms_notify.sources import uptime_kuma

MONITOR = {
    "id": 29,
    "name": "Shop",
    "url": "https://shop.example/cart",
    "hostname": None,
    "port": None,
    "type": "http",
    "tags": [],
}


def sent(heartbeat: object, monitor: object = MONITOR, msg: object = "[Shop] [Down] timeout") -> Delivery:
    return uptime_kuma.parse(json.dumps({"heartbeat": heartbeat, "monitor": monitor, "msg": msg}).encode())


def beat(status: int, **more: object) -> dict[str, object]:
    return {"monitorID": 29, "status": status, "time": "2026-11-22 13:14:36.500", "msg": "timeout"} | more


def only(heartbeat: object, monitor: object = MONITOR, msg: object = "") -> Alert:
    (alert,) = sent(heartbeat, monitor, msg).alerts
    return alert


def test_down_fires_critical_and_names_the_target() -> None:
    alert = only(beat(0))
    assert alert.labels == {
        "severity": "critical",
        "alertname": "Shop",
        "host": "shop.example",
        "instance": "shop.example",
        "target": "https://shop.example/cart",
    }
    assert alert.annotations == {"summary": "timeout"}
    assert alert.starts_at == datetime(2026, 11, 22, 13, 14, 36, 500_000, tzinfo=UTC)
    assert (alert.status, alert.severity) == (Status.FIRING, Severity.CRITICAL)


def test_up_ends_it_whatever_else_has_changed() -> None:
    down, up = only(beat(0)), only(beat(1, msg="200 - OK"), {**MONITOR, "url": "https://new.example"})
    assert (up.status, up.fingerprint) == (Status.RESOLVED, down.fingerprint)
    assert up.starts_at is None
    assert up.ends_at is not None


@pytest.mark.parametrize("change", [{"id": 30}, {"name": "Shop 2"}])
def test_two_monitors_stay_two(change: dict[str, object]) -> None:
    assert only(beat(0), MONITOR | change).fingerprint != only(beat(0)).fingerprint


@pytest.mark.parametrize("status", [2, 3])
def test_pending_and_maintenance_say_nothing(status: int) -> None:
    assert sent(beat(status)).alerts == ()


def test_a_state_that_nobody_knows_fires() -> None:
    assert only(beat(9)).status is Status.FIRING


def test_tags_are_labels_and_may_say_how_bad_it_is() -> None:
    tags = [
        {"name": "severity", "value": "warning"},
        {"name": "prod", "value": ""},
        {"name": "team", "value": "web"},
    ]
    labels = only(beat(0), MONITOR | {"tags": tags}).labels
    assert (labels["severity"], labels["prod"], labels["team"]) == ("warning", "yes", "web")


def test_a_port_is_named_with_its_host() -> None:
    labels = only(beat(0), {**MONITOR, "url": "https://", "hostname": "db1", "port": 5432}).labels
    assert (labels["host"], labels["target"]) == ("db1", "db1:5432")


def test_notices_have_no_end_and_differ_by_their_words() -> None:
    week = only(None, None, "[Shop][https://shop.example] server certificate will expire in 7 days")
    day = only(None, None, "[Shop][https://shop.example] server certificate will expire in 1 days")
    assert week.once
    assert week.severity is Severity.WARNING
    assert week.fingerprint != day.fingerprint
    assert "7 days" in week.annotations["summary"]
    assert sent(None, None, "").alerts == ()


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"heartbeat":7}', b'{"monitor":"x","heartbeat":{"status":0}}', b"x"]
)
def test_what_is_not_uptime_kumas_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        uptime_kuma.parse(body)

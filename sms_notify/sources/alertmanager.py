"""Alertmanager's webhook, payload version 4: bytes in, alerts out.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from typing import Any

from sms_notify.alert import Delivery
from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, json_alert
from sms_notify.sources.status_words import said

SOURCE = "alertmanager"


def parse(body: bytes) -> Delivery:
    """The alerts of one webhook request, in the order sent, each with its own status (never the group's).

    Raises ParseError where the body is not JSON (RFC 8259) or holds no list of alerts. `version` is not
    looked at: what has alerts is taken. Two alerts with one fingerprint are both kept; the order tells which
    is newer.
    """
    payload = _object(body)
    alerts = payload.get("alerts")
    if not isinstance(alerts, list):
        raise ParseError('no list "alerts" in the body: this is not what an Alertmanager webhook sends')
    default = said(payload.get("status"))
    return Delivery(
        source=SOURCE,
        alerts=tuple(
            json_alert.alert_of(SOURCE, alert, default, f"alerts[{index}]")
            for index, alert in enumerate(json_alert.few(alerts))
        ),
        group=input_limits.storable(
            json_alert.text_of(payload.get("groupKey"), "groupKey"), input_limits.MAX_GROUP
        ),
        hidden=input_limits.hidden(payload.get("truncatedAlerts")),
        sender=json_alert.sender_of(payload),
    )


def _object(body: bytes) -> dict[str, Any]:
    payload = json_alert.loads(body)
    if isinstance(payload, list):
        raise ParseError(
            "the body is a list, as Prometheus posts it to Alertmanager; here Alertmanager itself posts"
        )
    if not isinstance(payload, dict):
        raise ParseError("the body is not a JSON object: this is not what an Alertmanager webhook sends")
    return payload

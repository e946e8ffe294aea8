"""Alertmanager's webhook, payload version 4: bytes in, alerts out.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from typing import Any

from sms_notify.alert import Delivery
from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, json_alert, json_reading
from sms_notify.sources.status_words import said

SOURCE = "alertmanager"


def parse(body: bytes) -> Delivery:
    """The alerts of one webhook request, in the order sent, each with its own status (never the group's).

    Raises ParseError where the body is not JSON (RFC 8259), holds no list of alerts, or nothing of the list is one.
    `version` is not looked at: what has alerts is taken. Two alerts with one fingerprint are both kept; the order tells which
    is newer.
    """
    payload, faulty = json_reading.read(body)
    listed = _object(payload).get("alerts")
    if not isinstance(listed, list):
        raise ParseError('no list "alerts" in the body: this is not what an Alertmanager webhook sends')
    default = said(payload.get("status"))
    alerts, unread = json_alert.each(
        listed, lambda alert, where: json_alert.alert_of(SOURCE, alert, default, where), faulty
    )
    return Delivery(
        source=SOURCE,
        alerts=alerts,
        group=input_limits.storable(
            json_alert.text_of(payload.get("groupKey"), "groupKey"), input_limits.MAX_GROUP
        ),
        hidden=input_limits.hidden(payload.get("truncatedAlerts")),
        sender=json_alert.sender_of(payload),
        unread=unread,
    )


def _object(payload: object) -> dict[str, Any]:
    if isinstance(payload, list):
        raise ParseError(
            "the body is a list, as Prometheus posts it: let it post to /api/v2/alerts; here Alertmanager posts"
        )
    if not isinstance(payload, dict):
        raise ParseError("the body is not a JSON object: this is not what an Alertmanager webhook sends")
    return payload

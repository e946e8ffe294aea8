"""Alerts as Prometheus and vmalert post them to an Alertmanager: a list, without a group and without a status.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml (postAlerts)

A firing alert is posted again every minute or so, with an `endsAt` some minutes ahead: for so long its sender's word holds.
Silence beyond it says nothing of the alert; it may be Prometheus that has died. An alert that is over has an `endsAt` in the
past, and is posted for 15 minutes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sms_notify.alert import Alert, Delivery, Status
from sms_notify.errors import ParseError
from sms_notify.sources import json_alert, json_reading
from sms_notify.sources.status_words import StatusWord

SOURCE = "prometheus"


def parse(body: bytes, at: datetime | None = None) -> Delivery:
    """The alerts of one request; `at` is when it came (aware UTC), and tells the ends. Without it all of them fire.

    Raises ParseError where the body is not JSON, no list, or nothing in it is an alert.
    """
    payload, faulty = json_reading.read(body)
    if isinstance(payload, dict) and isinstance(payload.get("alerts"), list):
        raise ParseError("this is a webhook, as Alertmanager sends it: let it post to /alertmanager")
    if not isinstance(payload, list):
        raise ParseError("the body is not a list of alerts, as Prometheus posts it")
    alerts, unread = json_alert.each(payload, lambda one, where: _alert(one, at, where), faulty)
    return Delivery(SOURCE, alerts, unread=unread)


def _alert(given: object, at: datetime | None, where: str) -> Alert:
    alert = json_alert.alert_of(SOURCE, given, StatusWord.NOTHING, where)
    over = at is not None and alert.ends_at is not None and alert.ends_at <= at
    return replace(alert, status=Status.RESOLVED if over else Status.FIRING, status_told=True)

"""The webhook of Grafana's alerting: Alertmanager's payload with links and measured values.

https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sms_notify.alert import Alert, Delivery
from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, json_alert, json_reading
from sms_notify.sources.status_words import StatusWord, said

SOURCE = "grafana"

# Told as annotations of the same name, for templates and pages.
ALONG = ("valueString", "dashboardURL", "panelURL", "silenceURL", "imageURL", "generatorURL", "ruleUID")
_TOLD = ("summary", "description", "message")


def parse(body: bytes) -> Delivery:
    """The alerts of one notification, in the order sent, each with its own status.

    Raises ParseError where the body is not JSON or holds no list of alerts.
    """
    payload, faulty = json_reading.read(body)
    listed = payload.get("alerts") if isinstance(payload, dict) else None
    if not isinstance(listed, list):
        raise ParseError(_why_not(payload))
    default, org = said(payload.get("status")), _organisation(payload.get("orgId"))
    alerts, unread = json_alert.each(
        listed, lambda alert, where: _of_organisation(_alert(alert, default, where), org), faulty
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


def _why_not(payload: object) -> str:
    if isinstance(payload, dict) and "ruleName" in payload:
        return 'no list "alerts" in the body: this is the legacy alerting of Grafana 8; use its contact points instead'
    return 'no list "alerts" in the body: this is not what a webhook contact point of Grafana sends'


ORGANISATION = "org"
"""The label that names the organisation where it is not the first one, which every Grafana has."""

_TEST = {"alertname": "TestAlert", "instance": "Grafana"}
"""What the Test button of a contact point sends, and labels of its user's beside these; its end never comes."""


def _organisation(given: object) -> int:
    """1 where none is named: so is the one of an installation that has made no other."""
    return given if type(given) is int and 0 < given < 2**63 else 1


def _of_organisation(alert: Alert, org: int) -> Alert:
    """Each organisation has its own rules, and two with equal labels have equal fingerprints."""
    if org == 1:
        return alert
    return replace(
        alert,
        fingerprint=f"{alert.fingerprint}.{org}",
        labels=input_limits.bounded({ORGANISATION: str(org), **alert.labels}),
        before=(alert.fingerprint, *alert.before),
    )


def _alert(given: object, default: StatusWord, where: str) -> Alert:
    alert = json_alert.alert_of(SOURCE, given, default, where)
    more = _along(json_alert.entry_of(given, where), where)
    if not any(alert.annotations.get(name, "").strip() for name in _TOLD):
        more["summary"] = _untold(alert)
    more = {name: text for name, text in more.items() if text and not alert.annotations.get(name)}
    once = alert.once or alert.labels.items() >= _TEST.items()
    return replace(alert, annotations=input_limits.bounded({**alert.annotations, **more}), once=once)


def _along(entry: Mapping[str, Any], where: str) -> dict[str, str]:
    more = {name: json_alert.text_of(entry.get(name), f"{where}.{name}") for name in ALONG}
    values = entry.get("values")
    if isinstance(values, dict):
        pairs = ((name, number) for name, number in values.items() if isinstance(number, int | float))
        more["values"] = " ".join(f"{name}={number:g}" for name, number in pairs)
    return more


def _untold(alert: Alert) -> str:
    """Where a rule could not be evaluated the name is only `DatasourceNoData` or `DatasourceError`: say of which rule."""
    words = (alert.labels.get("rulename", ""), alert.annotations.get("Error", ""))
    return ": ".join(filter(None, words))

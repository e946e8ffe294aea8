"""Where an incident's page leads: the addresses that its source sent along with it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import quote

from sms_notify.alert import Alert

# Annotations, the most useful first, by what they lead to. Grafana sends those in camel case, rules the others.
_LEADING = {
    "runbook_url": "Runbook",
    "panelURL": "Panel",
    "dashboardURL": "Dashboard",
    "dashboard_url": "Dashboard",
    "generatorURL": "Graph",
    "silenceURL": "Silence it there",
    "imageURL": "Image",
}
_WEB = re.compile(r"https?://[^\s\"<>]{1,2000}", re.IGNORECASE)


def web_address(text: str) -> str:
    """`text` where it is an address to follow and nothing else, else empty: no other scheme may stand in a link."""
    return text if _WEB.fullmatch(text) else ""


def links_of(alert: Alert, alertmanager: str = "") -> Sequence[tuple[str, str]]:
    """What each leads to, and its address; `alertmanager` is the address of one, where what it sends is silenced."""
    told = [(name, web_address(alert.annotations.get(key, ""))) for key, name in _LEADING.items()]
    if alertmanager and alert.source == "alertmanager":
        told.append(("Silence it there", web_address(_silencing(alert, alertmanager))))
    return [(name, address) for name, address in told if address]


def _silencing(alert: Alert, alertmanager: str) -> str:
    """The form of Alertmanager for a new silence, filled in with the alert's labels."""
    matchers = ", ".join(f"{name}={json.dumps(value)}" for name, value in sorted(alert.labels.items()))
    return f"{alertmanager.rstrip('/')}/#/silences/new?filter={quote('{' + matchers + '}', safe='')}"

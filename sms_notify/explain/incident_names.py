"""How commands and stories call an incident and its state."""

from __future__ import annotations

from collections.abc import Mapping

from sms_notify.policy.records import Incident
from sms_notify.policy.vocabulary import IncidentState
from sms_notify.wording.alert_fields import where_of
from sms_notify.wording.gsm import clip
from sms_notify.wording.news import summary_of


def name_of(incident: Incident) -> str:
    """What an incident is, and where: `HostDown web1`. A sentence without a name is its own name."""
    alert = incident.subject.alert
    what = alert.labels.get("alertname") or clip(summary_of(alert), 60) or "alert without a name"
    return f"{what} {where_of(alert)}".rstrip()


def state_of(incident: Incident) -> str:
    """`open`, `acknowledged by alice`, `closed by bob`, `resolved (no_data)`; with how often it comes and goes, where that
    is too often.
    """
    named = {IncidentState.ACKNOWLEDGED: incident.acked_by, IncidentState.CLOSED: incident.closed_by}
    by = f" by {named[incident.state]}" if incident.state in named else ""
    why = f" ({incident.end_reason})" if incident.closed_at is not None and incident.end_reason else ""
    flapping = f", flapping ({incident.flapping} times)" if incident.flapping else ""
    return f"{incident.state}{by}{why}{flapping}"


def value_of(name: str, labels: Mapping[str, str]) -> str:
    """`severity is "critical"`, `team is not there`."""
    return f'{name} is "{labels[name]}"' if labels.get(name) else f"{name} is not there"

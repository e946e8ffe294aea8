"""The program's words as the pages say them to people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sms_notify.alert import Alert
from sms_notify.policy.holds import Hold
from sms_notify.policy.vocabulary import AckBy, IncidentState, State
from sms_notify.store.page_queries import NotificationProgress

_TEXTS = ("summary", "description", "message")

STATES: Mapping[State, str] = {
    State.QUEUED: "waits to leave",
    State.SUBMITTING: "is leaving",
    State.UNKNOWN: "nobody knows yet",
    State.SENT: "sent",
    State.BUFFERED: "phone not reached yet",
    State.NO_REPORT: "sent, no report",
    State.DELIVERED: "delivered",
    State.NOT_DELIVERED: "not delivered",
    State.REJECTED: "rejected",
    State.FAILED: "failed",
    State.UNKNOWN_FINAL: "nobody knows",
    State.EXPIRED: "too old",
    State.CANCELLED: "cancelled",
}
HOLDS: Mapping[Hold, str] = {
    Hold.NOW: "due now",
    Hold.GROUP: "waiting for more of their group",
    Hold.MUTED: "muted",
    Hold.INACTIVE: "outside their hours",
    Hold.QUIET: "quiet hours",
    Hold.FLAPPING: "flapping",
    Hold.LIMIT: "limit reached",
    Hold.BEHIND: "behind an earlier text",
    Hold.LATE: "too late for a text of their own",
    Hold.FAILED: "tried again after a text that failed",
    Hold.SUPPRESSED: "suppressed by their source",
    Hold.UNCONFIRMED: "no answer to their text",
}
ENDS: Mapping[IncidentState, str] = {
    IncidentState.OPEN: "open",
    IncidentState.ACKNOWLEDGED: "acknowledged",
    IncidentState.RESOLVED: "over",
    IncidentState.UNHEARD: "not heard of any more",
    IncidentState.CLOSED: "closed by hand",
}
ACK_WAYS: Mapping[AckBy, str] = {
    AckBy.COMMAND: "by command",
    AckBy.LINK: "by the link in the text",
    AckBy.PAGE: "on this page",
    AckBy.SILENCE: "by a silence in Alertmanager",
    AckBy.SOURCE: "where the alert came from",
    AckBy.CONFIGURATION: "by a watch that is new in the configuration",
}
_BAD = (State.NOT_DELIVERED, State.REJECTED, State.FAILED, State.UNKNOWN_FINAL, State.EXPIRED)


def label_of(state: State | None) -> str:
    """What has become of telling somebody; no state = there is no text yet."""
    return STATES[state] if state is not None else "held"


def level_of(state: State | None) -> str:
    """How a state is to be looked at: `good`, `bad`, or empty for what is under way."""
    if state is State.DELIVERED:
        return "good"
    return "bad" if state in _BAD else ""


def in_brief(people: Iterable[NotificationProgress]) -> str:
    """`38 delivered, 3 failed, 1 held`: how far telling many has come, the commonest first."""
    counted = Counter(label_of(one.state) for one in people)
    return ", ".join(f"{count} {label}" for label, count in counted.most_common())


def ack_way_of(how: str) -> str:
    """How somebody acknowledged; empty for a way that a newer version wrote."""
    return ACK_WAYS[AckBy(how)] if how in ACK_WAYS else ""


def what_of(alert: Alert) -> str:
    """Its name, else what is said of it; never empty."""
    return _name(alert) or _said(alert) or "alert without a name"


def summary_of(alert: Alert) -> str:
    """What is said of it, unless that is what it is called by already."""
    return _said(alert) if _name(alert) else ""


def _name(alert: Alert) -> str:
    return alert.labels.get("alertname", "").strip()


def _said(alert: Alert) -> str:
    said = (alert.annotations.get(name, "").strip() for name in _TEXTS)
    return next(filter(None, said), "")

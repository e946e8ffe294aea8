"""What one notification of Nagios or Icinga means, whichever of the two wrote it down.

An alert is known by its host or its host and service, never by a problem id: a host's RECOVERY has problem id 0, ids
begin again when Nagios restarts without its state, and Icinga has none. So a repeat, a change from WARNING to CRITICAL
and the calls for several contacts are one episode, and RECOVERY ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sms_notify.alert import Acknowledged, Alert, Delivery, Status, Unacknowledged, fingerprint_of
from sms_notify.sources import input_limits
from sms_notify.sources.check_output import SERVICE_STATES, speaking_line

_SEVERITIES = {
    "CRITICAL": "critical",
    "DOWN": "critical",
    "WARNING": "warning",
    "UNKNOWN": "warning",
    "UNREACHABLE": "warning",
}
_WELL = ("OK", "UP")
# What begins and ends beside the trouble itself: its name, its severity, whether it begins.
_BESIDE = {
    "FLAPPINGSTART": ("flapping", "warning", Status.FIRING),
    "FLAPPINGSTOP": ("flapping", "warning", Status.RESOLVED),
    "FLAPPINGEND": ("flapping", "warning", Status.RESOLVED),
    "FLAPPINGDISABLED": ("flapping", "warning", Status.RESOLVED),
    "DOWNTIMESTART": ("downtime", "info", Status.FIRING),
    "DOWNTIMEEND": ("downtime", "info", Status.RESOLVED),
    "DOWNTIMECANCELLED": ("downtime", "info", Status.RESOLVED),
    "DOWNTIMEREMOVED": ("downtime", "info", Status.RESOLVED),
}
# Calls for several contacts about one event come within seconds; the same words later are meant to be told again.
_SAME_WORDS = timedelta(minutes=10)
_OVERTAKEN = timedelta(minutes=1)
_SECOND = timedelta(microseconds=999_999)


@dataclass(frozen=True, slots=True)
class Check:
    """One notification, its texts clean and bounded. Empty = not said.

    `at` is when the hook ran, `time` when the notification was made, `since` when the state last changed, `last_ok` when
    all was last well; the last three are None where they were not said. `identity` names the host and the service as they
    were sent. `labels` are those that somebody chose to add. `spoken`: a sentence said it, which is about what it names,
    host or not.
    """

    source: str
    at: datetime
    identity: Mapping[str, str]
    type: str = ""
    host: str = ""
    service: str = ""
    state: str = ""
    last_state: str = ""
    soft: bool = False
    spoken: bool = False
    severity: str = ""
    output: str = ""
    author: str = ""
    comment: str = ""
    notification_id: str = ""
    time: datetime | None = None
    since: datetime | None = None
    last_ok: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        return self.state in _WELL

    @property
    def trouble(self) -> str:
        """The state that is told: at a recovery the one that has ended, so that routes choose the same for both."""
        state = self.last_state if self.well else self.state
        return "" if state in _WELL else state

    @property
    def nameless(self) -> bool:
        """Whether it does not say what it is about: no host, or a service's state and no service."""
        of_service = self.state in SERVICE_STATES and not self.spoken
        return not self.host or (not self.service and of_service)

    @property
    def about(self) -> str:
        return self.service or "host"


def delivery_of(check: Check) -> Delivery:
    """What is to be taken in: the trouble, what stands beside it, or that somebody takes care of it."""
    if check.nameless:
        return Delivery(check.source, (_words(check),))
    if check.type == "ACKNOWLEDGEMENT":
        # With the trouble itself, so that one whose beginning was lost is known from now on.
        alerts = () if check.well else (_trouble(check, Status.FIRING),)
        return Delivery(check.source, alerts, acks=(_acknowledged(check),))
    if check.type in _BESIDE:
        return Delivery(check.source, _beside(check, *_BESIDE[check.type]))
    if check.type == "CUSTOM":
        return Delivery(check.source, (_custom(check),))
    alert = _trouble(check, _status(check))
    notified_again = check.type == "PROBLEM" and alert.status is Status.FIRING
    return Delivery(check.source, (alert,), unacks=(_unacknowledged(check),) if notified_again else ())


def _status(check: Check) -> Status:
    if check.type == "RECOVERY":
        return Status.RESOLVED
    return Status.RESOLVED if check.type != "PROBLEM" and check.well else Status.FIRING


def _trouble(check: Check, status: Status) -> Alert:
    firing = status is Status.FIRING
    moment = _within(check.since or check.time, check.at)
    # A PROBLEM that names no state is told as the worst: too urgent is better than too late.
    severity = check.severity or _SEVERITIES.get(check.trouble, "critical" if firing else "")
    return Alert(
        source=check.source,
        fingerprint=fingerprint_of(check.identity),
        status=status,
        labels=_labels(check, check.service or "HostDown", severity, check.trouble),
        annotations=_annotations(check, check.output),
        starts_at=moment if firing else None,
        ends_at=None if firing else moment,
        start_told=check.since is not None,
        well_at=check.last_ok if firing else None,
    )


def _acknowledged(check: Check) -> Acknowledged:
    by, made_at = check.author or check.source, check.time or check.at
    return Acknowledged(check.source, fingerprint_of(check.identity), by, check.comment, made_at)


def _unacknowledged(check: Check) -> Unacknowledged:
    """Neither monitor notifies of what is acknowledged there: a PROBLEM means that it is not, or not any more.

    Hooks overtake each other: without the notification's own time, one that ran a minute later counts.
    """
    made_at = check.time or check.at - _OVERTAKEN
    return Unacknowledged(check.source, fingerprint_of(check.identity), check.source, made_at)


def _beside(check: Check, kind: str, severity: str, status: Status) -> tuple[Alert, ...]:
    """Both monitors hold RECOVERY back while it flaps or is in downtime: its end with a good state is a recovery too."""
    firing = status is Status.FIRING
    moment = _within(check.time, check.at)
    alert = Alert(
        source=check.source,
        fingerprint=f"{fingerprint_of(check.identity)}-{kind}",
        status=status,
        labels=_labels(
            check,
            f"{kind.capitalize()} {check.about}",
            check.severity or severity,
            check.state,
            kind,
        ),
        annotations=_annotations(check, check.comment or check.output),
        starts_at=moment if firing else None,
        ends_at=None if firing else moment,
    )
    return (alert,) if firing or not check.well else (alert, _trouble(check, Status.RESOLVED))


def _custom(check: Check) -> Alert:
    """Somebody wanted something told. Other words are another alert; nothing ever ends it."""
    moment = _within(check.time, check.at)
    words = {"author": check.author, "comment": check.comment, "id": check.notification_id}
    if not check.notification_id:
        words["id"] = str(int(moment.timestamp() // _SAME_WORDS.total_seconds()))
    severity = check.severity or _SEVERITIES.get(check.state, "warning")
    return Alert(
        source=check.source,
        fingerprint=f"{fingerprint_of(check.identity)}-custom-{fingerprint_of(words)}",
        status=Status.FIRING,
        labels=_labels(check, f"Custom {check.about}", severity, check.state, "custom"),
        annotations=_annotations(check, check.comment or check.output),
        starts_at=moment,
        once=True,
    )


def _words(check: Check) -> Alert:
    """Without a host, or of a service without its name, nothing tells two troubles apart but all that was said, and so
    nothing can end them either.
    """
    _, severity, status = _BESIDE.get(check.type, ("", "", _status(check)))
    if check.type == "ACKNOWLEDGEMENT":
        severity = "info"
    firing = status is Status.FIRING
    moment = _within(check.time, check.at)
    said = {"type": check.type, "state": check.state, "output": check.output, "comment": check.comment}
    severity = check.severity or severity or _SEVERITIES.get(check.trouble, "critical" if firing else "")
    return Alert(
        source=check.source,
        fingerprint=f"{fingerprint_of(check.identity)}-words-{fingerprint_of(said)}",
        status=status,
        labels=_labels(check, check.service, severity, check.trouble),
        annotations=_annotations(
            check, check.output or check.comment or " ".join(filter(None, said.values()))
        ),
        starts_at=moment if firing else None,
        ends_at=None if firing else moment,
        once=True,
        start_told=False,
        before=(fingerprint_of(check.identity),) if check.host else (),
    )


def _labels(check: Check, name: str, severity: str, state: str, notification: str = "") -> dict[str, str]:
    labels = {
        "alertname": name,
        "instance": check.host,
        "host": check.host,
        "service": check.service,
        "severity": severity,
        "state": state,
        "state_type": "SOFT" if check.soft else "",
        "notification": notification,
        **check.labels,
    }
    return input_limits.bounded({name: text for name, text in labels.items() if text})


def _annotations(check: Check, text: str) -> dict[str, str]:
    summary, rest = speaking_line(text, (check.host, check.service))
    texts = {"summary": summary, "description": rest, **check.annotations}
    texts |= {"author": check.author, "comment": check.comment}
    return input_limits.bounded({name: text for name, text in texts.items() if text})


def _within(moment: datetime | None, at: datetime) -> datetime:
    """Nagios tells whole seconds. The hook's own clock says where within: so a new trouble in the very second of a
    recovery begins after it, and a late copy of the old one does not.
    """
    return at if moment is None else max(moment, min(at, moment + _SECOND))

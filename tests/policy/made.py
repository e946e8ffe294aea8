"""Working sets put together by hand: the values that a test is about, and what they must have beside."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from workbench import ALICE, NOON, firing

from sms_notify.alert import Alert, Severity
from sms_notify.policy.bars import Breaker
from sms_notify.policy.belief import after
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.reading import said_of
from sms_notify.policy.records import Incident, Member, Message, NextIds, Notification, Timer, TimerKind
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.rows import Rows
from sms_notify.policy.said import as_told
from sms_notify.policy.table import Table
from sms_notify.policy.vocabulary import Drop, IncidentState, Kind, PageState, State


def an_incident(id_: int = 1, alert: Alert | None = None, **more: object) -> Incident:
    alert = alert or firing()
    made = Incident(
        id_, alert.source, alert.fingerprint, IncidentState.OPEN, alert.severity, alert.labels, alert.annotations,
        alert.starts_at, NOON, NOON,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def a_notification(
    incident: Incident, person: Person = ALICE, kind: Kind = Kind.FIRING, id_: int = 1, **more: object
) -> Notification:
    """As it was loaded: its lane is the one in which it was written down."""
    made = Notification(incident.subject, person, kind, "oncall", NOON, NOON, id=id_, row_lane=Lane.REST)
    return replace(replace(made, row_lane=made.lane), **more)  # type: ignore[arg-type]


def told_by(message: Message, notification: Notification) -> Notification:
    return replace(
        notification,
        state=PageState.TOLD,
        message_id=message.id,
        message_state=message.state,
        message_at=NOON,
        said=as_told(notification.subject),
    )


def a_message(id_: int = 1, person: Person = ALICE, state: State = State.QUEUED, **more: object) -> Message:
    made = Message(
        id_, Kind.FIRING, "oncall", person.name, person.number, Severity.CRITICAL, "main", "FIRING critical", 1,
        state, 0, 0, "", "", NOON, NOON.replace(hour=16), NOON, 0, lane=Lane.CRITICAL,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def rows_with(*loaded: Incident | Notification | Message, now: datetime = NOON) -> Rows:
    """What the store has loaded; new rows get ids from 1000 on."""
    rows = Rows(now)
    rows.ids = NextIds(incidents=1000, notifications=1000, messages=1000)
    for one in loaded:
        if isinstance(one, Incident):
            rows.load_incident(one)
        elif isinstance(one, Notification):
            rows.load_notification(one)
        else:
            rows.messages.load(one.id, one)
    return believing(rows)


def believing(rows: Rows) -> Rows:
    """With what the readers of its texts believe, as the store has it: of what a gateway has taken, or may have."""
    rows.beliefs = Table()
    for n in sorted(rows.notifications.rows.values(), key=lambda n: n.id):
        incident = rows.incidents.get(n.incident_id)
        told = n.state is PageState.TOLD or n.again_of is not None
        left = rows.may_have_arrived(n) and rows.state_of(n) is not State.SUBMITTING
        if incident is None or not told or not left:
            continue
        key = (incident.source, incident.fingerprint, n.number)
        believed = after(rows.beliefs.get(key), said_of(n, rows))
        assert believed is not None
        rows.beliefs.put(key, believed)
    return rows


def ended(incident: Incident, at: datetime = NOON) -> Incident:
    return replace(incident, state=IncidentState.RESOLVED, ended_at=at, closed_at=at)


def acknowledged(incident: Incident, at: datetime = NOON) -> Incident:
    return replace(
        incident, state=IncidentState.ACKNOWLEDGED, acked_at=at, acked_by="alice", acked_how="command"
    )


def a_breaker(
    gateway: str = "main", scope: Scope = Scope.ACCOUNT, subject: str = "", opened_at: datetime = NOON
) -> Breaker:
    return Breaker(gateway, scope, subject, opened_at, None, 0)


def moves(rows: Rows) -> list[tuple[int, State, str]]:
    """What the ledger says of each message: where it stands now, and why."""
    return [(message.id, state, entry.reason) for message, state, entry in rows.ledger]


def fates(rows: Rows) -> dict[int, PageState | Hold | Drop]:
    """How it stands with each notification, by id: told, or why it is dropped."""
    every = sorted(rows.notifications.rows.items())
    return {id_: n.why if n.state is PageState.DROPPED else n.state for id_, n in every}


def a_timer(incident_id: int, what: TimerKind = TimerKind.ESCALATE, **more: object) -> Timer:
    """Of the first step or reminder, due at noon."""
    return replace(Timer(incident_id, "oncall", what, 1, NOON), **more)  # type: ignore[arg-type]


def a_member(incident: Incident, alert: Alert, **more: object) -> Member:
    made = Member(
        incident.id, alert.source, alert.fingerprint, alert.starts_at, NOON, NOON, severity=alert.severity
    )
    return replace(made, **more)  # type: ignore[arg-type]


def rows_of_all(*loaded: Incident | Notification | Message | Timer | Member, now: datetime = NOON) -> Rows:
    """As `rows_with`, with timers and members, too."""
    rows = rows_with(*(one for one in loaded if not isinstance(one, Timer | Member)), now=now)
    for one in loaded:
        if isinstance(one, Timer):
            rows.timers.load((one.incident_id, one.receiver, one.what), one)
        elif isinstance(one, Member):
            rows.members.load((one.incident_id, one.source, one.fingerprint), one)
    return rows

"""The rows that a step reads and changes, as values: the store keeps them, policy decides about them.

All times are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sms_notify.alert import Alert, EndReason, Severity, Status
from sms_notify.policy.directory import Person
from sms_notify.policy.episodes import Episode
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Lane, Spending
from sms_notify.policy.vocabulary import Decision, Drop, Heard, IncidentState, Kind, PageState, State
from sms_notify.wording.content import Text


@dataclass(frozen=True, slots=True)
class Subject:
    """An incident as far as a text tells it. `acked_by`: who takes care of it; `closed_by`: who ended it by hand; else empty.
    `apart` tells it from others that read alike.
    """

    incident_id: int
    alert: Alert
    opened_at: datetime
    ended: bool = False
    flapping: int = 0
    heard_at: datetime | None = None
    closed_by: str = ""
    acked_by: str = ""
    apart: tuple[str, ...] = ()

    @property
    def since(self) -> datetime:
        """When it began. What has come back meanwhile has a later start than it had."""
        return min(self.alert.starts_at or self.opened_at, self.opened_at)


@dataclass(frozen=True, slots=True)
class Incident:
    """One episode of a problem. `severity`, `labels` and `annotations` are those of now.

    `level` is what readers take its severity for, until it was milder than that for long enough; None = `severity`.
    `routed_by` are the labels of the worst so far, by which routes are asked, and `worst` its severity; None = those of
    now. `flapping` counts its beginnings where they are too many to tell each; else 0. While it flaps, an end is `ended_at`
    alone: it closes when it is calm. `began` are the beginnings, and rises, that may count for that. `raised` counts the
    rounds of texts about it. `starts_at` is when it last began, by its source.
    `repeats`: its source says again and again that it fires, so that silence means something.

    `acked_ref` names what made the acknowledgement where that alone may take it back: an alert in its monitoring system,
    a silence. It stays when that has ended, so that the same silence does not make it again. `acked_made_at` is when, on
    that system's clock. `ack_until` is when the acknowledgement lapses; of one that has lapsed, until when whoever made
    it may answer.

    `end_reason`: its end, if it has one, is not an OK. `suppressed_at` is when its source was last seen to keep it from
    everybody (inhibited, muted by time); None where it does not. Only a look at the source writes it.
    `former`: it was open when a version came that knows alerts by other names; the old name holds until it has ended.
    """

    id: int
    source: str
    fingerprint: str
    state: IncidentState
    severity: Severity
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime | None
    opened_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None = None
    closed_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: str = ""
    acked_how: str = ""
    flapping: int = 0
    raised: int = 0
    level: Severity | None = None
    milder_since: datetime | None = None
    routed_by: Mapping[str, str] | None = None
    worst: Severity | None = None
    began: tuple[datetime, ...] = ()
    repeats: bool = False
    acked_ref: str = ""
    acked_made_at: datetime | None = None
    ack_until: datetime | None = None
    closed_by: str = ""
    end_reason: EndReason = EndReason.NONE
    suppressed_at: datetime | None = None
    former: bool = False

    @property
    def unacknowledged(self) -> Incident:
        """The same while nobody takes care of it."""
        state = IncidentState.OPEN if self.state is IncidentState.ACKNOWLEDGED else self.state
        return replace(
            self, state=state, acked_at=None, acked_by="", acked_how="", acked_made_at=None, ack_until=None
        )  # fmt: skip

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def routing_labels(self) -> Mapping[str, str]:
        return self.labels if self.routed_by is None else self.routed_by

    def level_at(self, now: datetime, calm: timedelta) -> Severity:
        """What its severity is taken for: one that fell counts from when it was that mild for `calm`."""
        if self.level is None or self.milder_since is None or now - self.milder_since >= calm:
            return self.severity
        return self.level

    @property
    def episode(self) -> Episode:
        """As far as the next alert about it is concerned."""
        return Episode(
            self.id, self.opened_at, self.starts_at, self.ended_at, self.closed_at,
            self.state is IncidentState.UNHEARD, self.level or self.severity, self.state is IncidentState.CLOSED,
        )  # fmt: skip

    @property
    def subject(self) -> Subject:
        ended = self.closed_at is not None
        status = Status.RESOLVED if ended else Status.FIRING
        alert = Alert(
            self.source, self.fingerprint, status, self.labels, self.annotations, self.starts_at, self.ended_at,
            graded=self.severity, end_reason=self.end_reason,
        )  # fmt: skip
        heard_at = self.last_seen_at if self.state is IncidentState.UNHEARD else None
        acked_by = "" if ended else self.acked_by
        return Subject(
            self.id, alert, self.opened_at, ended, self.flapping, heard_at, self.closed_by, acked_by
        )


@dataclass(frozen=True, slots=True)
class Member:
    """What one source says of an incident that it shares with others: `dedup_labels` made one of several."""

    incident_id: int
    source: str
    fingerprint: str
    starts_at: datetime | None
    opened_at: datetime
    last_seen_at: datetime
    ended_at: datetime | None = None
    closed_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    severity: Severity = Severity.OTHER
    end_reason: EndReason = EndReason.NONE

    @property
    def episode(self) -> Episode:
        """The source's own view of the incident."""
        return Episode(self.incident_id, self.opened_at, self.starts_at, self.ended_at, self.closed_at)

    @property
    def alert(self) -> Alert:
        """As its source told it last."""
        status = Status.FIRING if self.closed_at is None else Status.RESOLVED
        return Alert(
            self.source, self.fingerprint, status, self.labels, self.annotations, self.starts_at, self.ended_at,
            graded=self.severity,
        )  # fmt: skip


UNACKNOWLEDGED = "unacknowledged"
"""The bundle of those that say so: to nobody any more once somebody takes care of it again."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One person is to hear one thing of one incident. `id` 0 = not written down yet.

    `held_by` names the window or the limit that holds it. `row_lane` is the lane in which it was written down first: the
    incident's severity may have risen since. That of an end is by what its reader was texted before. `message_…` is what was
    known of the message when the row was loaded; `Rows.state_of` knows better.

    `again_of` is the text whose answer was lost and of which this is the one resend: its reader may have it already.
    `failures` counts the texts that failed to tell it, and were tried again. `said` is what the text that tells it says of
    its incident (`said.py`); empty where none does, or an earlier version wrote it.
    """

    subject: Subject = field(compare=False)
    person: Person = field(compare=False)
    kind: Kind
    receiver: str
    due_at: datetime
    created_at: datetime
    why: Hold | Drop = Hold.NOW
    held_by: str = ""
    nth: int = 0
    bundle: str = ""
    hidden: int = 0
    id: int = 0
    state: PageState = PageState.HELD
    message_id: int | None = None
    again_of: int | None = None
    failures: int = 0
    said: str = ""
    row_lane: Lane = Lane.FREE
    message_state: State | None = field(default=None, compare=False)
    message_ambiguous: int = field(default=0, compare=False)
    message_at: datetime | None = field(default=None, compare=False)

    @property
    def lane(self) -> Lane:
        """An end never delays a beginning: however critical the trouble was, it has a lane of its own."""
        if self.kind is Kind.RESOLVED:
            return self.row_lane if self.row_lane is Lane.ENDS else Lane.REST
        critical = self.kind is not Kind.UNHEARD and self.subject.alert.severity is Severity.CRITICAL
        return Lane.CRITICAL if critical else Lane.REST

    @property
    def follows_up(self) -> bool:
        """True where nobody is told any more once somebody takes care of it."""
        return self.kind.follows_up or self.bundle == UNACKNOWLEDGED

    @property
    def incident_id(self) -> int:
        return self.subject.incident_id

    @property
    def number(self) -> str:
        return self.person.number


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is about to be written; `note` goes into the ledger beside it."""

    kind: Kind
    receiver: str
    person: Person
    severity: Severity
    gateway: str
    text: Text
    not_before: datetime
    expires_at: datetime
    note: str = ""
    lane: Lane = Lane.FREE
    ack_code: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stands."""

    id: int
    kind: Kind
    receiver: str
    recipient: str
    number: str
    severity: Severity
    gateway: str
    body: str
    parts: int
    state: State
    attempts: int
    ambiguous: int
    reference: str
    smsid: str
    not_before: datetime
    expires_at: datetime
    created_at: datetime
    polls: int
    recuts: int = 0
    sender: str = ""
    lane: Lane = Lane.FREE
    ack_code: str = ""
    lease_until: datetime | None = field(default=None, compare=False)
    """Of one that was claimed just now: from then on others may take its text for lost."""

    @property
    def rank(self) -> int:
        """The order in which messages leave. An end never leaves before a beginning of the most urgent kind."""
        waits = self.kind in (Kind.RESOLVED, Kind.UNHEARD)
        return max(1, self.severity.rank) if waits else self.severity.rank


def queued(draft: Draft, message_id: int, now: datetime) -> Message:
    """The message that a draft becomes."""
    return Message(
        id=message_id, kind=draft.kind, receiver=draft.receiver, recipient=draft.person.name, number=draft.person.number,
        severity=draft.severity, gateway=draft.gateway, body=draft.text.body, parts=draft.text.parts, state=State.QUEUED,
        attempts=0, ambiguous=0, reference="", smsid="", not_before=draft.not_before, expires_at=draft.expires_at,
        created_at=now, polls=0, lane=draft.lane, ack_code=draft.ack_code,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger says of one move, beside when and which message."""

    reason: StrEnum
    code: int | None = None
    seconds: float | None = None
    detail: str = ""


def first_entry(draft: Draft) -> Entry:
    """Why a message was written at all."""
    return Entry(draft.kind.first_cause, detail=draft.note)


class TimerKind(StrEnum):
    """What falls due: of an open incident, or of what `Timer.receiver` names: a schedule, or a person who waits."""

    ESCALATE = "escalate"
    REMIND = "remind"
    CALM = "calm"  # it has neither come nor gone for so long that it counts as calm
    COPY = "copy"  # what may have been an old copy of its alert counts as a new beginning
    SILENT = "silent"  # its source said that its word holds so long, and has not said it again
    HANDOFF = "handoff"
    SELF_CHECK = "self_check"  # its daily text; of a person who has to wait for it

    @property
    def turn(self) -> bool:
        """True where it is owed by time alone, also to whoever knows."""
        return self in (TimerKind.ESCALATE, TimerKind.REMIND)


@dataclass(frozen=True, slots=True)
class Timer:
    """Step or reminder number `nth` of an incident at one receiver; `every` is the time between reminders.

    Of a step, `every` is not zero where it jumped: every text of the step before it has failed.
    """

    incident_id: int
    receiver: str
    what: TimerKind
    nth: int
    due_at: datetime
    every: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class HeldLane:
    """A lane of one number that waits `until` then; `announced` = its reader was told that more is held: a text counts it."""

    scope: str
    since: datetime
    until: datetime
    announced: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision, for `explain` and for the metrics."""

    word: Decision
    incident_id: int | None = None
    receiver: str = ""
    nth: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AcceptedAlert:
    """One accepted alert with what it led to. `whole`: written down with its labels whatever it led to."""

    alert: Alert
    heard: Heard
    incident_id: int | None
    group: str
    routes: tuple[str, ...]
    whole: bool


@dataclass(slots=True)
class QueueView:
    """What waited, and what had left, when this step began."""

    waiting: dict[tuple[str, Lane], int] = field(default_factory=dict)  # texts to a number in a lane
    held: set[tuple[str, Lane]] = field(default_factory=set)  # lanes in which something is held
    unconfirmed: set[tuple[str, Lane]] = field(
        default_factory=set
    )  # in which a second text waits for company
    left: dict[tuple[str, Lane], list[datetime]] = field(default_factory=dict)
    parts: dict[Lane, int] = field(default_factory=dict)  # of all texts that wait
    spent: list[Spending] = field(default_factory=list)
    balance: int | None = None  # less what left since it was told
    left_at_all: dict[str | None, list[datetime]] = field(default_factory=dict)  # by receiver; None: of all
    waiting_at_all: dict[str | None, int] = field(default_factory=dict)


@dataclass(slots=True)
class NextIds:
    """The ids that this step hands out. One writer at a time makes that safe."""

    incidents: int = 0
    notifications: int = 0
    messages: int = 0

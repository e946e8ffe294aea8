"""The words for what becomes of alerts, incidents and messages. The same word stands in the database, the log,
the metric label and the documentation; nothing else in the program spells them.
"""

from __future__ import annotations

from enum import StrEnum

from sms_notify.policy.outcomes import DeliveryStatus


class Heard(StrEnum):
    """What an accepted alert led to: told to somebody, or suppressed and why."""

    FIRST = "first"  # opened an episode; somebody is told
    RAISED = "raised"  # the episode is open, and more severe than anybody was told
    MILDER = "milder"  # the episode is open, and less severe than before; nobody is told
    RESOLVED = "resolved"  # closed an episode; those who were told of it are told
    DUPLICATE = "duplicate"  # the episode is open and its people were told
    STILL_OPEN = "still_open"  # one source says that it is resolved, another still reports the same problem
    RESUMED = "resumed"  # the episode goes on: it fires again before anybody was told of its end, or has flapped and stays
    FLAPPING = "flapping"  # it came or went once more; told when it is calm
    HELD_COPY = (
        "held_copy"  # perhaps an old copy of an episode that has just ended; told if it goes on for a minute
    )
    OLD_COPY = "old_copy"  # its end came before it
    OLD_END = "old_end"  # the end of an earlier episode
    CLOSED = "closed"  # somebody closed it by hand: a repeat, or its end, is not news
    NEVER_FIRED = "never_fired"  # a resolve of something we never heard firing
    NOBODY = "nobody"  # the route leads to a receiver that notifies nobody
    KNOWN = "known"  # it begins anew, and whoever is to hear still believes that it fires
    NOBODY_TOLD = "nobody_told"  # a resolve, but nobody got a text about the problem
    RESOLVED_OFF = "resolved_off"  # a resolve, and the receiver wants none (`send_resolved: false`)
    WATCHED = "watched"  # a sign of life of a watch: it must keep coming, and is no problem
    RESOLVED_UNSENT = "resolved_unsent"  # ended before its first text left; both are dropped

    @property
    def suppressed(self) -> bool:
        return self not in (Heard.FIRST, Heard.RAISED, Heard.RESUMED, Heard.RESOLVED)

    @property
    def news(self) -> bool:
        """True where the beginning of something is owed to the receivers of the alert."""
        return self in (Heard.FIRST, Heard.RAISED, Heard.RESUMED)


BEGUN = (Heard.FIRST, Heard.RAISED, Heard.KNOWN, Heard.NOBODY)
"""What a beginning, or a rise, has led to: with these the ledger keeps the labels, and by which routes it went."""


class IncidentState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    UNHEARD = "unheard"  # still open, though its source has said nothing for too long
    CLOSED = "closed"  # by hand; its source has not said that it has ended


class WatchState(StrEnum):
    """How a watch stands, or one instance of it."""

    HEARD = "heard"
    NEVER_HEARD = "never_heard"  # it waits for its first sign of life
    MISSING = "missing"


class Kind(StrEnum):
    """What a message tells; one message a kind, a person and an episode (of reminders and escalations, one a step)."""

    FIRING = "firing"
    ESCALATION = "escalation"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    UNHEARD = "unheard"
    DIGEST = "digest"
    HANDOFF = "handoff"
    SELF_CHECK = "self_check"
    MANUAL = "manual"
    OPERATOR = "operator"

    @property
    def alarming(self) -> bool:
        """True where somebody must know: such a text is sent again, fails over and is missed when it is lost."""
        return self in _ALARMING

    @property
    def news(self) -> bool:
        """True where its first reading is the first that its reader hears of the problem."""
        return self in (Kind.FIRING, Kind.ESCALATION)

    @property
    def follows_up(self) -> bool:
        """True where nobody is told any more once somebody takes care of it."""
        return self in (Kind.ESCALATION, Kind.REMINDER)

    @property
    def configured(self) -> bool:
        """True where only people and groups of the configuration get it; any number may be texted by hand."""
        return self not in (Kind.MANUAL, Kind.OPERATOR)

    @property
    def first_cause(self) -> Cause:
        """Why a message of it is written at all."""
        return _FIRST_CAUSES.get(self, Cause.ALERT)


_ALARMING = frozenset((Kind.FIRING, Kind.ESCALATION, Kind.REMINDER, Kind.DIGEST))


class PageState(StrEnum):
    """Where it stands that one person is to hear one thing of one incident."""

    HELD = "held"
    TOLD = "told"  # a message tells it; the rest is that message's state
    DROPPED = "dropped"


class Drop(StrEnum):
    """Why somebody is not told after all."""

    RESOLVED = "resolved_meanwhile"
    ACKNOWLEDGED = "acknowledged"
    SUPERSEDED = "superseded"
    UNHEARD = "unheard"
    NOT_CONFIGURED = "not_configured"
    OFF_CALL = "off_call"  # somebody else has taken over since
    RESOLVED_OFF = "resolved_off"  # an end, and no receiver that told of it wants to tell ends
    CLOSED_IT = "closed_it"  # its reader closed it, and knows
    TAKEN_BACK = "taken_back"  # somebody took its text back by hand

    @property
    def counts_as_said(self) -> bool:
        """True of an end that its reader is owed no more."""
        return self in (Drop.RESOLVED_OFF, Drop.CLOSED_IT)


class Decision(StrEnum):
    """What was decided about an incident or a number beyond the straight way from an alert to a text."""

    LIMITED = "limited"
    ESCALATED = "escalated"
    JUMPED = "jumped"  # every text of a step has failed, or quiet hours hold it: the next one does not wait
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"  # an acknowledgement has ended, or never counted
    CLOSED = "closed"  # by hand
    FLAPPING = "flapping"
    RAISED = "raised"  # its severity has risen: it is told once more, and its steps begin anew
    NOBODY_ON_CALL = "nobody_on_call"
    HANDED_OFF = "handed_off"
    HASTENED = "hastened"  # somebody wants the next step now
    NOTE = "note"  # what somebody wrote beside it
    SENT_AGAIN = "sent_again"  # somebody wants a text told once more
    SELF_CHECK = "self_check"  # what came of its daily text
    FORGOTTEN = "forgotten"  # somebody had the numbers and texts of a person erased
    OUTBOX_SENT = "outbox_sent"  # the text of a step that lay in a gateway's outbox has left from there

    @property
    def by_somebody(self) -> bool:
        """True where its detail begins with who decided it, and how: `by alice (command)`."""
        return self in (
            Decision.ACKNOWLEDGED,
            Decision.UNACKNOWLEDGED,
            Decision.CLOSED,
            Decision.HASTENED,
            Decision.NOTE,
            Decision.SENT_AGAIN,
        )


class AckBy(StrEnum):
    """How somebody acknowledged."""

    COMMAND = "command"
    LINK = "link"
    PAGE = "page"
    SILENCE = "alertmanager_silence"
    SOURCE = "source"
    CONFIGURATION = "configuration"  # closed: a watch takes this alert for a sign of life by now


class AckEnd(StrEnum):
    """What ended an acknowledgement of something that still fires, a rise of its severity apart."""

    COMMAND = "command"
    LINK = "link"  # in the text: whoever acknowledged by it thought better of it
    PAGE = "page"
    SOURCE = "source"  # the monitoring system that made it took it back
    SILENCE_ENDED = "silence_ended"  # the silence that made it is over
    EXPIRED = "ack_expires"


class State(StrEnum):
    """Where a message stands. It only ever moves forward, but for the way back to QUEUED that a retry takes."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    SENT = "sent"
    BUFFERED = "buffered"
    NO_REPORT = "no_report"
    DELIVERED = "delivered"
    NOT_DELIVERED = "not_delivered"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN_FINAL = "unknown_final"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        return self in _FINAL

    @property
    def may_have_arrived(self) -> bool:
        """True where the phone has the text or may have it: a resolve is owed to its owner."""
        return self in _ARRIVED

    @property
    def said(self) -> bool:
        """True where a gateway has taken the text, or may have: what its reader believes is written down."""
        return self in _ARRIVED and self is not State.SUBMITTING

    @property
    def lost(self) -> bool:
        """True where nothing more will come and the phone has not got the text."""
        return self.final and not self.may_have_arrived

    @property
    def without_trace(self) -> bool:
        """True where nothing more will come and nothing says that the phone has the text, though it may."""
        return self.lost or self is State.UNKNOWN_FINAL

    @property
    def hopeful(self) -> bool:
        """True where the phone has the text, or will, as far as anybody knows: then somebody counts as told."""
        return not self.without_trace and self is not State.UNKNOWN

    @property
    def never_left(self) -> bool:
        """True where no gateway ever took the text: it counts against no limit."""
        return self in (State.FAILED, State.CANCELLED, State.EXPIRED)

    @property
    def bad_end(self) -> bool:
        """True where somebody was to be told and was not: the next step of an escalation need not wait."""
        return self in (State.FAILED, State.NOT_DELIVERED, State.REJECTED)


_FINAL = frozenset(
    (
        State.DELIVERED,
        State.NOT_DELIVERED,
        State.REJECTED,
        State.NO_REPORT,
        State.FAILED,
        State.UNKNOWN_FINAL,
        State.EXPIRED,
        State.CANCELLED,
    )
)
_ARRIVED = frozenset(
    (
        State.SUBMITTING,
        State.UNKNOWN,
        State.SENT,
        State.BUFFERED,
        State.NO_REPORT,
        State.DELIVERED,
        State.UNKNOWN_FINAL,
    )
)

# How far each state is on the way from the gateway to the phone. A report moves a message only upwards, so a
# late, doubled or reordered one changes nothing. No report at all is weaker than any report that comes after.
_STEPS = {
    State.SUBMITTING: 0,
    State.UNKNOWN: 0,
    State.UNKNOWN_FINAL: 0,
    State.SENT: 1,
    State.BUFFERED: 2,
    State.NO_REPORT: 3,
    State.DELIVERED: 4,
    State.NOT_DELIVERED: 4,
    State.REJECTED: 4,
}
_REPORTED = {
    DeliveryStatus.SUBMITTED: State.SENT,
    DeliveryStatus.BUFFERED: State.BUFFERED,
    DeliveryStatus.DELIVERED: State.DELIVERED,
    DeliveryStatus.NOT_DELIVERED: State.NOT_DELIVERED,
    DeliveryStatus.REJECTED: State.REJECTED,
}


def after_report(state: State, status: DeliveryStatus) -> State | None:
    """The state that a report moves a message to, or None where it moves nothing."""
    new = _REPORTED.get(status)
    if new is None or state not in _STEPS or _STEPS[new] <= _STEPS[state]:
        return None
    return new


class Cause(StrEnum):
    """Why a message entered its state, beyond what a gateway's `Reason` says."""

    ALERT = "alert"
    BY_HAND = "by_hand"
    CLAIMED = "claimed"
    CLAIM_FAILED = "claim_failed"
    RESEND = "resend"
    LEASE_ENDED = "lease_ended"
    RESTARTED = "restarted"
    CALLBACK = "callback"
    POLL = "poll"
    REPORT_TIMEOUT = "report_timeout"
    REPORTS_OFF = "reports_off"
    NO_EVIDENCE = "no_evidence"
    RESOLVED_MEANWHILE = "resolved_meanwhile"
    SUPERSEDED = "superseded"
    HELD_AGAIN = "held_again"
    TOO_OLD = "too_old"
    NOT_CONFIGURED = "not_configured"
    GATEWAY_GONE = "gateway_gone"
    FAIL_OVER = "fail_over"
    BARRED = "barred"
    TROUBLE = "trouble"
    ACKNOWLEDGED = "acknowledged"
    HAND_OFF = "hand_off"
    SELF_CHECK = "self_check"
    TAKEN_BACK = "taken_back"
    ARMED = "armed"  # it lay in the gateway's outbox, and has left from there


_FIRST_CAUSES = {
    Kind.MANUAL: Cause.BY_HAND,
    Kind.OPERATOR: Cause.TROUBLE,
    Kind.HANDOFF: Cause.HAND_OFF,
    Kind.SELF_CHECK: Cause.SELF_CHECK,
}


class Applied(StrEnum):
    """What a report did; the value is a word of the log and a metric label."""

    MOVED = "moved"
    NOTHING_NEW = "nothing_new"
    TO_CONFIRM = "to_confirm"  # a bad end, told by a call-back: the gateway is asked before anything follows
    UNKNOWN_ID = "unknown_id"
    FORGED = "forged"  # its id and its reference belong to two messages


class Ignored(StrEnum):
    """Why a call-back was not even looked up."""

    WRONG_TOKEN = "wrong_token"  # noqa: S105 - a word, not a token
    UNREADABLE = "unreadable"

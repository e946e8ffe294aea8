"""Our own problems that a step finds, as notes: what happened, and what to do. Who is told of them is not known here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sms_notify.alert import Severity
from sms_notify.logs import masked
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.records import Message, Notification
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.policy.vocabulary import Kind, PageState, State

if TYPE_CHECKING:
    from sms_notify.policy.rows import Rows


class Particular(StrEnum):
    """A problem of one incident, text or hand-over each; the value begins its id."""

    NOBODY = "nobody"
    UNREAD = "unread"
    GAP = "gap"
    ASLEEP = "asleep"
    GONE = "gone"
    SPOOL = "spool"


@dataclass(frozen=True, slots=True)
class SelfAlertNote:
    """A problem to be noted. With `particular` it is about `name` alone; else `name` is its id, and it lasts.

    `again`: what lasts is told anew a quarter of an hour after it was told.
    """

    particular: Particular | None
    name: str
    urgency: Urgency
    gateway: str
    what: str
    advice: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class LostNote:
    """A text to the operator was lost: what it told was told to nobody."""

    message_id: int
    told_at: datetime


BUDGET = "/budget/"
"""With this begin the ids of self-alerts about what is not paid for; those of a gateway begin with its name, which is never
empty.
"""


def note_id(gateway: str, scope: str, subject: str, why: object = "") -> str:
    """What one problem that lasts is known by; without `why`, what all problems of one breaker begin with."""
    return f"{gateway}/{scope}/{subject}/{why}"


def name_of(name: str, number: str) -> str:
    """Who is to be texted; a bare number, which is its own name, only as far as its owner knows it again."""
    return masked(number) if name == number else name


NOBODY_READ = " reached nobody, as far as is known"


def note_lost(
    rows: Rows, message: Message, state: State, why: str, given_up: Sequence[Notification] = ()
) -> None:
    """A critical page that nobody can be known to have read is our own problem: each incident of it, once. What is `given_up`
    because the answers to its texts were lost is that whatever its severity, and so is an end.

    A text to the operator that was lost has told nothing.
    """
    if message.kind is Kind.OPERATOR:
        rows.lost.append(LostNote(message.id, message.created_at))
    name = name_of(message.recipient, message.number)
    text = f"the text to {name} is {state} ({why})"
    told = {n.incident_id: n for n in (*_critical_news(rows, message), *given_up)}
    for _, n in sorted(told.items()):
        severity, tag = rows.incidents.rows[n.incident_id].severity, f"#{tag_of(n.incident_id)}"
        urgency = Urgency(Level.PAGE if severity is Severity.CRITICAL else Level.TICKET)
        if n.kind is Kind.RESOLVED:
            note = _unread(name, tag, Urgency(Level.TICKET), f"the end of {severity} {tag}: {text}")
        elif may_have_reached(rows, n.incident_id, beside=message.id):
            note = _unread(name, tag, urgency, f"{severity} {tag}: {text}")
        else:
            note = _nobody(tag, urgency, f"{severity} {tag}{NOBODY_READ}: {text}")
        rows.notes.append(replace(note, gateway=message.gateway))
    if message.kind is Kind.SELF_CHECK:
        note = _unread(name, f"m{message.id}", Urgency(Level.TICKET), f"the self-check failed: {text}")
        rows.notes.append(replace(note, gateway=message.gateway))
    if not told and message.severity is Severity.CRITICAL and message.kind.alarming:
        what = f"critical m{message.id}{NOBODY_READ}: {text}"
        rows.notes.append(
            replace(_nobody(f"m{message.id}", Urgency(Level.PAGE), what), gateway=message.gateway)
        )


_ADVICE = "Tell them in another way; `sms-notify explain` and `sms-notify messages` have the story."


def _unread(name: str, tag: str, urgency: Urgency, what: str) -> SelfAlertNote:
    return SelfAlertNote(Particular.UNREAD, f"{name}/{tag}", urgency, "", what, _ADVICE)


def _nobody(tag: str, urgency: Urgency, what: str) -> SelfAlertNote:
    return SelfAlertNote(Particular.NOBODY, tag, urgency, "", what, _ADVICE)


def _critical_news(rows: Rows, message: Message) -> list[Notification]:
    """The critical beginnings that a message tells, not their ends."""
    if message.severity is not Severity.CRITICAL or not message.kind.alarming:
        return []
    news = (n for n in rows.of_message(message.id) if n.kind is not Kind.RESOLVED)
    return [n for n in news if rows.incidents.rows[n.incident_id].severity is Severity.CRITICAL]


def may_have_reached(rows: Rows, incident_id: int, *, beside: int = 0) -> bool:
    """Whether anybody has, or may get, a text about the incident by another message than `beside`."""
    return any(
        n.state is PageState.TOLD and (state := rows.state_of(n)) is not None and state.hopeful
        for n in rows.of_incident(incident_id)
        if n.kind is not Kind.RESOLVED and n.message_id != beside
    )


def note_nobody(rows: Rows, receiver: str, incident_ids: Iterable[int]) -> None:
    """An incident that reaches nobody because nobody is on call is our own problem too."""
    advice = "Close the gap: `sms-notify oncall override add`; `sms-notify oncall show` shows it."
    for tag in dict.fromkeys(f"#{tag_of(id_)}" for id_ in incident_ids):
        what = f"nobody is on call for receiver {receiver}: {tag} was told to nobody"
        rows.notes.append(
            SelfAlertNote(Particular.GAP, f"{receiver}/{tag}", Urgency(Level.PAGE), "", what, advice)
        )


def note_asleep(rows: Rows, receiver: str, incident_id: int) -> None:
    """A critical incident that quiet hours keep from everybody who is left to be told."""
    tag = f"#{tag_of(incident_id)}"
    what = f"critical {tag} waits for the end of quiet hours: nobody of receiver {receiver} can be texted now"
    advice = "Tell them in another way; `unless` of `quiet` says what does not wait."
    rows.notes.append(
        SelfAlertNote(Particular.ASLEEP, f"{receiver}/{tag}", Urgency(Level.PAGE), "", what, advice)
    )


def note_unaddressed(rows: Rows, incident_ids: Iterable[int]) -> None:
    """What somebody was to be told whom the configuration names no more is told to nobody in their place."""
    advice = "Look whether others know of it: `sms-notify incidents`, `sms-notify explain`."
    for id_ in dict.fromkeys(incident_ids):
        incident = rows.incidents.get(id_)
        if incident is not None and incident.is_open:
            tag = f"#{tag_of(id_)}"
            what = f"a text about open incident {tag} was for somebody who is not configured any more"
            rows.notes.append(SelfAlertNote(Particular.GONE, tag, Urgency(Level.TICKET), "", what, advice))


def note_unpaid(rows: Rows, gateway: str, scope: str) -> None:
    """Critical texts that wait because the budget is spent."""
    what = f"critical texts wait: {scope} and the reserve are spent"
    advice = "Raise limits.credits in the configuration, or tell people in another way."
    id_ = f"{BUDGET}{gateway}/{scope}"
    rows.notes.append(SelfAlertNote(None, id_, Urgency(Level.PAGE), gateway, what, advice, again=True))

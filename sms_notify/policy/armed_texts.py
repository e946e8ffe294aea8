"""Texts that wait in a gateway's outbox so that they leave even when we are dead, and what an answer makes of each.

The row is on the disk before the request leaves, so a crash at any point leaves a row that says the worst it may be: a text
that may lie there counts as one that does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sms_notify.policy.outcomes import Fate, Refusal
from sms_notify.policy.self_alert_notes import name_of

LEFT_AFTER = timedelta(minutes=1)
"""A gateway counts in minutes: this long after its minute a text has left."""


class ArmedFor(StrEnum):
    """What a text in the outbox stands for."""

    SITE_ALIVE = "site_alive"  # this site: it leaves when nobody pushes it ahead any more
    ESCALATION = "escalation"  # the next step of an incident


class ArmedState(StrEnum):
    """Where a text of the outbox stands."""

    ASKED = "asked"  # the gateway is asked to keep it; no answer yet
    ARMED = "armed"  # it lies there, and can be taken back by its id
    UNSURE = "unsure"  # the answer was lost, or bore no id: it may lie there
    REMOVING = "removing"  # the gateway is asked to take it back; no answer yet
    GONE = "gone"  # it does not lie there, and was not sent
    FIRED = "fired"  # it has left, or must have

    @property
    def final(self) -> bool:
        return self in (ArmedState.GONE, ArmedState.FIRED)

    @property
    def may_fire(self) -> bool:
        """Whether it may lie in the outbox."""
        return not self.final


@dataclass(frozen=True, slots=True)
class ArmedText:
    """One text of the outbox. `id` 0 = not written down yet; `due_at` (aware UTC) is a whole minute of the gateway's clock,
    and so stands through every step of ours. `incident_id` 0, and no `receiver`, where it is about the site.
    """

    purpose: ArmedFor
    gateway: str
    recipient: str
    number: str
    body: str
    due_at: datetime
    reference: str
    state: ArmedState = ArmedState.ASKED
    outboxid: str = ""
    incident_id: int = 0
    receiver: str = ""
    nth: int = 0
    id: int = 0

    @property
    def reader(self) -> str:
        """Who reads it; a bare number only as far as its owner knows it again."""
        return name_of(self.recipient, self.number)

    def past(self, now: datetime) -> bool:
        """Whether it has left by now, if it was there."""
        return now >= self.due_at + LEFT_AFTER


def taken(text: ArmedText, outboxid: str | None, due_at: datetime) -> ArmedText:
    """The gateway keeps it, for `due_at`: the minute that could be said clearly. Without an id it cannot be taken back by one."""
    state = ArmedState.ARMED if outboxid else ArmedState.UNSURE
    return replace(text, state=state, outboxid=outboxid or "", due_at=due_at)


def not_taken(text: ArmedText, fate: Fate) -> ArmedText:
    """What a request that did not end with OK leaves in the outbox."""
    return replace(text, state=ArmedState.UNSURE if fate is Fate.UNKNOWN else ArmedState.GONE)


def removed(text: ArmedText) -> ArmedText:
    """The gateway took it back."""
    return replace(text, state=ArmedState.GONE)


def not_removed(text: ArmedText, refusal: Refusal | None, now: datetime) -> ArmedText:
    """After an answer that is no OK. Nothing there to remove: it has left, where its minute has come; else an earlier request
    removed it, whose answer was lost. Any other answer says nothing: it is asked again.
    """
    if refusal is not Refusal.NOTHING_SCHEDULED:
        return text
    return replace(text, state=ArmedState.FIRED if now >= text.due_at else ArmedState.GONE)


def interrupted(text: ArmedText) -> ArmedText:
    """As a process finds it that did not ask: an answer that was waited for will not come. What bears no id was asked back by
    its number, which another text may have; it may lie there again.
    """
    asked = text.state is ArmedState.ASKED or (text.state is ArmedState.REMOVING and not text.outboxid)
    return replace(text, state=ArmedState.UNSURE) if asked else text

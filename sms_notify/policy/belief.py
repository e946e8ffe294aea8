"""What a reader believes of a problem: what the last text that may have arrived said of it.

One row a reader and problem. A text writes it when a gateway has taken it, or may have; a report that it did not arrive
makes it anew from what else was said. Policy writes it where an end is not to be texted, which counts as said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sms_notify.policy.directory import Person
from sms_notify.policy.vocabulary import Kind


class Belief(StrEnum):
    """What somebody takes for true, because the last text that may have arrived said so."""

    NOTHING = "nothing"
    FIRING = "firing"
    FLAPPING = "flapping"
    UNHEARD = "unheard"
    RESOLVED = "resolved"

    @property
    def of_trouble(self) -> bool:
        """True where its reader is owed the end."""
        return self in (Belief.FIRING, Belief.FLAPPING, Belief.UNHEARD)


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that a text told one reader of one problem, or an end that was not to be texted (`silent`).

    `id` is the notification's: of one problem they are in the order in which they became true. `at` is when the text left.
    """

    id: int
    person: Person
    kind: Kind
    flapping: bool
    incident_id: int
    receiver: str
    critical: bool
    at: datetime
    silent: bool = False

    @property
    def belief(self) -> Belief:
        if self.kind is Kind.RESOLVED:
            return Belief.RESOLVED
        if self.kind is Kind.UNHEARD:
            return Belief.UNHEARD
        return Belief.FLAPPING if self.flapping else Belief.FIRING


@dataclass(frozen=True, slots=True)
class Believed:
    """`said_by` is the notification that said it last, at `at`. `incident_id` is the episode that its reader knows: an end
    names no other. `receivers` are those by
    which the reader was told since the last end, and `critical`: one of those texts was about something critical.
    """

    person: Person
    belief: Belief
    incident_id: int
    said_by: int
    at: datetime
    receivers: tuple[str, ...] = ()
    critical: bool = False


def after(before: Believed | None, said: Said) -> Believed | None:
    """Texts overtake each other, but what became true later is true. Whoever never heard of it is told of no end."""
    if said.silent and (before is None or not before.belief.of_trouble):
        return before
    now = Believed(said.person, said.belief, said.incident_id, said.id, said.at)
    if now.belief is not Belief.RESOLVED:
        now = replace(now, receivers=(said.receiver,), critical=said.critical)
    if before is None:
        return now
    first, last = (before, now) if now.said_by >= before.said_by else (now, before)
    at = max(first.at, last.at)
    if last.belief is Belief.RESOLVED:
        known = first.incident_id if first.belief.of_trouble else last.incident_id
        return replace(last, at=at, incident_id=known)
    receivers = dict.fromkeys((*first.receivers, *last.receivers))
    return replace(last, at=at, receivers=tuple(receivers), critical=first.critical or last.critical)


def fold(said: Iterable[Said], before: Believed | None = None) -> Believed | None:
    """After all of it; `before` is what was believed before."""
    for one in said:
        before = after(before, one)
    return before

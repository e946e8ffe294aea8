"""Which steps of escalations are to lie in a gateway's outbox, so that they are told even when we are dead.

A step lies there for a little after its time: while we live we tell it ourselves, and take the text back before it leaves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.policy import bundles
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.policy.bars import open_gateway
from sms_notify.policy.directory import group_of
from sms_notify.policy.escalation import Escalation
from sms_notify.policy.reading import as_its_reader_knows
from sms_notify.policy.records import Notification, Timer, TimerKind
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.suppression import is_suppressed
from sms_notify.policy.vocabulary import IncidentState, Kind, PageState, State
from sms_notify.wording.compose import compose_reported
from sms_notify.wording.content import Reader

MARGIN = timedelta(minutes=2)
"""After the time of a step its text leaves the outbox: so long we have to tell it ourselves and to take that text back."""

MOST = 50
"""Texts that lie there at once. A storm must not leave hundreds behind that nobody takes back."""

MOST_TO_ONE = 5
"""To one number: whoever gets five of them knows that there is trouble."""

MOST_OF_ONE = 2
"""Of one step to one number, where the answer to the first was lost: it may not lie there."""

Minute = Callable[[datetime], datetime]
"""The gateway's minute for an instant, or the first after it that can be said clearly."""

ArmedKey = tuple[int, str, int, str]
"""Incident, receiver, number of the step, phone number: of these at most one text is to leave."""

# Of our own text of a step: no gateway is known to have it, and so the one in the outbox stays.
_NOT_OUT = frozenset(
    (State.QUEUED, State.SUBMITTING, State.UNKNOWN, State.FAILED, State.EXPIRED, State.NOT_DELIVERED, State.REJECTED)
)  # fmt: skip


OutboxPlace = tuple[str, str]
"""Gateway and phone number: by these alone a text without an id is taken back, and so only where no other lies."""


def place_of(text: ArmedText) -> OutboxPlace:
    return text.gateway, text.number


def key_of(text: ArmedText) -> ArmedKey:
    return text.incident_id, text.receiver, text.nth, text.number


@dataclass(frozen=True, slots=True)
class StepAhead:
    """One reader of a step that is to come, and the minute at which the outbox is to tell it."""

    told: Notification
    at: datetime
    leaves_at: datetime

    @property
    def key(self) -> ArmedKey:
        return self.told.incident_id, self.told.receiver, self.told.nth, self.told.number


@dataclass(frozen=True, slots=True)
class ArmedMoves:
    """What is to be done with the outbox, the most urgent first. `left`: what has left, as far as can be known."""

    arm: Sequence[StepAhead] = ()
    remove: Sequence[ArmedText] = ()
    left: Sequence[ArmedText] = ()


def wanted(plan: Plan, rows: Rows, minute: Minute) -> list[StepAhead]:
    """Every reader of every next step that is to lie there, the most severe and then the oldest first; without a bound.

    Whom two receivers tell the same step hears it once, as from ourselves: by the one that is due first.
    """
    timers = [timer for timer in rows.timers.rows.values() if _is_armed(plan, rows, timer)]
    found = [one for timer in timers for one in _of_step(plan, rows, timer, minute)]
    first: dict[tuple[int, str, int], StepAhead] = {}
    for one in sorted(found, key=lambda one: (one.at, one.told.receiver)):
        first.setdefault((one.told.incident_id, one.told.number, one.told.nth), one)
    return sorted(
        first.values(),
        key=lambda one: (one.told.subject.alert.severity.rank, one.told.incident_id, one.at),
    )


def within_bounds(found: Iterable[StepAhead]) -> list[StepAhead]:
    """The first of them: as many as may lie there."""
    to_one: Counter[str] = Counter()
    kept: list[StepAhead] = []
    for one in found:
        if len(kept) < MOST and to_one[one.told.number] < MOST_TO_ONE:
            to_one[one.told.number] += 1
            kept.append(one)
    return kept


def _is_armed(plan: Plan, rows: Rows, timer: Timer) -> bool:
    incident = rows.incidents.rows[timer.incident_id]
    of_step = timer.what is TimerKind.ESCALATE and plan.receiver(timer.receiver).gateway_armed
    fires = incident.is_open and incident.state is not IncidentState.ACKNOWLEDGED
    return of_step and fires and not is_suppressed(incident, rows.now)


def _of_step(plan: Plan, rows: Rows, timer: Timer, minute: Minute) -> list[StepAhead]:
    then = copy(rows)  # the same rows, looked at when the step is due
    then.now = max(rows.now, timer.due_at)
    owed = Escalation(plan, then).ahead(timer)
    fresh = [
        n for n in owed if not rows.has(n.incident_id, n.number, n.kind, n.nth) and group_of(n.number) is None
    ]
    leaves_at = minute(timer.due_at + MARGIN)
    return [StepAhead(n, timer.due_at, leaves_at) for n in fresh]


def moves(
    found: Sequence[StepAhead],
    lying: Sequence[ArmedText],
    rows: Rows,
    gateways: Collection[str],
    beside: Collection[OutboxPlace] = (),
) -> ArmedMoves:
    """From what lies there to what is to lie there; `beside` is where something else of ours lies.

    A text whose step has another time by now stays until the new one lies there, and one whose step we have told stays until a
    gateway has our own: at no moment is there none. What is to have left is asked back: where the gateway has it still, our
    clock was set, and the step is told by us or armed anew.
    """
    left = [text for text in lying if has_left(text, rows.now, gateways)]
    there = [text for text in lying if text not in left]
    due = [text for text in there if text.outboxid and text.gateway in gateways and rows.now >= text.due_at]
    asked = {key_of(text) for text in due}
    by_key = {one.key: one for one in found}
    good = {key_of(text) for text in there if _is_good(text, by_key.get(key_of(text)))}
    of_key = Counter(key_of(text) for text in there)
    room = MOST + MOST_OF_ONE - len(there)  # a full outbox has room for what replaces one
    missing = [
        one
        for one in found
        if one.key not in good | asked and one.at > rows.now and of_key[one.key] < MOST_OF_ONE
    ]
    at_place = Counter([place_of(text) for text in there])
    known = [
        text
        for text in there
        if text.outboxid or (at_place[place_of(text)] == 1 and place_of(text) not in beside)
    ]
    over = [text for text in known if text not in due and _is_over(text, by_key, good, rows)]
    return ArmedMoves(missing[: max(0, room)], [*due, *over], left)


def has_left(text: ArmedText, now: datetime, gateways: Collection[str]) -> bool:
    """By our clock, which may have been set since: so only of what no gateway can be asked about, as it bears no id or its
    gateway is not one of `gateways` any more, and of what was asked back in vain.
    """
    can_be_asked = bool(text.outboxid) and text.gateway in gateways
    return text.past(now) and (text.state is ArmedState.REMOVING or not can_be_asked)


def _is_good(text: ArmedText, one: StepAhead | None) -> bool:
    return one is not None and text.state is ArmedState.ARMED and text.due_at == one.leaves_at


def _is_over(text: ArmedText, by_key: dict[ArmedKey, StepAhead], good: set[ArmedKey], rows: Rows) -> bool:
    """Whether it is to be taken back."""
    key = key_of(text)
    one = by_key.get(key)
    if one is not None:
        return key in good and text.due_at != one.leaves_at
    return not _is_awaited(text, rows)


def _is_awaited(text: ArmedText, rows: Rows) -> bool:
    """Whether our own text of the same is written, and no gateway is known to have it."""
    own, incident = own_of(text, rows), rows.incidents.get(text.incident_id)
    if own is None or incident is None or own.state is not PageState.TOLD:
        return False
    goes_on = incident.is_open and incident.state is not IncidentState.ACKNOWLEDGED
    return goes_on and not is_suppressed(incident, rows.now) and rows.state_of(own) in _NOT_OUT


def own_of(text: ArmedText, rows: Rows) -> Notification | None:
    """What is written down of the same step for the same reader."""
    return rows.found(text.incident_id, text.number, Kind.ESCALATION, text.nth)


def worded(plan: Plan, rows: Rows, one: StepAhead) -> ArmedText | None:
    """As the step is worded, in one part and by what is known now; None where no gateway takes texts to this number.

    Without a link that acknowledges: who reads it reads it because nobody is there to answer.
    """
    gateway = open_gateway(rows.breakers, plan.gateways, one.told.number)
    if gateway is None:
        return None
    person, receiver = plan.directory.known(one.told.person), plan.receiver(one.told.receiver)
    known = as_its_reader_knows(rows, one.told)
    subjects = rows.alike.told_apart([known.subject])
    notice = bundles.notice([replace(known, subject=subjects[0])], None, "")
    reader = Reader(person.timezone, person.language, one.leaves_at)
    body = compose_reported(notice, reader, plan.templates.get(receiver.template), 1).text.body
    return ArmedText(
        ArmedFor.ESCALATION, gateway, person.name, person.number, body, one.leaves_at, "",
        incident_id=one.told.incident_id, receiver=receiver.name, nth=one.told.nth,
    )  # fmt: skip

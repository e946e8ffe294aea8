"""Steps in a gateway's outbox: what is to lie there, and what becomes of a step whose text has left from there."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime

from sms_notify.engine.working_set import WorkingSet
from sms_notify.policy.armed_steps import (
    Minute,
    has_left,
    moves,
    own_of,
    wanted,
    within_bounds,
    worded,
)
from sms_notify.policy.armed_texts import ArmedFor, ArmedState, ArmedText
from sms_notify.policy.directory import Person
from sms_notify.policy.escalation import Escalation
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.policy.records import Draft, Entry, Message, Notification, Timer, TimerKind
from sms_notify.policy.routing import step_of
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Cause, Decision, Kind, PageState, State
from sms_notify.store import armed_rows, claims, outbox, timers
from sms_notify.store.tx import Tx
from sms_notify.wording import gsm
from sms_notify.wording.content import Text


@dataclass(frozen=True, slots=True)
class OutboxWork:
    """What is to be done with the outboxes. `left`: something has left, and is to be settled. `lying` is how many texts may lie
    there, and `beyond` how many find no room.
    """

    arm: Sequence[ArmedText] = ()
    remove: Sequence[ArmedText] = ()
    left: bool = False
    beyond: int = 0
    lying: int = 0


class ArmedEscalations:
    """By one configuration."""

    def __init__(self, plan: Plan, node: str) -> None:
        self._plan = plan
        self._node = node
        self.receivers = [one.name for one in plan.receivers.values() if one.gateway_armed and one.escalate]

    def look(self, tx: Tx, minute: Minute, now: datetime) -> OutboxWork:
        """Compares what lies there with what is to lie there. Reads alone."""
        lying = armed_rows.lying(tx, ArmedFor.ESCALATION)
        if not self.receivers and not lying:
            return OutboxWork()
        working = self._loaded(tx, {text.incident_id for text in lying}, now)
        found = wanted(self._plan, working.rows, minute)
        kept = within_bounds(found)
        beside = {(gateway, number) for gateway, number, _ in armed_rows.beside(tx, ArmedFor.ESCALATION, now)}
        made = moves(kept, lying, working.rows, self._plan.gateways, beside)
        working.load_told_with([one.told for one in made.arm])
        texts = (worded(self._plan, working.rows, one) for one in made.arm)
        arm = [text for text in texts if text is not None]
        return OutboxWork(arm, made.remove, bool(made.left), len(found) - len(kept), len(lying))

    def _loaded(self, tx: Tx, ids: set[int], now: datetime) -> WorkingSet:
        working = WorkingSet(tx, self._node, now)
        for timer in timers.steps_ahead(tx, self.receivers, now) if self.receivers else ():
            working.rows.timers.load((timer.incident_id, timer.receiver, timer.what), timer)
        ids = ids | {timer.incident_id for timer in working.rows.timers.rows.values()}
        working.load_incidents(ids)
        working.load_notifications(sorted(ids))
        working.load_breakers()
        if self._plan.schedules:
            working.load_roster(self._plan.directory)
        return working

    def settle(self, tx: Tx, now: datetime, *, started: bool = False) -> list[ArmedText]:
        """Writes down what has left by now: its reader is told, and the step goes on from then. Returns it.

        At a start our clock has the word where we would tell the step at once: no gateway has been asked by then.
        """
        lying = armed_rows.lying(tx, ArmedFor.ESCALATION)
        left = [text for text in lying if has_left(text, now, self._plan.gateways)]
        if started:
            left += [t for t in lying if t not in left and now >= t.due_at and self._tells_now(tx, t, now)]
        for text in left:
            self.tell(tx, text)
            armed_rows.change(tx, replace(text, state=ArmedState.FIRED), now)
        return left

    def _tells_now(self, tx: Tx, text: ArmedText, now: datetime) -> bool:
        """Whether our own text of the step waits, or is due."""
        rows = self._about(tx, text, now).rows
        own, timer = (
            own_of(text, rows),
            rows.timers.get((text.incident_id, text.receiver, TimerKind.ESCALATE)),
        )
        waits = own is not None and rows.state_of(own) is State.QUEUED
        return waits or (timer is not None and timer.nth == text.nth and timer.due_at <= now)

    def _about(self, tx: Tx, text: ArmedText, now: datetime) -> WorkingSet:
        working = WorkingSet(tx, self._node, now)
        working.load_ids()
        working.load_incidents([text.incident_id])
        working.load_notifications([text.incident_id])
        working.load_timers([text.incident_id])
        if self._plan.schedules:
            working.load_roster(self._plan.directory)
        return working

    def tell(self, tx: Tx, text: ArmedText) -> None:
        """What has left is told: as of its minute, whenever we come to write it down. `text` as it was before we asked."""
        working = self._about(tx, text, text.due_at)
        rows = working.rows
        if rows.incidents.get(text.incident_id) is None:
            return  # as old as what is not kept any more
        own = own_of(text, rows)
        told = self._in_place_of(rows, own, text) if _is_told(own) else self._write(rows, text)
        _say(rows, text, twice=told is None)
        self._go_on(rows, text)
        working.flush()
        if told is not None:
            self._left(tx, told, text)

    def _in_place_of(self, rows: Rows, own: Notification | None, text: ArmedText) -> Message | None:
        """Our own text, where that still waits and so need not leave any more; None where its reader has both, or may."""
        message = rows.messages.get(own.message_id or 0) if own is not None else None
        if message is None or message.state is not State.QUEUED or message.ambiguous:
            return None
        alone = len(rows.of_message(message.id)) == 1
        return message if alone and text.state is ArmedState.ARMED else None

    def _write(self, rows: Rows, text: ArmedText) -> Message:
        n = Escalation(self._plan, rows).owed_to(_timer_of(text), Person(text.recipient, text.number))
        had = own_of(text, rows)
        n = n if had is None else replace(n, id=had.id, row_lane=had.row_lane)
        severity, body = n.subject.alert.severity, Text(text.body, 1, gsm.septets(text.body))
        expires = text.due_at + self._plan.timing.expiry(severity)
        draft = Draft(
            Kind.ESCALATION, text.receiver, n.person, severity, text.gateway, body, text.due_at, expires, lane=n.lane
        )  # fmt: skip
        message_id = rows.write_message(draft)
        rows.tell(n, message_id)
        return rows.messages.rows[message_id]

    def _go_on(self, rows: Rows, text: ArmedText) -> None:
        """The next step counts from now, where everybody of this one was told; else this one is told to the others."""
        timer = rows.timers.get((text.incident_id, text.receiver, TimerKind.ESCALATE))
        if timer is None or timer.nth != text.nth or timer.due_at > rows.now:
            return
        then = copy(rows)
        then.now = timer.due_at
        owed = Escalation(self._plan, then).ahead(timer)
        if owed and all(rows.has(n.incident_id, n.number, n.kind, n.nth) for n in owed):
            Escalation(self._plan, rows).told(timer)

    def _left(self, tx: Tx, message: Message, text: ArmedText) -> None:
        """What may have left is owed once more as every text is whose answer was lost."""
        entry = Entry(Cause.ARMED, detail=f"outbox id {text.outboxid}" if text.outboxid else "")
        message = claims.left_outbox(tx, message, text.gateway, text.reference, self._node, text.due_at)
        fate, reason = (
            (Fate.SENT, Reason.OK) if text.state is ArmedState.ARMED else (Fate.UNKNOWN, Reason.TIMEOUT)
        )
        outbox.close_attempt(tx, text.reference, Outcome(fate, reason), text.due_at)
        if fate is Fate.SENT:
            outbox.mark_sent(tx, message, None, entry, self._node, text.due_at)
        else:
            outbox.mark_ambiguous(tx, message, entry, self._node, text.due_at)


def _is_told(own: Notification | None) -> bool:
    return own is not None and own.state is PageState.TOLD


def _timer_of(text: ArmedText) -> Timer:
    return Timer(text.incident_id, text.receiver, TimerKind.ESCALATE, text.nth, text.due_at)


def _say(rows: Rows, text: ArmedText, *, twice: bool) -> None:
    detail = f"told {text.recipient}, by {text.gateway}"
    if twice:
        detail = f"told {text.recipient} a second time: {text.gateway} did not take it back before"
    if text.state is not ArmedState.ARMED:
        detail = f"perhaps {detail}; an answer was lost"
    rows.decide(
        Decision.OUTBOX_SENT, text.incident_id, receiver=text.receiver, nth=step_of(text.nth), detail=detail
    )

"""From what people are to hear to texts: one each where the limits allow it, merged into fewer where they do not.

Critical problems and the rest go in lanes of their own. What a limit holds back is never dropped: it waits in its
lane and is told with everything else that came meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.policy import bundles
from sms_notify.policy.allowance import Allowance, Leave, ReceiverLimits
from sms_notify.policy.allowed_moment import Rechecking
from sms_notify.policy.bars import open_gateway
from sms_notify.policy.drafting import DraftedText, Drafting, LaneBatch
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import UNLIMITED, Lane, LimitScope
from sms_notify.policy.records import Draft, HeldLane, Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.said import COUNTED
from sms_notify.policy.self_alert_notes import note_unpaid
from sms_notify.policy.suppression import must_wait
from sms_notify.policy.vocabulary import Decision, Drop, Kind

_SOON = timedelta(seconds=1)

Texted = tuple[Notification, int]
"""A notification and the message that tells it."""


class Batching:
    """Writes the texts of one step. `code` makes the unguessable end of a link that acknowledges."""

    def __init__(
        self, plan: Plan, allowance: Allowance, windows: Rechecking, code: Callable[[], str], rows: Rows
    ) -> None:
        self._plan = plan
        self._windows = windows
        self._rows = rows
        self._now = rows.now
        self._allowance = allowance
        self._drafting = Drafting(plan, allowance, code, rows)

    def owe(self, owed: Sequence[Notification]) -> list[Texted]:
        """Takes in what is owed: what is due is told, or held by a limit; the rest is written down for later."""
        told: list[Texted] = []
        by_number: dict[str, list[Notification]] = {}
        for n in owed:
            if n.due_at > self._now:
                self._rows.hold(n, n.due_at, Hold(n.why), n.held_by)
            else:
                by_number.setdefault(n.number, []).append(n)
        for number, mine in by_number.items():
            for lane, ready in self._lanes(number, mine).items():
                told += self._tell(number, lane, ready)
        return told

    def flush(self, due: Iterable[tuple[str, Lane]]) -> list[Texted]:
        """Tells what has fallen due, the critical first."""
        told: list[Texted] = []
        for number, lane in sorted(due, key=lambda key: (key[1], key[0])):
            if self.must_wait(number, lane):
                continue
            ready = self._rows.due(number, lane)
            if ready:  # else a text of the other lane has told it just now
                told += self._tell(number, lane, ready)
        return told

    def must_wait(self, number: str, lane: Lane) -> bool:
        """Looked at before anything is read: in a storm thousands are due behind one text."""
        if not self._allowance.limited(lane):
            return False
        held = self._rows.lane(number, lane)
        if held is not None and held.until > self._now:
            self._rows.postpone(number, lane, held)
            return True
        return is_behind(self._rows, number, lane)

    def _lanes(self, number: str, ready: Sequence[Notification]) -> dict[Lane, list[Notification]]:
        """What came with critical news, or with the end of it, rides in its text, unless a storm of the rest is being held
        back.
        """
        if len(ready) == 1:
            return {ready[0].lane: list(ready)}
        urgent: dict[tuple[str, ...], Lane] = {}
        if not self._allowance.limited(Lane.REST) or self._rows.lane(number, Lane.REST) is None:
            by_lane = sorted(ready, key=lambda n: n.lane, reverse=True)
            urgent = {bundles.bundle(n): n.lane for n in by_lane if n.lane is not Lane.REST}
        lanes: dict[Lane, list[Notification]] = {}
        for n in ready:
            lane = n.lane if n.lane is not Lane.REST else urgent.get(bundles.bundle(n), Lane.REST)
            lanes.setdefault(lane, []).append(n)
        return dict(sorted(lanes.items()))

    def _tell(self, number: str, lane: Lane, ready: Sequence[Notification]) -> list[Texted]:
        rows, limited = self._rows, self._allowance.limited(lane)
        held = rows.lane(number, lane) if limited else None
        if held is not None and held.until > self._now:
            return self._hold(ready, held.until, Hold.LIMIT, held.scope)
        if limited and is_behind(rows, number, lane):
            return self._hold(ready, self._now + _SOON, Hold.BEHIND, "")
        if lane is Lane.REST and self._allowance.receivers:
            ready = self._of_free_receivers(ready)
            if not ready:
                return []
        free = Leave(UNLIMITED, self._now, "", ())
        leave = self._allowance.leave(rows, number, lane, ready) if limited else free
        if leave.slots == 0:
            self._keep_waiting(number, lane, held, leave)
            return self._hold(ready, leave.free_at, Hold.LIMIT, leave.scope)
        batch = LaneBatch(number, lane, leave, held)
        items = self._owed_still(batch, self._joined(number, lane, ready, was_held=held is not None))
        if not items:
            rows.lanes.remove((number, lane))
            return []
        return self._write_all(batch, items)

    def _owed_still(self, batch: LaneBatch, items: Sequence[Notification]) -> Sequence[Notification]:
        """Without what began and ended while it was held. A reader who was told that more is held hears how much it was."""
        over = [n for n in items if bundles.came_and_went(n)] if not batch.announced else []
        self._rows.drop(over, Drop.RESOLVED)
        return [n for n in items if not bundles.came_and_went(n)] if over else items

    def _of_free_receivers(self, ready: Sequence[Notification]) -> list[Notification]:
        """Those that a receiver may text now; the others wait for their receivers alone, and hold nobody else's."""
        limits, free = ReceiverLimits(self._plan, self._rows), list[Notification]()
        waiting: dict[datetime, list[Notification]] = {}
        for n in ready:
            receiver, at = limits.first_free(n)
            if at <= self._now:
                free.append(replace(n, receiver=receiver))
            else:
                waiting.setdefault(at, []).append(n)
        for until, listed in waiting.items():
            if any(n.held_by != LimitScope.RECEIVER for n in listed):
                self._rows.decide(Decision.LIMITED, detail=LimitScope.RECEIVER)
            self._hold(listed, until, Hold.LIMIT, LimitScope.RECEIVER)
        return free

    def _keep_waiting(self, number: str, lane: Lane, held: HeldLane | None, leave: Leave) -> None:
        since, announced = (held.since, held.announced) if held is not None else (self._now, False)
        self._rows.lanes.put((number, lane), HeldLane(leave.scope, since, leave.free_at, announced))
        if held is None:
            self._rows.decide(Decision.LIMITED, detail=leave.scope)
        if lane is Lane.CRITICAL and leave.scope != LimitScope.NUMBER_CRITICAL:
            note_unpaid(self._rows, self._plan.gateway, leave.scope)

    def _joined(
        self, number: str, lane: Lane, ready: Sequence[Notification], *, was_held: bool
    ) -> list[Notification]:
        """What is due, and what only waits for its group or for a limit: it costs nothing to tell it now.

        Told early as well, critical news is never behind a text that left after it came. Only what a receiver's own
        limit holds, which was not asked for this text, stays.
        """
        held = self._may_ride(number, lane)
        if not joins(lane, ready, was_held=was_held):
            seconds = [n for n in held if n.why is Hold.UNCONFIRMED and n.due_at > self._now]
            return [*seconds, *ready]
        if not held and all(n.why is not Hold.LATE for n in ready):
            return list(ready)
        known = {n.id for n in ready if n.id}
        waiting = (*(hold for hold in Hold if hold.of_limits), Hold.GROUP, Hold.UNCONFIRMED)
        asked = {n.receiver for n in ready}
        others = [
            n for n in held
            if n.id not in known and n.why in waiting
            and (lane is Lane.CRITICAL or n.receiver in asked or not self._plan.receiver(n.receiver).limits)
        ]  # fmt: skip
        if lane is Lane.CRITICAL and any(n.why is Hold.LATE for n in ready):
            others += [n for n in self._may_ride(number, Lane.REST) if n.why is Hold.LATE]
        return [*others, *ready]

    def _may_ride(self, number: str, lane: Lane) -> list[Notification]:
        """What is held, and neither suppressed at its source meanwhile nor, before it is due, kept by a window."""
        return [
            n for n in self._rows.held(number, lane) if not must_wait(self._rows, n) and not self._is_shut(n)
        ]

    def _is_shut(self, n: Notification) -> bool:
        early = self._windows.needed and n.due_at > self._now
        return early and self._windows.holds(self._rows, n, self._now)

    # The texts.

    def _write_all(self, batch: LaneBatch, items: Sequence[Notification]) -> list[Texted]:
        texts, left = self._drafting.texts(batch, items)
        told: list[Texted] = []
        for text in texts:
            message_id = self._write(batch.lane, text)
            for n in text.told:
                self._rows.tell(n, message_id, COUNTED if text.counts(n) else "")
                told.append((n, message_id))
        self._hold(left, self._now + _SOON, Hold.BEHIND, "")
        self._fall_silent(batch, texts, promised=bool(left))
        return told

    def _fall_silent(self, batch: LaneBatch, texts: Sequence[DraftedText], *, promised: bool) -> None:
        """What of the lane's next text its reader was told: when it comes, and that there is something for it (`promised`
        where the last text has told some of a crowd)."""
        told_last = len(texts[-1].told) if texts else 0
        silent = self._allowance.silent_until(batch.lane, batch.leave, len(texts), self._now, told_last)
        promised = promised or any(text.promises for text in texts)
        if silent is None and not promised:
            self._rows.lanes.remove((batch.number, batch.lane))
            return
        scope = LimitScope.NUMBER_CRITICAL if batch.lane is Lane.CRITICAL else LimitScope.NUMBER
        until = silent or self._now + _SOON
        self._rows.lanes.put((batch.number, batch.lane), HeldLane(scope, self._now, until, promised))

    def _write(self, lane: Lane, text: DraftedText) -> int:
        begun = [n for n in text.told if n.kind is not Kind.RESOLVED]  # an end makes no text urgent
        severity = min((n.subject.alert.severity for n in begun or text.told), key=lambda s: s.rank)
        names = tuple(dict.fromkeys(n.receiver for n in text.told))
        template, composed = self._plan.receiver(names[0]).template, text.composed
        latest = self._now + self._plan.timing.expiry(severity)
        draft = Draft(
            kind=text.kind,
            receiver=names[0] if len(names) == 1 else "",
            person=text.told[0].person,
            severity=severity,
            gateway=self._gateway_for(text.told),
            text=composed.text,
            not_before=self._now,
            expires_at=self._windows.leaves_by(self._rows, text.told, latest),
            note=f"template {template}: {composed.fallback}, {composed.detail}" if composed.fallback else "",
            lane=lane,
            ack_code=text.ack_code,
        )
        return self._rows.write_message(draft)

    def _gateway_for(self, told: Sequence[Notification]) -> str:
        """The preferred one. What left no answer at one gateway may leave none again: it goes by another that takes texts."""
        silent = {n.held_by for n in told if n.why is Hold.UNCONFIRMED}
        others = [gateway for gateway in self._plan.gateways if gateway not in silent]
        way = open_gateway(self._rows.breakers, others, told[0].number) if silent else None
        return way or self._plan.gateway

    def _hold(self, listed: Iterable[Notification], until: datetime, why: Hold, by: str) -> list[Texted]:
        """Nobody is told now. What was too late, or held for the night, says so when it is told."""
        for n in listed:
            kept = Hold(n.why).outlasts_limits
            self._rows.hold(n, until, Hold(n.why) if kept else why, n.held_by if kept else by)
        return []


def joins(lane: Lane, ready: Sequence[Notification], *, was_held: bool) -> bool:
    """Whether what is held in a lane goes along with what is due in it."""
    return lane is not Lane.REST or was_held or any(Hold(n.why).of_limits for n in ready)


def is_behind(rows: Rows, number: str, lane: Lane) -> bool:
    """Whether a text that leaves before this lane's next has not left yet. No end leaves before critical news that waits,
    also not in the second in which that may leave and no tick has looked.
    """
    if rows.waits(number, lane) or lane is not Lane.ENDS:
        return rows.waits(number, lane)
    urgent = (number, Lane.CRITICAL)
    before = rows.lane(*urgent)
    held = urgent in rows.queue.held or bool(rows.held(*urgent))
    return rows.waits(*urgent) or (held and before is not None and before.until <= rows.now)

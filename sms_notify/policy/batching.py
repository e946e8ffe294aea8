"""From what people are to hear to texts: one each where the limits allow it, merged into fewer where they do not.

Critical problems and the rest go in lanes of their own. What a limit holds back is never dropped: it waits in its
lane and is told with everything else that came meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.alert import Severity
from sms_notify.policy import bundles
from sms_notify.policy.allowance import AT_ONCE, Allowance, Leave
from sms_notify.policy.bars import open_gateway
from sms_notify.policy.directory import Person
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import UNLIMITED, Lane, LimitScope
from sms_notify.policy.records import Draft, HeldLane, Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import note_unpaid
from sms_notify.policy.vocabulary import Decision, Drop, Kind
from sms_notify.wording.compose import Composed, compose_reported
from sms_notify.wording.content import Reader
from sms_notify.wording.digest import compose_digest

_SOON = timedelta(seconds=1)
_NAMED = 36  # more critical incidents at once are counted: to name each would cost a text for every ten

Texted = tuple[Notification, int]
"""A notification and the message that tells it."""


@dataclass(frozen=True, slots=True)
class _LaneBatch:
    """One lane of one number that may be told now: what the limits leave it, and what held it until now."""

    number: str
    lane: Lane
    leave: Leave
    held: HeldLane | None

    @property
    def announced(self) -> bool:
        return self.held is not None and self.held.announced

    @property
    def most(self) -> int:
        """Texts now."""
        return min(self.leave.slots, AT_ONCE) if self.leave.slots < UNLIMITED else UNLIMITED


@dataclass(frozen=True, slots=True)
class _DraftedText:
    """One text that is about to be written."""

    told: tuple[Notification, ...]
    kind: Kind
    composed: Composed
    ack_code: str = ""


class Batching:
    """Writes the texts of one step. `code` makes the unguessable end of a link that acknowledges."""

    def __init__(self, plan: Plan, allowance: Allowance, code: Callable[[], str], rows: Rows) -> None:
        self._plan = plan
        self._code = code
        self._rows = rows
        self._now = rows.now
        self._allowance = allowance

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
        return self._rows.waits(number, lane)

    def _lanes(self, number: str, ready: Sequence[Notification]) -> dict[Lane, list[Notification]]:
        """What came with critical news rides in its text, unless a storm of the rest is being held back."""
        if len(ready) == 1:
            return {ready[0].lane: list(ready)}
        urgent = {bundles.bundle(n) for n in ready if n.lane is Lane.CRITICAL}
        rides = urgent and (
            not self._allowance.limited(Lane.REST) or self._rows.lane(number, Lane.REST) is None
        )
        lanes: dict[Lane, list[Notification]] = {}
        for n in ready:
            lane = Lane.CRITICAL if rides and bundles.bundle(n) in urgent else n.lane
            lanes.setdefault(lane, []).append(n)
        return dict(sorted(lanes.items()))

    def _tell(self, number: str, lane: Lane, ready: Sequence[Notification]) -> list[Texted]:
        rows, limited = self._rows, self._allowance.limited(lane)
        held = rows.lane(number, lane) if limited else None
        if held is not None and held.until > self._now:
            return self._hold(ready, held.until, Hold.LIMIT, held.scope)
        if limited and rows.waits(number, lane):
            return self._hold(ready, self._now + _SOON, Hold.BEHIND, "")
        free = Leave(UNLIMITED, self._now, "", ())
        leave = self._allowance.leave(rows, number, lane, ready) if limited else free
        if leave.slots == 0:
            self._keep_waiting(number, lane, held, leave)
            return self._hold(ready, leave.free_at, Hold.LIMIT, leave.scope)
        items = self._joined(number, lane, ready, was_held=held is not None)
        batch = _LaneBatch(number, lane, leave, held)
        if bundles.is_old_news(items, batch.announced):
            rows.drop(items, Drop.RESOLVED)
            rows.lanes.remove((number, lane))
            return []
        return self._write_all(batch, items)

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
        held = self._rows.held(number, lane)
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
            others += [n for n in self._rows.held(number, Lane.REST) if n.why is Hold.LATE]
        return [*others, *ready]

    # The texts.

    def _write_all(self, batch: _LaneBatch, items: Sequence[Notification]) -> list[Texted]:
        texts, left = self._texts(batch, items)
        told: list[Texted] = []
        for text in texts:
            message_id = self._write(batch.lane, text)
            for n in text.told:
                self._rows.tell(n, message_id)
                told.append((n, message_id))
        self._hold(left, self._now + _SOON, Hold.BEHIND, "")
        silent = self._allowance.silent_until(batch.lane, batch.leave, len(texts), self._now)
        if silent is not None:
            scope = LimitScope.NUMBER_CRITICAL if batch.lane is Lane.CRITICAL else LimitScope.NUMBER
            silence = HeldLane(scope, self._now, silent, announced=True)
            self._rows.lanes.put((batch.number, batch.lane), silence)
        elif batch.held is not None:
            self._rows.lanes.remove((batch.number, batch.lane))
        return told

    def _texts(
        self, batch: _LaneBatch, items: Sequence[Notification]
    ) -> tuple[list[_DraftedText], list[Notification]]:
        """The texts that tell `items`, and what is left for the next."""
        if len(items) == 1:
            return [self._text(batch, items, 0)], []
        bundled: dict[tuple[str, ...], list[Notification]] = {}
        for n in sorted(items, key=lambda n: n.subject.alert.severity.rank):
            bundled.setdefault(bundles.bundle(n), []).append(n)
        rides = len({n.again_of is None for n in items}) > 1  # a second text is a line of the next
        crowded = batch.announced or rides or len(bundled) > batch.most
        if crowded or any(bundles.needs_digest(listed) for listed in bundled.values()):
            bundled = {("",): [n for listed in bundled.values() for n in listed]}
        texts: list[_DraftedText] = []
        left: list[Notification] = []
        for listed in bundled.values():
            told = 0
            while told < len(listed) and len(texts) < batch.most:
                texts.append(self._text(batch, listed[told:], len(texts)))
                told += len(texts[-1].told)
            left += listed[told:]
        return texts, left

    def _text(self, batch: _LaneBatch, listed: Sequence[Notification], before: int) -> _DraftedText:
        """One text about as many as it can name where each must be named, else about all."""
        silent = self._allowance.silent_until(batch.lane, batch.leave, before + 1, self._now)
        text = self._worded(batch, listed, silent)
        if batch.lane is not Lane.CRITICAL or len(listed) == 1 or _all_named(text):
            return text
        if len({n.incident_id for n in listed if n.lane is Lane.CRITICAL}) > _NAMED:
            return text
        low, high = 1, len(listed) - 1
        best = self._worded(batch, listed[:1], silent)
        while low < high:
            middle = (low + high + 1) // 2
            shorter = self._worded(batch, listed[:middle], silent)
            if _all_named(shorter):
                low, best = middle, shorter
            else:
                high = middle - 1
        return best

    def _worded(
        self, batch: _LaneBatch, listed: Sequence[Notification], silent: datetime | None
    ) -> _DraftedText:
        person = self._known(listed[0].person)
        reader = Reader(person.timezone, person.language)
        receivers = [self._plan.receiver(name) for name in dict.fromkeys(n.receiver for n in listed)]
        parts = 1 if batch.leave.one_part else max(receiver.max_parts for receiver in receivers)
        code = self._code() if self._wants_ack(listed) else ""
        link = f"{self._plan.ack_url}{code}" if code else ""
        several = len(listed) > 1
        crowd = several and silent is not None and not any(n.lane is Lane.CRITICAL for n in listed)
        several = (several and len({bundles.bundle(n) for n in listed}) > 1) or bundles.needs_digest(listed)
        if batch.announced or crowd or several:
            since = min(n.created_at for n in listed)
            since = batch.held.since if batch.held is not None and batch.announced else since
            digest = bundles.digest(listed, batch.announced, since, silent, link)
            return _DraftedText(tuple(listed), Kind.DIGEST, compose_digest(digest, reader, parts), code)
        template = self._plan.templates.get(receivers[0].template)
        notice = bundles.notice(listed, silent, link)
        return _DraftedText(
            tuple(listed), listed[0].kind, compose_reported(notice, reader, template, parts), code
        )

    def _wants_ack(self, listed: Sequence[Notification]) -> bool:
        """Where somebody else is told next, the text says how to spare them."""
        return bool(self._plan.ack_url) and any(
            n.kind is not Kind.RESOLVED
            and not n.subject.ended
            and not n.subject.acked_by
            and self._plan.receiver(n.receiver).escalate
            for n in listed
        )

    def _write(self, lane: Lane, text: _DraftedText) -> int:
        severity = min((n.subject.alert.severity for n in text.told), key=lambda s: s.rank)
        names = tuple(dict.fromkeys(n.receiver for n in text.told))
        template, composed = self._plan.receiver(names[0]).template, text.composed
        draft = Draft(
            kind=text.kind,
            receiver=names[0] if len(names) == 1 else "",
            person=text.told[0].person,
            severity=severity,
            gateway=self._gateway_for(text.told),
            text=composed.text,
            not_before=self._now,
            expires_at=self._now + self._plan.timing.expiry(severity),
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

    def _known(self, person: Person) -> Person:
        """With the zone and the language that a row does not keep."""
        directory = self._plan.directory
        return directory.people.get(person.name) or directory.owner(person.number) or person

    def _hold(self, listed: Iterable[Notification], until: datetime, why: Hold, by: str) -> list[Texted]:
        """Nobody is told now. What was too late, or held for the night, says so when it is told."""
        for n in listed:
            kept = Hold(n.why).outlasts_limits
            self._rows.hold(n, until, Hold(n.why) if kept else why, n.held_by if kept else by)
        return []


def joins(lane: Lane, ready: Sequence[Notification], *, was_held: bool) -> bool:
    """Whether what is held in a lane goes along with what is due in it."""
    return lane is not Lane.REST or was_held or any(Hold(n.why).of_limits for n in ready)


def _all_named(text: _DraftedText) -> bool:
    urgent = {
        tag_of(n.incident_id)
        for n in text.told
        if n.subject.alert.severity is Severity.CRITICAL and not n.subject.ended
    }
    return urgent <= text.composed.named

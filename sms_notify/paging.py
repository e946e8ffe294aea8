"""From what people are to hear to texts: one each where the limits allow it, merged into fewer where they do not.

Critical trouble and the rest go in lanes of their own. What a limit holds back is never dropped: it waits in its
lane and is told with everything else that came meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify import bundling
from sms_notify.alert import Severity
from sms_notify.allowance import AT_ONCE, Allowance, Leave
from sms_notify.policy.directory import Person
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import UNLIMITED, Lane, LimitScope
from sms_notify.policy.routing import Receiver
from sms_notify.policy.vocabulary import Decision, Drop, Kind
from sms_notify.ruleset import Plan
from sms_notify.self_alerts import report_unpaid
from sms_notify.store import agenda, limit_rows, messages, pages
from sms_notify.store.limit_rows import HeldLane
from sms_notify.store.messages import Draft
from sms_notify.store.pages import Page
from sms_notify.store.tx import Tx
from sms_notify.wording.compose import Composed, compose_reported
from sms_notify.wording.content import Reader
from sms_notify.wording.digest import compose_digest

_SOON = timedelta(seconds=1)
_NAMED = 36  # more critical incidents at once are counted: to name each would cost a text for every ten
_HELD_BY_LIMITS = (Hold.LIMIT, Hold.BEHIND, Hold.LATE)

Told_ = tuple[Page, int]
"""A page and the message that tells it."""


@dataclass(frozen=True, slots=True)
class _Out:
    """One text that is about to be written."""

    pages: tuple[Page, ...]
    kind: Kind
    worded: Composed
    ack_code: str = ""


class Pager:
    """Writes the texts. `code` makes the unguessable end of a link that acknowledges."""

    def __init__(self, plan: Plan, node: str, code: Callable[[], str]) -> None:
        self._plan = plan
        self._node = node
        self._code = code
        self._allowance = Allowance(plan)

    def owe(self, tx: Tx, owed: Sequence[Page], now: datetime) -> list[Told_]:
        """Takes in what is owed: what is due is told, or held by a limit; the rest is written down for later."""
        told: list[Told_] = []
        for page in owed:
            if page.due_at > now:
                pages.hold(tx, page, page.due_at, page.why, page.held_by)
        for number in dict.fromkeys(page.person.number for page in owed if page.due_at <= now):
            mine = [page for page in owed if page.person.number == number and page.due_at <= now]
            for lane, ready in self._lanes(tx, number, mine).items():
                told += self._tell(tx, number, lane, ready, now)
        return told

    def flush(self, tx: Tx, now: datetime) -> list[Told_]:
        """Tells what has fallen due, the critical first."""
        told: list[Told_] = []
        for number, lane in pages.due_readers(tx, now):
            if self._must_wait(tx, number, lane, now):
                continue
            ready = pages.due(tx, number, lane, now)
            if ready:  # else a text of the other lane has told it just now
                told += self._tell(tx, number, lane, ready, now)
        limit_rows.free_silent_lanes(tx, now)
        return told

    def _must_wait(self, tx: Tx, number: str, lane: Lane, now: datetime) -> bool:
        """Looked at before anything is read: in a storm thousands of pages are due behind one text."""
        if not self._allowance.limited(lane):
            return False
        held = limit_rows.held_lane(tx, number, lane)
        if held is not None and held.until > now:
            pages.postpone(tx, number, lane, held.until, held.scope, now)
            return True
        return limit_rows.waits(tx, number, lane)

    def _lanes(self, tx: Tx, number: str, ready: Sequence[Page]) -> dict[Lane, list[Page]]:
        """What came with critical news rides in its text, unless a storm of the rest is being held back."""
        urgent = {bundling.bundle(page) for page in ready if page.lane is Lane.CRITICAL}
        rides = urgent and (
            not self._allowance.limited(Lane.REST) or limit_rows.held_lane(tx, number, Lane.REST) is None
        )
        lanes: dict[Lane, list[Page]] = {}
        for page in ready:
            lane = Lane.CRITICAL if rides and bundling.bundle(page) in urgent else page.lane
            lanes.setdefault(lane, []).append(page)
        return dict(sorted(lanes.items()))

    def _tell(self, tx: Tx, number: str, lane: Lane, ready: Sequence[Page], now: datetime) -> list[Told_]:
        limited = self._allowance.limited(lane)
        held = limit_rows.held_lane(tx, number, lane) if limited else None
        if held is not None and held.until > now:
            return _hold(tx, ready, held.until, Hold.LIMIT, held.scope)
        if limited and limit_rows.waits(tx, number, lane):
            return _hold(tx, ready, now + _SOON, Hold.BEHIND, "")
        leave = (
            self._allowance.leave(tx, number, lane, ready, now) if limited else Leave(UNLIMITED, now, "", ())
        )
        if leave.slots == 0:
            self._keep_waiting(tx, number, lane, held, leave, now)
            return _hold(tx, ready, leave.free_at, Hold.LIMIT, leave.scope)
        items = self._joined(tx, number, lane, ready, was_held=held is not None)
        announced = held is not None and held.announced
        if bundling.is_old_news(items, announced):
            pages.drop(tx, [page.id for page in items], Drop.RESOLVED)
            limit_rows.free_lane(tx, number, lane)
            return []
        return self._write_all(tx, number, lane, items, leave, held, now)

    def _keep_waiting(
        self, tx: Tx, number: str, lane: Lane, held: HeldLane | None, leave: Leave, now: datetime
    ) -> None:
        since, announced = (held.since, held.announced) if held is not None else (now, False)
        limit_rows.hold_lane(tx, number, lane, HeldLane(leave.scope, since, leave.free_at, announced))
        if held is None:
            agenda.decide(tx, Decision.LIMITED, self._node, now, detail=leave.scope)
        if lane is Lane.CRITICAL and leave.scope != LimitScope.NUMBER_CRITICAL:
            report_unpaid(tx, self._plan.gateway, leave.scope, now)

    def _joined(
        self, tx: Tx, number: str, lane: Lane, ready: Sequence[Page], *, was_held: bool
    ) -> list[Page]:
        """What is due, and what only waits for its group or for a limit: it costs nothing to tell it now.

        Told early as well, critical news is never behind a text that left after it came. Only what a receiver's own
        limit holds, which was not asked for this text, stays.
        """
        if lane is Lane.REST and not was_held and not any(p.why in _HELD_BY_LIMITS for p in ready):
            return list(ready)
        known = {page.id for page in ready if page.id}
        waiting = (*_HELD_BY_LIMITS, Hold.GROUP)
        asked = {page.receiver for page in ready}
        others = [
            p for p in pages.held(tx, number, lane)
            if p.id not in known and p.why in waiting
            and (lane is Lane.CRITICAL or p.receiver in asked or not self._receiver(p.receiver).limits)
        ]  # fmt: skip
        if lane is Lane.CRITICAL and any(page.why is Hold.LATE for page in ready):
            others += [p for p in pages.held(tx, number, Lane.REST) if p.why is Hold.LATE]
        return [*others, *ready]

    # The texts.

    def _write_all(
        self,
        tx: Tx,
        number: str,
        lane: Lane,
        items: Sequence[Page],
        leave: Leave,
        held: HeldLane | None,
        now: datetime,
    ) -> list[Told_]:
        written, left = self._texts(lane, items, leave, held, now)
        told: list[Told_] = []
        for out in written:
            message_id = self._write(tx, lane, out, now)
            for page in out.pages:
                pages.tell(tx, page, message_id)
                told.append((page, message_id))
        _hold(tx, left, now + _SOON, Hold.BEHIND, "")
        silent = self._allowance.silent_until(lane, leave, len(written), now)
        if silent is not None:
            scope = LimitScope.NUMBER_CRITICAL if lane is Lane.CRITICAL else LimitScope.NUMBER
            limit_rows.hold_lane(tx, number, lane, HeldLane(scope, now, silent, announced=True))
        elif held is not None:
            limit_rows.free_lane(tx, number, lane)
        return told

    def _texts(
        self, lane: Lane, items: Sequence[Page], leave: Leave, held: HeldLane | None, now: datetime
    ) -> tuple[list[_Out], list[Page]]:
        """The texts that tell `items`, and what is left for the next."""
        bundles: dict[tuple[str, ...], list[Page]] = {}
        for page in sorted(items, key=lambda page: page.subject.alert.severity.rank):
            bundles.setdefault(bundling.bundle(page), []).append(page)
        slots = min(leave.slots, AT_ONCE) if leave.slots < UNLIMITED else UNLIMITED
        announced = held is not None and held.announced
        if (
            announced
            or len(bundles) > slots
            or any(bundling.needs_digest(listed) for listed in bundles.values())
        ):
            bundles = {("",): [page for listed in bundles.values() for page in listed]}
        out: list[_Out] = []
        left: list[Page] = []
        for listed in bundles.values():
            rest = listed
            while rest and len(out) < slots:
                text = self._text(lane, rest, leave, held, len(out), now)
                out.append(text)
                rest = rest[len(text.pages) :]
            left += rest
        return out, left

    def _text(
        self,
        lane: Lane,
        listed: Sequence[Page],
        leave: Leave,
        held: HeldLane | None,
        before: int,
        now: datetime,
    ) -> _Out:
        """One text about as many as it can name where each must be named, else about all."""
        silent = self._allowance.silent_until(lane, leave, before + 1, now)
        out = self._worded(listed, leave, held, silent)
        urgent = {page.subject.incident_id for page in listed if page.lane is Lane.CRITICAL}
        if lane is not Lane.CRITICAL or len(listed) == 1 or len(urgent) > _NAMED or _all_named(out):
            return out
        low, high = 1, len(listed) - 1
        best = self._worded(listed[:1], leave, held, silent)
        while low < high:
            middle = (low + high + 1) // 2
            shorter = self._worded(listed[:middle], leave, held, silent)
            if _all_named(shorter):
                low, best = middle, shorter
            else:
                high = middle - 1
        return best

    def _worded(
        self, listed: Sequence[Page], leave: Leave, held: HeldLane | None, silent: datetime | None
    ) -> _Out:
        person = self._known(listed[0].person)
        reader = Reader(person.timezone, person.language)
        names = tuple(dict.fromkeys(page.receiver for page in listed))
        receivers = [self._receiver(name) for name in names]
        most = 1 if leave.one_part else max(receiver.max_parts for receiver in receivers)
        code = self._code() if self._wants_ack(listed) else ""
        link = f"{self._plan.ack_url}{code}" if code else ""
        announced = held is not None and held.announced
        crowd = silent is not None and len(listed) > 1 and not any(p.lane is Lane.CRITICAL for p in listed)
        if (
            announced
            or crowd
            or len({bundling.bundle(page) for page in listed}) > 1
            or bundling.needs_digest(listed)
        ):
            since = held.since if held is not None and announced else min(page.created_at for page in listed)
            digest = bundling.digest(listed, announced, since, silent, link)
            return _Out(tuple(listed), Kind.DIGEST, compose_digest(digest, reader, most), code)
        template = self._plan.templates.get(receivers[0].template)
        worded = compose_reported(bundling.notice(listed, silent, link), reader, template, most)
        return _Out(tuple(listed), listed[0].kind, worded, code)

    def _wants_ack(self, listed: Sequence[Page]) -> bool:
        """Where somebody else is told next, the text says how to spare them."""
        return bool(self._plan.ack_url) and any(
            page.kind is not Kind.RESOLVED
            and not page.subject.ended
            and self._receiver(page.receiver).escalate
            for page in listed
        )

    def _write(self, tx: Tx, lane: Lane, out: _Out, now: datetime) -> int:
        severity = min((page.subject.alert.severity for page in out.pages), key=lambda s: s.rank)
        names = tuple(dict.fromkeys(page.receiver for page in out.pages))
        worded = out.worded
        template = self._receiver(names[0]).template
        draft = Draft(
            kind=out.kind,
            receiver=names[0] if len(names) == 1 else "",
            person=out.pages[0].person,
            severity=severity,
            gateway=self._plan.gateway,
            text=worded.text,
            not_before=now,
            expires_at=now + self._plan.timing.expiry(severity),
            note=f"template {template}: {worded.fallback}, {worded.detail}" if worded.fallback else "",
            lane=lane,
            ack_code=out.ack_code,
        )
        return messages.write(tx, draft, self._node, now)

    def _receiver(self, name: str) -> Receiver:
        """One that the configuration names no more words things plainly."""
        return self._plan.receivers.get(name) or Receiver(name)

    def _known(self, person: Person) -> Person:
        """With the zone and the language that a row does not keep."""
        return (
            self._plan.directory.people.get(person.name)
            or self._plan.directory.owner(person.number)
            or person
        )


def _all_named(out: _Out) -> bool:
    urgent = {
        tag_of(page.subject.incident_id)
        for page in out.pages
        if page.subject.alert.severity is Severity.CRITICAL and not page.subject.ended
    }
    return urgent <= out.worded.named


def _hold(tx: Tx, listed: Iterable[Page], until: datetime, why: Hold, by: str) -> list[Told_]:
    """Nobody is told now. What was too late, or held for the night, says so when it is told."""
    for page in listed:
        kept = page.why in (Hold.LATE, Hold.QUIET)
        pages.hold(tx, page, until, page.why if kept else why, page.held_by if kept else by)
    return []

"""From what people are to hear to texts: one each where the limits allow it, merged into fewer where they do not.

Critical trouble and the rest go in lanes of their own. What a limit holds back is never dropped: it waits in its
lane and is told with everything else that came meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.alert import Severity, Status
from sms_notify.decide.holding import Hold
from sms_notify.decide.incidents import tag_of
from sms_notify.decide.limits import (
    TELL_PAUSE,
    UNLIMITED,
    Lane,
    Limit,
    LimitScope,
    affordable,
    longest,
    pause_after,
    room,
)
from sms_notify.decide.people import Person
from sms_notify.decide.routing import Receiver
from sms_notify.decide.states import Decision, Drop, Kind
from sms_notify.plan import Plan
from sms_notify.store import agenda, limits, messages, pages
from sms_notify.store.limits import HeldLane
from sms_notify.store.messages import Draft
from sms_notify.store.pages import Page
from sms_notify.store.tx import Tx
from sms_notify.wording.compose import Composed, compose_reported
from sms_notify.wording.digest import compose_digest
from sms_notify.wording.notice import Digest, Merged, Notice, Reader, Told, Tone

FLAPPING = "flapping"  # the bundle of pages that say so
_SOON = timedelta(seconds=1)
_AT_ONCE = 3  # texts to one reader in one go; the rest follows a second later, where the limits allow it
_NAMED = (
    36  # more critical incidents than these at once are counted; to name each would cost a text for every ten
)
_HELD_BY_LIMITS = (Hold.LIMIT, Hold.BEHIND, Hold.LATE)
_TONES = {Kind.ESCALATION: Tone.ESCALATED, Kind.REMINDER: Tone.REMINDER}

Told_ = tuple[Page, int]
"""A page and the message that tells it."""


@dataclass(frozen=True, slots=True)
class _Leave:
    """What the limits allow one reader in one lane: `slots` texts now, of `max_parts` parts; else wait until `free_at`."""

    slots: int
    free_at: datetime
    scope: str
    history: tuple[datetime, ...]
    one_part: bool = False


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
            ready = [page for page in pages.held(tx, number, lane) if page.due_at <= now]
            if ready:  # else a text of the other lane has told it just now
                told += self._tell(tx, number, lane, ready, now)
        limits.free_silent_lanes(tx, now)
        return told

    def _lanes(self, tx: Tx, number: str, ready: Sequence[Page]) -> dict[Lane, list[Page]]:
        """What came with critical news rides in its text, unless a storm of the rest is being held back."""
        urgent = {_bundle(page) for page in ready if page.lane is Lane.CRITICAL}
        rides = urgent and (not self._limited(Lane.REST) or limits.held_lane(tx, number, Lane.REST) is None)
        lanes: dict[Lane, list[Page]] = {}
        for page in ready:
            lane = Lane.CRITICAL if rides and _bundle(page) in urgent else page.lane
            lanes.setdefault(lane, []).append(page)
        return dict(sorted(lanes.items()))

    def _limited(self, lane: Lane) -> bool:
        every = self._plan.limits
        money = (
            every.credits.per_hour is not None or every.credits.per_day is not None or every.credits.reserve
        )
        return bool(every.of(lane) or money or (lane is Lane.REST and every.overall))

    def _tell(self, tx: Tx, number: str, lane: Lane, ready: Sequence[Page], now: datetime) -> list[Told_]:
        limited = self._limited(lane) or any(self._receiver(page.receiver).limits for page in ready)
        held = limits.held_lane(tx, number, lane) if limited else None
        if held is not None and held.until > now:
            return _hold(tx, ready, held.until, Hold.LIMIT, held.scope)
        if limited and limits.waits(tx, number, lane):
            return _hold(tx, ready, now + _SOON, Hold.BEHIND, "")
        leave = self._leave(tx, number, lane, ready, now) if limited else _Leave(UNLIMITED, now, "", ())
        if leave.slots == 0:
            self._keep_waiting(tx, number, lane, held, leave, now)
            return _hold(tx, ready, leave.free_at, Hold.LIMIT, leave.scope)
        items = self._joined(tx, number, lane, ready, was_held=held is not None)
        announced = held is not None and held.announced
        if _is_old_news(items, announced):
            pages.drop(tx, [page.id for page in items], Drop.RESOLVED)
            limits.free_lane(tx, number, lane)
            return []
        return self._write_all(tx, number, lane, items, leave, held, now)

    def _keep_waiting(
        self, tx: Tx, number: str, lane: Lane, held: HeldLane | None, leave: _Leave, now: datetime
    ) -> None:
        since, announced = (held.since, held.announced) if held is not None else (now, False)
        limits.hold_lane(tx, number, lane, HeldLane(leave.scope, since, leave.free_at, announced))
        if held is None:
            agenda.decide(tx, Decision.LIMITED, self._node, now, detail=leave.scope)

    def _joined(
        self, tx: Tx, number: str, lane: Lane, ready: Sequence[Page], *, was_held: bool
    ) -> list[Page]:
        """What is due, and what only waits for its group or for a limit: it costs nothing to tell it now.

        Told early as well, critical news is never behind a text that left after it came.
        """
        if lane is Lane.REST and not was_held and not any(p.why in _HELD_BY_LIMITS for p in ready):
            return list(ready)
        known = {page.id for page in ready if page.id}
        waiting = (*_HELD_BY_LIMITS, Hold.GROUP)
        others = [p for p in pages.held(tx, number, lane) if p.id not in known and p.why in waiting]
        if lane is Lane.CRITICAL and any(page.why is Hold.LATE for page in ready):
            others += [p for p in pages.held(tx, number, Lane.REST) if p.why is Hold.LATE]
        return [*others, *ready]

    # What the limits allow.

    def _leave(self, tx: Tx, number: str, lane: Lane, ready: Sequence[Page], now: datetime) -> _Leave:
        rules = self._plan.limits.of(lane)
        history = tuple(limits.left_for(tx, number, lane, now - longest(rules))) if rules else ()
        here = room(rules, history, now)
        scope = LimitScope.NUMBER_CRITICAL if lane is Lane.CRITICAL else LimitScope.NUMBER
        leave = _Leave(here.slots, here.free_at, scope, history)
        if lane is Lane.REST:
            leave = self._by_everybody(tx, leave, ready, now)
        return self._by_credits(tx, leave, lane, ready, now)

    def _by_everybody(self, tx: Tx, leave: _Leave, ready: Sequence[Page], now: datetime) -> _Leave:
        names = dict.fromkeys(page.receiver for page in ready)
        rules: list[tuple[LimitScope, tuple[Limit, ...], str | None]]
        rules = [(LimitScope.OVERALL, self._plan.limits.overall, None)]
        rules += [(LimitScope.RECEIVER, self._receiver(name).limits, name) for name in names]
        for scope, listed, receiver in rules:
            if not listed:
                continue
            sent = [*limits.left_at_all(tx, now - longest(listed), receiver)]
            sent += [now] * limits.queued_at_all(tx, receiver)
            here = room(listed, sent, now)
            if here.slots < leave.slots:
                leave = replace(leave, slots=here.slots, free_at=here.free_at, scope=scope)
        return leave

    def _by_credits(self, tx: Tx, leave: _Leave, lane: Lane, ready: Sequence[Page], now: datetime) -> _Leave:
        bounds = self._plan.limits.credits
        if leave.slots == 0 or (bounds.per_hour is None and bounds.per_day is None and not bounds.reserve):
            return leave
        spent = limits.spent(tx, self._plan.gateway, now)
        refusal = affordable(bounds, spent, 1, lane, now)
        if refusal is not None:
            return replace(leave, slots=0, free_at=refusal.ask_again, scope=refusal.scope)
        most = max(self._receiver(page.receiver).max_parts for page in ready)
        several = min(leave.slots, _AT_ONCE)
        if affordable(bounds, spent, most * several, lane, now) is None:
            return leave
        return replace(leave, slots=1, one_part=True)

    # The texts.

    def _write_all(
        self,
        tx: Tx,
        number: str,
        lane: Lane,
        items: Sequence[Page],
        leave: _Leave,
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
        silent = self._silent_until(lane, leave, len(written), now)
        if silent is not None:
            scope = LimitScope.NUMBER_CRITICAL if lane is Lane.CRITICAL else LimitScope.NUMBER
            limits.hold_lane(tx, number, lane, HeldLane(scope, now, silent, announced=True))
        elif held is not None:
            limits.free_lane(tx, number, lane)
        return told

    def _texts(
        self, lane: Lane, items: Sequence[Page], leave: _Leave, held: HeldLane | None, now: datetime
    ) -> tuple[list[_Out], list[Page]]:
        """The texts that tell `items`, and what is left for the next."""
        bundles: dict[tuple[str, ...], list[Page]] = {}
        for page in sorted(items, key=lambda page: page.subject.alert.severity.rank):
            bundles.setdefault(_bundle(page), []).append(page)
        slots = min(leave.slots, _AT_ONCE) if leave.slots < UNLIMITED else UNLIMITED
        announced = held is not None and held.announced
        if announced or len(bundles) > slots or any(_needs_digest(listed) for listed in bundles.values()):
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
        leave: _Leave,
        held: HeldLane | None,
        before: int,
        now: datetime,
    ) -> _Out:
        """One text about as many as it can name where each must be named, else about all."""
        silent = self._silent_until(lane, leave, before + 1, now)
        out = self._worded(listed, leave, held, silent)
        if lane is not Lane.CRITICAL or len(listed) == 1 or len(listed) > _NAMED or _all_named(out):
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

    def _silent_until(self, lane: Lane, leave: _Leave, texts: int, now: datetime) -> datetime | None:
        """When the next text may leave, after this many now, where that is worth a word."""
        rules = self._plan.limits.of(lane)
        if not rules or not texts:
            return None
        free = pause_after(rules, [*leave.history, *[now] * (texts - 1)], now)
        return free if free - now > TELL_PAUSE else None

    def _worded(
        self, listed: Sequence[Page], leave: _Leave, held: HeldLane | None, silent: datetime | None
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
        if announced or crowd or len({_bundle(page) for page in listed}) > 1 or _needs_digest(listed):
            since = held.since if held is not None and announced else min(page.created_at for page in listed)
            digest = _digest(listed, announced, since, silent, link)
            return _Out(tuple(listed), Kind.DIGEST, compose_digest(digest, reader, most), code)
        template = self._plan.templates.get(receivers[0].template)
        worded = compose_reported(_notice(listed, silent, link), reader, template, most)
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


def _bundle(page: Page) -> tuple[str, ...]:
    """What is told in one text when there is room: the same thing, by the same receiver, of the same group."""
    if page.why in (Hold.QUIET, Hold.LATE):
        return ("", page.why)
    return (page.receiver, page.kind, page.bundle)


def _needs_digest(listed: Iterable[Page]) -> bool:
    """More than one kind of thing, or things that began and ended untold, that are too old to be news, that were held
    for a night.
    """
    every = list(listed)
    untold = any(page.subject.ended and page.kind is not Kind.RESOLVED for page in every)
    late = any(page.why is Hold.LATE or (page.why is Hold.QUIET and len(every) > 1) for page in every)
    return untold or late or len({page.kind for page in every}) > 1


def _is_old_news(items: Sequence[Page], announced: bool) -> bool:
    """Nothing but trouble that came and went while it was held for a moment."""
    if announced or not all(page.id for page in items):
        return False
    return all(page.subject.ended and page.kind.news and page.why is not Hold.LATE for page in items)


def _all_named(out: _Out) -> bool:
    urgent = {
        tag_of(page.subject.incident_id)
        for page in out.pages
        if page.subject.alert.severity is Severity.CRITICAL and not page.subject.ended
    }
    return urgent <= out.worded.named


def _told(page: Page) -> Told:
    subject = page.subject
    since = subject.alert.starts_at or subject.opened_at
    return Told(tag_of(subject.incident_id), subject.alert, since, ended=subject.ended)


def _once(listed: Iterable[Page]) -> tuple[Told, ...]:
    """An incident that is owed twice is told once."""
    return tuple({page.subject.incident_id: _told(page) for page in listed}.values())


def _notice(listed: Sequence[Page], silent: datetime | None, link: str) -> Notice:
    first = listed[0]
    status = Status.RESOLVED if first.kind is Kind.RESOLVED else Status.FIRING
    tone = Tone.FLAPPING if first.bundle == FLAPPING else _TONES.get(first.kind, Tone.NEWS)
    times = max(page.subject.flapping for page in listed)
    hidden = sum(page.hidden for page in listed)
    return Notice(status, _once(listed), hidden, tone, times if tone is Tone.FLAPPING else 0, link, silent)


def _digest(
    listed: Sequence[Page], announced: bool, since: datetime, silent: datetime | None, link: str
) -> Digest:
    why = Merged.STORM
    if announced:
        why = Merged.CLOSING
    elif any(page.why is Hold.LATE for page in listed):
        why = Merged.LATE
    elif any(page.why is Hold.QUIET for page in listed):
        why = Merged.QUIET
    held = _once(page for page in listed if page.kind is not Kind.RESOLVED)
    over = _once(page for page in listed if page.kind is Kind.RESOLVED)
    hidden = sum(page.hidden for page in listed)
    return Digest(why, held, over, since, silent, hidden, link)


def _hold(tx: Tx, listed: Iterable[Page], until: datetime, why: Hold, by: str) -> list[Told_]:
    """Nobody is told now. What was too late, or held for the night, says so when it is told."""
    for page in listed:
        kept = page.why in (Hold.LATE, Hold.QUIET)
        pages.hold(tx, page, until, page.why if kept else why, page.held_by if kept else by)
    return []

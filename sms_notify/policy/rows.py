"""The working set: the rows that one step may touch, changed in memory, and what is known of the queue beside them.

Policy reads and changes it; who fills it and writes it back is not known here. A row that was not loaded is not there,
so whoever fills it names every key that a decision may ask for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sms_notify.policy.bars import Breaker
from sms_notify.policy.belief import Believed
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Lane, LimitScope
from sms_notify.policy.reading_alike import ReadingAlike
from sms_notify.policy.records import (
    AcceptedAlert,
    Decided,
    Draft,
    Entry,
    HeldLane,
    Incident,
    Member,
    Message,
    NextIds,
    Notification,
    QueueView,
    Subject,
    Timer,
    TimerKind,
    first_entry,
    queued,
)
from sms_notify.policy.rotations import Shift
from sms_notify.policy.said import UnsaidSilences, as_told
from sms_notify.policy.self_alert_notes import LostNote, SelfAlertNote
from sms_notify.policy.sender_ids import OwnId
from sms_notify.policy.table import Table
from sms_notify.policy.vocabulary import Decision, Drop, Kind, PageState, State


class Rows:
    """The working set of one step at one moment."""

    def __init__(self, now: datetime) -> None:
        self.now = self.said_at = now  # and when its source said what is decided about, which a hook keeps
        self.incidents: Table[int, Incident] = Table()
        self.alike = ReadingAlike(self.incidents)
        self.members: Table[tuple[int, str, str], Member] = Table()
        self.notifications: Table[int, Notification] = Table()
        self.messages: Table[int, Message] = Table()
        self.beliefs: Table[tuple[str, str, str], Believed] = Table()  # by source, fingerprint, number
        self.own_ids: Table[tuple[str, str, str], OwnId] = Table()
        self.timers: Table[tuple[int, str, TimerKind], Timer] = Table()
        self.groups: Table[str, datetime] = Table()
        self.lanes: Table[tuple[str, Lane], HeldLane] = Table()
        self.holders: Table[str, str] = Table()
        self.overrides: Mapping[str, Sequence[Shift]] = {}
        self.breakers: Sequence[Breaker] = ()
        self.queue = QueueView()
        self.ids = NextIds()
        self.ledger: list[tuple[Message, State, Entry]] = []
        self.decided: list[Decided] = []
        self.heard: list[AcceptedAlert] = []
        self.notes: list[SelfAlertNote] = []
        self.lost: list[LostNote] = []
        self.tried: list[tuple[int, int]] = []  # texts that told a notification in vain
        self.seen: dict[int, None] = {}
        self.early_ends: set[tuple[str, str, datetime]] = set()  # of what was not open; source, name, start
        self.freed: list[tuple[str, Lane]] = []
        self.unsaid = UnsaidSilences()
        self.postponed: list[tuple[str, Lane, HeldLane]] = []
        self._of_key: dict[tuple[str, str], list[int]] = {}
        self._of_incident: dict[int, list[int]] = {}
        self._of_message: dict[int, list[int]] = {}
        self._held: dict[tuple[str, Lane], dict[int, None]] = {}
        # Than when the queue was looked at.
        self._more_waiting: defaultdict[tuple[str, Lane], int] = defaultdict(int)
        self._more_parts: defaultdict[Lane, int] = defaultdict(int)
        self._subjects: dict[int, tuple[Incident, Subject]] = {}

    # Filling it.

    def load_incident(self, incident: Incident) -> None:
        if self.incidents.load(incident.id, incident):
            self._index_incident(incident)

    def _index_incident(self, incident: Incident) -> None:
        ids = self._of_key.setdefault((incident.source, incident.fingerprint), [])
        ids.append(incident.id)
        ids.sort()

    def load_notification(self, notification: Notification) -> None:
        if self.notifications.load(notification.id, notification):
            self._index_notification(notification)

    def _index_notification(self, notification: Notification) -> None:
        self._of_incident.setdefault(notification.incident_id, []).append(notification.id)
        self._index_held(notification)
        if notification.message_id is not None:
            self._of_message.setdefault(notification.message_id, []).append(notification.id)

    def _index_held(self, notification: Notification) -> None:
        lane = self._held.setdefault((notification.number, notification.row_lane), {})
        if notification.state is PageState.HELD:
            lane[notification.id] = None
        else:
            lane.pop(notification.id, None)

    def load_lane(self, key: tuple[str, Lane], held: HeldLane) -> None:
        self.lanes.load(key, held)
        self.unsaid.apply(self.lanes, key)
        for freed in self.freed:
            self._free_lane(key, freed)

    # Incidents.

    def latest(self, source: str, fingerprint: str) -> Incident | None:
        """The newest episode of a problem, open or closed."""
        ids = self._of_key.get((source, fingerprint))
        return self.incidents.rows[ids[-1]] if ids else None

    def episodes(self, source: str, fingerprint: str) -> list[Incident]:
        """Those that were loaded, the newest first."""
        return [self.incidents.rows[id_] for id_ in reversed(self._of_key.get((source, fingerprint), ()))]

    def open_incident(self, build: Callable[[int], Incident]) -> Incident:
        incident = build(self.ids.incidents)
        self.ids.incidents += 1
        self.incidents.put(incident.id, incident)
        self._index_incident(incident)
        return incident

    def see(self, incident: Incident) -> None:
        """It fires still: all that a repeat changes, and so not worth the whole row."""
        if incident.last_seen_at != self.now:
            self.seen[incident.id] = None

    def member_of(self, source: str, fingerprint: str) -> Member | None:
        """The membership of an alert of this name in what is open, else the newest."""
        mine = [m for m in self.members.rows.values() if (m.source, m.fingerprint) == (source, fingerprint)]
        return max(mine, key=lambda m: (self._is_member_now(m), m.incident_id), default=None)

    def members_of(self, incident_id: int) -> list[Member]:
        return [member for member in self.members.rows.values() if member.incident_id == incident_id]

    def _is_member_now(self, member: Member) -> bool:
        incident = self.incidents.get(member.incident_id)
        return member.closed_at is None and incident is not None and incident.is_open

    def part_of(self, source: str, fingerprint: str) -> Incident | None:
        """The incident that an alert of this name was part of last."""
        member = self.member_of(source, fingerprint)
        return None if member is None else self.incidents.get(member.incident_id)

    def decide(
        self,
        word: Decision,
        incident_id: int | None = None,
        *,
        receiver: str = "",
        nth: int = 0,
        detail: str = "",
    ) -> None:
        """Writes down one decision."""
        self.decided.append(Decided(word, incident_id, receiver, nth, detail))

    # Notifications.

    def of_incident(self, incident_id: int) -> list[Notification]:
        """Every notification of an incident, in the order in which they were owed."""
        return self._listed(self._of_incident.get(incident_id, ()))

    def of_message(self, message_id: int) -> list[Notification]:
        """What a message tells."""
        listed = self._listed(self._of_message.get(message_id, ()))
        return [n for n in listed if n.message_id == message_id]

    def held(self, number: str, lane: Lane) -> list[Notification]:
        """All that is held for a number in one lane, due or not, in the order in which it came."""
        return [self._as_stored(n) for n in self._listed(self._held.get((number, lane), ()))]

    def _as_stored(self, n: Notification) -> Notification:
        """With what is known of its incident by now: that may have ended, or risen, since it was owed."""
        incident = self.incidents.rows[n.incident_id]
        known = self._subjects.get(incident.id)
        if known is None or known[0] is not incident:
            known = self._subjects[incident.id] = (incident, incident.subject)
        return replace(n, subject=known[1])

    def due(self, number: str, lane: Lane) -> list[Notification]:
        return [n for n in self.held(number, lane) if n.due_at <= self.now]

    def due_lanes(self) -> set[tuple[str, Lane]]:
        """Whose notifications are due, as far as they were loaded."""
        return {(n.number, n.row_lane) for n in self.all_held() if n.due_at <= self.now}

    def all_held(self) -> list[Notification]:
        return self._listed(id_ for ids in self._held.values() for id_ in ids)

    def _listed(self, ids: Iterable[int]) -> list[Notification]:
        return [self.notifications.rows[id_] for id_ in sorted(ids)]

    def has(self, incident_id: int, number: str, kind: Kind, nth: int) -> bool:
        """Whether this was written down before, and not dropped: none is told twice."""
        had = self.found(incident_id, number, kind, nth)
        return had is not None and had.state is not PageState.DROPPED

    def found(self, incident_id: int, number: str, kind: Kind, nth: int) -> Notification | None:
        """What was written down of this."""
        mine = (n for n in self.of_incident(incident_id) if n.number == number)
        return next((n for n in mine if n.kind is kind and n.nth == nth), None)

    def hold(self, n: Notification, until: datetime, why: Hold, held_by: str) -> None:
        """Holds it, longer if it was held."""
        self._write(n, due_at=until, why=why, held_by=held_by, state=PageState.HELD)

    def tell(self, n: Notification, message_id: int, how: str = "") -> None:
        """A message tells it now; `how` = COUNTED where it says how many there are, and not where this one is."""
        known = self._write(n, state=PageState.TOLD, message_id=message_id, said=as_told(n.subject) + how)
        if known is not None:
            self._of_message.setdefault(message_id, []).append(known)

    def _write(self, n: Notification, **changes: Any) -> int | None:
        """Returns its id where it was written down before: what was dropped may be owed once more, what was told not."""
        had = None if n.id else self.found(n.incident_id, n.number, n.kind, n.nth)
        if n.id:
            self.change(replace(n, **changes))
            return n.id
        if had is not None and had.state is PageState.DROPPED:
            self.change(replace(n, id=had.id, row_lane=n.lane, **changes))
            return had.id
        if had is None:
            written = replace(n, id=self.ids.notifications, row_lane=n.lane, **changes)
            self.ids.notifications += 1
            self.notifications.put(written.id, written)
            self._index_notification(written)
        return None

    def revive(self, n: Notification) -> bool:
        """What was written down before and told nobody is owed again: its reader had left the configuration meanwhile."""
        for old in self.of_incident(n.incident_id):
            if (old.number, old.kind, old.nth) == (n.number, n.kind, n.nth) and not self.may_have_arrived(
                old
            ):
                held = replace(old, state=PageState.HELD, due_at=n.due_at, why=n.why, held_by=n.held_by)
                self.change(replace(held, message_id=None))
                return True
        return False

    def change(self, n: Notification) -> None:
        """What becomes of one that is written down."""
        self.notifications.put(n.id, n)
        self._index_held(n)

    def drop(self, listed: Iterable[Notification], why: Drop) -> None:
        """Those that are held are not told after all."""
        for n in listed:
            row = self.notifications.get(n.id)
            if row is not None and row.state is PageState.HELD:
                self.change(replace(row, state=PageState.DROPPED, why=why))

    # Messages.

    def state_of(self, n: Notification) -> State | None:
        """Where the message stands that tells it; None where none does."""
        message = self.messages.get(n.message_id) if n.message_id is not None else None
        return n.message_state if message is None else message.state

    def may_have_arrived(self, n: Notification) -> bool:
        """Also of a text that is tried again after an attempt without an answer."""
        message = self.messages.get(n.message_id) if n.message_id is not None else None
        ambiguous = n.message_ambiguous if message is None else message.ambiguous
        state = self.state_of(n)
        perhaps = n.again_of is not None or ambiguous > 0
        return perhaps or (state is not None and state.may_have_arrived)

    def written_at(self, n: Notification) -> datetime | None:
        """When the message that tells it was written; None where none does."""
        message = self.messages.get(n.message_id) if n.message_id is not None else None
        return n.message_at if message is None else message.created_at

    def write_message(self, draft: Draft) -> int:
        """Queues a message."""
        message = queued(draft, self.ids.messages, self.now)
        self.ids.messages += 1
        self._put(message)
        self.ledger.append((message, State.QUEUED, first_entry(draft)))
        return message.id

    def move(self, message: Message, state: State, entry: Entry) -> Message:
        """Changes a message's state and says so in the ledger. What never left frees what waited for it; of an end that is
        critical news, too, for both share their limits.
        """
        moved = replace(message, state=state)
        self._put(moved)
        self.ledger.append((moved, state, entry))
        if state.never_left:
            self.unsaid.add(message, self.lanes)
            self.free(message.number, message.lane)
            if message.lane is Lane.ENDS:
                self.free(message.number, Lane.CRITICAL)
        return moved

    def _put(self, message: Message) -> None:
        was = self.messages.get(message.id)
        waited = was is not None and was.state is State.QUEUED
        if (message.state is State.QUEUED) is not waited:
            more = -1 if waited else 1
            self._more_waiting[message.number, message.lane] += more
            self._more_parts[message.lane] += more * message.parts
        self.messages.put(message.id, message)

    def waits(self, number: str, lane: Lane) -> bool:
        """Whether a text to this number in this lane has not left yet: whatever comes now is merged into the next."""
        return self.waiting(number, lane) > 0

    def waiting(self, number: str, lane: Lane) -> int:
        """How many texts to this number in this lane have not left yet."""
        key = (number, lane)
        return self.queue.waiting.get(key, 0) + self._more_waiting.get(key, 0)

    def parts_waiting(self, lane: Lane) -> int:
        """Of all texts of a lane."""
        return self.queue.parts.get(lane, 0) + self._more_parts.get(lane, 0)

    def waiting_at_all(self, receiver: str | None) -> int:
        """How many texts of the rest wait to leave; by one receiver, or of all."""
        more = 0
        for id_, message in self.messages.rows.items():
            was = self.messages.before(id_)
            waited, waits = was is not None and was.state is State.QUEUED, message.state is State.QUEUED
            mine = receiver is None or any(n.receiver == receiver for n in self.of_message(id_))
            more += (waits - waited) if message.lane is Lane.REST and mine else 0
        return self.queue.waiting_at_all.get(receiver, 0) + more

    # Lanes.

    def lane(self, number: str, lane: Lane) -> HeldLane | None:
        return self.lanes.get((number, lane))

    def free(self, number: str, lane: Lane) -> None:
        """A text never left after all: what waits because of it is asked again at once. Its own lane does, and so may
        everybody whom a limit or a budget of all holds.
        """
        self.freed.append((number, lane))
        for key in list(self.lanes.rows):
            self._free_lane(key, (number, lane))
        for n in self.all_held():
            if self._is_freed(n, (number, lane)):
                self.change(replace(n, due_at=self.now))
                stored = self.notifications.before(n.id)
                if stored is not None and self._is_freed(stored, (number, lane)):
                    self.notifications.rebase(n.id, replace(stored, due_at=self.now))

    def _is_freed(self, n: Notification, freed: tuple[str, Lane]) -> bool:
        held = n.state is PageState.HELD and n.why is Hold.LIMIT and n.due_at > self.now
        return held and ((n.number, n.row_lane) == freed or not LimitScope.of_one_number(n.held_by))

    def postpone(self, number: str, lane: Lane, held: HeldLane) -> None:
        """What is due waits with its lane, loaded or not. What was too late, or held for the night, says so when it is told."""
        self.postponed.append((number, lane, held))
        for n in self.due(number, lane):
            kept = Hold(n.why).outlasts_limits
            why, by = (n.why, n.held_by) if kept else (Hold.LIMIT, held.scope)
            row, stored = self.notifications.rows[n.id], self.notifications.before(n.id)
            self.change(replace(row, due_at=held.until, why=why, held_by=by))
            if stored is not None and stored.state is PageState.HELD and stored.due_at <= self.now:
                self.notifications.rebase(n.id, replace(stored, due_at=held.until, why=why, held_by=by))

    def _free_lane(self, key: tuple[str, Lane], freed: tuple[str, Lane]) -> None:
        held = self.lanes.get(key)
        concerned = held is not None and (key == freed or not LimitScope.of_one_number(held.scope))
        if held is not None and concerned and held.until > self.now:
            self.lanes.put(key, replace(held, until=self.now))
            stored = self.lanes.before(key)
            if stored is not None and stored.until > self.now:
                self.lanes.rebase(key, replace(stored, until=self.now))

    # Timers.

    def set_timer(self, timer: Timer) -> None:
        """What is next; an earlier entry of the same kind is replaced."""
        self.timers.put((timer.incident_id, timer.receiver, timer.what), timer)

    def timers_of(self, incident_id: int) -> list[Timer]:
        return [timer for timer in self.timers.rows.values() if timer.incident_id == incident_id]

    def strike(self, timer: Timer) -> None:
        self.timers.remove((timer.incident_id, timer.receiver, timer.what))

    def strike_turns(self, incident_id: int) -> None:
        """No step and no reminder is to follow: it has ended, or somebody takes care of it."""
        for timer in self.timers_of(incident_id):
            if timer.what.turn:
                self.strike(timer)

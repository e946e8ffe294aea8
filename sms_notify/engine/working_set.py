"""Between the store and policy: loads the rows that a step may touch, by key, and writes back in bulk what it changed.

A step names its keys in stages, for whom it concerns is known only when it is known what was heard; each stage is a
handful of statements however many keys there are. A row that was loaded is not loaded again: what the step has made of
it stands. All of it happens in one transaction of the one writer, so that nothing changes between loading and writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.alert import Alert
from sms_notify.policy.correlation import SHARED, Key
from sms_notify.policy.directory import Directory
from sms_notify.policy.handoff import NO_INCIDENT
from sms_notify.policy.rate_limits import Credits, Lane
from sms_notify.policy.records import Incident, Message, Notification, TimerKind
from sms_notify.policy.rows import Rows
from sms_notify.policy.same_text import told_before
from sms_notify.policy.vocabulary import IncidentState, Kind, State
from sms_notify.store import (
    belief_rows,
    breakers,
    decisions,
    incident_members,
    incidents,
    limit_rows,
    messages,
    notes,
    notification_rows,
    oncall_rows,
    own_ids,
    timers,
)
from sms_notify.store.tx import Row, Tx
from sms_notify.wording.alert_fields import reads_as

_HISTORY = 21  # episodes of a problem: this one, and those that are of one bout of flapping with it


class WorkingSet:
    """The rows of one step."""

    def __init__(self, tx: Tx, node: str, now: datetime) -> None:
        self._tx = tx
        self._node = node
        self.rows = Rows(now)
        self._lanes: set[str] = set()
        self._held: set[tuple[str, Lane]] = set()
        self._believed: set[Key] = set()  # problems
        self._known_of: set[int] = set()  # incidents, of which all notifications were loaded
        self._whole: set[int] = set()  # messages, of which all that they told was loaded
        self._alike: set[str] = set()  # words by which texts tell problems
        self._has_ids = False
        self._has_money = False
        self._has_roster = False

    # What was heard.

    def load_problems(self, keys: Iterable[Key]) -> None:
        """The latest episode of each, and what the alerts were part of that have none open of their own."""
        wanted = list(dict.fromkeys(keys))
        self._take(incidents.newest_of(self._tx, wanted))
        latest = {key: self.rows.latest(*key) for key in wanted}
        unknown = [key for key, incident in latest.items() if incident is None or not incident.is_open]
        members = incident_members.newest_of(self._tx, unknown)
        self.load_incidents(member.incident_id for member in members)
        shared = {member.incident_id for member in members}
        shared |= {
            incident.id for incident in latest.values() if incident is not None and incident.source == SHARED
        }
        for member in [*members, *incident_members.of_incidents(self._tx, shared)]:
            key = (member.incident_id, member.source, member.fingerprint)
            self.rows.members.load(key, member)

    def load_own_ids(self, alike: Iterable[Key], named: Iterable[Key]) -> None:
        """The ids that senders gave to what has these labels, and all that bears these ids."""
        found = [
            *own_ids.named(self._tx, dict.fromkeys(named)),
            *own_ids.alike(self._tx, dict.fromkeys(alike)),
        ]
        for one in found:
            self.rows.own_ids.load((one.source, one.alike, one.name), one)

    def load_ids(self) -> None:
        """For a step that writes more than repeats."""
        if not self._has_ids:
            self.rows.ids, self._has_ids = messages.next_ids(self._tx), True

    def load_history(self, keys: Iterable[Key]) -> None:
        """Earlier episodes of these problems, everything that anybody was to hear of them, and what their readers believe."""
        if not (known := [key for key in dict.fromkeys(keys) if self.rows.latest(*key) is not None]):
            return
        self._take(incidents.newest_of(self._tx, known, _HISTORY))
        ids = [incident.id for key in known for incident in self.rows.episodes(*key)]
        self.load_notifications(ids)
        latest = {incident.id for key in known if (incident := self.rows.latest(*key)) is not None}
        still_open = {incident.id for incident in self.rows.incidents.rows.values() if incident.is_open}
        self.load_timers(sorted(latest | still_open))
        self._load_beliefs(known)

    def _load_beliefs(self, keys: Iterable[Key]) -> None:
        missing = [key for key in keys if key not in self._believed]
        self._believed |= set(missing)
        for key, believed in belief_rows.of_problems(self._tx, missing) if missing else ():
            self.rows.beliefs.load(key, believed)

    def load_known(self, ends: Iterable[Notification]) -> None:
        """The episodes that the readers of these know: later ones may have been told to others alone."""
        ended = [(n, self.rows.incidents.rows[n.incident_id]) for n in ends]
        self._load_beliefs(dict.fromkeys((one.source, one.fingerprint) for _, one in ended))
        keys = ((one.source, one.fingerprint, n.number) for n, one in ended)
        believed = (self.rows.beliefs.get(key) for key in keys)
        self.load_incidents(one.incident_id for one in believed if one is not None)

    def load_early_ends(self, keys: Iterable[Key], since: datetime) -> None:
        """Ends that came before their beginnings."""
        self.rows.early_ends |= incidents.early_ends(self._tx, dict.fromkeys(keys), since)

    def load_incidents(self, ids: Iterable[int]) -> None:
        missing = {id_ for id_ in ids if self.rows.incidents.get(id_) is None}
        self._take(incidents.by_ids(self._tx, sorted(missing)))

    def load_open_incidents(self) -> None:
        self._take(incidents.still_open(self._tx))

    def load_unheard(self, limit: datetime) -> list[Incident]:
        """The open episodes that nothing was heard of since then, with what was still to follow of them."""
        found = incidents.unheard_since(self._tx, limit, self.rows.now)
        self._take(found)
        self.load_history((incident.source, incident.fingerprint) for incident in found)
        return found

    def load_silent(self) -> list[Incident]:
        """The open episodes whose source promised to speak again by now, and has not. Their timers are done with."""
        due = timers.due(self._tx, TimerKind.SILENT, self.rows.now)
        self.load_timers(timer.incident_id for timer in due)
        self.load_incidents(timer.incident_id for timer in due)
        for timer in due:
            self.rows.strike(timer)
        found = [self.rows.incidents.rows[timer.incident_id] for timer in due]
        still = [one for one in found if one.is_open and one.state is not IncidentState.UNHEARD]
        self.load_history((incident.source, incident.fingerprint) for incident in still)
        return still

    def load_lapsed(self) -> list[Incident]:
        """The open episodes whose acknowledgement has lapsed, with what anybody was to hear of them."""
        found = incidents.lapsed(self._tx, self.rows.now)
        self._take(found)
        ids = [incident.id for incident in found]
        self.load_notifications(ids)
        self.load_timers(ids)
        return found

    def notices(self, ids: Iterable[int]) -> frozenset[int]:
        """Those of these incidents that nothing ends."""
        return incidents.notices(self._tx, ids)

    def _take(self, found: Iterable[Incident]) -> None:
        for incident in found:
            self.rows.load_incident(incident)

    # What people were to hear.

    def load_notifications(self, incident_ids: Iterable[int], *, old: bool = True) -> None:
        """All of these incidents, with the messages that wait to tell them and whatever else those tell. What follows by time
        alone needs no `old` reminders.
        """
        missing = [id_ for id_ in dict.fromkeys(incident_ids) if id_ not in self._known_of]
        self._known_of.update(missing if old else ())
        self._told(notification_rows.of_incidents(self._tx, missing, old=old))
        waiting = {
            n.message_id
            for n in self.rows.notifications.rows.values()
            if n.message_state is State.QUEUED and self.rows.messages.get(n.message_id or 0) is None
        }
        self.load_messages(id_ for id_ in waiting if id_ is not None)

    def load_messages(self, ids: Iterable[int]) -> None:
        """Whole messages, what they tell, and the incidents of that."""
        missing = sorted(id_ for id_ in ids if self.rows.messages.get(id_) is None)
        for message in messages.by_ids(self._tx, missing):
            self.rows.messages.load(message.id, message)
        self._told(notification_rows.of_messages(self._tx, missing))

    def load_resends(self, message_id: int) -> None:
        """What is owed once more because the answer to a message was lost, with the texts that tell it by now."""
        found = notification_rows.resends_of(self._tx, message_id)
        self._told(found)
        self.load_messages(row["message_id"] for row in found if row["message_id"] is not None)

    def load_moved(self, message_id: int) -> list[Notification]:
        """What a message was to tell and another one tells, or is to tell, by now; with all that is told of those incidents."""
        found = notification_rows.moved_from(self._tx, message_id)
        self.load_notifications(row["incident_id"] for row in found)
        return [self.rows.notifications.rows[row["id"]] for row in found]

    def load_alike(self, alerts: Iterable[Alert]) -> None:
        """What is open and reads alike in a text."""
        missing = dict.fromkeys(words for alert in alerts if (words := reads_as(alert)) not in self._alike)
        self._alike |= missing.keys()
        self._take(incidents.reading_alike(self._tx, missing))

    def load_told_with(self, told: Sequence[Notification]) -> None:
        """What is open and reads alike; of ends, what else the texts told that told their beginnings."""
        self.load_alike({n.incident_id: n.subject.alert for n in told}.values())
        ends = [n for n in told if n.kind is Kind.RESOLVED]
        if not ends:
            return
        alike = (one.id for n in ends for one in self.rows.alike.those_like(n.subject.alert))
        self.load_notifications([*(n.incident_id for n in ends), *alike])
        asked = {id_ for n in ends for id_ in told_before(self.rows, n)} - self._whole
        self._whole |= asked
        if asked:
            self._told(notification_rows.of_messages(self._tx, sorted(asked)))

    def know(self, found: Iterable[Message]) -> None:
        """Messages that were read already, where nothing is asked of what they tell."""
        for message in found:
            self.rows.messages.load(message.id, message)

    def load_context(self, message_ids: Iterable[int]) -> None:
        """What the fate of these messages may concern: their incidents, what else is told of those, and their steps."""
        wanted = set(message_ids)
        self.load_messages(wanted)
        told = [n for id_ in wanted for n in self.rows.of_message(id_)]
        ids = {n.incident_id for n in told}
        concerned = [self.rows.incidents.rows[id_] for id_ in ids]
        over = dict.fromkeys((i.source, i.fingerprint) for i in concerned if not i.is_open)
        if over:  # has it begun again, and who has heard of it?
            self._take(incidents.newest_of(self._tx, over, _HISTORY))
        self.load_notifications(ids | {one.id for key in over for one in self.rows.episodes(*key)})
        texts = (self.rows.messages.get(id_) for id_ in wanted)
        taken_over = any(text is not None and text.kind is Kind.HANDOFF for text in texts)
        self.load_timers(ids | {NO_INCIDENT} if taken_over else ids)

    def _told(self, found: Iterable[Row]) -> None:
        rows = list(found)
        self.load_incidents(row["incident_id"] for row in rows)
        for row in rows:
            if self.rows.notifications.get(row["id"]) is None:
                self.rows.load_notification(notification_rows.notification_of(row, self.rows.incidents.rows))

    def load_held(self, lanes: Iterable[tuple[str, Lane]]) -> None:
        """All that is held in these lanes."""
        if not (missing := sorted(set(lanes) - self._held)):
            return
        self._held |= set(missing)
        self._told(notification_rows.held_in(self._tx, missing))

    def load_late(self, numbers: Iterable[str]) -> None:
        """What is held for these numbers because its text grew too old."""
        if wanted := sorted(set(numbers)):
            self._told(notification_rows.late_for(self._tx, wanted))

    def load_due_after_hours(self) -> None:
        """What the clock on the wall held until now, or could not leave, and who has heard of those incidents."""
        found = notification_rows.due_after_hours(self._tx, self.rows.now)
        self._told(found)
        self.load_notifications((row["incident_id"] for row in found), old=False)

    def load_due_again(self) -> None:
        """What is due once more, and which gateways take texts: what left no answer goes by another."""
        found = notification_rows.due_again(self._tx, self.rows.now)
        self._told(found)
        # How long ago its reader was texted says whether an end may be told at night.
        self.load_notifications(row["incident_id"] for row in found if row["kind"] == Kind.RESOLVED)
        self.load_breakers()

    def due_lanes(self) -> set[tuple[str, Lane]]:
        """Whose notifications are due, as far as the store knows."""
        return notification_rows.due_lanes(self._tx, self.rows.now)

    def load_all_held(self) -> None:
        self._told(notification_rows.all_held(self._tx))

    # When, and how much.

    def load_timers(self, incident_ids: Iterable[int]) -> None:
        for timer in timers.of_incidents(self._tx, dict.fromkeys(incident_ids)):
            self.rows.timers.load((timer.incident_id, timer.receiver, timer.what), timer)

    def load_due_timers(self, what: TimerKind, until: datetime) -> None:
        """What is due, and what anybody was to hear of those incidents."""
        found = timers.due(self._tx, what, until)
        for timer in found:
            self.rows.timers.load((timer.incident_id, timer.receiver, timer.what), timer)
        ids = [timer.incident_id for timer in found]
        self.load_incidents(ids)
        self.load_notifications(ids, old=False)

    def load_due_keys(self, kinds: Iterable[TimerKind]) -> list[Key]:
        """The problems of which something of these kinds is due."""
        ids = [timer.incident_id for kind in kinds for timer in timers.due(self._tx, kind, self.rows.now)]
        self.load_incidents(ids)
        found = (self.rows.incidents.rows[id_] for id_ in ids)
        return list(dict.fromkeys((incident.source, incident.fingerprint) for incident in found))

    def load_groups(self, names: Iterable[str]) -> None:
        for name, at in timers.flushed(self._tx, dict.fromkeys(names)).items():
            self.rows.groups.load(name, at)

    def load_roster(self, directory: Directory) -> None:
        """Who was found to hold each schedule last, and the overrides of people of today: somebody who left the
        configuration must not leave a hole until theirs ends. Once a step.
        """
        if self._has_roster:
            return
        self._has_roster = True
        roster = oncall_rows.roster(self._tx, directory.people, self.rows.now)
        for schedule, person in roster.holders.items():
            self.rows.holders.load(schedule, person)
        self.rows.overrides = roster.overrides

    def load_unconfirmed(self, numbers: Iterable[str]) -> None:
        limit_rows.load_unconfirmed(self._tx, numbers, self.rows.queue)

    def load_lanes(self, numbers: Iterable[str], back: Mapping[Lane, timedelta]) -> None:
        """What limits and texts that wait leave these numbers. `back` is how far the limits look."""
        missing = sorted(set(numbers) - self._lanes)
        self._lanes |= set(missing)
        held = limit_rows.load_lanes(self._tx, missing, back, self.rows.queue, self.rows.now)
        for key, lane in held.items():
            self.rows.load_lane(key, lane)

    def load_money(
        self, gateway: str, bounds: Credits | None, at_all: Mapping[str | None, timedelta]
    ) -> None:
        """What was spent of late, and how many texts left for anybody; once a step."""
        if self._has_money:
            return
        self._has_money = True
        if bounds is not None:
            limit_rows.load_money(self._tx, gateway, bounds, self.rows.queue, self.rows.now)
        limit_rows.load_at_all(self._tx, at_all, self.rows.queue, self.rows.now)

    def load_breakers(self) -> None:
        self.rows.breakers = breakers.all_open(self._tx)

    # Back to the store.

    def flush(self) -> None:
        """Writes what has changed: one statement a table and kind. What the first two change beside the rows that were
        loaded is known to `Rows.free` and `Rows.postpone`.
        """
        tx, rows, now = self._tx, self.rows, self.rows.now
        if rows.freed:
            limit_rows.unannounce(tx, rows.unsaid.rows)
            limit_rows.look_again(tx, rows.freed, now)
        if rows.postponed:
            notification_rows.postpone(tx, rows.postponed, now)
        changed = {one.id: one for one in rows.incidents.changed}
        incidents.seen(tx, [id_ for id_ in rows.seen if id_ not in changed], now)
        # What ends makes room for what begins: one open episode a problem.
        seen = (replace(one, last_seen_at=now) if id_ in rows.seen else one for id_, one in changed.items())
        incidents.update(tx, seen)
        incidents.insert(tx, rows.incidents.new)
        if rows.members.rows:
            incident_members.save(tx, [*rows.members.new, *rows.members.changed])
        if rows.own_ids.used:
            own_ids.save(tx, [*rows.own_ids.new, *rows.own_ids.changed], now)
        if rows.notifications.rows or rows.messages.rows:
            self._flush_texts()
        self._flush_waits()
        incidents.record(tx, rows.heard, self._node, now)
        if rows.decided:
            decisions.record(tx, rows.decided, self._node, now)
        if rows.notes or rows.lost:
            notes.write(tx, rows.notes, rows.lost, now)

    def _flush_texts(self) -> None:
        tx, rows, now = self._tx, self.rows, self.rows.now
        messages.insert(tx, rows.messages.new)
        messages.update(tx, rows.messages.changed, now)
        messages.enter_all(tx, rows.ledger, self._node, now)
        notification_rows.insert(tx, rows.notifications.new)
        notification_rows.update(tx, rows.notifications.changed)
        notification_rows.note_tried(tx, rows.tried)
        belief_rows.save(tx, rows.beliefs.touched)
        for message in rows.messages.changed:
            was = rows.messages.before(message.id)
            if message.state.bad_end:
                belief_rows.unsay(tx, message.id)
            elif message.state.said and was is not None and not was.state.said:
                belief_rows.say(tx, message.id, now)

    def _flush_waits(self) -> None:
        tx, rows = self._tx, self.rows
        if rows.timers.used:
            timers.strike(tx, rows.timers.gone)
            timers.save(tx, [*rows.timers.new, *rows.timers.changed])
        if rows.lanes.used:
            limit_rows.free_lanes(tx, rows.lanes.gone)
            limit_rows.hold_lanes(tx, rows.lanes.touched)
        if rows.groups.used:
            timers.flush(tx, rows.groups.touched)
        if rows.holders.used:
            oncall_rows.set_holders(tx, rows.holders.touched, rows.now)

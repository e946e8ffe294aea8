"""What a change of who is on call leads to: a text to who takes over, and a warning of a gap before it is there."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sms_notify.alert import Severity
from sms_notify.oncall.roster import Roster
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.retry_policy import Level, Trouble
from sms_notify.policy.rotations import Schedule, gaps, shifts
from sms_notify.policy.vocabulary import Decision, Kind
from sms_notify.ruleset import Plan
from sms_notify.store import agenda, breakers, incidents, messages, oncall_rows
from sms_notify.store.messages import Draft
from sms_notify.store.tx import Tx
from sms_notify.wording.content import HandOff, Reader, Told
from sms_notify.wording.handoff_text import compose_handoff

AHEAD = timedelta(hours=24)  # how long before a gap the operator hears of it
_LOOK_EVERY = timedelta(minutes=5)
_TURN = timedelta(days=35)  # how far ahead the end of a turn is looked for
_LIFE = timedelta(hours=1)


class HandOvers:
    """Looks at every schedule."""

    def __init__(self, plan: Plan, roster: Roster, node: str) -> None:
        self._plan = plan
        self._roster = roster
        self._node = node
        self._look_at: datetime | None = None

    def tick(self, tx: Tx, now: datetime) -> None:
        """Tells who takes over now; every few minutes, looks for gaps ahead."""
        if not self._plan.schedules:
            return
        holder_of = self._roster.holders(tx, now)
        for schedule in self._plan.schedules.values():
            self._hand_over(tx, schedule, holder_of(schedule.name) or "", now)
        if self._look_at is None or now >= self._look_at or self._look_at - now > _LOOK_EVERY:
            self._look_at = now + _LOOK_EVERY
            for schedule in self._plan.schedules.values():
                self._warn(tx, schedule, now)

    def _hand_over(self, tx: Tx, schedule: Schedule, holder: str, now: datetime) -> None:
        before = oncall_rows.holder(tx, schedule.name)
        if before == holder:
            return
        oncall_rows.set_holder(tx, schedule.name, holder, now)
        agenda.decide(
            tx,
            Decision.HANDED_OFF,
            self._node,
            now,
            receiver=schedule.name,
            detail=f"{before or 'nobody'} -> {holder}",
        )
        if schedule.handoff_text and before is not None and holder in self._plan.directory.people:
            self._tell(tx, schedule, holder, now)

    def _tell(self, tx: Tx, schedule: Schedule, holder: str, now: datetime) -> None:
        person = self._plan.directory.people[holder]
        made = self._roster.overrides_of(tx, schedule.name, now)
        turn = next(iter(shifts(schedule, made, now, now + _TURN)), None)
        until = turn.end if turn is not None and turn.end < now + _TURN else None
        told = tuple(
            Told(tag_of(s.incident_id), s.alert, s.alert.starts_at or s.opened_at)
            for s in incidents.open_now(tx)
        )
        text = compose_handoff(
            HandOff(schedule.name, until, told), Reader(person.timezone, person.language)
        ).text
        draft = Draft(
            Kind.HANDOFF, "", person, Severity.WARNING, self._plan.gateway, text, now, now + _LIFE,
            f"takes over {schedule.name}",
        )  # fmt: skip
        messages.write(tx, draft, self._node, now)

    def _warn(self, tx: Tx, schedule: Schedule, now: datetime) -> None:
        made = self._roster.overrides_of(tx, schedule.name, now)
        ahead = gaps(schedule, made, now, now + AHEAD)
        if not ahead:
            return
        # Each gap is a trouble of its own, known by its end: what has begun is the same gap that was ahead.
        id_ = breakers.trouble_id("oncall", "ahead", schedule.name, f"{ahead[0].end:%Y%m%dT%H%M}")
        if breakers.is_known(tx, id_):
            return
        zone = ZoneInfo(schedule.timezone)
        begins, ends = ahead[0].start.astimezone(zone), ahead[0].end.astimezone(zone)
        what = f"nobody is on call for {schedule.name} from {begins:%a %d %b %H:%M} to {ends:%a %d %b %H:%M}"
        advice = f"Say who: `sms-notify oncall override add {schedule.name} PERSON --from … --until …`."
        breakers.report(tx, id_, Trouble(Level.PAGE), "", what, advice, now)

"""What a change of who is on call leads to: a text to who takes over, and a warning of a gap before it is there."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sms_notify.alert import Severity
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.records import Draft
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.policy.roster import Staff
from sms_notify.policy.rotations import Schedule, Shift, gaps, shifts
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import SelfAlertNote, note_id
from sms_notify.policy.vocabulary import Decision, Kind
from sms_notify.wording.content import HandOff, Reader, TextedIncident
from sms_notify.wording.handoff_text import compose_handoff

AHEAD = timedelta(hours=24)
"""How long before a gap the operator hears of it."""

_TURN = timedelta(days=35)  # how far ahead the end of a turn is looked for
_LIFE = timedelta(hours=1)


def taken_over(plan: Plan, rows: Rows) -> list[Schedule]:
    """Notes who holds each schedule now; returns those whose new holder is to be texted."""
    holder_of = Staff(plan.directory, plan.schedules).holders(rows.overrides, rows.now)
    told: list[Schedule] = []
    for schedule in plan.schedules.values():
        before, holder = rows.holders.get(schedule.name), holder_of(schedule.name) or ""
        if before == holder:
            continue
        rows.holders.put(schedule.name, holder)
        detail = f"{before or 'nobody'} -> {holder}"
        rows.decide(Decision.HANDED_OFF, receiver=schedule.name, detail=detail)
        if schedule.handoff_text and before is not None and holder in plan.directory.people:
            told.append(schedule)
    return told


def tell(plan: Plan, rows: Rows, schedule: Schedule) -> None:
    """Texts who takes over what is open now."""
    now, person = rows.now, plan.directory.people[rows.holders.rows[schedule.name]]
    turn = next(iter(shifts(schedule, _overrides(rows, schedule), now, now + _TURN)), None)
    until = turn.end if turn is not None and turn.end < now + _TURN else None
    still_open = sorted((one for one in rows.incidents.rows.values() if one.is_open), key=lambda one: one.id)
    told = tuple(
        TextedIncident(tag_of(one.id), one.subject.alert, one.starts_at or one.opened_at)
        for one in still_open
    )
    reader = Reader(person.timezone, person.language)
    text = compose_handoff(HandOff(schedule.name, until, told), reader).text
    rows.write_message(
        Draft(
            Kind.HANDOFF, "", person, Severity.WARNING, plan.gateway, text, now, now + _LIFE,
            f"takes over {schedule.name}",
        )
    )  # fmt: skip


def gap_ahead(rows: Rows, schedule: Schedule) -> SelfAlertNote | None:
    """The first time within a day that nobody holds it.

    Each gap is a problem of its own, known by its end: what has begun is the same gap that was ahead.
    """
    ahead = gaps(schedule, _overrides(rows, schedule), rows.now, rows.now + AHEAD)
    if not ahead:
        return None
    id_ = note_id("oncall", "ahead", schedule.name, f"{ahead[0].end:%Y%m%dT%H%M}")
    begins, ends = (_wall(at, schedule) for at in (ahead[0].start, ahead[0].end))
    what = f"nobody is on call for {schedule.name} from {begins} to {ends}"
    advice = f"Say who: `sms-notify oncall override add {schedule.name} PERSON --from … --until …`."
    return SelfAlertNote(None, id_, Urgency(Level.PAGE), "", what, advice)


def _wall(at: datetime, schedule: Schedule) -> str:
    return f"{at.astimezone(ZoneInfo(schedule.timezone)):%a %d %b %H:%M}"


def _overrides(rows: Rows, schedule: Schedule) -> tuple[Shift, ...]:
    return tuple(rows.overrides.get(schedule.name, ()))

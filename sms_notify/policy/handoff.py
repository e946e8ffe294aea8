"""What a change of who is on call leads to: a text to who takes over, and a warning of a gap before it is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sms_notify.alert import Severity
from sms_notify.policy.directory import Person
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold, Quiet, Wait, wait
from sms_notify.policy.records import Draft, Message, Timer, TimerKind
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.policy.roster import Staff
from sms_notify.policy.rotations import Schedule, Shift, gaps, shifts
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import SelfAlertNote, note_id
from sms_notify.policy.time_intervals import borders
from sms_notify.policy.vocabulary import Decision, Kind
from sms_notify.wording.clock import zone_name
from sms_notify.wording.content import HandOff, Reader, TextedIncident
from sms_notify.wording.handoff_text import compose_handoff

AHEAD = timedelta(hours=24)
"""How long before a gap the operator hears of it."""

NO_INCIDENT = 0
"""What the timer of a hand-off text has in the place of an incident."""

_TURN = timedelta(days=35)  # how far ahead the end of a turn is looked for
_LIFE = timedelta(hours=1)

# A timer outlives its text so long: it counts the tries, and a text that fails later is of no use. Not zero, `every` says
# that the text is written.
_KEPT = timedelta(days=1)


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


def to_text_now(plan: Plan, rows: Rows, told: Iterable[Schedule]) -> list[Schedule]:
    """Of those whose holder is to be texted, and those whose holder slept until now: whose holder is awake.

    A timer waits for the end of the person's quiet hours, and after its text for a day; the next hand-off replaces it.
    """
    for schedule in told:
        rows.set_timer(Timer(NO_INCIDENT, schedule.name, TimerKind.HANDOFF, 0, rows.now))
    timers = [one for one in rows.timers.rows.values() if one.what is TimerKind.HANDOFF]
    due = [timer for timer in timers if timer.due_at <= rows.now]
    awake = (_awake(plan, rows, timer) for timer in due)
    return [one for one in awake if one is not None]


def _awake(plan: Plan, rows: Rows, timer: Timer) -> Schedule | None:
    """The schedule of a timer that is due, where its holder may be texted now; else it waits, or is struck."""
    schedule = plan.schedules.get(timer.receiver)
    person = plan.directory.people.get(rows.holders.get(timer.receiver) or "")
    rows.strike(timer)
    if schedule is None or person is None or timer.every:
        return None
    wakes_at = awake_at(person, rows.now)
    if wakes_at > rows.now:
        rows.set_timer(replace(timer, due_at=wakes_at))
        return None
    rows.set_timer(replace(timer, nth=timer.nth + 1, due_at=rows.now + _KEPT, every=_KEPT))
    return schedule


def tell_again(rows: Rows, message: Message, pauses: Sequence[timedelta]) -> bool:
    """A text of a hand-off did not arrive: it is tried again after the pause of its try, where nobody has taken over since and
    a pause is left.
    """
    timer = _timer_of(rows, message)
    if timer is None or timer.nth > len(pauses):
        return False
    rows.set_timer(replace(timer, due_at=rows.now + pauses[timer.nth - 1], every=timedelta()))
    return True


def tell_after_all(rows: Rows, message: Message) -> None:
    """It has grown too old in the queue, which does not count as a try: what is open by now is told when a text may leave."""
    timer = _timer_of(rows, message)
    if timer is not None:
        rows.set_timer(replace(timer, nth=timer.nth - 1, due_at=rows.now, every=timedelta()))


def _timer_of(rows: Rows, message: Message) -> Timer | None:
    """None for any other text, and where somebody has taken over since it was written."""
    if message.kind is not Kind.HANDOFF:
        return None
    timer = rows.timers.get((NO_INCIDENT, message.receiver, TimerKind.HANDOFF))
    return timer if timer is not None and timer.due_at == message.created_at + _KEPT else None


def awake_at(person: Person, now: datetime) -> datetime:
    """When the quiet hours of a person end, `now` outside of them: what is not an alert passes by no exception of theirs."""
    quiet = (Quiet(person.quiet.during, ()),) if person.quiet is not None else ()
    return wait(Wait(now, Hold.NOW), {}, (), (), quiet).until


def _leaves_by(person: Person, now: datetime) -> datetime:
    """Before quiet hours begin; else it waits for the morning."""
    windows = person.quiet.during if person.quiet is not None else ()
    intervals = [interval for window in windows for interval in window.intervals]
    asleep = (at for at in borders(intervals, now, _LIFE) if awake_at(person, at) > at)
    return next(asleep, now + _LIFE)


def tell(plan: Plan, rows: Rows, schedule: Schedule) -> None:
    """Texts who takes over what is open now."""
    now, person = rows.now, plan.directory.people[rows.holders.rows[schedule.name]]
    turn = next(iter(shifts(schedule, _overrides(rows, schedule), now, now + _TURN)), None)
    until = turn.end if turn is not None and turn.end < now + _TURN else None
    still_open = sorted((one for one in rows.incidents.rows.values() if one.is_open), key=lambda one: one.id)
    told = tuple(TextedIncident(tag_of(one.id), one.subject.alert, one.subject.since) for one in still_open)
    reader = Reader(person.timezone, person.language, now)
    text = compose_handoff(HandOff(schedule.name, until, told), reader).text
    rows.write_message(
        Draft(
            Kind.HANDOFF, schedule.name, person, Severity.WARNING, plan.gateway, text, now, _leaves_by(person, now),
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
    shown = at.astimezone(ZoneInfo(schedule.timezone))
    return f"{shown:%a %d %b %H:%M} {zone_name(shown)}"


def _overrides(rows: Rows, schedule: Schedule) -> tuple[Shift, ...]:
    return tuple(rows.overrides.get(schedule.name, ()))

"""The daily text of the self-check: who gets it, when it waits, and what is written down of a day without one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from sms_notify.alert import Severity
from sms_notify.policy.allowance import Leave
from sms_notify.policy.directory import Person
from sms_notify.policy.handoff import NO_INCIDENT, awake_at
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import Draft, Timer, TimerKind
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.policy.roster import Staff
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import SelfAlertNote, note_id
from sms_notify.policy.self_check import LATE, SelfCheck, SelfCheckEnd
from sms_notify.policy.vocabulary import Decision, Kind
from sms_notify.wording.content import Reader
from sms_notify.wording.self_check_text import compose_self_check

_DAILY = (NO_INCIDENT, "", TimerKind.SELF_CHECK)
"""The timer of the daily text: `nth` is the last day that was dealt with, as an ordinal. Those of people who wait for it
name them as `receiver`.
"""


@dataclass(frozen=True, slots=True)
class SelfCheckAhead:
    """The next daily text: when it is due, and when each reader gets it, after their quiet hours."""

    due_at: datetime
    readers: tuple[tuple[Person, datetime], ...]


def plan_next(plan: Plan, rows: Rows) -> None:
    """At a start and a reload: when the text is due by this configuration. A day that was dealt with is not due again.

    What was due while the daemon was down stays due: the tick decides whether it is too late.
    """
    check, timer = plan.self_check, rows.timers.get(_DAILY)
    if check is None or not check.notify:
        for one in _timers(rows):
            rows.strike(one)
        return
    done = _done(check, timer, rows)
    if timer is None or done is None or (not timer.nth and _is_moved(check, timer)):
        rows.set_timer(Timer(*_DAILY, 0, check.due_after(None, rows.now)))
    elif _is_moved(check, timer):
        rows.set_timer(replace(timer, due_at=check.due_after(done, rows.now - LATE)))


def text_ahead(plan: Plan, rows: Rows) -> SelfCheckAhead | None:
    """What a start or a reload would plan now; `rows` are planned by it. A text of today that still waits comes first."""
    plan_next(plan, rows)
    check, timer = plan.self_check, rows.timers.get(_DAILY)
    if check is None or timer is None:
        return None
    due_at = max(check.moment(check.last_day(rows.now)), timer.due_at)
    if rows.now - due_at > LATE:  # the daemon was down
        due_at = check.due_after(None, rows.now)
    people = Staff(plan.directory, plan.schedules).people(check.notify, rows.overrides, due_at)
    waiting = {one.receiver: one.due_at for one in _timers(rows)}
    texts = ((person, waiting.get(person.name, awake_at(person, due_at))) for person in people)
    return SelfCheckAhead(due_at, tuple(texts))


def _timers(rows: Rows) -> list[Timer]:
    return [one for one in rows.timers_of(NO_INCIDENT) if one.what is TimerKind.SELF_CHECK]


def _is_moved(check: SelfCheck, timer: Timer) -> bool:
    """Whether the configuration names another time, or another zone, than the one that it was set by."""
    return check.moment(check.day_of(timer.due_at)) != timer.due_at


def _done(check: SelfCheck, timer: Timer | None, rows: Rows) -> date | None:
    """The last day that was dealt with. A day that is to come was noted by a clock that has been set back since. 0: none yet,
    which counts as the day before the text is due first.
    """
    if timer is None:
        return None
    done = date.fromordinal(timer.nth or check.day_of(timer.due_at).toordinal() - 1)
    return done if done <= check.day_of(rows.now) else None


def people_due(plan: Plan, rows: Rows) -> list[Person]:
    """Who is to be texted now: all whom `notify` names, or those of them who had to wait until now."""
    check = plan.self_check
    due = [one for one in _timers(rows) if one.due_at <= rows.now]
    if check is None:
        return []
    named = Staff(plan.directory, plan.schedules).people(check.notify, rows.overrides, rows.now)
    found = [person for timer in due if not timer.receiver for person in _of_today(check, rows, timer, named)]
    for timer in due:
        if timer.receiver:
            rows.strike(timer)
            found += [person for person in named if person.name == timer.receiver and person not in found]
    return found


def _of_today(check: SelfCheck, rows: Rows, timer: Timer, named: tuple[Person, ...]) -> tuple[Person, ...]:
    """Those who are texted of the day whose time has come; that day is dealt with by this, whatever comes of it."""
    now, done, day = rows.now, _done(check, timer, rows), check.last_day(rows.now)
    if done is not None and day <= done:  # the clock was set back meanwhile
        rows.set_timer(replace(timer, due_at=check.due_after(done, now)))
        return ()
    rows.set_timer(replace(timer, nth=day.toordinal(), due_at=check.due_after(day, now)))
    if now - max(check.moment(day), timer.due_at) > LATE:
        _decide(rows, SelfCheckEnd.MISSED)
        return ()
    if not named:
        _decide(rows, SelfCheckEnd.NOBODY)
        _note_nobody(check, rows)
    return named


def tell(plan: Plan, rows: Rows, person: Person, leave: Leave, credits_left: int | None) -> None:
    """Texts one person, or lets it wait for the end of their quiet hours, or for room in the limits."""
    free_at = rows.now if leave.slots else max(rows.now, leave.free_at)
    free_at = awake_at(person, free_at)
    if free_at > rows.now:
        rows.set_timer(Timer(NO_INCIDENT, person.name, TimerKind.SELF_CHECK, 0, free_at))
        return
    reader = Reader(person.timezone, person.language, rows.now)
    ends = rows.now + plan.timing.expiry(Severity.OTHER)
    text = compose_self_check(credits_left, reader)
    message_id = rows.write_message(
        Draft(
            Kind.SELF_CHECK, "", person, Severity.OTHER, plan.gateway, text, rows.now, ends, lane=Lane.REST
        )
    )  # fmt: skip
    _decide(rows, SelfCheckEnd.TEXTED, message_id)


def _decide(rows: Rows, end: SelfCheckEnd, message_id: int = 0) -> None:
    rows.decide(Decision.SELF_CHECK, nth=message_id, detail=end)


def _note_nobody(check: SelfCheck, rows: Rows) -> None:
    """Told anew each day: a day without anybody on call is a day without a check."""
    names = ", ".join(str(target) for target in check.notify)
    what = f"the self-check was texted to nobody: nobody is on call for {names}"
    advice = "Close the gap: `sms-notify oncall override add`; `sms-notify oncall show` shows it."
    id_ = note_id("", Kind.SELF_CHECK, SelfCheckEnd.NOBODY)
    rows.notes.append(SelfAlertNote(None, id_, Urgency(Level.TICKET), "", what, advice, again=True))

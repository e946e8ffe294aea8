"""What an alert makes of its incident: opened, raised, milder, heard of again, ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sms_notify.alert import Alert, EndReason, Status
from sms_notify.policy import flapping
from sms_notify.policy.belief import Belief
from sms_notify.policy.cases import Case
from sms_notify.policy.correlation import (
    REPEATING,
    SHARED,
    Chains,
    Key,
    Known,
    held_copies,
    meaning,
    note_member,
    standing,
    under_other_names,
)
from sms_notify.policy.episodes import OLD_COPY_WINDOW
from sms_notify.policy.records import Incident, Timer, TimerKind
from sms_notify.policy.routing import route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Decision, Drop, Heard, IncidentState
from sms_notify.policy.withdrawal import stop_follow_ups, supersede, was_texted

EARLY = timedelta(minutes=1)
"""How long an end is remembered whose beginning was not heard of: deliveries overtake each other."""

_NOTICE_KEPT = timedelta(hours=24)
_STILL = (Heard.DUPLICATE, Heard.MILDER, Heard.STILL_OPEN)


def hear(plan: Plan, rows: Rows, it: Known, chains: Chains) -> Case:
    """Takes in one alert."""
    now_is = standing(rows, it, plan.limits.calm)
    heard = meaning(rows, it, now_is.severity, chains, plan.limits.calm, plan.timing.stale_after)
    heard = _after_its_end(rows, it.told_as or it.alert, heard)
    heard = _in_its_bout(it, _resumed(plan, rows, it, heard, now_is))
    incident_id = _changed(plan, rows, it, heard, now_is)
    case = Case(it.alert, heard, incident_id, rows.now, chains, told_as=it.told_as)
    if incident_id is None:
        return case
    note_member(rows, it, heard, incident_id)
    _note_promise(rows, it, incident_id)
    if it.told_as is not None:
        _note_repeats(rows, incident_id)
    return as_it_is(plan, rows, case)


def _note_promise(rows: Rows, it: Known, incident_id: int) -> None:
    """A firing alert with an end ahead: its source promises to speak again before that. Of a shared incident other sources
    may speak meanwhile.
    """
    until, incident = it.alert.ends_at, rows.incidents.rows[incident_id]
    firing = it.alert.status is Status.FIRING and incident.is_open and it.told_as is None
    if firing and incident.repeats and until is not None and until > rows.now:
        rows.set_timer(Timer(incident_id, "", TimerKind.SILENT, 0, until))


def _note_repeats(rows: Rows, incident_id: int) -> None:
    """One source that tells a problem once holds it open, however silent the others are."""
    incident = rows.incidents.rows[incident_id]
    firing = [member.source for member in rows.members_of(incident_id) if member.closed_at is None]
    repeats = REPEATING.issuperset(firing)
    if firing and repeats is not incident.repeats:
        rows.incidents.put(incident_id, replace(incident, repeats=repeats))


def as_it_is(plan: Plan, rows: Rows, case: Case) -> Case:
    """With what its incident is by now. Its routes are those of the worst that it was: a fall moves nobody."""
    incident = rows.incidents.rows[case.id]
    worst = incident.routed_by
    chains = case.chains if worst is None else route(plan.route, worst).chains
    return replace(
        case, chains=chains, opened_at=incident.opened_at, flapping=incident.flapping, round=incident.raised,
        alert=replace(case.alert, end_reason=incident.end_reason),
    )  # fmt: skip


def _after_its_end(rows: Rows, alert: Alert, heard: Heard) -> Heard:
    """What began and ended unheard is known by its start: its end may come first."""
    if alert.starts_at is None or alert.once:
        return heard
    name = (alert.source, alert.fingerprint, alert.starts_at)
    if alert.status is Status.RESOLVED and heard in (Heard.NEVER_FIRED, Heard.DUPLICATE):
        rows.early_ends.add(name)
    known = any(one.starts_at == alert.starts_at for one in rows.episodes(alert.source, alert.fingerprint))
    return Heard.OLD_COPY if heard is Heard.FIRST and name in rows.early_ends and not known else heard


def _resumed(plan: Plan, rows: Rows, it: Known, heard: Heard, now_is: Alert) -> Heard:
    """A flicker: it fires again soon after an end that nobody was texted of; perhaps worse than before."""
    latest = it.latest
    if heard is not Heard.FIRST or it.alert.once or latest is None or latest.closed_at is None:
        return heard
    soon = rows.said_at - latest.closed_at < plan.limits.calm
    over = latest.state is IncidentState.RESOLVED and not was_texted(rows, latest.id)
    if not (soon and over):
        return heard
    worse = now_is.severity.rank < latest.level_at(rows.now, plan.limits.calm).rank
    return Heard.RAISED if worse else Heard.RESUMED


def _in_its_bout(it: Known, heard: Heard) -> Heard:
    """While it flaps, neither an end nor a beginning is news: one text told that it comes and goes."""
    latest = it.latest
    if latest is None or not latest.is_open or not latest.flapping:
        return heard
    back = latest.ended_at is not None and heard in _STILL
    gone = latest.ended_at is None and heard is Heard.RESOLVED
    return Heard.FLAPPING if back or gone else Heard.DUPLICATE if heard is Heard.RESOLVED else heard


def _changed(plan: Plan, rows: Rows, it: Known, heard: Heard, now_is: Alert) -> int | None:
    """What becomes of the latest episode, or a new one; returns its id."""
    latest = it.latest
    if heard is Heard.FIRST:
        for before in under_other_names(rows, it):
            supersede(rows, before)
        repeats = (it.told_as or it.alert).source in REPEATING
        opened = _open(plan, rows, now_is, latest, repeats=repeats)
        if it.alert.once:  # nothing will end it
            rows.set_timer(Timer(opened.id, "", TimerKind.CALM, 0, rows.now + _NOTICE_KEPT))
        return opened.id
    if latest is None:
        return None
    latest = rows.incidents.rows[latest.id]
    if heard in (Heard.RESOLVED, Heard.FLAPPING):
        now_is = replace(now_is, end_reason=_reason(rows, it, latest))
    if heard is Heard.RESOLVED:
        _end(rows, latest, now_is)
    elif heard is Heard.CLOSED and it.alert.status is Status.RESOLVED and latest.source != SHARED:
        # Its source has ended it at last: what fires from now on is news, an old copy apart.
        ended = replace(latest, state=IncidentState.RESOLVED, ended_at=it.alert.ends_at, closed_at=rows.now)
        rows.incidents.put(latest.id, ended)
    elif heard is Heard.HELD_COPY:
        # An end that lies ahead is one that a clock made, which has been set back since: it is over by now.
        over = min(latest.closed_at or rows.now, rows.now)
        rows.set_timer(Timer(latest.id, "", TimerKind.COPY, 0, over + OLD_COPY_WINDOW))
    elif heard in (Heard.RAISED, Heard.RESUMED, Heard.FLAPPING):
        _begin_again(plan, rows, heard, stands(plan, rows, latest, now_is), now_is)
    elif heard in _STILL:
        _still(plan, rows, latest, now_is, it.alert)
    return latest.id


# Beginnings.


def _open(plan: Plan, rows: Rows, alert: Alert, before: Incident | None, *, repeats: bool) -> Incident:
    if before is not None:
        _leave(rows, rows.incidents.rows[before.id])
    began = before.began if before else ()
    former = before is not None and before.former and _lately(plan, rows, before)
    incident = rows.open_incident(
        lambda id_: Incident(
            id_, alert.source, alert.fingerprint, IncidentState.OPEN, alert.severity, alert.labels,
            alert.annotations, alert.starts_at, rows.now, rows.now, began=began, repeats=repeats,
            former=former,
        )
    )  # fmt: skip
    incident = flapping.begun(rows, incident, plan.limits.flapping)
    if before is not None:
        incident = flapping.taken_care_of(incident, before)
    rows.incidents.put(incident.id, incident)
    flapping.watch_for_calm(rows, incident, plan.limits.flapping)
    return incident


def _lately(plan: Plan, rows: Rows, before: Incident) -> bool:
    return before.closed_at is None or rows.now - before.closed_at < plan.limits.calm


def _leave(rows: Rows, before: Incident) -> None:
    """What is back makes an OK that still waits false. One that was open, and unheard, makes room."""
    supersede(rows, before.id)
    rows.strike_turns(before.id)
    if before.is_open:
        rows.drop(rows.of_incident(before.id), Drop.SUPERSEDED)
        rows.incidents.put(before.id, replace(before, state=IncidentState.UNHEARD, closed_at=rows.now))


def _begin_again(plan: Plan, rows: Rows, heard: Heard, incident: Incident, alert: Alert) -> None:
    """Risen, resumed, or come or gone once more."""
    gone = heard is Heard.FLAPPING and incident.ended_at is None
    if heard is Heard.RAISED:
        rows.decide(Decision.RAISED, incident.id, detail=f"to {alert.severity}")
    supersede(rows, incident.id)
    state = IncidentState.OPEN if incident.acked_at is None else IncidentState.ACKNOWLEDGED
    rounds = incident.raised + (heard is not Heard.FLAPPING)
    ended_at = (alert.ends_at or rows.now) if gone else None
    changed = replace(
        incident, state=state, closed_at=None, ended_at=ended_at, raised=rounds, last_seen_at=rows.now,
        end_reason=alert.end_reason if gone else EndReason.NONE, suppressed_at=None,
    )  # fmt: skip
    if alert.starts_at is not None and (incident.closed_at or incident.ended_at):
        changed = replace(changed, starts_at=alert.starts_at)  # by which copies of it are known from now on
    begins = not gone and incident.state is not IncidentState.UNHEARD
    changed = flapping.begun(rows, changed, plan.limits.flapping) if begins else changed
    rows.incidents.put(changed.id, changed)
    flapping.watch_for_calm(rows, changed, plan.limits.flapping)


# What it is meanwhile.


def _still(plan: Plan, rows: Rows, latest: Incident, now_is: Alert, told: Alert) -> None:
    if not latest.is_open:
        own = told.starts_at is None or told.starts_at == latest.starts_at
        if told.status is Status.RESOLVED and own and latest.source != SHARED:  # and no copy of it is news
            rows.timers.remove((latest.id, "", TimerKind.COPY))
        return
    stands_now = stands(plan, rows, latest, now_is)
    if stands_now is latest:
        rows.see(latest)
    else:
        rows.incidents.put(latest.id, replace(stands_now, last_seen_at=rows.now))


def stands(plan: Plan, rows: Rows, incident: Incident, now_is: Alert) -> Incident:
    """As severe as it is now. A fall counts when it has lasted; until then readers take it for what it was."""
    severity = now_is.severity
    if severity is incident.severity:
        return incident
    level = incident.level_at(rows.now, plan.limits.calm)
    fallen = severity.rank > level.rank
    since = incident.milder_since if incident.level is level else rows.now
    routing = incident.routing_labels
    worst = incident.worst or incident.severity
    worse = worst.rank < severity.rank
    return replace(
        incident, severity=severity, labels=now_is.labels, annotations=now_is.annotations,
        level=level if fallen else None, milder_since=since if fallen else None,
        routed_by=routing if worse else None, worst=worst if worse else None,
    )  # fmt: skip


# Ends.


def _end(rows: Rows, latest: Incident, alert: Alert) -> None:
    closed_at = rows.now if latest.source == SHARED else max(rows.said_at, latest.opened_at)
    ended = replace(
        latest, state=IncidentState.RESOLVED, ended_at=alert.ends_at, closed_at=closed_at, last_seen_at=rows.now,
        end_reason=alert.end_reason,
    )  # fmt: skip
    rows.incidents.put(latest.id, ended)
    stop_follow_ups(rows, latest.id, Drop.RESOLVED)


def _end_notice(rows: Rows, latest: Incident) -> None:
    """Nobody will find it well, and nobody is told that it is over: that counts as said."""
    _end(rows, latest, latest.subject.alert)
    for key, believed in list(rows.beliefs.rows.items()):
        if key[:2] == (latest.source, latest.fingerprint):
            rows.beliefs.put(key, replace(believed, belief=Belief.RESOLVED))


def _reason(rows: Rows, it: Known, latest: Incident) -> EndReason:
    """That of the alert that ends it. Of a shared incident a lesser alert's OK says nothing of a worse one that was lost
    sight of before.
    """
    told = it.told_as or it.alert
    worse = [m for m in rows.members_of(latest.id) if m.severity.rank < told.severity.rank]
    worst = min((m.severity.rank for m in worse), default=None)
    lost = (m.end_reason for m in worse if m.severity.rank == worst and m.end_reason)
    return next(lost, told.end_reason)


def calmed(plan: Plan, rows: Rows, incident: Incident) -> Case:
    """A bout of flapping is over: it stays, or it has ended."""
    over, anew = incident.ended_at is not None, False
    alert = incident.subject.alert
    if over:
        _end(rows, replace(incident, flapping=0), replace(alert, ends_at=incident.ended_at))
    else:
        staying = flapping.stays(incident)
        anew = staying.acked_at is None and incident.acked_at is not None
        rows.incidents.put(incident.id, staying)
    heard = Heard.RESOLVED if over else Heard.RESUMED
    chains = route(plan.route, incident.routing_labels).chains
    return as_it_is(plan, rows, Case(alert, heard, incident.id, incident.opened_at, chains, anew=anew))


def passed(plan: Plan, rows: Rows, key: Key) -> Case | None:
    """What the passing of time makes of a problem: it is calm, or what looked like an old copy of it goes on."""
    latest = rows.latest(*key)
    due = {timer.what for timer in rows.timers_of(latest.id) if timer.due_at <= rows.now} if latest else set()
    if latest is None or not due:
        return None
    for what in due & {TimerKind.CALM, TimerKind.COPY}:
        rows.timers.remove((latest.id, "", what))
    if TimerKind.CALM in due and latest.is_open and latest.flapping:
        return calmed(plan, rows, latest)
    if TimerKind.CALM in due and latest.is_open:
        _end_notice(rows, latest)
    if TimerKind.COPY in due and not latest.is_open:
        return _goes_on(plan, rows, latest)
    return None


def _goes_on(plan: Plan, rows: Rows, latest: Incident) -> Case | None:
    """No end has followed the copy: it fires; of a shared problem as bad as the worst of which a copy came."""
    copies = held_copies(rows, latest.id)
    if latest.source == SHARED and not copies:
        return None
    told = min((one.alert for one in copies), key=lambda one: one.severity.rank, default=latest.subject.alert)
    alert = replace(
        told, source=latest.source, fingerprint=latest.fingerprint, status=Status.FIRING, ends_at=None,
        end_reason=EndReason.NONE,
    )  # fmt: skip
    known = Known(alert, latest)
    heard = _resumed(plan, rows, known, Heard.FIRST, alert)
    chains = route(plan.route, alert.labels).chains
    case = Case(alert, heard, _changed(plan, rows, known, heard, alert), rows.now, chains)
    for member in copies:
        again = replace(member, incident_id=case.id, closed_at=None, ended_at=None, end_reason=EndReason.NONE)
        rows.members.put((case.id, member.source, member.fingerprint), again)
    if copies:
        _note_repeats(rows, case.id)
    return as_it_is(plan, rows, case)


def unheard(plan: Plan, rows: Rows, incident: Incident) -> Case:
    """Its source has said nothing for so long that it may have ended: nobody is reminded of it any more."""
    rows.incidents.put(incident.id, replace(incident, state=IncidentState.UNHEARD))
    stop_follow_ups(rows, incident.id, Drop.UNHEARD)
    chains = route(plan.route, incident.routing_labels).chains
    return Case(incident.subject.alert, Heard.DUPLICATE, incident.id, incident.opened_at, chains)

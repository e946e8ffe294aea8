"""Which problem an alert speaks of, where its own name is not that of an open one.

A sender's id is what it says it is until it shows otherwise: an end may bear the id alone, or another id than its
beginning, and an id that is new in every post names posts and not problems. What an earlier version knew by another name
keeps that until it has ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.alert import OPENED_BY, OWN_ID, Alert, Status, says_what
from sms_notify.policy.correlation import REPEATING
from sms_notify.policy.records import Incident, Member
from sms_notify.policy.rows import Rows
from sms_notify.policy.sender_ids import OwnId, name_posts, told, words_of
from sms_notify.policy.vocabulary import IncidentState

_NO_TIME = timedelta()


def by_its_times(alert: Alert, now: datetime) -> Alert:
    """Where no word says whether it fires, an `endsAt` that is past does."""
    over = not alert.status_told and alert.ends_at is not None and alert.ends_at <= now
    return replace(alert, status=Status.RESOLVED, perhaps_over=False) if over else alert


def asks_for_ids(alert: Alert) -> bool:
    """Whether the sender's own ids may decide: an end without one may be that of an alert that bore one."""
    return bool(alert.own_id) or (bool(alert.alike) and _may_end(alert))


def spoken_of(
    rows: Rows, alert: Alert, told_apart: frozenset[str] = frozenset(), calm: timedelta = _NO_TIME
) -> list[Alert]:
    """The alert under the name of each problem that it speaks of; mostly as it came. Notes what its id has shown.

    `told_apart`: the labels under which its post holds several ids. `calm`: what has ended so lately may go on.
    """
    found = _found(rows, alert, told_apart, calm)
    return [_if_opened_so(rows, one) if one.perhaps_over else one for one in found]


def _found(rows: Rows, alert: Alert, told_apart: frozenset[str], calm: timedelta) -> list[Alert]:
    if _open_incident(rows, alert.source, alert.fingerprint) is not None:
        _prove(rows, alert)
        return [_filled(rows, alert) if _may_end(alert) else alert]
    if before := _name_before(rows, alert, calm):
        renamed = replace(alert, fingerprint=before)
        if alert.own_id:  # an end may bear that alone
            rows.own_ids.put(_key(alert), OwnId(*_key(alert), before, words_of(alert)))
        return [_filled(rows, renamed) if _may_end(alert) else renamed]
    if others := _ended_by(rows, alert) if _may_end(alert) else []:
        return [_under(rows, alert, name) for name in others]
    if alert.status is Status.RESOLVED or not alert.own_id:
        return [alert]
    return [replace(alert, fingerprint=_name_by_id(rows, alert, alert.alike in told_apart))]


def _may_end(alert: Alert) -> bool:
    return alert.status is Status.RESOLVED or alert.perhaps_over


def _if_opened_so(rows: Rows, alert: Alert) -> Alert:
    """A doubtful word is an end where its opposite has opened the problem, as it always has at Alertmanager and Grafana;
    else it fires.
    """
    latest = rows.latest(alert.source, alert.fingerprint)
    opened = rows.member_of(alert.source, alert.fingerprint) or latest
    over = opened is not None and (OPENED_BY in opened.annotations or alert.source in REPEATING)
    return replace(alert, status=Status.RESOLVED if over else Status.FIRING, perhaps_over=False)


def _open_incident(rows: Rows, source: str, fingerprint: str) -> Incident | None:
    """That an alert of this name is, or is part of."""
    latest = rows.latest(source, fingerprint)
    if latest is not None and latest.is_open:
        return latest
    member = rows.member_of(source, fingerprint)
    incident = None if member is None or member.closed_at else rows.incidents.get(member.incident_id)
    return incident if incident is not None and incident.is_open else None


# Names that an earlier version gave.


def _name_before(rows: Rows, alert: Alert, calm: timedelta) -> str:
    """Its name of before the upgrade, while the episode lasts that had it then; empty where there is none."""
    for name in alert.before:
        incident = _open_incident(rows, alert.source, name) or _going_on(rows, alert, name, calm)
        its = incident is not None and incident.former and _same_words(incident, alert)
        if its and not _is_of_another_id(rows, alert, name):
            return name
    return ""


def _is_of_another_id(rows: Rows, alert: Alert, name: str) -> bool:
    """Whether another id was heard under the old name, which says something else."""
    others = [one for one in _alike(rows, alert) if one.fingerprint == name and one.name != alert.own_id]
    return bool(alert.own_id and others) and words_of(alert) not in {one.words for one in others}


def _going_on(rows: Rows, alert: Alert, name: str, calm: timedelta) -> Incident | None:
    """One that has ended just now may flicker, and of one that was closed by hand the source has said no end."""
    latest = rows.latest(alert.source, name)
    if latest is None or latest.closed_at is None:
        return None
    if latest.state is IncidentState.CLOSED:
        ends = alert.status is Status.RESOLVED
        return latest if ends or latest.episode.goes_on(alert, latest.starts_at) else None
    return latest if rows.now - latest.closed_at < calm else None


def _same_words(incident: Incident, alert: Alert) -> bool:
    """All that had no labels was one problem before: it stays that for what it was opened by."""
    return says_what(incident.labels) or told(incident.annotations) == told(alert.annotations)


# The sender's own ids.


def _key(alert: Alert) -> tuple[str, str, str]:
    return (alert.source, alert.alike, alert.own_id)


def _prove(rows: Rows, alert: Alert) -> None:
    """A second post with the same id: it names a problem."""
    had = rows.own_ids.get(_key(alert)) if alert.own_id else None
    if had is not None and not had.proven:
        rows.own_ids.put(_key(alert), replace(had, fingerprint=alert.fingerprint, proven=True))


def _alike(rows: Rows, alert: Alert) -> list[OwnId]:
    """The ids of what has the same labels, the oldest first."""
    key = (alert.source, alert.alike)
    return [one for one in rows.own_ids.rows.values() if (one.source, one.alike) == key]


def _name_by_id(rows: Rows, alert: Alert, told_apart: bool) -> str:
    """What a beginning with an id is known by: its own name, or that of the problem which every post tells anew."""
    if rows.own_ids.get(_key(alert)) is not None:
        _prove(rows, alert)
        return alert.fingerprint
    words, alike = words_of(alert), _alike(rows, alert)
    same = [one for one in alike if one.words == words]
    proven = told_apart or any(one.proven for one in alike)
    still: list[str] = []
    name = alert.fingerprint
    if name_posts(same, 1) and not proven:  # one name for all, also once it is over: it may be back, or flap
        still = _still_open(rows, same)
        name = still[-1] if still else same[-1].fingerprint
    if not name_posts(same, 0) or not still:  # a fourth id of posts says nothing that three have not
        rows.own_ids.put(_key(alert), OwnId(*_key(alert), name, words, told_apart))
    return name


def _still_open(rows: Rows, ids: Iterable[OwnId]) -> list[str]:
    """The names of those that are open."""
    return list(
        dict.fromkeys(
            one.fingerprint for one in ids if _open_incident(rows, one.source, one.fingerprint) is not None
        )
    )


def _ended_by(rows: Rows, alert: Alert) -> list[str]:
    """What an end ends whose own name is not open: all that bears its id, else the one problem with its labels; all of
    these where their ids named posts.
    """
    if bearing := _still_open(rows, (one for one in _bearing(rows, alert) if _agrees(rows, one, alert))):
        for one in _bearing(rows, alert):
            if one.fingerprint in bearing:
                rows.own_ids.put((one.source, one.alike, one.name), replace(one, proven=True))
        return bearing
    alike = _alike(rows, alert)
    names = _still_open(rows, alike)
    if alert.alike and _open_incident(rows, alert.source, alert.alike) is not None:
        names.append(alert.alike)
    return names if len(names) == 1 or name_posts(alike, bool(alert.own_id)) else []


def _bearing(rows: Rows, alert: Alert) -> list[OwnId]:
    """All that has the id of this alert, whatever its labels."""
    every = rows.own_ids.rows.values() if alert.own_id else ()
    return [one for one in every if (one.source, one.name) == (alert.source, alert.own_id)]


def _agrees(rows: Rows, one: OwnId, alert: Alert) -> bool:
    """Whether it is of the host and the alertname that the alert names; what it leaves out it does not deny."""
    problem = _told_with(rows, one.source, one.fingerprint)
    places = zip(_place(alert.labels), _place(problem.labels if problem else {}), strict=True)
    return all(not mine or mine == theirs for mine, theirs in places)


def _place(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("host") or labels.get("instance", ""), labels.get("alertname", "")


def _told_with(rows: Rows, source: str, fingerprint: str) -> Incident | Member | None:
    """The problem of this name as it was told."""
    member = rows.member_of(source, fingerprint)
    latest = rows.latest(source, fingerprint)
    return latest if latest is not None and latest.is_open else member or latest


def _under(rows: Rows, alert: Alert, name: str) -> Alert:
    """An end takes the way of what it ends: it may have no labels of its own, or too few."""
    return _filled(rows, replace(alert, fingerprint=name, labels={}, once=False))


def _filled(rows: Rows, alert: Alert) -> Alert:
    """With the labels that an end leaves out; and with the words, where nothing but these tells it from another problem."""
    problem = _told_with(rows, alert.source, alert.fingerprint)
    if problem is None:
        return alert
    own = says_what(alert.labels)
    labels, graded = (alert.labels, alert.graded) if own else (problem.labels, problem.severity)
    wordless = OWN_ID in problem.annotations and not told(alert.annotations)
    words = problem.annotations if wordless else alert.annotations
    return replace(alert, labels=labels, annotations=words, graded=graded)

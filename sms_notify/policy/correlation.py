"""What an alert means: which incident it belongs to, and whether that is news.

An incident has the name that its source gave it, but for those that `dedup_labels` make of what several sources tell:
these are known by the values of those labels, and by who is to hear of it, so that nobody is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.alert import Alert, Severity, Status, fingerprint_of
from sms_notify.policy.episodes import Episode, hear, hear_shared
from sms_notify.policy.records import Incident, Member
from sms_notify.policy.routing import Route
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import Heard, IncidentState

SHARED = "dedup"
"""The source of an incident that stands for alerts of several sources."""

REPEATING = frozenset(("alertmanager", "grafana", "prometheus"))
"""Sources that say again and again what fires. The others say it once."""

_SECOND = timedelta(seconds=1)
_MOMENT = timedelta(microseconds=1)  # what came at the very moment of the end came after it

NOTICE_LASTS = timedelta(hours=4)  # where a route has no repeat_interval

Key = tuple[str, str]
"""Source and fingerprint: what a problem is known by."""
Chains = tuple[tuple[Route, ...], ...]


@dataclass(frozen=True, slots=True)
class Known:
    """An alert under the name of its incident, and the latest episode of that name.

    `told_as` is the alert as it came where that is another name; `member` is what it was part of before.
    """

    alert: Alert
    latest: Incident | None
    told_as: Alert | None = None
    member: Member | None = None

    @property
    def own(self) -> Episode | None:
        """What this source told before, as far as it counts: an end ends the latest episode alone."""
        if self.member is None:
            return None
        same = self.latest is not None and self.member.incident_id == self.latest.id
        return self.member.episode if same or self.alert.status is Status.FIRING else None


def names(alert: Alert, chains: Chains) -> tuple[Key, ...]:
    """What the incident of an alert may be known by."""
    shared = None if _stands_alone(alert) else shared_name(chains, alert.labels)
    own = (alert.source, alert.fingerprint)
    return (own,) if shared is None else (own, (SHARED, shared))


def known(rows: Rows, alert: Alert, chains: Chains) -> Known:
    """An open incident keeps its name whatever the configuration says by now, or nothing would ever end it."""
    latest = rows.latest(alert.source, alert.fingerprint)
    if latest is not None and latest.is_open:
        return Known(alert, latest)
    member = rows.member_of(alert.source, alert.fingerprint)
    if member is not None and (incident := rows.incidents.rows[member.incident_id]).is_open:
        return _shared(rows, alert, incident.fingerprint, member)
    name = None if _stands_alone(alert) else shared_name(chains, alert.labels)
    return Known(alert, latest) if name is None else _shared(rows, alert, name, member)


def _stands_alone(alert: Alert) -> bool:
    """Beside the problem and not the problem itself: what somebody wanted told, a downtime, that it flaps."""
    return alert.once or bool(alert.labels.get("notification"))


def _shared(rows: Rows, alert: Alert, name: str, member: Member | None) -> Known:
    latest = rows.latest(SHARED, name)
    here = member is not None and rows.incidents.rows[member.incident_id].fingerprint == name
    under_it = replace(alert, source=SHARED, fingerprint=name)
    return Known(under_it, latest, alert, member if here else None)


def shared_name(chains: Sequence[Sequence[Route]], labels: Mapping[str, str]) -> str | None:
    """The name of the incident that all sources share, or None where the route asks for none or a label is missing."""
    asked = next((chain[-1].dedup_labels for chain in chains if chain[-1].dedup_labels), ())
    if not asked or not all(labels.get(name) for name in asked):
        return None
    receivers = "\n".join(sorted({chain[-1].receiver for chain in chains}))
    # A label name has no blank in it, so that this is none.
    return fingerprint_of({name: labels[name] for name in asked} | {"to whom": receivers})


def standing(rows: Rows, it: Known, calm: timedelta) -> Alert:
    """By which the incident stands with this alert: the worst of it that fires. What tells no severity changes none, also
    where it was over for a moment.
    """
    alert, latest = it.alert, it.latest
    lately = latest is not None and (latest.closed_at is None or rows.now - latest.closed_at < calm)
    silent = alert.status is Status.RESOLVED or not alert.tells_severity
    if latest is not None and lately and silent:
        alert = replace(alert, labels=latest.labels, annotations=latest.annotations, graded=latest.severity)
    if it.told_as is None or latest is None:
        return alert
    firing = [alert] if alert.status is Status.FIRING else []
    firing += [member.alert for member in _others(rows, latest.id, it.told_as) if member.closed_at is None]
    worst = min(firing, key=lambda one: one.severity.rank, default=alert)
    return replace(alert, labels=worst.labels, annotations=worst.annotations, graded=worst.severity)


def is_news_again(latest: Incident, alert: Alert, now: datetime, stale_after: timedelta) -> bool:
    """The end between the two was lost: its source has found it well since it began, as Nagios does in a downtime; or one
    that tells a problem once tells it again after a long silence, with a later start or none.
    """
    if not latest.is_open or alert.status is Status.RESOLVED or alert.once:
        return False
    began = latest.starts_at or latest.opened_at
    if alert.well_at is not None and alert.source != SHARED and alert.well_at >= began + _SECOND:
        return True
    if latest.repeats:
        return False
    later = alert.starts_at is None or alert.starts_at >= began + _SECOND
    return later and now - latest.last_seen_at > stale_after


def is_repeat(rows: Rows, alert: Alert, stale_after: timedelta) -> bool:
    """True where the alert says again, under a name of its own, what its open incident says: nothing follows from it."""
    latest = rows.latest(alert.source, alert.fingerprint)
    if latest is None or not latest.is_open or latest.flapping or alert.once or alert.perhaps_over:
        return False
    if is_news_again(latest, alert, rows.now, stale_after):
        return False
    same = not alert.tells_severity or alert.severity is latest.severity
    return same and hear(alert, latest.episode, latest.episode.level, rows.now) is Heard.DUPLICATE


def meaning(
    rows: Rows, it: Known, now_is: Severity, chains: Chains, calm: timedelta, stale_after: timedelta
) -> Heard:
    """What it means for the incident, which is as severe as `now_is` with it. What one source has not spoken of for
    `stale_after` holds no shared incident open any more.
    """
    latest = (
        None if it.latest is None else replace(it.latest.episode, level=it.latest.level_at(rows.now, calm))
    )
    if _ends_another(rows, it):
        return Heard.OLD_END
    if it.latest is not None and is_news_again(it.latest, it.alert, rows.now, stale_after):
        return Heard.FIRST
    if it.told_as is None:
        return _again(rows, it, hear(it.alert, latest, now_is, rows.now), chains)
    others = it.latest is not None and _others_fire(rows, it.latest.id, it.told_as, rows.now - stale_after)
    return hear_shared(it.told_as, latest, it.own, now_is, others, rows.now)


def _ends_another(rows: Rows, it: Known) -> bool:
    """Whether it is the end of an episode that has ended before: it has the start of that one and not of this."""
    alert, latest = it.alert, it.latest
    if alert.status is Status.FIRING or latest is None or not latest.is_open or alert.starts_at is None:
        return False
    earlier = (one.starts_at for one in rows.episodes(latest.source, latest.fingerprint) if not one.is_open)
    return alert.starts_at != latest.starts_at and alert.starts_at in set(earlier)


def _repeated_every(chains: Chains) -> timedelta:
    return max((chain[-1].repeat_interval for chain in chains), default=NOTICE_LASTS) or NOTICE_LASTS


def _others_fire(rows: Rows, incident_id: int, alert: Alert, since: datetime) -> bool:
    """Whether any other alert of the incident has not ended, and was heard of since then."""
    return any(
        m.closed_at is None and (m.last_seen_at > since or m.source not in REPEATING)
        for m in _others(rows, incident_id, alert)
    )


def _others(rows: Rows, incident_id: int, alert: Alert) -> list[Member]:
    """The other alerts that an incident stands for."""
    mine = (alert.source, alert.fingerprint)
    every = (m for m in rows.members.rows.values() if m.incident_id == incident_id)
    return [m for m in every if (m.source, m.fingerprint) != mine]


def _again(rows: Rows, it: Known, word: Heard, chains: Chains) -> Heard:
    """Repeats keep no notice alive: a job that fails every ten minutes would be told once, and never more. What nothing
    ends is news again after the longest `repeat_interval`.
    """
    latest, known = it.latest, word in (Heard.DUPLICATE, Heard.CLOSED)
    repeated = it.alert.once and known and it.alert.status is Status.FIRING
    if not repeated or latest is None or rows.now - latest.opened_at < _repeated_every(chains):
        return word
    if latest.is_open:
        rows.incidents.put(latest.id, replace(latest, state=IncidentState.UNHEARD, closed_at=rows.now))
    return Heard.FIRST


def under_other_names(rows: Rows, it: Known) -> list[int]:
    """The incidents that the alert was part of before `dedup_labels` were written, changed or removed."""
    told = it.told_as or it.alert
    plain = rows.latest(told.source, told.fingerprint)
    member = it.member or rows.member_of(told.source, told.fingerprint)
    found = [plain.id] if plain is not None else []
    found += [member.incident_id] if member is not None else []
    return [id_ for id_ in found if it.latest is None or id_ != it.latest.id]


def note_member(rows: Rows, it: Known, word: Heard, incident_id: int) -> None:
    """Writes down what a source says of an incident that it shares with others."""
    if it.told_as is None or word in (Heard.OLD_COPY, Heard.OLD_END, Heard.NEVER_FIRED):
        return
    alert, now = it.told_as, rows.now
    key = (incident_id, alert.source, alert.fingerprint)
    had = rows.members.get(key)
    if word is Heard.HELD_COPY:
        if had is not None and had.closed_at is not None:
            rows.members.put(key, replace(had, last_seen_at=max(now, had.closed_at + _MOMENT)))
    elif alert.status is Status.FIRING:
        starts_at = alert.starts_at if had is None or had.closed_at is not None else had.starts_at
        opened_at = now if had is None else had.opened_at
        told = alert if alert.tells_severity or had is None else had.alert
        rows.members.put(
            key,
            Member(
                *key,
                starts_at,
                opened_at,
                now,
                labels=told.labels,
                annotations=told.annotations,
                severity=told.severity,
            ),
        )
    elif it.own is not None and had is not None:
        closed_at = had.closed_at or now
        ended = replace(had, closed_at=closed_at, ended_at=alert.ends_at, last_seen_at=closed_at)
        rows.members.put(key, replace(ended, end_reason=alert.end_reason))


def held_copies(rows: Rows, incident_id: int) -> list[Member]:
    """The alerts of a shared incident of which a copy came after their end, and no end after that."""
    every = rows.members_of(incident_id)
    return [m for m in every if m.closed_at is not None and m.last_seen_at > m.closed_at]

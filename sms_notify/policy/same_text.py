"""What else a text may be taken for: the other problems that its reader was told of, and whatever is open and reads alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sms_notify.policy.bundles import texted
from sms_notify.policy.records import Incident, Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.vocabulary import IncidentState, Kind
from sms_notify.policy.watches import NAME, SOURCE
from sms_notify.wording.content import NOTHING_FIRES, StillFiring


def still_firing(rows: Rows, listed: Sequence[Notification]) -> StillFiring:
    """Of the texts that told the reader of `listed`, ends alone, that these problems fire: how many they told, and what of
    that fires. Then what such an end may be taken for, which is counted as well: what reads alike but for its severity, told
    in another text.
    """
    if any(n.kind is not Kind.RESOLVED for n in listed):
        return NOTHING_FIRES
    ended = {n.incident_id for n in listed}
    told = {id_ for n in listed for id_ in _told_with(rows, n) if not _of_another_watch(rows, n, id_)}
    fires = [one for id_ in sorted(told - ended) if (one := rows.incidents.rows[id_]) and _fires(one)]
    apart = told | ended
    pairs = [one for one in _pairs(rows, listed) if one.id not in apart]
    subjects = [*(n.subject for n in listed), *(one.subject for one in (*fires, *pairs))]
    left = rows.alike.told_apart(subjects)[len(listed) :]
    return StillFiring(len(told) + len(pairs) if fires else 0, tuple(map(texted, left)))


def told_before(rows: Rows, n: Notification) -> list[int]:
    """The messages that may have told its reader that it fires."""
    mine = (one for one in rows.of_incident(n.incident_id) if one.number == n.number)
    return [
        one.message_id
        for one in mine
        if one.message_id is not None and one.kind is not Kind.RESOLVED and rows.may_have_arrived(one)
    ]


def _told_with(rows: Rows, n: Notification) -> set[int]:
    """What the last of these messages told, as far as it was loaded."""
    before = told_before(rows, n)
    last = rows.of_message(before[-1]) if before else []
    return {one.incident_id for one in last if one.kind is not Kind.RESOLVED}


def _of_another_watch(rows: Rows, n: Notification, other: int) -> bool:
    """Watches have nothing in common but that they may fall silent at once: the end of one says nothing of another."""
    one, two = rows.incidents.rows[n.incident_id], rows.incidents.rows[other]
    return one.source == two.source == SOURCE and one.labels[NAME] != two.labels[NAME]


def _pairs(rows: Rows, ends: Sequence[Notification]) -> Iterable[Incident]:
    """What their reader was told that reads like one of them at another severity, and what still fires."""
    found = {
        one.id: one
        for end in ends
        for one in rows.alike.those_like(end.subject.alert)
        if one.subject.alert.severity is not end.subject.alert.severity
    }
    return [one for one in found.values() if _fires(one) and _is_told(rows, one, ends[0].number)]


def _is_told(rows: Rows, incident: Incident, number: str) -> bool:
    return any(
        n.number == number and n.kind is not Kind.RESOLVED and rows.may_have_arrived(n)
        for n in rows.of_incident(incident.id)
    )


def _fires(incident: Incident) -> bool:
    return incident.is_open and incident.ended_at is None and incident.state is not IncidentState.UNHEARD

"""Which notifications make one text, and what that text has to say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sms_notify.alert import Severity, Status
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import UNACKNOWLEDGED, Notification, Subject
from sms_notify.policy.vocabulary import Kind
from sms_notify.wording.content import (
    NOTHING_FIRES,
    Crowd,
    Digest,
    Merged,
    Notice,
    Pause,
    Silent,
    StillFiring,
    TextedIncident,
    Tone,
)

FLAPPING = "flapping"  # the bundle of those that say so
RAISED = "raised"  # of those that are told to somebody who knows of the lesser trouble
CLOSED = "closed"  # of ends that somebody made by hand; their name follows
_TONES = {Kind.ESCALATION: Tone.ESCALATED, Kind.REMINDER: Tone.REMINDER, Kind.UNHEARD: Tone.UNHEARD}

_BY_BUNDLE = {FLAPPING: Tone.FLAPPING, RAISED: Tone.RAISED, UNACKNOWLEDGED: Tone.UNACKNOWLEDGED}


def bundle(n: Notification) -> tuple[str, ...]:
    """What is told in one text when there is room: the same thing, by the same receiver, of the same group."""
    if n.why in (Hold.QUIET, Hold.LATE):
        return ("", n.why)
    if n.again_of is not None:
        return (n.receiver, n.kind, Hold.UNCONFIRMED)
    return (n.receiver, n.kind, "" if _has_fallen(n) else n.bundle)


def _has_fallen(n: Notification) -> bool:
    """A rise to critical that waited, and is milder by now: it is worse than nothing that its reader knows."""
    critical = n.subject.alert.severity is Severity.CRITICAL
    return n.bundle == RAISED and n.row_lane is Lane.CRITICAL and not critical


def needs_digest(listed: Iterable[Notification]) -> bool:
    """More than one kind of thing, ends by several words, things that began and ended untold, or several that are too old
    to be news, or were held for a night.
    """
    told = list(listed)
    every = [
        n for n in told if _tone(n) is not Tone.FLAPPING
    ]  # that it comes and goes is all that is told of it
    untold = any(n.subject.ended and n.kind is not Kind.RESOLVED for n in every)
    held = bool(every) and len(told) > 1 and any(n.why in (Hold.LATE, Hold.QUIET) for n in told)
    return untold or held or len({(n.kind, *_end_of(n)) for n in every}) > 1


def _end_of(n: Notification) -> tuple[str, ...]:
    """What an end is told by: a text begins with the word of one."""
    return (n.subject.closed_by, n.subject.alert.end_reason) if n.kind is Kind.RESOLVED else ()


def came_and_went(n: Notification) -> bool:
    """Whether it began and ended while it was held: to a reader who believes nothing, nothing is owed."""
    return bool(n.id) and n.subject.ended and n.kind is not Kind.RESOLVED


def _told(n: Notification) -> TextedIncident:
    told = texted(n.subject)
    return replace(told, again=n.again_of is not None, flapping=_tone(n) is Tone.FLAPPING)


def texted(subject: Subject) -> TextedIncident:
    """An incident as a text tells it."""
    return TextedIncident(
        tag_of(subject.incident_id), subject.alert, subject.since, subject.ended, subject.closed_by, subject.acked_by,
        heard_at=subject.heard_at, apart=subject.apart,
    )  # fmt: skip


def _once(listed: Iterable[Notification]) -> tuple[TextedIncident, ...]:
    """An incident that is owed twice is told once."""
    return tuple({n.subject.incident_id: _told(n) for n in listed}.values())


def _tone(n: Notification) -> Tone:
    told_calm = (
        n.bundle == FLAPPING and not n.subject.flapping
    )  # its text failed, and the bout has ended since
    return (None if told_calm or _has_fallen(n) else _BY_BUNDLE.get(n.bundle)) or _TONES.get(
        n.kind, Tone.NEWS
    )


def notice(
    listed: Sequence[Notification], silence: Pause | None, link: str, still: StillFiring = NOTHING_FIRES
) -> Notice:
    first = listed[0]
    status, tone = Status.RESOLVED if first.kind is Kind.RESOLVED else Status.FIRING, _tone(first)
    times = max(n.subject.flapping for n in listed)
    hidden = sum(n.hidden for n in listed)
    flaps = times if tone is Tone.FLAPPING else 0
    late = any(n.why is Hold.LATE for n in listed)
    return Notice(status, _once(listed), hidden, tone, flaps, link, *_of(silence), still, late)


def _of(silence: Pause | None) -> tuple[datetime | None, Silent]:
    return (silence.until, silence.of) if silence is not None else (None, Silent.ALL)


def digest(
    listed: Sequence[Notification],
    why: Merged,
    since: datetime,
    silence: Pause | None,
    link: str,
    crowd: Crowd,
    still: StillFiring = NOTHING_FIRES,
) -> Digest:
    """`why` is what holds where none of them was held for the night or came too late."""
    if why is Merged.CLOSING:
        pass
    elif any(n.why is Hold.LATE for n in listed):
        why = Merged.LATE
    elif any(n.why is Hold.QUIET for n in listed):
        why = Merged.QUIET
    over = _once(n for n in listed if n.kind is Kind.RESOLVED)
    ended = {n.subject.incident_id for n in listed if n.kind is Kind.RESOLVED}
    held = _once(n for n in listed if n.kind is not Kind.RESOLVED and n.subject.incident_id not in ended)
    hidden = sum(n.hidden for n in listed)
    tones = {_tone(n) for n in listed if n.kind is not Kind.RESOLVED}
    tone = tones.pop() if len(tones) == 1 else Tone.NEWS
    until, silent = _of(silence)
    return Digest(why, held, over, since, until, hidden, link, silent, crowd, tone, still)

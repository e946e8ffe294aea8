"""Which pages make one text, and what that text has to say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sms_notify.alert import Status
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.holds import Hold
from sms_notify.policy.vocabulary import Kind
from sms_notify.store.pages import Page
from sms_notify.wording.content import Digest, Merged, Notice, Told, Tone

FLAPPING = "flapping"  # the bundle of pages that say so
RAISED = "raised"  # of those that are told to somebody who knows of the lesser trouble
_TONES = {Kind.ESCALATION: Tone.ESCALATED, Kind.REMINDER: Tone.REMINDER}

_BY_BUNDLE = {FLAPPING: Tone.FLAPPING, RAISED: Tone.RAISED}


def bundle(page: Page) -> tuple[str, ...]:
    """What is told in one text when there is room: the same thing, by the same receiver, of the same group."""
    if page.why in (Hold.QUIET, Hold.LATE):
        return ("", page.why)
    return (page.receiver, page.kind, page.bundle)


def needs_digest(listed: Iterable[Page]) -> bool:
    """More than one kind of thing, or things that began and ended untold, that are too old to be news, that were held
    for a night.
    """
    every = [
        page for page in listed if page.bundle != FLAPPING
    ]  # that it comes and goes is all that is told of it
    untold = any(page.subject.ended and page.kind is not Kind.RESOLVED for page in every)
    late = any(page.why is Hold.LATE or (page.why is Hold.QUIET and len(every) > 1) for page in every)
    return untold or late or len({page.kind for page in every}) > 1


def is_old_news(items: Sequence[Page], announced: bool) -> bool:
    """Nothing but trouble that came and went while it was held for a moment."""
    if announced or not all(page.id for page in items):
        return False
    return all(
        page.subject.ended and page.kind.news and page.why is not Hold.LATE and page.bundle != FLAPPING
        for page in items
    )


def _told(page: Page) -> Told:
    subject = page.subject
    since = subject.alert.starts_at or subject.opened_at
    return Told(tag_of(subject.incident_id), subject.alert, since, ended=subject.ended)


def _once(listed: Iterable[Page]) -> tuple[Told, ...]:
    """An incident that is owed twice is told once."""
    return tuple({page.subject.incident_id: _told(page) for page in listed}.values())


def notice(listed: Sequence[Page], silent: datetime | None, link: str) -> Notice:
    first = listed[0]
    status = Status.RESOLVED if first.kind is Kind.RESOLVED else Status.FIRING
    tone = _BY_BUNDLE.get(first.bundle) or _TONES.get(first.kind, Tone.NEWS)
    times = max(page.subject.flapping for page in listed)
    hidden = sum(page.hidden for page in listed)
    return Notice(status, _once(listed), hidden, tone, times if tone is Tone.FLAPPING else 0, link, silent)


def digest(
    listed: Sequence[Page], announced: bool, since: datetime, silent: datetime | None, link: str
) -> Digest:
    why = Merged.STORM
    if announced:
        why = Merged.CLOSING
    elif any(page.why is Hold.LATE for page in listed):
        why = Merged.LATE
    elif any(page.why is Hold.QUIET for page in listed):
        why = Merged.QUIET
    over = _once(page for page in listed if page.kind is Kind.RESOLVED)
    ended = {page.subject.incident_id for page in listed if page.kind is Kind.RESOLVED}
    held = _once(p for p in listed if p.kind is not Kind.RESOLVED and p.subject.incident_id not in ended)
    hidden = sum(page.hidden for page in listed)
    return Digest(why, held, over, since, silent, hidden, link)

"""An end that tells part of what one text told: how many of how many, and what of it still fires."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sms_notify.alert import Status
from sms_notify.wording.alert_fields import title_of
from sms_notify.wording.content import Notice, StillFiring, TextedIncident
from sms_notify.wording.languages import Words
from sms_notify.wording.phrases import counted, rank_word
from sms_notify.wording.place import hoisted, place_of, places_of
from sms_notify.wording.templates import one_line

_NAMED = 3  # that still fire; more are counted
_TAGS = 3  # of one text
_TAG = 12  # characters


def tag_words(told: TextedIncident) -> str:
    """`#k3f9`; empty where there is none."""
    tag = one_line(told.tag, _TAG)
    return f"#{tag}" if tag else ""


def tags_of(notice: Notice) -> Sequence[str]:
    """The tag of what a text tells first, which may be empty, and those of the others where they are few."""
    if len(notice.incidents) == 1:
        return (tag_words(notice.incidents[0]),)
    listed = sorted(notice.incidents, key=lambda told: told.alert.severity.rank)
    tags = list(dict.fromkeys(map(tag_words, listed)))
    return tags if len(tags) <= _TAGS else tags[:1]


def is_one_of_a_pair(notice: Notice) -> bool:
    """Whether what still fires would read like what has ended: a rule for warnings, and one for what is critical."""
    return any(_alike(one, other) for one in notice.incidents for other in notice.still.incidents)


def _alike(one: TextedIncident, other: TextedIncident) -> bool:
    names = [told.alert.labels.get("alertname") for told in (one, other)]
    if names[0] != names[1] or one.alert.severity is other.alert.severity:
        return False
    return place_of(one.alert) == place_of(other.alert)


def of_words(notice: Notice, words: Words) -> str:
    """`1 of 2`; empty where no text told more."""
    return of_how_many(len(notice.incidents), notice.still, words) if notice.status is Status.RESOLVED else ""


def of_how_many(ended: int, still: StillFiring, words: Words) -> str:
    return words.some.format(ended, still.told) if still.told > ended else ""


def still_words(notice: Notice, words: Words) -> str:
    """`/var #k3fb still firing`; what differs from what has ended is enough. Empty where nothing of that text fires."""
    return still_firing(notice.incidents, notice.still, words) if notice.status is Status.RESOLVED else ""


def still_firing(ended: Sequence[TextedIncident], still: StillFiring, words: Words) -> str:
    fires = still.incidents
    if not fires:
        return ""
    if len(fires) > _NAMED:
        return counted(words.still, len(fires))
    return words.still.format(", ".join(_named(ended, fires, words)))


def _named(ended: Sequence[TextedIncident], fires: Sequence[TextedIncident], words: Words) -> Iterable[str]:
    every = [*ended, *fires]
    titles = {title_of(told.alert, words) for told in every}
    ranks = {told.alert.severity for told in every}
    where, places = hoisted(places_of(every))
    for told, place in zip(fires, places[len(ended) :], strict=True):
        rank = rank_word(told.alert, words) if len(ranks) > 1 else ""
        title = title_of(told.alert, words) if len(titles) > 1 else ""
        alike = len(set(places)) == 1 and rank and not title  # the rank alone tells them apart
        at = "" if alike else f"{where} {place}".strip() if title else place
        yield " ".join(filter(None, (rank, title, at, tag_words(told))))

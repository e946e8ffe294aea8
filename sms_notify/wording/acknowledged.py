"""Who takes care of what a text tells, said once for each of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sms_notify.wording.alert_fields import title_of, where_of
from sms_notify.wording.content import TextedIncident
from sms_notify.wording.languages import Words
from sms_notify.wording.templates import one_line

_NAME = 30  # characters of somebody's name
_NAMED = 3  # places; more are counted


def acked_words(told: Sequence[TextedIncident], words: Words) -> str:
    """`acknowledged by bob` of what fires; where that is not all of it: `acknowledged by bob: web2`. Empty where nobody has."""
    firing = [one for one in told if not one.ended]
    names = dict.fromkeys(one.acked_by for one in firing if one.acked_by)
    return ", ".join(_of_one(by, firing, words) for by in names)


def _of_one(by: str, firing: Sequence[TextedIncident], words: Words) -> str:
    his = [one for one in firing if one.acked_by == by]
    said = words.acked.format(one_line(by, _NAME))
    if len(his) == len(firing):
        return said
    others = {where_of(one.alert) for one in firing if one.acked_by != by}
    places = dict.fromkeys(_named(one, others, words) for one in his)
    few = len(places) <= _NAMED
    return f"{said}: {', '.join(places) if few else words.some.format(len(his), len(firing))}"


def _named(one: TextedIncident, others: Collection[str], words: Words) -> str:
    """Its place; with its name where something else is there of which nobody takes care, or somebody else does."""
    where, title = where_of(one.alert), title_of(one.alert, words)
    if not where:
        return title
    return f"{title} {where}" if where in others else where

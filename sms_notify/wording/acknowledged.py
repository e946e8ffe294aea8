"""Who takes care of what a text tells, said once for each of them."""

from __future__ import annotations

from collections.abc import Sequence

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
    others = [one for one in firing if one.acked_by != by]
    places = dict.fromkeys(_name_of(one, others, words) for one in his)
    few = len(places) <= _NAMED
    return f"{said}: {', '.join(places) if few else words.some.format(len(his), len(firing))}"


def _name_of(told: TextedIncident, others: Sequence[TextedIncident], words: Words) -> str:
    """The shortest that none of the others has: two problems of one host are told apart by what they are."""
    taken = {name for one in others for name in _names_of(one, words)}
    return next((name for name in _names_of(told, words) if name not in taken), f"#{told.tag}")


def _names_of(told: TextedIncident, words: Words) -> Sequence[str]:
    where, title = where_of(told.alert), title_of(told.alert, words)
    return [name for name in (where, title, f"{title} {where}") if name.strip()]

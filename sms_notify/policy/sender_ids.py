"""The ids that senders give their alerts: which of them name problems, and which name posts alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sms_notify.alert import NOT_SAID, Alert, fingerprint_of

POSTS = 3
"""So many posts of equal labels and words, each with an id of its own, show that the ids name posts. Two may be two problems."""

_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class OwnId:
    """An id that a sender gave an alert, by its `name` within the sender; `alike` is what the alert would be known by
    without it, `fingerprint` what it is known by, `words` are its texts without their numbers. `proven`: two posts bore
    the id, or one had another beside it; so it names a problem and not a post.
    """

    source: str
    alike: str
    name: str
    fingerprint: str
    words: str
    proven: bool = False


def side_by_side(alerts: Iterable[Alert]) -> frozenset[str]:
    """The labels under which one post holds several ids: there an id names a problem, for it tells two apart."""
    ids: dict[str, set[str]] = {}
    for alert in alerts:
        if alert.own_id:
            ids.setdefault(alert.alike, set()).add(alert.own_id)
    return frozenset(alike for alike, names in ids.items() if len(names) > 1)


def name_posts(alike: Sequence[OwnId], more: int) -> bool:
    """Whether these ids of equal labels, and so many `more` that are not known yet, were in one post each: then they are
    one problem.
    """
    same_words = len({one.words for one in alike}) == 1
    return len(alike) + more >= POSTS and same_words and not any(one.proven for one in alike)


def told(annotations: Mapping[str, str]) -> dict[str, str]:
    """What the source itself said."""
    return {name: text for name, text in annotations.items() if name not in NOT_SAID}


def words_of(alert: Alert) -> str:
    """A name for its texts without their numbers: a repeat measures anew, another problem speaks otherwise."""
    texts = {name: _NUMBERS.sub("", text) for name, text in told(alert.annotations).items()}
    return fingerprint_of({name: text for name, text in texts.items() if name != "url"})

"""Many critical problems at once: which of them a text must name, and which pieces of a crowd a text may leave for the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from itertools import chain

from sms_notify.alert import Severity
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.records import Notification
from sms_notify.policy.vocabulary import Kind
from sms_notify.wording.composed import Composed

NAMED = 36
"""More critical problems at once are counted kind by kind: to name each would cost a text for every ten."""

Piece = Sequence[Notification]
"""What one text tells, or leaves as a whole."""


NONE: frozenset[int] = frozenset()


def to_be_said(listed: Iterable[Notification], known: Set[int] = NONE) -> frozenset[int]:
    """The critical problems among them that are open. What a text has counted (`known`) is only reminded of, by
    its kind and count.
    """
    return frozenset(
        n.incident_id
        for n in listed
        if n.kind is not Kind.RESOLVED
        and not (n.kind is Kind.REMINDER and n.incident_id in known)
        and n.subject.alert.severity is Severity.CRITICAL
        and not n.subject.ended
    )


def is_counted(listed: Iterable[Notification], known: Set[int] = NONE) -> bool:
    """Whether they are so many that a kind with its count says all of that kind."""
    return len(to_be_said(listed, known)) > NAMED


def says_all(
    listed: Iterable[Notification], text: Composed, *, counted: bool, known: Set[int] = NONE
) -> bool:
    """Whether a reader of `text` knows of every open critical problem that it is to tell."""
    said = text.named | text.counted if counted else text.named
    return {tag_of(id_) for id_ in to_be_said(listed, known)} <= said


def kind_of(n: Notification) -> object:
    """Its alertname; what has none is a kind by itself."""
    return n.subject.alert.labels.get("alertname") or n.incident_id


def pieces(listed: Sequence[Notification], known: Set[int] = NONE) -> list[Piece]:
    """The newest critical problem first, each by itself, or where they are counted the largest kind first, each kind by
    itself; then all that need not be named.
    """
    open_now, counted = to_be_said(listed, known), is_counted(listed, known)
    found: dict[object, list[Notification]] = {}
    for n in sorted(listed, key=lambda n: (n.subject.opened_at, n.incident_id), reverse=True):
        if n.incident_id in open_now and n.kind is not Kind.RESOLVED:
            found.setdefault(kind_of(n) if counted else n.incident_id, []).append(n)
    critical = sorted(found.values(), key=len, reverse=True) if counted else list(found.values())
    taken = {id(n) for n in flat(critical)}
    others = [n for n in listed if id(n) not in taken]
    return [*critical, *([others] if others else [])]


def flat(listed: Iterable[Piece]) -> list[Notification]:
    return list(chain.from_iterable(listed))

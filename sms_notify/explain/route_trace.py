"""The way of an alert through the route tree, with every route that did not take it, and why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sms_notify.policy.matchers import Matcher
from sms_notify.policy.routing import Route


class Look(StrEnum):
    """What became of one route."""

    TAKEN = "taken"
    NO_MATCH = "no_match"
    NOT_REACHED = "not_reached"  # one before it has taken the alert


@dataclass(frozen=True, slots=True)
class Looked:
    """One route as it was looked at; `failed` are its matchers that do not match. `answers`: its receiver hears of it.

    `before` is the path of the route that took the alert, where this one was not reached.
    """

    route: Route
    look: Look
    failed: tuple[Matcher, ...] = ()
    answers: bool = False
    before: str = ""


def walk(root: Route, labels: Mapping[str, str]) -> tuple[Looked, ...]:
    """Every route that was looked at or passed over, in the order of the file; not what lies below one that does not match."""
    return tuple(_walk(root, labels))


def _walk(node: Route, labels: Mapping[str, str]) -> Iterator[Looked]:
    below: list[Looked] = []
    taken, last = False, ""
    for child in node.routes:
        failed = tuple(matcher for matcher in child.matchers if not matcher.matches(labels))
        if last:
            below.append(Looked(child, Look.NOT_REACHED, before=last))
        elif failed:
            below.append(Looked(child, Look.NO_MATCH, failed))
        else:
            taken = True
            below += _walk(child, labels)
            last = "" if child.continue_ else child.path
    yield Looked(node, Look.TAKEN, answers=not taken)
    yield from below

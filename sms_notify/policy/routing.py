"""The route tree: an alert's labels choose its receivers, by Alertmanager's own rules.

Depth first; the first child that matches wins unless it says `continue`; a node whose children do not match
is itself the answer. Labels choose a route by exact rules and never carry a destination.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sms_notify.policy.directory import Target
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.matchers import Matcher
from sms_notify.policy.rate_limits import Limit

# Steps and reminders are numbered, and none is told twice. A severity that rises begins a new round of them.
ROUND = 1_000_000

REPEAT = 20_000
"""So far apart are the numbers of a notification and of its repeats by hand: more than one round has steps or reminders."""

MOST_REPEATS = ROUND // REPEAT - 1


def repeated(nth: int, times: int) -> int:
    """The number of a notification's repeat, so many times after the first; 0 is the first itself."""
    return nth - nth % ROUND + nth % ROUND % REPEAT + times * REPEAT


def is_repeat(nth: int) -> bool:
    return nth % ROUND >= REPEAT


def step_of(nth: int) -> int:
    """The number of a text within its round: 0 is the first text, 1 the first step. A repeat by hand has that of the first."""
    return nth % ROUND % REPEAT


@dataclass(frozen=True, slots=True)
class Step:
    """Who is told when an incident is still not acknowledged `after` its first text was due."""

    after: timedelta
    notify: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who hears of an alert and how it is worded. No `notify` = recorded, never sent.

    `limits` bind the texts of this receiver that are not about critical trouble. `ack_expires` is how long an
    acknowledgement holds; None = until somebody ends it. `gateway_armed`: its next step lies in the gateway's outbox.
    """

    name: str
    notify: tuple[Target, ...] = ()
    send_resolved: bool = True
    max_parts: int = 1
    template: str = "default"
    escalate: tuple[Step, ...] = ()
    quiet: Quiet | None = None
    limits: tuple[Limit, ...] = ()
    ack_expires: timedelta | None = None
    gateway_armed: bool = False

    @property
    def everybody(self) -> tuple[Target, ...]:
        """At once or by a step."""
        return (*self.notify, *(target for step in self.escalate for target in step.notify))

    def climbed_by(self, nth: int) -> timedelta:
        """How long after the first text the step before step `nth` is told."""
        return self.escalate[nth - 2].after if 2 <= nth <= len(self.escalate) + 1 else timedelta()


@dataclass(frozen=True, slots=True)
class Route:
    """One node of the tree. `path` is how the configuration spells the way to it (`route.routes[1]`).

    `group_by`, `group_wait` and `group_interval` are for sources that have no grouping of their own; Alertmanager
    has, and what it groups is never held a second time. An empty `active` means always. What agrees in `dedup_labels` is
    one incident, whatever source it comes from.
    """

    receiver: str
    path: str = "route"
    matchers: tuple[Matcher, ...] = ()
    continue_: bool = False
    routes: tuple[Route, ...] = ()
    group_by: tuple[str, ...] = ()
    group_wait: timedelta = timedelta(seconds=30)
    group_interval: timedelta = timedelta(minutes=5)
    repeat_interval: timedelta = timedelta(hours=4)
    mute: tuple[Window, ...] = ()
    active: tuple[Window, ...] = ()
    dedup_labels: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        for matcher in self.matchers:  # noqa: SIM110 - a generator costs twice as much, and there may be a thousand routes
            if not matcher.matches(labels):
                return False
        return True


@dataclass(frozen=True, slots=True)
class Routed:
    """The answer for one label set: the routes taken, each a chain from the root to the node that answered."""

    chains: tuple[tuple[Route, ...], ...] = field(default_factory=tuple)

    @property
    def receivers(self) -> tuple[str, ...]:
        """Receiver names in order, each once."""
        return tuple(dict.fromkeys(chain[-1].receiver for chain in self.chains))


def route(root: Route, labels: Mapping[str, str]) -> Routed:
    """Where an alert with these labels goes; the root takes whatever nothing below it takes."""
    return Routed(tuple(_walk(root, labels, ())))


def _walk(node: Route, labels: Mapping[str, str], above: tuple[Route, ...]) -> Iterator[tuple[Route, ...]]:
    chain = (*above, node)
    taken = False
    for child in node.routes:
        if not child.matches(labels):
            continue
        taken = True
        yield from _walk(child, labels, chain)
        if not child.continue_:
            break
    if not taken:
        yield chain

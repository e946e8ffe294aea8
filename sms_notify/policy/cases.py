"""Alerts on their way from what they mean to what is owed of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sms_notify.alert import Alert, Severity
from sms_notify.policy.correlation import Chains
from sms_notify.policy.records import Notification
from sms_notify.policy.routing import Route
from sms_notify.policy.vocabulary import Heard


@dataclass(frozen=True, slots=True)
class Case:
    """An alert on its way through `accept`: what it means, and for which episode.

    `flapping` counts the episodes where they are too many to tell each. `round` counts how often its severity rose.
    `told_as` is the alert as its source told it, where the incident that it belongs to has another name. `anew`: its
    steps begin with the first, though it goes on.
    """

    alert: Alert
    heard: Heard
    incident_id: int | None
    opened_at: datetime
    chains: Chains = ()
    flapping: int = 0
    round: int = 0
    told_as: Alert | None = None
    anew: bool = False

    @property
    def receivers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(chain[-1].receiver for chain in self.chains))

    @property
    def id(self) -> int:
        assert self.incident_id is not None  # noqa: S101 - FIRST and RESOLVED always have an episode
        return self.incident_id

    @property
    def critical(self) -> bool:
        return self.alert.severity is Severity.CRITICAL

    def routes_to(self, receiver: str) -> list[Route]:
        return [chain[-1] for chain in self.chains if chain[-1].receiver == receiver]


@dataclass(frozen=True, slots=True)
class EndsOwed:
    """What the ends of a delivery lead to; `told_at_once` are incidents whose end is told with their beginning."""

    owed: tuple[Notification, ...] = ()
    told_at_once: frozenset[int] = frozenset()

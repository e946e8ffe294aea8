"""What deciding needs of a configuration: the routes, the people, the words, and how long things wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sms_notify.alert import KNOWN_WORDS, Severity, SeverityWords
from sms_notify.policy.directory import Directory, Target, TargetKind
from sms_notify.policy.episodes import STALE_AFTER
from sms_notify.policy.rate_limits import Limits
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.self_check import SelfCheck
from sms_notify.policy.site_alive import SiteAlive
from sms_notify.policy.watches import WatchRule
from sms_notify.wording.templates import Template


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things wait. `lease` must outlast the longest request, or a slow answer would look like a crash."""

    lease: timedelta = timedelta(seconds=45)
    reconcile_wait: timedelta = timedelta(seconds=60)
    report_timeout: timedelta = timedelta(minutes=30)
    expire: timedelta = timedelta(hours=1)
    expire_critical: timedelta = timedelta(hours=4)
    stale_after: timedelta = STALE_AFTER
    failover_after: timedelta = timedelta(minutes=5)

    def expiry(self, severity: Severity) -> timedelta:
        return self.expire_critical if severity is Severity.CRITICAL else self.expire


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything of the configuration that deciding and wording need.

    `ack_url` is what stands before the code of a link that acknowledges; empty where texts bear none.
    """

    route: Route
    receivers: Mapping[str, Receiver]
    directory: Directory
    templates: Mapping[str, Template] = field(default_factory=dict)
    gateways: tuple[str, ...] = ()
    timing: Timing = field(default_factory=Timing)
    limits: Limits = field(default_factory=Limits)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    ack_url: str = ""
    severities: SeverityWords = KNOWN_WORDS
    self_check: SelfCheck | None = None
    site_alive: SiteAlive | None = None
    watches: Mapping[str, WatchRule] = field(default_factory=dict)

    @property
    def gateway(self) -> str:
        """Where texts leave first; empty where nothing is ever texted."""
        return self.gateways[0] if self.gateways else ""

    def receiver(self, name: str) -> Receiver:
        """One that the configuration names no more tells nobody, and words things plainly."""
        return self.receivers.get(name) or Receiver(name)

    def targets(self) -> tuple[Target, ...]:
        """Whom any receiver may tell, at once or by a later step; who gets the text of the day, and that of a silent site."""
        receivers = self.receivers.values()
        told = [target for receiver in receivers for target in receiver.notify]
        told += [t for receiver in receivers for step in receiver.escalate for t in step.notify]
        checked = self.self_check.notify if self.self_check is not None else ()
        at_last = self.site_alive.notify if self.site_alive is not None else ()
        return (*told, *checked, *at_last)

    def numbers(self) -> frozenset[str]:
        """Every number that the configuration names; no other is ever texted."""
        bare = [t for t in self.targets() if t.kind in (TargetKind.NUMBER, TargetKind.GROUP)]
        named = (*self.directory.people.values(), *self.directory.resolve(bare))
        return frozenset(person.number for person in named)

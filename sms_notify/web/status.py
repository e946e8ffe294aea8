"""What the first page says: whether all is well, and if not, what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sms_notify.alert import Severity
from sms_notify.barring import about_of, say_breaker
from sms_notify.explain.untold import say_untold
from sms_notify.oncall.roster import obeyed
from sms_notify.policy.bars import Breaker
from sms_notify.policy.directory import Directory
from sms_notify.policy.retry_policy import Level
from sms_notify.policy.rotations import Schedule
from sms_notify.self_alerts import gather
from sms_notify.store import breakers, oncall_rows, page_queries, queries
from sms_notify.store.breakers import SelfAlert
from sms_notify.store.messages import Message
from sms_notify.store.page_queries import Balance, Held, NotificationProgress, Queue, ShownIncident
from sms_notify.store.tx import Tx
from sms_notify.web.oncall_view import Duty, duty_of

INCIDENTS_SHOWN = 100
TEXTS_SHOWN = 12


class Mood(StrEnum):
    """How the page looks at it."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


_WORST_FIRST = (Mood.BAD, Mood.WARN, Mood.GOOD)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not well, in words."""

    mood: Mood
    text: str


@dataclass(frozen=True, slots=True)
class ClosedDoor:
    """What does not leave at a gateway now; `about` says of whom or what."""

    breaker: Breaker
    about: str


@dataclass(frozen=True, slots=True)
class StatusView:
    """How things stand at one moment. `open` is at most INCIDENTS_SHOWN of `total`."""

    findings: tuple[Finding, ...]
    open: tuple[tuple[ShownIncident, tuple[NotificationProgress, ...]], ...]
    total: int
    duties: tuple[Duty, ...]
    queue: Queue
    held: tuple[Held, ...]
    closed: tuple[ClosedDoor, ...]
    self_alerts: tuple[SelfAlert, ...]
    balances: tuple[Balance, ...]
    texts: tuple[tuple[Message, tuple[int, ...]], ...]

    @property
    def mood(self) -> Mood:
        return self.findings[0].mood if self.findings else Mood.GOOD

    @property
    def headline(self) -> str:
        return self.findings[0].text if self.findings else "All is well"

    @property
    def beyond(self) -> int:
        """How many open incidents the page does not show."""
        return self.total - len(self.open)


def status_of(
    tx: Tx,
    schedules: Mapping[str, Schedule],
    not_ready: Sequence[str],
    now: datetime,
    directory: Directory,
    say: Callable[[datetime], str],
) -> StatusView:
    """Everything of the first page. `not_ready` are the reasons why alerts or texts are not taken now. `say` tells a time as
    the reader's clock shows it.
    """
    counts = page_queries.open_counts(tx)
    made = obeyed(oncall_rows.overrides(tx, now), directory)
    duties = tuple(duty_of(schedule, made, now) for schedule in schedules.values())
    closed, queue = tuple(breakers.all_open(tx)), page_queries.queue(tx)
    self_alerts = tuple(one.self_alert for one in gather(breakers.open_self_alerts(tx)))
    findings = [
        *_of_untold(*queries.critical_untold(tx), closed, now, say),
        *(Finding(Mood.BAD, reason[:1].upper() + reason[1:]) for reason in not_ready),
        *_of_incidents(counts),
        *(
            Finding(Mood.BAD, f"Nobody is on call for {duty.schedule}")
            for duty in duties
            if duty.holder is None
        ),
        *_of_gateways(closed, directory),
        *_of_self_alerts(self_alerts),
    ]
    return StatusView(
        findings=tuple(sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.mood))),
        open=tuple((one, tuple(page_queries.told(tx, one.id))) for one in _shown(tx)),
        total=sum(n for n, _ in counts.values()),
        duties=duties,
        queue=queue,
        held=tuple(page_queries.held(tx)),
        closed=tuple(ClosedDoor(breaker, _closed(breaker, directory)) for breaker in closed),
        self_alerts=self_alerts,
        balances=tuple(page_queries.balances(tx)),
        texts=tuple(page_queries.newest_messages(tx, TEXTS_SHOWN)),
    )


def _shown(tx: Tx) -> Sequence[ShownIncident]:
    return page_queries.open_incidents(tx, INCIDENTS_SHOWN)


def _of_untold(
    untold: int,
    due: datetime | None,
    closed: Sequence[Breaker],
    now: datetime,
    say: Callable[[datetime], str],
) -> Iterator[Finding]:
    """The first line of the page: what somebody should know by now, and nobody does."""
    if line := say_untold(untold, due, closed, now, say):
        yield Finding(Mood.BAD, line)


def _of_incidents(counts: Mapping[Severity, tuple[int, int]]) -> Iterator[Finding]:
    for severity, (open_now, waiting) in counts.items():
        name = "" if severity is Severity.OTHER else f"{severity} "
        told = f"{open_now} {name}incident{'s' if open_now > 1 else ''} open"
        yield Finding(_mood(severity, waiting), f"{told}, {_care(open_now, waiting)}")


def _mood(severity: Severity, waiting: int) -> Mood:
    """What is only information is open on the best of days."""
    if severity is Severity.INFO:
        return Mood.GOOD
    return Mood.BAD if severity is Severity.CRITICAL and waiting else Mood.WARN


def _care(open_now: int, waiting: int) -> str:
    if waiting == 0:
        return "somebody takes care of it" if open_now == 1 else "somebody takes care of each"
    if waiting == open_now:
        return "not acknowledged"
    return f"{waiting} of them not acknowledged"


def _of_gateways(closed: Sequence[Breaker], directory: Directory) -> Iterator[Finding]:
    for breaker in closed:
        if breaker.scope.whole:
            yield Finding(Mood.BAD, f"Gateway {breaker.gateway}: no text leaves")
        else:
            yield Finding(Mood.WARN, f"{about_of(breaker, directory)}: barred {say_breaker(breaker)}")


def _closed(breaker: Breaker, directory: Directory) -> str:
    """What of a gateway is closed, as its line on the page says it."""
    return f"{breaker.scope}" if breaker.scope.whole else about_of(breaker, directory)


def _of_self_alerts(self_alerts: Sequence[SelfAlert]) -> Iterator[Finding]:
    for self_alert in self_alerts:
        yield Finding(Mood.BAD if self_alert.level == Level.PAGE else Mood.WARN, self_alert.what)

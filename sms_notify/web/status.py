"""What the first page says: whether all is well, and if not, what is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from sms_notify.alert import Severity
from sms_notify.barring import about_of, say_breaker
from sms_notify.delivery.switch_state import SwitchState, SwitchWord, switch_lines, switch_state
from sms_notify.explain.untold import untold_line
from sms_notify.oncall.roster import Roster, obeyed
from sms_notify.policy.bars import Breaker
from sms_notify.policy.directory import Directory
from sms_notify.policy.retry_policy import Level
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.site_alive import SiteAlive
from sms_notify.policy.watches import WatchRule, WatchStanding, standings
from sms_notify.self_alerts import gather
from sms_notify.store import account_rows, breakers, ledger_queries, oncall_rows, page_queries, watch_rows
from sms_notify.store.account_rows import Balance, LastRequests
from sms_notify.store.breakers import SelfAlert
from sms_notify.store.ledger_queries import MessageFilter
from sms_notify.store.messages import Message
from sms_notify.store.page_queries import Held, Queue
from sms_notify.store.tx import Tx
from sms_notify.web.cards import Card, Progress, cards_of, progress_of, shown_of
from sms_notify.web.oncall_view import Duty, duty_of
from sms_notify.wording.clock import Says

INCIDENTS_READ = 1_000
CARDS_SHOWN = 50
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
class GatewayView:
    """One gateway as the page shows it: what is closed, how its last requests went, and what its account holds.

    `days_left` None = nobody can tell yet. `spent` is a day's credits each, the last of them today's.
    """

    name: str
    closed: tuple[ClosedDoor, ...]
    requests: LastRequests
    balance: Balance | None
    days_left: float | None
    spent: tuple[tuple[date, int], ...]

    @property
    def shut(self) -> Breaker | None:
        """What keeps every text from it."""
        return next((door.breaker for door in self.closed if door.breaker.scope.whole), None)

    @property
    def bars(self) -> tuple[tuple[int, int], ...]:
        """Height of each day's bar in a picture 100 high, and what was spent."""
        most = max((spent for _, spent in self.spent), default=0)
        return tuple((spent * 100 // most if most else 0, spent) for _, spent in self.spent)


@dataclass(frozen=True, slots=True)
class StatusView:
    """How things stand at one moment. `cards` show the first INCIDENTS_READ of `total`, CARDS_SHOWN at most."""

    findings: tuple[Finding, ...]
    cards: tuple[Card, ...]
    progress: Progress
    total: int
    duties: tuple[Duty, ...]
    queue: Queue
    held: tuple[Held, ...]
    gateways: tuple[GatewayView, ...]
    self_alerts: tuple[SelfAlert, ...]
    texts: tuple[tuple[Message, tuple[int, ...]], ...]
    watches: tuple[WatchStanding, ...] = ()
    switch: tuple[str, ...] = ()

    @property
    def mood(self) -> Mood:
        return self.findings[0].mood if self.findings else Mood.GOOD

    @property
    def headline(self) -> str:
        return self.findings[0].text if self.findings else "All is well"

    @property
    def waiting(self) -> bool:
        """Whether something on the page is not acknowledged."""
        return any(card.first.waits for card in self.cards)

    @property
    def beyond(self) -> int:
        """How many open incidents stand on no card of the page."""
        return self.total - sum(len(card.incidents) for card in self.cards)


def status_of(
    tx: Tx,
    schedules: Mapping[str, Schedule],
    gateways: tuple[str, ...],
    not_ready: Sequence[str],
    now: datetime,
    directory: Directory,
    say: Says,
    watches: Mapping[str, WatchRule] = MappingProxyType({}),
    site_alive: SiteAlive | None = None,
) -> StatusView:
    """Everything of the first page. `not_ready` are the reasons why alerts or texts are not taken now. `say` tells a time as
    the reader's clock shows it, in whose zone `now` is.
    """
    counts = page_queries.open_counts(tx)
    made = obeyed(oncall_rows.overrides(tx, now), directory)
    duties = tuple(duty_of(schedule, made, now) for schedule in schedules.values())
    shown = _gateways(tx, gateways, now, directory)
    self_alerts = tuple(one.self_alert for one in gather(breakers.open_self_alerts(tx)))
    switch = switch_state(tx, site_alive, Roster(directory, schedules), now)
    findings = [
        *_of_no_way_out(shown),
        *(Finding(Mood.BAD, line) for line in (untold_line(tx, now, say),) if line),
        *(Finding(Mood.BAD, reason[:1].upper() + reason[1:]) for reason in not_ready),
        *_of_incidents(counts),
        *(
            Finding(Mood.BAD, f"Nobody is on call for {duty.schedule}")
            for duty in duties
            if duty.holder is None
        ),
        *_of_gateways(shown, directory),
        *_of_switch(switch, say, now),
        *_of_self_alerts(self_alerts),
    ]
    cards = cards_of(page_queries.open_incidents(tx, INCIDENTS_READ))[:CARDS_SHOWN]
    return StatusView(
        findings=tuple(sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.mood))),
        cards=tuple(cards),
        progress=progress_of(tx, shown_of(cards), gateways, now, say),
        total=sum(n for n, _ in counts.values()),
        duties=duties,
        queue=page_queries.queue(tx),
        held=tuple(page_queries.held(tx)),
        gateways=shown,
        self_alerts=self_alerts,
        switch=() if switch.word is SwitchWord.OFF else tuple(switch_lines(switch, say, now)),
        texts=tuple(ledger_queries.messages_by(tx, MessageFilter(limit=TEXTS_SHOWN))),
        watches=tuple(standings(watch_rows.every(tx), watches)) if watches else (),
    )


def _gateways(tx: Tx, names: Sequence[str], now: datetime, directory: Directory) -> tuple[GatewayView, ...]:
    doors = [ClosedDoor(breaker, _closed(breaker, directory)) for breaker in breakers.all_open(tx)]
    requests = account_rows.last_requests(tx, now)
    return tuple(
        GatewayView(
            name,
            tuple(door for door in doors if door.breaker.gateway == name),
            requests.get(name, LastRequests()),
            account_rows.balance(tx, name),
            account_rows.days_left(tx, name, now),
            tuple(account_rows.spent_by_day(tx, name, now)),
        )
        for name in names
    )


def _all_shut(gateways: Sequence[GatewayView]) -> bool:
    return bool(gateways) and all(gateway.shut for gateway in gateways)


def _of_no_way_out(gateways: Sequence[GatewayView]) -> Iterator[Finding]:
    """Every gateway is closed: nothing else matters as much."""
    if _all_shut(gateways):
        shut = ((gateway.name, gateway.shut) for gateway in gateways)
        why = ", ".join(f"{name} {_why(breaker)}" for name, breaker in shut if breaker is not None)
        yield Finding(Mood.BAD, f"No text leaves at all: {why}")


def _why(breaker: Breaker) -> str:
    """`refuses (error 108)`, `closed (timeout)`."""
    return f"refuses (error {breaker.code})" if breaker.code is not None else f"closed ({breaker.reason})"


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
        return "acknowledged" if open_now == 1 else "all acknowledged"
    if waiting == open_now:
        return "not acknowledged"
    return f"{waiting} of them not acknowledged"


def _of_gateways(gateways: Sequence[GatewayView], directory: Directory) -> Iterator[Finding]:
    all_shut = _all_shut(gateways)
    for gateway in gateways:
        if gateway.shut is not None and not all_shut:
            yield Finding(Mood.BAD, f"Gateway {gateway.name}: no text leaves, it {_why(gateway.shut)}")
        elif gateway.shut is None and gateway.requests.failing:
            yield Finding(Mood.WARN, f"Gateway {gateway.name}: the last request failed")
        for door in gateway.closed:
            if not door.breaker.scope.whole:
                about = about_of(door.breaker, directory)
                yield Finding(Mood.WARN, f"{about}: barred {say_breaker(door.breaker)}")


def _closed(breaker: Breaker, directory: Directory) -> str:
    """What of a gateway is closed, as its line on the page says it."""
    return f"{breaker.scope}" if breaker.scope.whole else about_of(breaker, directory)


def _of_self_alerts(self_alerts: Sequence[SelfAlert]) -> Iterator[Finding]:
    for self_alert in self_alerts:
        yield Finding(Mood.BAD if self_alert.level == Level.PAGE else Mood.WARN, self_alert.what)


def _of_switch(switch: SwitchState, say: Says, now: datetime) -> Iterator[Finding]:
    if switch.word in (SwitchWord.NOT_ARMED, SwitchWord.LEFTOVER):
        yield Finding(Mood.WARN, next(switch_lines(switch, say, now)))

"""The daemon on a virtual clock: the same engine and sender over a store in memory.

The daemon ticks every second and mostly finds nothing. Here the clock leaps to the next tick that finds something, on the
same whole seconds, so that a replay decides what the daemon decides, at the same moments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import count
from types import TracebackType
from typing import TypeVar

from sms_notify.backtest.fake_gateway import PaperGateway
from sms_notify.backtest.recording import Event, Recorded, RecordedAcknowledgement
from sms_notify.backtest.statistics import Leftovers, ReplayedText, Tally, Thing
from sms_notify.delivery.reports import apply
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.engine import Engine
from sms_notify.policy.account import Account
from sms_notify.policy.directory import Directory, group_of
from sms_notify.policy.rotations import Schedule, Shift, shifts
from sms_notify.policy.routing import Route, route
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import AckBy, Cause, Heard, PageState
from sms_notify.store import history, incidents, oncall_rows
from sms_notify.store.in_memory import ScratchStore
from sms_notify.store.messages import Message
from sms_notify.store.next_due import Waits, next_due
from sms_notify.store.tx import Tx

T = TypeVar("T")
NODE = "backtest"
AFTERWARDS = timedelta(hours=1)
"""How long the clock runs on after the last event, so that what waits for a group or a limit is told."""
LISTED = 20
"""How many untold incidents are listed; all are counted."""

_TICK = timedelta(seconds=1)
_TURN = timedelta(days=35)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT_ALERTS = 5_000
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
# What only puts off the moment at which nothing was heard of an incident for too long: the next tick may come too early
# for it, never too late. Most of what an Alertmanager posts is of this kind.
_REPEATS = frozenset((Heard.DUPLICATE, Heard.STALE, Heard.NEVER_FIRED))
_CODE_LENGTH = 10  # of the real ones, so that a text with a link has as many parts


@dataclass(frozen=True, slots=True)
class Setup:
    """One configuration as a replay needs it. `account` is the gateway's where texts leave first; `name` is for people.

    `overrides` are those that people made while what is replayed was recorded, by schedule.
    """

    name: str
    plan: Plan
    account: Account
    overrides: Mapping[str, Sequence[Shift]] = field(default_factory=dict)


class Replay:
    """Feeds events to one configuration and adds up what it does; a context manager."""

    def __init__(self, setup: Setup, zone: tzinfo = UTC) -> None:
        self.name = setup.name
        self.tally = Tally(zone)
        self.plan = setup.plan
        self._gateway = PaperGateway(setup.account.name)
        self._engine = Engine(setup.plan, NODE, ack_codes())
        references = (f"{n:032x}" for n in count(1))
        luck = Luck(reference=lambda: next(references), dice=lambda: 0.5)
        self._sender = Sender(self._commit, self._gateway, setup.account, setup.plan.timing, NODE, luck)
        self._store = ScratchStore()
        self._clock = _EPOCH
        self._ticked: datetime | None = None
        self._alerts = 0
        self._waits = waits_of(setup.plan)
        self._due: datetime | None = None
        self._changes = Changes(setup.plan.schedules.values(), setup.overrides)
        self._overrides = setup.overrides

    def __enter__(self) -> Replay:
        self._open: AbstractContextManager[Tx] = self._store.transaction()
        self._tx = self._open.__enter__()
        for schedule, made in self._overrides.items():
            for shift in made:
                person = shift.person or ""
                oncall_rows.add_override(
                    self._tx, schedule, person, shift.start, shift.end, NODE, shift.start
                )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, tb)
        self._store.close()

    def feed(self, event: Event) -> None:
        """Lets time pass until the event, and lets it happen. Events come in the order of time."""
        self.run_to(event.at)
        if isinstance(event, Recorded):
            self._accept(event)
        else:
            self._acknowledge(event)

    def run_to(self, until: datetime) -> None:
        """Does all that falls due by then."""
        if self._ticked is None:
            self._tick(_second(until))
        while (at := self._next_tick()) is not None and at <= until:
            self._tick(at)
        self._clock = until
        self._ticked = _second(until)

    def finish(self, afterwards: timedelta = AFTERWARDS) -> None:
        """Lets the clock run on for a while and adds up what was not told by then."""
        if self._ticked is not None:
            self.run_to(self._clock + afterwards)
        self.tally.close(leftovers(self._tx))

    def messages(self) -> list[tuple[datetime, str, str, int]]:
        """Every text so far: when it was written, to whom, its words and parts."""
        return history.texts(self._tx)

    def _accept(self, event: Recorded) -> None:
        verdicts = self._engine.accept(self._tx, event.delivery, event.at)
        heard = [verdict.heard for verdict in verdicts]
        self.tally.heard(heard)
        if any(verdict.messages for verdict in verdicts):
            self._send()
        if not _REPEATS.issuperset(heard):
            self._due = next_due(self._tx, self._waits)
        self._alerts += len(verdicts)
        if self._alerts > _KEPT_ALERTS:
            self._alerts = 0
            history.forget_alerts(self._tx)

    def _acknowledge(self, event: RecordedAcknowledgement) -> None:
        wanted = event.labels.items()
        ids = [one.id for one in incidents.still_open(self._tx) if wanted <= one.labels.items()]
        taken = self._engine.acknowledge(self._tx, ids, event.by, AckBy.SOURCE, event.at)
        self.tally.acknowledged += len(taken)
        self._due = next_due(self._tx, self._waits)

    # The clock.

    def _next_tick(self) -> datetime | None:
        """The first tick not done yet that can find something."""
        due = earlier(self._due, self._changes.next_after(self._ticked or _EPOCH))
        if due is None or self._ticked is None:
            return None
        return max(_second_from(due), self._ticked + _TICK)

    def _tick(self, at: datetime) -> None:
        self._clock = self._ticked = at
        self.tally.ticks += 1
        self._engine.tick(self._tx, at)
        self._send()
        self._due = next_due(self._tx, self._waits)

    # Sending.

    def _commit(self, job: Callable[[Tx], T], /) -> T:
        """All of a replay is one transaction: nobody else looks, and nothing is kept."""
        return job(self._tx)

    def _send(self) -> None:
        while (sent := self._sender.send_once(lambda: self._clock)) is not None:
            self._report(sent.message)
            self._count(sent.message)

    def _report(self, message: Message) -> None:
        smsid = history.smsid_of(self._tx, message.id)
        if smsid:
            report = self._gateway.report(smsid)
            apply(self._tx, self._gateway.name, report, Cause.CALLBACK, NODE, self._clock)

    def _count(self, message: Message) -> None:
        told = tuple(self._thing(page) for page in history.told_by(self._tx, message.id))
        cost = message.parts * heads(self.plan.directory, message.number)
        self.tally.text(ReplayedText(self._clock, message.recipient, message.kind, message.parts, cost, told))

    def _thing(self, page: history.ToldPage) -> Thing:
        rule = rule_of(self.plan.route, page.labels, page.receiver)
        return Thing(page.incident_id, page.kind, rule, page.severity, page.labels, page.opened_at)


def leftovers(tx: Tx) -> Leftovers:
    """What was held, dropped and never told."""
    return Leftovers(
        held_then_told=history.pages_by_why(tx, PageState.TOLD),
        still_held=history.pages_by_why(tx, PageState.HELD),
        dropped=history.pages_by_why(tx, PageState.DROPPED),
        untold=history.count_untold(tx),
        listed=tuple(history.untold(tx, LISTED)),
        decisions=history.decisions(tx),
    )


def rule_of(root: Route, labels: Mapping[str, str], receiver: str) -> str:
    """The receiver with the route that leads to it, as the configuration spells it."""
    paths = (chain[-1].path for chain in route(root, labels).chains if chain[-1].receiver == receiver)
    path = next(paths, None)
    return f"{receiver} ({path})" if path is not None else receiver


def heads(directory: Directory, number: str) -> int:
    """How many phones a number stands for: a group of the gateway's has as many as the team of the same name."""
    group = group_of(number)
    return 1 if group is None else max(1, len(directory.known_members(group)))


class Changes:
    """When who is on call changes: no row tells it, the hands of the clock do."""

    def __init__(self, schedules: Iterable[Schedule], overrides: Mapping[str, Sequence[Shift]]) -> None:
        self._schedules = tuple(schedules)
        self._overrides = overrides
        self._next: datetime | None = None

    def next_after(self, now: datetime) -> datetime | None:
        """The first moment after `now` at which somebody else may hold a schedule; None without schedules."""
        if self._schedules and (self._next is None or self._next <= now):
            self._next = min(self._change(schedule, now) for schedule in self._schedules)
        return self._next

    def _change(self, schedule: Schedule, now: datetime) -> datetime:
        made = self._overrides.get(schedule.name, ())
        return shifts(schedule, made, now, now + _TURN)[0].end


def waits_of(plan: Plan) -> Waits:
    """The waits of a plan that `next_due` has to know."""
    timing = plan.timing
    return Waits(timing.stale_after, timing.reconcile_wait, timing.report_timeout, timing.failover_after)


def ack_codes() -> Callable[[], str]:
    """Codes as long as the real ones, and the same in every replay."""

    def spelled() -> Iterator[str]:
        for number in count(1):
            letters, rest = "", number
            for _ in range(_CODE_LENGTH):
                rest, digit = divmod(rest, len(_LETTERS))
                letters = _LETTERS[digit] + letters
            yield letters

    made = spelled()
    return lambda: next(made)


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The first of two moments that may not be there."""
    return min((moment for moment in (one, other) if moment is not None), default=None)


def _second(moment: datetime) -> datetime:
    """The whole second that a moment is in."""
    return moment.replace(microsecond=0)


def _second_from(moment: datetime) -> datetime:
    """The first whole second from a moment on."""
    second = _second(moment)
    return second if second == moment else second + _TICK

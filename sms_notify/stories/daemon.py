"""What `app` puts together, on a virtual clock: the same engine, senders, probes, reports, notes and silences, without a
thread and without a socket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import TypeVar

from sms_notify.alert import Delivery
from sms_notify.channels.base import Channel, ChannelResult, Ended, Note
from sms_notify.config.settings import Settings
from sms_notify.daemon.wiring import account_of, numbers_to_probe, plan_of
from sms_notify.daemon.worker_threads import POLLED
from sms_notify.delivery.breaker_probe import Prober
from sms_notify.delivery.reports import Reports, apply
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.engine import Engine
from sms_notify.gateways.base import Report, ReportsBy
from sms_notify.gateways.registry import GatewaySettings
from sms_notify.oncall.schedules import read_timetable
from sms_notify.operator_notifier import Operator, Teller
from sms_notify.policy.account import Account
from sms_notify.policy.outcomes import Fate, Outcome
from sms_notify.policy.rotations import Shift
from sms_notify.policy.vocabulary import AckBy, AckEnd, Cause
from sms_notify.self_alerts import told_balance
from sms_notify.silences.deeds import keeper_of
from sms_notify.silences.settings import AlertmanagerSettings
from sms_notify.store import breakers, oncall_rows, outbox, page_queries
from sms_notify.store.in_memory import ScratchStore
from sms_notify.store.messages import Message
from sms_notify.store.next_due import next_asked
from sms_notify.store.tx import Tx
from sms_notify.stories.alertmanager import Listed, ListedAlertmanager
from sms_notify.stories.weather import Accepted, Sky, SkyGateway
from sms_notify.virtual.ack_codes import ack_codes
from sms_notify.virtual.leaps import Changes, earlier, waits_of

T = TypeVar("T")
NODE = "story"
_SECOND = timedelta(seconds=1)
_LOOKS_EVERY = timedelta(seconds=15)  # at the silences, as `app` does
_SETTLED = timedelta(minutes=12)  # the longest patience of `silences/ends`, and a little
_LOOKS_SELDOM = timedelta(minutes=5)  # a multiple of the other; nothing has changed for so long as `_SETTLED`
_ALERTMANAGER = AlertmanagerSettings("http://alertmanager.example:9093")


@dataclass(slots=True)
class StoryClock:
    """Time since the start, and what our wall clock makes of it: `ahead` is how far it was set."""

    start: datetime
    up: timedelta = timedelta()
    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return self.start + self.up + self.ahead

    def true(self) -> datetime:
        """What every other machine's clock says."""
        return self.start + self.up


@dataclass(slots=True)
class Outside:
    """What is not ours: the gateways with their weather, the Alertmanagers, and whoever reads."""

    clock: StoryClock
    accepted: Callable[[Accepted], None]
    noted: Callable[[Note], None]
    sky: Sky = field(default_factory=Sky)
    listed: Listed = field(init=False)
    _gateways: dict[str, SkyGateway] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.listed = Listed(self.clock.true)

    def gateway(self, name: str) -> SkyGateway:
        """The gateway of this name; it outlives every daemon."""
        made = SkyGateway(name, self.sky, lambda: self.clock.up, self.accepted)
        return self._gateways.setdefault(name, made)


@dataclass(frozen=True, slots=True)
class _Channel:
    """A way to the operator that always works."""

    name: str
    noted: Callable[[Note], None]

    def tell(self, note: Note) -> ChannelResult:
        self.noted(note)
        return ChannelResult(Ended.TOLD)


@dataclass(frozen=True, slots=True)
class _Account:
    """One gateway of the configuration, with what sends there and asks it."""

    settings: GatewaySettings
    gateway: SkyGateway
    sender: Sender
    prober: Prober
    reports: Reports | None

    @property
    def calls_back(self) -> bool:
        return self.settings.delivery_reports in (ReportsBy.CALLBACK, ReportsBy.BOTH)


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A request whose answer takes its time."""

    until: timedelta
    account: _Account
    message: Message
    outcome: Outcome


class StoryDaemon:
    """One daemon of a story. It ticks when something falls due, which decides the same as a tick every second; and so often as
    `every` says besides, which is how that is shown.
    """

    def __init__(
        self,
        settings: Settings,
        clock: StoryClock,
        outside: Outside,
        *,
        watched: bool,
        every: timedelta | None = None,
    ) -> None:
        self._clock = clock
        self._outside = outside
        self._watched = watched
        self._every = every
        self._store = ScratchStore()
        self._codes, self._references = ack_codes(), count(1)
        self._under_way: list[_UnderWay] = []
        self._overrides: dict[str, list[Shift]] = {}
        self._accounts: list[_Account] = []
        self._ticked = clock.up - _SECOND
        self._looked = self._stirred = clock.up
        self._news = True
        self.restart(settings)

    def close(self) -> None:
        self._store.close()

    def restart(self, settings: Settings) -> None:
        """A new process on the same database: what was under way is lost."""
        self._under_way.clear()
        self._accounts.clear()
        self.idle()  # while it was off nothing ran
        self._build(settings)
        self.commit(lambda tx: self._take_up(tx, self._engine.recover))

    def reload(self, settings: Settings) -> None:
        """Another configuration; what is under way ends as it would."""
        self._build(settings)
        self.commit(lambda tx: self._take_up(tx, self._engine.adopt))

    def _build(self, settings: Settings) -> None:
        schedules = read_timetable(settings, self._clock(), lambda _: None, fetch=False).schedules
        self.settings = settings
        self.plan = plan_of(settings, schedules=schedules)
        self._engine = Engine(self.plan, NODE, self._codes)
        self._waits = waits_of(self.plan)
        self._changes = Changes(schedules.values(), self._overrides)
        self._follow(settings)
        channels: dict[str, Channel] = {
            name: _Channel(name, self._outside.noted) for name in settings.channels
        }
        operator = Operator(settings.operator, channels, lambda: self._engine.roster, self.plan.gateways)
        self._teller = Teller(self.commit, operator, NODE, self._clock, lambda: None)
        asked = settings.alertmanagers or ((_ALERTMANAGER,) if self._watched else ())
        listed = [ListedAlertmanager(one, self._outside.listed) for one in asked]
        keeper = keeper_of(lambda: self._engine, self.commit, listed, self._clock)
        self._keeper = keeper if asked else None
        self._stir()

    def _take_up(self, tx: Tx, engine: Callable[[Tx, datetime], object]) -> None:
        for gateway in self.plan.gateways:
            breakers.probe_now(tx, gateway, self._clock())
        engine(tx, self._clock())

    def _follow(self, settings: Settings) -> None:
        """Accounts that stay the same are carried over, as the daemon does; those that are gone claim nothing more."""
        before = {account.settings: account for account in self._accounts}
        self._accounts = [before.get(one) or self._account(one) for one in settings.gateways]
        numbers = numbers_to_probe(settings, self.plan)
        for account in (*self._accounts, *before.values()):
            told, retired = self._account_told(account.settings), account.settings not in settings.gateways
            account.sender.follow(told, self.plan.timing, retired=retired)
            account.prober.follow(told, numbers)

    def _account_told(self, settings: GatewaySettings) -> Account:
        return account_of(settings, self.plan)

    def _account(self, settings: GatewaySettings) -> _Account:
        gateway, told = self._outside.gateway(settings.name), self._account_told(settings)
        luck = Luck(reference=lambda: f"{next(self._references):032x}", dice=lambda: 0.5)
        asked = settings.delivery_reports in POLLED
        return _Account(
            settings,
            gateway,
            Sender(self.commit, gateway, told, self.plan.timing, NODE, luck),
            Prober(self.commit, gateway, told, self._clock, luck, ()),
            Reports(self.commit, gateway, NODE, self._clock) if asked else None,
        )

    def commit(self, job: Callable[[Tx], T], /) -> T:
        """One transaction."""
        with self._store.transaction() as tx:
            return job(tx)

    # What others do.

    def accept(self, delivery: Delivery) -> None:
        self.commit(lambda tx: self._engine.accept(tx, delivery, self._clock()))
        self.send()
        self._stir()

    def acknowledge(self, ids: Sequence[int], by: str, how: AckBy) -> None:
        self.commit(lambda tx: self._engine.acknowledge(tx, ids, by, how, self._clock()))
        self._stir()

    def unacknowledge(self, ids: Sequence[int], by: str) -> None:
        self.commit(lambda tx: self._engine.unacknowledge(tx, ids, by, AckEnd.COMMAND, self._clock()))
        self.send()
        self._stir()

    def close_incidents(self, ids: Sequence[int], by: str) -> None:
        self.commit(lambda tx: self._engine.close(tx, ids, by, AckBy.COMMAND, self._clock()))
        self.send()
        self._stir()

    def follow_link(self, code: str, by: str) -> None:
        """As the page behind a text's link does when its button is pressed."""
        linked = self.commit(lambda tx: page_queries.linked(tx, code))
        waiting = [incident.id for incident in linked.incidents if incident.waits] if linked else []
        self.acknowledge(waiting, by, AckBy.LINK)

    def hear_balance(self, gateway: str, left: int) -> None:
        """The daemon asks for the balance, of one gateway or of all."""
        low, now = self.settings.limits.credits.low_water, self._clock()
        for account in self._accounts:
            name = account.settings.name
            if gateway in ("", name):
                self.commit(partial(told_balance, gateway=name, credits_left=left, low_water=low, now=now))
        self._stir()

    def override(self, schedule: str, person: str, lasts: timedelta) -> None:
        now = self._clock()
        self.commit(lambda tx: oncall_rows.add_override(tx, schedule, person, now, now + lasts, NODE, now))
        self._overrides.setdefault(schedule, []).append(Shift(person, now, now + lasts))
        self._changes = Changes(self.plan.schedules.values(), self._overrides)
        self._stir()

    def clock_was_set(self, step: timedelta) -> None:
        """As a daemon that runs notices at its next tick; one that is off never hears of it."""
        self.commit(lambda tx: outbox.shift_clock(tx, step))
        self.step()
        self._stir()

    # Time.

    def next_at(self) -> timedelta | None:
        """When there is anything to do again, in time since the start; None where everything waits for the world."""
        following = (self._ticked // _SECOND + 1) * _SECOND
        if self._news or self._every == _SECOND:
            return following
        due = self.commit(lambda tx: next_asked(tx, self._waits, self._clock()))
        due = earlier(due, self._changes.next_after(self._clock()))
        moments = [] if due is None else [due - self._clock.start - self._clock.ahead]
        moments += [one.until for one in self._under_way]
        moments += [at for account in self._calling() for at, _ in account.gateway.reported]
        if self._keeper is not None:
            moments.append(self._next_look())
        if self._every is not None:
            moments.append((self._ticked // self._every + 1) * self._every)
        return max(following, -(-min(moments) // _SECOND) * _SECOND) if moments else None

    def _stir(self) -> None:
        """Somebody or something outside has acted. What the daemon does by itself gives a look nothing to find."""
        self._news, self._stirred = True, self._clock.up

    def _next_look(self) -> timedelta:
        """When the silences are looked at again. What is leapt over finds nothing, and moves no look that does."""
        waited = -(-(self._clock.up - self._looked) // _LOOKS_EVERY) * _LOOKS_EVERY
        quiet = self._every is None and self._stirred + _SETTLED <= self._looked
        about = self._clock.start + self._looked
        if quiet and not self._outside.listed.changes(about - _SETTLED, about + _LOOKS_SELDOM):
            return self._looked + _LOOKS_SELDOM
        return self._looked + max(_LOOKS_EVERY, waited)

    def idle(self) -> None:
        """Nothing fell due until now: what happens now is met by the next second's tick."""
        self._ticked = max(self._ticked, self._clock.up)

    def step(self) -> None:
        """All that a moment brings: answers, reports, the tick, questions, notes, and texts."""
        self._ticked, self._news = self._clock.up, False
        self._end_requests()
        self._call_back()
        ticked = self.commit(lambda tx: self._engine.tick(tx, self._clock()))
        for account in self._accounts:
            while account.prober.probe_once() is not None:
                pass
            if account.reports is not None:
                account.reports.poll_once()
        told = self._teller.tell_once()
        self._news = bool(ticked.written or told or self._keep_silences())
        self.send()

    def _keep_silences(self) -> bool:
        if self._keeper is None or self._clock.up < self._next_look():
            return False
        self._looked = self._clock.up
        return bool(self._keeper.keep_once())

    def send(self) -> None:
        """As the sender's threads: until nothing may leave, or every one of them waits for an answer."""
        for account in self._accounts:
            while self._free(account) and (message := account.sender.take(self._clock)) is not None:
                self._submit(account, message)

    def _free(self, account: _Account) -> bool:
        busy = sum(one.account.settings.name == account.settings.name for one in self._under_way)
        return busy < account.settings.concurrency

    def _submit(self, account: _Account, message: Message) -> None:
        outcome, slow = account.sender.request(message), account.gateway.slow
        if slow is None:
            self._settle(account, message, outcome)
            return
        lasts = min(slow, account.settings.timeout * _SECOND)
        self._under_way.append(_UnderWay(self._clock.up + lasts, account, message, outcome))

    def _end_requests(self) -> None:
        ended = [one for one in self._under_way if one.until <= self._clock.up]
        self._under_way = [one for one in self._under_way if one.until > self._clock.up]
        for one in ended:
            self._settle(one.account, one.message, one.outcome)

    def _settle(self, account: _Account, message: Message, outcome: Outcome) -> None:
        """After a refusal the next tick may find what has no row of its own: another text for a number that is barred."""
        account.sender.settle(message, outcome, self._clock())
        self._news |= outcome.fate is not Fate.SENT

    def _calling(self) -> list[_Account]:
        return [account for account in self._accounts if account.calls_back]

    def _call_back(self) -> None:
        for account in self._calling():
            heard = [report for at, report in account.gateway.reported if at <= self._clock.up]
            account.gateway.reported[:] = [
                (at, report) for at, report in account.gateway.reported if at > self._clock.up
            ]
            for report in heard:
                self._report(account, report)

    def _report(self, account: _Account, report: Report) -> None:
        name, confirm, now = account.settings.name, account.reports is not None, self._clock()
        self.commit(lambda tx: apply(tx, name, report, Cause.CALLBACK, NODE, now, confirm=confirm))

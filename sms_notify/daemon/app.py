"""The one place that builds everything: clock, randomness, threads and rooms put together, started, and stopped
in reverse order. Nothing below this file reads a clock or the environment.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path

from sms_notify import self_alerts
from sms_notify.alert import Delivery
from sms_notify.channels.base import Note
from sms_notify.config.load import load
from sms_notify.config.settings import Settings
from sms_notify.daemon import event_log
from sms_notify.daemon.active_configuration import ActiveConfiguration
from sms_notify.daemon.alarm import Alarm
from sms_notify.daemon.builder import DaemonBuilder
from sms_notify.daemon.clock_steps import ClockSteps
from sms_notify.daemon.eraser import Eraser
from sms_notify.daemon.inbox import Inbox
from sms_notify.daemon.periodic import Every
from sms_notify.daemon.presence import Presence
from sms_notify.daemon.reloading import Reloader, ahead, changed_keys, check_fixed
from sms_notify.daemon.spool_intake import spooled
from sms_notify.daemon.systemd import Manager, Watch, seldom
from sms_notify.daemon.web_requests import front_of
from sms_notify.daemon.wiring import node_of, numbers_to_probe, uptime, wall_clock
from sms_notify.daemon.worker_threads import GatewayUnit, Tools, Unit
from sms_notify.delivery.sender import Clock
from sms_notify.engine import Engine, Moved, Ticked, Verdict
from sms_notify.errors import ConfigError, Fault, SmsNotifyError, UsageError
from sms_notify.metrics import AskedAtScrape, Metrics
from sms_notify.operator_notifier import Teller, tell_past_the_store
from sms_notify.policy.ruleset import Timing
from sms_notify.store import breakers, outbox, trial_rows
from sms_notify.store.committer import Committer
from sms_notify.store.damage import StoreFailure
from sms_notify.store.database import open_store
from sms_notify.store.tx import Tx
from sms_notify.web.refusals import Refusals
from sms_notify.web.server import WebServer, check_certificate, switching

_log = logging.getLogger("sms_notify")
_TICK_EVERY = (
    0.25  # what a limit holds must not wait for long beyond it; a tick with nothing to do takes 0.1 ms
)
_TELL_EVERY = 1.0
_STOP_WITHIN = 30.0
_RELOAD_WITHIN = 5.0  # seconds in which a stop waits for a reload; after it none can switch any more


class App:
    """The daemon. `start` returns when it serves; `stop` when everything under way is settled.

    By the `clock`, where one is given; else by the database's, and on a file by this host's.
    `read` gives the configuration anew for a reload and raises ConfigError; without it `settings.source` is read.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        timing: Timing | None = None,
        uptime: Callable[[], timedelta] = uptime,
        watch: Watch | None = None,
        manager: Manager | None = None,
        read: Callable[[], Settings] | None = None,
    ) -> None:
        self.store = open_store(settings.storage_url)
        self._clock = clock = clock or self.store.clock(wall_clock)
        self._watch, self._manager = watch or Watch(time.monotonic), manager or Manager()
        self._read = read or partial(load, Path(settings.source).absolute(), os.environ)
        self.node = node_of(shared=self.store.shared)
        self.committer = Committer(self.store)
        self._presence = self._make_presence()
        self._leadership = self._presence.leadership
        self.metrics = self._make_metrics(settings)
        self.committer.health.on_failure = self._store_failed
        steps = self._clock_steps = ClockSteps(clock, uptime, self._leadership)
        self.committer.first, self.committer.after = steps.look, steps.committed
        self._tools = self._make_tools()
        self._refusals = Refusals(self.metrics.webhook_was_refused)
        self._builder = DaemonBuilder(self._tools, timing)
        self._running = self._with_front(self._builder.build(settings))
        self._retired: list[Unit] = []
        self._stopping = self._broken = False
        self._teller = Teller(self._leadership, self._running.operator, self.node, clock, self._wake_all)
        self._trial: Future[None] | None = None
        led = self._leadership.led_last
        self._alarm = Alarm(self._troubles, self._tell_past_the_store, clock, first=led)
        self._loops = self._make_loops()
        self._port = 0
        served = lambda: f"serving on port {self._port}"  # noqa: E731
        self._reloader = Reloader(self._take_over, self.metrics, self._manager, clock, served)
        self._web = WebServer(switching(lambda: self._running.front), settings.web, refusals=self._refusals)

    def _make_presence(self) -> Presence:
        return Presence(
            self.store,
            self.committer,
            self.node,
            self._clock,
            lambda: self._running.settings,
            self._wake_all,
        )

    def _make_loops(self) -> list[Every]:
        noticed, led = self._tools.failing.notice, self._leadership.only
        return [
            Every("clock", _TICK_EVERY, self._watch.pace(noticed("the clock", led(self._tick)))),
            Every("operator", _TELL_EVERY, noticed("telling the operator", led(self._teller.tell_once))),
            Every("alarm", _TELL_EVERY, self._look_inside),
            Eraser(self._tools).loop(),
            *self._presence.loops(),
        ]

    def _make_metrics(self, settings: Settings) -> Metrics:
        asked = AskedAtScrape(
            lambda: self._engine.roster,
            lambda: spooled(self._running.spool),
            self.ready,
            lambda: self._engine.plan.limits,
            lambda: self._engine.plan.timing,
            lambda: self._engine.plan.watches,
            lambda: self._running.settings.site_alive,
            self._presence.standing,
        )
        return Metrics([one.name for one in settings.gateways], self.node, settings.receivers, asked)

    def _make_tools(self) -> Tools:
        return Tools(
            self.store,
            self.committer,
            self.metrics,
            self._watch,
            self.node,
            self._clock,
            lambda: self._running.settings,
            lambda: self._engine,
            self._wake_all,
            Inbox(self.committer, self._accept),
            self._leadership,
            ready=self.ready,
        )

    def _accept(self, tx: Tx, deliveries: Sequence[Delivery]) -> list[list[Verdict]]:
        verdicts = self._engine.accept_all(tx, deliveries, self._clock())
        self._tools.wake_for(tx, chain.from_iterable(verdicts))
        return verdicts

    @property
    def _engine(self) -> Engine:
        return self._running.engine

    def _with_front(self, running: ActiveConfiguration) -> ActiveConfiguration:
        running.front = front_of(
            running,
            lambda: self._running,
            self._tools,
            self.ready,
            lambda: asyncio.wrap_future(self.reload()),
            self._refusals,
        )
        return running

    def start(self) -> int:
        """Opens the store, takes up what an earlier process left, and serves; returns the port.

        Raises StoreError when the database is not to be had, UsageError when the port is not; `stop` cleans up
        after either.
        """
        running = self._running
        self.store.lock()
        self.committer.health.look()
        self.store.convert(seldom(time.monotonic, self._manager.starting))
        self._clock_steps.begin()
        self.committer.start()
        # The first transaction also makes the tables where there are none.
        self.committer(lambda tx: self._probe_all_now(tx, running))
        self.metrics.begin(self.store)
        self._builder.read_calendars(running)
        for fault in self._ahead_of(running):
            _log.error("%s", fault)
        for moved in self._recover():
            event_log.moved(moved)
        for unit in running.units.values():
            unit.start()
        for loop in self._loops:
            loop.start()
        self.metrics.reloaded(True, self._clock())
        self._port = self._web.start()
        self._reloader.start()
        address = f"{running.settings.web.host}:{self._port}"
        _log.info("serving", extra={"address": address, "database": self.store.name})
        return self._port

    def _recover(self) -> list[Moved]:
        """What makes no sense in a row that an earlier process left must not keep every other page from its reader."""
        try:
            return self.committer(self._recover_or_adopt)
        except SmsNotifyError:
            raise
        except Exception as error:  # noqa: BLE001 - a flipped bit may be anything: not ready, and loud, but serving
            self.committer.health.found_unreadable(error)
            return []

    def _recover_or_adopt(self, tx: Tx) -> list[Moved]:
        """What another node is doing at this moment is no earlier start's."""
        alone, now = self._presence.begin(tx), self._clock()
        return self._engine.recover(tx, now) if alone else self._engine.join(tx, now)

    def stop(self) -> None:
        """Takes nothing more in, lets requests under way end, and leaves the rest in the store for the next start.

        May be called after a start that failed, and twice.
        """
        self._stopping = True
        self._reloader.stop(_RELOAD_WITHIN)
        self._web.stop(_STOP_WITHIN)
        units = (*self._running.units.values(), *self._retired)
        for unit in units:
            unit.end()
        parts = [*self._loops, *(part for unit in units for part in unit.parts)]
        ends = time.monotonic() + _STOP_WITHIN
        for part in parts:  # all at once, so that none begins anything while another is waited for
            part.stop(0)
        for part in parts:
            part.stop(max(0.0, ends - time.monotonic()))
        if self.committer.alive:
            self._presence.end()
        self.committer.stop()
        self.store.unlock()
        _log.info("stopped")

    @property
    def alive(self) -> bool:
        """False when a part that the daemon cannot do without has ended; then only a new process helps."""
        units = self._running.units.values()
        return (
            self._web.running
            and self.committer.alive
            and not self._broken
            and all(unit.alive for unit in units)
        )

    def ready(self) -> tuple[str, ...]:
        """Why alerts cannot be taken or texts cannot be sent now; empty when all is well."""
        ended = tuple("a sender has ended" for unit in self._running.units.values() if not unit.alive)
        return self._troubles() + ended + self._watch.stuck()

    def _troubles(self) -> tuple[str, ...]:
        """What lasts though every thread runs; a new process would have it, too."""
        reasons = () if self.committer.alive else ("the store's writer has ended",)
        return reasons + self.committer.health.reasons() + self._tools.failing.reasons()

    def _look_inside(self) -> None:
        if self.committer.health.failing and (self._trial is None or self._trial.done()):
            self._trial = self.committer.submit(
                outbox.write_nothing
            )  # not waited for: a locked file takes 5 s a job
        self._alarm.look()
        rebuilt = self.committer.health.rebuilt
        if rebuilt:
            self.committer(lambda tx: self_alerts.report_rebuilt(tx, rebuilt[0], self._clock()))
            self.committer.health.rebuilt = ()

    def _tell_past_the_store(self, note: Note) -> bool:
        """By one gateway after the other, until one has taken the text."""
        units = [unit for unit in self._running.units.values() if isinstance(unit, GatewayUnit)]

        def text(number: str, body: str) -> bool:
            return any(unit.text(number, body) for unit in units)

        return tell_past_the_store(self._running.operator, note, text if note.urgent else None, note.at)

    def reload(self) -> Future[str]:
        """Has the configuration read again, soon; see `Reloader.ask`."""
        return self._reloader.ask()

    def _take_over(self) -> tuple[str, ...]:
        """Reads the configuration, builds all that it wants, and only then exchanges the two. Returns what has changed.

        Raises SmsNotifyError, of whatever kind; then nothing has changed, and nothing was started or written.
        """
        before, settings = self._running, self._read()
        check_fixed(before.settings, settings)
        check_certificate(settings.web)
        running = self._with_front(self._builder.build(settings, before))
        self._builder.read_calendars(running, before.settings)
        if faults := self._ahead_of(running):
            raise ConfigError(faults)
        for moved in self._switch(before, running):
            event_log.moved(moved)
        self._settle_in(before, running)
        for warning in settings.warnings:
            _log.warning("%s", warning)
        return changed_keys(before.settings, settings)

    def _ahead_of(self, running: ActiveConfiguration) -> list[Fault]:
        with self.store.reading() as tx:
            return ahead(running.settings, running.engine.plan.schedules, tx, self._clock())

    def _switch(self, before: ActiveConfiguration, running: ActiveConfiguration) -> list[Moved]:
        """In one transaction what waits is fitted to the new configuration; with its commit that one runs.

        Everything that decides or sends does so in transactions, and all of these on the thread that does the exchange:
        each runs before it or after it. A crash before the commit leaves all as it was, one after it is a start.
        """
        units = {**before.units, **running.units}
        now = self._clock()

        def take_up(tx: Tx) -> list[Moved]:
            if self._stopping:
                raise UsageError("the daemon is stopping; the configuration was not taken over")
            self._probe_all_now(tx, running)
            return running.engine.adopt(tx, now)

        def exchange(_: list[Moved]) -> None:
            self._running = running
            self._teller.follow(running.operator)
            for key, unit in units.items():
                unit.follow(running.settings, running.engine.plan, retired=key not in running.units)
            for unit in self._retired:
                unit.follow(running.settings, running.engine.plan, retired=True)

        return self.committer.submit(take_up, exchange, closes=True).result()

    def _settle_in(self, before: ActiveConfiguration, running: ActiveConfiguration) -> None:
        """Starts what is new. What is gone begins nothing more, and ends in its own time, as slow as its requests are:
        who reloads does not wait for it, a stop does.
        """
        gone = [unit for key, unit in before.units.items() if key not in running.units]
        self._retired = [unit for unit in (*self._retired, *gone) if unit.busy]
        try:
            for unit in gone:
                unit.retire()
            for key, unit in running.units.items():
                if key not in before.units:
                    unit.start()
            self.metrics.follow(running.engine.plan.gateways, running.settings.receivers)
            self._web.renew(running.settings.web)
        except Exception:
            self._broken = True  # half of it runs: a new process does better
            raise
        self._wake_all()

    def _probe_all_now(self, tx: Tx, running: ActiveConfiguration) -> None:
        """The configuration or the account may have changed while we were away."""
        plan = running.engine.plan
        for gateway in plan.gateways:
            breakers.probe_now(tx, gateway, self._clock())
        trial_rows.keep_only(tx, plan.gateways, numbers_to_probe(running.settings, plan))

    def _wake_all(self) -> None:
        for unit in self._running.units.values():
            unit.wake()

    def _tick(self) -> float | None:
        """Seconds until the next tick is wanted, where that is not the usual time."""
        ticked, now = self._leadership(self._tick_once)
        for moved in ticked.moved:
            event_log.moved(moved)
        event_log.missing(ticked.missing)
        for ended in ticked.self_check:
            event_log.self_checked(ended)
        if ticked.written or ticked.self_check:
            self._wake_all()
        next_at = ticked.next_at
        return (next_at - now).total_seconds() if next_at is not None and next_at > now else None

    def _tick_once(self, tx: Tx) -> tuple[Ticked, datetime]:
        """By the time of the transaction: in the first one after the clock was set, that of before is hours off."""
        now = self._clock()
        ticked = self._engine.tick(tx, now)
        if ticked.written or ticked.self_check:
            tx.wake_others()
        return ticked, now

    def _store_failed(self, kind: StoreFailure) -> None:
        self._clock_steps.undone()
        self.metrics.store_failed(kind)

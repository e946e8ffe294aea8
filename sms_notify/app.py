"""The one place that builds everything: clock, randomness, threads and rooms put together, started, and stopped
in reverse order. Nothing below this file reads a clock or the environment.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from sms_notify import journal
from sms_notify.alert import Delivery
from sms_notify.assembly import account_of, ack_code, luck, node_name, plan_of, uptime, wall_clock
from sms_notify.config.settings import Settings
from sms_notify.decide.people import group_of
from sms_notify.decide.states import AckBy, Applied, Cause, Ignored
from sms_notify.engine import Engine, Verdict
from sms_notify.gateways.answers import read_callback
from sms_notify.gateways.settings import Gateway1601Settings, ReportsBy
from sms_notify.gateways.smsgateway1601 import SmsGateway1601, delivery_token
from sms_notify.intake import Intake
from sms_notify.metrics import Metrics
from sms_notify.plan import Timing
from sms_notify.probing import Prober
from sms_notify.reports import (
    Every,
    Reports,
    apply,
)
from sms_notify.roads.choice import road_of
from sms_notify.sender import Clock, Sender, SenderPool, Sent
from sms_notify.service import Watch
from sms_notify.silences.client import Alertmanager
from sms_notify.silences.ends import ended
from sms_notify.silences.keeper import Keeper, What
from sms_notify.store import breakers, oncall, outbox
from sms_notify.store.committer import Committer
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Tx
from sms_notify.telling import Operator, Teller
from sms_notify.timetable import CalendarTrouble, Timetable, read_timetable
from sms_notify.troubles import told_balance
from sms_notify.web.front import Hooks, build
from sms_notify.web.people import People
from sms_notify.web.refusals import Refusals
from sms_notify.web.server import WebServer

T = TypeVar("T")
_log = logging.getLogger("sms_notify")
_CREDITS_EVERY = 900.0  # seconds
_POLL_EVERY = 2.0
_TICK_EVERY = (
    0.25  # what a limit holds must not wait for long beyond it; a tick with nothing to do takes 0.1 ms
)
_PROBE_EVERY = 1.0
_TELL_EVERY = 1.0
_SPOOL_EVERY = 0.2
_SILENCES_EVERY = 15.0
_CALENDARS_EVERY = 900.0
_STOP_WITHIN = 30.0
_CLOCK_STEP = timedelta(seconds=5)


_USUAL_SPOOL = Path("/var/spool/sms-notify")


def spool_of(settings: Settings, usual: Path = _USUAL_SPOOL) -> Path | None:
    """The folder that the configuration names, else the usual one where somebody has made it for our user.

    Another user's is another daemon's: whoever tries something out as root must not take its pages away.
    """
    if settings.spool or not usual.is_dir():
        return Path(settings.spool) if settings.spool else None
    if usual.stat().st_uid == os.geteuid():
        return usual
    _log.warning("spool: %s is another user's and left to its daemon; `spool` names one of ours", usual)
    return None


class App:
    """The daemon. `start` returns when it serves; `stop` when everything under way is settled."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock = wall_clock,
        timing: Timing | None = None,
        uptime: Callable[[], timedelta] = uptime,
        watch: Watch | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._uptime = uptime
        self._watch = watch or Watch(time.monotonic)
        self._ahead = clock() - uptime()
        self.node = node_name()
        plan = plan_of(settings, timing)
        self._engine = Engine(plan, self.node, ack_code)
        self.store = SqliteStore(settings.storage_url)
        self._pools: list[SenderPool] = []
        self.committer = Committer(self.store)
        names = [gateway.name for gateway in settings.gateways]
        self.metrics = Metrics(names, self.node, plan.receivers, self._engine.roster)
        self._calendar_troubles: tuple[CalendarTrouble, ...] = ()
        self._tokens = {gateway.name: delivery_token(gateway) for gateway in settings.gateways}
        polled = (ReportsBy.POLL, ReportsBy.BOTH)
        self._asked = {gateway.name for gateway in settings.gateways if gateway.delivery_reports in polled}
        self._zones = {gateway.name: ZoneInfo(gateway.timezone) for gateway in settings.gateways}
        self._loops = [Every("clock", _TICK_EVERY, self._watch.pace(self._tick))]
        for gateway in settings.gateways:
            self._add_gateway(gateway, plan.timing)
        roads = {name: road_of(road) for name, road in settings.roads.items()}
        operator = Operator(settings.operator, roads, lambda: self._engine.roster, plan.gateways)
        teller = Teller(self.committer, operator, self.node, self._clock, self._wake_all)
        self._loops.append(Every("operator", _TELL_EVERY, teller.tell_once))
        folder = spool_of(settings)
        if folder is not None:
            intake = Intake(folder, self.committer, lambda: self._engine, self._wake_senders, self._clock)
            intake.prepare()
            self._loops.append(Every("spool", _SPOOL_EVERY, self._watch.follow("spool", intake.sweep)))
        if settings.alertmanagers:
            asked = [Alertmanager(entry) for entry in settings.alertmanagers]
            keeper = Keeper(
                self.committer, asked, self._acknowledge_by_silence, self._end_silenced, self._clock
            )
            self._loops.append(Every("silences", _SILENCES_EVERY, lambda: self._keep_silences(keeper)))
        if settings.calendars:
            self._loops.append(Every("calendars", _CALENDARS_EVERY, self._read_calendars))
        self._web = self._server()

    def _server(self) -> WebServer:
        settings = self._settings
        hooks = Hooks(
            accept=self._accept,
            metrics=self._render,
            ready=self.ready,
            report=self._report,
            now=self._clock,
            guessed=self.metrics.guessed,
        )
        refusals = Refusals(self.metrics.webhook_was_refused)
        people = People(
            view=self._view,
            acknowledge=self._acknowledge,
            add_override=self._add_override,
            remove_override=self._remove_override,
            schedules=lambda: self._engine.plan.schedules,
            now=self._clock,
            directory=settings.directory,
            route=settings.route,
            receivers=settings.receivers,
        )
        web = build(hooks, settings.web, people=people, refusals=refusals)
        return WebServer(web, settings.web, refusals=refusals)

    def start(self) -> int:
        """Opens the store, takes up what an earlier process left, and serves; returns the port.

        Raises StoreError when the database is not to be had, UsageError when the port is not; `stop` cleans up
        after either.
        """
        self.store.lock()
        self.committer.start()
        self.committer(self._probe_all_now)  # also makes the tables where there are none
        self.metrics.begin(self.store)
        if (
            self._settings.calendars
        ):  # the kept copies at once, so that a slow server delays no start but the first
            with self.store.reading() as tx:
                kept = all(oncall.calendar(tx, source.schedule) for source in self._settings.calendars)
            self._take_timetable(self._timetable(fetch=not kept))
        for moved in self.committer(lambda tx: self._engine.recover(tx, self._clock())):
            journal.moved(moved)
        for pool in self._pools:
            pool.start()
        for loop in self._loops:
            loop.start()
        port = self._web.start()
        _log.info(
            "serving", extra={"address": f"{self._settings.web.host}:{port}", "database": self.store.path}
        )
        return port

    def stop(self) -> None:
        """Takes nothing more in, lets requests under way end, and leaves the rest in the store for the next start.

        May be called after a start that failed, and twice.
        """
        self._web.stop(_STOP_WITHIN)
        parts: list[Every | SenderPool] = [*self._loops, *self._pools]
        ends = time.monotonic() + _STOP_WITHIN
        for part in parts:  # all at once, so that none begins anything while another is waited for
            part.stop(0)
        for part in parts:
            part.stop(max(0.0, ends - time.monotonic()))
        self.committer.stop()
        self.store.unlock()
        _log.info("stopped")

    @property
    def alive(self) -> bool:
        """False when a part that the daemon cannot do without has ended; then only a new process helps."""
        return self._web.running and self.committer.alive and all(pool.alive for pool in self._pools)

    def ready(self) -> tuple[str, ...]:
        """Why alerts cannot be taken or texts cannot be sent now; empty when all is well."""
        reasons = () if self.committer.alive else ("the store's writer has ended",)
        ended = tuple("a sender has ended" for pool in self._pools if not pool.alive)
        return reasons + ended + self._watch.stuck()

    def _add_gateway(self, settings: Gateway1601Settings, timing: Timing) -> None:
        gateway = SmsGateway1601(settings, time.monotonic)
        account = account_of(settings, self._engine.plan.gateways, self._engine.plan.directory)
        sender = Sender(self.committer, gateway, account, timing, self.node, luck())
        clock = self._watch.follow(f"sender {settings.name}", self._clock)  # read for each claim and answer
        self._pools.append(SenderPool(sender, clock, settings.concurrency, self._sent))
        prober = Prober(self.committer, gateway, self._clock, luck(), self._numbers_to_probe())
        self._loops.append(Every(f"probe-{settings.name}", _PROBE_EVERY, lambda: self._probe(prober)))
        self._loops.append(
            Every(f"credits-{settings.name}", _CREDITS_EVERY, lambda: self._ask_credits(gateway))
        )
        if settings.name in self._asked:
            reports = Reports(self.committer, gateway, self.node, self._clock)
            self._loops.append(Every(f"reports-{settings.name}", _POLL_EVERY, lambda: self._poll(reports)))

    def _probe_all_now(self, tx: Tx) -> None:
        """The configuration or the account may have changed while we were away."""
        for gateway in self._engine.plan.gateways:
            breakers.probe_now(tx, gateway, self._clock())

    def _numbers_to_probe(self) -> tuple[str, ...]:
        return tuple(sorted(n for n in self._engine.plan.numbers() if group_of(n) is None))

    def _probe(self, prober: Prober) -> None:
        probed = prober.probe_once()
        if probed is None:
            return
        extra = {"gateway": probed.breaker.gateway, "scope": probed.breaker.scope, "answer": probed.answer}
        _log.info("breaker closed" if probed.closed else "breaker stays open", extra=extra)
        if probed.closed:
            self._wake_all()

    def _wake_all(self) -> None:
        for pool in self._pools:
            pool.wake()

    def _wake_senders(self, verdicts: list[Verdict]) -> None:
        """Only where there is something to send: a claim in vain costs a transaction."""
        if any(verdict.messages for verdict in verdicts):
            self._wake_all()

    def _tick(self) -> float | None:
        """Seconds until the next tick is wanted, where that is not the usual time."""
        self._follow_clock()
        now = self._clock()
        ticked = self.committer(lambda tx: self._engine.tick(tx, now))
        for moved in ticked.moved:
            journal.moved(moved)
        if ticked.written:
            self._wake_all()
        soon = ticked.next_at
        return (soon - now).total_seconds() if soon is not None and soon > now else None

    def _follow_clock(self) -> None:
        """Notices that the wall clock was set, and sets what waits by it: a step is no time that has passed."""
        ahead = self._clock() - self._uptime()
        step, self._ahead = ahead - self._ahead, ahead
        if abs(step) > _CLOCK_STEP:
            _log.warning("the clock was set", extra={"by_seconds": f"{step.total_seconds():.0f}"})
            self.committer(lambda tx: outbox.shift_clock(tx, step))

    async def _accept(self, delivery: Delivery) -> None:
        now = self._clock()
        job = self.committer.submit(
            lambda tx: self._engine.accept(tx, delivery, now), after=self._wake_senders
        )
        verdicts = await asyncio.wrap_future(job)
        journal.accepted(delivery, verdicts)

    async def _report(self, token: str, parameters: Mapping[str, str]) -> bool:
        name = self._gateway_of(token)
        report = read_callback(parameters, zone=self._zones[name]) if name is not None else None
        if name is None or report is None:
            self.metrics.called_back(Ignored.UNREADABLE if name is not None else Ignored.WRONG_TOKEN)
            return False
        now = self._clock()
        confirm = name in self._asked
        job = self.committer.submit(
            lambda tx: apply(tx, name, report, Cause.CALLBACK, self.node, now, confirm=confirm)
        )
        delivered = await asyncio.wrap_future(job)
        self.metrics.called_back(delivered.applied)
        journal.report(delivered, Cause.CALLBACK)
        return delivered.applied is Applied.MOVED

    def _gateway_of(self, token: str) -> str | None:
        """The gateway whose call-back token this is; all are compared, so that time tells nothing."""
        given = token.encode()
        matching = [name for name, ours in self._tokens.items() if hmac.compare_digest(given, ours.encode())]
        return matching[0] if matching else None

    def _poll(self, reports: Reports) -> None:
        for delivered in reports.poll_once():
            journal.report(delivered, Cause.POLL)

    def _view(self, job: Callable[[Tx], T], /) -> T:
        with self.store.reading() as tx:
            return job(tx)

    async def _acknowledge(self, incident_ids: Sequence[int], by: str, how: AckBy) -> list[int]:
        now = self._clock()
        job = self.committer.submit(lambda tx: self._engine.acknowledge(tx, incident_ids, by, how, now))
        taken = await asyncio.wrap_future(job)
        journal.acknowledged(taken, by, how)
        return taken

    async def _add_override(self, schedule: str, person: str, start: datetime, end: datetime, by: str) -> int:
        now = self._clock()
        job = self.committer.submit(lambda tx: oncall.add_override(tx, schedule, person, start, end, by, now))
        journal.override(schedule, f"{person} from {start:%F %R} to {end:%F %R} UTC", by)
        return await asyncio.wrap_future(job)

    async def _remove_override(self, number: int, by: str) -> bool:
        job = self.committer.submit(lambda tx: oncall.remove_override(tx, number))
        journal.override(f"override {number}", "removed", by)
        return await asyncio.wrap_future(job)

    def _acknowledge_by_silence(
        self, tx: Tx, incident_ids: Sequence[int], by: str, now: datetime
    ) -> Sequence[int]:
        return self._engine.acknowledge(tx, incident_ids, by, AckBy.SILENCE, now)

    def _end_silenced(self, tx: Tx, incident_ids: Sequence[int], now: datetime) -> None:
        self._engine.accept(tx, ended(tx, incident_ids, now), now)

    def _keep_silences(self, keeper: Keeper) -> None:
        done = keeper.keep_once()
        for kept in done:
            journal.silences(kept)
        if any(kept.what is What.ENDED for kept in done):
            self._wake_all()

    def _read_calendars(self) -> None:
        self._take_timetable(self._timetable(fetch=True))

    def _timetable(self, *, fetch: bool) -> Timetable:
        with self.store.reading() as tx:
            copies = {s.schedule: oncall.calendar(tx, s.schedule) for s in self._settings.calendars}
        return read_timetable(self._settings, self._clock(), copies.get, fetch=fetch)

    def _take_timetable(self, timetable: Timetable) -> None:
        """A trouble is logged when it begins, not every quarter of an hour."""
        for trouble in timetable.troubles:
            if trouble not in self._calendar_troubles:
                journal.calendar(trouble)
        self._calendar_troubles = timetable.troubles
        now, fetched = self._clock(), timetable.fetched or {}
        for schedule, body in fetched.items():
            self.committer(partial(oncall.keep_calendar, schedule=schedule, body=body, now=now))
        self._engine = self._engine.with_schedules(timetable.schedules)
        self.metrics.follow(self._engine.roster)

    def _ask_credits(self, gateway: SmsGateway1601) -> None:
        left = gateway.credits()
        if isinstance(left, int):
            self.metrics.balance(gateway.name, left)
            now = self._clock()
            low = self._settings.limits.credits.low_water
            self.committer(lambda tx: told_balance(tx, gateway.name, left, low, now))
            _log.info("credits", extra={"gateway": gateway.name, "left": left})
        else:
            if left.code is None:
                self.metrics.silent(gateway.name)
            extra = {"gateway": gateway.name, "reason": left.reason, "code": left.code, "detail": left.detail}
            _log.warning("credits unknown", extra=extra)

    def _render(self, accept: str) -> tuple[bytes, str]:
        return self.metrics.render(self.store, accept, self._clock)

    def _sent(self, sent: Sent) -> None:
        self.metrics.answered(sent.message.gateway, sent.outcome)
        journal.sent(sent)

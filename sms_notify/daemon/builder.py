"""From a configuration to what runs by it: the engine, the operator, and a unit of threads for each thing it names.

At the start all of it is built; at a reload, what has changed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Hashable
from functools import partial
from pathlib import Path

from sms_notify.config.settings import Settings
from sms_notify.daemon import event_log
from sms_notify.daemon.active_configuration import ActiveConfiguration
from sms_notify.daemon.calendar_refresh import CalendarUnit
from sms_notify.daemon.periodic import Every
from sms_notify.daemon.site_alive_unit import SiteAliveUnit
from sms_notify.daemon.spool_intake import Intake
from sms_notify.daemon.wiring import ack_code, arming_of, plan_of
from sms_notify.daemon.worker_threads import GatewayUnit, Tools, Unit
from sms_notify.delivery.step_keeper import StepKeeper
from sms_notify.engine import Engine
from sms_notify.gateways.registry import client_of
from sms_notify.policy.armed_texts import ArmedState, ArmedText
from sms_notify.policy.ruleset import Timing
from sms_notify.silences.client import AlertmanagerClient
from sms_notify.silences.deeds import keeper_of
from sms_notify.silences.keeper import Keeper, SilenceEvent
from sms_notify.spool_folder import USUAL_SPOOL, not_read
from sms_notify.store.tx import Tx

_SPOOL_EVERY = 0.2  # seconds
_SILENCES_EVERY = 15.0
_OUTBOX_EVERY = 1.0
_log = logging.getLogger("sms_notify")


def spool_of(settings: Settings, usual: Path = USUAL_SPOOL) -> Path | None:
    """The folder that the configuration names, else the usual one where somebody has made it for our user."""
    if settings.spool or not usual.is_dir():
        return Path(settings.spool) if settings.spool else None
    problem = not_read(usual, os.geteuid())
    if problem:
        _log.warning("spool: %s", problem)
    return None if problem else usual


class DaemonBuilder:
    """Builds what a configuration says. Nothing that it has built runs or leaves a trace before it is started."""

    def __init__(self, tools: Tools, timing: Timing | None = None) -> None:
        self._tools = tools
        self._timing = timing

    def build(self, settings: Settings, before: ActiveConfiguration | None = None) -> ActiveConfiguration:
        """All of it but the front; units of `before` that obey equal settings are taken over as they run."""
        plan = plan_of(settings, self._timing)
        running = ActiveConfiguration(settings, Engine(plan, self._tools.node, ack_code))
        running_units = before.units if before is not None else {}
        for key, make in self._wanted(running).items():
            running.units[key] = running_units.get(key) or make()
        return running

    def read_calendars(self, running: ActiveConfiguration, before: Settings | None = None) -> None:
        """Before `running` runs; see `CalendarUnit.read_first`."""
        unit = running.units.get(("calendars", running))
        if isinstance(unit, CalendarUnit):
            unit.read_first(before)

    def _wanted(self, running: ActiveConfiguration) -> dict[Hashable, Callable[[], Unit]]:
        settings, plan = running.settings, running.engine.plan
        wanted: dict[Hashable, Callable[[], Unit]] = {
            ("gateway", gateway): partial(GatewayUnit, gateway, settings, plan, self._tools)
            for gateway in settings.gateways
        }
        folder = spool_of(settings)
        running.spool = folder
        if folder is not None:
            wanted["spool", folder] = partial(self._spool, folder)
        if settings.gateways:
            wanted["outbox", settings.gateways] = partial(self._outbox, settings)
        if settings.alertmanagers:
            wanted["silences", settings.alertmanagers] = partial(self._silences, settings)
        wanted["site_alive",] = partial(SiteAliveUnit, settings, self._tools)
        if settings.calendars:
            wanted["calendars", running] = partial(CalendarUnit, running, self._tools)
        return wanted

    def _spool(self, folder: Path) -> Unit:
        tools = self._tools
        intake = Intake(folder, tools.committer, tools.engine, tools.wake_for, tools.clock)
        sweep = tools.watch.follow("spool", intake.sweep)
        return Unit([Every("spool", _SPOOL_EVERY, sweep)], first=intake.prepare)

    def _outbox(self, settings: Settings) -> Unit:
        tools = self._tools

        def left(tx: Tx, text: ArmedText) -> None:
            tools.engine().outbox_told(tx, text, tools.clock())

        failed = event_log.outbox_failed
        armings = {
            one.name: arming_of(one, client_of(one), tools.leadership, tools.clock, failed, left)
            for one in settings.gateways
        }
        keeper = StepKeeper(tools.store.reading, tools.leadership, tools.engine, armings, tools.clock)
        step = tools.leadership.only(partial(self._keep_steps, keeper), keeper.anew)
        return Unit([Every("outbox", _OUTBOX_EVERY, step)])

    def _keep_steps(self, keeper: StepKeeper) -> None:
        kept = keeper.keep_once()
        event_log.steps_kept(kept)
        if any(text.state is ArmedState.FIRED for text in kept.texts):
            self._tools.wake()

    def _silences(self, settings: Settings) -> Unit:
        asked, tools = [AlertmanagerClient(entry) for entry in settings.alertmanagers], self._tools
        keeper = keeper_of(tools.engine, tools.leadership, asked, tools.clock)
        step = tools.leadership.only(partial(self._keep_silences, keeper), keeper.anew)
        return Unit([Every("silences", _SILENCES_EVERY, step)])

    def _keep_silences(self, keeper: Keeper) -> None:
        done = keeper.keep_once()
        for kept in done:
            event_log.silences(kept)
        if any(kept.what in (SilenceEvent.ENDED, SilenceEvent.TAKEN_BACK) for kept in done):
            self._tools.wake()

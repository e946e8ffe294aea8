"""The dead man's switch in the daemon: a loop of its own, so that no outage of a gateway keeps a text from anybody."""

from __future__ import annotations

from datetime import datetime

from sms_notify.config.settings import Settings
from sms_notify.daemon import event_log
from sms_notify.daemon.periodic import Every
from sms_notify.daemon.wiring import site_switch
from sms_notify.daemon.worker_threads import Tools, Unit
from sms_notify.delivery import switch_notes
from sms_notify.delivery.site_switch import SwitchMoved, SwitchView
from sms_notify.policy.armed_texts import ArmedState, ArmedText
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import SelfAlertNote, name_of
from sms_notify.policy.site_alive import armed_until
from sms_notify.store import armed_rows, breakers, notes
from sms_notify.store.tx import Tx
from sms_notify.wording.clock import Clock

_EVERY = 5.0  # seconds


class SiteAliveUnit(Unit):
    """One for the life of the daemon: a configuration without `site_alive` has it take back what an earlier one armed."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._tools = tools
        self._started = tools.clock()
        self._told: dict[str, str] | None = None  # what is noted, by id; None until it was looked for
        self._clock = tools.watch.follow("site_alive", tools.clock)
        self._armed: set[str] = set()  # whose text is known to lie there, by number
        self._take_up(settings)
        led = tools.leadership.only
        self._led = led(self._round, self._anew)
        noticed = tools.failing.notice("keeping site_alive armed", self._come_round)
        self._loop = Every("site_alive", _EVERY, noticed, led(self._last))
        super().__init__([self._loop], first=self._begin)

    def follow(self, settings: Settings, plan: Plan, *, retired: bool) -> None:  # noqa: ARG002 - it is never retired
        self._take_up(settings)
        self._loop.wake()

    def _anew(self) -> None:
        """Another node has kept it meanwhile."""
        self._told = None
        self._take_up(self._tools.settings())

    def _take_up(self, settings: Settings) -> None:
        tools = self._tools
        self._gateways = tuple(gateway.name for gateway in settings.gateways)
        self._switch = site_switch(
            settings, lambda: tools.engine().roster, tools.leadership, self._clock, tools.ready, self._moved
        )

    def _begin(self) -> None:
        """A planned stop is over."""
        self._tools.committer(armed_rows.end_disarm)

    def _come_round(self) -> object:
        self._clock()  # it does, though there may be nothing to do
        return self._led()

    def _round(self) -> float:
        switch = self._switch
        if switch.empty:
            return _EVERY
        pause = switch.keep_once()
        view, not_ready = switch.look(), ", ".join(self._tools.ready())
        now = self._clock()
        self._say_armed(view, now)
        wrong = switch_notes.what_is_wrong(switch, view, self._gateways, not_ready, Clock(now).at, now)
        self._note(wrong, view, now)
        return pause

    def _say_armed(self, view: SwitchView, now: datetime) -> None:
        until = armed_until(view.lying, now)
        for person in view.readers:
            if person.number in until and person.number not in self._armed:
                event_log.switch_armed(name_of(person.name, person.number), until[person.number])
        self._armed = set(until)

    def _note(self, wrong: list[SelfAlertNote], view: SwitchView, now: datetime) -> None:
        found = {note.name: note.what for note in wrong}
        if found == self._told:
            return
        told = self._told

        def write(tx: Tx) -> None:
            before = switch_notes.known_ids(view) if told is None else told
            for id_ in set(before) - set(found):
                breakers.end_self_alert(tx, id_, now)
            notes.write(tx, wrong, (), now)

        self._tools.leadership(write)
        self._told = found

    def _moved(self, moved: SwitchMoved) -> None:
        text, now = moved.text, self._clock()
        down = text.due_at <= self._started
        event_log.switch_moved(moved, down=down)
        if text.state is ArmedState.FIRED and not down:
            note = switch_notes.fired(text, Clock(now).at)
            self._tools.leadership(lambda tx: notes.write(tx, [note], (), now))

    def _last(self) -> None:
        """The daemon stops: what stays armed leaves unless it is started again in time."""
        site_alive = self._switch.site_alive
        if site_alive is None:
            return
        left: list[ArmedText] = list(
            self._switch.clear() if site_alive.disarm_on_stop else self._switch.look().lying
        )
        event_log.switch_left(left)

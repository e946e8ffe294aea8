"""The calendars of one configuration, read into its engine before it runs and every quarter of an hour."""

from __future__ import annotations

from functools import partial

from sms_notify.config.settings import Settings
from sms_notify.daemon import event_log
from sms_notify.daemon.active_configuration import ActiveConfiguration
from sms_notify.daemon.periodic import Every
from sms_notify.daemon.worker_threads import Tools, Unit
from sms_notify.oncall.schedules import CalendarProblem, read_timetable
from sms_notify.store import oncall_rows
from sms_notify.store.tx import Tx

_EVERY = 900.0  # seconds


class CalendarUnit(Unit):
    """Reads the calendars of one configuration into its engine; another configuration has others."""

    def __init__(self, running: ActiveConfiguration, tools: Tools) -> None:
        self._running = running
        self._tools = tools
        super().__init__([Every("calendars", _EVERY, partial(self.read, fetch=True))])
        self._problems: tuple[CalendarProblem, ...] = ()

    def read_first(self, before: Settings | None = None) -> None:
        """Before it runs: the copies that are kept, so that a slow server delays no start but the first. What `before`
        did not have is fetched: a copy may be of another calendar.
        """
        sources = self._running.settings.calendars
        with self._tools.store.reading() as tx:
            kept = all(oncall_rows.calendar(tx, source.schedule) for source in sources)
        new = before is not None and not set(sources) <= set(before.calendars)
        self.read(fetch=new or not kept)

    def read(self, *, fetch: bool) -> None:
        """A problem is logged when it begins, not every quarter of an hour."""
        settings, running = self._running.settings, self._running
        with self._tools.store.reading() as tx:
            copies = {s.schedule: oncall_rows.calendar(tx, s.schedule) for s in settings.calendars}
        timetable = read_timetable(settings, self._tools.clock(), copies.get, fetch=fetch)
        for problem in timetable.problems:
            if problem not in self._problems:
                event_log.calendar(problem)
        self._problems = timetable.problems
        for schedule, body in (timetable.fetched or {}).items():
            self._tools.committer(partial(self._keep, schedule, body))
        running.engine = running.engine.with_schedules(timetable.schedules)

    def _keep(self, schedule: str, body: bytes, tx: Tx) -> None:
        """Not before its configuration runs, nor afterwards: the copy would be of another calendar."""
        if self._tools.settings() is self._running.settings:
            oncall_rows.keep_calendar(tx, schedule=schedule, body=body, now=self._tools.clock())

"""Reading the configuration again while the daemon runs: one reload at a time, and what of a file none can change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import fields
from datetime import datetime
from pathlib import Path

from sms_notify.config.document import Place, read_document
from sms_notify.config.faults_ahead import faults_ahead
from sms_notify.config.settings import Settings
from sms_notify.daemon import event_log
from sms_notify.daemon.systemd import Manager
from sms_notify.delivery.sender import Clock
from sms_notify.errors import ConfigError, Fault, SmsNotifyError
from sms_notify.metrics import Metrics
from sms_notify.oncall.roster import by_schedule, obeyed
from sms_notify.policy.rotations import Schedule
from sms_notify.store import oncall_rows
from sms_notify.store.tx import Tx

_log = logging.getLogger("sms_notify")
_NOT_TOLD = frozenset(("source", "warnings", "lines"))
_KEYS = {
    "storage_url": "storage",
    "directory": "people",
    "channels": "gateways",
    "calendars": "schedules",
    "expire": "limits",
    "watches": "watch",
    "watch_secrets": "watch",
}
_LONGEST_STATUS = 300  # characters of one line of `systemctl status`


class Reloader:
    """Runs `work` on a thread of its own each time that somebody asks, and tells what came of it.

    Whoever asks while one runs shares the next, which reads the files after they asked: a hundred signals are two
    reloads, and the last version of the file counts. `work` returns which parts have changed, and raises
    SmsNotifyError where nothing has. `about` is said to the service manager when it runs.
    """

    def __init__(
        self,
        work: Callable[[], Sequence[str]],
        metrics: Metrics,
        manager: Manager,
        clock: Clock,
        about: Callable[[], str],
    ) -> None:
        self._work = work
        self._metrics = metrics
        self._manager = manager
        self._clock = clock
        self._about = about
        self._wake = threading.Condition()
        self._next: Future[str] | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="reload", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask(self) -> Future[str]:
        """Its result says in words what has changed; its exception is SmsNotifyError where nothing has."""
        with self._wake:
            if self._next is None:
                self._next = Future()
                if self._stopping:
                    self._next.set_exception(_stopping())
                    return self._next
                self._next.set_running_or_notify_cancel()  # nobody who shares it can cancel it for the others
                self._wake.notify()
            return self._next

    def stop(self, timeout: float) -> None:
        """No reload begins any more; waits so long, in seconds, for one that runs."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _loop(self) -> None:
        while (asked := self._take()) is not None:
            try:
                asked.set_result(self._reload())
            except SmsNotifyError as error:
                asked.set_exception(error)

    def _take(self) -> Future[str] | None:
        with self._wake:
            while self._next is None and not self._stopping:
                self._wake.wait()
            asked, self._next = self._next, None
        if asked is not None and self._stopping:
            asked.set_exception(_stopping())
            return None
        return asked

    def _reload(self) -> str:
        self._manager.reloading()
        try:
            changed = self._work()
        except SmsNotifyError as error:
            if not self._stopping:  # overtaken by a stop is not refused
                self._refused(error)
            raise
        except Exception as error:
            _log.error("reload", exc_info=error)
            wrong = SmsNotifyError(f"the configuration could not be taken over: {type(error).__name__}")
            self._refused(wrong)
            raise wrong from error
        return self._runs(changed)

    def _runs(self, changed: Sequence[str]) -> str:
        now = self._clock()
        self._metrics.reloaded(True, now)
        event_log.reloaded(changed)
        words = ", ".join(changed) or "nothing"
        self._manager.ready(f"{self._about()}; reloaded at {now:%F %T} UTC, changed: {words}")
        return f"the configuration runs; changed: {words}"

    def _refused(self, error: SmsNotifyError) -> None:
        now, faults = self._clock(), str(error).splitlines() or [type(error).__name__]
        self._metrics.reloaded(False, now)
        event_log.reload_refused(faults)
        more = f" (and {len(faults) - 1} more, see the log)" if len(faults) > 1 else ""
        why = faults[0][:_LONGEST_STATUS]
        self._manager.ready(f"{self._about()}; reload REFUSED at {now:%F %T} UTC: {why}{more}")


def _stopping() -> SmsNotifyError:
    return SmsNotifyError("the daemon is stopping; the configuration was not read")


def changed_keys(before: Settings, after: Settings) -> tuple[str, ...]:
    """The top level keys of the file that say something else now, what secret files hold included."""
    names = [field.name for field in fields(Settings) if field.name not in _NOT_TOLD]
    changed = [name for name in names if getattr(before, name) != getattr(after, name)]
    return tuple(dict.fromkeys(_KEYS.get(name, name) for name in changed))


def check_fixed(before: Settings, after: Settings) -> None:
    """Raises ConfigError where a key has changed that is obeyed at the start alone."""
    web, was = after.web, before.web
    moved: Mapping[Place, bool] = {
        ("storage",): after.storage_url != before.storage_url,
        ("web", "listen"): (web.host, web.port) != (was.host, was.port),
        ("web", "tls_cert"): bool(web.tls_cert) != bool(was.tls_cert),
    }
    faults = [_fixed(after, place) for place, differs in moved.items() if differs]
    if faults:
        raise ConfigError(faults)


def _fixed(after: Settings, place: Place) -> Fault:
    what = "is read at the start only and cannot change while the daemon runs"
    advice = "restart sms-notify for this, or write it as it was and reload"
    return read_document(Path(after.source)).fault(place, what, advice)


def ahead(settings: Settings, schedules: Mapping[str, Schedule], tx: Tx, now: datetime) -> list[Fault]:
    """As `faults_ahead`, with the overrides of the database; `schedules` have their calendars read."""
    made = by_schedule(obeyed(oncall_rows.overrides(tx, now), settings.directory))
    return faults_ahead(settings, schedules, made, now)

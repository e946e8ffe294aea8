"""What the command hooks handed over, on its way into the engine; and whoever must hear of it when that fails."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path

from sms_notify.daemon import event_log
from sms_notify.engine import Engine, Verdict
from sms_notify.errors import StoreError
from sms_notify.self_alerts import end_spool_problem, report_refused, report_spool
from sms_notify.sources.hook_record import parse
from sms_notify.spool import QUARANTINE, Refused, Spool, Taken
from sms_notify.store import spool_receipts
from sms_notify.store.committer import Committer
from sms_notify.store.tx import Tx

_log = logging.getLogger("sms_notify")
_REMEMBERED = timedelta(days=2)  # a file that cannot be removed for longer is the operator's


class Intake:
    """Empties the folder: one call of `sweep` is one look. `wake` is told what was decided, within the step."""

    def __init__(
        self,
        folder: Path,
        commit: Committer,
        engine: Callable[[], Engine],
        wake: Callable[[Tx, Iterable[Verdict]], None],
        now: Callable[[], datetime],
    ) -> None:
        self._commit = commit
        self._engine = engine
        self._wake = wake
        self._now = now
        self._spool = Spool(folder, parse, self._take, now)
        self._problem: str | None = None  # None: not yet known
        self._untold: list[Refused] = []

    def prepare(self) -> None:
        """Makes the folder where it may, and tells what is wrong with it. Before the store is open: into the log alone."""
        problem = self._spool.prepare()
        if problem:
            _log.error("spool: %s", problem)

    def sweep(self) -> float | None:
        """Seconds until the next look, None for the usual time."""
        swept = self._spool.sweep_once()
        for refused in swept.refused:
            event_log.refused(refused)
        self._untold += swept.refused
        while self._untold:
            first = self._untold[0]
            self._commit(
                partial(report_refused, name=first.name, why=first.why, kept=first.kept, now=self._now())
            )
            self._untold.pop(0)  # after the commit: one that fails is tried with the next look
        if swept.looked:
            self._tell(swept.problem)
        return 0.0 if swept.more else None

    def _tell(self, problem: str) -> None:
        """A problem is logged, and told to the operator, when it begins; that it has ended as well."""
        if problem == self._problem:
            return
        if problem:
            _log.error("spool: %s", problem)
        elif self._problem:
            _log.info("spool: all is well again")
        job = partial(report_spool, problem=problem) if problem else end_spool_problem
        try:
            self._commit(partial(job, now=self._now()))
        except StoreError:
            return  # it is the store itself, then; told with a later look
        self._problem = problem

    def _take(self, records: Sequence[Taken]) -> None:
        now = self._now()
        taken = self._commit(partial(self._accept, records, now))
        for record, verdicts in zip(records, taken, strict=True):
            if verdicts is None:
                _log.info("taken before", extra={"file": record.id})
            else:
                event_log.accepted(record.delivery, verdicts)

    def _accept(self, records: Sequence[Taken], now: datetime, tx: Tx) -> list[list[Verdict] | None]:
        """None for a record that an earlier process took, and could not remove before it ended."""
        spool_receipts.forget(tx, now - _REMEMBERED)
        new = [record for record in records if spool_receipts.take(tx, record.id, now)]
        verdicts = self._engine().accept_all(tx, [record.delivery for record in new], now)
        self._wake(tx, chain.from_iterable(verdicts))
        of_new = {record.id: told for record, told in zip(new, verdicts, strict=True)}
        return [of_new.get(record.id) for record in records]


def spooled(folder: Path | None) -> dict[str, int] | None:
    """How many records wait to be read, and how many could not be. Where no folder is read, none; None where it cannot be."""
    if folder is None:
        return {}
    try:
        return {"waiting": _records(folder), "quarantined": _quarantined(folder)}
    except OSError:
        return None


def _quarantined(folder: Path) -> int:
    """Its folder is made with the first."""
    try:
        return _records(folder / QUARANTINE)
    except FileNotFoundError:
        return 0


def _records(place: Path) -> int:
    with os.scandir(place) as entries:
        return sum(not one.name.startswith(".") and one.is_file(follow_symlinks=False) for one in entries)

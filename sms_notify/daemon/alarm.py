"""What is wrong inside and lasts is told by ways that need no database: self-alerts lie in the one that may be damaged."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from sms_notify.channels.base import Note
from sms_notify.delivery.sender import Clock

_TOLD_AFTER = 10.0  # seconds: a short lock, or a disk that was full for a moment, needs nobody
_AGAIN_AFTER = 3600.0
_ADVICE = (
    "The log of sms-notify has it in full. `sms-notify db check` says what is wrong with the file, docs/backup.md how a backup"
    " is put in its place. Until then monitoring systems are answered with 503 and try again; hooks keep theirs in the spool."
)
_log = logging.getLogger("sms_notify")


class Alarm:
    """Looks at `reasons` each time it is asked, and tells the operator by `tell`, which says whether it reached anybody."""

    def __init__(
        self,
        reasons: Callable[[], tuple[str, ...]],
        tell: Callable[[Note], bool],
        clock: Clock,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reasons = reasons
        self._tell = tell
        self._clock = clock
        self._now = now
        self._since: float | None = None
        self._told_at: float | None = None
        self._was: tuple[str, ...] = ()

    def look(self) -> None:
        reasons, now = self._reasons(), self._now()
        if not reasons:
            self._end()
            return
        self._since = now if self._since is None else self._since
        if reasons != self._was:
            _log.critical("not ready: %s", "; ".join(reasons))
        self._was = reasons
        lasted = now - self._since >= _TOLD_AFTER
        if lasted and (self._told_at is None or now - self._told_at >= _AGAIN_AFTER):
            self._told_at = now if self._tell(self._note("; ".join(reasons), _ADVICE, urgent=True)) else None

    def _end(self) -> None:
        if self._since is None:
            return
        _log.warning("ready again")
        if self._told_at is not None:
            self._tell(self._note("all is well again", f"It was: {'; '.join(self._was)}", urgent=False))
        self._since, self._told_at, self._was = None, None, ()

    def _note(self, what: str, body: str, *, urgent: bool) -> Note:
        return Note(f"sms-notify: {what}", f"{what}\n\n{body}\n", self._clock(), urgent)

"""What is wrong inside and lasts is told by ways that need no database: self-alerts lie in the one that may be damaged."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from sms_notify.channels.base import Note
from sms_notify.delivery.sender import Clock

_TOLD_AFTER = 10.0  # seconds: a short lock, or a disk that was full for a moment, needs nobody
_TOLD_LATER = 300.0
_AGAIN_AFTER = 3600.0
_CALM = 60.0  # seconds without a trouble after which it is over: one that comes and goes is one
_RETRY, _RETRY_CAP = 15.0, 900.0  # seconds until it is tried again where nobody was reached
_ADVICE = (
    "The log of sms-notify has it in full. `sms-notify db check` says what is wrong with the file."
    " docs/operations/backup.md says how to restore a backup."
    " Until then monitoring systems are answered with 503 and try again; hooks keep theirs in the spool."
)
_log = logging.getLogger("sms_notify")


class Alarm:
    """Looks at `reasons` each time it is asked, and tells the operator by `tell`, which says whether it reached anybody.

    `first` says whether this node is the first to tell what all of them may see; else it tells what has lasted longer.
    """

    def __init__(
        self,
        reasons: Callable[[], tuple[str, ...]],
        tell: Callable[[Note], bool],
        clock: Clock,
        now: Callable[[], float] = time.monotonic,
        first: Callable[[], bool] = lambda: True,
    ) -> None:
        self._reasons = reasons
        self._tell = tell
        self._clock = clock
        self._now = now
        self._first = first
        self._since: float | None = None
        self._seen = 0.0
        self._was: tuple[str, ...] = ()
        self._pause = _RETRY
        self._told: dict[str, float] = {}  # by the first words of a trouble, until when it is not told again
        self._owes_an_end = False

    def look(self) -> None:
        reasons, now = self._reasons(), self._now()
        if not reasons:
            if self._since is not None and now - self._seen >= _CALM:
                self._end()
            return
        self._since, self._seen = now if self._since is None else self._since, now
        if reasons != self._was:
            _log.critical("not ready: %s", "; ".join(reasons))
        self._was = reasons
        if now - self._since >= (_TOLD_AFTER if self._first() else _TOLD_LATER) and now >= self._told.get(
            _kind(reasons), 0.0
        ):
            self._tell_operator("; ".join(reasons), _kind(reasons), now)

    def _tell_operator(self, what: str, kind: str, now: float) -> None:
        told = self._tell(self._note(what, _ADVICE, urgent=True))
        self._owes_an_end |= told
        self._pause = _AGAIN_AFTER if told else min(2 * self._pause, _RETRY_CAP)
        self._told[kind] = now + self._pause
        self._pause = _RETRY if told else self._pause

    def _end(self) -> None:
        _log.warning("ready again")
        if self._owes_an_end:
            self._tell(self._note("all is well again", f"It was: {'; '.join(self._was)}", urgent=False))
        self._since, self._was, self._owes_an_end = None, (), False

    def _note(self, what: str, body: str, *, urgent: bool) -> Note:
        return Note(f"sms-notify: {what}", f"{what}\n\n{body}\n", self._clock(), urgent)


def _kind(reasons: tuple[str, ...]) -> str:
    return reasons[0].partition(":")[0]

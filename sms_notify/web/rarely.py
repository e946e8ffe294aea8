"""Warnings that anybody can cause: the first of a kind is logged at once, the rest of each minute as one line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

# Kinds that are told apart within one interval; what is beyond them shares one, so that a flood from many
# addresses fills neither the memory nor the disk.
MAX_KINDS = 64
_OTHER_KINDS = object()


@dataclass(slots=True)
class _Since:
    """What has come since the last line of this kind."""

    what: str
    extra: Mapping[str, object]
    count: int = 0


class Rarely:
    """To be called on the event loop. `every`: seconds between two lines of one kind.

    Repetitions that are not logged yet when the daemon stops are lost to the log; the metrics have counted them.
    """

    def __init__(self, log: logging.Logger, every: float = 60.0) -> None:
        self._log = log
        self._every = every
        self._kinds: dict[Hashable, _Since] = {}

    def warn(self, kind: Hashable, what: str, extra: Mapping[str, object]) -> None:
        """Logs `what` now, or counts it among the repetitions of its kind."""
        if kind not in self._kinds and len(self._kinds) >= MAX_KINDS:
            kind = _OTHER_KINDS
        since = self._kinds.get(kind)
        if since is None:
            self._log.warning(what, extra=dict(extra))
            self._wait(kind, _Since(what, extra))
        else:
            since.what, since.extra, since.count = what, extra, since.count + 1

    def _wait(self, kind: Hashable, since: _Since) -> None:
        self._kinds[kind] = since
        asyncio.get_running_loop().call_later(self._every, self._tell, kind)

    def _tell(self, kind: Hashable) -> None:
        since = self._kinds.pop(kind)
        if since.count:
            self._log.warning(since.what, extra={**since.extra, "times": since.count})
            self._wait(kind, _Since(since.what, since.extra))

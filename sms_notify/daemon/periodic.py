"""What the daemon does again and again, each on a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class Every:
    """Calls `step` every `seconds` on a thread of its own until it is stopped; an error in a step ends that step alone.

    A step that returns a float wants to be called again after so many seconds already. `last` is done once it is stopped.
    """

    def __init__(
        self, name: str, seconds: float, step: Callable[[], object], last: Callable[[], object] = lambda: None
    ) -> None:
        self._seconds = seconds
        self._step = step
        self._last = last
        self._stopped = False
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do: the pause ends, or the next one falls away where a step is under way."""
        self._woken.set()

    def stop(self, timeout: float) -> None:
        self._stopped = True
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def _loop(self) -> None:
        pause = 0.0
        while not self._is_stopped_after(pause):
            wanted = self._done(self._step)
            pause = max(0.01, min(self._seconds, wanted) if isinstance(wanted, float) else self._seconds)
        self._done(self._last)

    def _is_stopped_after(self, pause: float) -> bool:
        """Cleared before the step, which does what it was woken for, and before the look at `_stopped`, which is set first."""
        self._woken.wait(pause)
        self._woken.clear()
        return self._stopped

    def _done(self, step: Callable[[], object]) -> object:
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - the loop must outlive whatever one step does
            _log.error("%s stopped short: %s", self._thread.name, type(error).__name__)
            return None

"""What the daemon does again and again, and what of it fails each time: one failure is the log's, a lasting one everybody's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_LASTS = 5.0  # seconds between the first and the last failure in a row
_FORGOTTEN = 60.0  # seconds after which what was not tried again counts no more


class Failing:
    """`now` is a clock that nobody sets, in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._found: dict[str, tuple[float, float, str]] = {}  # since, last, and why

    def notice(self, name: str, step: Callable[[], T]) -> Callable[[], T]:
        """`step`, with a note of how it ended."""

        def noticed() -> T:
            try:
                result = step()
            except Exception as error:
                self.note(name, type(error).__name__)
                raise
            self.well(name)
            return result

        return noticed

    def note(self, name: str, why: str) -> None:
        """It has failed. `why` holds nothing of what it was about: anybody may read it."""
        now = self._now()
        since, last, _ = self._found.get(name, (now, now, ""))
        self._found[name] = (since if now - last < _FORGOTTEN else now), now, why

    def well(self, name: str) -> None:
        """It works."""
        self._found.pop(name, None)

    def reasons(self) -> tuple[str, ...]:
        """In words; empty when all is well."""
        now, found = self._now(), sorted(self._found.copy().items())
        return tuple(
            f"{name} fails each time: {why}"
            for name, (since, last, why) in found
            if last - since >= _LASTS and now - last < _FORGOTTEN
        )

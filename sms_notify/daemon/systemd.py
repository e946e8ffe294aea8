"""What the service manager is told (sd_notify(3)): that we serve, how it stands, that we stop. And its watchdog.

The watchdog asks whether texts still leave, so no thread pets it that could live while the rest hangs: the clock loop
does, each time the committer has answered it, and only while every thread that is followed has come round lately.
A round that ended in an error is a round: a full disk is the operator's, and a new process would have no more room,
but would have forgotten what this one still tries to write down.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
_SEND_WITHIN = 2.0  # seconds; the manager's queue is full while it is busy, and nobody may hang on that
_START_WITHIN = 120.0  # seconds; the longest single step of a start, the sync of a large file to a slow disk
_SELDOM = 5.0  # seconds between two words about the same long work
_PETS = 4  # in the manager's time limit: three may be lost
_LONGEST_STEP = 5.0  # seconds between two rounds of the clock that count, see `Watch`
# Seconds in which a followed thread must come round. The slowest that does: a request (60 s at most, its name looked
# up within that) whose answer the store refuses to write down (16 s of pauses, and 5 s for each of seven tries).
ROUND_WITHIN = 180.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Manager:
    """Who started us and wants to hear; without an `address` nobody. `patience` is its watchdog's, in seconds.

    Nothing here raises: a manager that cannot be told is not a reason to stop.
    """

    address: str = ""
    patience: float | None = None

    def starting(self, words: str) -> bool:
        """We do not serve yet, and work on: its time limit for a start is put off, and this is to be said again within it."""
        return self._tell(f"EXTEND_TIMEOUT_USEC={_START_WITHIN * 1_000_000:.0f}", _status(words))

    def ready(self, status: str) -> bool:
        """We serve. True when the manager has been told."""
        return self._tell("READY=1", _status(status))

    def reloading(self) -> bool:
        """We read the configuration again; `ready` says that this has ended, whatever came of it (sd_notify(3)).

        Read by systemd before 253 too, which wants no MONOTONIC_USEC; `Type=notify-reload` of later ones does.
        """
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000
        return self._tell(
            "RELOADING=1", f"MONOTONIC_USEC={microseconds}", _status("reading the configuration")
        )

    def stopping(self) -> bool:
        return self._tell("STOPPING=1", _status("stopping: requests under way end first"))

    def status(self, words: str) -> bool:
        """One line for whoever looks (`systemctl status`)."""
        return self._tell(_status(words))

    def pet(self) -> bool:
        return self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> bool:
        if not self.address.startswith(("/", "@")):
            return False
        address = self.address.encode("utf-8", "surrogateescape")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(_SEND_WITHIN)
                # A name that begins with @ is not a file: Linux writes it with NUL.
                sock.sendto(
                    "\n".join(lines).encode(), b"\0" + address[1:] if address[:1] == b"@" else address
                )
        except (OSError, ValueError) as error:
            _log.debug("the service manager was not told: %s", error)
            return False
        return True


def _status(words: str) -> str:
    return "STATUS=" + " ".join(words.split())


def seldom(now: Callable[[], float], tell: Callable[[str], object]) -> Callable[[str], None]:
    """`tell` at once, and then no more than every few seconds, of what says the same hundreds of times a second."""
    told_at = float("-inf")

    def told(words: str) -> None:
        nonlocal told_at
        if now() - told_at >= _SELDOM:
            told_at = now()
            tell(words)

    return told


def manager_of(environment: Mapping[str, str], pid: int) -> Manager:
    """The manager that this environment names. What makes no sense in it counts as not said.

    `pid` is our own process: a watchdog that was meant for another one ($WATCHDOG_PID) is none of ours.
    """
    limit = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID", "") in ("", str(pid))
    microseconds = int(limit) if meant and limit.isascii() and limit.isdigit() and len(limit) < 20 else 0
    return Manager(environment.get("NOTIFY_SOCKET", ""), microseconds / 1_000_000 if microseconds else None)


class Watch:
    """Pets the manager's watchdog while everything goes round. `now` is a clock that nobody sets, in seconds.

    Threads are not measured by that clock but by the time in which the clock loop itself went round: when the whole
    machine was held for an hour, nobody has hung.
    """

    def __init__(self, now: Callable[[], float], manager: Manager | None = None) -> None:
        self._now = now
        self._manager = manager or Manager()
        self._last = self._petted = now()
        self._gone = 0.0  # seconds in which the clock loop went round
        self._limits: dict[str, float] = {}
        self._seen: dict[tuple[str, threading.Thread], float] = {}
        self._told: tuple[str, ...] = ()

    def follow(self, name: str, call: Callable[[], T], within: float = ROUND_WITHIN) -> Callable[[], T]:
        """`call`, which a thread makes each time it comes round; whoever has made it once must again, `within` seconds."""
        self._limits[name] = within

        def followed() -> T:
            self._seen[name, threading.current_thread()] = self._gone
            return call()

        return followed

    def pace(self, step: Callable[[], T]) -> Callable[[], T]:
        """`step` of the clock loop: when it has ended the watchdog is petted, if all is well."""

        def paced() -> T:
            try:
                return step()
            finally:
                self._round()

        return paced

    def stuck(self) -> tuple[str, ...]:
        """Who has not come round in time, in words; empty when all is well."""
        late = {
            name
            for (name, thread), at in self._seen.copy().items()
            if self._gone - at > self._limits[name] and thread.is_alive()
        }
        return tuple(f"{name} has not answered for {self._limits[name]:.0f} s" for name in sorted(late))

    def _round(self) -> None:
        now = self._now()
        self._gone += min(now - self._last, _LONGEST_STEP)
        self._last = now
        for key in [key for key in self._seen.copy() if not key[1].is_alive()]:
            del self._seen[key]  # a reload ends threads; one that ended by itself is noticed by its pool
        stuck = self.stuck()
        if stuck != self._told:
            self._tell(stuck)
        patience = self._manager.patience
        if (
            patience is not None
            and not stuck
            and now - self._petted >= patience / _PETS
            and self._manager.pet()
        ):
            self._petted = now

    def _tell(self, stuck: tuple[str, ...]) -> None:
        self._told = stuck
        if stuck:
            _log.critical("%s; only a restart helps, and a watchdog brings it", ", ".join(stuck))
        else:
            _log.warning("every thread answers again")
        self._manager.status(", ".join(stuck) or "serving")

"""What the daemon does with signals. Each one only leaves a note here; the main thread reads the notes one by one."""

from __future__ import annotations

import queue
import signal
from enum import Enum

# Their default action would end the process, and none of them has a meaning for us. Not by SIG_IGN, which a program
# that a `command` channel starts would inherit; a handler is reset for it.
IGNORED = (
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGVTALRM,
    signal.SIGPROF,
    signal.SIGIO,
    signal.SIGPWR,
    signal.SIGSTKFLT,
)


class Wish(Enum):
    """What somebody wants of the daemon by a signal."""

    RELOAD = "reload"
    STOP = "stop"


_WISHES = {signal.SIGHUP: Wish.RELOAD, signal.SIGTERM: Wish.STOP, signal.SIGINT: Wish.STOP}


class Wishes:
    """From its making on no signal of those that we know ends the process. Made in the main thread.

    The queue is one that may be filled by a handler which interrupts its reader; an Event is not, its lock is the
    reader's as well.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Wish] = queue.SimpleQueue()
        for name in IGNORED:
            signal.signal(name, lambda *_: None)
        for name, wish in _WISHES.items():
            signal.signal(name, lambda *_, wish=wish: self._queue.put(wish))

    def done(self) -> None:
        """The process ends now: an interpreter that winds up lets signals kill it again, and its exit code would be theirs."""
        signal.pthread_sigmask(signal.SIG_BLOCK, (*IGNORED, *_WISHES))

    def next(self, seconds: float) -> Wish | None:
        """The oldest that nobody has read, waiting so long for one."""
        try:
            return self._queue.get(timeout=seconds)
        except queue.Empty:
            return None

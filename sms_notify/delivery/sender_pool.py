"""The threads of one gateway, each of which sends until nothing is due."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from sms_notify.delivery.sender import Clock, Sender, Sent

_log = logging.getLogger(__name__)


class SenderPool:
    """As many threads as the gateway allows at once, each sending until nothing is due."""

    def __init__(
        self,
        sender: Sender,
        clock: Clock,
        threads: int,
        done: Callable[[Sent], None],
        notice: Callable[[Callable[[], None]], Callable[[], None]] = lambda step: step,
    ) -> None:
        """`notice` makes of a round of sending one whose end is noted."""
        self._sender = sender
        self._round = notice(self._drain)
        self._clock = clock
        self._done = done
        self._wake = threading.Condition()
        self._news = 0
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._loop, name=f"sender-{n}", daemon=True) for n in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There may be something to send."""
        with self._wake:
            self._news += 1
            self._wake.notify_all()

    def end(self) -> None:
        """The daemon stops."""
        self._sender.end()

    def stop(self, timeout: float) -> bool:
        """Claims nothing more and waits for the requests under way; False when one outlasted `timeout` seconds."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def alive(self) -> bool:
        """False when one of its threads has ended; those of a pool that was not started yet have not."""
        return all(thread.ident is None or thread.is_alive() for thread in self._threads)

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _loop(self) -> None:
        while not self._stopping:
            seen = self._news
            try:
                self._round()
            except Exception as error:  # noqa: BLE001 - the thread must outlive a full disk; the row keeps the truth
                _log.error("sending stopped short: %s", type(error).__name__)
            self._sleep(seen)

    def _drain(self) -> None:
        """Sends until nothing is due; a stop lets the request under way end and claims nothing more."""
        message = self._sender.take(self._clock)
        while message is not None:
            if self._stopping:
                self._tell(self._sender.submit(message, self._clock))
                return
            sent, message = self._sender.submit_and_take(message, self._clock)
            self._tell(sent)

    def _tell(self, sent: Sent) -> None:
        try:
            self._done(sent)
        except Exception as error:  # noqa: BLE001 - the next message is claimed already; logging must not strand it
            _log.error("after a send: %s", type(error).__name__)

    def _sleep(self, seen: int) -> None:
        """Until there is news, at most a second: retries fall due by the clock and nobody announces them."""
        with self._wake:
            if self._news == seen and not self._stopping:
                self._wake.wait(1.0)

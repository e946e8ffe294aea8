"""Posts delivery reports back, as the gateway does: one GET a change, from a thread of its own, in order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

import requests

from sms_notify.simulator.records import PostedReport, Posting

_SECONDS = 3.0  # a receiver that hangs holds up the reports behind it for no longer than this


@dataclass(frozen=True, slots=True)
class _Job:
    url: str
    posting: Posting


class CallBacks:
    """The worker. What went wrong is handed to `record`, never raised; nothing is tried twice."""

    def __init__(self, record: Callable[[PostedReport], None], now: Callable[[], datetime]) -> None:
        self._record = record
        self._now = now
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="simulator-callbacks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Drop what waits and end after the request under way."""
        self._stopping.set()
        self._jobs.put(None)
        self._thread.join(2 * _SECONDS)

    def post(self, url: str, posting: Posting) -> None:
        """Queue one call-back; without a URL nobody is called."""
        if url:
            self._jobs.put(_Job(url, posting))

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the environment is not for loopback
            while (job := self._jobs.get()) is not None and not self._stopping.is_set():
                self._record(self._call(session, job))

    def _call(self, session: requests.Session, job: _Job) -> PostedReport:
        posting = job.posting
        try:
            with session.get(
                job.url, params=asdict(posting), timeout=_SECONDS, allow_redirects=False
            ) as answer:
                result, ok = f"HTTP {answer.status_code}", 200 <= answer.status_code < 300
        except requests.RequestException as error:
            result, ok = type(error).__name__, False  # its text would show the URL, and that holds a token
        return PostedReport(self._now(), posting.smsid, posting.status, result, ok)

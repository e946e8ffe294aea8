"""A gateway on paper that keeps texts until their minute, and loses requests and answers as it is told."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo

from sms_notify.gateways.base import Failed, Removed, Scheduled, Submission
from sms_notify.gateways.registry import refused
from sms_notify.gateways.sms1601.scheduled_time import datum
from sms_notify.policy.outcomes import Fate, Reason
from sms_notify.virtual.paper_gateway import PaperGateway

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
LOST = Failed(Fate.UNKNOWN, Reason.TIMEOUT)


class Trouble(Enum):
    NONE = "none"
    REFUSED = "refused"
    LOST_BEFORE = "lost before"
    LOST_AFTER = "lost after"


@dataclass(frozen=True)
class Kept:
    outboxid: str
    due: datetime
    number: str
    text: str


def minute(at: datetime) -> datetime:
    return datum(at, AMSTERDAM).at


class PaperOutbox(PaperGateway):
    """`now` is the gateway's clock. `trouble` says what becomes of each request; `boundary` is called around each."""

    def __init__(
        self, now: Callable[[], datetime], trouble: Callable[[], Trouble] = lambda: Trouble.NONE
    ) -> None:
        super().__init__("main")
        self.now = now
        self.trouble = trouble
        self.outbox: list[Kept] = []
        self.fired: list[Kept] = []
        self.most = 0
        self.requests: list[str] = []
        self.boundary: Callable[[], None] = lambda: None
        self.gives_ids = True
        self._ids = 500

    def pass_time(self) -> None:
        self.fired += [kept for kept in self.outbox if kept.due <= self.now()]
        self.outbox = [kept for kept in self.outbox if kept.due > self.now()]

    def put(self, number: str, due: datetime, text: str) -> Kept:
        self._ids += 1
        kept = Kept(str(self._ids), minute(due), number, text)
        self.outbox.append(kept)
        self.most = max(self.most, len(self.outbox))
        return kept

    def schedule(self, message: Submission, at: datetime) -> Scheduled | Failed:
        def take() -> Scheduled | Failed:
            due = minute(at)
            if due <= self.now():
                return Failed.of(refused(121))
            kept = self.put(message.number, due, message.text)
            return Scheduled(kept.outboxid if self.gives_ids else None, due, f"{due:%Y%m%d%H%M}")

        return self._asked(f"schedule {message.number}", take)

    def remove(self, *, outboxid: str = "", number: str = "") -> Removed | Failed:
        def take() -> Removed | Failed:
            fitting = [kept for kept in self.outbox if outboxid == kept.outboxid or number == kept.number]
            if not fitting:
                return Failed.of(refused(122))
            self.outbox.remove(min(fitting, key=lambda kept: kept.due))
            return Removed()

        return self._asked(f"remove {outboxid or number}", take)

    def credits(self) -> int | Failed:
        return self._asked("credits", lambda: 100)

    def empty_outbox(self) -> Removed | Failed:
        raise AssertionError("nobody empties an outbox")

    def last_reports(self, count: int) -> Failed:  # noqa: ARG002 - the protocol's signature
        raise AssertionError("nobody asks")

    def _asked(self, what: str, take: Callable[[], object]):
        self.boundary()
        self.pass_time()
        self.requests.append(what)
        trouble = self.trouble()
        if trouble is Trouble.REFUSED:
            return Failed.of(refused(120))
        if trouble is Trouble.LOST_BEFORE:
            return LOST
        answer = take()
        self.boundary()
        return LOST if trouble is Trouble.LOST_AFTER else answer


def faulty(share: float, seed: int) -> Callable[[], Trouble]:
    """So many of the requests end badly, each in one of three ways."""
    dice = random.Random(seed)
    bad = (Trouble.REFUSED, Trouble.LOST_BEFORE, Trouble.LOST_AFTER)
    return lambda: dice.choice(bad) if dice.random() < share else Trouble.NONE

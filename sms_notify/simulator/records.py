"""What the simulated gateway remembers: texts, the outbox, every request, every refusal, every call-back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sms_notify.secret import Secret
from sms_notify.simulator.codes import Code
from sms_notify.simulator.settings import Status


@dataclass(frozen=True, slots=True)
class Text:
    """One text to one number. Times are aware UTC; `wants_report` is delivery=ja, `logged` logging=ja."""

    number: str
    text: str
    reference: str
    smsid: str
    parts: int
    at: datetime
    sender: str
    status: Status
    changed_at: datetime
    wants_report: bool
    logged: bool


@dataclass(frozen=True, slots=True)
class Order:
    """A send request that passed every check: `numbers` are the recipients, `parts` the credits of each."""

    numbers: tuple[str, ...]
    text: str
    sender: str
    reference: str
    parts: int
    wants_report: bool
    logged: bool

    @property
    def cost(self) -> int:
        return self.parts * len(self.numbers)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """An order that waits in the outbox until `due` (aware UTC)."""

    outboxid: str
    due: datetime
    order: Order


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in. `params` lack the password; `answer` is what went back."""

    at: datetime
    method: str
    script: str
    params: Mapping[str, str]
    password: Secret
    answer: str
    code: Code | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was not sent, for the page; `to` is the recipient as it was asked for."""

    at: datetime
    code: Code
    to: str


@dataclass(frozen=True, slots=True)
class CallBack:
    """One delivery report posted back; `result` is an HTTP status or what went wrong, never the URL."""

    at: datetime
    smsid: str
    status: Status
    result: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client; `code` says that it is a refusal."""

    body: str
    code: Code | None = None

"""What the simulated gateway remembers: texts, the outbox, every request, every refusal, every call-back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sms_notify.secret import Secret
from sms_notify.simulator.codes import Code
from sms_notify.simulator.settings import SimulatedStatus


@dataclass(frozen=True, slots=True)
class SimulatedText:
    """One text to one number. Times are aware UTC; `wants_report` is delivery=ja, `logged` is not logging=nee.

    `emailed` is whether the gateway mailed a confirmation: of a scheduled text, unless emailen=nee.
    """

    number: str
    text: str
    reference: str
    smsid: str
    parts: int
    at: datetime
    sender: str
    status: SimulatedStatus
    changed_at: datetime
    wants_report: bool
    logged: bool
    emailed: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """A send request that passed every check: `numbers` are the recipients, `parts` the credits of each.

    `confirm` is whether an e-mail is due when it leaves the outbox (emailen=nee: no).
    """

    numbers: tuple[str, ...]
    text: str
    sender: str
    reference: str
    parts: int
    wants_report: bool
    logged: bool
    confirm: bool = True

    @property
    def cost(self) -> int:
        return self.parts * len(self.numbers)


@dataclass(frozen=True, slots=True)
class ScheduledOrder:
    """An order that waits in the outbox until `due` (aware UTC)."""

    outboxid: str
    due: datetime
    order: Order


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in, however it was answered. `params` lack the password.

    `answer` is what the gateway decided; `ended` is how it went back: 'answered', or the fault that took its
    place. `reached` is whether the gateway saw the request at all: if not, nothing was accepted.
    """

    at: datetime
    method: str
    script: str
    params: Mapping[str, str]
    password: Secret
    answer: str
    code: Code | None
    ended: str = "answered"
    reached: bool = True


@dataclass(frozen=True, slots=True)
class NotSent:
    """Why something was not sent, for the page; `to` is the recipient as it was asked for."""

    at: datetime
    code: Code
    to: str


@dataclass(frozen=True, slots=True)
class Posting:
    """The parameters of a call-back (seed, 'Delivery notification URL'); free text, as they may be forged."""

    smsid: str
    datum: str
    status: str
    referentie: str


@dataclass(frozen=True, slots=True)
class PostedReport:
    """One delivery report posted back; `result` is an HTTP status or what went wrong, never the URL."""

    at: datetime
    smsid: str
    status: str
    result: str
    ok: bool


@dataclass(frozen=True, slots=True)
class SimulatedAnswer:
    """What goes back to the client; `code` says that it is a refusal, `smsids` which texts were taken."""

    body: str
    code: Code | None = None
    smsids: tuple[str, ...] = ()

"""What every gateway takes and answers with, as values.

A gateway never raises for what a network or a provider did. One send is one request and ends in one `Outcome`;
whoever asked decides what follows from it, by what it was told in `policy/outcomes.py`'s words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason, Refusal


class ReportsBy(StrEnum):
    """How we learn what became of a text."""

    CALLBACK = "callback"
    POLL = "poll"
    BOTH = "callback+poll"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Submission:
    """One message for one number, ready to leave. `reference` is what the gateway gives back with reports;
    without a `sender` it is the account's own.
    """

    number: str
    text: str
    reference: str
    long: bool = False
    test: bool = False
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Several numbers in one request. One answer stands for all of them: whether some failed cannot be told."""

    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressBookGroup:
    """A group of the gateway's own address book; `name` exactly as it stands there."""

    name: str


@dataclass(frozen=True, slots=True)
class Batch:
    """One message to many in one request. It has no delivery report, for no answer says whose one smsID is."""

    to: Numbers | AddressBookGroup
    text: str
    reference: str = ""
    long: bool = False
    test: bool = False
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A message waits in the gateway's outbox. `at` (aware UTC) is the minute that was asked for and `datum`
    the same on the gateway's clock; without `outboxid` it can be removed by its number alone.
    """

    outboxid: str | None
    at: datetime
    datum: str


@dataclass(frozen=True, slots=True)
class Removed:
    """The gateway said OK: what was asked for is no longer in its outbox."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the gateway says of one text. `at` is aware UTC, or None where it gave no time."""

    smsid: str
    status: DeliveryStatus
    at: datetime | None = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class LastReports:
    """The gateway's last reports. Their format is documented nowhere: `raw` is the whole answer (lines kept,
    other unprintables blanked), `reports` what we made of it and `unread` the number of lines we could not.

    Good for reading, not for deciding: ask `report` for the one smsID before anything follows from it.
    """

    reports: tuple[Report, ...]
    unread: int
    raw: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A question or an order to the gateway (credits, report, schedule, remove) that did not come to its end;
    fields as in `Outcome`.
    """

    fate: Fate
    reason: Reason
    code: int | None = None
    detail: str = ""
    refusal: Refusal | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> Failed:
        return cls(outcome.fate, outcome.reason, outcome.code, outcome.detail, outcome.refusal)

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.fate, self.reason, self.code, refusal=self.refusal, detail=self.detail)


class Gateway(Protocol):
    """What the sender and the reports need of a gateway; one request a call, no retries, never raises."""

    @property
    def name(self) -> str: ...

    def send(self, submission: Submission) -> Outcome: ...

    def send_batch(self, batch: Batch) -> Outcome: ...

    def credits(self) -> int | Failed: ...

    def report(self, smsid: str) -> Report | Failed: ...


class WithOutbox(Gateway, Protocol):
    """A gateway that keeps a text until its minute, and takes it back."""

    def schedule(self, message: Submission | Batch, at: datetime) -> Scheduled | Failed: ...

    def remove(self, *, outboxid: str = "", number: str = "") -> Removed | Failed: ...


class ByHand(WithOutbox, Protocol):
    """What people ask of a gateway beside that, by a command: the daemon empties no outbox."""

    def empty_outbox(self) -> Removed | Failed: ...

    def last_reports(self, count: int) -> LastReports | Failed: ...

"""What every gateway answers with: the outcome of one request, as a value.

A gateway never raises for what a network or a provider did. One send is one request and ends in one `Outcome`;
whoever asked decides what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Fate(StrEnum):
    """What became of one request to send; the value is the word in ledger, log and metrics.

    UNKNOWN is neither SENT nor REFUSED: the request may have reached the gateway and no answer says so.
    """

    SENT = "sent"  # the gateway said OK
    REFUSED = "refused"  # the gateway said no, in words we know: nothing was sent
    NOT_SENT = "not_sent"  # no byte of the request left: nothing can have been sent
    UNKNOWN = "unknown"  # the request may have been taken; only a report or a person can tell


class Reason(StrEnum):
    """Why a request ended as it did; closed, because it is a metric label."""

    OK = "ok"
    ERROR_CODE = "error_code"  # REFUSED with `code`
    HTTP_CLIENT_ERROR = "http_client_error"  # a complete HTTP 4xx: wrong URL or a proxy
    DNS = "dns"
    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    LOCAL = "local"  # out of descriptors, memory …, before the first byte left
    TIMEOUT = "timeout"  # no complete answer within the time limit
    CONNECTION_LOST = "connection_lost"
    REDIRECT = "redirect"
    HTTP_SERVER_ERROR = "http_server_error"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"  # an answer that is in no grammar of the gateway
    CRASHED = "crashed"  # this program ended between request and answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one send ended. `detail` is printable, at most 200 characters, and free of secrets and numbers."""

    fate: Fate
    reason: Reason
    code: int | None = None
    smsid: str | None = None
    detail: str = ""
    seconds: float = 0.0


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
class Group:
    """A group of the gateway's own address book; `name` exactly as it stands there (errors 125 and 126)."""

    name: str


@dataclass(frozen=True, slots=True)
class Batch:
    """One message to many in one request. It has no delivery report, for no answer says whose one smsID is."""

    to: Numbers | Group
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


class DeliveryStatus(StrEnum):
    """The gateway's own words for what became of a text (seed, 'Delivery Code')."""

    DELIVERED = "DELIVERED"
    NOT_DELIVERED = "NOT DELIVERED"
    BUFFERED = "BUFFERED"
    SUBMITTED = "SUBMITTED"
    REJECTED = "REJECTED"
    NONE = "NONE"

    @property
    def final(self) -> bool:
        return self in (DeliveryStatus.DELIVERED, DeliveryStatus.NOT_DELIVERED, DeliveryStatus.REJECTED)


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


class Gateway(Protocol):
    """What the sender and the reports need of a gateway; one request a call, no retries, never raises."""

    @property
    def name(self) -> str: ...

    def send(self, submission: Submission) -> Outcome: ...

    def send_batch(self, batch: Batch) -> Outcome: ...

    def credits(self) -> int | Failed: ...

    def report(self, smsid: str) -> Report | Failed: ...

"""How a request to a gateway ended, in words that no provider owns: what a gateway translates its answers into, and
what policy decides by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


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


class Refusal(StrEnum):
    """What a gateway says when it says no. It says nothing of what we do about it: that is `retry_policy`."""

    LOGIN = "login"  # name or password, missing or wrong
    UNPAID = "unpaid"  # the account is closed until somebody pays
    BLOCKED = "blocked"  # the account is closed, and only the provider knows why
    NO_CREDITS = "no_credits"
    SENDER = "sender"
    NO_NUMBER = "no_number"
    NUMBER = "number"
    COUNTRY_CODE = "country_code"  # of the number, or of a sender that is one
    COUNTRY = "country"  # not served, or not permitted
    NO_TEXT = "no_text"
    TOO_LONG = "too_long"  # for a text of one part
    TOO_MANY_PARTS = "too_many_parts"
    LONG_TEXT = "long_text"  # this country takes one part at most
    PASSING_FAULT = "passing_fault"  # on the gateway's side
    MAINTENANCE = "maintenance"
    TIME = "time"  # to schedule a text for: past, or not correct
    NOTHING_SCHEDULED = "nothing_scheduled"  # that could be removed
    REPORT = "report"  # asked for without the id of a text, or with a wrong one
    NO_GROUP = "no_group"
    EMPTY_GROUP = "empty_group"
    UNKNOWN = "unknown"  # a code that the provider's documentation does not list


class DeliveryStatus(StrEnum):
    """What a delivery report says of a text (seed, 'Delivery Code')."""

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
class Outcome:
    """How one send ended. `detail` is printable, at most 200 characters, and free of secrets and numbers.

    `code` is the gateway's own, for ledger, log and people; nothing is decided by it but by `refusal`, which stands
    wherever a code stands.
    """

    fate: Fate
    reason: Reason
    code: int | None = None
    refusal: Refusal | None = field(default=None, kw_only=True)
    smsid: str | None = None
    detail: str = ""
    seconds: float = 0.0

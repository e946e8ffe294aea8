"""What the simulated gateway can be told to do, before it starts or while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sms_notify.secret import Secret
from sms_notify.simulator.codes import Code, ErrorStyle


class SimulatedStatus(StrEnum):
    """What became of a text (seed, table 'Delivery Code')."""

    SUBMITTED = "SUBMITTED"
    BUFFERED = "BUFFERED"
    DELIVERED = "DELIVERED"
    NOT_DELIVERED = "NOT DELIVERED"
    REJECTED = "REJECTED"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """One account and the behaviour around it. Raises ValueError where a value makes no sense.

    `credits` is the balance to start with (or to set while running); the running balance is the state's.
    `finals` maps the end of a number (or a whole one; the longest wins) to where its texts end: BUFFERED and
    SUBMITTED mean that they stay there for ever. `buffered_after` and `final_after` are seconds since the
    text was taken. `countries` maps the start of a number to the code that refuses it (107, 112 or 114).
    `force_error` answers every request to gateway.php. Numbers are digits without a plus sign throughout.
    Call-backs leave `callbacks_after` seconds late, each `callbacks_times` times (0: never), and with
    `callbacks_reversed` the final one of a text before those that should have come earlier.
    """

    username: str = "demo"
    password: Secret = field(default_factory=lambda: Secret("demo"))
    credits: int = 500
    delivery_url: str = ""
    phones: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    finals: Mapping[str, SimulatedStatus] = field(default_factory=dict)
    buffered_after: float = 0.3
    final_after: float = 1.0
    callbacks_after: float = 0.0
    callbacks_times: int = 1
    callbacks_reversed: bool = False
    error_style: ErrorStyle = ErrorStyle.SPACED
    force_error: Code | None = None
    maintenance: bool = False
    blocked: Code | None = None
    countries: Mapping[str, Code] = field(default_factory=dict)
    countries_without_long: tuple[str, ...] = ()
    forbidden_senders: tuple[str, ...] = ()
    timezone: str = "Europe/Amsterdam"

    def __post_init__(self) -> None:
        if self.delivery_url and not _is_web_address(self.delivery_url):
            raise ValueError("delivery_url must be an http:// or https:// address")
        if not 0 <= self.buffered_after <= self.final_after:
            raise ValueError("delays must be 0 <= buffered_after <= final_after, in seconds")
        if not (0 <= self.callbacks_after <= 86400 and 0 <= self.callbacks_times <= 1000):
            raise ValueError("callbacks_after must be 0 to 86400 seconds, callbacks_times 0 to 1000")
        if self.blocked not in (None, Code.BLOCKED_UNPAID, Code.BLOCKED):
            raise ValueError("blocked must be 115, 116 or null")
        if self.credits < 0:
            raise ValueError("credits must not be below 0")
        if SimulatedStatus.NONE in self.finals.values():
            raise ValueError("finals: NONE is the absence of a report and cannot be a final status")
        _ = self.zone

    @property
    def zone(self) -> ZoneInfo:
        """The clock of `datum`, reports and call-backs."""
        try:
            return ZoneInfo(self.timezone)
        except (KeyError, ValueError) as error:
            raise ValueError(f"timezone {self.timezone!r} is not known") from error

    def final_of(self, number: str) -> SimulatedStatus:
        """Where a text to `number` ends: the longest fitting end of the number decides."""
        fitting = [end for end in self.finals if number.endswith(end)]
        return self.finals[max(fitting, key=len)] if fitting else SimulatedStatus.DELIVERED


CHANGEABLE = tuple(
    f.name for f in fields(SimulatorSettings) if f.name not in ("username", "password", "timezone")
)


def _is_web_address(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)

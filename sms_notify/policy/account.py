"""What follows from an answer depends on the account that gave it, and on what else is configured."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from sms_notify.policy.directory import Directory


@dataclass(frozen=True, slots=True)
class TextLimits:
    """What a text may be, in septets of the GSM alphabet: in its only part, and in each of several."""

    only_part: int
    each_part: int
    most_parts: int

    def room(self, parts: int) -> int:
        return self.only_part if parts == 1 else self.each_part * parts


@dataclass(frozen=True, slots=True)
class Account:
    """One account at a gateway. `gateways` are all, in order of preference.

    `first_poll` is how long after a send its report is first asked for; None where none is to be had. `numbers` are
    those that may be texted; None where any may.
    """

    name: str
    limits: TextLimits = field(kw_only=True)
    sender: str = ""
    other_sender: str = ""
    gateways: tuple[str, ...] = ()
    first_poll: timedelta | None = None
    directory: Directory = field(default_factory=Directory)
    numbers: frozenset[str] | None = None

    @property
    def gone(self) -> bool:
        """True where the configuration has other gateways and names this one no more."""
        return bool(self.gateways) and self.name not in self.gateways

    @property
    def senders(self) -> tuple[str, ...]:
        return (self.sender, self.other_sender) if self.other_sender else (self.sender,)

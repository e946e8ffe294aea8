"""The errors that a person sees. What can go wrong with a single send is a value, not an error (`gateways/base.py`).

SmsNotifyError
├── ConfigError   the configuration is wrong: every fault with file, line and advice
├── ParseError    a request body is not what its source sends
├── StoreError    the database cannot be opened or is not ours
│   └── OlderStoreError   an earlier version has written it
└── UsageError    a command was asked for something that cannot be
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SmsNotifyError(Exception):
    """Anything this program tells a person about; its text is fit to be printed as it is."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One mistake in a configuration: where it stands, what is wrong, what to do. `line` 0 = the whole file."""

    file: str
    line: int
    path: str
    what: str
    advice: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        path = f" {self.path}:" if self.path else ""
        advice = f" ({self.advice})" if self.advice else ""
        return f"{where}:{path} {self.what}{advice}"


class ConfigError(SmsNotifyError):
    """The configuration cannot be used; `faults` are all the mistakes found, in the order of the file."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in faults))


class ParseError(SmsNotifyError):
    """A body that its source would never send; answered with 400, and the text is the answer."""


class StoreError(SmsNotifyError):
    """The database cannot be opened, is locked by another daemon or belongs to a newer version."""


class OlderStoreError(StoreError):
    """The database belongs to an earlier version; the next start of the daemon converts it."""


class UsageError(SmsNotifyError):
    """A command cannot do what was asked; the text says why and what would work."""

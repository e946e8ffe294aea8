"""What one entry of `gateways:` says; obeyed by `client.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from sms_notify.gateways.base import ReportsBy
from sms_notify.policy.account import TextLimits
from sms_notify.secret import Secret

TEXT_LIMITS = TextLimits(only_part=160, each_part=153, most_parts=3)
"""With `type=long`, 459 characters in all (seed, errors 105 and 118)."""


class PasswordEncoding(StrEnum):
    SHA1 = "sha1"
    PLAIN = "plain"


class TextEncoding(StrEnum):
    """In which bytes the gateway reads its parameters."""

    UTF_8 = "utf-8"
    ISO_8859_1 = "iso-8859-1"
    ASCII = "ascii"


@dataclass(frozen=True, slots=True)
class Gateway1601Settings:
    """An account at the 1601SMS gateway. `timeout` is the whole request in seconds, from name to last byte;
    `groups` are the names in the gateway's address book that may be texted.
    """

    name: str
    url: str
    username: str
    password: Secret
    sender: str
    fallback_sender: str = field(default="", kw_only=True)
    password_encoding: PasswordEncoding = PasswordEncoding.SHA1
    timezone: str = "Europe/Amsterdam"
    method: str = "get"
    delivery_reports: ReportsBy = ReportsBy.BOTH
    logging: bool = True
    timeout: float = 15.0
    concurrency: int = 4
    groups: tuple[str, ...] = ()
    text_encoding: TextEncoding = TextEncoding.UTF_8

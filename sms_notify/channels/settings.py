"""What the entries of `gateways:` that are not SMS gateways say, and whom `operator:` names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from sms_notify.secret import Secret

_NONE = Secret("")


class MailTls(StrEnum):
    """How the way to the mail server is guarded; the certificate is verified in both guarded forms."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"

    @property
    def port(self) -> int:
        """The port where the configuration names none (RFC 6409, RFC 8314, RFC 5321)."""
        return {"starttls": 587, "tls": 465, "none": 25}[self]


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """A mail server. `timeout` is the whole delivery in seconds; `ca_file` (PEM) is trusted beside the machine's own."""

    name: str
    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    tls: MailTls = MailTls.STARTTLS
    username: str = ""
    password: Secret = _NONE
    ca_file: str = ""
    timeout: float = 15.0


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """An address that takes a POST. The whole `url` is a secret: chat services put their token into the path."""

    name: str
    url: Secret
    token: Secret = _NONE
    ca_file: str = ""
    timeout: float = 15.0


@dataclass(frozen=True, slots=True)
class CommandSettings:
    """A program of this machine: `argv`, never a shell line. `timeout` in seconds, then it is killed."""

    name: str
    argv: tuple[str, ...]
    timeout: float = 15.0


@dataclass(frozen=True, slots=True)
class AppriseSettings:
    """Services by their apprise URLs, which are secrets. `timeout` in seconds is for all of them together."""

    name: str
    urls: tuple[Secret, ...]
    timeout: float = 15.0


ChannelSettings: TypeAlias = EmailSettings | WebhookSettings | CommandSettings | AppriseSettings


class OperatorKind(StrEnum):
    PERSON = "person"
    TEAM = "team"
    NUMBER = "number"
    SCHEDULE = "schedule"
    GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class OperatorTarget:
    """One entry of `operator:`; `name` is a person, a team, a schedule, a channel, or for NUMBER the E.164 number itself."""

    kind: OperatorKind
    name: str

    def __str__(self) -> str:
        return self.name if self.kind is OperatorKind.NUMBER else f"{self.kind}:{self.name}"

"""What the web front obeys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from sms_notify.web.roles import Token, User

Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class WebSettings:
    """`users` are by name; `tokens` are the bearer tokens valid now (several, for rotation). `proxies` are networks whose
    X-Forwarded-User is believed.
    """

    host: str = "127.0.0.1"
    port: int = 9601
    external_url: str = ""
    tokens: tuple[Token, ...] = ()
    users: Mapping[str, User] = field(default_factory=dict)
    proxies: Networks = ()
    tls_cert: str = ""
    tls_key: str = ""

    @property
    def open(self) -> bool:
        """True where anybody who reaches the port may post; then it must be loopback."""
        return not self.tokens and not self.users and not self.proxies

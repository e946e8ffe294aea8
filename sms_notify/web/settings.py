"""What the web front obeys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sms_notify.secret import Secret


@dataclass(frozen=True, slots=True)
class WebSettings:
    """`users` maps a name to its scrypt hash; `tokens` are the bearer tokens valid now (several, for rotation);
    `token_names` has for each of them the installation that it names, empty for none; it may be shorter.
    """

    host: str = "127.0.0.1"
    port: int = 9601
    external_url: str = ""
    tokens: tuple[Secret, ...] = ()
    token_names: tuple[str, ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)
    tls_cert: str = ""
    tls_key: str = ""

    @property
    def open(self) -> bool:
        """True where anybody who reaches the port may post; then it must be loopback."""
        return not self.tokens and not self.users

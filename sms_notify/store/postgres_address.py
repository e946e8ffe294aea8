"""Where a PostgreSQL server is, as `storage` names it. The address is libpq's own; a password never stands in it.

It is read without psycopg, so that a configuration can be checked where that is not installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_SCHEMES = ("postgresql://", "postgres://")
_EXAMPLE = "postgresql://sms_notify@db.example.org/sms_notify"
_SECRETS = frozenset(
    ("password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret")
)
_PREPARE = "prepare_threshold"
_NEVER = "none"
# A statement is prepared when it is run for so many times: below, planning it costs less than keeping it.
_USUALLY_PREPARED = 5
# A server that does not answer is found within seconds, or an alert would wait for the kernel's quarter of an hour.
_USUAL = {
    "application_name": "sms-notify",
    "client_encoding": "UTF8",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "10000",
}


class AddressError(ValueError):
    """What is wrong with an address, without quoting it: it may hold a password."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what}; {advice}")
        self.what, self.advice = what, advice


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """`conninfo` is for libpq; `name` is the same without its options, for people."""

    conninfo: str
    name: str
    prepare_threshold: int | None


def is_postgres(url: str) -> bool:
    return url.startswith(_SCHEMES)


def address_of(url: str) -> PostgresAddress:
    """Raises AddressError."""
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise AddressError("is not an address of PostgreSQL", f"write it like {_EXAMPLE}") from None
    login, _, host = parts.netloc.rpartition("@")
    # A password with a `/`, `?` or `#` in it ends what is read as the host, and its `@` stands behind that.
    hidden = not login and ":" in host and "@" in url.partition(parts.netloc)[2]
    if ":" in login or hidden or _SECRETS & options.keys():
        raise AddressError(
            "holds a password",
            "write it into a file that others cannot read, and name that file: `?passfile=/etc/sms-notify/pgpass`",
        )
    if not parts.path.strip("/") and "dbname" not in options:
        raise AddressError("names no database", f"write it like {_EXAMPLE}")
    threshold = _threshold(options.pop(_PREPARE, str(_USUALLY_PREPARED)))
    base = f"postgresql://{parts.netloc}{parts.path}"
    name = f"postgresql://{f'{login}@' if login else ''}{host or options.get('host', '')}{parts.path}"
    return PostgresAddress(f"{base}?{urlencode({**_USUAL, **options})}", unquote(name), threshold)


def _threshold(text: str) -> int | None:
    if text == _NEVER:
        return None
    if not text.isascii() or not text.isdigit():
        raise AddressError(
            f"has a `{_PREPARE}` that is not a number", f"write `{_PREPARE}={_NEVER}` behind a pooler"
        )
    return int(text)

"""What a token or a user may do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from sms_notify.secret import Secret


class Role(StrEnum):
    """`webhook` posts alerts, `metrics` reads /metrics, `read` looks at pages, `ack` acts there."""

    WEBHOOK = "webhook"
    METRICS = "metrics"
    READ = "read"
    ACK = "ack"


Roles = frozenset[Role]
OF_A_TOKEN: Roles = frozenset({Role.WEBHOOK})
OF_A_USER: Roles = frozenset({Role.METRICS, Role.READ, Role.ACK})
_OPTION = re.compile(r"(name|role)=(.*)")


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; `name` is the installation that sends with it, empty for none."""

    secret: Secret
    name: str = ""
    roles: Roles = OF_A_TOKEN


@dataclass(frozen=True, slots=True)
class User:
    """`hashed` can be tried offline, so that it is never printed."""

    hashed: Secret
    roles: Roles = OF_A_USER


class RoleError(ValueError):
    """What is wrong with a line, without a word of its secret."""

    def __init__(self, what: str, advice: str) -> None:
        self.advice = advice
        super().__init__(what)


def read_token(line: str) -> Token:
    """`TOKEN [name=…] [role=webhook,metrics,read,ack]`. Raises RoleError."""
    secret, options = _split(line, ("name", "role"), "TOKEN name=… role=…")
    return Token(Secret(secret), options.get("name", ""), _roles(options, OF_A_TOKEN))


def read_user(text: str) -> User:
    """`HASH [role=read,ack,metrics,webhook]`. Raises RoleError."""
    secret, options = _split(text, ("role",), "HASH role=…")
    return User(Secret(secret), _roles(options, OF_A_USER))


def _split(line: str, known: tuple[str, ...], form: str) -> tuple[str, dict[str, str]]:
    secret, *words = line.split() or [""]
    if _OPTION.fullmatch(secret):
        raise RoleError("has no secret before it", f"write {form} on one line")
    options: dict[str, str] = {}
    for word in words:
        found = _OPTION.fullmatch(word)
        if found is None or found[1] not in known or not found[2]:
            raise RoleError(
                f"has more than one word, and one of them is not {' or '.join(known)}=…", f"write {form}"
            )
        if found[1] in options:
            raise RoleError(f"has `{found[1]}` twice", f"write {form}")
        options[found[1]] = found[2]
    return secret, options


def _roles(options: dict[str, str], usual: Roles) -> Roles:
    if "role" not in options:
        return usual
    try:
        return frozenset(Role(word) for word in options["role"].split(","))
    except ValueError:
        what = f"has a role that is not one of {', '.join(Role)}"
        raise RoleError(what, "write role=webhook, or several with commas and no blanks") from None

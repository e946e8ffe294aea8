"""Who may post, and who may look: bearer tokens (RFC 6750) and basic users (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import Request

from sms_notify.web import passwords
from sms_notify.web.guesses import Guesses
from sms_notify.web.http_limits import GONE
from sms_notify.web.password_checks import BusyError, Checks
from sms_notify.web.refusals import client_of
from sms_notify.web.roles import OF_A_USER, Role, Roles, Token
from sms_notify.web.settings import Networks, WebSettings

# A name and a password together; longer ones are refused before any scrypt is spent on them.
MAX_CREDENTIALS = 1_024
# Each costs 64 bytes; enough that a mistyped password in a busy Alertmanager is paid for once.
_MAX_REFUSED = 1_024
# More names at once from one address share a turn. Few, so that guesses under many names leave the others theirs.
_LANES = 4
_BASIC = 'Basic realm="sms-notify", charset="UTF-8"'
_LONGEST_NAME = 80
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` is empty where anybody may do anything; `installation` is what a token names, if it does."""

    name: str
    roles: Roles
    installation: str = ""


ANYBODY = Caller("", frozenset(Role))


class Gatekeeper:
    """Decides on Authorization headers for one configuration; a reload builds a new one.

    Tokens are compared at once. Passwords cost scrypt once: each verdict is kept under a keyed hash of the
    credentials, because Alertmanager sends the same ones with every request. The key is random and lives as long as
    this object, the passwords do not. What is refused is refused late (`Guesses`).
    """

    def __init__(self, settings: WebSettings, guesses: Guesses) -> None:
        self._open = settings.open
        self._guesses = guesses
        self._tokens = {_digest(one.secret.reveal().encode()): one for one in settings.tokens if one.secret}
        self._users = dict(settings.users)
        self._proxies = settings.proxies
        # Where people are listed, another spelling of a name must not get more than the name.
        self._strangers = frozenset({Role.READ}) if settings.users else OF_A_USER
        self._key = secrets.token_bytes(32)
        self._admitted: dict[bytes, None] = {}
        self._refused: dict[bytes, None] = {}
        self._checks = Checks(self._verify, self._remember)

    @property
    def challenge(self) -> str:
        """The value of WWW-Authenticate: the schemes that are configured (RFC 9110 section 11.6.1)."""
        basic = [_BASIC] if self._users else []
        bearer = ['Bearer realm="sms-notify"'] if self._tokens else []
        return ", ".join(basic + bearer)

    @property
    def users_challenge(self) -> str | None:
        """The value of WWW-Authenticate on the pages; None where no user is configured, so that asking is in vain."""
        return _BASIC if self._users else None

    async def caller(self, request: Request) -> Caller | None:
        """Who asks, and what they may do; None = nobody we know. Two Authorization headers are nobody's. Raises BusyError."""
        if self._open:
            return ANYBODY
        scheme, credentials = _given(request)
        token = self._token(credentials) if scheme == "bearer" else None
        if token is not None:
            return Caller(token.name or "a token", token.roles, token.name)
        named = self._named_by_proxy(request)
        if named:
            return Caller(named, self._users[named].roles if named in self._users else self._strangers)
        name = await self._user(scheme, credentials, request)
        return None if name is None else Caller(name, self._users[name].roles)

    def _named_by_proxy(self, request: Request) -> str:
        """Whom a trusted proxy says it has let in; empty for whatever does not come from one, or names nobody."""
        if not self._proxies or not _is_within(client_of(request.scope), self._proxies):
            return ""
        names = request.headers.getlist("x-forwarded-user")
        name = _text(_sent(names[0])).strip() if len(names) == 1 else ""
        return name if name.isprintable() and len(name) <= _LONGEST_NAME else ""

    def _token(self, credentials: str) -> Token | None:
        """Every token is compared, so that the time tells nothing of which one came near."""
        given = _digest(_sent(credentials))
        matches = [token for digest, token in self._tokens.items() if hmac.compare_digest(given, digest)]
        return matches[0] if matches else None

    async def _user(self, scheme: str, credentials: str, request: Request) -> str | None:
        """The name of the user whose credentials these are; None is given late, unless nothing was given to judge."""
        pair = _decoded(credentials) if scheme == "basic" else None
        if pair is not None and self._users and await self._is_user(pair, request):
            return _name(pair)
        if scheme:
            await self._guesses.refused(client_of(request.scope), self._shown(scheme, pair))
        return None

    def _shown(self, scheme: str, pair: bytes | None) -> str:
        """Who tried, for the log. Never a word of the header but a user's name: a token may stand where it should not."""
        if pair is None:
            return "(a token)" if scheme == "bearer" else "(unreadable)"
        name = _name(pair)
        return "(a token)" if self._token(name) else name

    async def _is_user(self, pair: bytes, request: Request) -> bool:
        ticket = hmac.digest(self._key, pair, "sha256")
        if ticket in self._admitted:
            return True
        if ticket in self._refused:
            return False
        client = client_of(request.scope)
        try:
            gone = request.scope.get(GONE, _stays)
            return await self._checks.right(ticket, pair, client, self._lane(pair), gone)
        except BusyError:
            await self._guesses.hold(client)  # who is turned away at once is back at once
            raise

    def _lane(self, pair: bytes) -> int:
        """Names share a few lanes, whether they exist or not: a lane of one's own would tell who does."""
        return hmac.digest(self._key, _name(pair).encode(), "sha256")[0] % _LANES

    def _verify(self, pair: bytes) -> bool:
        """Runs in a hashing thread. An unknown name costs what a known one does: the time must not tell who exists."""
        name, _, password = _text(pair).partition(":")
        user = self._users.get(name)
        if user is not None:
            return passwords.verify(user.hashed.reveal(), password)
        likely = tuple(self._users.values())
        alike = likely[hmac.digest(self._key, name.encode(), "sha256")[1] % len(likely)]
        passwords.verify(alike.hashed.reveal(), password)
        return False

    def _remember(self, ticket: bytes, right: bool) -> None:
        if right:
            self._admitted[ticket] = None  # one a user at most, two where a client sends latin-1
            return
        if len(self._refused) >= _MAX_REFUSED:
            self._refused.pop(next(iter(self._refused)))
        self._refused[ticket] = None


def _is_within(client: str, networks: Networks) -> bool:
    try:
        address = ip_address(client)
    except ValueError:
        return False
    return any(address in network for network in networks)


def _stays() -> bool:
    """For a request whose server does not tell when its client hangs up."""
    return False


def _given(request: Request) -> tuple[str, str]:
    """Scheme in lower case and credentials of a request; both empty where there are none, so that nothing was tried."""
    headers = request.headers.getlist("authorization")
    if len(headers) > 1:
        return "two", ""
    scheme, _, credentials = (headers or [""])[0].strip().partition(" ")
    return scheme.lower(), credentials.strip()


def _sent(credentials: str) -> bytes:
    """The header was read as latin-1, which gives back the bytes that were sent."""
    return credentials.encode("latin-1", "replace")


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _decoded(credentials: str) -> bytes | None:
    try:
        pair = base64.b64decode(credentials, validate=True)
    except (binascii.Error, ValueError):
        return None
    # No control characters (RFC 7617 section 2): scrypt, as all of HMAC, cannot see NULs at the end.
    fit = b":" in pair and len(pair) <= MAX_CREDENTIALS and not _CONTROL.search(pair)
    return pair if fit else None


def _name(pair: bytes) -> str:
    return _text(pair).partition(":")[0]


def _text(pair: bytes) -> str:
    """UTF-8 is what we ask for (RFC 7617 section 2.1); what is not UTF-8 comes from old clients: latin-1."""
    try:
        return pair.decode()
    except UnicodeDecodeError:
        return pair.decode("latin-1")

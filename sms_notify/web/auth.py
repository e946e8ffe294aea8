"""Who may post, and who may look: bearer tokens (RFC 6750) and basic users (RFC 7617)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets

from starlette.requests import Request

from sms_notify.web import passwords
from sms_notify.web.guesses import Guesses
from sms_notify.web.http_limits import GONE
from sms_notify.web.password_checks import BusyError, Checks
from sms_notify.web.refusals import client_of
from sms_notify.web.settings import WebSettings

# A name and a password together; longer ones are refused before any scrypt is spent on them.
MAX_CREDENTIALS = 1_024
# Each costs 64 bytes; enough that a mistyped password in a busy Alertmanager is paid for once.
_MAX_REFUSED = 1_024
# More names at once from one address share a turn. Few, so that guesses under many names leave the others theirs.
_LANES = 4
_BASIC = 'Basic realm="sms-notify", charset="UTF-8"'
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class Gatekeeper:
    """Decides on Authorization headers for one configuration; a reload builds a new one.

    Tokens are compared at once. Passwords cost scrypt once: each verdict is kept under a keyed hash of the
    credentials, because Alertmanager sends the same ones with every request. The key is random and lives as long as
    this object, the passwords do not. What is refused is refused late (`Guesses`).
    """

    def __init__(self, settings: WebSettings, guesses: Guesses) -> None:
        self._open = settings.open
        self._guesses = guesses
        self._tokens = tuple(_digest(token.reveal().encode()) for token in settings.tokens if token)
        both = zip(settings.tokens, settings.token_names, strict=False)
        self._names = {_digest(token.reveal().encode()): name for token, name in both if token and name}
        self._users = dict(settings.users)
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

    async def admits(self, request: Request) -> bool:
        """Whether a machine's request may pass; two Authorization headers are nobody's. Raises BusyError."""
        if self._open:
            return True
        scheme, credentials = _given(request)
        if scheme == "bearer" and self._is_token(credentials):
            return True
        return await self._user(scheme, credentials, request) is not None

    def installation(self, request: Request) -> str:
        """What the token of an admitted request names; empty where it names nothing."""
        if not self._names:
            return ""
        scheme, credentials = _given(request)
        return self._names.get(_digest(_sent(credentials)), "") if scheme == "bearer" else ""

    async def user(self, request: Request) -> str | None:
        """The name of the user who asks for a page, or None; empty where anybody may. Raises BusyError.

        A token opens no page: it belongs to a machine, which has no name to acknowledge under.
        """
        if self._open:
            return ""
        scheme, credentials = _given(request)
        return await self._user(scheme, credentials, request) if scheme != "bearer" else None

    def _is_token(self, credentials: str) -> bool:
        """Every token is compared, so that the time tells nothing of which one came near."""
        given = _digest(_sent(credentials))
        matches = [hmac.compare_digest(given, token) for token in self._tokens]
        return any(matches)

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
        return "(a token)" if self._is_token(name) else name

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
        hashed = self._users.get(name)
        if hashed is not None:
            return passwords.verify(hashed, password)
        likely = tuple(self._users.values())
        passwords.verify(likely[hmac.digest(self._key, name.encode(), "sha256")[1] % len(likely)], password)
        return False

    def _remember(self, ticket: bytes, right: bool) -> None:
        if right:
            self._admitted[ticket] = None  # one a user at most, two where a client sends latin-1
            return
        if len(self._refused) >= _MAX_REFUSED:
            self._refused.pop(next(iter(self._refused)))
        self._refused[ticket] = None


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

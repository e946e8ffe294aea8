"""Who may post, and who may look: bearer tokens (RFC 6750) and basic users (RFC 7617)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sms_notify.web import passwords
from sms_notify.web.settings import WebSettings

# A name and a password together; longer ones are refused before any scrypt is spent on them.
MAX_CREDENTIALS = 1_024
# Each costs 64 bytes; enough that a mistyped password in a busy Alertmanager is paid for once.
_MAX_REFUSED = 1_024
# Guesses that may wait for the one thread that hashes; more are told to come back.
_MAX_WAITING = 16
_BASIC = 'Basic realm="sms-notify", charset="UTF-8"'
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class BusyError(Exception):
    """Too many passwords wait to be checked: answered with 503, so that Alertmanager tries again."""


class Gatekeeper:
    """Decides on Authorization headers for one configuration; a reload builds a new one.

    scrypt costs tens of milliseconds and megabytes on purpose. So it runs in one thread of its own, where
    guessing cannot starve the rest, and each verdict is kept under a keyed hash of the credentials:
    Alertmanager sends the same ones with every request. The key is random and lives as long as this object,
    the passwords do not.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._open = settings.open
        self._tokens = tuple(_digest(token.reveal().encode()) for token in settings.tokens if token)
        self._users = dict(settings.users)
        self._key = secrets.token_bytes(32)
        self._admitted: dict[bytes, None] = {}
        self._refused: dict[bytes, None] = {}
        self._waiting = 0
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="sms-notify-scrypt")

    @property
    def challenge(self) -> str:
        """The value of WWW-Authenticate: the schemes that are configured (RFC 9110 section 11.6.1)."""
        basic = [_BASIC] if self._users else []
        bearer = ['Bearer realm="sms-notify"'] if self._tokens else []
        return ", ".join(basic + bearer)

    async def admits(self, authorization: Sequence[str]) -> bool:
        """Whether a request with these Authorization headers may pass; two are nobody's. Raises BusyError."""
        if self._open:
            return True
        if len(authorization) != 1:
            return False
        scheme, _, credentials = authorization[0].strip().partition(" ")
        if scheme.lower() == "bearer":
            return self._is_token(credentials.strip())
        if scheme.lower() == "basic":
            return await self._user(credentials.strip()) is not None
        return False

    @property
    def users_challenge(self) -> str | None:
        """The value of WWW-Authenticate on the pages; None where no user is configured, so that asking is in vain."""
        return _BASIC if self._users else None

    async def user(self, authorization: Sequence[str]) -> str | None:
        """The name of the user who asks for a page, or None; empty where anybody may. Raises BusyError.

        A token opens no page: it belongs to a machine, which has no name to acknowledge under.
        """
        if self._open:
            return ""
        if len(authorization) != 1:
            return None
        scheme, _, credentials = authorization[0].strip().partition(" ")
        return await self._user(credentials.strip()) if scheme.lower() == "basic" else None

    def _is_token(self, credentials: str) -> bool:
        """Every token is compared, so that the time tells nothing of which one came near."""
        # The header was read as latin-1, which gives back the bytes that were sent.
        given = _digest(credentials.encode("latin-1", "replace"))
        matches = [hmac.compare_digest(given, token) for token in self._tokens]
        return any(matches)

    async def _user(self, credentials: str) -> str | None:
        """The name of the user whose credentials these are."""
        pair = _decoded(credentials)
        if pair is None or not self._users:
            return None
        return _name(pair) if await self._is_user(pair) else None

    async def _is_user(self, pair: bytes) -> bool:
        ticket = hmac.digest(self._key, pair, "sha256")
        if ticket in self._admitted:
            return True
        if ticket in self._refused:
            return False
        return await self._verdict(ticket, pair)

    async def _verdict(self, ticket: bytes, pair: bytes) -> bool:
        if self._waiting >= _MAX_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._hasher, self._verify, ticket, pair)
        finally:
            self._waiting -= 1

    def _verify(self, ticket: bytes, pair: bytes) -> bool:
        """Runs in the hashing thread alone, so it looks first whether the one before has settled it."""
        if ticket in self._admitted:
            return True
        if ticket in self._refused:
            return False
        name, _, password = _text(pair).partition(":")
        # An unknown name costs one hash too: the time must not tell who exists.
        hashed = self._users.get(name) or next(iter(self._users.values()))
        right = passwords.verify(hashed, password) and name in self._users
        self._remember(ticket, right)
        return right

    def _remember(self, ticket: bytes, right: bool) -> None:
        if right:
            self._admitted[ticket] = None  # one a user at most: a user has one password
            return
        if len(self._refused) >= _MAX_REFUSED:
            self._refused.pop(next(iter(self._refused)))
        self._refused[ticket] = None


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

"""Asking an Alertmanager for its silences and its alerts, and making a silence: one request a call, bounded, and never
repeated here.
"""

from __future__ import annotations

import base64
import http.client
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from sms_notify.net.bounded import Bound, Broke, BrokenOff, Leash
from sms_notify.net.connection import connected
from sms_notify.net.details import quoted
from sms_notify.secret import Secret
from sms_notify.silences.listing import ListedAlert, read_listed, read_muted, read_started, with_muted
from sms_notify.silences.settings import AlertmanagerSettings
from sms_notify.silences.silence import Silence, read_active, read_created, write

# The list of silences holds what expired in the last days too (`--data.retention`): 500 bytes each. An alert takes
# some 1000.
MOST_BYTES = 8 * 1024 * 1024
_SILENCES = "/api/v2/silences"
# All that it knows and that has not ended; what has ended it leaves out by itself.
_ALERTS = "/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true"
_GROUPS = "/api/v2/alerts/groups?active=true&silenced=true&inhibited=true"
_STATUS = "/api/v2/status"


class Why(StrEnum):
    """Why there is no answer to work with."""

    UNREACHABLE = "unreachable"  # the request did not leave
    NO_ANSWER = "no_answer"  # it left; what it asked for may have been done
    UNAUTHORIZED = "unauthorized"
    REFUSED = "refused"  # Alertmanager does not take this silence; it may take another
    FAILED = "failed"  # any other status that is not 2xx
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    ODD_SILENCE = "odd_silence"  # one of the silences cannot be read: it covers nothing, and the others count
    MISCONFIGURED = "misconfigured"  # no repetition helps until somebody changes something


@dataclass(frozen=True, slots=True)
class AlertmanagerProblem:
    """No answer, and why. `detail` is printable, at most some 200 characters, and free of secrets."""

    why: Why
    detail: str = ""


_BROKEN_OFF = {
    Broke.UNREACHABLE: Why.UNREACHABLE,
    Broke.UNKNOWN: Why.NO_ANSWER,
    Broke.MISCONFIGURED: Why.MISCONFIGURED,
}

_CREDENTIALS = (Why.UNAUTHORIZED, "check `token`, or `username` and `password`")
_ADVICE = {
    401: _CREDENTIALS,
    403: _CREDENTIALS,
    404: (Why.MISCONFIGURED, "no Alertmanager answers under this url; has it a path prefix?"),
}


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes


class AlertmanagerClient:
    """One Alertmanager. Its methods never raise, end within `settings.timeout`, and may be called from any thread."""

    def __init__(self, settings: AlertmanagerSettings) -> None:
        self.settings = settings
        self._bound = Bound(settings.timeout)

    @property
    def name(self) -> str:
        """Its address, for logs and rows: without credentials, should somebody have written them there."""
        try:
            parts = urlsplit(self.settings.url)
        except ValueError:
            return "an Alertmanager whose url cannot be read"
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"

    def active(self) -> tuple[Silence, ...] | AlertmanagerProblem:
        """The silences that are in force now."""
        body = self.ask("GET", _SILENCES)
        if isinstance(body, AlertmanagerProblem):
            return body
        silences = read_active(body)
        return _unreadable("a list of silences") if silences is None else silences

    def listed(self) -> Mapping[str, ListedAlert] | AlertmanagerProblem:
        """The alerts that fire, by their fingerprints."""
        body = self.ask("GET", _ALERTS)
        if isinstance(body, AlertmanagerProblem):
            return body
        listed = read_listed(body)
        if listed is None:
            return _unreadable("a list of alerts")
        return with_muted(listed, self._muted()) if listed else listed

    def _muted(self) -> frozenset[str]:
        """What is muted by time. The groups alone say so (version 0.28 and later); where they cannot be read, nothing is: then
        people are paged.
        """
        body = self.ask("GET", _GROUPS)
        return frozenset() if isinstance(body, AlertmanagerProblem) else read_muted(body)

    def started(self) -> datetime | AlertmanagerProblem:
        """Since when it runs, by its own clock."""
        body = self.ask("GET", _STATUS)
        if isinstance(body, AlertmanagerProblem):
            return body
        return read_started(body) or _unreadable("a status with the time of its start")

    def create(
        self,
        labels: Mapping[str, str],
        starts_at: datetime,
        ends_at: datetime,
        created_by: str,
        comment: str,
    ) -> str | AlertmanagerProblem:
        """Makes a silence for exactly these labels; its id. A start in the past counts as now there.

        Alertmanager wants a comment, an end to come, and a label that is not empty.
        """
        body = self.ask("POST", _SILENCES, write(labels, starts_at, ends_at, created_by, comment))
        if isinstance(body, AlertmanagerProblem):
            return body
        return read_created(body) or _unreadable("the id of a silence")

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes | AlertmanagerProblem:
        """The body of the answer to one request under its url; everything above makes values of such bodies."""
        fault = _fault(self.settings)
        if fault:
            return AlertmanagerProblem(Why.MISCONFIGURED, fault)
        answer = self._bound.run(lambda leash: self._exchange(leash, method, path, body))
        if isinstance(answer, BrokenOff):
            return AlertmanagerProblem(_BROKEN_OFF[answer.how], answer.detail)
        return _meaning(answer, _spellings(self.settings))

    def _exchange(self, leash: Leash, method: str, path: str, body: bytes | None) -> _Answer:
        connection = connected(self.settings.url, leash, self.settings.ca_file)
        try:
            self._request(connection, method, path, body, leash)
            with connection.getresponse() as response:
                return _Answer(response.status, response.read(MOST_BYTES + 1))
        finally:
            connection.close()

    def _request(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, leash: Leash
    ) -> None:
        connection.putrequest(method, urlsplit(self.settings.url).path.rstrip("/") + path)
        connection.putheader("User-Agent", f"sms-notify/{importlib.metadata.version('sms-notify')}")
        connection.putheader("Accept", "application/json")
        connection.putheader("Connection", "close")
        if body is not None:
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(body)))
        if authorization := _authorization(self.settings).reveal():
            connection.putheader("Authorization", authorization.encode())
        leash.leaves()
        connection.endheaders(body)


def _fault(settings: AlertmanagerSettings) -> str:
    """What is wrong with an entry in itself; empty where nothing is."""
    try:
        parts = urlsplit(settings.url)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        return "the url must be http://host:port or https://host:port, and a path prefix where there is one"
    if "@" in parts.netloc:
        return "the url holds credentials: write them as `username` and `password`, or as `token`"
    if parts.query or parts.fragment:
        return "the url must end with its host, or with the path prefix: nothing from `?` or `#` on"
    if any(char < " " for char in _authorization(settings).reveal()):
        return "the token holds a line break or another control character"
    return ""


def _authorization(settings: AlertmanagerSettings) -> Secret:
    if settings.token:
        return Secret(f"Bearer {settings.token.reveal()}")
    return Secret(f"Basic {_basic(settings).reveal()}" if settings.username or settings.password else "")


def _basic(settings: AlertmanagerSettings) -> Secret:
    pair = f"{settings.username}:{settings.password.reveal()}".encode("utf-8", "surrogatepass")
    return Secret(base64.b64encode(pair).decode("ascii"))


def _spellings(settings: AlertmanagerSettings) -> tuple[Secret, ...]:
    """The spellings in which an answer could repeat our credentials."""
    return (settings.token, settings.password, *([_basic(settings)] if settings.password else []))


def _meaning(answer: _Answer, hide: tuple[Secret, ...]) -> bytes | AlertmanagerProblem:
    if not 200 <= answer.status < 300:
        return _refusal(answer, hide)
    if len(answer.body) > MOST_BYTES:
        return AlertmanagerProblem(Why.TOO_LARGE, f"the answer has more than {MOST_BYTES >> 20} MiB")
    return answer.body


def _refusal(answer: _Answer, hide: tuple[Secret, ...]) -> AlertmanagerProblem:
    status = f"HTTP {answer.status}"
    if answer.status in _ADVICE:
        why, advice = _ADVICE[answer.status]
        return AlertmanagerProblem(why, f"{status}: {advice}")
    if 300 <= answer.status < 400:
        return AlertmanagerProblem(
            Why.MISCONFIGURED, f"{status}: redirects are not followed, write the last address"
        )
    if answer.status in (400, 422):
        return AlertmanagerProblem(Why.REFUSED, quoted(f"{status}: {_said(answer.body)}", hide))
    return AlertmanagerProblem(Why.FAILED, status)


def _said(body: bytes) -> str:
    return body[:1000].decode("utf-8", "replace")


def _unreadable(expected: str) -> AlertmanagerProblem:
    return AlertmanagerProblem(
        Why.UNREADABLE, f"the answer is not {expected}: is this url an Alertmanager's?"
    )

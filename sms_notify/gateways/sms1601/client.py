"""The 1601SMS gateway: parameters exactly as the seed names them, one request a call.

What is tracked by delivery reports goes to one number a request (`Submission`): an answer has one smsID at most.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote, quote_plus
from zoneinfo import ZoneInfo

from sms_notify.errors import UsageError
from sms_notify.gateways.base import (
    AddressBookGroup,
    Batch,
    Failed,
    LastReports,
    Numbers,
    Removed,
    Report,
    ReportsBy,
    Scheduled,
    Submission,
)
from sms_notify.gateways.sms1601.responses import (
    read_credits,
    read_last_reports,
    read_removal,
    read_report,
    read_send,
)
from sms_notify.gateways.sms1601.scheduled_time import datum
from sms_notify.gateways.sms1601.settings import Gateway1601Settings, PasswordEncoding, TextEncoding
from sms_notify.net.transport import MOST_BYTES, HttpResponse, NoAnswer, Transport
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.secret import Secret

_GATEWAY, _REPORT = "gateway.php", "gatewayrapport.php"
_NUMBER = re.compile(r"\+?([0-9]{5,15})")
_REFERENCE = re.compile(r"[!-~]{0,75}")
_OUTBOXID = re.compile(r"([0-9]{1,20})")
_TOKEN_LABEL = b"sms-notify delivery call-back"
_TOKEN_BYTES = 24  # 192 bits
_MOST_LIST_BYTES = 262_144  # a thousand reports of two hundred characters, and a page around them


class SmsGateway1601:
    """One account at the gateway; safe to call from several threads; satisfies `base.ByHand`.

    `clock` gives seconds that never step (time.monotonic) and measures `Outcome.seconds`. The time limit
    itself is kept by the transport in real time. Raises ZoneInfoNotFoundError for a timezone nobody has.
    """

    def __init__(
        self, settings: Gateway1601Settings, clock: Callable[[], float], transport: Transport | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._transport = transport or Transport(settings.timeout)
        self._zone = ZoneInfo(settings.timezone)
        self._credentials = _encoded(
            {"klantuser": settings.username, "klantpwd": _as_sent(settings).reveal()}
        )
        self._hide = _spellings(settings.password)

    @property
    def name(self) -> str:
        return self._settings.name

    def send(self, submission: Submission) -> Outcome:
        """One request for one number (seed, 'Parameter'). What the gateway could misread is not sent."""
        reports = self._settings.delivery_reports is not ReportsBy.OFF
        return self._timed(submission, {"delivery": "ja"} if reports else {})

    def send_batch(self, batch: Batch) -> Outcome:
        """One request for several numbers or a group (seed, `naar`, `groep`); refused as a whole or not at all.

        UNKNOWN here may mean as many texts as there are numbers, so nobody should repeat it unasked.
        """
        return self._timed(batch, {})

    def schedule(self, message: Submission | Batch, at: datetime) -> Scheduled | Failed:
        """Puts a message into the gateway's outbox for `at` (aware), to the minute that `schedule.datum` says.

        Never with delivery=ja: the gateway answers `OK <smsID>` to that and `OK <outboxID>` to outboxid=ja, and
        nobody says which of the two an answer to both would hold. The outboxID is worth more: it removes.
        Error 121: see `schedule.after_121`. Raises ValueError for a naive `at`, OverflowError at year 9999.
        """
        minute = datum(at, self._zone)
        outcome = self._send(message, {"datum": minute.text, "outboxid": "ja", "emailen": "nee"})
        if outcome.fate is Fate.SENT:
            return Scheduled(outcome.smsid, minute.at, minute.text)  # the number in `OK <n>`
        return Failed.of(outcome)

    def remove(self, *, outboxid: str = "", number: str = "") -> Removed | Failed:
        """Takes one message out of the outbox, by its outboxID or by its number: give one of the two (seed, 'To
        remove 1 message'). Error 122 means that it left already or never was there: look, do not send again.
        """
        if bool(outboxid) == bool(number):
            return _not_asked("give an outboxID or a number, one of the two")
        digits = _OUTBOXID.fullmatch(outboxid) if outboxid else _NUMBER.fullmatch(number)
        if digits is None:
            return _not_asked("that is not an outboxID" if outboxid else "that is not one phone number")
        parameter = "id" if outboxid else "naar"
        return self._remove({"action": "verwijderbericht", parameter: digits[1]})

    def empty_outbox(self) -> Removed | Failed:
        """Empties the whole outbox of the account (seed, 'To empty de entire outbox').

        That holds what every other program with this account has scheduled too. No part of the daemon may call
        this, and `base.Gateway` does not have it; the one command that does asks a person first.
        """
        return self._remove({"action": "verwijderoutbox"})

    def credits(self) -> int | Failed:
        """The credits left (seed, 'Request for remaining amount of credits')."""
        answer = self._ask(_GATEWAY, self._account({"action": "credits"}))
        if isinstance(answer, NoAnswer):
            return _failed(answer)
        return read_credits(answer.body, answer.status, self._hide)

    def report(self, smsid: str) -> Report | Failed:
        """What became of a text. Carries no credentials: the seed's report page asks for none."""
        answer = self._ask(_REPORT, _encoded({"smsid": smsid, "datum": "ja"}), post=False)
        if isinstance(answer, NoAnswer):
            return _failed(answer)
        return read_report(answer.body, answer.status, smsid=smsid, zone=self._zone, hide=self._hide)

    def last_reports(self, count: int) -> LastReports | Failed:
        """The last `count` (from 1) reports of the account (seed, 'Request for final delivery reports').

        Their format is not documented: `LastReports.raw` always has the answer as it came.
        """
        form = self._account({"action": "rapport", "aantal": str(count)})
        answer = self._ask(_GATEWAY, form, most=_MOST_LIST_BYTES)
        if isinstance(answer, NoAnswer):
            fewer = "; ask for fewer" if answer.reason is Reason.TOO_LARGE else ""
            return replace(_failed(answer), detail=answer.detail + fewer)
        return read_last_reports(answer.body, answer.status, zone=self._zone, hide=self._hide)

    def _remove(self, action: Mapping[str, str]) -> Removed | Failed:
        answer = self._ask(_GATEWAY, self._account(action))
        if isinstance(answer, NoAnswer):
            return _failed(answer)
        return read_removal(answer.body, answer.status, self._hide)

    def _timed(self, message: Submission | Batch, more: Mapping[str, str]) -> Outcome:
        started = self._clock()
        return replace(self._send(message, more), seconds=self._clock() - started)

    def _send(self, message: Submission | Batch, more: Mapping[str, str]) -> Outcome:
        to = _addressed(message)
        if isinstance(to, str):
            return Outcome(Fate.NOT_SENT, Reason.LOCAL, detail=to)
        if not _REFERENCE.fullmatch(message.reference):
            why = "the reference is over 75 characters or has some that are not printable ASCII"
            return Outcome(Fate.NOT_SENT, Reason.LOCAL, detail=why)
        answer = self._ask(_GATEWAY, self._account({**self._parameters(message), **to, **more}))
        if isinstance(answer, NoAnswer):
            return Outcome(answer.fate, answer.reason, detail=answer.detail)
        return read_send(answer.body, answer.status, self._hide)

    def _parameters(self, message: Submission | Batch) -> dict[str, str]:
        optional = {
            "referentie": message.reference,
            "type": "long" if message.long else "",
            "test": "ja" if message.test else "",
        }
        return {
            "bericht": message.text,
            "afzender": message.sender or self._settings.sender,
            "logging": "ja" if self._settings.logging else "nee",
            **{name: value for name, value in optional.items() if value},
        }

    def _account(self, parameters: Mapping[str, str]) -> Secret:
        told = _encoded(parameters, self._settings.text_encoding)
        return Secret(f"{self._credentials.reveal()}&{told.reveal()}")

    def _ask(
        self, script: str, form: Secret, *, post: bool | None = None, most: int = MOST_BYTES
    ) -> HttpResponse | NoAnswer:
        url = f"{self._settings.url.rstrip('/')}/{script}"
        by_post = self._settings.method.lower() == "post" if post is None else post
        return self._transport.ask(url, form, post=by_post, most=most)


def delivery_token(settings: Gateway1601Settings) -> str:
    """The secret part of the call-back's path: 32 URL-safe characters, the same on every node.

    Derived from the account's password by scrypt (RFC 7914), so that it stands in no database and cannot be
    turned back into the password; about 50 ms. It changes with the password: then the call-back's URL at the
    provider must change too. Raises UsageError without a password: that token anybody could compute.
    """
    if not settings.password:
        raise UsageError(
            f"gateway {settings.name}: the delivery call-back needs a password to derive its token"
        )
    salt = _TOKEN_LABEL + b"\0" + settings.username.encode("utf-8", "surrogatepass")
    password = settings.password.reveal().encode("utf-8", "surrogatepass")
    token = hashlib.scrypt(password, salt=salt, n=2**14, r=8, p=1, dklen=_TOKEN_BYTES)
    return base64.urlsafe_b64encode(token).decode("ascii")


def _as_sent(settings: Gateway1601Settings) -> Secret:
    if settings.password_encoding is PasswordEncoding.PLAIN:
        return settings.password
    return Secret(_sha1(settings.password.reveal()))


def _sha1(text: str) -> str:
    """The seed offers SHA-1 as the other spelling of a password; it logs in too, so it is as secret."""
    return hashlib.sha1(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _spellings(password: Secret) -> tuple[Secret, ...]:
    """The ways in which a page could repeat the password; `answers` quotes no answer that holds one."""
    plain = password.reveal()
    digest = _sha1(plain)
    encoded = (base64.b64encode(text.encode("utf-8", "replace")).decode() for text in (plain, digest))
    once = quote(plain, safe="", errors="replace")
    forms = (
        plain,
        digest,
        once,
        quote(once),
        quote_plus(plain, errors="replace"),
        html.escape(plain),
        *encoded,
    )
    return tuple(Secret(form) for form in dict.fromkeys(forms) if form)


def _encoded(parameters: Mapping[str, str], encoding: TextEncoding = TextEncoding.UTF_8) -> Secret:
    """Percent-encoding, a blank as %20 (seed, 'Note'). What the encoding has not is told by its letter without marks, as é is
    e; a lone surrogate becomes ?, never an error.
    """
    spelled = {name: _spelled(text, encoding) for name, text in parameters.items()}
    return Secret("&".join(f"{name}={quote(text, safe='')}" for name, text in spelled.items()))


def _spelled(text: str, encoding: TextEncoding) -> bytes:
    if encoding is TextEncoding.UTF_8:
        return text.encode("utf-8", "replace")
    letters = ((letter, unicodedata.normalize("NFKD", letter)[:1]) for letter in text.replace("€", "EUR"))
    fits = (letter if _has(encoding, letter) else bare for letter, bare in letters)
    return "".join(fits).encode(encoding, "replace")


def _has(encoding: TextEncoding, letter: str) -> bool:
    return ord(letter) < (0x80 if encoding is TextEncoding.ASCII else 0x100)


def _addressed(message: Submission | Batch) -> dict[str, str] | str:
    """The parameters that say who, or why nothing is sent.

    A number may hold no comma and no word: `naar=groep` and `naar=1,2` mean something else than one number.
    """
    match message:
        case Batch(to=AddressBookGroup(name)):
            return {"naar": "groep", "groep": name} if name.strip() else "the group has no name"
        case Batch(to=Numbers(numbers)):
            pass
        case Submission(number):
            numbers = (number,)
    digits = [found[1] for found in map(_NUMBER.fullmatch, numbers) if found is not None]
    if not digits or len(digits) < len(numbers):
        return "the number is not one phone number with country code"
    return {"naar": ",".join(digits)}


def _failed(answer: NoAnswer) -> Failed:
    return Failed(answer.fate, answer.reason, detail=answer.detail)


def _not_asked(why: str) -> Failed:
    return Failed(Fate.NOT_SENT, Reason.LOCAL, detail=why)

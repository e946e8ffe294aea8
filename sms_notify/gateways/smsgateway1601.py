"""The 1601SMS gateway: parameters exactly as the seed names them, one recipient a request."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import quote, quote_plus, urlencode
from zoneinfo import ZoneInfo

from sms_notify.errors import UsageError
from sms_notify.gateways.answers import read_credits, read_report, read_send
from sms_notify.gateways.base import Failed, Fate, Outcome, Reason, Report, Submission
from sms_notify.gateways.settings import Gateway1601Settings, PasswordEncoding, ReportsBy
from sms_notify.gateways.transport import Answer, NoAnswer, Transport
from sms_notify.secret import Secret

_GATEWAY, _REPORT = "gateway.php", "gatewayrapport.php"
_NUMBER = re.compile(r"\+?([0-9]{5,15})")
_REFERENCE = re.compile(r"[!-~]{0,75}")
_TOKEN_LABEL = b"sms-notify delivery call-back"
_TOKEN_BYTES = 24  # 192 bits


class SmsGateway1601:
    """One account at the gateway; safe to call from several threads; satisfies `base.Gateway`.

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
        self._password = _as_sent(settings)
        self._hide = _spellings(settings.password)

    @property
    def name(self) -> str:
        return self._settings.name

    def send(self, submission: Submission) -> Outcome:
        """One request for one number (seed, 'Parameter'). What the gateway could misread is not sent."""
        started = self._clock()
        return replace(self._send(submission), seconds=self._clock() - started)

    def credits(self) -> int | Failed:
        """The credits left (seed, 'Request for remaining amount of credits')."""
        answer = self._ask(_GATEWAY, self._account({"action": "credits"}))
        if isinstance(answer, NoAnswer):
            return Failed(answer.fate, answer.reason, detail=answer.detail)
        return read_credits(answer.body, answer.status, self._hide)

    def report(self, smsid: str) -> Report | Failed:
        """What became of a text. Carries no credentials: the seed's report page asks for none."""
        answer = self._ask(_REPORT, _encoded({"smsid": smsid, "datum": "ja"}), post=False)
        if isinstance(answer, NoAnswer):
            return Failed(answer.fate, answer.reason, detail=answer.detail)
        return read_report(answer.body, answer.status, smsid=smsid, zone=self._zone, hide=self._hide)

    def _send(self, submission: Submission) -> Outcome:
        number = _NUMBER.fullmatch(submission.number)
        if number is None:
            return _withheld("the number is not one phone number with country code")
        if not _REFERENCE.fullmatch(submission.reference):
            return _withheld("the reference is over 75 characters or has some that are not printable ASCII")
        answer = self._ask(_GATEWAY, self._account(self._parameters(submission, number[1])))
        if isinstance(answer, NoAnswer):
            return Outcome(answer.fate, answer.reason, detail=answer.detail)
        return read_send(answer.body, answer.status, self._hide)

    def _parameters(self, submission: Submission, number: str) -> dict[str, str]:
        reports = self._settings.delivery_reports is not ReportsBy.OFF
        optional = {
            "referentie": submission.reference,
            "delivery": "ja" if reports else "",
            "type": "long" if submission.long else "",
            "test": "ja" if submission.test else "",
        }
        return {
            "bericht": submission.text,
            "naar": number,
            "afzender": self._settings.sender,
            "logging": "ja" if self._settings.logging else "nee",
            **{name: value for name, value in optional.items() if value},
        }

    def _account(self, parameters: Mapping[str, str]) -> Secret:
        username, password = self._settings.username, self._password.reveal()
        return _encoded({"klantuser": username, "klantpwd": password, **parameters})

    def _ask(self, script: str, form: Secret, *, post: bool | None = None) -> Answer | NoAnswer:
        url = f"{self._settings.url.rstrip('/')}/{script}"
        by_post = self._settings.method.lower() == "post" if post is None else post
        return self._transport.ask(url, form, post=by_post)


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


def _encoded(parameters: Mapping[str, str]) -> Secret:
    """UTF-8 percent-encoding, a blank as %20 (seed, 'Note'); a lone surrogate becomes ?, never an error."""
    return Secret(urlencode(parameters, quote_via=quote, safe="", errors="replace"))


def _withheld(why: str) -> Outcome:
    return Outcome(Fate.NOT_SENT, Reason.LOCAL, detail=why)

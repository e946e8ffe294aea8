"""Telling by e-mail: one message over one SMTP connection (RFC 5321)."""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from typing import Any, BinaryIO

from sms_notify.channels.base import ChannelResult, Ended, Note, body_of, result_of, subject_of
from sms_notify.channels.settings import EmailSettings, MailTls
from sms_notify.net.bounded import Bound, Leash, tls_context
from sms_notify.net.details import quoted
from sms_notify.secret import Secret

_MOST_SAID = 65_536


class EmailChannel:
    """Hands a note to a mail server; that it reaches a mailbox is the server's affair."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        self._bound = Bound(settings.timeout)
        self._hide = _spellings(settings)

    @property
    def name(self) -> str:
        return self._settings.name

    def tell(self, note: Note) -> ChannelResult:
        """TOLD when the server took it for at least one of the addresses."""
        return result_of(self._bound.run(lambda leash: self._tell(note, leash)))

    def _tell(self, note: Note, leash: Leash) -> ChannelResult:
        message = _message(note, self._settings)
        context = None if self._settings.tls is MailTls.NONE else tls_context(self._settings.ca_file)
        with _Session(leash, self._settings.host) as session:
            try:
                return self._deliver(session, message, context)
            except smtplib.SMTPException as error:
                answer = self._refusal(error)
                if answer is None:
                    raise
                return answer

    def _deliver(
        self, session: _Session, message: EmailMessage, context: ssl.SSLContext | None
    ) -> ChannelResult:
        settings = self._settings
        session.open(settings.port, context if settings.tls is MailTls.TLS else None)
        if settings.tls is MailTls.STARTTLS:
            # raises where the server will not: nothing goes in the clear instead
            session.starttls(context=context)
        if settings.username:
            session.login(settings.username, settings.password.reveal())
        refused = session.send_message(message, settings.sender, settings.to)
        session.leave()
        return ChannelResult(
            Ended.TOLD, f"{len(refused)} of {len(settings.to)} addresses refused" if refused else ""
        )

    def _refusal(self, error: smtplib.SMTPException) -> ChannelResult | None:
        """What the server's own no means; None for what is not an answer of it."""
        if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
            return ChannelResult(
                Ended.MISCONFIGURED, f"the server does not accept user and password: {error.smtp_code}"
            )
        if isinstance(error, smtplib.SMTPNotSupportedError) or type(error) is smtplib.SMTPException:
            return ChannelResult(
                Ended.MISCONFIGURED, "the server offers no STARTTLS, or no AUTH that we know"
            )
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            return self._said("every address refused", *next(iter(error.recipients.values())))
        if isinstance(error, smtplib.SMTPResponseException):
            code, said = error.smtp_code, error.smtp_error
            # what is not SMTP has the code -1 or a text of smtplib's own: after the content nothing is known then
            return self._said("refused", code, said) if code > 0 and isinstance(said, bytes) else None
        return None

    def _said(self, what: str, code: int, text: bytes | str) -> ChannelResult:
        shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return ChannelResult(Ended.REFUSED, quoted(f"{what}: {code} {shown}", self._hide))


class _Session(smtplib.SMTP):
    """smtplib over a connection of the leash: its own would wait without an end to the whole."""

    debuglevel = 0

    def __init__(self, leash: Leash, host: str) -> None:
        super().__init__(local_hostname=_own_name())  # smtplib's own way asks the resolver for it
        self._leash, self._host = leash, host

    def open(self, port: int, context: ssl.SSLContext | None) -> None:
        """Connects, with `context` under TLS from the first byte. Raises OSError, SMTPResponseException."""
        self.sock = self._leash.connect(self._host, port, context)
        code, said = self.getreply()
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()

    def send(self, s: Any) -> None:
        """Commands pass as text and the content as bytes: with that the note leaves."""
        if isinstance(s, bytes):
            self._leash.leaves()
        super().send(s)

    def leave(self) -> None:
        """Says QUIT and does not wait for the answer: nothing depends on it any more."""
        with suppress(OSError):
            self.putcmd("quit")

    def __exit__(self, *_: object) -> None:
        self.close()


class _Bounded:
    """What a server says in one session, of which smtplib would collect without an end."""

    def __init__(self, source: BinaryIO) -> None:
        self._source, self._left = source, _MOST_SAID

    def readline(self, most: int = -1) -> bytes:
        line = self._source.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise ConnectionError("the server does not stop talking")
        return line

    def close(self) -> None:
        self._source.close()


def _message(note: Note, settings: EmailSettings) -> EmailMessage:
    message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    message["Subject"] = subject_of(note)
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Date"] = format_datetime(note.at)
    message["Message-ID"] = make_msgid(domain=settings.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    if note.urgent:
        message["Importance"] = "high"
        message["X-Priority"] = "1"
    message.set_content(body_of(note))
    return message


def _own_name() -> str:
    """What we greet with: a full name or an address (RFC 5321, 4.1.3)."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _spellings(settings: EmailSettings) -> tuple[Secret, ...]:
    """The password as it goes over the line, so that a server that repeats it is not quoted."""
    user, password = settings.username, settings.password.reveal()
    plain = [password, f"\0{user}\0{password}"]
    coded = [base64.b64encode(text.encode("utf-8", "replace")).decode("ascii") for text in plain]
    return tuple(Secret(text) for text in (password, *coded)) if password else ()

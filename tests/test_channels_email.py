"""Telling by e-mail, against a real SMTP server on loopback that behaves as it is told."""

from __future__ import annotations

import base64
import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gateway_transport import Loopback, certificate

from sms_notify.channels.base import ChannelResult, Ended, Note, body_of, subject_of
from sms_notify.channels.email import EmailChannel, _message
from sms_notify.channels.settings import EmailSettings, MailTls
from sms_notify.secret import Secret

CANARY = "kanarie-pass-3"
PLAIN = base64.b64encode(f"\0acme\0{CANARY}".encode()).decode()
AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
NOTE = Note("gateway main: error 108", "no credits are left\nsince 14:05", AT, urgent=True)
HANG, CLOSE = b"(hang)", b"(close)"


class MailServer:
    """Answers each command with what `says` has for its verb, or as a server that takes everything.

    `DOT` is the end of the content. `heard` is every line of a session outside the content.
    """

    def __init__(
        self,
        says: Mapping[str, bytes] | None = None,
        *,
        starttls: ssl.SSLContext | None = None,
        auth: bool = False,
    ) -> None:
        self.says, self._starttls, self._auth = dict(says or {}), starttls, auth
        self.heard: list[str] = []
        self.messages: list[bytes] = []

    def __call__(self, conn: socket.socket, stop: threading.Event) -> None:
        lines = conn.makefile("rb")
        try:
            if not self._answer(conn, stop, "BANNER", b"220 mx.example.org"):
                return
            for line in lines:
                text = line.decode().rstrip("\r\n")
                self.heard.append(text.replace("rcpt TO", "RCPT TO").replace("mail FROM", "MAIL FROM"))
                verb = text.split(" ")[0].upper()
                if verb == "STARTTLS" and self._starttls and "STARTTLS" not in self.says:
                    conn.sendall(b"220 go\r\n")
                    with self._starttls.wrap_socket(conn, server_side=True) as safe:
                        self._rest(safe, stop)
                        return
                if not self._answer(conn, stop, verb, self._usual(verb)):
                    return
                if verb == "DATA" and self.says.get("DATA", b"3").startswith(b"3"):
                    content = [line.removeprefix(b".") for line in iter(lines.readline, b".\r\n")]
                    self.messages.append(b"".join(content))
                    if not self._answer(conn, stop, "DOT", b"250 taken"):
                        return
        finally:
            lines.close()

    def _rest(self, safe: ssl.SSLSocket, stop: threading.Event) -> None:
        self._starttls = None
        again = MailServer({**self.says, "BANNER": b""}, auth=self._auth)
        again.heard, again.messages = self.heard, self.messages
        again(safe, stop)

    def _answer(self, conn: socket.socket, stop: threading.Event, verb: str, usual: bytes) -> bool:
        said = self.says.get(verb, usual)
        if said == HANG:
            stop.wait(30)
        if said in (HANG, CLOSE):
            return False
        conn.sendall(said + b"\r\n" if said else b"")
        return verb != "QUIT"

    def _usual(self, verb: str) -> bytes:
        offers = [b"STARTTLS"] * bool(self._starttls) + [b"AUTH PLAIN LOGIN"] * self._auth
        lines = [b"mx.example.org", *offers]
        greeting = b"\r\n".join([b"250-" + line for line in lines[:-1]] + [b"250 " + lines[-1]])
        usual = {"EHLO": greeting, "DATA": b"354 go on", "AUTH": b"235 welcome", "QUIT": b"221 bye"}
        return usual.get(verb, b"250 ok")


def mail(port: int, **changes: object) -> EmailSettings:
    plain = EmailSettings(
        "mail", "127.0.0.1", port, "sms-notify@example.org", ("ops@example.org",), MailTls.NONE, timeout=10.0
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


LOGIN = {"username": "acme", "password": Secret(CANARY)}


def told(server: MailServer, note: Note = NOTE, **changes: object) -> ChannelResult:
    with Loopback(server, read=False) as listening:
        return EmailChannel(mail(listening.port, **changes)).tell(note)


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def content(message: EmailMessage) -> str:
    """The text without the line end that every text of a message has (RFC 5321: CRLF)."""
    text = message.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n").removesuffix("\n")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("mail"), "IP:127.0.0.1")


def test_a_note_arrives_as_one_message_to_every_address() -> None:
    server = MailServer()
    assert told(server, to=("ops@example.org", "boss@example.org")) == ChannelResult(Ended.TOLD)
    (message,) = map(parsed, server.messages)
    assert message["Subject"] == "gateway main: error 108"
    assert message["To"] == "ops@example.org, boss@example.org"
    assert message["From"] == "sms-notify@example.org"
    assert message["Date"].datetime == AT
    assert (message["Auto-Submitted"], message["Importance"]) == ("auto-generated", "high")
    assert content(message) == "no credits are left\nsince 14:05"
    assert [line for line in server.heard if line.startswith("RCPT")] == [
        "RCPT TO:<ops@example.org>",
        "RCPT TO:<boss@example.org>",
    ]


def test_letters_of_every_script_arrive() -> None:
    server = MailServer()
    note = Note("Störung – 障害", "é €\n" + "x" * 3000 + "\n.\n障害", AT, urgent=False)
    assert told(server, note) == ChannelResult(Ended.TOLD)
    (message,) = map(parsed, server.messages)
    assert (message["Subject"], content(message)) == (note.subject, note.body)
    assert message["Importance"] is None


@pytest.mark.parametrize(
    "subject",
    [
        "x\r\nBcc: boss@example.org",
        "x\nBcc: a@b",
        "x\rBcc: a@b",
        "x\u2028Bcc: a@b",
        "x\0\x85Bcc: a@b",
        "\ud800 x",
    ],
)
def test_a_subject_stays_one_header(subject: str) -> None:
    server = MailServer()
    assert told(server, replace(NOTE, subject=subject)) == ChannelResult(Ended.TOLD)
    (message,) = map(parsed, server.messages)
    assert message["Bcc"] is None
    assert len(message.get_all("Subject", [])) == 1
    assert content(message) == NOTE.body
    assert [line for line in server.heard if line.startswith("RCPT")] == ["RCPT TO:<ops@example.org>"]


@settings(max_examples=150, deadline=None)
@given(subject=st.text(max_size=300), body=st.text(max_size=300), urgent=st.booleans())
def test_any_note_makes_the_same_headers_and_gives_its_body_back(
    subject: str, body: str, urgent: bool
) -> None:
    note = Note(subject, body, AT, urgent)
    message = parsed(_message(note, mail(25)).as_bytes())
    expected = ["Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted"]
    expected += ["Importance", "X-Priority"] if urgent else []
    mime = {"MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
    assert [key for key in message if key not in mime] == expected
    assert message["To"] == "ops@example.org"
    assert content(message).rstrip("\n") == body_of(note).rstrip("\n")
    assert "\n" not in subject_of(note)


# --- a server that says no


@pytest.mark.parametrize(
    ("says", "detail"),
    [
        ({"BANNER": b"554 go away"}, "refused: 554 go away"),
        ({"MAIL": b"550 not you"}, "refused: 550 not you"),
        ({"RCPT": b"550 5.7.1 relaying denied"}, "every address refused: 550 5.7.1 relaying denied"),
        ({"DATA": b"452 disk full"}, "refused: 452 disk full"),
        ({"DOT": b"554 looks like spam"}, "refused: 554 looks like spam"),
        ({"MAIL": b"550-first\r\n550 second\x1b[31m"}, "refused: 550 first second [31m"),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(says: dict[str, bytes], detail: str) -> None:
    assert told(MailServer(says)) == ChannelResult(Ended.REFUSED, detail)


def test_one_address_of_two_is_told_enough() -> None:
    class Picky(MailServer):
        def _answer(self, conn: socket.socket, stop: threading.Event, verb: str, usual: bytes) -> bool:
            usual = b"550 no such user" if "gone@" in "".join(self.heard[-1:]) else usual
            return super()._answer(conn, stop, verb, usual)

    assert told(Picky(), to=("ops@example.org", "gone@example.org")) == ChannelResult(
        Ended.TOLD, "1 of 2 addresses refused"
    )


def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcome = EmailChannel(mail(taken.getsockname()[1])).tell(NOTE)
    assert outcome == ChannelResult(Ended.UNREACHABLE, "Connection refused")


@pytest.mark.parametrize(
    ("verb", "ended"),
    [
        ("BANNER", Ended.UNREACHABLE),
        ("EHLO", Ended.UNREACHABLE),
        ("RCPT", Ended.UNREACHABLE),
        ("DATA", Ended.UNREACHABLE),
        ("DOT", Ended.UNKNOWN),
    ],
)
@pytest.mark.parametrize("how", [HANG, CLOSE])
def test_a_session_that_breaks_off_is_unknown_only_after_the_content(
    verb: str, ended: Ended, how: bytes
) -> None:
    server = MailServer({verb: how})
    outcome = told(server, timeout=10.0 if how == CLOSE else 2.0 if verb == "DOT" else 0.4)
    assert outcome.ended is ended
    assert outcome.detail in ("no answer within the time limit", "connection lost")


def test_an_answer_that_is_no_smtp_after_the_content_is_unknown() -> None:
    assert told(MailServer({"DOT": b"certainly, sir"})).ended is Ended.UNKNOWN
    assert told(MailServer({"DOT": b"250 " + b"x" * 9000})).ended is Ended.UNKNOWN


def test_a_drip_of_bytes_gains_no_time() -> None:
    def drips(conn: socket.socket, stop: threading.Event) -> None:
        while not stop.wait(0.02):
            conn.sendall(b"2")

    with Loopback(drips, read=False) as listening:
        begun = time.monotonic()
        outcome = EmailChannel(mail(listening.port, timeout=0.5)).tell(NOTE)
        took = time.monotonic() - begun
    assert outcome == ChannelResult(Ended.UNREACHABLE, "no answer within the time limit")
    assert took < 5


def test_a_server_that_does_not_stop_talking_is_left() -> None:
    def talks(conn: socket.socket, _stop: threading.Event) -> None:
        while True:
            conn.sendall(b"220-welcome\r\n" * 1000)

    with Loopback(talks, read=False) as listening:
        outcome = EmailChannel(mail(listening.port)).tell(NOTE)
    assert outcome == ChannelResult(Ended.UNREACHABLE, "connection lost")


# --- TLS and login


@pytest.mark.parametrize("kind", [MailTls.STARTTLS, MailTls.TLS])
def test_a_login_goes_over_verified_tls(tls: tuple[str, ssl.SSLContext], kind: MailTls) -> None:
    ca_file, context = tls
    server = MailServer(starttls=context if kind is MailTls.STARTTLS else None, auth=True)
    with Loopback(server, context if kind is MailTls.TLS else None, read=False) as listening:
        outcome = EmailChannel(mail(listening.port, tls=kind, ca_file=ca_file, **LOGIN)).tell(NOTE)
    assert outcome == ChannelResult(Ended.TOLD)
    assert f"AUTH PLAIN {PLAIN}" in server.heard
    assert len(server.messages) == 1


@pytest.mark.parametrize("kind", [MailTls.STARTTLS, MailTls.TLS])
def test_a_certificate_of_nobody_we_know_is_not_accepted(
    tls: tuple[str, ssl.SSLContext], kind: MailTls
) -> None:
    server = MailServer(starttls=tls[1] if kind is MailTls.STARTTLS else None, auth=True)
    with Loopback(server, tls[1] if kind is MailTls.TLS else None, read=False) as listening:
        outcome = EmailChannel(mail(listening.port, tls=kind, **LOGIN)).tell(NOTE)
    assert outcome.ended is Ended.UNREACHABLE
    assert outcome.detail.startswith("certificate not accepted")
    assert server.messages == []


@pytest.mark.parametrize(
    ("says", "ended"), [({}, Ended.MISCONFIGURED), ({"STARTTLS": b"454 not now"}, Ended.REFUSED)]
)
def test_without_starttls_nothing_goes_in_the_clear(
    tls: tuple[str, ssl.SSLContext], says: dict[str, bytes], ended: Ended
) -> None:
    server = MailServer(says, starttls=tls[1] if says else None, auth=True)
    assert told(server, tls=MailTls.STARTTLS, ca_file=tls[0], **LOGIN).ended is ended
    assert [line for line in server.heard if line.startswith(("AUTH", "MAIL"))] == []


def test_a_ca_file_that_is_none_is_misconfigured(tmp_path: Path) -> None:
    (tmp_path / "pem").write_text("nothing")
    for name in ("pem", "missing"):
        outcome = told(MailServer(), tls=MailTls.TLS, ca_file=str(tmp_path / name))
        assert outcome.ended is Ended.MISCONFIGURED
        assert outcome.detail.startswith("ca_file cannot be used")


def test_a_password_that_is_not_accepted_is_misconfigured() -> None:
    outcome = told(MailServer({"AUTH": b"535 wrong"}, auth=True), **LOGIN)
    assert outcome == ChannelResult(Ended.MISCONFIGURED, "the server does not accept user and password: 535")


def test_a_login_that_the_server_does_not_offer_is_misconfigured() -> None:
    server = MailServer()
    assert told(server, **LOGIN).ended is Ended.MISCONFIGURED
    assert server.messages == []


# --- silence

ECHO = f"535 you said {PLAIN} that is {CANARY}".encode()


@pytest.mark.parametrize(
    "says",
    [
        {},
        {"AUTH": ECHO},
        {"MAIL": ECHO},
        {"RCPT": ECHO},
        {"DOT": ECHO},
        {"DOT": CLOSE},
        {"AUTH": CLOSE},
        {"AUTH": b"334 bm8=\r\n" + ECHO},
        {"BANNER": ECHO},
        {"EHLO": ECHO},
    ],
)
def test_the_password_is_told_nowhere_however_a_session_ends(
    says: dict[str, bytes], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server = MailServer(says, auth=True)
    with Loopback(server, read=False) as listening:
        channel = EmailChannel(mail(listening.port, **LOGIN))
        shown = f"{channel.tell(NOTE)!r} {channel!r} {vars(channel)!r}"
    printed = capfd.readouterr()
    everything = shown + caplog.text + printed.out + printed.err
    assert [form for form in (CANARY, PLAIN) if form in everything] == []
    assert "BANNER" in says or "EHLO" in says or any(PLAIN in line for line in server.heard)


def test_a_password_that_smtp_cannot_carry_is_no_crash() -> None:
    outcome = told(MailServer(auth=True), username="acme", password=Secret("kanarië"))
    assert outcome.ended is Ended.MISCONFIGURED
    assert "kanari" not in outcome.detail

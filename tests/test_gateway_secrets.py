"""The password comes out nowhere, in no log at DEBUG, outcome, traceback or print, however a request ends."""

from __future__ import annotations

import base64
import hashlib
import http.client
import logging
import socket
import ssl
import threading
import time
import traceback
from urllib.parse import quote, quote_plus

import pytest
from test_gateway_transport import BROKEN, SLOW, Behaviour, Loopback, answers, certificate, closes, says

from sms_notify.gateways.base import Submission
from sms_notify.gateways.sms1601.client import SmsGateway1601, delivery_token
from sms_notify.gateways.sms1601.settings import Gateway1601Settings, PasswordEncoding
from sms_notify.secret import Secret

CANARY = "kAnarie &+/?é pass#3"  # its SHA-1 has no run of digits that the mask for numbers would break
DIGEST = hashlib.sha1(CANARY.encode(), usedforsecurity=False).hexdigest()
SPELLINGS = [
    form
    for text in (CANARY, DIGEST)
    for form in (text, quote(text, safe=""), quote_plus(text), base64.b64encode(text.encode()).decode())
]
PAGE = Submission("+32470000001", "CRIT db1 down", "m42.1")
SLOWLY = ("hang before headers", "hang in body", "drip of headers")


def echoes(conn: socket.socket, _stop: threading.Event) -> None:
    """A proxy's error page that repeats the URL in body, status line, headers and a stray line."""
    url = f"/gateway.php?klantuser=acme&klantpwd={quote(CANARY, safe='')}"
    body = f"The URL {url} ({CANARY}, {DIGEST}) was not found".encode()
    head = f"HTTP/1.1 200 {url}\r\nLocation: {url}\r\nSet-Cookie: last={DIGEST}\r\n{DIGEST}\r\n\r\n"
    conn.sendall(head.encode() + body)


ENDINGS: dict[str, Behaviour] = {
    **{name: behave for name, (behave, _) in BROKEN.items()},
    **{name: SLOW[name] for name in SLOWLY},
    "OK": answers(b"OK 1234567"),
    "ERROR 104": answers(b"ERROR 104"),
    "an error that repeats the password": answers(f"ERROR 104 not {CANARY} nor {DIGEST}".encode()),
    "a page that repeats the URL": echoes,
    "a 404 that repeats it": answers(f"no {CANARY} {DIGEST}".encode(), "404 Gone"),
    **{f"a page with spelling {n}": answers(f"for {form}".encode()) for n, form in enumerate(SPELLINGS)},
    "a 500": answers(b"boom", "500 Oops"),
    "a redirect that repeats it": answers(b"", "302 Found", f"Location: /?klantpwd={DIGEST}\r\n"),
    "garbage with the password": says(DIGEST.encode() + b"\r\n"),
}


def account(url: str, method: str, encoding: PasswordEncoding, timeout: float = 20.0) -> Gateway1601Settings:
    password = Secret(CANARY)
    return Gateway1601Settings(
        "main", url, "acme", password, "ACME-Ops", encoding, method=method, timeout=timeout
    )


def everything_told(
    settings: Gateway1601Settings, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> str:
    """All that one send, one credits and one report leave behind where somebody could read it."""
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, logger=name)
    gateway = SmsGateway1601(settings, time.monotonic)
    told = [repr(gateway), repr(vars(gateway)), repr(settings)]
    for question in (lambda: gateway.send(PAGE), gateway.credits, lambda: gateway.report("1")):
        try:
            told.append(repr(question()))
        except Exception as error:  # noqa: BLE001 - the promise is that there is none
            shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            pytest.fail("raised, and nothing may be: " + shown)
    records = [f"{record.getMessage()} {record.args} {vars(record)}" for record in caplog.records]
    printed = capfd.readouterr()
    return "\n".join([*told, *records, caplog.text, printed.out, printed.err])


def assert_silent(told: str) -> None:
    found = [spelling for spelling in SPELLINGS if spelling.casefold() in told.casefold()]
    assert not found, told


@pytest.mark.parametrize("encoding", PasswordEncoding)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_the_password_is_told_nowhere_however_a_request_ends(
    ending: str,
    method: str,
    encoding: PasswordEncoding,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Loopback(ENDINGS[ending]) as server:
        url = server.url.removesuffix("gateway.php")
        limit = 0.3 if ending in SLOWLY else 20.0
        told = everything_told(account(url, method, encoding, limit), caplog, capfd)
    assert_silent(told)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://no-such-host.invalid/", "no-url", "http://127.0.0.1:1/a b\n"]
)
@pytest.mark.parametrize("encoding", PasswordEncoding)
def test_the_password_is_told_nowhere_when_the_request_never_leaves(
    url: str, encoding: PasswordEncoding, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    assert_silent(everything_told(account(url, "get", encoding), caplog, capfd))


def test_the_password_is_told_nowhere_when_tls_fails(
    tmp_path_factory: pytest.TempPathFactory,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    _, context = certificate(tmp_path_factory.mktemp("untrusted"), "IP:127.0.0.1")
    tls: list[ssl.SSLContext | None] = [context, None]
    for served in tls:
        with Loopback(closes, served, read=False) as server:
            url = f"https://127.0.0.1:{server.port}/"
            assert_silent(everything_told(account(url, "get", PasswordEncoding.PLAIN), caplog, capfd))


def test_the_debug_switch_of_http_client_prints_nothing_of_ours(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    with Loopback(answers(b"OK 1")) as server:
        url = server.url.removesuffix("gateway.php")
        assert_silent(everything_told(account(url, "get", PasswordEncoding.PLAIN), caplog, capfd))


def test_what_libraries_log_of_a_request_is_its_path_alone(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Shows that the tests above look where the URL would be."""
    with Loopback(answers(b"OK 1")) as server:
        url = server.url.removesuffix("gateway.php")
        told = everything_told(account(url, "get", PasswordEncoding.SHA1), caplog, capfd)
    assert '"GET /module/gateway.php HTTP/1.1" 200' in told
    assert "klantuser" not in told
    assert "32470000001" not in told
    assert DIGEST.encode() in server.requests[0]


def test_the_delivery_token_gives_nothing_of_the_password_away() -> None:
    token = delivery_token(account("http://127.0.0.1/", "get", PasswordEncoding.SHA1))
    assert_silent(token)
    assert token not in repr(account("http://127.0.0.1/", "get", PasswordEncoding.SHA1))

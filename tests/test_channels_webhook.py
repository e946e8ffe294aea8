"""Telling by webhook, over real HTTP on loopback."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from test_gateway_transport import (
    BROKEN,
    SLOW,
    Behaviour,
    Loopback,
    answers,
    certificate,
    closes,
    hangs_after,
    says,
)

from sms_notify.channels.base import ChannelResult, Ended, Note
from sms_notify.channels.settings import WebhookSettings
from sms_notify.channels.webhook import WebhookChannel
from sms_notify.net.bounded import Bound, Broke, BrokenOff, Leash
from sms_notify.secret import Secret

CANARY = "kanarie-token-3"
AT = datetime(2026, 11, 22, 15, 5, 30, 123, tzinfo=timezone(timedelta(hours=1)))
NOTE = Note("gateway main: error 108", "no credits are left\n\ud800 é", AT, urgent=True)


def hook(url: str, timeout: float = 20.0, ca_file: str = "") -> WebhookSettings:
    return WebhookSettings("chat", Secret(url), Secret(f"{CANARY}-bearer"), ca_file, timeout)


def told(behave: Behaviour, timeout: float = 20.0) -> tuple[ChannelResult, list[bytes]]:
    with Loopback(behave) as server:
        url = f"http://127.0.0.1:{server.port}/hooks/{CANARY}?wait=true&x=%20"
        outcome = WebhookChannel(hook(url, timeout)).tell(NOTE)
    return outcome, server.requests


def test_a_note_is_posted_once_as_json_with_the_token() -> None:
    outcome, (request,) = told(answers(b"thanks"))
    assert outcome == ChannelResult(Ended.TOLD)
    head, body = request.split(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == f"POST /hooks/{CANARY}?wait=true&x=%20 HTTP/1.1"
    assert f"Authorization: Bearer {CANARY}-bearer" in lines
    assert "Content-Type: application/json" in lines
    assert json.loads(body) == {
        "subject": "gateway main: error 108",
        "body": "no credits are left\n  é",
        "at": "2026-11-22T14:05:30Z",
        "urgent": True,
        "source": "sms-notify",
    }


def test_an_address_without_path_and_token_is_posted_to_its_root() -> None:
    with Loopback(answers(b"", "204 No Content")) as server:
        settings = WebhookSettings("chat", Secret(f"http://127.0.0.1:{server.port}"))
        assert WebhookChannel(settings).tell(NOTE) == ChannelResult(Ended.TOLD)
    assert server.requests[0].startswith(b"POST / HTTP/1.1\r\n")
    assert b"Authorization" not in server.requests[0]


@pytest.mark.parametrize(
    ("status", "ended", "detail"),
    [
        ("201 Created", Ended.TOLD, ""),
        ("404 Not Found", Ended.REFUSED, "HTTP 404"),
        ("429 Slowly", Ended.REFUSED, "HTTP 429"),
        ("500 Oops", Ended.UNKNOWN, "HTTP 500"),
        ("302 Found", Ended.MISCONFIGURED, "HTTP 302: redirects are not followed, write the last address"),
    ],
)
def test_the_status_line_is_the_answer(status: str, ended: Ended, detail: str) -> None:
    outcome, requests = told(answers(b"x", status, "Location: /elsewhere\r\n"))
    assert (outcome, len(requests)) == (ChannelResult(ended, detail), 1)


@pytest.mark.parametrize("behave", [closes, says(b"SSH-2.0-OpenSSH\r\n"), says(b"")])
def test_what_is_no_answer_is_unknown_and_asked_once(behave: Behaviour) -> None:
    outcome, requests = told(behave)
    assert (outcome.ended, len(requests)) == (Ended.UNKNOWN, 1)


def drips(conn: socket.socket, stop: threading.Event) -> None:
    conn.sendall(b"HTTP/1.1 200 OK\r\n")
    while not stop.wait(0.02):
        conn.sendall(b"x")


def continues(conn: socket.socket, _stop: threading.Event) -> None:
    while True:
        conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("behave", [hangs_after(b""), drips, continues], ids=["hang", "drip", "100 for ever"])
def test_no_answer_in_time_is_unknown(behave: Behaviour) -> None:
    begun = time.monotonic()
    outcome, _ = told(behave, timeout=1.0)
    assert outcome == ChannelResult(Ended.UNKNOWN, "no answer within the time limit")
    assert time.monotonic() - begun < 5


def test_a_body_without_end_is_not_waited_for() -> None:
    def endless(conn: socket.socket, _stop: threading.Event) -> None:
        conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            conn.sendall(b"x" * 65536)

    assert told(endless)[0] == ChannelResult(Ended.TOLD)


@pytest.mark.parametrize(
    "url", ["", "chat", "ftp://chat.example.org/", "http:///x", "http://127.0.0.1:1/é", "http://h:99999/"]
)
def test_an_address_that_cannot_be_is_misconfigured(url: str) -> None:
    assert WebhookChannel(hook(url)).tell(NOTE).ended in (Ended.MISCONFIGURED, Ended.UNREACHABLE)


def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        assert WebhookChannel(hook(url)).tell(NOTE) == ChannelResult(Ended.UNREACHABLE, "Connection refused")
    assert WebhookChannel(hook("http://no-such-host.invalid/")).tell(NOTE).ended is Ended.UNREACHABLE


def test_tls_is_verified(tmp_path_factory: pytest.TempPathFactory) -> None:
    ca_file, context = certificate(tmp_path_factory.mktemp("hook"), "IP:127.0.0.1")
    with Loopback(answers(b"ok"), context) as server:
        url = f"https://127.0.0.1:{server.port}/"
        refused = WebhookChannel(hook(url)).tell(NOTE)
        assert WebhookChannel(hook(url, ca_file=ca_file)).tell(NOTE) == ChannelResult(Ended.TOLD)
    assert refused.ended is Ended.UNREACHABLE
    assert refused.detail.startswith("certificate not accepted")
    assert len(server.requests) == 1


def test_a_handshake_that_hangs_ends_in_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Loopback(hangs_after(b""), read=False) as server:
        outcome = WebhookChannel(hook(f"https://127.0.0.1:{server.port}/", timeout=0.4)).tell(NOTE)
    assert outcome == ChannelResult(Ended.UNREACHABLE, "no answer within the time limit")


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert told(answers(b"ok"))[0] == ChannelResult(Ended.TOLD)


def echoes(conn: socket.socket, _stop: threading.Event) -> None:
    conn.sendall(f"HTTP/1.1 500 {CANARY}\r\n{CANARY}\r\nLocation: /{CANARY}\r\n\r\n{CANARY}".encode())


ENDINGS: dict[str, tuple[Behaviour, float]] = {
    **{name: (behave, 20.0) for name, (behave, _) in BROKEN.items()},
    **{name: (behave, 1.0) for name, behave in SLOW.items()},
    "echo": (echoes, 20.0),
    "garbage": (says(f"{CANARY}\r\n".encode()), 20.0),
    "refused": (answers(CANARY.encode(), "403 No"), 20.0),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_url_and_token_are_told_nowhere_however_a_request_ends(
    ending: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    behave, timeout = ENDINGS[ending]
    with Loopback(behave) as server:
        channel = WebhookChannel(hook(f"http://127.0.0.1:{server.port}/{CANARY}?{CANARY}", timeout))
        shown = f"{channel.tell(NOTE)!r} {channel!r} {vars(channel)!r}"
    printed = capfd.readouterr()
    assert CANARY not in shown + caplog.text + printed.out + printed.err
    assert any(CANARY.encode() in request for request in server.requests)


@pytest.mark.parametrize(
    "settings",
    [
        hook(f"http://127.0.0.1:1/{CANARY}"),
        hook(f"http://{CANARY}.invalid/{CANARY}"),
        hook(f"{CANARY}"),
        hook(f"http://127.0.0.1:1/{CANARY}\r\nX: y"),
        hook(f"http://[{CANARY}/"),
        replace(hook("http://127.0.0.1:1/"), token=Secret(f"{CANARY}\r\nX: y")),
    ],
)
def test_url_and_token_are_told_nowhere_when_nothing_leaves(
    settings: WebhookSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    outcome = WebhookChannel(settings).tell(NOTE)
    assert outcome.ended in (Ended.MISCONFIGURED, Ended.UNREACHABLE)
    assert CANARY not in repr(outcome) + caplog.text


# --- the leash


def test_what_was_cut_before_it_left_never_leaves() -> None:
    go, seen = threading.Event(), []

    def work(leash: Leash) -> ChannelResult:
        go.wait(10)
        try:
            leash.leaves()
        except TimeoutError:
            seen.append("kept")
        finally:
            over.set()
        return ChannelResult(Ended.TOLD)

    over = threading.Event()
    assert Bound(0.05).run(work) == BrokenOff(Broke.UNREACHABLE, "no answer within the time limit")
    go.set()
    assert over.wait(10)
    assert seen == ["kept"]


def test_attempts_that_hang_do_not_collect_threads() -> None:
    release = threading.Event()

    def work(_leash: Leash) -> ChannelResult:
        release.wait(30)
        return ChannelResult(Ended.TOLD)

    bound = Bound(0.02)
    before = threading.active_count()
    outcomes = [bound.run(work) for _ in range(20)]
    grown = threading.active_count() - before
    release.set()
    assert grown == 4
    assert outcomes[-1] == BrokenOff(Broke.UNREACHABLE, "earlier attempts are still waiting for an answer")

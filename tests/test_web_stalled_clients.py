"""Clients that stall, drip or flood hold up nobody but themselves."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence

import pytest
import requests
from web_serving import ONE_ALERT, SOON, Served, is_closed, many, post, read_answer, serving, status_of

from sms_notify.secret import Secret
from sms_notify.web.http_limits import HttpLimits
from sms_notify.web.roles import Token
from sms_notify.web.settings import WebSettings
from sms_notify.web.webhooks import Patience

MID_HEADER = b"POST /alertmanager HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
MID_BODY = post(ONE_ALERT[:10], length=len(ONE_ALERT))
IDLE = b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n"


def webhook(served: Served) -> int:
    """A real webhook with a client's patience: less than the 10 s that a stalled client is given."""
    return requests.post(served.url("/alertmanager"), data=ONE_ALERT, timeout=8).status_code


@pytest.mark.parametrize("raw", [MID_HEADER, MID_BODY, b"", IDLE], ids=["header", "body", "silent", "idle"])
def test_a_webhook_is_answered_while_a_thousand_clients_stall(raw: bytes) -> None:
    with serving() as served, many(served, 1_000, raw) as sockets:
        started = time.monotonic()
        assert webhook(served) == 200
        # Well before any of the stalled can have been timed out, so it was answered beside them.
        assert time.monotonic() - started < 5
        assert len(served.recorder.deliveries) == 1
        assert len(sockets) == 1_000


def test_the_stalled_thousand_are_still_served_when_they_go_on() -> None:
    with serving(patience=Patience(body=SOON)) as served, many(served, 1_000, MID_BODY) as sockets:
        assert webhook(served) == 200
        for sock in sockets:
            sock.sendall(ONE_ALERT[10:])
        assert {status_of(read_answer(sock)) for sock in sockets} == {200}
    assert len(served.recorder.deliveries) == 1_001


@pytest.mark.parametrize("raw", [MID_HEADER, MID_BODY, b"", IDLE], ids=["header", "body", "silent", "idle"])
def test_above_the_limit_the_oldest_stalled_are_dropped_and_the_webhook_is_answered(raw: bytes) -> None:
    # Time limits that no client here lives to see: what ends, ends by the number.
    limits = HttpLimits(headers=100, idle=100, waiting=50)
    with serving(limits=limits, patience=Patience(body=100)) as served:
        with many(served, 200, raw) as sockets:
            assert webhook(served) == 200
            assert until_dropped(sockets, 140) >= 140
            # Which of the idle are the oldest depends on whose answer was ready last. Of the others a few may be read in another
            # order than they came.
            if raw != IDLE:
                assert until_dropped(sockets[:140], 130) >= 130
        assert webhook(served) == 200


def until_dropped(sockets: Sequence[socket.socket], wanted: int) -> int:
    """How many the server has dropped, as soon as they are `wanted`, or after 10 s."""
    ends = time.monotonic() + 10
    with selectors.DefaultSelector() as left:
        for sock in sockets:
            left.register(sock, selectors.EVENT_READ)
        while len(sockets) - len(left.get_map()) < wanted and time.monotonic() < ends:
            for key, _ in left.select(0.2):
                if is_over(key.fileobj):  # type: ignore[arg-type]
                    left.unregister(key.fileobj)
        return len(sockets) - len(left.get_map())


def is_over(sock: socket.socket) -> bool:
    """Of a socket with something to read: True where that is its end, and not an answer."""
    try:
        return not sock.recv(65_536)
    except ConnectionError:
        return True


def ended(sock: socket.socket) -> bool:
    """True once the server has dropped the connection; an answer to what was sent may come before."""
    while not is_over(sock):
        pass
    return True


def test_those_under_the_limit_are_not_dropped() -> None:
    with serving(limits=HttpLimits(waiting=50)) as served, many(served, 40, MID_HEADER) as sockets:
        assert webhook(served) == 200
        for sock in sockets:
            sock.sendall(b"x\r\nContent-Length: %d\r\n\r\n%b" % (len(ONE_ALERT), ONE_ALERT))
        assert [status_of(read_answer(sock)) for sock in sockets] == [200] * 40


@pytest.mark.parametrize("raw", [b"", b"\r\n", MID_HEADER], ids=["silent", "blank line", "half a header"])
def test_headers_that_do_not_come_in_time_close_the_connection(raw: bytes) -> None:
    with serving(limits=HttpLimits(headers=0.3)) as served, served.connect() as sock:
        sock.sendall(raw)
        assert is_closed(sock)
        assert webhook(served) == 200


def test_headers_that_drip_are_cut_off_at_the_same_time_as_those_that_stop() -> None:
    with serving(limits=HttpLimits(headers=0.5)) as served, served.connect() as sock:
        sock.sendall(MID_HEADER)
        assert drips_until_closed(sock, b"y")


def test_further_headers_on_a_kept_connection_have_the_same_time_limit() -> None:
    with serving(limits=HttpLimits(headers=0.3, idle=SOON)) as served, served.connect() as sock:
        sock.sendall(IDLE)
        assert status_of(read_answer(sock)) == 200
        sock.sendall(MID_HEADER)
        assert is_closed(sock)


def test_a_stray_byte_on_an_idle_connection_does_not_keep_it_for_ever() -> None:
    with serving(limits=HttpLimits(headers=0.3, idle=SOON)) as served, served.connect() as sock:
        sock.sendall(IDLE)
        assert status_of(read_answer(sock)) == 200
        sock.sendall(b"\r\n")
        assert is_closed(sock)


def test_an_idle_connection_is_closed_after_its_time_and_not_before_it_is_used_again() -> None:
    with serving(limits=HttpLimits(idle=1.0)) as served, served.connect() as sock:
        for _ in range(3):
            sock.sendall(post())
            assert status_of(read_answer(sock)) == 200
        assert is_closed(sock)


def test_a_body_that_does_not_come_in_time_is_408_and_closed() -> None:
    with serving(patience=Patience(body=0.3)) as served, served.connect() as sock:
        sock.sendall(MID_BODY)
        answer = read_answer(sock)
        assert status_of(answer) == 408
        assert b"connection: close" in answer
        assert is_closed(sock)
        assert served.recorder.deliveries == []
        assert webhook(served) == 200


def test_a_body_that_drips_is_cut_off_as_a_whole() -> None:
    with serving(patience=Patience(body=0.5)) as served, served.connect() as sock:
        sock.sendall(post(b"", length=1_000_000))
        assert drips_until_closed(sock, b" ")


def test_a_chunked_body_without_end_and_without_data_is_cut_off() -> None:
    with serving(patience=Patience(body=0.3)) as served, served.connect() as sock:
        sock.sendall(
            b"POST /alert HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n"
        )
        assert status_of(read_answer(sock)) == 408
        assert is_closed(sock)


def test_a_stranger_that_stalls_in_the_body_is_refused_at_once_and_then_closed() -> None:
    settings = WebSettings(port=0, tokens=(Token(Secret("t0ken")),))
    with serving(settings=settings, limits=HttpLimits(linger=0.3)) as served, served.connect() as sock:
        sock.sendall(MID_BODY)
        assert status_of(read_answer(sock)) == 401
        assert is_closed(sock)


def test_a_refused_body_that_comes_whole_leaves_the_connection_usable() -> None:
    settings = WebSettings(port=0, tokens=(Token(Secret("t0ken")),))
    with serving(settings=settings) as served, served.connect() as sock:
        sock.sendall(MID_BODY)
        assert status_of(read_answer(sock)) == 401
        sock.sendall(ONE_ALERT[10:] + post(ONE_ALERT, "Authorization: Bearer t0ken"))
        assert status_of(read_answer(sock)) == 200


def test_a_client_that_leaves_in_the_body_disturbs_nobody() -> None:
    with serving() as served:
        with many(served, 100, MID_BODY):
            pass
        assert webhook(served) == 200
        assert len(served.recorder.deliveries) == 1


def test_a_server_stops_although_clients_stall() -> None:
    with serving() as served, many(served, 100, MID_HEADER) as headers, many(served, 100, MID_BODY) as bodies:
        assert webhook(served) == 200
        assert served.server.stop(0.2)
        assert all(ended(sock) for sock in headers + bodies)


def drips_until_closed(sock: socket.socket, byte: bytes) -> bool:
    """Sends a byte every 50 ms; True when the server ends it while the bytes keep coming."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        give_up = time.monotonic() + SOON
        while time.monotonic() < give_up:
            if selector.select(0.05):
                return ended(sock)
            try:
                sock.sendall(byte)
            except ConnectionError:
                return True
    return False

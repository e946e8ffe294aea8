"""What the web front answers, over real HTTP."""

from __future__ import annotations

import base64
import json
import logging
import resource
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from web_serving import ONE_ALERT, SOON, Recorder, Served, is_closed, post, read_answer, serving, status_of
from workbench import NOON

from sms_notify.errors import StoreError, UsageError
from sms_notify.secret import Secret
from sms_notify.web import passwords
from sms_notify.web.auth import Gatekeeper
from sms_notify.web.body import MAX_BODY
from sms_notify.web.guesses import Guesses
from sms_notify.web.http_limits import HttpLimits
from sms_notify.web.roles import Role, Token, User
from sms_notify.web.server import WebServer
from sms_notify.web.settings import WebSettings
from sms_notify.web.webhooks import Patience, build

PAYLOADS = Path(__file__).parent / "payloads"
TOKEN, NEXT_TOKEN, PASSWORD = "t0ken-old", "t0ken-next", "s3cret:with colon é"
LOCKED = WebSettings(
    port=0,
    tokens=(Token(Secret(TOKEN)), Token(Secret(NEXT_TOKEN), roles=frozenset(Role))),
    users={"am": User(Secret(passwords.hash_password(PASSWORD, b"0123456789abcdef")), frozenset(Role))},
)
NOBODY = Guesses(lambda: None)


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture(scope="module")
def locked() -> Iterator[Served]:
    with serving(settings=LOCKED) as served:
        yield served


def send(
    served: Served, body: bytes = ONE_ALERT, path: str = "/alertmanager", **more: object
) -> requests.Response:
    return requests.post(served.url(path), data=body, timeout=SOON, allow_redirects=False, **more)  # type: ignore[arg-type]


def get(served: Served, path: str, **more: object) -> requests.Response:
    return requests.get(served.url(path), timeout=SOON, allow_redirects=False, **more)  # type: ignore[arg-type]


# Webhooks


@pytest.mark.parametrize("path", ["/alertmanager", "/alertmanager/", "/alert", "/alert/"])
def test_a_webhook_is_accepted_on_both_paths_with_and_without_slash_and_never_redirected(
    served: Served, path: str
) -> None:
    answer = send(served, path=path)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1})
    assert served.recorder.deliveries[0].alerts[0].labels == {"alertname": "HostDown"}


def test_how_old_a_problem_of_zabbix_is_counts_from_the_request(served: Served) -> None:
    body = b'{"EVENT.ID": "17", "EVENT.VALUE": "1", "EVENT.NAME": "Disk full", "EVENT.AGE": "5m"}'
    assert send(served, body, "/zabbix").status_code == 200
    assert served.recorder.deliveries[0].alerts[0].starts_at == NOON - timedelta(minutes=5)


@pytest.mark.parametrize("name", ["single/001", "big-group/001", "mixed/002", "text/007"])
def test_a_request_exactly_as_alertmanager_sent_it_is_accepted(served: Served, name: str) -> None:
    recorded = json.loads((PAYLOADS / "alertmanager" / f"{name}.json").read_text())
    lines = ["POST /alertmanager HTTP/1.1", *(": ".join(pair) for pair in recorded["headers"]), "", ""]
    body = recorded["body_raw"].encode()
    answer = served.ask("\r\n".join(lines).encode() + body)
    assert status_of(answer) == 200
    assert answer.endswith(b'{"accepted": %d}\n' % len(json.loads(body)["alerts"]))


def test_a_payload_over_256_kb_is_accepted_whole(served: Served) -> None:
    alerts = [{"labels": {"alertname": "HostDown", "instance": f"web{n}"}} for n in range(10_000)]
    body = json.dumps({"alerts": alerts}).encode()
    assert len(body) > 512 * 1024
    assert send(served, body).json() == {"accepted": 10_000}
    assert len(served.recorder.deliveries[0].alerts) == 10_000


def test_the_answer_is_not_sent_before_the_accept_hook_has_finished() -> None:
    with serving(Recorder(closed=True)) as served, served.connect() as sock:
        sock.sendall(post())
        assert served.recorder.entered.wait(SOON)
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.settimeout(SOON)
        assert not served.recorder.stored
        served.recorder.open()
        assert status_of(read_answer(sock)) == 200
        assert served.recorder.stored


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"{}", b'{"alerts":7}', b"\xff", b"\xef\xbb\xbf{}", b"[" * 100_000]
)
def test_a_body_that_is_no_payload_is_400_with_one_line_that_says_why(served: Served, body: bytes) -> None:
    answer = send(served, body)
    assert answer.status_code == 400
    assert 10 < len(answer.text) < 500
    assert len(answer.text.splitlines()) == 1
    assert served.recorder.deliveries == []
    assert send(served).status_code == 200


def test_a_store_that_cannot_store_is_503_with_retry_after() -> None:
    with serving(Recorder(fault=StoreError("the disk is full"))) as served:
        answer = send(served)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        served.recorder.fault = None
        assert send(served).status_code == 200


def test_a_store_that_takes_too_long_is_503_while_the_client_still_listens() -> None:
    with serving(Recorder(closed=True), patience=Patience(accept=0.2)) as served:
        assert send(served).status_code == 503
        assert not served.recorder.stored


@pytest.mark.parametrize("fault", [ValueError("x"), MemoryError(), OSError(28, "x"), KeyError("x")])
def test_an_error_that_nobody_foresaw_is_503_and_the_next_webhook_is_accepted(fault: Exception) -> None:
    with serving(Recorder(fault=fault)) as served:
        answer = send(served)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        served.recorder.fault = None
        assert send(served).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_any_method_but_post_is_405_and_says_what_is_allowed(served: Served, method: str) -> None:
    answer = requests.request(method, served.url("/alertmanager"), timeout=SOON, allow_redirects=False)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_a_redirected_get_is_not_taken_for_a_delivery(served: Served) -> None:
    recorded = json.loads((PAYLOADS / "alertmanager/redirected-301/001.json").read_text())
    lines = ["GET /alertmanager HTTP/1.1", *(": ".join(pair) for pair in recorded["headers"]), "", ""]
    assert status_of(served.ask("\r\n".join(lines).encode())) == 405


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip"])
def test_a_compressed_body_is_415(served: Served, coding: str) -> None:
    answer = send(served, headers={"Content-Encoding": coding})
    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "identity")


def test_the_identity_coding_is_no_compression(served: Served) -> None:
    assert send(served, headers={"Content-Encoding": "identity"}).status_code == 200


# Sizes and framing


def test_a_body_announced_as_too_large_is_413_before_it_is_sent(served: Served) -> None:
    assert status_of(served.ask(post(b"", length=MAX_BODY + 1))) == 413


def test_a_client_that_sends_its_too_large_body_still_gets_to_read_the_413(served: Served) -> None:
    assert send(served, b" " * (MAX_BODY + 1)).status_code == 413


def test_a_body_of_exactly_the_limit_is_read(served: Served) -> None:
    body = ONE_ALERT + b" " * (MAX_BODY - len(ONE_ALERT))
    assert send(served, body).status_code == 200


def test_a_chunked_body_is_accepted(served: Served) -> None:
    answer = requests.post(served.url("/alert"), data=iter([ONE_ALERT[:7], ONE_ALERT[7:]]), timeout=SOON)
    assert answer.json() == {"accepted": 1}


def test_a_chunked_body_without_end_is_413_and_then_cut_off() -> None:
    with serving(limits=HttpLimits(linger=0.2)) as served, served.connect() as sock:
        sock.sendall(b"POST /alert HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        with pytest.raises(ConnectionError):  # noqa: PT012 - whichever of the many sends meets the closed door
            for _ in range(4_000):
                sock.sendall(chunk)
        assert send(served).status_code == 200


def test_a_chunked_body_without_end_gets_its_413(served: Served) -> None:
    with served.connect() as sock:
        sock.sendall(b"POST /alert HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(MAX_BODY // 65_536 + 1):
            sock.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        assert status_of(read_answer(sock)) == 413


def test_a_body_in_tiny_chunks_cannot_make_us_read_more_than_the_limit() -> None:
    with serving(limits=HttpLimits(message_bytes=100_000)) as served, served.connect() as sock:
        sock.sendall(b"POST /alert HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        tiny = b"1;" + b"e" * 1_000 + b"\r\n \r\n"
        with pytest.raises(ConnectionError):  # noqa: PT012
            for _ in range(100_000):
                sock.sendall(tiny)


def test_trailers_count_as_headers_and_over_64_kb_of_them_are_431(served: Served) -> None:
    head = b"POST /alert HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n0\r\n"
    assert status_of(served.ask(head + b"X: %s\r\n" % (b"y" * 1_000) * 100)) == 431
    assert served.recorder.deliveries == []


def test_a_content_length_that_says_less_than_is_sent_loses_nothing_for_others(served: Served) -> None:
    assert status_of(served.ask(post(length=10))) == 400
    assert send(served).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: -5",
        "Content-Length: five",
        "Content-Length: 99999999999999999999999",
        "Transfer-Encoding: chunked, identity",
        "Bad Header: x",
    ],
)
def test_framing_that_can_be_read_in_two_ways_is_refused_and_closed(served: Served, headers: str) -> None:
    with served.connect() as sock:
        sock.sendall(
            f"POST /alert HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n".encode()
            + b"5\r\nhello\r\n0\r\n\r\n"
        )
        assert status_of(read_answer(sock)) == 400
        assert is_closed(sock)
    assert served.recorder.deliveries == []


@pytest.mark.parametrize(
    "rubbish", [b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", b"\0" * 100, b"GET\r\n\r\n"]
)
def test_what_is_not_http_gets_400_without_a_traceback(served: Served, rubbish: bytes) -> None:
    answer = served.ask(rubbish)
    assert status_of(answer) == 400
    assert b"Traceback" not in answer


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 600_000,
        b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 12_000 + b"\r\n",
        b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["one header", "a header without end", "many headers", "the path"],
)
def test_headers_over_64_kb_are_431(served: Served, raw: bytes) -> None:
    assert status_of(served.ask(raw)) == 431


def test_a_webhook_followed_by_rubbish_still_gets_its_own_answer() -> None:
    with serving(Recorder(closed=True)) as served, served.connect() as sock:
        sock.sendall(post() + b"\0\0\0 rubbish \r\n\r\n")
        assert served.recorder.entered.wait(SOON)
        served.recorder.open()
        answer = read_answer(sock)
        assert status_of(answer) == 200
        assert b"connection: close" in answer
        assert is_closed(sock)


def test_two_webhooks_in_one_piece_are_both_answered(served: Served) -> None:
    with served.connect() as sock:
        sock.sendall(post() + post())
        answers = b""
        while answers.count(b'{"accepted": 1}') < 2:
            answers += sock.recv(65_536)
    assert len(served.recorder.deliveries) == 2


# Who may


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(name: str, password: str, encoding: str = "utf-8") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode(encoding)).decode()}


@pytest.mark.parametrize(
    "headers",
    [
        bearer(TOKEN),
        bearer(NEXT_TOKEN),
        {"Authorization": f"bearer  {TOKEN}"},
        basic("am", PASSWORD),
        basic("am", PASSWORD, "latin-1"),
    ],
    ids=["token", "next token", "lower case", "user", "user in latin-1"],
)
def test_every_valid_token_and_user_may_post(locked: Served, headers: dict[str, str]) -> None:
    for _ in range(2):
        assert send(locked, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(""),
        bearer(TOKEN + "x"),
        bearer(TOKEN[:-1]),
        bearer(f"{TOKEN} {NEXT_TOKEN}"),
        {"Authorization": TOKEN},
        {"Authorization": f"ApiKey {TOKEN}"},
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"am").decode()},
        basic("am", "wrong"),
        basic("nobody", PASSWORD),
        basic("", ""),
        basic("am", "x" * 2_000),
        basic("am", PASSWORD + "\0"),
    ],
)
def test_anybody_else_is_401_with_a_challenge_and_nothing_is_accepted(
    locked: Served, headers: dict[str, str]
) -> None:
    before = len(locked.recorder.deliveries)
    for _ in range(2):
        answer = send(locked, headers=headers)
        assert answer.status_code == 401
        assert "Bearer realm=" in answer.headers["WWW-Authenticate"]
        assert "Basic realm=" in answer.headers["WWW-Authenticate"]
    assert len(locked.recorder.deliveries) == before


def test_two_authorization_headers_are_401(locked: Served) -> None:
    line = f"Authorization: Bearer {TOKEN}"
    assert status_of(locked.ask(post(ONE_ALERT, line, line))) == 401
    assert status_of(locked.ask(post(ONE_ALERT, line))) == 200


def test_a_stranger_is_refused_before_the_body_is_read(locked: Served) -> None:
    assert status_of(locked.ask(post(b"", length=1_000))) == 401


def test_the_credentials_recorded_from_alertmanager_are_the_ones_of_these_tests(locked: Served) -> None:
    recorded = json.loads((PAYLOADS / "alertmanager/auth-basic/001.json").read_text())
    assert (
        send(locked, headers={"Authorization": dict(recorded["headers"])["Authorization"]}).status_code == 200
    )


def test_the_challenge_names_only_what_is_configured() -> None:
    assert (
        Gatekeeper(WebSettings(tokens=(Token(Secret("a")),)), NOBODY).challenge == 'Bearer realm="sms-notify"'
    )
    users = WebSettings(users=LOCKED.users)
    assert Gatekeeper(users, NOBODY).challenge == 'Basic realm="sms-notify", charset="UTF-8"'


def test_an_empty_token_in_the_configuration_opens_nothing() -> None:
    with serving(settings=WebSettings(port=0, tokens=(Token(Secret("")),))) as served:
        assert send(served, headers=bearer("")).status_code == 401


def test_metrics_ask_for_the_same_credentials_and_health_asks_for_none(locked: Served) -> None:
    assert get(locked, "/metrics").status_code == 401
    assert get(locked, "/metrics", headers=bearer(NEXT_TOKEN)).status_code == 200
    assert get(locked, "/-/healthy").status_code == 200
    assert get(locked, "/-/ready").status_code == 200
    assert get(locked, "/delivery/x").status_code == 200


# Metrics, health, call-back


def test_metrics_are_those_of_the_hook_in_the_form_that_was_asked_for(served: Served) -> None:
    answer = get(served, "/metrics", headers={"Accept": "application/openmetrics-text"})
    assert answer.text == "# asked for application/openmetrics-text\n"
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_metrics_that_fail_are_503_and_say_nothing(served: Served) -> None:
    served.recorder.fault = ValueError("s3cret")
    answer = get(served, "/metrics")
    assert answer.status_code == 503
    assert "s3cret" not in answer.text


def test_metrics_that_hang_are_503_and_hold_back_no_webhook() -> None:
    release = threading.Event()

    class Hanging(Recorder):
        def metrics(self, accept: str) -> tuple[bytes, str]:
            release.wait(SOON)
            return super().metrics(accept)

    with serving(Hanging(), patience=Patience(accept=SOON, probe=0.1)) as served:
        try:
            assert [get(served, "/metrics").status_code for _ in range(4)] == [503] * 4
            assert send(served).status_code == 200
        finally:
            release.set()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_is_ok(served: Served, method: str) -> None:
    answer = requests.request(method, served.url("/-/healthy"), timeout=SOON)
    assert (answer.status_code, answer.text) == (200, "OK" if method == "GET" else "")


def test_readiness_is_ok_without_reasons_and_503_with_them(served: Served) -> None:
    assert (get(served, "/-/ready").status_code, get(served, "/-/ready").text) == (200, "OK")
    served.recorder.reasons = ("the store is locked", "a sender has ended")
    answer = get(served, "/-/ready")
    assert (answer.status_code, answer.text) == (503, "the store is locked\na sender has ended")
    assert requests.head(served.url("/-/ready"), timeout=SOON).status_code == 503


def test_a_delivery_report_reaches_the_hook_with_its_token_and_parameters(served: Served) -> None:
    path = "/delivery/tok?smsid=12&datum=20261122134145&status=NOT+DELIVERED&referentie=a%C3%A9"
    answer = get(served, path)
    assert (answer.status_code, answer.text) == (200, "OK")
    expected = {"smsid": "12", "datum": "20261122134145", "status": "NOT DELIVERED", "referentie": "aé"}
    assert served.recorder.reports == [("tok", expected)]


@pytest.mark.parametrize(
    "query",
    [
        "smsid=1&smsid=2",
        "smsid=1&status=" + "x" * 8_000,
        "status=x&" + "&".join(f"p{n}=" for n in range(900)),
    ],
)
def test_a_call_back_with_too_much_is_answered_alike_and_not_passed_on(served: Served, query: str) -> None:
    answer = get(served, f"/delivery/tok?{query}")
    assert (answer.status_code, answer.text) == (200, "OK")
    assert served.recorder.reports == []


def test_a_very_long_token_is_answered_alike_and_not_passed_on(served: Served) -> None:
    assert get(served, "/delivery/" + "x" * 300).text == "OK"
    assert served.recorder.reports == []


@pytest.mark.parametrize("fault", [StoreError("locked"), ValueError("x")])
def test_a_call_back_that_could_not_be_recorded_is_answered_alike(served: Served, fault: Exception) -> None:
    served.recorder.fault = fault
    answer = get(served, "/delivery/tok?smsid=1")
    assert (answer.status_code, answer.text) == (200, "OK")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
def test_a_call_back_by_another_method_is_405(served: Served, method: str) -> None:
    answer = requests.request(method, served.url("/delivery/tok?smsid=1"), timeout=SOON)
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert served.recorder.reports == []


@pytest.mark.parametrize(
    "path", ["/", "/alerts/x/y", "/delivery", "/delivery/", "/delivery/a/b", "/metrics/", "/docs"]
)
def test_every_other_path_is_a_plain_404_and_never_a_redirect(served: Served, path: str) -> None:
    answer = get(served, path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_no_answer_tells_what_runs_here_or_may_be_kept(locked: Served) -> None:
    raws = [
        post(),
        post(ONE_ALERT, f"Authorization: Bearer {TOKEN}"),
        b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /alert HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"rubbish\r\n\r\n",
        b"GET /" + b"y" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ]
    answers = [locked.ask(raw).lower() for raw in raws]
    assert [status_of(answer.upper()) for answer in answers] == [401, 200, 200, 404, 405, 400, 431]
    for answer in answers:
        assert answer.count(b"\r\ncache-control: no-store\r\n") == 1
        assert answer.count(b"\r\nx-content-type-options: nosniff\r\n") == 1
        for word in (b"server:", b"uvicorn", b"starlette", b"python", b"location:"):
            assert word not in answer


def test_no_secret_and_no_traceback_is_in_any_answer_or_log(
    locked: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = [
        TOKEN,
        PASSWORD,
        "callback-t0ken",
        "p4yload",
        "Traceback",
        basic("am", PASSWORD)["Authorization"],
    ]
    body = ONE_ALERT.replace(b"HostDown", b"p4yload")
    answers = [
        send(locked, body, headers=bearer("callback-t0ken")),
        send(locked, b'{"p4yload" 1}', headers=bearer(TOKEN)),
    ]
    locked.recorder.fault = RuntimeError(f"{TOKEN} p4yload")
    try:
        answers += [
            send(locked, body, headers=basic("am", PASSWORD)),
            get(locked, "/delivery/callback-t0ken?smsid=1"),
        ]
        answers += [get(locked, "/metrics?x=p4yload", headers=bearer(NEXT_TOKEN)), get(locked, "/-/ready")]
    finally:
        locked.recorder.fault = None
    answers.append(get(locked, "/delivery/callback-t0ken/p4yload"))
    assert [answer.status_code for answer in answers] == [401, 400, 503, 200, 503, 503, 404]
    ours = [record for record in caplog.records if not record.name.startswith("urllib3")]
    assert sum("RuntimeError" in record.getMessage() for record in ours) == 4
    formatter = logging.Formatter()
    told = [formatter.format(record) for record in ours] + [
        f"{answer.headers} {answer.text}" for answer in answers
    ]
    assert not [(secret, text) for text in told for secret in secrets if secret in text]


# The server


def test_the_port_is_told_and_freed_again() -> None:
    with serving() as served:
        assert served.port > 0
        assert served.server.running
        port = served.port
    assert not served.server.running
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=SOON).close()


def test_a_port_in_use_is_told_with_its_address(served: Served) -> None:
    settings = WebSettings(port=served.port)
    second = WebServer(build(Recorder().hooks(), settings), settings)
    with pytest.raises(UsageError, match=f"127.0.0.1:{served.port}"):
        second.start()
    assert second.stop(1)


def test_a_server_that_was_never_started_can_be_stopped() -> None:
    assert WebServer(build(Recorder().hooks(), WebSettings()), WebSettings()).stop(1)


def test_a_request_under_way_is_answered_while_the_server_stops() -> None:
    with serving(Recorder(closed=True)) as served, ThreadPoolExecutor(2) as pool:
        answer = pool.submit(send, served)
        assert served.recorder.entered.wait(SOON)
        with served.connect() as idle:
            stopped = pool.submit(served.server.stop, SOON)
            assert is_closed(idle)
        served.recorder.open()
        assert answer.result(SOON).status_code == 200
        assert stopped.result(SOON)


def test_a_request_that_does_not_end_is_told_503_when_time_is_up() -> None:
    with serving(Recorder(closed=True)) as served, served.connect() as sock:
        sock.sendall(post())
        assert served.recorder.entered.wait(SOON)
        assert served.server.stop(0.1)
        assert status_of(read_answer(sock)) == 503


def test_the_server_leaves_the_signals_to_the_application() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with serving():
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_the_server_may_open_as_many_files_as_the_system_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard - 1, hard))
    try:
        with serving():
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", *kind, *names, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True, timeout=SOON)
    return cert, key


def test_a_webhook_over_tls_is_accepted(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    with serving(settings=WebSettings(port=0, tls_cert=str(cert), tls_key=str(key))) as served:
        assert send(served, verify=str(cert)).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            send(served)


def test_a_tls_handshake_that_stalls_is_cut_off(certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    settings = WebSettings(port=0, tls_cert=str(cert), tls_key=str(key))
    with serving(settings=settings, limits=HttpLimits(headers=0.3)) as served, served.connect() as sock:
        sock.sendall(b"\x16\x03\x01")
        assert is_closed(sock)
        assert send(served, verify=str(cert)).status_code == 200


def test_a_certificate_that_cannot_be_read_is_told_by_the_name_of_its_setting(tmp_path: Path) -> None:
    settings = WebSettings(port=0, tls_cert=str(tmp_path / "none.pem"), tls_key=str(tmp_path / "none.pem"))
    with pytest.raises(UsageError, match=r"web\.tls_cert"):
        WebServer(build(Recorder().hooks(), settings), settings).start()

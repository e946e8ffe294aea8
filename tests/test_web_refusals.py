"""A refused webhook leaves a trace: one line in the log that says what is wrong and what to do, and one count."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import requests
from pages_serving import site
from web_serving import ONE_ALERT, SOON, Recorder, Served, post, serving, status_of

from sms_notify.errors import StoreError
from sms_notify.logs import LineFormatter
from sms_notify.metrics import REFUSALS, WEBHOOKS, Metrics
from sms_notify.metrics import SOURCES as RECEIVED_FROM
from sms_notify.secret import Secret
from sms_notify.web.auth import Gatekeeper
from sms_notify.web.body import MAX_BODY
from sms_notify.web.guard import From, allowed_from
from sms_notify.web.guesses import Guesses
from sms_notify.web.http_limits import HttpLimits
from sms_notify.web.rarely import MAX_KINDS, Rarely
from sms_notify.web.refusals import SOURCE_OF, UNKNOWN, Refusals, shown_path, source_of
from sms_notify.web.roles import Token
from sms_notify.web.settings import WebSettings
from sms_notify.web.site import PageRoutes
from sms_notify.web.webhooks import SOURCES, Patience

TOKEN = "t0ken-canary"
LOCKED = WebSettings(port=0, tokens=(Token(Secret(TOKEN)),))
ADMITTED = f"Authorization: Bearer {TOKEN}"
Log = pytest.LogCaptureFixture


def lines(caplog: Log) -> list[str]:
    """What a person reads of it."""
    told = [one for one in caplog.records if one.name == "sms_notify.web.refusals"]
    assert {one.levelno for one in told} <= {logging.WARNING}
    return [LineFormatter().format(one) for one in told]


def wait_until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


REFUSED = {
    "not JSON": (
        post(b'{"alerts": [', ADMITTED),
        "alertmanager",
        400,
        ["not JSON", "line 1 column", "docs/reference/sources.md"],
    ),
    "no list": (post(b"{}", ADMITTED, path="/grafana"), "grafana", 400, ['no list \\"alerts\\"']),
    "no alert": (post(b"7", ADMITTED, path="/alerts/"), "alerts", 400, ["neither an alert nor a list"]),
    "no event": (post(b"{}", ADMITTED, path="/zabbix"), "zabbix", 400, ["no name, subject or message"]),
    "no token": (post(), "alertmanager", 401, ["web.webhook_tokens_file"]),
    "a wrong token": (
        post(ONE_ALERT, "Authorization: Bearer x", path="/alert"),
        "alertmanager",
        401,
        ["no valid"],
    ),
    "a browser": (
        post(ONE_ALERT, ADMITTED, "Origin: https://x.example"),
        "alertmanager",
        403,
        ["Origin", "web page"],
    ),
    "a browser's form": (
        post(ONE_ALERT, ADMITTED, "Sec-Fetch-Site: cross-site", "Accept: text/html", path="/zabbix"),
        "zabbix",
        403,
        ["web page"],
    ),
    "mistyped": (
        post(ONE_ALERT, ADMITTED, path="/alertmanagr"),
        UNKNOWN,
        404,
        ["path=/alertmanagr", "/alertmanager, "],
    ),
    "too deep": (
        post(ONE_ALERT, ADMITTED, path="/grafana/prod/eu"),
        "grafana",
        404,
        ["path=/grafana/…", "No webhook"],
    ),
    "no path": (post(ONE_ALERT, ADMITTED, path="/"), UNKNOWN, 404, ["path=/ "]),
    "the metrics": (post(ONE_ALERT, ADMITTED, path="/metrics"), UNKNOWN, 405, ["path=/metrics"]),
    "redirected": (b"GET /alertmanager HTTP/1.1\r\nHost: x\r\n\r\n", "alertmanager", 405, ["redirect"]),
    "PUT": (post(ONE_ALERT, ADMITTED).replace(b"POST", b"PUT", 1), "alertmanager", 405, ["POST"]),
    "too large": (post(b"", ADMITTED, length=MAX_BODY + 1), "alertmanager", 413, ["max_alerts"]),
    "compressed": (
        post(ONE_ALERT, ADMITTED, "Content-Encoding: gzip"),
        "alertmanager",
        415,
        ["without Content-Encoding"],
    ),
    # below the application
    "large headers": (
        post(ONE_ALERT, "X: " + "y" * 70_000, path="/grafana"),
        "grafana",
        431,
        ["fewer or shorter"],
    ),
    "framing": (
        post(ONE_ALERT, "Transfer-Encoding: chunked", path="/alert"),
        "alertmanager",
        400,
        ["RFC 9112"],
    ),
    "bad header": (b"POST /alerts HTTP/1.1\r\nBad Header: x\r\n\r\n", "alerts", 400, ["RFC 9112"]),
    "bad chunk": (
        b"POST /zabbix HTTP/1.1\r\nHost: x\r\n"
        + ADMITTED.encode()
        + b"\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "zabbix",
        400,
        ["RFC 9112"],
    ),
    "rubbish": (b"hello\r\n\r\n", UNKNOWN, 400, ["RFC 9112"]),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00", UNKNOWN, 400, ["this is TLS", "http://", "web.tls_cert"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_webhook_is_one_line_and_one_count(case: str, caplog: Log) -> None:
    raw, source, code, words = REFUSED[case]
    with serving(settings=LOCKED) as served:
        assert status_of(served.ask(raw)) == code
        assert served.recorder.refusals == [(source, str(code))]
        assert served.recorder.deliveries == []
    [line] = lines(caplog)
    for word in (f"source={source}", f"status={code}", "client=127.0.0.1", *words):
        assert word in line
    assert "WARNING a webhook was refused" in line
    assert TOKEN not in line
    assert len(line) < 700


def test_what_is_left_out_of_a_webhook_is_answered_logged_and_counted(caplog: Log) -> None:
    body = b'{"alerts": [{"labels": {"alertname": "A"}}, {"password": "s3cret" 1}, {"labels": 7}]}'
    with serving(settings=LOCKED) as served:
        answer = served.ask(post(body, ADMITTED))
        assert status_of(answer) == 200
        told = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert (told["accepted"], told["refused"]) == (1, 2)
        assert [reason.split(":")[0] for reason in told["reasons"]] == [
            "alert 2 is not JSON",
            "alerts[1].labels is not an object",
        ]
        assert served.recorder.refusals == [("alertmanager", "200")]
        assert [alert.labels["alertname"] for one in served.recorder.deliveries for alert in one.alerts] == [
            "A"
        ]
    [line] = lines(caplog)
    assert "a webhook was taken in part" in line
    assert "refused=2" in line
    assert "s3cret" not in line + str(told)


def test_a_body_that_stalls_is_told_of(caplog: Log) -> None:
    with serving(patience=Patience(body=0.1)) as served:
        assert status_of(served.ask(post(ONE_ALERT[:5], path="/alerts", length=99))) == 408
        assert served.recorder.refusals == [("alerts", "408")]
    assert "did not arrive within 0.1 s" in lines(caplog)[0]


def test_a_foreign_name_is_told_of(caplog: Log) -> None:
    with serving() as served:
        raw = post().replace(b"Host: localhost", b"Host: sms-notify:9601")
        assert status_of(served.ask(raw)) == 421
        assert served.recorder.refusals == [("alertmanager", "421")]
    assert "sms-notify:9601" in lines(caplog)[0]
    assert "web.external_url" in lines(caplog)[0]


def test_a_body_that_grows_too_large_while_it_is_read_is_told_of_once(caplog: Log) -> None:
    with serving(limits=HttpLimits(message_bytes=100_000, linger=0.2)) as served, served.connect() as sock:
        sock.sendall(b"POST /alert HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        tiny = b"1;" + b"e" * 1_000 + b"\r\n \r\n"
        with pytest.raises(ConnectionError):  # noqa: PT012 - whichever of the many sends meets the closed door
            for _ in range(100_000):
                sock.sendall(tiny)
        wait_until(lambda: bool(served.recorder.refusals))
        assert served.recorder.refusals == [("alertmanager", "413")]
    assert len(lines(caplog)) == 1


def test_what_still_comes_of_a_refused_body_is_not_told_of_again(caplog: Log) -> None:
    with serving(settings=LOCKED, limits=HttpLimits(message_bytes=100_000, linger=0.2)) as served:
        with served.connect() as sock:
            sock.sendall(post(b"", length=10_000_000))
            with pytest.raises(ConnectionError):  # noqa: PT012
                for _ in range(1_000):
                    sock.sendall(b" " * 65_536)
        assert served.recorder.refusals == [("alertmanager", "401")]
    assert len(lines(caplog)) == 1


def test_rubbish_after_a_webhook_is_not_held_against_it(caplog: Log) -> None:
    with serving() as served, served.connect() as sock:
        sock.sendall(post())
        assert b"accepted" in sock.recv(65_536)
        sock.sendall(b"\0 rubbish\r\n\r\n")
        assert b"400" in sock.recv(65_536)
        assert served.recorder.refusals == [(UNKNOWN, "400")]


QUIET = {
    "accepted": post(),
    "health": b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no such page": b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a person looks": b"GET /alertmanager HTTP/1.1\r\nHost: localhost\r\nAccept: text/html,*/*\r\n\r\n",
    "a call-back": post(path="/delivery/s3cret"),
    "large headers of a GET": b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: "
    + b"y" * 70_000
    + b"\r\n\r\n",
    "reload": post(path="/-/reload"),
}


@pytest.mark.parametrize("case", QUIET)
def test_what_is_no_refused_webhook_is_not_counted(case: str, caplog: Log) -> None:
    with serving() as served:
        served.ask(QUIET[case])
        assert served.recorder.refusals == []
    assert lines(caplog) == []


def test_our_own_problems_are_503_as_ever_and_no_refusal(caplog: Log) -> None:
    with serving(Recorder(fault=StoreError("the disk is full"))) as served:
        assert status_of(served.ask(post())) == 503
        assert served.recorder.refusals == []


def test_links_and_forms_that_are_refused_are_no_webhooks(tmp_path: Path, caplog: Log) -> None:
    with site(tmp_path) as pages:
        for path in ("/a/unknown", "/incidents/1", "/oncall", "/messages", "/messages/m1", "/configuration"):
            assert pages.ask("POST", path, auth=None).status_code in (401, 403, 404, 405)
        assert pages.served.recorder.refusals == []
        assert pages.ask("POST", "/nowhere", headers={"Accept": "text/html"}).status_code == 404
    assert "No webhook" in lines(caplog)[-1]


def test_every_page_but_the_first_is_known_for_none_of_a_webhook(tmp_path: Path) -> None:
    with site(tmp_path) as pages:
        guarded = Gatekeeper(LOCKED, Guesses(lambda: None))
        routes = PageRoutes(pages.people(), guarded, tuple, 1.0).routes()
    paths = {route.path for route in routes} - {"/"}
    assert {"/incidents", "/messages/{id}", "/configuration"} <= paths
    assert {path: source_of("POST", path) for path in paths} == dict.fromkeys(paths)
    forms = {route.path for route in routes if "POST" in (route.methods or ())}
    assert {path: allowed_from("POST", path.replace("{id}", "1")) for path in forms} == {
        path: From.ANYWHERE if path.startswith("/a/") else From.OUR_PAGES for path in forms
    }


# In the log


def test_repetitions_are_one_line_with_their_number(caplog: Log) -> None:
    with serving(every=0.3) as served:
        for _ in range(20):
            served.ask(post(b"{"))
        assert served.recorder.refusals == [("alertmanager", "400")] * 20
        wait_until(lambda: sum(getattr(one, "times", 1) for one in caplog.records) >= 20)
    assert len(lines(caplog)) < 20


def test_another_source_code_or_client_is_another_line(caplog: Log) -> None:
    async def refuse() -> None:
        refusals = Refusals(lambda *_: None)
        for source, code, client in (
            ("zabbix", 400, "a"),
            ("grafana", 400, "a"),
            ("zabbix", 401, "a"),
            ("zabbix", 400, "b"),
        ):
            for _ in range(3):
                refusals.refused(source, "/x", code, "why", client)

    asyncio.run(refuse())
    assert len(lines(caplog)) == 4


def test_a_flood_from_many_addresses_fills_neither_log_nor_memory(caplog: Log) -> None:
    rarely = Rarely(logging.getLogger("sms_notify.web.refusals"), 60)

    async def flood() -> None:
        for number in range(10_000):
            rarely.warn(number, "x", {"n": number})

    asyncio.run(flood())
    assert len(lines(caplog)) == MAX_KINDS + 1
    assert len(rarely._kinds) == MAX_KINDS + 1


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/alertmanager", "/alertmanager"),
        ("/alertmanager/", "/alertmanager"),
        ("/alertmanager/s3cret/x", "/alertmanager/…"),
        ("/alertmanagr", "/alertmanagr"),
        ("/api/v2/alerts", "/api/…"),
        ("/", "/"),
        ("", "/"),
        ("*", "/"),
        ("/\r\n2026 FORGED\u2028\x1b[31m", "/\\r\\n2026 FORGED\\u2028\\x1b[31m"),
        ("/" + "k" * 5_000, "/" + "k" * 20 + "…"),
    ],
)
def test_a_path_is_shown_as_far_as_it_helps_and_no_further(path: str, shown: str) -> None:
    assert shown_path(path) == shown


def test_nothing_that_a_stranger_sends_makes_a_second_line_or_a_second_field(caplog: Log) -> None:
    with serving() as served:
        served.ask(post(ONE_ALERT, path='/x%0Ay%20status=200%20"z'))
    [line] = lines(caplog)
    assert "\n" not in line
    assert 'path="/x\\ny status=200 \\"z"' in line


def test_no_secret_of_a_request_is_in_the_line(caplog: Log) -> None:
    basic = base64.b64encode(b"am:s3cret-canary").decode()
    with serving(settings=LOCKED) as served:
        served.ask(post(b'{"password": "b0dy-canary', ADMITTED, path="/alertmanager?token=qu3ry-canary"))
        served.ask(post(ONE_ALERT, f"Authorization: Basic {basic}", "Cookie: c00kie-canary"))
        served.ask(post(ONE_ALERT, path="/hook/p4th-canary"))
    told = "\n".join(lines(caplog))
    assert len(lines(caplog)) == 3
    for secret in ("canary", basic):
        assert secret not in told


# Which webhook it was


@pytest.mark.parametrize(
    ("method", "path", "accept", "source"),
    [
        *[("POST", path, "", SOURCE_OF[path.split("/")[1]]) for path in SOURCES],
        *[("POST", f"{path}/", "*/*", SOURCE_OF[path.split("/")[1]]) for path in SOURCES],
        ("GET", "/alert", "*/*", "alertmanager"),
        ("GET", "/alert", "text/html", None),
        ("GET", "/", "", None),
        ("OPTIONS", "/nowhere", "", None),
        ("POST", "/nowhere", "", UNKNOWN),
        ("POST", "/Alertmanager", "", UNKNOWN),
        ("PUT", "*", "", UNKNOWN),
        ("POST", "/messages", "", None),
        ("POST", "/configuration", "", None),
        ("POST", "/a/code", "", None),
        ("POST", "/delivery/x", "", None),
        ("POST", "/-/reload", "", None),
        ("POST", "/oncall", "", None),
    ],
)
def test_a_request_counts_for_the_source_that_it_was_meant_for(
    method: str, path: str, accept: str, source: str | None
) -> None:
    assert source_of(method, path, accept) == source


def test_every_label_is_there_from_the_start_and_a_source_is_called_as_elsewhere() -> None:
    assert set(SOURCE_OF.values()) < set(RECEIVED_FROM)
    assert {*SOURCE_OF.values(), UNKNOWN} == set(WEBHOOKS)
    assert {path.split("/")[1] for path in SOURCES} == set(SOURCE_OF)
    metrics = Metrics(["main"], "node")
    for source, code in product(WEBHOOKS, (*REFUSALS, "other")):
        labels = {"source": source, "code": code}
        assert metrics.registry.get_sample_value("sms_notify_webhook_refused_total", labels) == 0
    assert metrics.registry.get_sample_value("sms_notify_login_failures_total") == 0
    metrics.webhook_was_refused("zabbix", 401)
    metrics.webhook_was_refused("zabbix", 418)
    metrics.guessed()
    for code in ("401", "other"):
        told = {"source": "zabbix", "code": code}
        assert metrics.registry.get_sample_value("sms_notify_webhook_refused_total", told) == 1
    assert metrics.registry.get_sample_value("sms_notify_login_failures_total") == 1


def test_the_answer_at_a_mistyped_path_names_the_right_ones(tmp_path: Path) -> None:
    def answered(served: Served) -> str:
        return requests.post(served.url("/alertmanagr"), data=ONE_ALERT, timeout=SOON).text

    with serving() as served, site(tmp_path) as pages:
        for where in (served, pages.served):
            assert all(path in answered(where) for path in SOURCES)

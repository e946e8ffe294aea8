"""The client speaks the provider's parameters, one recipient a request, over real HTTP on loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_gateway_transport import BROKEN, Loopback, answers

from sms_notify.errors import UsageError
from sms_notify.gateways.base import Failed, Gateway, Report, ReportsBy, Submission
from sms_notify.gateways.sms1601.client import SmsGateway1601, delivery_token
from sms_notify.gateways.sms1601.settings import Gateway1601Settings, PasswordEncoding, TextEncoding
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason
from sms_notify.secret import Secret

PAGE = Submission("+32470000001", "CRIT db1 down", "m42.1")
SHA1_OF_ABC = "a9993e364706816aba3e25717850c26c9cd0d89d"  # FIPS 180-4, the first example


def account(url: str = "http://127.0.0.1:9/module/", **changes: object) -> Gateway1601Settings:
    values: dict[str, object] = {
        "name": "main",
        "username": "acme",
        "password": Secret("abc"),
        "sender": "ACME-Ops",
    }
    return Gateway1601Settings(url=url, **{**values, "timeout": 20.0, **changes})  # type: ignore[arg-type]


def client(server: Loopback, **changes: object) -> SmsGateway1601:
    return SmsGateway1601(account(server.url.removesuffix("gateway.php"), **changes), time.monotonic)


def asked(server: Loopback) -> tuple[str, list[tuple[str, str]]]:
    """Path and parameters of the one request, as the gateway decodes them."""
    server.close()
    (request,) = server.requests
    method, target, _ = request.split(b"\r\n", 1)[0].decode().split(" ")
    parts = urlsplit(target)
    coded = request.split(b"\r\n\r\n", 1)[1].decode() if method == "POST" else parts.query
    return parts.path, parse_qsl(coded, keep_blank_values=True, strict_parsing=True)


@pytest.fixture
def ok() -> Iterator[Loopback]:
    with Loopback(answers(b"OK 1234567")) as server:
        yield server


def test_the_client_is_a_gateway() -> None:
    gateway: Gateway = SmsGateway1601(account(), time.monotonic)
    assert gateway.name == "main"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_send_has_exactly_the_parameters_of_the_provider(ok: Loopback, method: str) -> None:
    outcome = client(ok, method=method).send(PAGE)
    assert (outcome.fate, outcome.smsid) == (Fate.SENT, "1234567")
    path, parameters = asked(ok)
    assert path == "/module/gateway.php"
    assert sorted(parameters) == [
        ("afzender", "ACME-Ops"),
        ("bericht", "CRIT db1 down"),
        ("delivery", "ja"),
        ("klantpwd", SHA1_OF_ABC),
        ("klantuser", "acme"),
        ("logging", "ja"),
        ("naar", "32470000001"),
        ("referentie", "m42.1"),
    ]


@pytest.mark.parametrize(
    ("changes", "submission", "name", "value"),
    [
        ({}, PAGE, "klantpwd", SHA1_OF_ABC),
        ({"password_encoding": PasswordEncoding.PLAIN}, PAGE, "klantpwd", "abc"),
        ({"logging": False}, PAGE, "logging", "nee"),
        ({"delivery_reports": ReportsBy.OFF}, PAGE, "delivery", None),
        ({"delivery_reports": ReportsBy.POLL}, PAGE, "delivery", "ja"),
        ({"sender": "+32470000000"}, PAGE, "afzender", "+32470000000"),
        ({}, Submission("+32470000001", "x", "r", long=True), "type", "long"),
        ({}, Submission("+32470000001", "x", "r", test=True), "test", "ja"),
        ({}, PAGE, "type", None),
        ({}, PAGE, "test", None),
        ({}, Submission("32470000001", "x", "r"), "naar", "32470000001"),
        ({}, Submission("+32470000001", "x", ""), "referentie", None),
    ],
)
def test_settings_and_submission_choose_the_optional_parameters(
    ok: Loopback, changes: dict[str, object], submission: Submission, name: str, value: str | None
) -> None:
    client(ok, **changes).send(submission)
    assert dict(asked(ok)[1]).get(name) == value


def test_a_blank_travels_as_percent_20_and_the_euro_sign_as_utf_8(ok: Loopback) -> None:
    client(ok).send(Submission("+32470000001", "5 € + é~/", "r"))
    ok.close()
    assert b"bericht=5%20%E2%82%AC%20%2B%20%C3%A9~%2F&" in ok.requests[0]


@pytest.mark.parametrize(
    "text",
    [
        "&naar=+31600000000",
        "a#b&klantuser=eve",
        "x\r\nHost: evil\r\n\r\n",
        "100% ?=;,+ %26naar%3D31",
        "nul\x00",
        "naar=1",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_text_adds_a_parameter_or_a_header(ok: Loopback, text: str, method: str) -> None:
    client(ok, method=method).send(Submission("+32470000001", text, "r"))
    _, parameters = asked(ok)
    assert [value for name, value in parameters if name == "naar"] == ["32470000001"]
    assert [value for name, value in parameters if name == "klantuser"] == ["acme"]
    assert dict(parameters)["bericht"] == text
    assert len(parameters) == 8
    assert b"evil" not in ok.requests[0].split(b"\r\n", 1)[1].split(b"\r\n\r\n")[0]


@given(text=st.text(max_size=160))
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_arrives_as_it_was(text: str) -> None:
    with Loopback(answers(b"OK")) as server:
        client(server).send(Submission("+32470000001", text, "r"))
    assert dict(asked(server)[1])["bericht"] == text.encode("utf-8", "replace").decode()


def test_a_lone_surrogate_costs_one_character_not_the_alert(ok: Loopback) -> None:
    assert client(ok).send(Submission("+32470000001", "db\ud800 down", "r")).fate is Fate.SENT
    assert dict(asked(ok)[1])["bericht"] == "db? down"


@pytest.mark.parametrize(
    "submission",
    [
        Submission("+32470000001,+31600000000", "x", "r"),
        Submission("groep", "x", "r"),
        Submission("", "x", "r"),
        Submission("+", "x", "r"),
        Submission("+3247000000٣", "x", "r"),
        Submission("32470000001\n", "x", "r"),
        Submission("+32470000001", "x", "r" * 76),
        Submission("+32470000001", "x", "a b"),
    ],
)
def test_what_the_gateway_could_misread_is_not_sent_at_all(ok: Loopback, submission: Submission) -> None:
    outcome = client(ok).send(submission)
    ok.close()
    assert (outcome.fate, outcome.reason) == (Fate.NOT_SENT, Reason.LOCAL)
    assert outcome.detail
    assert ok.connections == 0


def test_a_send_tells_how_long_it_took_by_the_clock_it_was_given(ok: Loopback) -> None:
    ticks = count(100.0, 2.5)
    gateway = SmsGateway1601(account(ok.url.removesuffix("gateway.php")), lambda: next(ticks))
    assert gateway.send(PAGE).seconds == 2.5


def test_a_refusal_carries_the_code_and_the_gateways_words() -> None:
    with Loopback(answers(b"ERROR 108 no credits")) as server:
        outcome = client(server).send(PAGE)
    assert (outcome.fate, outcome.code, outcome.detail) == (Fate.REFUSED, 108, "ERROR 108 no credits")


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("fault", BROKEN)
def test_a_send_that_breaks_is_unknown_and_the_gateway_saw_it_once(fault: str, method: str) -> None:
    behave, reason = BROKEN[fault]
    with Loopback(behave) as server:
        outcome = client(server, method=method).send(PAGE)
    assert (outcome.fate, outcome.reason) == (Fate.UNKNOWN, reason)
    assert server.connections == 1


def test_a_gateway_that_cannot_be_reached_is_not_sent() -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else can answer there
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/module/"
        outcome = SmsGateway1601(account(url), time.monotonic).send(PAGE)
    assert (outcome.fate, outcome.reason) == (Fate.NOT_SENT, Reason.CONNECT)


def test_credits_are_asked_with_the_account_and_come_as_a_number() -> None:
    with Loopback(answers(b"104\r\n")) as server:
        assert client(server).credits() == 104
    path, parameters = asked(server)
    assert path == "/module/gateway.php"
    assert parameters == [("klantuser", "acme"), ("klantpwd", SHA1_OF_ABC), ("action", "credits")]


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_report_is_asked_without_credentials_and_read_by_the_gateways_clock(method: str) -> None:
    with Loopback(answers(b"DELIVERED 01/07/2026 10:23:10")) as server:
        report = client(server, method=method).report("1234567")
    at = datetime(2026, 7, 1, 8, 23, 10, tzinfo=UTC)
    assert report == Report("1234567", DeliveryStatus.DELIVERED, at)
    assert server.requests[0].startswith(b"GET /module/gatewayrapport.php?")
    assert asked(server)[1] == [("smsid", "1234567"), ("datum", "ja")]


def test_another_timezone_of_the_gateway_is_obeyed() -> None:
    with Loopback(answers(b"DELIVERED 01/07/2026 10:00:00")) as server:
        report = client(server, timezone="UTC").report("1")
    assert isinstance(report, Report)
    assert report.at == datetime(2026, 7, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("fault", ["reset", "truncated body"])
def test_a_question_that_breaks_is_a_failure_and_no_number(fault: str) -> None:
    behave, reason = BROKEN[fault]
    with Loopback(behave) as server:
        answers_got = (client(server).credits(), client(server).report("1"))
    for failed in answers_got:
        assert isinstance(failed, Failed)
        assert (failed.fate, failed.reason) == (Fate.UNKNOWN, reason)


def test_the_delivery_token_is_url_safe_and_of_192_bits() -> None:
    token = delivery_token(account())
    assert len(token) == 32
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_every_node_derives_the_same_delivery_token_whatever_else_differs() -> None:
    assert delivery_token(account()) == delivery_token(
        account(url="https://other/", name="b", timeout=1.0, sender="X")
    )


@pytest.mark.parametrize("change", [{"password": Secret("abd")}, {"username": "acme2"}])
def test_another_account_has_another_delivery_token(change: dict[str, object]) -> None:
    assert delivery_token(account()) != delivery_token(account(**change))


def test_without_a_password_there_is_no_delivery_token_for_anybody_could_compute_it() -> None:
    with pytest.raises(UsageError, match="main"):
        delivery_token(account(password=Secret("")))


def test_an_outcome_of_ok_is_just_that(ok: Loopback) -> None:
    outcome = client(ok).send(PAGE)
    assert outcome == Outcome(Fate.SENT, Reason.OK, smsid="1234567", seconds=outcome.seconds)
    assert 0 < outcome.seconds < 20


@pytest.mark.parametrize(
    ("encoding", "bytes_of_text"),
    [
        ("utf-8", "caf%C3%A9%20%C3%BC%20%E2%82%AC%20%C3%98"),
        ("iso-8859-1", "caf%E9%20%FC%20EUR%20%D8"),
        ("ascii", "cafe%20u%20EUR%20%3F"),
    ],
)
def test_a_text_is_spelled_in_the_encoding_that_the_gateway_reads(
    ok: Loopback, encoding: str, bytes_of_text: str
) -> None:
    client(ok, text_encoding=TextEncoding(encoding)).send(Submission("+32470000001", "café ü € Ø", "r"))
    ok.close()
    (request,) = ok.requests
    assert f"={bytes_of_text}".encode() in request

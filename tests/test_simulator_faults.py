"""Faults on demand: what a client sees on the wire, and that the simulator stays honest about it."""

from __future__ import annotations

import gzip
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
import requests
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_bench import ALICE, BOB, NOON, PASSWORD, Client, Clock, read_all, receiving

from sms_notify.cli.simulator import simulator_command
from sms_notify.errors import UsageError
from sms_notify.secret import Secret
from sms_notify.simulator import api
from sms_notify.simulator.answers import handle
from sms_notify.simulator.broken import chunks
from sms_notify.simulator.faults import FaultKind, Faults, written
from sms_notify.simulator.gateway import GatewayState
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatedStatus, SimulatorSettings

WHOLE = b"OK 1000001"


@pytest.fixture
def client() -> Iterator[Client]:
    clock = Clock()
    with Simulator(SimulatorSettings(password=Secret(PASSWORD), credits=10), now=clock) as simulator:
        yield Client(simulator, clock)


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def is_silent(connection: socket.socket) -> bool:
    """Open, and nothing comes."""
    connection.settimeout(0.2)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    return False


# --- the answer suffers on its way back: the text was accepted


def test_a_late_answer_comes_late_but_its_text_is_accepted_at_once(client: Client) -> None:
    client.simulator.fault("latency", seconds=3600)
    with client.wire() as connection:
        client.simulator.wait_for_texts(1)
        assert is_silent(connection)


def test_a_late_answer_is_the_usual_one(client: Client) -> None:
    client.simulator.fault("latency", seconds=0.05)
    started = time.monotonic()
    assert client.send(delivery="ja") == WHOLE.decode()
    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize(
    ("where", "comes"),
    [
        ("before_headers", rb""),
        ("after_headers", rb"HTTP/1.1 200 OK\r\n.*\r\n\r\n"),
        ("in_body", rb".*OK 10"),
    ],
)
def test_a_hang_stops_where_it_was_told_and_keeps_the_connection_open(
    client: Client, where: str, comes: bytes
) -> None:
    client.simulator.fault("hang", where=where)
    with client.wire() as connection:
        client.simulator.wait_for_texts(1)
        came = b""
        while not re.fullmatch(comes, came, re.DOTALL):
            came += connection.recv(1)
        assert is_silent(connection)


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_drip_comes_byte_by_byte_and_is_the_whole_answer(client: Client, where: str) -> None:
    client.simulator.fault("drip", seconds=0.002, where=where, size=30)
    started = time.monotonic()
    came, ending = client.raw()
    assert (body_of(came), ending) == (WHOLE.ljust(30), "closed")
    assert time.monotonic() - started >= 0.002 * (30 if where == "body" else len(came))


def test_a_drip_waits_between_two_bytes(client: Client) -> None:
    client.simulator.fault("drip", seconds=3600)
    with client.wire() as connection:
        came = b""
        while not came.endswith(b"\r\n\r\nO"):
            came += connection.recv(1)
        assert is_silent(connection)


@pytest.mark.parametrize(("end", "seen"), [("close", "closed"), ("reset", "reset")])
@pytest.mark.parametrize(("kind", "accepted"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_connection_brings_no_byte_and_the_name_says_what_was_accepted(
    client: Client, kind: str, accepted: int, end: str, seen: str
) -> None:
    client.simulator.fault(kind, end=end)
    assert client.raw() == (b"", seen)
    assert len(client.simulator.texts()) == accepted
    [request] = client.simulator.requests()
    assert (request.ended, request.reached) == (f"{kind} {end}", accepted == 1)
    assert request.answer == ("OK 1000001" if accepted else "")
    client.simulator.clear_faults()
    assert client.account(action="credits") == str(10 - accepted)


@pytest.mark.parametrize(("keep", "left"), [(None, b"OK 10"), (2, b"OK"), (0, b""), (99, WHOLE)])
def test_a_truncated_answer_looks_whole(client: Client, keep: int | None, left: bytes) -> None:
    client.simulator.fault("truncated", **({} if keep is None else {"keep": keep}))
    came, ending = client.raw()
    assert (body_of(came), ending) == (left, "closed")
    assert b"content-length" not in came.lower()
    assert len(client.simulator.texts()) == 1


@pytest.mark.parametrize("extra", [10, -4])
def test_a_wrong_length_promises_other_than_what_comes(client: Client, extra: int) -> None:
    client.simulator.fault("wrong_length", extra=extra)
    came, ending = client.raw()
    assert (body_of(came), ending) == (WHOLE, "closed")
    assert f"Content-Length: {len(WHOLE) + extra}\r\n".encode() in came


def test_the_call_back_can_come_before_the_answer() -> None:
    with receiving() as (url, came), Simulator(SimulatorSettings(delivery_url=url)) as simulator:
        simulator.script(ALICE, [(0, "DELIVERED")])
        simulator.fault("callback_first")
        assert Client(simulator).send(delivery="ja", klantpwd="demo", referentie="r-1") == "OK 1000001"
        assert came.get_nowait()["referentie"] == "r-1"


def test_the_answer_waits_no_longer_than_told_for_a_call_back_that_never_comes(client: Client) -> None:
    client.simulator.fault("callback_first", seconds=0.01)
    assert client.send(delivery="ja") == "OK 1000001"


# --- something else answers: nothing was accepted


@pytest.mark.parametrize("words", ["Service unavailable", "OK 1234567", "<b>&"])
def test_a_page_of_html_is_answered_with_status_200(client: Client, words: str) -> None:
    client.simulator.fault("html", body=words)
    answer = client.send()
    assert answer.startswith("<!doctype html>")
    assert words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in answer
    assert client.simulator.texts() == []


def test_an_empty_answer_is_empty(client: Client) -> None:
    client.simulator.fault("empty")
    assert client.send() == ""


def test_garbage_is_the_same_garbage_again_for_the_same_seed(client: Client) -> None:
    for seed in (1, 1, 2):
        client.simulator.fault("garbage", size=300, seed=seed, count=1)
    one, same, other = (body_of(client.raw()[0]) for _ in range(3))
    assert len(one) == len(other) == 300
    assert one == same != other


def test_garbage_can_be_no_http_at_all(client: Client) -> None:
    client.simulator.fault("garbage", where="head", size=64)
    came, ending = client.raw()
    assert (len(came), ending) == (64, "closed")
    assert not came.startswith(b"HTTP")


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (500, b"HTTP/1.1 500 Internal Server Error"),
        (204, b"HTTP/1.1 204 No Content"),
        (999, b"HTTP/1.1 999 Unheard Of"),
    ],
)
def test_any_http_status_can_be_answered(client: Client, status: int, line: bytes) -> None:
    client.simulator.fault("status", status=status, body="" if status == 204 else "gone for lunch")
    came, _ = client.raw()
    assert came.splitlines()[0] == line
    assert body_of(came) == (b"" if status == 204 else b"gone for lunch")


def test_a_redirect_leads_where_it_was_told(client: Client) -> None:
    client.simulator.fault("redirect", location="http://127.0.0.1:9/elsewhere", status=307)
    came, _ = client.raw()
    assert came.startswith(b"HTTP/1.1 307 ")
    assert b"\r\nLocation: http://127.0.0.1:9/elsewhere\r\n" in came


@pytest.mark.parametrize(
    ("style", "answer"),
    [("spaced", "ERROR 116"), ("colon", "ERROR: 116"), ("bare", "116"), (None, "ERROR 116")],
)
def test_an_error_can_be_had_in_any_style(client: Client, style: str | None, answer: str) -> None:
    client.simulator.fault("error", code=116, style=style)
    assert client.send() == answer
    assert client.simulator.requests()[0].code == 116
    assert client.simulator.state.refusals[-1].code == 116


def test_a_huge_body_has_the_size_that_was_asked_for(client: Client) -> None:
    client.simulator.fault("huge", size=3_000_000, body="OK 7654321\n")
    came, ending = client.raw()
    assert (len(body_of(came)), ending) == (3_000_000, "closed")
    assert body_of(came).startswith(b"OK 7654321\nxxx")


def test_a_client_that_leaves_an_endless_body_costs_the_others_nothing(client: Client) -> None:
    client.simulator.fault("huge", size=1 << 40, count=1)
    with client.wire() as connection:
        assert connection.recv(1 << 16)
        assert client.send() == "OK"
    assert client.send() == "OK"


@pytest.mark.parametrize("size", [0, 5, 32 * (1 << 20) + 5])
def test_a_gzip_bomb_is_small_on_the_wire_and_large_when_unpacked(client: Client, size: int) -> None:
    client.simulator.fault("gzip_bomb", size=size)
    came, _ = client.raw()
    assert b"Content-Encoding: gzip" in came
    assert len(came) < 500 + size / 500
    assert gzip.decompress(body_of(came)) == b" " * size


@pytest.mark.parametrize("kind", list(FaultKind))
def test_what_was_accepted_is_a_text_and_every_request_is_counted(client: Client, kind: FaultKind) -> None:
    client.simulator.fault(kind, count=1)
    with client.wire():
        assert client.simulator.wait_for(lambda state: state.request_count == 1, 10)
    assert len(client.simulator.texts()) == kind.accepts
    [request] = client.simulator.requests()
    assert request.ended.split()[0] == kind
    assert request.reached == kind.accepts
    assert client.send() == "OK"
    assert client.simulator.requests()[-1].ended == "answered"


def test_a_fault_of_the_way_back_can_be_told_to_accept_nothing_and_the_other_way_round(
    client: Client,
) -> None:
    client.simulator.fault("html", accepts=True, count=1)
    client.simulator.fault("truncated", accepts=False, count=1)
    client.send()
    client.send()
    assert [request.reached for request in client.simulator.requests()] == [True, False]
    assert len(client.simulator.texts()) == 1


# --- which requests, and how often

ASKED = {
    "sends": {"naar": ALICE, "afzender": "x", "bericht": "x"},
    "credits": {"action": "credits"},
    "reports": {"action": "rapport", "aantal": "1"},
    "outbox": {"action": "verwijderoutbox"},
}


@pytest.mark.parametrize("scope", [*ASKED, "all"])
def test_a_fault_breaks_the_requests_of_its_scope_and_no_others(client: Client, scope: str) -> None:
    client.simulator.fault("html", scope=scope)
    broken = {name for name, params in ASKED.items() if client.account(**params).startswith("<")}
    assert broken == (set(ASKED) if scope == "all" else {scope})
    report = client.ask("gatewayrapport.php", smsid="7")
    assert report.startswith("<") == (scope in ("reports", "all"))


def test_a_fault_can_be_for_one_number(client: Client) -> None:
    client.simulator.fault("empty", number="+32 470 00 00 01")
    assert client.send(naar=BOB) == "OK"
    assert client.send(naar=f"{BOB},{ALICE}") == ""
    assert client.account(action="credits") == "9"


def test_a_counted_fault_is_gone_after_its_last_request_and_the_next_one_takes_over(client: Client) -> None:
    client.simulator.fault("empty", count=2, scope="sends")
    client.simulator.fault("error", code=120, count=1)
    assert [client.send() for _ in range(4)] == ["", "", "ERROR 120", "OK"]
    assert client.simulator.faults() == []


def test_dice_fall_the_same_way_for_the_same_seed() -> None:
    def pattern(seed: int) -> list[bool]:
        faults = Faults()
        faults.add(api.fault({"kind": "empty", "probability": 0.3, "seed": seed}))
        return [faults.take("gateway.php", {}) is not None for _ in range(1000)]

    assert pattern(1) == pattern(1) != pattern(2)
    assert 230 < sum(pattern(1)) < 370


def test_stopping_cuts_off_whoever_hangs() -> None:
    simulator = Simulator(SimulatorSettings(password=Secret(PASSWORD)))
    simulator.start()
    client = Client(simulator)
    simulator.fault("hang", count=1)
    simulator.fault("latency", seconds=3600, count=1)
    simulator.fault("callback_first", seconds=3600, count=1)
    wires = []
    for count in (1, 2, 3):
        wires.append(client.wire())
        simulator.wait_for_texts(count)
    stopping = threading.Thread(target=simulator.stop)
    stopping.start()
    stopping.join(30)
    assert not stopping.is_alive()
    for wire in wires:
        with wire:
            read_all(wire)


# --- the control API


def test_faults_are_armed_listed_and_removed_by_the_control_api(client: Client) -> None:
    answer = client.post("/api/faults", {"kind": "latency", "seconds": 0, "scope": "sends", "count": 3})
    assert answer.status_code == 201
    client.post("/api/faults", {"kind": "error", "code": 108, "style": "bare"})
    client.send()
    first, second = client.get("/api/faults").json()
    assert (first["id"], first["kind"], first["seconds"], first["left"], first["hits"]) == (
        "1",
        "latency",
        0,
        2,
        1,
    )
    assert (second["code"], second["style"], second["left"]) == (108, "bare", None)
    url = client.simulator.base_url + "/api/faults"
    with requests.delete(url, params={"id": "1"}, timeout=10) as left:
        assert [fault["id"] for fault in left.json()] == ["2"]
    with requests.delete(url, params={"id": "1"}, timeout=10) as gone:
        assert (gone.status_code, gone.json()["error"][:19]) == (400, "there is no fault 1")
    with requests.delete(url, timeout=10) as none:
        assert none.json() == []
    assert client.send() == "OK"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "kind '' is not known; known are latency, hang,"),
        ({"kind": "explode"}, "kind 'explode' is not known"),
        ({"kind": "html", "secs": 3}, "secs cannot be set for html; known are body, scope"),
        ({"kind": "latency", "second": 3}, "did you mean seconds?"),
        ({"kind": "latency", "seconds": -1}, "seconds must be"),
        ({"kind": "latency", "seconds": "soon"}, "seconds:"),
        ({"kind": "hang", "where": "head"}, "where must be one of before_headers, after_headers, in_body"),
        ({"kind": "drip", "where": "in_body"}, "where must be one of head, body"),
        ({"kind": "empty", "count": 0}, "count must be above 0"),
        ({"kind": "empty", "probability": 0}, "probability must be above 0"),
        ({"kind": "empty", "number": "alice"}, "number must be digits"),
        ({"kind": "status", "status": 101}, "status must be 200 to 999"),
        ({"kind": "huge", "size": 1 << 41}, "size must be"),
        ({"kind": "redirect", "location": "/x\r\nSet-Cookie: a=b"}, "location must be"),
        ({"kind": "error", "code": 99}, "code:"),
        ({"kind": "error", "accepts": True}, "accepts must be false"),
        ({"kind": "drop_before", "accepts": True}, "accepts must be false"),
        ({"kind": "drop_after", "accepts": False}, "accepts must be true"),
        ([], "send one JSON object"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_and_arms_nothing(
    client: Client, body: object, says: str
) -> None:
    answer = client.post("/api/faults", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert client.simulator.faults() == []


@pytest.mark.parametrize("path", ["/api/faults", "/api/scripts", "/api/callbacks"])
def test_the_control_api_takes_json_only_so_that_no_strange_page_can_post(client: Client, path: str) -> None:
    with requests.post(client.simulator.base_url + path, data='{"kind": "empty"}', timeout=10) as answer:
        assert answer.status_code == 415
    assert client.simulator.faults() == []


# --- the page's forms, as a browser without script posts them


class Forms(HTMLParser):
    """The hidden token, the options and the remove buttons of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.token, self.options, self.removes = "", [""], [""]
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if told.get("name") == "token":
            self.token = told["value"] or ""
        if tag == "option" and "value" in told:
            self.options.append(told["value"] or "")
        if told.get("name") == "remove":
            self.removes.append(told["value"] or "")


def submit(client: Client, **fields: str) -> requests.Response:
    token = Forms(client.get("/").text).token
    empty = {"scope": "all", "count": "", "value": "", "number": ""}
    with requests.post(
        client.simulator.base_url + "/faults",
        data={"token": token, **empty, **fields},
        timeout=10,
        allow_redirects=False,
    ) as answer:
        return answer


def test_the_page_arms_and_removes_faults_without_script(client: Client) -> None:
    answer = submit(client, kind="error", value="115", scope="sends", count="2", number=ALICE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/#faults")
    page = client.get("/").text
    assert "error 115 · sends to 32470000001 · next 2" in page
    assert "Faults on demand: error code (sends)" in page
    assert client.send() == "ERROR 115"
    assert "1 broken" in client.get("/").text
    [_, fault_id] = Forms(page).removes
    assert submit(client, remove=fault_id).status_code == 303
    assert client.send() == "OK"


def test_every_kind_can_be_armed_on_the_page_with_its_usual_value(client: Client) -> None:
    kinds = set(Forms(client.get("/").text).options) - {""}
    assert kinds == {kind.value for kind in FaultKind}
    for kind in kinds:
        assert submit(client, kind=kind).status_code == 303
    assert len(client.simulator.faults()) == len(kinds)
    assert submit(client, remove="all").status_code == 303
    assert client.simulator.faults() == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"kind": "latency", "value": "<soon>"}, "seconds: Input should be a valid number"),
        ({"kind": "empty", "value": "3"}, "empty takes no value"),
        ({"kind": "<b>"}, "kind &#39;&lt;b&gt;&#39; is not known"),
        ({"remove": "7"}, "there is no fault 7"),
    ],
)
def test_a_form_that_makes_no_sense_brings_the_page_back_with_the_reason(
    client: Client, fields: dict[str, str], says: str
) -> None:
    answer = submit(client, **fields)
    assert answer.status_code == 400
    assert says in answer.text
    assert client.simulator.faults() == []


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_a_form_of_a_strange_page_arms_nothing(client: Client, token: str) -> None:
    assert submit(client, kind="empty", token=token).status_code == 403
    assert client.simulator.faults() == []


# --- the command


def test_the_command_starts_with_faults_and_prints_where_they_are_controlled() -> None:
    code = "from sms_notify.cli.simulator import simulator_command as c; c()"
    command = [sys.executable, "-c", code, "--listen", "127.0.0.1:0", "--fault", "status:503,count=1"]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        lines = dict(process.stdout.readline().split(maxsplit=1) for _ in range(4))
        try:
            with requests.get(lines["control:"].strip() + "faults", timeout=10) as answer:
                assert [fault["status"] for fault in answer.json()] == [503]
            with requests.get(lines["gateway:"].strip() + "gateway.php", timeout=10) as answer:
                assert answer.status_code == 503
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize("fault", ["explode", "latency:soon", "empty:1", "hang:in_body,scop=sends", ""])
def test_the_command_says_what_is_wrong_with_a_fault(fault: str) -> None:
    error = CliRunner().invoke(simulator_command, ["--fault", fault]).exception
    assert isinstance(error, UsageError)
    assert f"--fault {fault}: " in str(error)


def test_a_written_fault_is_a_kind_its_main_value_and_other_fields() -> None:
    assert written("html") == {"kind": "html"}
    assert written("latency:5") == {"kind": "latency", "seconds": "5"}
    assert written("html:OK, or not,count=2,scope=sends") == {
        "kind": "html",
        "body": "OK, or not",
        "count": "2",
        "scope": "sends",
    }
    assert written("redirect:http://x:1/a") == {"kind": "redirect", "location": "http://x:1/a"}


# --- by themselves


@settings(max_examples=100, deadline=None)
@given(
    armed=st.lists(st.tuples(st.sampled_from(FaultKind), st.integers(1, 3), st.floats(0.1, 1)), max_size=6),
    sends=st.lists(st.sampled_from(["x", "", "y" * 200]), max_size=12),
)
def test_whatever_is_broken_texts_credits_and_requests_agree(
    armed: list[tuple[FaultKind, int, float]], sends: list[str]
) -> None:
    state, faults = GatewayState(SimulatorSettings(credits=8)), Faults()
    for kind, count, probability in armed:
        faults.add(api.fault({"kind": kind, "count": count, "probability": probability}))
    base = {"klantuser": "demo", "klantpwd": "demo", "naar": ALICE, "afzender": "x"}
    for text in sends:
        params = {**base, "bericht": text}
        handle(state, params, NOON, fault=faults.take("gateway.php", params))
    taken = [request for request in state.requests() if request.reached and request.code is None]
    assert len(state.requests()) == len(sends)
    assert len(state.texts()) == len(taken) == 8 - state.credits
    assert all(text.status is SimulatedStatus.SUBMITTED for text in state.texts())


@settings(max_examples=60, deadline=None)
@given(answer=st.text(max_size=40), kind=st.sampled_from(["drip", "wrong_length", "hang"]))
def test_a_fault_of_the_way_back_changes_no_byte_of_what_it_lets_through(answer: str, kind: str) -> None:
    where = {"where": "in_body"} if kind == "hang" else {}
    came = b"".join(chunks(api.fault({"kind": kind, **where}), answer))
    assert answer.encode().startswith(body_of(came))

"""The simulated gateway, as a client sees it: over real HTTP, on a clock that the tests move."""

from __future__ import annotations

import hashlib
import itertools
import os
import queue
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import orjson
import pytest
import requests
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from simulator_bench import ALICE, BOB, NOON, PASSWORD, Client, Clock, receiving

from sms_notify.cli.simulator import simulator_command
from sms_notify.config.values import Sender
from sms_notify.errors import UsageError
from sms_notify.secret import Secret
from sms_notify.simulator.answers import handle
from sms_notify.simulator.checks import sender_fault
from sms_notify.simulator.codes import Code, ErrorStyle
from sms_notify.simulator.gateway import GatewayState
from sms_notify.simulator.page import pieces, pretty_number
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatedStatus, SimulatorSettings


@pytest.fixture
def client() -> Iterator[Client]:
    clock = Clock()
    with Simulator(SimulatorSettings(password=Secret(PASSWORD), credits=10), now=clock) as simulator:
        yield Client(simulator, clock)


@pytest.fixture(scope="module")
def refusing() -> Iterator[Client]:
    """One simulator for all the tests that end with nothing changed."""
    clock = Clock()
    with Simulator(
        SimulatorSettings(password=Secret(PASSWORD), credits=10, groups={"empty": ()}), now=clock
    ) as simulator:
        yield Client(simulator, clock)


@pytest.fixture
def receiver() -> Iterator[tuple[str, queue.Queue[dict[str, str]]]]:
    with receiving() as receiver:
        yield receiver


# --- sending


def test_a_plain_send_answers_ok_alone_and_arrives(client: Client) -> None:
    assert client.send(bericht="Größe: 5 €", referentie="r-1") == "OK"
    [text] = client.simulator.wait_for_texts(1)
    assert (text.number, text.text, text.reference, text.parts, text.at) == (
        ALICE,
        "Größe: 5 €",
        "r-1",
        1,
        NOON,
    )


def test_delivery_ja_answers_the_smsid_of_the_text(client: Client) -> None:
    answer = client.send(delivery="ja")
    assert re.fullmatch(r"OK [0-9]{7}", answer)
    assert answer == f"OK {client.simulator.texts()[0].smsid}"


def test_several_numbers_are_several_texts_with_ids_of_their_own(client: Client) -> None:
    assert client.send(naar=f"{ALICE},{BOB}", delivery="ja") == "OK 1000001"
    assert [(t.number, t.smsid) for t in client.simulator.texts()] == [(ALICE, "1000001"), (BOB, "1000002")]


def test_a_form_posted_is_as_good_as_a_query(client: Client) -> None:
    params = {
        "klantuser": "demo",
        "klantpwd": PASSWORD,
        "naar": ALICE,
        "afzender": "x",
        "bericht": "a&b=c+d é",
    }
    assert client.ask(post=True, **params) == "OK"
    assert client.simulator.texts()[0].text == "a&b=c+d é"
    assert client.simulator.requests()[0].method == "POST"


@pytest.mark.parametrize("encode", [str.lower, str.upper])
def test_the_password_may_be_its_sha1_in_hex(client: Client, encode: type[str]) -> None:
    assert (
        client.account(
            action="credits",
            klantpwd=encode(hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).hexdigest()),
        )
        == "10"
    )


def test_a_reference_is_cut_at_75_characters(client: Client) -> None:
    client.send(referentie="r" * 76)
    assert client.simulator.texts()[0].reference == "r" * 75


# --- credits


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("x" * 459, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("世" * 160, 1),
    ],
)
def test_a_text_costs_one_credit_a_part(client: Client, text: str, parts: int) -> None:
    assert client.send(bericht=text, type="long") == "OK"
    assert client.simulator.texts()[0].parts == parts
    assert client.account(action="credits") == str(10 - parts)


def test_every_recipient_costs_credits(client: Client) -> None:
    client.send(naar=f"{ALICE},{BOB}", bericht="x" * 200, type="long")
    assert client.account(action="credits") == "6"


def test_the_last_credit_can_be_spent_and_no_more(client: Client) -> None:
    client.simulator.change(credits=1)
    assert client.send(naar=f"{ALICE},{BOB}") == "ERROR 108"
    assert client.send() == "OK"
    assert client.send() == "ERROR 108"
    assert client.account(action="credits") == "0"
    assert len(client.simulator.texts()) == 1


def test_test_ja_makes_every_check_but_sends_and_costs_nothing(client: Client) -> None:
    assert client.send(test="ja", delivery="ja") == "OK"
    assert client.send(test="ja", bericht="") == "ERROR 102"
    client.simulator.change(credits=0)
    assert client.send(test="ja") == "ERROR 108"
    assert client.simulator.texts() == []


# --- refusals

REFUSALS: list[tuple[int, dict[str, str]]] = [
    (100, {"klantuser": ""}),
    (101, {"klantpwd": ""}),
    (102, {"bericht": ""}),
    (102, {"bericht": " \n"}),
    (103, {"naar": ""}),
    (104, {"klantpwd": "wrong"}),
    (104, {"klantuser": "somebody"}),
    (105, {"bericht": "x" * 161}),
    (105, {"bericht": "€" * 81}),
    (106, {"naar": "+32470000001"}),
    (106, {"naar": "0470000001"}),
    (106, {"naar": "3247000"}),
    (106, {"naar": "3" * 16}),
    (106, {"naar": f"{ALICE},"}),
    (106, {"naar": "٣٢٤٧٠٠٠٠٠٠١"}),
    (109, {"afzender": ""}),
    (110, {"afzender": "32470000000"}),
    (111, {"afzender": "thirteen-char"}),
    (113, {"afzender": "ACME_Ops!"}),
    (118, {"bericht": "x" * 460, "type": "long"}),
    (118, {"bericht": "€" * 229, "type": "long"}),
    (121, {"datum": "202603021300"}),
    (121, {"datum": "202602301200"}),
    (121, {"datum": "202603291430x"}),
    (121, {"datum": "202603290230"}),
    (122, {"action": "verwijderbericht", "id": "501"}),
    (122, {"action": "verwijderbericht"}),
    (122, {"action": "verwijderoutbox"}),
    (123, {"action": "rapport"}),
    (124, {"action": "rapport", "aantal": "many"}),
    (124, {"action": "rapport", "aantal": "0"}),
    (125, {"naar": "groep", "groep": "nobody knows"}),
    (126, {"naar": "groep", "groep": "empty"}),
]


@pytest.mark.parametrize(("code", "params"), REFUSALS)
def test_what_the_seed_forbids_is_refused_with_its_code(
    refusing: Client, code: int, params: dict[str, str]
) -> None:
    assert refusing.send(**params) == f"ERROR {code}"
    assert refusing.simulator.requests()[-1].code == code
    assert refusing.account(action="credits") == "10"
    assert refusing.simulator.texts() == []


@pytest.mark.parametrize(
    ("code", "change", "params"),
    [
        (107, {"countries": {"7": 107}}, {"naar": "79161234567"}),
        (112, {"countries": {"995": 112}}, {"naar": "99512345678"}),
        (114, {"countries": {"3": 107, "32": 114}}, {}),
        (115, {"blocked": 115}, {}),
        (116, {"blocked": 116}, {}),
        (117, {"forbidden_senders": ["ACME-Ops"]}, {}),
        (119, {"countries_without_long": ["32"]}, {"bericht": "x" * 161, "type": "long"}),
        (120, {"force_error": 120}, {}),
        (150, {"maintenance": True}, {}),
    ],
)
def test_a_refusal_on_demand_comes_when_set_and_goes_when_unset(
    client: Client, code: int, change: dict[str, object], params: dict[str, str]
) -> None:
    before = client.simulator.settings
    with requests.post(client.simulator.base_url + "/api/settings", json=change, timeout=10) as answer:
        assert answer.status_code == 200
    assert client.send(**params) == f"ERROR {code}"
    client.simulator.change(**{name: getattr(before, name) for name in change})
    assert client.send(**params) == "OK"


def test_every_code_of_the_seed_is_among_these_tests() -> None:
    on_demand = {107, 108, 112, 114, 115, 116, 117, 119, 120, 150}
    assert {code for code, _ in REFUSALS} | on_demand == {code.value for code in Code}


def test_checks_go_from_credentials_over_account_sender_number_and_text_to_credits(client: Client) -> None:
    client.simulator.change(blocked=116, credits=0)
    wrong = {"klantpwd": "wrong", "afzender": "", "naar": "", "bericht": ""}
    assert client.send(**wrong) == "ERROR 104"
    del wrong["klantpwd"]
    assert client.send(**wrong) == "ERROR 116"
    client.simulator.change(blocked=None)
    for code, repaired in ((109, "afzender"), (103, "naar"), (102, "bericht")):
        assert client.send(**wrong) == f"ERROR {code}"
        del wrong[repaired]
    assert client.send(**wrong) == "ERROR 108"


@pytest.mark.parametrize(
    ("style", "written"), [("spaced", "ERROR 104"), ("colon", "ERROR: 104"), ("bare", "104")]
)
def test_the_way_errors_are_written_can_be_set(client: Client, style: str, written: str) -> None:
    client.simulator.change(error_style=ErrorStyle(style))
    assert client.send(klantpwd="wrong") == written


def test_a_group_is_texted_member_by_member(client: Client) -> None:
    client.simulator.change(groups={"ops": (ALICE, BOB)})
    assert client.send(naar="groep", groep="ops") == "OK"
    assert [text.number for text in client.simulator.texts()] == [ALICE, BOB]


# --- delivery


def test_a_report_moves_with_time_from_submitted_over_buffered_to_delivered(client: Client) -> None:
    client.send(delivery="ja")
    assert client.ask("gatewayrapport.php", smsid="1000001") == "SUBMITTED"
    client.clock.pass_seconds(0.3)
    assert client.ask("gatewayrapport.php", smsid="1000001") == "BUFFERED"
    client.clock.pass_seconds(0.6)
    assert client.ask("gatewayrapport.php", smsid="1000001") == "BUFFERED"
    client.clock.pass_seconds(0.1)
    assert client.ask("gatewayrapport.php", smsid="1000001") == "DELIVERED"
    assert client.ask("gatewayrapport.php", smsid="1000001", datum="ja") == "DELIVERED 02/03/2026 13:00:01"


@pytest.mark.parametrize("final", ["NOT DELIVERED", "REJECTED", "BUFFERED", "SUBMITTED"])
def test_the_end_of_a_number_decides_how_its_texts_end(client: Client, final: str) -> None:
    client.simulator.change(finals={"01": SimulatedStatus(final), "1": SimulatedStatus.DELIVERED})
    client.send(delivery="ja")
    client.later(3600)
    assert client.ask("gatewayrapport.php", smsid="1000001") == final


def test_a_text_sent_without_delivery_ja_has_no_report(client: Client) -> None:
    client.send()
    client.later(60)
    assert client.ask("gatewayrapport.php", smsid="1000001") == "NONE"


@pytest.mark.parametrize(("params", "code"), [({}, 123), ({"smsid": ""}, 123), ({"smsid": "7"}, 124)])
def test_a_report_needs_a_known_number(refusing: Client, params: dict[str, str], code: int) -> None:
    assert refusing.ask("gatewayrapport.php", **params) == f"ERROR {code}"


def test_the_last_reports_come_one_a_line_the_newest_last(client: Client) -> None:
    for reference in ("a", "b", "c"):
        client.send(delivery="ja", referentie=reference)
    client.later(1)
    lines = client.account(action="rapport", aantal="2").splitlines()
    assert lines == ["1000002 DELIVERED 02/03/2026 13:00:01 b", "1000003 DELIVERED 02/03/2026 13:00:01 c"]


def test_each_change_is_posted_back_in_order_on_the_clock_of_the_gateway(
    client: Client, receiver: tuple[str, queue.Queue[dict[str, str]]]
) -> None:
    url, came = receiver
    client.simulator.change(delivery_url=url)
    client.send(delivery="ja", referentie="ref 1&2")
    client.later(1)
    same = {"smsid": "1000001", "referentie": "ref 1&2"}
    assert came.get(timeout=10) == {**same, "status": "BUFFERED", "datum": "20260302130000"}
    assert came.get(timeout=10) == {**same, "status": "DELIVERED", "datum": "20260302130001"}
    assert client.simulator.wait_for(lambda state: len(state.callbacks) == 2, 10)
    assert all(callback.ok for callback in client.simulator.state.callbacks)


def test_a_text_that_asked_for_no_report_is_not_posted_back(
    client: Client, receiver: tuple[str, queue.Queue[dict[str, str]]]
) -> None:
    url, came = receiver
    client.simulator.change(delivery_url=url)
    client.send()
    client.send(delivery="ja")
    client.later(1)
    assert [came.get(timeout=10)["smsid"] for _ in range(2)] == ["1000002", "1000002"]


def test_a_call_back_that_fails_is_shown_without_its_url_and_stops_nothing(client: Client) -> None:
    client.simulator.change(delivery_url=f"{client.simulator.base_url}/no-such-path/token-7f3a")
    client.send(delivery="ja")
    client.later(1)
    assert client.simulator.wait_for(lambda state: len(state.callbacks) == 2, 10)
    page = client.get("/").text
    assert "HTTP 404" in page
    assert "token-7f3a" not in page
    assert client.send() == "OK"


def test_real_time_delivers_without_anybody_asking() -> None:
    with Simulator(SimulatorSettings(buffered_after=0.01, final_after=0.02)) as simulator:
        params = {"klantuser": "demo", "klantpwd": "demo", "naar": ALICE, "afzender": "x", "bericht": "x"}
        with requests.get(simulator.gateway_url + "gateway.php", params=params, timeout=10):
            pass
        assert simulator.wait_for(lambda state: state.texts()[0].status is SimulatedStatus.DELIVERED, 10)


def test_waiting_for_a_text_that_never_comes_says_how_many_came(client: Client) -> None:
    with pytest.raises(TimeoutError, match=r"2 texts expected within 0\.01 s, 0 came"):
        client.simulator.wait_for_texts(2, 0.01)


# --- outbox


def test_a_scheduled_text_waits_costs_nothing_yet_and_leaves_on_time(client: Client) -> None:
    assert client.send(datum="202603021305", outboxid="ja", bericht="later") == "OK 501"
    client.later(299)
    assert client.simulator.texts() == []
    assert client.account(action="credits") == "10"
    client.later(1)
    assert [(t.text, t.at) for t in client.simulator.texts()] == [("later", NOON + timedelta(minutes=5))]
    assert client.account(action="credits") == "9"


@pytest.mark.parametrize("removal", [{"id": "501"}, {"naar": ALICE}])
def test_a_removed_text_never_leaves(client: Client, removal: dict[str, str]) -> None:
    client.send(datum="202603021305", outboxid="ja", bericht="first")
    client.send(datum="202603021306", outboxid="ja", bericht="second")
    assert client.account(action="verwijderbericht", **removal) == "OK"
    client.later(3600)
    assert [text.text for text in client.simulator.texts()] == ["second"]


def test_an_emptied_outbox_is_empty(client: Client) -> None:
    client.send(datum="202603021305")
    assert client.account(action="verwijderoutbox") == "OK"
    assert client.account(action="verwijderoutbox") == "ERROR 122"
    client.later(3600)
    assert client.simulator.texts() == []


def test_a_scheduled_text_without_credits_on_its_day_is_a_refusal_on_the_page(client: Client) -> None:
    client.send(datum="202603021305")
    client.simulator.change(credits=0)
    client.later(3600)
    assert client.simulator.texts() == []
    assert client.simulator.state.refusals[-1].code == 108


def test_a_minute_that_comes_twice_in_autumn_is_the_first_of_the_two(client: Client) -> None:
    client.send(datum="202610250230", outboxid="ja")
    assert client.simulator.state.outbox["501"].due == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


# --- page, events, API


class Outline(HTMLParser):
    """Every tag and every text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>'\"&amp;"


def test_the_page_shows_hostile_text_as_text(client: Client) -> None:
    client.simulator.change(phones={ALICE: HOSTILE, BOB: "Bob"})
    client.send(bericht=HOSTILE, referentie=HOSTILE)
    client.send(naar=HOSTILE)
    outline = Outline(client.get("/").text)
    assert HOSTILE in outline.words
    assert outline.tags.count("script") == 1
    assert outline.tags.count("img") == 1
    assert "onerror" not in outline.attributes


def test_the_page_works_without_script_and_allows_none_but_its_own(client: Client) -> None:
    answer = client.get("/")
    assert '<noscript><meta http-equiv="refresh"' in answer.text
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    outline = Outline(answer.text)
    assert "style" not in outline.tags
    assert not [name for name in outline.attributes if name == "style" or name.startswith("on")]
    for path in re.findall(r'(?:href|src)="([^"]+)"', answer.text):
        assert path.startswith("/static/")
        assert client.get(path).status_code == 200


def test_the_page_shows_phones_balance_status_and_refusals(client: Client) -> None:
    client.simulator.change(phones={BOB: "Bob de Vries"}, finals={"1": SimulatedStatus.NOT_DELIVERED})
    client.send(bericht="x" * 161, type="long")
    client.send(naar="nonsense")
    client.later(1)
    words = [word.strip() for word in Outline(client.get("/").text).words]
    for expected in ("Bob de Vries", "No texts yet", "8", "2 parts", "13:00:00", "✗", "106", "to nonsense"):
        assert expected in words


def test_an_empty_page_tells_how_to_send_the_first_text(client: Client) -> None:
    assert "curl &#39;http" in client.get("/").text
    client.send()
    assert "curl" not in client.get("/").text


def test_characters_outside_the_alphabet_are_marked_as_question_marks(client: Client) -> None:
    client.send(bericht="ok “a”")
    assert '<mark title="not in GSM 03.38: “">?</mark>a<mark' in client.get("/").text


def test_an_open_page_hears_of_a_new_text_and_of_its_delivery(client: Client) -> None:
    with requests.get(client.simulator.base_url + "/events", stream=True, timeout=10) as stream:
        lines = stream.iter_lines(chunk_size=1)
        assert next(lines) == b"event: hello"
        client.send(bericht="a <new> text", delivery="ja")
        first = _next_event(lines, b"text")
        assert (first["number"], first["smsid"]) == (ALICE, "1000001")
        assert "a &lt;new&gt; text" in first["html"]
        assert "submitted" in first["html"]
        assert ">9<" in _next_event(lines, b"board")["board"]
        client.later(1)
        _next_event(lines, b"text")
        assert "✓✓" in _next_event(lines, b"text")["html"]


def _next_event(lines: Iterator[bytes], name: bytes) -> dict[str, str]:
    for line in lines:
        if line == b"event: " + name:
            data: dict[str, str] = orjson.loads(next(lines).removeprefix(b"data: "))
            return data
    raise AssertionError("the stream ended")


def test_the_simulator_stops_while_a_page_is_open() -> None:
    simulator = Simulator()
    with requests.get(simulator.start() + "/events", stream=True, timeout=10) as stream:
        lines = stream.iter_lines(chunk_size=1)
        next(lines)
        simulator.stop()
        assert b"event: text" not in list(lines)


def test_no_page_and_no_answer_holds_the_password(client: Client) -> None:
    sha1 = hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).hexdigest()
    client.send()
    client.account(action="credits", klantpwd=sha1)
    client.send(naar="", klantpwd=PASSWORD + "x")
    with requests.post(
        client.simulator.base_url + "/api/settings", json={"credits": 5}, timeout=10
    ) as settings_answer:
        answers = [
            settings_answer.text,
            *(client.get(path).text for path in ("/", "/api/texts", "/api/requests")),
        ]
    for text in [*answers, repr(client.simulator.requests()), repr(client.simulator.settings)]:
        assert PASSWORD not in text
        assert sha1 not in text
    assert [request.password.reveal() for request in client.simulator.requests()] == [
        PASSWORD,
        sha1,
        PASSWORD + "x",
    ]


def test_the_api_tells_texts_and_requests(client: Client) -> None:
    client.send(referentie="r-1", delivery="ja")
    [text] = client.get("/api/texts").json()
    assert (text["number"], text["reference"], text["status"]) == (ALICE, "r-1", "SUBMITTED")
    [request] = client.get("/api/requests").json()
    assert (request["params"]["klantpwd"], request["answer"]) == ("***", "OK 1000001")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"credit": 5}, "credit cannot be set; did you mean credits?"),
        ({"password": "x"}, "password cannot be set"),
        ({"credits": "many"}, "credits:"),
        ({"credits": -1}, "credits must not be below 0"),
        ({"delivery_url": "file:///etc/passwd"}, "delivery_url must be an http:// or https:// address"),
        ({"buffered_after": 5}, "delays must be"),
        ({"blocked": 104}, "blocked must be 115, 116 or null"),
        ({"finals": {"1": "GONE"}}, "finals:"),
        ({"maintenance": True, "finals": {"1": "NONE"}}, "finals:"),
        ([], "send one JSON object"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_and_changes_nothing(
    refusing: Client, body: object, says: str
) -> None:
    before = refusing.simulator.settings
    with requests.post(refusing.simulator.base_url + "/api/settings", json=body, timeout=10) as answer:
        assert answer.status_code == 400
        assert says in answer.json()["error"]
    assert refusing.simulator.settings == before


def test_settings_are_taken_as_json_only_so_that_no_strange_page_can_post_them(client: Client) -> None:
    with requests.post(
        client.simulator.base_url + "/api/settings", data='{"credits": 1}', timeout=10
    ) as answer:
        assert answer.status_code == 415
    assert client.simulator.state.credits == 10


# --- the command


def test_the_command_serves_until_sigterm_and_exits_with_0(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    command = [sys.executable, "-c", "from sms_notify.cli.simulator import simulator_command as c; c()"]
    options = [
        "--listen",
        "127.0.0.1:0",
        "--phone",
        "Alice=+32 470 00 00 01",
        "--password-file",
        str(tmp_path / "password"),
    ]
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        try:
            address = lines[0].split()[1]
            with requests.get(address, timeout=10) as page:
                assert "Alice" in page.text
            curl = lines[2].split("'")[1]
            with requests.get(curl, timeout=10) as answer:
                assert answer.text == "ERROR 104"
            with requests.get(curl.replace("PASSWORD", PASSWORD), timeout=10) as answer:
                assert answer.text == "OK 1000001"
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_the_command_says_when_its_port_is_taken(refusing: Client) -> None:
    address = refusing.simulator.base_url.removeprefix("http://")
    error = CliRunner().invoke(simulator_command, ["--listen", address]).exception
    assert isinstance(error, UsageError)
    assert "try --listen 127.0.0.1:0" in str(error)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--listen", "1601"),
        ("--listen", "127.0.0.1:99999"),
        ("--phone", "alice"),
        ("--delivery-url", "ftp://x"),
    ],
)
def test_the_command_says_how_an_option_is_written(option: str, value: str) -> None:
    error = CliRunner().invoke(simulator_command, [option, value]).exception
    assert isinstance(error, UsageError)
    assert re.search("write|must be", str(error))


# --- the state machine by itself

_PARAMS = st.dictionaries(
    st.sampled_from(
        ["bericht", "naar", "afzender", "type", "delivery", "test", "datum", "action", "aantal", "id"]
    ),
    st.one_of(
        st.sampled_from([ALICE, f"{ALICE},{BOB}", "ja", "long", "x", "rapport", "203001010900"]), st.text()
    ),
)


@settings(max_examples=150, deadline=None)
@given(requests_made=st.lists(_PARAMS, max_size=8))
def test_whatever_is_asked_credits_and_texts_agree_and_every_answer_is_in_the_grammar(
    requests_made: list[dict[str, str]],
) -> None:
    state = GatewayState(SimulatorSettings(credits=5))
    for number, params in enumerate(requests_made):
        now = NOON + timedelta(seconds=number)
        answer = handle(state, {"klantuser": "demo", "klantpwd": "demo", **params}, now)
        reports = params.get("action") == "rapport" and answer.code is None
        assert reports or re.fullmatch(r"OK( [0-9]+)?|ERROR [0-9]{3}", answer.body)
        assert (answer.code is None) == (not answer.body.startswith("ERROR"))
    assert state.credits == 5 - sum(text.parts for text in state.texts()) >= 0
    assert state.request_count == len(state.requests()) == len(requests_made)


@given(text=st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    cut = pieces(text)
    assert "".join(piece.text for piece in cut) == text
    assert all(a.foreign != b.foreign for a, b in itertools.pairwise(cut))


@given(number=st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True))
@settings(max_examples=100, deadline=None)
def test_a_pretty_number_has_the_digits_of_the_number(number: str) -> None:
    assert pretty_number(number).replace(" ", "") == f"+{number}"
    assert pretty_number(ALICE) == "+32 470 00 00 01"


_NAMES = ("ACME", "A_B", "A.B-C d", "ACME-Ops-1234", "é", "A+B")
_NUMBERS = ("+32470000001", "+491701234567890", "+12345678901234567", "123456")


@pytest.mark.parametrize("sender", [*_NAMES, *_NUMBERS])
def test_the_check_of_a_configuration_and_the_simulator_take_the_same_senders(sender: str) -> None:
    try:
        TypeAdapter(Sender).validate_python(sender)
        taken = True
    except ValidationError:
        taken = False
    assert (sender_fault(sender, SimulatorSettings()) is None) is taken

"""Scripted delivery, call-backs on demand, and the rest of the seed, over real HTTP."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_bench import ALICE, BOB, NOON, PASSWORD, Client, Clock, receiving

from sms_notify.secret import Secret
from sms_notify.simulator import api, checks
from sms_notify.simulator.answers import handle
from sms_notify.simulator.codes import Code
from sms_notify.simulator.gateway import GatewayState
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatedStatus, SimulatorSettings

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
CAROL = "32470000003"
Queries = queue.Queue[dict[str, str]]


@pytest.fixture
def client() -> Iterator[Client]:
    clock = Clock()
    with Simulator(SimulatorSettings(password=Secret(PASSWORD), credits=20), now=clock) as simulator:
        yield Client(simulator, clock)


@pytest.fixture
def came(client: Client) -> Iterator[Queries]:
    with receiving() as (url, queries):
        client.simulator.change(delivery_url=url)
        yield queries


def report(client: Client, answer: str) -> str:
    return client.ask("gatewayrapport.php", smsid=answer.removeprefix("OK "))


# --- scripted delivery


def test_a_scripted_text_has_each_status_at_its_time_in_report_and_call_back(
    client: Client, came: Queries
) -> None:
    client.simulator.script("+" + ALICE, [(2, "BUFFERED"), (60, "NOT DELIVERED")])
    sent = client.send(delivery="ja", referentie="r-1")
    seen = []
    for seconds in (1, 1, 57, 1):
        client.later(seconds)
        seen.append(report(client, sent))
    assert seen == ["SUBMITTED", "BUFFERED", "BUFFERED", "NOT DELIVERED"]
    assert (
        client.ask("gatewayrapport.php", smsid="1000001", datum="ja") == "NOT DELIVERED 02/03/2026 13:01:00"
    )
    calls = [came.get(timeout=10) for _ in range(2)]
    assert [(call["status"], call["datum"]) for call in calls] == [
        ("BUFFERED", "20260302130002"),
        ("NOT DELIVERED", "20260302130100"),
    ]
    assert client.account(action="rapport", aantal="5") == "1000001 NOT DELIVERED 02/03/2026 13:01:00 r-1"


@pytest.mark.parametrize(
    ("steps", "ends"),
    [
        ([], "SUBMITTED"),
        ([(0, "BUFFERED")], "BUFFERED"),
        ([(0, "REJECTED")], "REJECTED"),
        ([(0, "NONE")], "NONE"),
        ([(1, "DELIVERED"), (2, "BUFFERED")], "BUFFERED"),
    ],
)
def test_a_script_is_all_that_ever_becomes_of_a_text(
    client: Client, steps: list[tuple[float, str]], ends: str
) -> None:
    client.simulator.script(ALICE, steps)
    sent = client.send(delivery="ja")
    client.later(86_400)
    assert report(client, sent) == ends


def test_scripts_can_be_for_the_next_texts_in_order_then_for_a_number_then_for_any(client: Client) -> None:
    client.simulator.script("", [(0, "REJECTED")])
    client.simulator.script(ALICE, [(0, "NOT DELIVERED")])
    client.simulator.script("", [(0, "BUFFERED")], count=1)
    client.simulator.script(ALICE, [(0, "DELIVERED")], count=2)
    sent = [client.send(naar=to, delivery="ja") for to in (BOB, ALICE, ALICE, ALICE, CAROL)]
    assert [report(client, answer) for answer in sent] == [
        "BUFFERED",
        "DELIVERED",
        "DELIVERED",
        "NOT DELIVERED",
        "REJECTED",
    ]


def test_a_script_for_a_number_takes_the_place_of_the_one_before(client: Client) -> None:
    client.simulator.script(ALICE, [(0, "REJECTED")])
    client.simulator.script(ALICE, [(0, "BUFFERED")])
    assert report(client, client.send(delivery="ja")) == "BUFFERED"
    client.simulator.clear_scripts()
    sent = client.send(delivery="ja")
    client.later(1)
    assert report(client, sent) == "DELIVERED"


def test_scripts_are_given_listed_and_removed_by_the_control_api(client: Client) -> None:
    order = {"number": ALICE, "steps": [[2, "NOT DELIVERED"]], "count": 1}
    answer = client.post("/api/scripts", order)
    assert (answer.status_code, answer.json()) == (201, [order])
    assert client.get("/api/scripts").json() == [order]
    with requests.delete(client.simulator.base_url + "/api/scripts", timeout=10) as left:
        assert left.json() == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"number": ALICE}, "steps: give a list"),
        ({"steps": [[1, "LOST"]]}, "steps:"),
        ({"steps": [[-1, "DELIVERED"]]}, "steps: seconds must be"),
        ({"steps": [], "count": 0}, "count must be"),
        ({"steps": [], "number": "alice"}, "number must be digits"),
        ({"steps": [], "delay": 1}, "delay cannot be set"),
    ],
)
def test_a_script_that_makes_no_sense_is_refused(client: Client, body: dict[str, object], says: str) -> None:
    answer = client.post("/api/scripts", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert client.simulator.scripts() == []


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 100), st.sampled_from(SimulatedStatus)), max_size=6),
    asked=st.lists(st.integers(0, 120), max_size=8).map(sorted),
)
def test_whenever_it_is_asked_the_report_is_the_last_step_that_is_past(
    steps: list[tuple[int, SimulatedStatus]], asked: list[int]
) -> None:
    state = GatewayState(SimulatorSettings())
    state.courses.add(api.course({"steps": steps}))
    params = {"klantuser": "demo", "klantpwd": "demo", "naar": ALICE, "afzender": "x", "bericht": "x"}
    handle(state, {**params, "delivery": "ja"}, NOON)
    for seconds in asked:
        answer = handle(
            state, {"smsid": "1000001"}, NOON + timedelta(seconds=seconds), script="gatewayrapport.php"
        )
        past = sorted((step for step in steps if step[0] <= seconds), key=lambda step: step[0])
        assert answer.body == (past[-1][1] if past else "SUBMITTED")


# --- call-backs


def test_call_backs_can_come_late_and_more_than_once(client: Client, came: Queries) -> None:
    client.simulator.change(callbacks_after=60, callbacks_times=3)
    client.simulator.script(ALICE, [(1, "DELIVERED")])
    sent = client.send(delivery="ja")
    client.later(60.5)
    assert report(client, sent) == "DELIVERED"
    assert client.simulator.callbacks() == []
    client.later(0.5)
    calls = [came.get(timeout=10) for _ in range(3)]
    assert calls == [calls[0]] * 3
    assert (calls[0]["status"], calls[0]["datum"]) == ("DELIVERED", "20260302130001")


def test_call_backs_can_come_in_the_wrong_order(client: Client, came: Queries) -> None:
    client.simulator.change(callbacks_reversed=True)
    client.simulator.script(ALICE, [(1, "BUFFERED"), (2, "BUFFERED"), (3, "DELIVERED")])
    client.send(delivery="ja")
    client.later(10)
    calls = [came.get(timeout=10) for _ in range(3)]
    assert [(call["status"], call["datum"][-2:]) for call in calls] == [
        ("DELIVERED", "03"),
        ("BUFFERED", "02"),
        ("BUFFERED", "01"),
    ]


def test_call_backs_can_fail_to_come_while_the_report_is_right(client: Client, came: Queries) -> None:
    client.simulator.change(callbacks_times=0)
    sent = client.send(delivery="ja")
    client.later(5)
    assert report(client, sent) == "DELIVERED"
    client.simulator.call_back(smsid="7")
    assert came.get(timeout=10)["smsid"] == "7"


def test_a_call_back_can_be_forged_in_every_field(client: Client, came: Queries) -> None:
    forged = {"smsid": "x' OR 1", "status": "GÉANT\n", "reference": "not yours", "datum": "yesterday"}
    answer = client.post("/api/callbacks", forged)
    assert answer.status_code == 202
    call = came.get(timeout=10)
    assert call == {
        "smsid": "x' OR 1",
        "status": "GÉANT\n",
        "referentie": "not yours",
        "datum": "yesterday",
    }
    assert answer.json() == call
    assert client.simulator.wait_for(lambda state: len(state.callbacks) == 1, 10)
    [done] = client.get("/api/callbacks").json()
    assert (done["smsid"], done["result"], done["ok"]) == ("x' OR 1", "HTTP 200", True)


def test_a_call_back_for_a_text_tells_its_state_unless_told_otherwise(client: Client, came: Queries) -> None:
    client.simulator.script(ALICE, [(1, "BUFFERED")])
    client.send(delivery="ja", referentie="r-1")
    client.later(1)
    first = came.get(timeout=10)
    client.simulator.call_back(smsid="1000001", times=2)
    client.simulator.call_back(smsid="1000001", status="REJECTED")
    assert [came.get(timeout=10) for _ in range(3)] == [first, first, {**first, "status": "REJECTED"}]
    assert report(client, "OK 1000001") == "BUFFERED"


def test_a_call_back_on_demand_can_be_late(client: Client, came: Queries) -> None:
    client.simulator.call_back(smsid="1", after=30)
    client.simulator.call_back(smsid="2")
    assert came.get(timeout=10)["smsid"] == "2"
    client.later(30)
    assert came.get(timeout=10)["smsid"] == "1"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"smsid": "1", "times": 0}, "times 1 to"),
        ({"smsid": "1", "after": -1}, "after must be"),
        ({"sms": "1"}, "did you mean smsid?"),
        ({"smsid": "1"}, "set delivery_url first"),
    ],
)
def test_a_call_back_that_cannot_be_made_is_refused(client: Client, body: object, says: str) -> None:
    answer = client.post("/api/callbacks", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


# --- the rest of the seed


def minutes_of(day: datetime) -> Iterator[tuple[str, datetime]]:
    """Each minute of a local day, as datum, with every instant at which that is what a clock shows."""
    start = day.astimezone(UTC)
    for minute in range(25 * 60):
        at = start + timedelta(minutes=minute)
        local = at.astimezone(AMSTERDAM)
        if local.date() == day.date():
            yield local.strftime("%Y%m%d%H%M"), at


@pytest.mark.parametrize(
    ("day", "shown", "skipped"),
    [
        (datetime(2026, 3, 29, tzinfo=AMSTERDAM), 1380, 60),
        (datetime(2026, 10, 25, tzinfo=AMSTERDAM), 1440, 0),
        (datetime(2026, 6, 1, tzinfo=AMSTERDAM), 1440, 0),
    ],
    ids=["spring", "autumn", "a common day"],
)
def test_datum_is_right_in_every_minute_of_a_day(day: datetime, shown: int, skipped: int) -> None:
    first: dict[str, datetime] = {}
    for datum, at in minutes_of(day):
        first.setdefault(datum, at)
    written = [f"{day:%Y%m%d}{hour:02}{minute:02}" for hour in range(24) for minute in range(60)]
    due = {datum: checks.due_time(datum, AMSTERDAM, NOON - timedelta(days=60)) for datum in written}
    assert {datum: at for datum, at in due.items() if at is not Code.BAD_DATE} == first
    assert (len(first), sum(at is Code.BAD_DATE for at in due.values())) == (shown, skipped)


def test_a_datum_of_this_very_minute_is_past_and_the_next_minute_is_not(client: Client) -> None:
    assert client.send(datum="202603021300") == "ERROR 121"
    assert client.send(datum="202603021301") == "OK"


def test_the_clock_of_datum_is_a_setting() -> None:
    with Simulator(SimulatorSettings(timezone="Asia/Kolkata"), now=Clock()) as simulator:
        client = Client(simulator)
        assert client.send(datum="202603021731", outboxid="ja", klantpwd="demo") == "OK 501"
        assert simulator.outbox()[0].due == NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("params", "told", "emailed"),
    [({}, "then an e-mail", True), ({"emailen": "nee"}, "no e-mail", False)],
)
def test_emailen_is_remembered_shown_and_obeyed(
    client: Client, params: dict[str, str], told: str, emailed: bool
) -> None:
    client.send(datum="202603021305", **params)
    assert told in client.get("/").text
    [waiting] = client.get("/api/outbox").json()
    assert (waiting["outboxid"], waiting["confirm"]) == ("501", emailed)
    client.later(300)
    assert client.simulator.texts()[0].emailed is emailed
    assert ("confirmation went out" in client.get("/").text) is emailed


def test_a_text_that_leaves_at_once_is_confirmed_by_no_email(client: Client) -> None:
    client.send()
    assert client.simulator.texts()[0].emailed is False


@pytest.mark.parametrize(("logging", "logged"), [("nee", False), ("ja", True), ("", True)])
def test_logging_is_remembered_and_shown(client: Client, logging: str, logged: bool) -> None:
    client.send(logging=logging)
    assert client.get("/api/texts").json()[0]["logged"] is logged
    assert ("not logged" in client.get("/").text) is not logged


def test_removing_one_number_leaves_the_other_recipients_theirs(client: Client) -> None:
    client.send(naar=f"{ALICE},{BOB}", datum="202603021305")
    assert client.account(action="verwijderbericht", naar=ALICE) == "OK"
    assert client.account(action="verwijderbericht", naar=ALICE) == "ERROR 122"
    client.later(300)
    assert [text.number for text in client.simulator.texts()] == [BOB]


def test_removing_by_number_takes_what_is_next_due_and_by_id_the_whole_order(client: Client) -> None:
    client.send(datum="202603021310", bericht="second", outboxid="ja")
    client.send(datum="202603021305", bericht="first", outboxid="ja")
    client.send(naar=f"{ALICE},{BOB}", datum="202603021315", bericht="third", outboxid="ja")
    assert client.account(action="verwijderbericht", naar=ALICE) == "OK"
    assert client.account(action="verwijderbericht", id="503") == "OK"
    assert [entry.order.text for entry in client.simulator.outbox()] == ["second"]


def test_a_group_can_be_scheduled_and_a_group_of_many_costs_a_credit_each(client: Client) -> None:
    client.simulator.change(groups={"on call": (ALICE, BOB, CAROL)})
    assert client.send(naar="groep", groep="on call", datum="202603021305", outboxid="ja") == "OK 501"
    assert client.send(naar="groep", groep="On Call") == "ERROR 125"
    client.later(300)
    assert [text.number for text in client.simulator.texts()] == [ALICE, BOB, CAROL]
    assert client.account(action="credits") == "17"


def test_reports_of_the_last_n_leave_out_what_asked_for_none(client: Client) -> None:
    client.send()
    client.send(delivery="ja", referentie="r 2")
    assert client.account(action="rapport", aantal="100") == "1000002 SUBMITTED 02/03/2026 13:00:00 r 2"


def test_a_country_code_that_no_country_has_is_error_112(client: Client) -> None:
    assert client.send(naar="99912345678") == "ERROR 112"
    assert client.send(naar="21012345678") == "ERROR 112"
    assert client.send(naar="44701234567") == "OK"


def test_the_country_codes_are_those_that_are_assigned() -> None:
    assigned = tuple(str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    for prefix in map(str, range(100, 1000)):
        refused = checks.numbers_fault([prefix + "1234567"], SimulatorSettings()) is Code.BAD_COUNTRY_CODE
        # 379 is assigned to the Vatican, which uses Italy's 39 instead
        assert refused == (not prefix.startswith(assigned) and prefix != "379"), prefix

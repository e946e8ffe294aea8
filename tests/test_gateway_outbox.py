"""What goes to many, what waits in the gateway's outbox, and the list of last reports: over real HTTP on loopback."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gateway_client import SHA1_OF_ABC, account, asked, client
from test_gateway_transport import BROKEN, Loopback, answers

from sms_notify.gateways.base import (
    AddressBookGroup,
    Batch,
    Failed,
    LastReports,
    Numbers,
    Removed,
    Report,
    ReportsBy,
    Scheduled,
    Submission,
)
from sms_notify.gateways.sms1601.client import SmsGateway1601
from sms_notify.gateways.sms1601.responses import read_last_reports, read_removal
from sms_notify.gateways.sms1601.settings import PasswordEncoding
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

ALICE, BOB = "+32470000001", "+31612345678"
PAGE = Submission(ALICE, "CRIT db1 down", "m42.1")
TO_BOTH = Batch(Numbers((ALICE, BOB)), "db1 is back", "b1")
TO_OPS = Batch(AddressBookGroup("Ops & co"), "db1 is back", "b2")
EVENING = datetime(2026, 7, 1, 18, 29, 30, tzinfo=UTC)  # 20:30 in Amsterdam, rounded up
ACCOUNT = {"klantuser": "acme", "klantpwd": SHA1_OF_ABC}
SENT = {**ACCOUNT, "afzender": "ACME-Ops", "logging": "ja"}
SCHEDULED = {"datum": "202607012030", "outboxid": "ja", "emailen": "nee"}
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
SOURCES = Path(__file__).parent.parent / "sms_notify"


@pytest.fixture
def ok() -> Iterator[Loopback]:
    with Loopback(answers(b"OK 501")) as server:
        yield server


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    groups = {"ops": (ALICE[1:], BOB[1:]), "nobody": ()}
    with Simulator(SimulatorSettings("acme", Secret("abc"), groups=groups)) as running:
        yield running


def at_simulator(simulator: Simulator, **changes: object) -> SmsGateway1601:
    return SmsGateway1601(account(simulator.gateway_url, **changes), time.monotonic)


# To many


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("batch", "to"),
    [
        (TO_BOTH, {"naar": "32470000001,31612345678", "referentie": "b1"}),
        (TO_OPS, {"naar": "groep", "groep": "Ops & co", "referentie": "b2"}),
    ],
    ids=["numbers", "group"],
)
def test_a_batch_has_exactly_the_parameters_of_the_provider_and_asks_for_no_report(
    ok: Loopback, batch: Batch, to: dict[str, str], method: str
) -> None:
    outcome = client(ok, method=method, delivery_reports=ReportsBy.BOTH).send_batch(batch)
    path, parameters = asked(ok)

    assert outcome.fate is Fate.SENT
    assert path == "/module/gateway.php"
    assert dict(parameters) == {**SENT, "bericht": "db1 is back", **to}
    assert len(parameters) == len(dict(parameters))


def test_a_long_test_batch_says_so_in_the_providers_words(ok: Loopback) -> None:
    client(ok).send_batch(Batch(AddressBookGroup("ops"), "x", long=True, test=True))
    parameters = dict(asked(ok)[1])

    assert (parameters["type"], parameters["test"]) == ("long", "ja")
    assert "referentie" not in parameters


@pytest.mark.parametrize(
    "to",
    [
        Numbers(()),
        Numbers((ALICE, "groep")),
        Numbers((ALICE, "")),
        Numbers(("+32470000001,+31612345678",)),
        AddressBookGroup(""),
        AddressBookGroup("  "),
    ],
)
def test_a_batch_that_the_gateway_could_misread_is_not_sent_at_all(
    ok: Loopback, to: Numbers | AddressBookGroup
) -> None:
    outcome = client(ok).send_batch(Batch(to, "x"))
    ok.close()

    assert (outcome.fate, outcome.reason) == (Fate.NOT_SENT, Reason.LOCAL)
    assert outcome.detail
    assert ok.connections == 0


@pytest.mark.parametrize(
    "batch", [TO_BOTH, Batch(AddressBookGroup("ops"), "db1 is back")], ids=["numbers", "group"]
)
def test_a_batch_reaches_every_phone_in_one_request(simulator: Simulator, batch: Batch) -> None:
    outcome = at_simulator(simulator).send_batch(batch)

    assert outcome == Outcome(Fate.SENT, Reason.OK, seconds=outcome.seconds)
    assert [text.number for text in simulator.texts()] == [ALICE[1:], BOB[1:]]
    assert len(simulator.requests()) == 1
    assert not any(text.wants_report for text in simulator.texts())


@pytest.mark.parametrize(("group", "code"), [("nowhere", 125), ("nobody", 126)])
def test_a_group_that_is_unknown_or_empty_is_refused_with_its_code(
    simulator: Simulator, group: str, code: int
) -> None:
    outcome = at_simulator(simulator).send_batch(Batch(AddressBookGroup(group), "x"))

    assert (outcome.fate, outcome.code) == (Fate.REFUSED, code)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_batch_that_breaks_is_unknown_and_the_gateway_saw_it_once(fault: str) -> None:
    behave, reason = BROKEN[fault]
    with Loopback(behave) as server:
        outcome = client(server).send_batch(TO_OPS)

    assert (outcome.fate, outcome.reason) == (Fate.UNKNOWN, reason)
    assert server.connections == 1


# Scheduled


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("message", "to"),
    [
        (PAGE, {"naar": "32470000001", "bericht": "CRIT db1 down", "referentie": "m42.1"}),
        (TO_OPS, {"naar": "groep", "groep": "Ops & co", "bericht": "db1 is back", "referentie": "b2"}),
    ],
    ids=["number", "group"],
)
def test_a_scheduled_text_has_the_minute_and_asks_for_an_outboxid_and_neither_report_nor_mail(
    ok: Loopback, message: Submission | Batch, to: dict[str, str], method: str
) -> None:
    got = client(ok, method=method, delivery_reports=ReportsBy.BOTH).schedule(message, EVENING)

    assert got == Scheduled("501", EVENING + timedelta(seconds=30), "202607012030")
    assert dict(asked(ok)[1]) == {**SENT, **to, **SCHEDULED}


def test_the_minute_is_that_of_the_configured_clock(ok: Loopback) -> None:
    client(ok, timezone="Europe/London").schedule(PAGE, EVENING)

    assert dict(asked(ok)[1])["datum"] == "202607011930"


def test_a_plain_password_is_sent_plainly_where_the_settings_say_so(ok: Loopback) -> None:
    client(ok, password_encoding=PasswordEncoding.PLAIN).schedule(PAGE, EVENING)

    assert dict(asked(ok)[1])["klantpwd"] == "abc"


def test_an_ok_without_a_number_is_scheduled_too() -> None:
    with Loopback(answers(b"OK")) as server:
        got = client(server).schedule(PAGE, EVENING)

    assert isinstance(got, Scheduled)
    assert got.outboxid is None


def test_a_date_that_the_gateway_refuses_comes_back_as_121(simulator: Simulator) -> None:
    got = at_simulator(simulator).schedule(PAGE, datetime(2020, 1, 1, tzinfo=UTC))

    assert isinstance(got, Failed)
    assert (got.fate, got.reason, got.code) == (Fate.REFUSED, Reason.ERROR_CODE, 121)


@pytest.mark.parametrize("fault", BROKEN)
def test_a_schedule_that_breaks_is_unknown_and_the_gateway_saw_it_once(fault: str) -> None:
    behave, reason = BROKEN[fault]
    with Loopback(behave) as server:
        got = client(server).schedule(PAGE, EVENING)

    assert isinstance(got, Failed)
    assert (got.fate, got.reason) == (Fate.UNKNOWN, reason)
    assert server.connections == 1


def test_what_could_be_misread_is_not_scheduled(ok: Loopback) -> None:
    got = client(ok).schedule(Submission("groep", "x", "r"), EVENING)
    ok.close()

    assert isinstance(got, Failed)
    assert got.fate is Fate.NOT_SENT
    assert ok.connections == 0


def test_a_scheduled_text_waits_and_is_removed_by_its_outboxid_once(simulator: Simulator) -> None:
    gateway = at_simulator(simulator)
    got = gateway.schedule(PAGE, datetime.now(UTC) + timedelta(days=2))
    assert isinstance(got, Scheduled)
    [waiting] = simulator.state.outbox.values()

    assert waiting.due == got.at
    assert gateway.remove(outboxid=got.outboxid or "") == Removed()
    again = gateway.remove(outboxid=got.outboxid or "")
    assert isinstance(again, Failed)
    assert (again.fate, again.code) == (Fate.REFUSED, 122)
    assert simulator.texts() == []


def test_a_scheduled_text_is_removed_by_its_number_too(simulator: Simulator) -> None:
    gateway = at_simulator(simulator)
    gateway.schedule(PAGE, datetime.now(UTC) + timedelta(days=2))

    assert gateway.remove(number=ALICE) == Removed()
    assert not simulator.state.outbox


def test_the_outbox_is_emptied_as_a_whole_and_an_empty_one_is_error_122(simulator: Simulator) -> None:
    gateway = at_simulator(simulator)
    for message in (PAGE, Batch(AddressBookGroup("ops"), "x")):
        gateway.schedule(message, datetime.now(UTC) + timedelta(days=2))

    assert gateway.empty_outbox() == Removed()
    assert not simulator.state.outbox
    again = gateway.empty_outbox()
    assert isinstance(again, Failed)
    assert again.code == 122


# Removal


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("what", "parameters"),
    [
        ({"outboxid": "501"}, {"action": "verwijderbericht", "id": "501"}),
        ({"number": ALICE}, {"action": "verwijderbericht", "naar": "32470000001"}),
        ({"number": "32470000001"}, {"action": "verwijderbericht", "naar": "32470000001"}),
    ],
)
def test_a_removal_has_exactly_the_parameters_of_the_provider(
    ok: Loopback, what: dict[str, str], parameters: dict[str, str], method: str
) -> None:
    assert client(ok, method=method).remove(**what) == Removed()
    path, got = asked(ok)

    assert path == "/module/gateway.php"
    assert dict(got) == {**ACCOUNT, **parameters}


def test_emptying_the_outbox_has_exactly_the_parameters_of_the_provider(ok: Loopback) -> None:
    assert client(ok).empty_outbox() == Removed()
    assert dict(asked(ok)[1]) == {**ACCOUNT, "action": "verwijderoutbox"}


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"outboxid": "501", "number": ALICE},
        {"outboxid": "all"},
        {"outboxid": "501,502"},
        {"outboxid": "5٣"},
        {"number": "groep"},
        {"number": "+32470000001,31612345678"},
        {"number": "+"},
    ],
)
def test_a_removal_that_names_not_exactly_one_thing_is_not_asked(ok: Loopback, what: dict[str, str]) -> None:
    got = client(ok).remove(**what)
    ok.close()

    assert isinstance(got, Failed)
    assert (got.fate, got.reason) == (Fate.NOT_SENT, Reason.LOCAL)
    assert ok.connections == 0


@pytest.mark.parametrize(
    ("body", "status", "fate", "reason", "code"),
    [
        (b"ERROR 122", 200, Fate.REFUSED, Reason.ERROR_CODE, 122),
        (b"error: 122 nothing", 200, Fate.REFUSED, Reason.ERROR_CODE, 122),
        (b"122", 200, Fate.REFUSED, Reason.ERROR_CODE, 122),
        (b"", 200, Fate.UNKNOWN, Reason.UNREADABLE, None),
        (b"OK?", 200, Fate.UNKNOWN, Reason.UNREADABLE, None),
        (b"<html>OK</html>", 200, Fate.UNKNOWN, Reason.UNREADABLE, None),
        (b"OK", 500, Fate.UNKNOWN, Reason.HTTP_SERVER_ERROR, None),
        (b"OK", 302, Fate.UNKNOWN, Reason.REDIRECT, None),
        (b"OK", 404, Fate.REFUSED, Reason.HTTP_CLIENT_ERROR, None),
    ],
)
def test_only_an_ok_is_a_removal(
    body: bytes, status: int, fate: Fate, reason: Reason, code: int | None
) -> None:
    got = read_removal(body, status)

    assert isinstance(got, Failed)
    assert (got.fate, got.reason, got.code) == (fate, reason, code)


@pytest.mark.parametrize("body", [b"OK", b" OK\r\n", b"\xef\xbb\xbfOK", b"OK 1"])
def test_an_ok_is_a_removal_whatever_stands_around_it(body: bytes) -> None:
    assert read_removal(body, 200) == Removed()


@pytest.mark.parametrize("fault", ["reset", "truncated body"])
def test_a_removal_that_breaks_is_unknown(fault: str) -> None:
    behave, reason = BROKEN[fault]
    with Loopback(behave) as server:
        for got in (client(server).remove(outboxid="501"), client(server).empty_outbox()):
            assert isinstance(got, Failed)
            assert (got.fate, got.reason) == (Fate.UNKNOWN, reason)


def test_one_place_empties_the_outbox_and_only_the_command_that_asks_calls_it() -> None:
    def files_with(word: str) -> set[str]:
        sources = ((path, path.read_text("utf-8")) for path in SOURCES.rglob("*.py"))
        found = {path.relative_to(SOURCES).as_posix() for path, text in sources if re.search(word, text)}
        return {name for name in found if not name.startswith("simulator/")}

    assert files_with("verwijderoutbox") == {"gateways/sms1601/client.py"}
    assert files_with(r"\.empty_outbox\(") == {"cli/outbox.py"}


# The last reports


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_last_reports_are_asked_for_as_in_the_providers_example(method: str) -> None:
    with Loopback(answers(b"")) as server:
        assert client(server, method=method).last_reports(100) == LastReports((), 0, "")

    assert dict(asked(server)[1]) == {**ACCOUNT, "action": "rapport", "aantal": "100"}


def test_the_last_reports_of_the_simulator_are_read_with_status_time_and_reference(
    simulator: Simulator,
) -> None:
    gateway = at_simulator(simulator)
    sent = [gateway.send(Submission(number, "x", f"m{number}")) for number in (ALICE, BOB)]
    got = gateway.last_reports(10)

    assert isinstance(got, LastReports)
    assert [(r.smsid, r.reference) for r in got.reports] == [
        (sent[0].smsid, f"m{ALICE}"),
        (sent[1].smsid, f"m{BOB}"),
    ]
    assert all(r.at is not None for r in got.reports)
    assert got.unread == 0
    assert got.raw.count("\n") == 1


AT = datetime(2026, 7, 1, 8, 23, 10, tzinfo=UTC)
ORDERLY = Report("1234567", DeliveryStatus.NOT_DELIVERED, AT, "m42.1")


@pytest.mark.parametrize(
    ("line", "report"),
    [
        ("1234567 NOT DELIVERED 01/07/2026 10:23:10 m42.1", ORDERLY),
        ("1234567;NOT_DELIVERED;01/07/2026 10:23:10;m42.1", ORDERLY),
        ('"1234567","not delivered","01/07/2026 10:23:10","m42.1"', ORDERLY),
        ("m42.1|01/07/2026 10:23:10|NOT DELIVERED|1234567", ORDERLY),
        ("smsid=1234567&datum=20260701102310", None),
        ("smsid=1234567 datum=20260701102310 status=NOT DELIVERED referentie=m42.1", ORDERLY),
        ("referentie: m42.1, status: NOT DELIVERED, smsid: 1234567, datum: 2026-07-01 10:23:10", ORDERLY),
        ("<tr><td>1234567</td><td>NOT DELIVERED</td><td>01/07/2026 10:23:10</td><td>m42.1</td>", ORDERLY),
        ("1234567 DELIVERED", Report("1234567", DeliveryStatus.DELIVERED)),
        ("1234567 NONE -", Report("1234567", DeliveryStatus.NONE)),
        ("1234567 BUFFERED 12345678", Report("1234567", DeliveryStatus.BUFFERED, None, "12345678")),
        ("1234567 REJECTED 00/00/0000 00:00:00", Report("1234567", DeliveryStatus.REJECTED)),
        ("1234567 32470000001 SUBMITTED m1", Report("1234567", DeliveryStatus.SUBMITTED)),
        ("smsid;status;datum;referentie", None),
        ("DELIVERED 01/07/2026 10:23:10", None),
        ("1234567 DELIVERED REJECTED", None),
        ("1234567 UNDELIVERED", None),
        ("id=abc DELIVERED", None),
    ],
)
def test_a_line_of_the_list(line: str, report: Report | None) -> None:
    got = read_last_reports(line.encode(), 200, zone=AMSTERDAM)

    assert isinstance(got, LastReports)
    assert got == LastReports((report,) if report else (), 0 if report else 1, line)


@given(
    smsid=st.integers(1, 10**12).map(str),
    status=st.sampled_from(DeliveryStatus),
    timed=st.booleans(),
    reference=st.from_regex(r"m[a-f0-9]{1,32}\.[0-9]", fullmatch=True) | st.just(""),
    order=st.permutations(range(4)),
    separator=st.sampled_from([" ", ";", "; ", ",", "\t", "|", " | ", "  "]),
    end=st.sampled_from(["\n", "\r\n", "<br>", "<br />\r\n"]),
    count=st.integers(1, 3),
)
@settings(deadline=None, max_examples=200)
def test_a_report_is_read_in_any_order_and_with_any_separator(
    smsid: str,
    status: DeliveryStatus,
    timed: bool,
    reference: str,
    order: list[int],
    separator: str,
    end: str,
    count: int,
) -> None:
    stamp = AT.astimezone(AMSTERDAM).strftime("%d/%m/%Y %H:%M:%S") if timed else ""
    fields = [smsid, str(status), stamp, reference]
    line = separator.join(fields[place] for place in order if fields[place])
    got = read_last_reports(end.join([line] * count).encode(), 200, zone=AMSTERDAM)

    assert isinstance(got, LastReports)
    assert got.reports == (Report(smsid, status, AT if timed else None, reference),) * count
    assert got.unread == 0


@given(body=st.binary(max_size=600) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
@settings(deadline=None, max_examples=200)
def test_any_answer_is_a_value_and_what_is_shown_of_it_cannot_drive_a_terminal(body: bytes) -> None:
    got = read_last_reports(body, 200, zone=AMSTERDAM)

    if isinstance(got, LastReports):
        assert all(character.isprintable() or character == "\n" for character in got.raw)
        lines = got.raw.split("\n") if got.raw else []
        assert len(lines) == len(got.reports) + got.unread
    else:
        assert got.reason is Reason.ERROR_CODE


def test_a_list_in_a_strange_format_is_kept_as_it_came() -> None:
    got = read_last_reports("verzonden: 3\nafgeleverd: 2 é\n".encode(), 200, zone=AMSTERDAM)

    assert got == LastReports((), 2, "verzonden: 3\nafgeleverd: 2 é")


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"ERROR 104", 200, Reason.ERROR_CODE),
        (b"150", 200, Reason.ERROR_CODE),
        (b"1234567 DELIVERED", 500, Reason.HTTP_SERVER_ERROR),
        (b"1234567 DELIVERED", 302, Reason.REDIRECT),
    ],
)
def test_an_error_in_place_of_the_list_is_a_failure(body: bytes, status: int, reason: Reason) -> None:
    got = read_last_reports(body, status, zone=AMSTERDAM)

    assert isinstance(got, Failed)
    assert got.reason is reason


def test_a_list_that_repeats_the_password_is_not_shown() -> None:
    page = f"1234567 DELIVERED\nGET /gateway.php?klantuser=acme&pw={SHA1_OF_ABC}".encode()
    with Loopback(answers(page)) as server:
        got = client(server).last_reports(1)

    assert isinstance(got, Failed)
    assert (got.fate, got.reason) == (Fate.UNKNOWN, Reason.UNREADABLE)
    assert SHA1_OF_ABC not in repr(got)


def test_a_list_that_is_endless_is_cut_off_with_advice() -> None:
    with Loopback(answers(b"x" * 2_000_000)) as server:
        got = client(server).last_reports(1000)

    assert isinstance(got, Failed)
    assert got.reason is Reason.TOO_LARGE
    assert "ask for fewer" in got.detail

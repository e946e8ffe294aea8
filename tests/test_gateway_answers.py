"""Any bytes give a value; SENT only where the whole answer is the gateway's OK."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.gateways.base import Failed, Report
from sms_notify.gateways.sms1601.error_codes import CODES
from sms_notify.gateways.sms1601.responses import read_callback, read_credits, read_report, read_send
from sms_notify.net.details import clean
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason
from sms_notify.secret import Secret

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOTICE = b"<br />\n<b>Notice</b>:  Undefined variable: x in <b>/srv/gateway.php</b> on line <b>12</b><br />\n"
PIECES = (
    *(
        b"OK",
        b"ok",
        NOTICE,
        b"ERROR",
        b"ERR",
        b":",
        b" ",
        b"\t",
        b"\r\n",
        b"122",
        b"104",
        b"999",
        b"0",
        b"9" * 20,
        b"\x00",
    ),
    *(b"\xef\xbb\xbf", b"-", b".", b"<br>", b"DELIVERED", b"NOT", b"_"),
    *(b"31/02/2026", b"10:23:10", b"01/01/0001"),
)
CLOSE_TO_GRAMMAR = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)
BODIES = st.binary(max_size=200) | CLOSE_TO_GRAMMAR
STATUSES = st.sampled_from([200, 204, 301, 302, 400, 401, 404, 429, 500, 503]) | st.integers(0, 999)
LINES = st.text("OK 0123456789\t\nerror:", max_size=30)


def report(body: bytes, status: int = 200) -> Report | Failed:
    return read_report(body, status, smsid="77", zone=AMSTERDAM)


@pytest.mark.parametrize(
    ("body", "smsid"),
    [
        (b"OK", None),
        (b"OK 1234567", "1234567"),
        (b"OK\t1234567", "1234567"),
        (b"  OK   1234567 \r\n", "1234567"),
        (b"\xef\xbb\xbfOK 7\n", "7"),
        (b"\n\xef\xbb\xbf OK", None),
        (b"OK " + b"9" * 20, "9" * 20),
        (b"ok 12", "12"),
        (b"Ok", None),
        (b"OK.", None),
        (b"OK:12", "12"),
        (b"OK = 12", "12"),
        (NOTICE + b"OK 12", "12"),
        (b"PHP Warning:  Undefined index: x in /srv/gateway.php on line 7\n" + NOTICE + b"ok 12\n", "12"),
    ],
)
def test_ok_is_sent_and_its_number_is_the_smsid(body: bytes, smsid: str | None) -> None:
    assert read_send(body, 200) == Outcome(Fate.SENT, Reason.OK, smsid=smsid)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \r\n",
        b"OK12",
        b"OK =",
        NOTICE,
        NOTICE + b"OK 12 x",
        NOTICE.replace(b"on line", b"near") + b"OK 12",
        b"OK 12\n" + NOTICE,
        b"OK " + b"9" * 21,
        b"OK 12 13",
        b"OK 12,13",
        b"OK\n12",
        b"OK 12\nOK 13",
        b"OK -1",
        b"OKAY",
        b"NOT OK",
        b"OK 12\x00",
        b"<html><body>OK 1234567</body></html>",
        "OK 12".encode("utf-16"),
        "OK 1٢".encode(),
        b"OK\xa012",
        b"error",
        b"ERROR",
        b"ERROR x",
        b"ERROR122",
        b"ERROR 12345",
        b"ERROR 12.5",
        b"ERROR 1,200",
        b"ERROR 104x",
        b"ERROR 120\nOK 1234567",
        b"OK 1234567\nERROR 120",
        b"TERROR 122",
        b"476",
        b"099",
        b"127",
        b"0104",
        b"1234567",
        b"-104",
        b"\x1f\x8b\x08\x00",
    ],
)
def test_what_is_neither_ok_nor_an_error_is_unknown(body: bytes) -> None:
    outcome = read_send(body, 200)
    assert (outcome.fate, outcome.reason, outcome.code) == (Fate.UNKNOWN, Reason.UNREADABLE, None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"ERROR 122", 122),
        (b"ERROR: 122", 122),
        (b"ERROR : 122", 122),
        (b"ERROR:122", 122),
        (b"ERR 122", 122),
        (b"err: 122", 122),
        (b"Error 122 no messages found", 122),
        (b"ERROR 108, you have 3 credits", 108),
        (b"ERROR 104<br>", 104),
        (b"ERROR 104: wrong password", 104),
        (b"ERROR 150 - back at 14:00", 150),
        (b"ERROR 116 (ask \xe2\x82\xac support)", 116),
        (b"\xef\xbb\xbf ERROR 122\r\n", 122),
        (b"ERROR 999", 999),
        (b"ERROR 7", 7),
    ],
)
def test_an_error_with_its_number_is_a_refusal(body: bytes, code: int) -> None:
    outcome = read_send(body, 200)
    assert (outcome.fate, outcome.reason, outcome.code) == (Fate.REFUSED, Reason.ERROR_CODE, code)


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_bare_number_of_the_table_is_a_refusal_of_a_send_and_a_balance_of_credits(code: int) -> None:
    body = b" %d\r\n" % code
    assert read_send(body, 200).code == code
    assert read_send(body, 200).fate is Fate.REFUSED
    assert read_credits(body, 200) == code


@pytest.mark.parametrize(
    ("body", "balance"), [(b"476", 476), (b"0", 0), (b"\xef\xbb\xbf12\n", 12), (b"007", 7)]
)
def test_credits_are_a_bare_number(body: bytes, balance: int) -> None:
    assert read_credits(body, 200) == balance


@pytest.mark.parametrize(
    "body", [b"", b"-3", b"4.5", b"1,000", b"OK 476", b"<b>476</b>", b"9" * 5000, b"0x1F", b"+5"]
)
def test_a_balance_that_is_no_plain_number_is_unreadable(body: bytes) -> None:
    failed = read_credits(body, 200)
    assert isinstance(failed, Failed)
    assert (failed.fate, failed.reason) == (Fate.UNKNOWN, Reason.UNREADABLE)


def test_credits_refused_carry_the_code() -> None:
    failed = read_credits(b"ERROR 104", 200)
    assert isinstance(failed, Failed)
    assert (failed.fate, failed.reason, failed.code) == (Fate.REFUSED, Reason.ERROR_CODE, 104)


@pytest.mark.parametrize(
    ("status", "fate", "reason"),
    [
        *(
            (code, Fate.REFUSED, Reason.HTTP_CLIENT_ERROR)
            for code in (400, 401, 403, 404, 405, 413, 414, 429)
        ),
        *((code, Fate.UNKNOWN, Reason.REDIRECT) for code in (301, 302, 303, 307, 308)),
        *((code, Fate.UNKNOWN, Reason.HTTP_SERVER_ERROR) for code in (500, 502, 503, 504)),
        *((code, Fate.UNKNOWN, Reason.UNREADABLE) for code in (0, 101, 201, 204, 206, 600)),
    ],
)
def test_ok_under_any_status_but_200_is_not_sent_for_sure(status: int, fate: Fate, reason: Reason) -> None:
    outcome = read_send(b"OK 1234567", status)
    assert (outcome.fate, outcome.reason, outcome.smsid) == (fate, reason, None)
    for failed in (read_credits(b"476", status), report(b"DELIVERED", status)):
        assert isinstance(failed, Failed)
        assert (failed.fate, failed.reason) == (fate, reason)


def test_a_known_error_under_a_4xx_keeps_its_code_for_both_say_refused() -> None:
    assert read_send(b"ERROR 104", 401).code == 104
    assert read_send(b"ERROR 404", 404).reason is Reason.HTTP_CLIENT_ERROR


@pytest.mark.parametrize("body", [b"ERROR 150", b"ERROR 503", b"150"])
def test_an_error_under_a_5xx_stays_unknown_for_the_server_may_have_failed_after_it_took_the_text(
    body: bytes,
) -> None:
    outcome = read_send(body, 503)
    assert (outcome.fate, outcome.reason, outcome.code) == (Fate.UNKNOWN, Reason.HTTP_SERVER_ERROR, None)
    assert body.decode() in outcome.detail


@pytest.mark.parametrize(
    ("body", "status"),
    [
        *((word.value.encode(), word) for word in DeliveryStatus),
        (b"delivered", DeliveryStatus.DELIVERED),
        (b"NOT_DELIVERED", DeliveryStatus.NOT_DELIVERED),
        (b" Not  Delivered\r\n", DeliveryStatus.NOT_DELIVERED),
    ],
)
def test_a_status_is_read_in_any_case_and_spacing(body: bytes, status: DeliveryStatus) -> None:
    assert report(body) == Report("77", status)


@pytest.mark.parametrize(
    ("told", "utc"),
    [
        ("01/02/2012 10:23:10", datetime(2012, 2, 1, 9, 23, 10, tzinfo=UTC)),
        ("01/07/2026 10:23:10", datetime(2026, 7, 1, 8, 23, 10, tzinfo=UTC)),
        ("25/10/2026 02:30:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # twice: the first is taken
        (
            "29/03/2026 02:30:00",
            datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        ),  # never: as if the clock had not moved
    ],
)
def test_a_time_is_the_gateways_and_comes_out_in_utc(told: str, utc: datetime) -> None:
    assert report(f"DELIVERED {told}".encode()) == Report("77", DeliveryStatus.DELIVERED, utc)


@pytest.mark.parametrize(
    "told", ["00/00/0000 00:00:00", "31/02/2026 10:00:00", "01/01/2026 25:00:00", "01/01/0001 00:00:00"]
)
def test_a_status_with_an_impossible_time_is_a_status_without_time(told: str) -> None:
    assert report(f"NOT_DELIVERED {told}".encode()) == Report("77", DeliveryStatus.NOT_DELIVERED)


@pytest.mark.parametrize(
    "body", [b"", b"OK", b"DELIVERED yes", b"UNDELIVERED", b"<p>DELIVERED</p>", b"DELIVERED 1/2/2012"]
)
def test_a_report_in_no_known_words_is_unreadable(body: bytes) -> None:
    failed = report(body)
    assert isinstance(failed, Failed)
    assert (failed.fate, failed.reason) == (Fate.UNKNOWN, Reason.UNREADABLE)


@pytest.mark.parametrize("body", [b"ERROR 124", b"124"])
def test_a_report_on_a_number_the_gateway_does_not_know_is_refused(body: bytes) -> None:
    failed = report(body)
    assert isinstance(failed, Failed)
    assert (failed.reason, failed.code) == (Reason.ERROR_CODE, 124)


def test_a_call_back_tells_smsid_status_time_and_reference() -> None:
    params = {
        "smsid": "1234567",
        "datum": "20260701102310",
        "status": "not_delivered",
        "referentie": "m-42.1",
    }
    at = datetime(2026, 7, 1, 8, 23, 10, tzinfo=UTC)
    expected = Report("1234567", DeliveryStatus.NOT_DELIVERED, at, "m-42.1")
    assert read_callback(params, zone=AMSTERDAM) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"smsid": ""},
        {"smsid": "1 or 1=1"},
        {"smsid": "٣"},
        {"smsid": "1" * 21},
        {"status": "FINE"},
        {"status": ""},
    ],
)
def test_a_call_back_without_a_real_smsid_and_status_is_none(wrong: dict[str, str]) -> None:
    assert read_callback({"smsid": "1", "status": "DELIVERED", **wrong}, zone=AMSTERDAM) is None
    assert read_callback({}, zone=AMSTERDAM) is None


@pytest.mark.parametrize(
    "odd",
    [{"datum": "yesterday"}, {"datum": "20261301000000"}, {"referentie": "x" * 76}, {"referentie": "a\r\nb"}],
)
def test_an_odd_time_or_reference_in_a_call_back_is_left_out(odd: dict[str, str]) -> None:
    params = {"smsid": "1", "status": "DELIVERED", **odd}
    assert read_callback(params, zone=AMSTERDAM) == Report("1", DeliveryStatus.DELIVERED)


@given(BODIES, STATUSES)
@settings(deadline=None, max_examples=400)
def test_any_bytes_give_a_value_and_sent_only_by_the_grammar(body: bytes, status: int) -> None:
    outcome = read_send(body, status)
    trimmed = body.strip().removeprefix(b"\xef\xbb\xbf").strip()
    while trimmed.startswith(NOTICE):
        trimmed = trimmed.removeprefix(NOTICE).lstrip()
    ok = rb"(?i)OK(([ \t]*[:=][ \t]*|[ \t]+)[0-9]{1,20})?\.?"
    by_grammar = status == 200 and re.fullmatch(ok, trimmed) is not None
    assert (outcome.fate is Fate.SENT) == by_grammar
    assert outcome.fate is not Fate.NOT_SENT
    for failed in (outcome, read_credits(body, status), report(body, status)):
        if isinstance(failed, Outcome | Failed):
            assert len(failed.detail) <= 200
            assert failed.detail.isascii()
            assert failed.detail.isprintable()
            assert not re.search(r"[0-9]{7}", failed.detail)


@given(LINES)
@settings(deadline=None, max_examples=200)
def test_an_answer_with_something_before_ok_is_never_sent(text: str) -> None:
    body = b"x" + text.encode()
    assert read_send(body, 200).fate is not Fate.SENT


@given(
    st.dictionaries(st.sampled_from(["smsid", "datum", "status", "referentie"]), st.text(max_size=90)),
    st.sampled_from(DeliveryStatus),
)
@settings(deadline=None, max_examples=200)
def test_any_call_back_gives_a_value(params: dict[str, str], status: DeliveryStatus) -> None:
    assert read_callback(params, zone=AMSTERDAM) is None or params["smsid"].strip().isdigit()
    assert read_callback({**params, "smsid": "5", "status": status.value}, zone=AMSTERDAM) is not None


@given(st.text(max_size=400))
@settings(deadline=None, max_examples=200)
def test_a_detail_is_short_printable_ascii_without_phone_numbers(text: str) -> None:
    detail = clean(text)
    assert len(detail) <= 200
    assert detail.isascii()
    assert detail.isprintable()
    assert not re.search(r"[0-9]{7}", detail)


@pytest.mark.parametrize(
    "number", ["+32470000001", "32470000001", "+32 470 00 00 01", "0470/00.00.01", "(0470) 00-00-01"]
)
def test_a_phone_number_is_masked_however_it_is_spaced(number: str) -> None:
    assert clean(f"no route to {number} today") in (
        "no route to [number] today",
        "no route to +[number] today",
        "no route to ([number] today",
    )


def test_a_detail_cut_at_its_end_shows_no_part_of_a_number() -> None:
    assert "3247" not in clean("x" * 192 + " 32470000001")


@pytest.mark.parametrize(
    "page",
    [
        b"not found: /gateway.php?klantuser=a&klantpwd=somethingelse",
        b"you sent hunter2-GEHEIM",
        b"you sent HUNTER2-geheim",
        b"you sent hunter2\r\n-geheim",
        "you sent hunter2-geheim".encode("utf-16"),
    ],
)
@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_an_answer_that_repeats_the_credentials_is_not_quoted(page: bytes, status: int) -> None:
    outcome = read_send(page, status, (Secret("hunter2-geheim"),))
    assert "repeats our credentials" in outcome.detail
    assert "somethingelse" not in outcome.detail
    assert "h u n t e r" not in outcome.detail
    assert "hunter2" not in outcome.detail.lower()


def test_an_answer_without_credentials_is_quoted_for_the_operator() -> None:
    assert read_send(b"<h1>Wartung</h1>", 200, (Secret("geheim"),)).detail == "<h1>Wartung</h1>"
    assert read_send(b"", 200, (Secret("geheim"),)).detail == "(an empty answer)"
    assert read_send(b"Not here", 404).detail == "HTTP 404: Not here"

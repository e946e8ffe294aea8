"""A fault costs the one alert that has it: its neighbours in the same request, line or list are told as if it were not there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.alert import Alert, Delivery, Handed
from sms_notify.errors import ParseError
from sms_notify.sources import alertmanager, generic, grafana, hook_record, json_reading, zabbix

AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)


def piped(body: bytes) -> Delivery:
    return hook_record.parse(Handed("pipe", AT, (), {}, body))


@dataclass(frozen=True)
class Form:
    """A way in which several alerts stand in one body; the last is closed by `after`."""

    parse: Callable[[bytes], Delivery]
    before: bytes
    between: bytes
    after: bytes

    def body(self, alerts: list[bytes]) -> bytes:
        return self.before + self.between.join(alerts) + self.after


FORMS = {
    "alertmanager": Form(alertmanager.parse, b'{"version":"4","groupKey":"g","alerts":[', b",", b"]}"),
    "alertmanager, more after": Form(
        alertmanager.parse, b'{"alerts": [', b", ", b'], "groupKey":"g","status":"firing"}'
    ),
    "grafana": Form(grafana.parse, b'{"orgId":1,"alerts":[\n', b",\n", b"\n]}"),
    "list": Form(generic.parse, b"[", b",", b"]"),
    "list on lines": Form(generic.parse, b"[\n  ", b",\n  ", b"\n]\n"),
    "lines": Form(generic.parse, b"", b"\n", b"\n"),
    "object": Form(generic.parse, b'{"alerts":[', b",", b"]}"),
    "piped lines": Form(piped, b"", b"\n", b"\n"),
    "piped list": Form(piped, b"[", b", ", b"]"),
}

GOOD = st.builds(
    lambda name, host, summary: {
        "labels": {"alertname": name, "host": host, "severity": "critical"},
        "annotations": {"summary": summary},
        "status": "firing",
        "startsAt": "2026-11-22T12:00:00Z",
    },
    st.sampled_from(["DiskFull", "HostDown", "Slow"]),
    st.sampled_from(["db1", "web 7", "Zürich"]),
    st.sampled_from(
        ["97 %", "a, {b} [c]", 'says "no" \\ \n twice', "}, {", "caf\u00e9 \U0001f525", '"alerts":[']
    ),
)

# Faults after which nobody can say what the alert was to be.
LOST: dict[str, bytes] = {
    "two texts without a comma": b'{"name":"bad" "x"}',
    "a word": b"oops",
    "a word in the place of a value": b'{"name":"bad","labels":{"a":b}}',
    "a word in the place of a name": b"{name: 1}",
    "labels that are a number": b'{"name":"bad","labels":7}',
    "labels that are a text": b'{"labels":"host=db1"}',
    "labels that are a list": b'{"labels":[{"name":"a"}]}',
    "a number": b"7",
    "null": b"null",
    "a quote too few": b'{"name":"bad}',
    "a quote too many": b'{"name":"ba"d"}',
    "a bracket too few": b'{"name":"bad","labels":{"a":"b"}',
    "a bracket of the wrong kind": b'{"name":"bad"]',
    "nested beyond reason": b'{"labels":{"a":' + b"[" * 900 + b"]" * 900 + b"}}",
    "nested beyond all reason": b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    "two colons": b'{"name"::"bad"}',
    "single quotes": b"{'name': 'bad', \"x\": 1}",
}
# Faults that leave no doubt: the alert is told as well.
MENDED: dict[str, bytes] = {
    "an invalid byte": b'{"name":"b\xffd","summary":"x"}',
    "Latin-1": '{"name":"Zürich"}'.encode("latin-1"),
    "half an emoji": b'{"name":"bad \\ud83d"}',
    "half an emoji in a nested value": b'{"name":"bad","labels":{"a":["\\ud83d"]}}',
    "a surrogate that was encoded": b'{"name":"bad \xed\xa0\xbd"}',
    "NaN": b'{"name":"bad","value":NaN,"labels":{"a":-Infinity}}',
    "a comma at the end": b'{"name":"bad","labels":{"a":"b",},}',
    "a line end within a text": b'{"name":"bad","summary":"one\ttwo"}',
    "a backslash that escapes nothing": rb'{"name":"bad","summary":"C:\Windows \d"}',
    "a number too large": b'{"name":"bad","value":' + b"9" * 5_000 + b"}",
    "a number with too large a power": b'{"name":"bad","value":1e999}',
    "annotations that are a text": b'{"name":"bad","annotations":"disk full"}',
    "a NUL": b'{"name":"b\\u0000d"}',
    "a control character": b'{"name":"b\x01d"}',
}


def meaning(alerts: tuple[Alert, ...]) -> list[Alert]:
    return list(alerts)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("fault", [*LOST, *MENDED])
@given(data=st.data())
@settings(max_examples=4, deadline=None)
def test_the_neighbours_of_a_faulty_alert_are_told_as_if_it_were_not_there(
    form: str, fault: str, data: st.DataObject
) -> None:
    way = FORMS[form]
    good = [
        json.dumps(one, ensure_ascii=False).encode()
        for one in data.draw(st.lists(GOOD, min_size=2, max_size=5))
    ]
    # How a text begins says that it is JSON at all.
    place = data.draw(st.integers(1 if way.parse is piped else 0, len(good)))
    bad = (LOST | MENDED)[fault]

    told = way.parse(way.body([*good[:place], bad, *good[place:]]))

    without = way.parse(way.body(good))
    alerts = list(told.alerts)
    if fault in MENDED:
        assert told.unread == ()
        alerts.pop(place)
    else:
        assert len(told.unread) == 1
        assert told.unread[0].why
    assert alerts == list(without.alerts)
    assert told.group == without.group


@pytest.mark.parametrize("form", FORMS)
@given(
    bad=st.lists(st.sampled_from([*LOST.values(), *MENDED.values()]), min_size=1, max_size=4), data=st.data()
)
@settings(max_examples=25, deadline=None)
def test_several_faults_in_one_body_cost_no_good_alert(
    form: str, bad: list[bytes], data: st.DataObject
) -> None:
    way = FORMS[form]
    good = [
        json.dumps({"labels": {"alertname": f"good{n}"}, "annotations": {"summary": "x"}}).encode()
        for n in range(3)
    ]
    mixed = [good[0], *data.draw(st.permutations([*good[1:], *bad]))]
    told = {alert.labels.get("alertname") for alert in way.parse(way.body(mixed)).alerts}
    assert {"good0", "good1", "good2"} <= told


def test_a_reason_names_the_alert_and_the_place_and_quotes_nothing() -> None:
    body = b'{"name":"a"}\n{"password":"hunter2" "x"}\n{"name":"c"}'
    told = generic.parse(body)
    assert [alert.labels["alertname"] for alert in told.alerts] == ["a", "c"]
    (unread,) = told.unread
    assert unread.why == "alert 2 is not JSON: Expecting ',' delimiter: line 2 column 23"
    assert unread.body == b'{"password":"hunter2" "x"}'


def test_where_nothing_can_be_read_the_whole_is_refused() -> None:
    for body in (b'{"name":"bad" "x"}', b'[{"labels":7}]', b'{"a" 1}\n{"b" 2}', b'{"alerts":[{"labels":7}]}'):
        with pytest.raises(ParseError):
            generic.parse(body)


def test_two_alerts_that_differ_in_a_byte_that_is_no_text_stay_two() -> None:
    one, other = generic.parse(b'[{"name":"Z\xfcrich"},{"name":"Z\xf6rich"}]').alerts
    assert one.labels == other.labels == {"alertname": "Z\ufffdrich"}
    assert one.fingerprint != other.fingerprint


def test_what_has_no_fault_means_the_same_beside_one() -> None:
    value = {"a": [1, 1.5, 2**64 - 1, -3, True, None, "x\n\u00e9"], "b": {"c": {}}}
    raw = json.dumps(value).encode()
    assert json_reading.read(b"[" + raw + b", {'x'}]")[0] == [value]
    assert json_reading.read(b"[" + raw + b",]")[0] == [value]


def test_what_stands_behind_a_payload_or_between_two_is_named() -> None:
    told = alertmanager.parse(b'{"alerts":[{"labels":{"a":"b"}}]} trailing')
    assert (len(told.alerts), told.unread[0].body) == (1, b"trailing")
    assert len(generic.parse(b'[{"name":"a"}]\n[{"name":"b"}]').alerts) == 2
    assert len(generic.parse(b'{"name":"a"}}\n{"name":"b"}').alerts) == 2


def test_a_body_that_was_cut_off_tells_what_is_whole() -> None:
    whole = (
        b'{"alerts":[{"labels":{"alertname":"a"}},{"labels":{"alertname":"b"}},{"labels":{"alertname":"c"}}]}'
    )
    names = [alert.labels["alertname"] for alert in alertmanager.parse(whole[:-20]).alerts]
    assert names == ["a", "b"]


def test_the_parameters_of_zabbix_are_mended_as_well() -> None:
    body = b'{"EVENT.NAME":"Temp\xe9rature \\ud83d","EVENT.ID":"17","EVENT.VALUE":"1",}'
    (alert,) = zabbix.parse(body).alerts
    assert (alert.fingerprint, alert.labels["alertname"]) == ("17", "Temp\ufffdrature \ufffd")


@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from(
            [
                b'{"',
                b'"',
                b":",
                b"{",
                b"}",
                b"[",
                b"]",
                b",",
                b"\n",
                b"x",
                b"\\",
                b'"alerts":[',
                b"\xff",
                b"1",
            ]
        ),
        max_size=60,
    ).map(b"".join)
)
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        value, unread = json_reading.read(body)
    except ParseError:
        return
    assert value is not None or not unread


@pytest.mark.parametrize(
    "piece",
    [b'{"a":1,"b"', b',{"', b'\\"', b'{"a":[1,', b"[{", b'{"a" "b"},', b'\n{"a":"', b'"', b"{,", b'{"x":1}]'],
    ids=repr,
)
def test_a_hostile_body_is_given_up_soon(piece: bytes) -> None:
    for start in (b"[", b"{", b'{"alerts":['):
        body = start + piece * (1_000_000 // len(piece))
        began = time.process_time()
        with suppress(ParseError):
            json_reading.read(body)
        assert time.process_time() - began < 8

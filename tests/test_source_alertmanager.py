"""Alertmanager's webhook bodies, recorded from Alertmanager 0.25.0, and what nobody should send."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.alert import Alert, Delivery, Status, fingerprint_of
from sms_notify.errors import ParseError
from sms_notify.sources import input_limits, json_reading
from sms_notify.sources.alertmanager import parse
from sms_notify.sources.times import parse_rfc3339

PAYLOADS = Path(__file__).parent / "payloads"
RECORDED = sorted(
    path.relative_to(PAYLOADS).with_suffix("").as_posix()
    for folder in ("alertmanager", "prometheus/to-webhook-through-alertmanager")
    for path in (PAYLOADS / folder).rglob("*.json")
)
# One letter an alert, in the order sent; what is not named here is one firing alert.
STATUSES = {
    "alertmanager/big-group/001": "f" * 120,
    "alertmanager/group/001": "fff",
    "alertmanager/group/002": "rrr",
    "alertmanager/group-by-none/001": "ff",
    "alertmanager/mixed/001": "fff",
    "alertmanager/mixed/002": "rff",
    "alertmanager/mixed/003": "fff",
    "alertmanager/mixed/004": "rrr",
    "alertmanager/no-resolved/001": "ff",
    "alertmanager/repeat/005": "r",
    "alertmanager/single/002": "r",
    "alertmanager/text/012": "r",
    "alertmanager/truncated/001": "ff",
    "alertmanager/truncated/002": "rr",
    "prometheus/to-webhook-through-alertmanager/001": "ff",
    "prometheus/to-webhook-through-alertmanager/002": "rr",
}


def recording(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return loaded


def body_of(name: str) -> bytes:
    raw: str = recording(name)["body_raw"]
    return raw.encode()


def payload(*alerts: object, **fields: object) -> bytes:
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts, **fields}).encode()


def only(body: bytes) -> Alert:
    (alert,) = parse(body).alerts
    return alert


def letters(delivery: Delivery) -> str:
    return "".join(alert.status.value[0] for alert in delivery.alerts)


# What Alertmanager sends


def test_every_recording_is_looked_at() -> None:
    assert len(RECORDED) >= 120
    assert set(STATUSES) <= set(RECORDED)


@pytest.mark.parametrize("name", [name for name in RECORDED if recording(name)["body_raw"]])
def test_every_recorded_body_gives_its_alerts_with_their_own_status(name: str) -> None:
    body = body_of(name)
    delivery = parse(body)
    assert letters(delivery) == STATUSES.get(name, "f")
    sent = json.loads(body)
    assert delivery.group == sent["groupKey"][: input_limits.MAX_GROUP]
    assert [alert.fingerprint for alert in delivery.alerts] == [one["fingerprint"] for one in sent["alerts"]]
    assert all(alert.starts_at is not None for alert in delivery.alerts)
    assert [alert.ends_at is None for alert in delivery.alerts] == [c == "f" for c in letters(delivery)]


@pytest.mark.parametrize("name", [name for name in RECORDED if not recording(name)["body_raw"]])
def test_a_redirected_get_without_body_is_refused_and_not_taken_for_zero_alerts(name: str) -> None:
    assert recording(name)["request_line"].startswith("GET ")
    with pytest.raises(ParseError, match="not JSON"):
        parse(body_of(name))


def test_the_recordings_hold_both_kinds() -> None:
    kinds = Counter(bool(recording(name)["body_raw"]) for name in RECORDED)
    assert kinds[False] == 3
    assert kinds[True] == len(RECORDED) - 3


def test_a_resolved_group_with_hidden_alerts_tells_how_many_are_hidden() -> None:
    delivery = parse(body_of("alertmanager/truncated/002"))
    assert (letters(delivery), delivery.hidden) == ("rr", 3)


def test_labels_annotations_and_times_arrive_as_they_were_sent() -> None:
    alert = only(body_of("alertmanager/single/001"))
    assert alert.source == "alertmanager"
    assert alert.labels["instance"] == "db1.example.net:9100"
    assert alert.annotations["summary"] == "DiskFull is bad"
    assert alert.starts_at == datetime(2026, 11, 22, 13, 41, 45, 93665, UTC)
    assert alert.ends_at is None


def test_awkward_texts_can_be_stored_and_keep_everything_but_nul() -> None:
    for name in (name for name in RECORDED if "/text/" in name):
        alert, sent = only(body_of(name)), json.loads(body_of(name))["alerts"][0]
        said = {key: text for key, text in alert.annotations.items() if key != "generatorURL"}
        for field, texts in (("labels", alert.labels), ("annotations", said)):
            assert set(texts) == set(sent[field])
            for key, value in texts.items():
                value.encode()
                assert value == sent[field][key][: input_limits.MAX_VALUE].replace("\0", "\ufffd")


def test_a_repeat_after_a_restart_is_equal_to_the_first_message() -> None:
    assert parse(body_of("alertmanager/restart/kill/001")) == parse(body_of("alertmanager/restart/kill/002"))


# What is missing


def test_an_alert_without_any_field_is_still_told() -> None:
    alert = only(payload({}))
    assert alert == Alert("alertmanager", fingerprint_of({}), Status.FIRING, {}, {}, once=True)


def test_without_a_fingerprint_the_labels_name_the_alert() -> None:
    labels = {"alertname": "HostDown", "instance": "web1"}
    assert only(payload({"labels": labels})).fingerprint == fingerprint_of(labels)
    assert only(payload({"labels": labels, "fingerprint": ""})).fingerprint == fingerprint_of(labels)


@pytest.mark.parametrize(
    ("alert", "group", "expected"),
    [
        ("resolved", "firing", Status.RESOLVED),
        ("firing", "resolved", Status.FIRING),
        (None, "resolved", Status.RESOLVED),
        ("", "resolved", Status.RESOLVED),
        (None, None, Status.FIRING),
        ("suppressed", "resolved", Status.FIRING),
        (7, "resolved", Status.FIRING),
        (" Resolved ", "firing", Status.RESOLVED),
    ],
)
def test_the_alerts_own_status_counts_then_the_groups_then_firing(
    alert: object, group: object, expected: Status
) -> None:
    assert only(payload({"status": alert}, status=group)).status is expected


def test_a_missing_group_status_means_firing() -> None:
    assert only(b'{"alerts":[{"labels":null,"annotations":null}]}').status is Status.FIRING


def test_values_that_are_no_strings_become_their_text() -> None:
    labels = {"a": 5, "b": 1.5, "c": True, "d": None, "e": [1, "x"], "f": {"g": 1}}
    expected = {"a": "5", "b": "1.5", "c": "true", "d": "", "e": '[1,"x"]', "f": '{"g":1}'}
    assert only(payload({"labels": labels})).labels == expected


def test_an_empty_list_is_accepted_and_holds_nothing() -> None:
    assert parse(payload()) == Delivery("alertmanager", ())


@pytest.mark.parametrize("version", ["3", "5", 4, None, {}])
def test_an_unknown_version_is_accepted_when_it_has_alerts(version: object) -> None:
    assert len(parse(payload({}, version=version)).alerts) == 1


def test_two_alerts_with_one_fingerprint_are_both_kept_in_order() -> None:
    body = payload({"fingerprint": "ab", "status": "firing"}, {"fingerprint": "ab", "status": "resolved"})
    assert letters(parse(body)) == "fr"


@pytest.mark.parametrize(("count", "hidden"), [(3, 3), (0, 0), (-1, 0), ("3", 0), (True, 0), (10**12, 10**6)])
def test_a_count_of_hidden_alerts_is_a_sensible_number(count: object, hidden: int) -> None:
    assert parse(payload({}, truncatedAlerts=count)).hidden == hidden


# What is hostile


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"7",
        b'"alerts"',
        b"[]",
        b"{}",
        b'{"alerts":null}',
        b'{"alerts":{}}',
        b'{"alerts":[null]}',
        b'{"alerts":[{"labels":[]}]}',
        b'{"alerts":[]} x',
        b"[" * 100_000,
        b'{"alerts":' * 100_000,
        b'{"alerts":[{"labels":{"a":' + b"[" * 900 + b"]" * 900 + b"}}]}",
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_what_alertmanager_never_sends_is_refused_with_a_text_of_one_line(body: bytes) -> None:
    with pytest.raises(ParseError) as refused:
        parse(body)
    assert 10 < len(str(refused.value)) < 200
    assert "\n" not in str(refused.value)


def test_a_list_gets_the_hint_that_prometheus_posts_to_the_wrong_address() -> None:
    with pytest.raises(ParseError, match="Prometheus"):
        parse(b'[{"labels":{}}]')


def test_the_reason_names_the_alert_that_is_wrong_and_the_others_are_taken() -> None:
    told = parse(payload({}, {"labels": 7}))
    assert (len(told.alerts), [part.why for part in told.unread]) == (
        1,
        ["alerts[1].labels is not an object"],
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"alerts":[{}],"n":NaN}',
        b'{"alerts":[{}],"n":' + b"9" * 5_000 + b"}",
        b'\xef\xbb\xbf{"alerts":[{}]}',
        '{"alerts":[{}]}'.encode("utf-16"),
        b'{"alerts":[{"labels":{"a":"\xff"}}]}',
        b'{"alerts":[{"labels":{"a":"\\ud800"}}]}',
        b'{"alerts":[{"annotations":"x"}]}',
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_a_fault_that_leaves_no_doubt_costs_no_alert(body: bytes) -> None:
    assert (len(parse(body).alerts), parse(body).unread) == (1, ())


def test_a_refusal_quotes_nothing_of_the_body() -> None:
    with pytest.raises(ParseError) as refused:
        parse(b'{"alerts":[{"labels":"hunter2"}],"x":"hunter2"}')
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("given_name", ["a b", "x" * 65, "é", "a\nb", "../../etc", "a\0", ["x"], 1.5])
def test_an_unfit_fingerprint_is_replaced_by_one_of_its_own(given_name: object) -> None:
    alert = only(payload({"fingerprint": given_name}))
    assert len(alert.fingerprint) == 16
    assert alert.fingerprint.isalnum()
    assert alert.fingerprint != fingerprint_of({})
    assert alert == only(payload({"fingerprint": given_name}))


def test_a_label_bomb_is_cut_and_the_other_alerts_are_still_told() -> None:
    bomb = {f"label_{number:05}": "v" for number in range(10_000)}
    bomb |= {"alertname": "HostDown", "n" * 70_000: "v"}
    big, long, good = parse(
        payload(
            {"labels": bomb, "annotations": bomb},
            {"labels": {"a": "v" * 1_000_000, "n" * 70_000: "v"}},
            {"labels": {"alertname": "Good"}},
        )
    ).alerts
    assert len(big.labels) == len(big.annotations) == 200
    assert big.labels["alertname"] == "HostDown"
    assert [len(value) for value in long.labels.values()] == [4_096, 1]
    assert max(map(len, long.labels)) == 256
    assert good.labels == {"alertname": "Good"}


def test_which_labels_of_a_bomb_are_kept_does_not_depend_on_their_order() -> None:
    pairs = [(f"label_{number}", str(number)) for number in range(1_000)]
    one = only(payload({"labels": dict(pairs)}))
    other = only(payload({"labels": dict(reversed(pairs))}))
    assert one == other


def test_alerts_that_differ_only_beyond_the_cut_stay_two() -> None:
    one, other = parse(payload(*({"labels": {"a": "v" * 5_000 + end}} for end in "xy"))).alerts
    assert one.labels == other.labels
    assert one.fingerprint != other.fingerprint


def test_ten_thousand_alerts_in_one_payload_are_all_told() -> None:
    body = payload(*({"labels": {"alertname": "HostDown", "instance": f"web{n}"}} for n in range(10_000)))
    assert len({alert.fingerprint for alert in parse(body).alerts}) == 10_000


def test_millions_of_empty_alerts_are_refused() -> None:
    with pytest.raises(ParseError, match="at most 100000"):
        parse(b'{"alerts":[' + b"{}," * 100_000 + b"{}]}")


def test_a_huge_group_key_is_cut_and_cleaned() -> None:
    assert parse(payload(groupKey="\0" + "k" * 5_000)).group == "\ufffd" + "k" * 1_023


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("status", "labels", "annotations", "startsAt", "endsAt", "fingerprint", "generatorURL")
ALERTS = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON_VALUES))
BODIES = st.binary(max_size=200) | st.builds(
    lambda alerts, fields: orjson.dumps({**fields, "alerts": alerts}),
    st.lists(ALERTS | JSON_VALUES, max_size=3) | JSON_VALUES,
    st.dictionaries(st.sampled_from(["status", "groupKey", "truncatedAlerts", "version"]), JSON_VALUES),
)


@given(body=BODIES)
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_a_delivery_that_can_be_stored_or_a_parse_error(body: bytes) -> None:
    try:
        delivery = parse(body)
    except ParseError:
        return
    for text in [delivery.group, *(text for alert in delivery.alerts for text in texts_of(alert))]:
        assert "\0" not in text
        text.encode()
    listed = json_reading.read(body)[0]["alerts"]
    assert len(delivery.alerts) + len(delivery.unread) >= len(listed)


def texts_of(alert: Alert) -> list[str]:
    maps = (alert.labels, alert.annotations)
    return [alert.fingerprint, *(text for one in maps for pair in one.items() for text in pair)]


# Times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T13:41:45Z", datetime(2026, 11, 22, 13, 41, 45, 0, UTC)),
        ("2026-11-22T13:41:45.9Z", datetime(2026, 11, 22, 13, 41, 45, 900_000, UTC)),
        ("2026-11-22T13:41:45.17774Z", datetime(2026, 11, 22, 13, 41, 45, 177_740, UTC)),
        ("2026-11-22T13:41:45.907114049Z", datetime(2026, 11, 22, 13, 41, 45, 907_114, UTC)),
        ("2026-11-22T14:41:45+01:00", datetime(2026, 11, 22, 13, 41, 45, 0, UTC)),
        ("2026-11-22T08:11:45.5-05:30", datetime(2026, 11, 22, 13, 41, 45, 500_000, UTC)),
        ("2026-11-22t13:41:45z", datetime(2026, 11, 22, 13, 41, 45, 0, UTC)),
        ("2026-06-30T23:59:60Z", datetime(2026, 6, 30, 23, 59, 59, 0, UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, 0, UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, 0, 0, 0, 0, UTC)),
    ],
)
def test_times_are_read_with_any_fraction_and_offset(text: str, expected: datetime) -> None:
    assert parse_rfc3339(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2026-02-30T00:00:00Z",
        "2026-11-22T13:41:61Z",
        "2026-11-22T13:41:45",
        "2026-11-22",
        "2026-11-22T13:41:45+99:00",
        "٢٠٢٦-11-22T13:41:45Z",
        "2026-11-22T13:41:45Z\n",
        "yesterday",
        "",
        None,
        1_795_354_905,
        ["2026-11-22T13:41:45Z"],
    ],
)
def test_a_time_that_is_not_set_or_not_one_is_none(text: object) -> None:
    assert parse_rfc3339(text) is None


@given(
    moment=st.datetimes(min_value=datetime(2, 1, 2), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants it
    digits=st.integers(0, 9),
)
@settings(max_examples=200, deadline=None)
def test_every_moment_that_go_writes_is_read_back_to_the_microsecond(moment: datetime, digits: int) -> None:
    fraction = f"{moment.microsecond:06}000"[:digits]
    text = f"{moment.year:04}-{moment:%m-%dT%H:%M:%S}" + (f".{fraction}" if digits else "") + "Z"
    assert parse_rfc3339(text) == moment.replace(microsecond=int(fraction[:6].ljust(6, "0")))


@given(text=st.text(max_size=40))
@settings(max_examples=200, deadline=None)
def test_any_text_gives_a_moment_in_utc_or_none(text: str) -> None:
    moment = parse_rfc3339(text)
    assert moment is None or moment.tzinfo is UTC

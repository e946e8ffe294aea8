"""What an alert of JSON is known by: a table of pairs, for each field that may name it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import pytest

from sms_notify.alert import OPENED_BY, OWN_ID, Alert, Delivery, Status
from sms_notify.sources import alertmanager, generic, grafana
from sms_notify.sources.generic import OWN_IDS, ROW_IDS

Fields = dict[str, object]
DISK: Fields = {"name": "Disk", "host": "db1"}


def one(fields: Fields) -> Alert:
    (alert,) = generic.parse(orjson.dumps(fields)).alerts
    return alert


def at_alertmanager(fields: Fields) -> Alert:
    (alert,) = alertmanager.parse(orjson.dumps({"alerts": [fields]})).alerts
    return alert


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        # its fingerprint, before all else
        ({"fingerprint": "f"}, {"fingerprint": "f", **DISK}, True),
        ({"fingerprint": "f", **DISK}, {"fingerprint": "g", **DISK}, False),
        ({"fingerprint": "f", "alert_uid": "1"}, {"fingerprint": "f", "alert_uid": "2"}, True),
        ({"fingerprint": "f", "source": "a"}, {"fingerprint": "f", "source": "b"}, False),
        # its own id, with host and alertname
        *(({**DISK, name: "1"}, {**DISK, name: "2"}, False) for name in (*OWN_IDS, *ROW_IDS)),
        *(({**DISK, name: "1"}, {**DISK, name: "1", "text": "x"}, True) for name in (*OWN_IDS, *ROW_IDS)),
        *(({**DISK, name: "1"}, {**DISK, "host": "db2", name: "1"}, False) for name in OWN_IDS),
        *(({**DISK, name: "1"}, {**DISK, "name": "Fan", name: "1"}, False) for name in OWN_IDS),
        *(({**DISK, name: "1"}, {**DISK, "team": "dba", name: "1"}, True) for name in OWN_IDS),
        *(({**DISK, name: "1"}, {**DISK, "team": "dba", name: "1"}, False) for name in ROW_IDS),
        ({**DISK, "alertUid": "1"}, {**DISK, "alert_uid": 1}, True),
        ({**DISK, "dedupKey": "1"}, {**DISK, "DEDUP_KEY": "1"}, True),
        ({**DISK, "alert_uid": "1", "source": "a"}, {**DISK, "alert_uid": "1", "source": "b"}, False),
        ({"name": "Disk", "instance": "db1", "alert_uid": "1"}, {**DISK, "alert_uid": "1"}, True),
        ({**DISK, "alert_uid": "1"}, {**DISK, "alert_uid": ""}, False),
        # the labels
        (DISK, {**DISK, "text": "/var is full", "severity": "critical"}, True),
        (DISK, {**DISK, "host": "db2"}, False),
        ({"host": "db1", "text": "a"}, {"host": "db1", "text": "b"}, True),
        # the words
        ({"text": "A is down"}, {"text": "A is down", "status": "ok"}, True),
        ({"text": "A is down"}, {"text": "B is down"}, False),
        ({"text": "A", "severity": "critical"}, {"text": "A", "severity": "warning"}, True),
        ({"text": "A", "team": "x", "source": "cron"}, {"text": "B", "team": "x", "source": "cron"}, False),
        ({"labels": {"severity": "critical"}, "text": "A"}, {"labels": {"severity": "critical"}, "text": "B"}, False),
        ({"host": " ", "text": "A"}, {"host": " ", "text": "B"}, False),
        ({"text": "A", "alert_uid": " "}, {"text": "B", "alert_uid": " "}, False),
        ({"text": "A", "details": "on db1"}, {"text": "A", "details": "on db2"}, False),
        ({"annotations": {"summary": "A"}}, {"text": "A"}, True),
    ],
)  # fmt: skip
def test_two_posts_are_about_one_problem_where_what_names_it_is_the_same(
    first: Fields, second: Fields, same: bool
) -> None:
    assert (one(first).fingerprint == one(second).fingerprint) is same


@pytest.mark.parametrize(
    ("fields", "notice"),
    [
        ({"text": "A is down"}, True),
        ({"severity": "critical"}, True),
        ({"text": "A is down", "severity": "critical", "team": "x", "cluster": "c", "source": "cron"}, True),
        ({"text": "A is down", "host": "db1"}, False),
        ({"text": "A is down", "alert_uid": "1"}, False),
        ({"text": "A is down", "fingerprint": "f"}, False),
        ({"text": "A is down", "service": "web"}, False),
    ],
)
def test_a_notice_is_what_nothing_but_its_words_names(fields: Fields, notice: bool) -> None:
    assert one(fields).once is notice


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"annotations": {"summary": "A"}}, {"annotations": {"summary": "B"}}, False),
        ({"annotations": {"summary": "A"}}, {"annotations": {"summary": "A"}}, True),
        (
            {"annotations": {"summary": "A"}, "fingerprint": "f"},
            {"annotations": {"summary": "B"}, "fingerprint": "f"},
            True,
        ),
        (
            {"labels": {"alertname": "x"}, "annotations": {"summary": "A"}},
            {"labels": {"alertname": "x"}},
            True,
        ),
    ],
)
def test_annotations_alone_at_alertmanagers_path_are_known_by_their_words(
    first: Fields, second: Fields, same: bool
) -> None:
    assert (at_alertmanager(first).fingerprint == at_alertmanager(second).fingerprint) is same


def test_the_own_id_and_what_it_would_be_known_by_without_are_beside_the_name() -> None:
    with_id, without = one({**DISK, "alert_uid": "7"}), one(DISK)

    assert with_id.alike == without.fingerprint == without.alike
    assert with_id.before == (without.fingerprint,)
    assert with_id.own_id == one({"alert_uid": "7", "status": "ok"}).own_id
    assert with_id.annotations == {OWN_ID: "7"}
    assert (without.own_id, without.before) == ("", ())


# What ends it.

PAST, AHEAD, ZERO = "2026-11-22T11:00:00Z", "2099-01-01T00:00:00Z", "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("fields", "status", "told", "doubtful"),
    [
        ({}, "firing", False, False),
        ({"status": "ok"}, "resolved", True, False),
        ({"status": "firing", "level": "ok"}, "firing", True, False),
        ({"level": "OK"}, "resolved", True, False),
        ({"severity": "cleared"}, "resolved", True, False),
        ({"level": "critical"}, "firing", False, False),
        ({"resolved": True}, "resolved", True, False),
        ({"resolved": "true"}, "resolved", True, False),
        ({"resolved": "YES"}, "resolved", True, False),
        ({"resolved": "false"}, "firing", False, False),
        ({"resolved": 1}, "firing", False, False),
        ({"status": " ", "state": "ok"}, "resolved", True, False),
        ({"state": 0}, "firing", True, True),
        ({"state": "inactive"}, "firing", True, True),
        ({"endsAt": PAST}, "firing", False, False),
        ({"endsAt": ZERO}, "firing", False, False),
    ],
)
def test_what_says_whether_it_fires(fields: Fields, status: str, told: bool, doubtful: bool) -> None:
    alert = one({**DISK, **fields})
    assert (alert.status, alert.status_told, alert.perhaps_over) == (status, told, doubtful)


def test_the_zero_time_is_no_time() -> None:
    assert one({**DISK, "endsAt": ZERO}).ends_at is None
    assert one({**DISK, "endsAt": PAST}).ends_at == datetime(2026, 11, 22, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("of_all", "own", "status", "told"),
    [
        ("resolved", None, "resolved", True),
        ("resolved", "firing", "firing", True),
        ("firing", None, "firing", False),  # some of them may be over
        ("firing", "resolved", "resolved", True),
        (None, None, "firing", False),
    ],
)
@pytest.mark.parametrize("parse", [generic.parse, alertmanager.parse, grafana.parse])
def test_the_word_for_all_alerts_of_a_request_counts_where_one_has_none(
    parse: Callable[[bytes], Delivery],
    of_all: str | None,
    own: str | None,
    status: str,
    told: bool,
) -> None:
    body = {"status": of_all, "alerts": [{"labels": {"alertname": "x"}, "status": own}]}
    (alert,) = parse(orjson.dumps(body)).alerts
    assert (alert.status, alert.status_told) == (status, told)


@pytest.mark.parametrize(
    ("fields", "kept"),
    [({"status": "1"}, "1"), ({"state": "🔥 Firing"}, "firing"), ({}, None), ({"status": "weird"}, None)],
)
def test_the_word_that_opens_is_kept_where_it_has_a_doubtful_opposite(
    fields: Fields, kept: str | None
) -> None:
    assert one({**DISK, **fields}).annotations.get(OPENED_BY) == kept


# Grafana.


def of_organisation(org: object, **fields: object) -> Alert:
    alert = {"labels": {"alertname": "Cpu"}, "fingerprint": "ab", "status": "firing", **fields}
    (told,) = grafana.parse(orjson.dumps({"orgId": org, "alerts": [alert]})).alerts
    return told


@pytest.mark.parametrize(
    ("org", "name", "labels", "before"),
    [
        (1, "ab", {"alertname": "Cpu"}, ()),
        (None, "ab", {"alertname": "Cpu"}, ()),
        ("2", "ab", {"alertname": "Cpu"}, ()),
        (0, "ab", {"alertname": "Cpu"}, ()),
        (True, "ab", {"alertname": "Cpu"}, ()),
        (2, "ab.2", {"alertname": "Cpu", "org": "2"}, ("ab",)),
        (17, "ab.17", {"alertname": "Cpu", "org": "17"}, ("ab",)),
    ],
)
def test_an_organisation_that_is_not_the_first_is_part_of_the_name(
    org: object, name: str, labels: dict[str, str], before: tuple[str, ...]
) -> None:
    alert = of_organisation(org)
    assert (alert.fingerprint, alert.labels, alert.before) == (name, labels, before)


def test_a_label_of_that_name_is_kept() -> None:
    assert of_organisation(2, labels={"org": "mine"}).labels == {"org": "mine"}


def test_the_test_button_is_a_notice_and_an_alert_of_that_name_is_none() -> None:
    assert of_organisation(1, labels={"alertname": "TestAlert", "instance": "Grafana"}).once
    assert not of_organisation(1, labels={"alertname": "TestAlert", "instance": "db1"}).once
    assert of_organisation(1).status is Status.FIRING

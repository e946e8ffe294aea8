"""The name of an installation, from a token or a path, and what follows from it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from stores import a_store
from test_config import ENVIRON, MINIMAL
from web_serving import ONE_ALERT, SOON, Served, serving
from workbench import NOON, Bench, a_plan, firing

from sms_notify.alert import (
    Acknowledged,
    Alert,
    Delivery,
    Unacknowledged,
    at_source,
    fingerprint_of,
    installation_of,
)
from sms_notify.config.load import load
from sms_notify.daemon import event_log
from sms_notify.daemon.unpaired import Senders
from sms_notify.engine import Engine
from sms_notify.errors import ConfigError
from sms_notify.secret import Secret
from sms_notify.sources import alertmanager, generic, grafana
from sms_notify.sources.installation import is_name, sent_by
from sms_notify.store import silences
from sms_notify.web.roles import Token
from sms_notify.web.settings import WebSettings

PROD, TEST, BARE = "t0ken-of-prod", "t0ken-of-test", "t0ken-of-nobody"
TOLD = firing(host="db1")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *((good, True) for good in ("prod", "eu-west.1", "A_b", "x" * 32)),
        *((bad, False) for bad in ("", "x" * 33, "a b", "a/b", "a@b", "é", "a\n", "a:b")),
    ],
)
def test_what_may_be_a_name(text: str, name: bool) -> None:
    assert is_name(text) is name


# What a delivery becomes.


def test_everything_of_a_named_delivery_has_the_name() -> None:
    ack, unack = Acknowledged("x", "ab", "carol", "", NOON), Unacknowledged("x", "cd", "nagios", NOON)
    alert = replace(TOLD, own_id="id", alike="labels", before=("old",))
    found = sent_by(Delivery("x", (alert,), acks=(ack,), unacks=(unack,)), "prod")
    (named_alert,) = found.alerts

    assert named_alert.fingerprint == f"{alert.fingerprint}@prod"
    assert named_alert.labels == {**alert.labels, "monitor": "prod"}
    assert (named_alert.own_id, named_alert.alike) == ("id@prod", "labels@prod")
    assert named_alert.before == ("old@prod", alert.fingerprint, "old")
    assert (found.acks[0].fingerprint, found.unacks[0].fingerprint) == ("ab@prod", "cd@prod")


def test_without_a_name_a_delivery_stays_as_it_is() -> None:
    delivery = Delivery("x", (TOLD,))
    assert sent_by(delivery, "") is delivery


def test_a_label_of_the_alert_goes_before_the_name() -> None:
    (alert,) = sent_by(Delivery("x", (firing(monitor="prometheus-2"),)), "prod").alerts
    assert alert.labels["monitor"] == "prometheus-2"


@pytest.mark.parametrize(
    ("fingerprint", "there", "name"), [("ab", "ab", ""), ("ab@prod", "ab", "prod"), ("ab.2@eu.1", "ab.2", "eu.1")]
)  # fmt: skip
def test_the_name_is_taken_off_again(fingerprint: str, there: str, name: str) -> None:
    assert (at_source(fingerprint), installation_of(fingerprint)) == (there, name)


# The token file.


def settings_of(folder: Path, *lines: str) -> WebSettings:
    (folder / "tokens").write_text("\n".join(lines))
    (folder / "tokens").chmod(0o600)
    config = folder / "sms-notify.yml"
    config.write_text(MINIMAL + "\nweb: {listen: '0.0.0.0:80', webhook_tokens_file: tokens}\n")
    return load(config, ENVIRON).web


def test_names_and_bare_tokens_stand_beside_each_other_and_one_name_may_have_two(tmp_path: Path) -> None:
    web = settings_of(tmp_path, "# who sends", f"{PROD} name=prod", f"  {TEST}\tname=prod ", "", BARE)
    assert [(token.secret.reveal(), token.name) for token in web.tokens] == [
        (PROD, "prod"), (TEST, "prod"), (BARE, "")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((f"{PROD} name=eu/west",), "the name of token 1 is not 1 to 32 letters"),
        ((BARE, f"{PROD} name={'x' * 33}"), "the name of token 2 is not"),
        ((f"prod: {PROD}",), "token 1 has more than one word, and one of them is not name or role=…"),
        ((f"{PROD} name=a name=b",), "token 1 has `name` twice"),
        (
            (f"{PROD} role=webhook,admin",),
            "token 1 has a role that is not one of webhook, metrics, read, ack",
        ),
        ((f"{PROD} role=",), "token 1 has more than one word"),
        ((f"{PROD} role=x",), "token 1 has a role that is not one of"),
        ((f"{PROD} name=prod", f"{PROD} name=test"), "token 2 is there twice"),
        ((f"{PROD} name=prod", PROD), "token 2 is there twice"),
        ((PROD, f"{PROD} role=metrics"), "token 2 is there twice"),
    ],
)
def test_a_name_that_cannot_be_meant_is_an_error_that_shows_no_token(
    tmp_path: Path, lines: Sequence[str], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(tmp_path, *lines)
    assert said in str(caught.value)
    assert PROD not in str(caught.value)


# Over HTTP.

LOCKED = WebSettings(
    port=0, tokens=(Token(Secret(PROD), "prod"), Token(Secret(BARE)), Token(Secret(TEST), "test"))
)


@pytest.fixture
def locked() -> Iterator[Served]:
    with serving(settings=LOCKED) as served:
        yield served


@pytest.fixture
def open_to_all() -> Iterator[Served]:
    with serving() as served:
        yield served


def send(served: Served, path: str, token: str = "", body: bytes = ONE_ALERT) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.post(served.url(path), data=body, timeout=SOON, headers=headers).status_code


def names_of(served: Served) -> list[str]:
    return [installation_of(one.alerts[0].fingerprint) for one in served.recorder.deliveries]


def test_a_token_names_who_sends_and_a_path_goes_before_it(locked: Served) -> None:
    sent = [("/alertmanager", PROD), ("/alertmanager", BARE), ("/alert/", TEST), ("/alertmanager/eu", PROD)]
    assert [send(locked, path, token) for path, token in sent] == [200] * 4
    assert names_of(locked) == ["prod", "", "test", "eu"]


@pytest.mark.parametrize("path", ["/alertmanager", "/alert", "/grafana", "/zabbix", "/alerts"])
def test_every_webhook_takes_a_name_behind_it(open_to_all: Served, path: str) -> None:
    zabbix = b'{"EVENT.ID": "17", "EVENT.VALUE": "1", "EVENT.NAME": "Disk full"}'
    body = zabbix if path == "/zabbix" else ONE_ALERT
    assert [send(open_to_all, f"{path}/{name}", body=body) for name in ("prod", "prod/", "test")] == [200] * 3
    assert names_of(open_to_all) == ["prod", "prod", "test"]


@pytest.mark.parametrize(
    "path", ["/alertmanager/a b", "/alertmanager/" + "x" * 33, "/alertmanager/a/b", "/alert/@"]
)
def test_what_is_not_a_name_is_404_and_says_how_one_looks(open_to_all: Served, path: str) -> None:
    answer = requests.post(open_to_all.url(path), data=ONE_ALERT, timeout=SOON)
    assert (answer.status_code, open_to_all.recorder.deliveries) == (404, [])
    assert "/alertmanager/NAME" in answer.text


def test_a_name_is_no_way_around_the_login(locked: Served) -> None:
    assert send(locked, "/alertmanager/prod") == 401
    assert send(locked, "/alertmanager/prod", "wrong") == 401


# What Alertmanager is asked.


@pytest.mark.parametrize(
    ("labels", "there"),
    [({}, {}), ({"monitor": "prometheus-2"}, {"monitor": "prometheus-2"})],
)
def test_a_silence_for_an_alert_of_a_named_installation_has_its_own_labels(
    tmp_path: Path, labels: dict[str, str], there: dict[str, str]
) -> None:
    bench = Bench(a_store(tmp_path / "x.db"), Engine(a_plan(), "node"))
    alert = firing(host="db1", **labels)
    (told,) = sent_by(Delivery("alertmanager", (alert,)), "prod").alerts
    bench.accept(told)
    assert bench.acknowledge(1) == [1]

    with bench.reading() as tx:
        (wanted,) = silences.wanting(tx, datetime(2026, 1, 1, tzinfo=UTC))
        (seen,) = silences.still_open(tx)
    assert wanted.labels == {"alertname": "HostDown", "severity": "critical", "host": "db1", **there}
    assert seen.listed_as == alert.fingerprint


# Two senders of one name.

ONE, TWO, THREE = "http://am-1:9093", "http://am-2:9093", "http://am-3:9093"


def from_(sender: str, *alerts: Alert, source: str = "alertmanager") -> Delivery:
    return Delivery(source, alerts or (TOLD,), sender=sender)


@pytest.mark.parametrize(
    ("deliveries", "listed", "found"),
    [
        ([from_(ONE), from_(TWO)], [], [None, (ONE, TWO)]),
        ([from_(ONE), from_(TWO), from_(ONE), from_(TWO)], [], [None, (ONE, TWO), None, None]),
        ([from_(ONE), from_(TWO), from_(THREE)], [], [None, (ONE, TWO), (TWO, THREE)]),
        ([from_(ONE), from_(TWO)], [ONE, TWO], [None, None]),
        ([from_(ONE), from_(TWO)], [ONE + "/", TWO.upper()], [None, None]),
        ([from_(ONE), from_(TWO)], [ONE], [None, (ONE, TWO)]),
        ([from_(ONE), from_(ONE + "/")], [], [None, None]),
        ([from_(ONE), from_("")], [], [None, None]),
        ([from_(ONE), from_(TWO, firing("Other"))], [], [None, None]),
        ([from_(ONE), from_(TWO, replace(TOLD, source="grafana"), source="grafana")], [], [None, None]),
        ([sent_by(from_(ONE), "a"), sent_by(from_(TWO), "a")], [], [None, None]),
    ],
)
def test_two_senders_of_one_alert_are_named_once_where_they_are_no_listed_pair(
    deliveries: Sequence[Delivery], listed: Sequence[str], found: list[tuple[str, str] | None]
) -> None:
    senders = Senders()
    assert [senders.unpaired(one, listed) for one in deliveries] == found


def test_the_warning_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    event_log.unpaired("alertmanager", ONE, TWO)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert (record.one, record.other) == (ONE, TWO)  # type: ignore[attr-defined]
    assert "/alertmanager/NAME" in record.advice  # type: ignore[attr-defined]


@pytest.mark.parametrize("parse", [alertmanager.parse, grafana.parse, generic.parse])
def test_the_sender_of_a_request_is_where_it_says_that_it_runs(parse: Callable[[bytes], Delivery]) -> None:
    body = b'{"externalURL": "http://am-1:9093", "alerts": [{"labels": {"alertname": "x"}}]}'
    other = body.replace(b"am-1", b"am-2")
    assert parse(body).sender == ONE
    assert parse(body).alerts[0].fingerprint == parse(other).alerts[0].fingerprint
    assert parse(b'{"externalURL": 7, "alerts": []}').sender == ""


def test_fingerprints_hold_no_sign_that_stands_before_a_name() -> None:
    assert "@" not in fingerprint_of({"a": "b@c"})
    (alert,) = generic.parse(b'{"fingerprint": "a@b", "text": "x"}').alerts
    assert installation_of(alert.fingerprint) == ""


# A clock that is wrong.


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Not those of a test's store."""
    found = [record for record in caplog.records if record.levelname == "WARNING"]
    return [record for record in found if not record.name.startswith("sms_notify.store")]


def test_an_alert_first_heard_of_when_its_end_is_past_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(a_store(tmp_path / "x.db"), Engine(a_plan(), "node"))
    delivery = generic.parse(b'{"name": "Backup", "host": "db1", "endsAt": "2026-11-22T11:00:00Z"}')
    verdicts = bench.commit(lambda tx: bench.engine.accept(tx, delivery, bench.clock()))
    event_log.accepted(delivery, verdicts)

    (warning,) = warnings_of(caplog)
    assert "a clock may be wrong" in warning.message
    assert warning.ends_at == "2026-11-22T11:00:00Z"  # type: ignore[attr-defined]


def test_an_end_by_a_word_that_comes_early_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(a_store(tmp_path / "x.db"), Engine(a_plan(), "node"))
    delivery = generic.parse(b'{"name": "Backup", "status": "ok", "endsAt": "2026-11-22T11:00:00Z"}')
    event_log.accepted(delivery, bench.commit(lambda tx: bench.engine.accept(tx, delivery, bench.clock())))
    assert not warnings_of(caplog)

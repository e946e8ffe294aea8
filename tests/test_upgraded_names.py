"""What was open when a version came that knows alerts by other names: it goes on under the old ones, without a text, and ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from paper import Site
from workbench import NOON, a_plan

from sms_notify.alert import Delivery, fingerprint_of
from sms_notify.engine import Verdict
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.routing import Route
from sms_notify.policy.vocabulary import Heard
from sms_notify.sources import alertmanager, generic, grafana, zabbix
from sms_notify.sources.installation import sent_by
from sms_notify.store.tx import stored

BEFORE = Path(__file__).parent / "databases" / "before_sender_ids.sql"
SHARED = Route("oncall", "route.routes[0]", parse_matchers('team="shared"'), dedup_labels=("host",))
PLAN = replace(a_plan(), route=Route("oncall", group_wait=timedelta(), routes=(SHARED,)))
Fields = dict[str, object]
Parser = Callable[[bytes], Delivery]

START = "2026-11-22T12:00:00Z"
CPU: Fields = {
    "labels": {"alertname": "Cpu", "instance": "a", "severity": "critical"},
    "fingerprint": "00000000000000ab",
    "startsAt": START,
}
UP: Fields = {
    **CPU,
    "labels": {"alertname": "Up", "severity": "critical"},
    "fingerprint": "00000000000000cd",
}
DISK: Fields = {"name": "Disk", "host": "db1", "severity": "critical", "alert_uid": "1f98", "text": "CPU"}
WORDS: Fields = {"text": "A is down", "severity": "critical"}
FAN: Fields = {"name": "Fan", "host": "db2", "severity": "critical", "id": "7"}
LOAD: Fields = {
    "name": "Load",
    "host": "web1",
    "team": "shared",
    "severity": "critical",
    "dedup_key": "k1",
}
FIRING, OVER = {"status": "firing"}, {"status": "resolved"}


def in_organisation(alert: Fields, org: int = 2) -> Fields:
    return {"orgId": org, "alerts": [alert]}


# The id of each incident, and what tells of it again.
OPEN: dict[str, tuple[int, Parser, Callable[[Fields], Fields], Fields]] = {
    "organisation": (1, grafana.parse, in_organisation, CPU),
    "alert_uid": (2, generic.parse, dict, DISK),
    "words": (3, generic.parse, dict, WORDS),
    "acknowledged": (4, generic.parse, dict, FAN),
    "shared": (5, generic.parse, dict, LOAD),
    "alertmanager": (6, alertmanager.parse, lambda alert: {"alerts": [alert]}, UP),
}


@pytest.fixture
def here(tmp_path: Path) -> Site:
    return a_site(tmp_path)


def a_site(folder: Path, state: str = "", zabbix_name: str = "") -> Site:
    """`state` is what has become of the incident with an id before the update, three minutes after noon. `zabbix_name`:
    the acknowledged one is Zabbix', by this name.
    """
    connection = sqlite3.connect(folder / "x.db")
    connection.executescript(BEFORE.read_text("utf-8"))
    if zabbix_name:
        connection.execute(
            "update incidents set source = 'zabbix', fingerprint = ? where id = 4", (zabbix_name,)
        )
        connection.commit()
    if state:
        closed_at = stored(NOON + timedelta(minutes=3))
        connection.execute("update incidents set state = ?, closed_at = ? where id = 2", (state, closed_at))
        connection.execute("delete from agenda where incident_id = 2")
        connection.commit()
    connection.close()
    site = Site(folder, PLAN)
    site.clock.now = NOON + timedelta(minutes=5)
    return site


def post(here: Site, parse: Parser, body: Fields, name: str = "") -> list[Verdict]:
    delivery = sent_by(parse(orjson.dumps(body)), name)
    verdicts = here.bench.commit(lambda tx: here.bench.engine.accept(tx, delivery, here.clock()))
    here.run(seconds=30)
    return verdicts


def say(here: Site, what: str, status: Fields, name: str = "") -> Verdict:
    _, parse, within, alert = OPEN[what]
    (verdict,) = post(here, parse, within({**alert, **status}), name)
    return verdict


def closed(here: Site) -> list[int]:
    found = here.bench.rows("select id from incidents where closed_at is not null order by id")
    return [row["id"] for row in found]


@pytest.mark.parametrize("name", ["", "prod"])
def test_no_text_comes_of_an_upgrade(here: Site, name: str) -> None:
    verdicts = [say(here, what, FIRING, name) for _ in range(3) for what in OPEN]
    here.run(30, hours=1)

    assert {verdict.heard for verdict in verdicts} == {Heard.DUPLICATE}
    assert [verdict.incident_id for verdict in verdicts] == [1, 2, 3, 4, 5, 6] * 3
    assert here.texts() == []
    assert here.bench.rows("select id from incidents where acked_at is not null") == [{"id": 4}]


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("name", ["", "prod"])
@pytest.mark.parametrize("what", OPEN)
def test_its_end_ends_what_was_open_and_is_told_once(here: Site, what: str, name: str, again: bool) -> None:
    if again:
        say(here, what, FIRING, name)
    verdict = say(here, what, OVER, name)
    here.run(30, minutes=20)

    assert (verdict.heard, closed(here)) == (Heard.RESOLVED, [OPEN[what][0]])
    assert [text[:2] for text in here.texts()] == ["OK", "OK"]


@pytest.mark.parametrize("what", OPEN)
def test_after_its_end_it_is_known_by_its_new_name(here: Site, what: str) -> None:
    say(here, what, OVER)
    here.run(60, hours=1)
    verdict = say(here, what, {**FIRING, "startsAt": "2026-11-22T13:06:00Z"})
    _, parse, within, alert = OPEN[what]
    (named,) = parse(orjson.dumps(within(alert))).alerts

    assert verdict.heard is Heard.FIRST
    found = here.bench.rows("select fingerprint from alerts order by id desc limit 1")
    assert found == [{"fingerprint": named.fingerprint}]


@pytest.mark.parametrize(
    ("what", "end"),
    [("alert_uid", {"alert_uid": "1f98", "status": "ok"}), ("shared", {"dedup_key": "k1", "status": "ok"})],
)
def test_an_end_that_bears_the_id_alone_ends_it_once_the_id_was_heard(
    here: Site, what: str, end: Fields
) -> None:
    say(here, what, FIRING)
    (verdict,) = post(here, generic.parse, end)
    assert (verdict.heard, closed(here)) == (Heard.RESOLVED, [OPEN[what][0]])


def test_what_was_hidden_by_the_old_name_is_told(here: Site) -> None:
    say(here, "alert_uid", FIRING)
    others = [
        post(here, generic.parse, {"text": "B is down", "severity": "critical"}),
        post(here, generic.parse, {**DISK, "alert_uid": "2f98", "text": "read-only"}),
    ]

    assert [verdict.heard for (verdict,) in others] == [Heard.FIRST, Heard.FIRST]
    for word in ("B is down", "read-only"):
        assert any(word in text for text in here.texts())


@pytest.mark.parametrize(
    ("state", "goes_on", "texts"),
    [
        ("closed", True, 0),
        ("resolved", True, 2),  # the end counts as said, whoever was texted of it
        ("unheard", False, 2),
    ],
)
def test_what_was_over_just_before_the_update_goes_on_as_it_would_have(
    tmp_path: Path, state: str, goes_on: bool, texts: int
) -> None:
    here = a_site(tmp_path, state)
    verdict = say(here, "alert_uid", FIRING)
    assert (verdict.incident_id == 2, len(here.texts())) == (goes_on, texts)


def test_a_sentence_of_before_is_reminded_of_no_more_and_closes_without_a_text(here: Site) -> None:
    here.run(60, hours=5)
    reminded = [text for text in here.texts() if text.startswith("STILL")]
    assert reminded
    assert not any("A is down" in text for text in here.texts())

    here.run(300, hours=20)
    assert 3 in closed(here)
    assert not any("A is down" in text for text in here.texts())


ITEMS = "Item values:\n\n1. Free (db1:vfs.fs.size[/,free]): 3 %\n\nOriginal event ID: 4711"


@pytest.mark.parametrize(
    ("was", "host", "subject", "message"),
    [
        ("PROBLEM: Disk full on db1", "", "{}: Disk full on db1", f"Trigger status: {{}}\n\n{ITEMS}"),
        ("Disk full: PROBLEM", "db1", "Disk full: {}", "Host: db1\nOriginal event ID: 4711"),
        ("High: Fan dead", "db3", "", "{}: Fan dead\nHost: db3\n2026.11.23 12:00:01"),
    ],
    ids=["3.2", "status behind", "SMS"],
)
def test_a_template_of_zabbix_that_was_not_read_before_ends_what_it_opened(
    tmp_path: Path, was: str, host: str, subject: str, message: str
) -> None:
    here = a_site(tmp_path, zabbix_name=fingerprint_of({"monitor": "", "name": was, "host": host}))

    def say(word: str) -> Heard:
        arguments = ("+32470000001", subject.format(word), message.format(word))
        (verdict,) = post(here, lambda _: zabbix.parse_script(arguments, here.clock()), {})
        return verdict.heard

    problem, well = ("PROBLEM", "OK") if subject else ("High", "Resolved in 10m")
    assert (say(problem), here.texts()) == (Heard.DUPLICATE, [])
    assert (say(well), closed(here)) == (Heard.RESOLVED, [4])

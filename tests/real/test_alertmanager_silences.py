"""Debian's Alertmanager and its silences: one of theirs acknowledges, one of ours suppresses, and what
ends silenced is told.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daemons import eventually, free_port, write_config
from systems import Alertmanager, ask
from test_silences import Desk
from workbench import firing, open_episode

from sms_notify.config.load import load
from sms_notify.daemon import app, builder
from sms_notify.daemon.wiring import uptime
from sms_notify.silences import client
from sms_notify.silences.client import AlertmanagerProblem, Why
from sms_notify.silences.keeper import SilenceEvent
from sms_notify.silences.settings import AlertmanagerSettings
from sms_notify.simulator.server import Simulator
from sms_notify.store.sqlite import SqliteStore

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
AWKWARD = 'C:\\disk "one"\nsecond line é 😀 {x=~"y"}, z'


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    """Its webhook goes nowhere: here it is asked, and does not tell."""
    (tmp_path / "token").write_text("nobody\n", "utf-8")
    with Alertmanager(tmp_path / "am", "127.0.0.1:1", tmp_path / "token") as running:
        yield running


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = SqliteStore(f"sqlite://{tmp_path}/sms.db")
    desk = Desk(store)
    desk.clock.now = datetime.now(UTC)
    yield desk
    store.close()


def amtool(alertmanager: Alertmanager, *arguments: str) -> str:
    command = ["amtool", f"--alertmanager.url={alertmanager.url}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()


def opens(desk: Desk, alertmanager: Alertmanager, instance: str) -> int:
    """The alert there, and its incident here."""
    alertmanager.tell(instance, starts=datetime.now(UTC))
    alert = firing("HostDown", instance=instance)
    return desk.commit(lambda tx: open_episode(tx, alert, desk.clock()))


def statuses(alertmanager: Alertmanager) -> dict[str, dict[str, Any]]:
    alerts = json.loads(ask(f"{alertmanager.url}/api/v2/alerts"))
    return {alert["labels"]["instance"]: alert["status"] for alert in alerts}


def test_a_silence_of_somebody_acknowledges_what_it_covers_and_its_end_takes_nothing_back(
    desk: Desk, alertmanager: Alertmanager
) -> None:
    covered, spared = (opens(desk, alertmanager, instance) for instance in ("web-1", "web-2"))
    keeper = desk.keeper(AlertmanagerSettings(alertmanager.url))
    assert keeper.keep_once() == ()

    matchers = ("alertname=~Host.*", 'instance!="web-2"', 'team=""')
    id_ = amtool(alertmanager, "silence", "add", "-a", "carol", "-c", "on it", "-d", "1h", *matchers)
    (kept,) = keeper.keep_once()
    assert (kept.what, kept.incident_id, kept.silence_id) == (SilenceEvent.ACKNOWLEDGED, covered, id_)
    assert desk.acked() == [(covered, f"carol (silence {id_[:8]})", "alertmanager_silence")]
    agreed = {name: status["state"] for name, status in statuses(alertmanager).items()}
    assert agreed == {"web-1": "suppressed", "web-2": "active"}

    amtool(alertmanager, "silence", "expire", id_)
    assert keeper.keep_once() == ()
    assert [id_ for id_, *_ in desk.acked()] == [covered]
    assert spared not in [id_ for id_, *_ in desk.acked()]


def test_an_acknowledge_with_us_suppresses_the_alert_there_and_no_other(
    desk: Desk, alertmanager: Alertmanager
) -> None:
    acknowledged = [opens(desk, alertmanager, instance) for instance in ("web-1", AWKWARD)]
    opens(desk, alertmanager, "web-10")
    desk.acks(*acknowledged)
    settings = AlertmanagerSettings(
        f"{alertmanager.url}/", create_silences=True, silence_for=timedelta(hours=2)
    )
    keeper = desk.keeper(settings)

    made = keeper.keep_once()
    assert [(kept.what, kept.incident_id) for kept in made] == [
        (SilenceEvent.SILENCED, id_) for id_ in acknowledged
    ]
    by_name = statuses(alertmanager)
    assert {name: status["state"] for name, status in by_name.items()} == {
        "web-1": "suppressed",
        AWKWARD: "suppressed",
        "web-10": "active",
    }
    assert [by_name[name]["silencedBy"] for name in ("web-1", AWKWARD)] == [
        [kept.silence_id] for kept in made
    ]

    assert keeper.keep_once() == ()
    there = json.loads(ask(f"{alertmanager.url}/api/v2/silences"))
    assert [silence["createdBy"] for silence in there] == ["alice", "alice"]
    ends = {datetime.fromisoformat(silence["endsAt"]) for silence in there}
    assert all(abs(end - desk.clock() - timedelta(hours=2)) < timedelta(seconds=1) for end in ends)


def test_a_silence_that_was_made_and_not_noted_is_recognised(desk: Desk, alertmanager: Alertmanager) -> None:
    id_ = opens(desk, alertmanager, AWKWARD)
    desk.acks(id_)
    keeper = desk.keeper(AlertmanagerSettings(alertmanager.url, create_silences=True))
    (made,) = keeper.keep_once()
    desk.commit(lambda tx: tx.run("delete from silences"))

    (found,) = keeper.keep_once()
    assert found == made
    assert desk.noted() == [(id_, made.silence_id)]


def test_what_alertmanager_refuses_is_told_in_its_words(alertmanager: Alertmanager) -> None:
    asked = client.AlertmanagerClient(AlertmanagerSettings(alertmanager.url))
    now = datetime.now(UTC)

    over = asked.create({"a": "b"}, now, now - timedelta(hours=1), "alice", "on it")
    assert isinstance(over, AlertmanagerProblem)
    assert (over.why, over.detail[:9]) == (Why.REFUSED, "HTTP 400:")
    assert "time" in over.detail
    wrong = client.AlertmanagerClient(AlertmanagerSettings(f"{alertmanager.url}/wrong")).active()
    assert isinstance(wrong, AlertmanagerProblem)
    assert wrong.why is Why.MISCONFIGURED


def fingerprint(alertmanager: Alertmanager, instance: str) -> str:
    alerts = json.loads(ask(f"{alertmanager.url}/api/v2/alerts"))
    return next(alert["fingerprint"] for alert in alerts if alert["labels"]["instance"] == instance)


def test_the_end_of_a_silenced_alert_is_texted(
    tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole daemon, in this process, so that its clock can be put ahead of Alertmanager's."""
    monkeypatch.setattr(builder, "_SILENCES_EVERY", 0.2)
    ahead = [timedelta()]
    port = free_port()
    (tmp_path / "tokens-of-am").write_text("tok-Zq9canary-31337\n", "utf-8")
    with Alertmanager(tmp_path / "am", f"127.0.0.1:{port}", tmp_path / "tokens-of-am") as alertmanager:
        config = write_config(
            tmp_path, simulator.gateway_url, port=port, alertmanagers=f"[{{url: '{alertmanager.url}'}}]"
        )
        daemon = app.App(
            load(config, {}),
            clock=lambda: datetime.now(UTC) + ahead[0],
            uptime=lambda: uptime() + ahead[0],
        )

        def rows(sql: str) -> list[tuple[Any, ...]]:
            with daemon.store.reading() as tx:
                return [tuple(row) for row in tx.all(sql)]

        def over() -> bool:
            ahead[0] += timedelta(seconds=12)
            return rows("select state from incidents") == [("resolved",)]

        try:
            daemon.start()
            starts = datetime.now(UTC)
            alertmanager.tell("web-1", starts=starts)
            assert [text.text[:6] for text in simulator.wait_for_texts(2, 60)] == ["FIRING"] * 2
            silence = amtool(
                alertmanager, "silence", "add", "-a", "carol", "-c", "on it", "-d", "1h", "instance=web-1"
            )
            assert eventually(
                lambda: rows("select acked_by from incidents") == [(f"carol (silence {silence[:8]})",)], 60
            )
            ahead[0] += timedelta(minutes=20)
            assert eventually(lambda: rows("select silence_id from silences") == [(silence,)], 60)
            assert rows("select state from incidents") == [("acknowledged",)]

            alertmanager.tell("web-1", starts=starts, ends=datetime.now(UTC))
            assert eventually(lambda: statuses(alertmanager) == {}, 60)
            assert eventually(over, 60)
            texts = simulator.wait_for_texts(4, 60)[2:]
            assert {text.number for text in texts} == {"32470000001", "31612345678"}
            assert all(text.text.startswith("OK HostDown web-1") for text in texts)
            heard = rows("select group_key, reason from alerts where status = 'resolved'")
            assert heard == [("no longer listed", "resolved")]
        finally:
            daemon.stop()


def test_an_alertmanager_that_comes_back_empty_ends_nothing_before_prometheus_had_its_say(
    desk: Desk, alertmanager: Alertmanager
) -> None:
    alertmanager.tell("web-1", starts=datetime.now(UTC))
    alert = replace(firing("HostDown", instance="web-1"), fingerprint=fingerprint(alertmanager, "web-1"))
    id_ = desk.commit(lambda tx: open_episode(tx, alert, desk.clock()))
    amtool(alertmanager, "silence", "add", "-a", "carol", "-c", "on it", "-d", "1h", "instance=web-1")
    keeper = desk.keeper(AlertmanagerSettings(alertmanager.url))
    (kept,) = keeper.keep_once()
    assert kept.what is SilenceEvent.ACKNOWLEDGED

    alertmanager.kill()
    alertmanager.start()
    assert statuses(alertmanager) == {}
    desk.clock.now = datetime.now(UTC)
    for _ in range(8):
        assert all(kept.what is not SilenceEvent.ENDED for kept in keeper.keep_once())
        desk.clock.move(minutes=1)
    assert desk.open() == [id_]

    alertmanager.tell("web-1", starts=datetime.now(UTC))  # as Prometheus does every minute
    desk.clock.move(minutes=30)
    keeper.keep_once()
    desk.clock.move(minutes=30)
    keeper.keep_once()
    assert desk.open() == [id_]

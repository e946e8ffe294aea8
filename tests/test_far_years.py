"""Times at either end of the calendar are alerts like any other: taken, told, shown and explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from pages_serving import site
from workbench import NOON

from sms_notify.errors import UsageError
from sms_notify.explain import timeline
from sms_notify.sources import alertmanager, generic, grafana, prometheus, zabbix
from sms_notify.wording.clock import exact as local

FAR = [
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:01+14:00", "0001-01-02T00:00:00-12:00",
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999999+14:00",
]  # fmt: skip


def bodies(at: str) -> list[bytes]:
    labels = {"alertname": "Far", "severity": "critical", "instance": "db1"}
    one = {
        "status": "firing",
        "labels": labels,
        "startsAt": at,
        "endsAt": at,
        "annotations": {"summary": "x"},
    }
    ended = {**one, "status": "resolved", "labels": {**labels, "instance": "db2"}}
    year, clock = at[:4], at[11:19]
    event = {
        "EVENT.ID": "17", "EVENT.VALUE": "1", "EVENT.NAME": "Far", "EVENT.DATE": f"{year}.01.01", "EVENT.TIME": clock,
        "EVENT.AGE": "9999y",
    }  # fmt: skip
    json_alert = {"title": "Far", "host": "db3", "severity": "critical", "time": at, "starts_at": at}
    documents: list[object] = [
        {"version": "4", "alerts": [one, ended]},
        event,
        json_alert,
        [{**one, "endsAt": at}],
    ]
    return [json.dumps(document).encode() for document in documents]


@pytest.mark.parametrize("at", FAR)
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Adak"])
def test_a_time_at_the_end_of_the_calendar_is_taken_told_shown_and_explained(
    tmp_path: Path, at: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    posted, event, plain, ruled = bodies(at)
    with site(tmp_path) as pages:
        parsed = (
            alertmanager.parse(posted), grafana.parse(posted), zabbix.parse(event, NOON), generic.parse(plain),
            prometheus.parse(ruled, NOON),
        )  # fmt: skip
        for delivery in parsed:
            pages.bench.commit(lambda tx, told=delivery: pages.bench.engine.accept(tx, told, NOON))
        pages.bench.clock.move(minutes=30)
        pages.bench.tick()
        ids = [row["id"] for row in pages.bench.rows("select id from incidents")]
        assert len(ids) >= 4
        for path in ("/", "/messages", *(f"/incidents/{id_}" for id_ in ids)):
            assert pages.get(path, headers={"Accept": "text/html"}).status_code == 200
        with pages.bench.reading() as tx:
            for id_ in ids:
                assert timeline.of_incident(tx, id_, timeline.Beside(local)) is not None


@pytest.mark.parametrize("at", ["9999-12-31T23:59", "0001-01-01T00:00", "+99999999d"])
@pytest.mark.parametrize(
    "command", [["oncall", "show"], ["routes", "test"], ["send", "--to", "person:alice", "x"]]
)
def test_a_time_beyond_the_calendar_is_said_so_by_every_command(
    tmp_path: Path, at: str, command: list[str]
) -> None:
    from sms_notify.cli.tree import group

    config = tmp_path / "sms-notify.yml"
    config.write_text((Path(__file__).parents[1] / "configs" / "minimal.yml").read_text("utf-8"), "utf-8")
    said = CliRunner().invoke(
        group, ["--config", str(config), *command, "--at", at], env={"SMS_PASSWORD": "x"}
    )
    assert said.exit_code not in (0, None)
    assert isinstance(said.exception, SystemExit | UsageError)

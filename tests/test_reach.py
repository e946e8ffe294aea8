"""`reach`, the page of the configuration and the metric say the same of who can be texted."""

from __future__ import annotations

import signal
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from daemons import Daemon, command, eventually, get, write_config
from stores import a_store
from test_cli_gateway import complaint, config, run, said, simulator, told_json  # noqa: F401 - fixtures

from sms_notify.config.load import load
from sms_notify.daemon.wiring import numbers_to_check, plan_of, wall_clock
from sms_notify.gateways.registry import refused
from sms_notify.policy.retry_policy import react
from sms_notify.simulator.server import Simulator
from sms_notify.store import breakers

ALICE, BOB = "+32470000001", "+31612345678"
MASKED = "+31******678"


def bar(config: Path, number: str, code: int = 106) -> None:  # noqa: F811
    store, refusal = a_store(config.parent / "data/sms.db"), refused(code)
    rule = react(refusal).breaks
    assert rule is not None
    subject = "" if rule.scope.whole else number
    with store.transaction() as tx:
        breakers.fail(tx, "main", rule, subject, refusal, wall_clock())
    store.close()


def test_where_nothing_was_tried_nothing_is_known_and_the_way_to_try_is_told(config: Path) -> None:  # noqa: F811
    assert said(run(config, "reach")).splitlines() == [
        "alice +32******001: not known",
        "  main: not yet tried",
        f"bob {MASKED}: not known",
        "  main: not yet tried",
        "numbers are not tried: write `self_check:` into the configuration",
    ]


def test_somebody_who_is_relied_on_and_out_of_reach_is_exit_1(config: Path) -> None:  # noqa: F811
    bar(config, BOB)
    result = run(config, "reach")

    assert result.exit_code == 1
    assert f"bob {MASKED}: OUT OF REACH\n  REFUSED at main since" in result.stdout
    assert "(error 106:" in result.stdout
    assert BOB not in result.stdout
    assert run(config, "reach", "alice").exit_code == 0
    assert run(config, "reach", "alice", "person:bob").exit_code == 1
    (alice, bob) = told_json(run(config, "reach", "--json"))["people"]
    assert (alice["person"], alice["reachable"], alice["ways"][0]["state"]) == ("alice", True, "not_known")
    assert (bob["person"], bob["number"], bob["reachable"], bob["relied_on"]) == ("bob", MASKED, False, True)
    assert (bob["ways"][0]["state"], bob["ways"][0]["code"]) == ("refused", 106)
    assert BOB not in run(config, "reach", "--json").stdout


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"receivers": "[{name: oncall, notify: [person:alice]}]"}, 0),
        ({"receivers": "[{name: oncall, notify: [person:alice]}]", "operator": "[person:bob]"}, 1),
        (
            {"receivers": "[{name: oncall, notify: [person:alice]}]", "self_check": "{notify: [person:bob]}"},
            1,
        ),
        (
            {"receivers": "[{name: oncall, notify: [person:alice]}]", "site_alive": "{notify: [person:bob]}"},
            1,
        ),
        (
            {
                "receivers": "[{name: oncall, notify: [person:alice], escalate: [{after: 5m, notify: ['schedule:late']}]}]",
                "schedules": "{late: {rotation: {members: [alice, bob], every: 1w, handover: '09:00', start: 2026-01-05}}}",
            },
            1,
        ),
    ],
)
def test_only_who_is_named_somewhere_is_relied_on(
    simulator: Simulator,  # noqa: F811
    tmp_path: Path,
    more: dict[str, str],
    code: int,
) -> None:
    path = write_config(tmp_path, simulator.gateway_url, **more)
    bar(path, BOB)
    assert run(path, "reach").exit_code == code


def test_a_bare_number_that_only_a_silent_site_texts_is_listed_and_tried(tmp_path: Path) -> None:
    path = write_config(
        tmp_path, "https://gateway.example/", site_alive="{notify: ['+32470000009']}", self_check="{}"
    )
    assert "+32******009: not known" in said(run(path, "reach"))
    settings = load(path, {})
    assert "+32470000009" in numbers_to_check(settings, plan_of(settings)).numbers


@pytest.mark.parametrize("served", [False, True])
def test_the_next_self_check_is_told_with_its_readers(
    tmp_path: Path,
    simulator: Simulator,  # noqa: F811
    served: bool,
) -> None:
    check = "{notify: [person:alice, '+32470000009'], at: 09:00, timezone: Europe/Brussels}"
    path = write_config(tmp_path, simulator.gateway_url, self_check=check)
    if served:
        daemon = Daemon(path)
        assert eventually(lambda: daemon.rows("select 1 from agenda where what = 'self_check'") != [])
        daemon.kill()
    shown = [line for line in said(run(path, "reach")).splitlines() if line.startswith("self-check: ")]
    document = told_json(run(path, "reach", "--json"))["next_self_check"]

    assert [line.partition(" at ")[0] for line in shown] == [
        "self-check: next to alice",
        "self-check: next to +32******009",
    ]
    due_at = datetime.fromisoformat(document["due_at"]).astimezone(ZoneInfo("Europe/Brussels"))
    assert (due_at.hour, due_at.minute) == (9, 0)
    assert [text["to"] for text in document["texts"]] == ["alice", "+32******009"]
    assert {text["at"] for text in document["texts"]} == {document["due_at"]}


def test_that_nobody_is_on_call_for_the_next_self_check_is_told_before(tmp_path: Path) -> None:
    late = "{late: {rotation: {members: [alice], every: 1w, handover: '09:00', start: 2199-01-07}}}"
    path = write_config(
        tmp_path, "https://gateway.example/", schedules=late, self_check="{notify: ['schedule:late']}"
    )
    (line,) = [line for line in said(run(path, "reach")).splitlines() if line.startswith("self-check: ")]

    assert line.startswith("self-check: next at ")
    assert line.endswith(", and nobody is on call then")


def test_a_closed_account_reaches_nobody(config: Path) -> None:  # noqa: F811
    bar(config, "", 115)
    result = run(config, "reach")

    assert result.exit_code == 1
    assert result.stdout.count("OUT OF REACH\n  CLOSED at main since") == 2


def test_who_is_not_in_the_configuration_is_told_with_the_nearest_name(config: Path) -> None:  # noqa: F811
    assert "there is no person 'alcie'; did you mean `alice`?" in complaint(run(config, "reach", "alcie"))


def test_a_number_that_is_refused_reaches_the_operator_once_and_a_yes_ends_that(
    simulator: Simulator,  # noqa: F811
    tmp_path: Path,
) -> None:
    """The daemon itself: the trial, the self-alert, the command, the page, the metric; and the same after a reload."""
    heard = tmp_path / "heard"
    simulator.change(force_error=106)
    gateways = (
        f"[{{name: main, type: 1601sms, url: '{simulator.gateway_url}', username: acme, password_file: password, sender: ACME}},"
        f" {{name: hear, type: command, command: [/bin/sh, -c, 'cat >> {heard}; echo >> {heard}']}}]"
    )
    path = write_config(
        tmp_path, "", gateways=gateways, operator="[gateway:hear]", self_check="{}", people=f"{{bob: {{number: '{BOB}'}}}}",
        receivers="[{name: oncall, notify: [person:bob]}]",
    )  # fmt: skip
    daemon = Daemon(path)
    try:
        assert eventually(lambda: heard.exists() and "the number of bob" in heard.read_text("utf-8"))
        assert 'sms_notify_person_reachable{person="bob"} 0.0' in get(daemon.url, "/metrics")
        assert "REFUSED at main since" in get(daemon.url, "/configuration")
        result = command(path, "reach")
        assert (result.returncode, "OUT OF REACH" in result.stdout) == (1, True)
        assert simulator.texts() == []

        simulator.change(force_error=None)
        daemon.process.send_signal(signal.SIGHUP)  # a reload asks about every bar at once
        assert eventually(lambda: 'person_reachable{person="bob"} 1.0' in get(daemon.url, "/metrics"))
        assert command(path, "reach").returncode == 0
        assert daemon.rows("select count(*) from troubles where closed_at is null") == [(0,)]
        assert len([note for note in heard.read_text("utf-8").splitlines() if note]) == 1
        refused = "number not taken gateway=main person=bob reason=error_code code=106"
        assert eventually(lambda: refused in daemon.said())
        assert BOB not in daemon.said() + get(daemon.url, "/metrics")
    finally:
        daemon.kill()

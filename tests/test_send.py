"""`send`: whom a target means, what of the text leaves, and what its exit code promises."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from daemons import PASSWORD, Daemon, command, eventually, payload, post, write_config
from stores import a_store
from test_cli_gateway import ALICE, BOB, complaint, gateway_of, run, said, told_json

from sms_notify.cli.handwritten import handwritten
from sms_notify.gateways.registry import refused
from sms_notify.policy.retry_policy import react
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatedStatus, SimulatorSettings
from sms_notify.store import breakers, oncall_rows
from sms_notify.store.database import Database

ALWAYS_ALICE = (
    "{timezone: UTC, rotation: {members: [alice], every: 1w, handover: 'Mon 09:00', start: 2020-01-06}}"
)
NOT_YET = "{timezone: UTC, rotation: {members: [alice], every: 1w, handover: 'Mon 09:00', start: 2090-01-02}}"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorSettings("acme", Secret(PASSWORD), groups={"ops": (ALICE, BOB)})) as running:
        yield running


@pytest.fixture
def config(simulator: Simulator, tmp_path: Path) -> Path:
    return write_config(
        tmp_path,
        "",
        gateways=gateway_of(simulator.gateway_url, groups="[ops]"),
        teams="{both: [alice, bob]}",
        schedules=f"{{primary: {ALWAYS_ALICE}, later: {NOT_YET}}}",
    )


def store_of(config: Path) -> Database:
    return a_store(config.parent / "data/sms.db")


# Targets.


def test_a_schedule_means_who_holds_it_now(simulator: Simulator, config: Path) -> None:
    assert "alice (schedule:primary): sent as m1" in said(
        run(config, "send", "--to", "schedule:primary", "x")
    )
    assert [text.number for text in simulator.texts()] == [ALICE]


def test_several_targets_are_all_texted_each_person_once(simulator: Simulator, config: Path) -> None:
    done = run(config, "send", "--to", "team:both", "--to", "person:alice", "--to", "schedule:primary", "x")

    assert done.exit_code == 0
    assert [text.number for text in simulator.texts()] == [ALICE, BOB]


def test_an_override_counts_and_one_for_somebody_who_left_does_not(
    simulator: Simulator, config: Path
) -> None:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    with store_of(config).transaction() as tx:
        oncall_rows.add_override(tx, "primary", "bob", now - hour, now + hour, "bob", now)
    assert "bob (schedule:primary): sent" in said(run(config, "send", "--to", "schedule:primary", "x"))
    with store_of(config).transaction() as tx:
        oncall_rows.add_override(tx, "primary", "eve", now - hour, now + hour, "eve", now)
    assert "bob (schedule:primary): sent" in said(run(config, "send", "--to", "schedule:primary", "x"))
    assert [text.number for text in simulator.texts()] == [BOB, BOB]


def test_a_text_for_later_goes_to_who_holds_the_schedule_then(simulator: Simulator, config: Path) -> None:
    now = datetime.now(UTC)
    with store_of(config).transaction() as tx:
        start, end = now + timedelta(hours=2), now + timedelta(hours=4)
        oncall_rows.add_override(tx, "primary", "bob", start, end, "bob", now)
    assert "bob (schedule:primary): scheduled" in said(
        run(config, "send", "--to", "schedule:primary", "--at", "+3h", "x")
    )


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--test"], ["--at", "+2h"], ["--json"]])
def test_a_gap_is_exit_1_with_what_to_do_and_nobody_is_asked(
    simulator: Simulator, config: Path, more: list[str]
) -> None:
    told = complaint(run(config, "send", "--to", "schedule:later", *more, "x"))

    assert "NOBODY IS ON CALL" in told
    assert "sms-notify oncall override add later PERSON" in told
    assert simulator.requests() == []


@pytest.mark.parametrize(
    "to", ["person:alice", "team:both", "schedule:primary", "gateway-group:ops", f"+{BOB}"]
)
def test_every_kind_of_target_is_taken_by_every_form_of_the_command(config: Path, to: str) -> None:
    for more in ([], ["--dry-run"], ["--test"], ["--at", "+2h"]):
        assert run(config, "send", "--to", to, *more, "x").exit_code == 0


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("schedule:nights", "no schedule is called 'nights'; there is later, primary"),
        ("person:eve", "no person is called 'eve'; there is alice, bob"),
        ("team:eve", "no team is called 'eve'; there is both"),
        (
            "number:+31612345678",
            "is not a target; write person:NAME, team:NAME, schedule:NAME, gateway-group:NAME",
        ),
        ("bob", "is not a target"),
        ("+31", "--to +31: "),
    ],
)
def test_what_is_no_target_is_told_with_what_there_is(config: Path, to: str, told: str) -> None:
    assert told in complaint(run(config, "send", "--to", to, "x"))


def test_a_team_that_is_empty_leads_to_nobody(simulator: Simulator, tmp_path: Path) -> None:
    gateways = gateway_of(simulator.gateway_url, groups="[ops]")
    config = write_config(tmp_path, "", gateways=gateways, teams="{none: []}")
    result = run(config, "send", "--to", "team:none", "x")

    assert result.exit_code == 1
    assert simulator.requests() == []


# The words.


def test_what_does_not_fit_is_told_on_stderr_and_in_json_and_the_rest_leaves(
    simulator: Simulator, config: Path
) -> None:
    words = "word " * 120 + "end"  # 603 characters
    done = command(config, "send", "--to", "person:alice", "--json", words)
    [text] = simulator.texts()
    cut = len(words) - len(text.text.removesuffix("..."))

    assert done.returncode == 0
    assert (
        f"warning: the last {cut} of 603 characters do not fit into 3 parts, and are cut off" in done.stderr
    )
    assert "write two texts" in done.stderr
    assert f'"cut": {cut}' in done.stdout
    assert (
        "allow more with --max-parts"
        in run(config, "send", "--to", "person:alice", "--max-parts", "1", words).stderr
    )


def test_a_dry_run_tells_what_is_cut_too(config: Path) -> None:
    result = run(config, "send", "--dry-run", "--json", "--to", "person:alice", "--max-parts", "1", "x" * 200)

    assert told_json(result)["cut"] == 200 - 157
    assert "the last 43 of 200 characters do not fit into 1 part" in result.stderr


def test_a_text_that_fits_is_sent_without_a_word_more(config: Path) -> None:
    result = run(config, "send", "--to", "person:alice", "--json", "x" * 459)

    assert result.stderr == ""
    assert (told_json(result)[0]["cut"], told_json(result)[0]["replaced"]) == (0, {})


def test_characters_that_texts_lack_are_told_with_what_stands_for_them(config: Path) -> None:
    result = run(
        config, "send", "--dry-run", "--json", "--to", "person:alice", "caf\u0065\u0301 \u2192 \u0142"
    )

    assert told_json(result)["replaced"] == {"\u2192": "->", "\u0142": "l"}
    assert "'\u2192' by '->'" in result.stderr


def test_of_many_replaced_characters_some_are_told_and_the_rest_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handwritten("\u0142\u0144\u015b\u017a\u017c", 1).warn()

    assert capsys.readouterr().err.endswith(" and 2 more\n")


# The exit code.


def test_what_only_waits_in_the_queue_is_not_sent_and_exits_with_1(
    simulator: Simulator, config: Path
) -> None:
    refusal = refused(104)
    with store_of(config).transaction() as tx:
        breakers.fail(tx, "main", react(refusal).breaks, "", refusal, datetime.now(UTC))
    result = run(config, "send", "--to", "person:alice", "x")

    assert result.exit_code == 1
    assert "alice: not sent: no text leaves at main since " in result.stdout
    assert "error 104" in result.stdout
    assert "m1 waits in the queue: the daemon sends it when it can, so do not send it again" in result.stdout
    [row] = told_json(run(config, "send", "--to", "person:alice", "--json", "x"))
    assert (row["fate"], row["id"], row["state"]) == ("queued", "m2", "queued")
    assert simulator.requests() == []


def test_a_text_to_somebody_who_is_being_texted_waits_for_its_turn(
    simulator: Simulator, config: Path
) -> None:
    done: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: done.append(command(config, "send", "--to", "person:alice", "x").returncode)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert done == [0, 0, 0, 0]
    assert len(simulator.texts()) == 4


def test_beside_a_daemon_every_text_is_sent_and_said_to_be(simulator: Simulator, config: Path) -> None:
    daemon = Daemon(config)
    try:
        assert post(daemon.url, payload(*[f"Alert{n}" for n in range(5)])) == 200
        for _ in range(5):
            assert run(config, "send", "--to", "person:alice", "by hand").exit_code == 0
        assert eventually(lambda: sum(text.text == "by hand" for text in simulator.texts()) == 5)
    finally:
        daemon.kill()


# --wait


@pytest.mark.parametrize(
    ("final", "code", "state"),
    [("DELIVERED", 0, "delivered"), ("NOT DELIVERED", 1, "not_delivered"), ("BUFFERED", 3, "buffered")],
)
def test_who_waits_hears_what_became_of_the_text_without_a_daemon(
    tmp_path: Path, final: str, code: int, state: str
) -> None:
    ends = {"": SimulatedStatus(final)}
    with Simulator(
        SimulatorSettings("acme", Secret(PASSWORD), finals=ends, buffered_after=0, final_after=0)
    ) as running:
        config = write_config(tmp_path, "", gateways=gateway_of(running.gateway_url))
        done = run(config, "send", "--wait", "--timeout", "3s", "--to", "person:alice", "x")
        [row] = told_json(
            run(config, "send", "--wait", "--timeout", "3s", "--json", "--to", "person:alice", "y")
        )

    assert (done.exit_code, row["state"]) == (code, state)
    assert f"m1 to alice: {state}" in done.stdout


def test_where_the_gateway_gives_no_reports_to_be_taken_is_all_there_is_to_wait_for(tmp_path: Path) -> None:
    with Simulator(SimulatorSettings("acme", Secret(PASSWORD))) as running:
        config = write_config(
            tmp_path, "", gateways=gateway_of(running.gateway_url, delivery_reports="'off'")
        )
        done = run(config, "send", "--wait", "--to", "person:alice", "x")

    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "m1 to alice: no_report")


def test_what_waits_in_the_queue_is_waited_for_and_is_not_known_at_the_end(
    simulator: Simulator, config: Path
) -> None:
    refusal = refused(104)
    with store_of(config).transaction() as tx:
        breakers.fail(tx, "main", react(refusal).breaks, "", refusal, datetime.now(UTC))
    done = run(config, "send", "--wait", "--timeout", "1s", "--to", "person:alice", "x")

    assert done.exit_code == 3
    assert done.stdout.splitlines()[-1] == "m1 to alice: queued, and nothing more is known yet"
    assert simulator.requests() == []


@pytest.mark.parametrize("other", [("--at", "+2h"), ("--test",), ("--dry-run",)])
def test_only_a_text_that_leaves_now_can_be_waited_for(config: Path, other: tuple[str, ...]) -> None:
    assert run(config, "send", "--wait", *other, "--to", "person:alice", "x").exit_code == 2
    assert "--timeout soon: " in complaint(
        run(config, "send", "--wait", "--timeout", "soon", "--to", "person:alice", "x")
    )

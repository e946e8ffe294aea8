"""The commands that speak with the gateway by hand, against the simulator over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from daemons import PASSWORD, command, write_config
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gateway_transport import Loopback, answers

from sms_notify.cli import group
from sms_notify.cli.outbox import parse_at
from sms_notify.errors import SmsNotifyError, UsageError
from sms_notify.secret import Secret
from sms_notify.simulator.codes import Code
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings

ALICE, BOB = "32470000001", "31612345678"
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def gateway_of(url: str, **more: str) -> str:
    values = {
        "name": "main",
        "type": "1601sms",
        "url": f"'{url}'",
        "username": "acme",
        "password_file": "password",
        "sender": "ACME",
        "groups": "[ops, nobody]",
    }
    return "[{" + ", ".join(f"{key}: {value}" for key, value in (values | more).items()) + "}]"


def simulated(now: Callable[[], datetime] | None = None) -> Simulator:
    groups = {"ops": (ALICE, BOB), "nobody": (), "hidden": (BOB,)}
    return Simulator(SimulatorSettings("acme", Secret(PASSWORD), groups=groups), now=now)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with simulated() as running:
        yield running


@pytest.fixture
def config(simulator: Simulator, tmp_path: Path) -> Path:
    return configured(simulator.gateway_url, tmp_path)


def configured(url: str, folder: Path, **more: str) -> Path:
    sections = {"gateways": gateway_of(url), "teams": "{both: [alice, bob]}"}
    return write_config(folder, url, **(sections | more))


def run(config: Path, *arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(group, ["--config", str(config), *arguments], input=typed)


def said(result: Result) -> str:
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def told_json(result: Result) -> Any:
    return json.loads(result.stdout)


def complaint(result: Result) -> str:
    """The one clear message that our own errors are, with exit 1."""
    assert result.exit_code == 1
    assert isinstance(result.exception, SmsNotifyError)
    return str(result.exception)


# send --at


def test_a_text_is_scheduled_to_the_minute_and_both_clocks_are_told(
    simulator: Simulator, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    done = command(config, "send", "--to", "person:alice", "--at", "2090-07-01T12:00", "db1 goes down")

    assert done.returncode == 0
    [waiting] = simulator.state.outbox.values()
    assert waiting.due == datetime(2090, 7, 1, 16, tzinfo=UTC)
    assert done.stdout == (
        f"alice: scheduled as outboxID {waiting.outboxid} for 2090-07-01 12:00 EDT"
        " (2090-07-01 18:00 in Europe/Amsterdam)\n"
    )


def test_a_scheduled_text_asks_for_an_outboxid_and_never_for_a_report(
    simulator: Simulator, config: Path
) -> None:
    said(run(config, "send", "--to", "person:alice", "--at", "+2h", "x"))
    [request] = simulator.requests()

    assert request.params.keys() >= {"datum", "outboxid", "emailen", "referentie"}
    assert (request.params["outboxid"], request.params["emailen"]) == ("ja", "nee")
    assert "delivery" not in request.params


def test_a_team_is_scheduled_one_outboxid_a_person_and_json_tells_them(
    simulator: Simulator, config: Path
) -> None:
    result = run(config, "send", "--to", "team:both", "--at", "+2h", "--json", "x")
    rows = told_json(result)

    assert result.exit_code == 0
    assert [(row["to"], row["fate"], row["code"]) for row in rows] == [
        ("alice", "scheduled", None),
        ("bob", "scheduled", None),
    ]
    assert [row["outboxid"] for row in rows] == list(simulator.state.outbox)
    assert {datetime.fromisoformat(row["at"]) for row in rows} == {
        entry.due for entry in simulator.state.outbox.values()
    }
    assert simulator.texts() == []


def test_a_test_of_a_scheduled_text_schedules_nothing(simulator: Simulator, config: Path) -> None:
    told = said(run(config, "send", "--to", "person:alice", "--at", "+2h", "--test", "x"))

    assert told == "alice: the gateway would take it; nothing was sent, no credit spent\n"
    assert not simulator.state.outbox
    assert simulator.requests()[0].params["test"] == "ja"


def test_a_dry_run_tells_the_minute_and_asks_nobody(simulator: Simulator, config: Path) -> None:
    arguments = ("send", "--to", "person:alice", "--at", "2090-07-01T12:00:30Z", "--dry-run")
    plan = told_json(run(config, *arguments, "--json", "x"))

    assert (plan["datum"], plan["to"], plan["credits"]) == ("209007011401", ["alice"], 1)
    assert "2090-07-01 14:01 in Europe/Amsterdam" in said(run(config, *arguments, "x"))
    assert simulator.requests() == []


def test_a_time_in_the_hour_that_autumn_has_twice_becomes_the_minute_after_it(
    simulator: Simulator, config: Path
) -> None:
    told = said(run(config, "send", "--to", "person:alice", "--at", "2090-10-29T00:30Z", "x"))

    [waiting] = simulator.state.outbox.values()
    assert waiting.due == datetime(2090, 10, 29, 2, tzinfo=UTC)
    assert "(2090-10-29 03:00 in Europe/Amsterdam; the gateway's clock has the hour" in told


def test_a_text_that_became_due_while_the_gateway_was_asked_leaves_at_once(tmp_path: Path) -> None:
    with simulated(now=lambda: datetime.now(UTC) + timedelta(hours=1)) as simulator:
        config = configured(simulator.gateway_url, tmp_path)
        told = said(run(config, "send", "--to", "person:alice", "--at", "+10s", "x"))

        assert told == "alice: too late to schedule, so at once: sent as m1, 1 part(s)\n"
        assert [(r.params.get("datum", "") != "", r.code) for r in simulator.requests()] == [
            (True, Code.BAD_DATE),
            (False, None),
        ]
        assert [text.number for text in simulator.texts()] == [ALICE]


def test_a_text_to_a_group_that_became_due_leaves_at_once_too(tmp_path: Path) -> None:
    with simulated(now=lambda: datetime.now(UTC) + timedelta(hours=1)) as simulator:
        config = configured(simulator.gateway_url, tmp_path)
        told = said(run(config, "send", "--to", "gateway-group:ops", "--at", "+10s", "x"))

        assert told.startswith("gateway-group:ops: too late to schedule, so at once: sent")
        assert len(simulator.texts()) == 2


def test_a_date_that_the_gateway_refuses_twice_is_told_with_where_to_look(tmp_path: Path) -> None:
    with simulated(now=lambda: datetime.now(UTC) + timedelta(days=3)) as simulator:
        config = configured(simulator.gateway_url, tmp_path)
        result = run(config, "send", "--to", "person:alice", "--at", "+2d", "x")

        assert result.exit_code == 1
        assert "error 121" in result.stdout
        assert "clock" in result.stdout
        assert [request.code for request in simulator.requests()] == [Code.BAD_DATE] * 2
        assert simulator.texts() == []


def test_a_date_that_is_taken_at_the_second_asking_is_scheduled(tmp_path: Path) -> None:
    replies = iter([b"ERROR 121", b"OK 77"])
    lock = threading.Lock()

    def reply(conn: Any, stop: threading.Event) -> None:
        with lock:
            body = next(replies)
        answers(body)(conn, stop)

    with Loopback(reply) as server:
        config = configured(server.url.removesuffix("gateway.php"), tmp_path)
        told = said(run(config, "send", "--to", "person:alice", "--at", "+2h", "x"))

    assert "scheduled as outboxID 77" in told
    assert server.connections == 2


def test_a_schedule_without_an_answer_is_not_repeated_and_how_to_take_it_back_is_told(tmp_path: Path) -> None:
    with Loopback(answers(b"<html>")) as server:
        config = configured(server.url.removesuffix("gateway.php"), tmp_path)
        result = run(config, "send", "--to", "person:alice", "--at", "+2h", "x")

    assert result.exit_code == 1
    assert "it may wait at the gateway: `outbox remove +32470000001` takes it back" in result.stdout
    assert server.connections == 1


@pytest.mark.parametrize(
    "at", ["2020-01-01T00:00Z", "+0m", "soon", "25:00", "2090-02-30T10:00", "+5", "2090-07-01"]
)
def test_a_time_that_cannot_be_is_refused_before_anybody_is_asked(
    simulator: Simulator, config: Path, at: str
) -> None:
    assert f"--at {at}: " in complaint(run(config, "send", "--to", "person:alice", "--at", at, "x"))
    assert simulator.requests() == []


NOW = datetime(2026, 10, 23, 16, 0, 0, tzinfo=UTC)  # Friday, 18:00 in Amsterdam, two days before the change


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-22T18:30", "2026-11-22T17:30:00"),
        ("2026-11-22 18:30", "2026-11-22T17:30:00"),
        ("2026-11-22T18:30:15", "2026-11-22T17:30:15"),
        ("2026-11-22T18:30Z", "2026-11-22T18:30:00"),
        ("2026-11-22T18:30-05:00", "2026-11-22T23:30:00"),
        ("18:01", "2026-10-23T16:01:00"),
        ("17:59", "2026-10-24T15:59:00"),
        ("9:05", "2026-10-24T07:05:00"),
        ("+30m", "2026-10-23T16:30:00"),
        ("+1h30m", "2026-10-23T17:30:00"),
        ("+1d", "2026-10-24T16:00:00"),
        ("2026-10-25T02:30+02:00", "2026-10-25T00:30:00"),
        ("2026-10-25T02:30+01:00", "2026-10-25T01:30:00"),
        ("2026-10-25T03:00", "2026-10-25T02:00:00"),
        ("2027-03-28T03:00", "2027-03-28T01:00:00"),
    ],
)
def test_the_instant_that_a_written_time_means(text: str, at: str) -> None:
    assert parse_at(text, NOW, AMSTERDAM) == datetime.fromisoformat(at).replace(tzinfo=UTC)


def test_the_minute_of_now_is_not_tomorrow_in_silence() -> None:
    with pytest.raises(UsageError, match="that time is past"):
        parse_at("18:00", NOW, AMSTERDAM)


def test_the_next_time_it_is_that_is_tomorrow_by_the_clock_even_over_a_change() -> None:
    evening = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)  # 22:00, and that night has 25 hours

    assert parse_at("21:00", evening, AMSTERDAM) == datetime(2026, 10, 25, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-10-25T02:30", "twice that night; add the offset"),
        ("2027-03-28T02:30", "skip that time that night; add the offset"),
        ("2026-10-23T17:59", "is past"),
        ("9999-12-31T23:59", "no calendar goes that far"),
        ("2026-W48-7T10:00", "is not a time"),
        ("20261122T1830", "is not a time"),
        ("2026-11-22T18:30+25:00", "is not a time"),
        ("+101y", "longer than 100 years"),
        ("+", "is not a duration"),
        ("-30m", "is not a time"),
        ("", "is not a time"),
        ("١٨:٣٠", "is not a time"),
    ],
)
def test_a_written_time_that_is_none_or_two_is_refused_with_what_to_write(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_at(text, NOW, AMSTERDAM)


def test_without_a_zone_this_machines_clock_counts(
    config: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Amsterdam")
    done = command(config, "send", "--to", "person:alice", "--at", "2090-10-29T02:30", "x")

    assert done.returncode == 1
    assert "clocks have that time twice that night" in done.stderr
    assert simulator.requests() == []


@given(text=st.text(max_size=30) | st.from_regex(r"[0-9+T:. Z-]{1,25}", fullmatch=True))
@settings(deadline=None, max_examples=300)
def test_any_text_is_a_future_instant_or_a_clear_refusal(text: str) -> None:
    try:
        at, refusal = parse_at(text, NOW, AMSTERDAM), "--at "
    except UsageError as error:
        at, refusal = None, str(error)

    assert refusal.startswith("--at ")
    assert at is None or at > NOW


# send --to gateway-group


def test_a_text_to_a_group_is_one_request_that_names_it(simulator: Simulator, config: Path) -> None:
    told = said(run(config, "send", "--to", "gateway-group:ops", "db1 is back"))
    [request] = simulator.requests()

    assert told == "gateway-group:ops: sent, 1 part(s) a member\n"
    assert (request.params["naar"], request.params["groep"]) == ("groep", "ops")
    assert "delivery" not in request.params
    assert [text.number for text in simulator.texts()] == [ALICE, BOB]


def test_a_group_can_be_scheduled_and_tested(simulator: Simulator, config: Path) -> None:
    said(run(config, "send", "--to", "gateway-group:ops", "--test", "x"))
    assert (simulator.texts(), dict(simulator.state.outbox)) == ([], {})

    said(run(config, "send", "--to", "gateway-group:ops", "--at", "+2h", "x"))
    [waiting] = simulator.state.outbox.values()
    assert waiting.order.numbers == (ALICE, BOB)


def test_a_group_that_the_configuration_does_not_list_is_not_texted(
    simulator: Simulator, config: Path
) -> None:
    told = complaint(run(config, "send", "--to", "gateway-group:hidden", "x"))

    assert told == "gateway main lists no group 'hidden' under `groups:`; there is ops, nobody"
    assert simulator.requests() == []


def test_a_group_that_the_gateway_refuses_is_told_with_advice(config: Path) -> None:
    result = run(config, "send", "--to", "gateway-group:nobody", "x")

    assert result.exit_code == 1
    assert "refused with error 126" in result.stdout
    assert "Add numbers to this group" in result.stdout


def test_what_a_group_costs_only_the_gateway_knows(simulator: Simulator, config: Path) -> None:
    arguments = ("send", "--to", "gateway-group:ops", "--dry-run")

    assert told_json(run(config, *arguments, "--json", "x"))["credits"] is None
    assert "gateway-group:ops: 1 credit(s) a member; nothing was sent" in said(run(config, *arguments, "x"))
    assert simulator.requests() == []


# outbox


def test_a_scheduled_text_is_taken_back_by_the_id_that_was_printed(
    simulator: Simulator, config: Path
) -> None:
    [row] = told_json(run(config, "send", "--to", "person:alice", "--at", "+2h", "--json", "x"))

    assert said(run(config, "outbox", "remove", row["outboxid"])) == f"main: {row['outboxid']} is removed\n"
    assert not simulator.state.outbox


def test_the_outbox_lists_what_was_scheduled_from_here_until_it_is_taken_back(
    simulator: Simulator, config: Path
) -> None:
    first = told_json(run(config, "send", "--to", "person:alice", "--at", "+3h", "--json", "later"))[0]
    second = told_json(run(config, "send", "--to", "person:alice", "--at", "+2h", "--json", "sooner"))[0]
    listed = told_json(run(config, "outbox", "list", "--json"))
    assert [(row["outboxid"], row["to"], row["text"]) for row in listed] == [
        (second["outboxid"], "alice", "sooner"),
        (first["outboxid"], "alice", "later"),
    ]

    said(run(config, "outbox", "remove", f"+{ALICE}"))
    assert [row["text"] for row in told_json(run(config, "outbox", "list", "--json"))] == ["later"]
    said(run(config, "outbox", "clear", "--yes"))
    assert told_json(run(config, "outbox", "list", "--json")) == []
    assert said(run(config, "outbox", "list")).split() == ["OUTBOXID", "AT", "TO", "TEXT"]


def test_a_number_may_be_written_with_blanks(simulator: Simulator, config: Path) -> None:
    said(run(config, "send", "--to", "+32 470 00 00 01", "hello"))

    assert [text.number for text in simulator.texts()] == ["32470000001"]


def test_a_scheduled_text_is_taken_back_by_its_number(simulator: Simulator, config: Path) -> None:
    said(run(config, "send", "--to", "person:alice", "--at", "+2h", "x"))
    row = told_json(run(config, "outbox", "remove", f"+{ALICE}", "--json"))

    assert row == {"gateway": "main", "removed": f"+{ALICE}"}
    assert not simulator.state.outbox


def test_to_remove_what_is_not_there_is_an_error_with_what_it_means(config: Path) -> None:
    told = complaint(run(config, "outbox", "remove", "501"))

    assert "501 is not removed: error 122" in told
    assert "it left, or never was there" in told


@pytest.mark.parametrize("what", ["all", "+", "+32470000001,31612345678", "32 470"])
def test_what_is_neither_an_id_nor_a_number_is_not_asked_for(
    simulator: Simulator, config: Path, what: str
) -> None:
    assert "is not removed" in complaint(run(config, "outbox", "remove", what))
    assert simulator.requests() == []


def test_a_removal_without_a_clear_answer_says_that_nobody_knows(tmp_path: Path) -> None:
    with Loopback(answers(b"<html>")) as server:
        config = configured(server.url.removesuffix("gateway.php"), tmp_path)
        told = complaint(run(config, "outbox", "remove", "501"))

    assert "nobody knows whether 501 is removed" in told


def test_the_outbox_is_emptied_after_a_yes(simulator: Simulator, config: Path) -> None:
    said(run(config, "send", "--to", "team:both", "--at", "+2h", "x"))
    result = run(config, "outbox", "clear", typed="y\n")

    assert said(result) == "main: the outbox is empty now\n"
    assert "everything that waits in the outbox of acme, whoever scheduled it" in result.stderr
    assert not simulator.state.outbox


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_without_a_yes_the_outbox_stays_and_the_gateway_is_not_asked(
    simulator: Simulator, config: Path, typed: str
) -> None:
    said(run(config, "send", "--to", "person:alice", "--at", "+2h", "x"))
    result = run(config, "outbox", "clear", typed=typed)

    assert result.exit_code == 1
    assert len(simulator.state.outbox) == 1
    assert len(simulator.requests()) == 1


def test_with_yes_nobody_is_asked_and_an_empty_outbox_is_no_error(config: Path) -> None:
    assert said(run(config, "outbox", "clear", "--yes")) == "main: the outbox was empty already\n"
    assert told_json(run(config, "outbox", "clear", "--yes", "--json")) == {
        "gateway": "main",
        "emptied": False,
    }


def test_an_outbox_that_the_gateway_will_not_empty_is_an_error(simulator: Simulator, config: Path) -> None:
    simulator.change(maintenance=True)

    assert "the outbox is not emptied: error 150" in complaint(run(config, "outbox", "clear", "--yes"))


def test_a_wrong_use_of_the_outbox_exits_with_2_and_our_errors_with_1(config: Path) -> None:
    assert command(config, "outbox", "remove").returncode == 2
    done = command(config, "outbox", "remove", "501")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error 122" in done.stderr


# report


def sent_to(config: Path, name: str) -> str:
    [row] = told_json(run(config, "send", "--to", f"person:{name}", "--json", "x"))
    return str(row["smsid"])


def test_the_last_reports_are_told_as_read_and_as_the_gateway_wrote_them(
    simulator: Simulator, config: Path
) -> None:
    smsids = [sent_to(config, "alice"), sent_to(config, "bob")]
    references = [text.reference for text in simulator.texts()]
    told = said(run(config, "report", "--last", "5"))
    read, raw = told.split("\n\nAs the gateway wrote it:\n")

    assert [line.split()[0] for line in read.splitlines()] == ["smsid", *smsids]
    assert [line.split()[0] for line in raw.splitlines()] == smsids
    assert all(reference in part for reference in references for part in (read, raw))


def test_the_last_reports_as_json_hold_both_too(config: Path) -> None:
    smsid = sent_to(config, "alice")
    got = told_json(run(config, "report", "--last", "1", "--json"))

    assert [row["smsid"] for row in got["reports"]] == [smsid]
    assert datetime.fromisoformat(got["reports"][0]["at"]).tzinfo is not None
    assert got["unread"] == 0
    assert got["raw"].startswith(smsid)


def test_no_reports_is_said_in_words(config: Path) -> None:
    assert said(run(config, "report", "--last", "5")) == "the gateway has no reports\n"


def test_reports_in_a_format_that_nobody_knows_are_shown_as_they_are(tmp_path: Path) -> None:
    with Loopback(answers(b"verzonden 3\x1b[2J\nafgeleverd 2")) as server:
        config = configured(server.url.removesuffix("gateway.php"), tmp_path)
        told = said(run(config, "report", "--last", "5"))

    assert told == (
        "As the gateway wrote it (2 line(s) of it cannot be read):\nverzonden 3 [2J\nafgeleverd 2\n"
    )


def test_the_last_reports_that_are_refused_are_an_error(simulator: Simulator, config: Path) -> None:
    simulator.change(blocked=115)

    assert "no reports: error 115" in complaint(run(config, "report", "--last", "5"))


def test_one_report_is_asked_for_by_its_smsid(config: Path) -> None:
    smsid = sent_to(config, "alice")
    got = told_json(run(config, "report", smsid, "--json"))

    assert got["smsid"] == smsid
    assert got["at"] is not None


@pytest.mark.parametrize(
    "arguments", [[], ["1234567", "--last", "5"], ["--last", "5", "1234567"], ["--last", "0"]]
)
def test_a_report_of_nothing_or_of_two_things_is_a_wrong_use(
    simulator: Simulator, config: Path, arguments: list[str]
) -> None:
    assert run(config, "report", *arguments).exit_code == 2
    assert simulator.requests() == []


# check-config --online


def test_an_account_that_works_is_told_with_its_credits_and_nothing_is_spent(
    simulator: Simulator, config: Path
) -> None:
    result = run(config, "check-config", "--online")

    assert said(result).splitlines()[-1] == "gateway main: OK: would take a text to alice; 500 credits"
    [trial, balance] = simulator.requests()
    assert (trial.params["test"], trial.params["afzender"], trial.params["naar"]) == ("ja", "ACME", ALICE)
    assert balance.params["action"] == "credits"
    assert (simulator.texts(), simulator.state.credits) == ([], 500)


def test_without_online_nobody_is_asked(simulator: Simulator, config: Path) -> None:
    said(run(config, "check-config"))
    assert simulator.requests() == []


@pytest.mark.parametrize(
    ("change", "code", "advice"),
    [
        ({"forbidden_senders": ["ACME"]}, 117, "Ask the provider to allow"),
        ({"blocked": 116}, 116, "Call the provider"),
        ({"credits": 0}, 108, "Buy credits"),
    ],
)
def test_an_account_that_refuses_is_told_with_advice_and_exit_1(
    simulator: Simulator, config: Path, change: dict[str, Any], code: int, advice: str
) -> None:
    simulator.change(**change)
    result = run(config, "check-config", "--online")

    assert result.exit_code == 1
    assert f"gateway main: FAILED: a test text to alice: error {code}: " in result.stdout
    assert advice in result.stdout


def test_a_wrong_password_is_found_and_not_printed(config: Path) -> None:
    (config.parent / "password").write_text("another-Zq8\n", "utf-8")
    done = command(config, "check-config", "--online", "--json")
    got = json.loads(done.stdout)

    assert done.returncode == 1
    assert (got["ok"], got["online"][0]["ok"], got["online"][0]["credits"]) == (False, False, None)
    assert "error 104" in got["online"][0]["said"]
    assert "another-Zq8" not in done.stdout + done.stderr


def test_every_gateway_is_asked_and_one_that_fails_is_enough_for_exit_1(
    simulator: Simulator, tmp_path: Path
) -> None:
    with Loopback(answers(b"<html>")) as dead:
        [good, bad] = (
            gateway_of(url, name=name)[1:-1]
            for url, name in (
                (simulator.gateway_url, "main"),
                (dead.url.removesuffix("gateway.php"), "spare"),
            )
        )
        config = configured(simulator.gateway_url, tmp_path, gateways=f"[{bad}, {good}]")
        result = run(config, "check-config", "--online", "--json")

    got = told_json(result)
    assert result.exit_code == 1
    assert [(trial["gateway"], trial["ok"]) for trial in got["online"]] == [("spare", False), ("main", True)]
    assert dead.connections == 1


def test_without_a_person_only_the_credits_are_asked(simulator: Simulator, tmp_path: Path) -> None:
    nobody = {"people": "{}", "teams": "{}", "receivers": "[{name: oncall}]"}
    config = configured(simulator.gateway_url, tmp_path, **nobody)

    told = said(run(config, "check-config", "--online"))
    assert "gateway main: OK: no person to try a text to; 500 credits" in told
    assert [request.params.get("action") for request in simulator.requests()] == ["credits"]


@pytest.mark.parametrize(
    "name", ["send", "report", "credits", "outbox", "outbox remove", "outbox clear", "check-config"]
)
def test_every_command_at_the_gateway_has_an_example_in_its_help(name: str) -> None:
    told = CliRunner().invoke(group, [*name.split(), "--help"]).stdout

    assert "Example:" in told
    assert f"sms-notify {name}" in told.split("Example:")[1]

"""A number, country or sender that a gateway refuses is asked about soon and for free, and everything that answers
says the same of it meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from daemons import PASSWORD, Daemon, eventually, payload, post, write_config
from stores import a_store
from test_cli_gateway import ALICE, BOB, complaint, gateway_of, run, said, told_json
from test_failures import Site, site  # noqa: F401 - the fixture
from workbench import ALICE as ALICE_PERSON
from workbench import BOB as BOB_PERSON
from workbench import firing

from sms_notify.barring import barring_of, say_barring
from sms_notify.cli import group
from sms_notify.gateways.registry import refused
from sms_notify.policy.retry_policy import Scope, react
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import breakers

LONG = "x" * 200


def asked_about(simulator: Simulator) -> list[str]:
    """The numbers that were asked about without a text."""
    return [r.params["naar"] for r in simulator.requests() if r.params.get("test") == "ja"]


# The prober.


@pytest.mark.parametrize("code", [106, 112])
def test_a_barred_number_is_asked_about_itself_within_a_minute_and_a_yes_clears_it(
    site: Site,  # noqa: F811
    code: int,
) -> None:
    main = site.simulators["main"]
    main.change(force_error=code)
    site.bench.accept(firing(team="dba"))
    site.run()
    assert site.open() == {("number", BOB_PERSON.number)}
    spent = main.state.credits
    site.bench.clock.move(minutes=1)
    assert site.probers["main"].probe_once().closed is False
    assert asked_about(main) == [BOB]
    assert site.open() == {("number", BOB_PERSON.number)}, "the same answer again is not a yes"

    main.change(force_error=None)
    site.bench.clock.move(minutes=1)
    assert site.probers["main"].probe_once().closed
    assert site.open() == set()
    site.bench.accept(firing(team="dba", instance="second"))
    site.run()
    assert site.texts("main") == 2, "the new one, and what was refused before"
    assert main.state.credits == spent - 2


def test_a_number_that_stays_wrong_is_asked_about_less_and_less_and_never_less_than_every_quarter(
    site: Site,  # noqa: F811
) -> None:
    site.simulators["main"].change(force_error=106)
    site.bench.accept(firing(team="dba"))
    site.run()
    asked = []
    for minute in range(180):
        site.bench.clock.move(minutes=1)
        if site.probers["main"].probe_once() is not None:
            asked.append(minute)

    assert asked[0] == 0
    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert max(pauses) == 15
    assert len(asked) < 20


@pytest.mark.parametrize(
    ("change", "scope", "subject"),
    [
        ({"countries": {"31": 107}}, "country", "+31"),
        ({"countries": {"31": 114}}, "country", "+31"),
        ({"forbidden_senders": ("ACME",)}, "sender", "ACME"),
    ],
)
def test_a_country_and_a_sender_are_asked_about_alike(site: Site, change, scope: str, subject: str) -> None:  # noqa: F811
    main = site.simulators["main"]
    main.change(**change)
    site.bench.accept(firing(team="dba"))
    site.run()
    assert (scope, subject) in site.open()
    site.bench.clock.move(minutes=1)
    assert site.probers["main"].probe_once().closed is False
    assert (scope, subject) in site.open()

    main.change(countries={}, forbidden_senders=())
    site.bench.clock.move(minutes=1)
    assert site.probers["main"].probe_once().closed
    assert site.open() == set()


def test_long_texts_to_a_country_are_asked_about_by_a_long_text(site: Site) -> None:  # noqa: F811
    main = site.simulators["main"]
    main.change(countries_without_long=("31",))
    refusal = refused(119)
    bar = react(refusal).breaks
    site.bench.commit(lambda tx: breakers.fail(tx, "main", bar, "+31", refusal, site.bench.clock()))
    site.bench.clock.move(minutes=1)
    assert site.probers["main"].probe_once().closed is False
    assert main.requests()[-1].params["type"] == "long"

    main.change(countries_without_long=())
    site.bench.clock.move(minutes=1)
    assert site.probers["main"].probe_once().closed


def test_while_the_account_is_closed_no_number_is_asked_about(site: Site) -> None:  # noqa: F811
    main, backup = site.simulators["main"], site.simulators["backup"]
    main.change(force_error=106)
    site.bench.accept(firing(team="dba"))
    site.run()
    backup.change(maintenance=True)
    main.change(force_error=None, blocked=115)
    site.bench.accept(firing())  # alice's
    site.run()
    assert ("account", "") in site.open()
    site.bench.clock.move(minutes=14)
    assert site.probers["main"].probe_once() is None

    main.change(blocked=None)
    site.bench.clock.move(minutes=1)
    assert site.probers["main"].probe_once().breaker.scope is Scope.ACCOUNT
    assert site.open() == set(), (
        "the only number there is was asked for the account, and so is proven as well"
    )


def test_an_account_is_asked_under_the_sender_that_it_takes(site: Site) -> None:  # noqa: F811
    main = site.simulators["main"]
    main.change(forbidden_senders=("ACME",))
    site.bench.accept(firing(team="dba"))
    site.run()
    main.change(maintenance=True)
    site.bench.accept(firing(team="dba", instance="second"))
    site.run()
    assert site.open() == {("sender", "ACME"), ("account", "")}
    main.change(maintenance=False)
    site.bench.clock.move(minutes=1)

    assert site.probers["main"].probe_once().closed
    assert main.requests()[-1].params["afzender"] == "ACME-2"
    assert site.open() == {("sender", "ACME")}


def test_a_number_that_nobody_has_any_more_is_forgotten_without_a_question(site: Site) -> None:  # noqa: F811
    refusal = refused(106)
    rule = react(refusal).breaks
    site.bench.commit(
        lambda tx: breakers.fail(tx, "main", rule, "+4915112345678", refusal, site.bench.clock())
    )
    site.bench.clock.move(minutes=1)

    assert site.probers["main"].probe_once().closed
    assert asked_about(site.simulators["main"]) == []


def test_a_text_to_a_barred_number_fails_at_once_and_the_ledger_says_since_when(site: Site) -> None:  # noqa: F811
    for name in ("main", "backup"):
        site.simulators[name].change(countries={"31": 114})
    site.bench.accept(firing(team="dba"))
    site.run()
    site.bench.accept(firing(team="dba", instance="second"))
    site.run()
    [row] = site.bench.rows("select detail from ledger where reason = 'barred'")

    assert row["detail"] == (
        "BARRED at main since 2026-11-22 12:00 UTC (its country +31, error 114: this country is not permitted), "
        "at backup since 2026-11-22 12:00 UTC (its country +31, error 114: this country is not permitted)"
    )
    with site.bench.reading() as tx:
        assert say_barring(barring_of(tx, ("main", "backup"), BOB_PERSON.number)) == row["detail"]
        assert barring_of(tx, ("main", "backup"), ALICE_PERSON.number) is None


def test_a_text_that_leaves_by_another_gateway_says_which_one_barred_it(site: Site) -> None:  # noqa: F811
    site.simulators["main"].change(force_error=106)
    site.bench.accept(firing(team="dba"))
    site.run()
    site.bench.accept(firing(team="dba", instance="second"))
    site.run()
    [row] = site.bench.rows("select detail from ledger where reason = 'fail_over'")

    assert row["detail"].startswith("barred at main since ")
    assert row["detail"].endswith(", leaves by backup")
    assert site.texts("backup") == 1


# The commands.


@pytest.fixture
def simulators() -> Iterator[tuple[Simulator, Simulator]]:
    settings = SimulatorSettings("acme", Secret(PASSWORD))
    with Simulator(settings) as main, Simulator(settings) as backup:
        yield main, backup


@pytest.fixture
def config(simulators: tuple[Simulator, Simulator], tmp_path: Path) -> Path:
    return write_config(tmp_path, "", gateways=gateway_of(simulators[0].gateway_url))


@pytest.fixture
def two(simulators: tuple[Simulator, Simulator], tmp_path: Path) -> Path:
    entries = [
        gateway_of(s.gateway_url, name=n)[1:-1] for s, n in zip(simulators, ("main", "backup"), strict=True)
    ]
    return write_config(tmp_path, "", gateways=f"[{', '.join(entries)}]")


def bar(config: Path, number: str = BOB, code: int = 106, gateway: str = "main") -> None:
    """As a text that was refused leaves it behind."""
    store = a_store(config.parent / "data/sms.db")
    refusal, now = refused(code), datetime.now(UTC)
    rule = react(refusal).breaks
    subject = "+" + (number if rule.scope is Scope.NUMBER else number[:2])
    with store.transaction() as tx:
        breakers.fail(tx, gateway, rule, subject, refusal, now)
    store.close()


def barred(config: Path) -> list[tuple[str, str]]:
    with a_store(config.parent / "data/sms.db").reading() as tx:
        return [(one.gateway, one.subject) for one in breakers.all_open(tx)]


def queued(config: Path) -> int:
    with a_store(config.parent / "data/sms.db").reading() as tx:
        row = tx.one("select count(*) as n from messages")
        assert row is not None
        return int(row["n"])


def test_send_to_a_barred_person_says_why_and_what_to_do_and_queues_nothing(config: Path, simulators) -> None:
    bar(config)
    result = run(config, "send", "--to", "person:bob", "x")

    assert result.exit_code == 1
    assert "bob: BARRED at main since " in result.stdout
    assert "error 106: no valid mobile number" in result.stdout
    assert "sms-notify unbar bob" in result.stdout
    assert queued(config) == 0
    assert simulators[0].requests() == []
    [row] = told_json(run(config, "send", "--to", "person:bob", "--json", "x"))
    assert (row["fate"], row["reason"], row["code"]) == ("refused", "barred", 106)


def test_send_leaves_by_the_gateway_that_does_not_bar_the_number_and_says_so(two: Path, simulators) -> None:
    bar(two)
    told = said(run(two, "send", "--to", "person:bob", "x"))

    assert "bob: barred at main since " in told
    assert ", leaves by backup: sent as m1" in told
    assert [text.number for text in simulators[1].texts()] == [BOB]
    assert run(two, "send", "--gateway", "main", "--to", "person:bob", "x").exit_code == 1
    assert simulators[0].requests() == []


def test_send_test_asks_the_gateway_and_a_yes_clears_the_bar(config: Path, simulators) -> None:
    bar(config)
    simulators[0].change(force_error=106)
    assert run(config, "send", "--test", "--to", "person:bob", "x").exit_code == 1
    assert barred(config) == [("main", f"+{BOB}")]

    simulators[0].change(force_error=None)
    told = said(run(config, "send", "--test", "--to", "person:bob", "x"))
    assert "the gateway would take it" in told
    assert "it was barred at main since " in told
    assert "the bar is cleared" in told
    assert barred(config) == []
    assert simulators[0].texts() == []


def test_a_country_is_cleared_by_a_test_too(config: Path) -> None:
    bar(config, code=114)
    assert "its country +31" in run(config, "send", "--to", "person:bob", "x").stdout
    assert "the bar is cleared" in said(run(config, "send", "--test", "--to", "person:bob", "x"))
    assert barred(config) == []


def test_dry_run_says_that_nobody_would_get_it(config: Path, simulators) -> None:
    bar(config)
    result = run(config, "send", "--dry-run", "--to", "person:bob", "x")

    assert result.exit_code == 1
    assert "bob: BARRED at main" in result.stdout
    assert run(config, "send", "--dry-run", "--to", "person:alice", "x").exit_code == 0
    assert simulators[0].requests() == []


def test_check_config_online_asks_about_every_bar_and_fails_while_one_stays(config: Path, simulators) -> None:
    bar(config)
    bar(config, ALICE)
    simulators[0].change(countries={BOB: 106})
    result = run(config, "check-config", "--online")

    assert result.exit_code == 1
    assert "gateway main: bob: BARRED at main since " in result.stdout
    assert "asked now: error_code 106. Correct the person's number" in result.stdout
    assert "gateway main: alice: was barred at main since " in result.stdout
    assert "the bar is cleared" in result.stdout
    assert barred(config) == [("main", f"+{BOB}")]
    assert simulators[0].texts() == []

    simulators[0].change(countries={})
    got = told_json(run(config, "check-config", "--online", "--json"))
    assert got["ok"] is True
    assert [(one["about"], one["cleared"]) for one in got["online"][0]["bars"]] == [("bob", True)]
    assert barred(config) == []


def test_a_wrong_password_is_asked_about_once_however_many_are_barred(config: Path, simulators) -> None:
    bar(config)
    simulators[0].change(force_error=104)

    assert run(config, "check-config", "--online").exit_code == 1
    assert len(simulators[0].requests()) == 1
    assert barred(config) == [("main", f"+{BOB}")]


def test_routes_test_says_who_is_barred_and_goes_nowhere_where_everybody_is(config: Path) -> None:
    bar(config)
    result = run(config, "routes", "test", "alertname=X", "severity=critical")
    assert result.exit_code == 0
    assert "bob: BARRED at main since " in result.stdout
    assert "GETS NO TEXT" in result.stdout
    assert "1 text, 1 credit" in result.stdout

    bar(config, ALICE)
    result = run(config, "routes", "test", "alertname=X", "severity=critical")
    assert result.exit_code == 1
    assert "GOES NOWHERE" in result.stdout
    got = told_json(run(config, "routes", "test", "alertname=X", "--json"))
    assert got["texts"] == 0
    assert [(text["to"], text["leaves"]) for text in got["receivers"][0]["texts"]] == [
        ("alice", False),
        ("bob", False),
    ]


def test_routes_test_says_by_which_gateway_it_leaves(two: Path) -> None:
    bar(two)
    told = said(run(two, "routes", "test", "alertname=X"))

    assert "barred at main since " in told
    assert ", leaves by backup" in told


def test_oncall_show_says_that_who_holds_the_pager_is_barred(config: Path, simulators) -> None:
    rota = "{members: [bob], every: 1w, handover: 'Mon 09:00', start: 2020-01-06}"
    schedules = f"{{primary: {{timezone: UTC, rotation: {rota}}}}}"
    config = write_config(
        config.parent, "", gateways=gateway_of(simulators[0].gateway_url), schedules=schedules
    )
    assert "barred" not in said(run(config, "oncall", "show")).lower()
    bar(config)

    shown = run(config, "oncall", "show")
    assert (shown.exit_code, "!! bob is BARRED at main since " in shown.stdout) == (1, True)
    assert json.loads(run(config, "oncall", "show", "--json").stdout)[0]["barred"].startswith(
        "bob is BARRED at main"
    )


def test_looking_makes_no_database(config: Path) -> None:
    for arguments in (
        ("routes", "test", "alertname=X"),
        ("send", "--dry-run", "--to", "person:bob", "x"),
        ("check-config", "--online"),
        ("send", "--test", "--to", "person:bob", "x"),
    ):
        assert run(config, *arguments).exit_code == 0
    assert run(config, "unbar", "bob").exit_code == 1
    assert not (config.parent / "data").exists()


def test_unbar_clears_a_person_or_a_number_and_exits_with_1_where_there_is_nothing(config: Path) -> None:
    assert run(config, "unbar", "bob").exit_code == 1
    bar(config)
    told = said(run(config, "unbar", "bob"))
    assert told.startswith("bob: the bar at main since ")
    assert barred(config) == []

    bar(config)
    got = told_json(run(config, "unbar", "+31 6 1234 5678", "--json"))
    assert [(row["gateway"], row["about"], row["code"]) for row in got["cleared"]] == [("main", "bob", 106)]
    result = run(config, "unbar", "bob")
    assert result.exit_code == 1
    assert "bob is not barred at main: there was nothing to clear" in result.stdout


def test_unbar_clears_the_country_and_one_gateway_alone_where_it_is_named(two: Path) -> None:
    bar(two, code=107)
    bar(two, gateway="backup")
    assert run(two, "unbar", "bob", "--gateway", "main").exit_code == 0
    assert barred(two) == [("backup", f"+{BOB}")]
    assert "nobody is called 'eve'" in complaint(run(two, "unbar", "eve"))


def test_unbar_has_an_example_in_its_help() -> None:
    assert "sms-notify unbar alice" in CliRunner().invoke(group, ["unbar", "--help"]).stdout


def test_explain_says_that_somebody_is_still_barred(config: Path, simulators) -> None:
    simulators[0].change(force_error=106)
    assert run(config, "send", "--to", "person:bob", "x").exit_code == 1
    assert "bob is still BARRED at main since " in said(run(config, "explain", "m1"))
    said(run(config, "unbar", "bob"))
    assert "still BARRED" not in said(run(config, "explain", "m1"))


def test_a_daemon_asks_about_a_barred_number_at_its_start(config: Path, simulators) -> None:
    bar(config)
    daemon = Daemon(config)
    try:
        assert eventually(lambda: barred(config) == [])
        assert post(daemon.url, payload("HostDown")) == 200
        assert {text.number for text in simulators[0].wait_for_texts(2)} == {ALICE, BOB}
    finally:
        daemon.kill()


def test_a_bar_for_a_day_of_an_older_version_is_asked_about_at_start(site: Site) -> None:  # noqa: F811
    now = site.bench.clock()
    at = int(now.timestamp() * 1_000_000)
    site.bench.commit(
        lambda tx: tx.run(
            "insert into breakers values ('main', 'number', :number, :at, :ends, 1, 1, 'error_code', 106, null, null, null,"
            " 0, null)",
            number=BOB_PERSON.number, at=at, ends=at + 1,
        )
    )  # fmt: skip
    site.bench.commit(lambda tx: breakers.probe_now(tx, "main", now))

    assert site.probers["main"].probe_once().closed
    assert json.dumps(sorted(site.open())) == "[]"

"""Each number is tried at no cost: a refusal is a bar and a self-alert before any page meets it, and a yes ends both."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from test_barred import asked_about
from test_failures import Site, site  # noqa: F401 - the fixture
from workbench import ALICE, BOB, firing

from sms_notify.delivery.number_checks import NumberChecks, NumbersToCheck
from sms_notify.delivery.sender import Luck
from sms_notify.gateways.sms1601.client import SmsGateway1601
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS, Gateway1601Settings
from sms_notify.policy.account import Account
from sms_notify.policy.directory import Directory
from sms_notify.secret import Secret
from sms_notify.store import trial_rows

BOTH = NumbersToCheck((BOB.number, ALICE.number))
ALICES, BOBS = ALICE.number.removeprefix("+"), BOB.number.removeprefix("+")


def account_of(*senders: str) -> Account:
    directory = Directory({"alice": ALICE, "bob": BOB})
    more = {"limits": TEXT_LIMITS, "directory": directory}
    return Account("main", *senders, gateways=("main", "backup"), **more)


@pytest.fixture
def checks(site: Site) -> NumberChecks:  # noqa: F811
    url = site.simulators["main"].gateway_url
    settings = Gateway1601Settings("main", url, "demo", Secret("demo"), "ACME", timeout=2)
    gateway, luck = SmsGateway1601(settings, time.monotonic), Luck(lambda: "ref", lambda: 1.0)
    return NumberChecks(site.bench.commit, gateway, account_of("ACME"), site.bench.clock, luck, BOTH)


def trials(site: Site) -> dict[str, tuple[timedelta, bool]]:  # noqa: F811
    """Of each number how long ago it was tried, and whether it is taken."""
    with site.bench.reading() as tx:
        found = trial_rows.known(tx)
    now = site.bench.clock()
    return {one.number: (now - one.asked_at, one.good_since is not None) for one in found}


def test_each_number_is_asked_about_once_an_hour_and_nothing_is_sent_or_spent(
    site: Site,  # noqa: F811
    checks: NumberChecks,
) -> None:
    main = site.simulators["main"]
    credits_left = main.state.credits
    said = [checks.check_once() for _ in range(3)]

    assert [one.who for one in said if one is not None] == ["bob", "alice"]
    assert asked_about(main) == [BOBS, ALICES]
    assert set(trials(site).values()) == {(timedelta(), True)}
    assert (main.texts(), main.state.credits) == ([], credits_left)
    site.bench.clock.move(minutes=59)
    assert checks.check_once() is None
    site.bench.clock.move(minutes=1)
    assert checks.check_once() is not None
    assert len(asked_about(main)) == 3


@pytest.mark.parametrize(
    ("change", "scope", "subject"),
    [
        ({"force_error": 106}, "number", BOB.number),
        ({"force_error": 112}, "number", BOB.number),
        ({"countries": {"31": 107}}, "country", "+31"),
        ({"countries": {"31": 114}}, "country", "+31"),
    ],
)
def test_a_refused_number_is_barred_and_the_operator_hears_once(
    site: Site,  # noqa: F811
    checks: NumberChecks,
    change: dict[str, object],
    scope: str,
    subject: str,
) -> None:
    main = site.simulators["main"]
    main.change(**change)
    checks.check_once()
    site.run()

    assert site.open() == {(scope, subject)}
    assert len(site.notes()) == 1
    assert "(the number of bob)" in site.notes()[0]
    assert BOB.number not in site.notes()[0]
    assert trials(site)[BOB.number] == (timedelta(), False)
    main.change(force_error=None)
    checks.check_once()
    assert asked_about(main) == [BOBS, ALICES], "the probe of the breaker asks about what is barred"
    site.run()
    assert len(site.notes()) == 1

    main.change(countries={})
    site.bench.clock.move(minutes=1)
    assert site.probers["main"].probe_once().closed
    assert site.open() == set()
    assert site.bench.rows("select 1 from troubles where closed_at is null") == []
    site.bench.clock.move(minutes=5)
    checks.check_once()
    assert trials(site)[BOB.number] == (timedelta(), True)


def test_a_text_that_waits_goes_before_any_question(site: Site, checks: NumberChecks) -> None:  # noqa: F811
    site.bench.accept(firing(team="dba"))
    assert checks.check_once() is None
    site.run()
    assert checks.check_once() is not None


def test_an_account_that_refuses_us_is_told_and_no_number_is_blamed(site: Site, checks: NumberChecks) -> None:  # noqa: F811
    site.simulators["main"].change(blocked=115)
    checks.check_once()
    site.run()

    assert site.open() == {("account", "")}
    assert len(site.notes()) == 1
    assert checks.check_once() is None
    assert trials(site) == {BOB.number: (timedelta(minutes=55), False)}


def test_a_question_without_an_answer_blames_nobody_and_is_asked_again_soon(
    site: Site,  # noqa: F811
    checks: NumberChecks,
) -> None:
    checks.check_once()
    site.bench.clock.move(hours=1)
    main = site.simulators["main"]
    port_gone = Gateway1601Settings("main", "http://127.0.0.1:9/", "demo", Secret("demo"), "ACME", timeout=1)
    luck = Luck(lambda: "ref", lambda: 1.0)
    lost = NumberChecks(
        site.bench.commit, SmsGateway1601(port_gone, time.monotonic), account_of("ACME"), site.bench.clock, luck,
        NumbersToCheck((BOB.number,)),
    )  # fmt: skip
    lost.check_once()
    site.run()

    assert (site.open(), site.notes()) == (set(), [])
    assert trials(site) == {BOB.number: (timedelta(minutes=55), True)}
    site.bench.clock.move(minutes=5)
    checks.follow(account_of("ACME"), NumbersToCheck((BOB.number,)))
    checks.check_once()
    assert asked_about(main) == [BOBS, BOBS]


def test_a_country_without_long_texts_is_told_and_asked_about_by_a_short_one(
    site: Site,  # noqa: F811
    checks: NumberChecks,
) -> None:
    main = site.simulators["main"]
    main.change(countries_without_long=("31",))
    checks.follow(account_of("ACME"), NumbersToCheck((BOB.number,), long=True))
    checks.check_once()

    assert site.open() == {("no_long", "+31")}
    assert [r.params.get("type") for r in main.requests()] == ["long", None]
    assert trials(site) == {BOB.number: (timedelta(), True)}


def test_who_wants_no_trials_and_whose_account_is_gone_is_not_asked_about(
    site: Site,  # noqa: F811
    checks: NumberChecks,
) -> None:
    checks.follow(account_of("ACME"), NumbersToCheck())
    assert checks.check_once() is None
    checks.follow(account_of("ACME"), BOTH, retired=True)
    assert checks.check_once() is None
    assert site.simulators["main"].requests() == []


def test_a_number_that_is_not_configured_any_more_is_forgotten(site: Site, checks: NumberChecks) -> None:  # noqa: F811
    checks.check_once()
    checks.check_once()
    site.bench.commit(lambda tx: trial_rows.keep_only(tx, ("main",), (ALICE.number,)))
    assert set(trials(site)) == {ALICE.number}
    site.bench.commit(lambda tx: trial_rows.keep_only(tx, ("backup",), (ALICE.number,)))
    assert trials(site) == {}

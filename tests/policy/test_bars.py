"""What gateways refuse for the time being, and by which of them a text leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from made import a_message
from workbench import ALICE, BOB, NOON

from sms_notify.policy.bars import (
    Barring,
    Breaker,
    bar_of,
    barring_of,
    closed_to_all,
    open_gateway,
    way_for,
)
from sms_notify.policy.directory import Person
from sms_notify.policy.retry_policy import Scope

EARLIER = NOON - timedelta(minutes=5)
GROUP = Person("group:dba", "group:dba")


def breaker(scope: Scope, subject: str = "", gateway: str = "main") -> Breaker:
    return Breaker(gateway, scope, subject, NOON, 121, 0)


NUMBER = breaker(Scope.NUMBER, ALICE.number)
COUNTRY = breaker(Scope.COUNTRY, "+32")
ACCOUNT = breaker(Scope.ACCOUNT)
CREDITS = breaker(Scope.CREDITS)
SENDER = breaker(Scope.SENDER, "ACME")
LONG = breaker(Scope.NO_LONG, "+32")


def at(gateway: str, bar: Breaker) -> Breaker:
    return replace(bar, gateway=gateway)


@pytest.mark.parametrize(
    ("breakers", "bar"),
    [
        ([], None),
        ([NUMBER], NUMBER),
        ([COUNTRY], COUNTRY),
        (
            [COUNTRY, NUMBER],
            NUMBER,
        ),  # the number is named before its country, in whatever order they are given
        ([NUMBER, COUNTRY], NUMBER),
        ([breaker(Scope.NUMBER, BOB.number)], None),
        ([breaker(Scope.COUNTRY, "+31")], None),
        ([breaker(Scope.COUNTRY, ALICE.number)], None),
        ([at("backup", NUMBER)], None),
        ([ACCOUNT, CREDITS, SENDER, LONG], None),  # these keep no number from being texted in particular
    ],
)
def test_a_number_is_barred_by_a_breaker_of_its_own_or_of_its_country_at_that_gateway(
    breakers: list[Breaker], bar: Breaker | None
) -> None:
    assert bar_of(breakers, "main", ALICE.number) == bar


@pytest.mark.parametrize(
    ("breakers", "gateways", "person", "barring"),
    [
        ([], ["main", "backup"], ALICE, None),
        ([NUMBER], [], ALICE, None),
        ([NUMBER], ["main"], ALICE, Barring((NUMBER,))),
        ([NUMBER], ["main"], BOB, None),
        ([NUMBER], ["main", "backup"], ALICE, Barring((NUMBER,), "backup")),
        ([NUMBER], ["backup", "main"], ALICE, None),  # the first takes it, whatever the others do
        (
            [NUMBER, at("backup", COUNTRY)],
            ["main", "backup"],
            ALICE,
            Barring((NUMBER, at("backup", COUNTRY))),
        ),
        (
            [NUMBER, at("backup", COUNTRY)],
            ["main", "backup", "third"],
            ALICE,
            Barring((NUMBER, at("backup", COUNTRY)), "third"),
        ),
        ([ACCOUNT], ["main", "backup"], ALICE, None),  # a closed gateway bars no number
        ([breaker(Scope.NUMBER, GROUP.number)], ["main"], GROUP, None),  # nor is a group barred
    ],
)
def test_the_first_gateway_that_does_not_bar_a_number_is_the_one_it_leaves_by(
    breakers: list[Breaker], gateways: list[str], person: Person, barring: Barring | None
) -> None:
    assert barring_of(breakers, gateways, person.number) == barring


@pytest.mark.parametrize(
    ("barring", "nowhere"), [(Barring((NUMBER,)), True), (Barring((NUMBER,), "backup"), False)]
)
def test_a_number_goes_nowhere_where_every_gateway_bars_it(barring: Barring, nowhere: bool) -> None:
    assert barring.nowhere is nowhere


def test_a_number_is_barred_since_the_preferred_gateway_bars_it() -> None:
    before = replace(at("backup", NUMBER), opened_at=EARLIER)

    assert Barring((NUMBER, before)).since == NOON


@pytest.mark.parametrize(
    ("breakers", "closed_by"),
    [
        ([], None),
        ([ACCOUNT], ACCOUNT),
        ([CREDITS], CREDITS),
        ([CREDITS, replace(ACCOUNT, opened_at=EARLIER)], replace(ACCOUNT, opened_at=EARLIER)),
        ([NUMBER, COUNTRY, SENDER, LONG], None),
        ([at("backup", ACCOUNT)], None),
    ],
)
def test_a_gateway_is_closed_by_the_oldest_breaker_that_stops_everything(
    breakers: list[Breaker], closed_by: Breaker | None
) -> None:
    assert closed_to_all(breakers, "main") == closed_by


@pytest.mark.parametrize(
    ("breakers", "takes_it"),
    [
        ([], "main"),
        ([SENDER, LONG], "main"),
        ([ACCOUNT], "backup"),
        ([NUMBER], "backup"),
        ([NUMBER, at("backup", CREDITS)], None),
        ([ACCOUNT, at("backup", COUNTRY)], None),
        ([breaker(Scope.NUMBER, BOB.number)], "main"),
    ],
)
def test_a_text_leaves_by_the_first_gateway_that_is_open_and_does_not_bar_its_number(
    breakers: Sequence[Breaker], takes_it: str | None
) -> None:
    assert open_gateway(breakers, ["main", "backup"], ALICE.number) == takes_it


@pytest.mark.parametrize(
    ("breakers", "gateways", "way"),
    [
        ([], ["main"], None),  # there is no other one
        ([], ["main", "backup"], "backup"),
        ([], ["backup", "third", "main"], "backup"),
        ([at("backup", ACCOUNT)], ["main", "backup", "third"], "third"),
        ([at("backup", ACCOUNT)], ["main", "backup"], "backup"),  # there it can wait
        ([at("backup", ACCOUNT), at("third", CREDITS)], ["main", "backup", "third"], "backup"),
        ([at("backup", NUMBER)], ["main", "backup", "third"], "third"),
        ([at("backup", NUMBER), at("third", ACCOUNT)], ["main", "backup", "third"], "third"),
        ([at("backup", NUMBER), at("third", COUNTRY)], ["main", "backup", "third"], None),
        ([NUMBER, ACCOUNT], ["main", "backup"], "backup"),  # what its own gateway refuses does not matter
    ],
)
def test_the_way_out_is_another_gateway_that_takes_texts_now_or_else_one_where_it_can_wait(
    breakers: Sequence[Breaker], gateways: list[str], way: str | None
) -> None:
    assert way_for(breakers, gateways, a_message(person=ALICE)) == way

"""A crowd of 400 critical problems of three kinds within a minute, through the engine and the sender, as phones show it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from evening import PEOPLE, Evening, a_plan
from reading import OnPhone
from stormy import BEGINS, Arrival
from workbench import firing

from sms_notify.alert import Alert, Delivery, Status
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.ruleset import Plan

KINDS = {"HostDown": 134, "DatabaseDown": 133, "RaidBroken": 133}
QUARTER = timedelta(minutes=15)


def one_receiver(wait: int) -> Plan:
    plan = a_plan(timedelta(seconds=wait))
    everybody = tuple(Target(TargetKind.PERSON, name) for name in PEOPLE)
    oncall = replace(plan.receivers["oncall"], notify=everybody)
    return replace(plan, receivers={**plan.receivers, "oncall": oncall}, route=replace(plan.route, routes=()))


def crowd() -> Iterator[Alert]:
    """The kinds take turns."""
    names = [name for nth in range(134) for name in KINDS if nth < KINDS[name]]
    return (firing(name, at=BEGINS, instance=f"host{nth:03}") for nth, name in enumerate(names))


def over(alert: Alert) -> Alert:
    return replace(alert, status=Status.RESOLVED, ends_at=BEGINS + QUARTER)


def arrivals(each: int, *, grouped: bool) -> list[Arrival]:
    """`each` in one request, evenly within a minute; after seven minutes all are over, in the same way."""
    alerts = list(crowd())
    packs = [alerts[at : at + each] for at in range(0, len(alerts), each)]
    every = []
    for begins, pick in ((0.0, list), (420.0, lambda pack: [over(one) for one in pack])):
        for nth, pack in enumerate(packs):
            at = BEGINS + timedelta(seconds=begins + 60 * nth / len(packs))
            every.append(Arrival(at, Delivery("alertmanager", tuple(pick(pack)), "group" if grouped else "")))
    return every


@cache
def phones(each: int, grouped: bool, wait: int) -> Sequence[OnPhone]:
    with Evening(one_receiver(wait)) as evening:
        return evening.run(arrivals(each, grouped=grouped)).phones


STORMS = [(400, True, 0), (100, True, 0), (20, True, 0), (1, False, 0), (1, False, 10)]


@pytest.mark.parametrize(("each", "grouped", "wait"), STORMS)
def test_nobody_gets_more_than_ten_texts_in_the_first_quarter_of_an_hour(
    each: int, grouped: bool, wait: int
) -> None:
    for name in PEOPLE:
        mine = [text for text in phones(each, grouped, wait) if text.person == name]
        first = [text for text in mine if text.at < mine[0].at + QUARTER]
        assert 2 <= len(first) <= 10, [text.text for text in first]
        assert len(first) == len(mine)  # and then all is told


@pytest.mark.parametrize(("each", "grouped", "wait"), STORMS)
def test_the_first_text_that_counts_tells_each_kind_with_its_number(
    each: int, grouped: bool, wait: int
) -> None:
    for name in PEOPLE:
        mine = [text for text in phones(each, grouped, wait) if text.person == name]
        counting = next(text for text in mine if re.search(r"\d\d HostDown|\d\dx HostDown", text.text))
        told = {kind: re.search(rf"(\d+)x? {kind}", counting.text) for kind in KINDS}
        assert all(told.values()), counting.text
        if each == 400:
            assert counting is mine[0]
            assert {kind: int(found[1]) for kind, found in told.items() if found} == KINDS


@pytest.mark.parametrize(("each", "grouped", "wait"), STORMS)
def test_the_beginnings_and_the_ends_that_are_told_add_up(each: int, grouped: bool, wait: int) -> None:
    mine = [text.text for text in phones(each, grouped, wait) if text.person == "alice"]
    begun = [re.match(r"FIRING critical (?:(\d+)(?:x| of))?", text) for text in mine]
    ended = [re.match(r"OK (?:(\d+)x)?", text) for text in mine]

    assert sum(int(found[1] or 1) for found in begun if found) == 400
    assert sum(int(found[1] or 1) for found in ended if found) == 400

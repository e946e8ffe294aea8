"""A storm of 5,000 alerts through the engine and the sender themselves, read from the phones as their owners read them."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from evening import PEOPLE, Evening, a_plan, people_of
from reading import OnPhone, most_within, names, namings, numbers
from sachet import one_text_each
from storm import TOTAL, lines, table
from stormy import ALERTS, BEGINS, CRITICAL, HOSTS, Arrival, is_critical, storm
from workbench import firing

from sms_notify.policy.rate_limits import STANDARD, Lane, parse_limit

UNTIL = re.compile(r"\d+ more until (\d\d):(\d\d)")
WAIT = timedelta(seconds=10)
ROUTED = partial(people_of, a_plan(WAIT))


@pytest.fixture(scope="module")
def arrivals() -> list[Arrival]:
    return storm()


@pytest.fixture(scope="module")
def evening(arrivals: list[Arrival]) -> Iterator[Evening]:
    with Evening(a_plan(WAIT)) as evening:
        yield evening.run(arrivals)


def test_every_critical_alert_is_named_to_each_of_its_people_within_a_minute(
    evening: Evening, arrivals: list[Arrival]
) -> None:
    waits = [(n.person, n.alert.labels, n.waited) for n in namings(arrivals, evening.phones, ROUTED)]
    assert len(waits) >= CRITICAL
    assert [w for w in waits if w[2] is None or w[2] > timedelta(seconds=60)] == []


@pytest.mark.parametrize(
    ("lanes", "limit"), [((Lane.REST,), 5), ((Lane.CRITICAL, Lane.ENDS), 20), ((Lane.ENDS,), 10)]
)
def test_nobody_gets_more_texts_of_a_kind_in_any_quarter_of_an_hour_than_its_limits_allow(
    evening: Evening, lanes: tuple[Lane, ...], limit: int
) -> None:
    texts = [text for text, told in zip(evening.phones, evening.told(), strict=True) if told.lane in lanes]
    most = {name: most_within(text.at for text in texts if text.person == name) for name in PEOPLE}
    assert 0 < max(most.values()) <= limit, most


def test_ends_of_critical_alerts_do_not_wait_for_the_storm_of_the_rest(evening: Evening) -> None:
    ends = [text for text, told in zip(evening.phones, evening.told(), strict=True) if told.lane is Lane.ENDS]
    storm = [text for text in evening.phones if UNTIL.match(text.text) and text.person == "alice"]
    assert all(text.text.startswith("OK ") for text in ends)
    assert any(storm[0].at < text.at < storm[0].at + timedelta(minutes=8) for text in ends)


def test_the_numbers_in_every_text_are_what_it_tells(evening: Evening) -> None:
    said = [numbers(text.text) for text in evening.phones]
    assert said == [(told.begun, told.ended) for told in evening.told()]


def test_the_numbers_in_all_texts_add_up_to_all_that_was_told(evening: Evening) -> None:
    said: Counter[str] = Counter()
    for text in evening.phones:
        said[text.person] += numbers(text.text)[0]
    told = evening.rows("select recipient from pages where kind = 'firing' and state = 'told'")
    assert said == Counter(str(row["recipient"]) for row in told)


def test_who_is_promised_a_text_gets_it_within_the_minute_that_was_told(evening: Evening) -> None:
    promises = [(text, UNTIL.match(text.text)) for text in evening.phones]
    kept = []
    for text, until in promises:
        if until is None:
            continue
        zone = ZoneInfo(PEOPLE[text.person].timezone)
        told = text.at.astimezone(zone).replace(
            hour=int(until[1]), minute=int(until[2]), second=0, microsecond=0
        )
        mine = [
            other.at for other in evening.phones if other.person == text.person and "more since" in other.text
        ]
        kept.append(any(told <= at < told + timedelta(minutes=1) for at in mine))
    assert len(kept) >= len(PEOPLE)
    assert all(kept)


def test_nothing_critical_is_dropped_and_nothing_stays_behind(evening: Evening) -> None:
    left = "select count(*) as n from pages where state = 'held'"
    critical = (
        "select count(*) as n from pages p join incidents i on i.id = p.incident_id"
        " where p.state = 'dropped' and p.kind = 'firing' and i.severity = 'critical'"
    )
    unsent = (
        "select count(*) as n from messages m where not exists"
        " (select 1 from attempts a where a.message_id = m.id and a.fate = 'sent')"
    )
    assert [evening.rows(sql)[0]["n"] for sql in (left, critical, unsent)] == [0, 0, 0]


def test_with_wider_limits_for_critical_each_is_named_when_it_comes(arrivals: list[Arrival]) -> None:
    wide = replace(STANDARD, per_number_critical=(parse_limit("60/1m"),))
    plan = a_plan(timedelta(), wide)
    with Evening(plan) as evening:
        evening.run(arrivals)
        waits = [n.waited for n in namings(arrivals, evening.phones, partial(people_of, plan))]
    assert len(waits) >= CRITICAL
    assert all(wait is not None and wait <= timedelta(seconds=5) for wait in waits)


def test_it_costs_a_fraction_of_one_text_a_notification(evening: Evening, arrivals: list[Arrival]) -> None:
    sizes = {arrival.at: len(arrival.delivery.alerts) for arrival in arrivals}
    texts = one_text_each(arrivals, ROUTED)
    theirs = lines("one text each", arrivals, texts, ROUTED, lambda text: sizes[text.at])
    ours = lines("sms-notify", arrivals, evening.phones, ROUTED, lambda text: sum(numbers(text.text)))
    print(f"\n{table([*theirs, *ours])}")
    for mine, base in zip(ours, theirs, strict=True):
        assert mine.credits * 20 < base.credits, mine.person
        assert mine.named == base.named == base.critical, mine.person
    assert next(line.credits for line in ours if line.person == TOTAL) <= 54


def test_the_storm_is_as_large_as_it_says_and_the_same_every_time(arrivals: list[Arrival]) -> None:
    alerts = [alert for arrival in arrivals for alert in arrival.delivery.alerts]
    assert len(alerts) == ALERTS
    assert sum(map(is_critical, alerts)) == CRITICAL
    assert len({alert.labels["instance"] for alert in alerts}) == HOSTS
    assert {bool(arrival.delivery.group) for arrival in arrivals} == {True, False}
    assert arrivals == storm()
    assert arrivals != storm(2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FIRING warning Slow web1: it is slow since 13:00 #k3f9", (1, 0)),
        ("FIRING 185x: 20x Slow, 18x Hot, +147; 14 resolved; OK 63x #k3f9", (199, 63)),
        ("FIRING critical 2x HostDown: web1, web2 since 13:00 #k3f9", (2, 0)),
        ("FIRING critical 13 of 36: HostDown web1; Slow web2 #k3f9", (13, 0)),
        ("FIRING critical 13 of 23 left: HostDown web1; Slow web2 #k3f9", (13, 0)),
        ("FIRING 9x: 2 critical HostDown db1, Slow app1; 7 warning Hot #k3f9", (9, 0)),
        ("197 more until 13:15, 1 resolved, 196 open: 22x Slow db1 (2), +20; OK Hot web1 #k3f9", (197, 1)),
        ("1090 more since 13:04: 480 resolved, 610 open: 61x Slow, +549; OK 252x #k3f9", (1090, 252)),
        ("2 resolved: 2x Hot db1, db2", (2, 0)),
        ("OK 3x Slow: web1, web2, web3 after 5m #k3f9", (0, 3)),
        ("FLAPPING warning Slow web1 4x since 13:00, told again when calm #k3f9", (1, 0)),
    ],
)
def test_the_reader_of_a_text_finds_its_numbers(text: str, says: tuple[int, int]) -> None:
    assert numbers(text) == says


def test_the_reader_takes_no_other_place_and_no_other_name_for_the_one_that_is_told() -> None:
    down = firing("HostDown", instance="web1")
    assert names("FIRING critical 2x: HostDown web3, web1; Slow web2 #k3f9", down)
    assert not names("FIRING critical HostDown web10 #k3f9", down)
    assert not names("FIRING critical 2x: HostDown web3; Slow web1 #k3f9", down)


def test_most_within_counts_what_lies_less_than_a_window_apart() -> None:
    at = [BEGINS + timedelta(minutes=minutes) for minutes in (0, 5, 14, 15, 16, 40)]
    assert most_within(at) == 4
    assert most_within([OnPhone(BEGINS, "alice", "x").at]) == 1
    assert most_within([]) == 0

"""Which problem an alert speaks of, where its own name is not that of an open one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_member, an_incident, ended, rows_of_all
from workbench import NOON, firing

from sms_notify.alert import OPENED_BY, OWN_ID, Alert, Severity, Status
from sms_notify.policy.identity import asks_for_ids, by_its_times, spoken_of
from sms_notify.policy.records import Incident
from sms_notify.policy.rows import Rows
from sms_notify.policy.sender_ids import OwnId, words_of
from sms_notify.policy.vocabulary import IncidentState

MINUTE = timedelta(minutes=1)
CALM = 10 * MINUTE
DISK = {"alertname": "Disk", "host": "db1", "severity": "critical"}


def told(name: str, own_id: str = "", labels: Mapping[str, str] | None = None, **more: object) -> Alert:
    """One from JSON that is known by `name`; without its id by its labels."""
    labels = DISK if labels is None else labels
    made = Alert("alerts", name, Status.FIRING, labels, {}, own_id=own_id, alike="labels")
    return replace(made, **more)  # type: ignore[arg-type]


def over(alert: Alert) -> Alert:
    return replace(alert, status=Status.RESOLVED)


def an_id(alert: Alert, **more: object) -> OwnId:
    made = OwnId(alert.source, alert.alike, alert.own_id, alert.fingerprint, words_of(alert))
    return replace(made, **more)  # type: ignore[arg-type]


def rows_knowing(incidents: Sequence[Incident], ids: Sequence[OwnId] = (), now: datetime = NOON) -> Rows:
    rows = rows_of_all(*incidents, now=now)
    for one in ids:
        rows.own_ids.load((one.source, one.alike, one.name), one)
    return rows


ONE, TWO, THREE = told("one", "1"), told("two", "2"), told("three", "3")
BARE = told("labels")
ELSEWHERE = told("there", "1", {**DISK, "host": "db2"}, alike="labels there")
OPEN_ONE, OPEN_TWO = an_incident(1, ONE), an_incident(2, TWO)
OPEN_BARE, OPEN_THERE = an_incident(3, BARE), an_incident(4, ELSEWHERE)
IDS = [an_id(ONE), an_id(TWO)]
PROVEN = [an_id(ONE, proven=True), an_id(TWO)]


def names(found: Sequence[Alert]) -> list[str]:
    return [alert.fingerprint for alert in found]


# Its times.


@pytest.mark.parametrize(
    ("status_told", "ends_at", "status"),
    [
        (False, NOON - MINUTE, Status.RESOLVED),
        (False, NOON, Status.RESOLVED),
        (False, NOON + MINUTE, Status.FIRING),
        (False, None, Status.FIRING),
        (True, NOON - MINUTE, Status.FIRING),  # its word counts
    ],
)
def test_a_past_end_is_an_end_where_no_word_says_otherwise(
    status_told: bool, ends_at: datetime | None, status: Status
) -> None:
    assert by_its_times(replace(ONE, status_told=status_told, ends_at=ends_at), NOON).status is status


# Ends.

UNNAMED = told("an end", "1", {}, alike="no labels")
BY_HOST = told("an end", "1", {"host": "db1"}, alike="other labels")
OTHER_ID = told("an end", "9")


@pytest.mark.parametrize(
    ("end", "incidents", "ids", "ended_names"),
    [
        (ONE, [OPEN_ONE, OPEN_TWO], IDS, ["one"]),
        (UNNAMED, [OPEN_ONE, OPEN_TWO], IDS, ["one"]),
        (UNNAMED, [OPEN_ONE, OPEN_THERE], [an_id(ONE), an_id(ELSEWHERE)], ["one", "there"]),
        (BY_HOST, [OPEN_ONE, OPEN_THERE], [an_id(ONE), an_id(ELSEWHERE)], ["one"]),
        (UNNAMED, [ended(OPEN_ONE)], IDS, ["an end"]),
        (OTHER_ID, [OPEN_ONE], IDS[:1], ["one"]),  # the one open problem with its labels
        (OTHER_ID, [OPEN_ONE, OPEN_TWO], PROVEN, ["an end"]),  # or neither of two
        (OTHER_ID, [OPEN_ONE, OPEN_TWO], IDS, ["one", "two"]),  # each of three posts had an id of its own
        (OTHER_ID, [OPEN_BARE], [], ["labels"]),
        (told("an end", "9", alike="other labels"), [OPEN_ONE], IDS[:1], ["an end"]),
        (BARE, [OPEN_ONE], IDS[:1], ["one"]),  # without an id
        (BARE, [OPEN_ONE, OPEN_TWO], IDS, ["labels"]),
        (BARE, [OPEN_ONE, OPEN_BARE], IDS[:1], ["labels"]),
    ],
)
def test_what_an_end_ends(
    end: Alert, incidents: Sequence[Incident], ids: Sequence[OwnId], ended_names: list[str]
) -> None:
    assert names(spoken_of(rows_knowing(incidents, ids), over(end))) == ended_names


def test_an_end_whose_id_fits_nothing_ends_all_whose_ids_named_posts() -> None:
    four = [told(f"post {n}", f"{n}") for n in range(4)]
    rows = rows_knowing([an_incident(n + 1, one) for n, one in enumerate(four)], list(map(an_id, four)))

    assert names(spoken_of(rows, over(told("end", "99")))) == ["post 0", "post 1", "post 2", "post 3"]


def test_an_end_has_the_labels_and_the_words_of_what_it_ends() -> None:
    problem = replace(OPEN_ONE, annotations={"summary": "CPU", OWN_ID: "1"}, severity=Severity.WARNING)
    (found,) = spoken_of(rows_knowing([problem], IDS), over(UNNAMED))

    assert (found.labels, found.annotations) == (DISK, problem.annotations)
    assert found.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("labels", "words", "then_labels", "then_words"),
    [
        ({}, {}, DISK, {OWN_ID: "1", "summary": "CPU"}),
        (DISK, {"summary": "fine"}, DISK, {"summary": "fine"}),
        ({"host": "db1"}, {OPENED_BY: "ok"}, {"host": "db1"}, {OWN_ID: "1", "summary": "CPU"}),
    ],
)
def test_an_end_under_the_name_of_the_problem_keeps_what_it_says_itself(
    labels: dict[str, str], words: dict[str, str], then_labels: dict[str, str], then_words: dict[str, str]
) -> None:
    problem = replace(OPEN_ONE, annotations={"summary": "CPU", OWN_ID: "1"})
    end = over(told("one", "1", labels, annotations=words))
    (found,) = spoken_of(rows_knowing([problem], IDS), end)

    assert (found.labels, found.annotations) == (then_labels, then_words)


def test_an_end_finds_what_is_a_part_of_a_shared_incident() -> None:
    shared = replace(an_incident(7), source="dedup", fingerprint="shared")
    rows = rows_of_all(shared, a_member(shared, ONE))
    rows.own_ids.load(("alerts", "labels", "1"), an_id(ONE))

    assert names(spoken_of(rows, over(UNNAMED))) == ["one"]


# Beginnings.


def test_a_second_id_is_a_second_problem_and_a_third_that_says_the_same_shows_that_they_name_posts() -> None:
    rows = rows_knowing([])
    assert names(spoken_of(rows, ONE)) == ["one"]
    rows.load_incident(OPEN_ONE)
    assert names(spoken_of(rows, TWO)) == ["two"]
    rows.load_incident(OPEN_TWO)

    assert names(spoken_of(rows, THREE)) == ["two"]
    assert names(spoken_of(rows, told("four", "4"))) == ["two"]


@pytest.mark.parametrize(
    ("third", "ids", "apart"),
    [
        (replace(THREE, annotations={"summary": "another thing"}), IDS, frozenset()),
        (THREE, PROVEN, frozenset()),
        (THREE, IDS, frozenset({"labels"})),
    ],
)
def test_a_third_id_is_a_problem_of_its_own_where_words_posts_or_repeats_say_so(
    third: Alert, ids: Sequence[OwnId], apart: frozenset[str]
) -> None:
    assert names(spoken_of(rows_knowing([OPEN_ONE, OPEN_TWO], ids), third, apart)) == ["three"]


def test_a_second_post_with_one_id_proves_that_it_names_a_problem() -> None:
    rows = rows_knowing([OPEN_ONE], IDS)
    assert names(spoken_of(rows, ONE)) == ["one"]
    assert rows.own_ids.rows["alerts", "labels", "1"].proven


def test_a_problem_whose_ids_name_posts_keeps_its_name_when_it_is_back() -> None:
    rows = rows_knowing([ended(OPEN_ONE), ended(OPEN_TWO)], IDS)
    assert names(spoken_of(rows, THREE)) == ["two"]
    assert names(spoken_of(rows, told("four", "4"))) == ["two"]


@pytest.mark.parametrize(
    ("alert", "asks"),
    [(ONE, True), (over(ONE), True), (BARE, False), (over(BARE), True), (replace(BARE, perhaps_over=True), True),
     (firing(), False)],
)  # fmt: skip
def test_ids_are_loaded_only_for_what_they_may_decide(alert: Alert, asks: bool) -> None:
    assert asks_for_ids(alert) is asks


# Doubtful words.

DOUBTFUL = replace(BARE, perhaps_over=True)
BY_ACTIVE = replace(OPEN_BARE, annotations={OPENED_BY: "active"})
AT_ALERTMANAGER = replace(firing(), perhaps_over=True)


@pytest.mark.parametrize(
    ("alert", "incidents", "status"),
    [
        (DOUBTFUL, [BY_ACTIVE], Status.RESOLVED),
        (DOUBTFUL, [OPEN_BARE], Status.FIRING),
        (DOUBTFUL, [], Status.FIRING),
        (AT_ALERTMANAGER, [an_incident(1)], Status.RESOLVED),  # where one word alone opens
        (AT_ALERTMANAGER, [], Status.FIRING),
    ],
)
def test_a_doubtful_word_ends_only_what_its_opposite_has_opened(
    alert: Alert, incidents: Sequence[Incident], status: Status
) -> None:
    (found,) = spoken_of(rows_knowing(incidents), alert)
    assert (found.status, found.perhaps_over) == (status, False)


# Names of earlier versions.

RENAMED = replace(firing(), fingerprint="new", before=("old",))
FORMER = an_incident(1, replace(firing(), fingerprint="old"), former=True)
LATELY = NOON + 5 * MINUTE
WORDS = replace(RENAMED, labels={"severity": "critical"}, annotations={"summary": "A is down"})
SENTENCES = replace(FORMER, labels={"severity": "critical"}, annotations={"summary": "A is down"})


@pytest.mark.parametrize(
    ("alert", "incidents", "name"),
    [
        (RENAMED, [FORMER], "old"),
        (over(RENAMED), [FORMER], "old"),
        (RENAMED, [replace(FORMER, former=False)], "new"),  # another problem that has this name today
        (RENAMED, [ended(FORMER, NOON)], "old"),  # it may flicker
        (RENAMED, [ended(FORMER, NOON - CALM)], "new"),
        (RENAMED, [FORMER, an_incident(2, RENAMED)], "new"),
        (WORDS, [SENTENCES], "old"),
        (replace(WORDS, annotations={"summary": "B is down"}), [SENTENCES], "new"),
    ],
)
def test_what_an_earlier_version_has_opened_keeps_its_name_until_it_is_over(
    alert: Alert, incidents: Sequence[Incident], name: str
) -> None:
    assert names(spoken_of(rows_knowing(incidents, now=LATELY), alert, calm=CALM)) == [name]


CLOSED = replace(ended(FORMER, NOON + MINUTE), state=IncidentState.CLOSED)


@pytest.mark.parametrize(
    ("alert", "name"),
    [(RENAMED, "old"), (over(RENAMED), "old"), (replace(RENAMED, starts_at=NOON + 9 * MINUTE), "new")],
)
def test_what_was_closed_by_hand_keeps_its_name_until_its_source_ends_it_or_begins_anew(
    alert: Alert, name: str
) -> None:
    rows = rows_knowing([CLOSED], now=NOON + 60 * MINUTE)
    assert names(spoken_of(rows, alert, calm=CALM)) == [name]

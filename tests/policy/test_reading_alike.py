"""What is open and reads alike, and by which label it is told apart."""

from __future__ import annotations

from collections.abc import Sequence

from made import an_incident, ended
from workbench import firing

from sms_notify.policy.reading_alike import ReadingAlike
from sms_notify.policy.records import Incident
from sms_notify.policy.table import Table

X, Z = (an_incident(id_, firing("Y", host="a", job=job)) for id_, job in ((1, "x"), (2, "z")))
ELSEWHERE = an_incident(3, firing("Y", host="b", job="x"))
WARNING = an_incident(4, firing("Y", host="a", job="w", severity="warning"))


def alike(*incidents: Incident) -> ReadingAlike:
    table: Table[int, Incident] = Table()
    for one in incidents:
        table.put(one.id, one)
    return ReadingAlike(table)


def apart(there: ReadingAlike, *told: Incident) -> Sequence[tuple[str, ...]]:
    return [one.apart for one in there.told_apart([incident.subject for incident in told])]


def test_those_at_one_place_with_one_name_read_alike_at_any_severity() -> None:
    there = alike(X, Z, ELSEWHERE, WARNING)
    assert [one.id for one in there.those_like(X.subject.alert)] == [1, 2, 4]


def test_what_is_over_reads_like_nothing() -> None:
    assert [one.id for one in alike(X, ended(Z)).those_like(X.subject.alert)] == [1]


def test_what_is_opened_later_in_a_step_is_known_too() -> None:
    table: Table[int, Incident] = Table()
    there = ReadingAlike(table)
    assert there.those_like(X.subject.alert) == []
    table.put(Z.id, Z)
    assert there.those_like(X.subject.alert) == [Z]


def test_a_label_that_differs_tells_what_is_told_from_what_is_open() -> None:
    assert apart(alike(X, Z), X) == [("job=x",)]


def test_what_is_over_is_told_apart_from_what_is_told_with_it() -> None:
    assert apart(alike(ended(X), ended(Z)), ended(X), ended(Z)) == [("job=x",), ("job=z",)]


def test_a_severity_and_a_place_need_no_label() -> None:
    assert apart(alike(X, ELSEWHERE, WARNING), X, ELSEWHERE, WARNING) == [(), (), ()]


def test_what_has_no_such_label_says_so() -> None:
    without = an_incident(5, firing("Y", host="a"))
    assert apart(alike(X, without), without) == [('job=""',)]

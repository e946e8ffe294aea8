"""Two people swap their shifts: what each held the other holds, and nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_cli_deciding import Site, complaint, machine_in_brussels, said, site_of  # noqa: F401 - a fixture
from workbench import NOON

from sms_notify.oncall.swaps import AskedShift, swap
from sms_notify.policy.rotations import Layer, Rotation, Schedule, Shift, on_call

WEEKLY = Schedule(
    "primary", "Europe/Brussels", (Layer(Rotation(("alice", "bob", "carol"), 7, date(2026, 1, 5), 540)),)
)
moments = st.integers(0, 24 * 120).map(lambda hours: NOON + timedelta(hours=hours))
people = st.sampled_from(["alice", "bob", "carol"])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = site_of(tmp_path)
    made.commit(lambda tx: tx.one("select 1"))
    yield made
    made.store.close()


def test_the_next_shift_of_each_is_swapped_and_of_one_under_way_the_rest() -> None:
    holder = on_call(WEEKLY, (), NOON)
    assert holder == "alice"

    first, second = swap(WEEKLY, (), AskedShift("alice", NOON), AskedShift("bob", NOON))

    assert (first.person, first.start) == ("bob", NOON)
    assert (second.person, second.start, second.end - second.start) == ("alice", first.end, timedelta(days=7))


@given(one=people, other=people, at=moments, there=moments, look=moments)
def test_after_a_swap_nobody_holds_what_was_not_swapped(
    one: str, other: str, at: datetime, there: datetime, look: datetime
) -> None:
    if one == other:
        return
    made = swap(WEEKLY, (), AskedShift(one, at), AskedShift(other, there))

    before, after = on_call(WEEKLY, (), look), on_call(WEEKLY, made, look)
    inside = [shift.person for shift in made if shift.start <= look < shift.end]
    assert after == (inside[0] if inside else before)
    if inside:
        assert {before, after} == {one, other}


def test_an_override_that_lies_there_is_swapped_as_it_counts() -> None:
    lent = Shift("carol", NOON, NOON + timedelta(hours=4))
    first, second = swap(WEEKLY, [lent], AskedShift("carol", NOON), AskedShift("alice", NOON))

    assert first == Shift("alice", lent.start, lent.end)
    assert (second.person, second.start) == ("carol", lent.end)


@pytest.mark.parametrize(
    ("one", "other", "why"), [("bob", "bob", "two people"), ("dave", "bob", "dave holds no shift")]
)
def test_what_cannot_be_swapped_is_refused(one: str, other: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        swap(WEEKLY, (), AskedShift(one, NOON), AskedShift(other, NOON))


def test_the_command_makes_both_overrides_in_one_step(site: Site) -> None:
    line = ("oncall", "override", "swap", "primary", "alice", "carol", "--by", "bob")
    told = said(site.run(*line, "--at", "2090-01-02T00:00", "--with", "2090-01-02T00:00"))
    rows = json.loads(said(site.run("oncall", "override", "list", "--json")))

    assert [(row["id"], row["person"], row["by"]) for row in rows] == [
        (1, "carol", "bob"),
        (2, "alice", "bob"),
    ]
    assert rows[0]["until"] in (rows[1]["from"], rows[0]["until"])
    assert [line.split(":")[0] for line in told.splitlines()] == ["override 1", "override 2"]
    assert " CET until " in told


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("primary", "alice", "bob"), "bob holds no shift of primary"),
        (("primary", "alice", "alice"), "name two people"),
        (("primry", "alice", "carol"), "did you mean `primary`?"),
        (("primary", "alice", "carrol"), "did you mean `carol`?"),
    ],
)
def test_a_swap_that_cannot_be_changes_nothing(site: Site, arguments: tuple[str, ...], why: str) -> None:
    assert why in complaint(site.run("oncall", "override", "swap", *arguments))
    assert site.rows("select * from overrides") == []

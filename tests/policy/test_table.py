"""What a step has made of the rows that it loaded: new, changed, gone, or nothing to write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sms_notify.policy.table import Table

Rows = Table[int, str]
Step = Callable[[Rows], object]


def load(key: int, row: str) -> Step:
    return lambda table: table.load(key, row)


def put(key: int, row: str) -> Step:
    return lambda table: table.put(key, row)


def remove(key: int) -> Step:
    return lambda table: table.remove(key)


def after(*steps: Step) -> Rows:
    table: Rows = Table()
    for step in steps:
        step(table)
    return table


@pytest.mark.parametrize(
    ("steps", "rows", "new", "changed", "gone"),
    [
        ([], {}, [], [], []),
        ([load(1, "a")], {1: "a"}, [], [], []),
        ([put(1, "a")], {1: "a"}, ["a"], [], []),
        ([put(1, "a"), put(1, "b")], {1: "b"}, ["b"], [], []),
        ([load(1, "a"), put(1, "b")], {1: "b"}, [], ["b"], []),
        ([load(1, "a"), put(1, "b"), put(1, "c")], {1: "c"}, [], ["c"], []),
        ([load(1, "a"), put(1, "b"), put(1, "a")], {1: "a"}, [], [], []),
        ([load(1, "a"), remove(1)], {}, [], [], [1]),
        ([load(1, "a"), put(1, "b"), remove(1)], {}, [], [], [1]),
        ([put(1, "a"), remove(1)], {}, [], [], []),  # it never was anywhere
        ([remove(1)], {}, [], [], []),
        ([load(1, "a"), remove(1), put(1, "a")], {1: "a"}, [], [], []),
        ([load(1, "a"), remove(1), put(1, "b")], {1: "b"}, [], ["b"], []),
        (
            [load(1, "a"), load(2, "b"), load(3, "c"), put(2, "x"), remove(3), put(4, "d")],
            {1: "a", 2: "x", 4: "d"},
            ["d"],
            ["x"],
            [3],
        ),
    ],
)
def test_what_is_written_is_the_difference_from_what_was_loaded(
    steps: list[Step], rows: dict[int, str], new: list[str], changed: list[str], gone: list[int]
) -> None:
    table = after(*steps)

    assert table.rows == rows
    assert (table.new, table.changed, table.gone) == (new, changed, gone)


@pytest.mark.parametrize(
    ("steps", "touched"),
    [
        ([load(1, "a")], {}),
        ([load(1, "a"), put(1, "a")], {}),
        ([load(1, "a"), put(1, "b")], {1: "b"}),
        ([put(1, "a")], {1: "a"}),
        ([load(1, "a"), remove(1)], {}),
        ([load(1, "a"), put(2, "b"), put(1, "c")], {1: "c", 2: "b"}),
    ],
)
def test_touched_are_the_new_and_the_changed_by_key(steps: list[Step], touched: dict[int, str]) -> None:
    assert after(*steps).touched == touched


@pytest.mark.parametrize(
    ("steps", "taken", "row"),
    [
        ([], True, "stored"),
        ([load(1, "a")], False, "a"),
        ([load(1, "a"), put(1, "b")], False, "b"),
        ([put(1, "b")], False, "b"),
        ([load(1, "a"), remove(1)], False, None),  # what was removed does not come back
        ([load(2, "a")], True, "stored"),
    ],
)
def test_a_row_is_taken_in_once_and_what_the_step_made_of_it_stands(
    steps: list[Step], taken: bool, row: str | None
) -> None:
    table = after(*steps)

    assert table.load(1, "stored") is taken
    assert table.get(1) == row


@pytest.mark.parametrize(
    ("steps", "before"),
    [
        ([], None),
        ([load(1, "a")], "a"),
        ([load(1, "a"), put(1, "b")], "a"),
        ([load(1, "a"), remove(1)], "a"),
        ([put(1, "b")], None),
    ],
)
def test_before_is_the_row_as_it_was_loaded(steps: list[Step], before: str | None) -> None:
    assert after(*steps).before(1) == before


def test_a_row_that_is_equal_but_another_value_is_not_written() -> None:
    table: Table[int, list[str]] = Table()
    table.load(1, ["a"])
    table.put(1, ["a"])

    assert (table.changed, table.touched) == ([], {})


def test_what_a_statement_of_its_own_has_changed_is_written_where_the_row_differs_from_that() -> None:
    table: Table[int, str] = Table()
    table.load(1, "held")
    table.put(1, "freed")
    table.rebase(1, "freed")
    assert table.changed == []
    table.put(1, "held")

    assert (table.changed, table.touched) == (["held"], {1: "held"})

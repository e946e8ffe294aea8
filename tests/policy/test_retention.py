"""What is due to be erased, what stands in its place, and what months keep of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sms_notify.policy.retention import (
    STANDARD,
    AccountLine,
    Cut,
    ErasedPart,
    Keep,
    MonthSpent,
    cuts,
    month_of,
    nameless,
    summed,
    without_numbers,
)

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_texts_are_due_after_90_days_and_rows_after_400() -> None:
    texts, rows = cuts(STANDARD, NOON)
    assert texts == Cut(ErasedPart.TEXTS, NOON - timedelta(days=90))
    assert rows == Cut(ErasedPart.ROWS, NOON - timedelta(days=400))


@pytest.mark.parametrize(
    ("keep", "parts"),
    [
        (Keep(None, None), []),
        (Keep(None, timedelta(days=1)), [ErasedPart.TEXTS]),
        (Keep(timedelta(days=31), None), [ErasedPart.ROWS]),
    ],
)
def test_what_is_off_is_never_due(keep: Keep, parts: list[ErasedPart]) -> None:
    assert [cut.part for cut in cuts(keep, NOON)] == parts


def test_a_number_within_words_is_erased_and_the_words_stay() -> None:
    assert without_numbers("to +31612345678, bob") == "to erased, bob"
    assert without_numbers("C++ 11, step +1") == "C++ 11, step +1"


def test_a_name_stays_and_a_bare_number_does_not() -> None:
    assert nameless("bob", "+31612345678") == "bob"
    assert nameless("+31612345678", "+31612345678") == "erased"


def test_a_month_is_that_of_utc() -> None:
    assert month_of(datetime.fromisoformat("2026-12-01T00:30:00+01:00")) == "2026-11"


def test_a_line_of_an_account_is_there_once_with_all_that_was_spent() -> None:
    bob, alice = (AccountLine("2026-11", name, "oncall", "critical", "main") for name in ("bob", "alice"))
    found = summed([(bob, MonthSpent(1, 2, 2)), (alice, MonthSpent(1, 1, 1)), (bob, MonthSpent(0, 0, 2))])
    assert found == {bob: MonthSpent(1, 2, 4), alice: MonthSpent(1, 1, 1)}

"""The words of a status field, and what they are worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms_notify.sources.status_words import (
    DOUBTFUL_WORDS,
    OPENING_WORDS,
    RESOLVED_WORDS,
    StatusWord,
    bare,
    said,
)

LAW = [
    *("ok", "up", "resolved", "recovered", "recovery", "closed", "clear", "cleared", "normal", "healthy"),
    *("good", "green", "passing", "pass", "passed", "success", "successful", "succeeded", "fixed"),
    *("restored", "end", "ended"),
]
MARKS = ["", " ", "✅ ", "✔️", "[", "]", "(", ")", "*", ".", "!", "…", "\n", "**", "🟢", "- ", "_"]


def test_the_words_are_those_of_the_rules() -> None:
    assert sorted(LAW) == sorted(RESOLVED_WORDS)
    assert {"0", "false", "inactive", "available", "done"} == DOUBTFUL_WORDS
    assert not RESOLVED_WORDS & OPENING_WORDS
    assert not DOUBTFUL_WORDS & (RESOLVED_WORDS | OPENING_WORDS)


@pytest.mark.parametrize("word", LAW)
@given(before=st.sampled_from(MARKS), after=st.sampled_from(MARKS), upper=st.booleans())
def test_a_word_for_well_is_one_in_any_case_with_any_marks(
    word: str, before: str, after: str, upper: bool
) -> None:
    assert said(before + (word.upper() if upper else word.capitalize()) + after) is StatusWord.OVER


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, StatusWord.NOTHING),
        ("", StatusWord.NOTHING),
        ("  \n", StatusWord.NOTHING),
        ("NOT OK", StatusWord.FIRING),
        ("ok?not", StatusWord.FIRING),
        ("unhealthy", StatusWord.FIRING),
        ("never recovered", StatusWord.FIRING),
        ("okay", StatusWord.FIRING),
        ("OK" + " " * 200 + "not", StatusWord.FIRING),
        ("OK" + " " * 2_000_000 + "not", StatusWord.FIRING),
        (" " * 2_000_000 + "OK", StatusWord.OVER),
        ("back up since 10:00", StatusWord.FIRING),
        ("✅", StatusWord.FIRING),
        (["ok"], StatusWord.FIRING),
        ({"ok": True}, StatusWord.FIRING),
        (0, StatusWord.PERHAPS_OVER),
        (0.0, StatusWord.PERHAPS_OVER),
        ("0", StatusWord.PERHAPS_OVER),
        (False, StatusWord.PERHAPS_OVER),
        ("Inactive", StatusWord.PERHAPS_OVER),
        ("AVAILABLE", StatusWord.PERHAPS_OVER),
        ("done!", StatusWord.PERHAPS_OVER),
        (1, StatusWord.OPENED),
        ("2", StatusWord.OPENED),
        (3.0, StatusWord.OPENED),
        (4, StatusWord.FIRING),
        (True, StatusWord.OPENED),
        ("🔥 Firing", StatusWord.OPENED),
        ("active", StatusWord.OPENED),
        ("degraded", StatusWord.FIRING),
    ],
)
def test_what_a_status_field_says(value: object, word: StatusWord) -> None:
    assert said(value) is word


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.text())))
def test_every_value_says_something_and_its_word_is_stripped_once_and_for_all(value: object) -> None:
    assert said(value) in StatusWord
    word = bare(value)
    assert not isinstance(value, str) or bare(word) == word

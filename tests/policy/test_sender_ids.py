"""Ids that senders give their alerts: those of problems, and those of posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from workbench import firing

from sms_notify.alert import OPENED_BY, OWN_ID, Alert
from sms_notify.policy.sender_ids import OwnId, name_posts, side_by_side, told, words_of

ID = OwnId("alerts", "labels", "1", "fingerprint", "words")
OTHER = replace(ID, name="2")
PROVEN, ELSE_SAID = replace(ID, name="3", proven=True), replace(ID, name="3", words="other words")


def alert(own_id: str, alike: str = "labels", **words: str) -> Alert:
    return replace(firing(), own_id=own_id, alike=alike, annotations=words)


@pytest.mark.parametrize(
    ("known", "more", "posts"),
    [
        ([], 1, False),
        ([ID], 1, False),  # two may be two problems
        ([ID, OTHER], 0, False),
        ([ID, OTHER], 1, True),
        ([ID, OTHER, replace(ID, name="3")], 0, True),
        ([ID, OTHER, PROVEN], 0, False),  # an id that came twice names a problem
        ([ID, OTHER, ELSE_SAID], 0, False),  # two things are said of equal labels
    ],
)
def test_ids_name_posts_where_each_came_in_one_post_alone_and_all_said_the_same(
    known: Sequence[OwnId], more: int, posts: bool
) -> None:
    assert name_posts(known, more) is posts


@pytest.mark.parametrize(
    ("alerts", "apart"),
    [
        ([], set()),
        ([alert("1")], set()),
        ([alert("1"), alert("1")], set()),
        ([alert("1"), alert("2")], {"labels"}),
        ([alert("1"), alert("2", alike="other")], set()),
        ([alert("1"), alert("")], set()),
    ],
)
def test_two_ids_of_equal_labels_in_one_post_tell_problems_apart(
    alerts: Sequence[Alert], apart: set[str]
) -> None:
    assert side_by_side(alerts) == apart


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"summary": "load is 9.1"}, {"summary": "load is 12.75"}, True),
        ({"summary": "load"}, {"summary": "disk"}, False),
        ({"summary": "load", "url": "https://x/1"}, {"summary": "load", "url": "https://y/a"}, True),
        ({"summary": "load"}, {"summary": "load", OPENED_BY: "firing", OWN_ID: "7"}, True),
        ({}, {"summary": "load"}, False),
    ],
)
def test_words_are_the_same_but_for_numbers_links_and_what_we_have_added(
    one: dict[str, str], other: dict[str, str], same: bool
) -> None:
    assert (words_of(alert("1", **one)) == words_of(replace(alert("2"), annotations=other))) is same


def test_what_a_source_said_is_without_what_we_have_added() -> None:
    assert told({"summary": "x", OPENED_BY: "1", OWN_ID: "7"}) == {"summary": "x"}

"""What happened first is read first: the rule by which one text waits for another to the same number."""

from __future__ import annotations

import pytest

from sms_notify.policy.reading_order import Tells, held_back

DISK, HOST = ("alertmanager", "disk"), ("alertmanager", "host")
CRITICAL, WARNING = 0, 1


def begins(text: int, problem: tuple[str, str] = DISK, rank: int = WARNING) -> Tells:
    return Tells(text, rank, problem, begins=True)


def goes_on(text: int, problem: tuple[str, str] = DISK, rank: int = WARNING) -> Tells:
    return Tells(text, rank, problem, begins=False)


@pytest.mark.parametrize(
    ("told", "waiting"),
    [
        ([], set()),
        ([begins(1)], set()),
        ([begins(1), goes_on(2)], {2}),
        ([begins(1), begins(2)], {2}),  # of two episodes the earlier first
        ([goes_on(1), begins(2)], set()),
        ([goes_on(1), goes_on(2)], set()),  # only a beginning is waited for
        ([begins(1), goes_on(2, HOST)], set()),
        ([begins(1), goes_on(2, HOST), goes_on(2)], {2}),  # one of the things that it tells is enough
        ([begins(1, HOST), begins(1), goes_on(2), goes_on(3, HOST)], {2, 3}),
        (
            [begins(1, rank=WARNING), goes_on(2, rank=CRITICAL)],
            set(),
        ),  # what is critical waits for nothing that is not
        ([begins(1, rank=CRITICAL), goes_on(2, rank=CRITICAL)], {2}),
        ([begins(1, rank=CRITICAL), goes_on(2, rank=WARNING)], {2}),
        ([begins(1, rank=WARNING), begins(2, rank=CRITICAL), goes_on(3, rank=CRITICAL)], {3}),
        ([begins(3, rank=CRITICAL), begins(1, rank=WARNING), goes_on(2, rank=CRITICAL)], set()),
        ([goes_on(2), begins(1)], {2}),  # in whatever order they are given
    ],
)
def test_a_text_waits_for_the_beginning_of_what_it_tells(told: list[Tells], waiting: set[int]) -> None:
    assert held_back(told) == waiting

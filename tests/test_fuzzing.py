"""What a fuzzer found ways with is a value or an error of ours, each within a second. How it was found: `fuzzing.py`."""

from __future__ import annotations

import time

import pytest
from fuzzing import TARGETS, kept


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_a_value_or_an_error_of_ours_within_a_second(name: str) -> None:
    bodies = kept(name)
    assert len(bodies) >= 50
    for body in bodies:
        started = time.process_time()
        TARGETS[name](body)
        assert time.process_time() - started < 1, body

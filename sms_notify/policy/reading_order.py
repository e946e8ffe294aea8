"""Which text to a number must not leave before another one: what happened first is read first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tells:
    """A queued text tells something of a problem; `begins` where it is the first that its reader hears of it.

    `text` is the message's id: a lower one was written earlier. `rank` 0 is critical.
    """

    text: int
    rank: int
    problem: tuple[str, str]
    begins: bool


def held_back(told: Sequence[Tells]) -> frozenset[int]:
    """Those of the texts that wait for one number which another must leave before: it begins what they go on with.

    A critical text waits for no other than a critical one. Takes time by the number of texts, not by its square.
    """
    first: dict[tuple[bool, tuple[str, str]], int] = {}
    for one in told:
        for urgent in {False, one.rank == 0} if one.begins else ():
            key = urgent, one.problem
            first[key] = min(one.text, first.get(key, one.text))
    return frozenset(one.text for one in told if first.get((one.rank == 0, one.problem), one.text) < one.text)

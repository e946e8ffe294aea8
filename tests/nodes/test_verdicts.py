"""The judge sees what is lost and what is doubled, and takes no excuse that the ledger does not make."""

from __future__ import annotations

from collections.abc import Sequence

from handsets import Arrival
from verdicts import Promised, Tally, tally

ALICE, BOB = "32470000001", "32470000002"


def on_phones(*texts: str, number: str = ALICE) -> list[Arrival]:
    return [Arrival(0.0, number, text, "", True) for text in texts]


def judged(texts: Sequence[Arrival], *, doubtful: int = 0, complaints: str = "") -> Tally:
    promised = [Promised(name, "critical", 0.0) for name in ("S1", "S2")]
    return tally(promised, texts, {ALICE, BOB}, complaints, lambda sql, *values: [(doubtful,)])


def test_what_is_told_once_is_neither_lost_nor_doubled() -> None:
    found = judged([*on_phones("FIRING S1"), *on_phones("FIRING S2", number=BOB)])
    assert (found.acknowledged, found.lost, found.doubled, found.unexplained) == (2, (), 0, ())


def test_what_is_on_no_phone_is_lost_unless_the_operator_was_told() -> None:
    assert judged(on_phones("FIRING S1")).lost == ("S2",)
    assert judged(on_phones("FIRING S1", "FIRING S2", number="31600000000")).lost == ("S1", "S2")
    found = judged(on_phones("FIRING S1"), complaints="S2 reached nobody")
    assert (found.lost, found.late) == ((), ("S2",))


def test_a_copy_is_explained_by_an_attempt_of_unknown_fate_alone() -> None:
    twice = on_phones("FIRING S1", "FIRING S2", "FIRING S2")
    assert judged(twice).unexplained == ("S2",)
    assert judged(twice, doubtful=1).unexplained == ()
    assert judged([*twice, *twice], doubtful=1).unexplained == ("S2",)

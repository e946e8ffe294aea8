"""What a reader believes of a problem: the last that may have reached them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbench import ALICE, NOON

from sms_notify.policy.belief import Belief, Said, after, fold
from sms_notify.policy.vocabulary import Kind

MINUTE = timedelta(minutes=1)
FIRING = Said(1, ALICE, Kind.FIRING, False, 1, "oncall", False, NOON)
FLAPPING = replace(FIRING, flapping=True)
UNHEARD = replace(FIRING, kind=Kind.UNHEARD)
OK = replace(FIRING, kind=Kind.RESOLVED)
SILENT = replace(OK, silent=True)


def in_order(*said: Said) -> list[Said]:
    """As they became true, a minute after each other."""
    return [replace(one, id=nth, at=NOON + nth * MINUTE) for nth, one in enumerate(said, 1)]


def belief_after(*said: Said) -> Belief:
    believed = fold(said)
    return Belief.NOTHING if believed is None else believed.belief


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], Belief.NOTHING),
        ([FIRING], Belief.FIRING),
        ([FLAPPING], Belief.FLAPPING),
        ([OK], Belief.RESOLVED),
        ([FIRING, FLAPPING], Belief.FLAPPING),
        ([FLAPPING, FIRING], Belief.FIRING),
        ([FIRING, OK], Belief.RESOLVED),
        ([FIRING, OK, FIRING], Belief.FIRING),
        ([FLAPPING, OK], Belief.RESOLVED),
        ([FIRING, UNHEARD], Belief.UNHEARD),
        ([FIRING, UNHEARD, FIRING], Belief.FIRING),  # a new start is news
        ([FIRING, UNHEARD, OK], Belief.RESOLVED),
        ([FIRING, OK, FIRING, OK, FLAPPING], Belief.FLAPPING),
        # An end that is not to be texted counts as said to whoever heard of the problem, and to nobody else.
        ([FIRING, SILENT], Belief.RESOLVED),
        ([FLAPPING, SILENT], Belief.RESOLVED),
        ([FIRING, SILENT, FIRING], Belief.FIRING),
        ([SILENT], Belief.NOTHING),
        ([SILENT, FIRING], Belief.FIRING),
    ],
)
def test_the_last_word_is_believed(said: list[Said], expected: Belief) -> None:
    assert belief_after(*in_order(*said)) is expected


@pytest.mark.parametrize("kind", [Kind.FIRING, Kind.ESCALATION, Kind.REMINDER])
@pytest.mark.parametrize(("flapping", "expected"), [(False, Belief.FIRING), (True, Belief.FLAPPING)])
def test_every_text_but_an_end_says_that_it_fires_or_flaps(
    kind: Kind, flapping: bool, expected: Belief
) -> None:
    assert belief_after(replace(FIRING, kind=kind, flapping=flapping)) is expected


WORDS = st.sampled_from([FIRING, FLAPPING, UNHEARD, OK])


@given(st.lists(WORDS, min_size=1, max_size=6), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=200)
def test_texts_that_overtake_each_other_end_in_what_became_true_last(
    said: list[Said], random: st.DataObject
) -> None:
    listed = in_order(*said)
    shuffled = random.sample(listed, len(listed))  # type: ignore[attr-defined]

    assert belief_after(*shuffled) is belief_after(*listed)


@given(st.lists(WORDS, max_size=6), WORDS)
@settings(deadline=None, max_examples=100)
def test_what_is_said_twice_is_said_once(said: list[Said], last: Said) -> None:
    listed = in_order(*said, last)
    once = fold(listed)
    assert once is not None

    assert after(once, listed[-1]) == once


@pytest.mark.parametrize(
    ("said", "receivers", "critical"),
    [
        ([FIRING], ("oncall",), False),
        ([FIRING, replace(FIRING, receiver="dba", critical=True)], ("oncall", "dba"), True),
        ([replace(FIRING, critical=True), FIRING], ("oncall",), True),  # milder since: still an end of a page
        ([replace(FIRING, critical=True), OK, FIRING], ("oncall",), False),
        ([replace(FIRING, critical=True), OK], (), False),
    ],
)
def test_a_reader_is_owed_the_end_as_they_were_told_since_the_last(
    said: list[Said], receivers: tuple[str, ...], critical: bool
) -> None:
    believed = fold(in_order(*said))

    assert believed is not None
    assert (believed.receivers, believed.critical) == (receivers, critical)
    assert believed.at == NOON + len(said) * MINUTE


@pytest.mark.parametrize("belief", list(Belief))
def test_an_end_is_owed_to_whoever_takes_it_for_firing_flapping_or_unheard(belief: Belief) -> None:
    assert belief.of_trouble is (belief in ("firing", "flapping", "unheard"))


@pytest.mark.parametrize(
    ("said", "episode"),
    [
        ([FIRING, replace(OK, incident_id=2)], 1),  # the second was told to others alone
        ([FIRING, replace(FIRING, incident_id=2), replace(OK, incident_id=2)], 2),
        ([FIRING, OK, replace(OK, incident_id=2)], 2),  # lost sight of before it was told
        ([replace(OK, incident_id=2)], 2),
    ],
)
def test_an_end_is_of_the_episode_that_its_reader_knows(said: list[Said], episode: int) -> None:
    believed = fold(in_order(*said))

    assert believed is not None
    assert believed.incident_id == episode

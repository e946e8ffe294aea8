"""What a reader believes of a problem: the last that may have reached them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms_notify.policy.belief import Belief, Said, believed
from sms_notify.policy.vocabulary import Kind, State

FIRING = Said(Kind.FIRING, False, State.DELIVERED)
FLAPPING = Said(Kind.FIRING, True, State.DELIVERED)
UNHEARD = Said(Kind.UNHEARD, False, State.DELIVERED)
OK = Said(Kind.RESOLVED, False, State.DELIVERED)
OK_UNTEXTED = Said(Kind.RESOLVED, False, None)


def ended(said: Said, state: State) -> Said:
    """The same text, with another fate."""
    return Said(said.kind, said.flapping, state)


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
    ],
)
def test_the_last_text_is_believed(said: list[Said], expected: Belief) -> None:
    assert believed(said) is expected


@pytest.mark.parametrize("kind", [Kind.FIRING, Kind.ESCALATION, Kind.REMINDER])
@pytest.mark.parametrize(("flapping", "expected"), [(False, Belief.FIRING), (True, Belief.FLAPPING)])
def test_every_text_but_an_end_says_that_it_fires_or_flaps(
    kind: Kind, flapping: bool, expected: Belief
) -> None:
    assert believed([Said(kind, flapping, State.SENT)]) is expected


@pytest.mark.parametrize(
    ("state", "says_something"),
    [
        (State.QUEUED, False),
        (State.SUBMITTING, True),  # its request is under way
        (State.UNKNOWN, True),  # a lost answer is "perhaps": the end is owed
        (State.SENT, True),
        (State.BUFFERED, True),
        (State.NO_REPORT, True),  # an accepted text without a report is believed
        (State.DELIVERED, True),
        (State.NOT_DELIVERED, False),
        (State.REJECTED, False),
        (State.FAILED, False),
        (State.UNKNOWN_FINAL, True),
        (State.EXPIRED, False),
        (State.CANCELLED, False),
    ],
)
def test_a_text_that_cannot_have_arrived_said_nothing_and_what_was_believed_before_holds_again(
    state: State, says_something: bool
) -> None:
    assert believed([ended(FIRING, state)]) is (Belief.FIRING if says_something else Belief.NOTHING)
    assert believed([FIRING, ended(OK, state)]) is (Belief.RESOLVED if says_something else Belief.FIRING)
    assert believed([FIRING, OK, ended(FLAPPING, state)]) is (
        Belief.FLAPPING if says_something else Belief.RESOLVED
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([FIRING, OK_UNTEXTED], Belief.RESOLVED),
        ([FLAPPING, OK_UNTEXTED], Belief.RESOLVED),
        ([FIRING, OK_UNTEXTED, FIRING], Belief.FIRING),
        ([OK_UNTEXTED], Belief.NOTHING),
        ([ended(FIRING, State.NOT_DELIVERED), OK_UNTEXTED], Belief.NOTHING),
    ],
)
def test_an_end_that_is_not_to_be_texted_counts_as_said_to_whoever_heard_of_the_problem(
    said: list[Said], expected: Belief
) -> None:
    assert believed(said) is expected


UNBELIEVED = {
    "queued",
    "failed",
    "expired",
    "cancelled",
    "not_delivered",
    "rejected",
}  # rules, section 1, and what has not left


@given(
    st.lists(
        st.builds(
            Said,
            st.sampled_from([Kind.FIRING, Kind.ESCALATION, Kind.REMINDER, Kind.UNHEARD, Kind.RESOLVED]),
            st.booleans(),
            st.sampled_from(State),
        ),
        max_size=8,
    )
)
@settings(deadline=None, max_examples=200)
def test_nothing_but_the_last_text_that_may_have_arrived_matters(said: list[Said]) -> None:
    arrived = [one for one in said if str(one.state) not in UNBELIEVED]
    last = arrived[-1] if arrived else None

    expected = "nothing"
    if last is not None:
        fires = "flapping" if last.flapping else "firing"
        expected = str(last.kind) if last.kind in ("resolved", "unheard") else fires
    assert believed(said) == expected


@pytest.mark.parametrize("belief", list(Belief))
def test_an_end_is_owed_to_whoever_takes_it_for_firing_flapping_or_unheard(belief: Belief) -> None:
    assert belief.of_trouble is (belief in ("firing", "flapping", "unheard"))

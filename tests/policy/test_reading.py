"""What readers believe of a problem, and when its groups may be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from made import a_message, a_notification, an_incident, ended, rows_with, told_by
from owing import OPEN, OVER, ROUTE, heard
from workbench import ALICE, BOB, NOON

from sms_notify.alert import Delivery
from sms_notify.policy.belief import Belief, Believed
from sms_notify.policy.reading import ReaderBeliefs, as_its_reader_knows
from sms_notify.policy.routing import Receiver
from sms_notify.policy.vocabulary import Heard, Kind, PageState, State

FIRST = heard(Heard.FIRST)


@pytest.mark.parametrize(
    ("state", "ambiguous", "believes"),
    [
        (State.QUEUED, 0, Belief.FIRING),  # it will be believed
        (State.DELIVERED, 0, Belief.FIRING),
        (State.NOT_DELIVERED, 0, Belief.NOTHING),
        (State.FAILED, 0, Belief.NOTHING),
        (State.FAILED, 1, Belief.FIRING),  # the answer to one attempt was lost
        (State.CANCELLED, 0, Belief.NOTHING),
    ],
)
def test_a_reader_believes_what_may_have_arrived_or_waits(
    state: State, ambiguous: int, believes: Belief
) -> None:
    text = a_message(state=state, ambiguous=ambiguous)
    rows = rows_with(OPEN, text, told_by(text, a_notification(OPEN)))

    reading = ReaderBeliefs(Delivery("x", ()), rows)
    assert reading.believes(FIRST, ALICE.number) is believes
    assert reading.believes(FIRST, BOB.number) is Belief.NOTHING


@pytest.mark.parametrize(
    ("proven", "lost", "again_of", "believes", "counts_as_lost"),
    [
        (None, State.UNKNOWN, None, Belief.FIRING, None),  # a report may still prove it
        (None, State.UNKNOWN_FINAL, None, Belief.NOTHING, 7),
        (State.DELIVERED, State.UNKNOWN_FINAL, None, Belief.FIRING, 7),
        (State.NOT_DELIVERED, State.UNKNOWN_FINAL, None, Belief.NOTHING, 7),
        (None, None, 7, Belief.NOTHING, 7),  # its second text was not owed any more
        (None, State.DELIVERED, 5, Belief.FIRING, None),
    ],
)
def test_what_was_lost_counts_as_told_nowhere(
    proven: State | None,
    lost: State | None,
    again_of: int | None,
    believes: Belief,
    counts_as_lost: int | None,
) -> None:
    n = a_notification(OPEN, id_=2, again_of=again_of)
    text = a_message(7, state=lost or State.UNKNOWN_FINAL)
    last = replace(n, state=PageState.DROPPED) if lost is None else told_by(text, n)
    before = a_message(3, state=proven or State.CANCELLED)
    rows = rows_with(OPEN, text, before, last, told_by(before, a_notification(OPEN, id_=1)))
    said = Believed(ALICE, Belief.FIRING, OPEN.id, 2, NOON)
    rows.beliefs.load((OPEN.source, OPEN.fingerprint, ALICE.number), said)
    reading = ReaderBeliefs(Delivery("x", ()), rows)

    assert reading.believes(FIRST, ALICE.number) is believes
    assert reading.lost(FIRST, ALICE.number) == counts_as_lost


def test_the_last_word_counts() -> None:
    text, end = a_message(state=State.DELIVERED), a_message(2, state=State.DELIVERED)
    told = told_by(text, a_notification(OVER))
    over = told_by(end, a_notification(OVER, kind=Kind.RESOLVED, id_=2))

    assert (
        ReaderBeliefs(Delivery("x", ()), rows_with(OVER, text, end, told, over)).believes(FIRST, ALICE.number)
        is Belief.RESOLVED
    )


def test_what_is_held_is_not_believed() -> None:
    rows = rows_with(OPEN, a_notification(OPEN, state=PageState.HELD))

    assert ReaderBeliefs(Delivery("x", ()), rows).believes(FIRST, ALICE.number) is Belief.NOTHING


@pytest.mark.parametrize(("group", "waits"), [("{}", timedelta()), ("", ROUTE.group_wait)])
def test_what_a_source_has_grouped_waits_for_no_group(group: str, waits: timedelta) -> None:
    reading = ReaderBeliefs(Delivery("x", (), group), rows_with(OPEN))
    (only,), _ = reading.starts_of(FIRST, Receiver("oncall"), urgent=True)

    assert only[1].until - NOON == waits


def test_all_readers_of_one_receiver_wait_for_the_same_moment() -> None:
    reading = ReaderBeliefs(Delivery("x", ()), rows_with(OPEN))

    first = reading.starts_of(FIRST, Receiver("oncall"), urgent=False)
    assert reading.starts_of(FIRST, Receiver("oncall"), urgent=False) == first


@pytest.mark.parametrize(
    ("kind", "belief", "said_by", "episode"),
    [
        (Kind.RESOLVED, Belief.FIRING, 1, 1),
        (Kind.RESOLVED, Belief.RESOLVED, 2, 1),  # this very end, which is sent once more
        (Kind.RESOLVED, Belief.RESOLVED, 1, 2),  # lost sight of before it was told
        (Kind.UNHEARD, Belief.FLAPPING, 1, 1),
        (Kind.FIRING, Belief.FIRING, 1, 2),
        (Kind.REMINDER, Belief.FIRING, 1, 2),
    ],
)
def test_an_end_bears_the_tag_of_the_episode_that_its_reader_knows(
    kind: Kind, belief: Belief, said_by: int, episode: int
) -> None:
    second = ended(an_incident(2), NOON + timedelta(hours=3))
    n = a_notification(second, kind=kind, id_=2)
    rows = rows_with(OVER, second, n)
    key = (OVER.source, OVER.fingerprint, ALICE.number)
    rows.beliefs.load(key, Believed(ALICE, belief, 1, said_by, NOON))
    told = as_its_reader_knows(rows, n).subject

    assert (told.incident_id, told.opened_at) == (episode, NOON)
    assert told.alert.ends_at == (OVER if episode == 1 else second).ended_at

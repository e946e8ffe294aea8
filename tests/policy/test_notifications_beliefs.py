"""How each reader is told of a beginning: by what they believe of the problem (rules, section 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from made import a_message, a_notification, an_incident, ended, rows_with, told_by
from owing import HOUR, MINUTE, TO_ALICE, deciding, ending, heard, planned
from workbench import BOB, NOON, firing

from sms_notify.policy.bundles import FLAPPING, RAISED
from sms_notify.policy.notifications import Notifications
from sms_notify.policy.records import Incident, Notification
from sms_notify.policy.routing import Receiver
from sms_notify.policy.vocabulary import Heard, IncidentState, Kind, PageState, State

BEFORE = ended(an_incident(1, firing(severity="warning")), NOON - 5 * MINUTE)
NOW = an_incident(2, firing(severity="warning"), raised=1)
WORSE = replace(an_incident(2, raised=1), fingerprint=NOW.fingerprint)
NEWS = ""  # in so many words
FIRES, UNHEARD, OK = Kind.FIRING, Kind.UNHEARD, Kind.RESOLVED
Said = Sequence[tuple[Kind, str, State]]


def told(incident: Incident, said: Said) -> list[Notification]:
    """What alice read of it."""
    return [
        told_by(a_message(id_, state=state), a_notification(incident, kind=kind, id_=id_, bundle=bundle))
        for id_, (kind, bundle, state) in enumerate(said, 1)
    ]


def said_of(work: Notifications, word: Heard, of: Incident) -> str | None:
    """How it is told; None where it is not."""
    owed = work.beginnings([heard(word, of=of, flapping=of.flapping, round=of.raised)])
    assert len(owed) < 2
    return next((n.bundle for n in owed), None)


SENT = State.DELIVERED
NOTHING: Said = ()
FIRING, FLAPS, SILENT = (
    ((FIRES, NEWS, SENT),),
    ((FIRES, FLAPPING, SENT),),
    ((FIRES, NEWS, SENT), (UNHEARD, NEWS, SENT)),
)
OVER = (*FIRING, (OK, NEWS, SENT))


@pytest.mark.parametrize(
    ("said", "word", "expected"),
    [
        (NOTHING, Heard.RAISED, NEWS),
        (NOTHING, Heard.RESUMED, NEWS),
        (FIRING, Heard.RAISED, RAISED),
        (FIRING, Heard.RESUMED, None),  # they know
        (FLAPS, Heard.RAISED, RAISED),
        (FLAPS, Heard.RESUMED, NEWS),  # it stays
        (SILENT, Heard.RAISED, RAISED),
        (SILENT, Heard.RESUMED, None),  # heard of again
        (OVER, Heard.RAISED, NEWS),
        (OVER, Heard.RESUMED, NEWS),
        # What cannot have arrived said nothing, and what was believed before holds.
        (((FIRES, NEWS, State.FAILED),), Heard.RESUMED, NEWS),
        (((FIRES, NEWS, State.NOT_DELIVERED),), Heard.RAISED, NEWS),
        ((*FIRING, (OK, NEWS, State.FAILED)), Heard.RESUMED, None),
        ((*OVER, (FIRES, NEWS, State.CANCELLED)), Heard.RESUMED, NEWS),
        # What is about to leave, or may have arrived, is believed.
        (((FIRES, NEWS, State.QUEUED),), Heard.RESUMED, None),
        (((FIRES, NEWS, State.UNKNOWN),), Heard.RESUMED, None),
        # By whatever text it was said.
        (((Kind.ESCALATION, NEWS, SENT),), Heard.RAISED, RAISED),
        (((Kind.REMINDER, NEWS, SENT),), Heard.RESUMED, None),
    ],
)
def test_a_reader_of_this_episode_is_told_what_they_do_not_know(
    said: Said, word: Heard, expected: str | None
) -> None:
    work = deciding(planned(), rows_with(NOW, *told(NOW, said)))

    assert said_of(work, word, NOW) == expected


@pytest.mark.parametrize(
    ("said", "before", "of", "expected"),
    [
        (NOTHING, BEFORE, NOW, NEWS),
        (OVER, BEFORE, NOW, NEWS),
        (FLAPS, BEFORE, NOW, NEWS),
        (SILENT, BEFORE, NOW, NEWS),
        # Somebody else read of its end, and the OK of this one falls away: they are right again.
        (FIRING, BEFORE, NOW, None),
        (FIRING, BEFORE, WORSE, RAISED),  # but for how bad it is
        (FIRING, replace(BEFORE, closed_at=NOON - 10 * MINUTE), NOW, None),
        (FIRING, replace(BEFORE, closed_at=NOON - 10.1 * MINUTE), NOW, NEWS),  # over for longer than that
        (FIRING, replace(BEFORE, closed_at=NOON - HOUR), WORSE, NEWS),
        # Its end was lost: it has only made room.
        (FIRING, replace(BEFORE, state=IncidentState.UNHEARD, closed_at=NOON), NOW, NEWS),
    ],
)
def test_a_new_episode_is_news_unless_a_reader_takes_it_for_the_one_that_was_over_for_a_moment(
    said: Said, before: Incident, of: Incident, expected: str | None
) -> None:
    work = deciding(planned(), rows_with(before, of, *told(before, said)))

    assert said_of(work, Heard.FIRST, of) == expected


def test_a_notice_that_is_said_again_is_news_however_lately_it_was_closed() -> None:
    """A job that fails every day is told every day."""
    job = replace(firing(severity="warning"), once=True)
    work = deciding(planned(), rows_with(BEFORE, NOW, *told(BEFORE, FIRING)))

    assert len(work.beginnings([heard(Heard.FIRST, of=NOW, alert=job)])) == 1


@pytest.mark.parametrize("word", [Heard.FIRST, Heard.RESUMED, Heard.RAISED])
def test_an_end_that_is_not_to_be_texted_counts_as_said(word: Heard) -> None:
    plan = planned(Receiver("oncall", (TO_ALICE,), send_resolved=False))
    rows = rows_with(BEFORE, NOW, *told(BEFORE, FIRING))
    assert ending(plan, rows).ends([heard(Heard.RESOLVED, of=BEFORE)]).owed == ()

    assert said_of(deciding(plan, rows), word, NOW) == NEWS


def test_what_is_heard_of_again_had_no_end_that_counts_as_said() -> None:
    plan = planned(Receiver("oncall", (TO_ALICE,), send_resolved=False))

    assert said_of(deciding(plan, rows_with(NOW, *told(NOW, SILENT))), Heard.RESUMED, NOW) is None


@pytest.mark.parametrize(
    ("held", "word", "expected"),
    [
        ({}, Heard.RESUMED, None),  # it is about to be told
        ({}, Heard.RAISED, NEWS),
        ({"bundle": FLAPPING}, Heard.RESUMED, NEWS),  # instead of it
        ({"person": BOB}, Heard.RESUMED, NEWS),
        ({"kind": Kind.REMINDER}, Heard.RESUMED, NEWS),
        ({"state": PageState.DROPPED}, Heard.RESUMED, NEWS),
    ],
)
def test_what_is_held_for_a_reader_is_not_owed_twice(
    held: dict[str, object], word: Heard, expected: str | None
) -> None:
    waiting = replace(a_notification(NOW, due_at=NOON + HOUR), **held)  # type: ignore[arg-type]

    assert said_of(deciding(planned(), rows_with(NOW, waiting)), word, NOW) == expected

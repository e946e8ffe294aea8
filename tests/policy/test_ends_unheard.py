"""Who is told that nothing is heard of a problem any more: whoever believes that it fires, once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made import a_message, a_notification, fates, rows_with, told_by
from owing import OPEN, SHUT, STRANGER, ending, heard, planned, summed
from workbench import ALICE

from sms_notify.policy.bundles import FLAPPING
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold, Quiet
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import Message
from sms_notify.policy.vocabulary import Heard, IncidentState, Kind, PageState, State

SILENT = replace(OPEN, state=IncidentState.UNHEARD)
SENT, FAILED = a_message(7, state=State.SENT), a_message(8, state=State.FAILED)
QUEUED = a_message(6)


@pytest.mark.parametrize(
    ("told", "owed"),
    [
        ([(Kind.FIRING, SENT)], True),
        ([(Kind.ESCALATION, SENT)], True),
        ([(Kind.FIRING, QUEUED)], True),  # it says so in a moment
        ([], False),
        ([(Kind.FIRING, FAILED)], False),
        ([(Kind.FIRING, SENT), (Kind.UNHEARD, SENT)], False),  # once
        ([(Kind.FIRING, SENT), (Kind.UNHEARD, FAILED)], True),
        ([(Kind.FIRING, SENT), (Kind.RESOLVED, SENT)], False),
    ],
)
def test_whoever_believes_that_it_fires_is_told_that_nothing_is_heard_of_it(
    told: list[tuple[Kind, Message]], owed: bool
) -> None:
    texts = [
        told_by(text, a_notification(SILENT, kind=kind, id_=id_)) for id_, (kind, text) in enumerate(told, 1)
    ]
    work = ending(planned(), rows_with(SILENT, SENT, FAILED, QUEUED, *texts))
    found = work.unheard([heard(Heard.DUPLICATE, of=SILENT)])

    assert summed(found) == [("alice", 0, "now")] * owed
    assert all((n.kind, n.lane, n.nth) == (Kind.UNHEARD, Lane.REST, 0) for n in found)


def test_whoever_was_to_hear_of_the_beginning_still_hears_of_that() -> None:
    rows = rows_with(SILENT, a_notification(SILENT, why=Hold.QUIET))

    assert ending(planned(), rows).unheard([heard(Heard.DUPLICATE, of=SILENT)]) == []
    assert fates(rows) == {1: PageState.HELD}


@pytest.mark.parametrize(
    ("told", "own", "expected"),
    [
        ({"bundle": FLAPPING}, None, [("alice", 0, "now")]),
        ({}, SHUT, [("alice", 120, "quiet_hours")]),
        ({"receiver": "gone"}, None, [("alice", 0, "now")]),  # it is configured no more
        ({"person": Person("carol", "+33600000001")}, None, []),  # nor is she
        ({"person": STRANGER}, None, [("+3225551234", 0, "now")]),
        ({"person": Person("al", ALICE.number)}, SHUT, [("alice", 120, "quiet_hours")]),  # renamed
    ],
)
def test_that_nothing_is_heard_of_it_is_told_under_the_rules_of_today(
    told: dict[str, object], own: Quiet | None, expected: list[tuple[str, float, str]]
) -> None:
    rows = rows_with(SILENT, SENT, told_by(SENT, a_notification(SILENT, **told)))

    assert summed(ending(planned(quiet=own), rows).unheard([heard(Heard.DUPLICATE, of=SILENT)])) == expected

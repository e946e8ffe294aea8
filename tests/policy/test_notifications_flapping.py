"""What comes and goes: that it flaps is told once, then only what stays; its steps climb on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made import a_message, a_notification, acknowledged, an_incident, ended, rows_of_all, rows_with, told_by
from owing import DBA, FIVE, HOUR, MINUTE, MUTED, RULE, SHUT, TEN, TO_ALICE, deciding, heard, planned, summed
from workbench import BOB, NOON, firing

from sms_notify.policy.bundles import FLAPPING, RAISED
from sms_notify.policy.rate_limits import Flapping, Lane
from sms_notify.policy.records import Incident, Timer, TimerKind
from sms_notify.policy.routing import ROUND, Receiver
from sms_notify.policy.vocabulary import Drop, Heard, Kind, PageState, State

EARLIER = ended(an_incident(1), NOON - MINUTE)
BEGAN = tuple(NOON - minutes * MINUTE for minutes in (9, 6, 3, 0))
FLAPS = an_incident(2, flapping=4, began=BEGAN)
STAYS = an_incident(2, began=BEGAN[-1:], raised=1)
CLIMBS = planned(Receiver("oncall", (TO_ALICE,), escalate=(FIVE, TEN)))


@pytest.mark.parametrize(
    ("told", "word", "owed"),
    [
        (None, Heard.FIRST, FLAPPING),
        ({"bundle": ""}, Heard.FIRST, FLAPPING),
        ({"kind": Kind.RESOLVED}, Heard.FIRST, FLAPPING),
        ({"kind": Kind.UNHEARD}, Heard.FIRST, FLAPPING),
        ({"bundle": FLAPPING, "person": BOB}, Heard.FIRST, FLAPPING),
        ({"bundle": FLAPPING, "state": PageState.DROPPED}, Heard.RESUMED, FLAPPING),
        ({"bundle": ""}, Heard.RESUMED, FLAPPING),
        ({"bundle": FLAPPING}, Heard.RESUMED, None),  # once a bout
        # A rise is told at once.
        ({"bundle": FLAPPING}, Heard.RAISED, RAISED),
        (None, Heard.RAISED, FLAPPING),  # where it is that it flaps at all
        ({"bundle": ""}, Heard.RAISED, FLAPPING),
    ],
)
@pytest.mark.parametrize("rule", [RULE, None])
def test_a_reader_is_told_once_a_bout_that_it_flaps_at_its_worst(
    told: dict[str, object] | None, word: Heard, owed: str | None, rule: Flapping | None
) -> None:
    """Also where a reload has taken the rule out of the configuration."""
    text = a_message(7, state=State.SENT)
    listed = [] if told is None else [replace(told_by(text, a_notification(EARLIER)), **told)]  # type: ignore[arg-type]
    rows = rows_of_all(EARLIER, FLAPS, text, *listed)
    found = deciding(planned(flapping=rule), rows).beginnings([heard(word, of=FLAPS, flapping=4, round=1)])

    assert [n.bundle for n in found] == ([] if owed is None else [owed])
    assert all((n.due_at, n.lane) == (NOON, Lane.CRITICAL) for n in found)


@pytest.mark.parametrize(
    ("told", "owed"),
    [
        ({"bundle": FLAPPING}, True),
        (None, True),  # who was told nothing of the bout hears of what stays
        ({"bundle": ""}, False),  # who believes that it fires is right
        ({"bundle": FLAPPING, "state": PageState.HELD, "message_id": None}, True),
        ({"state": PageState.HELD, "message_id": None}, False),  # it is about to be told
    ],
)
def test_after_the_calm_what_stays_is_told_to_whoever_does_not_know_it(
    told: dict[str, object] | None, owed: bool
) -> None:
    text = a_message(7, state=State.SENT)
    listed = [] if told is None else [replace(told_by(text, a_notification(STAYS)), **told)]  # type: ignore[arg-type]
    found = deciding(planned(), rows_with(STAYS, text, *listed)).beginnings(
        [heard(Heard.RESUMED, of=STAYS, round=1)]
    )

    assert [(n.kind, n.bundle, n.nth, n.due_at) for n in found] == [(Kind.FIRING, "", ROUND, NOON)] * owed


def test_that_it_flaps_is_told_at_once_whatever_its_group_waits_for() -> None:
    work = deciding(planned(), rows_with(FLAPS), group="")

    assert summed(work.beginnings([heard(Heard.FIRST, of=FLAPS, flapping=4)])) == [("alice", 0, "now")]


def test_what_a_mute_or_the_night_holds_waits_for_it() -> None:
    muted = deciding(planned(), rows_with(FLAPS)).beginnings(
        [heard(Heard.FIRST, MUTED, of=FLAPS, flapping=4)]
    )
    asleep = deciding(planned(quiet=SHUT), rows_with(FLAPS)).beginnings(
        [heard(Heard.FIRST, of=FLAPS, flapping=4)]
    )

    assert summed([*muted, *asleep]) == [("alice", 60, "muted"), ("alice", 120, "quiet_hours")]


# Who else reads of it.


@pytest.mark.parametrize(
    ("step", "of", "word", "readers"),
    [
        ({}, FLAPS, Heard.FIRST, ["alice", "bob"]),
        ({"subject": FLAPS.subject}, FLAPS, Heard.RESUMED, ["alice", "bob"]),
        ({"subject": STAYS.subject}, STAYS, Heard.RESUMED, ["alice", "bob"]),
        ({"subject": STAYS.subject}, STAYS, Heard.RAISED, ["alice", "bob"]),
        ({}, an_incident(2, began=BEGAN), Heard.FIRST, ["alice"]),  # of an episode that is over, and no bout
        ({"created_at": NOON - HOUR}, FLAPS, Heard.FIRST, ["alice"]),  # of one long before the bout
        (
            {"state": PageState.DROPPED, "why": Drop.RESOLVED},
            FLAPS,
            Heard.FIRST,
            ["alice"],
        ),  # he was not texted
        ({"receiver": "dba"}, FLAPS, Heard.FIRST, ["alice"]),
        ({"kind": Kind.REMINDER}, FLAPS, Heard.FIRST, ["alice"]),
    ],
)
def test_whom_a_step_of_this_episode_or_bout_has_texted_reads_what_the_first_read(
    step: dict[str, object], of: Incident, word: Heard, readers: list[str]
) -> None:
    made = {"nth": 1, "created_at": NOON - MINUTE, "state": PageState.TOLD, "kind": Kind.ESCALATION, **step}
    climbed = a_notification(EARLIER, BOB, **made)
    rows = rows_with(EARLIER, of, climbed)
    owed = deciding(CLIMBS, rows).beginnings([heard(word, of=of, flapping=of.flapping, round=of.raised)])

    assert [n.person.name for n in owed] == readers


def test_who_stands_behind_a_step_no_more_reads_of_no_beginning() -> None:
    climbed = a_notification(FLAPS, BOB, Kind.ESCALATION, nth=1, state=PageState.TOLD)
    plan = planned(Receiver("oncall", (TO_ALICE,), escalate=(TEN,)), DBA)
    owed = deciding(plan, rows_with(FLAPS, climbed)).beginnings([heard(Heard.FIRST, of=FLAPS, flapping=4)])

    assert [n.person.name for n in owed] == ["alice"]


# Its steps.


def steps_after(of: Incident, word: Heard, *loaded: object, **case: object) -> list[tuple[int, float]]:
    """Which comes next, and in how many minutes."""
    rows = rows_of_all(EARLIER, of, *loaded)  # type: ignore[arg-type]
    more = {"flapping": of.flapping, "round": of.raised, **case}
    deciding(CLIMBS, rows).beginnings([heard(word, of=of, **more)])
    timers = (timer for timer in rows.timers_of(2) if timer.what is TimerKind.ESCALATE)
    return [(timer.nth, (timer.due_at - NOON) / MINUTE) for timer in timers]


def test_what_flaps_no_more_is_told_by_its_first_step_again() -> None:
    climbed = a_notification(EARLIER, kind=Kind.ESCALATION, nth=1)

    assert steps_after(an_incident(2, began=BEGAN), Heard.FIRST, climbed) == [(1, 5)]


@pytest.mark.parametrize(
    ("of", "step", "nth"),
    [
        (FLAPS, None, 1),
        (FLAPS, {}, 2),  # it climbs on where it left off
        (FLAPS, {"nth": ROUND + 1}, 2),
        (FLAPS, {"nth": 2}, None),  # there is no third
        (FLAPS, {"created_at": NOON - 10 * MINUTE}, 1),  # before the bout
        (FLAPS, {"receiver": "dba"}, 1),
        (FLAPS, {"kind": Kind.FIRING}, 1),
        (acknowledged(FLAPS), {}, None),  # somebody takes care of it
    ],
)
def test_what_flaps_climbs_on_unless_somebody_takes_care_of_it(
    of: Incident, step: dict[str, object] | None, nth: int | None
) -> None:
    made = {"nth": 1, "created_at": NOON - MINUTE, "kind": Kind.ESCALATION, **(step or {})}
    before = [] if step is None else [a_notification(EARLIER, **made)]

    assert [one for one, _ in steps_after(of, Heard.FIRST, *before)] == ([] if nth is None else [nth])


def test_a_rise_begins_anew() -> None:
    climbed = a_notification(FLAPS, kind=Kind.ESCALATION, nth=1, created_at=NOON - MINUTE)

    assert steps_after(replace(FLAPS, raised=1), Heard.RAISED, climbed) == [(ROUND + 1, 5)]


@pytest.mark.parametrize(
    ("anew", "timer", "expected"),
    [
        (
            False,
            Timer(2, "oncall", TimerKind.ESCALATE, 2, NOON + MINUTE),
            (2, 1),
        ),  # they run through the bout
        (False, None, (ROUND + 2, 5)),  # as long after step 1 as it is written
        (True, None, (ROUND + 1, 5)),  # whoever took care of it took care of the bout alone
    ],
)
def test_the_steps_of_what_stays_are_those_of_the_bout(
    anew: bool, timer: Timer | None, expected: tuple[int, float]
) -> None:
    climbed = a_notification(STAYS, BOB, Kind.ESCALATION, nth=1, state=PageState.TOLD)
    loaded = [climbed] if timer is None else [climbed, timer]

    assert steps_after(STAYS, Heard.RESUMED, *loaded, anew=anew) == [expected]


def test_one_who_reads_of_a_bout_that_somebody_takes_care_of_reads_by_whom() -> None:
    (n,) = deciding(planned(), rows_with(acknowledged(FLAPS))).beginnings(
        [heard(Heard.FIRST, of=FLAPS, flapping=4)]
    )

    assert n.subject.acked_by == "alice"


@pytest.mark.parametrize(("severity", "lane"), [("critical", Lane.CRITICAL), ("warning", Lane.REST)])
def test_a_bout_is_told_in_the_lane_of_its_severity(severity: str, lane: Lane) -> None:
    flaps = replace(an_incident(2, firing(severity=severity)), flapping=4, began=BEGAN)
    (n,) = deciding(planned(), rows_with(flaps)).beginnings([heard(Heard.FIRST, of=flaps, flapping=4)])

    assert (n.lane, n.subject.flapping) == (lane, 4)

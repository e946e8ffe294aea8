"""What comes and goes: that it flaps is told once, then only what lasts; its steps climb on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made import a_message, a_notification, an_incident, ended, rows_with, told_by
from owing import FIVE, HOUR, MINUTE, MUTED, RULE, TEN, TO_ALICE, deciding, heard, planned, summed
from workbench import BOB, NOON, firing

from sms_notify.policy.bundles import FLAPPING
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Flapping
from sms_notify.policy.records import Incident, TimerKind
from sms_notify.policy.routing import ROUND, Receiver
from sms_notify.policy.vocabulary import Heard, Kind, PageState, State

EARLIER = ended(an_incident(1), NOON - MINUTE)
NOW_FLAPS = an_incident(2, flapping=4)


@pytest.mark.parametrize(
    ("told", "of", "owed"),
    [
        (None, NOW_FLAPS, (0, FLAPPING)),
        ({"bundle": FLAPPING, "created_at": NOON}, NOW_FLAPS, (3, "")),
        ({"bundle": ""}, NOW_FLAPS, (0, FLAPPING)),
        ({"bundle": FLAPPING}, NOW_FLAPS, (3, "")),  # from then on only of what lasts
        ({"bundle": FLAPPING}, an_incident(2, firing(severity="warning"), flapping=4), (10, "")),
        ({"bundle": FLAPPING, "created_at": NOON - 29 * MINUTE}, NOW_FLAPS, (3, "")),
        ({"bundle": FLAPPING, "created_at": NOON - 30 * MINUTE}, NOW_FLAPS, (0, FLAPPING)),
        ({"bundle": FLAPPING, "person": BOB}, NOW_FLAPS, (0, FLAPPING)),
        ({"bundle": FLAPPING, "state": PageState.DROPPED}, NOW_FLAPS, (0, FLAPPING)),
        ({"bundle": FLAPPING}, an_incident(2), (0, "")),  # it flaps no more
    ],
)
def test_a_reader_is_told_once_that_it_flaps_and_then_of_what_lasts(
    told: dict[str, object] | None, of: Incident, owed: tuple[float, str]
) -> None:
    earlier = ended(an_incident(1, of.subject.alert))
    listed = [] if told is None else [a_notification(earlier, **{"created_at": NOON - MINUTE, **told})]
    rows = rows_with(earlier, of, *listed)
    (n,) = deciding(planned(), rows).beginnings([heard(Heard.FIRST, of=of, flapping=of.flapping)])

    assert ((n.due_at - NOON) / MINUTE, n.bundle) == owed
    assert (n.why is Hold.FLAPPING) is (owed[0] > 0)


def test_that_it_flaps_is_told_at_once_whatever_its_group_waits_for() -> None:
    work = deciding(planned(), rows_with(NOW_FLAPS), group="")

    assert summed(work.beginnings([heard(Heard.FIRST, of=NOW_FLAPS, flapping=4)])) == [("alice", 0, "now")]


def test_what_a_mute_holds_longer_than_it_must_be_calm_waits_for_the_mute() -> None:
    rows = rows_with(EARLIER, NOW_FLAPS, a_notification(EARLIER, bundle=FLAPPING))
    owed = deciding(planned(), rows).beginnings([heard(Heard.FIRST, MUTED, of=NOW_FLAPS, flapping=4)])

    assert summed(owed) == [("alice", 60, "muted")]


@pytest.mark.parametrize("rule", [RULE, None])
def test_a_rise_of_what_flaps_says_first_that_it_flaps(rule: Flapping | None) -> None:
    """Also where a reload has taken the rule out of the configuration."""
    told = told_by(a_message(7, state=State.SENT), a_notification(NOW_FLAPS))
    plan = planned(Receiver("oncall", (TO_ALICE,), escalate=(FIVE,)), flapping=rule)
    (n,) = deciding(plan, rows_with(NOW_FLAPS, told)).beginnings(
        [heard(Heard.RAISED, of=NOW_FLAPS, flapping=4, round=1)]
    )

    assert (n.bundle, n.due_at) == (FLAPPING, NOON)


def test_what_flaps_no_more_is_told_by_its_first_step_again() -> None:
    rows = rows_with(EARLIER, an_incident(2), a_notification(EARLIER, kind=Kind.ESCALATION, nth=1))
    plan = planned(Receiver("oncall", (TO_ALICE,), escalate=(FIVE, TEN)))
    deciding(plan, rows).beginnings([heard(Heard.FIRST, of=an_incident(2))])

    assert [timer.nth for timer in rows.timers_of(2) if timer.what is TimerKind.ESCALATE] == [1]


@pytest.mark.parametrize(("round_", "minutes"), [(0, 4), (1, 8)])
def test_steps_follow_the_text_that_says_that_it_flaps_and_after_a_rise_what_is_told_of_it(
    round_: int, minutes: float
) -> None:
    told = a_notification(EARLIER, bundle=FLAPPING, created_at=NOON - MINUTE)
    rows = rows_with(EARLIER, NOW_FLAPS, told)
    plan = planned(Receiver("oncall", (TO_ALICE,), escalate=(FIVE,)))
    deciding(plan, rows).beginnings([heard(Heard.FIRST, of=NOW_FLAPS, flapping=4, round=round_)])

    steps = [timer.due_at for timer in rows.timers_of(2) if timer.what is TimerKind.ESCALATE]
    assert steps == [NOON + minutes * MINUTE]


@pytest.mark.parametrize(
    ("earlier", "step", "round_", "nth"),
    [
        (EARLIER, None, 0, 1),
        (EARLIER, {}, 0, 2),  # it climbs on where it left off
        (EARLIER, {"nth": ROUND + 1}, 0, 2),
        (EARLIER, {"nth": 2}, 0, None),  # there is no third
        (EARLIER, {"created_at": NOON - HOUR / 2}, 0, 1),
        (EARLIER, {"receiver": "dba"}, 0, 1),
        (EARLIER, {"kind": Kind.FIRING}, 0, 1),
        (EARLIER, {}, 1, ROUND + 1),  # a rise begins anew
        (replace(EARLIER, acked_at=NOON - MINUTE), {}, 0, None),  # somebody takes care of it
        (replace(EARLIER, acked_at=NOON - HOUR / 2), {}, 0, 2),
    ],
)
def test_what_flaps_climbs_on_unless_it_was_acknowledged(
    earlier: Incident, step: dict[str, object] | None, round_: int, nth: int | None
) -> None:
    made = {"nth": 1, "created_at": NOON - MINUTE, "kind": Kind.ESCALATION, **(step or {})}
    rows = rows_with(earlier, NOW_FLAPS, *([a_notification(earlier, **made)] if step is not None else []))
    plan = planned(Receiver("oncall", (TO_ALICE,), escalate=(FIVE, TEN)))
    word = Heard.RAISED if round_ else Heard.FIRST
    deciding(plan, rows).beginnings([heard(word, of=NOW_FLAPS, flapping=4, round=round_)])

    steps = [timer.nth for timer in rows.timers_of(2) if timer.what is TimerKind.ESCALATE]
    assert steps == ([] if nth is None else [nth])

"""Who is owed an end: those who may have heard of the beginning."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_message, a_notification, an_incident, ended, fates, moves, rows_with, told_by
from owing import (
    DBA,
    HOUR,
    MINUTE,
    MUTED,
    OPEN,
    OVER,
    SHUT,
    STRANGER,
    TO_ALICE,
    deciding,
    ending,
    heard,
    planned,
    summed,
)
from workbench import ALICE, BOB, NOON, resolved

from sms_notify.policy.bundles import FLAPPING
from sms_notify.policy.cases import EndsOwed
from sms_notify.policy.directory import Person
from sms_notify.policy.ends import EndNotifications
from sms_notify.policy.holds import Hold, Quiet
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import Incident, Message, Notification
from sms_notify.policy.routing import Receiver
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Drop, Heard, Kind, PageState, State


def ends_of(
    text: Message | None,
    n: Notification,
    *more: Notification | Incident,
    plan: Plan | None = None,
    **case: object,
) -> tuple[Rows, EndsOwed]:
    listed = [] if text is None else [text]
    rows = rows_with(OVER, *listed, n if text is None else told_by(text, n), *more)
    over = heard(Heard.RESOLVED, of=OVER, alert=resolved(), **case)
    decide: EndNotifications = ending(plan or planned(), rows, group="" if "chains" in case else "g")
    return rows, decide.ends([over])


BEGUN = a_notification(OPEN)


@pytest.mark.parametrize(
    ("text", "owed", "becomes"),
    [
        (a_message(7, state=State.QUEUED), False, State.CANCELLED),  # nobody can have seen it
        (a_message(7, state=State.QUEUED, ambiguous=1), True, State.UNKNOWN_FINAL),
        (a_message(7, state=State.SUBMITTING), True, None),
        (a_message(7, state=State.UNKNOWN, ambiguous=1), True, None),
        (a_message(7, state=State.SENT), True, None),
        (a_message(7, state=State.NO_REPORT), True, None),
        (a_message(7, state=State.DELIVERED), True, None),
        (a_message(7, state=State.UNKNOWN_FINAL, ambiguous=1), True, None),
        (a_message(7, state=State.NOT_DELIVERED), False, None),
        (a_message(7, state=State.REJECTED), False, None),
        (a_message(7, state=State.FAILED), False, None),
        (a_message(7, state=State.EXPIRED), False, None),
        (a_message(7, state=State.CANCELLED), False, None),
    ],
)
@pytest.mark.parametrize("kind", [Kind.FIRING, Kind.ESCALATION, Kind.REMINDER])
def test_an_end_is_owed_to_whoever_may_have_heard_of_the_beginning(
    text: Message, owed: bool, becomes: State | None, kind: Kind
) -> None:
    rows, ends = ends_of(text, replace(BEGUN, kind=kind))

    assert summed(ends.owed) == [("alice", 0, "now")] * owed
    assert all(n.kind is Kind.RESOLVED and n.subject.ended and n.nth == 0 for n in ends.owed)
    assert [state for _, state, _ in moves(rows)] == ([] if becomes is None else [becomes])


@pytest.mark.parametrize(
    ("held", "fate", "told_at_once"),
    [
        ({"why": Hold.QUIET}, Drop.RESOLVED, False),
        ({"why": Hold.GROUP}, Drop.RESOLVED, False),
        ({"why": Hold.FLAPPING}, Drop.RESOLVED, False),
        ({"why": Hold.LIMIT}, PageState.HELD, True),  # it was counted: it is told with its end
        ({"why": Hold.BEHIND}, PageState.HELD, True),
        ({"why": Hold.LATE}, PageState.HELD, True),
    ],
)
def test_a_beginning_that_limits_hold_is_told_with_its_end_and_no_other_is(
    held: dict[str, object], fate: PageState | Drop, told_at_once: bool
) -> None:
    rows, ends = ends_of(None, replace(BEGUN, **held))  # type: ignore[arg-type]

    assert (ends.owed, ends.told_at_once) == ((), frozenset([1] if told_at_once else []))
    assert fates(rows) == {1: fate}


SENT, FAILED = a_message(7, state=State.SENT), a_message(8, state=State.FAILED)
SILENT = Receiver("oncall", (TO_ALICE,), send_resolved=False)


@pytest.mark.parametrize(
    ("told", "plan", "case", "expected"),
    [
        ({}, planned(), {}, [("alice", 0, "now")]),
        ({}, planned(SILENT), {}, []),  # it wants none
        ({"receiver": "gone"}, planned(), {}, [("alice", 0, "now")]),  # it is configured no more
        ({"person": Person("carol", "+33600000001")}, planned(), {}, []),  # she is configured no more
        ({"person": Person("al", ALICE.number)}, planned(), {}, [("alice", 0, "now")]),  # renamed
        ({"kind": Kind.RESOLVED}, planned(), {}, []),  # it was told, and nothing before it
        ({}, planned(quiet=SHUT), {}, [("alice", 0, "now")]),  # she has just read of it
        ({}, planned(), {"chains": ((MUTED,),)}, [("alice", 0.5, "group_wait")]),  # no mute holds an end
        ({"person": STRANGER}, planned(), {}, [("+3225551234", 0, "now")]),
        ({}, planned(), {"chains": ()}, [("alice", 0, "now")]),  # no route leads there any more
    ],
)
def test_an_end_goes_to_its_reader_under_the_rules_of_today(
    told: dict[str, object], plan: Plan, case: dict[str, object], expected: list[tuple[str, float, str]]
) -> None:
    _, ends = ends_of(SENT, replace(BEGUN, **told), plan=plan, **case)  # type: ignore[arg-type]

    assert summed(ends.owed) == expected


@pytest.mark.parametrize(
    ("texted", "due", "why"),
    [(HOUR, 0, Hold.NOW), (HOUR + MINUTE, 120, Hold.QUIET), (30 * HOUR, 120, Hold.QUIET)],
)
@pytest.mark.parametrize("said", ["", FLAPPING])
def test_quiet_hours_hold_an_end_where_its_reader_read_of_it_long_ago(
    texted: timedelta, due: int, why: Hold, said: str
) -> None:
    text = replace(SENT, created_at=NOON - texted)
    _, ends = ends_of(text, replace(BEGUN, bundle=said), plan=planned(quiet=SHUT))

    assert summed(ends.owed) == [("alice", due, why)]


@pytest.mark.parametrize(
    ("text", "row_lane", "lane"),
    [
        (a_message(7, state=State.DELIVERED), Lane.CRITICAL, Lane.ENDS),
        (a_message(7, state=State.UNKNOWN, ambiguous=1), Lane.CRITICAL, Lane.ENDS),
        (a_message(7, state=State.DELIVERED), Lane.REST, Lane.REST),  # texted as less, whatever it became
        (a_message(7, state=State.DELIVERED), Lane.FREE, Lane.REST),
    ],
)
def test_an_end_belongs_to_the_level_at_which_its_reader_was_texted(
    text: Message, row_lane: Lane, lane: Lane
) -> None:
    _, ends = ends_of(text, replace(BEGUN, row_lane=row_lane))

    assert [n.lane for n in ends.owed] == [lane]


LETS_CRITICAL = Quiet(SHUT.during, (parse_matchers('severity="critical"'),))


@pytest.mark.parametrize(
    ("texted", "due", "why", "lane"),
    [
        (NOON, 0, Hold.NOW, Lane.ENDS),
        (NOON - HOUR, 0, Hold.NOW, Lane.ENDS),
        (NOON - HOUR - MINUTE, 120, Hold.QUIET, Lane.REST),  # with all else that is told in the morning
    ],
)
def test_by_night_an_end_comes_within_an_hour_of_the_text_about_it_else_in_the_morning(
    texted: datetime, due: float, why: Hold, lane: Lane
) -> None:
    text = a_message(7, state=State.DELIVERED, created_at=texted)
    _, ends = ends_of(text, BEGUN, plan=planned(quiet=LETS_CRITICAL))

    assert [((n.due_at - NOON) / MINUTE, n.why, n.lane) for n in ends.owed] == [(due, why, lane)]


def test_what_limits_held_before_it_was_told_holds_no_end() -> None:
    _, ends = ends_of(SENT, replace(BEGUN, why=Hold.LIMIT))

    assert (summed(ends.owed), ends.told_at_once) == ([("alice", 0, "now")], frozenset())


def test_one_reader_is_owed_one_end_by_the_first_receiver_that_wants_it() -> None:
    more = told_by(SENT, a_notification(OPEN, kind=Kind.ESCALATION, id_=2, receiver="dba"))
    _, ends = ends_of(SENT, BEGUN, more, plan=planned(SILENT, DBA))

    assert [(n.person.name, n.receiver) for n in ends.owed] == [("alice", "dba")]


@pytest.mark.parametrize("word", list(Heard))
def test_nothing_else_than_an_end_ends_anything(word: Heard) -> None:
    rows = rows_with(OVER, SENT, told_by(SENT, BEGUN))
    ends = ending(planned(), rows).ends([heard(word, of=OVER)])

    assert len(ends.owed) == (word is Heard.RESOLVED)


def test_what_ended_and_is_back_is_not_told_as_over() -> None:
    rows = rows_with(OVER, SENT, told_by(SENT, BEGUN))
    cases = [heard(Heard.RESOLVED, of=OVER), heard(Heard.FIRST, of=an_incident(2))]

    assert ending(planned(), rows).ends(cases).owed == ()


@pytest.mark.parametrize(
    ("told", "owed"),
    [
        ([(Kind.FIRING, ALICE, SENT)], ["alice"]),
        ([], []),
        ([(Kind.FIRING, ALICE, SENT), (Kind.RESOLVED, ALICE, SENT)], []),  # they read of its end
        ([(Kind.FIRING, ALICE, SENT), (Kind.RESOLVED, BOB, SENT)], ["alice"]),
        ([(Kind.FIRING, ALICE, SENT), (Kind.RESOLVED, ALICE, FAILED)], ["alice"]),
        ([(Kind.FIRING, ALICE, FAILED)], []),
        ([(Kind.FIRING, BOB, SENT)], ["bob"]),  # also where nobody wanted to tell him of this one
        ([(Kind.FIRING, BOB, SENT), (Kind.FIRING, ALICE, SENT), (Kind.RESOLVED, BOB, SENT)], ["alice"]),
        ([(Kind.UNHEARD, ALICE, SENT)], ["alice"]),
    ],
)
def test_an_end_is_owed_to_whoever_still_believes_an_earlier_episode(
    told: list[tuple[Kind, Person, Message]], owed: list[str]
) -> None:
    now = ended(an_incident(2))
    held = a_notification(now, why=Hold.LIMIT, id_=9)
    texts = [
        told_by(text, a_notification(OVER, person, kind, id_))
        for id_, (kind, person, text) in enumerate(told, 1)
    ]
    rows = rows_with(OVER, now, SENT, FAILED, held, *texts)
    ends = ending(planned(), rows).ends([heard(Heard.RESOLVED, of=now)])

    assert [(n.incident_id, n.person.name) for n in ends.owed] == [(2, name) for name in owed]
    assert fates(rows)[9] == (Drop.RESOLVED if "alice" in owed else PageState.HELD)


@pytest.mark.parametrize(
    ("kind", "flaps"),
    [(Kind.FIRING, False), (Kind.FIRING, True), (Kind.ESCALATION, True), (Kind.UNHEARD, False)],
)
def test_an_end_is_owed_to_whoever_takes_it_for_firing_flapping_or_unheard(kind: Kind, flaps: bool) -> None:
    _, ends = ends_of(SENT, a_notification(OPEN, kind=kind, bundle=FLAPPING if flaps else ""))

    assert summed(ends.owed) == [("alice", 0, "now")]


@pytest.mark.parametrize("state", [State.FAILED, State.EXPIRED, State.NOT_DELIVERED])
@pytest.mark.parametrize("ambiguous", [0, 1])
def test_the_end_of_what_was_perhaps_read_is_owed_whatever_became_of_it_since(
    state: State, ambiguous: int
) -> None:
    """The answer to an attempt was lost before it failed."""
    _, ends = ends_of(a_message(7, state=state, ambiguous=ambiguous), BEGUN)

    assert len(ends.owed) == ambiguous


@pytest.mark.parametrize(
    ("before", "now", "receiver"),
    [
        ("oncall", "silent", None),  # of the earlier episode they read the end
        ("silent", "oncall", "oncall"),
        ("oncall", "oncall", "oncall"),
    ],
)
def test_an_end_is_texted_by_a_receiver_that_wants_it_and_has_told_of_this_trouble(
    before: str, now: str, receiver: str | None
) -> None:
    over = ended(an_incident(2))
    told = [
        told_by(SENT, a_notification(OVER, receiver=before)),
        told_by(SENT, a_notification(OVER, kind=Kind.RESOLVED, id_=2, receiver=before)),
        told_by(SENT, a_notification(over, id_=3, receiver=now)),
    ]
    plan = planned(Receiver("oncall", (TO_ALICE,)), replace(SILENT, name="silent"))
    ends = ending(plan, rows_with(OVER, over, SENT, *told)).ends([heard(Heard.RESOLVED, of=over)])

    assert [n.receiver for n in ends.owed] == ([] if receiver is None else [receiver])


def test_all_readers_of_one_end_wait_for_one_group() -> None:
    rows = rows_with(OVER, SENT, told_by(SENT, BEGUN), told_by(SENT, a_notification(OPEN, BOB, id_=2)))
    work = ending(planned(), rows, group="")
    ends = work.ends([heard(Heard.RESOLVED, of=OVER)])

    assert [n.person.name for n in ends.owed] == ["alice", "bob"]
    assert len({(n.due_at, n.why, n.bundle) for n in ends.owed}) == 1


def test_the_end_of_something_critical_waits_for_its_group_like_any_other() -> None:
    rows = rows_with(OVER, SENT, told_by(SENT, BEGUN))
    work, case = ending(planned(), rows, group=""), heard(Heard.RESOLVED, of=OVER)
    (name,) = deciding(planned(), rows, group="").groups([case])
    rows.groups.load(name, NOON - MINUTE)

    assert summed(work.ends([case]).owed) == [("alice", 4, Hold.GROUP)]


def test_what_is_still_to_be_told_of_an_episode_before_is_no_matter_of_this_one() -> None:
    """It came and went while limits held it, and is told so."""
    now = ended(an_incident(2))
    rows = rows_with(
        OVER, now, SENT, a_notification(OVER, why=Hold.LIMIT), told_by(SENT, a_notification(now, id_=2))
    )
    ends = ending(planned(), rows).ends([heard(Heard.RESOLVED, of=now)])

    assert [n.incident_id for n in ends.owed] == [2]
    assert fates(rows)[1] is PageState.HELD


def test_what_ended_and_goes_on_is_not_told_as_over() -> None:
    rows = rows_with(OPEN, SENT, told_by(SENT, BEGUN))
    cases = [heard(Heard.RESOLVED, of=OVER), heard(Heard.RESUMED, of=OPEN)]

    assert ending(planned(), rows).ends(cases).owed == ()

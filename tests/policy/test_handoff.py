"""What a change of who is on call leads to: who is texted, what they read, and which gap is told beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from made import a_message, an_incident, ended, moves, rows_with
from workbench import ALICE, BOB, NOON, a_plan, firing

from sms_notify.alert import Severity
from sms_notify.policy.directory import Directory
from sms_notify.policy.episodes import tag_of
from sms_notify.policy.handoff import gap_ahead, taken_over, tell, tell_after_all, tell_again, to_text_now
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.records import Decided, Message, Timer, TimerKind
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.policy.rotations import Schedule, Shift
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.vocabulary import Cause, Decision, Kind, State

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def shift(person: str | None, first: float, last: float) -> Shift:
    """In hours after noon."""
    return Shift(person, NOON + first * HOUR, NOON + last * HOUR)


def held_by(*calendar: Shift, handoff_text: bool = True, timezone: str = "UTC") -> Schedule:
    return Schedule("primary", timezone, calendar=calendar, handoff_text=handoff_text)


def planned(*schedules: Schedule) -> Plan:
    directory = Directory({"alice": ALICE, "bob": BOB})
    return replace(a_plan(), directory=directory, schedules={one.name: one for one in schedules})


def overridden(*shifts: Shift, holder: str | None = None) -> Rows:
    rows = rows_with()
    rows.overrides = {"primary": shifts}
    if holder is not None:
        rows.holders.load("primary", holder)
    return rows


ALICE_NOW, BOB_NOW = held_by(shift("alice", 0, 8)), held_by(shift("bob", 0, 8))


@pytest.mark.parametrize(
    ("schedule", "overrides", "before", "holder", "detail", "texted"),
    [
        (ALICE_NOW, [], "alice", "alice", None, False),
        (ALICE_NOW, [], "bob", "alice", "bob -> alice", True),
        (ALICE_NOW, [], "", "alice", "nobody -> alice", True),  # after a gap
        (ALICE_NOW, [], None, "alice", "nobody -> alice", False),  # a schedule that is new
        (replace(ALICE_NOW, handoff_text=False), [], "bob", "alice", "bob -> alice", False),
        (held_by(), [], "bob", "", "bob -> ", False),
        (held_by(), [], "", "", None, False),
        (held_by(), [], None, "", "nobody -> ", False),
        (held_by(shift("carol", 0, 8)), [], "bob", "carol", "bob -> carol", False),  # whom nobody can text
        (ALICE_NOW, [shift("bob", 0, 1)], "alice", "bob", "alice -> bob", True),
        (ALICE_NOW, [shift(None, 0, 1)], "alice", "", "alice -> ", False),
        (ALICE_NOW, [shift("bob", 1, 2)], "alice", "alice", None, False),  # not yet
    ],
)
def test_who_takes_over_from_somebody_is_texted_where_the_schedule_says_so(
    schedule: Schedule,
    overrides: Sequence[Shift],
    before: str | None,
    holder: str,
    detail: str | None,
    texted: bool,
) -> None:
    rows = overridden(*overrides, holder=before)

    assert taken_over(planned(schedule), rows) == [schedule] * texted
    assert rows.holders.get("primary") == holder
    said = [] if detail is None else [Decided(Decision.HANDED_OFF, receiver="primary", detail=detail)]
    assert rows.decided == said
    assert rows.messages.rows == {}


def test_a_hand_over_that_was_noted_is_none_any_more() -> None:
    rows, plan = overridden(holder="bob"), planned(ALICE_NOW, replace(ALICE_NOW, name="second"))
    rows.holders.load("second", "bob")

    assert [one.name for one in taken_over(plan, rows)] == ["primary", "second"]
    assert taken_over(plan, rows) == []


KEPT = NOON + timedelta(days=1)  # a timer counts the tries that long
NIGHT = Window("night", (TimeInterval(((11 * 60, 15 * 60),)),))


@pytest.mark.parametrize(
    ("quiet", "pending", "told", "left"),
    [
        (None, [], ["primary"], [KEPT]),
        (Quiet((NIGHT,)), [], [], [NOON + 3 * HOUR]),  # no exception lets it through, for it is no alert
        (Quiet((NIGHT,)), [NOON + 2 * HOUR], [], [NOON + 3 * HOUR]),  # it replaces one that waits
        (None, [NOON + 2 * HOUR], ["primary"], [KEPT]),
    ],
)
def test_the_text_of_a_hand_off_waits_for_the_end_of_quiet_hours(
    quiet: Quiet | None, pending: list[datetime], told: list[str], left: list[datetime]
) -> None:
    rows, plan = overridden(holder="alice"), planned(ALICE_NOW)
    plan = replace(plan, directory=Directory({"alice": replace(ALICE, quiet=quiet)}))
    for at in pending:
        rows.timers.load((0, "primary", TimerKind.HANDOFF), Timer(0, "primary", TimerKind.HANDOFF, 0, at))

    assert [one.name for one in to_text_now(plan, rows, [ALICE_NOW])] == told
    assert [timer.due_at for timer in rows.timers.rows.values()] == left


@pytest.mark.parametrize(
    ("holder", "schedules", "told"),
    [("alice", (ALICE_NOW,), ["primary"]), ("", (ALICE_NOW,), []), ("alice", (), [])],
)
def test_a_hand_off_text_that_waited_goes_to_who_holds_it_when_it_is_due(
    holder: str, schedules: tuple[Schedule, ...], told: list[str]
) -> None:
    rows = overridden(holder=holder)
    rows.timers.load((0, "primary", TimerKind.HANDOFF), Timer(0, "primary", TimerKind.HANDOFF, 0, NOON))

    assert [one.name for one in to_text_now(planned(*schedules), rows, [])] == told
    assert [one.due_at for one in rows.timers.rows.values()] == [KEPT] * len(told)


PAUSES = MINUTE, 5 * MINUTE
ITS_TEXT = a_message(5, kind=Kind.HANDOFF, receiver="primary")
TOLD = Timer(0, "primary", TimerKind.HANDOFF, 1, KEPT, timedelta(days=1))


@pytest.mark.parametrize(
    ("timer", "text", "due"),
    [
        (TOLD, ITS_TEXT, NOON + MINUTE),
        (replace(TOLD, nth=2), ITS_TEXT, NOON + 5 * MINUTE),
        (replace(TOLD, nth=3), ITS_TEXT, KEPT),  # no pause is left
        (replace(TOLD, due_at=KEPT + HOUR), ITS_TEXT, KEPT + HOUR),  # somebody has taken over since
        (TOLD, replace(ITS_TEXT, receiver="second"), KEPT),
        (TOLD, replace(ITS_TEXT, kind=Kind.FIRING), KEPT),
    ],
)
def test_a_hand_off_text_that_did_not_arrive_is_tried_again(
    timer: Timer, text: Message, due: datetime
) -> None:
    rows = overridden(holder="alice")
    rows.set_timer(timer)

    assert tell_again(rows, text, PAUSES) is (due < KEPT)
    assert [one.due_at for one in rows.timers.rows.values()] == [due]


def test_a_hand_off_text_that_could_not_leave_is_no_try() -> None:
    rows = overridden(holder="alice")
    rows.set_timer(TOLD)
    tell_after_all(rows, ITS_TEXT)

    assert list(rows.timers.rows.values()) == [Timer(0, "primary", TimerKind.HANDOFF, 0, NOON)]
    assert [one.name for one in to_text_now(planned(ALICE_NOW), rows, [])] == ["primary"]


def test_a_day_after_its_text_a_hand_off_is_forgotten() -> None:
    rows = overridden(holder="alice")
    rows.set_timer(replace(TOLD, due_at=NOON))

    assert to_text_now(planned(ALICE_NOW), rows, []) == []
    assert rows.timers.rows == {}


@pytest.mark.parametrize(("first", "leaves_by"), [(None, 60), (12.5, 30), (13.5, 60), (11, 60)])
def test_a_hand_off_text_leaves_before_quiet_hours_begin(first: float | None, leaves_by: int) -> None:
    night = Window("night", (TimeInterval(((int((first or 0) * 60), 15 * 60),)),))
    alice = replace(ALICE, quiet=Quiet((night,)) if first else None)
    rows = overridden(holder="alice")
    tell(replace(planned(ALICE_NOW), directory=Directory({"alice": alice})), rows, ALICE_NOW)

    assert [one.expires_at for one in rows.messages.rows.values()] == [NOON + leaves_by * MINUTE]


DISK, DB = an_incident(1, firing("DiskFull", at=NOON)), an_incident(2, firing("DatabaseDown", at=None))
OVER = ended(an_incident(3, firing("Gone")))


@pytest.mark.parametrize(
    ("schedule", "overrides", "words"),
    [
        (ALICE_NOW, [], "On call for primary until Sun 22 Nov 21:00"),  # in the reader's own zone
        (ALICE_NOW, [shift("bob", 2, 3)], "On call for primary until Sun 22 Nov 15:00"),
        (ALICE_NOW, [shift("alice", 8, 10)], "On call for primary until Sun 22 Nov 23:00"),
        (held_by(shift("alice", -99, 34 * 24)), [], "On call for primary until Sat 26 Dec 13:00"),
        (
            held_by(shift("alice", -99, 35 * 24)),
            [],
            "On call for primary",
        ),  # nobody is told of an end so far off
    ],
)
@pytest.mark.parametrize("still_open", [True, False])
def test_who_takes_over_reads_until_when_and_what_is_open(
    schedule: Schedule, overrides: Sequence[Shift], words: str, still_open: bool
) -> None:
    rows = overridden(*overrides, holder="alice")
    for one in (OVER, *([DB, DISK] if still_open else [])):
        rows.load_incident(one)
    tell(planned(schedule), rows, schedule)

    (text,) = rows.messages.rows.values()
    told = f". 2 open: DiskFull, DatabaseDown #{tag_of(DISK.id)}" if still_open else ", nothing open"
    assert text.body == words + told


def test_it_is_a_text_of_an_hour_that_no_limit_holds_to_who_is_noted_as_the_holder() -> None:
    rows = overridden(holder="bob")
    tell(planned(ALICE_NOW), rows, ALICE_NOW)

    (text,) = rows.messages.rows.values()
    assert (text.kind, text.number, text.severity) == (Kind.HANDOFF, BOB.number, Severity.WARNING)
    assert (text.gateway, text.receiver, text.lane) == ("main", "primary", "free")
    assert (text.not_before, text.expires_at) == (NOON, NOON + HOUR)
    assert moves(rows) == [(1000, State.QUEUED, Cause.HAND_OFF)]
    assert rows.ledger[0][2].detail == "takes over primary"


@pytest.mark.parametrize(
    ("schedule", "overrides", "gap"),
    [
        (held_by(shift("alice", 0, 24)), [], None),
        (held_by(shift("alice", -9, 48)), [], None),
        (held_by(shift("alice", 0, 8), shift("bob", 8, 30)), [], None),
        (
            held_by(shift("alice", 0, 8)),
            [],
            ("Sun 22 Nov 20:00 UTC", "Mon 23 Nov 12:00 UTC", "20261123T1200"),
        ),
        (
            held_by(shift("alice", 0, 8), shift("bob", 9, 30)),
            [],
            ("Sun 22 Nov 20:00 UTC", "Sun 22 Nov 21:00 UTC", "20261122T2100"),
        ),
        (held_by(shift("alice", 0, 8), shift("bob", 9, 30)), [shift("alice", 8, 9)], None),
        (
            held_by(shift("alice", 0, 30)),
            [shift(None, 3, 4)],
            ("Sun 22 Nov 15:00 UTC", "Sun 22 Nov 16:00 UTC", "20261122T1600"),
        ),
        (  # the first of two
            held_by(shift("alice", 1, 2), shift("bob", 3, 30)),
            [],
            ("Sun 22 Nov 12:00 UTC", "Sun 22 Nov 13:00 UTC", "20261122T1300"),
        ),
        (
            held_by(shift("alice", 0, 8), shift("bob", 9, 30), timezone="Europe/Brussels"),
            [],
            ("Sun 22 Nov 21:00 CET", "Sun 22 Nov 22:00 CET", "20261122T2100"),  # its id stays in UTC
        ),
    ],
)
def test_the_first_gap_within_a_day_is_told_beforehand_and_known_by_its_end(
    schedule: Schedule, overrides: Sequence[Shift], gap: tuple[str, str, str] | None
) -> None:
    note = gap_ahead(overridden(*overrides), schedule)

    if gap is None:
        assert note is None
        return
    assert note is not None
    begins, ends, id_ = gap
    assert note.what == f"nobody is on call for primary from {begins} to {ends}"
    assert (note.particular, note.name) == (None, f"oncall/ahead/primary/{id_}")
    assert note.urgency == Urgency(Level.PAGE)
    assert "oncall override add primary" in note.advice

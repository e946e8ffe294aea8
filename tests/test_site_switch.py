"""The dead man's switch: while we live no text leaves, however the gateway fails; once we are dead, one does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from paper_outbox import Trouble, faulty
from site_alive_bench import AFTER, ALICE, BOB, Died, SwitchBench

from sms_notify.delivery.switch_state import SwitchState, SwitchWord, switch_lines, switch_state
from sms_notify.gateways.base import Failed, Scheduled, Submission
from sms_notify.gateways.registry import refused
from sms_notify.oncall.roster import Roster
from sms_notify.policy.armed_texts import ArmedFor, ArmedState
from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.site_alive import Deed, SiteAlive
from sms_notify.store import armed_rows, gateway_outbox

NOON = datetime(2026, 3, 2, 12, 0, 10, tzinfo=UTC)
SPRING, AUTUMN = datetime(2026, 3, 14, 12, 0, 10, tzinfo=UTC), datetime(2026, 10, 10, 12, 0, 10, tzinfo=UTC)
MONTH, MINUTE = timedelta(days=30), timedelta(minutes=1)


def readers(*names: str) -> SiteAlive:
    return SiteAlive(AFTER, tuple(Target(TargetKind.PERSON, name) for name in names))


@pytest.mark.parametrize("begin", [SPRING, AUTUMN])
def test_with_a_sound_gateway_nothing_leaves_in_a_month_and_two_at_most_lie_there(begin: datetime) -> None:
    bench = SwitchBench(begin)
    bench.live(MONTH)
    assert bench.gateway.fired == []
    assert bench.gateway.most == 2
    assert len(bench.gateway.outbox) == len(bench.armed()) == 1


@pytest.mark.parametrize("begin", [SPRING, AUTUMN])
def test_with_a_gateway_that_fails_every_tenth_time_nothing_leaves_in_a_month(begin: datetime) -> None:
    bench = SwitchBench(begin, faulty(0.1, 1))
    most, unsure = 0, 0

    def look() -> None:
        nonlocal most, unsure
        lost = sum(not text.outboxid for text in bench.rows)
        most, unsure = max(most, len(bench.gateway.outbox) - lost), max(unsure, lost)

    bench.gateway.boundary = look
    bench.live(MONTH)
    assert bench.gateway.fired == []
    assert unsure > 0, "no answer was lost: nothing is shown by this"
    assert most <= 2, "a third one lies there only after a lost answer"


def test_with_a_gateway_that_fails_every_third_time_nothing_leaves_in_a_week() -> None:
    bench = SwitchBench(datetime(2026, 10, 22, 12, 0, 10, tzinfo=UTC), faulty(0.3, 2))
    bench.live(timedelta(days=7))
    assert bench.gateway.fired == []


def die_at(step: int, trouble: Trouble = Trouble.NONE) -> SwitchBench:
    """A sound life of an hour; then the process dies at this commit or request of its next push, counted from 0, or shortly
    after it where the push has fewer. With `trouble` the first request of that push ends so.
    """
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    asked = len(bench.gateway.requests)
    bench.gateway.trouble = lambda: trouble if len(bench.gateway.requests) == asked + 1 else Trouble.NONE
    left = step

    def boundary() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Died

    bench.boundary = boundary
    try:
        bench.live(AFTER)
    except Died:
        return bench
    raise AssertionError("nobody died")


STEPS = range(40)
"""A push looks three times and asks twice, with a commit before and after: all of it, and the next."""


@pytest.mark.parametrize("trouble", [Trouble.NONE, Trouble.LOST_AFTER, Trouble.LOST_BEFORE, Trouble.REFUSED])
@pytest.mark.parametrize("step", STEPS)
def test_death_at_every_step_is_told_once_or_twice(step: int, trouble: Trouble) -> None:
    bench = die_at(step, trouble)
    there = len(bench.gateway.outbox)
    bench.pass_dead(timedelta(hours=1))
    assert len(bench.gateway.fired) == there
    lost = trouble is Trouble.LOST_AFTER
    assert 1 <= there <= (3 if lost else 2), "a second one only between arming the next and removing the last"


@pytest.mark.parametrize("step", STEPS)
def test_only_death_between_arming_the_next_and_removing_the_last_is_told_twice_as_no_gateway_exchanges_a_text(
    step: int,
) -> None:
    bench = die_at(step)
    between = bench.gateway.requests[-1].startswith("schedule")
    bench.pass_dead(timedelta(hours=1))
    assert len(bench.gateway.fired) == (2 if between else 1)


def test_death_between_two_pushes_is_told_exactly_once() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    died = bench.now
    bench.pass_dead(timedelta(hours=1))
    assert len(bench.gateway.fired) == 1
    assert bench.gateway.fired[0].due <= died + AFTER + MINUTE
    assert bench.gateway.fired[0].text.startswith("acme: monitoring silent since 14:00")


@pytest.mark.parametrize("trouble", [Trouble.NONE, Trouble.LOST_AFTER, Trouble.LOST_BEFORE])
@pytest.mark.parametrize("step", STEPS)
def test_a_restart_before_it_is_due_lets_nothing_leave(step: int, trouble: Trouble) -> None:
    bench = die_at(step, trouble)
    bench.pass_dead(4 * MINUTE)
    bench.restart()
    bench.live(timedelta(hours=2))
    assert bench.gateway.fired == []
    assert len(bench.gateway.outbox) == len(bench.lying()) == 1


def test_what_went_out_while_we_were_dead_is_known_afterwards() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    bench.pass_dead(timedelta(hours=1))
    bench.restart()
    bench.live(MINUTE)
    fired = [moved.text for moved in bench.moved if moved.text.state is ArmedState.FIRED]
    assert len(fired) == 1
    with bench.store.transaction() as tx:
        assert armed_rows.last_fired(tx, ArmedFor.SITE_ALIVE) == fired[0]
    assert len(bench.armed()) == 1


def test_a_daemon_that_cannot_do_its_work_is_dead() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    bench.unfit = ("a sender has ended",)
    bench.live(timedelta(hours=1))
    assert len(bench.gateway.fired) == 1


def test_a_daemon_that_recovers_in_time_lets_nothing_leave() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    bench.unfit = ("the store's writer has ended",)
    bench.live(9 * MINUTE)
    bench.unfit = ()
    bench.live(timedelta(hours=1))
    assert bench.gateway.fired == []


def test_each_reader_has_a_text_in_their_own_words() -> None:
    bench = SwitchBench(NOON)
    bench.site_alive = readers("alice", "bob")
    bench.begin()
    bench.live(timedelta(hours=1))
    assert {kept.number: kept.text[:26] for kept in bench.gateway.outbox} == {
        ALICE.number: "acme: monitoring silent si",
        BOB.number: "acme: bewaking stil sinds ",
    }


def test_another_reader_is_armed_before_the_first_ones_text_is_taken_back() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    bench.site_alive = readers("bob")
    bench.begin()
    bench.live(MINUTE)
    assert bench.gateway.requests[-2].startswith("schedule")
    assert bench.gateway.requests[-1].startswith("remove")
    assert [kept.number for kept in bench.gateway.outbox] == [BOB.number]


def refusing(bench: SwitchBench, number: str) -> Callable[[], None]:
    """The gateway takes nothing for one number; the result ends that."""
    schedule = bench.gateway.schedule

    def refuse(message: Submission, at: datetime) -> Scheduled | Failed:
        return Failed.of(refused(106)) if message.number == number else schedule(message, at)

    def end() -> None:
        bench.gateway.schedule = schedule  # type: ignore[method-assign]

    bench.gateway.schedule = refuse  # type: ignore[method-assign]
    return end


def test_while_no_new_reader_can_be_armed_the_last_ones_text_is_pushed_and_does_not_leave() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    bench.site_alive = readers("bob")
    bench.begin()
    end = refusing(bench, BOB.number)
    bench.live(timedelta(hours=1))
    assert bench.gateway.fired == []
    assert [kept.number for kept in bench.gateway.outbox] == [ALICE.number]

    end()
    bench.live(MINUTE)
    assert [kept.number for kept in bench.gateway.outbox] == [BOB.number]


def test_a_reader_whose_new_number_is_refused_is_armed_at_the_old_one() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    bench.people = {"alice": replace(ALICE, number=BOB.number)}
    bench.begin()
    refusing(bench, BOB.number)
    bench.live(timedelta(hours=1))
    assert bench.gateway.fired == []
    assert [kept.number for kept in bench.gateway.outbox] == [ALICE.number]


def test_a_former_readers_text_goes_where_one_of_the_new_ones_is_armed() -> None:
    bench = SwitchBench(NOON)
    bench.people["carol"] = Person("carol", "+4917612345678")
    bench.site_alive = readers("carol")
    bench.begin()
    bench.live(timedelta(hours=1))
    bench.site_alive = readers("alice", "bob")
    bench.begin()
    refusing(bench, BOB.number)
    bench.live(timedelta(hours=1))
    assert bench.gateway.fired == []
    assert [kept.number for kept in bench.gateway.outbox] == [ALICE.number]


def test_without_site_alive_what_was_armed_is_taken_back() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    bench.site_alive = None
    bench.begin()
    bench.live(MINUTE)
    assert bench.gateway.outbox == []
    assert bench.switch.empty


def test_a_disarmed_switch_stays_so_until_the_next_start() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    with bench.store.transaction() as tx:
        armed_rows.disarm(tx, bench.now)
    bench.live(timedelta(hours=1))
    assert bench.gateway.outbox == bench.gateway.fired == []
    with bench.store.transaction() as tx:
        armed_rows.end_disarm(tx)
    bench.live(MINUTE)
    assert len(bench.armed()) == 1


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=2)])
def test_our_clock_may_be_set_and_nothing_leaves(step: timedelta) -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    bench.ahead = step
    bench.live(timedelta(hours=1))
    bench.ahead = timedelta()
    bench.live(timedelta(hours=1))
    wrong = step < -AFTER  # the gateway refuses what is past by its clock: the last one cannot be pushed
    assert len(bench.gateway.fired) == (1 if wrong else 0)


def test_a_text_by_hand_to_the_same_number_is_never_taken_in_the_place_of_an_unsure_one() -> None:
    bench = SwitchBench(NOON, faulty(0.3, 5))
    by_hand = bench.gateway.put(ALICE.number, NOON + timedelta(hours=5), "by hand")
    with bench.store.transaction() as tx:
        about = (by_hand.outboxid, "alice", ALICE.number, "by hand", by_hand.due, NOON)
        gateway_outbox.note(tx, "main", *about)
    bench.live(timedelta(hours=6))
    assert "by hand" in [kept.text for kept in bench.gateway.fired]


def test_a_gateway_that_gives_no_id_gets_no_second_text() -> None:
    bench = SwitchBench(NOON)
    bench.gateway.gives_ids = False
    bench.live(10 * MINUTE)
    assert len(bench.gateway.outbox) == 1
    assert bench.switch.why(ALICE.number) == "it gives no outboxID"


def test_after_a_lost_answer_no_heap_grows_at_a_gateway_that_answers_nothing() -> None:
    bench = SwitchBench(NOON, lambda: Trouble.LOST_AFTER)
    bench.live(10 * MINUTE)
    assert len(bench.gateway.outbox) == 1
    bench.gateway.trouble = lambda: Trouble.NONE
    bench.live(timedelta(hours=1))
    assert bench.gateway.fired == []
    assert len(bench.gateway.outbox) == 1


def test_a_refused_text_is_asked_for_again_and_says_why() -> None:
    bench = SwitchBench(NOON, lambda: Trouble.REFUSED)
    bench.live(5 * MINUTE)
    assert len(bench.gateway.requests) == 11  # after 10, 20, then every 30 seconds
    assert bench.switch.why(ALICE.number) == "error 120"
    assert {moved.deed for moved in bench.moved} == {Deed.ARM}


def test_it_is_armed_only_where_every_reader_has_a_text() -> None:
    bench = SwitchBench(NOON)
    bench.site_alive = readers("alice", "bob")
    bench.begin()
    bench.live(MINUTE)
    roster = Roster(Directory(bench.people))

    def state() -> SwitchState:
        with bench.store.reading() as tx:
            return switch_state(tx, bench.site_alive, roster, bench.now)

    assert (state().word, state().unarmed) == (SwitchWord.ARMED, ())
    (text,) = (text for text in bench.armed() if text.number == BOB.number)
    with bench.store.transaction() as tx:
        armed_rows.change(tx, replace(text, state=ArmedState.GONE), bench.now)
    assert (state().word, state().unarmed) == (SwitchWord.NOT_ARMED, ("bob",))
    assert next(switch_lines(state(), str, NOON)).endswith("(without a text: bob)")

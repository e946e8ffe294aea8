"""What lasts inside is told past the database: once, again after an hour, and with its end."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from workbench import NOON

from sms_notify.channels.base import Note
from sms_notify.daemon.alarm import Alarm
from sms_notify.daemon.failing import Failing


@dataclass
class Inside:
    """What is wrong, what time it is, and what the operator was told."""

    reasons: tuple[str, ...] = ()
    now: float = 1000.0
    reached: bool = True
    told: list[tuple[float, str]] = field(default_factory=list)

    def tell(self, note: Note) -> bool:
        self.told.append((self.now, note.subject))
        return self.reached

    def look_for(self, alarm: Alarm, seconds: int, *reasons: str) -> None:
        self.reasons = reasons
        for _ in range(seconds):
            self.now += 1
            alarm.look()


@pytest.fixture
def inside() -> Inside:
    return Inside()


@pytest.fixture
def alarm(inside: Inside) -> Alarm:
    return Alarm(lambda: inside.reasons, inside.tell, lambda: NOON, lambda: inside.now)


def test_a_trouble_of_nine_seconds_is_told_to_nobody(inside: Inside, alarm: Alarm) -> None:
    inside.look_for(alarm, 9, "the disk: full")
    inside.look_for(alarm, 120)
    assert inside.told == []


def test_what_lasts_is_told_once_an_hour_and_its_end_once(inside: Inside, alarm: Alarm) -> None:
    inside.look_for(alarm, 2 * 3600, "the disk: full")
    inside.look_for(alarm, 120)
    assert [what for _, what in inside.told] == [
        "sms-notify: the disk: full", "sms-notify: the disk: full", "sms-notify: all is well again"
    ]  # fmt: skip


def test_a_node_that_did_not_lead_tells_what_lasts_five_minutes(inside: Inside) -> None:
    alarm = Alarm(lambda: inside.reasons, inside.tell, lambda: NOON, lambda: inside.now, first=lambda: False)
    inside.look_for(alarm, 299, "the database: cannot be reached")
    assert inside.told == []
    inside.look_for(alarm, 60, "the database: cannot be reached")
    assert [what for _, what in inside.told] == ["sms-notify: the database: cannot be reached"]


def test_what_comes_and_goes_is_told_once(inside: Inside, alarm: Alarm) -> None:
    for _ in range(30):
        inside.look_for(alarm, 15, "the disk: full")
        inside.look_for(alarm, 20)
    assert len(inside.told) == 1


def test_another_trouble_is_told_though_one_was_just_told(inside: Inside, alarm: Alarm) -> None:
    inside.look_for(alarm, 20, "the disk: full")
    inside.look_for(alarm, 20, "sending fails each time: ValueError")
    assert len(inside.told) == 2


def test_where_nobody_is_reached_it_is_tried_again_later_and_later(inside: Inside, alarm: Alarm) -> None:
    inside.reached = False
    inside.look_for(alarm, 3600, "the disk: full")
    assert 5 <= len(inside.told) <= 12


def test_a_step_that_fails_each_time_for_five_seconds_is_a_reason_until_it_works() -> None:
    now = [0.0]
    failing, works = Failing(lambda: now[0]), [False]

    def step() -> None:
        if not works[0]:
            raise ValueError("+31612345678")

    noticed = failing.notice("the clock", step)
    for now[0] in (0.0, 2.0, 4.0):
        with pytest.raises(ValueError, match="316"):
            noticed()
    assert failing.reasons() == ()
    now[0] = 6.0
    with pytest.raises(ValueError, match="316"):
        noticed()
    assert failing.reasons() == ("the clock fails each time: ValueError",)
    works[0] = True
    noticed()
    assert failing.reasons() == ()

"""What the operator hears of the dead man's switch: before a text leaves that nobody takes back, and after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from paper_outbox import Trouble
from site_alive_bench import AFTER, SwitchBench

from sms_notify.delivery.switch_notes import fired, known_ids, what_is_wrong
from sms_notify.policy.armed_texts import ArmedState
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.self_alert_notes import SelfAlertNote
from sms_notify.policy.site_alive import SiteAlive

NOON = datetime(2026, 3, 2, 12, 0, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def says(at: datetime) -> str:
    return f"{at:%H:%M}"


def wrong(bench: SwitchBench, gateways: tuple[str, ...] = ("main",), why: str = "") -> list[SelfAlertNote]:
    return what_is_wrong(bench.switch, bench.switch.look(), gateways, why, says, bench.now)


def test_nothing_is_wrong_while_it_is_pushed_ahead() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    assert wrong(bench) == []


def test_the_operator_hears_in_time_that_it_cannot_be_pushed_and_why() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    bench.gateway.trouble = lambda: Trouble.REFUSED
    bench.live(9 * MINUTE)
    assert wrong(bench) == []
    bench.live(2 * MINUTE)
    (note,) = wrong(bench)
    assert note.name in known_ids(bench.switch.look())
    assert note.what == "main will text alice at 13:16 that this site is silent, though it lives: error 120"
    bench.gateway.trouble = lambda: Trouble.NONE
    bench.live(MINUTE)
    assert wrong(bench) == []


def test_the_operator_hears_why_a_daemon_that_cannot_work_lets_it_leave() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    bench.unfit = ("a sender has ended",)
    bench.live(11 * MINUTE)
    (note,) = wrong(bench, why="a sender has ended")
    assert note.what.endswith("though it lives: a sender has ended")


def test_the_operator_hears_that_nothing_could_be_armed_from_the_start() -> None:
    bench = SwitchBench(NOON, lambda: Trouble.REFUSED)
    bench.live(20 * timedelta(seconds=1))
    assert wrong(bench) == []
    bench.live(MINUTE)
    assert [note.what for note in wrong(bench)] == ["site_alive is not armed for alice: error 120"]
    bench.gateway.trouble = lambda: Trouble.NONE
    bench.live(MINUTE)
    assert wrong(bench) == []


def test_the_operator_hears_that_a_text_lies_at_a_gateway_that_is_gone() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    (note,) = wrong(bench, gateways=("other",))
    assert note.what.endswith("gateway main is not configured any more")


def test_the_operator_hears_that_there_is_nobody_to_text() -> None:
    bench = SwitchBench(NOON)
    bench.site_alive = SiteAlive(AFTER, (Target(TargetKind.SCHEDULE, "primary"),))
    bench.begin()
    bench.live(MINUTE)
    (note,) = wrong(bench)
    assert note.what == "site_alive has nobody to text: nobody is on call for what it names"


def test_of_a_text_that_went_out_though_we_live_the_operator_hears_how_sure_that_is() -> None:
    bench = SwitchBench(NOON)
    bench.live(timedelta(hours=1))
    bench.gateway.trouble = lambda: Trouble.REFUSED
    bench.live(20 * MINUTE)
    bench.gateway.trouble = lambda: Trouble.NONE
    bench.live(MINUTE)
    gone = [moved.text for moved in bench.moved if moved.text.state is ArmedState.FIRED]
    assert [fired(text, says).what for text in gone] == [
        "the text that this site is silent went out to alice at 13:16, though sms-notify runs"
    ]

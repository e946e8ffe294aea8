"""The daily text from the engine to the phone: once a day, whatever happens, and not in silence where it does not arrive."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from daemons import eventually, write_config
from test_cli_gateway import simulator  # noqa: F401 - the fixture
from test_failures import GATEWAYS, Site, site  # noqa: F401 - the fixture
from workbench import NOON, VirtualClock, a_plan

from sms_notify.config.load import load
from sms_notify.daemon.app import App
from sms_notify.delivery.moves import report_moved
from sms_notify.engine import Engine
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.records import Entry
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.self_check import SelfCheck
from sms_notify.policy.vocabulary import Cause, State
from sms_notify.simulator.server import Simulator
from sms_notify.store import account_rows, decisions, messages

ALICES = (Target(TargetKind.PERSON, "alice"),)
AT_NOON = SelfCheck(ALICES, at=12 * 60)
HOUR = timedelta(hours=1)


def checked(site: Site, check: SelfCheck, start: datetime = NOON - HOUR, **more: object) -> None:  # noqa: F811
    """The daemon starts by this configuration."""
    plan = replace(a_plan(), gateways=GATEWAYS, self_check=check, **more)
    site.bench.engine, site.bench.clock.now = Engine(plan, "node"), start
    started(site)


def started(site: Site) -> None:  # noqa: F811
    site.bench.commit(lambda tx: site.bench.engine.recover(tx, site.bench.clock()))


def ended(site: Site) -> list[str]:  # noqa: F811
    with site.bench.reading() as tx:
        return [one.end for one in decisions.last_self_check(tx)]


@pytest.mark.parametrize("start", [datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 10, 23, tzinfo=UTC)])
@pytest.mark.parametrize("at", [0, 2 * 60 + 30, 9 * 60])
def test_through_both_changes_of_the_clocks_every_day_has_one_text(
    site: Site,  # noqa: F811
    start: datetime,
    at: int,
) -> None:
    checked(site, SelfCheck(ALICES, at=at, timezone="Europe/Brussels"), start)
    for tick in range(4 * 24 * 4):
        site.bench.tick()
        if tick % 50 == 0:
            started(site)  # a restart changes nothing
        site.bench.clock.move(minutes=15)

    written = site.bench.rows("select created_at from messages where kind = 'self_check'")
    moments = [
        datetime.fromtimestamp(row["created_at"] / 1e6, ZoneInfo("Europe/Brussels")) for row in written
    ]
    days = Counter(f"{moment:%F}" for moment in moments)
    assert len(days) == 4
    assert set(days.values()) == {1}


def test_the_text_tells_the_balance_where_it_is_not_old(site: Site) -> None:  # noqa: F811
    checked(site, AT_NOON)
    site.bench.commit(lambda tx: account_rows.set_balance(tx, "main", 460, NOON - HOUR))
    for _ in range(2):
        site.bench.clock.now += HOUR if site.bench.clock.now < NOON else 24 * HOUR
        site.run()

    assert site.bench.messages("recipient, kind, gateway, body") == [
        ("alice", "self_check", "main", "sms-notify is alive, 460 credits"),
        ("alice", "self_check", "main", "sms-notify is alive"),
    ]


def test_a_crash_between_the_commit_and_the_request_makes_no_second_text(site: Site) -> None:  # noqa: F811
    checked(site, AT_NOON)
    site.bench.clock.now = NOON
    site.bench.tick()
    for _ in range(3):
        started(site)
        site.bench.tick()
    site.run()

    assert site.texts("main") == 1
    assert ended(site) == ["texted"]


def test_a_crash_during_the_request_makes_no_second_text_and_the_operator_hears(site: Site) -> None:  # noqa: F811
    checked(site, AT_NOON)
    site.bench.clock.now = NOON
    site.bench.tick()
    claimed = site.senders["main"].take(site.bench.clock)
    assert claimed is not None
    site.senders["main"].request(claimed)
    started(site)
    site.bench.clock.move(minutes=5)
    site.run()

    assert (site.texts("main"), site.texts("backup")) == (1, 0)
    assert [note for note in site.notes() if "the self-check failed: the text to alice" in note]


def test_a_transaction_that_fails_has_neither_the_text_nor_the_day(site: Site) -> None:  # noqa: F811
    checked(site, AT_NOON)
    site.bench.clock.now = NOON

    def fails(tx: object) -> None:
        site.bench.engine.tick(tx, NOON)  # type: ignore[arg-type]
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        site.bench.commit(fails)
    assert (site.bench.messages(), ended(site)) == ([], [])
    site.bench.tick()
    site.bench.tick()
    assert (len(site.bench.messages()), ended(site)) == (1, ["texted"])


def test_a_day_that_was_missed_is_written_down_and_the_next_one_is_texted(site: Site) -> None:  # noqa: F811
    checked(site, AT_NOON)
    site.bench.clock.now = NOON + 2 * HOUR
    started(site)
    site.bench.tick()
    assert (site.bench.messages(), ended(site)) == ([], ["missed"])
    site.bench.clock.now = NOON + 24 * HOUR
    site.bench.tick()
    assert (len(site.bench.messages()), ended(site)) == (1, ["texted"])


def test_that_nobody_is_on_call_is_told_to_the_operator_each_day(site: Site) -> None:  # noqa: F811
    on_call = (Target(TargetKind.SCHEDULE, "primary"),)
    checked(site, replace(AT_NOON, notify=on_call), schedules={"primary": Schedule("primary")})
    for day in range(2):
        site.bench.clock.now = NOON + 24 * day * HOUR
        site.run()
        assert ended(site) == ["nobody"]
        assert (
            len([note for note in site.notes() if "the self-check was texted to nobody" in note]) == day + 1
        )


def test_a_text_that_is_refused_is_told_to_the_operator(site: Site) -> None:  # noqa: F811
    for one in site.simulators.values():
        one.change(force_error=106)
    checked(site, AT_NOON)
    site.bench.clock.now = NOON
    site.run()
    assert [note for note in site.notes() if "the self-check failed: the text to alice is failed" in note]


def test_a_text_that_is_not_delivered_is_told_to_the_operator(site: Site) -> None:  # noqa: F811
    checked(site, AT_NOON)
    site.bench.clock.now = NOON
    site.run()

    def report(tx: object) -> None:
        text = messages.get(tx, 1)  # type: ignore[arg-type]
        report_moved(
            tx, text, State.NOT_DELIVERED, Entry(Cause.POLL), "node", NOON, lost="NOT DELIVERED"  # type: ignore[arg-type]
        )  # fmt: skip

    site.bench.commit(report)
    site.run()
    assert [
        note for note in site.notes() if "the self-check failed: the text to alice is not_delivered" in note
    ]


def test_a_text_that_could_not_leave_within_its_life_is_told_to_the_operator(site: Site) -> None:  # noqa: F811
    checked(site, AT_NOON)
    site.bench.clock.now = NOON
    site.bench.tick()
    site.bench.clock.now = NOON + 2 * HOUR
    site.run()

    assert (site.texts("main"), site.bench.messages("state")) == (0, [("expired",)])
    assert [note for note in site.notes() if "the self-check failed: the text to alice is expired" in note]


def test_the_daemon_texts_once_and_says_so(
    simulator: Simulator,  # noqa: F811
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "sms_notify")
    path = write_config(
        tmp_path, simulator.gateway_url, self_check="{notify: [person:alice], at: '12:00', check_numbers: false}"
    )  # fmt: skip
    clock = VirtualClock(NOON - timedelta(minutes=1))
    left = simulator.state.credits
    for _ in range(2):
        _run_over_noon(App(load(path, {}), clock=clock, uptime=lambda: clock.now - NOON + HOUR), clock)
        assert eventually(lambda: len(simulator.texts()) == 1)
        assert caplog.text.count("self-check") == 1

    assert [(one.number, one.text) for one in simulator.texts()] == [
        ("32470000001", f"sms-notify is alive, {left} credits")
    ]


def _run_over_noon(app: App, clock: VirtualClock) -> None:
    app.start()
    try:
        assert eventually(lambda: _balance(app) is not None)
        clock.now = NOON
        app._tick()
        assert eventually(lambda: _sent(app) == 1)
    finally:
        app.stop()


def _sent(app: App) -> int:
    with app.store.reading() as tx:
        return len(tx.all("select 1 from messages where sent_at is not null"))


def _balance(app: App) -> object:
    with app.store.reading() as tx:
        return account_rows.balance(tx, "main")

"""What people do not hear yet, what reached nobody, and how it stands with the store: as Prometheus sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from workbench import Bench, a_plan, firing

from sms_notify.daemon.spool_intake import spooled
from sms_notify.engine import Engine
from sms_notify.errors import StoreError
from sms_notify.metrics import AskedAtScrape, Metrics
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.store.damage import Examined, StoreFailure
from sms_notify.store.health import StoreHealth


def scraped(bench: Bench, metrics: Metrics) -> dict[tuple[str, ...], float]:
    """By name and label values, without what is 0."""
    page, _ = metrics.render(bench.store, "", bench.clock)
    return {
        (sample.name.removeprefix("sms_notify_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
        if sample.value
    }


@pytest.fixture
def metrics(bench: Bench, tmp_path: Path) -> Metrics:
    made = Metrics(["main"], "node", asked=AskedAtScrape(spooled=lambda: spooled(tmp_path / "spool")))
    bench.tick()  # the first transaction makes the tables
    made.begin(bench.store)
    return made


def test_what_is_held_is_counted_by_severity_and_reason_with_the_age_of_the_oldest(
    bench: Bench, metrics: Metrics
) -> None:
    always = Quiet((Window("always", (TimeInterval(),)),), unless=())
    night = Bench(bench.store, Engine(a_plan(quiet=always), "node"), bench.clock)
    night.accept(firing(severity="warning"))
    bench.clock.move(minutes=5)

    seen = scraped(bench, metrics)
    assert seen["notifications_held", "warning", "quiet_hours"] == 2
    assert seen["notifications_held_oldest_seconds", "warning"] == 300
    assert ("critical_untold",) not in seen


def test_a_critical_incident_is_untold_until_a_text_has_left_or_somebody_takes_care_of_it(
    bench: Bench, metrics: Metrics
) -> None:
    bench.accept(firing("One"))
    bench.accept(firing("Two"))
    bench.accept(firing("Nobody's", severity="info"))
    assert scraped(bench, metrics)["critical_untold",] == 2

    bench.acknowledge(1)
    assert scraped(bench, metrics)["critical_untold",] == 1

    bench.commit(lambda tx: tx.run("update messages set state = 'sent'"))
    assert ("critical_untold",) not in scraped(bench, metrics)


def test_a_text_that_failed_has_told_nobody(bench: Bench, metrics: Metrics) -> None:
    bench.accept(firing("One"))
    bench.commit(lambda tx: tx.run("update messages set state = 'failed'"))
    assert scraped(bench, metrics)["critical_untold",] == 1


def test_what_hooks_have_handed_over_is_counted(bench: Bench, metrics: Metrics, tmp_path: Path) -> None:
    aside = tmp_path / "spool" / "quarantine"
    aside.mkdir(parents=True)
    for file in (aside / "a", aside.parent / "b", aside.parent / "c", aside.parent / ".begun"):
        file.write_text("x", "utf-8")

    seen = scraped(bench, metrics)
    assert (seen["spool_records", "waiting"], seen["spool_records", "quarantined"]) == (2, 1)


def test_transactions_that_fail_and_the_size_of_the_file_are_counted(bench: Bench, metrics: Metrics) -> None:
    bench.accept(firing())
    metrics.store_failed(StoreFailure.FULL)

    seen = scraped(bench, metrics)
    assert seen["store_errors_total", "full"] == 1
    assert seen["store_bytes",] == bench.store.size > 4096


def test_a_lock_of_two_seconds_is_no_trouble_and_one_that_lasts_is() -> None:
    now = [0.0]
    health = StoreHealth(lambda *_, known: Examined(), lambda: now[0])
    for second in (0.0, 1.0, 1.9):
        now[0] = second
        health.failed(StoreError("database is locked"))
    assert health.reasons() == ()
    now[0] = 2.0
    health.failed(StoreError("database is locked"))
    assert health.reasons() == ("the database cannot be written: database is locked",)
    health.committed(wrote=False)  # a disk that takes nothing takes that
    assert health.reasons()
    health.committed(wrote=True)
    assert health.reasons() == ()

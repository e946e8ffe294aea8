"""What a scrape holds before anything has happened, and the numbers that come from the configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from workbench import Bench, firing

from sms_notify.alert import Severity, Status
from sms_notify.daemon.spool_intake import spooled
from sms_notify.metrics import SOURCES, WEBHOOKS, AskedAtScrape, Metrics
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.holds import Hold
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.policy.rate_limits import Credits, Limits, LimitScope
from sms_notify.policy.retry_policy import Scope
from sms_notify.policy.routing import Receiver, Step
from sms_notify.policy.ruleset import Timing
from sms_notify.policy.vocabulary import Heard, State
from sms_notify.store import account_rows
from sms_notify.store.damage import StoreFailure
from sms_notify.store.tx import stored

GATEWAYS = ("main", "backup")
STEPS = (Step(timedelta(minutes=5), (Target(TargetKind.PERSON, "bob"),)),) * 2
RECEIVERS = {"oncall": Receiver("oncall", escalate=STEPS)}


def scraped(bench: Bench, metrics: Metrics) -> Mapping[str, Mapping[tuple[str, ...], float]]:
    """Name without our prefix → label values, in the order of their labels' names → value."""
    page, _ = metrics.render(bench.store, "", bench.clock)
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            values = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name.removeprefix("sms_notify_"), {})[values] = sample.value
    return found


def made(bench: Bench, asked: AskedAtScrape | None = None) -> Metrics:
    bench.tick()  # the first transaction makes the tables
    return Metrics(GATEWAYS, "node", RECEIVERS, asked)


CLOSED_LABELS = {
    "alerts_received_total": product(SOURCES, Status),
    "alerts_suppressed_total": product(reason for reason in Heard if reason.suppressed),
    "messages_total": product(GATEWAYS, ("sent", "refused", "unknown", "expired", "cancelled")),
    "message_parts_total": product(GATEWAYS),
    "credits_spent_total": product(GATEWAYS, Severity),
    "credits_remaining": product(GATEWAYS),
    "credits_days_left": product(GATEWAYS),
    "credits_low_water": product(GATEWAYS),
    "credits_budget": product(("credits_per_hour", "credits_per_day")),
    "credits_budget_used": product(("credits_per_hour", "credits_per_day")),
    "gateway_up": product(GATEWAYS),
    "gateway_request_seconds_count": product(GATEWAYS),
    "breaker_open": product(GATEWAYS, Scope),
    "deliveries_total": product(GATEWAYS, ("DELIVERED", "NOT DELIVERED", "REJECTED", "BUFFERED", "NONE")),
    "delivery_seconds_count": product(GATEWAYS),
    "alert_to_send_seconds_count": product(Severity),
    "outbox_messages": product(
        (State.QUEUED, State.SUBMITTING, State.UNKNOWN, State.SENT, State.BUFFERED)
    ),
    "expire_seconds": product(Severity),
    "incidents_open": product(Severity),
    "escalations_total": [("oncall", "1"), ("oncall", "2")],
    "rate_limited_total": product(LimitScope),
    "notifications_held": product(Severity, Hold),
    "notifications_held_oldest_seconds": product(Severity),
    "spool_records": product(("waiting", "quarantined")),
    "store_errors_total": product(StoreFailure),
    "outbox_oldest_seconds": [()],
    "critical_untold": [()],
    "login_failures_total": [()],
    "spool_readable": [()],
    "ready": [()],
    "store_bytes": [()],
}  # fmt: skip


def test_every_label_value_is_there_before_anything_happens(bench: Bench) -> None:
    found = scraped(bench, made(bench))

    assert {name: set(found[name]) for name in CLOSED_LABELS} == {
        name: {tuple(map(str, values)) for values in listed} for name, listed in CLOSED_LABELS.items()
    }
    assert {source for _, source in found["webhook_refused_total"]} == set(WEBHOOKS)
    assert {gateway for _, gateway in found["gateway_errors_total"]} == set(GATEWAYS)


def test_counters_begin_at_zero_and_what_is_not_known_yet_is_no_number(bench: Bench) -> None:
    found = scraped(bench, made(bench))

    assert {value for name in found if name.endswith("_total") for value in found[name].values()} == {0}
    for name in ("gateway_up", "credits_remaining", "credits_days_left"):
        assert all(math.isnan(value) for value in found[name].values()), name


def test_a_gateway_is_up_or_down_by_its_last_answer_and_gone_when_it_is_not_configured(bench: Bench) -> None:
    metrics = made(bench)
    metrics.asked("main", answered=True)
    metrics.answered("backup", Outcome(Fate.NOT_SENT, Reason.CONNECT))
    assert scraped(bench, metrics)["gateway_up"] == {("main",): 1, ("backup",): 0}

    metrics.follow(("main",), RECEIVERS)
    metrics.answered("backup", Outcome(Fate.SENT, Reason.OK))  # was under way
    found = scraped(bench, metrics)
    for name in ("gateway_up", "credits_remaining", "credits_days_left", "credits_low_water"):
        assert set(found[name]) == {("main",)}, name
    assert {gateway for gateway, _ in found["breaker_open"]} == {"main"}


def test_the_balance_is_what_was_told_less_what_has_left_since(bench: Bench) -> None:
    metrics = made(bench)
    bench.commit(lambda tx: account_rows.set_balance(tx, "main", 100, bench.clock()))
    bench.clock.move(minutes=1)
    bench.accept(firing("One"))
    departed(bench)

    assert scraped(bench, metrics)["credits_remaining"]["main",] == 98


def test_what_the_configuration_allows_stands_beside_what_is_used_of_it(bench: Bench) -> None:
    limits = Limits(credits=Credits(per_hour=10, per_day=None, reserve=0, low_water=30))
    timing = Timing(expire=timedelta(minutes=30), expire_critical=timedelta(hours=2))
    metrics = made(bench, AskedAtScrape(limits=lambda: limits, timing=lambda: timing))
    bench.accept(firing("One"))
    departed(bench)

    found = scraped(bench, metrics)
    assert found["credits_budget"] == {("credits_per_hour",): 10, ("credits_per_day",): math.inf}
    assert found["credits_budget_used"] == {("credits_per_hour",): 2, ("credits_per_day",): 2}
    assert set(found["credits_low_water"].values()) == {30}
    assert (found["expire_seconds"]["critical",], found["expire_seconds"]["info",]) == (7200, 1800)

    bench.clock.move(minutes=61)
    used = scraped(bench, metrics)["credits_budget_used"]
    assert used == {("credits_per_hour",): 0, ("credits_per_day",): 2}


def test_critical_texts_count_against_the_budget_only_beyond_their_reserve(bench: Bench) -> None:
    limits = Limits(credits=Credits(per_hour=10, per_day=10, reserve=1))
    metrics = made(bench, AskedAtScrape(limits=lambda: limits))
    bench.accept(firing("One"))
    departed(bench)

    assert scraped(bench, metrics)["credits_budget_used"]["credits_per_hour",] == 1


def test_a_daemon_that_is_not_ready_says_so(bench: Bench) -> None:
    reasons: list[str] = []
    metrics = made(bench, AskedAtScrape(ready=lambda: reasons))
    assert scraped(bench, metrics)["ready"][()] == 1

    reasons.append("a sender has ended")
    assert scraped(bench, metrics)["ready"][()] == 0


@pytest.mark.parametrize(("folder", "readable"), [(None, 1), ("spool", 1), ("gone", 0), ("file", 0)])
def test_a_spool_folder_that_cannot_be_read_is_not_an_empty_one(
    bench: Bench, tmp_path: Path, folder: str | None, readable: int
) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "file").touch()
    place = None if folder is None else tmp_path / folder
    found = scraped(bench, made(bench, AskedAtScrape(spooled=lambda: spooled(place))))

    assert found["spool_readable"][()] == readable
    assert math.isnan(found["spool_records"]["waiting",]) is not bool(readable)


def departed(bench: Bench) -> None:
    """Every text that waits has left by main, for a credit each, a moment ago."""
    bench.commit(
        lambda tx: tx.run(
            "insert into attempts (message_id, n, gateway, node, reference, started_at, number, lane, parts)"
            " select id, 1, 'main', 'node', id, :now, number, lane, 1 from messages where state = 'queued'",
            now=stored(bench.clock()),
        )
    )

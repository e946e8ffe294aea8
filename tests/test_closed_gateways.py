"""How soon a closed gateway is asked again: sooner while a critical text waits, where the failure is one that passes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from workbench import Bench, firing

from sms_notify.policy.outcomes import Fate, Outcome, Reason, Refusal
from sms_notify.policy.retry_policy import BY_REFUSAL
from sms_notify.store import breakers
from sms_notify.store.next_due import Waits, next_asked

QUIET = Waits(timedelta(days=1), timedelta(minutes=1), timedelta(minutes=30), timedelta(minutes=5))


def closed(bench: Bench, refusal: Refusal, code: int) -> None:
    """And asked about five times already, so that the next question is as late as it becomes."""
    rule = BY_REFUSAL[refusal].breaks
    assert rule is not None
    outcome = Outcome(Fate.REFUSED, Reason.ERROR_CODE, code, refusal=refusal)
    bench.commit(
        lambda tx: [breakers.fail(tx, "main", rule, "", outcome, bench.clock()) for _ in range(rule.count)]
    )
    for _ in range(5):
        bench.clock.move(hours=1)
        assert asked(bench)


def asked(bench: Bench) -> bool:
    return bench.commit(lambda tx: breakers.take_probe(tx, "main", bench.clock())) is not None


def seconds_to_the_next_question(bench: Bench) -> float:
    start: datetime = bench.clock()
    while not asked(bench):
        bench.clock.move(seconds=1)
    return (bench.clock() - start).total_seconds()


@pytest.mark.parametrize(("refusal", "code"), [(Refusal.MAINTENANCE, 150), (Refusal.PASSING_FAULT, 120)])
def test_while_a_critical_text_waits_it_is_asked_every_half_minute(
    bench: Bench, refusal: Refusal, code: int
) -> None:
    closed(bench, refusal, code)
    assert seconds_to_the_next_question(bench) == 300
    bench.accept(firing("Db", severity="critical"))
    assert seconds_to_the_next_question(bench) == 30
    assert seconds_to_the_next_question(bench) == 30


def test_a_warning_that_waits_hurries_nothing(bench: Bench) -> None:
    closed(bench, Refusal.MAINTENANCE, 150)
    bench.accept(firing("Disk", severity="warning"))
    assert seconds_to_the_next_question(bench) == 300


@pytest.mark.parametrize(("refusal", "code"), [(Refusal.LOGIN, 104), (Refusal.UNPAID, 115)])
def test_an_account_that_is_refused_is_not_asked_more_often(
    bench: Bench, refusal: Refusal, code: int
) -> None:
    closed(bench, refusal, code)
    bench.accept(firing("Db", severity="critical"))
    assert seconds_to_the_next_question(bench) == 900


def test_every_closed_gateway_is_asked_for_a_text_that_may_leave_by_any(bench: Bench) -> None:
    closed(bench, Refusal.MAINTENANCE, 150)
    bench.accept(firing("Db", severity="critical"))
    bench.commit(lambda tx: tx.run("update messages set gateway = 'backup'"))
    assert seconds_to_the_next_question(bench) == 30


def test_the_next_question_is_known_ahead(bench: Bench) -> None:
    closed(bench, Refusal.MAINTENANCE, 150)
    bench.accept(firing("Db", severity="critical"))
    soon = bench.commit(lambda tx: next_asked(tx, QUIET, bench.clock()))
    assert soon is not None
    assert soon <= bench.clock() + timedelta(seconds=30)

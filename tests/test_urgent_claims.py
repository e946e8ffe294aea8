"""A number is texted by one request at a time, but what is critical passes a request of the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from workbench import Bench, firing, resolved

from sms_notify.policy.vocabulary import Cause
from sms_notify.store import claims, outbox
from sms_notify.store.messages import Entry, Message

WARNING = {"severity": "warning"}


def claim(bench: Bench) -> Message | None:
    now = bench.clock()
    reference = f"r{bench.rows('select count(*) as n from attempts')[0]['n']}"
    return bench.commit(
        lambda tx: claims.claim(tx, "main", reference, "node", now + timedelta(seconds=45), now)
    )


def sent(bench: Bench, message: Message | None) -> None:
    assert message is not None
    bench.commit(lambda tx: outbox.mark_sent(tx, message, None, Entry(Cause.CALLBACK), "node", bench.clock()))


def kind_of(message: Message | None) -> str:
    return "" if message is None else " ".join(message.body.split()[:3]).rstrip(":")


def worth_waking(bench: Bench) -> bool:
    return not bench.commit(claims.only_for_busy_numbers)


def test_a_critical_text_passes_a_request_of_the_rest_to_the_same_number(bench: Bench) -> None:
    bench.accept(firing("Slow", team="dba", **WARNING))
    assert kind_of(claim(bench)) == "FIRING warning Slow"

    bench.accept(firing("Down", team="dba"))

    assert worth_waking(bench)
    assert kind_of(claim(bench)) == "FIRING critical Down"
    assert claim(bench) is None


def test_a_critical_text_waits_for_a_critical_one(bench: Bench) -> None:
    bench.accept(firing("Down", team="dba"))
    assert claim(bench) is not None

    bench.accept(firing("Broken", team="dba"))

    assert not worth_waking(bench)
    assert claim(bench) is None


def test_a_text_of_the_rest_waits_for_any_other(bench: Bench) -> None:
    bench.accept(firing("Slow", team="dba", **WARNING))
    assert claim(bench) is not None

    bench.accept(firing("Hot", team="dba", **WARNING))

    assert not worth_waking(bench)
    assert claim(bench) is None


@pytest.mark.parametrize(("again", "passes"), [("Down", False), ("Broken", True)])
def test_a_critical_text_waits_for_the_end_of_the_same_problem_that_is_under_way(
    bench: Bench, again: str, passes: bool
) -> None:
    bench.accept(firing("Down", team="dba"))
    sent(bench, claim(bench))
    bench.clock.move(minutes=5)
    bench.accept(resolved("Down", team="dba", end=bench.clock()))
    assert kind_of(claim(bench)).startswith("OK Down")

    bench.clock.move(minutes=11)
    bench.accept(firing(again, team="dba", at=bench.clock()))

    assert (claim(bench) is not None) is passes


def test_a_worse_problem_passes_the_text_about_the_lesser_one(bench: Bench) -> None:
    bench.accept(firing("Slow", team="dba", **WARNING))
    assert claim(bench) is not None
    lesser = firing("Slow", team="dba", **WARNING)
    bench.accept(replace(lesser, labels={**lesser.labels, "severity": "critical"}))

    assert kind_of(claim(bench)) == "WORSE critical Slow"

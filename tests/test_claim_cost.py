"""What a claim costs where much waits for one number: it grows with what waits, and not with its square."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from stores import a_store
from workbench import ALICE, NOON, Bench, firing

from sms_notify.store import claims
from sms_notify.store.tx import Tx, stored

pytestmark = pytest.mark.sqlite

LATER = NOON + timedelta(minutes=5)


def waiting(tx: Tx, n: int) -> None:
    """So many beginnings that wait for another try, and behind each the end of its incident, which may leave now."""
    tx.run(
        "insert into incidents (id, source, fingerprint, state, severity, labels, annotations, opened_at, last_seen_at,"
        " closed_at) with recursive seq(i) as (select 1 union all select i + 1 from seq where i < :n)"
        " select i, 'zabbix', 'f' || i, 'resolved', 'critical', '{}', '{}', 1, 1, 1 from seq",
        n=n,
    )
    for kind, after, not_before in (("firing", 0, LATER), ("resolved", n, NOON)):
        tx.run(
            "insert into messages (id, kind, receiver, recipient, number, severity, gateway, body, parts, state, attempts,"
            " ambiguous, not_before, expires_at, polls, created_at, updated_at, rank) select id + :after, :kind, 'oncall',"
            " 'alice', :number, 'critical', 'main', 'x', 1, 'queued', 0, 0, :not_before, :expires_at, 0, 1, 1, 1 from incidents",
            after=after,
            kind=kind,
            number=ALICE.number,
            not_before=stored(not_before),
            expires_at=stored(NOON + timedelta(hours=4)),
        )
        tx.run(
            "insert into pages (incident_id, number, kind, nth, recipient, receiver, lane, bundle, state, why, held_by, hidden,"
            " created_at, due_at, message_id) select id, :number, :kind, 0, 'alice', 'oncall', 'rest', '', 'told', 'now', '', 0,"
            " 1, 1, id + :after from incidents",
            after=after,
            kind=kind,
            number=ALICE.number,
        )


def cost(folder: Path, n: int, bar: str = "") -> int:
    """What the database does for one claim that finds nothing, in thousands of its instructions."""
    store, done = a_store(folder / f"{n}.db"), [0]

    def count() -> int:
        done[0] += 1
        return 0

    with store.transaction() as tx:
        waiting(tx, n)
        if bar:
            tx.run(
                "insert into breakers (gateway, scope, subject, opened_at, failures, first_at, reason, probes)"
                " values ('main', :scope, :subject, 1, 1, 1, '', 0)",
                scope=bar,
                subject=ALICE.number if bar == "number" else "",
            )
        tx._connection.set_progress_handler(count, 1000)
        assert claims.claim(tx, "main", "r", "node", NOON, NOON) is None
        tx._connection.set_progress_handler(None, 0)
    store.close()
    return done[0]


@pytest.mark.parametrize("bar", ["", "account", "number"])
def test_a_claim_that_finds_nothing_takes_time_by_what_waits(tmp_path: Path, bar: str) -> None:
    assert cost(tmp_path, 4_000, bar) < 3 * cost(tmp_path, 2_000, bar)


def test_what_a_number_waits_for_is_asked_a_few_times_however_much_waits(tmp_path: Path) -> None:
    store, statements = a_store(tmp_path / "x.db"), []
    with store.transaction() as tx:
        waiting(tx, 2_000)
        tx._connection.set_trace_callback(statements.append)
        assert claims.claim(tx, "main", "r", "node", NOON, NOON) is None
        tx._connection.set_trace_callback(None)
    store.close()

    assert len(statements) <= 8


def test_a_webhook_and_a_tick_cost_the_same_however_much_waits_behind_a_closed_gateway(bench: Bench) -> None:
    """A thousand of the database's instructions, each: 800 texts of one number wait, or 20."""

    def steps(job: Callable[[], object]) -> int:
        done = [0]
        with bench.store.transaction() as tx:
            tx._connection.set_progress_handler(lambda: done.append(1), 1000)
        job()
        with bench.store.transaction() as tx:
            tx._connection.set_progress_handler(None, 0)
        return len(done)

    with bench.store.transaction() as tx:
        tx.run(
            "insert into breakers (gateway, scope, subject, opened_at, failures, first_at, reason, code, probes)"
            " values ('main', 'account', '', 1, 1, 1, '', 150, 0)"
        )
    found = {}
    for n in range(800):
        bench.accept(firing(f"A{n}", host=f"h{n}"), group=str(n))
        if n in (20, 799):
            accepted = steps(lambda: bench.accept(firing(f"B{n}", host="h"), group=f"B{n}"))  # noqa: B023
            found[n] = accepted, steps(bench.tick)
    assert found[799][0] <= 2 * found[20][0] + 5
    assert found[799][1] <= 2 * found[20][1] + 50


def test_only_a_number_that_nobody_texts_is_worth_waking_a_sender_for(tmp_path: Path) -> None:
    store = a_store(tmp_path / "x.db")
    with store.transaction() as tx:
        waiting(tx, 2)
        assert not claims.only_for_busy_numbers(tx)
        tx.run("update messages set state = 'submitting' where id = 1")
        assert claims.only_for_busy_numbers(tx)
        tx.run("update messages set number = '+31699999999' where id = 2")
        assert not claims.only_for_busy_numbers(tx)
    store.close()

"""What erasing costs: it grows with what is erased, and not with what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from large_store import ROWS, fill
from workbench import NOON

from sms_notify.policy.retention import Cut, ErasedPart
from sms_notify.store.erasure import Erasure
from sms_notify.store.sqlite import SqliteStore

OLD = 2_000  # incidents, with all that belongs to them
_APART = timedelta(seconds=77)  # the incidents of a large store


def costs(store: SqliteStore, due: Sequence[Cut]) -> list[int]:
    """What the database does in each step of a run, in hundreds of its instructions."""
    run, found, goes_on = Erasure(), [], True
    while goes_on:
        done = [0]

        def count(done: list[int] = done) -> int:
            done[0] += 1
            return 0

        with store.transaction() as tx:
            tx._connection.set_progress_handler(count, 100)
            goes_on = run.step(tx, due) is not None
            tx._connection.set_progress_handler(None, 0)
        run.took(0.001)
        found.append(done[0])
    return found


def of_a_run(folder: Path, kept: int) -> dict[ErasedPart, list[int]]:
    store = SqliteStore(f"sqlite://{folder}/{kept}.db")
    fill(store, NOON, kept + OLD)
    found = {part: costs(store, (Cut(part, NOON - kept * _APART),)) for part in ErasedPart}
    with store.reading() as tx:
        assert len(tx.all("select id from incidents")) == kept + 1
    store.close()
    return found


def test_a_run_costs_the_same_however_much_is_kept(tmp_path: Path) -> None:
    few, many = of_a_run(tmp_path, 3_000), of_a_run(tmp_path, ROWS)
    for part in ErasedPart:
        assert sum(many[part]) < 1.2 * sum(few[part])
        assert max(many[part]) < 1.2 * max(few[part])


def of_one_incident(folder: Path, n: int, sql: str) -> dict[ErasedPart, list[int]]:
    """Runs through a store whose first incident has so many rows of its own."""
    store = SqliteStore(f"sqlite://{folder}/{n}.db")
    fill(store, NOON, 10 * n)
    with store.transaction() as tx:
        tx.run(sql, n=n)
    found = {part: costs(store, (Cut(part, NOON - 8 * n * _APART),)) for part in ErasedPart}
    store.close()
    return found


REPEATED = (
    "insert into alerts (received_at, node, source, fingerprint, status, reason, incident_id, group_key) with recursive"
    " seq(i) as (select 1 union all select i + 1 from seq where i < :n) select i, 'node', 'alertmanager', 'f', 'firing',"
    " 'duplicate', 1, '' from seq"
)
REMINDED = "update pages set incident_id = 1, nth = id where id <= :n"


@pytest.mark.parametrize("sql", [REPEATED, REMINDED], ids=["repeated", "reminded"])
def test_a_run_through_an_incident_that_was_open_for_a_year_costs_by_what_it_has(
    tmp_path: Path, sql: str
) -> None:
    few, many = of_one_incident(tmp_path, 500, sql), of_one_incident(tmp_path, 4_000, sql)
    for part in ErasedPart:
        assert sum(many[part]) / sum(few[part]) < 16, part
        assert max(many[part]) < 6_000, "some twenty milliseconds"


def test_after_a_step_that_took_long_the_next_looks_at_less_and_after_a_short_one_at_more(
    tmp_path: Path,
) -> None:
    store = SqliteStore(f"sqlite://{tmp_path}/x.db")
    fill(store, NOON, 3_000)
    due = (Cut(ErasedPart.TEXTS, NOON - 1_000 * _APART),)
    run, erased = Erasure(), []
    for seconds in (0.001,) * 6 + (1.0,) * 12 + (0.001,) * 6:
        with store.transaction() as tx:
            step = run.step(tx, due)
        assert step is not None
        erased.append(step.rows)
        run.took(seconds)
    store.close()
    assert erased == [3, 6, 12, 24, 48, 50, 50, 25, 13, 7, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]

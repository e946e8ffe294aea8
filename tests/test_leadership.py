"""Which node leads: by a lease that is looked at in each transaction. On both databases it is the same statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from stores import a_store
from workbench import NOON, VirtualClock

from sms_notify.daemon.leadership import Leadership
from sms_notify.store import leadership, node_rows
from sms_notify.store.database import Database
from sms_notify.store.leadership import LEASE, leads, leads_through
from sms_notify.store.node_rows import NodeRow, differences, host_of, node_id
from sms_notify.store.tx import Tx

T = TypeVar("T")
SECOND = timedelta(seconds=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    made = a_store(tmp_path / "x.db")
    yield made
    made.close()


def test_one_leads_until_its_lease_ends_and_then_another(store: Database) -> None:
    with store.transaction() as tx:
        assert leads(tx, "a", NOON).taken
        assert leads(tx, "b", NOON + LEASE - SECOND).node == "a"
        taken = leads(tx, "b", NOON + LEASE)
        assert (taken.node, taken.taken) == ("b", True)
        assert leads(tx, "a", NOON + LEASE + SECOND).node == "b"  # it comes back late


def test_a_lease_is_renewed_and_not_at_each_look(store: Database) -> None:
    with store.transaction() as tx:
        leads(tx, "a", NOON)
        assert leads(tx, "a", NOON + SECOND).until == NOON + LEASE
        renewed = leads(tx, "a", NOON + 2 * SECOND)
        assert renewed.until == NOON + 2 * SECOND + LEASE
        assert not renewed.taken


def test_what_is_given_back_is_free_at_once_and_nobody_gives_back_what_is_not_theirs(store: Database) -> None:
    with store.transaction() as tx:
        leads(tx, "a", NOON)
        leadership.give_back(tx, "b")
        assert leads(tx, "b", NOON).node == "a"
        leadership.give_back(tx, "a")
        assert leads(tx, "b", NOON).node == "b"


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1), 11 * SECOND, -6 * SECOND])
@pytest.mark.parametrize("died", [timedelta(), 2 * LEASE])
def test_a_step_of_the_clock_is_for_the_one_that_finds_it_first(
    store: Database, step: timedelta, died: timedelta
) -> None:
    """Whether the one that led lives, has just died, or died long ago."""
    with store.transaction() as tx:
        leads(tx, "a", NOON)
        now = NOON + died + SECOND + step
        assert leads_through(tx, "b", now)
        assert not leads_through(tx, "c", now + SECOND)
        assert not leads_through(tx, "a", now + SECOND)
        assert leads(tx, "a", now + SECOND).node == "b"
        assert leads(tx, "a", now + LEASE).node == "a"  # and it is not another's for an hour


@pytest.mark.parametrize("step", [timedelta(hours=1), 6 * SECOND, -6 * SECOND])
def test_a_step_that_the_one_that_leads_finds_first_is_its_own(store: Database, step: timedelta) -> None:
    with store.transaction() as tx:
        leads(tx, "a", NOON)
        now = NOON + SECOND + step
        assert leads_through(tx, "a", now)
        assert not leads_through(tx, "b", now + SECOND)
        assert leads(tx, "b", now + SECOND).node == "a"


def test_who_leads_by_a_step_of_the_clock_begins_anew_what_it_did_before_another_led(store: Database) -> None:
    clock = VirtualClock()
    done: list[str] = []

    def commit(job: Callable[[Tx], T]) -> T:
        with store.transaction() as tx:
            return job(tx)

    one, two = (Leadership(commit, node, clock, shared=True) for node in ("one", "two"))
    steps = [
        led.only(partial(done.append, f"{name} does"), partial(done.append, f"{name} anew"))
        for name, led in (("one", one), ("two", two))
    ]
    for after in (0, 2 * LEASE.seconds):
        clock.move(seconds=after)
        for step in steps[:: -1 if after else 1]:
            step()
    clock.move(hours=1)
    assert commit(one.leads_through)
    for step in steps:
        step()
    assert done == ["one does", "two does", "one anew", "one does"]


def test_a_node_lives_as_long_as_it_writes(store: Database) -> None:
    row = NodeRow(node_id("web1", "1f"), "1.0", "c1", NOON, NOON)
    with store.transaction() as tx:
        node_rows.seen(tx, row)
        [known] = node_rows.known(tx)
        assert (known, host_of(known.node), host_of("web1")) == (row, "web1", "web1")
        assert known.lives(NOON + 14 * SECOND)
        assert not known.lives(NOON + 15 * SECOND)
        later = NodeRow("web2~2e", "1.1", "c1", NOON + timedelta(days=2), NOON + timedelta(days=2))
        node_rows.seen(tx, later)
        assert node_rows.known(tx) == [later]
        node_rows.gone(tx, later.node)
        assert not node_rows.known(tx)


def test_nodes_that_run_the_same_do_not_differ() -> None:
    one = NodeRow("a", "1.0", "c1", NOON, NOON)
    assert differences(one, [NodeRow("b", "1.0", "c1", NOON, NOON)]) == []
    assert differences(one, [NodeRow("b", "1.1", "c2", NOON, NOON)]) == ["b runs 1.1, a 1.0"]
    assert differences(one, [NodeRow("b", "1.0", "c2", NOON, NOON)]) == [
        "b and a run different configurations"
    ]


def test_one_that_is_cut_off_says_no_longer_than_its_lease_that_it_leads(store: Database) -> None:
    def commit(job: Callable[[Tx], T]) -> T:
        with store.transaction() as tx:
            return job(tx)

    clock = VirtualClock()
    lead = Leadership(commit, "a", clock, shared=True)
    assert not lead.known_to_lead()
    assert lead.holds()
    assert lead.known_to_lead()
    clock.move(seconds=LEASE.seconds)
    assert not lead.known_to_lead()
    assert lead.led_last()  # and so it tells the operator first what is wrong

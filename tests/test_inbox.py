"""Deliveries that came together are one step, each with its own answer; a bad one spoils no other."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest
from stores import a_store
from workbench import NOON, a_plan, firing

from sms_notify.alert import Delivery, Status
from sms_notify.daemon.inbox import Inbox
from sms_notify.engine import Engine, Verdict
from sms_notify.errors import StoreError
from sms_notify.store.committer import Committer
from sms_notify.store.tx import Tx

PATIENCE = 40


class Desk:
    """An inbox over a real store; what its steps decide is written down, and `gate` holds the first of them."""

    def __init__(self, folder: Path) -> None:
        self.committer = Committer(a_store(folder / "x.db"))
        self.engine = Engine(a_plan(), "node")
        self.steps: list[int] = []
        self.gate = threading.Event()
        self.inbox = Inbox(self.committer, self.decide)

    def decide(self, tx: Tx, deliveries: Sequence[Delivery]) -> list[list[Verdict]]:
        self.steps.append(len(deliveries))
        if any(delivery.group == "bad" for delivery in deliveries):
            raise ValueError("no such thing")
        return self.engine.accept_all(tx, deliveries, NOON)

    def put(self, delivery: Delivery) -> Future[list[Verdict]]:
        future: Future[list[Verdict]] = Future()
        self.inbox.put(delivery, future)
        return future

    def hold(self) -> None:
        """The committing thread is busy until the gate opens."""
        self.committer.submit(lambda _: self.gate.wait(PATIENCE))

    def rows(self, sql: str) -> list[tuple]:
        return [tuple(dict(row).values()) for row in self.committer(lambda tx: tx.all(sql))]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.committer.start()
    yield made
    made.gate.set()
    made.committer.stop()


def delivery(name: str, group: str = "{}") -> Delivery:
    return Delivery("alertmanager", (firing(name),), group=group)


def test_what_came_while_the_store_was_busy_is_one_step_and_each_gets_its_own_answer(desk: Desk) -> None:
    desk.hold()
    futures = [desk.put(delivery(name)) for name in ("A", "B", "A")]
    desk.gate.set()
    verdicts = [future.result(PATIENCE) for future in futures]

    assert desk.steps == [3]
    assert [(one.alert.labels["alertname"], str(one.heard)) for (one,) in verdicts] == [
        ("A", "first"), ("B", "first"), ("A", "duplicate")
    ]  # fmt: skip
    assert desk.rows("select count(*) from alerts") == [(3,)]


def test_one_that_cannot_be_decided_spoils_no_other(desk: Desk) -> None:
    desk.hold()
    good, bad, other = (desk.put(delivery(*one)) for one in (("A",), ("B", "bad"), ("C",)))
    desk.gate.set()

    assert [good.result(PATIENCE)[0].heard, other.result(PATIENCE)[0].heard] == ["first", "first"]
    with pytest.raises(ValueError, match="no such thing"):
        bad.result(PATIENCE)
    assert desk.steps == [3, 1, 1, 1]
    assert desk.rows("select count(*) from incidents") == [(2,)]


def test_whoever_hangs_up_before_their_turn_is_not_decided(desk: Desk) -> None:
    desk.hold()
    gone, stays = desk.put(delivery("A")), desk.put(delivery("B"))
    assert gone.cancel()
    desk.gate.set()

    assert stays.result(PATIENCE)[0].heard == "first"
    assert desk.rows("select count(*) from alerts") == [(1,)]


def test_a_large_heap_is_several_steps(desk: Desk) -> None:
    many = [
        Delivery("alertmanager", tuple(firing(f"A{n}-{m}") for m in range(90)), group="{}") for n in range(4)
    ]
    desk.hold()
    futures = [desk.put(one) for one in many]
    desk.gate.set()

    assert [len(future.result(PATIENCE)) for future in futures] == [90] * 4
    assert desk.steps == [3, 1]


def test_a_large_delivery_is_several_commits_and_others_have_their_turn_between_them(desk: Desk) -> None:
    large = Delivery("alertmanager", tuple(firing(f"A{n}") for n in range(1200)), group="{}")
    desk.hold()
    whole, small = desk.put(large), desk.put(delivery("B"))
    desk.gate.set()

    small.result(PATIENCE)
    assert not whole.done()
    assert [verdict.heard for verdict in whole.result(PATIENCE)] == ["first"] * 1200
    assert desk.rows("select count(*) from incidents") == [(1201,)]
    assert desk.steps == [1, 2, 1]


def test_of_a_large_delivery_what_fires_is_decided_before_what_ends_and_the_worst_first(desk: Desk) -> None:
    ended = replace(firing("Old", severity="critical"), status=Status.RESOLVED, ends_at=NOON)
    rest = tuple(firing(f"W{n}", severity="warning") for n in range(1100))
    large = Delivery("alertmanager", (ended, *rest, firing("New", severity="critical")), group="{}")
    desk.put(large).result(PATIENCE)

    names = [
        json.loads(labels)["alertname"] for (labels,) in desk.rows("select labels from alerts order by id")
    ]
    assert (names[0], names[-1]) == ("New", "Old")


def test_the_first_text_of_a_large_delivery_counts_what_its_other_parts_tell(desk: Desk) -> None:
    desk.put(Delivery("alertmanager", tuple(firing(f"A{n}") for n in range(1200)), group="{}")).result(
        PATIENCE
    )

    texts = [row[0] for row in desk.rows("select body from messages where recipient = 'alice'")]
    assert len([text for text in texts if "+700 not shown" in text]) == 1


def test_a_large_delivery_of_which_a_part_is_not_stored_has_no_200(desk: Desk) -> None:
    large = Delivery("alertmanager", tuple(firing(f"A{n}") for n in range(1200)), group="{}")
    desk.hold()
    whole = desk.put(large)
    full = (
        "create trigger full before insert on alerts when new.id > 600 begin select raise(abort, 'full'); end"
    )
    desk.committer.submit(lambda tx: tx.run(full))
    stopping = threading.Thread(target=desk.committer.stop)
    desk.gate.set()
    stopping.start()

    with pytest.raises(Exception, match=r"full|stopping"):
        whole.result(PATIENCE)
    stopping.join(PATIENCE)


def test_what_comes_when_the_daemon_is_stopping_is_told_so(desk: Desk) -> None:
    desk.committer.stop()

    with pytest.raises(StoreError, match="stopping"):
        desk.put(delivery("A")).result(PATIENCE)


def test_a_delivery_that_was_to_be_decided_alone_is_answered_when_the_daemon_stops_first(desk: Desk) -> None:
    desk.hold()
    futures = [desk.put(delivery("A")), desk.put(delivery("B", "bad"))]
    stopping = threading.Thread(target=desk.committer.stop)
    stopping.start()
    while not desk.committer.submit(lambda _: None).done():
        """Until it is stopping a job waits behind the gate; from then on it is refused at once."""
    desk.gate.set()
    stopping.join(PATIENCE)

    assert [type(future.exception(PATIENCE)) for future in futures] == [StoreError, StoreError]

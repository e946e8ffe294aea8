"""How many statements a step of the engine takes between BEGIN and COMMIT: on a busy store each is time that all others wait."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from workbench import NOON, VirtualClock, firing, resolved

from sms_notify.alert import Alert, Delivery
from sms_notify.config.load import load
from sms_notify.daemon.wiring import plan_of
from sms_notify.engine import Engine
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Tx

CONFIG = """\
web: {external_url: "https://sms.example.org"}
gateways:
  - {name: main, type: 1601sms, url: "https://gateway.example.org/", username: a, password: b, sender: ACME}
people:
  alice: {number: "+32470000001"}
  bob: {number: "+31612345678"}
  carol: {number: "+32470000003"}
schedules:
  primary:
    timezone: Europe/Brussels
    rotation: {members: [alice, bob], every: 1w, handover: "Mon 09:00", start: 2026-01-05}
route: {receiver: oncall, repeat_interval: 4h}
receivers:
  - name: oncall
    notify: [person:alice, person:bob, person:carol]
    escalate: [{after: 5m, notify: [schedule:primary]}]
"""


class Counted:
    """A connection that counts what is asked of it; an executemany is one statement."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.statements = 0

    def execute(self, *words: object) -> sqlite3.Cursor:
        self.statements += 1
        return self._connection.execute(*words)  # type: ignore[arg-type]

    def executemany(self, *words: object) -> sqlite3.Cursor:
        self.statements += 1
        return self._connection.executemany(*words)  # type: ignore[arg-type]


class Counting:
    """An engine whose steps are counted."""

    def __init__(self, folder: Path) -> None:
        file = folder / "sms-notify.yml"
        file.write_text(CONFIG, "utf-8")
        self.engine = Engine(plan_of(load(file, os.environ)), "node", iter(map(str, range(10**6))).__next__)
        self.store = SqliteStore(f"sqlite://{folder}/test.db")
        self.clock = VirtualClock()

    def step(self, job: Callable[[Tx], object]) -> int:
        with self.store.transaction() as tx:
            counted = Counted(tx._connection)
            job(Tx(counted))  # type: ignore[arg-type]
            return counted.statements

    def accept(self, alerts: Sequence[Alert]) -> int:
        delivery = Delivery("alertmanager", tuple(alerts), group="{}")
        return self.step(lambda tx: self.engine.accept(tx, delivery, self.clock()))

    def tick(self) -> int:
        self.clock.move(seconds=1)
        return self.step(lambda tx: self.engine.tick(tx, self.clock()))


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Counting]:
    made = Counting(tmp_path)
    made.tick()  # a new database: who holds the schedule is written down once
    yield made
    made.store.close()


def of_a_hundred() -> list[Alert]:
    return [firing("NodeDown", instance=f"node{n:03}") for n in range(100)]


# The ceilings are what the steps take now; they come down, and never go up.
NEW, END, HUNDRED, REPEAT, IDLE = 62, 48, 1151, 3, 18


def test_a_new_critical_alert_to_three_people(counting: Counting) -> None:
    assert counting.accept([firing()]) + counting.tick() <= NEW


def test_its_end(counting: Counting) -> None:
    counting.accept([firing()])
    counting.tick()
    counting.clock.move(minutes=2)

    assert counting.accept([resolved(end=NOON + timedelta(minutes=2))]) + counting.tick() <= END


def test_a_hundred_alerts_to_three_people(counting: Counting) -> None:
    assert counting.accept(of_a_hundred()) + counting.tick() <= HUNDRED


def test_a_repeat(counting: Counting) -> None:
    counting.accept([firing()])
    counting.tick()

    assert counting.accept([firing()]) <= REPEAT


def test_a_tick_that_finds_nothing(counting: Counting) -> None:
    counting.accept([firing()])
    counting.tick()

    assert counting.tick() <= IDLE

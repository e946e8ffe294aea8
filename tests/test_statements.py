"""How many statements a step of the engine takes between BEGIN and COMMIT: on a busy store each is time that all others wait."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from stores import a_store
from workbench import NOON, VirtualClock, firing, resolved

from sms_notify.alert import Alert, Delivery
from sms_notify.config.load import load
from sms_notify.daemon.wiring import plan_of
from sms_notify.engine import Engine
from sms_notify.engine.working_set import WorkingSet
from sms_notify.policy.outcomes import Reason
from sms_notify.policy.records import Entry, TimerKind
from sms_notify.policy.vocabulary import AckBy, Cause, State
from sms_notify.store import claims, messages, outbox
from sms_notify.store.tx import Tx

pytestmark = pytest.mark.sqlite

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
        self.store = a_store(folder / "test.db")
        self.clock = VirtualClock()
        self.changes = 0  # of the last step

    def step(self, job: Callable[[Tx], object]) -> int:
        with self.store.transaction() as tx:
            counted, before = Counted(tx._connection), tx._connection.total_changes
            job(Tx(counted))  # type: ignore[arg-type]
            self.changes = tx._connection.total_changes - before
            return counted.statements

    def accept(self, alerts: Sequence[Alert], source: str = "alertmanager") -> int:
        delivery = Delivery(source, tuple(alerts), group="{}" if source == "alertmanager" else "")
        return self.step(lambda tx: self.engine.accept(tx, delivery, self.clock()))

    def tick(self) -> int:
        self.clock.move(seconds=1)
        return self.step(lambda tx: self.engine.tick(tx, self.clock()))

    def send(self) -> None:
        """Everything that waits leaves, and arrives."""
        with self.store.transaction() as tx:
            for _ in range(tx.run("update messages set lease_by = '' where state = 'queued'")):
                now = self.clock()
                message = claims.claim(tx, "main", f"ref{now}", "node", now + timedelta(minutes=1), now)
                assert message is not None
                outbox.mark_sent(tx, message, None, Entry(Reason.OK), "node", now)
                messages.move(tx, message, State.DELIVERED, Entry(Cause.CALLBACK), "node", now)
                self.clock.move(seconds=1)

    def rows(self) -> set[tuple[object, ...]]:
        """Every row of every table."""
        with self.store.reading() as tx:
            names = [row["name"] for row in tx.all("select name from sqlite_master where type = 'table'")]
            return {(name, *row) for name in names for row in tx.all(f"select rowid, * from {name}")}


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Counting]:
    made = Counting(tmp_path)
    made.tick()  # a new database: who holds the schedule is written down once
    yield made
    made.store.close()


def of_a_hundred() -> list[Alert]:
    return [firing("NodeDown", instance=f"node{n:03}") for n in range(100)]


# A statement is time that all others wait, and so a step takes the same few however much it decides.
NEW, END, TAKEN_BACK, REPEAT, TELLING, IDLE = 14, 16, 17, 3, 14, 2


def test_a_new_critical_alert_to_three_people(counting: Counting) -> None:
    assert counting.accept([firing()]) <= NEW
    assert counting.tick() <= IDLE


def test_a_new_critical_alert_that_waits_for_its_group(counting: Counting) -> None:
    assert counting.accept([firing()], "json") <= NEW
    counting.clock.move(seconds=31)

    assert counting.tick() <= TELLING
    assert len(counting.rows()) > 0


def test_its_end_before_its_texts_have_left(counting: Counting) -> None:
    counting.accept([firing()])
    counting.clock.move(minutes=2)

    assert counting.accept([resolved(end=NOON + timedelta(minutes=2))]) <= TAKEN_BACK
    assert counting.tick() <= IDLE


def test_its_end_after_its_texts_have_arrived(counting: Counting) -> None:
    counting.accept([firing()])
    counting.send()
    counting.clock.move(minutes=2)

    assert counting.accept([resolved(end=NOON + timedelta(minutes=2))]) <= END
    assert counting.tick() <= IDLE


def test_the_same_again_after_its_end(counting: Counting) -> None:
    counting.accept([firing()])
    counting.send()
    counting.clock.move(minutes=2)
    counting.accept([resolved(end=NOON + timedelta(minutes=2))])
    counting.send()
    counting.clock.move(minutes=20)

    assert counting.accept([firing(at=NOON + timedelta(minutes=22))]) <= 18


def test_a_hundred_alerts_to_three_people(counting: Counting) -> None:
    assert counting.accept(of_a_hundred()) <= NEW
    assert counting.tick() <= IDLE


def test_a_hundred_deliveries_in_one_step_take_no_more_than_one(counting: Counting) -> None:
    several = [Delivery("alertmanager", (alert,), group="{}") for alert in of_a_hundred()]

    assert counting.step(lambda tx: counting.engine.accept_all(tx, several, NOON)) <= NEW


def test_the_ends_of_a_hundred(counting: Counting) -> None:
    counting.accept(of_a_hundred())
    counting.send()
    counting.clock.move(minutes=2)
    ends = [resolved("NodeDown", instance=f"node{n:03}", end=NOON + timedelta(minutes=2)) for n in range(100)]

    assert counting.accept(ends) <= END


def test_a_repeat(counting: Counting) -> None:
    counting.accept([firing()])
    counting.tick()

    assert counting.accept([firing()]) <= REPEAT


def test_a_tick_that_finds_nothing(counting: Counting) -> None:
    counting.accept([firing()])
    counting.tick()

    assert counting.tick() <= IDLE


def test_the_hundredth_reminder_reads_no_more_than_the_tenth(counting: Counting) -> None:
    """What is open for months with a short `repeat_interval` has thousands of reminders behind it."""
    counting.accept([firing()])
    counting.send()
    read = {}
    for nth in range(1, 101):
        counting.clock.move(hours=4)
        counting.accept([firing()])  # its source goes on
        counting.tick()
        counting.send()
        with counting.store.reading() as tx:
            working = WorkingSet(tx, "node", counting.clock())
            working.load_due_timers(TimerKind.REMIND, counting.clock.now + timedelta(hours=4))
            read[nth] = len(working.rows.of_incident(1))

    told = sum(row[0] == "pages" for row in counting.rows())
    assert told > 250
    assert read[100] == read[10] < 10


def test_a_step_changes_no_more_rows_than_differ(counting: Counting) -> None:
    """New, told, repeated, raised, escalated, reminded, acknowledged, ended: each row is written once, if it differs."""
    ends = NOON + timedelta(hours=9)
    steps: list[tuple[float, Callable[[], object]]] = [
        (0, lambda: counting.accept([firing(severity="warning"), firing("Other")])),
        (1, lambda: counting.accept([firing(severity="warning")])),
        (60, lambda: counting.accept([firing(severity="critical")])),
        (301, counting.tick),
        (14_400, counting.tick),
        (
            14_500,
            lambda: counting.step(lambda tx: counting.engine.acknowledge(tx, [1], "al", AckBy.PAGE, NOON)),
        ),
        (14_600, lambda: counting.accept([resolved(end=ends), resolved("Other", end=ends)])),
        (14_700, counting.tick),
    ]
    changed = []
    for seconds, step in steps:
        counting.send()
        counting.clock.now = max(counting.clock.now, NOON + timedelta(seconds=seconds))
        before = counting.rows()
        step()
        after = counting.rows()
        differ = {row[:2] for row in before ^ after}
        assert counting.changes == len(differ), (seconds, sorted(map(str, before ^ after)))
        changed.append(len(differ))

    assert changed[0] > 10
    assert sum(n > 0 for n in changed) >= 7

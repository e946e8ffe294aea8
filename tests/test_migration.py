"""A database of an earlier version is taken over with everything that waits in it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from paper import Site
from workbench import NOON, a_plan, firing, resolved

from sms_notify.policy.rate_limits import STANDARD
from sms_notify.store.schema import MIGRATIONS
from sms_notify.store.tx import dump, stored

BOB = "+31612345678"


def an_old_database(path: Path, state: str) -> None:
    """As version 2 left it: one open incident, and its text to bob in `state`."""
    alert, at = firing(team="dba"), stored(NOON)
    connection = sqlite3.connect(path)
    for migration in MIGRATIONS[:2]:
        connection.executescript(migration)
    connection.execute("pragma user_version = 2")
    connection.execute(
        "insert into incidents values (1, 'alertmanager', ?, 'open', 'critical', ?, '{}', ?, ?, ?, null, null)",
        (alert.fingerprint, dump(alert.labels), at, at, at),
    )
    connection.execute(
        "insert into messages (id, kind, receiver, recipient, number, severity, gateway, body, parts, state, attempts, ambiguous,"
        " polls, not_before, expires_at, created_at, updated_at, rank) values (1, 'firing', 'dba', 'bob', ?, 'critical', 'main',"
        " 'FIRING HostDown', 1, ?, 0, 0, 0, ?, ?, ?, ?, 0)",
        (BOB, state, at, at + 4 * 3600 * 10**6, at, at),
    )
    connection.execute("insert into pages values (1, ?, 'firing', 1)", (BOB,))
    connection.commit()
    connection.close()


@pytest.mark.parametrize("limits", [STANDARD, replace(STANDARD, per_number=(), per_number_critical=())])
def test_what_waits_in_an_old_database_is_sent_and_its_end_is_told(tmp_path: Path, limits: object) -> None:
    an_old_database(tmp_path / "x.db", "queued")
    here = Site(tmp_path, replace(a_plan(), limits=limits))
    here.bench.commit(lambda tx: here.bench.engine.recover(tx, here.clock()))
    here.run(seconds=2)
    here.bench.accept(firing(team="dba"))
    here.run(minutes=2)
    assert here.texts() == ["FIRING HostDown"]
    here.bench.accept(resolved(team="dba"))
    here.run(minutes=2)
    assert [text[:11] for text in here.texts()[1:]] == ["OK HostDown"]


def test_what_an_old_database_has_told_is_told_to_nobody_twice(tmp_path: Path) -> None:
    an_old_database(tmp_path / "x.db", "delivered")
    here = Site(tmp_path, a_plan())
    here.bench.accept(firing(team="dba"))
    here.run(60, hours=3)
    assert here.texts() == []
    assert here.bench.acknowledge(1) == [1]
    here.clock.move(seconds=timedelta(minutes=1).total_seconds())
    here.bench.accept(resolved(team="dba"))
    here.send()
    assert len(here.texts(BOB)) == 1

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
from sms_notify.policy.vocabulary import Heard
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


BEFORE_TRUTH = next(n for n, migration in enumerate(MIGRATIONS) if "milder_since" in migration)


def before_truth(path: Path) -> None:
    """As the version before incidents had a present severity left it: open ones of two sources, one of them shared, and one that
    was closed because nothing was heard of it.
    """
    connection = sqlite3.connect(path)
    for migration in MIGRATIONS[:BEFORE_TRUTH]:
        connection.executescript(migration)
    connection.execute(f"pragma user_version = {BEFORE_TRUTH}")
    at = stored(NOON)
    for id_, source, state in (
        (1, "alertmanager", "stale"),
        (2, "alertmanager", "open"),
        (3, "nagios", "open"),
        (4, "dedup", "open"),
    ):
        alert = firing(f"A{id_}", team="dba")
        connection.execute(
            "insert into incidents (id, source, fingerprint, state, severity, labels, annotations, starts_at, opened_at,"
            " last_seen_at, closed_at) values (?, ?, ?, ?, 'critical', ?, '{}', ?, ?, ?, ?)",
            (
                id_,
                source,
                alert.fingerprint,
                state,
                dump(alert.labels),
                at,
                at,
                at,
                at if state == "stale" else None,
            ),
        )
    connection.execute(
        "insert into members (incident_id, source, fingerprint, starts_at, opened_at, last_seen_at)"
        " values (4, 'nagios', 'n4', ?, ?, ?)",
        (at, at, at),
    )
    for status in ("firing", "resolved"):
        connection.execute(
            "insert into alerts (received_at, node, source, fingerprint, status, reason, incident_id, group_key)"
            " values (?, 'node', 'alertmanager', 'x', ?, 'stale', 1, '')",
            (at, status),
        )
    connection.commit()
    connection.close()


def test_incidents_and_what_each_source_told_are_carried_over_to_present_severities(tmp_path: Path) -> None:
    before_truth(tmp_path / "x.db")
    here = Site(tmp_path, a_plan())
    here.bench.tick()
    rows = here.bench.rows(
        "select state, severity, level, routed_by, flapping, began, repeats from incidents order by id"
    )
    (member,) = here.bench.rows("select labels, annotations from members")

    assert [row["state"] for row in rows] == ["unheard", "open", "open", "open"]
    assert [row["repeats"] for row in rows] == [1, 1, 0, 0]
    assert {
        (row["severity"], row["level"], row["routed_by"], row["flapping"], row["began"]) for row in rows
    } == {("critical", "", "", 0, "")}
    assert member == {"labels": dump(firing("A4", team="dba").labels), "annotations": "{}"}
    assert [row["reason"] for row in here.bench.rows("select reason from alerts order by id")] == [
        "held_copy",
        "old_end",
    ]


def test_what_was_open_before_goes_on_and_no_text_comes_of_the_upgrade(tmp_path: Path) -> None:
    before_truth(tmp_path / "x.db")
    here = Site(tmp_path, a_plan())
    here.run(30, minutes=30)
    words = [
        verdict.heard for verdict in here.bench.accept(firing("A2", team="dba"), firing("A1", team="dba"))
    ]
    here.run(30, minutes=1)

    assert words == [Heard.DUPLICATE, Heard.FIRST]
    assert [text[:18] for text in here.texts()] == ["FIRING critical A1"]
    here.run(600, hours=25)
    open_ones = here.bench.rows("select id, state from incidents where closed_at is null order by id")
    assert open_ones[:3] == [
        {"id": 2, "state": "unheard"},
        {"id": 3, "state": "open"},
        {"id": 4, "state": "open"},
    ]


BEFORE_BELIEFS = next(n for n, migration in enumerate(MIGRATIONS) if "create table beliefs" in migration)


def before_beliefs(path: Path, closed: bool, *told: tuple[str, str]) -> None:
    """As the version before left it: one episode and, in this order, texts to bob of a kind and in a state. What is `held` has
    no text.
    """
    connection, at = sqlite3.connect(path), stored(NOON)
    for migration in MIGRATIONS[:BEFORE_BELIEFS]:
        connection.executescript(migration)
    connection.execute(f"pragma user_version = {BEFORE_BELIEFS}")
    alert = firing(team="dba")
    connection.execute(
        "insert into incidents (id, source, fingerprint, state, severity, labels, annotations, opened_at, last_seen_at,"
        " closed_at, repeats) values (1, 'alertmanager', ?, ?, 'critical', ?, '{}', ?, ?, ?, 1)",
        (
            alert.fingerprint,
            "resolved" if closed else "open",
            dump(alert.labels),
            at,
            at,
            at if closed else None,
        ),
    )
    for id_, (kind, state) in enumerate(told, 1):
        held = state == "held"
        connection.execute(
            "insert into pages (id, incident_id, number, kind, nth, recipient, receiver, lane, bundle, state, why, held_by,"
            " hidden, created_at, due_at, message_id)"
            " values (?, 1, ?, ?, ?, 'bob', 'dba', 'critical', '', ?, 'quiet_hours', '', 0, ?, ?, ?)",
            (id_, BOB, kind, id_, "held" if held else "told", at, at + 10**12, None if held else id_),
        )
        if not held:
            connection.execute(
                "insert into messages (id, kind, receiver, recipient, number, severity, gateway, body, parts, state, attempts,"
                " ambiguous, polls, not_before, expires_at, created_at, updated_at, rank) values (?, ?, 'dba', 'bob', ?,"
                " 'critical', 'main', 'TEXT', 1, ?, 0, 0, 0, ?, ?, ?, ?, 0)",
                (id_, kind, BOB, state, at, at + 4 * 3600 * 10**6, at, at),
            )
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("closed", "told", "expected"),
    [
        (False, [("firing", "delivered")], "firing"),
        (False, [("firing", "delivered"), ("reminder", "not_delivered")], "firing"),
        (False, [("firing", "not_delivered")], None),
        (False, [("firing", "queued")], None),  # it is written when it has left
        (False, [("firing", "unknown")], "firing"),
        (False, [("firing", "sent"), ("unheard", "sent")], "unheard"),
        (True, [("firing", "sent"), ("resolved", "sent")], "resolved"),
        (True, [("firing", "sent"), ("resolved", "held")], "firing"),  # told in the morning
        (True, [("firing", "sent"), ("resolved", "queued")], "firing"),
        (
            True,
            [("firing", "sent"), ("resolved", "rejected")],
            "resolved",
        ),  # given up before: it counts as said
    ],
)
def test_what_readers_believe_is_filled_once_and_no_text_comes_of_it(
    tmp_path: Path, closed: bool, told: list[tuple[str, str]], expected: str | None
) -> None:
    before_beliefs(tmp_path / "x.db", closed, *told)
    here = Site(tmp_path, a_plan())
    here.bench.commit(lambda tx: here.bench.engine.adopt(tx, here.clock()))
    rows = here.bench.rows("select reader, number, belief, receivers, critical from beliefs")
    here.run(minutes=5)

    believed = {"reader": "bob", "number": BOB, "belief": expected, "receivers": '["dba"]', "critical": 1}
    assert rows == ([] if expected is None else [believed])
    waits = [
        state for _, state in told if state in ("queued", "unknown")
    ]  # and what was lost is said once more
    assert len(here.texts()) == len(waits)


def test_what_an_old_database_has_open_is_told_apart_from_what_reads_alike(tmp_path: Path) -> None:
    an_old_database(tmp_path / "x.db", "delivered")
    here = Site(tmp_path, a_plan())
    here.bench.commit(lambda tx: here.bench.engine.recover(tx, here.clock()))
    here.bench.accept(firing(team="dba", uid="other"))
    here.run(minutes=2)
    assert [text for text in here.texts() if "uid=other" in text]

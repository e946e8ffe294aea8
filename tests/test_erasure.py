"""What is too old is erased: words first, then rows, and nothing that is still needed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from paper import Site
from workbench import NOON, a_plan, firing, resolved

from sms_notify.policy.rate_limits import STANDARD as LIMITS
from sms_notify.policy.retention import Cut, ErasedPart, Keep, cuts
from sms_notify.store import erasure, month_accounts
from sms_notify.store.erasure import Erasure
from sms_notify.store.schema import MIGRATIONS
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.table_bounds import BOUNDS

BOB = "+31612345678"
DAY = timedelta(days=1)
WORDS = "erased (keep.texts)"
TEXTS = Keep(None, 90 * DAY)
ROWS = Keep(400 * DAY, None)


@pytest.fixture
def here(tmp_path: Path) -> Site:
    return Site(tmp_path, replace(a_plan(), limits=replace(LIMITS, per_number=(), per_number_critical=())))


def an_episode(here: Site, **labels: str) -> None:
    """A problem that bob is texted, and its end; every text is reported as delivered."""
    began = here.clock()
    here.bench.accept(firing(team="dba", at=began, **labels))
    here.run(minutes=2)
    here.bench.accept(resolved(team="dba", at=began, end=here.clock(), **labels))
    here.run(minutes=2)
    settle(here)


def settle(here: Site) -> None:
    here.bench.commit(
        lambda tx: tx.run("update messages set state = 'delivered', poll_at = null where state = 'sent'")
    )


def erase(here: Site, keep: Keep) -> dict[tuple[ErasedPart, str], int]:
    found: dict[tuple[ErasedPart, str], int] = {}
    run, due = Erasure(), cuts(keep, here.clock())
    while (step := here.bench.commit(lambda tx: run.step(tx, due))) is not None:
        key = step.part, step.table
        found[key] = found.get(key, 0) + step.rows
    here.bench.commit(lambda tx: erasure.erase_few(tx, due))
    return {key: n for key, n in found.items() if n}


def count(here: Site, table: str) -> int:
    return here.bench.rows(f"select count(*) as n from {table}")[0]["n"]


def everything(here: Site) -> str:
    return "\n".join(
        str(row)
        for table in BOUNDS
        if table != "configured"
        for row in here.bench.rows(f"select * from {table}")
    )


def test_after_keep_texts_no_text_no_number_and_no_label_is_left(here: Site) -> None:
    an_episode(here, instance="web1", host="secret-host")
    here.clock.move(days=91)
    erase(here, TEXTS)
    left = everything(here)
    assert BOB not in left
    assert "secret-host" not in left
    assert "HostDown" not in left
    assert {row["body"] for row in here.bench.rows("select body from messages")} == {WORDS}
    assert {row["recipient"] for row in here.bench.rows("select recipient from messages")} == {"bob"}


def test_what_is_younger_than_keep_texts_keeps_its_words(here: Site) -> None:
    an_episode(here)
    here.clock.move(days=89)
    before = everything(here)
    assert erase(here, TEXTS) == {}
    assert everything(here) == before


GROWING = ("incidents", "alerts", "messages", "pages", "ledger", "attempts", "decisions", "beliefs")


def rows_of(here: Site) -> dict[str, int]:
    return {table: count(here, table) for table in GROWING}


def test_after_keep_ledger_the_rows_are_gone_but_those_of_the_last_incident(here: Site) -> None:
    an_episode(here, instance="one")
    of_one = rows_of(here)
    for name in ("two", "three"):
        an_episode(here, instance=name)
    here.clock.move(days=401)
    erase(here, ROWS)
    assert rows_of(here) == of_one
    last = here.bench.rows("select max(id) as id from incidents")[0]["id"]
    here.bench.accept(firing(team="dba", at=here.clock(), instance="four"))
    assert here.bench.rows("select max(id) as id from incidents")[0]["id"] > last


def test_an_open_incident_keeps_everything_however_old_it_is(here: Site) -> None:
    here.bench.accept(firing(team="dba"))
    here.run(minutes=2)
    settle(here)
    here.clock.move(days=1000)
    before = everything(here)
    assert erase(here, Keep()) == {}
    assert everything(here) == before


def test_what_was_closed_by_hand_and_is_still_heard_of_stays(here: Site) -> None:
    here.bench.accept(firing(team="dba"))
    here.run(minutes=2)
    settle(here)
    here.bench.commit(lambda tx: here.bench.engine.close(tx, [1], "alice", "command", here.clock()))
    here.run(minutes=2)
    settle(here)
    here.clock.move(days=500)
    here.bench.accept(firing(team="dba"))
    assert count(here, "incidents") == 1
    assert erase(here, Keep()) == {}


def test_a_text_stays_as_long_as_the_youngest_incident_that_it_tells(here: Site) -> None:
    one, two = firing(instance="a", team="dba"), firing(instance="b", team="dba")
    here.bench.accept(one, two)
    here.run(minutes=2)
    assert len(here.texts(BOB)) == 1
    here.bench.accept(resolved(instance="a", team="dba"))
    here.run(minutes=2)
    here.bench.accept(firing(instance="c", team="dba"))
    here.run(minutes=2)
    settle(here)
    here.clock.move(days=1000)
    erase(here, Keep())
    assert WORDS not in {
        row["body"] for row in here.bench.rows("select body from messages where kind = 'firing'")
    }
    assert [row["id"] for row in here.bench.rows("select id from incidents order by id")] == [2, 3]


def test_a_text_that_waits_is_never_erased(here: Site) -> None:
    here.bench.accept(firing(team="dba"))
    here.bench.tick()
    here.bench.commit(lambda tx: tx.run("update incidents set closed_at = 1, state = 'resolved'"))
    here.bench.commit(lambda tx: tx.run("update messages set state = 'unknown'"))
    here.clock.move(days=1000)
    before = everything(here)
    assert erase(here, Keep()) == {}
    assert everything(here) == before


def test_whoever_believes_that_an_erased_problem_fires_hears_of_it_when_it_fires_anew(here: Site) -> None:
    an_episode(here)
    here.clock.move(days=401)
    erase(here, Keep())
    texts = len(here.texts(BOB))
    here.bench.accept(firing(team="dba", at=here.clock()))
    here.run(minutes=2)
    assert [text[:24] for text in here.texts(BOB)[texts:]] == ["FIRING critical HostDown"]


def test_what_months_cost_is_the_same_before_and_after_and_at_each_step(here: Site) -> None:
    for name in ("one", "two", "three"):
        an_episode(here, instance=name)
    here.clock.move(days=20)
    an_episode(here, instance="four")
    with here.bench.reading() as tx:
        before = {month: month_accounts.of_month(tx, month) for month in ("2026-11", "2026-12")}
    assert sum(spent.texts for lines in before.values() for spent in lines.values()) == 8
    here.clock.move(days=401)
    run, due = Erasure(), cuts(Keep(), here.clock())
    while here.bench.commit(lambda tx: run.step(tx, due)) is not None:
        with here.bench.reading() as tx:
            assert {month: month_accounts.of_month(tx, month) for month in before} == before
    assert count(here, "month_accounts") > 0


def test_a_text_that_left_twice_is_one_text_and_costs_twice(here: Site) -> None:
    an_episode(here)
    with here.bench.reading() as tx:
        [(line, once)] = month_accounts.of_month(tx, "2026-11").items()
    here.bench.commit(
        lambda tx: tx.run(
            "insert into attempts (message_id, n, gateway, node, reference, started_at, fate, number, lane, parts)"
            " select message_id, 2, gateway, node, 'again', started_at + 1, 'unknown', number, lane, parts"
            " from attempts where id = 1"
        )
    )
    with here.bench.reading() as tx:
        twice = month_accounts.of_month(tx, "2026-11")[line]
    assert (twice.texts, twice.parts, twice.credits) == (once.texts, once.parts, once.credits + 1)


def test_a_run_that_is_cut_short_is_finished_by_the_next(here: Site) -> None:
    for name in ("one", "two", "three"):
        an_episode(here, instance=name)
    here.clock.move(days=401)
    due = cuts(Keep(), here.clock())
    for _ in range(100):
        run = Erasure()
        here.bench.commit(lambda tx, run=run: run.step(tx, due))
    erase(here, Keep())
    assert (count(here, "incidents"), count(here, "messages")) == (1, 2)


def test_a_step_touches_a_bounded_number_of_rows(here: Site) -> None:
    an_episode(here)
    here.bench.commit(
        lambda tx: tx.run(
            "insert into alerts (received_at, node, source, fingerprint, status, reason, incident_id, group_key) with recursive"
            " seq(i) as (select 1 union all select i + 1 from seq where i < 5000) select 1, 'node', 'alertmanager', 'f',"
            " 'firing', 'duplicate', 1, '' from seq"
        )
    )
    an_episode(here, instance="two")
    here.clock.move(days=401)
    run, due = Erasure(), cuts(ROWS, here.clock())
    left = [count(here, "alerts")]
    while here.bench.commit(lambda tx: run.step(tx, due)) is not None:
        left.append(count(here, "alerts"))
    assert max(a - b for a, b in itertools.pairwise(left)) <= 250
    assert left[-1] == 2, "those of the last incident"


def test_counting_says_what_a_run_then_does(here: Site) -> None:
    for name in ("one", "two", "three"):
        an_episode(here, instance=name)
    here.clock.move(days=401)
    with here.bench.reading() as tx:
        expected = erasure.count(tx, cuts(Keep(), here.clock()))
    done = erase(here, Keep())
    assert done.items() <= expected.items()
    assert expected[ErasedPart.TEXTS, "messages"] == 6


def test_the_ids_of_senders_are_forgotten_with_the_last_incident_of_that_name(here: Site) -> None:
    an_episode(here)
    known = here.bench.rows("select source, fingerprint from incidents")[0]
    add = (
        "insert into own_ids (source, alike, name, fingerprint, words, proven, noted_at) values"
        " (:source, :name, :name, :fingerprint, '', 0, 1)"
    )
    here.bench.commit(lambda tx: tx.run(add, name="gone", source="json", fingerprint="of no incident"))
    here.bench.commit(lambda tx: tx.run(add, name="kept", **known))
    here.bench.commit(lambda tx: tx.run(add, name="last", source="json", fingerprint="of no incident"))
    erase(here, ROWS)
    assert [row["name"] for row in here.bench.rows("select name from own_ids order by id")] == [
        "kept",
        "last",
    ]


def test_each_table_says_what_bounds_it(tmp_path: Path) -> None:
    store = SqliteStore(f"sqlite://{tmp_path}/x.db")  # the other has the same tables
    with store.transaction() as tx:
        rows = tx.all("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'")
    assert {row["name"] for row in rows} == set(BOUNDS), "a new table needs a line in store/table_bounds.py"
    assert MIGRATIONS


def test_each_table_that_a_run_is_to_walk_through_is_walked_through() -> None:
    erased = {walk.table for walk in erasure._WALKS if walk.part is ErasedPart.ROWS} | set(erasure._FEW)
    assert erased == {table for table, bound in BOUNDS.items() if bound.name == "RUN"}


def test_cuts_of_nothing_erase_nothing(here: Site) -> None:
    an_episode(here)
    here.clock.move(days=5000)
    none: Sequence[Cut] = ()
    assert here.bench.commit(lambda tx: Erasure().step(tx, none)) is None
    assert here.clock() > NOON

"""From the spool folder into the database: each file once, and a folder that cannot be read is told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from daemons import write_config
from stores import a_store
from workbench import NOON, VirtualClock, a_plan

from sms_notify import hook
from sms_notify.config import load
from sms_notify.daemon.builder import spool_of
from sms_notify.daemon.spool_intake import Intake
from sms_notify.engine import Engine, Verdict
from sms_notify.store.committer import Committer


class Bench:
    """An intake over a real folder and a real database."""

    def __init__(self, folder: Path) -> None:
        self.spool = folder / "spool"
        self.spool.mkdir(mode=0o770)
        self.clock = VirtualClock()
        self.store = a_store(folder / "x.db")
        self.commit = Committer(self.store)
        self.commit.start()
        self.told: list[Verdict] = []
        engine = Engine(a_plan(), "node")
        self.intake = Intake(
            self.spool, self.commit, lambda: engine, lambda _, told: self.told.extend(told), self.clock
        )
        self.intake.prepare()

    def hand_over(self, kind: str, state: str, name: str) -> Path:
        words = [f"--type={kind}".encode(), b"--host=web1", f"--state={state}".encode()]
        record = hook.encode("nagios", int(NOON.timestamp() * 1e9), words, [], b"")
        path = self.spool / name
        path.write_bytes(record)
        return path

    def rows(self, sql: str) -> list[tuple]:
        with self.store.reading() as tx:
            return [tuple(dict(row).values()) for row in tx.all(sql)]

    def troubles(self) -> list[tuple]:
        return self.rows("select id, closed_at is null from troubles order by id")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.commit.stop()


def test_a_file_that_a_crash_left_behind_is_removed_and_not_taken_a_second_time(
    bench: Bench, tmp_path: Path
) -> None:
    problem = bench.hand_over("PROBLEM", "DOWN", "1")
    shutil.copy(problem, tmp_path / "kept")
    bench.intake.sweep()
    bench.hand_over("RECOVERY", "UP", "2")
    bench.intake.sweep()
    bench.clock.move(hours=1)
    shutil.copy(tmp_path / "kept", problem)  # as if the process had ended between its commit and the removal
    bench.intake.sweep()

    assert bench.rows("select state from incidents") == [("resolved",)]
    assert [path.name for path in bench.spool.iterdir()] == ["quarantine"]
    assert len(bench.told) == 2


def test_names_are_forgotten_when_their_files_must_be_gone(bench: Bench) -> None:
    bench.hand_over("PROBLEM", "DOWN", "1")
    bench.intake.sweep()
    bench.clock.move(days=3)
    bench.hand_over("PROBLEM", "DOWN", "2")
    bench.intake.sweep()
    assert bench.rows("select name from handed") == [("2",)]


def test_the_operator_hears_that_the_folder_cannot_be_read_and_the_problem_ends_with_it(bench: Bench) -> None:
    shutil.rmtree(bench.spool)
    for _ in range(20):
        bench.intake.sweep()
    assert bench.troubles() == [("spool/folder//", 1)]
    ((what,),) = bench.rows("select what from troubles")
    assert str(bench.spool) in what

    bench.spool.mkdir(mode=0o770)
    for _ in range(20):
        bench.intake.sweep()
    assert bench.troubles() == [("spool/folder//", 0)]


def test_the_usual_folder_is_taken_only_from_a_daemon_of_the_same_user(tmp_path: Path) -> None:
    config = write_config(tmp_path, "https://gateway.example.org/module/")
    settings = replace(load(config, {}), spool="")
    assert spool_of(settings, tmp_path) == tmp_path
    assert spool_of(settings, tmp_path / "missing") is None
    of_another = Path("/") if os.geteuid() else tmp_path / "other"
    if not os.geteuid():
        of_another.mkdir()
        os.chown(of_another, 65534, 65534)
    assert spool_of(settings, of_another) is None
    assert spool_of(replace(settings, spool=str(of_another)), tmp_path) == of_another


def test_the_demo_has_a_folder_of_its_own() -> None:
    assert "\nspool: ${folder}/" in (Path(hook.__file__).parent / "demo.yml").read_text("utf-8")


def test_a_file_that_is_no_record_is_told_and_the_others_are_taken(bench: Bench) -> None:
    (bench.spool / "0-rubbish").write_bytes(b"rubbish")
    bench.hand_over("PROBLEM", "DOWN", "1")
    bench.intake.sweep()
    assert bench.troubles() == [("#spool/0-rubbish", 1)]
    assert len(bench.told) == 1

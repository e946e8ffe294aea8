"""The disk is full, broken, read-only, locked or gone."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sqlite3
import time
from pathlib import Path

import pytest
from daemons import get, post
from handsets import Way
from scenes import Scene, Stage, Verdict, eventually
from shim import BROKEN_DISK, FULL, READ_ONLY, Call

SECONDS = 20  # of a fault that lasts: long enough for the operator to hear of it


def for_a_while(scene: Scene, seconds: float = SECONDS) -> None:
    """Sources go on telling of new trouble, each until it has its 200; what has none then is given up by its source."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        scene.tries += 1
        scene.tell(("critical", "warning")[scene.tries % 2], within=1)


@pytest.mark.parametrize(
    ("fault", "call", "what"),
    [
        ("13 disk full", Call.PWRITE, FULL),
        ("15 EIO on each sync", Call.SYNC, BROKEN_DISK),
        ("15 EIO on each read", Call.PREAD, BROKEN_DISK),
        ("16 read-only file system", Call.PWRITE, READ_ONLY),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_disk_that_refuses_is_loud_and_loses_nothing(
    stage: Stage, verdict: Verdict, fault: str, call: Call, what: int
) -> None:
    scene = stage()
    scene.start()
    for _ in range(5):
        scene.tell()
    scene.shim.break_(call, what)
    for_a_while(scene)
    if not eventually(scene.all_told, timeout=5):  # what is read may be in memory: then all went well
        assert scene.ready() not in ("OK", "")
        assert eventually(lambda: scene.complaints() != "", timeout=30), "the operator has heard nothing"
    scene.mended()
    assert eventually(lambda: scene.post_once("F9999"), timeout=10)
    found = scene.judge(within=60)
    assert eventually(lambda: scene.ready() == "OK", timeout=30)
    verdict(scene, fault, found)


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_syncs_that_fail_in_a_row(stage: Stage, verdict: Verdict, times: int) -> None:
    """With two, the commit and the checkpoint fail, and what was refused is there when the file is opened again."""
    scene = stage()
    scene.start()
    for place in range(8):
        scene.tries += 1
        scene.shim.break_(Call.SYNC, BROKEN_DISK, skip=place, times=times)
        scene.tell(("critical", "warning")[place % 2])
    scene.mended()
    verdict(scene, f"15 EIO on {times} of the syncs", scene.judge(within=150))


def test_a_disk_that_is_full_when_the_answer_is_written_down(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    scene.phones.way = Way(late=0.4)
    scene.start()
    for _ in range(4):
        scene.tries += 1
        scene.tell()
        assert eventually(lambda: len(scene.phones.requests()) >= scene.tries)
        scene.shim.break_(
            Call.PWRITE, FULL
        )  # the answer is on its way, and nothing can be written for longer than a pause
        time.sleep(SECONDS)
        scene.shim.mend()
    scene.mended()
    found = scene.judge(within=60)
    assert found.doubled == 0
    verdict(scene, "14 disk full when an answer is written down", found)


def test_a_process_without_descriptors(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    daemon = scene.start()
    scene.tell()
    used = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
    scene.limit(resource.RLIMIT_NOFILE, used)
    for_a_while(scene, 10)
    scene.limit(resource.RLIMIT_NOFILE, None)
    scene.mended()
    scene.tell()
    verdict(scene, "17 no descriptors", scene.judge(within=90))


def test_a_process_without_memory(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    daemon = scene.start()
    scene.tell()
    size = (
        int(Path(f"/proc/{daemon.process.pid}/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    )
    scene.limit(resource.RLIMIT_AS, size + 4_000_000)
    large = json.dumps({"version": "4", "alerts": [], "padding": "x" * 9_000_000}).encode()
    for _ in range(10):
        scene.tries += 1
        with contextlib.suppress(OSError):
            post(scene.daemon.url, large, timeout=20)
        scene.tell(within=1)
        if not scene.alive:
            scene.start()
            scene.limit(resource.RLIMIT_AS, size + 4_000_000)
    scene.limit(resource.RLIMIT_AS, None)
    scene.mended()
    scene.tell()
    verdict(scene, "09 no memory", scene.judge(within=150))


def test_a_file_that_may_not_grow(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    scene.start()
    scene.tell()
    scene.limit(resource.RLIMIT_FSIZE, 4096)
    for_a_while(scene)
    assert scene.ready() != "OK"
    scene.limit(resource.RLIMIT_FSIZE, None)
    scene.mended()
    scene.tell()
    verdict(scene, "17 file size limit", scene.judge(within=60))


def test_a_database_that_is_locked(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    scene.start()
    scene.tell()
    other = sqlite3.connect(scene.data / "sms.db", isolation_level=None)
    other.execute("begin exclusive")
    for_a_while(scene)
    started = time.monotonic()
    get(scene.daemon.url, "/metrics")
    assert time.monotonic() - started < 2
    assert scene.ready() != "OK"
    other.execute("rollback")
    other.close()
    scene.mended()
    verdict(scene, "18 database locked by another program", scene.judge(within=60))


def test_a_log_that_cannot_be_written(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    (scene.folder / "log").symlink_to("/dev/full")
    scene.start()
    for _ in range(10):
        scene.tries += 1
        scene.tell()
    scene.mended()
    verdict(scene, "19 log target full", scene.judge())


def test_a_reader_that_never_ends(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    scene.start()
    scene.tell()
    other = sqlite3.connect(scene.data / "sms.db", isolation_level=None)
    other.execute("begin")
    other.execute("select count(*) from alerts").fetchone()
    for_a_while(scene, 10)
    other.close()
    scene.mended()
    scene.tell()
    verdict(scene, "20 long reader, no checkpoint", scene.judge())


@pytest.mark.parametrize("how", ["removed", "renamed", "emptied", "cut short", "another file"])
def test_a_file_that_is_not_there_any_more(stage: Stage, verdict: Verdict, how: str) -> None:
    scene = stage()
    scene.start()
    for _ in range(3):
        scene.tell()
    assert scene.judge().lost == ()
    file = scene.data / "sms.db"
    kept = scene.folder / "kept.db"
    with sqlite3.connect(file) as source, sqlite3.connect(kept) as copy:
        source.backup(copy)
    away_with(scene, how)
    for_a_while(scene)
    assert scene.ready() not in ("OK", "")
    assert scene.complaints() != ""
    if scene.alive:
        scene.daemon.kill()
    for left in scene.data.iterdir():
        left.unlink()
    os.replace(kept, file)
    scene.shim.mend()
    scene.start()
    scene.mended()
    scene.tell()
    verdict(scene, f"06 file {how} while it is served", scene.judge())


def away_with(scene: Scene, how: str) -> None:
    file = scene.data / "sms.db"
    if how == "removed":
        file.unlink()
    elif how == "renamed":
        file.rename(scene.data / "renamed.db")
    elif how == "emptied":
        os.truncate(file, 0)
    elif how == "cut short":
        os.truncate(file, file.stat().st_size // 2)
    else:
        other = scene.folder / "other.db"
        with sqlite3.connect(other) as connection:
            connection.execute("create table x (y)")
        os.replace(other, file)

"""The process dies, at any call that it makes of its machine, and the machine with it."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import time

import pytest
from handsets import Way
from scenes import Scene, Stage, Verdict, eventually
from shim import KILL_AFTER, KILL_BEFORE, Call


def sweep(scene: Scene, call: Call, what: int, step: int = 1) -> None:
    """Dies at the first such call that an alert leads to, then `step` calls later, until an alert leads to no more of them."""
    scene.start()
    place = 0
    while True:
        scene.tries += 1
        scene.shim.break_(call, what, skip=place, times=1)
        severity = ("critical", "warning")[scene.tries % 2]
        name = scene.tell(severity, within=0.5)
        if not eventually(lambda: not scene.alive, timeout=4):
            assert scene.told() >= {name}, "nobody died, and nothing came of it"
            break
        scene.restart_when_dead()
        name or scene.tell(severity, name=f"F{scene.tries:04d}")
        place += step
    scene.mended()


@pytest.mark.parametrize(
    ("fault", "call", "what"),
    [
        ("01 SIGKILL before a sync", Call.SYNC, KILL_BEFORE),
        ("01 SIGKILL after a sync", Call.SYNC, KILL_AFTER),
        ("01 SIGKILL before every fifth write", Call.PWRITE, KILL_BEFORE),
        ("02 SIGKILL before the connection", Call.CONNECT, KILL_BEFORE),
        ("02 SIGKILL before the request", Call.SEND, KILL_BEFORE),
        ("03 SIGKILL after the request", Call.SEND, KILL_AFTER),
        ("03 SIGKILL before the answer is read", Call.RECV, KILL_BEFORE),
        ("04 SIGKILL after the answer is read", Call.RECV, KILL_AFTER),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_death_at_every_call(stage: Stage, verdict: Verdict, fault: str, call: Call, what: int) -> None:
    scene = stage()
    sweep(scene, call, what, 5 if call is Call.PWRITE else 1)
    verdict(scene, fault, scene.judge(within=150))


def test_a_power_cut_after_any_acknowledgement_loses_nothing(stage: Stage, verdict: Verdict) -> None:
    scene = stage(shadow=True)
    scene.start()
    lost = 0
    for _ in range(20):
        scene.tries += 1
        scene.tell()
        cut = scene.folder / f"cut{scene.tries}"
        scene.daemon.process.send_signal(signal.SIGSTOP)  # what was synced at one instant, of all files
        shutil.copytree(scene.folder / "shadow", cut, ignore=shutil.ignore_patterns("*.new"))
        scene.daemon.process.send_signal(signal.SIGCONT)
        with sqlite3.connect(cut / "sms.db") as left:
            known = {
                row[0] for row in left.execute("select json_extract(labels, '$.alertname') from incidents")
            }
            assert left.execute("pragma integrity_check").fetchone() == ("ok",)
        lost += len({one.name for one in scene.promised} - known)
    assert lost == 0
    verdict(scene, "05 power cut at each acknowledgement", scene.judge())


def test_after_a_power_cut_the_daemon_goes_on_from_what_was_synced(stage: Stage, verdict: Verdict) -> None:
    scene = stage(shadow=True)
    scene.start()
    for _ in range(5):
        scene.tries += 1
        scene.tell(severity="warning")
        scene.daemon.kill()
        for file in scene.data.iterdir():
            file.unlink()
        for file in (scene.folder / "shadow").iterdir():
            if file.suffix != ".new":
                shutil.copy(file, scene.data / file.name)
        scene.start()
    scene.mended()
    verdict(scene, "05 power cut and a start from what is left", scene.judge(within=150))


@pytest.mark.parametrize("how", ["late", "hang"])
def test_sigterm_in_the_middle_of_sending(stage: Stage, verdict: Verdict, how: str) -> None:
    scene = stage()
    scene.phones.way = Way(late=1.0) if how == "late" else Way(how="hang")
    scene.start()
    for _ in range(60):
        scene.tell("warning")
    scene.tries += 1
    asked, signalled = len(scene.phones.requests()), time.monotonic()
    assert scene.daemon.stop() == 0
    assert len(scene.phones.requests()) <= asked
    assert time.monotonic() - signalled < 5 + 2  # the request under way has 5 s
    scene.phones.way = Way()
    scene.start()
    scene.mended()
    fault = "07 SIGTERM with 60 alerts queued" if how == "late" else "08 SIGTERM while the gateway hangs"
    verdict(scene, fault, scene.judge(within=150))

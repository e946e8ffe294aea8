"""What sources, hooks and operators do at the wrong moment."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from daemons import TOKEN, payload
from handsets import Way
from scenes import PASSWORD, Scene, Stage, Verdict, command, eventually, memory, swap_password
from verdicts import Promised


def test_an_answer_of_ours_that_is_lost_is_posted_again(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    scene.start()
    for n in range(10):
        scene.tries += 1
        name = f"F{n:04d}"
        body = payload(name)
        with socket.create_connection(("127.0.0.1", int(scene.daemon.url.rpartition(":")[2]))) as source:
            head = f"POST /alertmanager HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
            source.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        scene.tell(name=name)  # the source never read its 200
    scene.mended()
    found = scene.judge()
    assert found.doubled == 0
    verdict(scene, "62 our 200 is lost, the alert comes again", found)


def hook(scene: Scene, name: str) -> None:
    """Nagios' notification command, as often as it takes; a promise once it has ended with 0."""
    line = [
        sys.executable,
        "-m",
        "sms_notify.hook",
        "pipe",
        "--spool",
        str(scene.folder / "spool"),
        "--severity",
        "critical",
    ]
    said = subprocess.run(line, input=f"{name} is bad".encode(), capture_output=True, timeout=60, check=False)
    if said.returncode == 0:
        scene.promised.append(Promised(name, "critical", time.monotonic()))


def test_hooks_while_the_daemon_is_off(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    scene.start()
    assert scene.daemon.stop() == 0
    names = [f"F{n:04d}" for n in range(60)]
    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda name: hook(scene, name), names))
    scene.tries = len(names)
    scene.start()
    scene.mended()
    found = scene.judge(within=60)
    assert found.acknowledged == len(names)
    verdict(scene, "63 sixty hooks while the daemon is off", found)


def test_reloads_under_load_one_of_them_bad(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    daemon = scene.start()
    good, done = scene.config.read_text("utf-8"), threading.Event()

    def reload() -> None:
        for n in range(100):
            scene.config.write_text("route: [" if n == 50 else good, "utf-8")
            daemon.process.send_signal(signal.SIGHUP)
            time.sleep(0.05)
        scene.config.write_text(good, "utf-8")
        done.set()

    threading.Thread(target=reload).start()
    while not done.is_set():
        scene.tries += 1
        scene.tell()
    daemon.process.send_signal(signal.SIGHUP)
    scene.mended()
    found = scene.judge()
    assert scene.alive
    verdict(scene, "76 a hundred reloads, a bad one among them", found)


def test_a_password_that_is_changed(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    scene.config = scene.configure(
        gateways=f"[{{name: main, type: 1601sms, url: '{scene.phones.url}', username: acme, password_file: password,"
        " password_encoding: plain, sender: ACME, timeout: 5s}]",
        operator="[person:bob]",
    )
    scene.phones.password = PASSWORD
    scene.start()
    scene.tell()
    scene.phones.password = "another"
    for n in range(4):
        scene.tries += 1
        scene.tell(("critical", "warning")[n % 2])
    assert eventually(lambda: "104" in scene.daemon.said(), timeout=30)
    swap_password(scene.folder, "another")
    scene.daemon.process.send_signal(signal.SIGHUP)
    scene.mended()
    found = scene.judge(within=60)
    assert "another" not in scene.daemon.said()
    verdict(scene, "77 password changed at the gateway", found)


def test_a_second_daemon_is_refused_and_the_first_goes_on(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    scene.start()
    for _ in range(3):
        scene.tries += 1
        assert command(scene.config, "serve").returncode == 1
        scene.tell()
    scene.mended()
    verdict(scene, "79 a second daemon on the same file", scene.judge())


def test_a_copy_of_yesterday_is_restored(stage: Stage, verdict: Verdict) -> None:
    """What was told after the copy is told again when its source repeats it; nothing that waited in it is lost."""
    scene = stage()
    scene.phones.way = Way(body="ERROR 150", reaches=False)
    scene.start()
    for _ in range(4):
        scene.tries += 1
        scene.tell()
    copy = scene.folder / "copy.db"
    assert command(scene.config, "db", "backup", str(copy)).returncode == 0
    assert scene.daemon.stop() == 0
    for file in scene.data.iterdir():
        file.unlink()
    os.replace(copy, scene.data / "sms.db")
    scene.shim.step_clock(86400)
    scene.phones.way = Way()
    scene.start()
    scene.mended()
    scene.tell()
    verdict(scene, "80 yesterday's copy is restored", scene.judge(within=90, complained="old"))


def test_an_hours_worth_of_alerts_leaves_nothing_open(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    pid = scene.start().process.pid
    process = Path(f"/proc/{pid}")

    def held() -> tuple[int, int]:
        return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))

    def many() -> None:
        for _ in range(1500):
            scene.tries += 1
            scene.tell(("critical", "warning")[scene.tries % 2])

    many()
    before, used = held(), memory(pid)
    many()
    scene.mended()
    found = scene.judge(within=60)
    assert held()[0] <= before[0] + 5
    assert held()[1] <= before[1] + 2
    assert memory(pid) <= used + 30
    verdict(scene, "84 three thousand alerts: descriptors, threads, memory", found)

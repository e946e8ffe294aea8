"""The wall clock is set, or the process stands still."""

from __future__ import annotations

import signal
import time

import pytest
from handsets import Way
from scenes import Stage, Verdict

HOUR, DAY, YEAR = 3600, 86400, 365 * 86400
AT_1970, AT_2040 = -56 * YEAR, 14 * YEAR


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ("21 clock set ahead by an hour", HOUR),
        ("21 clock set ahead by a day", DAY),
        ("21 clock set back by two hours", -2 * HOUR),
        ("21 clock set ahead by a year", YEAR),
        ("21 clock set to 1970", AT_1970),
        ("21 clock set to 2040", AT_2040),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_clock_that_is_set_while_alerts_come_makes_nothing_late(
    stage: Stage, verdict: Verdict, fault: str, seconds: int
) -> None:
    scene = stage()
    scene.start()
    for _ in range(3):
        scene.tell()
    for step in (seconds, 0, seconds):
        scene.shim.step_clock(step)
        scene.mended_at = time.monotonic()
        for _ in range(8):
            scene.tries += 1
            scene.tell(("critical", "warning")[scene.tries % 2])
            time.sleep(0.05)
    found = scene.judge()
    assert found.doubled == 0
    assert scene.recovery() < 5
    verdict(scene, fault, found)


@pytest.mark.parametrize("seconds", [-DAY, DAY])
def test_a_clock_that_is_set_while_the_daemon_is_off(stage: Stage, verdict: Verdict, seconds: int) -> None:
    scene = stage()
    scene.phones.way = Way(body="ERROR 150", reaches=False)
    scene.start()
    for _ in range(5):
        scene.tries += 1
        scene.tell()
    scene.daemon.kill()
    scene.shim.step_clock(seconds)
    scene.phones.way = Way()
    scene.start()
    scene.mended()
    scene.tell()
    verdict(
        scene,
        f"22 clock set {'back' if seconds < 0 else 'ahead'} by a day over a restart",
        scene.judge(within=90),
    )


def test_a_process_that_stands_still_for_a_minute(stage: Stage, verdict: Verdict) -> None:
    scene = stage()
    scene.phones.way = Way(late=0.3)
    daemon = scene.start()
    for _ in range(6):
        scene.tries += 1
        scene.tell()
    daemon.process.send_signal(signal.SIGSTOP)
    time.sleep(60)
    daemon.process.send_signal(signal.SIGCONT)
    scene.mended()
    scene.tell()
    verdict(scene, "25 SIGSTOP for a minute", scene.judge(within=150))

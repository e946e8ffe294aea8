"""Is killed between two statements of accept and send, and recovers. Driven by test_crash.py, a line of JSON a step.

`{"kill": n}` forks a child that accepts one delivery, says so on a pipe (that is the 200), sends what is due, and
is ended by SIGKILL right before the n-th line of our own code that it runs. `{"restart": n, …}` forks one that does
what a restart does: recover, hear the alert again where no 200 was given, and send until nothing is pending.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from workbench import NOON, Bench, VirtualClock, a_plan, firing

import sms_notify
from sms_notify.delivery.reports import apply
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.engine import Engine
from sms_notify.gateways.base import Report
from sms_notify.gateways.sms1601.client import SmsGateway1601
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS, Gateway1601Settings
from sms_notify.policy.account import Account
from sms_notify.policy.directory import Directory, Person
from sms_notify.policy.outcomes import DeliveryStatus
from sms_notify.policy.vocabulary import Cause
from sms_notify.secret import Secret
from sms_notify.store.sqlite import SqliteStore

PACKAGE = Path(sms_notify.__file__).parent
# Where something lasts, or leads to it: every statement of every room of the store passes `tx`, every commit `sqlite`.
# What lies between two of these places changes nothing that a restart could find.
_PLACES = ("engine.py", "sender.py", "settling.py", "store/tx.py", "store/sqlite.py", "gateways")
TRACED = tuple(str(PACKAGE / name) for name in _PLACES)
Say = Callable[[str], object]


def killer(n: int, traced: tuple[str, ...] = TRACED) -> Callable[[FrameType, str, Any], Any]:
    """A trace function that ends this process before the n-th line of ours, of the files that are `traced`."""
    lines = itertools.count(1)

    def within(frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line" and next(lines) == n:
            os.kill(os.getpid(), signal.SIGKILL)
        return within

    def called(frame: FrameType, event: str, arg: Any) -> Any:
        return within if frame.f_code.co_filename.startswith(traced) else None

    return called


class Driver:
    """One database, one pair of phones, for each place of death."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.account = Gateway1601Settings("main", url, "demo", Secret("demo"), "ACME", timeout=10)
        SmsGateway1601(self.account, time.monotonic)  # no child reads the trusted authorities anew
        empty = SqliteStore(f"sqlite://{folder}/empty.db")
        with empty.transaction():
            pass
        empty.close()

    def kill(self, n: int) -> dict[str, object]:
        shutil.copy(self.folder / "empty.db", self.folder / f"{n}.db")
        ended, said = in_child(lambda say: self._live(n, say))
        return {"ended": ended, "acked": "200" in said}

    def restart(self, n: int, acked: bool, evidence: dict[str, str]) -> dict[str, object]:
        in_child(lambda say: self._restart(n, acked, evidence))
        return {}

    def _live(self, n: int, say: Say) -> None:
        bench, sender = self._rooms(n)
        sys.settrace(killer(n))
        bench.accept(firing())
        say("200")
        send_all(sender, bench.clock)
        sys.settrace(None)

    def _restart(self, n: int, acked: bool, evidence: dict[str, str]) -> None:
        bench, sender = self._rooms(n)
        bench.commit(lambda tx: bench.engine.recover(tx, bench.clock()))
        if not acked:
            bench.accept(firing())
        for reference, smsid in evidence.items():
            report = Report(smsid, DeliveryStatus.DELIVERED, None, reference)
            bench.commit(
                lambda tx, told=report: apply(tx, "main", told, Cause.CALLBACK, "node", bench.clock())
            )
        for _ in range(4):
            send_all(sender, bench.clock)
            bench.clock.move(minutes=31)
            bench.tick()

    def _rooms(self, n: int) -> tuple[Bench, Sender]:
        people = {"alice": Person("alice", f"+3247{n:07d}"), "bob": Person("bob", f"+316{n:08d}")}
        plan = replace(a_plan(), directory=Directory(people, {}))
        bench = Bench(SqliteStore(f"sqlite://{self.folder}/{n}.db"), Engine(plan, "node"), VirtualClock(NOON))
        luck = Luck(reference=lambda: os.urandom(16).hex(), dice=lambda: 0.5)
        gateway = SmsGateway1601(self.account, time.monotonic)
        return bench, Sender(
            bench.commit,
            gateway,
            Account("main", "ACME", first_poll=timedelta(minutes=1), limits=TEXT_LIMITS),
            plan.timing,
            "node",
            luck,
        )


def send_all(sender: Sender, clock: VirtualClock) -> None:
    """As a thread of the daemon does it: an answer and the next claim are one commit."""
    message = sender.take(clock)
    while message is not None:
        _, message = sender.submit_and_take(message, clock)


def in_child(work: Callable[[Say], None]) -> tuple[bool, list[str]]:
    """Runs `work` in a fork; whether it ended by itself, and what it said before it ended."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        work(lambda word: os.write(writer, f"{word}\n".encode()))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read().split()
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise SystemExit(f"a child failed after saying {said}")
    return os.WIFEXITED(status), said


def main() -> None:
    driver = Driver(Path(sys.argv[1]), sys.argv[2])
    for line in sys.stdin:
        order = json.loads(line)
        answer = driver.kill(**order["kill"]) if "kill" in order else driver.restart(**order["restart"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

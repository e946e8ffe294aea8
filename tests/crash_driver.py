"""Is killed between two statements of accept and send, and recovers. Driven by test_crash.py, a line of JSON a step.

`{"kill": {"n": n, "store": url}}` forks a child that accepts one delivery, says so on a pipe (that is the 200),
sends what is due, and is ended by SIGKILL right before the n-th line of our own code that it runs.
`{"restart": …}` forks one that does what a restart does: recover, hear the alert again where no 200 was given, and
send until nothing is pending.
"""

from __future__ import annotations

import itertools
import json
import os
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
from sms_notify.store.database import open_store
from sms_notify.store.postgres_address import is_postgres

PACKAGE = Path(sms_notify.__file__).parent
# Where something lasts, or leads to it: every statement of every room of the store passes `tx`, every commit `sqlite`.
# What lies between two of these places changes nothing that a restart could find.
_PLACES = ("engine.py", "sender.py", "settling.py", "store/tx.py", "store/sqlite.py", "gateways")
TRACED = tuple(str(PACKAGE / name) for name in _PLACES)
# Of PostgreSQL a restart finds what its server has: that changes with a statement that reaches it, and with a commit.
_STATEMENTS = {"_execute", "run_all", "_commit"}
_POSTGRES = str(PACKAGE / "store/postgres")
Say = Callable[[str], object]
Trace = Callable[[FrameType, str, Any], Any]


def killer(n: int, traced: tuple[str, ...] = TRACED) -> Trace:
    """A trace function that ends this process before the n-th line of ours, of the files that are `traced`."""
    lines = itertools.count(1)

    def within(frame: FrameType, event: str, arg: Any) -> Any:
        if event == "line" and next(lines) == n:
            os.kill(os.getpid(), signal.SIGKILL)
        return within

    def called(frame: FrameType, event: str, arg: Any) -> Any:
        return within if frame.f_code.co_filename.startswith(traced) else None

    return called


def statement_killer(n: int) -> Trace:
    """Ends this process before the n-th statement or commit that PostgreSQL would get, or after it was answered."""
    places = itertools.count(1)

    def place() -> None:
        if next(places) == n:
            os.kill(os.getpid(), signal.SIGKILL)

    def answered(frame: FrameType, event: str, arg: Any) -> Any:
        if event == "return":
            place()
        return answered

    def called(frame: FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        if code.co_name not in _STATEMENTS or not code.co_filename.startswith(_POSTGRES):
            return None
        place()
        return answered if code.co_name == "_commit" else None

    return called


class Driver:
    """One pair of phones for each place of death, and a database that has its tables already."""

    def __init__(self, url: str) -> None:
        self.account = Gateway1601Settings("main", url, "demo", Secret("demo"), "ACME", timeout=10)
        SmsGateway1601(self.account, time.monotonic)  # no child reads the trusted authorities anew

    def kill(self, n: int, store: str) -> dict[str, object]:
        ended, said = in_child(lambda say: self._live(n, store, say))
        return {"ended": ended, "acked": "200" in said}

    def restart(self, n: int, store: str, acked: bool, evidence: dict[str, str]) -> dict[str, object]:
        in_child(lambda say: self._restart(n, store, acked, evidence))
        return {}

    def _live(self, n: int, store: str, say: Say) -> None:
        bench, sender = self._rooms(n, store)
        sys.settrace(statement_killer(n) if is_postgres(store) else killer(n))
        bench.accept(firing())
        say("200")
        send_all(sender, bench.clock)
        sys.settrace(None)

    def _restart(self, n: int, store: str, acked: bool, evidence: dict[str, str]) -> None:
        bench, sender = self._rooms(n, store)
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

    def _rooms(self, n: int, store: str) -> tuple[Bench, Sender]:
        people = {"alice": Person("alice", f"+3247{n:07d}"), "bob": Person("bob", f"+316{n:08d}")}
        plan = replace(a_plan(), directory=Directory(people, {}))
        bench = Bench(open_store(store), Engine(plan, "node"), VirtualClock(NOON))
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
    driver = Driver(sys.argv[1])
    for line in sys.stdin:
        order = json.loads(line)
        answer = driver.kill(**order["kill"]) if "kill" in order else driver.restart(**order["restart"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

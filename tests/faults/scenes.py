"""What a fault happens to: the daemon as a process, phones that remember, and sources that try again until they get a 200."""

from __future__ import annotations

import itertools
import json
import os
import resource
import signal
import sqlite3
import time
import urllib.error
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from daemons import PASSWORD, Daemon, command, eventually, get, payload, post, write_config
from handsets import Phones
from shim import Shim
from verdicts import Promised, Tally, ledger_in, names_in, pending, tally

ALICE, BOB = "32470000001", "31612345678"  # alice is told of everything, bob of what is wrong with sms-notify
_UNCONFIRMED = 66.0  # seconds: a minute for a report, and what a tick takes
_RETRY = 0.2  # seconds; Alertmanager begins with less


@dataclass
class Scene:
    """`sections` go into the configuration. The daemon starts with `start`."""

    folder: Path
    library: Path
    sections: dict[str, str] = field(default_factory=dict)
    shadow: bool = False

    def __post_init__(self) -> None:
        self.phones = Phones()
        self.data = self.folder / "data"
        self.shim = Shim(
            self.library, self.folder, self.data, self.folder / "shadow" if self.shadow else None
        )
        self.config = self.configure()
        self.promised: list[Promised] = []
        self.tries = 0
        self.mended_at = time.monotonic()
        self._turn = itertools.count(1)
        self.daemons: list[Daemon] = []

    def configure(self, **more: str) -> Path:
        journal = self.folder / "journal"
        second = (
            f"{{name: journal, type: command, command: [/bin/sh, -c, 'cat >> {journal}; echo >> {journal}']}}"
        )
        login = "username: acme, password_file: password, sender: ACME"
        gateway = f"{{name: main, type: 1601sms, url: '{self.phones.url}', {login}, timeout: 5s}}"
        sections = {
            "gateways": f"[{gateway}, {second}]",
            "operator": "[person:bob, gateway:journal]",
            # Long texts, so that each alert is told by its name and not in a number.
            "receivers": "[{name: oncall, notify: [person:alice], max_parts: 3}]",
        }
        return write_config(self.folder, self.phones.url, **(sections | self.sections | more))

    # The daemon.

    def start(self) -> Daemon:
        self.daemons.append(Daemon(self.config, environment=self.shim.environment))
        return self.daemon

    @property
    def daemon(self) -> Daemon:
        return self.daemons[-1]

    @property
    def alive(self) -> bool:
        return self.daemon.process.poll() is None

    def restart_when_dead(self) -> None:
        self.daemon.process.wait(30)
        self.shim.mend()
        self.start()

    def end(self) -> None:
        self.shim.mend()
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.process.send_signal(signal.SIGCONT)
                daemon.kill()
            daemon.store.close()
        self.phones.stop()

    def limit(self, what: int, soft: int | None) -> None:
        """Of the running daemon; None lifts it again."""
        hard = resource.prlimit(self.daemon.process.pid, what)[1]
        resource.prlimit(self.daemon.process.pid, what, (hard if soft is None else soft, hard))

    def ready(self) -> str:
        """What `/-/ready` says; "" where nobody answers."""
        try:
            return get(self.daemon.url, "/-/ready")
        except urllib.error.HTTPError as error:
            with error:
                return error.read().decode()
        except OSError:
            return ""

    # The sources.

    def tell(
        self, severity: str = "critical", *, within: float = 30, status: str = "firing", name: str = ""
    ) -> str:
        """One alert of a name of its own, posted until it has its 200; "" where it got none in time."""
        name = name or f"F{next(self._turn):04d}"
        ends = time.monotonic() + within
        while not self.post_once(name, severity, status):
            if time.monotonic() > ends:
                return ""
            time.sleep(_RETRY)
        return name

    def post_once(
        self, name: str, severity: str = "critical", status: str = "firing", timeout: float = 10
    ) -> bool:
        try:
            answer = post(self.daemon.url, payload(name, severity=severity, status=status), timeout=timeout)
        except OSError:
            return False  # refused, cut off or too late: the source tries again
        if answer == 200 and status == "firing":
            self.promised.append(Promised(name, severity, time.monotonic()))
        return answer == 200

    def mended(self) -> None:
        """From here on nothing is broken: the time of recovery counts from now."""
        self.shim.mend()
        self.mended_at = time.monotonic()

    # The verdict.

    def told(self) -> set[str]:
        return set().union(*(names_in(text.text) for text in self.phones.texts() if text.number == ALICE))

    def all_told(self) -> bool:
        return {one.name for one in self.promised} <= self.told()

    def complaints(self) -> str:
        """All that the operator was told, by text and by the channel that is none."""
        journal = self.folder / "journal"
        notes = journal.read_text("utf-8").splitlines() if journal.exists() else []
        words = [json.dumps(json.loads(note), ensure_ascii=False) for note in notes if note]
        return "\n".join([*words, *(text.text for text in self.phones.texts() if text.number == BOB)])

    def judge(self, within: float = 30, complained: str = "") -> Tally:
        """Waits until everybody has been told everything, or what is left has been complained about.

        A warning whose answer was lost is told once more with the next text to its reader a minute later.
        """

        def met() -> bool:
            return self.all_told() or bool(
                complained and complained in self.complaints() and not self.tally().lost
            )

        if not eventually(met, timeout=min(within, _UNCONFIRMED)) and within > _UNCONFIRMED:
            self.tell("warning")
            eventually(met, timeout=within - _UNCONFIRMED)
        self.settle()
        return self.tally()

    def settle(self) -> None:
        """Waits for what may still be said a second time: a copy that comes after the verdict would be counted by nobody."""
        if not eventually(lambda: not self.pending(), timeout=_UNCONFIRMED):
            self.tell("warning")  # what is owed once more rides with it
            eventually(lambda: not self.pending(), timeout=10)

    def pending(self) -> int:
        """Texts and notifications of which it is not settled yet whether they leave, or left."""
        try:
            return pending(ledger_in(self.data / "sms.db", read_only=True))
        except sqlite3.Error:
            return 0  # a file that cannot be read is another test's matter

    def tally(self) -> Tally:
        ledger = ledger_in(self.data / "sms.db")
        return tally(self.promised, self.phones.texts(), {ALICE}, self.complaints(), ledger)

    def recovery(self) -> float:
        """Seconds from the end of the fault to the last text that brought news to a phone."""
        seen: set[str] = set()
        last = self.mended_at
        names = {one.name for one in self.promised}
        for text in self.phones.texts():
            news = (names_in(text.text) & names) - seen if text.number == ALICE else set()
            seen |= news
            last = max(last, text.at) if news else last
        return last - self.mended_at


Stage = Callable[..., Scene]
Verdict = Callable[..., Tally]


def memory(pid: int, what: str = "VmRSS") -> int:
    """In MB, as the kernel counts it (proc(5)): `VmRSS` now, `VmHWM` at most."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.split(f"{what}:")[1].split()[0]) // 1024


def swap_password(folder: Path, password: str) -> None:
    new = folder / "password.new"
    new.write_text(password + "\n", "utf-8")
    new.chmod(0o600)
    os.replace(new, folder / "password")


__all__ = [
    "ALICE",
    "BOB",
    "PASSWORD",
    "Scene",
    "Stage",
    "Verdict",
    "command",
    "eventually",
    "memory",
    "swap_password",
]

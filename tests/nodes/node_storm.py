"""Several nodes on one PostgreSQL, clients that post to whichever answers, and everything that dies meanwhile.

Who died is started again as an init system does it. What came of it is judged by `verdicts`.
"""

from __future__ import annotations

import http.client
import itertools
import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from cutting_proxy import CuttingProxy
from daemons import Daemon, payload, post, write_config
from handsets import Arrival
from postgres_server import PostgresServer
from simulated_gateway import SimulatedGateway
from verdicts import Promised, Tally, names_in, pending, tally

PEOPLE = 100  # so that each of 20,000 alerts is told by its name: a person hears of one in three seconds
_NUMBERS = {f"p{n:02}": f"324700000{n:02}" for n in range(PEOPLE)}
_CLIENTS = 24
_AGAIN = 0.2  # seconds
_TIMEOUT = 5.0  # seconds for one answer; then the next node is asked
_PATIENCE = 120.0  # seconds in which some node has to take an alert
_UNCONFIRMED = 75.0  # seconds: a lease, a minute for a report, and what a tick takes


@dataclass(frozen=True)
class Shape:
    """`seconds` is how long alerts come. One alert in `twins` comes to two nodes at once, from two Alertmanagers."""

    name: str
    nodes: int
    cutting: bool
    alerts: int
    seconds: float
    kill_every: float
    twins: int = 10
    restarts: int = 2


@dataclass
class Node:
    """It lives in a folder of its own, and has its own way to the database."""

    config: Path
    url: str
    proxy: CuttingProxy | None
    daemon: Daemon | None = None

    def start(self) -> None:
        self.daemon = Daemon(self.config)

    @property
    def alive(self) -> bool:
        return self.daemon is not None and self.daemon.process.poll() is None

    def kill(self) -> None:
        if self.daemon is not None and self.alive:
            self.daemon.kill()


@dataclass
class NodeStorm:
    """`play` it, then `judge`, then `end`."""

    folder: Path
    shape: Shape
    promised: list[Promised] = field(default_factory=list)
    kills: int = 0
    restarts: int = 0

    def __post_init__(self) -> None:
        self.server = PostgresServer(self.folder, "autovacuum=on", "max_connections=120")
        self.database = self.server.url(socket=False)
        self.gateway = SimulatedGateway(self.folder)
        self.nodes = [self._node(n) for n in range(self.shape.nodes)]
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._dice = random.Random(16)
        self.began = time.monotonic()

    def play(self) -> None:
        """Until each alert has its 200."""
        with ThreadPoolExecutor(len(self.nodes)) as starting:
            list(starting.map(Node.start, self.nodes))
        self.began = time.monotonic()
        chaos = [threading.Thread(target=each) for each in (self._kill, self._cut, self._keep)]
        for thread in chaos:
            thread.start()
        with ThreadPoolExecutor(_CLIENTS) as clients:
            posted = [clients.submit(self._deliver, nth) for nth in range(self.shape.alerts)]
            self._stop_database()
            for each in posted:
                each.result()
        self._over.set()
        for thread in chaos:
            thread.join()

    def judge(self) -> Tally:
        """When everything that may still be said was said. What a lost answer owes to somebody rides with the next text."""
        for proxy in self._proxies():
            proxy.unanswered = 0
        self.gateway.be_well()
        self._revive()
        assert self._settled(_UNCONFIRMED, self._only_rides), self.unsettled()
        for number in self._owed():
            self._post_until_taken(f"S99{self._serial():04}{number[-2:]}", "warning")
        assert self._settled(30, lambda: pending(self.ledger) == 0), self.unsettled()
        return tally(
            self.promised, self.gateway.texts(), set(_NUMBERS.values()), self.complaints(), self.ledger
        )

    def row(self, found: Tally) -> dict[str, object]:
        texts = self.gateway.texts()
        told = {name for text in texts for name in names_in(text.text)}
        promised = {one.name for one in self.promised}
        return {
            "storm": self.shape.name,
            "accepted": found.acknowledged,
            "told": len(told & promised),
            "lost": len(found.lost),
            "complained": len(found.late),
            "doubled": found.doubled,
            "unexplained": len(found.unexplained),
            "kills": self.kills,
            "PostgreSQL": self.restarts,
            "cuts": sum(proxy.cuts + proxy.commits_cut for proxy in self._proxies()),
            "seconds": f"{time.monotonic() - self.began:.0f}",
            "slowest critical": f"{self._slowest(texts, ('critical',)):.1f} s",
            "slowest": f"{self._slowest(texts, ('critical', 'warning')):.1f} s",
        }

    def end(self) -> None:
        self._over.set()
        for node in self.nodes:
            node.kill()
        for proxy in self._proxies():
            proxy.stop()
        self.gateway.stop()
        self.server.stop()

    # What the judge reads.

    def ledger(self, sql: str, *values: object) -> Sequence[Sequence[Any]]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            return connection.execute(sql.replace("?", "%s").encode(), values or None).fetchall()

    def complaints(self) -> str:
        """All that the operator was told, one note a line."""
        journal = self.folder / "journal"
        return journal.read_text("utf-8") if journal.exists() else ""

    def unsettled(self) -> str:
        states = self.ledger("select state, count(*) from messages group by state")
        held = self.ledger("select why, count(*) from pages where state = 'held' group by why")
        return f"messages {states}, held {held}"

    def _only_rides(self) -> bool:
        return pending(self.ledger) == len(self._owed_pages())

    def _owed_pages(self) -> Sequence[Sequence[Any]]:
        return self.ledger("select number from pages where state = 'held' and why = 'unconfirmed'")

    def _owed(self) -> set[str]:
        return {number for (number,) in self._owed_pages()}

    def _settled(self, seconds: float, met: Callable[[], bool]) -> bool:
        """Looks once a second: each look is a query over all messages, and the nodes want the processors."""
        ends, pause = time.monotonic() + seconds, threading.Event()
        while not met():
            if time.monotonic() > ends:
                return False
            self._revive()
            pause.wait(1)
        return True

    def _slowest(self, texts: Sequence[Arrival], severities: Sequence[str]) -> float:
        """From the first answer 200 to the first text."""
        first: dict[str, float] = {}
        for text in sorted(texts, key=lambda text: text.at):
            for name in names_in(text.text):
                first.setdefault(name, text.at)
        asked = (one for one in self.promised if one.severity in severities and one.name in first)
        return max((first[one.name] - one.at for one in asked), default=0.0)

    # The clients.

    def _deliver(self, nth: int) -> None:
        """One alert at its time. Alertmanagers that form a cluster may both post it."""
        due = self.began + nth * self.shape.seconds / self.shape.alerts
        threading.Event().wait(max(0.0, due - time.monotonic()))
        name = f"S{nth:05}{nth % PEOPLE:02}"
        severity = "warning" if nth % 5 == 0 else "critical"
        if nth % self.shape.twins == 0:
            twin = threading.Thread(target=self._post_until_taken, args=(name, severity))
            twin.start()
            self._post_until_taken(name, severity)
            twin.join()
        else:
            self._post_until_taken(name, severity)

    def _post_until_taken(self, name: str, severity: str) -> None:
        """As behind a load balancer: who refuses, is dead or does not answer is followed by the next."""
        with self._lock:
            first = self._dice.randrange(len(self.nodes))
        ends = time.monotonic() + _PATIENCE
        for turn in itertools.count(first):
            assert time.monotonic() < ends, f"no node took {name}"
            if self._taken(self.nodes[turn % len(self.nodes)], name, severity):
                break
            if turn % len(self.nodes) == (first - 1) % len(self.nodes):
                threading.Event().wait(_AGAIN)
        with self._lock:
            self.promised.append(Promised(name, severity, time.monotonic()))

    def _taken(self, node: Node, name: str, severity: str) -> bool:
        try:
            return post(node.url, payload(name, severity=severity), timeout=_TIMEOUT) == 200
        except (OSError, http.client.HTTPException):
            return False

    def _serial(self) -> int:
        return len(self.promised)

    # What happens to the nodes.

    def _every(self, seconds: float) -> Iterator[int]:
        """Counts, until the storm is over."""
        turns = itertools.count()
        while not self._over.wait(seconds):
            yield next(turns)

    def _kill(self) -> None:
        """They take turns, so that at least one always lives."""
        for turn in self._every(self.shape.kill_every):
            self.nodes[turn % len(self.nodes)].kill()
            self.kills += 1

    def _keep(self) -> None:
        """A second after its death, as `Restart=always` does."""
        for _ in self._every(1):
            self._revive()

    def _revive(self) -> None:
        for node in self.nodes:
            if not node.alive:
                node.start()

    def _stop_database(self) -> None:
        """Evenly over the storm, each time for two seconds. The thread that starts the server has to outlive it."""
        for nth in range(1, self.shape.restarts + 1):
            due = self.began + nth * self.shape.seconds / (self.shape.restarts + 1)
            threading.Event().wait(max(0.0, due - time.monotonic()))
            self.server.stop(signal.SIGQUIT)
            threading.Event().wait(2)
            self.server.start()
            self.restarts += 1

    def _cut(self) -> None:
        """One node loses all its connections, then another reaches the database no more for a while."""
        if not self.shape.cutting:
            return
        for turn in self._every(self.shape.kill_every / 2):
            proxy = self._proxies()[turn % len(self.nodes)]
            if turn % 4 != 3:
                proxy.cut()
                continue
            proxy.cuts += 1
            proxy.passing.clear()
            self._over.wait(self.shape.kill_every / 2)
            proxy.passing.set()

    # How they are set up.

    def _proxies(self) -> list[CuttingProxy]:
        return [node.proxy for node in self.nodes if node.proxy is not None]

    def _node(self, n: int) -> Node:
        folder = self.folder / f"node{n}"
        folder.mkdir()
        proxy = CuttingProxy(self.server.port, 0.01, n) if self.shape.cutting else None
        database = (
            self.database.replace(f":{self.server.port}/", f":{proxy.port}/") if proxy else self.database
        )
        config = write_config(folder, self.gateway.base, storage=database, **self._sections())
        port = re.search(r"listen: '127\.0\.0\.1:(\d+)'", config.read_text("utf-8"))
        assert port is not None
        return Node(config, f"http://127.0.0.1:{port[1]}", proxy)

    def _sections(self) -> dict[str, str]:
        """The same for all nodes."""
        journal = self.folder / "journal"
        told = (
            f"{{name: journal, type: command, command: [/bin/sh, -c, 'cat >> {journal}; echo >> {journal}']}}"
        )
        login = "username: acme, password_file: password, sender: ACME, timeout: 2s, concurrency: 8"
        gateway = f"{{name: main, type: 1601sms, url: '{self.gateway.base}/module/', {login}, delivery_reports: poll}}"
        routes = ", ".join(
            f"{{receiver: {name}, matchers: ['alertname=~\"S.*{name[1:]}\"']}}" for name in _NUMBERS
        )
        return {
            "gateways": f"[{gateway}, {told}]",
            "operator": "[gateway:journal]",
            "people": "{" + ", ".join(f"{name}: {{number: '+{to}'}}" for name, to in _NUMBERS.items()) + "}",
            "route": f"{{receiver: p00, routes: [{routes}]}}",
            "receivers": "["
            + ", ".join(f"{{name: {name}, notify: [person:{name}], max_parts: 3}}" for name in _NUMBERS)
            + "]",
        }


def shapes() -> tuple[Shape, Shape]:
    """The whole, or the cut of it that takes a minute (`SMS_NOTIFY_STORM_CUT=1`)."""
    cut = bool(os.environ.get("SMS_NOTIFY_STORM_CUT"))
    alerts = int(os.environ.get("SMS_NOTIFY_STORM_ALERTS", "400" if cut else "20000"))
    seconds = float(os.environ.get("SMS_NOTIFY_STORM_SECONDS", "18" if cut else "600"))
    every = 5.0 if cut else 10.0
    return (
        Shape("two nodes", 2, False, alerts, seconds, every),
        Shape("three nodes, cut off", 3, True, alerts, seconds, every),
    )

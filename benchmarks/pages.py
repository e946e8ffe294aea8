"""What a page costs with 100,000 messages in the store and 300 incidents open, beside /-/ready of the same daemon.

The first page is kept for a second, or until something is stored: many screens cost one rendering. So it is asked for twice: as
most screens get it, and made anew after an alert was stored.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

import history
from rounds import Say, Values
from servers import ONE_PERSON, TOKEN, daemon, phones

MESSAGES = 100_000
NAMES, PLACES = 50, 6
"""So many storms of so many incidents: as many rows as the first page can show of 300, so the largest one."""
AT_ONCE = 10  # requests of one kind in a round
_NUMBERS = ("+32470000001", "+32470000002")  # of the past; the first is told today too
_WITHIN = 30.0
_HEADERS = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "gzip"}

READY, ANEW = "/-/ready", "/ anew"
COMPARED = ("/", ANEW, "/incidents", "/incidents/{id}", "/messages", "/messages/{id}")


@dataclass(frozen=True, slots=True)
class Browser:
    """One connection kept alive to a daemon; `paths` are the addresses of what is asked for, by its name."""

    connection: HTTPConnection
    paths: Mapping[str, str]

    def one_round(self, say: Say) -> Values:
        """Milliseconds of each page, by its name, and `NAME:bytes` on the wire, headers included."""
        say("pages")
        values: Values = {}
        for name in self.paths:
            before = self._store if name == ANEW else _nothing
            taken = [self._get(self.paths[name], before) for _ in range(AT_ONCE)]
            values[name] = median(seconds for seconds, _ in taken) * 1000
            values[f"{name}:bytes"] = median(size for _, size in taken)
        return values

    def _get(self, path: str, before: Callable[[], None]) -> tuple[float, int]:
        before()
        began = time.perf_counter()
        self.connection.request("GET", path, headers=_HEADERS)
        answer = self.connection.getresponse()
        content = answer.read()
        taken = time.perf_counter() - began
        assert answer.status == 200, f"{path} answered {answer.status}"
        return taken, len(content) + sum(len(name) + len(value) + 4 for name, value in answer.getheaders())

    def _store(self) -> None:
        _post(self.connection, 0)


@contextmanager
def bench(parent: Path) -> Iterator[Browser]:
    """A daemon with a past, whose storms have been told to the one person of its configuration."""
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="sms-notify-bench-", dir=parent))
        )
        past = history.write(folder, MESSAGES, _NUMBERS, datetime.now(UTC))
        past.close()
        database = past.path.rename(folder / "sms.db")
        gateway = stack.enter_context(phones(folder))
        server = stack.enter_context(daemon(folder, ONE_PERSON, gateway.port))
        connection = HTTPConnection("127.0.0.1", server.port, timeout=_WITHIN)
        stack.callback(connection.close)
        for number in range(NAMES):
            _post(connection, number)
        incident, message = _all_told(database)
        named = {
            ANEW: "/",
            "/incidents/{id}": f"/incidents/{incident}",
            "/messages/{id}": f"/messages/{message}",
        }
        yield Browser(connection, {name: named.get(name, name) for name in (READY, *COMPARED)})


def _post(connection: HTTPConnection, number: int) -> None:
    """One storm, as Alertmanager posts a group; the same number is the same storm again."""
    labels = [
        {"alertname": f"PoolFull{number:02}", "instance": f"db{place}.example.org", "severity": "critical"}
        for place in range(PLACES)
    ]
    texts = {"summary": "The pool of connections is full, and new ones are refused"}
    alerts = [{"status": "firing", "labels": one, "annotations": texts} for one in labels]
    body = {"version": "4", "groupKey": f"pool{number}", "status": "firing", "alerts": alerts}
    headers = {**_HEADERS, "Content-Type": "application/json"}
    connection.request("POST", "/alertmanager", json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, f"answered {answer.status}"


def _all_told(database: Path) -> tuple[int, int]:
    """The newest incident and text, when no text waits any more."""
    ends = time.monotonic() + _WITHIN
    with closing(sqlite3.connect(database)) as connection:
        while connection.execute("select 1 from messages where state in ('queued', 'submitting')").fetchone():
            assert time.monotonic() < ends, "the texts did not leave in time"
            time.sleep(0.1)
        (opened,) = connection.execute("select count(*) from incidents where closed_at is null").fetchone()
        assert opened == NAMES * PLACES, f"{opened} incidents are open"
        ids = connection.execute("select (select max(id) from incidents), (select max(id) from messages)")
        incident, message = ids.fetchone()
        return int(incident), int(message)


def _nothing() -> None:
    """The page is asked for as it is."""


def sizes(measured: list[Values]) -> str:
    """One line: how large each page is on the wire."""
    found = [
        f"{name} {median(values[f'{name}:bytes'] for values in measured if name in values) / 1000:.1f} kB"
        for name in COMPARED
        if name != ANEW
    ]
    return f"{MESSAGES:,} messages, {NAMES * PLACES} open incidents; on the wire: {', '.join(found)}"

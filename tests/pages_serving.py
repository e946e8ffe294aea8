"""The pages over real HTTP: the real front, a real database, and the real engine that fills it and acknowledges."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any

import requests
from stores import url_of
from web_serving import SOON, Recorder, Served
from workbench import NOON, Bench, VirtualClock, a_plan, firing

from sms_notify.engine import Engine
from sms_notify.errors import StoreError
from sms_notify.policy.by_hand import TextAnswer
from sms_notify.policy.directory import Person, Target, TargetKind
from sms_notify.policy.rotations import Layer, Rotation, Schedule, Shift
from sms_notify.policy.routing import Step
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import AckBy, AckEnd
from sms_notify.secret import Secret
from sms_notify.store import oncall_rows
from sms_notify.store.committer import Committer
from sms_notify.store.database import open_store
from sms_notify.store.oncall_rows import AskedOverride
from sms_notify.store.tx import Tx
from sms_notify.web import passwords
from sms_notify.web.http_limits import HttpLimits
from sms_notify.web.ports import People
from sms_notify.web.roles import Role, User
from sms_notify.web.server import WebServer
from sms_notify.web.settings import WebSettings
from sms_notify.web.webhooks import Patience, build

PAGES = ("/", "/incidents", "/incidents/1", "/messages", "/messages/m1", "/oncall", "/configuration")
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HOSTILE = "<script>hit()</script><img src=x onerror=hit()>\"'&{{ 7*7 }}"
GOOD = {"schedule": "primary", "person": "bob", "start": "2026-11-22T13:00", "end": "2026-11-22T20:00"}
USER, PASSWORD = "ops", "correct horse"
HASHED = passwords.hash_password(PASSWORD, b"0123456789abcdef")
LOGIN = (USER, PASSWORD)
OPS = Person(
    USER, "+32470000009"
)  # so that the pages show this user UTC, whatever this machine's own zone is
PRIMARY = Schedule(
    "primary", "Europe/Brussels", (Layer(Rotation(("alice", "bob"), 7, date(2026, 11, 16), 9 * 60)),)
)
# Nobody before tomorrow, and nobody after it: a calendar with one day in it.
HOLED = Schedule(
    "holed",
    "Europe/Brussels",
    calendar=(Shift("bob", datetime(2026, 11, 23, 8, tzinfo=UTC), datetime(2026, 11, 24, 8, tzinfo=UTC)),),
)


@dataclass
class Site:
    """A bench whose database the pages show. `broken` makes every reading of the database fail, `gate` makes it wait."""

    bench: Bench
    committer: Committer
    schedules: Mapping[str, Schedule]
    served: Served
    gateways: tuple[str, ...] = ()
    broken: bool = False
    gate: threading.Event | None = None
    entered: threading.Event = field(default_factory=threading.Event)
    acknowledged: list[tuple[tuple[int, ...], str, AckBy]] = field(default_factory=list)

    def view(self, job: Callable[[Tx], Any], /) -> Any:
        if self.broken:
            raise StoreError("/var/lib/secret-path: disk I/O error")
        if self.gate is not None:
            self.entered.set()
            self.gate.wait(SOON)
        with self.bench.store.reading() as tx:
            return job(tx)

    def version(self) -> object:
        if self.broken:
            raise StoreError("/var/lib/secret-path: disk I/O error")
        return self.bench.store.version()

    async def acknowledge(self, ids: Sequence[int], by: str, how: AckBy) -> list[int]:
        self.acknowledged.append((tuple(ids), by, how))
        engine, now = self.bench.engine, self.bench.clock()
        return await self._commit(lambda tx: engine.acknowledge(tx, ids, by, how, now))

    async def unacknowledge(self, ids: Sequence[int], by: str, how: AckEnd) -> list[int]:
        engine, now = self.bench.engine, self.bench.clock()
        return await self._commit(lambda tx: engine.unacknowledge(tx, ids, by, how, now))

    async def close(self, ids: Sequence[int], by: str) -> list[int]:
        engine, now = self.bench.engine, self.bench.clock()
        return await self._commit(lambda tx: engine.close(tx, ids, by, AckBy.PAGE, now))

    async def change_overrides(self, remove: Sequence[int], make: Sequence[AskedOverride], by: str) -> bool:
        now = self.bench.clock()
        return await self._commit(lambda tx: oncall_rows.change_overrides(tx, remove, make, by, now))

    async def escalate_now(self, incident_id: int, by: str, asked: Collection[str] | None) -> bool:
        engine, now = self.bench.engine, self.bench.clock()
        return await self._commit(lambda tx: engine.escalate_now(tx, incident_id, by, now, asked))

    async def note(self, incident_id: int, by: str, words: str) -> bool:
        engine, now = self.bench.engine, self.bench.clock()
        return await self._commit(lambda tx: engine.note(tx, incident_id, by, words, now))

    async def cancel_text(self, message_id: int, by: str) -> bool | None:
        texts, now = self.bench.engine.texts_by_hand, self.bench.clock()
        return await self._commit(lambda tx: texts.cancel(tx, message_id, by, now))

    def may_send_again(self, tx: Tx, message_id: int) -> TextAnswer:
        return self.bench.engine.texts_by_hand.may_send_again(tx, message_id, self.bench.clock())

    async def send_again(self, message_id: int, by: str) -> TextAnswer:
        texts, now = self.bench.engine.texts_by_hand, self.bench.clock()
        return await self._commit(lambda tx: texts.send_again(tx, message_id, by, now))

    async def write(self, person: Person, words: str, by: str) -> TextAnswer:
        texts, now = self.bench.engine.texts_by_hand, self.bench.clock()
        return await self._commit(lambda tx: texts.write(tx, person, words, by, now))

    async def _commit(self, job: Callable[[Tx], Any]) -> Any:
        return await asyncio.wrap_future(self.committer.submit(job))

    def people(self) -> People:
        known = self.bench.engine.plan.directory
        return People(
            view=self.view,
            acknowledge=self.acknowledge,
            unacknowledge=self.unacknowledge,
            close=self.close,
            change_overrides=self.change_overrides,
            escalate_now=self.escalate_now,
            note=self.note,
            cancel_text=self.cancel_text,
            may_send_again=self.may_send_again,
            send_again=self.send_again,
            write=self.write,
            schedules=lambda: self.schedules,
            now=self.bench.clock,
            directory=replace(known, people={**known.people, USER: OPS}),
            route=self.bench.engine.plan.route,
            receivers=self.bench.engine.plan.receivers,
            gateways=self.gateways,
            plan=lambda: self.bench.engine.plan,
            version=self.version,
        )

    # As people and strangers ask.

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        return requests.request(
            method, self.served.url(path), timeout=SOON, allow_redirects=False, **({"auth": LOGIN} | more)
        )

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, form: Mapping[str, str] | None = None, **more: Any) -> requests.Response:
        """As a browser sends a form of ours, unless the test says otherwise."""
        headers = {
            "Origin": self.served.url(""),
            "Content-Type": "application/x-www-form-urlencoded",
        } | more.pop("headers", {})
        return self.ask("POST", path, data=dict(form or {}), headers=headers, **more)

    def follow(self, method: str, path: str) -> requests.Response:
        """As a phone opens a link: without a user and a password."""
        return self.ask(method, path, auth=None)

    def incident(self, incident_id: int) -> dict[str, Any]:
        return self.bench.rows("select * from incidents where id = :id", id=incident_id)[0]

    def codes(self) -> list[str]:
        rows = self.bench.rows("select ack_code from messages where ack_code is not null order by id")
        return [row["ack_code"] for row in rows]


def escalating() -> Plan:
    """Texts bear a link where somebody else is told next: bob, ten minutes after alice and bob."""
    return a_plan(escalate=(Step(timedelta(minutes=10), (Target(TargetKind.PERSON, "bob"),)),))


def code_maker() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"k{next(numbers):09d}"


@contextmanager
def site(
    folder: Path,
    *,
    plan: Plan | None = None,
    schedules: Sequence[Schedule] = (PRIMARY,),
    settings: WebSettings | None = None,
    recorder: Recorder | None = None,
    patience: Patience | None = None,
    at: datetime = NOON,
    gateways: tuple[str, ...] = ("main",),
) -> Iterator[Site]:
    """The pages of a daemon that has heard nothing yet; one user may look at them unless `settings` say otherwise."""
    url = url_of(folder / "pages.db")
    named = {schedule.name: schedule for schedule in schedules}
    whole = replace(plan or escalating(), schedules=named, ack_url="https://sms.example.org/a/")
    bench = Bench(open_store(url), Engine(whole, "node", code_maker()), VirtualClock(at))
    bench.commit(lambda tx: None)  # makes the tables
    committer = Committer(open_store(url))
    committer.start()
    settings = settings or WebSettings(port=0, users={USER: User(Secret(HASHED), frozenset(Role))})
    recorder = recorder or Recorder()
    running = Site(bench, committer, named, served=None, gateways=gateways)  # type: ignore[arg-type]
    app = build(recorder.hooks(), settings, patience or Patience(accept=SOON, guess=0), running.people())
    server = WebServer(app, settings, HttpLimits())
    running.served = Served(server.start(), recorder, server)
    try:
        yield running
    finally:
        assert server.stop(SOON)
        committer.stop()
        bench.store.close()


def is_down(pages: Site) -> Site:
    """HostDown on web-1 was told to alice and bob."""
    pages.bench.accept(firing("HostDown", instance="web-1"))
    return pages


class Text(HTMLParser):
    """What a person reads of a page, and the elements that it is made of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(html: str) -> str:
    return Text(html).text


def headline(html: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", html, re.DOTALL)
    assert found is not None
    return read(found[1])

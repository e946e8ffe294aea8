"""No step reads a large table as a whole, and its index serves each question about what is due, whatever the statistics say.

Statements are found by running the steps on a store with a large past, so that none is forgotten and none is named that is
no longer there. A plan is asked for as the statement is executed: with its parameters, of which a partial index knows nothing.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from large_store import ROWS, fill
from workbench import NOON, Bench, VirtualClock, firing, resolved

from sms_notify.config.load import load
from sms_notify.daemon.wiring import plan_of
from sms_notify.delivery.reports import apply
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.engine import Engine
from sms_notify.explain import timeline
from sms_notify.explain.waiting import wait_of
from sms_notify.gateways.base import Report
from sms_notify.gateways.registry import refused
from sms_notify.gateways.sms1601.client import SmsGateway1601
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS, Gateway1601Settings
from sms_notify.metrics import AskedAtScrape, Metrics
from sms_notify.policy.account import Account
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason
from sms_notify.policy.rate_limits import STANDARD
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.policy.vocabulary import Cause, State
from sms_notify.secret import Secret
from sms_notify.store import (
    breakers,
    claims,
    ledger_queries,
    oncall_rows,
    outbox,
    page_queries,
    particulars,
    silences,
)
from sms_notify.store.ledger_queries import IncidentFilter, MessageFilter
from sms_notify.store.next_due import Waits, next_asked, next_due
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Tx
from sms_notify.web.status import status_of

CONFIG = """\
web: {external_url: "https://sms.example.org"}
gateways:
  - {name: main, type: 1601sms, url: "https://gateway.example.org/", username: a, password: b, sender: ACME}
  - {name: backup, type: 1601sms, url: "https://backup.example.org/", username: a, password: b, sender: ACME}
people:
  alice: {number: "+32470000001"}
  bob: {number: "+31612345678"}
schedules:
  primary:
    timezone: Europe/Brussels
    rotation: {members: [alice, bob], every: 1w, handover: "Mon 09:00", start: 2026-01-05}
route:
  receiver: oncall
  repeat_interval: 4h
  routes: [{matchers: ['shared="yes"'], dedup_labels: [alertname]}]
receivers:
  - name: oncall
    notify: [person:alice, person:bob]
    escalate: [{after: 5m, notify: [schedule:primary]}]
"""
LARGE = {
    "messages",
    "pages",
    "incidents",
    "attempts",
    "ledger",
    "alerts",
    "decisions",
    "agenda",
    "members",
    "beliefs",
    "own_ids",
}
MOST = 1_000  # rows that equal values may lead to; a hundredth of a table

Plans = dict[str, list[str]]
"""Statements, each with the steps of its plan."""


# Statements that read a whole table, by how they begin. The test fails where one of them is no longer found.
WHOLE = {
    "update agenda set due_at = due_at + :by": "a step of the wall clock changes every row",
}


class Explained:
    """A connection that asks for the plan of whatever it executes."""

    def __init__(self, connection: sqlite3.Connection, plans: Plans) -> None:
        self._connection = connection
        self._plans = plans

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        self._explain(sql, *values)
        return self._connection.execute(sql, *values)  # type: ignore[arg-type]

    def executemany(self, sql: str, rows: Iterable[object]) -> sqlite3.Cursor:
        several = list(rows)
        self._explain(sql, *several[:1])
        return self._connection.executemany(sql, several)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def _explain(self, sql: str, *values: object) -> None:
        if sql not in self._plans:
            rows = self._connection.execute("explain query plan " + sql, *values)  # type: ignore[arg-type]
            self._plans[sql] = [row["detail"] for row in rows]


class ExplainedStore(SqliteStore):
    """A store that knows the plans of each step."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.steps: dict[str, Plans] = {}
        self.step = ""

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        with super().transaction() as tx:
            yield self._explained(tx)

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        with super().reading() as tx:
            yield self._explained(tx)

    def _explained(self, tx: Tx) -> Tx:
        return Tx(Explained(tx._connection, self.steps.setdefault(self.step, {})))  # type: ignore[arg-type]


WAITS = Waits(timedelta(days=1), timedelta(minutes=1), timedelta(hours=1), timedelta(minutes=5))
URGENCY = Urgency(Level.PAGE)
BAD = refused(106)


class Whole:
    """Everything that the daemon and its pages do with a store, one step after the other."""

    def __init__(self, store: ExplainedStore, folder: Path) -> None:
        file = folder / "sms-notify.yml"
        file.write_text(CONFIG, "utf-8")
        self.plan = plan_of(load(file, os.environ))
        codes = map(str, itertools.count())
        self.store, self.clock = store, VirtualClock()
        self.bench = Bench(store, Engine(self.plan, "node", codes.__next__), self.clock)
        names = ("main", "backup")
        account = Account("main", "ACME", "OTHER", names, timedelta(minutes=1), limits=TEXT_LIMITS)
        luck = Luck(lambda: f"ref{next(codes)}", lambda: 1.0)
        settings = Gateway1601Settings("main", "http://127.0.0.1:9/", "demo", Secret("demo"), "ACME")
        gateway = SmsGateway1601(
            settings, lambda: 0.0
        )  # it is asked nothing: how an attempt ended is settled by hand
        self.sender = Sender(self.bench.commit, gateway, account, self.plan.timing, "node", luck)
        self.metrics = Metrics(names, "node", asked=AskedAtScrape(limits=lambda: STANDARD))

    def run(self) -> None:
        for name, step in (
            *((name, self.due(ask)) for name, (ask, _) in DUE.items()),
            ("reading", self.read),
            ("accept", lambda: self.bench.accept(firing("New"), firing("Other", severity="warning"))),
            ("share", lambda: self.bench.accept(firing(shared="yes"), firing(shared="yes", by="another"))),
            ("repeat", lambda: self.bench.accept(firing("New"))),
            ("tick", self.bench.tick),
            ("send", self.send),
            ("acknowledge", lambda: self.bench.acknowledge(ROWS + 1)),
            ("end", lambda: self.bench.accept(resolved("New"), resolved("Other", severity="warning"))),
            ("end of what is shared", lambda: self.bench.accept(resolved(shared="yes"))),
            ("late tick", lambda: (self.clock.move(hours=5), self.bench.tick())),
            ("hand-off", lambda: (self.clock.move(hours=24), self.bench.tick())),
            ("recover", lambda: self.bench.commit(lambda tx: self.bench.engine.recover(tx, self.clock()))),
            ("self-alerts", self.self_alerts),
            ("clock", lambda: self.bench.commit(lambda tx: outbox.shift_clock(tx, timedelta(minutes=1)))),
        ):
            self.store.step = name
            step()

    def due(self, ask: Callable[[Tx], object]) -> Callable[[], object]:
        return lambda: self.bench.commit(ask)

    def read(self) -> None:
        self.metrics.begin(self.store)
        self.metrics.render(self.store, "", self.clock)
        beside = timeline.Beside(str, self.plan.route, self.plan.receivers, ("main",))
        with self.store.reading() as tx:
            status_of(tx, self.plan.schedules, ("main",), (), NOON, self.plan.directory, str)
            assert timeline.of_incident(tx, ROWS, beside)
            assert timeline.of_message(tx, ROWS, beside)
            page_queries.told(tx, [ROWS])
            assert page_queries.linked(tx, f"code{ROWS}")
            assert ledger_queries.messages_by(tx, MessageFilter(incident=ROWS))
            assert ledger_queries.incidents_by(tx, IncidentFilter())
            for message in outbox.waiting_for(tx, "main", 3):
                assert wait_of(tx, message, ("main", "backup"), NOON)
            assert silences.uncovered(tx)
            silences.acknowledged(tx)
            assert silences.still_open(tx)
            silences.wanting(tx, NOON)
            (newest,) = [one.key for one in silences.still_open(tx) if one.id == ROWS]
            assert silences.unheard(tx, {newest: NOON}) == [newest]
            assert silences.alerts(tx, [newest])
            assert silences.held_open(tx, [ROWS]) <= {ROWS}
            silences.open_alerts(tx)
            silences.held_copies(tx, NOON)

    def send(self) -> None:
        """Each way in which an attempt may end, with a report of what was taken."""
        for outcome in (
            Outcome(Fate.SENT, Reason.OK, smsid="new"),
            BAD,
            refused(120),
            Outcome(Fate.UNKNOWN, Reason.TIMEOUT),
            Outcome(Fate.NOT_SENT, Reason.CONNECT),
        ):
            message = self.sender.take(self.clock)
            assert message is not None
            self.sender.settle(message, outcome, self.clock())
            report = Report("new", DeliveryStatus.NOT_DELIVERED, reference=message.reference)
            if outcome.fate is Fate.SENT:
                self.bench.commit(lambda tx, r=report: apply(tx, "main", r, Cause.CALLBACK, "node", NOON))

    def self_alerts(self) -> None:
        """What is told of ourselves, and what the prober asks."""

        def job(tx: Tx) -> None:
            particulars.note(tx, "unread", "bob/#x", URGENCY, "main", "what", "advice", NOON)
            particulars.note(tx, "new", "bob/#x", URGENCY, "main", "what", "advice", NOON)
            particulars.tell_again(tx, ROWS, NOON, NOON)
            breakers.untold(tx, NOON)
            breakers.probe_now(tx, "main", NOON)
            breaker = breakers.take_probe(tx, "main", NOON)
            assert breaker is not None
            breakers.close(tx, breaker, NOON)
            outbox.waiting_for(tx, "main", 1)
            oncall_rows.overrides(tx, NOON)

        self.bench.commit(job)


def claim_the_newest(tx: Tx) -> object:
    """The most urgent, with older texts waiting for its number."""
    tx.run("update messages set rank = 0 where id = :id", id=ROWS - 5)
    return claims.claim(tx, "main", "due", "node", NOON, NOON, sender="ACME")


# What looks for something that is due: how it is asked, and the index that must serve it.
DUE: dict[str, tuple[Callable[[Tx], object], tuple[str, ...]]] = {
    "what may leave": (
        claim_the_newest,
        ("messages_due", "messages_busy", "messages_behind", "pages_message"),
    ),
    "what waits for a gateway": (lambda tx: outbox.waiting_for(tx, "main"), ("messages_due",)),
    "what a gateway takes again": (lambda tx: outbox.end_waits(tx, "main", NOON), ("messages_due",)),
    "what is barred": (outbox.barred, ("messages_due",)),
    "a lease": (lambda tx: outbox.overdue(tx, State.SUBMITTING, NOON), ("messages_leased",)),
    "a wait for evidence": (lambda tx: outbox.overdue(tx, State.UNKNOWN, NOON), ("messages_unknown",)),
    "a life": (lambda tx: outbox.overdue(tx, State.QUEUED, NOON), ("messages_expiring",)),
    "a report of what was sent": (lambda tx: outbox.overdue(tx, State.SENT, NOON), ("messages_sent",)),
    "a report of what is buffered": (
        lambda tx: outbox.overdue(tx, State.BUFFERED, NOON),
        ("messages_buffered",),
    ),
    "a poll": (lambda tx: outbox.due_polls(tx, "main", NOON), ("messages_polled",)),
    "the next moment": (
        lambda tx: next_due(tx, WAITS),
        (
            "pages_due",
            "agenda_due",
            "groups_flush",
            "incidents_quiet",
            "messages_expiring",
            "messages_leased",
            "messages_unknown",
            "messages_sent",
            "messages_buffered",
        ),
    ),
    "the next moment, with a gateway": (
        lambda tx: next_asked(tx, WAITS, NOON),
        ("agenda_due", "messages_polled", "troubles_untold"),
    ),
}
# What a tick looks for, by whatever statement: it may be asked otherwise, and must be asked by these.
TICK = (
    "messages_leased",
    "messages_unknown",
    "messages_expiring",
    "messages_sent",
    "messages_buffered",
    "agenda_due",
    "pages_due",
    "incidents_quiet",
    "groups_flush",
)


@pytest.fixture(scope="module", params=["with statistics", "without"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ExplainedStore]:
    """The first worker that asks makes it for all of them."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / f"large store {request.param}"
    folder.mkdir(exist_ok=True)
    made, plans = ExplainedStore(f"sqlite://{folder}/large.db"), folder / "plans.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not plans.exists():
            explain(made, folder, statistics=request.param == "with statistics")
            plans.write_text(json.dumps(made.steps), "utf-8")
    made.steps = json.loads(plans.read_text("utf-8"))
    yield made
    made.close()


def explain(store: ExplainedStore, folder: Path, *, statistics: bool) -> None:
    """Fills it and takes every step."""
    fill(store, NOON)
    if statistics:
        analyze(store)
    Whole(store, folder).run()
    analyze(store)  # for judging how many rows a search leads to


def analyze(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.run("analyze")
    store.close()  # an open connection would go on with what it knew


def bad_steps(store: SqliteStore, sql: str, plan: Sequence[str]) -> list[str]:
    """The steps that read most of a large table: a scan but of a partial index, an index that is made for the occasion, and a
    search for values that most rows have.
    """
    with store.reading() as tx:
        schema = {row["name"]: row["sql"] or "" for row in tx.all("select name, sql from sqlite_master")}
        rows = {row["idx"]: row["stat"] for row in tx.all("select idx, stat from sqlite_stat1")}
    tables = {step: _table(step, sql, schema) for step in plan}
    large = {step: table for step, table in tables.items() if table in LARGE and not _one_end(sql, table)}
    return [step for step in large if _reads_most(step, schema, rows)]


def _one_end(sql: str, table: str) -> bool:
    """True where the table is read from one end of an index: its newest rows, its first or its last."""
    newest = rf"\bfrom {table} order by id desc limit "
    first = rf"\bselect m(?:in|ax)\(\w+\)(?: as \w+)? from {table}\b"
    return re.search(f"{newest}|{first}", sql) is not None


def _table(step: str, sql: str, schema: dict[str, str]) -> str:
    """The table that a step reads, which it calls as the statement, or a view in it, does."""
    found = re.match(r"(?:SCAN|SEARCH) (\w+)", step)
    views = [
        text
        for name, text in schema.items()
        if text.startswith("CREATE VIEW") and re.search(rf"\b{name}\b", sql)
    ]
    for text in (sql, *views):
        for table, alias in re.findall(r"\b(?:from|join|update|into|,) (\w+)(?: (?:as )?(\w+))?", text):
            if found and found[1] in (table, alias):
                return str(table)
    return ""


def _reads_most(step: str, schema: dict[str, str], rows: dict[str, str]) -> bool:
    index = re.search(r"INDEX (\w+)(?: \(([^)]*)\))?", step)
    if index is None:
        return step.startswith("SCAN") or "AUTOMATIC" in step
    if " where " in schema.get(index[1], ""):
        return False  # it has what waits, and nothing else
    if index[2] is None:
        return step.startswith("SCAN")
    equal = index[2].split(" AND ")
    return all("=" in one for one in equal) and int(rows.get(index[1], "0 0").split()[len(equal)]) > MOST


def test_no_step_reads_most_of_a_large_table(store: ExplainedStore) -> None:
    plans = {sql: plan for step in store.steps.values() for sql, plan in step.items()}
    found = {sql: bad for sql, plan in plans.items() if (bad := bad_steps(store, sql, plan))}
    known = {begins: [sql for sql in found if sql.startswith(begins)] for begins in WHOLE}

    assert len(plans) > 100
    assert {sql: bad for sql, bad in found.items() if not sql.startswith(tuple(known))} == {}
    assert [begins for begins, sqls in known.items() if not sqls] == [], (
        "it is mended: take it out of its table"
    )


@pytest.mark.parametrize("name", DUE)
def test_what_is_due_is_found_by_its_indexes(store: ExplainedStore, name: str) -> None:
    steps = [step for plan in store.steps[name].values() for step in plan]

    for index in DUE[name][1]:
        assert [
            step for step in steps if step.startswith("SEARCH") and re.search(rf"INDEX {index}\b", step)
        ], steps


@pytest.mark.parametrize("name", [name for name in DUE if name != "what is barred"])
def test_what_is_due_is_read_in_order_and_no_further_than_asked_for(store: ExplainedStore, name: str) -> None:
    steps = [step for plan in store.steps[name].values() for step in plan]

    assert [step for step in steps if step == "USE TEMP B-TREE FOR ORDER BY"] == []


@pytest.mark.parametrize("index", TICK)
def test_a_tick_finds_what_is_due_by_indexes(store: ExplainedStore, index: str) -> None:
    steps = [step for plan in store.steps["tick"].values() for step in plan]

    assert [step for step in steps if step.startswith("SEARCH") and re.search(rf"INDEX {index}\b", step)]

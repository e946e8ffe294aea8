"""What the tests share: real rooms put together small, and a clock that only the test moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sms_notify.alert import Alert, Delivery, Status, fingerprint_of
from sms_notify.engine import Engine, Moved
from sms_notify.engine.working_set import WorkingSet
from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.records import Incident
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.ruleset import Plan, Timing
from sms_notify.policy.vocabulary import AckBy, IncidentState
from sms_notify.store.database import Database
from sms_notify.store.tx import Tx

T = TypeVar("T")
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ALICE = Person("alice", "+32470000001", "Europe/Brussels")
BOB = Person("bob", "+31612345678", "Europe/Amsterdam")


@dataclass
class VirtualClock:
    """Time that moves when it is told to."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@dataclass
class Bench:
    """An engine over a real file and a virtual clock."""

    store: Database
    engine: Engine
    clock: VirtualClock = field(default_factory=VirtualClock)

    def commit(self, job: Callable[[Tx], T]) -> T:
        with self.store.transaction() as tx:
            return job(tx)

    def accept(self, *alerts: Alert, hidden: int = 0, group: str = "{}"):
        delivery = Delivery("alertmanager", alerts, group=group, hidden=hidden)
        return self.commit(lambda tx: self.engine.accept(tx, delivery, self.clock()))

    def tick(self) -> list[Moved]:
        return list(self.commit(lambda tx: self.engine.tick(tx, self.clock())).moved)

    def acknowledge(self, *incidents: int, by: str = "alice", how: AckBy = AckBy.COMMAND) -> list[int]:
        return self.commit(lambda tx: self.engine.acknowledge(tx, incidents, by, how, self.clock()))

    def rows(self, sql: str, **values: object) -> list[dict]:
        with self.store.reading() as tx:
            return [dict(row) for row in tx.all(sql, **values)]

    def messages(self, columns: str = "recipient, kind, state, body") -> list[tuple]:
        return [tuple(row.values()) for row in self.rows(f"select {columns} from messages order by id")]

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        with self.store.reading() as tx:
            yield tx


def firing(
    name: str = "HostDown", *, at: datetime | None = NOON, severity: str = "critical", **labels: str
) -> Alert:
    every = {"alertname": name, "severity": severity, **labels}
    return Alert(
        "alertmanager", fingerprint_of(every), Status.FIRING, every, {"summary": f"{name} is bad"}, at
    )


def resolved(
    name: str = "HostDown", *, at: datetime | None = NOON, end: datetime | None = None, **labels: str
) -> Alert:
    every = {"alertname": name, "severity": labels.pop("severity", "critical"), **labels}
    end = end or NOON + timedelta(minutes=5)
    return Alert(
        "alertmanager", fingerprint_of(every), Status.RESOLVED, every, {"summary": f"{name} is bad"}, at, end
    )


def open_episode(tx: Tx, alert: Alert, now: datetime) -> int:
    """An incident that nobody is told of."""
    working = WorkingSet(tx, "node", now)
    working.load_ids()
    state, severity = IncidentState.OPEN, alert.severity
    opened = working.rows.open_incident(
        lambda id_: Incident(
            id_,
            alert.source,
            alert.fingerprint,
            state,
            severity,
            alert.labels,
            alert.annotations,
            alert.starts_at,
            now,
            now,
        )
    )
    working.flush()
    return opened.id


def close_episode(tx: Tx, incident_id: int, now: datetime) -> None:
    working = WorkingSet(tx, "node", now)
    working.load_incidents([incident_id])
    row = working.rows.incidents.rows[incident_id]
    working.rows.incidents.put(
        row.id, replace(row, state=IncidentState.RESOLVED, ended_at=now, closed_at=now)
    )
    working.flush()


def a_plan(timing: Timing | None = None, **receiver: object) -> Plan:
    """Everything goes to alice and bob, `team="dba"` to bob alone, `severity="info"` to nobody."""
    both = (Target(TargetKind.PERSON, "alice"), Target(TargetKind.PERSON, "bob"))
    receivers = {
        "oncall": Receiver("oncall", both, **receiver),  # type: ignore[arg-type]
        "dba": Receiver("dba", (Target(TargetKind.PERSON, "bob"),)),
        "quiet": Receiver("quiet", both, send_resolved=False),
        "nobody": Receiver("nobody"),
    }
    children = (
        Route("nobody", "route.routes[0]", parse_matchers('severity="info"')),
        Route("dba", "route.routes[1]", parse_matchers('team="dba"')),
        Route("quiet", "route.routes[2]", parse_matchers('team="quiet"')),
        Route("dba", "route.routes[3]", parse_matchers('team="all"'), continue_=True),
        Route("oncall", "route.routes[4]", parse_matchers('team="all"')),
    )
    route = Route("oncall", routes=children)
    directory = Directory({"alice": ALICE, "bob": BOB}, {"dba": ("bob",)})
    return Plan(route, receivers, directory, {}, ("main",), timing or Timing())

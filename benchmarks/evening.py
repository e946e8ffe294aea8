"""A storm through the engine and the sender themselves, on a virtual clock that ticks every second as the daemon does.

The gateway is paper: it takes every text at once and writes down what stood on whose phone when.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import TypeVar

from reading import OnPhone
from stormy import Arrival

from sms_notify.alert import Alert
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.engine import Engine
from sms_notify.gateways.base import Batch, Submission
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS
from sms_notify.policy.account import Account
from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.policy.rate_limits import STANDARD, Lane, Limits
from sms_notify.policy.routing import Receiver, Route, route
from sms_notify.policy.ruleset import Plan
from sms_notify.store.in_memory import ScratchStore
from sms_notify.store.tx import Tx

T = TypeVar("T")
PEOPLE = {
    "alice": Person("alice", "+32470000001", "Europe/Brussels"),
    "bob": Person("bob", "+31612345678", "Europe/Amsterdam"),
    "carol": Person("carol", "+32470000003", "Europe/Brussels"),
}
_TICK = timedelta(seconds=1)
_AT_MOST = timedelta(hours=4)  # to tell all of it


def a_plan(group_wait: timedelta, limits: Limits = STANDARD) -> Plan:
    """What is of team dba goes to carol, everything else to alice and bob."""
    targets = {name: Target(TargetKind.PERSON, name) for name in PEOPLE}
    receivers = {
        "oncall": Receiver("oncall", (targets["alice"], targets["bob"])),
        "dba": Receiver("dba", (targets["carol"],)),
    }
    grouping = {"group_by": ("alertname", "cluster"), "group_wait": group_wait}
    dba = Route("dba", "route.routes[0]", parse_matchers('team="dba"'), **grouping)  # type: ignore[arg-type]
    root = Route("oncall", routes=(dba,), **grouping)  # type: ignore[arg-type]
    return Plan(root, receivers, Directory(PEOPLE), {}, ("main",), limits=limits)


def people_of(plan: Plan, alert: Alert) -> tuple[str, ...]:
    """Whom the routes name."""
    receivers = (plan.receivers[name] for name in route(plan.route, alert.labels).receivers)
    targets = [target for receiver in receivers for target in receiver.notify]
    return tuple(person.name for person in plan.directory.resolve(targets))


@dataclass(frozen=True, slots=True)
class Told:
    """What the store says of one text, in the order of `Evening.phones`: its lane and what it tells."""

    lane: Lane
    begun: int
    ended: int
    critical: int


@dataclass
class Evening:
    """One storm from its first alert until all is told. A context manager."""

    plan: Plan
    phones: list[OnPhone] = field(default_factory=list)

    def __post_init__(self) -> None:
        codes, references = itertools.count(1), itertools.count(1)
        self._store = ScratchStore()
        self._engine = Engine(self.plan, "node", lambda: f"code{next(codes)}")
        luck = Luck(lambda: f"{next(references):032x}", lambda: 0.5)
        account = Account(
            "main", sender="ACME", gateways=("main",), directory=self.plan.directory, limits=TEXT_LIMITS
        )
        self._sender = Sender(self.commit, _Paper(self), account, self.plan.timing, "node", luck)

    def __enter__(self) -> Evening:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()

    def commit(self, job: Callable[[Tx], T], /) -> T:
        with self._store.transaction() as tx:
            return job(tx)

    def rows(self, sql: str) -> list[dict[str, object]]:
        with self._store.reading() as tx:
            return [dict(row) for row in tx.all(sql)]

    def run(self, arrivals: Sequence[Arrival]) -> Evening:
        """Raises AssertionError where it takes hours to tell it."""
        self.now = arrivals[0].at.replace(microsecond=0)
        ends = self.now + _AT_MOST
        for arrival in arrivals:
            self._tick_until(arrival.at)
            self.commit(lambda tx, told=arrival: self._engine.accept(tx, told.delivery, told.at))  # type: ignore[misc]
            self._send(arrival.at)
        while self.waiting():
            self._tick_until(self.now + _TICK)
            assert self.now < ends, f"{self.waiting()} pages are still held"
        return self

    def waiting(self) -> int:
        """Pages that are held, and texts that have not left."""
        held = "select count(*) as n from pages where state = 'held'"
        queued = "select count(*) as n from messages where state = 'queued'"
        return sum(int(str(self.rows(sql)[0]["n"])) for sql in (held, queued))

    def told(self) -> list[Told]:
        """Of every text on a phone, in the same order."""
        rows = self.rows(
            "select m.lane, sum(p.kind <> 'resolved') as begun, sum(p.kind = 'resolved') as ended,"
            " sum(p.kind <> 'resolved' and i.severity = 'critical') as critical"
            " from attempts a join messages m on m.id = a.message_id join pages p on p.message_id = m.id"
            " join incidents i on i.id = p.incident_id group by a.id order by a.id"
        )
        return [Told(Lane(r["lane"]), int(r["begun"]), int(r["ended"]), int(r["critical"])) for r in rows]  # type: ignore[call-overload]

    def _tick_until(self, until: datetime) -> None:
        while self.now + _TICK <= until:
            self.now += _TICK
            self.commit(lambda tx: self._engine.tick(tx, self.now))
            self._send(self.now)

    def _send(self, now: datetime) -> None:
        self._sending = now
        while self._sender.send_once(lambda: now):
            pass

    def arrive(self, submission: Submission) -> Outcome:
        """A text has come to a phone."""
        owner = self.plan.directory.owner(submission.number)
        assert owner is not None, submission.number
        self.phones.append(OnPhone(self._sending, owner.name, submission.text))
        return Outcome(Fate.SENT, Reason.OK, smsid=str(len(self.phones)))


@dataclass(frozen=True, slots=True)
class _Paper:
    evening: Evening
    name: str = "main"

    def send(self, submission: Submission) -> Outcome:
        return self.evening.arrive(submission)

    def send_batch(self, batch: Batch) -> Outcome:
        raise AssertionError(f"no group is texted here: {batch}")

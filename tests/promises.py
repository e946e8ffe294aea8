"""A small world for the promises: the real engine, sender, settling, reports and probes over a real file, a gateway of
paper with a weather of its own, and a clock that only the test moves.

What is done to it is data (`World.do`), so that the same story can be told twice.
"""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from workbench import NOON, Bench, VirtualClock

from sms_notify.alert import Alert, Status, fingerprint_of
from sms_notify.delivery.breaker_probe import Prober
from sms_notify.delivery.reports import Reports, apply
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.delivery.settlement import Settling
from sms_notify.engine import Engine, Verdict
from sms_notify.gateways.base import Report, Submission
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS
from sms_notify.policy.account import Account
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import AckBy, Cause
from sms_notify.store import account_rows, breakers, messages, outbox
from sms_notify.store.messages import Message
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Tx, moment, stored
from sms_notify.virtual.ack_codes import ack_codes

T = TypeVar("T")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = 60 * MINUTE, 1440 * MINUTE
OK = Outcome(Fate.SENT, Reason.OK)


@dataclass(frozen=True)
class Key:
    """What a monitoring system watches; `place` is its own, so that a text that has it names this and nothing else."""

    name: str
    place: str
    severity: str
    team: str = ""

    def alert(
        self,
        status: Status,
        starts_at: datetime,
        ends_at: datetime | None = None,
        severity: str = "",
    ) -> Alert:
        """Its name stays the same when its severity rises, as with Nagios and Zabbix."""
        labels = {
            "alertname": self.name,
            "instance": self.place,
            "severity": self.severity,
            "team": self.team,
        }
        every = {name: value for name, value in labels.items() if value}
        name = fingerprint_of(every)
        return Alert(
            "alertmanager",
            name,
            status,
            every | ({"severity": severity} if severity else {}),
            {},
            starts_at,
            ends_at,
        )


@dataclass(frozen=True)
class Told:
    """A page as a message told it when it left."""

    incident: int
    kind: str
    receiver: str


@dataclass
class Left:
    """A request that was made: when by the wall clock and by the uptime, and whether a phone has the text."""

    at: datetime
    up: timedelta
    message: Message
    pages: tuple[Told, ...]
    again: bool
    calm: bool
    smsid: str
    reached: bool


@dataclass(frozen=True)
class Answer:
    """What the gateway will answer to a request, and whether the text reaches the phone all the same."""

    outcome: Outcome
    reached: bool = False


class Weather:
    """The gateway: takes everything at once, but for the answers laid up; `status` is what it would report."""

    name = "main"

    def __init__(self, left: Callable[[Submission, Answer, str], None]) -> None:
        self.answers: list[Answer] = []
        self.status: dict[str, DeliveryStatus] = {}
        self._left = left
        self._ids = itertools.count(1)

    def send(self, submission: Submission) -> Outcome:
        if submission.test:
            return OK
        answer = self.answers.pop(0) if self.answers else Answer(OK, reached=True)
        smsid = str(next(self._ids))
        self._left(submission, answer, smsid)
        return replace(OK, smsid=smsid) if answer.outcome.fate is Fate.SENT else answer.outcome

    def send_batch(self, batch: object) -> Outcome:
        raise AssertionError(f"no group is texted here: {batch}")

    def credits(self) -> int:
        return 10_000

    def report(self, smsid: str) -> Report:
        return Report(smsid, self.status.get(smsid, DeliveryStatus.NONE))


@dataclass
class Heard:
    """An episode that began, became worse or was resumed, as the world saw it."""

    key: Key
    incident: int
    at: datetime
    up: timedelta
    held: bool  # by a group or a window
    round: int
    raised: bool


@dataclass
class World:
    """`fine` ticks every second, as the daemon does; else only those seconds at which something falls due."""

    plan: Plan
    fine: bool = False
    clock: VirtualClock = field(default_factory=VirtualClock)
    ahead: timedelta = timedelta()
    stepped: timedelta = timedelta(-1)
    stalled: bool = False
    left: list[Left] = field(default_factory=list)
    under_way: list[tuple[Message, Outcome]] = field(default_factory=list)
    firing: dict[Key, datetime] = field(default_factory=dict)
    ended: dict[Key, datetime] = field(default_factory=dict)
    worse: set[Key] = field(default_factory=set)  # of what fires: what has become critical
    begun: list[Heard] = field(default_factory=list)
    accepted: int = 0
    keys: dict[str, Key] = field(default_factory=dict)  # by fingerprint
    troubles: list[timedelta] = field(
        default_factory=lambda: [timedelta(-1)]
    )  # moments at which something was wrong
    after_tick: Callable[[World], None] = lambda _: None
    _news: bool = True  # something was done that the next tick may meet

    def __post_init__(self) -> None:
        memory = Path("/dev/shm")
        self._folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        self.store = SqliteStore(f"sqlite://{self._folder.name}/x.db")
        self.gateway = Weather(self._leaves)
        self._code, self._references = ack_codes(), itertools.count(1)
        self._start()
        self._view = sqlite3.connect(self.store.path, isolation_level=None)
        self._view.row_factory = sqlite3.Row

    def close(self) -> None:
        self._view.close()
        self.store.close()
        self._folder.cleanup()

    def _start(self) -> None:
        engine = Engine(self.plan, "node", self._code)
        self.bench = Bench(self.store, engine, self.clock)
        self.bench.commit(lambda tx: breakers.probe_now(tx, "main", self.clock()))
        self.bench.commit(lambda tx: engine.recover(tx, self.clock()))
        luck = Luck(lambda: f"ref{next(self._references)}", lambda: 0.5)
        account = Account("main", "ACME", "", ("main",), 10 * SECOND, self.plan.directory, limits=TEXT_LIMITS)
        commit, gateway, clock = self.bench.commit, self.gateway, self.clock
        self._sender = Sender(commit, gateway, account, self.plan.timing, "node", luck)
        self._settling = Settling(account, "node", luck.dice)
        self._prober = Prober(commit, gateway, account, clock, luck, tuple(sorted(self.plan.numbers())))
        self._reports = Reports(commit, gateway, "node", clock)

    # Looking.

    def rows(self, sql: str, **values: object) -> list[sqlite3.Row]:
        return self._view.execute(sql, values).fetchall()

    def count(self, sql: str, **values: object) -> int:
        return int(self.rows(f"select count(*) as n from {sql}", **values)[0]["n"])

    @property
    def up(self) -> timedelta:
        """The time that has passed, whatever the wall clock was set to."""
        return self.clock.now - NOON - self.ahead

    @property
    def trouble(self) -> bool:
        """Whether the gateway, or what stands before it, keeps a text from leaving."""
        waits = self.count("messages where state in ('queued', 'submitting', 'unknown')")
        return bool(
            self.stalled
            or self.under_way
            or self.gateway.answers
            or waits
            or self.count("breakers where opened_at is not null")
        )

    def _look(self, wrong: bool = False) -> None:
        if wrong or self.trouble:
            self.troubles.append(self.up)

    # Doing.

    def do(self, what: str, **how: object) -> None:
        """One step of a story."""
        getattr(self, what)(**how)
        self._news = True
        self._look(what in ("stall", "resume", "restart", "step_clock"))

    def fire(self, keys: Sequence[Key], group: str, hidden: int = 0, send: bool = True) -> None:
        now = self.clock()
        for key in keys:
            self.firing.setdefault(key, now)
        alerts = [key.alert(Status.FIRING, self.firing[key], severity=self._severity(key)) for key in keys]
        self._accept(alerts, keys, group, hidden, send)

    def _severity(self, key: Key) -> str:
        return "critical" if key in self.worse else ""

    def worsen(self, nth: int, group: str, send: bool = True) -> None:
        """A warning that fires becomes critical."""
        mild = [key for key in self.firing if key.severity != "critical" and key not in self.worse]
        if mild:
            self.worse.add(mild[nth % len(mild)])
            self.fire([mild[nth % len(mild)]], group, send=send)

    def fire_old(self, key: Key) -> None:
        """The second copy of a pair of Alertmanagers: it began before the end that was heard."""
        if key not in self.firing and key in self.ended:
            self.firing[key] = self.ended[key]  # it goes on where no end follows within a minute
            self._accept([key.alert(Status.FIRING, self.ended[key])], [key], "", 0, True)

    def fire_again(self, nth: int, group: str) -> None:
        """What has ended is back."""
        gone = [key for key in self.ended if key not in self.firing]
        if gone:
            self.fire([gone[nth % len(gone)]], group)

    def end(self, nths: Sequence[int], group: str, send: bool = True) -> None:
        """Some of what fires has ended."""
        here = list(self.firing)
        if here:
            self.resolve(list(dict.fromkeys(here[nth % len(here)] for nth in nths)), group, send)

    def resolve(self, keys: Sequence[Key], group: str, send: bool = True) -> None:
        now = self.clock()
        began = {key: self.firing.pop(key, now - MINUTE) for key in keys}  # also of what we never heard
        alerts = [key.alert(Status.RESOLVED, began[key], now, self._severity(key)) for key in keys]
        self.worse.difference_update(keys)
        self.ended |= began
        self._accept(alerts, keys, group, 0, send)

    def _accept(
        self, alerts: Sequence[Alert], keys: Sequence[Key], group: str, hidden: int, send: bool
    ) -> None:
        self.keys |= {alert.fingerprint: key for alert, key in zip(alerts, keys, strict=True)}
        verdicts: list[Verdict] = self.bench.accept(*alerts, group=group, hidden=hidden)
        self.accepted += len(alerts)
        raised = {verdict.incident_id for verdict in verdicts if verdict.heard == "raised"}
        self._note_beginnings(raised)
        if send:
            self.drain()

    def _note_beginnings(self, raised: Collection[int | None] = ()) -> None:
        """Of what an alert has opened, raised or resumed, or time: a copy that goes on, a bout that is calm."""
        known = {heard.incident: heard.round for heard in self.begun}
        last = max(known, default=0)
        for row in self.rows("select * from incidents where id > :last or raised > 0", last=last):
            if known.get(row["id"], -1) < row["raised"]:
                key = replace(self.keys[row["fingerprint"]], severity=row["severity"])
                held = self.count(
                    "pages where incident_id = :id and state = 'held' and why <> 'limit' and why <> 'behind'",
                    id=row["id"],
                )
                self.begun.append(
                    Heard(key, row["id"], self.clock(), self.up, held > 0, row["raised"], row["id"] in raised)
                )

    def acknowledge(self, nth: int) -> None:
        open_now = self.rows(
            "select id from incidents where closed_at is null and acked_at is null order by id"
        )
        if not open_now:
            return
        self.bench.acknowledge(open_now[nth % len(open_now)]["id"], how=AckBy.LINK)

    def weather(self, answers: Sequence[Answer]) -> None:
        self.gateway.answers.extend(answers)

    def stall(self) -> None:
        self.stalled = True

    def resume(self) -> None:
        self.stalled = False
        self.drain()

    def balance(self, credits_left: int) -> None:
        self.bench.commit(lambda tx: account_rows.set_balance(tx, "main", credits_left, self.clock()))

    def begin(self) -> None:
        """A request whose answer takes its time: `answer` brings it, a restart loses it."""
        message = self._sender.take(self.clock)
        if message is not None:
            long = message.parts > 1
            asked = Submission(message.number, message.body, message.reference, long, sender=message.sender)
            self.under_way.append((message, self.gateway.send(asked)))

    def answer(self, nth: int) -> None:
        if self.under_way:
            message, outcome = self.under_way.pop(nth % len(self.under_way))
            self.bench.commit(lambda tx: self._settling.settle(tx, message, outcome, self.clock()))
            self.drain()

    def restart(self, crash_before_request: bool) -> None:
        if crash_before_request:
            self._sender.take(self.clock)
        self.under_way.clear()
        self.store.close()
        self._start()

    def report(self, nth: int, status: DeliveryStatus, confirm: bool) -> None:
        """A call-back about a text that reached a phone, also where its answer was lost, also out of order."""
        phones = [left for left in self.left if left.reached]
        if not phones:
            return
        left = phones[nth % len(phones)]
        self.gateway.status[left.smsid] = status
        report = Report(left.smsid, status, None, left.message.reference)
        self.bench.commit(
            lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", self.clock(), confirm=confirm)
        )

    def step_clock(self, seconds: int) -> None:
        """The wall clock is set; the daemon notices at its next tick."""
        step = seconds * SECOND
        self.clock.now += step
        self.ahead += step
        self.stepped = self.up
        self.bench.commit(lambda tx: outbox.shift_clock(tx, step))
        self.tick()

    # Time.

    def wait(self, seconds: float) -> None:
        end = self.up + seconds * SECOND
        while (at := self._next_tick()) is not None and at <= end:
            self.clock.now += at - self.up
            self.tick()
        self.clock.now += end - self.up

    def tick(self) -> None:
        before = self.count("messages")
        self.bench.tick()
        self._note_beginnings()
        self._news = self.count("messages") > before  # a text for a barred number fails with the next tick
        self.after_tick(self)
        while self._prober.probe_once() is not None:
            pass
        self._reports.poll_once()
        self.drain()
        self._look()

    def drain(self) -> None:
        """As a thread of the pool: the next text is claimed in the commit that settles the last."""
        message = None if self.stalled else self._sender.take(self.clock)
        while message is not None:
            _, message = self._sender.submit_and_take(message, self.clock)

    def _next_tick(self) -> timedelta | None:
        """The uptime of the next whole second at which a tick has anything to do."""
        following = (self.up // SECOND + 1) * SECOND
        if self.fine or self._news:
            return following
        due = self.rows(_NEXT_DUE, now=stored(self.clock()), report=self.plan.timing.report_timeout // _MICRO,
                        stale=self.plan.timing.stale_after // _MICRO)[0]["at"]  # fmt: skip
        if due is None:
            return None
        ahead = moment(due) - NOON - self.ahead
        return max(following, -(-ahead // SECOND) * SECOND)

    # What leaves.

    def _leaves(self, submission: Submission, answer: Answer, smsid: str) -> None:
        self._news = True
        row = self.rows("select message_id, n from attempts where reference = :r", r=submission.reference)[0]
        before = (
            "attempts where message_id = :id and n < :n and (fate is null or fate in ('sent', 'unknown'))"
        )
        message = messages.get(Tx(self._view), row["message_id"])
        told = self.rows("select * from pages where message_id = :id", id=message.id)
        self.left.append(
            Left(
                self.clock(),
                self.up,
                message,
                tuple(Told(p["incident_id"], p["kind"], p["receiver"]) for p in told),
                self.count(before, id=message.id, n=row["n"]) > 0,
                self.troubles[-1] < self.up - (self.clock() - message.created_at),
                smsid,
                answer.reached,
            )
        )


_MICRO = timedelta(microseconds=1)
# A text that waits though it may leave waits for something else in this list, or for the world.
_NEXT_DUE = """select min(at) as at from (
    select min(due_at) as at from pages p where state = 'held' and not (due_at <= :now and exists
        (select 1 from messages m where m.state = 'queued' and m.number = p.number and (m.lane = p.lane
          or p.lane = 'ends' and m.lane = 'critical')))
    union all select min(due_at) from agenda
    union all select min(not_before) from messages where state = 'queued' and not_before > :now
    union all select min(expires_at) from messages where state = 'queued'
    union all select min(lease_until) from messages where state = 'submitting'
    union all select min(updated_at) + 60000000 from messages where state = 'unknown'
    union all select min(sent_at) + :report from messages where state in ('sent', 'buffered')
    union all select min(poll_at) from messages where poll_at is not null and smsid is not null
    union all select min(until) from holds
    union all select min(probe_at) from breakers where opened_at is not null
    union all select min(asked_at) + 30000000 from breakers where opened_at is not null
      and (scope = 'credits' or scope = 'account' and probe_cap <= 300)
      and exists (select 1 from messages where state = 'queued' and severity = 'critical')
    union all select min(last_seen_at + case when 2 * gap > :stale then 2 * gap else :stale end) + 1 from incidents
        where closed_at is null and repeats = 1 and state <> 'unheard'
)"""
Story = Sequence[tuple[str, Mapping[str, object]]]
_KEPT = {
    "incidents": "*", "alerts": "*", "pages": "*", "ledger": "*", "decisions": "*", "agenda": "*", "holds": "*",
    "messages": "id, kind, receiver, number, body, parts, state, attempts, ambiguous, smsid, not_before, sent_at, updated_at",
    "attempts": "message_id, n, started_at, ended_at, fate, reason, code, lane, parts",
}  # fmt: skip


def what_is_kept(world: World) -> dict[str, list[tuple[object, ...]]]:
    """Everything that was decided and done, but for the random names of attempts."""
    return {
        table: [tuple(row) for row in world.rows(f"select {columns} from {table} order by 1, 2, 3")]
        for table, columns in _KEPT.items()
    }

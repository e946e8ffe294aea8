"""What deciding costs: processor time for each alert, by the number of routes and by how much has happened before.

Each step is taken in a transaction and undone: every one finds what the first found, and no sync of the disk is in it. What
is told is the ratio within each round, in which both databases stand side by side.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import history

from sms_notify.alert import Alert, Delivery, Status, fingerprint_of
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.delivery.settlement import Settling
from sms_notify.engine import Engine
from sms_notify.gateways.base import Submission
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS
from sms_notify.policy.account import Account
from sms_notify.policy.directory import Directory, Person, Target, TargetKind
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.policy.rate_limits import STANDARD, Credits, Limit, Limits
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.ruleset import Plan
from sms_notify.store.messages import Message
from sms_notify.store.sqlite import SqliteStore
from sms_notify.store.tx import Tx

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ROUTES = (10, 100, 1000)
HISTORY = (1_000, 1_000_000)
QUICK_HISTORY = (1_000, 50_000)
_PEOPLE = {
    "alice": Person("alice", "+32470000001", "Europe/Brussels"),
    "bob": Person("bob", "+31612345678", "Europe/Amsterdam"),
}
_NUMBERS = (_PEOPLE["alice"].number, _PEOPLE["bob"].number)
_MANY = 1_000_000
_ACCOUNT = Account("main", sender="ACME", gateways=("main",), limits=TEXT_LIMITS)
# For a site that texts ten thousand times a day: looked at for every text, and so wide that none of them ever holds one.
_WIDE = replace(
    STANDARD,
    per_number=tuple(Limit(_MANY, limit.window) for limit in STANDARD.per_number),
    per_number_critical=tuple(Limit(_MANY, limit.window) for limit in STANDARD.per_number_critical),
    credits=Credits(_MANY, _MANY),
)
_NEW, _END = "a new alert, two people told", "its end, two people told"
# Without limits; with the standard ones on a quiet day; with wide ones on the last day on which the past had its own rate.
_UNDER = (
    ("", Limits(), NOW),
    (" (limits)", STANDARD, NOW),
    (" (limits, busy)", _WIDE, NOW - history.LATELY),
)
_FEW_ROUNDS = 3  # of what takes a hundred times as long
_AT_ONCE = 40  # steps of one kind in a round


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of step: microseconds with little (`few`) and with much (`many`), and what the one is of the other."""

    what: str
    few: int
    many: int
    few_us: float
    many_us: float
    ratio_min: float
    ratio_median: float
    ratio_max: float


class _UndoneError(Exception):
    """Ends a step without a trace."""


Step = Callable[[Tx, int], object]


@dataclass(frozen=True, slots=True)
class Bench:
    """An engine and a sender over one store."""

    store: SqliteStore
    engine: Engine
    sender: Sender
    settling: Settling
    now: datetime = NOW

    def cost(self, before: Step, step: Step) -> float:
        """Microseconds of processor time that `step` takes; what is before it is not counted."""
        taken = 0
        with self.store.transaction() as tx:
            for number in range(_AT_ONCE):
                with suppress(_UndoneError), self.store.savepoint():
                    before(tx, number)
                    began = time.process_time_ns()
                    step(tx, number)
                    taken += time.process_time_ns() - began
                    raise _UndoneError
        return taken / _AT_ONCE / 1000

    def accept(self, tx: Tx, alert: Alert) -> None:
        self.engine.accept(tx, Delivery("alertmanager", (alert,), "{}"), self.now)

    def claim(self, tx: Tx) -> Message | None:
        return self.sender.claim(tx, self.now)

    def settle(self, tx: Tx, message: Message) -> None:
        self.settling.settle(tx, message, Outcome(Fate.SENT, Reason.OK, smsid=message.reference), self.now)

    def send(self, tx: Tx) -> None:
        """All that is queued."""
        while (message := self.claim(tx)) is not None:
            self.settle(tx, message)


class _NoGateway:
    """Nothing is sent here: claims and their settling are measured without a request between them."""

    name = "main"

    def send(self, submission: Submission) -> Outcome:
        raise AssertionError(submission)

    def send_batch(self, batch: object) -> Outcome:
        raise AssertionError(batch)


def a_bench(store: SqliteStore, plan: Plan, now: datetime = NOW) -> Bench:
    references = itertools.count(1)
    luck = Luck(lambda: f"new{next(references):029x}", lambda: 0.5)

    def no_commit(job: object) -> object:
        raise AssertionError(job)

    sender = Sender(no_commit, _NoGateway(), _ACCOUNT, plan.timing, "node", luck)  # type: ignore[arg-type]
    return Bench(store, Engine(plan, "node"), sender, Settling(_ACCOUNT, "node", lambda: 0.5), now)


def a_plan(routes: int = 10, limits: Limits | None = None) -> Plan:
    """Every service has a route and a receiver of its own, and the same two people; every tenth matches by a pattern."""
    both = tuple(Target(TargetKind.PERSON, name) for name in _PEOPLE)
    names = [f"svc{number:04}" for number in range(1, routes + 1)]
    children = tuple(
        Route(name, f"route.routes[{n}]", parse_matchers(f'service=~"{name}(-.*)?"' if n % 10 == 9 else f'service="{name}"'))
        for n, name in enumerate(names)
    )  # fmt: skip
    receivers = {name: Receiver(name, both) for name in ("oncall", *names)}
    root = Route("oncall", routes=children)
    return Plan(root, receivers, Directory(_PEOPLE), {}, ("main",), limits=limits or Limits())


def an_alert(
    number: int,
    service: str = "svc0001",
    status: Status = Status.FIRING,
    key: str = "",
    severity: str = "warning",
) -> Alert:
    labels = {
        "alertname": "HostDown",
        "cluster": "eu-west-1",
        "instance": f"host{number:08}",
        "service": service,
        "severity": severity,
    }
    texts = {"summary": "The host has not answered for five minutes"}
    ends = NOW if status is Status.RESOLVED else None
    begins = NOW - timedelta(minutes=1)
    return Alert("alertmanager", key or fingerprint_of(labels), status, labels, texts, begins, ends)


def nothing(tx: Tx, number: int) -> None:
    """There is nothing to prepare."""


def steps(bench: Bench) -> Iterator[tuple[str, Callable[[], float]]]:
    """Every kind of step by its name, as what measures it once."""
    queued: list[Message] = []

    def fire(tx: Tx, number: int) -> None:
        bench.accept(tx, an_alert(number))

    def fire_critical(tx: Tx, number: int) -> None:
        bench.accept(tx, an_alert(number, severity="critical"))

    def fire_and_send(tx: Tx, number: int) -> None:
        """Critical, so that the limit of the others has room for the end."""
        fire_critical(tx, number)
        bench.send(tx)

    def fire_of_old(tx: Tx, number: int) -> None:
        bench.accept(tx, an_alert(number, key=f"past{number}"))

    def resolve(tx: Tx, number: int) -> None:
        bench.accept(tx, an_alert(number, status=Status.RESOLVED, severity="critical"))

    def claim(tx: Tx, _: int) -> None:
        queued[:] = [message for message in [bench.claim(tx)] if message is not None]

    def fire_and_claim(tx: Tx, number: int) -> None:
        fire(tx, number)
        claim(tx, number)

    def settle(tx: Tx, _: int) -> None:
        bench.settle(tx, queued[0])

    def tick(tx: Tx, number: int) -> None:
        bench.engine.tick(tx, bench.now + timedelta(seconds=number))

    yield _NEW, lambda: bench.cost(nothing, fire)
    yield "one that fired before, two told", lambda: bench.cost(nothing, fire_of_old)
    yield "the same alert again", lambda: bench.cost(fire_and_send, fire_critical)
    yield _END, lambda: bench.cost(fire_and_send, resolve)
    yield "a tick that finds nothing", lambda: bench.cost(nothing, tick)
    yield "a claim of a text", lambda: bench.cost(fire, claim)
    yield "a claim that finds nothing", lambda: bench.cost(nothing, claim)
    yield "settling a text", lambda: bench.cost(fire_and_claim, settle)


def by_history(folder: Path, sizes: tuple[int, int], rounds: int) -> list[Row]:
    """Every kind of step with little and with much history, without limits and with."""
    stores = [history.write(folder, size, _NUMBERS, NOW) for size in sizes]
    made: list[Row] = []
    for words, limits, now in _UNDER:
        benches = [a_bench(store, a_plan(limits=limits), now) for store in stores]
        pairs = zip(*map(steps, benches), strict=True)
        made += [
            _row(name + words, sizes, [few, many], rounds if limits is not _WIDE else _FEW_ROUNDS)
            for (name, few), (_, many) in pairs
            if not words or name in (_NEW, _END)
        ]
    for store in stores:
        store.close()
    return made


def by_routes(folder: Path, rounds: int) -> list[Row]:
    """A new alert whose route is in the middle, or the last of so many, beside the same with few routes."""
    store = history.write(folder, HISTORY[0], _NUMBERS, NOW)
    made = []
    for where in ("in the middle", "the last"):
        costs = {count: _routed(store, count, where) for count in ROUTES}
        made += [
            _row(
                f"a new alert, its route {where}",
                (ROUTES[0], count),
                [costs[ROUTES[0]], costs[count]],
                rounds,
            )
            for count in ROUTES[1:]
        ]
    store.close()
    return made


def _routed(store: SqliteStore, count: int, where: str) -> Callable[[], float]:
    bench = a_bench(store, a_plan(count))
    service = f"svc{count if where == 'the last' else count // 2:04}"

    def fire(tx: Tx, number: int) -> None:
        bench.accept(tx, an_alert(number, service))

    return lambda: bench.cost(nothing, fire)


def _row(what: str, sizes: tuple[int, int], costs: Sequence[Callable[[], float]], rounds: int) -> Row:
    """One round that is not counted warms the caches."""
    taken = [[cost() for cost in costs] for _ in range(rounds + 1)][1:]
    ratios = [many / few for few, many in taken]
    middle = [statistics.median(values) for values in zip(*taken, strict=True)]
    return Row(what, *sizes, *middle, min(ratios), statistics.median(ratios), max(ratios))


def table(made: Sequence[Row]) -> str:
    head = (
        f"{'':43} {'from':>6} {'to':>9} {'us':>7} {'us':>7}  {'min':>6} {'median':>6} {'max':>6}  {'log':>4}"
    )
    return "\n".join([head, *map(_line, made)])


def _line(row: Row) -> str:
    log = math.log(row.many) / math.log(row.few)
    return (
        f"{row.what:43} {row.few:6,} {row.many:9,} {row.few_us:7.0f} {row.many_us:7.0f}  {row.ratio_min:6.2f}"
        f" {row.ratio_median:6.2f} {row.ratio_max:6.2f}  {log:4.1f}"
    )


def measure(parent: Path, *, quick: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="sms-notify-bench-", dir=parent) as name:
        folder, rounds = Path(name), 3 if quick else 5
        (folder / "routes").mkdir()
        made = by_routes(folder / "routes", rounds)
        return made + by_history(folder, QUICK_HISTORY if quick else HISTORY, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_HISTORY[1]:,} messages of history are much"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table to FILE")
    default = Path(tempfile.gettempdir())
    parser.add_argument(
        "--folder", type=Path, default=default, help=f"where the databases lie (default: {default})"
    )
    options = parser.parse_args()
    made = measure(options.folder, quick=options.quick)
    print(table(made))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in made], indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()

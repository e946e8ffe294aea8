"""How many statements a text takes between BEGIN and COMMIT: its settlement and the claim of the next are one transaction."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from workbench import Bench, firing

from sms_notify.delivery.sender import Luck, Sender
from sms_notify.gateways.sms1601.client import SmsGateway1601
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS, Gateway1601Settings
from sms_notify.policy.account import Account
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.secret import Secret
from sms_notify.store import breakers, outbox
from sms_notify.store.tx import Tx

pytestmark = pytest.mark.sqlite

MINUTE = timedelta(minutes=1)
TAKEN = Outcome(Fate.SENT, Reason.OK, smsid="1")
NO_ANSWER = Outcome(Fate.NOT_SENT, Reason.CONNECT)
CLAIM, SETTLEMENT = 6, 6  # two of them write down what its readers believe now


class Counted:
    """A sender whose transactions are counted; it is asked nothing over the network."""

    def __init__(self, bench: Bench, first_poll: timedelta | None = MINUTE) -> None:
        self.bench = bench
        numbers = map(str, itertools.count())
        account = Account("main", "ACME", "OTHER", ("main",), first_poll, limits=TEXT_LIMITS)
        settings = Gateway1601Settings("main", "http://127.0.0.1:9/", "demo", Secret("demo"), "ACME")
        gateway = SmsGateway1601(settings, lambda: 0.0)
        luck = Luck(numbers.__next__, lambda: 1.0)
        self.sender = Sender(self.commit, gateway, account, bench.engine.plan.timing, "node", luck)
        self.statements = 0

    def commit(self, job: object) -> object:
        def counted(tx: Tx) -> object:
            said: list[str] = []
            tx._connection.set_trace_callback(said.append)
            try:
                return job(tx)  # type: ignore[operator]
            finally:
                tx._connection.set_trace_callback(None)
                self.statements = len(said)

        return self.bench.commit(counted)


@pytest.fixture
def counted(bench: Bench) -> Counted:
    bench.accept(firing(team="dba"))
    return Counted(bench)


def test_a_claim(counted: Counted) -> None:
    assert counted.sender.take(counted.bench.clock) is not None
    assert counted.statements <= CLAIM


@pytest.mark.parametrize(
    ("first_poll", "rows"),
    [(MINUTE, 0), (None, 1)],
    ids=["with reports", "without: a row of the ledger more"],
)
def test_a_text_that_was_taken(bench: Bench, first_poll: timedelta | None, rows: int) -> None:
    bench.accept(firing(team="dba"))
    counted = Counted(bench, first_poll)
    message = counted.sender.take(bench.clock)
    assert message is not None

    counted.sender.settle(message, TAKEN, bench.clock())

    assert counted.statements <= SETTLEMENT + rows
    assert bench.messages("smsid") == [("1",)]


def test_what_is_counted_against_the_account_is_forgotten_where_there_is_something(counted: Counted) -> None:
    bench = counted.bench
    message = counted.sender.take(bench.clock)
    assert message is not None
    counted.sender.settle(message, NO_ANSWER, bench.clock())
    assert [row["failures"] for row in bench.rows("select failures from breakers")] == [1]
    bench.clock.move(minutes=3)
    message = counted.sender.take(bench.clock)
    assert message is not None

    counted.sender.settle(message, TAKEN, bench.clock())

    assert counted.statements > SETTLEMENT
    assert [row["failures"] for row in bench.rows("select failures from breakers")] == [0]
    assert bench.commit(breakers.open_self_alerts) == []


@pytest.mark.parametrize(
    ("mine", "expected"), [("1", (True, 1, False)), ("2", (True, None, False))], ids=["its own", "nobody's"]
)
def test_what_settling_reads_says_whose_an_id_is(
    counted: Counted, mine: str, expected: tuple[bool, int | None, bool]
) -> None:
    message = counted.sender.take(counted.bench.clock)
    assert message is not None
    counted.bench.commit(lambda tx: outbox.keep_smsid(tx, message, "1"))

    standing = counted.bench.commit(lambda tx: outbox.standing(tx, message, "main", mine))

    assert (standing.untouched, standing.smsid_of, standing.to_forget) == expected

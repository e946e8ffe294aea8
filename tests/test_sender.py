"""Claim, send, settle, against a real gateway over HTTP: what each ending does to the message and the next one."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from workbench import Bench, firing, resolved

from sms_notify.delivery.reports import Reports, apply, next_poll
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.delivery.sender_pool import SenderPool
from sms_notify.errors import StoreError
from sms_notify.gateways.base import Report
from sms_notify.gateways.sms1601.client import SmsGateway1601
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS, Gateway1601Settings
from sms_notify.policy.account import Account
from sms_notify.policy.outcomes import DeliveryStatus, Fate
from sms_notify.policy.vocabulary import Applied, Cause
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store.tx import Tx

MINUTE = timedelta(minutes=1)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorSettings(buffered_after=0, final_after=0)) as running:
        yield running


@dataclass
class Post:
    """A bench with a sender to a simulated gateway."""

    bench: Bench
    gateway: SmsGateway1601
    sender: Sender

    def drain(self) -> list[Fate]:
        return [sent.outcome.fate for sent in iter(lambda: self.sender.send_once(self.bench.clock), None)]

    def states(self) -> list[str]:
        return [row["state"] for row in self.bench.rows("select state from messages order by id")]

    def ledger(self) -> list[tuple]:
        return [
            (r["state"], r["reason"], r["code"]) for r in self.bench.rows("select * from ledger order by id")
        ]


def post_to(bench: Bench, url: str, first_poll: timedelta | None = MINUTE, other_sender: str = "") -> Post:
    numbers = itertools.count(1)
    luck = Luck(reference=lambda: f"ref{next(numbers)}", dice=lambda: 1.0)
    gateway = SmsGateway1601(
        Gateway1601Settings("main", url, "demo", Secret("demo"), "ACME", timeout=2), time.monotonic
    )
    account = Account("main", "ACME", other_sender, ("main",), first_poll, limits=TEXT_LIMITS)
    return Post(
        bench, gateway, Sender(bench.commit, gateway, account, bench.engine.plan.timing, "node", luck)
    )


@pytest.fixture
def post(bench: Bench, simulator: Simulator) -> Post:
    return post_to(bench, simulator.gateway_url)


def test_a_text_leaves_with_its_reference_and_comes_back_with_an_id(post: Post, simulator: Simulator) -> None:
    post.bench.accept(firing(team="dba"))

    assert post.drain() == [Fate.SENT]
    (text,) = simulator.texts()
    assert (text.number, text.reference, text.wants_report) == ("31612345678", "ref1", True)
    assert post.bench.messages("state, smsid, body") == [("sent", text.smsid, text.text)]
    assert post.ledger() == [("queued", "alert", None), ("submitting", "claimed", None), ("sent", "ok", None)]


def test_critical_texts_overtake_the_rest(post: Post, simulator: Simulator) -> None:
    for severity in ("warning", "odd", "critical"):
        post.bench.accept(firing(team="dba", severity=severity))
    post.drain()

    assert [next(s for s in ("warning", "odd", "critical") if s in t.text) for t in simulator.texts()] == [
        "critical",
        "warning",
        "odd",
    ]


@pytest.mark.parametrize(
    ("code", "state", "seconds"),
    [(120, "queued", 15), (106, "failed", None), (114, "failed", None)],
)
def test_a_refusal_is_retried_after_its_own_pause_or_never(
    post: Post, simulator: Simulator, code: int, state: str, seconds: int | None
) -> None:
    simulator.change(force_error=code)
    post.bench.accept(firing(team="dba"))

    assert post.drain() == [Fate.REFUSED]
    assert post.states() == [state]
    assert post.ledger()[-1] == (state, "error_code", code)
    if seconds is not None:
        simulator.change(force_error=None)
        post.bench.clock.move(seconds=seconds - 1)
        assert post.drain() == []
        post.bench.clock.move(seconds=1)
        assert post.drain() == [Fate.SENT]


def test_a_gateway_that_cannot_be_reached_is_tried_again_and_nothing_is_ambiguous(bench: Bench) -> None:
    post = post_to(bench, "http://127.0.0.1:9/module/")  # nobody listens on the discard port
    bench.accept(firing(team="dba"))

    assert post.drain() == [Fate.NOT_SENT]
    assert bench.messages("state, attempts, ambiguous") == [("queued", 1, 0)]


def test_without_reports_a_sent_text_is_final(bench: Bench, simulator: Simulator) -> None:
    post = post_to(bench, simulator.gateway_url, first_poll=None)
    bench.accept(firing(team="dba"))
    post.drain()

    assert post.states() == ["no_report"]
    assert post.ledger()[-1] == ("no_report", "reports_off", None)


def test_a_number_that_is_being_texted_waits_so_that_what_happened_first_is_read_first(post: Post) -> None:
    bench = post.bench
    bench.accept(firing(team="dba"))
    now = bench.clock()
    first = bench.commit(lambda tx: post.sender.claim(tx, now))
    bench.accept(resolved(team="dba"))

    assert bench.commit(lambda tx: post.sender.claim(tx, now)) is None
    assert first is not None
    post.sender.submit(first, bench.clock)
    assert bench.commit(lambda tx: post.sender.claim(tx, now)) is not None


def test_an_answer_that_comes_after_its_lease_ended_still_counts(post: Post) -> None:
    bench = post.bench
    bench.accept(firing(team="dba"))
    message = bench.commit(lambda tx: post.sender.claim(tx, bench.clock()))
    assert message is not None
    outcome = post.sender.request(message)
    bench.clock.move(minutes=2)
    bench.tick()
    assert post.states() == ["unknown"]

    post.sender.settle(message, outcome, bench.clock())

    assert post.states() == ["sent"]


def test_a_sender_that_stood_still_until_its_lease_was_over_makes_no_request(
    post: Post, simulator: Simulator
) -> None:
    bench = post.bench
    bench.accept(firing(team="dba"))
    message = bench.commit(lambda tx: post.sender.claim(tx, bench.clock()))
    assert message is not None
    bench.clock.move(minutes=2)
    bench.tick()
    assert post.states() == ["unknown"]

    post.sender.submit(message, bench.clock)

    assert simulator.texts() == []
    assert post.states() == ["queued"]
    bench.clock.move(minutes=2)
    assert post.drain() == [Fate.SENT]
    assert len(simulator.texts()) == 1


def test_an_answer_that_comes_after_the_resend_does_not_touch_the_new_attempt(
    post: Post, simulator: Simulator
) -> None:
    bench = post.bench
    bench.accept(firing(team="dba"))
    late = bench.commit(lambda tx: post.sender.claim(tx, bench.clock()))
    assert late is not None
    outcome = post.sender.request(late)
    bench.clock.move(minutes=2)
    bench.tick()
    bench.clock.move(minutes=2)
    bench.tick()
    again = bench.commit(lambda tx: post.sender.claim(tx, bench.clock()))
    assert again is not None

    post.sender.settle(late, outcome, bench.clock())
    assert post.states() == ["sent", "submitting"]
    post.sender.submit(again, bench.clock)
    assert post.states() == ["sent", "sent"]
    assert len(simulator.texts()) == 2


def test_a_report_that_overtakes_the_answer_is_kept(post: Post, simulator: Simulator) -> None:
    bench = post.bench
    bench.accept(firing(team="dba"))
    message = bench.commit(lambda tx: post.sender.claim(tx, bench.clock()))
    assert message is not None
    report = Report("", DeliveryStatus.DELIVERED, None, message.reference)
    bench.commit(lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", bench.clock()))

    post.sender.submit(message, bench.clock)

    assert bench.messages("state, smsid") == [("delivered", simulator.texts()[0].smsid)]
    assert [row["fate"] for row in bench.rows("select fate from attempts")] == ["sent"]


def test_a_report_proves_that_an_attempt_without_an_answer_was_sent(post: Post) -> None:
    bench = post.bench
    bench.accept(firing(team="dba"))
    message = bench.commit(lambda tx: post.sender.claim(tx, bench.clock()))
    assert message is not None
    bench.clock.move(minutes=1)
    bench.tick()
    report = Report("777", DeliveryStatus.SUBMITTED, None, message.reference)

    delivered = bench.commit(lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", bench.clock()))

    assert delivered.applied is Applied.MOVED
    bench.clock.move(minutes=5)
    bench.tick()
    assert bench.messages("state, smsid, attempts") == [("sent", "777", 1)]


@pytest.mark.parametrize(
    ("smsid", "reference", "expected"),
    [
        ("999", "", Applied.UNKNOWN_ID),
        ("", "nobody", Applied.UNKNOWN_ID),
        ("own", "ref2", Applied.FORGED),  # the id of one message, the reference of another
        ("own", "nobody", Applied.FORGED),
        ("own", "ref1", Applied.MOVED),
        ("own", "", Applied.MOVED),
    ],
)
def test_a_report_moves_only_the_message_that_it_can_name(
    post: Post, simulator: Simulator, smsid: str, reference: str, expected: Applied
) -> None:
    post.bench.accept(firing())
    post.drain()
    own = next(text.smsid for text in simulator.texts() if text.reference == "ref1")
    report = Report(own if smsid == "own" else smsid, DeliveryStatus.DELIVERED, None, reference)

    delivered = post.bench.commit(
        lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", post.bench.clock())
    )

    assert delivered.applied is expected
    assert sorted(post.states()) == (["delivered", "sent"] if expected is Applied.MOVED else ["sent", "sent"])


def test_doubled_reports_change_nothing(post: Post, simulator: Simulator) -> None:
    post.bench.accept(firing(team="dba"))
    post.drain()
    report = Report(simulator.texts()[0].smsid, DeliveryStatus.DELIVERED)
    for _ in range(3):
        post.bench.commit(lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", post.bench.clock()))

    assert [state for state, *_ in post.ledger()].count("delivered") == 1


def test_where_no_call_back_comes_the_gateway_is_asked(post: Post, simulator: Simulator) -> None:
    bench = post.bench
    bench.accept(firing(team="dba"))
    post.drain()
    reports = Reports(bench.commit, post.gateway, "node", bench.clock)
    assert reports.poll_once() == []
    assert simulator.wait_for(lambda state: all(text.status == "DELIVERED" for text in state.texts()), 5)
    bench.clock.move(minutes=1)

    (delivered,) = reports.poll_once()

    assert delivered.applied is Applied.MOVED
    assert post.states() == ["delivered"]
    bench.clock.move(hours=1)
    assert reports.poll_once() == []


def test_polling_slows_down_to_five_minutes() -> None:
    from workbench import NOON

    waits = [(next_poll(n, NOON) - NOON).total_seconds() for n in range(8)]

    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_the_pool_sends_what_is_queued_and_ends_when_told(bench: Bench, simulator: Simulator) -> None:
    lock = threading.Lock()

    def commit(job):
        with lock:
            return bench.commit(job)

    post = post_to(bench, simulator.gateway_url)
    post.sender._commit = commit
    done: list = []
    pool = SenderPool(post.sender, bench.clock, 4, done.append)
    for n in range(20):
        bench.accept(firing(instance=f"web{n}"))
    pool.start()
    assert len(simulator.wait_for_texts(40, timeout=20)) == 40

    assert pool.stop(10)
    assert len(done) == 40
    assert {text.number for text in simulator.texts()} == {"32470000001", "31612345678"}


class DoubtfulDisk:
    """Commits, and says for the next so many times that it has not: as where a disk fails after the write."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.fails = 0

    def __call__(self, job: Callable[[Tx], Any]) -> Any:
        result = self._bench.commit(job)
        if self.fails:
            self.fails -= 1
            raise StoreError("disk I/O error")
        return result


@pytest.fixture
def doubtful(post: Post) -> DoubtfulDisk:
    disk = DoubtfulDisk(post.bench)
    post.sender._commit = disk
    return disk


def claim_that_seems_to_fail(post: Post, doubtful: DoubtfulDisk) -> None:
    post.bench.accept(firing(team="dba", severity="warning"))
    doubtful.fails = 1
    with pytest.raises(StoreError):
        post.sender.take(post.bench.clock)


def test_a_claim_whose_commit_seemed_to_fail_and_is_there_after_all_is_taken_again(
    post: Post, simulator: Simulator, doubtful: DoubtfulDisk
) -> None:
    claim_that_seems_to_fail(post, doubtful)
    assert post.states() == ["submitting"]

    assert post.drain() == [Fate.SENT]
    assert [text.reference for text in simulator.texts()] == ["ref2"]
    assert post.bench.messages("state, attempts, ambiguous") == [("sent", 1, 0)]
    assert ("queued", "claim_failed", None) in post.ledger()


def test_such_a_claim_is_taken_again_also_after_its_lease(
    post: Post, simulator: Simulator, doubtful: DoubtfulDisk
) -> None:
    claim_that_seems_to_fail(post, doubtful)
    post.bench.clock.move(seconds=50)
    post.bench.tick()
    assert post.states() == ["unknown"]

    assert post.drain() == [Fate.SENT]
    assert post.bench.messages("state, attempts, ambiguous") == [("sent", 1, 0)]


def test_the_next_claim_of_an_answer_that_was_written_down_twice_is_not_left_behind(
    post: Post, simulator: Simulator, doubtful: DoubtfulDisk
) -> None:
    for name in ("First", "Second"):
        post.bench.accept(firing(name, team="dba", severity="warning"))
    first = post.sender.take(post.bench.clock)
    assert first is not None
    doubtful.fails = 1
    _, second = post.sender.submit_and_take(first, post.bench.clock)
    assert second is not None
    post.sender.submit(second, post.bench.clock)

    assert post.states() == ["sent", "sent"]
    assert len(simulator.texts()) == 2


def test_an_answer_is_kept_for_as_long_as_the_store_refuses_it(
    post: Post, simulator: Simulator, doubtful: DoubtfulDisk
) -> None:
    post.bench.accept(firing(team="dba"))
    message = post.sender.take(post.bench.clock)
    assert message is not None
    doubtful.fails = 40  # five minutes of pauses
    post.sender.submit(message, post.bench.clock)

    assert post.states() == ["sent"]
    assert len(simulator.texts()) == 1


def test_a_sender_that_ends_tries_a_few_times_more_to_write_an_answer_down_and_no_longer(
    post: Post, doubtful: DoubtfulDisk
) -> None:
    post.bench.accept(firing(team="dba"))
    message = post.sender.take(post.bench.clock)
    assert message is not None
    post.sender.end()
    doubtful.fails = 10
    with pytest.raises(StoreError):
        post.sender.submit(message, post.bench.clock)
    assert doubtful.fails == 6


def test_a_sender_that_ends_takes_nothing_beside_the_answer_it_writes_down(post: Post) -> None:
    for name in ("First", "Second"):
        post.bench.accept(firing(name, team="dba", severity="warning"))
    first = post.sender.take(post.bench.clock)
    assert first is not None
    post.sender.end()
    _, following = post.sender.submit_and_take(first, post.bench.clock)
    assert following is None
    assert post.states() == ["sent", "queued"]

"""Whoever hears that a commit failed asks again, and each job stands that: whether it was made or not, it is done once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from armed_site import ALICE, BOB, Site, armed_plan, armed_site, over
from lossy_store import Loss, LossyStore
from stores import a_store
from test_sender import Post, post_to
from workbench import NOON, Bench, firing, resolved

from sms_notify.delivery.reports import Reports, apply
from sms_notify.engine import Engine
from sms_notify.errors import StoreError
from sms_notify.gateways.base import Report
from sms_notify.policy.outcomes import DeliveryStatus
from sms_notify.policy.vocabulary import Cause
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import oncall_rows, spool_receipts
from sms_notify.store.committer import Committer
from sms_notify.store.tx import Tx


class CommittedBench(Bench):
    """Through the thread that commits, as the daemon does."""

    committer: Committer

    def commit(self, job: Callable[[Tx], object]) -> object:
        return self.committer(job)


class Desk:
    """We, over a store that loses commits, and a gateway."""

    def __init__(self, folder: Path, simulator: Simulator) -> None:
        self.simulator = simulator
        self.store = LossyStore(a_store(folder / "lossy.db"))
        self.bench = CommittedBench(self.store, Engine(armed_plan(gateway_armed=False), "node"))  # type: ignore[arg-type]
        self.bench.committer = Committer(self.store)  # type: ignore[arg-type]
        self.bench.committer.start()
        self.post: Post = post_to(self.bench, simulator.gateway_url)
        self.bench.commit(lambda tx: None)

    def texts(self, word: str) -> list[str]:
        return sorted(text.number for text in self.simulator.texts() if text.text.startswith(word))

    def count(self, what: str) -> int:
        (row,) = self.bench.rows(f"select count(*) as n from {what}")
        return int(row["n"])

    def told(self, severity: str = "critical") -> None:
        self.bench.accept(firing(severity=severity))
        self.post.drain()


@contextmanager
def desk_at(folder: Path) -> Iterator[Desk]:
    folder.mkdir()
    with Simulator(SimulatorSettings(buffered_after=0, final_after=0)) as simulator:
        desk = Desk(folder, simulator)
        yield desk
        desk.bench.committer.stop()


class Alert:
    """Its sender repeats it."""

    def before(self, desk: Desk) -> None: ...

    def ask(self, desk: Desk) -> None:
        desk.bench.accept(firing())

    def after(self, desk: Desk) -> None:
        desk.post.drain()
        assert desk.count("incidents") == 1
        assert desk.texts("FIRING") == [ALICE]


class End(Alert):
    def before(self, desk: Desk) -> None:
        desk.told()

    def ask(self, desk: Desk) -> None:
        desk.bench.accept(resolved())

    def after(self, desk: Desk) -> None:
        desk.post.drain()
        assert desk.texts("OK") == [ALICE]


class Sending(Alert):
    """A thread that sends: claims, and the commits of what the gateway answered."""

    def before(self, desk: Desk) -> None:
        for name in ("First", "Second"):
            desk.bench.accept(firing(name))

    def ask(self, desk: Desk) -> None:
        message = desk.post.sender.take(desk.bench.clock)
        while message is not None:
            _, message = desk.post.sender.submit_and_take(message, desk.bench.clock)

    def after(self, desk: Desk) -> None:
        assert desk.post.states() == ["sent", "sent"]
        assert desk.texts("FIRING") == [ALICE, ALICE]
        assert desk.count("ledger where state like 'unknown%'") == 0


class Escalation(Alert):
    """The clock's step."""

    def before(self, desk: Desk) -> None:
        desk.told()
        desk.bench.clock.move(minutes=6)

    def ask(self, desk: Desk) -> None:
        desk.bench.tick()

    def after(self, desk: Desk) -> None:
        desk.post.drain()
        assert desk.texts("ESCALATED") == [BOB]


class Acknowledgement(Alert):
    def before(self, desk: Desk) -> None:
        desk.told()

    def ask(self, desk: Desk) -> None:
        (row,) = desk.bench.rows("select id from incidents")
        desk.bench.acknowledge(row["id"])

    def after(self, desk: Desk) -> None:
        desk.bench.clock.move(minutes=30)
        desk.bench.tick()
        desk.post.drain()
        assert desk.count("incidents where acked_by = 'alice'") == 1
        assert desk.texts("ESCALATED") == []


class Callback(Alert):
    """The gateway repeats it."""

    def before(self, desk: Desk) -> None:
        desk.told()

    def ask(self, desk: Desk) -> None:
        (text,) = desk.simulator.texts()
        report = Report(text.smsid, DeliveryStatus.DELIVERED, None, text.reference)
        now = desk.bench.clock()
        desk.bench.commit(lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", now))

    def after(self, desk: Desk) -> None:
        assert desk.count("ledger where state = 'delivered'") == 1
        assert desk.post.states() == ["delivered"]


class Poll(Callback):
    """Asking the gateway what became of a text; the clock asks again."""

    def before(self, desk: Desk) -> None:
        desk.told()
        self.reports = Reports(desk.bench.commit, desk.post.gateway, "node", desk.bench.clock)  # type: ignore[arg-type]
        desk.bench.clock.move(minutes=2)

    def ask(self, desk: Desk) -> None:
        self.reports.poll_once()
        desk.bench.clock.move(minutes=2)

    def after(self, desk: Desk) -> None:
        desk.bench.clock.move(minutes=2)
        self.reports.poll_once()
        super().after(desk)


class Handed(Alert):
    """A file of the spool, which lies there until it was taken."""

    def ask(self, desk: Desk) -> None:
        def take(tx: Tx) -> None:
            if spool_receipts.take(tx, "1", desk.bench.clock()):
                desk.bench.engine.accept(tx, delivery_of_hook(), desk.bench.clock())

        desk.bench.commit(take)


def delivery_of_hook() -> object:
    from sms_notify.alert import Delivery

    return Delivery("alertmanager", (firing(),), group="{}")


class Override(Alert):
    """Made twice it is two rows, of which the later counts: the same person for the same time."""

    def ask(self, desk: Desk) -> None:
        until = NOON + timedelta(hours=4)
        desk.bench.commit(
            lambda tx: oncall_rows.add_override(tx, "primary", "bob", NOON, until, "alice", NOON)
        )

    def after(self, desk: Desk) -> None:
        made = desk.bench.commit(lambda tx: oncall_rows.overrides(tx, NOON))
        assert {(one.person, one.start, one.end) for one in made} == {
            ("bob", NOON, NOON + timedelta(hours=4))
        }  # type: ignore[attr-defined]


class Recovery(Sending):
    """A start, which is tried again by whoever started it."""

    def before(self, desk: Desk) -> None:
        desk.told()

    def ask(self, desk: Desk) -> None:
        desk.bench.commit(lambda tx: desk.bench.engine.recover(tx, desk.bench.clock()))

    def after(self, desk: Desk) -> None:
        desk.post.drain()
        assert desk.texts("FIRING") == [ALICE]


JOBS = (Alert, End, Sending, Escalation, Acknowledgement, Callback, Poll, Handed, Override, Recovery)


@pytest.mark.parametrize("how", Loss, ids=lambda how: how.name.lower())
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.__name__)
def test_a_job_whose_commit_was_lost_is_asked_again_and_done_once(
    tmp_path: Path, job: type[Alert], how: Loss
) -> None:
    commits = next(nth for nth in count(1) if not loses(tmp_path / str(nth), job(), nth, how)) - 1
    assert commits >= (3 if job is Sending else 1)


def loses(folder: Path, job: Alert, nth: int, how: Loss) -> bool:
    """Whether the job has so many commits."""
    with desk_at(folder) as desk:
        job.before(desk)
        desk.store.lose(nth, how)
        with suppress(StoreError):
            job.ask(desk)
        lost = desk.store.lost
        desk.store.lose(0, how)
        job.ask(desk)
        job.after(desk)
        return lost


def arming(site: Site) -> None:
    site.bench.accept(firing())
    site.post.drain()


def taking_back(site: Site) -> None:
    site.hear(firing())
    over(site)
    site.post.drain()


@pytest.mark.parametrize("how", Loss, ids=lambda how: how.name.lower())
@pytest.mark.parametrize("before", [arming, taking_back], ids=["arming", "taking back"])
def test_a_step_for_the_outbox_whose_commit_was_lost_is_told_once_or_the_ledger_says_perhaps(
    tmp_path: Path, before: Callable[[Site], None], how: Loss
) -> None:
    commits = next(nth for nth in count(1) if not tells(tmp_path / str(nth), before, nth, how)) - 1
    assert commits >= 2


def tells(folder: Path, before: Callable[[Site], None], nth: int, how: Loss) -> bool:
    folder.mkdir()
    with armed_site(folder) as site:
        store = LossyStore(site.bench.store)
        site.bench.store = store  # type: ignore[assignment]
        before(site)
        store.lose(nth, how)
        with suppress(StoreError):
            site.keep()
        lost = store.lost
        store.lose(0, how)
        site.live(seconds=9 * 60)
        words = [word for number, word in site.phones if number == BOB]
        if before is taking_back:
            assert "ESCALATED" not in words or words[-1] == "OK"
        else:
            perhaps = any("perhaps" in said for said in site.decided("outbox_sent"))
            assert words.count("ESCALATED") == 1 or (words.count("ESCALATED") == 2 and perhaps), words
        return lost

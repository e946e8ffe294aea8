"""A gateway of paper: it takes every text at once, and writes down what stood on whose phone when."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from stores import a_store
from workbench import Bench, VirtualClock

from sms_notify.delivery.sender import Luck, Sender
from sms_notify.engine import Engine
from sms_notify.gateways.base import Submission
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS
from sms_notify.policy.account import Account
from sms_notify.policy.outcomes import Fate, Outcome, Reason
from sms_notify.policy.ruleset import Plan, Timing


@dataclass(frozen=True)
class OnPhone:
    at: datetime
    number: str
    text: str


@dataclass
class PaperGateway:
    """`answers` are given first, one a request; then everything is taken."""

    clock: VirtualClock
    name: str = "main"
    texts: list[OnPhone] = field(default_factory=list)
    answers: list[Outcome] = field(default_factory=list)
    ids: itertools.count = field(default_factory=lambda: itertools.count(1))

    def send(self, submission: Submission) -> Outcome:
        if self.answers:
            answer = self.answers.pop(0)
            if answer.fate is not Fate.SENT:
                return answer
        self.texts.append(OnPhone(self.clock(), submission.number, submission.text))
        return Outcome(Fate.SENT, Reason.OK, smsid=str(next(self.ids)))

    def send_batch(self, batch: object) -> Outcome:
        raise AssertionError(f"no group is texted here: {batch}")


class Site:
    """An engine, a sender and a paper gateway on one virtual clock; `run` lets seconds pass as the daemon would."""

    def __init__(self, folder: Path, plan: Plan, *, first: int = 1, reports: timedelta | None = None) -> None:
        """Each attempt is numbered, from `first` on. `reports`: as `Account.first_poll`."""
        self.clock = VirtualClock()
        codes = itertools.count(first)
        store = a_store(folder / "x.db")
        store.convert()
        self.bench = Bench(store, Engine(plan, "node", lambda: f"code{next(codes)}"), self.clock)
        self.gateway = PaperGateway(self.clock, ids=itertools.count(first))
        references = itertools.count(first)
        luck = Luck(lambda: f"ref{next(references)}", lambda: 0.5, lambda _: None)
        account = Account(
            "main",
            sender="ACME",
            gateways=("main",),
            first_poll=reports,
            directory=plan.directory,
            limits=TEXT_LIMITS,
        )
        self.sender = Sender(self.bench.commit, self.gateway, account, Timing(), "node", luck)

    def send(self) -> None:
        while self.sender.send_once(self.clock):
            pass

    def run(self, step: float = 1.0, **until: float) -> None:
        """A tick every `step` seconds, with the sender after each, for as long as `until` says."""
        end = self.clock() + timedelta(**until)
        self.step()
        while self.clock() < end:
            self.clock.now = min(end, self.clock() + timedelta(seconds=step))
            self.step()

    def step(self) -> None:
        self.bench.tick()
        self.send()

    def texts(self, number: str = "") -> list[str]:
        return [text.text for text in self.gateway.texts if not number or text.number == number]


def with_route(plan: Plan, **fields: object) -> Plan:
    """The plan with other values at the root and at every route below it."""
    children = tuple(replace(child, **fields) for child in plan.route.routes)  # type: ignore[arg-type]
    return replace(plan, route=replace(plan.route, routes=children, **fields))  # type: ignore[arg-type]

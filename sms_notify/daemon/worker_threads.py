"""Threads that come and go together: those of one gateway, of the spool folder, of the silences, of the calendars.

A reload carries over the units whose settings stay the same, starts those that are new, and lets those that are gone end
what they have under way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sms_notify.config.settings import Settings
from sms_notify.daemon import event_log
from sms_notify.daemon.failing import Failing
from sms_notify.daemon.inbox import Inbox
from sms_notify.daemon.leadership import Leadership
from sms_notify.daemon.periodic import Every
from sms_notify.daemon.systemd import Watch
from sms_notify.daemon.unpaired import Senders
from sms_notify.daemon.wiring import account_of, luck, numbers_to_check, numbers_to_probe
from sms_notify.delivery.breaker_probe import Prober
from sms_notify.delivery.number_checks import NumberChecks
from sms_notify.delivery.reports import Reports
from sms_notify.delivery.sender import Clock, Sender, Sent
from sms_notify.delivery.sender_pool import SenderPool
from sms_notify.engine import Engine, Verdict
from sms_notify.gateways.base import ReportsBy, Submission
from sms_notify.gateways.registry import GatewaySettings, client_of
from sms_notify.metrics import Metrics
from sms_notify.policy.account import Account
from sms_notify.policy.outcomes import Fate
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Cause
from sms_notify.self_alerts import told_balance
from sms_notify.store import claims
from sms_notify.store.committer import Committer
from sms_notify.store.database import Database
from sms_notify.store.tx import Tx

POLLED = (ReportsBy.POLL, ReportsBy.BOTH)
_CREDITS_EVERY = 900.0  # seconds
_POLL_EVERY = 2.0
_PROBE_EVERY = 1.0
_CHECK_NUMBER_EVERY = 20.0  # 180 numbers an hour; who names more has each tried less often
_log = logging.getLogger("sms_notify")


@dataclass(frozen=True, slots=True)
class Tools:
    """What every part works with, whatever the configuration says. `settings` and `engine` are those of the one that
    runs now.
    """

    store: Database
    committer: Committer
    metrics: Metrics
    watch: Watch
    node: str
    clock: Clock
    settings: Callable[[], Settings]
    engine: Callable[[], Engine]
    wake: Callable[[], None]
    inbox: Inbox
    leadership: Leadership
    senders: Senders = field(default_factory=Senders)
    failing: Failing = field(default_factory=Failing)
    ready: Callable[[], tuple[str, ...]] = tuple
    """Why alerts cannot be taken or texts cannot be sent now."""

    def wake_for(self, tx: Tx, verdicts: Iterable[Verdict]) -> None:
        """In the step that wrote the texts: whoever wakes claims after it, mostly in the same batch. Only where there is
        something to send that nobody takes anyhow: a claim in vain costs a transaction.
        """
        if any(verdict.messages for verdict in verdicts) and not claims.only_for_busy_numbers(tx):
            tx.wake_others()
            self.wake()


class Unit:
    """Loops, and a pool where it sends. `first` is done before they start."""

    def __init__(
        self,
        loops: Sequence[Every],
        pool: SenderPool | None = None,
        first: Callable[[], None] = lambda: None,
    ) -> None:
        self.parts: tuple[Every | SenderPool, ...] = (*loops, *([pool] if pool else []))
        self._pool = pool
        self._first = first

    def start(self) -> None:
        self._first()
        for part in self.parts:
            part.start()

    def retire(self) -> None:
        """Begins nothing more; what is under way ends in its own time."""
        for part in self.parts:
            part.stop(0)

    def end(self) -> None:
        """The daemon stops: what the store refuses is not tried for ever any more."""
        if self._pool is not None:
            self._pool.end()

    def wake(self) -> None:
        if self._pool is not None:
            self._pool.wake()

    @property
    def alive(self) -> bool:
        """False when a thread has ended that the daemon cannot do without."""
        return self._pool is None or self._pool.alive

    @property
    def busy(self) -> bool:
        """Whether a thread of it runs; after a stop, whether something is still under way."""
        return any(part.running for part in self.parts)

    def follow(self, settings: Settings, plan: Plan, *, retired: bool) -> None:
        """Another configuration runs, and `retired` says that this unit is not part of it. On the thread that commits,
        between two transactions.
        """


class GatewayUnit(Unit):
    """One account at work: texts leave, breakers are probed, credits and reports asked for."""

    def __init__(self, gateway: GatewaySettings, settings: Settings, plan: Plan, tools: Tools) -> None:
        self._settings = gateway
        self._tools = tools
        self._retired = False
        self._gateway = client_of(gateway)
        account, numbers = self._account(plan), numbers_to_probe(settings, plan)
        clock = tools.watch.follow(
            f"sender {gateway.name}", tools.clock
        )  # read for each claim, answer and pause

        def pulse() -> None:
            clock()  # it comes round, though the store refuses what it has in hand
            tools.failing.note(_writing_down(gateway.name), "the store refuses it")

        self._sender = Sender(tools.committer, self._gateway, account, plan.timing, tools.node, luck(pulse))
        self._prober = Prober(tools.leadership, self._gateway, account, tools.clock, luck(), numbers)
        to_check = numbers_to_check(settings, plan)
        self._checks = NumberChecks(tools.leadership, self._gateway, account, tools.clock, luck(), to_check)
        self._reports = Reports(tools.leadership, self._gateway, tools.node, tools.clock)
        notice = partial(tools.failing.notice, f"sending by {gateway.name}")
        pool = SenderPool(self._sender, clock, gateway.concurrency, self._sent, notice)
        super().__init__(self._loops(), pool)

    def text(self, number: str, body: str) -> bool:
        """One text past the store: of what is wrong with it. False where the gateway has certainly not taken it."""
        outcome = self._gateway.send(
            Submission(number, body, luck().reference(), sender=self._settings.sender)
        )
        event_log.past_the_store(number, self._settings.name, outcome)
        return outcome.fate in (Fate.SENT, Fate.UNKNOWN)

    def follow(self, settings: Settings, plan: Plan, *, retired: bool) -> None:
        self._retired = retired
        self._sender.follow(self._account(plan), plan.timing, retired=retired)
        self._prober.follow(self._account(plan), numbers_to_probe(settings, plan))
        self._checks.follow(self._account(plan), numbers_to_check(settings, plan), retired=retired)

    def _account(self, plan: Plan) -> Account:
        return account_of(self._settings, plan)

    def _loops(self) -> list[Every]:
        """Any node sends; one alone asks."""
        name, led = self._settings.name, self._tools.leadership.only
        loops = [
            Every(f"probe-{name}", _PROBE_EVERY, led(self._probe)),
            Every(f"credits-{name}", _CREDITS_EVERY, led(self._ask_credits)),
            Every(f"numbers-{name}", _CHECK_NUMBER_EVERY, led(self._check_number)),
        ]
        if self._settings.delivery_reports in POLLED:
            loops.append(Every(f"reports-{name}", _POLL_EVERY, led(self._poll)))
        return loops

    def _sent(self, sent: Sent) -> None:
        self._tools.failing.well(_writing_down(self._settings.name))
        self._tools.metrics.answered(sent.message.gateway, sent.outcome)
        event_log.sent(sent)

    def _probe(self) -> None:
        probed = self._prober.probe_once()
        if probed is None:
            return
        extra = {"gateway": probed.breaker.gateway, "scope": probed.breaker.scope, "answer": probed.answer}
        _log.info("breaker closed" if probed.closed else "breaker stays open", extra=extra)
        if probed.closed:
            self._tools.wake()

    def _check_number(self) -> None:
        checked = self._checks.check_once()
        if checked is not None and checked.outcome.fate is not Fate.SENT:
            said = {"reason": checked.outcome.reason, "code": checked.outcome.code}
            _log.warning(
                "number not taken", extra={"gateway": checked.gateway, "person": checked.who, **said}
            )

    def _poll(self) -> None:
        for delivered in self._reports.poll_once():
            event_log.report(delivered, Cause.POLL)

    def _ask_credits(self) -> None:
        name, left = self._settings.name, self._gateway.credits()
        if self._retired:  # it is another account's balance by now
            return
        self._tools.metrics.asked(name, answered=isinstance(left, int) or left.code is not None)
        if isinstance(left, int):
            now = self._tools.clock()
            low = self._tools.settings().limits.credits.low_water
            self._tools.leadership(lambda tx: told_balance(tx, name, left, low, now))
            _log.info("credits", extra={"gateway": name, "left": left})
        else:
            extra = {"gateway": name, "reason": left.reason, "code": left.code, "detail": left.detail}
            _log.warning("credits unknown", extra=extra)


def _writing_down(gateway: str) -> str:
    return f"writing down what {gateway} answered"

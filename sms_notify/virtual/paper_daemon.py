"""The daemon for one configuration: the same engine and sender, over a store in memory and a gateway on paper.

The daemon ticks every second and mostly finds nothing. Here the clock leaps to the next tick that finds something, on the
same whole seconds, so that a replay decides what the daemon decides, at the same moments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import count
from types import TracebackType
from typing import TypeVar

from sms_notify.alert import Delivery
from sms_notify.delivery.reports import apply
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.engine import Engine, Verdict
from sms_notify.policy.account import Account
from sms_notify.policy.rotations import Shift
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import AckBy, Cause, Heard
from sms_notify.store import history, oncall_rows
from sms_notify.store.in_memory import ScratchStore
from sms_notify.store.messages import Message
from sms_notify.store.next_due import next_due
from sms_notify.store.tx import Tx
from sms_notify.virtual.ack_codes import ack_codes
from sms_notify.virtual.leaps import TICK, Changes, earlier, second_from, second_of, waits_of
from sms_notify.virtual.paper_gateway import PaperGateway

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What only puts off the moment at which nothing was heard of an incident for too long: the next tick may come too early
# for it, never too late. Most of what an Alertmanager posts is of this kind.
_REPEATS = frozenset((Heard.DUPLICATE, Heard.OLD_END, Heard.NEVER_FIRED))


def _uncounted(_message: Message) -> None:
    """For whoever reads the store afterwards."""


class PaperDaemon:
    """Accepts what happens, in the order of time; a context manager. `sent` is called for each text that has left.

    All of it is one transaction: nobody else looks, and nothing is kept.
    """

    def __init__(
        self,
        plan: Plan,
        account: Account,
        gateway: PaperGateway,
        node: str,
        overrides: Mapping[str, Sequence[Shift]],
        sent: Callable[[Message], None] = _uncounted,
    ) -> None:
        self.engine = Engine(plan, node, ack_codes())
        self.now = _EPOCH
        self.ticks = 0
        references = (f"{n:032x}" for n in count(1))
        luck = Luck(reference=lambda: next(references), dice=lambda: 0.5)
        self._sender = Sender(self._commit, gateway, account, plan.timing, node, luck)
        self._gateway, self._node, self._overrides, self._sent = gateway, node, overrides, sent
        self._store = ScratchStore()
        self._ticked: datetime | None = None
        self._waits = waits_of(plan)
        self._due: datetime | None = None
        self._changes = Changes(plan.schedules.values(), overrides)

    def __enter__(self) -> PaperDaemon:
        self._open: AbstractContextManager[Tx] = self._store.transaction()
        self.tx = self._open.__enter__()
        for schedule, made in self._overrides.items():
            for shift in made:
                row = (schedule, shift.person or "", shift.start, shift.end, self._node, shift.start)
                oncall_rows.add_override(self.tx, *row)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, tb)
        self._store.close()

    # What happens.

    def accept(self, delivery: Delivery, at: datetime) -> list[Verdict]:
        """Lets time pass until `at`, takes in the delivery and sends what it leads to at once."""
        self.run_to(at)
        verdicts = self.engine.accept(self.tx, delivery, at)
        if any(verdict.messages for verdict in verdicts):
            self._send()
        if not _REPEATS.issuperset(verdict.heard for verdict in verdicts):
            self._due = next_due(self.tx, self._waits)
        return verdicts

    def acknowledge(self, ids: Iterable[int], by: str, how: AckBy, at: datetime) -> list[int]:
        self.run_to(at)
        taken = self.engine.acknowledge(self.tx, ids, by, how, at)
        self._due = next_due(self.tx, self._waits)
        return taken

    # The clock.

    def run_to(self, until: datetime) -> None:
        """Does all that falls due by then."""
        if self._ticked is None:
            self.tick(second_of(until))
        while (at := self.next_tick()) is not None and at <= until:
            self.tick(at)
        self.now = until
        self._ticked = second_of(until)

    def next_tick(self) -> datetime | None:
        """The first tick not done yet that can find something."""
        if self._ticked is None:
            return None
        due = earlier(self._due, self._changes.next_after(self._ticked))
        return None if due is None else self.tick_for(due)

    def tick_for(self, due: datetime) -> datetime:
        """The first tick not done yet that finds what is due at a moment."""
        return second_from(due) if self._ticked is None else max(second_from(due), self._ticked + TICK)

    def tick(self, at: datetime) -> None:
        self.now = self._ticked = at
        self.ticks += 1
        self.engine.tick(self.tx, at)
        self._send()
        self._due = next_due(self.tx, self._waits)

    # Sending.

    def _commit(self, job: Callable[[Tx], T], /) -> T:
        return job(self.tx)

    def _send(self) -> None:
        while (sent := self._sender.send_once(lambda: self.now)) is not None:
            self._report(sent.message)
            self._sent(sent.message)

    def _report(self, message: Message) -> None:
        smsid = history.smsid_of(self.tx, message.id)
        if smsid:
            report = self._gateway.report(smsid)
            apply(self.tx, self._gateway.name, report, Cause.CALLBACK, self._node, self.now)

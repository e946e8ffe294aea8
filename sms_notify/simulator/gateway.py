"""The simulated gateway as a state machine: orders and time go in, changed texts and call-backs come out.

No HTTP, no clock, no threads: `server.py` has those; what a request says is for `answers.py`. It shares
nothing with the client in `gateways/`, or their tests would prove nothing.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from sms_notify.simulator.codes import Code
from sms_notify.simulator.courses import Courses, Steps
from sms_notify.simulator.records import (
    NotSent,
    Order,
    PostedReport,
    Posting,
    Received,
    ScheduledOrder,
    SimulatedText,
)
from sms_notify.simulator.settings import SimulatedStatus, SimulatorSettings

CALLBACK_TIME = "%Y%m%d%H%M%S"  # seed, 'Delivery notification URL': yyyymmdduummss
_KEPT_REQUESTS = 20_000  # a simulator left running for weeks must not eat the machine
_FINAL = (SimulatedStatus.DELIVERED, SimulatedStatus.NOT_DELIVERED, SimulatedStatus.REJECTED)
_NEVER_CALLED_BACK = (
    SimulatedStatus.SUBMITTED,
    SimulatedStatus.NONE,
)  # nothing has become of the text yet, or no report exists


class GatewayState:
    """Everything the gateway knows. Not safe for threads by itself: `Simulator` holds a lock around it."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.credits = settings.credits
        self.sent: dict[str, SimulatedText] = {}
        self.outbox: dict[str, ScheduledOrder] = {}
        self.received: deque[Received] = deque(maxlen=_KEPT_REQUESTS)
        self.refusals: deque[NotSent] = deque(maxlen=50)
        self.callbacks: deque[PostedReport] = deque(maxlen=_KEPT_REQUESTS)
        self.courses = Courses()
        self.request_count = 0
        self.error_count = 0
        self._smsids = itertools.count(1000001)
        self._outboxids = itertools.count(501)
        self._order = itertools.count()  # keeps what falls due at one instant in the order it was planned
        self._agenda: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._changed: list[SimulatedText] = []
        self._postings: list[Posting] = []
        self._held_back: dict[str, list[Posting]] = {}  # by smsid, where call-backs are reversed

    def texts(self) -> list[SimulatedText]:
        """Every text taken, oldest first, each with its status of now."""
        return list(self.sent.values())

    def requests(self) -> list[Received]:
        """The requests received, oldest first (the newest 20 000)."""
        return list(self.received)

    def change(self, settings: SimulatorSettings, *, set_credits: bool) -> None:
        """Obey `settings` from now on; texts on their way keep the fate they were given."""
        self.settings = settings
        if set_credits:
            self.credits = settings.credits

    def next_due(self) -> datetime | None:
        """When `advance` has something to do, or None."""
        return self._agenda[0][0] if self._agenda else None

    def advance(self, now: datetime) -> None:
        """Do what fell due: texts change status, scheduled ones leave; each is dated when it was due."""
        while self._agenda and self._agenda[0][0] <= now:
            due, _, action = heapq.heappop(self._agenda)
            action(due)

    def drain(self) -> list[SimulatedText]:
        """The texts that are new or changed since the last call, in order: for the page."""
        changed, self._changed = self._changed, []
        return changed

    def drain_postings(self) -> list[Posting]:
        """The call-backs that are due since the last call, in the order in which they leave."""
        postings, self._postings = self._postings, []
        return postings

    def call_back(self, posting: Posting, leaves: datetime, *, times: int = 1) -> None:
        """Post `posting` back at `leaves`; an instant that is past means at the next `advance`."""
        self._plan(leaves, lambda _: self._postings.extend([posting] * times))

    def submit(self, order: Order, now: datetime, *, emailed: bool = False) -> list[SimulatedText]:
        """Take the credits and put every text of `order` on its way."""
        self.credits -= order.cost
        return [self._submit_one(order, number, now, emailed=emailed) for number in order.numbers]

    def schedule(self, order: Order, due: datetime) -> ScheduledOrder:
        """Keep `order` until `due`; credits are taken when it leaves."""
        entry = ScheduledOrder(outboxid=str(next(self._outboxids)), due=due, order=order)
        self.outbox[entry.outboxid] = entry
        self._plan(due, lambda at: self._leave_outbox(entry.outboxid, at))
        return entry

    def refuse(self, code: Code, to: str, now: datetime) -> None:
        """Count a refusal and keep it for the page."""
        self.error_count += 1
        self.refusals.append(NotSent(now, code, to))

    def stamp(self, at: datetime, form: str) -> str:
        """`at` on the gateway's clock."""
        return at.astimezone(self.settings.zone).strftime(form)

    def _submit_one(self, order: Order, number: str, now: datetime, *, emailed: bool) -> SimulatedText:
        text = SimulatedText(
            number=number,
            text=order.text,
            reference=order.reference,
            smsid=str(next(self._smsids)),
            parts=order.parts,
            at=now,
            sender=order.sender,
            status=SimulatedStatus.SUBMITTED,
            changed_at=now,
            wants_report=order.wants_report,
            logged=order.logged,
            emailed=emailed,
        )
        self._remember(text)
        steps = self.courses.take(number)
        self._plan_steps(text, self._usual_steps(number) if steps is None else steps)
        return text

    def _usual_steps(self, number: str) -> Steps:
        settings = self.settings
        final = settings.final_of(number)
        steps = []
        if final not in (
            SimulatedStatus.SUBMITTED,
            SimulatedStatus.REJECTED,
        ):  # an operator that rejects has never buffered
            steps.append((settings.buffered_after, SimulatedStatus.BUFFERED))
        if final not in (SimulatedStatus.SUBMITTED, SimulatedStatus.BUFFERED):
            steps.append((settings.final_after, final))
        return tuple(steps)

    def _plan_steps(self, text: SimulatedText, steps: Steps) -> None:
        for seconds, status in steps:
            due = text.at + timedelta(seconds=seconds)
            self._plan(due, partial(self._become, text.smsid, status))

    def _become(self, smsid: str, status: SimulatedStatus, at: datetime) -> None:
        text = replace(self.sent[smsid], status=status, changed_at=at)
        self._remember(text)
        if text.wants_report and status not in _NEVER_CALLED_BACK:
            self._call_back_for(text, at)

    def _call_back_for(self, text: SimulatedText, at: datetime) -> None:
        settings = self.settings
        posting = Posting(text.smsid, self.stamp(at, CALLBACK_TIME), text.status, text.reference)
        if settings.callbacks_reversed and text.status not in _FINAL:
            self._held_back.setdefault(text.smsid, []).append(posting)
            return
        for each in (posting, *reversed(self._held_back.pop(text.smsid, []))):
            leaves = at + timedelta(seconds=settings.callbacks_after)
            self.call_back(each, leaves, times=settings.callbacks_times)

    def _leave_outbox(self, outboxid: str, due: datetime) -> None:
        entry = self.outbox.pop(outboxid, None)
        if entry is None:  # removed meanwhile
            return
        if entry.order.cost > self.credits:
            self.refuse(Code.NO_CREDITS, ", ".join(entry.order.numbers), due)
        else:
            self.submit(entry.order, due, emailed=entry.order.confirm)

    def _remember(self, text: SimulatedText) -> None:
        self.sent[text.smsid] = text
        self._changed.append(text)

    def _plan(self, due: datetime, action: Callable[[datetime], None]) -> None:
        heapq.heappush(self._agenda, (due, next(self._order), action))

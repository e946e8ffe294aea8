"""What time does to messages: leases end, evidence fails to come, texts grow too old, gateways stay closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.alert import Severity
from sms_notify.barring import barring_of, say_barring
from sms_notify.delivery.account import way_for
from sms_notify.policy.directory import group_of
from sms_notify.policy.vocabulary import Cause, State
from sms_notify.ruleset import Plan
from sms_notify.self_alerts import report_lost, report_unaddressed
from sms_notify.store import breakers, messages, outbox, pages
from sms_notify.store.messages import Entry, Message
from sms_notify.store.tx import Tx

# No retry waits longer (`policy/retry_policy.py`); a later time can only come from a clock that was wrong.
_LONGEST_PAUSE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Moved:
    """A message that time or a restart moved, as it was before, for whoever logs it."""

    message: Message
    state: State
    cause: Cause


class Upkeep:
    """The steps of a tick that concern messages alone."""

    def __init__(self, plan: Plan, node: str) -> None:
        self.plan = plan
        self.node = node
        self._numbers = plan.numbers()

    def tick(self, tx: Tx, now: datetime) -> list[Moved]:
        timing = self.plan.timing
        return [
            *self._end_leases(tx, now),
            *self._settle_unknown(tx, now - timing.reconcile_wait, now),
            *self._expire(tx, now),
            *self._fail_over(tx, now),
            *self._leave_barred(tx, now),
            *self._stop_waiting_for_reports(tx, now - timing.report_timeout, now),
        ]

    def recover(self, tx: Tx, now: datetime) -> list[Moved]:
        """At start: what this node was sending when it ended may have been sent: never straight back to the queue."""
        outbox.clamp_waits(tx, now + _LONGEST_PAUSE)
        return self._end(tx, outbox.leased_by(tx, self.node), Cause.RESTARTED, now)

    def adopt(self, tx: Tx, now: datetime) -> list[Moved]:
        """What waits for a number that is not configured is given up, what waits for such a gateway goes to another."""
        gone = outbox.not_for(tx, self._numbers)
        untold = [id_ for m in gone if m.kind.alarming for id_ in messages.incidents_of(tx, m.id)]
        report_unaddressed(tx, untold, now)
        return [
            *(self.move(tx, m, State.CANCELLED, Cause.NOT_CONFIGURED, now) for m in gone),
            *self._hand_over(tx, now),
        ]

    def move(
        self, tx: Tx, message: Message, state: State, cause: Cause, now: datetime, detail: str = ""
    ) -> Moved:
        messages.move(tx, message, state, Entry(cause, detail=detail), self.node, now)
        if state in (State.EXPIRED, State.UNKNOWN_FINAL, State.FAILED):
            report_lost(tx, message, state, cause, now)
        return Moved(message, state, cause)

    def _hand_over(self, tx: Tx, now: datetime) -> list[Moved]:
        orphans = outbox.of_other_gateways(tx, frozenset(self.plan.gateways))
        for message in orphans:
            outbox.hand_over(tx, message, self.plan.gateway, Entry(Cause.GATEWAY_GONE), self.node, now)
        return [Moved(message, State.QUEUED, Cause.GATEWAY_GONE) for message in orphans]

    def _end(self, tx: Tx, left: Sequence[Message], cause: Cause, now: datetime) -> list[Moved]:
        for message in left:
            outbox.mark_ambiguous(tx, message, Entry(cause), self.node, now)
        return [Moved(message, State.UNKNOWN, cause) for message in left]

    def _end_leases(self, tx: Tx, now: datetime) -> list[Moved]:
        return self._end(tx, outbox.overdue(tx, State.SUBMITTING, now), Cause.LEASE_ENDED, now)

    def _settle_unknown(self, tx: Tx, until: datetime, now: datetime) -> list[Moved]:
        """No report came that speaks for the attempt: send a critical page once more, leave the rest alone."""
        return [self._settle(tx, message, now) for message in outbox.overdue(tx, State.UNKNOWN, until)]

    def _settle(self, tx: Tx, message: Message, now: datetime) -> Moved:
        if not self._deserves_resend(tx, message, now):
            return self.move(tx, message, State.UNKNOWN_FINAL, Cause.NO_EVIDENCE, now)
        outbox.requeue(tx, message, now, Entry(Cause.RESEND), self.node, now)
        there = way_for(tx, self.plan.gateways, message)
        if message.gateway not in self.plan.gateways:  # nobody serves its queue any more
            outbox.hand_over(
                tx, message, there or self.plan.gateway, Entry(Cause.GATEWAY_GONE), self.node, now
            )
        elif (
            there is not None and breakers.closed_to_all(tx, there) is None
        ):  # what left no answer once may leave none again
            outbox.hand_over(tx, message, there, Entry(Cause.FAIL_OVER), self.node, now)
        return Moved(message, State.QUEUED, Cause.RESEND)

    def _deserves_resend(self, tx: Tx, message: Message, now: datetime) -> bool:
        return (
            message.severity is Severity.CRITICAL
            and message.kind.alarming
            and group_of(message.number) is None  # one silence would make two texts for everybody in it
            and message.ambiguous <= self.plan.timing.ambiguous_resends
            and message.expires_at > now
            and message.number in self._numbers
            and not messages.nobody_waits_for(tx, message.id)
        )

    def _expire(self, tx: Tx, now: datetime) -> list[Moved]:
        """What may have left once is not known to have failed; the rest was never sent, and what it was to tell goes
        into the next text, which says that it is late.
        """
        return [self._too_old(tx, message, now) for message in outbox.overdue(tx, State.QUEUED, now)]

    def _too_old(self, tx: Tx, message: Message, now: datetime) -> Moved:
        moved = self.move(
            tx, message, State.UNKNOWN_FINAL if message.ambiguous else State.EXPIRED, Cause.TOO_OLD, now
        )
        if not message.ambiguous:
            pages.release(tx, message.id, now)
        return moved

    def _fail_over(self, tx: Tx, now: datetime) -> list[Moved]:
        """What waits for a gateway that takes nothing goes to the next that does: critical at once, the rest later."""
        closed = {g: breakers.closed_to_all(tx, g) for g in self.plan.gateways} if self._choice else {}
        moved: list[Moved] = []
        for gateway, breaker in closed.items():
            if breaker is None or None not in closed.values():
                continue
            patient = now - breaker.opened_at >= self.plan.timing.failover_after
            for message in outbox.waiting_for(tx, gateway):
                there = way_for(tx, self.plan.gateways, message)
                if (
                    there is not None
                    and closed[there] is None
                    and (patient or message.severity is Severity.CRITICAL)
                ):
                    moved.append(self._pass_on(tx, message, there, now))
        return moved

    @property
    def _choice(self) -> bool:
        return len(self.plan.gateways) > 1

    def _pass_on(self, tx: Tx, message: Message, there: str, now: datetime, detail: str = "") -> Moved:
        outbox.hand_over(tx, message, there, Entry(Cause.FAIL_OVER, detail=detail), self.node, now)
        return Moved(message, State.QUEUED, Cause.FAIL_OVER)

    def _leave_barred(self, tx: Tx, now: datetime) -> list[Moved]:
        """What waits for a number or a country that its gateway refuses goes to another gateway, or nowhere."""
        return [self._leave(tx, message, now) for message in outbox.barred(tx)]

    def _leave(self, tx: Tx, message: Message, now: datetime) -> Moved:
        there, barring = way_for(tx, self.plan.gateways, message), self._barring(tx, message)
        if there is not None:
            return self._pass_on(tx, message, there, now, barring)
        state = State.UNKNOWN_FINAL if message.ambiguous else State.FAILED
        return self.move(tx, message, state, Cause.BARRED, now, barring)

    def _barring(self, tx: Tx, message: Message) -> str:
        """In the words that every command has for it."""
        others = [name for name in self.plan.gateways if name != message.gateway]
        barring = barring_of(tx, (message.gateway, *others), message.number)
        return "" if barring is None else say_barring(barring)

    def _stop_waiting_for_reports(self, tx: Tx, until: datetime, now: datetime) -> list[Moved]:
        silent = [m for state in (State.SENT, State.BUFFERED) for m in outbox.overdue(tx, state, until)]
        for message in silent:
            if message.state is State.BUFFERED:
                report_lost(tx, message, State.BUFFERED, "its phone has been out of reach for too long", now)
        return [self.move(tx, m, State.NO_REPORT, Cause.REPORT_TIMEOUT, now) for m in silent]

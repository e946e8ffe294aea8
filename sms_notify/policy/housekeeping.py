"""What time does to messages: leases end, evidence fails to come, texts grow too old, gateways stay closed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from sms_notify.policy import handoff
from sms_notify.policy.allowed_moment import Rechecking
from sms_notify.policy.bars import Barring, bar_of, barring_of, closed_to_all, fail_over_of, way_for
from sms_notify.policy.owed_again import after_lost_answer, release_late, still_owed
from sms_notify.policy.records import Entry, Message
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import note_lost, note_unaddressed
from sms_notify.policy.vocabulary import Cause, PageState, State
from sms_notify.policy.withdrawal import fail, take_back

# No retry waits longer (`retry_policy.py`); a later time can only come from a clock that was wrong.
LONGEST_PAUSE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Moved:
    """A message that time or a restart moved, as it was before, for whoever logs it."""

    message: Message
    state: State
    cause: Cause


@dataclass(frozen=True, slots=True)
class Overdue:
    """The messages whose time is over, by what they waited for: an answer, evidence, to leave, a report."""

    leased: tuple[Message, ...] = ()
    unknown: tuple[Message, ...] = ()
    expired: tuple[Message, ...] = ()
    sent: tuple[Message, ...] = ()
    buffered: tuple[Message, ...] = ()


class Housekeeping:
    """The part of a tick that concerns messages alone. `say` words what bars a number."""

    def __init__(
        self, plan: Plan, numbers: frozenset[str], rows: Rows, say: Callable[[Barring], str]
    ) -> None:
        self._plan = plan
        self._numbers = numbers
        self._rows = rows
        self._say = say
        self._windows = Rechecking(plan)
        self._now = rows.now
        self.moved: list[Moved] = []

    def overdue(self, late: Overdue) -> None:
        """A lease, a wait for evidence, a life, a wait for a report is over."""
        for message in late.leased:
            self.lose(message, Cause.LEASE_ENDED)
        for message in late.unknown:
            self._settle(message)
        for message in late.expired:
            self._expire(message)

    def send_by_another(self, unknown: Iterable[Message]) -> None:
        """A critical text whose answer was lost goes by another gateway at once: rather twice than a minute late. What gets no
        second text waits for its report: one to a group, by hand or to the operator, or one that is the second already.
        """
        for message in unknown:
            there = way_for(self._rows.breakers, self._plan.gateways, message)
            takes = there is not None and closed_to_all(self._rows.breakers, there) is None
            waits = self._rows.messages.rows[message.id].state is State.UNKNOWN
            if takes and waits and message.kind.alarming:
                self._again_at_once(message)

    def lose(self, message: Message, cause: Cause) -> None:
        """What was being sent may have been sent: never straight back to the queue."""
        lost = replace(message, ambiguous=message.ambiguous + 1)
        self._note(message, self._rows.move(lost, State.UNKNOWN, Entry(cause)), cause)

    def stop_waiting_for_reports(self, silent: Iterable[Message]) -> None:
        for message in silent:
            if message.state is State.BUFFERED:
                why = "its phone has been out of reach for too long"
                note_lost(self._rows, message, State.BUFFERED, why)
            self.move(message, State.NO_REPORT, Cause.REPORT_TIMEOUT)

    def move(self, message: Message, state: State, cause: Cause, detail: str = "") -> None:
        moved, told = (
            self._rows.move(message, state, Entry(cause, detail=detail)),
            self._rows.of_message(message.id),
        )
        given_up = [n for n in told if still_owed(self._rows, n)] if state is State.UNKNOWN_FINAL else []
        lost = state in (State.EXPIRED, State.UNKNOWN_FINAL, State.FAILED)
        if lost and (told or cause is not Cause.RESEND):
            why = Cause.NO_EVIDENCE if cause is Cause.RESEND else cause  # of what is not told again
            note_lost(self._rows, message, state, why, given_up)
        if state.bad_end:
            fail(self._rows, moved)
        self._note(message, moved, cause)

    def _note(self, before: Message, after: Message, cause: Cause) -> None:
        self.moved.append(Moved(before, after.state, cause))

    def drop_unaddressed(self, waiting: Iterable[Message]) -> None:
        """What waits for a number that is not configured is given up."""
        gone = [m for m in waiting if m.number not in self._numbers and m.kind.configured]
        alarming = (m for m in gone if m.kind.alarming)
        untold = [n.incident_id for m in alarming for n in self._rows.of_message(m.id)]
        note_unaddressed(self._rows, untold)
        for message in gone:
            self.move(message, State.CANCELLED, Cause.NOT_CONFIGURED)

    def leave_unknown_gateways(self, waiting: Iterable[Message]) -> None:
        """What waits for a gateway that is not configured goes to another."""
        for message in waiting:
            if message.gateway not in self._plan.gateways:
                self._hand_over(message, self._plan.gateway, Cause.GATEWAY_GONE)
                self.moved.append(Moved(message, State.QUEUED, Cause.GATEWAY_GONE))

    def _hand_over(self, message: Message, gateway: str, cause: Cause, detail: str = "") -> None:
        """Queues a waiting message for another gateway, which has given no reason to wait."""
        there = replace(message, gateway=gateway, not_before=min(message.not_before, self._now))
        self._rows.move(there, State.QUEUED, Entry(cause, detail=detail))

    def _again_at_once(self, message: Message) -> None:
        if after_lost_answer(self._rows, message, self._numbers, timedelta()):
            self.move(message, State.UNKNOWN_FINAL, Cause.RESEND)

    def _settle(self, message: Message) -> None:
        """No report came that speaks for the attempt: what it tells is owed once more, or given up."""
        waited = self._plan.timing.reconcile_wait
        again = after_lost_answer(self._rows, message, self._numbers, waited)
        self.move(message, State.UNKNOWN_FINAL, Cause.RESEND if again else Cause.NO_EVIDENCE)

    def _expire(self, message: Message) -> None:
        """What may have left once is not known to have failed; the rest was never sent, and what it was to tell goes
        into the next text, which says that it is late.
        """
        if self._hold_again(message):
            return
        state = State.UNKNOWN_FINAL if message.ambiguous else State.EXPIRED
        self.move(message, state, Cause.TOO_OLD)
        if state is State.EXPIRED:
            release_late(self._rows, message.id)
            handoff.tell_after_all(self._rows, message)

    def _hold_again(self, message: Message) -> bool:
        """Where quiet hours, or a mute, have begun before it could leave, it was not to leave later than that."""
        rows, now, told = self._rows, self._now, self._rows.of_message(message.id)
        if not any(n.state is PageState.TOLD and self._windows.holds(rows, n, now) for n in told):
            return False
        if not take_back(rows, message, cause=Cause.HELD_AGAIN):
            return False
        self._windows.hold_again(rows, (n for n in rows.all_held() if n.id in {one.id for one in told}))
        self._note(message, rows.messages.rows[message.id], Cause.HELD_AGAIN)
        return True

    def fail_over(self, waiting: Iterable[Message]) -> None:
        """What waits for a gateway that takes nothing goes to the next that does: critical at once, the rest later."""
        breakers, known = self._rows.breakers, self._plan.gateways
        closed = {gateway for gateway in known if closed_to_all(breakers, gateway) is not None}
        if not closed or len(closed) == len(known):
            return
        for message in waiting:
            if message.gateway in closed:
                found = fail_over_of(breakers, known, message, self._plan.timing.failover_after)
                if found is not None and found.at <= self._now:
                    self._pass_on(message, found.gateway)

    def _pass_on(self, message: Message, there: str, detail: str = "") -> None:
        self._hand_over(message, there, Cause.FAIL_OVER, detail)
        self.moved.append(Moved(message, State.QUEUED, Cause.FAIL_OVER))

    def leave_barred(self, waiting: Iterable[Message]) -> None:
        """What waits for a number or a country that its gateway refuses goes to another gateway, or nowhere."""
        for message in waiting:
            if bar_of(self._rows.breakers, message.gateway, message.number) is not None:
                self._leave(message)

    def _leave(self, message: Message) -> None:
        there, barring = way_for(self._rows.breakers, self._plan.gateways, message), self._barring(message)
        if there is not None:
            self._pass_on(message, there, barring)
            return
        state = State.UNKNOWN_FINAL if message.ambiguous else State.FAILED
        self.move(message, state, Cause.BARRED, barring)

    def _barring(self, message: Message) -> str:
        """In the words that every command has for it."""
        others = [name for name in self._plan.gateways if name != message.gateway]
        barring = barring_of(self._rows.breakers, (message.gateway, *others), message.number)
        return "" if barring is None else self._say(barring)

"""What the passing of time leads to: one look at what has fallen due, then a working set for each kind of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.barring import say_barring
from sms_notify.engine.accepting import Accepting, Verdict
from sms_notify.engine.follow_ups import FollowUps
from sms_notify.engine.texting import Texting
from sms_notify.engine.working_set import WorkingSet
from sms_notify.policy import handoff, self_check_texts
from sms_notify.policy.batching import Texted
from sms_notify.policy.escalation import ALONG, Escalation
from sms_notify.policy.housekeeping import Housekeeping, Moved, Overdue
from sms_notify.policy.owed_again import look_before_resend
from sms_notify.policy.records import Message, TimerKind
from sms_notify.policy.relief import call_back, relieved
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_check import SelfCheckEnd
from sms_notify.policy.truth import passed, unheard
from sms_notify.policy.vocabulary import State
from sms_notify.policy.watches import missed, watch_delivery
from sms_notify.store import account_rows, breakers, limit_rows, outbox, timers, watch_rows, work_due
from sms_notify.store.tx import Tx
from sms_notify.store.work_due import WorkDue

_GROUPS_KEPT = timedelta(days=1)
_ALL = 100_000  # texts: once a shift, however long the queue is
_BALANCE_HOLDS = timedelta(hours=1)
"""It is asked every quarter of an hour; an older one is not known any more."""
_LOOK_EVERY = timedelta(minutes=5)  # for gaps ahead in who is on call


@dataclass(frozen=True, slots=True)
class Ticked:
    """What time has led to: messages that it moved, and the ids of those that it wrote.

    `next_at` is when critical texts that a limit holds may go on: to be late then is to be late with a page. `self_check` is
    what came of its daily text, `missing` of the watches that have fallen silent.
    """

    moved: tuple[Moved, ...] = ()
    written: tuple[int, ...] = ()
    next_at: datetime | None = None
    self_check: tuple[SelfCheckEnd, ...] = ()
    missing: tuple[Verdict, ...] = ()


class Ticker:
    """By one configuration. `numbers` are those that it names."""

    def __init__(
        self,
        plan: Plan,
        numbers: frozenset[str],
        node: str,
        texting: Texting,
        follow_ups: FollowUps,
        accepting: Accepting,
    ) -> None:
        self._follow_ups = follow_ups
        self._accepting = accepting
        self._plan = plan
        self._numbers = numbers
        self._node = node
        self._texting = texting
        self._look_for_gaps_at: datetime | None = None

    def tick(self, tx: Tx, now: datetime) -> Ticked:
        """Does what has fallen due by `now`."""
        timing = self._plan.timing
        due = work_due.look(
            tx, now, stale_after=timing.stale_after, reconcile_wait=timing.reconcile_wait,
            report_timeout=timing.report_timeout,
        )  # fmt: skip
        told: list[Texted] = []
        if due.unheard or due.silent:
            told += self._note_unheard(tx, now)
        if due.old_notes:
            breakers.close_old_self_alerts(tx, now)
        if due.paid_for:
            limit_rows.end_unpaid(tx, now)
        if due.old_groups:
            timers.forget_groups(tx, now - _GROUPS_KEPT)
        if due.after_hours and not self._plan.schedules:
            due = replace(due, after_hours=False)
        if self._plan.schedules and self._hand_off(tx, due, now):
            due = replace(due, notifications=True, after_hours=True)
        moved = self._keep_house(tx, due, now) if due.housekeeping else []
        told += self._lapse(tx, now) if due.lapsed else []
        if moved:  # what has failed makes steps due, and what grew too old is to be told
            due = replace(due, steps=True, notifications=True, again=True, lanes=True)
            due = replace(due, after_hours=bool(self._plan.schedules))
        if due.calm or due.copies:
            told += self._calm_down(tx, due, now)
        if due.steps or due.notifications or due.lapsed:
            told += self._tell_due(tx, due, now)
        if due.notifications or due.lanes:
            limit_rows.free_silent_lanes(tx, now)
        if due.reminders:
            told += self._remind(tx, now)
        if due.steps or due.notifications or due.lanes or due.reminders:
            due = replace(due, next_critical=limit_rows.next_critical(tx))
        silent = self._miss(tx, now) if due.watches else []
        checked = self._check_itself(tx, now) if due.self_checks else ()
        written = dict.fromkeys(message_id for _, message_id in told)
        written |= dict.fromkeys(id_ for verdict in silent for id_ in verdict.messages)
        return Ticked(tuple(moved), (*written,), due.next_critical, checked, tuple(silent))

    def _check_itself(self, tx: Tx, now: datetime) -> tuple[SelfCheckEnd, ...]:
        """Last of all: what alerts are owed goes before it in the limits."""
        working = WorkingSet(tx, self._node, now)
        rows = working.rows
        working.load_ids()
        working.load_timers([handoff.NO_INCIDENT])
        self._load_roster(working)
        for person in self_check_texts.people_due(self._plan, rows):
            leave = self._texting.leave_by_hand(working, person.number)
            credits_left = account_rows.balance(tx, self._plan.gateway)
            fresh = credits_left is not None and now - credits_left.at <= _BALANCE_HOLDS
            known = credits_left.left if credits_left is not None and fresh else None
            self_check_texts.tell(self._plan, rows, person, leave, known)
        working.flush()
        return tuple(SelfCheckEnd(one.detail) for one in rows.decided)

    def _note_unheard(self, tx: Tx, now: datetime) -> list[Texted]:
        working = WorkingSet(tx, self._node, now)
        working.load_ids()
        found = working.load_unheard(now - self._plan.timing.stale_after)
        found += [one for one in working.load_silent() if one.id not in {known.id for known in found}]
        cases = [unheard(self._plan, working.rows, incident) for incident in found]
        told = self._texting.unheard(working, self._numbers, cases)
        working.flush()
        return told

    def _miss(self, tx: Tx, now: datetime) -> list[Verdict]:
        """Watches that have fallen silent become alerts, in the same commit."""
        both = [(row, self._plan.watches.get(row.name)) for row in watch_rows.due(tx, now)]
        found = [missed(row, rule) for row, rule in both if rule is not None]
        watch_rows.save(tx, [row for row, _ in found])
        [verdicts] = self._accepting.accept(tx, [watch_delivery(alert for _, alert in found)], now)
        return verdicts

    def _lapse(self, tx: Tx, now: datetime) -> list[Texted]:
        """Before the steps: one that the end of an acknowledgement makes due is told in the same tick."""
        working = WorkingSet(tx, self._node, now)
        told = self._follow_ups.lapse(working)
        working.flush()
        return told

    def _hand_off(self, tx: Tx, due: WorkDue, now: datetime) -> bool:
        """Tells who takes over now; every few minutes, looks for gaps ahead. True where what waited for somebody whose shift
        has ended is due to others.
        """
        working = WorkingSet(tx, self._node, now)
        rows = working.rows
        working.load_roster(self._plan.directory)
        told = handoff.taken_over(self._plan, rows)
        if told or due.handoffs:
            working.load_timers([handoff.NO_INCIDENT])
            working.load_open_incidents()
            working.load_ids()
        for schedule in handoff.to_text_now(self._plan, rows, told):
            handoff.tell(self._plan, rows, schedule)
        called_back = bool(rows.holders.touched) and self._call_back(tx, working)
        last = self._look_for_gaps_at
        if last is None or now >= last or last - now > _LOOK_EVERY:
            self._look_for_gaps_at = now + _LOOK_EVERY
            found = (handoff.gap_ahead(rows, schedule) for schedule in self._plan.schedules.values())
            rows.notes += [
                note for note in found if note is not None and not breakers.is_known(tx, note.name)
            ]
        working.flush()
        return called_back

    def _call_back(self, tx: Tx, working: WorkingSet) -> bool:
        waiting = [m for gateway in self._plan.gateways for m in outbox.waiting_for(tx, gateway, _ALL)]
        working.load_context(m.id for m in waiting)
        working.load_all_held()
        return call_back(self._plan, working.rows)

    def _tell_due(self, tx: Tx, due: WorkDue, now: datetime) -> list[Texted]:
        """Steps, what somebody else hears now, and what was held until now: each may find that the one before has told it."""
        working = WorkingSet(tx, self._node, now)
        rows = working.rows
        working.load_ids()
        if due.steps or due.lapsed:
            working.load_due_timers(TimerKind.ESCALATE, now)
        if due.after_hours:
            working.load_due_after_hours()
        if due.steps or due.lapsed or due.after_hours:
            self._load_roster(working)
        if due.again:
            working.load_due_again()
            look_before_resend(self._plan, self._numbers, rows)
        told = self._texting.owe(working, Escalation(self._plan, rows).steps())
        told += self._texting.owe(working, relieved(self._plan, rows))
        told += self._texting.flush(working)
        working.flush()
        return told

    def _calm_down(self, tx: Tx, due: WorkDue, now: datetime) -> list[Texted]:
        """What has flapped and is calm, and what was not an old copy after all."""
        working = WorkingSet(tx, self._node, now)
        working.load_ids()
        keys = working.load_due_keys([TimerKind.CALM] * due.calm + [TimerKind.COPY] * due.copies)
        working.load_problems(keys)
        working.load_history(keys)
        self._load_roster(working)
        cases = [case for key in keys if (case := passed(self._plan, working.rows, key)) is not None]
        told = self._texting.tell(working, self._numbers, cases)
        working.flush()
        return told

    def _load_roster(self, working: WorkingSet) -> None:
        if self._plan.schedules:
            working.load_roster(self._plan.directory)

    def _remind(self, tx: Tx, now: datetime) -> list[Texted]:
        """Last of all, for what was told just now needs no reminder."""
        working = WorkingSet(tx, self._node, now)
        working.load_ids()
        working.load_due_timers(TimerKind.REMIND, now + ALONG)
        self._load_roster(working)
        told = self._texting.owe(working, Escalation(self._plan, working.rows).reminders())
        working.flush()
        return told

    def _keep_house(self, tx: Tx, due: WorkDue, now: datetime) -> list[Moved]:
        timing, working = self._plan.timing, WorkingSet(tx, self._node, now)
        rows = working.rows
        late = Overdue(
            tuple(outbox.overdue(tx, State.SUBMITTING, now)) if due.leased else (),
            tuple(outbox.overdue(tx, State.UNKNOWN, now - timing.reconcile_wait)) if due.unknown else (),
            tuple(outbox.overdue(tx, State.QUEUED, now)) if due.expired else (),
            tuple(outbox.overdue(tx, State.SENT, now - timing.report_timeout)) if due.sent else (),
            tuple(outbox.overdue(tx, State.BUFFERED, now - timing.report_timeout)) if due.buffered else (),
        )
        early = outbox.answer_lost_once(tx) if due.urgent and len(self._plan.gateways) > 1 else ()
        working.load_breakers()
        stuck = self._stuck(tx, rows) if due.refused else []
        gone = (message for message in (*late.leased, *late.sent))
        working.know(gone)
        working.load_context(m.id for m in (*late.unknown, *early, *late.expired, *late.buffered, *stuck))
        house = self.housekeeping(rows)
        house.overdue(late)
        house.send_by_another(early)
        house.fail_over(still_queued(rows))
        house.leave_barred(sorted(still_queued(rows), key=lambda m: (m.expires_at, m.id)))
        house.stop_waiting_for_reports((*late.sent, *late.buffered))
        working.flush()
        return house.moved

    def housekeeping(self, rows: Rows) -> Housekeeping:
        return Housekeeping(self._plan, self._numbers, rows, say_barring)

    def _stuck(self, tx: Tx, rows: Rows) -> list[Message]:
        """What waits where nothing leaves, or for a number or a country that its gateway refuses."""
        closed = {breaker.gateway for breaker in rows.breakers if breaker.scope.whole}
        if len(self._plan.gateways) < 2:
            closed = set()
        waiting = [
            m for gateway in self._plan.gateways if gateway in closed for m in outbox.waiting_for(tx, gateway)
        ]
        return [*waiting, *outbox.barred(tx)]


def still_queued(rows: Rows) -> list[Message]:
    """The most urgent first."""
    waiting = [message for message in rows.messages.rows.values() if message.state is State.QUEUED]
    return sorted(waiting, key=lambda message: (message.rank, message.not_before, message.id))

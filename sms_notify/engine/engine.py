"""The steps of deciding: facts in, changes out.

`accept`, `tick`, `acknowledge` and `recover` are the whole engine. Each loads what it may touch, lets policy change it in
memory, and writes it back. They take the transaction and `now`; none reads a clock, so the running daemon, the backtest
and a replay on a virtual clock are the same code. Sending begins where this ends: at the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.alert import Alert, Delivery, Status
from sms_notify.barring import say_barring
from sms_notify.engine.working_set import WorkingSet
from sms_notify.oncall.roster import Roster
from sms_notify.policy import handoff
from sms_notify.policy.acknowledgement import acknowledge, acknowledge_there
from sms_notify.policy.allowance import Allowance
from sms_notify.policy.batching import Batching, Texted, joins
from sms_notify.policy.correlation import Chains, is_repeat, known, names
from sms_notify.policy.escalation import ALONG, Escalation
from sms_notify.policy.holds import Hold
from sms_notify.policy.housekeeping import LONGEST_PAUSE, Housekeeping, Moved, Overdue
from sms_notify.policy.notifications import Case, EndsOwed, Notifications, relieved
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.records import AcceptedAlert, Message, Notification, TimerKind
from sms_notify.policy.roster import scheduled
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.routing import Route, route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import note_unaddressed
from sms_notify.policy.truth import close_unheard, hear
from sms_notify.policy.vocabulary import AckBy, Cause, Drop, Heard, Kind, PageState, State
from sms_notify.store import breakers, incidents, limit_rows, outbox, timers, work_due
from sms_notify.store.tx import Tx
from sms_notify.store.work_due import WorkDue

_TO_REPEAT = timedelta(hours=5)  # after a start: longer than a source's usual repeat interval
_GROUPS_KEPT = timedelta(days=1)
_LOOK_EVERY = timedelta(minutes=5)  # for gaps ahead in who is on call


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one accepted alert; `messages` are the ids of the texts that tell it by now."""

    alert: Alert
    heard: Heard
    incident_id: int | None = None
    receivers: tuple[str, ...] = ()
    messages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Ticked:
    """What time has led to: messages that it moved, and the ids of those that it wrote.

    `next_at` is when critical texts that a limit holds may go on: to be late then is to be late with a page.
    """

    moved: tuple[Moved, ...] = ()
    written: tuple[int, ...] = ()
    next_at: datetime | None = None


# Which messages tell an incident's beginning or its end.
Texts = dict[tuple[int, Kind], list[int]]


def no_code() -> str:
    """For where no text bears a link."""
    return ""


class Engine:
    """Decides and words by one configuration. `node` names this process in the ledger; `code` makes the unguessable
    end of a link that acknowledges.
    """

    def __init__(self, plan: Plan, node: str, code: Callable[[], str] = no_code) -> None:
        self.plan = plan
        self.node = node
        self._code = code
        self.roster = Roster(plan.directory, plan.schedules)
        self._numbers = plan.numbers()
        self._shares = _shares(plan.route)
        self._allowance = Allowance(plan)
        self._look_for_gaps_at: datetime | None = None

    def with_schedules(self, schedules: Mapping[str, Schedule]) -> Engine:
        """The same engine after the calendars were read again."""
        return Engine(replace(self.plan, schedules=schedules), self.node, self._code)

    # A delivery.

    def accept(self, tx: Tx, delivery: Delivery, now: datetime) -> list[Verdict]:
        """Takes in one delivery: episodes, routes, who is owed what, texts, and a row for every alert with what it led to."""
        working = WorkingSet(tx, self.node, now)
        rows = working.rows
        chains = [route(self.plan.route, alert.labels).chains for alert in delivery.alerts]
        self._load(working, delivery, chains)
        heard = {at: self._hear(rows, delivery.alerts[at], chains[at]) for at in self._order(delivery.alerts)}
        cases = [heard[at] for at in range(len(delivery.alerts))]
        if all(case.heard.suppressed for case in cases) and not delivery.acks:
            return self._recorded(working, delivery, cases, [], EndsOwed(), {})
        decide = Notifications(self.plan, self._numbers, delivery, rows)
        self._load_for(working, decide, cases)
        begun = decide.beginnings(cases)
        told = self._batch(working, begun)
        ended = decide.ends(cases)
        told += self._batch(working, ended.owed)
        # After the beginnings: what is first heard of with its acknowledgement climbs nowhere.
        for ack in delivery.acks:
            acknowledge_there(rows, ack)
        return self._recorded(working, delivery, cases, [*begun, *ended.owed], ended, _texts(told))

    def _load(self, working: WorkingSet, delivery: Delivery, chains: Sequence[Chains]) -> None:
        """The problems that are spoken of; for all but repeats also what people know of them."""
        alerts = list(zip(delivery.alerts, chains, strict=True))
        acks = [(ack.source, ack.fingerprint) for ack in delivery.acks]
        working.load_problems([*(key for alert, way in alerts for key in names(alert, way)), *acks])
        seldom = {key for key, times in _counts(delivery.alerts).items() if times == 1}
        news = [
            (alert, way) for alert, way in alerts
            if (alert.source, alert.fingerprint) not in seldom or not is_repeat(working.rows, alert)
        ]  # fmt: skip
        if not news and not acks:
            return
        working.load_ids()
        keys = [key for alert, way in news for key in names(alert, way)] + acks
        keys += [
            (one.source, one.fingerprint) for key in keys if (one := working.rows.part_of(*key)) is not None
        ]
        rule = self.plan.limits.flapping
        working.load_history(keys, working.rows.now - (rule.within if rule is not None else timedelta()))

    def _load_for(self, working: WorkingSet, decide: Notifications, cases: Sequence[Case]) -> None:
        """What deciding who is owed something needs beside the problems."""
        asked = (self.plan.receivers[name] for case in cases if case.heard.news for name in case.receivers)
        if any(scheduled(receiver.notify) for receiver in asked):
            working.load_roster(self.plan.directory)
        working.load_groups(decide.groups(cases))

    def _order(self, alerts: Sequence[Alert]) -> Sequence[int]:
        """What fires first, where alerts may share an incident: that one ends and another goes on is no end."""
        once_each = len({alert.fingerprint for alert in alerts}) == len(alerts)
        if not (self._shares and once_each):
            return range(len(alerts))
        return sorted(range(len(alerts)), key=lambda at: alerts[at].status is Status.RESOLVED)

    def _hear(self, rows: Rows, alert: Alert, chains: Chains) -> Case:
        return hear(self.plan, rows, known(rows, alert, chains), chains)

    def _batch(self, working: WorkingSet, owed: Sequence[Notification]) -> list[Texted]:
        """Texts about what is due of it; the rest is written down for later."""
        due: dict[str, list[Notification]] = {}
        for n in owed:
            if n.due_at <= working.rows.now:
                due.setdefault(n.number, []).append(n)
        self._load_limits(working, due)
        self._load_companions(working, ((number, n.lane, [n]) for number, mine in due.items() for n in mine))
        return self._batching(working).owe(owed)

    def _batching(self, working: WorkingSet) -> Batching:
        return Batching(self.plan, self._allowance, self._code, working.rows)

    def _load_limits(self, working: WorkingSet, numbers: Iterable[str]) -> None:
        """What the limits leave these numbers, where there are any."""
        wanted = list(numbers)
        if not wanted or not (self._allowance.limited(Lane.CRITICAL) or self._allowance.limited(Lane.REST)):
            return
        working.load_lanes(wanted, {lane: self._allowance.looks_back(lane) for lane in Lane})
        bounds = self.plan.limits.credits if self._allowance.of_money else None
        working.load_money(self.plan.gateway, bounds, self._allowance.looks_back_at_all())

    def _load_companions(
        self, working: WorkingSet, due: Iterable[tuple[str, Lane, Sequence[Notification]]]
    ) -> None:
        """What is held in the same lanes and may go along, where a text may leave at all."""
        rows, lanes, late = working.rows, set[tuple[str, Lane]](), set[str]()
        for number, lane, ready in due:
            limited, held = self._allowance.limited(lane), rows.lane(number, lane)
            waits = limited and ((held is not None and held.until > rows.now) or rows.waits(number, lane))
            if not waits and joins(lane, ready, was_held=limited and held is not None):
                lanes.add((number, lane))
                late |= {number for n in ready if n.why is Hold.LATE and lane is Lane.CRITICAL}
        working.load_held(lanes)
        working.load_late(late)

    def _recorded(
        self,
        working: WorkingSet,
        delivery: Delivery,
        cases: Sequence[Case],
        owed: Sequence[Notification],
        ended: EndsOwed,
        texts: Texts,
    ) -> list[Verdict]:
        """Writes down what every alert has led to, and everything else with it."""
        verdicts = [self._verdict(working.rows, case, owed, ended, texts) for case in cases]
        for case, verdict in zip(cases, verdicts, strict=True):
            paths = tuple(f"{chain[-1].path} -> {chain[-1].receiver}" for chain in case.chains)
            shared = case.told_as is not None
            working.rows.heard.append(
                AcceptedAlert(verdict.alert, verdict.heard, case.incident_id, delivery.group, paths, shared)
            )
        working.flush()
        return verdicts

    def _verdict(
        self, rows: Rows, case: Case, owed: Sequence[Notification], ended: EndsOwed, texts: Texts
    ) -> Verdict:
        kind = Kind.FIRING if case.heard.news else Kind.RESOLVED
        heard, told = case.heard, tuple(texts.get((case.incident_id or 0, kind), ()))
        with_its_beginning = kind is Kind.RESOLVED and case.incident_id in ended.told_at_once
        known_ = with_its_beginning or any(n.incident_id == case.incident_id and n.kind is kind for n in owed)
        if not heard.suppressed and not told and not known_:
            heard = _why_untold(rows, case)
        alert = case.told_as or case.alert
        return Verdict(alert, heard, case.incident_id, case.receivers, () if heard.suppressed else told)

    # Time.

    def tick(self, tx: Tx, now: datetime) -> Ticked:
        """Does what has fallen due by `now`."""
        timing = self.plan.timing
        due = work_due.look(
            tx, now, stale_after=timing.stale_after, reconcile_wait=timing.reconcile_wait,
            report_timeout=timing.report_timeout,
        )  # fmt: skip
        if due.unheard:
            self._close_unheard(tx, now)
        if due.old_notes:
            breakers.close_old_self_alerts(tx, now)
        if due.old_groups:
            timers.forget_groups(tx, now - _GROUPS_KEPT)
        if self.plan.schedules:
            self._hand_off(tx, now)
        moved = self._keep_house(tx, due, now) if due.housekeeping else []
        told: list[Texted] = []
        if moved or due.steps or due.notifications:
            told += self._tell_due(tx, now)
        if moved or due.notifications or due.lanes:
            limit_rows.free_silent_lanes(tx, now)
        if due.reminders:
            told += self._remind(tx, now)
        if told or moved or due.lanes:
            due = replace(due, next_critical=limit_rows.next_critical(tx))
        written = tuple(dict.fromkeys(message_id for _, message_id in told))
        return Ticked(tuple(moved), written, due.next_critical)

    def _close_unheard(self, tx: Tx, now: datetime) -> None:
        working = WorkingSet(tx, self.node, now)
        for incident in working.load_unheard(now - self.plan.timing.stale_after):
            close_unheard(working.rows, incident)
        working.flush()

    def _hand_off(self, tx: Tx, now: datetime) -> None:
        """Tells who takes over now; every few minutes, looks for gaps ahead."""
        working = WorkingSet(tx, self.node, now)
        rows = working.rows
        working.load_roster(self.plan.directory)
        told = handoff.taken_over(self.plan, rows)
        if told:
            working.load_open_incidents()
            working.load_ids()
        for schedule in told:
            handoff.tell(self.plan, rows, schedule)
        last = self._look_for_gaps_at
        if last is None or now >= last or last - now > _LOOK_EVERY:
            self._look_for_gaps_at = now + _LOOK_EVERY
            found = (handoff.gap_ahead(rows, schedule) for schedule in self.plan.schedules.values())
            rows.notes += [
                note for note in found if note is not None and not breakers.is_known(tx, note.name)
            ]
        working.flush()

    def _tell_due(self, tx: Tx, now: datetime) -> list[Texted]:
        """Steps, what somebody else hears now, and what was held until now: each may find that the one before has told it."""
        working = WorkingSet(tx, self.node, now)
        rows = working.rows
        working.load_ids()
        working.load_due_timers(TimerKind.ESCALATE, now)
        working.load_due_after_hours()
        working.load_roster(self.plan.directory)
        told = self._batch(working, Escalation(self.plan, rows).steps())
        told += self._batch(working, relieved(self.plan, rows))
        told += self._flush_due(working)
        working.flush()
        return told

    def _remind(self, tx: Tx, now: datetime) -> list[Texted]:
        """Last of all, for what was told just now needs no reminder."""
        working = WorkingSet(tx, self.node, now)
        working.load_ids()
        working.load_due_timers(TimerKind.REMIND, now + ALONG)
        working.load_roster(self.plan.directory)
        told = self._batch(working, Escalation(self.plan, working.rows).reminders())
        working.flush()
        return told

    def _flush_due(self, working: WorkingSet) -> list[Texted]:
        rows = working.rows
        due = working.due_lanes() | rows.due_lanes()
        self._load_limits(working, {number for number, _ in due})
        free = [(number, lane) for number, lane in due if not self._waits(rows, number, lane)]
        working.load_held(free)
        ready = [(number, lane, rows.due(number, lane)) for number, lane in free]
        self._load_companions(working, ready)
        return self._batching(working).flush(due)

    def _waits(self, rows: Rows, number: str, lane: Lane) -> bool:
        held = rows.lane(number, lane)
        return self._allowance.limited(lane) and (
            (held is not None and held.until > rows.now) or rows.waits(number, lane)
        )

    def _keep_house(self, tx: Tx, due: WorkDue, now: datetime) -> list[Moved]:
        timing, working = self.plan.timing, WorkingSet(tx, self.node, now)
        rows = working.rows
        late = Overdue(
            tuple(outbox.overdue(tx, State.SUBMITTING, now)) if due.leased else (),
            tuple(outbox.overdue(tx, State.UNKNOWN, now - timing.reconcile_wait)) if due.unknown else (),
            tuple(outbox.overdue(tx, State.QUEUED, now)) if due.expired else (),
            tuple(outbox.overdue(tx, State.SENT, now - timing.report_timeout)) if due.sent else (),
            tuple(outbox.overdue(tx, State.BUFFERED, now - timing.report_timeout)) if due.buffered else (),
        )
        working.load_breakers()
        stuck = self._stuck(tx, rows) if due.refused else []
        gone = (message for message in (*late.leased, *late.sent))
        working.know(gone)
        working.load_context(m.id for m in (*late.unknown, *late.expired, *late.buffered, *stuck))
        house = self._housekeeping(rows)
        house.overdue(late)
        house.fail_over(_still_queued(rows))
        house.leave_barred(sorted(_still_queued(rows), key=lambda m: (m.expires_at, m.id)))
        house.stop_waiting_for_reports((*late.sent, *late.buffered))
        working.flush()
        return house.moved

    def _housekeeping(self, rows: Rows) -> Housekeeping:
        return Housekeeping(self.plan, self._numbers, rows, say_barring)

    def _stuck(self, tx: Tx, rows: Rows) -> list[Message]:
        """What waits where nothing leaves, or for a number or a country that its gateway refuses."""
        closed = {breaker.gateway for breaker in rows.breakers if breaker.scope.whole}
        if len(self.plan.gateways) < 2:
            closed = set()
        waiting = [
            m for gateway in self.plan.gateways if gateway in closed for m in outbox.waiting_for(tx, gateway)
        ]
        return [*waiting, *outbox.barred(tx)]

    # A start, a reload, a person.

    def recover(self, tx: Tx, now: datetime) -> list[Moved]:
        """At start: takes up what an earlier process left, under the configuration of today."""
        incidents.allow_for_absence(tx, now - self.plan.timing.stale_after + _TO_REPEAT)
        timers.clamp(tx, now)
        outbox.clamp_waits(tx, now + LONGEST_PAUSE)
        working = WorkingSet(tx, self.node, now)
        left = outbox.leased_by(tx, self.node)
        working.know(left)
        house = self._housekeeping(working.rows)
        for message in left:
            house.lose(message, Cause.RESTARTED)
        working.flush()
        return [*house.moved, *self.adopt(tx, now)]

    def adopt(self, tx: Tx, now: datetime) -> list[Moved]:
        """At start and at a reload: what waits for a number or a gateway that the configuration no longer names is not
        sent there. What this process is sending at the moment is left alone.
        """
        working = WorkingSet(tx, self.node, now)
        rows = working.rows
        working.load_all_held()
        gone = [n for n in rows.all_held() if n.number not in self._numbers]
        rows.drop(gone, Drop.NOT_CONFIGURED)
        note_unaddressed(rows, (n.incident_id for n in gone if n.kind.alarming))
        working.load_messages(m.id for m in outbox.queued(tx))
        house = self._housekeeping(rows)
        house.drop_unaddressed(_still_queued(rows))
        house.leave_unknown_gateways(_still_queued(rows))
        working.flush()
        return house.moved

    def acknowledge(
        self,
        tx: Tx,
        incident_ids: Iterable[int],
        by: str,
        how: AckBy,
        now: datetime,
        comment: str = "",
    ) -> list[int]:
        """Somebody takes care of these: no step and no reminder follows. Returns those that it was news for."""
        working, ids = WorkingSet(tx, self.node, now), list(incident_ids)
        working.load_incidents(ids)
        working.load_notifications(ids)
        working.load_timers(ids)
        taken = acknowledge(working.rows, ids, by, how, comment)
        working.flush()
        return taken


def _why_untold(rows: Rows, case: Case) -> Heard:
    if case.heard.news:
        return Heard.NOBODY
    told = rows.of_incident(case.id)
    first = [rows.state_of(n) for n in told if n.kind is Kind.FIRING]
    dropped = any(n.state is PageState.DROPPED and n.why is Drop.RESOLVED for n in told)
    if dropped or State.CANCELLED in first:
        return Heard.RESOLVED_UNSENT
    may_have_it = any(state is not None and state.may_have_arrived for state in first)
    return Heard.RESOLVED_OFF if may_have_it else Heard.NOBODY_TOLD


def _still_queued(rows: Rows) -> list[Message]:
    """The most urgent first."""
    waiting = [message for message in rows.messages.rows.values() if message.state is State.QUEUED]
    return sorted(waiting, key=lambda message: (message.rank, message.not_before, message.id))


def _counts(alerts: Iterable[Alert]) -> dict[tuple[str, str], int]:
    times: dict[tuple[str, str], int] = {}
    for alert in alerts:
        key = (alert.source, alert.fingerprint)
        times[key] = times.get(key, 0) + 1
    return times


def _shares(node: Route) -> bool:
    return bool(node.dedup_labels) or any(_shares(child) for child in node.routes)


def _texts(told: Iterable[Texted]) -> Texts:
    texts: Texts = {}
    for n, message_id in told:
        texts.setdefault((n.incident_id, n.kind), []).append(message_id)
    return texts

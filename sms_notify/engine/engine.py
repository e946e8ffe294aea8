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
from sms_notify.engine.texting import Texting
from sms_notify.engine.ticking import Ticked, Ticker, still_queued
from sms_notify.engine.working_set import WorkingSet
from sms_notify.oncall.roster import Roster
from sms_notify.policy.acknowledgement import acknowledge, acknowledge_there
from sms_notify.policy.batching import Texted
from sms_notify.policy.correlation import Chains, is_repeat, known, names
from sms_notify.policy.housekeeping import LONGEST_PAUSE, Moved
from sms_notify.policy.notifications import Case, EndsOwed, Notifications
from sms_notify.policy.records import AcceptedAlert, Notification
from sms_notify.policy.roster import scheduled
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.routing import Route, route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import note_unaddressed
from sms_notify.policy.truth import hear
from sms_notify.policy.vocabulary import AckBy, Cause, Drop, Heard, Kind, PageState, State
from sms_notify.store import incidents, outbox, timers
from sms_notify.store.tx import Tx

_TO_REPEAT = timedelta(hours=5)  # after a start: longer than a source's usual repeat interval


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one accepted alert; `messages` are the ids of the texts that tell it by now."""

    alert: Alert
    heard: Heard
    incident_id: int | None = None
    receivers: tuple[str, ...] = ()
    messages: tuple[int, ...] = ()


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
        self._texting = Texting(plan, code)
        self._ticker = Ticker(plan, self._numbers, node, self._texting)

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
        told = self._texting.owe(working, begun)
        ended = decide.ends(cases)
        told += self._texting.owe(working, ended.owed)
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
        return self._ticker.tick(tx, now)

    # A start, a reload, a person.

    def recover(self, tx: Tx, now: datetime) -> list[Moved]:
        """At start: takes up what an earlier process left, under the configuration of today."""
        incidents.allow_for_absence(tx, now - self.plan.timing.stale_after + _TO_REPEAT)
        timers.clamp(tx, now)
        outbox.clamp_waits(tx, now + LONGEST_PAUSE)
        working = WorkingSet(tx, self.node, now)
        left = outbox.leased_by(tx, self.node)
        working.know(left)
        house = self._ticker.housekeeping(working.rows)
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
        house = self._ticker.housekeeping(rows)
        house.drop_unaddressed(still_queued(rows))
        house.leave_unknown_gateways(still_queued(rows))
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

"""What deliveries lead to: what each alert means, who is owed what, in which texts, and a row for every alert.

Deliveries that came while the store was busy are one step: their rows are loaded and written together, and each is
decided after the one before, as if it were alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sms_notify.alert import Alert, Delivery, Status, Unacknowledged
from sms_notify.engine.follow_ups import FollowUps
from sms_notify.engine.texting import Texting
from sms_notify.engine.working_set import WorkingSet
from sms_notify.policy.acknowledgement import acknowledge_there, end_acknowledgement, taken_back_there
from sms_notify.policy.batching import Texted
from sms_notify.policy.cases import Case, EndsOwed
from sms_notify.policy.correlation import Chains, Key, is_repeat, known, names
from sms_notify.policy.ends import EndNotifications
from sms_notify.policy.identity import asks_for_ids, by_its_times, spoken_of
from sms_notify.policy.lateness import as_handed_over, said_at
from sms_notify.policy.notifications import Notifications
from sms_notify.policy.records import AcceptedAlert, Notification
from sms_notify.policy.roster import scheduled
from sms_notify.policy.routing import Route, route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.sender_ids import side_by_side
from sms_notify.policy.truth import EARLY, hear
from sms_notify.policy.vocabulary import AckEnd, Drop, Heard, Kind, PageState, State
from sms_notify.policy.watches import HEARTBEAT, SignOfLife, Signs, signs_in, watch_delivery
from sms_notify.policy.withdrawal import take_back_changed
from sms_notify.sources.alertmanager import SOURCE as ALERTMANAGER
from sms_notify.store import silences, watch_rows
from sms_notify.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one accepted alert; `messages` are the ids of the texts that tell it by now."""

    alert: Alert
    heard: Heard
    incident_id: int | None = None
    receivers: tuple[str, ...] = ()
    messages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Routed:
    """An alert, the routes that it takes, and what its incident may be known by: its own name first. A sign of life is no
    incident, and takes none.
    """

    alert: Alert
    chains: Chains
    keys: tuple[Key, ...]
    signs: tuple[SignOfLife, ...] = ()

    @property
    def watched(self) -> bool:
        """Also of a watch that a reload has removed since its address was called."""
        return bool(self.signs) or self.alert.source == HEARTBEAT


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a delivery has led to beside its cases: what was owed, and which messages tell it."""

    owed: frozenset[tuple[int, Kind]] = frozenset()
    told_at_once: frozenset[int] = frozenset()
    texts: Mapping[tuple[int, Kind], Sequence[int]] = field(default_factory=dict)


class Accepting:
    """By one configuration. `numbers` are those that it names."""

    def __init__(
        self, plan: Plan, numbers: frozenset[str], node: str, texting: Texting, follow_ups: FollowUps
    ) -> None:
        self._follow_ups = follow_ups
        self._plan = plan
        self._numbers = numbers
        self._node = node
        self._texting = texting
        self._shares = _shares(plan.route)
        self._watches = tuple(plan.watches.values())

    def accept(self, tx: Tx, deliveries: Sequence[Delivery], now: datetime) -> list[list[Verdict]]:
        """The verdicts on the alerts of each delivery."""
        working = WorkingSet(tx, self._node, now)
        routed = [
            [self._routed(by_its_times(alert, now)) for alert in delivery.alerts] for delivery in deliveries
        ]
        acks = [(ack.source, ack.fingerprint) for delivery in deliveries for ack in delivery.acks]
        unacks = [unack for delivery in deliveries for unack in delivery.unacks]
        returned = self._hear_signs(tx, deliveries, routed, now)
        heard = [one for several in (*routed, *returned) for one in several if not one.watched]
        self._load(working, heard, acks, unacks)
        each = zip(deliveries, routed, returned, strict=True)
        verdicts = [self._decide_with(working, *one) for one in each]
        working.flush()
        if any(delivery.hidden and delivery.source == ALERTMANAGER for delivery in deliveries):
            silences.note_hidden(tx, now)
        return verdicts

    def _hear_signs(
        self, tx: Tx, deliveries: Sequence[Delivery], routed: Sequence[Sequence[_Routed]], now: datetime
    ) -> list[list[_Routed]]:
        """Notes the signs of life of each delivery; returns the ends of the silences that they end."""
        keys = dict.fromkeys(sign.key for several in routed for one in several for sign in one.signs)
        if not keys:
            return [[] for _ in routed]
        signs = Signs({row.key: row for row in watch_rows.by_keys(tx, keys)}, now)
        returned: list[list[_Routed]] = []
        for delivery, several in zip(deliveries, routed, strict=True):
            at = said_at(delivery.handed_at, now)
            ends = [signs.take(sign, at) for one in several for sign in one.signs]
            returned.append([self._routed(end) for end in ends if end is not None])
        watch_rows.save(tx, signs.heard.values())
        return returned

    def _decide_with(
        self, working: WorkingSet, delivery: Delivery, routed: Sequence[_Routed], returned: Sequence[_Routed]
    ) -> list[Verdict]:
        """A delivery, and the ends of the silences that it ends: they are of another source, with words of their own."""
        verdicts = self._decide(working, delivery, routed)
        if not returned:
            return verdicts
        ends = watch_delivery(one.alert for one in returned)
        return [*verdicts, *self._decide(working, ends, returned)]

    def _routed(self, told: Alert) -> _Routed:
        alert = self._plan.severities.grade(told)
        signs = signs_in(self._watches, alert) if self._watches else ()
        if signs:
            return _Routed(alert, (), (), signs)
        chains = route(self._plan.route, alert.labels).chains
        before = ((alert.source, name) for name in alert.before)
        return _Routed(alert, chains, (*names(alert, chains), *before))

    def _load(
        self,
        working: WorkingSet,
        routed: Sequence[_Routed],
        acks: Sequence[Key],
        unacks: Sequence[Unacknowledged],
    ) -> None:
        """The problems that are spoken of; for all but repeats also what people know of them.

        Each PROBLEM of Nagios takes back its own acknowledgement, of which there mostly is none: then it is a repeat.
        """
        taken_back = [(unack.source, unack.fingerprint) for unack in unacks]
        by_ids = _load_own_ids(working, [one.alert for one in routed])
        working.load_problems([*(key for one in routed for key in one.keys), *by_ids, *acks, *taken_back])
        stale_after = self._plan.timing.stale_after
        both = zip(taken_back, unacks, strict=True)
        acks = [*acks, *(key for key, unack in both if taken_back_there(working.rows, unack) is not None)]
        several = _twice(one.keys[0] for one in routed)
        news = [
            one
            for one in routed
            if one.keys[0] in several or not is_repeat(working.rows, one.alert, stale_after)
        ]
        if not news and not acks:
            return
        working.load_ids()
        working.load_alike(one.alert for one in news)
        keys = [*(key for one in news for key in one.keys), *by_ids, *acks]
        shared = (working.rows.part_of(*key) for key in keys)
        keys += [(incident.source, incident.fingerprint) for incident in shared if incident is not None]
        working.load_history(keys)
        begun = [
            one.alert for one in news if one.alert.status is Status.FIRING and one.alert.starts_at is not None
        ]
        working.load_early_ends(
            [(alert.source, alert.fingerprint) for alert in begun], working.rows.now - EARLY
        )

    def _decide(self, working: WorkingSet, delivery: Delivery, routed: Sequence[_Routed]) -> list[Verdict]:
        working.rows.said_at = said_at(delivery.handed_at, working.rows.now)
        told_apart = side_by_side(delivery.alerts)
        cases = self._hear(working.rows, routed, told_apart)
        take_back_changed(working.rows, cases)
        outcome = _Outcome()
        if delivery.acks or delivery.unacks or not all(case.heard.suppressed for case in cases):
            outcome = self._tell(working, delivery, cases)
        return [self._record(working.rows, delivery, case, outcome) for case in cases]

    def _hear(self, rows: Rows, routed: Sequence[_Routed], told_apart: frozenset[str]) -> list[Case]:
        """What fires first, where alerts may share an incident: that one ends and another goes on is not an end. The end of the
        worst comes last: the shared incident is told as that.
        """
        order: Iterable[int] = range(len(routed))
        if self._shares and len({one.alert.fingerprint for one in routed}) == len(routed):
            order = sorted(order, key=lambda at: _turn(routed[at].alert))
        cases: dict[int, list[Case]] = {}
        for at in order:
            one = routed[at]
            if one.watched:
                cases[at] = [Case(one.alert, Heard.WATCHED, None, rows.now)]
                continue
            found = spoken_of(rows, one.alert, told_apart, self._plan.limits.calm)
            cases[at] = [self._hear_one(rows, alert, one) for alert in found]
        return [case for at in range(len(routed)) for case in cases[at]]

    def _hear_one(self, rows: Rows, alert: Alert, one: _Routed) -> Case:
        same = alert.labels == one.alert.labels
        chains = one.chains if same else route(self._plan.route, alert.labels).chains
        return hear(self._plan, rows, known(rows, alert, chains), chains)

    def _tell(self, working: WorkingSet, delivery: Delivery, cases: Sequence[Case]) -> _Outcome:
        decide = Notifications(self._plan, delivery, working.rows)
        self._load_for(working, decide, cases)
        begun = decide.beginnings(cases)
        # After what begins is decided: what is first heard of with its acknowledgement climbs nowhere, and its text says so.
        raised = {case.id for case in cases if case.heard is Heard.RAISED}
        for ack in delivery.acks:
            acknowledge_there(self._plan, working.rows, ack, raised)
        begun = self._as_handed_over(delivery, begun, working.rows)
        told = self._texting.owe(working, [_with_its_acknowledgement(working.rows, n) for n in begun])
        ended = EndNotifications(self._plan, self._numbers, delivery, working.rows).ends(cases)
        told += self._texting.owe(working, self._as_handed_over(delivery, ended.owed, working.rows))
        told += self._take_back(working, delivery.unacks)
        return _outcome(begun, ended, told)

    def _as_handed_over(
        self, delivery: Delivery, owed: Sequence[Notification], rows: Rows
    ) -> list[Notification]:
        return as_handed_over(owed, delivery.handed_at, rows.now, self._plan.timing)

    def _take_back(self, working: WorkingSet, unacks: Sequence[Unacknowledged]) -> list[Texted]:
        """What the monitoring system itself had acknowledged."""
        rows, ended = working.rows, list[int]()
        for unack in unacks:
            id_ = taken_back_there(rows, unack)
            if id_ is not None:
                ended += end_acknowledgement(rows, [id_], unack.by, AckEnd.SOURCE)
        return self._follow_ups.begin(working, ended)

    def _load_for(self, working: WorkingSet, decide: Notifications, cases: Sequence[Case]) -> None:
        """What deciding who is owed something needs beside the problems."""
        asked = (self._plan.receivers[name] for case in cases if case.heard.news for name in case.receivers)
        if self._plan.schedules and any(scheduled(receiver.everybody) for receiver in asked):
            working.load_roster(self._plan.directory)
        working.load_groups(decide.groups(cases))

    def _record(self, rows: Rows, delivery: Delivery, case: Case, outcome: _Outcome) -> Verdict:
        """Writes down what an alert has led to."""
        verdict = self._verdict(rows, case, outcome)
        paths = tuple(f"{chain[-1].path} -> {chain[-1].receiver}" for chain in case.chains)
        shared = case.told_as is not None
        rows.heard.append(
            AcceptedAlert(verdict.alert, verdict.heard, case.incident_id, delivery.group, paths, shared)
        )
        return verdict

    def _verdict(self, rows: Rows, case: Case, outcome: _Outcome) -> Verdict:
        heard, alert = case.heard, case.told_as or case.alert
        if heard.suppressed:
            return Verdict(alert, heard, case.incident_id, case.receivers)
        kind = Kind.FIRING if heard.news else Kind.RESOLVED
        told = tuple(outcome.texts.get((case.id, kind), ()))
        with_its_beginning = kind is Kind.RESOLVED and case.incident_id in outcome.told_at_once
        if not told and not with_its_beginning and (case.id, kind) not in outcome.owed:
            return Verdict(alert, self._why_untold(rows, case), case.incident_id, case.receivers)
        return Verdict(alert, heard, case.incident_id, case.receivers, told)

    def _why_untold(self, rows: Rows, case: Case) -> Heard:
        if case.heard.news:
            if case.heard is Heard.RESUMED:
                return Heard.DUPLICATE
            notified = any(self._plan.receiver(name).notify for name in case.receivers)
            known = case.heard is Heard.FIRST and notified and _is_believed(rows, case.alert)
            return Heard.KNOWN if known else Heard.NOBODY
        told = rows.of_incident(case.id)
        first = [rows.state_of(n) for n in told if n.kind is Kind.FIRING]
        dropped = any(n.state is PageState.DROPPED and n.why is Drop.RESOLVED for n in told)
        if dropped or State.CANCELLED in first:
            return Heard.RESOLVED_UNSENT
        may_have_it = any(state is not None and state.may_have_arrived for state in first)
        return Heard.RESOLVED_OFF if may_have_it else Heard.NOBODY_TOLD


def _turn(alert: Alert) -> tuple[bool, int]:
    over = alert.status is Status.RESOLVED
    return over, -alert.severity.rank if over else 0


def _with_its_acknowledgement(rows: Rows, n: Notification) -> Notification:
    acked_by = rows.incidents.rows[n.incident_id].acked_by
    return replace(n, subject=replace(n.subject, acked_by=acked_by)) if acked_by else n


def _outcome(begun: Sequence[Notification], ended: EndsOwed, told: Sequence[Texted]) -> _Outcome:
    owed = frozenset((n.incident_id, n.kind) for n in (*begun, *ended.owed))
    texts: dict[tuple[int, Kind], list[int]] = {}
    for n, message_id in told:
        texts.setdefault((n.incident_id, n.kind), []).append(message_id)
    return _Outcome(owed, ended.told_at_once, texts)


def _is_believed(rows: Rows, alert: Alert) -> bool:
    """Whether anybody takes this problem for there already."""
    problem = (alert.source, alert.fingerprint)
    return any(key[:2] == problem and one.belief.of_trouble for key, one in rows.beliefs.rows.items())


def _load_own_ids(working: WorkingSet, alerts: Sequence[Alert]) -> list[Key]:
    """What else these alerts may speak of, by the ids that their senders gave."""
    asking = [alert for alert in alerts if asks_for_ids(alert)]
    if not asking:
        return []
    named = [(alert.source, alert.own_id) for alert in asking if alert.own_id]
    alike = [(alert.source, alert.alike) for alert in asking]
    working.load_own_ids(alike, named)
    return [*alike, *((one.source, one.fingerprint) for one in working.rows.own_ids.rows.values())]


def _twice(keys: Iterable[Key]) -> set[Key]:
    """Those that stand there more than once."""
    seen: set[Key] = set()
    return {key for key in keys if key in seen or seen.add(key)}  # type: ignore[func-returns-value]


def _shares(node: Route) -> bool:
    return bool(node.dedup_labels) or any(_shares(child) for child in node.routes)

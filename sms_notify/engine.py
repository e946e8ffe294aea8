"""Deciding: what one delivery of alerts, or the passing of time, leads to, in one transaction.

`accept`, `tick` and `acknowledge` are the whole engine. They take the transaction and `now`; none reads a clock, so
the running daemon, the backtest and a replay on a virtual clock are the same code. Sending begins where this ends:
at the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify import hearing
from sms_notify.alert import Acknowledged, Alert, Delivery, Status
from sms_notify.handover import HandOvers
from sms_notify.oncall.roster import Roster
from sms_notify.owing import Case, Owed, Owing
from sms_notify.paging import Pager
from sms_notify.policy.episodes import Episode
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.routing import Route, route
from sms_notify.policy.vocabulary import AckBy, Cause, Decision, Drop, Heard, Kind, State
from sms_notify.ruleset import Plan
from sms_notify.self_alerts import report_unaddressed
from sms_notify.store import agenda, breakers, incident_members, incidents, limit_rows, messages, pages
from sms_notify.store.messages import Entry, Message
from sms_notify.store.pages import Page
from sms_notify.store.tx import Tx
from sms_notify.turns import Turns
from sms_notify.upkeep import Moved, Upkeep

__all__ = ["Engine", "Moved", "Ticked", "Verdict"]

_TO_REPEAT = timedelta(hours=5)  # after a start: longer than a source's usual repeat interval
_NOTICE_LASTS = timedelta(hours=4)  # where a route has no repeat_interval
_GROUPS_KEPT = timedelta(days=1)


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
        self._owing = Owing(plan, self.roster, node)
        self._pager = Pager(plan, node, code)
        self._turns = Turns(plan, self.roster, node)
        self._hand_overs = HandOvers(plan, self.roster, node)
        self._upkeep = Upkeep(plan, node)

    def with_schedules(self, schedules: Mapping[str, Schedule]) -> Engine:
        """The same engine after the calendars were read again."""
        return Engine(replace(self.plan, schedules=schedules), self.node, self._code)

    def accept(self, tx: Tx, delivery: Delivery, now: datetime) -> list[Verdict]:
        """Takes in one delivery: episodes, routes, who is owed what, texts, and a row for every alert with what it led to."""
        heard = {at: self._hear(tx, delivery.alerts[at], now) for at in self._order(delivery.alerts)}
        cases = [heard[at] for at in range(len(delivery.alerts))]
        begun = self._owing.beginnings(tx, delivery, cases, now)
        told = self._pager.owe(tx, begun, now)
        ended = self._owing.ends(tx, delivery, cases, now, self._taken_back)
        told += self._pager.owe(tx, ended.pages, now)
        for ack in (
            delivery.acks
        ):  # after the beginnings: what is first heard of with its acknowledgement climbs nowhere
            self._acknowledged_there(tx, ack, now)
        owed, texts = [*begun, *ended.pages], _texts(told)
        return [self._record(tx, delivery, case, owed, ended, texts, now) for case in cases]

    def tick(self, tx: Tx, now: datetime) -> Ticked:
        """Does what has fallen due by `now`."""
        self._close_stale(tx, now)
        breakers.close_old_troubles(tx, now)
        agenda.forget_groups(tx, now - _GROUPS_KEPT)
        self._hand_overs.tick(tx, now)
        moved = self._upkeep.tick(tx, now)
        told = self._pager.owe(tx, self._turns.escalate(tx, now), now)
        told += self._pager.owe(tx, self._owing.relieved(tx, now), now)
        told += self._pager.flush(tx, now)
        told += self._pager.owe(tx, self._turns.remind(tx, now), now)
        written = tuple(dict.fromkeys(message_id for _, message_id in told))
        return Ticked(tuple(moved), written, limit_rows.next_critical(tx))

    def recover(self, tx: Tx, now: datetime) -> list[Moved]:
        """At start: takes up what an earlier process left, under the configuration of today."""
        incidents.allow_for_absence(tx, now - self.plan.timing.stale_after + _TO_REPEAT)
        agenda.clamp(tx, now)
        return [*self._upkeep.recover(tx, now), *self.adopt(tx, now)]

    def adopt(self, tx: Tx, now: datetime) -> list[Moved]:
        """At start and at a reload: what waits for a number or a gateway that the configuration no longer names is not
        sent there. What this process is sending at the moment is left alone.
        """
        gone = pages.not_for(tx, self._numbers)
        pages.drop(tx, [page.id for page in gone], Drop.NOT_CONFIGURED)
        report_unaddressed(tx, [page.incident_id for page in gone if page.kind.alarming], now)
        return self._upkeep.adopt(tx, now)

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
        taken = [id_ for id_ in incident_ids if incidents.acknowledge(tx, id_, by, how, now)]
        words = " ".join(comment.split())[:200]
        said = f"by {by} ({how}): {words}" if words else f"by {by} ({how})"
        for incident_id in taken:
            agenda.decide(tx, Decision.ACKNOWLEDGED, self.node, now, incident_id=incident_id, detail=said)
            self._end_turns(tx, incident_id, Drop.ACKNOWLEDGED, Cause.ACKNOWLEDGED, now)
        return taken

    def _acknowledged_there(self, tx: Tx, ack: Acknowledged, now: datetime) -> None:
        latest = incidents.latest(tx, ack.source, ack.fingerprint)
        member = incident_members.latest(tx, ack.source, ack.fingerprint)
        if latest is not None and latest.closed_at is None:
            self.acknowledge(tx, [latest.id], ack.by, AckBy.SOURCE, now, ack.comment)
        elif member is not None and member.open_now:
            self.acknowledge(tx, [member.episode.id], ack.by, AckBy.SOURCE, now, ack.comment)

    # An alert, and the episode it belongs to.

    def _order(self, alerts: Sequence[Alert]) -> Sequence[int]:
        """What fires first, where alerts may share an incident: that one ends and another goes on is no end."""
        once_each = len({alert.fingerprint for alert in alerts}) == len(alerts)
        if not (self._shares and once_each):
            return range(len(alerts))
        return sorted(range(len(alerts)), key=lambda at: alerts[at].status is Status.RESOLVED)

    def _hear(self, tx: Tx, alert: Alert, now: datetime) -> Case:
        chains = route(self.plan.route, alert.labels).chains
        it = hearing.known(tx, alert, chains)
        every = max((chain[-1].repeat_interval for chain in chains), default=_NOTICE_LASTS) or _NOTICE_LASTS
        heard = hearing.heard(tx, it, now - self.plan.timing.stale_after, every, now)
        case = self._case(tx, it, heard, chains, now)
        if case.incident_id is not None:
            hearing.note(tx, it, heard, case.incident_id, now)
        return case

    def _case(
        self,
        tx: Tx,
        it: hearing.Known,
        heard: Heard,
        chains: tuple[tuple[Route, ...], ...],
        now: datetime,
    ) -> Case:
        alert, latest = it.alert, it.latest
        if heard is Heard.FIRST:
            for before in hearing.under_other_names(tx, it):
                self._owing.supersede(tx, before, now)
            return replace(self._open(tx, alert, latest, chains, now), told_as=it.told_as)
        if latest is None:
            return Case(alert, heard, None, now, chains, told_as=it.told_as)
        self._touch(tx, alert, heard, latest, now)
        rounds = latest.raised + (heard is Heard.RAISED)
        return Case(
            alert,
            heard,
            latest.id,
            latest.opened_at,
            chains,
            latest.flapping,
            round=rounds,
            told_as=it.told_as,
        )

    def _open(
        self,
        tx: Tx,
        alert: Alert,
        latest: Episode | None,
        chains: tuple[tuple[Route, ...], ...],
        now: datetime,
    ) -> Case:
        incident_id = incidents.open_episode(tx, alert, now)
        if latest is None:
            return Case(alert, Heard.FIRST, incident_id, now, chains)
        self._owing.supersede(tx, latest.id, now)
        times = self._flaps(tx, alert, now)
        if times:
            incidents.mark_flapping(tx, incident_id, times)
            agenda.decide(
                tx, Decision.FLAPPING, self.node, now, incident_id=incident_id, detail=f"{times} times"
            )
        return Case(alert, Heard.FIRST, incident_id, now, chains, times, bool(latest.flapping))

    def _flaps(self, tx: Tx, alert: Alert, now: datetime) -> int:
        """How many episodes there were of late, where they are too many to tell each; else 0."""
        rule = self.plan.limits.flapping
        if rule is None:
            return 0
        times = incidents.opened_since(
            tx, alert.source, alert.fingerprint, now - rule.within, _COUNTED + rule.episodes
        )
        return times if times >= rule.episodes else 0

    def _touch(self, tx: Tx, alert: Alert, heard: Heard, latest: Episode, now: datetime) -> None:
        if heard is Heard.RESOLVED:
            incidents.close(tx, latest.id, alert.ends_at, now)
            self._end_turns(tx, latest.id, Drop.RESOLVED, Cause.RESOLVED_MEANWHILE, now)
        elif heard is Heard.RAISED:
            incidents.raise_to(tx, latest.id, alert, now)
            risen = f"from {latest.severity} to {alert.severity}"
            agenda.decide(tx, Decision.RAISED, self.node, now, incident_id=latest.id, detail=risen)
        elif heard in (Heard.DUPLICATE, Heard.STILL_OPEN) and latest.closed_at is None:
            incidents.seen(tx, latest.id, now)

    def _close_stale(self, tx: Tx, now: datetime) -> None:
        if incidents.close_unheard_since(tx, now - self.plan.timing.stale_after, now):
            agenda.strike_stale(tx, now)
            pages.drop_stale(tx, now)

    def _end_turns(self, tx: Tx, incident_id: int, drop: Drop, cause: Cause, now: datetime) -> None:
        """No step and no reminder follows, and those that have not left do not leave."""
        agenda.strike_all(tx, incident_id)
        pages.drop_turns(tx, incident_id, drop)
        for message in messages.waiting_turns(tx, incident_id):
            if messages.nobody_waits_for(tx, message.id):
                state = State.UNKNOWN_FINAL if message.ambiguous else State.CANCELLED
                messages.move(tx, message, state, Entry(cause), self.node, now)

    def _taken_back(self, tx: Tx, message: Message, now: datetime) -> bool:
        """Takes a waiting text about nothing but ended trouble out of the queue; True = its owner cannot have it."""
        if message.state is State.CANCELLED:
            return True
        if message.state is not State.QUEUED or not messages.all_closed(tx, message.id):
            return False
        never_left = message.ambiguous == 0
        state = State.CANCELLED if never_left else State.UNKNOWN_FINAL
        messages.move(tx, message, state, Entry(Cause.RESOLVED_MEANWHILE), self.node, now)
        return never_left

    # What is written down of it.

    def _record(
        self,
        tx: Tx,
        delivery: Delivery,
        case: Case,
        owed: Sequence[Page],
        ended: Owed,
        texts: Texts,
        now: datetime,
    ) -> Verdict:
        kind = Kind.FIRING if case.heard.news else Kind.RESOLVED
        heard, told = case.heard, tuple(texts.get((case.incident_id or 0, kind), ()))
        known = (kind is Kind.RESOLVED and case.incident_id in ended.told_at_once) or any(
            page.subject.incident_id == case.incident_id and page.kind is kind for page in owed
        )
        told_as = case.told_as or case.alert
        if not heard.suppressed and not told and not known:
            heard = self._why_untold(tx, case)
        paths = [f"{chain[-1].path} -> {chain[-1].receiver}" for chain in case.chains]
        shared = case.told_as is not None
        incidents.record(tx, delivery, told_as, heard, case.incident_id, paths, self.node, now, whole=shared)
        return Verdict(told_as, heard, case.incident_id, case.receivers, () if heard.suppressed else told)

    def _why_untold(self, tx: Tx, case: Case) -> Heard:
        if case.heard.news:
            return Heard.NOBODY
        first = messages.told(tx, case.id, Kind.FIRING)
        dropped = any(written.why == Drop.RESOLVED for written in pages.of_incident(tx, case.id))
        if dropped or any(message.state is State.CANCELLED for message in first):
            return Heard.RESOLVED_UNSENT
        return (
            Heard.RESOLVED_OFF
            if any(message.state.may_have_arrived for message in first)
            else Heard.NOBODY_TOLD
        )


def _shares(route: Route) -> bool:
    return bool(route.dedup_labels) or any(_shares(child) for child in route.routes)


_COUNTED = 95  # episodes of one alert in so short a time that anybody wants to know the number of


def _texts(told: Iterable[tuple[Page, int]]) -> Texts:
    texts: Texts = {}
    for page, message_id in told:
        texts.setdefault((page.subject.incident_id, page.kind), []).append(message_id)
    return texts

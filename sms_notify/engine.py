"""Accepting: what one delivery of alerts leads to, in one transaction.

`accept` and `tick` are the whole engine. Both take the transaction and `now`; neither reads a clock, so the
running daemon and a replay on a virtual clock are the same code. Sending begins where this ends: at the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sms_notify.alert import Alert, Delivery, Severity, Status
from sms_notify.decide.incidents import Episode, hear, tag_of
from sms_notify.decide.people import Person, group_of
from sms_notify.decide.routing import Receiver, Route, route
from sms_notify.decide.states import Cause, Heard, Kind, State
from sms_notify.plan import Plan
from sms_notify.settling import report_lost, way_for
from sms_notify.store import breakers, incidents, messages, outbox
from sms_notify.store.messages import Draft, Entry, Message
from sms_notify.store.tx import Tx
from sms_notify.wording.compose import Composed, compose_reported
from sms_notify.wording.notice import Notice, Reader, Told


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one accepted alert; `messages` are the ids of the texts that tell it."""

    alert: Alert
    heard: Heard
    incident_id: int | None = None
    receivers: tuple[str, ...] = ()
    messages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """A message that time or a restart moved, as it was before, for whoever logs it."""

    message: Message
    state: State
    cause: Cause


@dataclass(frozen=True, slots=True)
class _Case:
    """An alert on its way through `accept`: what it means, and for which episode."""

    alert: Alert
    heard: Heard
    incident_id: int | None
    opened_at: datetime
    chains: tuple[tuple[Route, ...], ...] = ()

    @property
    def receivers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(chain[-1].receiver for chain in self.chains))

    def told(self) -> Told:
        assert self.incident_id is not None  # noqa: S101 - only cases with an episode are told
        return Told(tag_of(self.incident_id), self.alert, self.alert.starts_at or self.opened_at)


# Which messages tell an incident's beginning or its end.
Texts = dict[tuple[int, Kind], list[int]]


class Engine:
    """Decides and words by one configuration. `node` names this process in the ledger."""

    def __init__(self, plan: Plan, node: str) -> None:
        self.plan = plan
        self.node = node
        self._numbers = plan.numbers()

    def accept(self, tx: Tx, delivery: Delivery, now: datetime) -> list[Verdict]:
        """Takes in one delivery: episodes, routes, pages, and a row for every alert with what it led to."""
        cases = [self._hear(tx, alert, now) for alert in delivery.alerts]
        told = self._tell_firing(tx, delivery, cases, now) | self._tell_resolved(tx, cases, now)
        return [self._record(tx, delivery, case, told, now) for case in cases]

    def tick(self, tx: Tx, now: datetime) -> list[Moved]:
        """Does what has fallen due by `now`; returns the messages that it moved."""
        timing = self.plan.timing
        incidents.close_unheard_since(tx, now - timing.stale_after, now)
        breakers.close_ended(tx, now)
        breakers.close_old_troubles(tx, now)
        return [
            *self._end_leases(tx, now),
            *self._settle_unknown(tx, now - timing.reconcile_wait, now),
            *self._expire(tx, now),
            *self._fail_over(tx, now),
            *self._leave_barred(tx, now),
            *self._stop_waiting_for_reports(tx, now - timing.report_timeout, now),
        ]

    def recover(self, tx: Tx, now: datetime) -> list[Moved]:
        """At start: takes up what an earlier process left, under the configuration of today.

        What this node was sending when it ended may have been sent: never straight back to the queue. What waits
        for a number or a gateway that the configuration no longer names is not sent there.
        """
        outbox.clamp_waits(tx, now + _LONGEST_PAUSE)
        return [
            *self._end(tx, outbox.leased_by(tx, self.node), Cause.RESTARTED, now),
            *(
                self._move(tx, m, State.CANCELLED, Cause.NOT_CONFIGURED, now)
                for m in outbox.not_for(tx, self._numbers)
            ),
            *self._hand_over(tx, now),
        ]

    def _hand_over(self, tx: Tx, now: datetime) -> list[Moved]:
        orphans = outbox.of_other_gateways(tx, frozenset(self.plan.gateways))
        for message in orphans:
            outbox.hand_over(tx, message, self.plan.gateway, Entry(Cause.GATEWAY_GONE), self.node, now)
        return [Moved(message, State.QUEUED, Cause.GATEWAY_GONE) for message in orphans]

    def _end(self, tx: Tx, left: Sequence[Message], cause: Cause, now: datetime) -> list[Moved]:
        for message in left:
            outbox.mark_ambiguous(tx, message, Entry(cause), self.node, now)
        return [Moved(message, State.UNKNOWN, cause) for message in left]

    def _move(self, tx: Tx, message: Message, state: State, cause: Cause, now: datetime) -> Moved:
        messages.move(tx, message, state, Entry(cause), self.node, now)
        if state in (State.EXPIRED, State.UNKNOWN_FINAL, State.FAILED):
            report_lost(tx, message, state, cause, now)
        return Moved(message, state, cause)

    def _hear(self, tx: Tx, alert: Alert, now: datetime) -> _Case:
        latest = incidents.latest(tx, alert.source, alert.fingerprint)
        heard = hear(alert, latest, now)
        chains = route(self.plan.route, alert.labels).chains
        if heard is Heard.FIRST and latest is not None:
            self._supersede(tx, latest.id, now)
        if heard is Heard.FIRST:
            return _Case(alert, heard, incidents.open_episode(tx, alert, now), now, chains)
        if latest is None:
            return _Case(alert, heard, None, now, chains)
        self._touch(tx, alert, heard, latest, now)
        return _Case(alert, heard, latest.id, latest.opened_at, chains)

    def _supersede(self, tx: Tx, incident_id: int, now: datetime) -> None:
        """The trouble is back before its end was told: an OK that is still waiting would be read as today's."""
        for message in messages.told(tx, incident_id, Kind.RESOLVED):
            waits = message.state is State.QUEUED and message.ambiguous == 0
            if waits and messages.tells_only(tx, message.id, incident_id):
                self._move(tx, message, State.CANCELLED, Cause.SUPERSEDED, now)

    def _touch(self, tx: Tx, alert: Alert, heard: Heard, latest: Episode, now: datetime) -> None:
        if heard is Heard.RESOLVED:
            incidents.close(tx, latest.id, alert.ends_at, now)
        elif heard is Heard.DUPLICATE and latest.closed_at is None:
            incidents.seen(tx, latest.id, now)

    def _tell_firing(self, tx: Tx, delivery: Delivery, cases: Sequence[_Case], now: datetime) -> Texts:
        """One text a receiver and person for all that is new in the delivery; a person in two receivers gets one."""
        written: Texts = {}
        new = [case for case in cases if case.heard is Heard.FIRST]
        for name in dict.fromkeys(name for case in new for name in case.receivers):
            receiver = self.plan.receivers[name]
            routed = [case for case in new if name in case.receivers]
            for person in self.plan.directory.resolve(receiver.notify):
                owed = [c for c in routed if not messages.has_page(tx, _id(c), person.number, Kind.FIRING)]
                if owed:
                    self._write(tx, Kind.FIRING, receiver, person, owed, delivery.hidden, now, now, written)
        return written

    def _tell_resolved(self, tx: Tx, cases: Sequence[_Case], now: datetime) -> Texts:
        """One text for each who may have the first one; texts that nobody can have seen are taken back instead."""
        written: Texts = {}
        owed: dict[tuple[str, str], tuple[Message, list[_Case]]] = {}
        for case in cases:
            if case.heard is not Heard.RESOLVED:
                continue
            for message in messages.told(tx, _id(case), Kind.FIRING):
                if not self._taken_back(tx, message, now) and self._wants_resolve(message):
                    owed.setdefault((message.receiver, message.number), (message, []))[1].append(case)
        for message, ended in owed.values():
            not_before = max(now, message.not_before) if message.state is State.QUEUED else now
            receiver, person = self.plan.receivers[message.receiver], self._person(message)
            self._write(tx, Kind.RESOLVED, receiver, person, ended, 0, not_before, now, written)
        return written

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

    def _wants_resolve(self, message: Message) -> bool:
        receiver = self.plan.receivers.get(message.receiver)
        owner_has_it = message.state.may_have_arrived or message.state is State.QUEUED
        return (
            receiver is not None
            and receiver.send_resolved
            and owner_has_it
            and message.number in self._numbers
        )

    def _person(self, message: Message) -> Person:
        return self.plan.directory.owner(message.number) or Person(message.recipient, message.number)

    def _write(
        self,
        tx: Tx,
        kind: Kind,
        receiver: Receiver,
        person: Person,
        cases: Sequence[_Case],
        hidden: int,
        not_before: datetime,
        now: datetime,
        written: Texts,
    ) -> None:
        severity = min((case.alert.severity for case in cases), key=lambda s: s.rank)
        worded = self._word(kind, receiver, person, cases, hidden)
        draft = Draft(
            kind=kind,
            receiver=receiver.name,
            person=person,
            severity=severity,
            gateway=self.plan.gateway,
            text=worded.text,
            not_before=not_before,
            expires_at=now + self.plan.timing.expiry(severity),
            incidents=tuple(dict.fromkeys(_id(case) for case in cases)),
            note=f"template {receiver.template}: {worded.fallback}, {worded.detail}"
            if worded.fallback
            else "",
        )
        message_id = messages.write(tx, draft, self.node, now)
        for incident_id in draft.incidents:
            written.setdefault((incident_id, kind), []).append(message_id)

    def _word(
        self, kind: Kind, receiver: Receiver, person: Person, cases: Iterable[_Case], hidden: int
    ) -> Composed:
        told = {_id(case): case.told() for case in cases}  # told twice in one delivery, worded once
        status = Status.FIRING if kind is Kind.FIRING else Status.RESOLVED
        notice = Notice(status, tuple(told.values()), hidden)
        template = self.plan.templates.get(receiver.template)
        return compose_reported(
            notice, Reader(person.timezone, person.language), template, receiver.max_parts
        )

    def _record(self, tx: Tx, delivery: Delivery, case: _Case, told: Texts, now: datetime) -> Verdict:
        texts = tuple(told.get((case.incident_id or 0, _KINDS[case.alert.status]), ()))
        heard = case.heard if texts or case.heard.suppressed else self._why_untold(tx, case)
        paths = [f"{chain[-1].path} -> {chain[-1].receiver}" for chain in case.chains]
        incidents.record(tx, delivery, case.alert, heard, case.incident_id, paths, self.node, now)
        return Verdict(case.alert, heard, case.incident_id, case.receivers, () if heard.suppressed else texts)

    def _why_untold(self, tx: Tx, case: _Case) -> Heard:
        if case.heard is Heard.FIRST:
            return Heard.NOBODY
        first = messages.told(tx, _id(case), Kind.FIRING)
        if any(message.state is State.CANCELLED for message in first):
            return Heard.RESOLVED_UNSENT
        return (
            Heard.RESOLVED_OFF
            if any(message.state.may_have_arrived for message in first)
            else Heard.NOBODY_TOLD
        )

    def _end_leases(self, tx: Tx, now: datetime) -> list[Moved]:
        return self._end(tx, outbox.overdue(tx, State.SUBMITTING, now), Cause.LEASE_ENDED, now)

    def _settle_unknown(self, tx: Tx, until: datetime, now: datetime) -> list[Moved]:
        """No report came that speaks for the attempt: send a critical page once more, leave the rest alone."""
        return [self._settle(tx, message, now) for message in outbox.overdue(tx, State.UNKNOWN, until)]

    def _settle(self, tx: Tx, message: Message, now: datetime) -> Moved:
        if not self._deserves_resend(tx, message, now):
            return self._move(tx, message, State.UNKNOWN_FINAL, Cause.NO_EVIDENCE, now)
        outbox.requeue(tx, message, now, Entry(Cause.RESEND), self.node, now)
        there = way_for(tx, self.plan.gateways, message, now)
        if (
            there is not None and breakers.closed_to_all(tx, there, now) is None
        ):  # what left no answer once may leave none again
            outbox.hand_over(tx, message, there, Entry(Cause.FAIL_OVER), self.node, now)
        return Moved(message, State.QUEUED, Cause.RESEND)

    def _deserves_resend(self, tx: Tx, message: Message, now: datetime) -> bool:
        return (
            message.severity is Severity.CRITICAL
            and message.kind is Kind.FIRING
            and group_of(message.number) is None  # one silence would make two texts for everybody in it
            and message.ambiguous <= self.plan.timing.ambiguous_resends
            and message.expires_at > now
            and not messages.all_closed(tx, message.id)
        )

    def _expire(self, tx: Tx, now: datetime) -> list[Moved]:
        """What may have left once is not known to have failed; the rest was never sent."""
        return [
            self._move(tx, m, State.UNKNOWN_FINAL if m.ambiguous else State.EXPIRED, Cause.TOO_OLD, now)
            for m in outbox.overdue(tx, State.QUEUED, now)
        ]

    def _fail_over(self, tx: Tx, now: datetime) -> list[Moved]:
        """What waits for a gateway that takes nothing goes to the next that does: critical at once, the rest later."""
        closed = {g: breakers.closed_to_all(tx, g, now) for g in self.plan.gateways} if self._choice else {}
        moved: list[Moved] = []
        for gateway, since in closed.items():
            if since is None or None not in closed.values():
                continue
            patient = now - since >= self.plan.timing.failover_after
            for message in outbox.waiting_for(tx, gateway):
                there = way_for(tx, self.plan.gateways, message, now)
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

    def _pass_on(self, tx: Tx, message: Message, there: str, now: datetime) -> Moved:
        outbox.hand_over(tx, message, there, Entry(Cause.FAIL_OVER), self.node, now)
        return Moved(message, State.QUEUED, Cause.FAIL_OVER)

    def _leave_barred(self, tx: Tx, now: datetime) -> list[Moved]:
        """What waits for a number or a country that its gateway refuses goes to another gateway, or nowhere."""
        return [self._leave(tx, message, now) for message in outbox.barred(tx, now)]

    def _leave(self, tx: Tx, message: Message, now: datetime) -> Moved:
        there = way_for(tx, self.plan.gateways, message, now)
        if there is not None:
            return self._pass_on(tx, message, there, now)
        state = State.UNKNOWN_FINAL if message.ambiguous else State.FAILED
        return self._move(tx, message, state, Cause.BARRED, now)

    def _stop_waiting_for_reports(self, tx: Tx, until: datetime, now: datetime) -> list[Moved]:
        silent = [m for state in (State.SENT, State.BUFFERED) for m in outbox.overdue(tx, state, until)]
        for message in silent:
            if message.state is State.BUFFERED:
                report_lost(tx, message, State.BUFFERED, "its phone has been out of reach for too long", now)
        return [self._move(tx, m, State.NO_REPORT, Cause.REPORT_TIMEOUT, now) for m in silent]


# No retry waits longer (`decide/reactions.py`); a later time can only come from a clock that was wrong.
_LONGEST_PAUSE = timedelta(minutes=15)
_KINDS = {Status.FIRING: Kind.FIRING, Status.RESOLVED: Kind.RESOLVED}


def _id(case: _Case) -> int:
    assert case.incident_id is not None  # noqa: S101 - FIRST and RESOLVED always have an episode
    return case.incident_id

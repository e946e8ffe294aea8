"""The steps of deciding: facts in, changes out.

`accept`, `tick`, `acknowledge`, `unacknowledge`, `close` and `recover` are the whole engine. Each loads what it may
touch, lets policy change it in memory, and writes it back. They take the transaction and `now`; none
reads a clock, so the running daemon, the backtest and a replay on a virtual clock are the same code. Sending begins
where this ends: at the store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sms_notify.alert import Delivery
from sms_notify.engine.accepting import Accepting, Verdict
from sms_notify.engine.armed_escalations import ArmedEscalations
from sms_notify.engine.follow_ups import FollowUps
from sms_notify.engine.texting import Texting
from sms_notify.engine.texts_by_hand import TextsByHand
from sms_notify.engine.ticking import Ticked, Ticker, still_queued
from sms_notify.engine.working_set import WorkingSet
from sms_notify.oncall.roster import Roster
from sms_notify.policy.acknowledgement import acknowledge, end_acknowledgement
from sms_notify.policy.allowed_moment import Rechecking
from sms_notify.policy.armed_texts import ArmedText
from sms_notify.policy.by_hand import escalate_now, note
from sms_notify.policy.closing import close, ends_of
from sms_notify.policy.correlation import Key
from sms_notify.policy.ends import EndNotifications
from sms_notify.policy.handoff import NO_INCIDENT
from sms_notify.policy.housekeeping import LONGEST_PAUSE, Moved
from sms_notify.policy.reconfigured import Configured, Reconfigured, configured, numbers_changed
from sms_notify.policy.relief import pass_over_strangers
from sms_notify.policy.rotations import Schedule
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.self_alert_notes import note_unaddressed
from sms_notify.policy.self_check_texts import plan_next
from sms_notify.policy.vocabulary import AckBy, AckEnd, Cause, Drop
from sms_notify.policy.watches import SOURCE as WATCH
from sms_notify.policy.watches import fitted, taken_over, watch_delivery
from sms_notify.policy.withdrawal import take_back_suppressed
from sms_notify.store import (
    belief_rows,
    configuration_rows,
    incidents,
    limit_rows,
    outbox,
    silences,
    timers,
    watch_rows,
)
from sms_notify.store.tx import Tx

_OF_NO_GROUP = "-"  # where a delivery has its group: not empty, so that it is told at once
# Of Prometheus, after a start: it posts every minute or so, and repeats no post that failed.
_TO_POST_AGAIN = timedelta(minutes=10)
_TO_REPEAT = timedelta(hours=5)  # after a start: longer than a source's usual repeat interval


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
        self._texting = Texting(plan, code)
        self._follow_ups = FollowUps(plan, self._texting)
        self._accepting = Accepting(plan, self._numbers, node, self._texting, self._follow_ups)
        self.texts_by_hand = TextsByHand(plan, node, self._texting)
        self.armed = ArmedEscalations(plan, node)
        self._ticker = Ticker(plan, self._numbers, node, self._texting, self._follow_ups, self._accepting)

    def with_schedules(self, schedules: Mapping[str, Schedule]) -> Engine:
        """The same engine after the calendars were read again."""
        return Engine(replace(self.plan, schedules=schedules), self.node, self._code)

    def accept(self, tx: Tx, delivery: Delivery, now: datetime) -> list[Verdict]:
        """Takes in one delivery: episodes, routes, who is owed what, texts, and a row for every alert with what it led to."""
        return self._accepting.accept(tx, [delivery], now)[0]

    def accept_all(self, tx: Tx, deliveries: Sequence[Delivery], now: datetime) -> list[list[Verdict]]:
        """As `accept`, one after the other, in one step."""
        return self._accepting.accept(tx, deliveries, now)

    # Time.

    def tick(self, tx: Tx, now: datetime) -> Ticked:
        """Does what has fallen due by `now`."""
        return self._ticker.tick(tx, now)

    # A start, a reload, a person.

    def recover(self, tx: Tx, now: datetime) -> list[Moved]:
        """At start: takes up what an earlier process left, under the configuration of today."""
        incidents.allow_for_absence(tx, now - self.plan.timing.stale_after + _TO_REPEAT)
        incidents.read_again(tx)
        silences.still_suppressed(tx, now)
        timers.allow_for_absence(tx, now + _TO_POST_AGAIN)
        timers.clamp(tx, now)
        outbox.clamp_waits(tx, now + LONGEST_PAUSE)
        working = WorkingSet(tx, self.node, now)
        left = outbox.leased_by(tx, self.node)
        working.know(left)
        house = self._ticker.housekeeping(working.rows)
        for message in left:
            house.lose(message, Cause.RESTARTED)
        working.flush()
        self.armed.settle(tx, now, started=True)
        return [*house.moved, *self.adopt(tx, now, started=True)]

    def join(self, tx: Tx, now: datetime) -> list[Moved]:
        """At a start beside other nodes: nothing was left, for they have gone on; but they may be of an earlier version."""
        incidents.read_again(tx)
        return self.adopt(tx, now)

    def adopt(self, tx: Tx, now: datetime, *, started: bool = False) -> list[Moved]:
        """At start and at a reload: what waits for a number or a gateway that the configuration no longer names is not
        sent there, a new number takes over what waits for the old one, and what is open goes on under today's receivers.
        What this process is sending at the moment is left alone.
        """
        before, today = configuration_rows.load(tx), configured(self.plan)
        if before.limits != today.limits:
            limit_rows.ask_again(tx, now)
        configuration_rows.take_over(tx, numbers_changed(before, self.plan.directory))
        belief_rows.take_over(tx, self.plan.directory.people)
        self._fit_watches(tx, now, started=started)
        working = WorkingSet(tx, self.node, now)
        rows = working.rows
        working.load_all_held()
        gone = [n for n in rows.all_held() if n.number not in self._numbers]
        rows.drop(gone, Drop.NOT_CONFIGURED)
        note_unaddressed(rows, (n.incident_id for n in gone if n.kind.alarming))
        Rechecking(self.plan).let_go(rows)
        working.load_messages(m.id for m in outbox.queued(tx))
        house = self._ticker.housekeeping(rows)
        house.drop_unaddressed(still_queued(rows))
        house.leave_unknown_gateways(still_queued(rows))
        self._go_on(tx, working, before)
        working.load_timers([NO_INCIDENT])
        plan_next(self.plan, rows)
        working.flush()
        configuration_rows.save(tx, today)
        return house.moved

    def _fit_watches(self, tx: Tx, now: datetime, *, started: bool) -> None:
        """Before what is open is routed anew: the end of what nobody watches any more is for those who know of it."""
        fit = fitted(watch_rows.every(tx), self.plan.watches, now, started=started)
        watch_rows.save(tx, fit.standing)
        watch_rows.forget(tx, fit.gone)
        if fit.ended:
            self.accept(tx, watch_delivery(fit.ended), now)
        taken = taken_over(incidents.still_open(tx) if self.plan.watches else (), self.plan.watches)
        for name, ids in taken.items():
            self.close(tx, ids, f"watch {name}", AckBy.CONFIGURATION, now)

    def _go_on(self, tx: Tx, working: WorkingSet, before: Configured) -> None:
        working.load_open_incidents()
        still_open = [one.id for one in working.rows.incidents.rows.values() if one.is_open]
        working.load_notifications(still_open)
        working.load_timers(still_open)
        if self.plan.schedules:
            working.load_roster(self.plan.directory)
        working.load_ids()
        routed = incidents.last_routed(tx)
        owed = Reconfigured(self.plan, working.rows, before, routed).follow()
        pass_over_strangers(self.plan, working.rows)
        self._texting.owe(working, owed)
        self._end_for_the_returned(working, belief_rows.ended(tx))

    def _end_for_the_returned(self, working: WorkingSet, ended: Sequence[Key]) -> None:
        """Whoever the configuration did not name when a problem ended, and names again, hears that it is over."""
        working.load_problems(ended)
        working.load_history(ended)
        over = (working.rows.latest(*key) for key in ended)
        self._tell_ends(working, [incident.id for incident in over if incident is not None])

    def _tell_ends(self, working: WorkingSet, ids: Sequence[int]) -> None:
        delivery = Delivery("", (), group=_OF_NO_GROUP)
        decide = EndNotifications(self.plan, self._numbers, delivery, working.rows)
        self._texting.owe(working, ends_of(self.plan, working.rows, decide, ids))

    def settle_armed(self, tx: Tx, now: datetime) -> list[ArmedText]:
        """Writes down which steps have left from an outbox by now. Whoever got one of what was over by then hears so."""
        left = self.armed.settle(tx, now)
        if left:
            self._tell_of_what_is_over(tx, now)
        return left

    def outbox_told(self, tx: Tx, text: ArmedText, now: datetime) -> None:
        """As `settle_armed`, for one of which the gateway says that it has left; `text` as it was before it was asked."""
        self.armed.tell(tx, text)
        self._tell_of_what_is_over(tx, now)

    def _tell_of_what_is_over(self, tx: Tx, now: datetime) -> None:
        working = WorkingSet(tx, self.node, now)
        working.load_ids()
        self._end_for_the_returned(working, belief_rows.ended(tx))
        working.flush()

    def acknowledge(
        self,
        tx: Tx,
        incident_ids: Iterable[int],
        by: str,
        how: AckBy,
        now: datetime,
        comment: str = "",
        *,
        ref: str = "",
    ) -> list[int]:
        """Somebody takes care of these: no step and no reminder follows. Returns those that it was news for.

        `ref` names what made it, where the end of that is the end of the acknowledgement: a silence.
        """
        working, ids = WorkingSet(tx, self.node, now), list(incident_ids)
        working.load_incidents(ids)
        working.load_notifications(ids)
        working.load_timers(ids)
        taken = acknowledge(self.plan, working.rows, ids, by, how, comment, ref=ref)
        working.flush()
        return taken

    def unacknowledge(
        self, tx: Tx, incident_ids: Iterable[int], by: str, how: AckEnd, now: datetime, *, ref: str = ""
    ) -> list[int]:
        """Nobody takes care of these any more: `notify` is told, and steps begin anew. Returns those that it was news
        for; where `ref` is given, only what that made is ended.
        """
        working, ids = self._loaded(tx, incident_ids, now)
        ended = end_acknowledgement(working.rows, ids, by, how, ref=ref)
        self._follow_ups.begin(working, ended)
        working.flush()
        return ended

    def close(self, tx: Tx, incident_ids: Iterable[int], by: str, how: AckBy, now: datetime) -> list[int]:
        """Ends these by hand; whoever believes that they fire is told by whom. Returns those that were open."""
        working, ids = self._loaded(tx, incident_ids, now)
        rows = working.rows
        closed = close(rows, ids, by, how)
        keys = [(rows.incidents.rows[id_].source, rows.incidents.rows[id_].fingerprint) for id_ in closed]
        working.load_problems(keys)
        working.load_history(keys)
        self._tell_ends(working, closed)
        working.flush()
        watch_rows.forget_instances(tx, [name for source, name in keys if source == WATCH])
        return closed

    def escalate_now(
        self, tx: Tx, incident_id: int, by: str, now: datetime, asked: Collection[str] | None = None
    ) -> bool:
        """Somebody wants the next step of an incident at once, or these. False where there is none to come."""
        working, _ = self._loaded(tx, [incident_id], now)
        done = escalate_now(working.rows, incident_id, by, asked)
        working.flush()
        return done

    def note(self, tx: Tx, incident_id: int, by: str, words: str, now: datetime) -> bool:
        """Somebody writes something beside an incident. False for no words, or too many."""
        working = WorkingSet(tx, self.node, now)
        written = note(working.rows, incident_id, by, words)
        working.flush()
        return written

    def hold_back(self, tx: Tx, incident_ids: Iterable[int], now: datetime) -> None:
        """Their source suppresses these from now on: texts about them that wait do not leave before it lets go."""
        working, ids = self._loaded(tx, incident_ids, now)
        take_back_suppressed(working.rows, ids)
        working.flush()

    def _loaded(self, tx: Tx, incident_ids: Iterable[int], now: datetime) -> tuple[WorkingSet, list[int]]:
        working, ids = WorkingSet(tx, self.node, now), list(dict.fromkeys(incident_ids))
        working.load_ids()
        working.load_incidents(ids)
        working.load_notifications(ids)
        working.load_timers(ids)
        return working, ids

"""From what is owed to texts: loads what limits and lanes have to say about it, and lets policy write them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from sms_notify.alert import Delivery
from sms_notify.engine.working_set import WorkingSet
from sms_notify.policy.allowance import Allowance, Leave
from sms_notify.policy.allowed_moment import Rechecking
from sms_notify.policy.batching import Batching, Texted, is_behind, joins
from sms_notify.policy.cases import Case
from sms_notify.policy.ends import EndNotifications
from sms_notify.policy.holds import Hold
from sms_notify.policy.notifications import Notifications
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.reading import as_its_reader_knows
from sms_notify.policy.records import Notification
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.suppression import hold_suppressed, unless_suppressed
from sms_notify.policy.vocabulary import Kind
from sms_notify.policy.withdrawal import take_back_changed

_OF_TIME = Delivery("", (), group="{}")  # nothing waits for a group a second time


class Texting:
    """By one configuration. `code` makes the unguessable end of a link that acknowledges."""

    def __init__(self, plan: Plan, code: Callable[[], str]) -> None:
        self._plan = plan
        self._code = code
        self._allowance = Allowance(plan)
        self._windows = Rechecking(plan)
        self._limited = {lane: self._allowance.limited(lane) for lane in Lane}
        self._back = {lane: self._allowance.looks_back(lane) for lane in Lane}
        self._back_at_all = self._allowance.looks_back_at_all()
        self._bounds = plan.limits.credits if self._allowance.of_money else None

    def owe(self, working: WorkingSet, owed: Sequence[Notification]) -> list[Texted]:
        """Texts about what is due of it; the rest is written down for later."""
        if not owed:
            return []
        owed = [unless_suppressed(working.rows, n) for n in owed]
        due = [n for n in owed if n.due_at <= working.rows.now]
        self._load_limits(working, dict.fromkeys(n.number for n in due))
        self._load_companions(working, ((n.number, n.lane, (n,)) for n in due))
        along = (n for key in {(n.number, n.lane) for n in due} for n in working.rows.held(*key))
        self._load_told_with(working, [*due, *along])
        return self._batching(working).owe(owed)

    def unheard(self, working: WorkingSet, numbers: frozenset[str], cases: Sequence[Case]) -> list[Texted]:
        """Texts about what nothing is heard of any more."""
        return self.owe(working, EndNotifications(self._plan, numbers, _OF_TIME, working.rows).unheard(cases))

    def tell(self, working: WorkingSet, numbers: frozenset[str], cases: Sequence[Case]) -> list[Texted]:
        """Texts about what time has made of problems."""
        take_back_changed(working.rows, cases)
        decide = Notifications(self._plan, _OF_TIME, working.rows)
        told = self.owe(working, decide.beginnings(cases))
        return told + self.owe(
            working, EndNotifications(self._plan, numbers, _OF_TIME, working.rows).ends(cases).owed
        )

    def flush(self, working: WorkingSet) -> list[Texted]:
        """Texts about what was held until now."""
        rows = working.rows
        due = working.due_lanes() | rows.due_lanes()
        self._load_limits(working, {number for number, _ in due})
        free = [key for key in due if not self._waits(rows, *key)]
        self._load_held(working, free)
        self._load_companions(working, ((number, lane, rows.due(number, lane)) for number, lane in free))
        self._load_told_with(working, (n for key in free if rows.due(*key) for n in rows.held(*key)))
        return self._batching(working).flush(due)

    def leave_by_hand(self, working: WorkingSet, number: str) -> Leave:
        """What the limits leave a text to one number that tells nothing of an alert."""
        self._load_limits(working, [number])
        return self._allowance.leave_by_hand(working.rows, number)

    def _batching(self, working: WorkingSet) -> Batching:
        return Batching(self._plan, self._allowance, self._windows, self._code, working.rows)

    @staticmethod
    def _load_told_with(working: WorkingSet, due: Iterable[Notification]) -> None:
        """A text tells apart what reads alike; an end tells what still fires of the text that told its beginning, of the
        episode that its reader knows.
        """
        rows, due = working.rows, list(due)
        ends = [n for n in (*due, *rows.all_held()) if n.kind in (Kind.RESOLVED, Kind.UNHEARD)]
        working.load_known(ends)
        working.load_told_with([as_its_reader_knows(rows, n) for n in due])

    def _load_limits(self, working: WorkingSet, numbers: Iterable[str]) -> None:
        """What the limits leave these numbers, where there are any, and what may ride."""
        if self._limited[Lane.CRITICAL] or self._limited[Lane.REST]:
            working.load_lanes(numbers, self._back)
            working.load_money(self._plan.gateway, self._bounds, self._back_at_all)
        else:
            working.load_unconfirmed(numbers)
        if self._allowance.receivers and self._plan.schedules:
            # Another receiver may reach whom the limit of one holds.
            working.load_roster(self._plan.directory)

    def _load_companions(
        self, working: WorkingSet, due: Iterable[tuple[str, Lane, Sequence[Notification]]]
    ) -> None:
        """What is held in the same lanes and may go along, where a text may leave at all."""
        rows = working.rows
        lanes: set[tuple[str, Lane]] = set()
        late: set[str] = set()
        for number, lane, ready in due:
            limited = self._limited[lane]
            alone = limited and (number, lane) not in rows.queue.held
            was_held = limited and rows.lane(number, lane) is not None
            rides = (number, lane) in rows.queue.unconfirmed
            if (rides or joins(lane, ready, was_held=was_held)) and not self._waits(rows, number, lane):
                lanes |= set() if alone else {(number, lane)}
                late |= {number for n in ready if n.why is Hold.LATE and lane is Lane.CRITICAL}
        self._load_held(working, lanes)
        working.load_late(late)

    def _load_held(self, working: WorkingSet, lanes: Iterable[tuple[str, Lane]]) -> None:
        """Without what a window, or its source, holds by now."""
        asked = list(lanes)
        working.load_held(asked)
        held = [n for key in asked for n in working.rows.held(*key)]
        if self._windows.needed:
            # How long ago its reader was texted says whether an end may be told at night.
            working.load_notifications({n.incident_id for n in held if n.kind is Kind.RESOLVED})
        self._windows.hold_again(working.rows, held)
        for key in asked:
            hold_suppressed(working.rows, working.rows.held(*key))

    def _waits(self, rows: Rows, number: str, lane: Lane) -> bool:
        held = rows.lane(number, lane)
        return self._limited[lane] and (
            (held is not None and held.until > rows.now) or is_behind(rows, number, lane)
        )

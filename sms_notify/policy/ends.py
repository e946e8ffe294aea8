"""Who hears that a problem is over, or that nothing is heard of it any more: whoever believes that it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sms_notify.alert import Delivery
from sms_notify.policy.allowed_moment import allowed, first_free, is_awake
from sms_notify.policy.belief import Belief
from sms_notify.policy.cases import Case, EndsOwed
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.reading import ReaderBeliefs
from sms_notify.policy.records import Notification
from sms_notify.policy.routing import ROUND, Receiver, Route
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Drop, Heard, Kind, PageState
from sms_notify.policy.withdrawal import take_back_untrue


class EndNotifications:
    """Decides it by one configuration, for one delivery."""

    def __init__(self, plan: Plan, numbers: frozenset[str], delivery: Delivery, rows: Rows) -> None:
        self._plan = plan
        self._numbers = numbers
        self._rows = rows
        self._now = rows.now
        self._reading = ReaderBeliefs(delivery, rows)

    def ends(self, cases: Sequence[Case]) -> EndsOwed:
        """One for each who believes that it is there. What nobody can have seen is taken back instead."""
        owed: list[Notification] = []
        kept: set[int] = set()
        back = {case.alert.fingerprint for case in cases if case.heard in (Heard.FIRST, Heard.RESUMED)}
        for case in cases:
            if case.heard is not Heard.RESOLVED:
                continue
            take_back_untrue(self._rows, [case.id])  # also the beginning that came with it
            for number, mine in self._by_reader(case).items():
                end = self._end(case, number, mine)
                # It ended and is back: the last word is FIRING.
                owed += [] if end is None or case.alert.fingerprint in back else [end]
                if any(n.state is PageState.HELD and _counted(n) for n in mine if n.incident_id == case.id):
                    kept.add(case.id)
        return EndsOwed(tuple(owed), frozenset(kept))

    # What nothing is heard of any more.

    def unheard(self, cases: Sequence[Case]) -> list[Notification]:
        """One for each who believes that it is there. Whoever was told nothing yet still hears that it fires."""
        return [
            self._unheard(case, number, mine)
            for case in cases
            for number, mine in self._by_reader(case).items()
            if number in self._numbers
            and not any(self._has_read(case, n) for n in mine)
            and self._reading.believes(case, number) in (Belief.FIRING, Belief.FLAPPING)
        ]

    def _has_read(self, case: Case, n: Notification) -> bool:
        """Once an episode: whoever was told so is not told again, also where a reminder came between."""
        return n.incident_id == case.id and n.kind is Kind.UNHEARD and self._rows.may_have_arrived(n)

    def _unheard(self, case: Case, number: str, mine: Sequence[Notification]) -> Notification:
        told = mine[-1]
        person = self._plan.directory.owner(number) or told.person
        receiver = self._plan.receiver(told.receiver)
        hours = [replace(one, unless=()) for one in (receiver.quiet, person.quiet) if one is not None]
        held = allowed(self._plan, case.alert.labels, receiver.name, Wait(self._now, Hold.NOW), *hours)
        return Notification(
            self._rows.incidents.rows[case.id].subject, person, Kind.UNHEARD, told.receiver, held.until, self._now,
            held.why, held.by,
        )  # fmt: skip

    def _by_reader(self, case: Case) -> dict[str, list[Notification]]:
        readers: dict[str, list[Notification]] = {}
        for n in self._reading.earlier(case):
            readers.setdefault(n.number, []).append(n)
        return readers

    def _end(self, case: Case, number: str, mine: Sequence[Notification]) -> Notification | None:
        own = [n for n in mine if n.incident_id == case.id and n.kind is not Kind.RESOLVED]
        believes = self._reading.believes(case, number).of_trouble
        for n in own:
            if n.state is PageState.HELD and (not _counted(n) or believes):
                self._rows.drop([n], Drop.RESOLVED)
        receivers = (
            self._plan.receiver(name) for name in {n.receiver: n for n in self._since_last_end(mine)}
        )
        receiver = next((receiver for receiver in receivers if receiver.send_resolved), None)
        if not believes or receiver is None or number not in self._numbers:
            return None
        return self._resolved(case, receiver, mine)

    def _since_last_end(self, mine: Sequence[Notification]) -> Sequence[Notification]:
        """What a reader was told after the last end that they may have read."""
        in_order = sorted(mine, key=lambda n: n.id)
        ends = [
            at for at, n in enumerate(in_order) if n.kind is Kind.RESOLVED and self._rows.may_have_arrived(n)
        ]
        return in_order[ends[-1] + 1 :] if ends else in_order

    def _resolved(self, case: Case, receiver: Receiver, mine: Sequence[Notification]) -> Notification:
        """No mute holds an end, and quiet hours hold it only where its reader's last text about it is long ago. To whoever
        was texted of it as critical its end comes by the limits for critical texts.
        """
        first, told = mine[0], [n for n in mine if self._rows.reached(n)]
        person = self._plan.directory.owner(first.number) or Person(first.person.name, first.number)
        starts, bundle = self._reading.starts_of(case, receiver, urgent=False)
        hours = () if is_awake(self._rows, mine) else (receiver.quiet, person.quiet)
        quiet = [replace(one, unless=()) for one in hours if one is not None]  # no end is so urgent
        unmuted = [(Route(receiver.name), start) for _, start in starts]
        held = first_free(unmuted, case.alert.labels, *quiet)
        urgent = held.why is not Hold.QUIET and any(n.row_lane is Lane.CRITICAL for n in told)
        lane = Lane.ENDS if urgent else Lane.REST
        return Notification(
            case.subject(ended=True), person, Kind.RESOLVED, receiver.name, held.until, self._now, held.why, held.by,
            case.round * ROUND, bundle, row_lane=lane,
        )  # fmt: skip


def _counted(n: Notification) -> bool:
    """Whether limits hold it: then it is told with its end."""
    return isinstance(n.why, Hold) and n.why.of_limits

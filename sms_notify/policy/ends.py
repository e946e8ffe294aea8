"""Who hears that a problem is over, or that nothing is heard of it any more: whoever believes that it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sms_notify.alert import Delivery
from sms_notify.policy.allowed_moment import LAST_WORD, allowed, first_free
from sms_notify.policy.belief import Belief, Believed
from sms_notify.policy.cases import Case, EndsOwed
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import Hold, Wait
from sms_notify.policy.lost_sight import waiting_for
from sms_notify.policy.rate_limits import Lane
from sms_notify.policy.reading import ReaderBeliefs
from sms_notify.policy.records import Notification, Subject
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
            told = {number: self._of_reader(case, number) for number in self._reading.readers(case)}
            take_back_untrue(self._rows, [case.id])  # also the beginning that came with it
            for number, mine in told.items():
                end = self._end(case, number, mine)
                # It ended and is back: the last word is FIRING.
                owed += [] if end is None or case.alert.fingerprint in back else [end]
                if any(n.state is PageState.HELD and _counted(n) for n in mine):
                    kept.add(case.id)
        return EndsOwed(tuple(owed), frozenset(kept))

    def _of_reader(self, case: Case, number: str) -> list[Notification]:
        return [n for n in self._rows.of_incident(case.id) if n.number == number]

    # What nothing is heard of any more.

    def unheard(self, cases: Sequence[Case]) -> list[Notification]:
        """One for each who believes that it is there. Whoever was told nothing yet still hears that it fires."""
        return [
            self._unheard(case, believed)
            for case in cases
            for number in self._reading.readers(case)
            if number in self._numbers
            and not self._has_read(case, number)
            and (believed := self._reading.believed(case, number)) is not None
            and believed.belief in (Belief.FIRING, Belief.FLAPPING)
        ]

    def _has_read(self, case: Case, number: str) -> bool:
        """Once an episode: whoever was told so is not told again, also where a reminder came between."""
        mine = (n for n in self._rows.of_incident(case.id) if n.number == number and n.kind is Kind.UNHEARD)
        return any(self._rows.may_have_arrived(n) for n in mine)

    def _unheard(self, case: Case, believed: Believed) -> Notification:
        person, receiver = self._owner(believed.person), self._plan.receiver(believed.receivers[-1])
        hours = [replace(one, unless=()) for one in (receiver.quiet, person.quiet) if one is not None]
        incident = self._rows.incidents.rows[case.id]
        held = allowed(self._plan, incident, receiver.name, Wait(self._now, Hold.NOW), *hours)
        return Notification(
            self._subject(case), person, Kind.UNHEARD, receiver.name, held.until, self._now,
            held.why, held.by,
        )  # fmt: skip

    def _end(self, case: Case, number: str, mine: Sequence[Notification]) -> Notification | None:
        own = [n for n in mine if n.kind is not Kind.RESOLVED]
        believed = self._reading.believed(case, number)
        believes = believed is not None and believed.belief.of_trouble
        lost = None if believes else waiting_for(self._rows, case.id, own, self._plan.limits.calm)
        for n in own:
            if n.state is PageState.HELD and (not _counted(n) or believes or lost):
                self._rows.drop([n], Drop.RESOLVED)
        if lost is not None and number in self._numbers:
            return self._lost_sight(case, lost)
        if believed is None or not believes or number not in self._numbers:
            return None
        receivers = [self._plan.receiver(name) for name in believed.receivers]
        receiver = next((one for one in receivers if one.send_resolved), None)
        end = self._resolved(case, receiver or receivers[0], believed)
        if receiver is None:
            self.count_as_said(end, Drop.RESOLVED_OFF)
        return None if receiver is None else end

    def count_as_said(self, end: Notification, why: Drop) -> None:
        """Its reader is not texted that, and believes it."""
        self._reading.count_as_said(end, why)

    def _owner(self, person: Person) -> Person:
        """Whose number it is by now."""
        return self._plan.directory.owner(person.number) or person

    def _resolved(self, case: Case, receiver: Receiver, believed: Believed) -> Notification:
        """No mute holds an end, and quiet hours hold it only where its reader's last text about it is long ago. To whoever
        was texted of it as critical its end comes by the limits for critical texts.
        """
        person = self._owner(believed.person)
        starts, bundle = self._reading.starts_of(case, receiver, urgent=False)
        hours = () if self._now - believed.at <= LAST_WORD else (receiver.quiet, person.quiet)
        quiet = [replace(one, unless=()) for one in hours if one is not None]  # no end is so urgent
        unmuted = [(Route(receiver.name), start) for _, start in starts]
        held = first_free(unmuted, case.alert.labels, *quiet)
        lane = Lane.ENDS if held.why is not Hold.QUIET and believed.critical else Lane.REST
        return Notification(
            self._subject(case), person, Kind.RESOLVED, receiver.name, held.until, self._now, held.why, held.by,
            case.round * ROUND, case.alert.end_reason or bundle, row_lane=lane,
        )  # fmt: skip

    def _subject(self, case: Case) -> Subject:
        """As it was told, whichever alert of it ended last."""
        return self._rows.incidents.rows[case.id].subject

    def _lost_sight(self, case: Case, untold: Notification) -> Notification:
        """To whom it was to be news: so mutes and quiet hours hold it as they would its beginning."""
        receiver = self._plan.receiver(untold.receiver)
        person = self._owner(untold.person)
        starts, _ = self._reading.starts_of(case, receiver, urgent=True)
        held = first_free(starts, case.alert.labels, receiver.quiet, person.quiet)
        lane = Lane.REST if held.why is Hold.QUIET else Lane.ENDS
        return Notification(
            self._subject(case), person, Kind.RESOLVED, receiver.name, held.until, self._now, held.why, held.by,
            case.round * ROUND, case.alert.end_reason, row_lane=lane,
        )  # fmt: skip


def _counted(n: Notification) -> bool:
    """Whether limits hold it: then it is told with its end."""
    return isinstance(n.why, Hold) and n.why.of_limits

"""The gateways of a story, and their weather: what each text meets, and what is reported of it later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count

from sms_notify.gateways.base import AddressBookGroup, Batch, Failed, Report, Submission
from sms_notify.gateways.registry import refused
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason, Refusal
from sms_notify.stories.models import Weather

REPORTED_AFTER = timedelta(seconds=5)
_PLENTY = 10_000
_OK = Outcome(Fate.SENT, Reason.OK)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A text that a gateway took: for a `number` or a group, at a time since the start.

    `report` is what it will report of it, whoever asks; NONE of a group, of which gateways report nothing.
    """

    at: timedelta
    gateway: str
    number: str
    body: str
    report: DeliveryStatus = DeliveryStatus.NONE


@dataclass(slots=True)
class _Spell:
    """One kind of weather: for whom, until when, and for how many more texts (None: no such bound)."""

    given: Weather
    numbers: frozenset[str] | None
    until: timedelta | None
    left: int | None

    def meets(self, gateway: str, number: str, now: timedelta) -> bool:
        here = self.given.name in ("", gateway) and (self.numbers is None or number in self.numbers)
        return here and (self.until is None or now < self.until) and self.left != 0

    def same_place(self, other: _Spell) -> bool:
        return (self.given.name, self.numbers) == (other.given.name, other.numbers)


class Sky:
    """The weather over all gateways.

    What is counted comes first, in the order in which it came, and counts texts alone: a free question (the balance, a
    tested text) sees only what lasts. Of what lasts, the newest counts.
    """

    def __init__(self) -> None:
        self._counted: list[_Spell] = []
        self._lasting: list[_Spell] = []

    def change(self, given: Weather, numbers: frozenset[str] | None, now: timedelta) -> None:
        """Lets it be `given` for these numbers, or for all."""
        front = _Spell(given, numbers, None if given.for_ is None else now + given.for_, given.count)
        if given.count is not None:
            self._counted.append(front)
            return
        if given.ok and given.for_ is None:
            everywhere = numbers is None and not given.name
            self._counted = [f for f in self._counted if not (everywhere or f.same_place(front))]
            self._lasting = [f for f in self._lasting if not (everywhere or f.same_place(front))]
        self._lasting.insert(0, front)

    def answer(self, gateway: str, number: str, now: timedelta, *, free: bool = False) -> Weather | None:
        """What a request meets; None = nothing special."""
        return self._met(gateway, number, now, free=free, reports=False)

    def report(self, gateway: str, number: str, now: timedelta) -> DeliveryStatus:
        """What will be reported of a text that is taken now."""
        met = self._met(gateway, number, now, free=False, reports=True)
        return met.report if met is not None and met.report is not None else DeliveryStatus.DELIVERED

    def _met(self, gateway: str, number: str, now: timedelta, *, free: bool, reports: bool) -> Weather | None:
        fronts = self._lasting if free else [*self._counted, *self._lasting]
        for front in fronts:
            lasting_fair = front.given.ok is not None and front.left is None
            fits = lasting_fair or (front.given.report is not None) == reports
            if fits and front.meets(gateway, number, now):
                front.left = None if front.left is None else front.left - 1
                return front.given
        return None


class SkyGateway:
    """One gateway under the sky. `up` is the time since the start; `accepted` hears of each text that it takes."""

    def __init__(
        self, name: str, sky: Sky, up: Callable[[], timedelta], accepted: Callable[[Accepted], None]
    ) -> None:
        self.name = name
        self._sky = sky
        self._up = up
        self._accepted = accepted
        self._ids = count(1)
        self._reports: dict[str, tuple[timedelta, DeliveryStatus]] = {}
        self.reported: list[tuple[timedelta, Report]] = []
        """What it will call back with, and when; whoever takes it out has heard it."""
        self.slow: timedelta | None = None
        """How long the last request hung; None where it took no time."""

    def send(self, submission: Submission) -> Outcome:
        if submission.test:
            met = self._sky.answer(self.name, submission.number, self._up(), free=True)
            return _OK if met is None else _outcome(met)
        return self._sent(submission.number, submission)

    def send_batch(self, batch: Batch) -> Outcome:
        name = batch.to.name if isinstance(batch.to, AddressBookGroup) else ""
        return self._sent(f"group:{name}", batch)

    def credits(self) -> int | Failed:
        met = self._sky.answer(self.name, "", self._up(), free=True)
        if met is None or met.ok:
            return _PLENTY
        outcome = _outcome(met)
        return 0 if outcome.refusal is Refusal.NO_CREDITS else Failed.of(outcome)

    def report(self, smsid: str) -> Report:
        due, status = self._reports.get(smsid, (timedelta.max, DeliveryStatus.NONE))
        return Report(smsid, status if due <= self._up() else DeliveryStatus.NONE)

    def _sent(self, number: str, message: Submission | Batch) -> Outcome:
        met = self._sky.answer(self.name, number, self._up())
        self.slow = met.hang if met is not None else None
        outcome = _OK if met is None else _outcome(met)
        if outcome.fate is not Fate.SENT and not (met is not None and met.drop == "after"):
            return outcome
        smsid = f"{self.name}-{next(self._ids)}"
        status = self._will_report(smsid, message) if isinstance(message, Submission) else DeliveryStatus.NONE
        self._accepted(Accepted(self._up(), self.name, number, message.text, status))
        return replace(outcome, smsid=smsid) if outcome.fate is Fate.SENT else outcome

    def _will_report(self, smsid: str, message: Submission) -> DeliveryStatus:
        status = self._sky.report(self.name, message.number, self._up())
        due = self._up() + REPORTED_AFTER
        self._reports[smsid] = (due, status)
        if status is not DeliveryStatus.NONE:
            self.reported.append((due, Report(smsid, status, None, message.reference)))
        return status


def _outcome(met: Weather) -> Outcome:
    if met.error is not None:
        return refused(met.error)
    if met.status is not None:
        return _of_status(met.status)
    if met.unreachable:
        return Outcome(Fate.NOT_SENT, Reason.CONNECT)
    if met.drop is not None:
        return Outcome(Fate.UNKNOWN, Reason.CONNECTION_LOST)
    if met.hang is not None:
        return Outcome(Fate.UNKNOWN, Reason.TIMEOUT)
    return _OK


def _of_status(status: int) -> Outcome:
    """As the client reads a status without a body of the gateway's grammar (RFC 9110 section 15)."""
    if status < 300:
        return Outcome(Fate.UNKNOWN, Reason.UNREADABLE)
    if status < 400:
        return Outcome(Fate.UNKNOWN, Reason.REDIRECT)
    if status < 500:
        return Outcome(Fate.REFUSED, Reason.HTTP_CLIENT_ERROR)
    return Outcome(Fate.UNKNOWN, Reason.HTTP_SERVER_ERROR)

"""One text a notification: what a program that passes on whatever it is told would send. Nothing is remembered or held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo

from sms_notify.alert import Alert, Delivery, Status
from sms_notify.backtest.recording import Event, Recorded
from sms_notify.backtest.replay import Setup, rule_of
from sms_notify.backtest.statistics import Leftovers, ReplayedText, Tally, Thing
from sms_notify.policy.directory import Person
from sms_notify.policy.rotations import Shift, on_call
from sms_notify.policy.routing import Receiver, route
from sms_notify.policy.vocabulary import Heard, Kind

NAME = "one-text-a-notification"
_Key = tuple[str, str]


class OneText:
    """Each delivery is one text of one part for every person of every receiver that its alerts lead to.

    The least that it can cost: a long text has more parts. Receivers that want no ends get no text about ends alone.
    """

    def __init__(self, setup: Setup, zone: tzinfo = UTC) -> None:
        self.name = NAME
        self.tally = Tally(zone)
        self._plan = setup.plan
        self._overrides = setup.overrides
        self._open: dict[_Key, tuple[int, datetime]] = {}  # what fires: a number of its own, and since when
        self._episodes = 0

    def feed(self, event: Event) -> None:
        """Whoever acknowledges changes nothing."""
        if not isinstance(event, Recorded):
            return
        self.tally.heard(self._hear(alert, event.at) for alert in event.delivery.alerts)
        for name, alerts in self._routed(event.delivery).items():
            self._tell(self._plan.receivers[name], alerts, event.at)
        for alert in event.delivery.alerts:
            if alert.status is Status.RESOLVED:
                self._open.pop((alert.source, alert.fingerprint), None)

    def finish(self) -> None:
        self.tally.close(Leftovers())

    def _hear(self, alert: Alert, at: datetime) -> Heard:
        key = (alert.source, alert.fingerprint)
        if alert.status is Status.RESOLVED:
            return Heard.RESOLVED if key in self._open else Heard.NEVER_FIRED
        if key in self._open:
            return Heard.DUPLICATE
        self._episodes += 1
        self._open[key] = (self._episodes, at)
        receivers = route(self._plan.route, alert.labels).receivers
        return Heard.FIRST if any(self._plan.receivers[name].notify for name in receivers) else Heard.NOBODY

    def _routed(self, delivery: Delivery) -> Mapping[str, Sequence[Alert]]:
        found: dict[str, list[Alert]] = {}
        for alert in delivery.alerts:
            for name in route(self._plan.route, alert.labels).receivers:
                found.setdefault(name, []).append(alert)
        return found

    def _tell(self, receiver: Receiver, alerts: Iterable[Alert], at: datetime) -> None:
        wanted = [a for a in alerts if a.status is Status.FIRING or receiver.send_resolved]
        if not wanted:
            return
        told = tuple(self._thing(alert, receiver, at) for alert in wanted)
        kind = Kind.RESOLVED if all(thing.kind is Kind.RESOLVED for thing in told) else Kind.FIRING
        for person in self._people(receiver, at):
            cost = self._plan.directory.heads(person.number)
            self.tally.text(ReplayedText(at, person.name, kind, 1, cost, told))

    def _people(self, receiver: Receiver, at: datetime) -> tuple[Person, ...]:
        def holder(name: str) -> str | None:
            schedule = self._plan.schedules.get(name)
            made: Sequence[Shift] = self._overrides.get(name, ())
            return None if schedule is None else on_call(schedule, made, at)

        return self._plan.directory.resolve(receiver.notify, holder)

    def _thing(self, alert: Alert, receiver: Receiver, at: datetime) -> Thing:
        number, since = self._open.get((alert.source, alert.fingerprint), (0, at))
        kind = Kind.RESOLVED if alert.status is Status.RESOLVED else Kind.FIRING
        rule = rule_of(self._plan.route, alert.labels, receiver.name)
        return Thing(number, kind, rule, self._plan.severities.grade(alert).severity, alert.labels, since)

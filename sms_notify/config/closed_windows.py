"""Windows that never let a text pass: a route that is muted whenever it is active, quiet hours without an end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sms_notify.config.settings import Settings
from sms_notify.errors import Fault
from sms_notify.policy.directory import Person, TargetKind
from sms_notify.policy.holds import Hold, Quiet, Wait, is_closed, wait
from sms_notify.policy.routing import Receiver, Route

_NO_ROUTE = Route("")


@dataclass(frozen=True, slots=True)
class ClosedWindows:
    """`faults`: nothing ever passes; `warnings`: nothing but what `unless` names."""

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]


def closed_windows(settings: Settings, now: datetime) -> ClosedWindows:
    """What no moment of the year from `now` (aware UTC) on lets pass, each with the line that closes it."""
    found = list(dict.fromkeys(_Look(settings, now).all()))
    return ClosedWindows(
        tuple(fault for fault, passes in found if not passes),
        tuple(fault for fault, passes in found if passes),
    )


class _Look:
    """Looks at what stands alone first: whatever that closes is not told of each combination."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self._settings = settings
        self._start = Wait(now, Hold.NOW)

    def all(self) -> Iterator[tuple[Fault, bool]]:
        for index, receiver in enumerate(self._settings.receivers.values()):
            yield from self._quiet(f"receivers[{index}]", receiver.quiet)
        for person in self._settings.directory.people.values():
            yield from self._quiet(f"people.{person.name}", person.quiet)
        for route in _answering(self._settings.route):
            yield from self._route(route)

    def _quiet(self, owner: str, quiet: Quiet | None) -> Iterator[tuple[Fault, bool]]:
        if quiet is not None and self._closed(_NO_ROUTE, quiet):
            what = "never end" if not quiet.unless else "never end, and let through only what `unless` says"
            yield (
                self._fault(f"{owner}.quiet", what, "name intervals that leave some time"),
                bool(quiet.unless),
            )

    def _route(self, route: Route) -> Iterator[tuple[Fault, bool]]:
        receiver = self._settings.receivers[route.receiver]
        if self._closed(route):
            what = "is muted, or not active, at every moment of the year to come: nobody is ever texted about its alerts"
            yield self._fault(route.path, what, "leave some time open, or remove it"), False
            return
        own = self._closed(_NO_ROUTE, receiver.quiet)
        if not own and self._closed(route, receiver.quiet):
            what = f"is closed whenever the quiet hours of receiver {receiver.name} are over"
            yield self._fault(route.path, what, "leave some time open to both"), _passes(receiver.quiet)
            return
        for person in () if own else self._people(receiver):
            both = (receiver.quiet, person.quiet)
            if not self._closed(_NO_ROUTE, person.quiet) and self._closed(route, *both):
                what = f"is closed whenever the quiet hours of {person.name} are over"
                yield self._fault(route.path, what, "leave some time open to both"), _passes(*both)

    def _closed(self, route: Route, *quiet: Quiet | None) -> bool:
        """Whether nothing passes at any time but what an exception lets through."""
        all_of_them = [Quiet(one.during, ()) for one in quiet if one is not None]
        return is_closed(self._start, wait(self._start, {}, route.mute, route.active, all_of_them))

    def _people(self, receiver: Receiver) -> list[Person]:
        """Everybody with quiet hours whom it may ever text."""
        directory, schedules = self._settings.directory, self._settings.schedules
        targets = [*receiver.notify, *(target for step in receiver.escalate for target in step.notify)]
        named = list(directory.resolve(targets))
        on_call = [schedules[t.name] for t in targets if t.kind is TargetKind.SCHEDULE]
        members = (directory.people.get(name) for one in on_call for name in one.members)
        everybody = dict.fromkeys([*named, *(person for person in members if person is not None)])
        return [person for person in everybody if person.quiet is not None]

    def _fault(self, path: str, what: str, advice: str) -> Fault:
        return Fault(self._settings.source, self._settings.lines.get(path, 0), path, what, advice)


def _passes(*quiet: Quiet | None) -> bool:
    return all(one.unless for one in quiet if one is not None)


def _answering(route: Route) -> Iterable[Route]:
    """Every route, as any may answer what the routes below it do not take."""
    yield route
    for child in route.routes:
        yield from _answering(child)

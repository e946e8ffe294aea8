"""Times when nobody of a receiver of critical alerts may be texted, as the quiet hours of each person hold them, too."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sms_notify.alert import SEVERITY, Severity, SeverityWords
from sms_notify.config.settings import Settings
from sms_notify.errors import Fault
from sms_notify.policy.directory import Person
from sms_notify.policy.holds import AHEAD, Quiet
from sms_notify.policy.matchers import Matcher, Op
from sms_notify.policy.rotations import Schedule, Shift, shifts
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.time_intervals import borders

_CRITICAL = {SEVERITY: Severity.CRITICAL.value}


def all_quiet(settings: Settings, schedules: Mapping[str, Schedule], now: datetime) -> list[Fault]:
    """A warning for each receiver that critical alerts may reach, and of which, and of those that are told with it, at some
    moment of the year from `now` (aware UTC) on every person holds them back; at the quiet hours of the first of them.

    `schedules` are those of `settings`, with their calendars read.
    """
    holding = [
        who.quiet for who in settings.directory.people.values() if who.quiet and _holds(who.quiet, settings)
    ]
    if not holding:
        return []
    rotas = {name: shifts(schedule, (), now, now + AHEAD) for name, schedule in schedules.items()}
    edges = {shift.start for rota in rotas.values() for shift in rota}
    intervals = [interval for quiet in holding for window in quiet.during for interval in window.intervals]
    moments = sorted({now.astimezone(UTC), *edges, *borders(intervals, now, AHEAD)})
    found = []
    for names in dict.fromkeys(_critical(settings.route, settings.severities)):
        receivers = [settings.receivers[name] for name in names]
        held = ((at, _all_held(settings, receivers, rotas, at)) for at in moments)
        found += [_warning(settings, names[0], at, people) for at, people in held if people][:1]
    return list(dict.fromkeys(found))


def _all_held(
    settings: Settings, receivers: Sequence[Receiver], rotas: Mapping[str, Sequence[Shift]], at: datetime
) -> Sequence[Person]:
    """Everybody of these receivers, where all are quiet at `at`; else nobody."""

    def holder(schedule: str) -> str | None:
        rota = rotas[schedule]
        return rota[bisect_right(rota, at, key=lambda shift: shift.start) - 1].person

    targets = [target for receiver in receivers for target in receiver.everybody]
    people = settings.directory.resolve(targets, holder)
    return people if all(_holds_at(person.quiet, at, settings) for person in people) else ()


def _warning(settings: Settings, receiver: str, at: datetime, people: Sequence[Person]) -> Fault:
    path = f"people.{people[0].name}.quiet"
    names = " and ".join(person.name for person in people)
    moment = f"{at.astimezone(ZoneInfo(people[0].timezone)):%a %Y-%m-%d %H:%M} ({people[0].timezone})"
    what = f"holds critical problems, too, and receiver {receiver} has nobody but {names} at {moment}: nobody is texted then"
    advice = "leave out `unless`, so that critical problems pass, or name somebody else under `notify` or `escalate`"
    return Fault(settings.source, settings.lines.get(path, 0), path, what, advice)


def _holds_at(quiet: Quiet | None, at: datetime, settings: Settings) -> bool:
    return quiet is not None and _holds(quiet, settings) and any(window.holds(at) for window in quiet.during)


def _holds(quiet: Quiet, settings: Settings) -> bool:
    """Whether they hold every critical problem, whatever its other labels."""
    return not any(_may_be_critical(matchers, settings.severities) for matchers in quiet.unless)


def _may_be_critical(matchers: Sequence[Matcher], words: SeverityWords) -> bool:
    return all(matcher.name != SEVERITY or _fits(matcher, words) for matcher in matchers)


def _fits(matcher: Matcher, words: SeverityWords) -> bool:
    """Whether it takes a severity of critical rank: the word, or one that means it."""
    named = matcher.op is Op.EQUAL and words.severity_of(matcher.value) is Severity.CRITICAL
    return named or matcher.matches(_CRITICAL)


def _critical(route: Route, words: SeverityWords) -> Iterator[tuple[str, ...]]:
    """The receivers that critical alerts may reach, each with those that are surely told with it (`continue`)."""
    before: tuple[str, ...] = ()
    passes = True
    for at, child in enumerate(route.routes):
        if not _may_be_critical(child.matchers, words):
            continue
        also = (*before, *_surely(route.routes[at + 1 :], words)) if child.continue_ else before
        for names in _critical(child, words):
            yield (*names, *also)
        if _takes_all(child):
            before = (*before, *_surely([child], words))
            passes = False
            if not child.continue_:
                return
    if passes:
        yield (route.receiver,)


def _surely(routes: Sequence[Route], words: SeverityWords) -> Iterator[str]:
    """The receivers of those that take every critical alert, up to the first that may keep it from the next."""
    for route in routes:
        if not _may_be_critical(route.matchers, words):
            continue
        if _takes_all(route) and not any(_may_be_critical(child.matchers, words) for child in route.routes):
            yield route.receiver
        if not route.continue_:
            return


def _takes_all(route: Route) -> bool:
    return all(each.name == SEVERITY and each.matches(_CRITICAL) for each in route.matchers)

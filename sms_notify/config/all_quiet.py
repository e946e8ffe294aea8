"""Times when nobody of a receiver of critical alerts may be texted, as the quiet hours of each person hold them, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sms_notify.alert import SEVERITY, Severity, SeverityWords
from sms_notify.config.settings import Settings
from sms_notify.errors import Fault
from sms_notify.policy.directory import Person, Target, TargetKind
from sms_notify.policy.holds import AHEAD, Quiet
from sms_notify.policy.matchers import Matcher, Op
from sms_notify.policy.routing import Receiver, Route
from sms_notify.policy.time_intervals import borders

_CRITICAL = {SEVERITY: Severity.CRITICAL.value}
Holders = tuple[Person, ...]
"""People of whom any may be the one who is texted."""


def all_quiet(settings: Settings, now: datetime) -> list[Fault]:
    """A warning for each receiver that critical alerts may reach, and of which at some moment of the year from `now` (aware
    UTC) on every person holds them back; at the quiet hours of the first of them.
    """
    critical = dict.fromkeys(_critical(settings.route, settings.severities))
    found = ((name, _silence(settings, settings.receivers[name], now)) for name in critical)
    return [_warning(settings, name, silence) for name, silence in found if silence is not None]


def _warning(settings: Settings, receiver: str, silence: tuple[datetime, Holders]) -> Fault:
    at, people = silence
    path = f"people.{people[0].name}.quiet"
    names = " and ".join(dict.fromkeys(person.name for person in people))
    moment = f"{at.astimezone(ZoneInfo(people[0].timezone)):%a %Y-%m-%d %H:%M} ({people[0].timezone})"
    what = f"holds critical problems, too, and receiver {receiver} has nobody but {names}: first at {moment} nobody is texted"
    advice = "leave out `unless`, so that critical problems pass, or name somebody else under `notify` or `escalate`"
    return Fault(settings.source, settings.lines.get(path, 0), path, what, advice)


def _silence(settings: Settings, receiver: Receiver, now: datetime) -> tuple[datetime, Holders] | None:
    """The first moment at which whoever may be texted is quiet, and they."""
    ways = list(_ways(settings, receiver.everybody))
    intervals = [
        interval
        for holders in ways
        for person in holders
        if person.quiet is not None
        for window in person.quiet.during
        for interval in window.intervals
    ]
    if not ways or not all(any(_holds(person.quiet, settings) for person in holders) for holders in ways):
        return None
    for at in (now.astimezone(UTC), *borders(intervals, now, AHEAD)):
        held = [
            next((one for one in holders if _holds_at(one.quiet, at, settings)), None) for holders in ways
        ]
        people = tuple(person for person in held if person is not None)
        if len(people) == len(ways):
            return at, people
    return None


def _ways(settings: Settings, targets: Sequence[Target]) -> Iterator[Holders]:
    """Each that gets a text; of a schedule one of its members does."""
    people = settings.directory.people
    for target in targets:
        if target.kind is TargetKind.SCHEDULE:
            members = settings.schedules[target.name].members
            if members:
                yield tuple(people[name] for name in members if name in people)
        else:
            yield from ((person,) for person in settings.directory.resolve([target]))


def _holds_at(quiet: Quiet | None, at: datetime, settings: Settings) -> bool:
    return quiet is not None and _holds(quiet, settings) and any(window.holds(at) for window in quiet.during)


def _holds(quiet: Quiet | None, settings: Settings) -> bool:
    """Whether they hold every critical problem, whatever its other labels."""
    if quiet is None:
        return False
    return not any(_may_be_critical(matchers, settings.severities) for matchers in quiet.unless)


def _may_be_critical(matchers: Sequence[Matcher], words: SeverityWords) -> bool:
    return all(matcher.name != SEVERITY or _fits(matcher, words) for matcher in matchers)


def _fits(matcher: Matcher, words: SeverityWords) -> bool:
    """Whether it takes a severity of critical rank: the word, or one that means it."""
    named = matcher.op is Op.EQUAL and words.severity_of(matcher.value) is Severity.CRITICAL
    return named or matcher.matches(_CRITICAL)


def _critical(route: Route, words: SeverityWords) -> Iterator[str]:
    """The receivers that critical alerts may reach."""
    for child in route.routes:
        if not _may_be_critical(child.matchers, words):
            continue
        yield from _critical(child, words)
        takes_all = all(each.name == SEVERITY and each.matches(_CRITICAL) for each in child.matchers)
        if takes_all and not child.continue_:
            return
    yield route.receiver

"""Watches: what must be heard again and again, and what its silence leads to.

A sign of life is no problem of its own: it sets the moment until which the watch waits. A watch that waits in vain
becomes an ordinary alert of the source `watch`, and the next sign is the end of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sms_notify.alert import SEVERITY, WATCH, Alert, Delivery, EndReason, Severity, Status, fingerprint_of
from sms_notify.policy.correlation import REPEATING
from sms_notify.policy.holds import AHEAD, Hold, Wait, Window, wait
from sms_notify.policy.matchers import Matcher
from sms_notify.policy.records import Incident
from sms_notify.policy.time_intervals import borders
from sms_notify.policy.vocabulary import WatchState

SOURCE = WATCH
"""The source of the alert that a silent watch becomes."""

HEARTBEAT = "heartbeat"
"""The source of a sign of life that came by the address of a watch."""

NAME = WATCH
"""The label that names the watch."""

MISSING = "WatchMissing"
"""The alertname of a watch that is silent."""

OWN_LABELS = frozenset(("alertname", SEVERITY, NAME))
"""The labels that a watch gives its own alert; its instances are told apart by others."""

LISTENS_FOR = timedelta(hours=1)
"""So long before it pages, or for `missing_for` where that is shorter, a watch is not muted: what was stopped for a
maintenance has that time to be heard again. Longer, and a job of once a day with a mute every night were never missing.
"""


@dataclass(frozen=True, slots=True)
class WatchRule:
    """One entry of `watch`. `by` are the labels that tell its instances apart; empty = it is one.

    `lasting` is False where nothing goes missing: a backtest knows signs of life, and its recording ends.
    """

    name: str
    missing_for: timedelta
    matchers: tuple[Matcher, ...] = ()
    by: tuple[str, ...] = ()
    severity: Severity = Severity.CRITICAL
    mute: tuple[Window, ...] = ()
    lasting: bool = True

    def is_fed_by(self, alert: Alert) -> bool:
        """Whether `alert` is a sign of life. Alertmanager, Grafana and Prometheus repeat what fires, and say `resolved`
        when it stops: that is no sign. Any other source speaks because a job ran, whatever word it uses.
        """
        if alert.source == HEARTBEAT:
            return alert.labels.get(NAME) == self.name
        if not self.matchers or alert.source == SOURCE:
            return False
        if alert.status is Status.RESOLVED and alert.source in REPEATING:
            return False
        return all(matcher.matches(alert.labels) for matcher in self.matchers)


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """Something was heard of an instance of a watch; `labels` are its labels of `by`, empty ones included."""

    rule: WatchRule
    labels: Mapping[str, str]

    @property
    def key(self) -> str:
        return key_of(self.rule.name, self.labels)


@dataclass(frozen=True, slots=True)
class Watched:
    """How one instance of a watch stands. `heard_at` is None before its first sign of life.

    Its silence counts from `since`: the last sign, or the start that gave it time anew. `due_at` is when it is missing.
    """

    key: str
    name: str
    labels: Mapping[str, str]
    heard_at: datetime | None
    since: datetime
    due_at: datetime
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a configuration makes of the rows: those that stand, those that go, and the ends of what was missing there."""

    standing: tuple[Watched, ...] = ()
    gone: tuple[str, ...] = ()
    ended: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class WatchStanding:
    """How one instance of a watch stands, for people. `labels` are those that are not empty.

    `pages_at` is when it will be missing; None where it is, and where no instance is known yet.
    """

    name: str
    labels: Mapping[str, str]
    state: WatchState
    heard_at: datetime | None = None
    pages_at: datetime | None = None

    @property
    def what(self) -> str:
        """`prometheus cluster=east`."""
        return _named(self.name, self.labels)


@dataclass(slots=True)
class Signs:
    """The signs of life of one step, in their order, each with the row as it is by now."""

    rows: dict[str, Watched]
    now: datetime
    heard: dict[str, Watched] = field(default_factory=dict)

    def take(self, sign: SignOfLife, at: datetime) -> Alert | None:
        """One that was given at `at`; returns the end of a silence, where it was missing.

        A hook's record may be read long after it was written: it takes nothing back, and if it would be missing again by
        now it ends nothing.
        """
        if not sign.rule.lasting:
            return None
        before, row = self.rows.get(sign.key), heard(sign, at)
        if before is not None and not _is_later(row, before, self.now):
            return None
        if before is not None and not before.missing:
            row = replace(row, due_at=max(row.due_at, before.due_at))
        self.rows[sign.key] = self.heard[sign.key] = row
        return returned(sign.rule, before, at) if before is not None and before.missing else None


def _is_later(row: Watched, before: Watched, now: datetime) -> bool:
    if before.missing and row.due_at <= now:
        return False
    return before.heard_at is None or row.since >= before.heard_at


def key_of(name: str, labels: Mapping[str, str]) -> str:
    """What an instance of a watch is known by, in its row and as an alert."""
    return fingerprint_of({**labels, NAME: name})


def signs_in(rules: Iterable[WatchRule], alert: Alert) -> tuple[SignOfLife, ...]:
    """What `alert` is a sign of life of."""
    return tuple(
        SignOfLife(rule, {label: alert.labels.get(label, "") for label in rule.by})
        for rule in rules
        if rule.is_fed_by(alert)
    )


def watch_delivery(alerts: Iterable[Alert]) -> Delivery:
    """Alerts of watches, as of a source that groups by itself: whoever has waited for `missing_for` waits for no group."""
    return Delivery(SOURCE, tuple(alerts), group=SOURCE)


def heartbeat(name: str) -> Delivery:
    """The sign of life that a call of a watch's address is."""
    labels = {NAME: name}
    return Delivery(HEARTBEAT, (Alert(HEARTBEAT, fingerprint_of(labels), Status.FIRING, labels),))


def deadline(rule: WatchRule, since: datetime) -> datetime:
    """When a silence that began at `since` is worth a page: after `missing_for`, the last of it not muted."""
    listens = min(rule.missing_for, LISTENS_FOR)
    due = since + rule.missing_for
    while rule.mute and due < since + rule.missing_for + AHEAD:
        ends = _muted_until(rule, due - listens, due)
        if ends is None:
            return due
        due = ends + listens
    return due


def _muted_until(rule: WatchRule, start: datetime, end: datetime) -> datetime | None:
    """When the first mute ends that holds between the two."""
    intervals = [interval for window in rule.mute for interval in window.intervals]
    for at in (start, *borders(intervals, start, end - start)):
        if any(window.holds(at) for window in rule.mute):
            return wait(Wait(at, Hold.NOW), {}, rule.mute, (), ()).until
    return None


def heard(sign: SignOfLife, now: datetime) -> Watched:
    """The row after a sign of life."""
    return Watched(sign.key, sign.rule.name, sign.labels, now, now, deadline(sign.rule, now))


def _begun(rule: WatchRule, now: datetime) -> Watched:
    return Watched(key_of(rule.name, {}), rule.name, {}, None, now, deadline(rule, now))


def missed(row: Watched, rule: WatchRule) -> tuple[Watched, Alert]:
    """A silence that lasts too long, and the alert that it is."""
    return replace(row, missing=True), _alert(row, Status.FIRING, rule.severity)


def returned(rule: WatchRule, row: Watched, now: datetime) -> Alert:
    """The end of that alert: it was heard again."""
    return replace(_alert(row, Status.RESOLVED, rule.severity), ends_at=now)


def _named(name: str, instance: Mapping[str, str]) -> str:
    return " ".join([name, *(f"{label}={text}" for label, text in instance.items())])


def _alert(row: Watched, status: Status, severity: Severity | None) -> Alert:
    instance = {label: text for label, text in row.labels.items() if text}
    labels = {**instance, "alertname": MISSING, NAME: row.name}
    if severity is not None:
        labels[SEVERITY] = severity.value
    never = "" if row.heard_at is not None else ", never heard"
    said = {"summary": f"no sign of life from {_named(row.name, instance)}{never}"}
    return Alert(SOURCE, row.key, status, labels, said, starts_at=row.since)


def fitted(
    rows: Iterable[Watched], rules: Mapping[str, WatchRule], now: datetime, *, started: bool
) -> Fitted:
    """What a configuration makes of the rows, at a start or a reload.

    A row that no rule has any more goes, and its open incident ends: nobody watches it. A watch of one instance begins
    now; of several, each is known once it is heard.
    """
    standing: dict[str, Watched] = {}
    gone: list[Watched] = []
    for row in rows:
        rule = rules.get(row.name)
        if rule is None or set(rule.by) != set(row.labels):
            gone.append(row)
        else:
            standing[row.key] = _under(row, rule, now, started=started)
    for rule in rules.values():
        if rule.lasting and not rule.by:
            standing.setdefault(key_of(rule.name, {}), _begun(rule, now))
    ended = tuple(_unwatched(row, now) for row in gone if row.missing)
    return Fitted(tuple(standing.values()), tuple(row.key for row in gone), ended)


def _unwatched(row: Watched, now: datetime) -> Alert:
    end = _alert(row, Status.RESOLVED, None)
    return replace(end, ends_at=now, end_reason=EndReason.NO_LONGER_WATCHED)


def _under(row: Watched, rule: WatchRule, now: datetime, *, started: bool) -> Watched:
    """One that waits, under the rule of today.

    A reload pages nobody at once: a `missing_for` that is shorter now, and over, counts from the reload, or leaves the
    moment that stood where that is within twice of it. While the daemon was away nobody could be heard, so a start gives
    time anew: all of `missing_for` where the moment passed meanwhile, else up to twice `missing_for` since the last sign,
    so that frequent starts put nothing off for ever.
    """
    row = _not_to_come(row, now)
    if row.missing:
        return row
    usual, longest = deadline(rule, row.since), row.since + 2 * rule.missing_for
    due = row.due_at if usual <= row.due_at <= longest else usual
    passed = row.due_at <= now if started else due <= now < row.due_at
    if passed:
        return replace(row, since=now, due_at=deadline(rule, now))
    if started:
        due = max(due, min(deadline(rule, now), longest))
    return replace(row, due_at=due)


def _not_to_come(row: Watched, now: datetime) -> Watched:
    """After a clock that was set back while we were away: a sign of what is to come would be later than each that comes."""
    heard_at = None if row.heard_at is None else min(row.heard_at, now)
    return replace(row, since=min(row.since, now), heard_at=heard_at)


def taken_over(found: Iterable[Incident], rules: Mapping[str, WatchRule]) -> dict[str, list[int]]:
    """By watch, the open incidents of what is its sign of life by now. Nothing that is heard of these ends them any more."""
    taken: dict[str, list[int]] = {}
    for incident in found:
        alert = replace(incident.subject.alert, status=Status.FIRING)
        name = next((rule.name for rule in rules.values() if rule.is_fed_by(alert)), None)
        if name is not None:
            taken.setdefault(name, []).append(incident.id)
    return taken


def standings(rows: Iterable[Watched], rules: Mapping[str, WatchRule]) -> list[WatchStanding]:
    """Each watch of the configuration, in its order, with every instance that is known."""
    by_name: dict[str, list[WatchStanding]] = {name: [] for name in rules}
    for row in rows:
        if row.name in by_name:
            by_name[row.name].append(_standing(row))
    for name, found in by_name.items():
        if not found:
            found.append(WatchStanding(name, {}, WatchState.NEVER_HEARD))
    return [one for found in by_name.values() for one in found]


def _standing(row: Watched) -> WatchStanding:
    labels = {label: text for label, text in row.labels.items() if text}
    if row.missing:
        return WatchStanding(row.name, labels, WatchState.MISSING, row.heard_at)
    state = WatchState.NEVER_HEARD if row.heard_at is None else WatchState.HEARD
    return WatchStanding(row.name, labels, state, row.heard_at, row.due_at)

"""The end of what is silenced or suppressed: Alertmanager tells it to nobody, neither at once nor when that ends, so we ask.
What a delivery left out (`truncatedAlerts`) may have ended untold as well.

An alert of an open incident counts as resolved when all of this holds:
- an Alertmanager of ours has listed it before. One that came from elsewhere is in no list from the start;
- it was silenced or suppressed when it was seen last, or a silence covers it, or a delivery may have left it out. Of any
  other end Alertmanager tells us itself;
- no Alertmanager lists it, twice in a row and a minute apart, and all have answered in between;
- none of them has started of late: it knows no alert until Prometheus tells it again.

Each doubt keeps an incident open, for an OK text that is wrong is worse than one that is missing. Lists that are empty
while another alert from them is open are such a doubt, though all may have ended at once: that waits longer.

The same lists say what is suppressed (`suppressing`), and what a held copy is (`copies`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from sms_notify.alert import Alert, Delivery, Status
from sms_notify.delivery.sender import Clock, Commit
from sms_notify.policy.episodes import OLD_COPY_WINDOW
from sms_notify.silences.client import AlertmanagerClient, AlertmanagerProblem
from sms_notify.silences.copies import CopiesJudged, judge_copies
from sms_notify.silences.listing import ListedAlert
from sms_notify.silences.sights import Sight, merged
from sms_notify.silences.silence import Silence, covering
from sms_notify.silences.suppressing import SuppressionChanges, note_suppressed
from sms_notify.sources.alertmanager import SOURCE
from sms_notify.store import incident_members, incidents, silences
from sms_notify.store.silences import AlertKey, Open
from sms_notify.store.tx import Tx

Resolve = Callable[[Tx, Sequence[AlertKey], datetime], object]
"""Ends these alerts as of now, and tells whoever is to hear of it."""

GROUP = "no longer listed"
"""What stands in the ledger where Alertmanager's webhook has its groupKey. Not empty: they are told at once."""

MISSING_FOR = timedelta(minutes=1)
MISSING_FOR_WHERE_ALL_ARE = timedelta(minutes=10)
# Prometheus repeats each alert every minute, or at every evaluation where that is less often.
SETTLED_AFTER = timedelta(minutes=10)
_NEW_FOR = timedelta(minutes=5)
# An alert that is kept from everybody is not repeated to us, and without this it would count as stale after a day.
_HEARD_EVERY = timedelta(hours=1)
_AT_ONCE = 100  # incidents in one transaction: everybody who sends waits for the same thread


@dataclass(frozen=True, slots=True)
class EndedIncident:
    """An incident that was ended here."""

    incident_id: int
    alertmanager: str
    silence_id: str


@dataclass(frozen=True, slots=True)
class EndsFound:
    """What a look has brought. `problems` by the Alertmanager's name; where none was asked there is nothing to tell.

    `listed`: the alerts that fire, by fingerprint, each with a silence that covers it, or with an empty text.
    """

    asked: bool = False
    ended: tuple[EndedIncident, ...] = ()
    listed: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, AlertmanagerProblem] = field(default_factory=dict)
    suppression: SuppressionChanges = field(default_factory=SuppressionChanges)
    copies: CopiesJudged = field(default_factory=CopiesJudged)


class Ends:
    """Looks for the ends of silenced alerts in all Alertmanagers. One thread calls it."""

    def __init__(
        self, commit: Commit, alertmanagers: Sequence[AlertmanagerClient], resolve: Resolve, clock: Clock
    ) -> None:
        self._commit = commit
        self._alertmanagers = alertmanagers
        self._resolve = resolve
        self._clock = clock
        self._sights: dict[AlertKey, Sight] = {}
        self._missing: dict[AlertKey, datetime] = {}
        self._looked = False

    def skip(self) -> EndsFound:
        """Instead of a look, where an Alertmanager does not answer anyway: what was missing must be so anew."""
        self._missing.clear()
        return EndsFound()

    def look(self, active: Sequence[Silence], *, anyway: bool = False) -> EndsFound:
        """Asks each Alertmanager for its alerts, where one of ours is open that they know, or so new that none was asked for
        it yet, or a copy is held, or `anyway`.

        `active` are the silences of them all. Raises StoreError.
        """
        now, every = self._clock(), self._commit(silences.still_open)
        copies = self._commit(lambda tx: silences.held_copies(tx, now + OLD_COPY_WINDOW))
        self._sights = {incident.key: self._sight(incident, active) for incident in every}
        watched = [incident for incident in every if self._is_watched(incident)]
        if not (anyway or copies or watched or any(self._may_be_listed(one, now) for one in every)):
            return self.skip()
        answers = {one.name: one.listed() for one in self._alertmanagers}
        problems = {
            name: answer for name, answer in answers.items() if isinstance(answer, AlertmanagerProblem)
        }
        if problems:
            self._missing.clear()
            return EndsFound(asked=True, problems=problems)
        lists = {n: a for n, a in answers.items() if not isinstance(a, AlertmanagerProblem)}
        listed = merged(lists)
        self._note(every, listed, now)
        suppression = note_suppressed(self._commit, listed, now)
        judged = judge_copies(self._commit, copies, lists, lambda: self._settled()[0], now)
        found = self._judge(watched, self._patience(every, listed), listed, now)
        silenced = {name: sight.silence_id for name, sight in listed.items()}
        return replace(found, listed=silenced, suppression=suppression, copies=judged)

    # What is to be looked for.

    def _sight(self, incident: Open, active: Sequence[Silence]) -> Sight:
        """From the list of an earlier round; in the first one from what an earlier process has noted."""
        sight = self._sights.get(incident.key, Sight())
        names = {one.name for one in self._alertmanagers}
        before = next((one for one in (incident.listed_by, incident.alertmanager) if one in names), "")
        if not self._looked and not sight.alertmanager and before:
            sight = Sight(before, ListedAlert(incident.silence_id, incident.suppressed))
        silence = covering(active, incident.labels) if incident.acknowledged else None
        if silence is None:
            return sight
        return replace(sight, listed=replace(sight.listed, silence_id=silence.id))

    def _is_watched(self, incident: Open) -> bool:
        """Whether its end may be told to nobody."""
        return self._sights[incident.key].quiet or incident.hidden

    def _may_be_listed(self, incident: Open, now: datetime) -> bool:
        """Asked for soon, for an incident may be silenced and resolved within one round."""
        new = not self._looked or now - incident.opened_at < _NEW_FOR
        return new or bool(self._sights[incident.key].alertmanager)

    # What was found.

    def _note(self, every: Sequence[Open], listed: Mapping[str, Sight], now: datetime) -> None:
        self._looked = True
        still_listed = [incident for incident in every if incident.listed_as in listed]
        self._sights |= {incident.key: listed[incident.listed_as] for incident in still_listed}
        worth = [incident for incident in still_listed if self._worth_a_row(incident, now)]
        for start in range(0, len(worth), _AT_ONCE):
            some = worth[start : start + _AT_ONCE]
            self._commit(partial(self._write, some=some, now=now))

    def _worth_a_row(self, incident: Open, now: datetime) -> bool:
        if incident.listed_by != self._sights[incident.key].alertmanager:
            return True
        by_silence = incident.by_silence and not incident.silence_id
        return self._is_watched(incident) and (now - incident.heard_at >= _HEARD_EVERY or by_silence)

    def _write(self, tx: Tx, some: Sequence[Open], now: datetime) -> None:
        for incident in some:
            sight = self._sights[incident.key]
            if incident.by_silence and sight.silence_id:
                silences.made(tx, incident.id, sight.alertmanager, sight.silence_id, now)
            silences.listed(tx, incident.key, sight.alertmanager)
            if self._is_watched(incident) and now - incident.heard_at >= _HEARD_EVERY:
                incidents.seen(tx, [incident.id], now)
                incident_members.seen(tx, incident.id, SOURCE, incident.fingerprint, now)

    def _patience(self, every: Sequence[Open], listed: Mapping[str, Sight]) -> timedelta:
        others = any(self._sights[one.key].alertmanager and not self._is_watched(one) for one in every)
        return MISSING_FOR_WHERE_ALL_ARE if others and not listed else MISSING_FOR

    def _judge(
        self, watched: Sequence[Open], patience: timedelta, listed: Mapping[str, Sight], now: datetime
    ) -> EndsFound:
        gone = [
            incident
            for incident in watched
            if incident.listed_as not in listed and self._sights[incident.key].alertmanager
        ]
        self._missing = {incident.key: self._missing.get(incident.key, now) for incident in gone}
        # a webhook that came meanwhile says that it fires, whatever the list said
        since = {incident.key: max(self._missing[incident.key], incident.heard_at) for incident in gone}
        ended = {key: moment for key, moment in since.items() if now - moment >= patience}
        if not ended:
            return EndsFound(asked=True)
        settled, problems = self._settled()
        return EndsFound(asked=True, ended=tuple(self._end(ended)) if settled else (), problems=problems)

    def _settled(self) -> tuple[bool, Mapping[str, AlertmanagerProblem]]:
        """Whether all of them have run for long enough to know what fires; and who did not say since when."""
        now = self._clock()
        started = {one.name: one.started() for one in self._alertmanagers}
        problems = {
            name: answer for name, answer in started.items() if isinstance(answer, AlertmanagerProblem)
        }
        settled = [a for a in started.values() if isinstance(a, datetime) and now - a >= SETTLED_AFTER]
        return len(settled) == len(started), problems

    def _end(self, ended: Mapping[AlertKey, datetime]) -> list[EndedIncident]:
        keys, closed = list(ended), dict[int, AlertKey]()
        for start in range(0, len(keys), _AT_ONCE):
            some = {key: ended[key] for key in keys[start : start + _AT_ONCE]}
            closed |= self._commit(partial(self._close, some=some))
        sights = ((id_, self._sights[key]) for id_, key in closed.items())
        return [EndedIncident(id_, sight.alertmanager, sight.silence_id) for id_, sight in sights]

    def _close(self, tx: Tx, some: Mapping[AlertKey, datetime]) -> dict[int, AlertKey]:
        """The incidents that are over, each with an alert of it."""
        keys = silences.unheard(tx, some)
        if keys:
            self._resolve(tx, keys, self._clock())
        still_open = silences.held_open(tx, dict(keys))
        return {key[0]: key for key in keys if key[0] not in still_open}


def ended(tx: Tx, keys: Sequence[AlertKey], now: datetime) -> Delivery:
    """What Alertmanager would have told, had it told us: that these alerts are resolved. The worst comes last: a shared
    incident is named after what still stands.
    """
    alerts = sorted(silences.alerts(tx, keys), key=lambda one: -one.severity.rank)
    return Delivery(SOURCE, tuple(_resolved(alert, now) for alert in alerts), group=GROUP)


def _resolved(alert: Alert, now: datetime) -> Alert:
    """Never before its start, which another machine's clock has given: that would be the end of an earlier episode."""
    return replace(alert, status=Status.RESOLVED, ends_at=max(now, alert.starts_at or now))

"""What an alert means: which incident it belongs to, and whether that is news.

An incident has the name that its source gave it, but for those that `dedup_labels` make of what several sources tell:
these are known by the values of those labels, and by who is to hear of it, so that nobody is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sms_notify.alert import Alert, Status, fingerprint_of
from sms_notify.policy.episodes import Episode, hear, hear_shared
from sms_notify.policy.routing import Route
from sms_notify.policy.vocabulary import Heard
from sms_notify.store import incident_members, incidents
from sms_notify.store.incident_members import Member
from sms_notify.store.tx import Tx

SHARED = "dedup"
"""The source of an incident that stands for alerts of several sources."""

Chains = Sequence[Sequence[Route]]


@dataclass(frozen=True, slots=True)
class Known:
    """An alert under the name of its incident, and the latest episode of that name.

    `told_as` is the alert as it came where that is another name; `member` is what it was part of before.
    """

    alert: Alert
    latest: Episode | None
    told_as: Alert | None = None
    member: Member | None = None

    @property
    def own(self) -> Episode | None:
        """What this source told before, as far as it counts: an end ends the latest episode alone."""
        if self.member is None:
            return None
        same = self.latest is not None and self.member.episode.id == self.latest.id
        return self.member.episode if same or self.alert.status is Status.FIRING else None


def known(tx: Tx, alert: Alert, chains: Chains) -> Known:
    """An open incident keeps its name whatever the configuration says by now, or nothing would ever end it."""
    latest = incidents.latest(tx, alert.source, alert.fingerprint)
    if latest is not None and latest.closed_at is None:
        return Known(alert, latest)
    member = incident_members.latest(tx, alert.source, alert.fingerprint)
    if member is not None and member.open_now:
        return _shared(tx, alert, member.fingerprint, member)
    name = None if _stands_alone(alert) else shared_name(chains, alert.labels)
    return Known(alert, latest) if name is None else _shared(tx, alert, name, member)


def _stands_alone(alert: Alert) -> bool:
    """Beside the trouble and not the trouble itself: what somebody wanted told, a downtime, that it flaps."""
    return alert.once or bool(alert.labels.get("notification"))


def _shared(tx: Tx, alert: Alert, name: str, member: Member | None) -> Known:
    latest = incidents.latest(tx, SHARED, name)
    here = member if member is not None and member.fingerprint == name else None
    return Known(replace(alert, source=SHARED, fingerprint=name), latest, alert, here)


def shared_name(chains: Chains, labels: Mapping[str, str]) -> str | None:
    """The name of the incident that all sources share, or None where the route asks for none or a label is missing."""
    asked = next((chain[-1].dedup_labels for chain in chains if chain[-1].dedup_labels), ())
    if not asked or not all(labels.get(name) for name in asked):
        return None
    receivers = "\n".join(sorted({chain[-1].receiver for chain in chains}))
    # a label name has no blank in it, so that this is none
    return fingerprint_of({name: labels[name] for name in asked} | {"to whom": receivers})


def heard(tx: Tx, it: Known, since: datetime, every: timedelta, now: datetime) -> Heard:
    """What it means. What one source has not spoken of since `since` holds no shared incident open any more; what nothing
    ends is news again after `every`.
    """
    if it.told_as is None:
        return _again(tx, it.alert, it.latest, hear(it.alert, it.latest, now), every, now)
    others = it.latest is not None and incident_members.others_fire(tx, it.latest.id, it.told_as, since)
    return hear_shared(it.told_as, it.latest, it.own, others, now)


def _again(
    tx: Tx, alert: Alert, latest: Episode | None, word: Heard, every: timedelta, now: datetime
) -> Heard:
    """Repeats keep no notice alive: a job that fails every ten minutes would be told once, and never more."""
    repeated = alert.once and word is Heard.DUPLICATE and alert.status is Status.FIRING
    if not repeated or latest is None or now - latest.opened_at < every:
        return word
    incidents.expire(tx, latest.id, now)
    return Heard.FIRST


def under_other_names(tx: Tx, it: Known) -> list[int]:
    """The incidents that the alert was part of before `dedup_labels` were written, changed or removed."""
    told = it.told_as or it.alert
    plain = incidents.latest(tx, told.source, told.fingerprint)
    member = it.member or incident_members.latest(tx, told.source, told.fingerprint)
    found = [plain.id] if plain is not None else []
    found += [member.episode.id] if member is not None else []
    return [id_ for id_ in found if it.latest is None or id_ != it.latest.id]


def note(tx: Tx, it: Known, word: Heard, incident_id: int, now: datetime) -> None:
    """Writes down what a source says of an incident that it shares with others."""
    if it.told_as is None or word in (Heard.STALE, Heard.NEVER_FIRED):
        return
    if it.told_as.status is Status.FIRING:
        incident_members.fires(tx, incident_id, it.told_as, now)
    elif it.own is not None:
        incident_members.ends(tx, incident_id, it.told_as, now)

"""What the Alertmanagers themselves keep from everybody: noted on its incident, so that steps and reminders wait.

It is written again every minute, for a note that nobody renews counts for a few minutes only (`policy/suppression.py`):
where no Alertmanager can be asked any more, people are paged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sms_notify.delivery.sender import Commit
from sms_notify.silences.sights import Sight
from sms_notify.sources.alertmanager import SOURCE
from sms_notify.store import silences
from sms_notify.store.silences import OpenAlert

_RENEWED_EVERY = timedelta(minutes=1)
_NOBODY = ""  # any more


@dataclass(frozen=True, slots=True)
class SuppressionChanges:
    """The incidents that are suppressed from now on, each with who says so, and those that are not any more."""

    began: Mapping[int, str] = field(default_factory=dict)
    let_go: tuple[int, ...] = ()


def note_suppressed(commit: Commit, listed: Mapping[str, Sight], now: datetime) -> SuppressionChanges:
    """By one look at all Alertmanagers. Raises StoreError."""
    began: dict[int, str] = {}
    renewed: list[int] = []
    let_go: list[int] = []
    for id_, alerts in _by_incident(commit(silences.open_alerts)).items():
        before = alerts[0].suppressed_at
        by = _suppressed_by(alerts, listed)
        if by is None and before is not None:
            let_go.append(id_)
        elif by is not None and before is None:
            began[id_] = by
        elif by is not None and before is not None and not timedelta(0) <= now - before < _RENEWED_EVERY:
            renewed.append(id_)
    if let_go:
        commit(lambda tx: silences.let_go(tx, let_go))
    if seen := [*began, *renewed]:
        commit(lambda tx: silences.suppressed(tx, seen, now))
    return SuppressionChanges(began, tuple(let_go))


def _by_incident(alerts: Iterable[OpenAlert]) -> dict[int, list[OpenAlert]]:
    found: dict[int, list[OpenAlert]] = {}
    for alert in alerts:
        found.setdefault(alert.incident_id, []).append(alert)
    return found


def _suppressed_by(alerts: Sequence[OpenAlert], listed: Mapping[str, Sight]) -> str | None:
    """Who keeps all of them from everybody, and not by silences alone, which acknowledge; None where one is told. What was
    suppressed and is listed no more stays so until it is known to have ended; so does nothing else.
    """
    if any(alert.source != SOURCE for alert in alerts):
        return None
    sights = [listed[alert.listed_as] for alert in alerts if alert.listed_as in listed]
    by = [sight.alertmanager for sight in sights if sight.listed.suppressed]
    if not all(sight.quiet for sight in sights) or (sights and not by):
        return None
    known = len(sights) == len(alerts) or alerts[0].suppressed_at is not None
    return (by or [_NOBODY])[0] if known else None

"""The Alertmanagers of a story: one state, which its events change and `alertmanagers:` asks for, in the real API's words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sms_notify.alert import Delivery, Status
from sms_notify.silences.client import AlertmanagerClient, AlertmanagerProblem
from sms_notify.silences.settings import AlertmanagerSettings
from sms_notify.sources.times import parse_rfc3339, rfc3339

_RUNS_SINCE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Cover:
    """What suppresses alerts with these labels until then: a silence, or what `inhibited` names."""

    id: str
    labels: Mapping[str, str]
    by: str
    until: datetime
    silence: bool

    @property
    def mutes(self) -> bool:
        return self.by.startswith("mute") and not self.silence

    def covers(self, labels: Mapping[str, str], now: datetime) -> bool:
        return now < self.until and self.labels.items() <= labels.items()


@dataclass(slots=True)
class Listed:
    """What the Alertmanagers of a story know. `now` is their own clock."""

    now: Callable[[], datetime]
    alerts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    covers: list[_Cover] = field(default_factory=list)
    changed: datetime = field(init=False)
    """When an event changed it last."""

    def __post_init__(self) -> None:
        self.changed = self.now()

    def hear(self, delivery: Delivery) -> None:
        """They list what they told, until they tell its end."""
        self.changed = self.now()
        for alert in delivery.alerts:
            if alert.status is Status.FIRING:
                self.alerts[alert.fingerprint] = alert.labels
            else:
                self.alerts.pop(alert.fingerprint, None)

    def cover(self, labels: Mapping[str, str], by: str, lasts: timedelta, *, silence: bool) -> str:
        """Suppresses what has these labels for a while; the id of the silence."""
        self.changed = self.now()
        id_ = f"story-{len(self.covers) + 1}"
        self.covers.append(_Cover(id_, labels, by, self.now() + lasts, silence))
        return id_

    def changes(self, since: datetime, until: datetime) -> bool:
        """Whether an event changed it in this time, or what suppresses an alert ends in it. What is inhibited or muted may
        have a step that falls due, and is to be seen before.
        """
        ends = [one.until for one in self.covers]
        suppressed = any(not one.silence and one.until >= since for one in self.covers)
        return suppressed or any(since <= moment <= until for moment in (self.changed, *ends))

    def forget(self, labels: Mapping[str, str]) -> list[str]:
        """They list no more what has these labels; returns the fingerprints."""
        self.changed = self.now()
        gone = [name for name, has in self.alerts.items() if labels.items() <= has.items()]
        for name in gone:
            del self.alerts[name]
        return gone


class ListedAlertmanager(AlertmanagerClient):
    """The real client, whose requests are answered from what the story says."""

    def __init__(self, settings: AlertmanagerSettings, listed: Listed) -> None:
        super().__init__(settings)
        self._listed = listed

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes | AlertmanagerProblem:
        listed = self._listed
        if method == "POST":
            return _encoded({"silenceID": _create(listed, json.loads(body or b"{}"))})
        if "/status" in path:
            return _encoded({"uptime": rfc3339(listed.now() - _RUNS_SINCE)})
        if "/silences" in path:
            return _encoded(
                [_silence(one) for one in listed.covers if one.silence and listed.now() < one.until]
            )
        if "/groups" in path:
            return _encoded([_group(listed, name, labels) for name, labels in listed.alerts.items()])
        return _encoded([_alert(listed, name, labels) for name, labels in listed.alerts.items()])


def _create(listed: Listed, told: Mapping[str, object]) -> str:
    matchers = told.get("matchers")
    labels = {m["name"]: m["value"] for m in matchers} if isinstance(matchers, list) else {}
    ends = parse_rfc3339(told.get("endsAt")) or listed.now()
    return listed.cover(labels, str(told.get("createdBy", "")), ends - listed.now(), silence=True)


def _silence(cover: _Cover) -> dict[str, object]:
    return {
        "id": cover.id,
        "matchers": [
            {"name": name, "value": value, "isRegex": False, "isEqual": True}
            for name, value in cover.labels.items()
        ],
        "createdBy": cover.by,
        "comment": "",
        "endsAt": rfc3339(cover.until),
        "status": {"state": "active"},
    }


def _alert(listed: Listed, fingerprint: str, labels: Mapping[str, str]) -> dict[str, object]:
    """A time that mutes is in no alert's own status: only the group says so."""
    covering = [one for one in listed.covers if one.covers(labels, listed.now()) and not one.mutes]
    status = {
        "state": "suppressed" if covering else "active",
        "silencedBy": [cover.id for cover in covering if cover.silence],
        "inhibitedBy": [cover.id for cover in covering if not cover.silence],
        "mutedBy": list[str](),
    }
    return {"fingerprint": fingerprint, "labels": dict(labels), "status": status}


def _group(listed: Listed, fingerprint: str, labels: Mapping[str, str]) -> dict[str, object]:
    covering = (one for one in listed.covers if one.covers(labels, listed.now()) and one.mutes)
    muted_by = {"status": {"mutedBy": [one.id for one in covering]}}
    return {"labels": {}, "alerts": [_alert(listed, fingerprint, labels) | muted_by]}


def _encoded(value: object) -> bytes:
    return json.dumps(value).encode()

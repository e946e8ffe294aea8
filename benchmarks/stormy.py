"""The storm: 5,000 alerts of 200 hosts in ten minutes, twenty of them critical, the same for the same seed.

Part of the hosts are watched by an Alertmanager, which groups what it sends; the others by something like Nagios, which
sends every change by itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sms_notify.alert import Alert, Delivery, Severity, Status, fingerprint_of

BEGINS = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ALERTS = 5_000
CRITICAL = 20
HOSTS = 200
LASTS = 600.0  # seconds
_CLUSTERS = ("ams", "bru", "lon", "par")
_NAMES = (
    *(
        "CpuHigh",
        "LoadHigh",
        "MemoryLow",
        "SwapFull",
        "DiskFillingUp",
        "DiskSlow",
        "NetworkErrors",
        "PacketLoss",
    ),
    *("ClockSkew", "ServiceSlow", "QueueGrowing", "CertificateExpiring"),
)
_INFO = ("ClockSkew", "QueueGrowing", "CertificateExpiring")
_CRITICAL_NAMES = ("HostDown", "DatabaseDown", "RaidBroken")
_ANNOTATIONS = "has been so for five minutes; look at the dashboard first"
_EPISODE = 150.0  # seconds that one lasts in the middle
_TOLD_FIRST = 120.0  # no critical one ends before its people can have heard of it
_GROUPED = 0.6  # of the hosts, by the Alertmanager
_DBA = 0.15  # of the hosts, for which somebody else is on call
# Alertmanager's own waiting: the first of a group, and what follows it.
_AM_WAIT, _AM_INTERVAL = 10.0, 60.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of a monitoring system, at the moment at which it is made."""

    at: datetime
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class _Change:
    second: float
    alert: Alert


def storm(seed: int = 1, *, bunched: float = 1.0) -> list[Arrival]:
    """Every request in the order of time. `bunched` is the share of the storm in which all that is critical falls."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    hosts = [_host(number, dice) for number in range(1, HOSTS + 1)]
    changes = [*_critical(hosts, dice, bunched)]
    others = _others(hosts, dice)
    arrivals: list[Arrival] = []
    while (short := ALERTS - sum(len(arrival.delivery.alerts) for arrival in arrivals)) > 0:
        for _ in range(-(-short // 2)):
            changes += next(others)
        arrivals = sorted(_arrivals(sorted(changes, key=lambda c: c.second)), key=lambda a: a.at)
    spare = [a for a in arrivals if not a.delivery.group and a.delivery.alerts[0].severity is Severity.INFO]
    for arrival in spare[short:] if short else []:
        arrivals.remove(arrival)
    return arrivals


def _others(hosts: Sequence[dict[str, str]], dice: random.Random) -> Iterator[list[_Change]]:
    """Episodes that are not critical; no alert fires while it fires."""
    taken: dict[tuple[str, str], list[tuple[float, float]]] = {}
    while True:
        host, name, begins = dice.choice(hosts), dice.choice(_NAMES), dice.uniform(0, LASTS)
        ends = begins + 1 + dice.expovariate(1 / _EPISODE)
        others = taken.setdefault((host["instance"], name), [])
        if all(ends < begun or ended < begins for begun, ended in others):
            others.append((begins, ends))
            severity = "info" if name in _INFO else "warning"
            yield _episode({**host, "alertname": name, "severity": severity}, begins, ends)


def is_critical(alert: Alert) -> bool:
    return alert.status is Status.FIRING and alert.severity is Severity.CRITICAL


def _host(number: int, dice: random.Random) -> dict[str, str]:
    team = "dba" if dice.random() < _DBA else "platform"
    watched = "alertmanager" if dice.random() < _GROUPED else "nagios"
    return {
        "instance": f"{'db' if team == 'dba' else 'web'}{number:03}",
        "cluster": dice.choice(_CLUSTERS),
        "team": team,
        "job": watched,
    }


def _critical(hosts: Sequence[dict[str, str]], dice: random.Random, bunched: float) -> Iterator[_Change]:
    begin = dice.uniform(0, LASTS * (1 - bunched))
    for host in dice.sample(hosts, CRITICAL):
        labels = {**host, "alertname": dice.choice(_CRITICAL_NAMES), "severity": "critical"}
        begins = begin + dice.uniform(0, LASTS * bunched)
        yield from _episode(labels, begins, begins + _TOLD_FIRST + dice.expovariate(1 / _EPISODE))


def _episode(labels: dict[str, str], begins: float, ends: float) -> list[_Change]:
    """Its beginning, and its end where that falls into the storm."""
    firing = _alert(labels, Status.FIRING, begins)
    if ends >= LASTS:
        return [_Change(begins, firing)]
    return [_Change(begins, firing), _Change(ends, _alert(labels, Status.RESOLVED, begins, ends))]


def _alert(labels: dict[str, str], status: Status, begins: float, ends: float | None = None) -> Alert:
    return Alert(
        labels["job"],
        fingerprint_of(labels),
        status,
        labels,
        {"summary": f"{labels['alertname']} on {labels['instance']} {_ANNOTATIONS}"},
        BEGINS + timedelta(seconds=begins),
        BEGINS + timedelta(seconds=ends) if ends is not None else None,
    )


def _arrivals(changes: Sequence[_Change]) -> Iterator[Arrival]:
    groups: dict[str, list[_Change]] = {}
    for change in changes:
        labels = change.alert.labels
        if labels["job"] == "nagios":
            yield _arrival(change.second, [change], "")
        else:
            groups.setdefault(f"{labels['alertname']}/{labels['cluster']}/{labels['team']}", []).append(
                change
            )
    for name, listed in groups.items():
        yield from _notifications(name, listed)


def _notifications(group: str, changes: Sequence[_Change]) -> Iterator[Arrival]:
    """What an Alertmanager makes of one group: its changes of a while in one request, without those told before."""
    flush, waiting = -_AM_INTERVAL, list[_Change]()
    for change in changes:
        if waiting and change.second >= flush:
            yield _arrival(flush, waiting, group)
            waiting = []
        if not waiting:
            flush = max(change.second + _AM_WAIT, flush + _AM_INTERVAL)
        waiting.append(change)
    if waiting:
        yield _arrival(flush, waiting, group)


def _arrival(second: float, changes: Sequence[_Change], group: str) -> Arrival:
    """As Alertmanager does, an alert that changed twice is sent as it is now."""
    last = {change.alert.fingerprint: change.alert for change in changes}
    delivery = Delivery(changes[0].alert.source, tuple(last.values()), group)
    return Arrival(BEGINS + timedelta(seconds=second), delivery)

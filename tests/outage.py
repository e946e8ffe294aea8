"""What the tests of one trouble share: a plan for alice and bob, and one outage as several systems tell it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from paper import Site
from workbench import ALICE, BOB, NOON, a_plan, firing

from sms_notify.alert import Alert, Status
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.holds import Window
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.routing import Receiver, Route, Step
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.vocabulary import Heard

MINUTE = timedelta(minutes=1)
STEPS = (Step(5 * MINUTE, (Target(TargetKind.PERSON, "alice"),)),)
AFTERNOON = Window("afternoon", (TimeInterval(times=((12 * 60, 15 * 60),)),))
NOT_CRITICAL = (parse_matchers('severity="critical"'),)
ONE = {"dedup_labels": ("host",)}


def person(name: str) -> Target:
    return Target(TargetKind.PERSON, name)


def plan(route: dict[str, object] | None = None, **receiver: object) -> Plan:
    """Critical trouble to bob, all the rest to alice where `routes` are left; else everything to bob."""
    base = a_plan()
    directory = replace(base.directory, people={"alice": ALICE, "bob": BOB})
    receivers = {
        "oncall": Receiver("oncall", (person("bob"),), **receiver),  # type: ignore[arg-type]
        "office": Receiver("office", (person("alice"),)),
        "nobody": Receiver("nobody"),
    }
    fields = {"routes": (), "group_wait": timedelta(0), **(route or {})}
    whole = replace(base, directory=directory, receivers=receivers)
    return replace(whole, route=replace(whole.route, **fields))  # type: ignore[arg-type]


def by_severity(receiver: str) -> tuple[Route, ...]:
    matchers = parse_matchers('severity="warning"')
    return (Route(receiver, "route.routes[0]", matchers, group_wait=timedelta(0)),)


def told_by(source: str, alert: Alert, name: str = "") -> Alert:
    return replace(alert, source=source, fingerprint=name or f"{source}-{alert.fingerprint}")


def heard(site: Site, *alerts: Alert, group: str = "{}") -> list[Heard]:
    """What one request leads to; the texts that it leads to leave before the next one comes."""
    words = [verdict.heard for verdict in site.bench.accept(*alerts, group=group)]
    site.send()
    return words


def open_incidents(site: Site) -> int:
    return site.bench.rows("select count(*) as n from incidents where closed_at is null")[0]["n"]


def worse(**labels: str) -> tuple[Alert, Alert]:
    """The same alert as a warning, and then critical."""
    mild = firing("DiskFull", host="db1", severity="warning", **labels)
    return mild, replace(mild, labels={**mild.labels, "severity": "critical"})


def resolved_of(alert: Alert) -> Alert:
    return replace(alert, status=Status.RESOLVED, ends_at=NOON + 30 * MINUTE)


def both(**more: str) -> tuple[Alert, Alert]:
    """The outage of one host as Nagios and as Alertmanager tell it."""
    nagios = told_by("nagios", firing("HostDown", host="db1", state="DOWN", **more))
    alertmanager = told_by("alertmanager", firing("InstanceDown", host="db1", job="node", **more))
    return nagios, alertmanager

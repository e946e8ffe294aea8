"""Scenes that look the same each time, for pictures; their texts really leave, for phones of a simulator.

A night with two critical problems, one of which somebody takes care of, a switch that takes its ports with it, and a warning that
waits for the morning. And the incident of `sms-notify demo`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from string import Template

from pages_serving import HASHED, Site, site
from test_sender import Post, post_to

from sms_notify.alert import Alert, Status, fingerprint_of
from sms_notify.config.load import load
from sms_notify.daemon.wiring import plan_of
from sms_notify.delivery import reports
from sms_notify.demo import STORY
from sms_notify.gateways.base import Report
from sms_notify.policy.outcomes import DeliveryStatus
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import AckBy, Cause
from sms_notify.secret import Secret
from sms_notify.simulator.server import Simulator
from sms_notify.simulator.settings import SimulatorSettings
from sms_notify.store import account_rows, oncall_rows
from sms_notify.store.oncall_rows import AskedOverride
from sms_notify.store.tx import Tx, stored
from sms_notify.web.roles import Role, User
from sms_notify.web.settings import WebSettings

CONFIG = Path(__file__).with_suffix(".yml")
WHO = "alice"
EVENING = datetime(2026, 11, 23, 21, 40, tzinfo=UTC)
PHONES = {"32470000001": "Alice", "31612345678": "Bob", "32470000003": "Carol"}
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@dataclass
class Scene:
    site: Site
    simulator: Simulator
    post: Post

    def happens(self, clock: str, *alerts: Alert, group: str = "{}") -> None:
        """Minute by minute until that time, UTC; then Alertmanager tells of `alerts`."""
        while f"{self.now():%H:%M}" != clock:
            self.passes((self.now() + MINUTE).replace(second=0))
        if alerts:
            self.site.bench.accept(*(replace(alert, starts_at=self.now()) for alert in alerts), group=group)
        self.texts_leave()

    def now(self) -> datetime:
        return self.site.bench.clock()

    def passes(self, until: datetime) -> None:
        self.site.bench.clock.now = until
        self.site.bench.tick()
        self.texts_leave()

    def texts_leave(self) -> None:
        """Each is on its phone seconds later."""
        if self.post.drain():
            self.site.bench.clock.move(seconds=4)
        for row in self.site.bench.rows("select smsid from messages where state = 'sent'"):
            report = Report(row["smsid"], DeliveryStatus.DELIVERED)
            self.site.bench.commit(lambda tx, report=report: self._delivered(tx, report))
        self.simulator.tick()

    def _delivered(self, tx: Tx, report: Report) -> None:
        reports.apply(tx, "main", report, Cause.CALLBACK, "node", self.site.bench.clock())


def critical(name: str, instance: str, summary: str) -> Alert:
    return _firing("critical", name, summary, instance=instance, cluster="ams1")


def warning(name: str, summary: str, **labels: str) -> Alert:
    return _firing("warning", name, summary, **labels)


def _firing(severity: str, name: str, summary: str, **labels: str) -> Alert:
    every = {"alertname": name, "severity": severity, **labels}
    return Alert("alertmanager", fingerprint_of(every), Status.FIRING, every, {"summary": summary}, EVENING)


@contextmanager
def staged_night(folder: Path) -> Iterator[Scene]:
    with _scene(folder, plan_of(load(CONFIG, {}))) as night:
        night.site.bench.commit(_a_month_before)
        night.site.bench.commit(_carol_has_the_weekend)
        _play(night)
        yield night


@contextmanager
def staged_demo(folder: Path) -> Iterator[Scene]:
    """The plan and the story of `sms-notify demo`, a step each 12 seconds."""
    template = Template(files("sms_notify").joinpath("demo.yml").read_text("utf-8"))
    path = folder / "demo.yml"
    found = {"folder": str(folder), "port": "9601", "gateway": "http://127.0.0.1:1601/module/"}
    path.write_text(template.safe_substitute(found), "utf-8")
    plan = plan_of(load(path, {"DEMO_PASSWORD": "demo"}))
    with _scene(folder, replace(plan, gateways=("main",))) as demo:
        for step in STORY:
            for told in step.posts:
                alerts = (_as_posted(*one, demo.now()) for one in told)
                demo.site.bench.accept(*alerts, group=str(told[0][1]))
            for _ in range(12):
                demo.passes(demo.now() + SECOND)
        yield demo


def _as_posted(status: str, labels: Mapping[str, str], summary: str, now: datetime) -> Alert:
    known = Alert(
        "alertmanager", fingerprint_of(labels), Status(status), labels, {"summary": summary}, EVENING
    )
    return replace(known, ends_at=now) if known.status is Status.RESOLVED else known


@contextmanager
def _scene(folder: Path, plan: Plan) -> Iterator[Scene]:
    users = WebSettings(port=0, users={WHO: User(Secret(HASHED), frozenset(Role))})
    schedules = tuple(plan.schedules.values())
    served = site(folder, plan=plan, schedules=schedules, settings=users, at=EVENING, gateways=plan.gateways)
    account = SimulatorSettings("demo", phones=PHONES, buffered_after=0, final_after=0)
    with served as pages, Simulator(account, now=pages.bench.clock) as simulator:
        yield Scene(pages, simulator, post_to(pages.bench, simulator.gateway_url))


def _a_month_before(tx: Tx) -> None:
    """What each day has cost."""
    for day in range(1, 30):
        at = stored(EVENING - day * DAY - timedelta(hours=9))
        parts = 6 + day * 7 % 19 + (38 if day in (8, 9) else 0)
        tx.run(
            "insert into attempts (message_id, n, gateway, node, reference, started_at, ended_at, fate, reason, number, parts)"
            f" values (0, 1, 'main', 'node', 'day{day}', :at, :at, 'sent', 'ok', '', :parts)",
            at=at,
            parts=parts,
        )


def _carol_has_the_weekend(tx: Tx) -> None:
    begins, ends = (datetime(2026, 11, day, 8, tzinfo=UTC) for day in (28, 30))
    made = AskedOverride("primary", "carol", begins, ends)
    assert oncall_rows.change_overrides(tx, (), (made,), WHO, EVENING)


def _balances_are_asked(tx: Tx, now: datetime) -> None:
    account_rows.set_balance(tx, "main", 4_208, now)
    account_rows.set_balance(tx, "backup", 500, now)


def _play(night: Scene) -> None:
    night.happens(
        "21:52", warning("CertificateExpires", "in 13 days", instance="shop.example.org"), group="cert"
    )
    down = "the port is down"
    ports = (warning("PortDown", down, team="network", instance=f"sw3:{n}") for n in range(1, 25))
    night.happens("00:38", *ports, group="ports")
    night.happens("00:56", critical("DiskFull", "db1", "/var/lib/postgresql is full in 20 min"), group="disk")
    night.happens("01:03")
    (disk,) = night.site.bench.rows("select id from incidents where labels like '%DiskFull%'")
    night.site.bench.acknowledge(disk["id"], by="bob", how=AckBy.LINK)
    night.happens("01:10")
    night.site.bench.commit(lambda tx: _balances_are_asked(tx, night.site.bench.clock()))
    night.happens("01:11", critical("HostDown", "web3", "web3 does not answer"), group="web")
    night.happens("01:13")

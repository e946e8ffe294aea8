"""A database of each earlier version, in which everything that can wait waits.

Today's engine makes the rows, and each earlier version's tables keep what they have columns for. So no file of an old
version lies here, and a column that a new version adds is filled by its migration, which is what is tested.
"""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from paper import Site
from workbench import NOON, a_plan, firing, resolved

from sms_notify.alert import Alert, Delivery
from sms_notify.delivery.reports import apply
from sms_notify.gateways.base import Report
from sms_notify.policy.directory import Target, TargetKind
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.outcomes import DeliveryStatus, Fate, Outcome, Reason
from sms_notify.policy.rate_limits import Flapping, Limits, parse_limit
from sms_notify.policy.retry_policy import Level, Urgency
from sms_notify.policy.rotations import Layer, Rotation, Schedule
from sms_notify.policy.routing import Receiver, Route, Step
from sms_notify.policy.ruleset import Plan, Timing
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.vocabulary import AckBy, Cause
from sms_notify.store import breakers, oncall_rows
from sms_notify.store.schema import MIGRATIONS

NEWEST = len(MIGRATIONS)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
UPGRADED_AT = NOON + HOUR
AFTERNOON = Window("afternoon", (TimeInterval(times=((12 * 60, 15 * 60),)),))
ALICE_ALONE, BOB_ALONE = (Target(TargetKind.PERSON, name) for name in ("alice", "bob"))
PRIMARY = Target(TargetKind.SCHEDULE, "primary")
STILL_FIRING = ("Told", "Sent", "Acked", "Flaps", "Lost", "Leased", "Queued", "Quiet", "Limit1", "Limit2")


def the_plan() -> Plan:
    plan = a_plan(Timing(stale_after=30 * MINUTE))
    receivers = {
        "oncall": Receiver("oncall", (PRIMARY,), escalate=(Step(20 * MINUTE, (BOB_ALONE,)),)),
        "quiet": Receiver("quiet", (BOB_ALONE,), quiet=Quiet((AFTERNOON,))),
        "dba": Receiver("dba", (BOB_ALONE,)),
    }
    routes = (
        Route("quiet", "route.routes[0]", parse_matchers('team="quiet"')),
        Route("dba", "route.routes[1]", parse_matchers('team="dba"')),
        Route("oncall", "route.routes[2]", parse_matchers('team="shared"'), dedup_labels=("host",)),
    )
    route = Route("oncall", routes=routes, group_wait=10 * MINUTE, repeat_interval=HOUR)
    turns = Rotation(("bob", "alice"), 1, NOON.date(), 0)
    limits = Limits(per_number=(parse_limit("2/30m"),), flapping=Flapping())
    schedules = {"primary": Schedule("primary", "UTC", (Layer(turns),))}
    return replace(plan, route=route, receivers=receivers, schedules=schedules, limits=limits)


def everything_waits(folder: Path) -> Path:
    """The database of today's version, at the moment at which it is stopped for the upgrade."""
    here = Site(folder, the_plan(), reports=MINUTE)
    bench, clock = here.bench, here.clock
    at = itertools.count()

    def begin(*alerts: Alert, source: str = "alertmanager", minutes: float = 1) -> None:
        delivery = Delivery(source, alerts, group=f"{{group={next(at)}}}")
        bench.commit(lambda tx: bench.engine.accept(tx, delivery, clock()))
        here.run(30, minutes=minutes)

    bench.commit(lambda tx: bench.engine.recover(tx, clock()))
    bench.commit(
        lambda tx: oncall_rows.add_override(tx, "primary", "alice", NOON, NOON + 9 * HOUR, "bob", clock())
    )
    begin(firing("Silent", team="dba"))
    begin(firing("Over", team="dba"), firing("Closed", team="dba"))
    begin(resolved("Over", team="dba"))
    bench.commit(lambda tx: bench.engine.close(tx, [3], "alice", AckBy.COMMAND, clock()))
    here.run(60, minutes=37)  # nothing is heard of the first
    begin(firing("Acked"))
    bench.acknowledge(number_of(here, "Acked"))
    begin(firing("Told"))
    deliver(here, "Told")
    begin(firing("Quiet", team="quiet", severity="warning"))
    begin(shared("nagios", "n1"), source="nagios")
    begin(shared("zabbix", "z1"), source="zabbix")
    for n in range(4):
        begin(firing(f"Limit{n}", team="dba", severity="warning"), minutes=0.5)
    for n in range(4):
        begin(firing("Flaps", team="dba", at=clock()), minutes=0.5)
        begin(resolved("Flaps", team="dba", end=clock()), minutes=0.5 if n < 3 else 0)
    begin(firing("Flaps", team="dba", at=clock()))
    begin(firing("Sent"))
    here.gateway.answers = [Outcome(Fate.UNKNOWN, Reason.TIMEOUT)]
    begin(firing("Lost", team="dba"), minutes=0)
    clock.now = UPGRADED_AT
    waits = replace(shared("json", "j1"), labels={"alertname": "Grouped", "severity": "critical"})
    bench.commit(lambda tx: bench.engine.accept(tx, Delivery("json", (waits,)), clock()))
    bench.accept(firing("Leased", team="dba"))
    assert here.sender.take(clock) is not None
    bench.accept(firing("Queued"))
    page = Urgency(Level.PAGE)
    bench.commit(lambda tx: breakers.report(tx, "main/x", page, "main", "it is down", "look", clock()))
    bench.store.close()
    return bench.store.path


def shared(source: str, fingerprint: str) -> Alert:
    alert = firing("Shared", team="shared", host="db1")
    return replace(alert, source=source, fingerprint=fingerprint)


def number_of(here: Site, name: str) -> int:
    (row,) = here.bench.rows(
        "select id from incidents where json_extract(labels, '$.alertname') = :name", name=name
    )
    return int(row["id"])


def deliver(here: Site, name: str) -> None:
    (row,) = here.bench.rows("select reference, smsid from messages where body like :name", name=f"%{name}%")
    report = Report(row["smsid"], DeliveryStatus.DELIVERED, None, row["reference"])
    here.bench.commit(lambda tx: apply(tx, "main", report, Cause.CALLBACK, "node", here.clock()))


def as_version(today: Path, version: int, to: Path) -> None:
    """The rows of `today` in the tables of that version, as far as it had them."""
    to.unlink(missing_ok=True)
    shutil.copy(today, to.with_name("today.db"))
    with closing(sqlite3.connect(to, isolation_level=None)) as connection:
        for migration in MIGRATIONS[:version]:
            connection.executescript(migration)
        connection.execute(f"pragma user_version = {version}")
        connection.execute("attach ? as today", (str(to.with_name("today.db")),))
        connection.execute("begin")
        for table in _tables(connection, "main"):
            _fill(connection, table)
        connection.execute("commit")


def _tables(connection: sqlite3.Connection, of: str) -> list[str]:
    found = connection.execute(f"select name from {of}.sqlite_master where type = 'table'")
    return [name for (name,) in found if not name.startswith("sqlite_")]


def _fill(connection: sqlite3.Connection, table: str) -> None:
    then, now = (
        [row[1] for row in connection.execute(f"pragma {schema}.table_info({table})")]
        for schema in ("main", "today")
    )
    columns = ", ".join(name for name in then if name in now)
    # Until the third version a notification was written down with its message, and there were no steps.
    only = " where message_id is not null and nth = 0" if table == "pages" and "nth" not in then else ""
    connection.execute(f"insert into main.{table} ({columns}) select {columns} from today.{table}{only}")


def go_on(folder: Path, at: datetime = UPGRADED_AT) -> Site:
    """The database `x.db` of the folder is started again by today's version, and what fires fires on for three hours."""
    here = Site(folder, the_plan(), first=1000, reports=MINUTE)
    here.clock.now = at
    here.bench.commit(lambda tx: here.bench.engine.recover(tx, here.clock()))
    here.run(30, minutes=5)
    for _ in range(8):
        here.bench.accept(*(firing(name, **labels_of(name)) for name in STILL_FIRING))
        here.run(60, minutes=10)
    here.bench.accept(
        *(resolved(name, end=here.clock(), **labels_of(name)) for name in (*STILL_FIRING, "Silent"))
    )
    here.run(60, minutes=90)
    return here


def labels_of(name: str) -> dict[str, str]:
    if name == "Quiet":
        return {"team": "quiet", "severity": "warning"}
    if name.startswith("Limit"):
        return {"team": "dba", "severity": "warning"}
    return {} if name in ("Acked", "Told", "Sent", "Queued") else {"team": "dba"}

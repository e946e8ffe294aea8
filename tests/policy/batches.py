"""Batches put together by hand: what is owed, what was held, and the texts that came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from made import a_notification, an_incident, rows_with
from workbench import ALICE, NOON, a_plan, firing

from sms_notify.policy.allowance import Allowance
from sms_notify.policy.allowed_moment import Rechecking
from sms_notify.policy.batching import Batching, Texted
from sms_notify.policy.holds import Hold
from sms_notify.policy.rate_limits import Lane, Limits, LimitScope, parse_limit
from sms_notify.policy.records import HeldLane, Incident, Notification, QueueView
from sms_notify.policy.rows import Rows
from sms_notify.policy.ruleset import Plan
from sms_notify.policy.vocabulary import Drop, Kind

CRITICAL, REST = Lane.CRITICAL, Lane.REST
PLAN = a_plan()
PAST = HeldLane(LimitScope.NUMBER, NOON - timedelta(minutes=9), NOON, announced=False)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


SOON = NOON + timedelta(seconds=1)


def limited(rest: str = "", critical: str = "", **more: object) -> Plan:
    listed = [tuple(map(parse_limit, text.split())) for text in (rest, critical)]
    return replace(PLAN, limits=Limits(*listed, **more))  # type: ignore[arg-type]


def with_oncall(plan: Plan = PLAN, **fields: object) -> Plan:
    oncall = replace(plan.receivers["oncall"], **fields)  # type: ignore[arg-type]
    return replace(plan, receivers={**plan.receivers, "oncall": oncall})


def trouble(id_: int, severity: str = "warning", *, over: bool = False) -> Incident:
    alert = firing("Trouble", severity=severity, instance=f"a-host-with-a-long-name-{id_:02}")
    return an_incident(id_, alert, closed_at=NOON if over else None)


def owed(incident_id: int, severity: str = "warning", *, over: bool = False, **more: object) -> Notification:
    """Not written down yet."""
    return a_notification(trouble(incident_id, severity, over=over), **{"id_": 0, **more})  # type: ignore[arg-type]


def was_held(
    incident_id: int, severity: str = "warning", *, over: bool = False, **more: object
) -> Notification:
    return owed(incident_id, severity, over=over, **{"id_": incident_id, "why": Hold.LIMIT, **more})


def incidents_of(listed: Iterable[Notification]) -> list[Incident]:
    known = {n.incident_id: n.subject for n in listed}
    return [trouble(id_, of.alert.severity, over=of.ended) for id_, of in known.items()]


def rows_for(*listed: Notification, lane: HeldLane | None = None, of: Lane = REST, **queue: object) -> Rows:
    """Those with an id were loaded; `lane` is how the lane of alice was left."""
    rows = rows_with(*incidents_of(listed), *(n for n in listed if n.id))
    rows.queue = QueueView(**queue)  # type: ignore[arg-type]
    if lane is not None:
        rows.lanes.load((ALICE.number, of), lane)
    return rows


def batching(plan: Plan, rows: Rows) -> Batching:
    return Batching(plan, Allowance(plan), Rechecking(plan), lambda: "c0de", rows)


Texts = list[tuple[Kind, Lane, list[int]]]


def texts(rows: Rows, told: Sequence[Texted]) -> Texts:
    by_message: dict[int, list[int]] = {}
    for n, message_id in told:
        by_message.setdefault(message_id, []).append(n.incident_id)
    every = [(rows.messages.rows[id_], ids) for id_, ids in by_message.items()]
    return [(message.kind, message.lane, ids) for message, ids in every]


def held(rows: Rows) -> dict[int, tuple[Hold | Drop, datetime]]:
    return {n.incident_id: (n.why, n.due_at) for n in rows.all_held()}


BEGUN, OVER, MERGED = Kind.FIRING, Kind.RESOLVED, Kind.DIGEST

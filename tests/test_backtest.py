"""The backtest: what a recording may be, that it decides as the daemon does, and what it adds up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workbench import ALICE, NOON, a_plan, firing, resolved

from sms_notify.alert import Delivery
from sms_notify.backtest.paper import PaperGateway
from sms_notify.backtest.recording import Acknowledged, Event, Recorded, Recording
from sms_notify.backtest.replay import NODE, Replay, Setup, _codes
from sms_notify.decide.holding import Quiet, Window
from sms_notify.decide.intervals import TimeInterval
from sms_notify.decide.limits import STANDARD, Credits, Flapping, Limits, parse_limit
from sms_notify.decide.matchers import parse_matchers
from sms_notify.decide.oncall import Layer, Rotation, Schedule
from sms_notify.decide.people import Directory, Target, TargetKind
from sms_notify.decide.routing import Receiver, Route, Step
from sms_notify.decide.states import AckBy, Cause
from sms_notify.engine import Engine
from sms_notify.errors import UsageError
from sms_notify.plan import Plan, Timing
from sms_notify.reports import apply
from sms_notify.sender import Luck, Sender
from sms_notify.settling import Account
from sms_notify.store import history, incidents
from sms_notify.store.scratch import ScratchStore
from sms_notify.store.sqlite import SqliteStore

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
AFTER = 6 * MINUTE
ACCOUNT = Account("main", gateways=("main",), first_poll=timedelta(seconds=10))

# Live and backtest decide alike


def live(plan: Plan, events: Sequence[Event]) -> list[tuple[datetime, str, str, int]]:
    """The daemon's way: a transaction a step, a tick every second, a sender after each."""
    store = ScratchStore()
    engine = Engine(plan, NODE, _codes())
    references = iter(f"{n:032x}" for n in range(1, 1_000_000))
    gateway = PaperGateway("main")
    clock = [NOON]

    def commit(job):
        with store.transaction() as tx:
            return job(tx)

    sender = Sender(commit, gateway, ACCOUNT, plan.timing, NODE, Luck(lambda: next(references), lambda: 0.5))

    def send() -> None:
        while (sent := sender.send_once(lambda: clock[0])) is not None:
            smsid = commit(lambda tx, id_=sent.message.id: history.smsid_of(tx, id_))
            if smsid:
                report = gateway.report(smsid)
                commit(lambda tx, report=report: apply(tx, "main", report, Cause.CALLBACK, NODE, clock[0]))

    def happen(event: Event) -> None:
        def job(tx):
            if isinstance(event, Recorded):
                engine.accept(tx, event.delivery, event.at)
                return
            wanted = event.labels.items()
            ids = [s.incident_id for s in incidents.open_now(tx) if wanted <= s.alert.labels.items()]
            engine.acknowledge(tx, ids, event.by, AckBy.SOURCE, event.at)

        commit(job)

    waiting = list(events)
    second = waiting[0].at.replace(microsecond=0)
    end = waiting[-1].at + AFTER
    while second <= end:
        clock[0] = second
        commit(lambda tx: engine.tick(tx, clock[0]))
        send()
        second += SECOND
        while waiting and waiting[0].at < second:
            event = waiting.pop(0)
            clock[0] = event.at
            happen(event)
            send()
    with store.reading() as tx:
        told = history.texts(tx)
    store.close()
    return told


def leapt(plan: Plan, events: Sequence[Event]) -> tuple[list[tuple[datetime, str, str, int]], Replay]:
    with Replay(Setup("test", plan, ACCOUNT)) as replay:
        for event in events:
            replay.feed(event)
        replay.finish(AFTER)
        return replay.messages(), replay


def window(name: str, start: int, end: int) -> Window:
    return Window(name, (TimeInterval(times=((start, end),)),))


def busy_plan(limits: Limits, *, schedules: bool, quiet: bool, wait: int) -> Plan:
    """Everything at once that falls due by time, short enough that it happens within the minutes of a test."""
    dinner = window("dinner", 12 * 60 + 3, 12 * 60 + 9)
    alice = replace(
        ALICE, quiet=Quiet((dinner,), (parse_matchers('severity="critical"'),)) if quiet else None
    )
    bob = Target(TargetKind.PERSON, "bob")
    plan = a_plan(Timing(stale_after=10 * MINUTE, expire=2 * MINUTE, expire_critical=4 * MINUTE))
    first = Target(TargetKind.SCHEDULE, "primary") if schedules else Target(TargetKind.PERSON, "alice")
    steps = (Step(MINUTE, (bob,)), Step(3 * MINUTE, (Target(TargetKind.PERSON, "alice"), bob)))
    receivers = {
        "oncall": Receiver("oncall", (first,), escalate=steps),
        "dba": Receiver("dba", (bob,), limits=(parse_limit("1/2m"),)),
        "nobody": Receiver("nobody"),
    }
    common = {"group_wait": timedelta(seconds=wait), "group_interval": MINUTE, "repeat_interval": 7 * MINUTE}
    children = (
        Route("nobody", "route.routes[0]", parse_matchers('severity="info"'), **common),
        Route(
            "dba",
            "route.routes[1]",
            parse_matchers('team="dba"'),
            group_by=("alertname",),
            continue_=True,
            **common,
        ),
        Route(
            "oncall",
            "route.routes[2]",
            parse_matchers('team="dba"'),
            mute=(window("works", 721, 724),),
            **common,
        ),
    )
    rotation = Rotation(("alice", "bob"), 1, date(2026, 11, 1), 12 * 60 + 5)
    primary = Schedule("primary", "UTC", (Layer(rotation),), handoff_text=True)
    return replace(
        plan,
        route=Route("oncall", routes=children, **common),
        receivers=receivers,
        directory=Directory({"alice": alice, "bob": plan.directory.people["bob"]}),
        limits=limits,
        schedules={"primary": primary} if schedules else {},
        ack_url="https://sms.example.org/a/",
    )


TIGHT = Limits(
    per_number=(parse_limit("1/1m"), parse_limit("3/4m")),
    per_number_critical=(parse_limit("2/1m"), parse_limit("5/6m")),
    overall=(parse_limit("4/3m"),),
    credits=Credits(per_hour=12, per_day=20, reserve=3, low_water=0),
    flapping=Flapping(3, 5 * MINUTE, 2 * MINUTE, MINUTE),
)


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """What comes within some ten minutes, with fractions of a second, with and without a group of the source's own."""
    at, events = NOON, []
    for _ in range(draw(st.integers(1, 10))):
        at += timedelta(milliseconds=draw(st.integers(0, 60_000)))
        if draw(st.integers(0, 9)) == 0:
            events.append(Acknowledged(at, {"alertname": draw(st.sampled_from("AB"))}, "carol"))
            continue
        alerts = [draw(one_alert(at)) for _ in range(draw(st.integers(1, 3)))]
        group = draw(st.sampled_from(["", "{}"]))
        events.append(Recorded(at, Delivery("alertmanager", tuple(alerts), group)))
    return events


@st.composite
def one_alert(draw: st.DrawFn, at: datetime):
    name = draw(st.sampled_from("ABC"))
    labels = {
        "severity": draw(st.sampled_from(["critical", "critical", "warning", "info"])),
        **draw(st.sampled_from([{}, {"team": "dba"}, {"instance": "web1"}])),
    }
    if draw(st.integers(0, 2)) == 0:
        return resolved(name, at=at - MINUTE, end=at, **labels)
    severity = labels.pop("severity")
    return firing(name, at=at - SECOND, severity=severity, **labels)


@settings(max_examples=40, deadline=None)
@given(
    events=streams(),
    limits=st.sampled_from([STANDARD, TIGHT, Limits()]),
    schedules=st.booleans(),
    quiet=st.booleans(),
    wait=st.sampled_from([0, 30]),
)
def test_the_leaping_clock_tells_what_the_ticking_one_tells_at_the_same_moments(
    events: list[Event], limits: Limits, schedules: bool, quiet: bool, wait: int
) -> None:
    plan = busy_plan(limits, schedules=schedules, quiet=quiet, wait=wait)

    assert leapt(plan, events)[0] == live(plan, events)

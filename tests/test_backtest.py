"""The backtest: what a recording may be, that it decides as the daemon does, and what it adds up."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from daemons import write_config
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import a_store
from workbench import ALICE, NOON, a_plan, firing, resolved

from sms_notify.alert import Delivery, Severity
from sms_notify.backtest.baseline import OneText
from sms_notify.backtest.plot import draw
from sms_notify.backtest.recording import (
    BadLineError,
    Event,
    Recorded,
    RecordedAcknowledgement,
    Recording,
    event_of,
    of_store,
)
from sms_notify.backtest.replay import NODE, Replay, Setup
from sms_notify.backtest.statistics import ReplayedText, Tally, Thing, as_document
from sms_notify.backtest.table import report
from sms_notify.cli import group
from sms_notify.daemon.wiring import ack_code
from sms_notify.delivery.reports import apply
from sms_notify.delivery.sender import Luck, Sender
from sms_notify.engine import Engine
from sms_notify.errors import UsageError
from sms_notify.gateways.sms1601.settings import TEXT_LIMITS
from sms_notify.policy.account import Account
from sms_notify.policy.directory import Directory, Target, TargetKind
from sms_notify.policy.holds import Quiet, Window
from sms_notify.policy.matchers import parse_matchers
from sms_notify.policy.rate_limits import STANDARD, Credits, Flapping, Limits, parse_limit
from sms_notify.policy.rotations import Layer, Rotation, Schedule
from sms_notify.policy.routing import Receiver, Route, Step
from sms_notify.policy.ruleset import Plan, Timing
from sms_notify.policy.time_intervals import TimeInterval
from sms_notify.policy.vocabulary import AckBy, Cause, Kind
from sms_notify.store import history, incidents
from sms_notify.store.in_memory import ScratchStore
from sms_notify.store.next_due import next_due
from sms_notify.store.tx import stored
from sms_notify.virtual.ack_codes import ack_codes
from sms_notify.virtual.leaps import waits_of
from sms_notify.virtual.paper_gateway import PaperGateway

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
AFTER = 6 * MINUTE
ACCOUNT = Account("main", gateways=("main",), first_poll=timedelta(seconds=10), limits=TEXT_LIMITS)

# Live and backtest decide alike


def live(plan: Plan, events: Sequence[Event]) -> list[tuple[datetime, str, str, int]]:
    """The daemon's way: a transaction a step, a tick every second, a sender after each."""
    store = ScratchStore()
    engine = Engine(plan, NODE, ack_codes())
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
            ids = [one.id for one in incidents.still_open(tx) if wanted <= one.labels.items()]
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


def leapt(
    plan: Plan, events: Sequence[Event], zone: tzinfo = UTC
) -> tuple[list[tuple[datetime, str, str, int]], Replay]:
    with Replay(Setup("test", plan, ACCOUNT), zone) as replay:
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
    plan = a_plan(Timing(stale_after=4 * MINUTE, expire=2 * MINUTE, expire_critical=4 * MINUTE))
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
            events.append(RecordedAcknowledgement(at, {"alertname": draw(st.sampled_from("AB"))}, "carol"))
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


@settings(max_examples=15, deadline=None)
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


# What a recording may be


def line(**raw: object) -> bytes:
    return json.dumps(raw).encode() + b"\n"


def webhook(
    *names: str, status: str = "firing", start: str = "2026-11-22T12:00:00Z", **more: object
) -> bytes:
    alerts = [
        {
            "status": status,
            "labels": {"alertname": name, "severity": "critical"},
            "startsAt": start,
            "endsAt": "2026-11-22T12:30:00Z" if status == "resolved" else "0001-01-01T00:00:00Z",
        }
        for name in names
    ]
    return line(status=status, groupKey="{}", alerts=alerts, **more)


def events_of(*lines: bytes, skip_bad: bool = False) -> list[Event]:
    return list(Recording("alerts.jsonl", BytesIO(b"".join(lines)), skip_bad=skip_bad))


def test_a_webhook_body_happens_when_at_says_so() -> None:
    [event] = events_of(webhook("A", "B", at="2026-11-22T13:00:00.5+01:00"))

    assert isinstance(event, Recorded)
    assert event.at == datetime(2026, 11, 22, 12, 0, 0, 500_000, UTC)
    assert [alert.labels["alertname"] for alert in event.delivery.alerts] == ["A", "B"]
    assert event.delivery.group == "{}"


def test_a_webhook_body_without_at_happens_when_the_newest_of_it_did() -> None:
    fires, ends = events_of(webhook("A"), webhook("A", status="resolved"))

    assert (fires.at, ends.at) == (NOON, NOON + 30 * MINUTE)


def test_a_webhook_body_without_at_never_happens_before_the_line_above_it() -> None:
    _, repeat = events_of(webhook("A", at="2026-11-22T16:00:00Z"), webhook("A"))

    assert repeat.at == NOON + 4 * HOUR


def test_a_future_end_of_what_still_fires_is_no_time_at_which_anything_was_told() -> None:
    alert = {
        "labels": {"alertname": "A"},
        "startsAt": "2026-11-22T12:00:00Z",
        "endsAt": "2026-11-22T12:04:00Z",
    }

    [event] = events_of(line(**alert))

    assert event.at == NOON


def test_a_lone_alert_is_told_by_its_source_without_a_group() -> None:
    raw = {"labels": {"alertname": "A"}, "status": "firing", "at": "2026-11-22T12:00:00Z", "source": "zabbix"}

    [event] = events_of(line(**raw))

    assert isinstance(event, Recorded)
    assert event.delivery.source == "zabbix"
    assert event.delivery.group == ""
    assert [alert.source for alert in event.delivery.alerts] == ["zabbix"]


def test_somebody_may_acknowledge() -> None:
    [event] = events_of(line(at="2026-11-22T12:05:00Z", ack={"labels": {"alertname": "A"}, "by": "bob"}))

    assert event == RecordedAcknowledgement(NOON + 5 * MINUTE, {"alertname": "A"}, "bob")


def test_empty_lines_and_a_last_line_without_an_end_are_nothing_bad() -> None:
    assert len(events_of(b"\n", webhook("A"), b"   \n", webhook("B").strip())) == 2


BAD = [
    (b"{not json\n", "is not JSON", "jq -c"),
    (b"[1]\n", "is a list", "jq -c '.[]'"),
    (b"7\n", "is not a JSON object", "one alert or one webhook body"),
    (line(hello=1), "neither", "webhook body"),
    (line(alerts={}), 'no list "alerts"', "what Alertmanager posted"),
    (line(alerts=[], at="yesterday"), "'yesterday'", "with its zone"),
    (line(alerts=[]), "has no time", '"at"'),
    (line(labels={"a": "b"}, at="2026-11-22T12:00:00Z", source=""), '"source"', "grafana"),
    (line(ack={"labels": {"a": "b"}}), "not an acknowledgement", "TIME"),
    (line(ack={"labels": {}}, at="2026-11-22T12:00:00Z"), "not an acknowledgement", "TIME"),
    (b"[" * 100_000 + b"\n", "is not JSON", "jq -c"),
    (line(alerts=[], at="9999-12-31T23:59:59Z"), "of the year 9999", "what wrote the recording"),
]


@pytest.mark.parametrize(("bad", "what", "advice"), BAD, ids=[what for _, what, _ in BAD])
def test_a_bad_line_is_named_with_file_line_and_advice(bad: bytes, what: str, advice: str) -> None:
    with pytest.raises(UsageError) as told:
        events_of(b"\n", bad)

    assert str(told.value).startswith("alerts.jsonl:2: ")
    assert what in str(told.value)
    assert advice in str(told.value)
    assert "--skip-bad" in str(told.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("2026-11-22T12:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["at", "alerts", "labels", "ack", "source", "status", "startsAt", "endsAt", "groupKey", "by"]
)


@settings(max_examples=60, deadline=None)
@given(raw=st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON) | st.lists(st.dictionaries(KEYS, JSON))))
def test_whatever_stands_in_a_line_is_an_event_or_a_bad_line(raw: dict[str, object]) -> None:
    with contextlib.suppress(BadLineError):
        assert event_of(json.dumps(raw).encode(), NOON).at >= NOON


def test_bad_lines_are_passed_over_and_counted_where_that_is_wanted() -> None:
    recording = Recording("x", BytesIO(b"nonsense\n" + webhook("A") + b"{}\n"), skip_bad=True)

    assert len(list(recording)) == 1
    assert recording.skipped == 2


def test_a_line_of_any_length_is_one_bad_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sms_notify.backtest.recording.LONGEST_LINE", 500)
    recording = Recording("x", BytesIO(b"x" * 5_000 + b"\n" + webhook("A")), skip_bad=True)

    assert len(list(recording)) == 1
    assert recording.skipped == 1


def test_lines_that_overtook_each_other_by_little_are_taken_in_the_order_of_the_file() -> None:
    first, second = events_of(
        webhook("A", at="2026-11-22T12:00:10Z"), webhook("B", at="2026-11-22T12:00:09Z")
    )

    assert first.at == second.at == NOON + 10 * SECOND


def test_lines_out_of_order_are_an_error_that_says_how_to_sort_them() -> None:
    with pytest.raises(UsageError, match="sort_by"):
        events_of(webhook("A", at="2026-11-22T12:10:00Z"), webhook("B", at="2026-11-22T12:00:00Z"))


# What is added up


def recorded(at: datetime, *alerts: object, group: str = "{}") -> Recorded:
    return Recorded(at, Delivery("alertmanager", tuple(alerts), group))  # type: ignore[arg-type]


def test_texts_parts_and_credits_are_told_by_day_person_rule_and_kind() -> None:
    night = NOON.replace(hour=23, minute=30)
    zone = timezone(timedelta(hours=1))  # where it is the next day already

    _, replay = leapt(
        a_plan(),
        [
            recorded(NOON, firing("A")),
            recorded(NOON + MINUTE, resolved("A")),
            recorded(night, firing("B", team="dba"), firing("C", team="dba")),
        ],
        zone,
    )
    told = as_document(replay.tally)

    assert told["texts"] == told["credits"] == 5
    assert told["by_day"] == {
        "2026-11-22": {"texts": 4, "parts": 4, "credits": 4},
        "2026-11-23": {"texts": 1, "parts": 1, "credits": 1},
    }
    assert {name: amount["texts"] for name, amount in told["by_person"].items()} == {"alice": 2, "bob": 3}
    assert {name: amount["texts"] for name, amount in told["by_rule"].items()} == {
        "dba (route.routes[1])": 1,
        "oncall (route)": 4,
    }
    assert {name: amount["texts"] for name, amount in told["by_kind"].items()} == {"firing": 3, "resolved": 2}
    assert told["merged"] == {"texts": 1, "told_in_them": 2}
    assert told["heard"] == {"first": 3, "resolved": 1}


def test_a_group_of_the_gateway_costs_as_much_as_the_team_of_its_name_has_members() -> None:
    plan = a_plan()
    group = Receiver("oncall", (Target(TargetKind.GROUP, "both"),))
    directory = replace(plan.directory, teams={"both": ("alice", "bob")})

    _, replay = leapt(
        replace(plan, receivers={**plan.receivers, "oncall": group}, directory=directory),
        [recorded(NOON, firing("A"))],
    )

    assert (replay.tally.total.texts, replay.tally.total.credits) == (1, 2)


def test_critical_trouble_waits_from_its_arrival_to_its_first_text() -> None:
    limits = Limits(per_number_critical=(parse_limit("1/5m"),))

    _, replay = leapt(
        replace(a_plan(), limits=limits),
        [
            recorded(NOON, firing("A")),
            recorded(NOON + MINUTE, firing("B")),
            recorded(NOON + MINUTE, firing("A")),
        ],
    )
    tally = replay.tally

    assert tally.waits == [timedelta(), 4 * MINUTE]
    assert tally.longest is not None
    assert (tally.longest.wait, tally.longest.labels["alertname"]) == (4 * MINUTE, "B")
    assert tally.longest_by_day == {"2026-11-22": 4 * MINUTE}
    assert (tally.wait_of(0.5), tally.wait_of(0.95)) == (timedelta(), 4 * MINUTE)
    assert tally.held() == {"limit": 2}


def test_what_nobody_was_told_is_missed_with_the_reason() -> None:
    schedule = Schedule("empty", "UTC")
    nobody = Receiver("oncall", (Target(TargetKind.SCHEDULE, "empty"),))
    plan = a_plan()
    muted = Route("dba", "route.routes[0]", parse_matchers('team="dba"'), mute=(window("works", 0, 1440),))
    plan = replace(
        plan,
        route=replace(plan.route, routes=(muted, *plan.route.routes)),
        receivers={**plan.receivers, "oncall": nobody},
        schedules={"empty": schedule},
    )

    _, replay = leapt(
        plan,
        [
            recorded(NOON, firing("Gap")),
            recorded(NOON, firing("Muted", team="dba", severity="warning")),
            recorded(NOON, firing("Over", team="dba", severity="warning")),
            recorded(NOON, firing("ForNobody", severity="info")),
            recorded(NOON + MINUTE, resolved("Over", team="dba", severity="warning")),
        ],
    )
    tally = replay.tally

    assert tally.total.texts == 0
    assert (tally.untold_at_all, tally.untold_open, tally.untold_over, tally.untold_critical) == (3, 2, 1, 1)
    assert [(one.labels["alertname"], one.why, one.held_by) for one in tally.left.listed] == [
        ("Gap", "", ""),
        ("Muted", "muted", "works"),
        ("Over", "resolved_meanwhile", "works"),
    ]
    assert "CRITICAL Gap (open; nobody on call)" in report(["x"], [tally])
    assert "Muted team=dba (open; held: muted by works)" in report(["x"], [tally])


def test_an_acknowledgement_ends_the_escalation() -> None:
    plan = a_plan(escalate=(Step(5 * MINUTE, (Target(TargetKind.PERSON, "bob"),)),))
    fires = recorded(NOON, firing("A"))
    taken = RecordedAcknowledgement(NOON + MINUTE, {"alertname": "A"}, "alice")
    of_others = RecordedAcknowledgement(NOON + MINUTE, {"alertname": "B"}, "alice")

    assert "escalation" in leapt(plan, [fires, of_others])[1].tally.kinds
    assert "escalation" not in leapt(plan, [fires, taken])[1].tally.kinds


def test_a_text_that_acknowledges_has_the_length_that_the_daemons_have() -> None:
    assert len(ack_codes()()) == len(ack_code())


def test_one_text_a_notification_forgets_and_merges_nothing() -> None:
    side = OneText(Setup("x", a_plan(), ACCOUNT))
    for event in [
        recorded(NOON, firing("A"), firing("B")),
        recorded(NOON, firing("A"), firing("B")),
        recorded(NOON, firing("Quiet", severity="info")),
        recorded(NOON + MINUTE, resolved("A")),
        recorded(NOON + MINUTE, firing("C", team="quiet")),
        recorded(NOON + 2 * MINUTE, resolved("C", team="quiet")),
    ]:
        side.feed(event)
    side.finish()

    assert {name: amount.texts for name, amount in side.tally.people.items()} == {"alice": 4, "bob": 4}
    assert {name: amount.texts for name, amount in side.tally.kinds.items()} == {"firing": 6, "resolved": 2}
    assert side.tally.waits == [timedelta()] * 3


# What a database remembers


def test_the_daemons_own_history_is_a_recording(tmp_path: Path) -> None:
    store = a_store(tmp_path / "live.db")
    plan = a_plan()
    engine = Engine(plan, "daemon")
    heard = [
        recorded(NOON, firing("A"), firing("B"), group="{g}"),
        recorded(NOON + MINUTE, firing("A")),
        recorded(NOON + 3 * MINUTE, resolved("A")),
    ]
    for event in heard:
        with store.transaction() as tx:
            engine.accept(tx, event.delivery, event.at)
    with store.transaction() as tx:
        engine.acknowledge(tx, [2], "bob", AckBy.COMMAND, NOON + 2 * MINUTE)

    events = list(of_store(store))

    assert [event.at for event in events] == [NOON, NOON + MINUTE, NOON + 2 * MINUTE, NOON + 3 * MINUTE]
    assert isinstance(events[0], Recorded)
    assert (events[0].delivery.group, len(events[0].delivery.alerts)) == ("{g}", 2)
    assert isinstance(events[1], Recorded)
    assert events[1].delivery.alerts == heard[1].delivery.alerts  # a repeat is told in full again
    assert events[2] == RecordedAcknowledgement(NOON + 2 * MINUTE, heard[0].delivery.alerts[1].labels, "bob")


# The clock


@pytest.mark.parametrize(
    ("sql", "wait"),
    [
        ("update pages set state = 'held', due_at = :at", timedelta()),
        ("insert into agenda values (9, 'oncall', 'remind', 1, :at, 0)", timedelta()),
        ("insert into agenda values (9, 'oncall', 'escalate', 1, :at, 0)", timedelta()),
        ("insert into holds values ('+3', 'rest', 'per_number', 0, :at, 0)", timedelta()),
        ("insert into groups values ('g', :at)", timedelta(days=1, microseconds=1)),
        ("update incidents set last_seen_at = :at", timedelta(hours=24, microseconds=1)),
        ("update messages set state = 'queued', not_before = :at, expires_at = :at + 1", timedelta()),
        ("update messages set state = 'queued', not_before = :at + 1, expires_at = :at", timedelta()),
        ("update messages set state = 'submitting', lease_until = :at", timedelta()),
        ("update messages set state = 'unknown', updated_at = :at", timedelta(seconds=60)),
        ("update messages set state = 'sent', sent_at = :at", timedelta(minutes=30)),
        ("update messages set state = 'buffered', sent_at = :at", timedelta(minutes=30)),
    ],
)
def test_whatever_waits_for_time_to_pass_is_due_when_a_tick_would_find_it(sql: str, wait: timedelta) -> None:
    store, plan = ScratchStore(), a_plan()
    later = NOON - timedelta(days=100)  # earlier than all else that waits
    with store.transaction() as tx:
        Engine(plan, NODE).accept(tx, Delivery("alertmanager", (firing("A"),), "{}"), NOON)
        tx.run("update messages set state = 'delivered'")
        tx.run(sql, at=stored(later))

        assert next_due(tx, waits_of(plan)) == later + wait


def test_nothing_is_due_where_nothing_waits() -> None:
    with ScratchStore().transaction() as tx:
        assert next_due(tx, waits_of(a_plan())) is None


def test_a_held_lane_is_not_looked_at_while_a_page_of_it_waits_longer() -> None:
    store, plan = ScratchStore(), a_plan()
    with store.transaction() as tx:
        Engine(plan, NODE).accept(tx, Delivery("alertmanager", (firing("A"),), "{}"), NOON)
        tx.run("update messages set state = 'delivered'")
        tx.run("update pages set state = 'held', due_at = :at", at=stored(NOON + HOUR))
        tx.run("insert into holds select number, lane, 'x', 0, :at, 0 from pages", at=stored(NOON))

        assert next_due(tx, waits_of(plan)) == NOON + HOUR


def test_a_quiet_week_costs_a_handful_of_ticks() -> None:
    plan = replace(a_plan(), limits=STANDARD)

    _, replay = leapt(
        plan, [recorded(NOON, firing("A")), recorded(NOON + timedelta(days=7), resolved("A", end=NOON))]
    )

    assert replay.tally.ticks < 20


# The command


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(group, ["backtest", *arguments], input=stdin, catch_exceptions=True)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path, "https://gateway.example.org/")


@pytest.fixture
def calmer(tmp_path: Path) -> Path:
    folder = tmp_path / "calmer"
    folder.mkdir()
    made = write_config(folder, "https://gateway.example.org/", limits="{per_number_critical: [1/10m]}")
    return made.rename(folder / "calmer.yml")


ALERTS = (
    webhook("A", at="2026-11-22T12:00:00Z"),
    webhook("B", at="2026-11-22T12:01:00Z"),
    webhook("A", "B", status="resolved", at="2026-11-22T12:30:00Z"),
)


@pytest.fixture
def alerts(tmp_path: Path) -> Path:
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b"".join(ALERTS))
    return path


def test_two_configurations_stand_side_by_side(config: Path, calmer: Path, alerts: Path) -> None:
    told = run("--config", str(config), "--against", str(calmer), str(alerts))

    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0].split() == ["sms-notify.yml", "calmer.yml"]
    assert next(line for line in lines if line.startswith("in all")).split()[2:] == [*"666", *"666", "0"]
    [longest] = [line.split() for line in lines if "longest wait" in line]
    assert longest[2:] == ["0s", "9m", "+9m"]


def test_standard_input_is_a_recording_too_and_json_has_every_number(config: Path) -> None:
    told = run("--config", str(config), "--json", "-", stdin=b"".join(ALERTS))

    document = json.loads(told.stdout)
    [result] = document["results"]
    assert document["skipped_lines"] == 0
    assert (result["configuration"], result["texts"], result["alerts"]) == ("sms-notify.yml", 6, 4)
    assert result["by_person"]["alice"] == {"texts": 3, "parts": 3, "credits": 3}


def test_the_same_recording_gives_the_same_numbers(config: Path, alerts: Path) -> None:
    assert run("--config", str(config), "--json", str(alerts)).stdout == (
        run("--config", str(config), "--json", str(alerts)).stdout
    )


def test_one_text_a_notification_is_a_comparison_of_its_own(config: Path, alerts: Path) -> None:
    told = run("--config", str(config), "--against", "one-text-a-notification", "--json", str(alerts))

    assert [side["configuration"] for side in json.loads(told.stdout)["results"]] == [
        "sms-notify.yml",
        "one-text-a-notification",
    ]


def test_bad_lines_are_told_at_the_end(config: Path) -> None:
    told = run("--config", str(config), "--skip-bad", "-", stdin=b"nonsense\n" + b"".join(ALERTS))

    assert told.exit_code == 0, told.output
    assert "1 line could not be read" in told.stdout


def test_an_empty_recording_costs_nothing(config: Path) -> None:
    assert (
        json.loads(run("--config", str(config), "--json", "-", stdin=b"").stdout)["results"][0]["texts"] == 0
    )


def test_a_recording_that_is_not_there_is_an_error_that_says_what_may_stand_there(config: Path) -> None:
    told = run("--config", str(config), "nowhere.jsonl")

    assert told.exit_code != 0
    assert isinstance(told.exception, UsageError)
    assert "nowhere.jsonl: No such file" in str(told.exception)
    assert "store" in str(told.exception)


def test_the_database_of_the_configuration_is_a_recording(config: Path, tmp_path: Path) -> None:
    store = a_store(tmp_path / "data/sms.db")
    with store.transaction() as tx:
        Engine(a_plan(), "daemon").accept(tx, Delivery("alertmanager", (firing("A"),), "{}"), NOON)
    store.close()

    told = run("--config", str(config), "--json", "store")

    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["results"][0]["texts"] == 2


def test_nothing_is_written_but_the_plot(config: Path, alerts: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))

    run("--config", str(config), str(alerts))

    assert sorted(tmp_path.rglob("*")) == before


# The picture


def a_tally(texts: int) -> Tally:
    tally = Tally(UTC)
    for n in range(texts):
        opened = NOON + n * HOUR
        thing = Thing(n, Kind.FIRING, "oncall (route)", Severity.CRITICAL, {"alertname": "A"}, opened)
        tally.text(ReplayedText(opened + n * MINUTE, "alice", Kind.FIRING, 1, 1, (thing,)))
    return tally


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_numbers_make_the_same_picture(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    plots = [tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"]
    for plot in plots:
        draw(plot, ["x", "y"], [a_tally(30), a_tally(20)])

    assert plots[0].read_bytes() == plots[1].read_bytes()


def test_the_picture_says_what_each_costs_and_how_long_critical_trouble_waits(
    config: Path, calmer: Path, alerts: Path, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    plot = tmp_path / "plot.svg"

    told = run("--config", str(config), "--against", str(calmer), str(alerts), "--plot", str(plot))

    assert told.exit_code == 0, told.output
    text = plot.read_text("utf-8")
    assert "sms-notify.yml: 6 credits, 6 texts, longest critical wait 0s" in text
    assert "calmer.yml: 6 credits, 6 texts, longest critical wait 9m" in text
    assert "alice" in text
    assert "<dc:date>" not in text


@pytest.mark.parametrize(
    ("days", "bars"), [(1, "by day"), (45, "by day"), (46, "by week"), (400, "by month")]
)
def test_a_long_time_is_drawn_in_longer_spans(tmp_path: Path, days: int, bars: str) -> None:
    pytest.importorskip("matplotlib")
    tally = Tally(UTC)
    for at in (NOON, NOON + timedelta(days=days - 1)):
        tally.text(ReplayedText(at, "alice", Kind.FIRING, 1, 1))

    draw(tmp_path / "plot.svg", ["x"], [tally])

    assert f"Credits {bars}" in (tmp_path / "plot.svg").read_text("utf-8")


def test_a_picture_of_nothing_is_drawn_all_the_same(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(tmp_path / "plot.png", ["x", "y"], [Tally(UTC), Tally(UTC)])

    assert (tmp_path / "plot.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("name", "said"), [("plot.pdf", ".svg or .png"), ("nowhere/plot.svg", "make it first")]
)
def test_a_plot_that_cannot_be_written_is_refused_before_anything_is_replayed(
    config: Path, tmp_path: Path, name: str, said: str
) -> None:
    told = run("--config", str(config), "--plot", str(tmp_path / name), "nowhere.jsonl")

    assert isinstance(told.exception, UsageError)
    assert said in str(told.exception)


def test_without_matplotlib_the_error_says_what_to_install(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    told = run("--config", str(config), "--plot", str(tmp_path / "plot.svg"), "nowhere.jsonl")

    assert isinstance(told.exception, UsageError)
    assert "pip install 'sms-notify[plot]'" in str(told.exception)
